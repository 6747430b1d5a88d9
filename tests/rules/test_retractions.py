"""D9.5: facts that were never true."""

from __future__ import annotations

import pytest
from pydantic import JsonValue

from tests.model.journal import Entry, Message
from tests.rules.commands import assign, retract
from tests.rules.dsl import (
    Given,
    Scenario,
    commission,
    contest_line,
    difference,
    margin,
    override,
    take_back,
    waiver,
)
from tests.rules.facts import (
    accrue,
    activated,
    adjust,
    branded,
    certified,
    changed,
    churned,
    close,
    converted,
    ended,
    enrolled,
    invested,
    invoiced,
    lead,
    nps,
    pay,
    portfolio,
    referred,
    settled,
    signed,
    territory,
    unbranded,
    wholesale,
)
from tests.rules.programmes import programme, quick, small, tier_terms

SPRINT: dict[str, JsonValue] = {
    "code": "sprint", "start": "2024-01-01", "end": "2024-01-31", "amount": 700,
    "mode": "instead_of_first_year",
}  # fmt: skip
TWO = (enrolled("2024-01-01"), enrolled("2024-01-01", "p2"))


def posted(given: Given) -> Scenario:
    """c1 of p1 by the claim ``claim``, activated by ``active``; 20.00 posted for 10 January."""
    story = given(*TWO, referred("2024-01-05", id="claim"), activated("2024-01-10", id="active"))
    return story.when(accrue("2024-01-31"))


# --- what may be retracted -----------------------------------------------------------------------


def test_d9_5_by_two_persons(given: Given) -> None:
    """Else refused."""
    posted(given).refuses(retract("claim", approved_by="ann"))


def test_d9_5_an_unknown_fact_or_one_retracted_already(given: Given) -> None:
    """Refused."""
    story = posted(given).refuses(retract("nothing"))
    story.when(retract("claim")).refuses(retract("claim"))


@pytest.mark.parametrize(
    "fact",
    [
        enrolled("2024-01-01", "p7", id="x"),
        branded("2024-01-05", id="x"),
        territory("2024-01-05", id="x"),
    ],
    ids=lambda fact: fact.data.type,
)
def test_d9_5_a_fact_of_another_type(given: Given, fact: Message) -> None:
    """Enrolments, brands and territories are not claims, reports or facts about a client."""
    given(*TWO, fact).refuses(retract("x"))


@pytest.mark.parametrize(
    "fact",
    [
        ended("2024-01-05"),
        signed("2024-01-05"),
        unbranded("2024-01-05"),
        wholesale("2024-01-05", 1),
    ],
    ids=lambda fact: fact.data.type,
)
def test_d9_5_nor_agreements_and_payments(given: Given, fact: Message) -> None:
    """Neither are these."""
    given(*TWO, fact, settled("2024-01-05", 1)).refuses(retract(fact.id))


@pytest.mark.parametrize(
    "fact",
    [
        certified("2024-01-05", id="x"),
        nps("2024-01-05", 50),
        portfolio("2024-01-05", 3),
        invested("2024-01-05", 100),
        lead("2024-01-05", "l1"),
        converted("2024-01-05", "l1"),
        churned("2024-01-05"),
        changed("2024-01-05", 100),
    ],
    ids=lambda fact: fact.data.type,
)
def test_d9_5_reports_leads_and_facts_about_clients(given: Given, fact: Message) -> None:
    """These may be."""
    given(*TWO, fact).when(retract(fact.id)).refuses(retract(fact.id))


def test_d9_5_its_key_stays_used(given: Given) -> None:
    """Told again it is a duplicate: the client stays direct."""
    story = posted(given).when(retract("claim"), referred("2024-01-05", id="claim"))
    story.then_claims(claim="lapsed retracted")
    story.when(accrue("2024-02-29")).then(take_back("2024-01-10", -2_000))


# --- V, U and what is taken back -----------------------------------------------------------------


def test_d9_5_what_rested_on_a_retracted_claim_is_taken_back(given: Given) -> None:
    """By the next run, an adjustment of date S; earned stays, adjusted falls."""
    story = posted(given).when(retract("claim")).then_nothing()
    story.when(accrue("2024-02-29")).then(
        take_back("2024-01-10", -2_000, base=10_000, posting_date="2024-01-10")
    )
    story.then_balance(earned=2_000, adjusted=-2_000)
    story.then_account("commission_expense", 0).then_account("partner_payable", 0)
    story.when(accrue("2024-03-31")).then_nothing()


