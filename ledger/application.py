"""The commission ledger: facts are recorded, commands decide; each append is one transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple, TypeVar
from zoneinfo import ZoneInfo

from psycopg import Cursor
from pydantic import ValidationError

from events.base import Command, Decision
from events.decisions import PayoutInitiated, StatementsSealed
from events.finance import (
    AccrualRun as AccrualRunCommand,
)
from events.finance import (
    AdjustmentRequested,
    CreditRequested,
    IngestGapAccepted,
    PartnerProgrammeAssigned,
    PayoutRun,
    PeriodClosed,
    ProgrammeAdopted,
)
from events.recorded import Recorded
from ledger.accrual import AccrualRun, Accrued, Progress
from ledger.appending import Appender, RowWriter
from ledger.dead_letters import Incoming
from ledger.engine import Payable, commands, decide_payouts
from ledger.engine.calendar import day_of, end_of_month, first_of_month
from ledger.engine.payouts import payout_id
from ledger.engine.state import LEDGER, Ledger, Overlay, Partner
from ledger.entities import Entities
from ledger.errors import Refused
from ledger.policy.programme import Programme
from ledger.ports import Place, ReadModels, Seal
from ledger.recording import Placed, Recorder, Recording
from ledger.store.recorder import LedgerRecorder

DEFAULT_ZONE = "Europe/Paris"


class Gap(NamedTuple):
    """What ``ingest.gap_accepted`` says of the messages that were missed."""

    group: str
    topic: str
    partition: int
    expected: int
    found: int
    reason: str


@dataclass(frozen=True, slots=True)
class Closed:
    """A closed month: the position of its ``period.closed``, and the seal over its statements."""

    position: int
    statements: int
    sha256: str


class CommissionLedger:
    """One ledger in one database.

    ``operator`` is who runs the commands. Methods raise :class:`~ledger.errors.Refused` for what
    the rules refuse, after which nothing was recorded; all return what was recorded.
    """

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

    # --- facts -----------------------------------------------------------------------------------

    def record(self, batch: Sequence[Incoming]) -> Recording:
        """Record a batch of messages in their order, in one transaction.

        What is rejected or quarantined is kept among the dead letters; a duplicate counts once.
        Raises NotReady before a first programme is adopted.
        """
        return self._recording.record(Placed(batch))

    def record_all(self, batches: Iterable[Sequence[Incoming]]) -> Iterator[Recording]:
        """Record batches in their order, as :meth:`record` does, but faster than one by one."""
        return self._recording.record_all(Placed(batch) for batch in batches)

    def record_placed(self, batches: Iterable[Placed]) -> Iterator[Recording]:
        """Record batches as :meth:`record_all` does; each moves its place in its transaction.

        Raises Fenced when a place is another's by now: of that batch and of those after it nothing
        was recorded.
        """
        return self._recording.record_all(batches)

    def accept_gap(self, gap: Gap, place: Place, received_at: datetime) -> int:
        """Record that messages were missed knowingly, and go on after them. Its position.

        Raises Fenced if another worker has gone on with the partition.
        """

        def decide(ledger: Ledger, cursor: Cursor[Any]) -> Command:
            place.move(cursor)
            commands.check_adopted(ledger)
            day = day_of(received_at, ZoneInfo(ledger.time_zone))
            return IngestGapAccepted.model_validate(
                {**gap._asdict(), "day": day, "operator": self._operator}
            )

        return self._append_command(decide, lambda command: command.day)

    def transaction(self) -> AbstractContextManager[Cursor[Any]]:
        """A transaction on the ledger's database, for what is kept beside the events."""
        return self._appender.transaction()

    # --- commands --------------------------------------------------------------------------------

    def adopt(
        self, programme: Programme, *, from_day: date | None = None, time_zone: str | None = None
    ) -> int:
        """Adopt a version of a programme (D7.2); the first fixes the time zone. Its position."""

        def decide(ledger: Ledger, _: Cursor[Any]) -> Command:
            commands.check_adoption(ledger, programme, from_day, time_zone)
            versions = ledger.programmes.versions.get(programme.name, ())
            return ProgrammeAdopted(
                programme=programme.name,
                number=len(versions) + 1,
                document=programme.document(),
                sha256=programme.sha256(),
                from_day=from_day,
                time_zone=ledger.time_zone or time_zone or DEFAULT_ZONE,
                operator=self._operator,
            )

        return self._command(decide, lambda command: command.from_day or date(1970, 1, 1))

    def assign_programme(self, partner_id: str, programme: str, from_day: date) -> int:
        """Put a partner under another programme from a day on (D7.3). Its position."""

        def decide(ledger: Ledger, cursor: Cursor[Any]) -> Command:
            partner = self._partner(cursor, partner_id)
            commands.check_assignment(ledger, partner, programme, from_day)
            return PartnerProgrammeAssigned(
                partner_id=partner_id,
                programme=programme,
                from_day=from_day,
                operator=self._operator,
            )

        def assign(context: tuple[Ledger, Cursor[Any]], event: Recorded) -> list[Decision]:
            cursor = context[1]
            clients = self._models.clients_activated_from(cursor, partner_id, from_day)
            reads = [LEDGER, f"partner:{partner_id}", *(f"client:{name}" for name in clients)]
            self._entities.load(cursor, reads)
            state = Overlay(self._entities.at_hand)
            command = _is(event, PartnerProgrammeAssigned)
            return commands.decide_assignment(state, event, command, clients)

        return self._command(decide, lambda _: from_day, assign)

    def accrue(
        self, through: date, *, ahead: bool = False, progress: Progress | None = None
    ) -> Accrued:
        """Run an accrual through a day (D8.1); a run left open by a kill is finished first."""
        with self._alone():
            self._finish(progress)
            return self._accrue(through, progress, ahead=ahead)

    def _accrue(self, through: date, progress: Progress | None, *, ahead: bool) -> Accrued:
        def decide(ledger: Ledger, _: Cursor[Any]) -> Command:
            commands.check_accrual(ledger, through)
            return AccrualRunCommand(
                through=through,
                previous=ledger.accrued_through,
                previous_run=ledger.last_run or None,
                ahead=ahead,
                operator=self._operator,
            )

        self._append_command(decide, lambda _: through)
        finished = self._finish(progress)
        assert finished is not None
        return finished

    def close(self, month: str, *, ahead: bool = False, progress: Progress | None = None) -> Closed:
        """Close a month (D16): accrue through L again, close, seal its statements."""
        with self._alone():
            self._finish(progress)
            ledger = self.ledger
            commands.check_close(ledger, month)
            assert ledger.accrued_through is not None
            self._accrue(ledger.accrued_through, progress, ahead=ahead)

            def decide(ledger: Ledger, _: Cursor[Any]) -> Command:
                commands.check_close(ledger, month)
                return PeriodClosed(month=month, ahead=ahead, operator=self._operator)

            self._append_command(decide, lambda _: end_of_month(first_of_month(month)))
            sealed = self._finish_seal()
            assert sealed is not None
            return sealed

    def run_payouts(self, cutoff: date, *, ahead: bool = False) -> list[PayoutInitiated]:
        """Initiate what is due on a cut-off (D15.1); the same cut-off again pays nothing twice."""
        initiated: list[PayoutInitiated] = []

        def decide(ledger: Ledger, _: Cursor[Any]) -> Command:
            commands.check_payouts(ledger, cutoff)
            return PayoutRun(cutoff=cutoff, ahead=ahead, operator=self._operator)

        def payouts(context: tuple[Ledger, Cursor[Any]], event: Recorded) -> list[Decision]:
            ledger, cursor = context
            payables = list(self._payables(cursor, cutoff))
            initiated.extend(decide_payouts(ledger, event.position, cutoff, payables))
            return list(initiated)

        self._command(decide, lambda _: cutoff, payouts)
        return initiated

    def adjust(
        self,
        *,
        partner_id: str,
        amount: int,
        currency: str,
        reason: str,
        line: int | None = None,
        day: date | None = None,
        requested_by: str,
        approved_by: str,
    ) -> int:
        """Correct an error (D9.4); minor units of either sign. The position of the line."""
        named: list[Recorded | None] = [None]

        def decide(ledger: Ledger, cursor: Cursor[Any]) -> Command:
            partner = self._partner(cursor, partner_id)
            commands.check_finance(partner)
            if line is not None:
                named[0] = self._event(cursor, line)
                commands.check_line(partner, line, named[0], currency)
            return AdjustmentRequested(
                partner_id=partner_id,
                amount=amount,
                currency=currency,
                reason=reason,
                line=line,
                date=commands.dated(ledger, day),
                requested_by=requested_by,
                approved_by=approved_by,
                operator=self._operator,
            )

        def book(context: tuple[Ledger, Cursor[Any]], event: Recorded) -> list[Decision]:
            command = _is(event, AdjustmentRequested)
            return [commands.decide_adjustment(context[0], event, command, named[0])]

        return 1 + self._command(decide, lambda command: command.date, book)

    def credit(
        self,
        *,
        partner_id: str,
        amount: int,
        currency: str,
        reason: str,
        day: date | None = None,
        requested_by: str,
        approved_by: str,
    ) -> int:
        """Grant something extra (D9.4); minor units above 0. The position of the line."""

        def decide(ledger: Ledger, cursor: Cursor[Any]) -> Command:
            commands.check_finance(self._partner(cursor, partner_id))
            return CreditRequested.model_validate(
                {
                    "partner_id": partner_id,
                    "amount": amount,
                    "currency": currency,
                    "reason": reason,
                    "date": commands.dated(ledger, day),
                    "requested_by": requested_by,
                    "approved_by": approved_by,
                    "operator": self._operator,
                }
            )

        def book(context: tuple[Ledger, Cursor[Any]], event: Recorded) -> list[Decision]:
            return [commands.decide_credit(context[0], event, _is(event, CreditRequested))]

        return 1 + self._command(decide, lambda command: command.date, book)

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
        with self._appender.transaction() as cursor:
            head = self._recorder.head(cursor)
            ledger = self._follow(cursor, head.position)
            try:
                command = decide(ledger, cursor)
                if not isinstance(command, ProgrammeAdopted):
                    commands.check_adopted(ledger)
            except ValidationError as error:
                raise Refused(_first_problem(error)) from None
            writer = RowWriter(ledger.time_zone or getattr(command, "time_zone", ""))
            on = day(command)
            row = writer.row(command, on)
            assert row.effective_at is not None
            event = Recorded(head.position + 1, row.effective_at, on, command)
            rows = [row]
            if then is not None:
                rows += writer.decisions(then((ledger, cursor), event))
            self._recorder.stage(cursor, rows)
            self._appender.insert(cursor, head, rows)
        return event.position

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

    def _event(self, cursor: Cursor[Any], position: int) -> Recorded | None:
        return self._entities.at(cursor, position)

    def _payables(self, cursor: Cursor[Any], cutoff: date) -> Iterator[Payable]:
        """What is owed by the cut-off, but for what the same cut-off has initiated before."""
        owed = list(self._models.payables(cursor, cutoff))
        streams = [f"payout:{payout_id(name, currency, cutoff)}" for name, currency, _ in owed]
        partners = [f"partner:{name}" for name, _, _ in owed]
        position = self._entities.position
        initiated = self._entities.folded(cursor, streams, position)
        known = self._entities.folded(cursor, sorted(set(partners)), position)
        for stream, partner, (name, currency, amount) in zip(streams, partners, owed, strict=True):
            if stream not in initiated:
                entity = known.get(partner)
                partner_entity = entity if isinstance(entity, Partner) else Partner(name)
                yield Payable(partner_entity, currency, amount)


_COMMANDS_LOCK = 0x434F4D4D4C454447
"""The advisory lock of commands: the bytes of COMMLEDG."""


def _first_problem(error: ValidationError) -> str:
    detail = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(part) for part in detail["loc"])
    message = str(detail["msg"]).removeprefix("Value error, ")
    return f"{place}: {message}" if place else message


C = TypeVar("C", bound=Command)


def _is(event: Recorded, cls: type[C]) -> C:
    assert isinstance(event.data, cls)
    return event.data
