"""A part of a log decided again: some partners with all of their clients, or what all share.

Each decision is taken again on the events recorded before it, and compared with the one recorded
(D18.10). So no part needs what another decides, and where one decision differs the next are still
compared on what was recorded: from the first position on, the whole log follows from its facts.
Pure: rows come in, differences go out.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from events.base import Command, Decision, Event, Fact
from events.catalogue import TOPICS
from events.course import AccrualCompleted
from events.finance import (
    AccrualRun,
    AttributionAssignmentRequested,
    FactRetracted,
    PeriodClosed,
)
from events.partners import (
    LeadCaptured,
    LeadConverted,
    PartnerEnrolled,
)
from events.recorded import Recorded
from ledger.engine import closes
from ledger.engine.closes import Span, Tally
from ledger.engine.recording import DECIDING, answer
from ledger.engine.state import Lead, Overlay, lead_of, partner_of
from ledger.errors import Corrupt, LedgerError
from replay.rerun.commands import Named, decide_command, decide_rankings
from replay.rerun.differences import (
    Difference,
    Expected,
    Row,
    RunRows,
    earner_of,
    not_decided,
    not_recorded,
    otherwise,
    read,
    recorded_in,
    undecidable,
)
from replay.rerun.memory import Changes, Memory
from replay.rerun.parts import LEFT_OUT, OF_CLOSES, Part
from replay.rerun.runs import MemoryRun

_OF_RUNS = frozenset(
    {
        *("CommissionPosted", "MarginPosted", "ClawbackWaived", "AdjustmentPosted", "BonusPosted"),
        *("BonusDeclined", "ContestPosted", "RewardPosted", "OverridePosted", "BadgeAwarded"),
        *("DifferenceUnresolved", "TierChanged"),
    }
)
"""What a run decides; no command that decides the like is recorded while one is open."""

_UNFOUNDED = (
    *(AssertionError, LookupError, TypeError, ValueError, ArithmeticError, AttributeError),
    LedgerError,
)
"""What the engine raises on events that cannot follow from those before them."""

_OF_ENROLMENTS = b'"cause":"enrolment"'


class Tallied(NamedTuple):
    """What a part's partners have counted for the boards of a close: the position of the close."""

    close: int
    span: Span
    tallies: tuple[Tally, ...]


Tallies = Mapping[int, Mapping[Span, Sequence[Tally]]]
"""By the position of a close and the span of a board."""


def decide_part(
    rows: Iterable[Row], part: Part, named: Named, tallies: Tallies | None = None
) -> Iterator[Difference | Tallied]:
    """Decide a part of a log again; yield what differs, and what its closes have tallied.

    ``rows`` are in the order of their positions and hold at least all that the part
    :meth:`~Part.sees`; ``named`` are the facts and lines that the log's commands name. The common
    part comes last and is given the ``tallies`` of all others. Differences come as they are found;
    two parts may find the same one. Raises Corrupt, with the position, for a row that this release
    cannot read.
    """
    return _Part(part, named, tallies or {}).decide(rows)


class _PartMemory(Memory):
    """A ledger in memory that takes what was recorded, at its own positions.

    While a run is decided, what it appends is met with what was recorded of it.
    """

    def __init__(self, found: list[Difference]) -> None:
        super().__init__(lambda position, decision: None)
        self._found = found
        self.run: tuple[int, RunRows] | None = None

    def told(self, row: Row, data: Event) -> Recorded:
        """Take a fact or command."""
        self.position = row.position - 1
        return self.tell(data, row.effective_at, row.day)

    def take(self, position: int, decision: Decision) -> None:
        """Take a recorded decision: fold it and note it."""
        self.position = position
        self._fold(decision.stream, decision)
        self._index(decision)

    def note(self, position: int, decision: Decision) -> None:
        """Note a recorded decision whose entity is folded already."""
        self.position = position
        self._index(decision)

    def append(self, decisions: Sequence[Decision], *, folded: bool = False) -> None:
        """Meet what a run decides with what was recorded; the recorded is what is taken."""
        assert self.run is not None
        assert not folded
        run, rows = self.run
        for decision in decisions:
            expected = Expected.of(decision)
            row, is_same = rows.meet(expected)
            if row is None:
                continue
            if is_same:
                self.take(row.position, decision)
            else:
                self._found.append(otherwise(row, run, expected))
                self.take(row.position, recorded_in(row))


