"""D8.3: a ledger that starts for a programme with a past."""

from __future__ import annotations

import pytest

from tests.rules.commands import assign, open_ledger, open_partner
from tests.rules.dsl import Given, commission, line
from tests.rules.facts import (
    accrue,
    activated,
    adjust,
    certified,
    changed,
    churned,
    close,
    credit,
    enrolled,
    nps,
    pay,
    referred,
)
from tests.rules.programmes import programme, quick, small

PAST = (enrolled("2023-01-01"), activated("2023-05-10", partner="p1"))
"""A client of p1 in its second year from 10 May 2024 on."""


def test_d8_3_no_line_has_a_day_before_the_opening(given: Given) -> None:
    """Earlier facts count for attribution and client year: year 2 from 10 May."""
    story = given(*PAST, open_ledger("2024-04-01")).when(accrue("2024-05-31"))
    story.then(
        commission("2024-04-10", 2_000, client_year=1),
        commission("2024-05-10", 1_000, client_year=2),
    )


def test_d8_3_a_period_that_starts_on_the_day_itself(given: Given) -> None:
    """S = O is posted, the eve is not."""
    story = given(
        enrolled("2023-01-01"),
        activated("2023-05-01", partner="p1"),
        activated("2024-03-31", "c2", partner="p1"),
        open_ledger("2024-04-01"),
    )
    story.when(accrue("2024-04-29")).then(commission("2024-04-01", 2_000))


def test_d8_3_late_facts_post_nothing_before_it_either(given: Given) -> None:
    """A price of the past moves the present."""
    story = given(*PAST, open_ledger("2024-04-01"), accrue("2024-04-30"))
    story.when(changed("2024-01-10", 12_000), accrue("2024-05-09")).then(
        line("commission", "D9.1", "2024-04-10", 400, client_id="c1")
    )


def test_d8_3_l_is_the_eve(given: Given) -> None:
    """An assignment must be after it, a run not before it."""
    story = given(*PAST, activated("2024-02-29", "c2"), open_ledger("2024-04-01"))
    story.refuses(accrue("2024-03-30")).refuses(assign("2024-03-31", "p1", "c2"))
    story.when(assign("2024-04-01", "p1", "c2"), accrue("2024-03-31")).then_nothing()


def test_d8_3_late_claims_are_measured_from_the_eve(given: Given) -> None:
    """First activated 30 days before it: heard; 31 days: too late."""
    story = given(
        enrolled("2023-01-01"),
        activated("2024-03-01", "c2"),
        activated("2024-02-29", "c3"),
        open_ledger("2024-04-01"),
    )
    story.when(referred("2024-02-01", "c2", id="in"), referred("2024-02-01", "c3", id="out"))
    story.then_claims(**{"in": "accepted", "out": "rejected too_late"})


def test_d8_3_the_months_before_are_closed_without_prizes(given: Given) -> None:
    """The next close is the opening's month; what is dated before is posted on its first day."""
    terms = programme(leaderboard={"prizes": [1_000]})
    story = given(*PAST, open_ledger("2024-04-01"), programme=terms)
    story.when(accrue("2024-06-30")).refuses(close("2024-03")).refuses(close("2024-05"))
    story.when(adjust(500, "2024-03-15")).then(
        line("adjustment", "D9.4", "2024-03-15", 500, posting_date="2024-04-01")
    )
    story.when(activated("2024-01-10", "c5", partner="p1"), accrue("2024-06-30"))
    story.when(close("2024-04")).then_nothing().when(close("2024-05")).then_nothing()
    story.then_leaderboard("2024Q1", ("p1", 1))
    story.when(close("2024-06")).then_nothing()


def test_d8_3_no_credit_before_it(given: Given) -> None:
    """No line but an adjustment has such an S."""
    story = given(*PAST, open_ledger("2024-04-01")).refuses(credit(100, "2024-03-31"))
    story.when(accrue("2024-04-01"), credit(100, "2024-04-01")).then(
        line("credit", "D9.4", "2024-04-01", 100)
    )


