"""Playing a story to ledgers, and asking them what must be true of any ledger (D18)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta

from ledger.errors import LedgerError
from replay.recompute import PART_EVENTS, recompute
from tests.model.accrual import is_in_force
from tests.model.commands import Accrue, Adjust, Close, Open
from tests.model.journal import LedgerUnderTest, Message, perform
from tests.model.views import OF_PERIOD, Balance, LineView, PeriodKey, TierView
from tests.properties.stories import DAYS, AdjustLine, Step, Story
from tests.rules.ledger_adapter import _database
from tests.rules.looking import looking

Watch = Callable[[Step], None]
Balances = Mapping[tuple[str, str], Balance]
"""By partner and currency."""

QUARTERS = ("2023Q4", "2024Q1", "2024Q2", "2024Q3", "2024Q4", "2025Q1")
"""Those in which clients of stories count."""

RULES = {
    "commission": {"D7", "D9.1"},
    "margin": {"D13", "D9.1"},
    "waiver": {"D9.2"},
    "bonus": {"D10.1"},
    "contest": {"D10.2"},
    "reward": {"D11.1"},
    "override": {"D11.2"},
    "prize": {"D12.1", "D12.3", "D10.3"},
    "credit": {"D9.4"},
    "adjustment": {"D9.4", "D9.5", "D8.3", "D13"},
}
"""The rules that a line of each kind may name (D18)."""


def decided_otherwise(part_events: int = PART_EVENTS) -> list[str]:
    """What in the ledger at hand is not decided again as it was recorded (D18.10)."""
    with looking(_database()) as connection:
        found = recompute(connection, part_events=part_events)
    return [each.what for each in found.differences]


def play(story: Story, *ledgers: LedgerUnderTest, watch: Watch | None = None) -> None:
    """Tell ledgers a story step by step; all refuse the same commands.

    An adjustment names a line of the first ledger. ``watch`` is called after each step that none
    refused.
    """
    for step in story:
        refused = {_tell(ledger, step, ledgers[0]) for ledger in ledgers}
        assert len(refused) == 1, f"only some refused {step}"
        if watch is not None and refused == {False}:
            watch(step)


def refusals(story: Story, ledger: LedgerUnderTest) -> list[bool]:
    """Tell one ledger a story; of each step whether it refused it."""
    return [_tell(ledger, step, ledger) for step in story]


def _tell(ledger: LedgerUnderTest, step: Step, first: LedgerUnderTest) -> bool:
    """Tell one ledger one step; True if it refused."""
    try:
        if isinstance(step, list):
            ledger.record(step)
        elif isinstance(step, AdjustLine):
            adjustment = _named(step, first)
            if adjustment is not None:
                perform(ledger, adjustment)
        else:
            perform(ledger, step)
    except LedgerError:
        return True
    return False


def _named(step: AdjustLine, first: LedgerUnderTest) -> Adjust | None:
    firsts = [line for line in first.lines() if line.is_first]
    once = Counter(replace(line.period, payment=()) for line in firsts)
    firsts = [line for line in firsts if once[replace(line.period, payment=())] == 1]
    lines = sorted(firsts, key=LineView.comparable)
    if not lines:
        return None
    line = lines[step.number % len(lines)]
    return Adjust(line.partner_id, step.amount, line.currency, line=line.period)


def lines_of(ledger: LedgerUnderTest) -> list[tuple[str, ...]]:
    """All lines, in an order that does not depend on their posting."""
    return sorted(line.comparable() for line in ledger.lines())


def tiers_of(ledger: LedgerUnderTest) -> list[TierView]:
    """All changes of tier, partner by partner, each partner's in their order."""
    return sorted(ledger.tiers(), key=lambda change: change.partner_id)


def messages_of(story: Story) -> list[Message]:
    """All messages of a story."""
    return [message for step in story if isinstance(step, list) for message in step]


def last_run(story: Story) -> date:
    """The day of the last run, or the eve of the opening, before which no run is (D8.3)."""
    eves = [step.day - timedelta(days=1) for step in story if isinstance(step, Open)]
    return max([step.through for step in story if isinstance(step, Accrue)] + eves)


def assert_same(one: LedgerUnderTest, other: LedgerUnderTest) -> None:
    """Two ledgers answer every question alike."""
    lines = [Counter(lines_of(ledger)) for ledger in (one, other)]
    assert lines[0] == lines[1], [lines[0] - lines[1], lines[1] - lines[0]]
    for name in ("claims", "payouts"):
        assert sorted(getattr(one, name)()) == sorted(getattr(other, name)()), name
    assert tiers_of(one) == tiers_of(other)
    clients = [{view.client_id: view for view in x.clients()} for x in (one, other)]
    assert clients[0] == clients[1]
    assert one.balances() == other.balances()
    assert one.trial_balance() == other.trial_balance()


def assert_same_everywhere(one: LedgerUnderTest, other: LedgerUnderTest) -> None:
    """Two ledgers answer alike, also about badges, rankings, territories, brands and sponsors."""
    assert_same(one, other)
    for name in ("badges", "grants", "sponsors"):
        assert sorted(getattr(one, name)()) == sorted(getattr(other, name)()), name
    for quarter in QUARTERS:
        assert sorted(one.leaderboard(quarter)) == sorted(other.leaderboard(quarter)), quarter
    for day in DAYS:
        assert one.territories_on(day) == other.territories_on(day), day