class _Pending:
    """What a fact or command decides, and what was recorded of that so far."""

    def __init__(self, cause: int, state: Overlay, expected: deque[Expected]) -> None:
        self.cause, self.state, self.expected = cause, state, expected
        self.received: list[tuple[int, Decision]] = []
        self.unmet: list[tuple[Row, Decision]] = []
        self.is_whole = True
        """Whether all that was recorded of it is what was decided, and nothing else came."""


class _Part:
    """Goes through the rows of a part."""

    def __init__(self, part: Part, named: Named, tallies: Tallies) -> None:
        self._part, self._named, self._tallies = part, named, tallies
        self._found: list[Difference] = []
        self._memory = _PartMemory(self._found)
        self._tallied: list[Tallied] = []
        self._pending: _Pending | None = None
        self._told = 0

    def decide(self, rows: Iterable[Row]) -> Iterator[Difference | Tallied]:
        seen = filter(self._part.sees, rows)
        for row in seen:
            if TOPICS.get(row.topic) is AccrualRun:
                self._run(row, seen)
            else:
                self._take(row)
            if self._found or self._tallied:
                yield from self._drained()
        self._flush()
        yield from self._drained()

    def _drained(self) -> Iterator[Difference | Tallied]:
        yield from self._found
        yield from self._tallied
        self._found.clear()
        self._tallied.clear()

    # --- one row after the other -----------------------------------------------------------------

    def _take(self, row: Row) -> None:
        cls = TOPICS.get(row.topic)
        if cls is not None and issubclass(cls, Decision):
            if cls not in LEFT_OUT:
                self._receive(row)
            elif cls is AccrualCompleted:
                self._flush()
                self._memory.take(row.position, recorded_in(row))
            return
        self._flush()
        data = read(row)
        event = self._memory.told(row, data)
        self._told = row.position
        if isinstance(data, Fact):
            if type(data) in DECIDING and self._concerns(data):
                state = Overlay(self._memory.state)
                with self._undecidable(row):
                    self._await(event, state, answer(state, event))
        elif isinstance(data, PeriodClosed):
            with self._undecidable(row):
                self._close(event, data)
        elif isinstance(data, Command):
            state = Overlay(self._memory.state)
            if self._concerns_command(data):
                with self._undecidable(row):
                    decided = decide_command(self._memory, state, event, self._named)
                    self._await(event, state, decided)

    @contextmanager
    def _undecidable(self, row: Row) -> Iterator[None]:
        """Tell of an event on which nothing can be decided: it cannot follow from those before."""
        try:
            yield
        except Corrupt:
            raise
        except _UNFOUNDED as error:
            said = f"{type(error).__name__}: {error}"
            self._found.append(undecidable(row, said))

    def _await(self, event: Recorded, state: Overlay, decided: Sequence[Decision]) -> None:
        """Compare what was recorded next with what is decided, the draft of which is ``state``."""
        expected = deque(Expected.of(each) for each in decided if self._owns(each))
        self._pending = pending = _Pending(event.position, state, expected)
        pending.is_whole = len(expected) == len(decided)

    def _owns(self, decision: Decision) -> bool:
        members = decision.__dict__
        return self._part.owns(decision.stream, members.get("partner_id"), members.get("client_id"))

    def _receive(self, row: Row) -> None:
        """Take a decision that a fact or command brought, of this part or not."""
        pending = self._pending
        if pending is None:
            pending = self._pending = _Pending(self._told, Overlay(self._memory.state), deque())
        cls = TOPICS[row.topic]
        if cls in OF_CLOSES:
            is_own = self._part.is_common
        else:
            is_own = self._part.owns(row.stream, row.partner_id, row.client_id)
        if is_own:
            for index, expected in enumerate(pending.expected):
                if expected.is_recorded_as(row):
                    del pending.expected[index]
                    pending.received.append((row.position, expected.decision))
                    pending.is_whole &= index == 0
                    return
        recorded = recorded_in(row)
        if is_own:
            pending.unmet.append((row, recorded))
        pending.is_whole = False
        pending.received.append((row.position, recorded))

    def _flush(self) -> None:
        """Take over what was recorded of the last fact or command; tell what differs."""
        pending, self._pending = self._pending, None
        if pending is None:
            return
        memory = self._memory
        if pending.is_whole and not pending.expected:
            memory.state.changed.update(pending.state.changed)
            for position, decision in pending.received:
                memory.note(position, decision)
            return
        for position, decision in pending.received:
            memory.take(position, decision)
        for row, recorded in pending.unmet:
            twin = _twin(pending.expected, recorded)
            if twin is None:
                self._found.append(not_decided(row, pending.cause, recorded))
            else:
                self._found.append(otherwise(row, pending.cause, twin))
        self._found += [not_recorded(pending.cause, each) for each in pending.expected]

    # --- what concerns this part -----------------------------------------------------------------

    def _concerns(self, fact: Fact) -> bool:
        """Whether a fact may bring a decision that this part compares."""
        part, state = self._part, self._memory.state
        if isinstance(fact, LeadCaptured | LeadConverted):
            return part.is_common or self._of_lead(lead_of(state, fact.lead_id))
        if isinstance(fact, PartnerEnrolled):
            waiting = partner_of(state, fact.partner_id).waiting
            return part.is_common or any(each.client_id in part.clients for each in waiting)
        members = fact.__dict__
        return part.owns(fact.stream, members.get("partner_id"), members.get("client_id"))

    def _of_lead(self, lead: Lead) -> bool:
        return any(word.client_id in self._part.clients for word in lead.words)

    def _concerns_command(self, command: Command) -> bool:
        if isinstance(command, AttributionAssignmentRequested):
            return command.client_id in self._part.clients
        if isinstance(command, FactRetracted):
            named = self._named.facts.get((command.source, command.id))
            return named is not None and isinstance(named.data, Fact) and self._concerns(named.data)
        return True

    # --- closes and runs -------------------------------------------------------------------------

    def _close(self, event: Recorded, command: PeriodClosed) -> None:
        memory = self._memory
        decided: Sequence[Decision] = ()
        if self._part.is_common:
            tallies = self._tallies.get(event.position, {})
            spans = {board.span for board in closes.boards(memory.ledger, command.month)}
            known = {span: tallies.get(span, ()) for span in spans}
            decided = decide_rankings(memory, event, known)
        else:
            for span in {each.span for each in closes.boards(memory.ledger, command.month)}:
                of_part = [t for t in memory.tallies(span) if t.partner_id in self._part.partners]
                self._tallied.append(Tallied(event.position, span, tuple(of_part)))
        expected = deque(map(Expected.of, decided))
        self._pending = _Pending(event.position, Overlay(memory.state), expected)
        # What a close decides changes no entity, so there is nothing to take over from the draft.
        self._pending.is_whole = False

    def _run(self, row: Row, rows: Iterator[Row]) -> None:
        """Decide a run on what was recorded up to its position, whatever came meanwhile."""
        self._flush()
        memory = self._memory
        memory.told(row, read(row))
        self._told = row.position
        of_run, others = _until_complete(rows)
        if self._part.is_common:
            memory.changed = Changes()
            for each in of_run:
                memory.take(each.position, recorded_in(each))
        else:
            recorded = RunRows(of_run)
            memory.run = row.position, recorded
            with self._undecidable(row):
                MemoryRun(memory, self._part.partners).decide()
            memory.run = None
            self._take_left(row.position, recorded)
        for each in others:
            self._take(each)

    def _take_left(self, run: int, recorded: RunRows) -> None:
        """What of a run was recorded and is not decided, or the other way round."""
        left: list[tuple[int, Decision]] = []
        for row, expected in recorded.left():
            if row is None:
                assert expected is not None
                self._found.append(not_recorded(run, expected))
                continue
            data = recorded_in(row)
            left.append((row.position, data))
            if expected is not None:
                self._found.append(otherwise(row, run, expected))
            elif earner_of(data) in self._part.partners:
                self._found.append(not_decided(row, run, data))
        for position, data in sorted(left, key=lambda one: one[0]):
            self._memory.take(position, data)


def _until_complete(rows: Iterator[Row]) -> tuple[list[Row], list[Row]]:
    """What a run decided, and what else was recorded until it was complete."""
    of_run: list[Row] = []
    others: list[Row] = []
    for row in rows:
        name = row.topic.partition("/")[0]
        if name == AccrualCompleted.type:
            others.append(row)
            break
        if name in _OF_RUNS and _OF_ENROLMENTS not in row.state:
            of_run.append(row)
        else:
            others.append(row)
    return of_run, others


def _twin(expected: deque[Expected], recorded: Decision) -> Expected | None:
    """The decision, taken out, that should stand where another of its type and stream does."""
    for index, each in enumerate(expected):
        if type(each.decision) is type(recorded) and each.decision.stream == recorded.stream:
            del expected[index]
            return each
    return None
