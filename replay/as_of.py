"""Answers a query as of a position and a day, from the events alone.

Two axes (interfaces): what the ledger knew, up to a position; and what had happened, up to a day.
Each read model is the same SELECT that is merged live, run over the events up to the position.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from itertools import count
from typing import Any

from psycopg import Connection, Cursor, ServerCursor, sql
from psycopg.pq import TransactionStatus
from psycopg.rows import tuple_row

from events.values import format_instant
from ledger.engine.calendar import ONE_DAY, quarter_of
from ledger.errors import Refused
from projections import DEFAULT_NAMES, Names, boards
from projections.balances import BALANCES
from projections.boards import BADGES, LEADERBOARD, STANDINGS
from projections.clients import ASSIGNMENTS, CLIENTS, TERMS
from projections.definition import ReadModel, identifiers, scope_of
from projections.tiers import TIER_HISTORY, TIERS
from projections.views import (
    APPROVALS,
    CLAIMS,
    CLIENT_LIST,
    COMMISSION_HISTORY,
    CONFLICTS,
    PARTNER_BALANCES,
    PAYOUTS,
    RECEIVABLES,
    TERRITORIES,
    TRIAL_BALANCE,
    UNRESOLVED,
)

Row = dict[str, object]
"""A row by column: integers (money in minor units), strings, days, instants, lists or None."""

PAGE_ROWS = 2000
"""Rows of a large answer that are in memory at a time."""

_CURSORS = count()
_LARGE = (COMMISSION_HISTORY, CLIENT_LIST, CLAIMS, CONFLICTS, UNRESOLVED, PAYOUTS)


@dataclass(frozen=True, slots=True)
class AsOf:
    """The place on both axes that a query is answered at.

    ``known_at`` is the instant at which the event of ``position`` was recorded, None before the
    first. ``final``: the same question will have this answer for ever. ``checkpoint`` is the size
    of the last signed checkpoint up to ``position``, None where none was given out.
    """

    position: int
    known_at: datetime | None
    effective_at: date | None
    final: bool
    checkpoint: int | None = None

    def answer(self) -> dict[str, int | str | bool | None]:
        """Return what every answer says of itself, ready for JSON."""
        return {
            "position": self.position,
            "known_at": None if self.known_at is None else format_instant(self.known_at),
            "effective_at": None if self.effective_at is None else self.effective_at.isoformat(),
            "final": self.final,
            "checkpoint": self.checkpoint,
        }


class Replay:
    """The read models of one ledger as of any place on both axes; only reads."""

    def __init__(self, connection: Connection[Any], names: Names = DEFAULT_NAMES) -> None:
        self.connection = connection
        self.names = names

    def resolve(
        self,
        *,
        known_at: datetime | None = None,
        position: int | None = None,
        effective_at: date | None = None,
    ) -> AsOf:
        """Return the place that the options of a query name; without options, all that is recorded.

        Raises Refused for both ``known_at`` and ``position``, for a position outside the ledger and
        for an instant without an offset.
        """
        if known_at is not None and position is not None:
            raise Refused("give --known-at or --position, not both: each names what was known")
        if known_at is not None and known_at.tzinfo is None:
            raise Refused("the instant needs an offset, such as 2026-01-31T09:30:00+01:00")
        head = self._head()
        if position is None:
            position = head if known_at is None else self._position_at(known_at)
        if not 0 <= position <= head:
            raise Refused(
                f"position {position} is not in the ledger; give one from 0 to {head}, its last"
            )
        recorded_at = self._recorded_at(position)
        later = known_at is not None and position == head
        final = not (later and (recorded_at is None or known_at != recorded_at))
        return AsOf(position, recorded_at, effective_at, final, self.checkpoint_by(position))

    def last_position(self) -> int:
        """Return the position of the last event, whatever else is recorded of it."""
        return self._head()

    def checkpoint_by(self, position: int) -> int | None:
        """Return the size of the last signed checkpoint of no more than ``position`` events."""
        query = sql.SQL("SELECT MAX(position) FROM {} WHERE position <= %s").format(
            self.names.checkpoints
        )
        found: int | None = self._value(query, (position,))
        return found

    def balances(self, at: AsOf, partner_id: str | None = None) -> Iterator[Row]:
        """Yield ``partner_id, currency, earned, adjusted, paid, in_flight, payable``."""
        scope = self._scope(at, partner_id)
        balances = sql.SQL("({})").format(BALANCES.select(self.names.events, scope))
        return self._rows(PARTNER_BALANCES, scope, {"balances": balances})

    def history(
        self, at: AsOf, partner_id: str | None = None, client_id: str | None = None
    ) -> Iterator[Row]:
        """Yield the lines of a partner, or of all, by position."""
        return self._rows(COMMISSION_HISTORY, self._scope(at, partner_id, client_id))

    def tiers(self, at: AsOf, partner_id: str | None = None) -> Iterator[Row]:
        """Yield ``partner_id, tier, since, position``: the last tier of each partner."""
        return self._rows(TIERS, self._scope(at, partner_id))

    def tier_history(self, at: AsOf, partner_id: str | None = None) -> Iterator[Row]:
        """Yield every change of a tier, by position, the enrolment's with a null ``from_tier``."""
        return self._rows(TIER_HISTORY, self._scope(at, partner_id))

    def leaderboard(
        self, at: AsOf, quarter: str | None = None, programme: str | None = None
    ) -> Iterator[Row]:
        """Yield ``quarter, programme, rank, partner_id, clients, …``; a quarter is as ``2026Q1``.

        A quarter that was closed by then is shown as its close recorded it (D12.1).
        """
        condition = _equal(quarter=quarter, programme=programme)
        return self._rows(LEADERBOARD, self._scope(at), self._ranked(at), condition)

    def standings(
        self, at: AsOf, year: int | None = None, programme: str | None = None
    ) -> Iterator[Row]:
        """Yield ``programme, rank, partner_id, clients, …`` of all clients counted (D12.3).

        With a year: of those up to its end, as the close of its December recorded it if it did.
        """
        known = self._ranked(at) | {
            "year": sql.Literal(None if year is None else f"{year:04d}"),
            "last": sql.Literal(None if year is None else date(year, 12, 31)),
        }
        return self._rows(STANDINGS, self._scope(at), known, _equal(programme=programme))

    def running_quarter(self, at: AsOf) -> str:
        """Return the quarter that runs on the effective day, else on the day after L (D12.1).

        Raises Refused while nothing is accrued.
        """
        day = at.effective_at
        if day is None:
            query = sql.SQL(
                "SELECT MAX(day) FROM {} WHERE originator_id = 'ledger' AND position <= %s"
                " AND topic IN ('accrual.run/1', 'ledger.opened/1')"
            ).format(self.names.events)
            accrued: date | None = self._value(query, (at.position,))
            if accrued is None:
                raise Refused("nothing is accrued yet, so no quarter is known to run; name one")
            day = accrued + ONE_DAY
        return quarter_of(day)

    def badges(self, at: AsOf, partner_id: str | None = None) -> Iterator[Row]:
        """Yield ``partner_id, badge, day, position`` by position (D12.2)."""
        return self._rows(BADGES, self._scope(at, partner_id))

    def trial_balance(self, at: AsOf) -> Iterator[Row]:
        """Yield ``account, currency, debit, credit, balance`` in minor units (D17)."""
        return self._rows(TRIAL_BALANCE, self._scope(at))

    def receivables(self, at: AsOf, partner_id: str | None = None) -> Iterator[Row]:
        """Yield ``partner_id, currency, owed, settled, open`` of partners with a brand (D13)."""
        return self._rows(RECEIVABLES, self._scope(at, partner_id))

    def claims(
        self, at: AsOf, partner_id: str | None = None, client_id: str | None = None
    ) -> Iterator[Row]:
        """Yield each claim with its last answer, by the position of its fact (D3)."""
        return self._rows(CLAIMS, self._scope(at, partner_id, client_id))

    def conflicts(
        self, at: AsOf, partner_id: str | None = None, client_id: str | None = None
    ) -> Iterator[Row]:
        """Yield each rejected claim beside what it lost against, by position (D3.3)."""
        return self._rows(CONFLICTS, self._scope(at, partner_id, client_id))

    def territories(self, at: AsOf, on: date | None = None) -> Iterator[Row]:
        """Yield the departments asked for; ``on``: only what is held on that day (D14)."""
        condition = None
        if on is not None:
            condition = sql.SQL("answer = 'accepted' AND day <= {0} AND \"end\" > {0}").format(
                sql.Literal(on)
            )
        return self._rows(TERRITORIES, self._scope(at), condition=condition)

    def unresolved(self, at: AsOf) -> Iterator[Row]:
        """Yield what waits or had no effect, by position."""
        return self._rows(UNRESOLVED, self._scope(at))

    def approvals(self, at: AsOf, *, waiting: bool = False) -> Iterator[Row]:
        """Yield each proposal with who decided on it, by position; ``waiting``: nobody yet."""
        condition = sql.SQL("status = 'waiting'") if waiting else None
        return self._rows(APPROVALS, self._scope(at), condition=condition)

    def clients(self, at: AsOf, partner_id: str | None = None) -> Iterator[Row]:
        """Yield how each client stands, by client id; ``partner_id`` narrows it to its clients."""
        condition = None if partner_id is None else _equals("partner_id", partner_id)
        known = self._standings(at, by_day=True)
        return self._rows(CLIENT_LIST, self._scope(at), known, condition)

    def payouts(self, at: AsOf, partner_id: str | None = None) -> Iterator[Row]:
        """Yield every payout with what became of it, by position (D15.2)."""
        return self._rows(PAYOUTS, self._scope(at, partner_id))

    def knows_partner(self, partner_id: str, at: AsOf) -> bool:
        """Tell whether anything about a partner was recorded by then."""
        query = sql.SQL(
            "SELECT EXISTS (SELECT FROM {} WHERE originator_id = %s AND position <= %s)"
        ).format(self.names.events)
        return bool(self._value(query, (f"partner:{partner_id}", at.position)))

    def _scope(
        self, at: AsOf, partner_id: str | None = None, client_id: str | None = None
    ) -> sql.Composed:
        return scope_of(
            through=at.position, day=at.effective_at, partner_id=partner_id, client_id=client_id
        )

    def _standings(self, at: AsOf, *, by_day: bool = False) -> dict[str, sql.Composable]:
        """Return clients and terms as subqueries.

        ``by_day``: the standing that the facts of days up to the effective day gave. A leaderboard
        counts days instead, of all that is known.
        """
        known = scope_of(through=at.position)
        happened = self._scope(at) if by_day else known
        return {
            "clients": sql.SQL("({})").format(CLIENTS.rows(self.names.events, happened)),
            "assignments": sql.SQL("({})").format(ASSIGNMENTS.rows(self.names.events, happened)),
            "terms": sql.SQL("({})").format(TERMS.rows(self.names.events, known)),
            "until": sql.Literal(at.effective_at),
        }

    def _ranked(self, at: AsOf) -> dict[str, sql.Composable]:
        known = scope_of(through=at.position)
        return self._standings(at) | boards.relations(self.names.events, self._scope(at), known)

    def _rows(
        self,
        model: ReadModel,
        scope: sql.Composable,
        relations: Mapping[str, sql.Composable] | None = None,
        condition: sql.Composable | None = None,
    ) -> Iterator[Row]:
        query = sql.SQL("SELECT * FROM ({}) AS answer{} ORDER BY {}").format(
            model.select(self.names.events, scope, relations),
            sql.SQL("") if condition is None else sql.SQL(" WHERE {}").format(condition),
            identifiers(model.order_by),
        )
        return rows_of(self.connection, query, paged=model in _LARGE)

    def _head(self) -> int:
        query = sql.SQL("SELECT COALESCE(MAX(position), 0) FROM {}").format(self.names.events)
        return int(self._value(query, ()))

    def _position_at(self, known_at: datetime) -> int:
        function = sql.Identifier(self.names.projections, "position_at")
        return int(self._value(sql.SQL("SELECT {}(%s)").format(function), (known_at,)))

    def _recorded_at(self, position: int) -> datetime | None:
        query = sql.SQL("SELECT MAX(recorded_at) FROM {} WHERE position = %s").format(
            self.names.events
        )
        found: datetime | None = self._value(query, (position,))
        return found

    def _value(self, query: sql.Composed, parameters: tuple[object, ...]) -> Any:
        with self.connection.cursor(row_factory=tuple_row) as cursor:
            row = cursor.execute(query, parameters).fetchone()
            return None if row is None else row[0]


