"""Invariants over many events, as queries: periods, postings, keys, projections, closed months."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, NamedTuple

import psycopg
from psycopg import Connection, Cursor, sql
from psycopg.rows import tuple_row

from events.catalogue import TOPICS
from events.codec import decode_state
from events.course import StatementsSealed
from events.errors import EventError
from events.finance import FactRetracted
from ledger.errors import LedgerError
from projections import Names, Projector
from projections.balances import BALANCES
from projections.definition import EVERYTHING
from projections.rebuild import Progress, Stops, Table, differences
from projections.views import PARTNER_BALANCES
from replay.as_of import AsOf, Replay, Row, rows_of
from replay.findings import Discrepancy
from replay.meaning import Totals
from replay.statements import seal

DAMAGE = (
    psycopg.DataError,
    psycopg.IntegrityError,
    psycopg.NotSupportedError,
    LedgerError,
    ArithmeticError,
    ValueError,
)
"""What is raised over events that no ledger could have recorded: an amount that is no number."""

_UNIQUE = """
SELECT
    ARRAY(
        SELECT attname::text
        FROM generate_series(1, indnkeyatts) AS key (number)
        INNER JOIN pg_catalog.pg_attribute
            ON attrelid = indrelid
            AND attnum = indkey[number - 1]
        ORDER BY number
    ),
    pg_get_expr(indpred, indrelid)
FROM pg_catalog.pg_index
WHERE indrelid = %(table)s::regclass
    AND indisunique
    AND indisvalid
"""

Key = tuple[tuple[str, ...], str | None]
"""The columns of a unique index, and of which rows it is; None: of all."""

MESSAGE_KEY: Key = ("source", "event_id"), "(event_id IS NOT NULL)"
"""What makes each message count once (D18.7)."""

_DUPLICATES = """
SELECT position, partner_id, source, event_id, first
FROM (
    SELECT
        position, partner_id, source, event_id,
        MIN(position) OVER (PARTITION BY source, event_id) AS first
    FROM {events}
    WHERE event_id IS NOT NULL
        AND position <= %(through)s
) AS keyed
WHERE position <> first
ORDER BY position
"""

_CHAINS = """
SELECT originator_id, COUNT(*), MIN(originator_version), MAX(originator_version)
FROM {events}
GROUP BY originator_id
HAVING COUNT(*) <> MAX(originator_version) OR MIN(originator_version) <> 1
ORDER BY originator_id
"""

_RETRACTED = """
SELECT asked.position, named.source, named.id
FROM {events} AS asked
CROSS JOIN LATERAL jsonb_to_record(convert_from(asked.state, 'UTF8')::jsonb)
    AS named (source text, id text)
WHERE asked.originator_id = 'ledger'
    AND asked.topic = ANY(%(topics)s)
    AND asked.position <= %(through)s
    AND NOT EXISTS (
        SELECT FROM {events} AS fact
        WHERE fact.event_id IS NOT NULL
            AND fact.source = named.source
            AND fact.event_id = named.id
            AND fact.position < asked.position
    )
