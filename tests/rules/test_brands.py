"""D13: white labels, their margins, what is owed, and corrections both ways."""

from __future__ import annotations

import pytest
from pydantic import JsonValue

from tests.model.journal import Message
from tests.model.views import Balance
from tests.rules.commands import correct, retract
from tests.rules.dsl import Given, Scenario, commission, contest_line, difference, margin, take_back
from tests.rules.facts import (
    accrue,
    activated,
    adjust,
    branded,
    certified,
    changed,
    churned,
    close,
    ended,
    enrolled,
    pay,
    portfolio,
    referred,
    unbranded,
    wholesale,
)
from tests.rules.programmes import choosing, programme, quick, tier_terms

READY = (enrolled("2023-12-01", portfolio=201), certified("2023-12-01"), accrue("2023-12-31"))
"""p1 is strategic from 2 December 2023: 30 % in client year 1."""


def ready(given: Given, *facts: Message) -> Scenario:
    """p1 is strategic, and facts are told."""
    return given(*READY, *facts, programme=quick())


def posted(given: Given) -> Scenario:
    """p1 has a brand from 1 January; a margin of 40.00 on 100.00 is posted for 10 January."""
    return ready(given, branded("2024-01-01"), activated("2024-01-10", partner="p1")).when(
        accrue("2024-01-31")
    )


# --- grants --------------------------------------------------------------------------------------


def test_d13_rejected_unless_strategic_on_that_day(given: Given) -> None:
    """Strategic from 2 December, as decided so far."""
    story = given(*READY[:2], programme=quick()).when(branded("2023-12-02", id="early"))
    story.when(
        accrue("2023-12-31"), branded("2023-12-01", id="eve"), branded("2023-12-02", id="on")
    )
    story.when(branded("2023-12-02", "p8", id="unknown"))
    story.then_grants(
        early="rejected not_strategic",
        eve="rejected not_strategic",
        on="accepted",
        unknown="rejected not_strategic",
    )


def test_d13_a_share_of_nothing_is_a_share(given: Given) -> None:
    """The partner keeps nothing of what it bills: no rate of D7 takes the place of its 0 %."""
    story = given(
        *READY,
        branded("2024-01-01"),
        activated("2024-01-10", partner="p1"),
        programme=quick(white_label={"share": "0"}),
    )
    story.when(accrue("2024-01-31")).then(margin("2024-01-10", 0, base=10_000, rate="0"))
    story.then_account("partner_receivable", 10_000)


def test_d13_a_rejected_grant_changes_no_line(given: Given) -> None:
    """Commissions go on, also once the partner is strategic."""
    story = given(*READY[:2], branded("2023-12-01"), programme=quick())
    story.when(accrue("2023-12-31"), activated("2024-01-10", partner="p1"), accrue("2024-01-31"))
    story.then(commission("2024-01-10", 3_000))


# --- margins -------------------------------------------------------------------------------------


def test_d13_a_margin_of_40_percent_instead_of_a_commission(given: Given) -> None:
    """From the grant's day until the revocation's, that day excluded."""
    story = ready(given, branded("2024-02-10"), unbranded("2024-04-10"))
    story.when(activated("2024-01-10", partner="p1"), accrue("2024-04-30")).then(
        commission("2024-01-10", 3_000),
        margin("2024-02-10", 4_000, base=10_000, rate="0.40", service_end="2024-03-09"),
        margin("2024-03-10", 4_000, base=10_000),
        commission("2024-04-10", 3_000),
    )


def test_d13_granted_again(given: Given) -> None:
    """The last word up to S stands."""
    story = ready(given, branded("2024-01-01"), unbranded("2024-02-10"), branded("2024-03-10"))
    story.when(activated("2024-01-10", partner="p1"), accrue("2024-03-31")).then(
        margin("2024-01-10", 4_000), commission("2024-02-10", 3_000), margin("2024-03-10", 4_000)
    )