def test_d9_5_after_the_close_it_is_posted_in_the_open_month(given: Given) -> None:
    """D16."""
    story = posted(given).when(close("2024-01"), retract("claim"), accrue("2024-02-05"))
    story.then(take_back("2024-01-10", -2_000, posting_date="2024-02-01"))


def test_d9_5_a_retracted_activation(given: Given) -> None:
    """No period is due: every line is taken back, and the client counts no more."""
    story = posted(given).when(accrue("2024-02-29")).when(retract("active"), accrue("2024-02-29"))
    story.then(take_back("2024-01-10", -2_000), take_back("2024-02-10", -2_000))
    story.then_leaderboard("2024Q1").then_claims(claim="accepted")
    assert story.ledger.clients() == []


def test_d9_5_a_retracted_price(given: Given) -> None:
    """150 was never true, 100 was: 10.00 back on 50.00 of base."""
    story = given(
        *TWO, activated("2024-01-10", partner="p1"), changed("2024-01-10", 15_000, id="x")
    )
    story.when(accrue("2024-01-31")).when(retract("x"), accrue("2024-01-31")).then(
        take_back("2024-01-10", -1_000, base=5_000)
    )


def test_d9_5_what_others_lowered_is_waived_all_the_same(given: Given) -> None:
    """P 30; U 24 (a true change to 120), V 20: 6 waived, 4 taken back."""
    story = given(
        *TWO,
        activated("2024-01-10", price=10_000, partner="p1"),
        changed("2024-01-10T08:00:00Z", 15_000, id="first"),
    )
    story.when(accrue("2024-01-31")).then(commission("2024-01-10", 3_000))
    story.when(changed("2024-01-10T09:00:00Z", 12_000, id="second"), accrue("2024-01-31"))
    story.then(waiver("2024-01-10", 600))
    story.when(retract("second"), accrue("2024-01-31")).then_nothing()
    story.when(retract("first"), accrue("2024-01-31")).then(
        take_back("2024-01-10", -400, base=2_000)
    )


def test_d9_5_waived_and_taken_back_by_one_run(given: Given) -> None:
    """The waiver first: P − max(U, V); what remains above V less all waivers is taken back."""
    story = given(
        *TWO,
        referred("2024-01-05", id="claim"),
        activated("2024-01-10", price=10_000),
    )
    story.when(accrue("2024-01-31")).then(commission("2024-01-10", 2_000))
    story.when(changed("2024-01-10", 6_000), retract("claim"), accrue("2024-01-31")).then(
        waiver("2024-01-10", 800, base=10_000), take_back("2024-01-10", -1_200, base=6_000)
    )
    story.then_balance(earned=2_000, adjusted=-1_200)


def test_d9_1_the_base_of_a_difference_is_at_least_0(given: Given) -> None:
    """At 50 %: 3 on 6; 2 taken back on 3; then 2 are due on 3, so 1 is missing, and no base."""
    tiers = [
        tier_terms("referent", year_1="0.50"),
        tier_terms("certified", requires={"counted_clients_ever": 99}),
        tier_terms("strategic", requires={"counted_clients_ever": 99}),
    ]
    active = activated("2024-01-10T06:00:00Z", price=6, partner="p1")
    story = given(*TWO, active, programme=programme(tier=tiers))
    story.when(accrue("2024-01-31")).then(commission("2024-01-10", 3, base=6))
    lower = changed("2024-01-10T07:00:00Z", 2), changed("2024-01-10T08:00:00Z", 5, id="never")
    story.when(*lower, retract("never"), accrue("2024-01-31")).then(
        take_back("2024-01-10", -2, base=3)
    )
    story.when(changed("2024-01-10T09:00:00Z", 3), accrue("2024-01-31")).then(
        difference("2024-01-10", 1, base=0)
    )


def test_d9_5_without_it_another_currency_takes_nothing_back(given: Given) -> None:
    """D9.3: U is unknown where it is in francs; 8.00 are waived by the change that is true."""
    story = posted(given).when(
        changed("2024-01-10T18:00:00Z", 6_000),
        changed("2024-01-10T19:00:00Z", 6_000, currency="CHF", id="francs"),
        retract("francs"),
    )
    story.when(accrue("2024-01-31")).then(waiver("2024-01-10", 800))


