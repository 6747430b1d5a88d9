"""The real ledger as a ledger under test: the application on PostgreSQL, read through its views."""

from __future__ import annotations

import atexit
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path

import psycopg
from eventsourcing.postgres import PostgresDatastore
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import dict_row

from events.codec import content_hash, encode
from events.envelope import Message as Told
from ledger.application import CommissionLedger
from ledger.dead_letters import Incoming
from ledger.errors import Refused
from ledger.policy.programme import Programme
from ledger.store.recorder import LedgerRecorder
from projections.accrual import LiveModels
from replay.as_of import Replay, Row
from replay.statements import Statements, seal
from replay.verify import verify
from tests.conftest import (
    HOME_VARIABLE,
    SERVER_VARIABLE,
    create_database,
    drop_database,
    install_schema,
    url_of,
)
from tests.model.journal import (
    Adjust,
    Balance,
    ClaimView,
    ClientView,
    Credit,
    LineView,
    Message,
    PayoutView,
    TierView,
)

_TABLES = ("balances", "clients", "terms", "tiers", "payments")


@cache
def _database() -> str:
    """One database a process, emptied for each ledger; gone with the process."""
    from interfaces.embedded import EmbeddedPostgres

    stack = ExitStack()
    server = os.environ.get(SERVER_VARIABLE) or stack.enter_context(
        EmbeddedPostgres(Path(os.environ[HOME_VARIABLE]), durable=False)
    )
    name = f"rules_{os.getpid()}"
    with psycopg.connect(server, autocommit=True) as admin:
        drop_database(admin, name)
        create_database(admin, name)
    url = url_of(server, name)
    install_schema(url)

    def leave() -> None:
        # A server of the run's own may be gone already, and its databases with it.
        with (
            suppress(psycopg.OperationalError),
            psycopg.connect(server, autocommit=True) as admin,
        ):
            drop_database(admin, name)
        stack.close()

    atexit.register(leave)
    return url


def _empty(url: str) -> None:
    """Take every event away, as only the owner of a database of tests may."""
    with psycopg.connect(url) as connection:
        connection.execute("ALTER TABLE ledger.events DISABLE TRIGGER refuse_change")
        connection.execute(
            "TRUNCATE ledger.events, ledger.dead_letters, ledger.dead_letter_retries"
        )
        connection.execute("ALTER TABLE ledger.events ENABLE ALWAYS TRIGGER refuse_change")
        connection.execute(
            "UPDATE ledger.ledger_head SET position = 0, frontier = '',"
            " recorded_at = '0001-01-01T00:00:00Z'"
        )
        for name in _TABLES:
            connection.execute(sql.SQL("TRUNCATE {}").format(sql.Identifier("projections", name)))
        connection.execute("UPDATE projections.projections SET position = 0")


@cache
def _recorder() -> LedgerRecorder:
    parts = conninfo_to_dict(_database())
    datastore = PostgresDatastore(
        dbname=str(parts["dbname"]),
        host=str(parts.get("host", "")),
        port=str(parts.get("port", 5432)),
        user=str(parts.get("user", "")),
        password=str(parts.get("password", "")),
        schema="ledger",
        originator_id_type="text",
        max_overflow=5,
    )
    atexit.register(datastore.close)
    return LedgerRecorder(datastore, events_table_name="events", tracking_table_name="tracking")


@contextmanager
def open_ledger() -> Iterator[RealLedger]:
    """Give a new, empty real ledger; at the end its invariants must hold (D18)."""
    _empty(_database())
    ledger = RealLedger()
    yield ledger
    ledger.check()