ORDER BY 1
"""


def chains(connection: Connection[Any], events: sql.Identifier) -> Iterator[Discrepancy]:
    """Yield the streams whose versions are not 1, 2, 3 … : one was taken out, or counts twice.

    Leaves bind versions, so whoever holds a stream's events can tell that none between is missing.
    Events that are appended meanwhile follow on theirs: of all that there are, an index tells.
    """
    with connection.transaction(), _cursor(connection) as cursor:
        # What streams come to fits in memory: nothing is sorted.
        cursor.execute("SET LOCAL work_mem = '64MB'")
        cursor.execute(sql.SQL(_CHAINS).format(events=events))
        found = cursor.fetchall()
    for stream, count, first, last in found:
        what = f"stream {stream} has {count} events, of the versions {first} to {last}"
        yield Discrepancy("versions", what)


def retractions(
    connection: Connection[Any], events: sql.Identifier, through: int
) -> Iterator[Discrepancy]:
    """D18.5: yield the retractions that name a fact which is not before them (D9.5)."""
    topics = [topic for topic, cls in TOPICS.items() if cls.type == FactRetracted.type]
    with connection.transaction(), _cursor(connection) as cursor:
        cursor.execute(
            sql.SQL(_RETRACTED).format(events=events), {"topics": topics, "through": through}
        )
        found = cursor.fetchall()
    for position, source, id_ in found:
        yield Discrepancy("D18.5", f"the fact {source} {id_} is not before it", position)


def unique_keys(connection: Connection[Any], events: sql.Identifier) -> set[Key]:
    """The keys of which PostgreSQL answers that no two events share one."""
    with connection.transaction(), _cursor(connection) as cursor:
        found = cursor.execute(_UNIQUE, {"table": events.as_string(connection)}).fetchall()
    return {(tuple(columns), of) for columns, of in found}


def duplicates(
    connection: Connection[Any], events: sql.Identifier, through: int
) -> Iterator[Discrepancy]:
    """D18.7: yield the facts whose (source, id) an earlier one has.

    While the unique index of these keys is there, PostgreSQL answers for it.
    """
    if MESSAGE_KEY in unique_keys(connection, events):
        return
    with connection.transaction(), _cursor(connection) as cursor:
        cursor.execute(sql.SQL(_DUPLICATES).format(events=events), {"through": through})
        found = cursor.fetchall()
    for position, partner, source, event_id, earlier in found:
        what = f"{source} {event_id} counts already at position {earlier}"
        yield Discrepancy("D18.7", what, position, partner)


class Books(NamedTuple):
    """What the read models say of all accounts and balances at one place."""

    accounts: list[Row]
    balances: list[Row]
    receivables: list[Row]


class Folded:
    """The balances to which the fold that projections are compared with comes at a position."""

    def __init__(self, names: Names, position: int) -> None:
        self._names, self._position = names, position
        self.balances: list[Row] | None = None
        """None until the fold was there."""

    def stops(self, earlier: Stops) -> Stops:
        """Where the fold has to stop for them: after the ``earlier`` ones."""
        return Stops([*earlier.positions, self._position], partial(self._look, earlier))

    def _look(self, earlier: Stops, cursor: Cursor[Any], position: int, table: Table) -> None:
        if position < self._position:
            earlier.look(cursor, position, table)
            return
        known = {"balances": table(BALANCES)}
        query = PARTNER_BALANCES.select(self._names.events, EVERYTHING, known)
        # One that is no number is told where balances are read; the fold goes on.
        with suppress(ArithmeticError, ValueError):
            self.balances = [*rows_of(cursor.connection, query)]


def books(replay: Replay, at: AsOf, folded: Folded) -> Books:
    """Read accounts, balances and receivables; balances that were folded are not added up again."""
    balances = folded.balances
    if balances is None:
        # The fold broke off: what is wrong there need not be wrong with balances.
        balances = [*replay.balances(at)]
    accounts = [*replay.trial_balance(at)]
    # Without a posting to the account, receivables come to nothing: they are of the same events.
    is_owed = any(row["account"] == "partner_receivable" for row in accounts)
    return Books(accounts, balances, [*replay.receivables(at)] if is_owed else [])


def postings(books: Books, independent: Mapping[tuple[str, str], int]) -> Iterator[Discrepancy]:
    """D18.4, D17: all accounts sum to zero, and are what the events' own words come to.

    Payables and payouts in flight are the balances', the receivable is what is open of it.
    """
    accounts: dict[tuple[str, str], int] = {}
    for row in books.accounts:
        accounts[str(row["account"]), str(row["currency"])] = _integer(row["balance"])
    for currency in sorted({currency for _, currency in accounts}):
        total = sum(value for (_, of), value in accounts.items() if of == currency)
        if total:
            yield Discrepancy("D18.4", f"the postings in {currency} sum to {total}")
    for account, currency in sorted(accounts.keys() | independent.keys()):
        balance, expected = (of.get((account, currency), 0) for of in (accounts, independent))
        if balance != expected:
            what = f"{account} in {currency} stands at {balance}, the events say {expected}"
            yield Discrepancy("D18.4", what)
    owed = _owed(books)
    for account, currency in sorted(owed):
        credit, due = -accounts.get((account, currency), 0), owed[account, currency]
        if credit != due:
            what = f"{account} in {currency} has a credit balance of {credit}, balances say {due}"
            yield Discrepancy("D18.4", what)


def _owed(books: Books) -> Mapping[tuple[str, str], int]:
    """The credit balance of each account that is kept by partner, by account and currency."""
    owed: Counter[tuple[str, str]] = Counter()
    for row in books.balances:
        owed["partner_payable", str(row["currency"])] += _integer(row["payable"])
        owed["payouts_in_flight", str(row["currency"])] += _integer(row["in_flight"])
    for row in books.receivables:
        owed["partner_receivable", str(row["currency"])] -= _integer(row["open"])
    return owed


def balances(books: Books, independent: Mapping[tuple[str, str], Totals]) -> Iterator[Discrepancy]:
    """D18.6: balances of the columns are those computed from the events' own words."""
    told = dict(independent)
    for row in books.balances:
        key = str(row["partner_id"]), str(row["currency"])
        columns = (row["earned"], row["adjusted"], row["paid"], row["in_flight"])
        expected = told.pop(key, None)
        if columns != expected:
            what = f"the balance in {key[1]} is {columns}, the events say {expected}"
            yield Discrepancy("D18.6", what, None, key[0])
    for (partner, currency), expected in told.items():
        what = f"there is no balance in {currency}, the events say {expected}"
        yield Discrepancy("D18.6", what, None, partner)


