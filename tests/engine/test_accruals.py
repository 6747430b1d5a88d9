"""What a run looks at of a client, in which order, and what it leaves in force (D8.1, D9)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from events.decisions import Term
from events.lines import AdjustmentPosted, CommissionPosted
from ledger.engine.commissions import Account, PartnerAccrual
from ledger.engine.posted import Period, Posted, PostedPeriods, names_of, rivals_of
from ledger.engine.state import Enrolment, Ledger, Partner, Run, ledger_of
from tests.engine.journal import Journal
from tests.engine.test_sponsorship import line, taken
from tests.rules.programmes import plain

JANUARY, FEBRUARY, MARCH = (date(2024, month, 10) for month in (1, 2, 3))
PERIOD = "c1", JANUARY


def accrual(opened_on: date | None = None, previous: date | None = None) -> PartnerAccrual:
    """The run at position 9 through 31 March 2024, for p1."""
    ledger: Ledger = ledger_of(Journal(plain()).state)._replace(opened_on=opened_on)
    partner = Partner("p1", Enrolment(date(2024, 1, 1), 2, founding=False))
    return PartnerAccrual(ledger, Run(9, date(2024, 3, 31), previous, 0), partner)


def account(
    price: int = 10_000, subs: tuple[str, ...] = ("c1",), *, touched: bool = True, **more: Any
) -> Account:
    """C1 of p1, monthly from 10 January on."""
    term = Term(
        start=JANUARY, end=None, anchor=JANUARY, interval="month",
        plan="pro", price=price, currency="EUR", activation=3, price_fact=3,
    )  # fmt: skip
    terms = dict.fromkeys(subs, (term,))
    return Account("c1", "p1", 3, JANUARY, terms, touched, **more)


def posted(*days: date, price: int = 10_000) -> dict[Period, Posted]:
    """The periods of some days, 20 % of a price posted for each."""
    found: dict[Period, Posted] = {}
    for position, day in enumerate(days, start=5):
        first = line(price, day)
        assert isinstance(first, CommissionPosted)
        found["c1", day] = Posted(position, first, first.amount, first.base)
    return found


def decided(run: PartnerAccrual, client: Account) -> list[tuple[str, str, date, int]]:
    """Each line: its rule, subscription, S, amount."""
    return [
        (one.rule, one.subscription_id, one.day, one.amount)  # type: ignore[attr-defined]
        for one in run.lines(client)
    ]


@pytest.mark.parametrize("touched", [True, False])
def test_lines_are_in_the_order_of_subscription_and_day(*, touched: bool) -> None:
    """D8.1: whatever the order in which subscriptions were told."""
    found = decided(accrual(previous=FEBRUARY), account(subs=("s2", "s1"), touched=touched))
    days = (JANUARY, FEBRUARY, MARCH) if touched else (MARCH,)
    assert found == [("D7", sub, day, 2_000) for sub in ("s1", "s2") for day in days]


@pytest.mark.parametrize(
    ("claim", "activation", "price", "facts"),
    [
        (3, 3, 3, (3,)),
        (3, 4, 4, (3, 4)),
        (4, 3, 3, (3, 4)),
        (3, 3, 5, (3, 5)),
        (5, 3, 4, (3, 4, 5)),
    ],
)
def test_a_line_names_the_claim_the_activation_and_the_price(
    claim: int, activation: int, price: int, facts: tuple[int, ...]
) -> None:
    """D18.5: each fact once, in the order of telling."""
    client = account()._replace(claim=claim)
    (term,) = client.terms["c1"]
    assert isinstance(term, Term)
    told = term.model_copy(update={"activation": activation, "price_fact": price})
    lines = list(accrual().lines(client._replace(terms={"c1": (told,)})))
    assert {one.facts for one in lines} == {facts}  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("settled", "opened", "looked_at"),
    [
        (None, None, (JANUARY, FEBRUARY, MARCH)),
        (date(2024, 1, 9), None, (JANUARY, FEBRUARY, MARCH)),
        (JANUARY, None, (FEBRUARY, MARCH)),
        (FEBRUARY, None, (MARCH,)),
        (None, JANUARY, (JANUARY, FEBRUARY, MARCH)),
        (None, date(2024, 1, 11), (FEBRUARY, MARCH)),
        (JANUARY, date(2024, 2, 11), (MARCH,)),
        (FEBRUARY, date(2024, 1, 11), (MARCH,)),
        (JANUARY, JANUARY, (FEBRUARY, MARCH)),
    ],
)
def test_what_is_settled_or_before_the_opening_is_not_looked_at(
    settled: date | None, opened: date | None, looked_at: tuple[date, ...]
) -> None:
    """D8.3: the later of the two; what is posted and what is new are compared from there on."""
    run = accrual(opened)
    missing = decided(run, account(12_000, posted=posted(*looked_at), settled_through=settled))
    assert missing == [("D9.1", "c1", day, 400) for day in looked_at]
    assert decided(run, account(settled_through=settled)) == [
        ("D7", "c1", day, 2_000) for day in looked_at
    ]


def test_periods_up_to_a_settled_day_stay_as_they_were_left() -> None:
    """Even one that is not due any more."""
    lost = posted(JANUARY, FEBRUARY)
    client = account(posted=lost, settled_through=JANUARY)._replace(terms={})
    assert decided(accrual(), client) == [("D9.2", "c1", FEBRUARY, 2_000)]


GONE = replace(posted(JANUARY)[PERIOD], amount=0, base=0, taken_back=True)
HALF = replace(posted(JANUARY)[PERIOD], amount=1_000, base=5_000, taken_back=True)


@pytest.mark.parametrize(
    ("period", "now", "unretracted", "stays"),
    [
        # One that is due is in nobody's way: as it was posted, worth more, or taken back before.
        (posted(JANUARY)[PERIOD], 10_000, None, False),
        (posted(JANUARY)[PERIOD], 12_000, 10_000, False),
        (posted(JANUARY)[PERIOD], 5_000, 10_000, False),
        (GONE, 10_000, 10_000, False),
        (HALF, 10_000, 10_000, False),
        # Not due: waived if no retraction says so, else taken back.
        (posted(JANUARY)[PERIOD], None, None, True),
        (posted(JANUARY)[PERIOD], None, 10_000, False),
        (posted(JANUARY)[PERIOD], None, 5_000, True),
        # Taken back before: wholly, in part and what is left waived, or taken back now.
        (GONE, None, None, False),
        (HALF, None, None, True),
        (HALF, None, 5_000, False),
    ],
)
def test_what_a_run_leaves_in_force(
    period: Posted, now: int | None, unretracted: int | None, *, stays: bool
) -> None:
    """D18.3: a first line, not due, of which this run does not take back all that there is."""

    def worth(price: int | None) -> Account:
        found = account(price or 0)
        return found if price is not None else found._replace(terms={})

    client = worth(now)._replace(posted={PERIOD: period})
    if unretracted is not None:
        client = client._replace(unretracted=worth(unretracted))
    found = accrual().in_force_after(client)
    assert found == ({("c1", *PERIOD): period} if stays else {})


@pytest.mark.parametrize(
    ("retracted", "named"),
    [
        ({4: 11}, (4, 11)),
        # What the period rested on, whatever was retracted after it; of several the last.
        ({4: 11, 7: 12}, (4, 11)),
        ({4: 12, 3: 11}, (4, 12)),
        ({4: 11, 3: 12}, (3, 12)),
        # Neither the claim nor the activation nor the price: the last.
        ({7: 11, 6: 12}, (6, 12)),
    ],
)
def test_a_take_back_names_the_retraction_that_it_rested_on(
    retracted: dict[int, int], named: tuple[int, int]
) -> None:
    """D9.5, D18.5: the fact, and the command that retracted it."""
    (term,) = account(price=10_000).terms["c1"]
    assert isinstance(term, Term)
    told = term.model_copy(update={"price_fact": 4})
    other = account()._replace(terms={"c1": (told,)})
    client = account(8_000, posted=posted(JANUARY), settled_through=date(2024, 1, 9))
    client = client._replace(unretracted=other, retracted=retracted)
    [found] = [one for one in accrual().lines(client) if isinstance(one, AdjustmentPosted)]
    assert (found.facts, found.command) == ((named[0],), named[1])


def test_a_payment_is_named_in_the_whole_ledger() -> None:
    """D18.3: whatever its client and S; a period by schedule is its client's."""
    paid = ("s", JANUARY, "i1", "")
    assert bars(("c1", paid), ("c2", ("t", FEBRUARY, "i1", "")))
    assert not bars(("c1", paid), ("c1", ("s", JANUARY, "i1", "a")))
    assert bars(("c1", ("s", JANUARY)), ("c1", ("s", JANUARY)))
    assert not bars(("c1", ("s", JANUARY)), ("c2", ("s", JANUARY)))


