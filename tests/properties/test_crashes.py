"""A stateful machine over the real store: crash anywhere, reopen, go on; the model never crashes.

A crash is a process that stops at one of its appends: before it is committed, or just after. What a
killed command left open the next command finishes, as it stood when it was recorded (D8.1).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import date
from typing import Any
from unittest import mock

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from ledger import deciding
from ledger.appending import Appender
from ledger.errors import LedgerError
from tests.model.commands import Accrue, Command, Pay
from tests.model.days import month_of
from tests.model.journal import Message
from tests.model.naive import NaiveLedger
from tests.properties.every_rule import stories_of_every_rule
from tests.properties.play import assert_always_true, assert_same, decided_otherwise, play
from tests.properties.stories import CUTOFFS, DAYS, Story, stories
from tests.rules.ledger_adapter import RealLedger, open_ledger

crashes = st.none() | st.tuples(st.integers(0, 5), st.booleans())
"""None, or the append at which the process dies, and whether that append is committed first."""


class Killed(BaseException):
    """The process is gone: nothing handles this."""


@contextmanager
def dying(crash: tuple[int, bool] | None) -> Iterator[list[bool]]:
    """Let the process die at its n-th transaction; the list says whether it did."""
    died = [False]
    if crash is None:
        yield died
        return
    left, committed = crash
    count = [left]
    whole = Appender.transaction

    @contextmanager
    def transaction(self: Appender) -> Iterator[Any]:
        dies = count[0] == 0
        count[0] -= 1
        with whole(self) as cursor:
            yield cursor
            if dies and not committed:
                died[0] = True
                raise Killed
        if dies:
            died[0] = True
            raise Killed

    with mock.patch.object(Appender, "transaction", transaction):
        yield died


@settings(
    max_examples=max(10, settings().max_examples // 5),
    stateful_step_count=12,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
class Crashes(RuleBasedStateMachine):
    """Facts and commands, any of which may die on its way, against the model."""

    def __init__(self) -> None:
        super().__init__()
        self._stack = ExitStack()
        self._stack.enter_context(mock.patch.object(deciding, "CHUNK_ROWS", 2))
        self._stack.enter_context(mock.patch.object(deciding, "PAGE_CLIENTS", 2))
        self.real: RealLedger = self._stack.enter_context(open_ledger())
        self.model = NaiveLedger()
        self.told = 0

    @property
    def accrued(self) -> date:
        """L, which an opening moves as runs do (D8.3); before all days while there is none."""
        return self.model.accrued or date.min

    @initialize(story=stories() | stories_of_every_rule())
    def begin(self, story: Story) -> None:
        """Start with a story that ran well."""
        play(story, self.model, self.real)
        self.told = sum(len(step) for step in story if isinstance(step, list))

    @rule(story=stories() | stories_of_every_rule(), crash=crashes)
    def record(self, story: Story, crash: tuple[int, bool] | None) -> None:
        """A batch is recorded whole or not at all; told again, it counts once."""
        batch = [m for step in story if isinstance(step, list) for m in step][:6]
        batch = [
            Message(
                m.data, m.effective_at.replace(microsecond=self.told + n + 1), f"x{self.told + n}"
            )
            for n, m in enumerate(batch)
        ]
        self.told += len(batch)
        self._survive(lambda: self.real.record(batch), crash)
        self.real.record(batch)
        self.model.record(batch)

    @precondition(lambda self: self.accrued < DAYS[-1])
    @rule(step=st.sampled_from([0, 1, 3]), crash=crashes)
    def accrue(self, step: int, crash: tuple[int, bool] | None) -> None:
        """A run that was recorded is finished, however often it dies."""
        later = [day for day in DAYS if day >= self.accrued]
        through = later[min(step, len(later) - 1)]
        before = self.real.commands_recorded("accrual.run")
        self._survive(lambda: self.real.accrue(through), crash)
        if self.real.commands_recorded("accrual.run") > before:
            self.model.accrue(through)

    @rule(day=st.sampled_from(DAYS), crash=crashes)
    def close(self, day: date, crash: tuple[int, bool] | None) -> None:
        """A close accrues first; either, both or none is on record when it dies."""
        closed = self.real.commands_recorded("period.closed")
        runs = self.real.commands_recorded("accrual.run")
        month = month_of(day)
        try:
            self._survive(lambda: self.real.close(month), crash)
        except LedgerError:
            return
        if self.real.commands_recorded("period.closed") > closed:
            self.model.close(month)
        elif self.real.commands_recorded("accrual.run") > runs:
            self.model.accrue(self.accrued)

    @rule(cutoff=st.sampled_from(CUTOFFS), crash=crashes)
    def pay(self, cutoff: date, crash: tuple[int, bool] | None) -> None:
        """Payouts are initiated all or none, and once."""
        command: Command = Pay(cutoff, None)
        try:
            self._survive(lambda: self.real.pay(cutoff, None), crash)
        except LedgerError:
            return
        play([command], self.model, self.real)

    @rule()
    def reopen(self) -> None:
        """A new process knows what the old one knew."""
        self.real.reopen()

    def _survive(self, act: Callable[[], object], crash: tuple[int, bool] | None) -> None:
        with dying(crash) as died:
            try:
                act()
            except Killed:
                assert died[0]
        if died[0]:
            self.real.reopen()

    def teardown(self) -> None:
        """What is open is finished by the next command; then both ledgers are the same."""
        try:
            last = max(self.accrued, DAYS[0])
            play([Accrue(last)], self.model, self.real)
            assert_same(self.model, self.real)
            assert_always_true(self.real)
            assert decided_otherwise() == []
        finally:
            self._stack.close()


TestCrashes = Crashes.TestCase
