"""How a command is carried out: alone, after what is open, decided and appended under the lock."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple, TypeVar

from psycopg import Cursor
from pydantic import ValidationError

from events.advice import first_problem
from events.base import Command, Decision
from events.course import StatementsSealed
from events.finance import (
    ProgrammeAdopted,
)
from events.recorded import Recorded
from ledger.accrual import AccrualRun, Accrued
from ledger.appending import Appender, RowWriter
from ledger.deciding import Progress
from ledger.engine import approvals, commands
from ledger.engine.approvals import Proposed
from ledger.engine.calendar import end_of_month, first_of_month
from ledger.engine.state import LEDGER, Ledger, Overlay, Partner, State
from ledger.entities import Entities
from ledger.errors import Refused
from ledger.ports import ReadModels, Seal
from ledger.recording import Recorder
from ledger.store.recorder import Head, LedgerRecorder

ALWAYS = date(1970, 1, 1)
"""The day of a command that names none, while there is no L: it holds on every day."""


@dataclass(frozen=True, slots=True)
class Closed:
    """A closed month: the position of its ``period.closed``, and the seal over its statements."""

    position: int
    statements: int
    sha256: str


class Plan(NamedTuple):
    """How a command is carried out: what it says, the day that it stands on, what it decides.

    Each is asked under the head lock, of the ledger as it stands then.
    """

    decide: Callable[[Ledger, Cursor[Any]], Command]
    day: Callable[[Any], date]
    then: Callable[[tuple[Ledger, Cursor[Any]], Recorded], Sequence[Decision]] | None = None


class Carried(NamedTuple):
    """A command that took effect: its position, and what it decided at the next ones."""

    position: int
    decisions: tuple[Decision, ...] = ()


class Commanding:
    """The machinery that all commands share; ``operator`` is who runs them."""

    def __init__(
        self, recorder: LedgerRecorder, models: ReadModels, seal: Seal, *, operator: str
    ) -> None:
        self._appender = Appender(recorder, models)
        self._entities = Entities(recorder)
        self._recorder, self._models, self._seal = recorder, models, seal
        self._operator = operator
        self._recording = Recorder(self._appender, self._entities)

    @property
    def ledger(self) -> Ledger:
        """The ledger's own state now: programmes, the last accrued day, the months closed."""
        with self._appender.transaction() as cursor:
            return self._follow(cursor)

    # --- how a command is carried out ------------------------------------------------------------

    def _command(
        self,
        decide: Callable[[Ledger, Cursor[Any]], Command],
        day: Callable[[Any], date],
        then: Callable[[tuple[Ledger, Cursor[Any]], Recorded], Sequence[Decision]] | None = None,
    ) -> int:
        with self._alone():
            self._finish(None)
            return self._append_command(decide, day, then)

    def _append_command(
        self,
        decide: Callable[[Ledger, Cursor[Any]], Command],
        day: Callable[[Any], date],
        then: Callable[[tuple[Ledger, Cursor[Any]], Recorded], Sequence[Decision]] | None = None,
    ) -> int:
        """Append a command and what it decides at once, under the head lock. Its position."""
        plan = Plan(decide, day, then)
        with self._appender.transaction() as cursor:
            head = self._recorder.head(cursor)
            ledger = self._follow(cursor, head.position)
            command = self._decided(plan, ledger, cursor)
            return self._carry_out(cursor, head, ledger, plan, command).position

    def _ask(self, plan: Plan) -> Carried | Proposed:
        """Carry a command out, or record it as proposed where the programmes want four eyes."""
        with self._alone():
            self._finish(None)
            with self._appender.transaction() as cursor:
                head = self._recorder.head(cursor)
                ledger = self._follow(cursor, head.position)
                command = self._decided(plan, ledger, cursor)
                if not approvals.needs_approval(ledger, command):
                    return self._carry_out(cursor, head, ledger, plan, command)
                row = self._writer(ledger, command).row(
                    approvals.propose(command), plan.day(command)
                )
                self._recorder.stage(cursor, [row])
                self._appender.insert(cursor, head, [row])
                return Proposed(head.position + 1)

    def _asked(self, plan: Plan) -> int | Proposed:
        """The same, for those of which the command's position is what is told."""
        done = self._ask(plan)
        return done if isinstance(done, Proposed) else done.position

    def _decided(self, plan: Plan, ledger: Ledger, cursor: Cursor[Any]) -> Command:
        """The command of a plan. Raises Refused or NotReady for what the rules refuse."""
        try:
            command = plan.decide(ledger, cursor)
            if not isinstance(command, ProgrammeAdopted):
                commands.check_adopted(ledger)
        except ValidationError as error:
            place, message = first_problem(error)
            member = ".".join(map(str, place))
            raise Refused(f"{member}: {message}" if member else message) from None
        return command

    def _carry_out(
        self,
        cursor: Cursor[Any],
        head: Head,
        ledger: Ledger,
        plan: Plan,
        command: Command,
        before: Sequence[Command] = (),
    ) -> Carried:
        """Append a command, after others of its day, and what it decides."""
        writer = self._writer(ledger, command)
        on = plan.day(command)
        rows = [writer.row(each, on) for each in before]
        row = writer.row(command, on)
        assert row.effective_at is not None
        event = Recorded(head.position + len(rows) + 1, row.effective_at, on, command)
        rows.append(row)
        decisions = () if plan.then is None else tuple(plan.then((ledger, cursor), event))
        rows += writer.decisions(decisions)
        self._recorder.stage(cursor, rows)
        self._appender.insert(cursor, head, rows)
        return Carried(event.position, decisions)

    @staticmethod
    def _writer(ledger: Ledger, command: Command) -> RowWriter:
        return RowWriter(ledger.time_zone or getattr(command, "time_zone", ""))

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One command at a time on a ledger; facts are recorded all the while."""
        with self._appender.session() as connection:
            connection.execute("SELECT pg_advisory_lock(%s)", (_COMMANDS_LOCK,))
            try:
                # Who died in a command lost this lock at once; its last append may yet commit.
                with self._appender.transaction() as cursor:
                    self._recorder.head(cursor)
                yield
            finally:
                if not connection.closed:
                    connection.execute("SELECT pg_advisory_unlock(%s)", (_COMMANDS_LOCK,))

    def _finish(self, progress: Progress | None) -> Accrued | None:
        """Finish the run or the close that is open, if one is."""
        self._finish_seal()
        ledger = self.ledger
        if ledger.open_run is None:
            return None
        return AccrualRun(self._appender, self._entities, ledger, progress).finish()

    def _finish_seal(self) -> Closed | None:
        """Seal the month that is closed but not sealed, from the events up to its close."""
        ledger = self.ledger
        if ledger.unsealed is None:
            return None
        month, position = ledger.unsealed
        with self._appender.transaction() as cursor:
            statements, digest = self._seal(cursor, month, position)
        last = end_of_month(first_of_month(month))
        sealed = StatementsSealed(
            month=month, close=position, statements=statements, sha256=digest, day=last
        )
        self._appender.append([RowWriter(ledger.time_zone).row(sealed, last)])
        return Closed(position, statements, digest)

    # --- reading ---------------------------------------------------------------------------------

    def _follow(self, cursor: Cursor[Any], position: int | None = None) -> Ledger:
        if position is None:
            position = self._recorder.head(cursor, lock=False).position
        self._entities.follow(cursor, position)
        self._entities.load(cursor, [LEDGER])
        ledger = self._entities.get(LEDGER)
        return ledger if isinstance(ledger, Ledger) else Ledger()

    def _partner(self, cursor: Cursor[Any], partner_id: str) -> Partner:
        stream = f"partner:{partner_id}"
        self._entities.load(cursor, [stream])
        partner = self._entities.get(stream)
        return partner if isinstance(partner, Partner) else Partner(partner_id)

    def _loaded(self, cursor: Cursor[Any], reads: Callable[[State], set[str]]) -> Overlay:
        """The state that a decision reads, loaded until what is there names nothing more."""
        wanted = reads(self._entities.at_hand)
        while not all(stream in self._entities for stream in wanted):
            self._entities.load(cursor, wanted)
            wanted |= reads(self._entities.at_hand)
        return Overlay(self._entities.at_hand)

    def _event(self, cursor: Cursor[Any], position: int) -> Recorded | None:
        return self._entities.at(cursor, position)


_COMMANDS_LOCK = 0x434F4D4D4C454447
"""The advisory lock of commands: the bytes of COMMLEDG."""


C = TypeVar("C", bound=Command)


def is_command(event: Recorded, cls: type[C]) -> C:
    """The command that an event holds, which is of this class."""
    assert isinstance(event.data, cls)
    return event.data
