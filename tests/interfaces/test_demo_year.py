"""The demo year: the same everywhere, told through the door of real data, with all its turns."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from events.billing import (
    ClientActivated,
    ClientChurned,
    ClientPlanChanged,
    DemoHeld,
    TrialEnded,
    TrialStarted,
)
from events.envelope import Message, decode
from events.errors import Rejection
from events.partners import (
    LeadCaptured,
    LeadConverted,
    PartnerEnrolled,
    PayoutFailed,
    PayoutSettled,
)
from interfaces.demo import year as demo
from interfaces.demo.lots import Lots
from interfaces.demo.messages import SOURCES, add_months
from interfaces.demo.settlements import Initiated, settle

PARIS = ZoneInfo("Europe/Paris")
RECEIVED = datetime(2027, 1, 1, tzinfo=UTC)

DIGEST = "11e0b9297af138517552da0603d13eb8614f613004a76af566d05ba4fbce1a1f"
"""SHA-256 of all lines: one year, on every machine and Python."""


BAD = (b'"id":"billing-retry-1"', demo.SANDBOX.encode())
"""What the lines that are refused have in them."""


@cache
def months() -> tuple[demo.Month, ...]:
    """The year, drawn once."""
    return tuple(demo.year())


@cache
def told() -> tuple[tuple[str, Message], ...]:
    """Every message that the door takes, with the month of its delivery."""
    return tuple(_decoded())


def _decoded() -> Iterator[tuple[str, Message]]:
    for month in months():
        for line in month.lines:
            if not any(bad in line for bad in BAD):
                yield month.month, decode(line, RECEIVED)


def _paris_month(message: Message) -> str:
    return message.effective_at.astimezone(PARIS).strftime("%Y-%m")


def _activations() -> dict[str, ClientActivated]:
    """The first activation of each client that came for money."""
    found: dict[str, ClientActivated] = {}
    for _, message in told():
        if isinstance(message.data, ClientActivated) and message.data.price > 0:
            found.setdefault(message.data.client_id, message.data)
    return found


def test_the_year_is_the_same_everywhere() -> None:
    """Also in another process, whose hashes of text are seeded otherwise."""
    lines = b"".join(line for month in months() for line in month.lines)
    assert hashlib.sha256(lines).hexdigest() == DIGEST
    script = (
        "import hashlib, interfaces.demo.year as demo;"
        "print(hashlib.sha256(b''.join(l for m in demo.year() for l in m.lines)).hexdigest())"
    )
    again = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONHASHSEED": "7"},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    assert again.stdout.strip() == DIGEST


def test_deliveries_are_the_past_and_twelve_months() -> None:
    """In order, each with the last day of its month."""
    assert [month.month for month in months()] == [
        "2025-12",
        *(f"2026-{number:02d}" for number in range(1, 13)),
    ]
    assert [month.through.isoformat()[:7] for month in months()] == [
        month.month for month in months()
    ]
    assert months()[2].through == date(2026, 2, 28)


def test_the_door_refuses_two_lines() -> None:
    """The bad ones, for their prices; all others are well-formed facts."""
    refused: list[str] = []
    for month in months():
        for line in month.lines:
            try:
                decode(line, RECEIVED)
            except Rejection as rejection:
                refused.append(str(rejection))
    assert len(refused) == 2
    assert all("price" in each for each in refused)


def test_two_messages_come_twice_and_say_the_same() -> None:
    """One within its delivery, one two months later."""
    lines = Counter(line for month in months() for line in month.lines)
    keys = Counter((message.source, message.id) for _, message in told())
    assert sorted(count for count in lines.values() if count > 1) == [2, 2]
    assert sorted(count for count in keys.values() if count > 1) == [2, 2]
    of_a_duplicate = [
        {month.month for month in months() if line in month.lines}
        for line, count in lines.items()
        if count == 2
    ]
    assert sorted(map(len, of_a_duplicate)) == [1, 2]


def test_nothing_is_told_before_it_happened_and_some_of_it_late() -> None:
    """Late facts both ways: what becomes larger (a better plan) and smaller (a churn)."""
    late: Counter[str] = Counter()
    for month, message in told():
        own = max(_paris_month(message), "2025-12")
        assert own <= month
        if own < month:
            late[message.data.type] += 1
    assert late["client.plan_changed"] >= 10
    assert late["client.churned"] >= 5
    assert late["client.activated"] >= 5
    assert late["referral.registered"] >= 3


def test_within_a_delivery_the_late_come_first_then_all_in_order() -> None:
    """What was told late waits for nothing; the others are told as they happened."""
    for month in months()[1:]:
        lines = [line for line in month.lines if not any(bad in line for bad in BAD)]
        instants = [decode(line, RECEIVED).effective_at for line in lines]
        own = [
            instant
            for instant in instants
            if instant.astimezone(PARIS).strftime("%Y-%m") == month.month
        ]
        ordered = own[:-1] if month.month == "2026-03" else own
        assert ordered == sorted(ordered)
        first = instants.index(own[0])
        assert len(instants) - first - len(own) in {0, 1}


def test_a_few_are_activated_at_night() -> None:
    """At 23:30Z it is the next day in Paris (D2)."""
    nights = [
        message
        for _, message in told()
        if isinstance(message.data, ClientActivated)
        and message.effective_at.strftime("%H:%M") == "23:30"
    ]
    assert len(nights) >= 10
    for message in nights:
        assert message.effective_at.date() < message.effective_at.astimezone(PARIS).date()


def test_partners_are_of_all_kinds_in_many_departments() -> None:
    """Sixty, ten of them founding, some with a sponsor that joined before them."""
    enrolled = {
        message.data.partner_id: (message.effective_at, message.data)
        for _, message in told()
        if isinstance(message.data, PartnerEnrolled)
    }
    facts = [fact for _, fact in enrolled.values()]
    assert len(facts) == 60
    assert {fact.kind for fact in facts} == {"referral", "reseller", "tech", "oem"}
    assert len({fact.department for fact in facts}) >= 12
    assert sum(fact.founding for fact in facts) == 10
    sponsored = [fact for fact in facts if fact.sponsor_id is not None]
    assert len(sponsored) == 8
    for fact in sponsored:
        assert fact.sponsor_id is not None
        assert enrolled[fact.sponsor_id][0] < enrolled[fact.partner_id][0]


def test_clients_pay_the_plans_of_the_programme() -> None:
    """About two thousand: 59, 149 and 399 euros, some by the year, some in francs."""
    activations = _activations()
    assert 1_900 <= len(activations) <= 2_100
    plans = Counter(fact.plan for fact in activations.values())
    assert plans["starter"] > plans["pro"] > plans["enterprise"] > 80
    by_month = {
        (fact.plan, fact.price)
        for fact in activations.values()
        if fact.currency == "EUR" and fact.interval == "month"
    }
    assert by_month == {("starter", 59_00), ("pro", 149_00), ("enterprise", 399_00)}
    assert 150 < sum(fact.interval == "year" for fact in activations.values()) < 300
    assert 20 < sum(fact.currency == "CHF" for fact in activations.values()) < 100


def test_the_year_has_seasons() -> None:
    """January's contest and September's e-invoicing stand out, August rests."""
    began = Counter(
        _paris_month(message) for _, message in told() if isinstance(message.data, ClientActivated)
    )
    assert began["2026-09"] > 2 * began["2026-08"]
    assert began["2026-01"] > began["2026-02"]


def test_every_turn_of_a_client_and_a_partner_is_in_the_year() -> None:
    """Upgrades, churn and return; certifications, scores, co-marketing, ends; leads and trials."""
    count = Counter(message.data.type for _, message in told())
    assert set(count) == set(SOURCES)
    churned = {
        message.data.subscription_id: message.effective_at
        for _, message in told()
        if isinstance(message.data, ClientChurned)
    }
    back = [
        message
        for _, message in told()
        if isinstance(message.data, ClientActivated)
        and churned.get(message.data.subscription_id, RECEIVED) < message.effective_at
    ]
    assert len(churned) > 100
    assert len(back) > 20
    changed = [m.data for _, m in told() if isinstance(m.data, ClientPlanChanged)]
    assert {fact.interval for fact in changed} == {"month", "year"}


def test_the_funnel_narrows() -> None:
    """Of the leads that became nobody's client most were shown the product, fewer tried it."""
    captured = {m.data.lead_id for _, m in told() if isinstance(m.data, LeadCaptured)}
    won = {m.data.lead_id for _, m in told() if isinstance(m.data, LeadConverted)}
    steps = [m.data for _, m in told() if isinstance(m.data, DemoHeld | TrialStarted | TrialEnded)]
    cold = Counter(data.type for data in steps if data.lead_id in captured - won)
    assert 300 < len(captured - won) < len(captured)
    assert cold["demo.held"] > 2 * cold["trial.started"] > 2 * cold["trial.ended"] > 100
    assert {data.outcome for data in steps if isinstance(data, TrialEnded)} == {"won", "lost"}