def test_d13_of_one_day_the_last_by_instant_stands(given: Given) -> None:
    """D2: granted in the morning, revoked in the evening, told the other way round."""
    story = ready(given, unbranded("2024-01-10T18:00:00Z"), branded("2024-01-10T08:00:00Z"))
    story.when(activated("2024-01-10", partner="p1"), accrue("2024-01-31")).then(
        commission("2024-01-10", 3_000)
    )


def test_d13_a_margin_is_in_no_balance_and_owed_by_the_partner(given: Given) -> None:
    """Base − margin is a receivable; wholesale.settled pays it."""
    story = posted(given).then_balance().then_account("partner_receivable", 6_000)
    story.then_account("wholesale_revenue", -6_000).then_account("partner_payable", 0)
    story.when(wholesale("2024-02-05", 3_500)).then_nothing()
    story.then_account("partner_receivable", 2_500).then_account("bank", 3_500).then_balance()
    story.when(pay("2024-01-31")).then_payouts()


def test_d17_margins_and_wholesale_settlements_are_money_events(given: Given) -> None:
    """A partner that has had nothing else has a balance, of zeros."""
    story = posted(given).when(wholesale("2024-02-05", 100, currency="CHF"))
    assert story.ledger.balances() == {("p1", "EUR"): Balance(), ("p1", "CHF"): Balance()}


def test_d13_a_demotion_notwithstanding(given: Given) -> None:
    """The brand is kept when strategic is lost."""
    terms = quick(
        tier=[
            tier_terms("referent"),
            tier_terms("certified", requires={"certification": True}),
            tier_terms(
                "strategic",
                requires={"portfolio_above": 200},
                commitment={"counted_clients_per_year": 1},
                year_1="0.30",
            ),
        ]
    )
    facts = (branded("2024-01-01"), portfolio("2023-12-02", 100))
    story = given(*READY, *facts, programme=terms).when(accrue("2024-12-02"))
    story.then_tiers(
        ("referent", "2023-12-01"), ("strategic", "2023-12-02"), ("certified", "2024-12-02")
    )
    story.when(activated("2024-12-10", partner="p1"), accrue("2024-12-31"))
    story.then(margin("2024-12-10", 4_000))


def test_d13_while_strategic(given: Given) -> None:
    """The alternative: on an S on which the partner is not strategic it is a commission."""
    terms = quick(
        tier=[
            tier_terms("referent"),
            tier_terms("certified", requires={"certification": True}),
            tier_terms(
                "strategic",
                requires={"portfolio_above": 200},
                commitment={"counted_clients_per_year": 2},
                year_1="0.30",
            ),
        ]
    )
    facts = (branded("2024-01-01"), portfolio("2023-12-02", 100))
    story = given(*READY, *facts, programme=choosing(terms, "white_label", basis="while_strategic"))
    story.when(activated("2024-11-02", partner="p1"), accrue("2024-12-31")).then(
        margin("2024-11-02", 4_000), commission("2024-12-02", 2_500)
    )


def test_d13_a_late_grant_changes_no_posted_line(given: Given) -> None:
    """D9.3: the kind of a posted period never changes; the next is a margin."""
    story = ready(given, activated("2024-01-10", partner="p1")).when(accrue("2024-01-31"))
    story.when(branded("2024-01-01"), changed("2024-01-10", 12_000), accrue("2024-02-29")).then(
        difference("2024-01-10", 600, kind="commission"), margin("2024-02-10", 4_800)
    )


def test_d13_founding_and_year_do_not_touch_a_margin(given: Given) -> None:
    """40 % in any client year."""
    story = posted(given).when(correct(founding=True), accrue("2025-01-09"))
    story.when(accrue("2025-01-10")).then(margin("2025-01-10", 4_000, client_year=2))


def test_d13_no_margin_without_an_agreement(given: Given) -> None:
    """D4.4: no line of any kind."""
    story = ready(given, branded("2024-01-01"), ended("2024-02-10"))
    story.when(activated("2024-01-10", partner="p1"), accrue("2024-02-29"))
    story.then(margin("2024-01-10", 4_000))