class RealLedger:
    """The real ledger as a :class:`~tests.model.journal.LedgerUnderTest`."""

    def __init__(self) -> None:
        self.url = _database()
        self.reopen()

    def reopen(self) -> None:
        """Go on with a ledger that remembers nothing but what is stored."""
        self.application = CommissionLedger(_recorder(), LiveModels(), seal, operator="tester")

    def commands_recorded(self, kind: str) -> int:
        """How many commands of a type are recorded."""
        rows = self._select(
            "SELECT count(*) AS found FROM ledger.events WHERE originator_id = 'ledger'"
            f" AND topic = '{kind}/1'"
        )
        return _integer(rows[0]["found"])

    def check(self) -> None:
        """Nothing that is verified is wrong."""
        with psycopg.connect(_database(), autocommit=True) as connection:
            assert [str(finding) for finding in verify(connection)] == []

    # --- what goes in ----------------------------------------------------------------------------

    def adopt(self, programme: Programme, from_day: date | None) -> None:
        """Adopt a version of a programme."""
        self.application.adopt(programme, from_day=from_day)

    def assign_programme(self, partner_id: str, programme: str, from_day: date) -> None:
        """Put a partner under another programme."""
        self.application.assign_programme(partner_id, programme, from_day)

    def record(self, messages: Sequence[Message]) -> None:
        """Record facts in one batch."""
        self.application.record([_incoming(message) for message in messages])

    def accrue(self, through: date) -> None:
        """Run an accrual to its end."""
        self.application.accrue(through)

    def close(self, month: str) -> None:
        """Close a month."""
        self.application.close(month)

    def pay(self, cutoff: date, partner_id: str | None) -> None:
        """Run payouts."""
        if partner_id is not None:
            raise Refused("payouts of one partner come in a later release")
        self.application.run_payouts(cutoff)

    def adjust(self, adjustment: Adjust) -> None:
        """Post an adjustment."""
        position = None
        if adjustment.line is not None:
            lines = [row for row in self._history() if row["line"] is None and row["client_id"]]
            named = [row for row in lines if _line(row).period == adjustment.line]
            if not named:
                raise Refused("no such line")
            position = _integer(named[0]["position"])
        self.application.adjust(
            partner_id=adjustment.partner_id,
            amount=adjustment.amount,
            currency=adjustment.currency,
            reason=adjustment.reason,
            line=position,
            day=adjustment.date,
            requested_by=adjustment.requested_by,
            approved_by=adjustment.approved_by,
        )

    def credit(self, credit: Credit) -> None:
        """Post a credit."""
        self.application.credit(
            partner_id=credit.partner_id,
            amount=credit.amount,
            currency=credit.currency,
            reason=credit.reason,
            day=credit.date,
            requested_by=credit.requested_by,
            approved_by=credit.approved_by,
        )

    # --- what comes out --------------------------------------------------------------------------

    def lines(self) -> list[LineView]:
        """All lines by position."""
        return [_line(row) for row in self._history()]

    def balances(self) -> dict[tuple[str, str], Balance]:
        """By partner and currency, from the stored projection."""
        rows = self._select("SELECT * FROM finance.partner_balances")
        return {
            (str(row["partner_id"]), str(row["currency"])): Balance(
                *(_integer(row[name]) for name in ("earned", "adjusted", "paid", "in_flight"))
            )
            for row in rows
        }

    def tiers(self) -> list[TierView]:
        """All changes of tier."""
        with psycopg.connect(_database()) as connection:
            replay = Replay(connection)
            rows = list(replay.tier_history(replay.resolve()))
        return [
            TierView(
                str(row["partner_id"]),
                str(row["from_tier"] or ""),
                str(row["to_tier"]),
                _day(row["effective_day"]),
            )
            for row in rows
        ]

    def claims(self) -> list[ClaimView]:
        """All claims with their last answers."""
        with psycopg.connect(_database()) as connection:
            replay = Replay(connection)
            rows = list(replay.claims(replay.resolve()))
        ids = self._ids()
        return [
            ClaimView(
                ids[_integer(row["position"])],
                str(row["client_id"]),
                str(row["partner_id"]),
                _day(row["day"]),
                str(row["answer"]),
                str(row["reason"] or ""),
            )
            for row in rows
        ]

    def clients(self) -> list[ClientView]:
        """All clients ever activated."""
        rows = self._select("SELECT * FROM projections.clients ORDER BY client_id")
        return [
            ClientView(
                str(row["client_id"]),
                None if row["partner_id"] is None else str(row["partner_id"]),
                row["first_activated_on"],  # type: ignore[arg-type]
                row["counted_on"],  # type: ignore[arg-type]
            )
            for row in rows
            if row["first_activated_on"] is not None
        ]

    def payouts(self) -> list[PayoutView]:
        """All payouts."""
        with psycopg.connect(_database()) as connection:
            replay = Replay(connection)
            rows = list(replay.payouts(replay.resolve()))
        return [
            PayoutView(
                str(row["partner_id"]),
                str(row["currency"]),
                _day(row["cutoff"]),
                _integer(row["amount"]),
                str(row["status"]),
                _integer(row["settled_amount"] or 0),
                row["flag"] is not None,
            )
            for row in rows
        ]

    def trial_balance(self) -> dict[tuple[str, str], int]:
        """Debit - credit by account and currency."""
        rows = self._select("SELECT * FROM finance.trial_balance")
        found = {(str(r["account"]), str(r["currency"])): _integer(r["balance"]) for r in rows}
        return {key: value for key, value in found.items() if value}

    def unresolved(self) -> set[str]:
        """The ids of messages that wait or had no effect."""
        with psycopg.connect(_database()) as connection:
            replay = Replay(connection)
            rows = list(replay.unresolved(replay.resolve()))
        ids = self._ids()
        return {ids[p] for row in rows if (p := _integer(row["position"])) in ids}

    def statement(self, partner_id: str, month: str) -> bytes:
        """The canonical bytes of a month's statement."""
        with psycopg.connect(_database()) as connection:
            at = Replay(connection).resolve()
            return Statements(connection).of(partner_id, month, at).canonical()

    # --- reading ---------------------------------------------------------------------------------

    def _history(self) -> list[Row]:
        with psycopg.connect(_database()) as connection:
            replay = Replay(connection)
            return list(replay.history(replay.resolve()))

    def _select(self, query: str) -> list[Row]:
        with psycopg.connect(_database(), row_factory=dict_row) as connection:
            return connection.execute(query).fetchall()

    def _ids(self) -> dict[int, str]:
        rows = self._select(
            "SELECT position, event_id FROM ledger.events"
            " WHERE event_id IS NOT NULL AND source <> ''"
        )
        return {_integer(row["position"]): str(row["event_id"]) for row in rows}