def test_finance_corrects_with_two_persons() -> None:
    """A credit and an adjustment, as the commands ask for them."""
    acts = [one for month in months() for one in month.acts]
    assert all(one.requested_by != one.approved_by for one in acts)
    assert {type(one) for one in acts} == {demo.Assignment, demo.Correction, demo.Retraction}
    corrections = [one for one in acts if isinstance(one, demo.Correction)]
    assert {one.kind for one in corrections} == {"credit", "adjustment"}
    assert all(one.amount > 0 for one in corrections if one.kind == "credit")


def test_the_file_holds_the_lines_in_their_order(tmp_path: Path) -> None:
    """``commissions demo --write FILE``: the same lines, ready for ``commissions ingest``."""
    path = tmp_path / "year.jsonl"
    lines = [line for month in months() for line in month.lines]
    assert demo.write(path) == len(lines)
    assert path.read_bytes() == b"".join(lines)
    assert all(line.count(b"\n") == 1 for line in lines)


def _payouts(count: int) -> list[Initiated]:
    return [
        Initiated(f"po-20260131-EUR-{n:020x}", f"p-{n:03d}", 1_000 + n, "EUR", date(2026, 1, 31))
        for n in range(count)
    ]


def test_the_bank_answers_each_payout_once_and_always_the_same() -> None:
    """Most are settled in full some days after the cut-off, a few fail."""
    payouts = _payouts(400)
    answers = list(settle(payouts))
    assert answers == list(settle(reversed(payouts)))
    failed = 0
    for payout, line in zip(payouts, answers, strict=True):
        message = decode(line, RECEIVED)
        assert date(2026, 2, 2) <= message.effective_at.date() <= date(2026, 2, 5)
        assert isinstance(message.data, PayoutSettled | PayoutFailed)
        assert message.data.payout_id == payout.payout_id
        assert message.data.partner_id == payout.partner_id
        if isinstance(message.data, PayoutSettled):
            assert (message.data.amount, message.data.currency) == (payout.amount, "EUR")
        else:
            failed += 1
    assert 2 <= failed <= 40