@pytest.mark.parametrize("order", ["rca", "rac", "arc"])
def test_d9_5_a_claim_told_after_a_retraction_is_worth_what_it_would_be(
    given: Given, order: str
) -> None:
    """Something else was retracted before it: 8.00 are waived, 12.00 rested on the claim."""
    told: dict[str, tuple[Entry, ...]] = {
        "r": (changed("2024-01-04", 5_000, id="never"), retract("never")),
        "c": (referred("2024-01-05", id="claim"),),
        "a": (activated("2024-01-10"),),
    }
    story = given(*TWO, *(entry for one in order for entry in told[one]))
    story.when(accrue("2024-01-31")).then(commission("2024-01-10", 2_000))
    story.when(changed("2024-01-10T18:00:00Z", 6_000), retract("claim"), accrue("2024-01-31"))
    story.then(waiver("2024-01-10", 800), take_back("2024-01-10", -1_200))


def test_d9_5_a_lead_converted_after_a_retraction_claims_of_its_capture(given: Given) -> None:
    """The activation is in its window without retractions, too: so nothing of 10.00 is waived."""
    story = given(
        *TWO,
        changed("2024-01-04", 5_000, id="never"),
        retract("never"),
        lead("2024-01-05", "l"),
        converted("2024-01-20", "l"),
        activated("2024-01-10"),
        changed("2024-01-10T18:00:00Z", 15_000, id="mistaken"),
    )
    story.when(accrue("2024-01-31")).then(commission("2024-01-10", 3_000))
    story.when(retract("mistaken"), accrue("2024-01-31")).then(
        take_back("2024-01-10", -1_000, base=5_000)
    )


def test_d9_5_two_payments_retracted_in_another_order_than_they_were_told(given: Given) -> None:
    """D18.5: of what is taken back the fact and the command that retracted it are named."""
    story = given(
        *TWO,
        activated("2024-01-10", partner="p1"),
        invoiced("2024-01-10", 9_000, payment="x", id="x"),
        invoiced("2024-01-10", 8_000, payment="y", id="y"),
        programme=programme(accrual="invoice"),
    )
    story.when(accrue("2024-01-31"), retract("y"), retract("x"), accrue("2024-01-31")).then(
        commission("2024-01-10", 1_800),
        commission("2024-01-10", 1_600),
        take_back("2024-01-10", -1_800),
        take_back("2024-01-10", -1_600),
    )


def test_d9_5_a_true_churn_beside_it_takes_nothing_back(given: Given) -> None:
    """U is 0 as V is: all was waived, nothing rested on the retracted claim alone."""
    story = posted(given).when(churned("2024-01-10"), retract("claim"), accrue("2024-01-31"))
    story.then(waiver("2024-01-10", 2_000))


def test_d9_5_a_retracted_churn_makes_it_due_again(given: Given) -> None:
    """V is P again: the waiver stays, nothing is posted."""
    story = posted(given).when(churned("2024-01-10", id="x"), accrue("2024-01-31"))
    story.then(waiver("2024-01-10", 2_000)).when(retract("x"), accrue("2024-02-29"))
    story.then(commission("2024-02-10", 2_000))


def test_d9_5_taken_back_and_due_again(given: Given) -> None:
    """p1 claims anew: a difference of the whole, on the whole base."""
    story = posted(given).when(retract("claim"), accrue("2024-01-31"))
    story.when(referred("2024-01-06", id="again"), accrue("2024-01-31")).then(
        difference("2024-01-10", 2_000, base=10_000)
    )
    story.then_balance(earned=4_000, adjusted=-2_000)


def test_d9_5_wholly_taken_back_and_due_to_another(given: Given) -> None:
    """Posted anew, as a first line, by the same run."""
    story = posted(given).when(retract("claim"), referred("2024-01-06", partner="p2", id="p2s"))
    story.then_claims(claim="lapsed retracted", p2s="accepted")
    story.when(accrue("2024-01-31")).then(
        take_back("2024-01-10", -2_000), commission("2024-01-10", 2_000, partner_id="p2")
    )