def projections(
    connection: Connection[Any],
    projector: Projector,
    progress: Progress | None,
    stops: Stops | None = None,
) -> Iterator[Discrepancy]:
    """D18.6: the stored projections stand at the head and are what a rebuild makes."""
    with connection.transaction(), _cursor(connection) as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        head, positions = projector.last_position(cursor), projector.positions(cursor)
    for name, (_, position) in sorted(positions.items()):
        if position != head:
            what = f"projection {name} stands at {position}, the ledger at {head}; rebuild it"
            yield Discrepancy("D18.6", what, position)
    for found in differences(connection, projector, progress, stops=stops):
        what = f"projection {found.projection}: {found.stored} stored, {found.rebuilt} rebuilt"
        partner = str(found.key[0]) if found.projection in {"balances", "tiers"} else None
        yield Discrepancy("D18.6", what, None, partner)


def seals(
    connection: Connection[Any], events: sql.Identifier, through: int
) -> list[tuple[int, StatementsSealed]]:
    """The seals of months by position; one that cannot be read is told where events are read."""
    query = sql.SQL(
        "SELECT position, topic, state FROM {} WHERE originator_id = 'ledger' "
        "AND topic = %s AND position <= %s ORDER BY position"
    ).format(events)
    found: list[tuple[int, StatementsSealed]] = []
    with connection.transaction(), _cursor(connection) as cursor:
        for position, topic, state in cursor.execute(query, (StatementsSealed.topic(), through)):
            try:
                event = decode_state(topic, state)
            except EventError:
                continue
            if isinstance(event, StatementsSealed):
                found.append((position, event))
    return found


def sealed_statements(
    connection: Connection[Any],
    projector: Projector,
    sealed: Sequence[tuple[int, StatementsSealed]],
    roots: Mapping[int, bytes],
) -> Iterator[Discrepancy]:
    """D18.9: the statements of each sealed month still have the hash of their close.

    ``roots`` has the log's root at each close.
    """
    for position, event in sealed:
        with connection.transaction(), _cursor(connection) as cursor:
            root = roots.get(event.close)
            count, sha256 = seal(cursor, event.month, event.close, projector.names, root)
        if (count, sha256) != (event.statements, event.sha256):
            what = (
                f"{event.month}: {count} statements hash to {sha256}, sealed were "
                f"{event.statements} with {event.sha256}"
            )
            yield Discrepancy("D18.9", what, position)


def computed(check: str, findings: Iterator[Discrepancy]) -> Iterator[Discrepancy]:
    """Yield the findings of a check; if damage keeps it from being computed, that is one, too."""
    try:
        yield from findings
    except DAMAGE as error:
        yield uncomputed(check, error)


def uncomputed(check: str, error: Exception) -> Discrepancy:
    """Tell that damage keeps a check from being computed."""
    return Discrepancy(check, f"it cannot be computed: {str(error).splitlines()[0]}")


def _cursor(connection: Connection[Any]) -> Any:
    return connection.cursor(row_factory=tuple_row)


def _integer(value: object) -> int:
    return int(str(value))