def test_d13_without_a_white_label_in_the_programme(given: Given) -> None:
    """A part that is absent does not exist: the grant brings no margin."""
    terms = programme(
        tier=[
            tier_terms("referent"),
            tier_terms("certified", requires={"certification": True}),
            tier_terms("strategic", requires={"portfolio_above": 200}),
        ]
    )
    story = given(*READY, branded("2024-01-01"), programme=terms)
    story.when(activated("2024-01-10", partner="p1"), accrue("2024-01-31"))
    story.then(commission("2024-01-10", 2_500))


# --- corrections both ways -----------------------------------------------------------------------


def test_d13_what_becomes_larger_is_a_difference(given: Given) -> None:
    """100 → 120: 8.00 more margin on 20.00 more base; owed 72.00."""
    story = posted(given).when(changed("2024-01-10", 12_000), accrue("2024-01-31"))
    story.then(difference("2024-01-10", 800, kind="margin", base=2_000, rate="0.40"))
    story.then_account("partner_receivable", 7_200).then_balance()


def test_d13_what_becomes_smaller_is_taken_back(given: Given) -> None:
    """100 → 60: 16.00 of the margin on 40.00 of base; owed 36.00, in no balance."""
    story = posted(given).when(changed("2024-01-10", 6_000), accrue("2024-01-31"))
    story.then(take_back("2024-01-10", -1_600, "D13", base=4_000, of_margin=True))
    story.then_account("partner_receivable", 3_600).then_account("wholesale_revenue", -3_600)
    story.then_balance()


def test_d13_what_is_not_due_is_taken_back(given: Given) -> None:
    """Churned on S: all of it, and nothing is owed; told again, nothing more happens."""
    story = posted(given).when(churned("2024-01-10"), accrue("2024-01-31"))
    story.then(take_back("2024-01-10", -4_000, "D13", base=10_000))
    story.then_account("partner_receivable", 0).when(accrue("2024-01-31")).then_nothing()


def test_d13_taken_back_and_larger_again(given: Given) -> None:
    """D9.1: the difference shows the new base less the bases posted, less those taken back."""
    story = posted(given).when(changed("2024-01-10T10:00:00Z", 6_000), accrue("2024-01-31"))
    story.when(changed("2024-01-10T11:00:00Z", 15_000), accrue("2024-01-31")).then(
        difference("2024-01-10", 3_600, kind="margin", base=9_000)
    )
    story.then_account("partner_receivable", 9_000)


def test_d13_what_the_partner_owes_moves_though_the_margin_does_not(given: Given) -> None:
    """A cent that rounds away: 40 % of 100.01 and of 100.00 are 40.00, but 60.00 are owed."""
    story = ready(given, branded("2024-01-01"), activated("2024-01-10", price=10_001, partner="p1"))
    story.when(accrue("2024-01-31")).then(margin("2024-01-10", 4_000, base=10_001))
    story.when(changed("2024-01-10T10:00:00Z", 10_000), accrue("2024-01-31"))
    story.then(take_back("2024-01-10", 0, "D13", base=1, of_margin=True))
    story.then_account("partner_receivable", 6_000)
    story.when(changed("2024-01-10T11:00:00Z", 10_001), accrue("2024-01-31"))
    story.then(difference("2024-01-10", 0, kind="margin", base=1))
    story.then_account("partner_receivable", 6_001)
    story.when(accrue("2024-01-31")).then_nothing()


def test_d13_of_a_share_of_nothing_what_is_owed_is_corrected_both_ways(given: Given) -> None:
    """The partner keeps nothing of more, and owes nothing of what is not due."""
    story = given(
        *READY,
        branded("2024-01-01"),
        activated("2024-01-10", partner="p1"),
        programme=quick(white_label={"share": "0"}),
    )
    story.when(accrue("2024-01-31")).when(changed("2024-01-10", 15_000), accrue("2024-01-31"))
    story.then(difference("2024-01-10", 0, kind="margin", base=5_000))
    story.then_account("partner_receivable", 15_000)
    story.when(churned("2024-01-10"), accrue("2024-01-31")).then(
        take_back("2024-01-10", 0, "D13", base=15_000)
    )
    story.then_account("partner_receivable", 0).then_account("wholesale_revenue", 0)