def test_d8_3_none_that_was_there_before_it(given: Given) -> None:
    """The ledger opens on no later day."""
    story = given(*PAST, credit(100, "2024-03-31"), adjust(100, "2024-01-31"))
    story.refuses(open_ledger("2024-04-01")).when(open_ledger("2024-03-01")).then_nothing()


def test_d8_3_a_credit_of_the_opening_day_is_none_of_before(given: Given) -> None:
    """Of the first day that lines may have."""
    given(*PAST, credit(100, "2024-04-01")).when(open_ledger("2024-04-01")).then_nothing()


def test_d8_3_once_and_before_the_first_run(given: Given) -> None:
    """A second one, one after a run, within a month, before any month, by one person: refused."""
    story = given(*PAST).refuses(open_ledger("2024-04-01", approved_by="ann"))
    story.refuses(open_ledger("2024-04-15")).refuses(open_ledger("0001-01-01"))
    story.refuses(open_partner("certified", "2024-01-01"))
    story.when(open_ledger("2024-04-01")).refuses(open_ledger("2024-05-01"))
    story.when(accrue("2024-04-01")).refuses(open_partner("certified", "2024-01-01"))


def test_d8_3_not_after_a_run(given: Given) -> None:
    """The first run makes a ledger without a past."""
    given(*PAST, accrue("2024-03-31")).refuses(open_ledger("2024-04-01"))


def test_d8_3_a_partners_tier_and_balances(given: Given) -> None:
    """Certified since January: 25 % on O; each balance an adjustment of date O."""
    story = given(*PAST, open_ledger("2024-04-01"))
    story.when(open_partner("certified", "2024-01-15", EUR=12_345, CHF=-70)).then(
        line("adjustment", "D8.3", "2024-04-01", 12_345, posting_date="2024-04-01"),
        line("adjustment", "D8.3", "2024-04-01", -70, currency="CHF"),
    )
    story.then_balance(adjusted=12_345).then_balance(currency="CHF", adjusted=-70)
    story.then_account("opening_balance", 12_345).then_account("partner_payable", -12_345)
    story.then_account("commission_expense", 0)
    story.when(accrue("2024-04-30")).then(commission("2024-04-10", 2_500, tier="certified"))
    story.then_tiers(("referent", "2023-01-01"), ("certified", "2024-01-15"))
    story.when(pay("2024-04-30")).then_payouts(("2024-04-30", 14_845, "in_flight", 0))


def test_d8_3_an_enrolled_partner_once_by_two_persons(given: Given) -> None:
    """Else refused; so is a tier that begins after the opening."""
    story = given(*PAST, open_ledger("2024-04-01"))
    story.refuses(open_partner("certified", "2024-01-01", "p7"))
    story.refuses(open_partner("certified", "2024-01-01", approved_by="ann"))
    story.refuses(open_partner("certified", "2024-04-02"))
    story.when(open_partner("certified", "2024-04-01"))
    story.refuses(open_partner("certified", "2024-04-01"))


def test_d8_3_the_review_counts_from_since(given: Given) -> None:
    """Certified since 15 May 2023 with no clients since: down on 15 May 2024."""
    story = given(
        *PAST, open_ledger("2024-04-01"), open_partner("certified", "2023-05-15"),
        programme=small(),
    )  # fmt: skip
    story.when(accrue("2024-05-14")).then_tiers(
        ("referent", "2023-01-01"), ("certified", "2023-05-15")
    )
    story.when(accrue("2024-05-15")).then_tiers(
        ("referent", "2023-01-01"), ("certified", "2023-05-15"), ("referent", "2024-05-15")
    )


def test_d8_3_the_first_run_evaluates_from_the_opening_on(given: Given) -> None:
    """All requirements were met in March: certified from 2 April, not from 1 April."""
    story = given(
        enrolled("2023-01-01"),
        certified("2023-01-01"),
        nps("2023-01-01", 50),
        activated("2024-03-10", "c1", partner="p1"),
        activated("2024-03-10", "c2", partner="p1"),
        open_ledger("2024-04-01"),
        programme=small(),
    )
    story.when(accrue("2024-04-30"))
    story.then_tiers(("referent", "2023-01-01"), ("certified", "2024-04-02"))