def rows_of(
    connection: Connection[Any], query: sql.Composed, *, paged: bool = False
) -> Iterator[Row]:
    """Yield the rows of a query, with whole numbers as integers.

    ``paged`` keeps memory bounded for results of any size: rows come from a cursor in the database,
    page by page. Other queries may run on the connection between two rows.
    """
    with _cursor(connection, paged=paged) as cursor:
        cursor.execute(query)
        names = [column.name for column in cursor.description or ()]
        while rows := cursor.fetchmany(PAGE_ROWS):
            for row in rows:
                yield {
                    name: int(value) if isinstance(value, Decimal) else value
                    for name, value in zip(names, row, strict=True)
                }


def _cursor(
    connection: Connection[Any], *, paged: bool
) -> Cursor[tuple[Any, ...]] | ServerCursor[tuple[Any, ...]]:
    if not paged:
        return connection.cursor(row_factory=tuple_row)
    # Outside a transaction the cursor has to outlive its own.
    idle = connection.info.transaction_status is TransactionStatus.IDLE
    return connection.cursor(
        f"replay_{next(_CURSORS)}",
        row_factory=tuple_row,
        withhold=connection.autocommit and idle,
    )


def _equal(**values: str | None) -> sql.Composed | None:
    """Return the condition that columns have the values given, None if none is."""
    wanted = [_equals(name, value) for name, value in values.items() if value is not None]
    return sql.SQL(" AND ").join(wanted) if wanted else None


def _equals(column: str, value: str) -> sql.Composed:
    return sql.SQL("{} = {}").format(sql.Identifier(column), sql.Literal(value))