def test_a_period_is_paid_by_schedule_or_on_invoices() -> None:
    """D18.3: what was paid for it bars the schedule, and the other way round."""
    scheduled, paid = ("s", JANUARY), ("s", JANUARY, "i1", "a")
    for one, other in ((scheduled, paid), (paid, scheduled)):
        assert bars(("c1", one), ("c1", other))
        assert not bars(("c1", one), ("c2", other))
        assert not bars(("c1", one), ("c1", (other[0], FEBRUARY, *other[2:])))


def bars(posted: tuple[str, Period], due: tuple[str, Period]) -> bool:
    """Whether a period in force keeps another, both with their clients, from a first line."""
    return not {*names_of(*posted)}.isdisjoint(rivals_of(*due))


@pytest.mark.parametrize("touched", [False, True])
def test_nothing_is_posted_in_the_place_of_what_is_in_force(*, touched: bool) -> None:
    """D18.3: of what is due only what has no rival."""
    client = account()._replace(touched=touched, rivals={("c1", PERIOD[0], FEBRUARY)})
    everything = decided(accrual(), client._replace(rivals=frozenset()))
    found = decided(accrual(), client)
    assert found == [one for one in everything if one[2] != FEBRUARY]
    assert len(found) == len(everything) - 1


def test_finance_may_name_what_was_taken_back() -> None:
    """D9.4: it is of its line's period, and makes that finance's; one of no line is of none."""
    folded = PostedPeriods()
    for position, event in ((5, line(100, JANUARY)), (6, taken(40, of=5)), (7, taken(9, of=None))):
        folded.fold(position, event)
    [found] = folded.by_account["c1", "p1"].values()
    assert (found.amount, found.base, found.adjusted) == (19, 60, False)
    folded.fold(8, taken(None, of=6, rule="D9.4"))
    assert folded.by_account["c1", "p1"][PERIOD] == replace(found, adjusted=True)