def _incoming(message: Message) -> Incoming:
    topic, state = message.data.topic(), encode(message.data)
    content = content_hash(topic, state, message.effective_at, message.source, message.id)
    told = Told(
        message.source, message.id, topic, message.effective_at, message.data, state, content
    )
    return Incoming(message.id, state, told)


def _line(row: Row) -> LineView:
    rate = row["rate"]
    return LineView(
        kind=str(row["kind"]),
        rule=str(row["rule"]),
        partner_id=str(row["partner_id"]),
        service_date=_day(row["service_date"]),
        posting_date=_day(row["posting_date"]),
        amount=_integer(row["amount"]),
        currency=str(row["currency"]),
        client_id=None if row["subscription_id"] is None else str(row["client_id"]),
        subscription_id=None if row["subscription_id"] is None else str(row["subscription_id"]),
        service_end=None if row["service_end"] is None else _day(row["service_end"]),
        base=None if row["base"] is None else _integer(row["base"]),
        rate=None if rate is None else Decimal(str(rate)),
        tier=None if row["tier"] is None else str(row["tier"]),
        client_year=None if row["client_year"] is None else _integer(row["client_year"]),
        programme_version=(
            None if row["programme_version"] is None else str(row["programme_version"])
        ),
        facts=tuple(row["facts"] or ()),  # type: ignore[arg-type]
    )


def _day(value: object) -> date:
    assert isinstance(value, date)
    return value


def _integer(value: object) -> int:
    assert isinstance(value, int | Decimal)
    assert int(value) == value
    return int(value)