def assert_no_negative_lines(lines: Sequence[LineView]) -> None:
    """D18.1: no line is negative but adjustments."""
    assert [line for line in lines if line.amount < 0 and line.kind != "adjustment"] == []


def assert_earned_is_the_lines(lines: Sequence[LineView], balances: Balances) -> None:
    """D18.2: what is earned is the sum of lines, none of which lowers it."""
    earned: Counter[tuple[str, str]] = Counter()
    for line in lines:
        if line.is_earned:
            before = earned[line.partner_id, line.currency]
            earned[line.partner_id, line.currency] += line.amount
            assert earned[line.partner_id, line.currency] >= before
    assert {k: b.earned for k, b in balances.items() if b.earned} == {
        k: v for k, v in earned.items() if v
    }


def assert_one_first_line(lines: Sequence[LineView]) -> None:
    """D18.3: no period has two first lines in force; one wholly taken back is not."""
    posted: dict[PeriodKey, list[LineView]] = {}
    for line in _with_payments(lines):
        if line.has_period:
            posted.setdefault(line.period, []).append(line)
    in_force = Counter(
        replace(period, partner_id="") for period, its in posted.items() if is_in_force(its)
    )
    firsts = Counter(line.period for line in lines if line.is_first)
    assert [period for period, count in (in_force + firsts).items() if count > 1] == []
    paid = {replace(period, payment=()) for period in in_force if period.payment}
    assert paid.isdisjoint(period for period in in_force if not period.payment)


def _with_payments(lines: Sequence[LineView]) -> Iterator[LineView]:
    """The lines; a take-back, which names no payment, with that of the first line before it.

    Of several payments for one S it is that of which so much stands.
    """
    stands: dict[PeriodKey, dict[tuple[str, ...], int]] = {}
    for line in lines:
        if not line.has_period or line.kind == "waiver":
            yield line
            continue
        of_one = stands.setdefault(replace(line.period, payment=()), {})
        payment = line.payment
        if line.is_take_back and not payment and of_one:
            payment = max(of_one, key=lambda one: (of_one[one] == -line.amount, of_one[one]))
        of_one[payment] = of_one.get(payment, 0) + line.amount
        yield replace(line, payment=payment)


def assert_postings_balance(trial: Mapping[tuple[str, str], int], balances: Balances) -> None:
    """D18.4 and D17: zero in sum; payable and in flight are what the balances say."""
    sums: Counter[str] = Counter()
    payable: Counter[str] = Counter()
    in_flight: Counter[str] = Counter()
    for (_, currency), amount in trial.items():
        sums[currency] += amount
    for (_, currency), balance in balances.items():
        payable[currency] += balance.payable
        in_flight[currency] += balance.in_flight
    assert set(sums.values()) <= {0}
    for currency, amount in payable.items():
        assert trial.get(("partner_payable", currency), 0) == -amount
        assert trial.get(("payouts_in_flight", currency), 0) == -in_flight[currency]


def assert_decisions_name_their_grounds(lines: Sequence[LineView]) -> None:
    """D18.5: every line names its rule; a period's line its facts and programme version too."""
    for line in lines:
        assert line.rule in RULES[line.kind]
        if line.kind in OF_PERIOD:
            assert line.facts
            assert line.programme_version


def assert_always_true(ledger: LedgerUnderTest) -> None:
    """All of D18 that can be asked of a ledger at rest."""
    lines, balances = ledger.lines(), ledger.balances()
    assert_no_negative_lines(lines)
    assert_earned_is_the_lines(lines, balances)
    assert_one_first_line(lines)
    assert_postings_balance(ledger.trial_balance(), balances)
    assert_decisions_name_their_grounds(lines)


class ClosedStatements:
    """D18.9: a closed statement never changes; each is kept when its month is closed."""

    def __init__(self, ledger: LedgerUnderTest) -> None:
        self._ledger = ledger
        self._kept: dict[tuple[str, str], bytes] = {}

    def watch(self, step: Step) -> None:
        """Keep the statements of a month that was closed now."""
        if isinstance(step, Close):
            for partner in self._partners():
                key = (partner, step.month)
                self._kept[key] = self._ledger.statement(*key)

    def assert_unchanged(self) -> None:
        """Every statement kept is what the ledger gives now."""
        for key, kept in self._kept.items():
            assert self._ledger.statement(*key) == kept

    def _partners(self) -> set[str]:
        return {tier.partner_id for tier in self._ledger.tiers()}


class Earned:
    """D18.2, step by step: cumulative earned never falls."""

    def __init__(self, ledger: LedgerUnderTest) -> None:
        self._ledger = ledger
        self._last: dict[tuple[str, str], Balance] = {}

    def watch(self, _: Step) -> None:
        """Compare with the step before."""
        now = self._ledger.balances()
        for pair, before in self._last.items():
            assert now[pair].earned >= before.earned
        self._last = now