def test_lots_stay_in_their_bounds() -> None:
    """Both ends are drawn, nothing beyond them, and one seed draws one sequence."""
    lots = Lots("bounds")
    assert {lots.whole(2, 5) for _ in range(200)} == {2, 3, 4, 5}
    assert {lots.weighted((("a", 1), ("b", 0), ("c", 2))) for _ in range(200)} == {"a", "c"}
    one, two = date(2026, 2, 27), date(2026, 3, 1)
    assert {lots.day(one, two) for _ in range(200)} == {one, date(2026, 2, 28), two}
    assert not any(lots.chance(0) for _ in range(100))
    assert all(lots.chance(1_000) for _ in range(100))
    pairs = zip(iter_lots("x"), iter_lots("x"), strict=False)
    assert all(first == second for first, second in itertools.islice(pairs, 50))


def iter_lots(seed: str) -> Iterator[int]:
    """The draws of a seed, without end."""
    lots = Lots(seed)
    while True:
        yield lots.below(1_000_000)


@pytest.mark.parametrize(
    ("day", "months_later", "expected"),
    [
        (date(2026, 1, 31), 1, date(2026, 2, 28)),
        (date(2026, 1, 31), 2, date(2026, 3, 31)),
        (date(2026, 11, 30), 3, date(2027, 2, 28)),
        (date(2025, 12, 15), 12, date(2026, 12, 15)),
    ],
)
def test_months_are_clamped_to_their_end(day: date, months_later: int, expected: date) -> None:
    """D2's calendar, in the generator's own words."""
    assert add_months(day, months_later) == expected


def test_the_bad_line_is_one_line_of_json() -> None:
    """It is well-formed JSON, so that the reason given is its price and nothing else."""
    [line] = [
        line for month in months() for line in month.lines if b'"id":"billing-retry-1"' in line
    ]
    assert isinstance(json.loads(line)["data"]["price"], float)