def test_d9_5_not_wholly_taken_back_stays_the_first_partners(given: Given) -> None:
    """8.00 were waived: the period is not posted anew for p2; the next is."""
    story = posted(given).when(changed("2024-01-10", 6_000), retract("claim"))
    story.when(referred("2024-01-06", partner="p2"), accrue("2024-01-31")).then(
        waiver("2024-01-10", 800), take_back("2024-01-10", -1_200)
    )
    story.when(accrue("2024-02-10")).then(commission("2024-02-10", 1_200, partner_id="p2"))


@pytest.mark.parametrize("price", [None, 6_000, 0])
def test_d9_5_it_does_not_matter_which_partner_a_run_takes_first(
    given: Given, price: int | None
) -> None:
    """From p2 to p1: posted anew by the run that takes all back, and not if some was waived."""
    story = given(
        *TWO,
        referred("2024-01-05", partner="p2", id="claim"),
        activated("2024-01-10", id="active"),
        accrue("2024-01-31"),
    )
    lowered = [] if price is None else [changed("2024-01-10", price)]
    story.when(*lowered, retract("claim"), referred("2024-01-06"), accrue("2024-01-31"))
    found = sorted((one.partner_id, one.kind, one.amount) for one in story.ledger.lines()[1:])
    expected = {
        None: [("p1", "commission", 2_000), ("p2", "adjustment", -2_000)],
        6_000: [("p2", "waiver", 800), ("p2", "adjustment", -1_200)],
        0: [("p2", "waiver", 2_000)],
    }[price]
    assert found == sorted(expected)


@pytest.mark.parametrize(("price", "share"), [(0, 0), (5, 1)])
def test_d9_5_a_line_of_nothing_stays_and_one_of_a_cent_is_taken_back(
    given: Given, price: int, share: int
) -> None:
    """Of nothing nothing can be taken back: the period is not posted anew for another."""
    story = given(
        *TWO,
        referred("2024-01-05", partner="p2", id="claim"),
        activated("2024-01-10", price=price, id="active"),
        accrue("2024-01-31"),
    )
    anew = [take_back("2024-01-10", -1, partner_id="p2"), commission("2024-01-10", 1)]
    story.when(retract("claim"), referred("2024-01-06"), accrue("2024-01-31")).then(
        *(anew if share else [])
    )


def test_d9_5_an_adjusted_period_is_finances(given: Given) -> None:
    """D9.4: runs take nothing back from it."""
    story = posted(given).when(adjust(-500, line=("c1", "2024-01-10")), retract("claim"))
    story.when(accrue("2024-02-29")).then_nothing()


def test_d9_5_what_finance_settles_of_another_partner_stays_the_periods_line(
    given: Given,
) -> None:
    """D18.3: taken back from p1, posted for p2, adjusted; claimed anew, p1 has no second line."""
    story = posted(given).when(retract("claim"), referred("2024-01-06", partner="p2", id="p2s"))
    story.when(accrue("2024-01-31"), adjust(-500, line=("c1", "2024-01-10"), partner="p2"))
    story.when(retract("p2s"), referred("2024-01-07"), accrue("2024-01-31")).then_nothing()
    story.when(accrue("2024-02-10")).then(commission("2024-02-10", 2_000))


def test_d9_5_what_was_paid_is_owed(given: Given) -> None:
    """Payable falls below 0; nothing is initiated until it is made up."""
    story = posted(given).when(
        pay("2024-01-31", "p1"), settled("2024-02-05", 2_000, cutoff="2024-01-31")
    )
    story.when(retract("claim"), accrue("2024-03-31"), pay("2024-03-31"))
    story.then_balance(earned=2_000, adjusted=-2_000, paid=2_000)
    story.then_payouts(("2024-01-31", 2_000, "settled", 2_000))


def test_d9_5_a_margin(given: Given) -> None:
    """D13: of rule D9.5 where retractions alone lowered it, of rule D13 before that."""
    story = given(
        enrolled("2024-01-01", portfolio=201), certified("2024-01-01"), accrue("2024-01-05"),
        branded("2024-01-10"), referred("2024-01-10", id="claim"), activated("2024-01-10"),
        programme=quick(),
    )  # fmt: skip
    story.when(accrue("2024-01-31")).then(margin("2024-01-10", 4_000))
    story.when(changed("2024-01-10", 7_500), retract("claim"), accrue("2024-01-31")).then(
        take_back("2024-01-10", -1_000, "D13", base=2_500),
        take_back("2024-01-10", -3_000, "D9.5", base=7_500),
    )
    story.then_account("partner_receivable", 0).then_balance()