def test_d9_5_a_margin_of_nothing_makes_way_too(given: Given) -> None:
    """It is taken back wholly, and due to who claims the client anew."""
    story = given(
        *READY,
        enrolled("2024-01-01", "p2"),
        branded("2024-01-01"),
        referred("2024-01-05", id="wrong"),
        activated("2024-01-10"),
        programme=quick(white_label={"share": "0"}),
    )
    story.when(accrue("2024-01-31")).then(margin("2024-01-10", 0, base=10_000))
    story.when(retract("wrong"), referred("2024-01-06", partner="p2"), accrue("2024-01-31")).then(
        take_back("2024-01-10", 0, base=10_000, of_margin=True),
        commission("2024-01-10", 2_000, partner_id="p2"),
    )
    story.then_account("partner_receivable", 0)


@pytest.mark.parametrize(("share", "price", "left"), [("0", 5_000, 5_000), ("0.40", 1, 1)])
def test_d18_3_a_margin_whose_base_stands_is_in_force_though_it_is_of_nothing(
    given: Given, share: str, price: int, left: int
) -> None:
    """Part of its base was taken back, finance settles it: who claims anew has no second line."""
    story = given(
        *READY,
        enrolled("2024-01-01", "p2"),
        branded("2024-01-01"),
        referred("2024-01-05", id="wrong"),
        activated("2024-01-10"),
        accrue("2024-01-31"),
        programme=quick(white_label={"share": share}),
    )
    story.when(changed("2024-01-10", price), accrue("2024-01-31"))
    story.when(adjust(-250, line=("c1", "2024-01-10")), retract("wrong"))
    story.when(referred("2024-01-06", partner="p2"), accrue("2024-01-31")).then_nothing()
    story.then_account("partner_receivable", left)


def test_d13_a_take_back_after_the_close_is_posted_in_the_open_month(given: Given) -> None:
    """D16."""
    story = posted(given).when(close("2024-01"), changed("2024-01-10", 6_000), accrue("2024-02-05"))
    story.then(take_back("2024-01-10", -1_600, "D13", posting_date="2024-02-01"))


def test_d9_4_an_adjusted_margin_is_finances(given: Given) -> None:
    """Runs post nothing more for it; finance's own adjustment is in the balance."""
    story = posted(given).when(adjust(-250, line=("c1", "2024-01-10")))
    story.when(changed("2024-01-10", 6_000), accrue("2024-01-31")).then_nothing()
    story.then_balance(adjusted=-250).then_account("partner_receivable", 6_000)


def test_d13_another_currency_is_left_alone(given: Given) -> None:
    """D9.3: nothing is posted or taken back for that period, and the next is in francs."""
    story = posted(given).when(changed("2024-01-10", 6_000, currency="CHF"), accrue("2024-02-29"))
    story.then(margin("2024-02-10", 2_400, currency="CHF"))


def test_d13_a_brand_told_late_is_paid_margins_that_a_contest_has_left_open(given: Given) -> None:
    """D10.2: in the place of commissions, not of margins; what is posted keeps its kind (D9.3)."""
    sprint: dict[str, JsonValue] = {
        "code": "sprint", "start": "2024-01-01", "end": "2024-01-31", "amount": 700,
        "mode": "instead_of_first_year",
    }  # fmt: skip
    story = given(*READY, programme=quick(contest=[sprint]))
    story.when(activated("2024-01-10", partner="p1"), accrue("2024-02-15")).then(
        contest_line("2024-01-10", 700)
    )
    story.when(branded("2024-01-05"), accrue("2024-02-15")).then(
        margin("2024-01-10", 4_000), margin("2024-02-10", 4_000)
    )
    story.when(unbranded("2024-02-01"), accrue("2024-03-31")).then_nothing()