def test_d8_3_a_first_run_through_the_eve_evaluates_nothing(given: Given) -> None:
    """D18.11: nor does the run after it evaluate the eve."""
    story = given(
        enrolled("2023-01-01"),
        certified("2023-01-01"),
        open_ledger("2024-04-01"),
        accrue("2024-03-31"),
        programme=quick(),
    )
    story.when(accrue("2024-04-30"))
    story.then_tiers(("referent", "2023-01-01"), ("certified", "2024-04-02"))


def test_d8_3_earlier_facts_count_for_bonuses_and_badges(given: Given) -> None:
    """Badges of days before are given, lines never: the second client's bonus, not the first's."""
    terms = programme(
        per_ten={"each": 1, "amount": 700, "from": "referent"},
        badges={"pioneer": 1, "rocket": {"clients": 9, "months": 1}, "diamond": 2, "centurion": 9},
    )
    story = given(
        enrolled("2023-01-01"),
        activated("2024-03-31", "c1", partner="p1"),
        activated("2024-04-01", "c2", partner="p1"),
        open_ledger("2024-04-01"),
        programme=terms,
    )
    story.when(accrue("2024-04-02")).then(
        commission("2024-04-01", 2_000, client_id="c2"),
        line("bonus", "D10.1", "2024-04-01", 700, client_id="c2"),
    )
    story.then_badges(("pioneer", "2024-03-31"), ("diamond", "2024-04-01"))


def test_d8_3_no_amount_of_a_contest_before_it(given: Given) -> None:
    """D10.2: that of a client that counts on the day itself, not that of one of its eve."""
    terms = programme(
        contest=[{"code": "x", "start": "2024-03-01", "end": "2024-04-30", "amount": 700}]
    )
    story = given(
        enrolled("2023-01-01"),
        activated("2024-03-31", "c1", 0, partner="p1"),
        activated("2024-03-31", "c2", partner="p1"),
        activated("2024-04-01", "c3", partner="p1"),
        open_ledger("2024-04-01"),
        programme=terms,
    )
    story.when(accrue("2024-04-02")).then(
        commission("2024-04-01", 2_000, client_id="c3"),
        line("contest", "D10.2", "2024-04-01", 700, client_id="c3"),
    )


@pytest.mark.parametrize(("day", "is_paid"), [("2024-03-31", False), ("2024-04-01", True)])
def test_d8_3_no_reward_of_an_active_day_before_it(
    given: Given, day: str, *, is_paid: bool
) -> None:
    """D11.1: who was active before brings its sponsor shares alone."""
    terms = programme(sponsorship={"reward": 700, "active_clients": 1, "override": "0.05"})
    story = given(
        enrolled("2023-01-01", "p9"),
        enrolled("2023-01-01", sponsor="p9"),
        activated(day, "c1", 10, partner="p1"),
        churned("2024-04-02", "c1"),
        activated("2024-04-02", "c2", partner="p1"),
        open_ledger("2024-04-01"),
        programme=terms,
    )
    story.when(accrue("2024-04-02"))
    found = [(one.kind, one.amount) for one in story.ledger.lines() if one.partner_id == "p9"]
    assert found == [("reward", 700)] * is_paid + [("override", 500)]


@pytest.mark.parametrize("since", ["2023-01-01", "2024-04-01"])
def test_d8_3_a_tier_from_the_enrolment_or_the_opening_on(given: Given, since: str) -> None:
    """Both days are in it."""
    story = given(enrolled("2023-01-01"), open_ledger("2024-04-01"), programme=quick())
    story.refuses(open_partner("certified", "2022-12-31"))
    story.refuses(open_partner("certified", "2024-04-02"))
    story.when(open_partner("certified", since))
    story.then_tiers(("referent", "2023-01-01"), ("certified", since))