def test_d9_5_a_margin_whose_rest_is_taken_back_too_makes_way(given: Given) -> None:
    """10.00 were too much (D13), 30.00 rested on the claim: the same run posts it for p1."""
    story = given(
        TWO[0], enrolled("2024-01-01", "p2", portfolio=201), certified("2024-01-01", "p2"),
        accrue("2024-01-05"), branded("2024-01-10", "p2"),
        referred("2024-01-10", partner="p2", id="claim"), activated("2024-01-10"),
        accrue("2024-01-31"), programme=quick(),
    )  # fmt: skip
    story.when(changed("2024-01-10", 7_500), retract("claim"), referred("2024-01-09"))
    story.when(accrue("2024-01-31")).then(
        take_back("2024-01-10", -1_000, "D13", partner_id="p2"),
        take_back("2024-01-10", -3_000, "D9.5", partner_id="p2"),
        commission("2024-01-10", 1_500),
    )


def test_d9_5_whether_a_contest_stood_in_place_is_asked_of_what_was_retracted_too(
    given: Given,
) -> None:
    """A churn that never was kept the client from counting: U is 20.00, V is 0 (D10.2)."""
    story = given(
        *TWO,
        referred("2024-01-05"),
        activated("2024-01-10"),
        churned("2024-01-20", id="churn"),
        programme=programme(contest=[SPRINT], activation={"qualifying_days": 30}),
    )
    story.when(accrue("2024-02-09")).then(commission("2024-01-10", 2_000))
    story.when(retract("churn"), accrue("2024-02-09")).then(
        take_back("2024-01-10", -2_000), contest_line("2024-02-09", 700)
    )


def test_d9_5_a_contest_that_a_retracted_fact_let_in_would_have_stood_in_place(
    given: Given,
) -> None:
    """With the price of its first day the client would count: U is 0, so what is lost is waived."""
    story = given(
        *TWO,
        referred("2024-01-05"),
        activated("2024-01-10", price=0),
        changed("2024-01-10", price=10_000, id="paid"),
        activated("2024-01-15", sub="extra", price=3_000),
        changed("2024-01-15", sub="extra", price=5_000, id="more"),
        programme=programme(contest=[SPRINT]),
    )
    story.when(retract("paid"), accrue("2024-01-31")).then(
        commission("2024-01-10", 0), commission("2024-01-15", 1_000)
    )
    story.when(retract("more"), accrue("2024-01-31")).then(waiver("2024-01-15", 400))


# --- attribution ---------------------------------------------------------------------------------


def test_d9_5_the_client_may_be_claimed_anew_or_assigned(given: Given) -> None:
    """Not yet activated: provisionally; claims rejected because of the retracted stay rejected."""
    story = given(*TWO, referred("2024-01-05", id="claim"))
    story.when(referred("2024-01-06", partner="p2", id="lost"), retract("claim"))
    story.when(referred("2024-01-07", partner="p2", id="anew"))
    story.then_claims(claim="lapsed retracted", lost="rejected already_attributed", anew="accepted")
    story.when(activated("2024-01-10"), assign("2024-02-01", "p1"), accrue("2024-02-29")).then(
        commission("2024-01-10", 2_000, partner_id="p2"), commission("2024-02-10", 2_000)
    )


def test_d9_5_a_rejected_claim_keeps_its_answer(given: Given) -> None:
    """It won nothing."""
    story = given(
        *TWO, referred("2024-01-05", id="claim"), referred("2024-01-06", partner="p2", id="x")
    )
    story.when(retract("x")).then_claims(claim="accepted", x="rejected already_attributed")


def test_d9_5_a_claim_that_waits(given: Given) -> None:
    """Is not decided when its partner enrols."""
    story = given(*TWO, referred("2024-01-05", partner="p7", id="x"), retract("x"))
    story.when(enrolled("2024-01-01", "p7")).then_claims(x="lapsed retracted").then_resolved("x")


def test_d9_5_a_late_claim_after_the_retraction(given: Given) -> None:
    """D3.3d holds: L is 31 days after the first activation, too late; 30 days, in time."""
    story = posted(given).when(accrue("2024-02-09"), retract("claim"))
    story.when(referred("2024-01-06", partner="p2", id="in")).then_claims(
        claim="lapsed retracted", **{"in": "accepted"}
    )


