"""What a run would decide now, shown and not written (D8.1)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any, Literal, NamedTuple

from psycopg import Cursor
from psycopg.rows import tuple_row

from events.base import Decision
from events.lines import CommissionPosted
from ledger.appending import Appender
from ledger.deciding import Deciding, Work
from ledger.engine import commands
from ledger.engine.sponsorship import Booked
from ledger.engine.state import LEDGER, Ledger, Run
from ledger.entities import Entities
from ledger.errors import NotReady
from ledger.sponsoring import Books, StoredBooks


class Preview(Deciding[Decision]):
    """Decides as a run recorded now would; its decisions are the chunks themselves."""

    def decisions(self, cursor: Cursor[Any]) -> Iterator[Decision]:
        """All that the run would decide, partner by partner."""
        for chunk in self.chunks(cursor):
            yield from chunk

    def _written(self, work: Work, decisions: Sequence[Decision]) -> Sequence[Decision]:
        if work.partner.sponsor is not None:
            self._shown.show(decisions)
        return decisions

    def _close_part(
        self,
        work: Work,
        *,
        through_client: str | None = None,
        then: Literal["earnings"] | None = None,
    ) -> None:
        """Nothing is written, so nothing is marked."""

    def _settle(self) -> None:
        """What was decided can be read back at once."""

    def _books(self, cursor: Cursor[Any]) -> Books:
        self._shown = _Shown(self._entities, self._run, cursor)
        return self._shown


class _Shown(StoredBooks):
    """What is booked, and the lines of the sponsored partner at hand that a run would book.

    These have positions after the last, one by one: shares name them.
    """

    def __init__(self, entities: Entities, run: Run, cursor: Cursor[Any]) -> None:
        super().__init__(entities, run, cursor)
        self._position = run.position
        self._lines: list[Booked] = []

    def show(self, decisions: Sequence[Decision]) -> None:
        """Take the lines of a partner; those of another are done with."""
        for decision in decisions:
            if isinstance(decision, CommissionPosted):
                if self._lines and _partner_of(self._lines[0]) != decision.partner_id:
                    self._lines = []
                self._position += 1
                self._lines.append(Booked(self._position, decision))

    def lines(self, partner_id: str, after: int, active: date) -> Iterator[Sequence[Booked]]:
        """The lines that are booked, then those that would be."""
        yield from super().lines(partner_id, after, active)
        shown = [one for one in self._lines if _partner_of(one) == partner_id]
        yield [one for one in shown if one.event.__dict__["day"] > active]


class Previewed(NamedTuple):
    """What a run would decide, in its order, on what the ledger knew: a position, its instant."""

    position: int
    known_at: datetime
    decisions: Iterator[Decision]


@contextmanager
def previewed(appender: Appender, entities: Entities, through: date) -> Iterator[Previewed]:
    """The decisions of a run through a day, all on one snapshot, which is then let go.

    Raises Refused for a day before L, NotReady while a run is open.
    """
    with (
        appender.session() as connection,
        connection.transaction(force_rollback=True),
        connection.cursor(row_factory=tuple_row, binary=True) as cursor,
    ):
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        with connection.cursor() as own:
            head = appender.recorder.head(own, lock=False)
        ledger = entities.folded(cursor, [LEDGER], head.position).get(LEDGER)
        ledger = ledger if isinstance(ledger, Ledger) else Ledger()
        commands.check_adopted(ledger)
        commands.check_accrual(ledger, through)
        if ledger.open_run is not None:
            raise NotReady(
                f"a run through {ledger.open_run.through} is under way or was interrupted; finish"
                f" it first: commissions accrue --through {ledger.open_run.through}"
            )
        run = Run(head.position, through, ledger.accrued_through, ledger.last_run)
        running = ledger._replace(accrued_through=through, last_run=run.position, open_run=run)
        deciding = Preview(appender.models, entities, running, None)
        yield Previewed(run.position, head.recorded_at, deciding.decisions(cursor))


def _partner_of(booked: Booked) -> str:
    return str(booked.event.__dict__["partner_id"])