def test_d9_5_a_late_claim_too_late(given: Given) -> None:
    """The day after, it is rejected: the client is direct."""
    story = posted(given).when(accrue("2024-02-10"), retract("claim"))
    story.when(referred("2024-01-06", partner="p2", id="out"))
    story.then_claims(claim="lapsed retracted", out="rejected too_late")
    story.then_client(holder=None, first="2024-01-10", counted=None)


@pytest.mark.parametrize(
    ("day", "answer"), [("2024-07-03", "accepted"), ("2024-07-04", "lapsed expired")]
)
def test_d9_5_what_a_retracted_activation_settled_is_provisional_again(
    given: Given, day: str, answer: str
) -> None:
    """The next activation settles it: on the window's last day for life, after it expired."""
    story = given(
        *TWO, referred("2024-01-05", id="claim"), activated("2024-01-10", id="active"),
        retract("active"), activated(day),
    )  # fmt: skip
    story.then_claims(claim=answer)


def test_d9_5_provisional_again_keeps_others_out_within_its_window(given: Given) -> None:
    """And no longer: a claim of a day after it wins, and it lapses as expired."""
    story = given(
        *TWO, referred("2024-01-05", id="claim"), activated("2024-01-10", id="active"),
        retract("active"),
    )  # fmt: skip
    story.when(referred("2024-07-03", partner="p2", id="last"))
    story.then_claims(claim="accepted", last="rejected already_attributed")
    story.when(referred("2024-07-04", partner="p2", id="after"))
    story.then_claims(claim="lapsed expired", last="rejected already_attributed", after="accepted")


def test_d9_5_the_first_that_remains_settles_it_at_once(given: Given) -> None:
    """In recording order: a second activation, of a day before the claim, lets it lapse."""
    story = given(
        *TWO,
        referred("2024-01-05", id="claim"),
        activated("2024-01-10", id="active"),
        activated("2024-01-04", sub="s2"),
        activated("2024-02-10", sub="s3"),
        retract("active"),
    )
    story.then_claims(claim="lapsed too_late")


@pytest.mark.parametrize("wrong", ["2024-01-10", "2024-01-04"])
@pytest.mark.parametrize(
    ("day", "answer"),
    [
        ("2024-01-04", "lapsed too_late"),
        ("2024-01-05", "accepted"),
        ("2024-07-03", "accepted"),
        ("2024-07-04", "lapsed expired"),
    ],
)
def test_d9_5_settled_at_once_by_the_activation_that_remains(
    given: Given, wrong: str, day: str, answer: str
) -> None:
    """From the claim's day to the window's last, whether the wrong one let it lapse or not."""
    story = given(
        *TWO, referred("2024-01-05", id="claim"), activated(wrong, id="active"),
        activated(day, sub="s2"), retract("active"),
    )  # fmt: skip
    story.then_claims(claim=answer)
    lines = [commission("2024-07-05", 2_000, subscription_id="s3")] if answer == "accepted" else []
    story.when(churned(day, sub="s2"), activated("2024-07-05", sub="s3"), accrue("2024-07-05"))
    story.then(*lines)


def test_d9_5_what_lapsed_by_it_comes_back(given: Given) -> None:
    """The activation was of a day before the claim; the true one is inside the window."""
    story = given(*TWO, referred("2024-01-05", id="claim"), activated("2024-01-04", id="active"))
    story.then_claims(claim="lapsed too_late")
    story.when(retract("active")).then_claims(claim="accepted")
    story.when(activated("2024-01-10"), accrue("2024-01-31")).then(commission("2024-01-10", 2_000))


def test_d9_5_unless_another_has_won_since(given: Given) -> None:
    """p2 won late by the wrong activation: p1's stays lapsed."""
    story = given(*TWO, referred("2024-01-05", id="claim"), activated("2024-01-04", id="active"))
    story.when(referred("2024-01-03", partner="p2", id="since"), retract("active"))
    story.then_claims(claim="lapsed too_late", since="accepted")


def test_d9_5_what_another_has_won_since_lapses_for_good(given: Given) -> None:
    """p2's claim is retracted too, and the second activation, which settled nothing."""
    story = given(*TWO, referred("2024-01-05", id="claim"), activated("2024-01-04", id="first"))
    story.when(
        referred("2024-01-03", partner="p2", id="since"),
        activated("2024-01-04", sub="s2", id="second"),
        retract("first"), retract("since"), retract("second"),
    )  # fmt: skip
    story.then_claims(claim="lapsed too_late", since="lapsed retracted")


def test_d9_5_an_activation_that_carried_the_winning_claim(given: Given) -> None:
    """Its claim lapses, and what it had settled is provisional again."""
    story = given(*TWO, referred("2024-01-05", id="claim"))
    story.when(activated("2024-01-04", partner="p2", id="active"))
    story.then_claims(claim="lapsed too_late", active="accepted")
    story.when(retract("active")).then_claims(claim="accepted", active="lapsed retracted")


def test_d9_5_a_retracted_conversion(given: Given) -> None:
    """The lead's client is not known: the claim lapses; a second conversion makes it one again."""
    story = given(*TWO, lead("2024-01-05", "l1", id="lead"), converted("2024-01-06", "l1", id="x"))
    story.when(retract("x")).then_claims(lead="lapsed retracted")
    story.when(converted("2024-01-07", "l1", "c2"), activated("2024-01-10", "c2"))
    story.then_claims(lead="accepted")
    story.then_client("c2", holder="p1", first="2024-01-10", counted="2024-01-10")


# --- the rest of the decisions -------------------------------------------------------------------


def test_d9_5_tiers_already_decided_stay(given: Given) -> None:
    """Certified by a certification that was never true: it stays, and is not reached again."""
    ready = (certified("2024-01-01", id="x"), nps("2024-01-01", 50))
    clients = [activated("2024-01-10", c, partner="p1") for c in ("c1", "c2")]
    story = given(*TWO, *ready, *clients, programme=small()).when(accrue("2024-01-31"))
    story.when(retract("x"), accrue("2024-02-29"))
    story.then_tiers(("referent", "2024-01-01"), ("certified", "2024-01-11"))
    story.when(accrue("2025-01-11"))
    story.then_tiers(
        ("referent", "2024-01-01"), ("certified", "2024-01-11"), ("referent", "2025-01-11")
    )


def test_d9_5_a_retracted_report_counts_no_more(given: Given) -> None:
    """Retracted before the run: nothing rests on it, and the report before it is the last."""
    story = given(enrolled("2024-01-01"), certified("2024-01-01"), programme=quick())
    report = portfolio("2024-01-02", 201)
    story.when(report, retract(report.id), accrue("2024-01-31"))
    story.then_tiers(("referent", "2024-01-01"), ("certified", "2024-01-02"))


def test_d9_5_lines_without_a_period_stay(given: Given) -> None:
    """The contest's amount of a claim that was never true."""
    terms = programme(
        contest=[{"code": "x", "start": "2024-01-01", "end": "2024-01-31", "amount": 50_000}]
    )
    story = given(
        *TWO, referred("2024-01-05", id="claim"), activated("2024-01-10"), programme=terms
    )
    story.when(accrue("2024-01-31")).then(
        commission("2024-01-10", 2_000), contest_line("2024-01-10")
    )
    story.when(retract("claim"), accrue("2024-01-31")).then(take_back("2024-01-10", -2_000))
    story.then_balance(earned=52_000, adjusted=-2_000)


def test_d9_5_overrides_stay_and_are_not_earned_twice(given: Given) -> None:
    """D11.2: after a take-back a difference earns one on what exceeds the bases that had one."""
    terms = programme(sponsorship={"reward": 0, "active_clients": 1, "override": "0.05"})
    story = given(
        enrolled("2024-01-01", "p9"),
        enrolled("2024-01-01", sponsor="p9"),
        activated("2024-01-05", "k1", 10, partner="p1"),
        churned("2024-01-06", "k1"),
        referred("2024-01-05", id="claim"),
        activated("2024-01-10"),
        programme=terms,
    )
    story.when(accrue("2024-01-31"))
    story.when(retract("claim"), accrue("2024-01-31")).then(take_back("2024-01-10", -2_000))
    story.when(referred("2024-01-06"), accrue("2024-01-31")).then(difference("2024-01-10", 2_000))
    story.when(changed("2024-01-10", 12_000), accrue("2024-01-31")).then(
        difference("2024-01-10", 400, base=2_000), override("2024-01-10", 100, base=2_000)
    )
    story.then_balance("p9", earned=600)
