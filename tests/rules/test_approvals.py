"""D16.1: four eyes, where a programme wants them."""

from __future__ import annotations

from datetime import date

from tests.model.commands import Adopt, Approve, AssignProgramme, Reject
from tests.rules.commands import assign, open_ledger, open_partner, retract
from tests.rules.dsl import Given, Scenario, by_hand, commission, line
from tests.rules.facts import accrue, activated, adjust, close, credit, enrolled, pay
from tests.rules.programmes import programme

SEPARATE = programme(controls={"approval": "separate"})
ALONE = programme()
YEAR = (enrolled("2024-01-01"), activated("2024-01-10", partner="p1"), accrue("2024-02-09"))
"""A referent with one line of €20.00, accrued through 9 February 2024."""

SAME = Approve(1, operator="tester")
APPROVE = Approve(1)


def separate(given: Given, *entries: object) -> Scenario:
    """A ledger whose programme wants separate approval."""
    return given(*entries, programme=SEPARATE)  # type: ignore[arg-type]


def test_d16_1_another_operator_approves(given: Given) -> None:
    """Nothing has an effect before; who proposed it is refused."""
    story = separate(given, *YEAR).when(credit(500)).then_nothing().refuses(SAME)
    story.when(APPROVE).then(by_hand("credit", "2024-02-09", 500))


def test_d16_1_once(given: Given) -> None:
    """An approved proposal is not approved again, nor rejected; there is no second one."""
    story = separate(given, *YEAR, credit(500), APPROVE)
    story.refuses(APPROVE).refuses(Reject(1))
    story.then_balance(earned=2_500)


def test_d16_1_a_rejected_proposal_has_no_effect(given: Given) -> None:
    """Who proposed it may reject it; it is approved by nobody then."""
    story = separate(given, *YEAR, credit(500), Reject(1)).refuses(APPROVE).refuses(Reject(1))
    story.then_balance(earned=2_000)


def test_d16_1_a_proposal_is_decided_again_when_it_is_approved(given: Given) -> None:
    """What is not valid any more is refused, and goes on waiting."""
    story = separate(given, *YEAR, enrolled("2024-01-01", "p2"), assign("2024-02-15", "p2"))
    story.when(accrue("2024-02-29")).then(commission("2024-02-10", 2_000))
    story.refuses(APPROVE).when(Reject(1)).then_nothing()


def test_d16_1_what_is_not_valid_is_not_proposed(given: Given) -> None:
    """Two persons and a known partner are needed before, too."""
    story = separate(given, *YEAR)
    story.refuses(credit(500, approved_by="ann")).refuses(adjust(5, partner="p9"))


def test_d16_1_the_date_is_that_of_the_proposal(given: Given) -> None:
    """L moves on; what was approved is what was proposed."""
    story = separate(given, *YEAR, adjust(-300), accrue("2024-03-09"))
    story.when(APPROVE).then(by_hand("adjustment", "2024-02-09", -300))


def test_d16_1_what_is_approved_after_a_close_is_posted_in_the_next_month(given: Given) -> None:
    """A closed month never changes."""
    story = separate(given, *YEAR, adjust(-300, "2024-01-31"), close("2024-01"))
    story.when(APPROVE).then(
        by_hand("adjustment", "2024-01-31", -300, posting_date="2024-02-01"),
    )


def test_d16_1_a_payout_run_waits(given: Given) -> None:
    """It pays what is owed when it is approved."""
    story = separate(given, *YEAR, accrue("2024-03-31"), pay("2024-03-31"))
    story.then_payouts()
    story.when(adjust(1_000, "2024-03-31"), Approve(2), Approve(1))
    story.then_payouts(("2024-03-31", 7_000, "in_flight", 0))


def test_d16_1_an_assignment_waits(given: Given) -> None:
    """So does that of a programme."""
    story = separate(given, *YEAR, enrolled("2024-01-01", "p2"), assign("2024-02-10", "p2"))
    story.when(APPROVE, accrue("2024-02-10"))
    story.then(commission("2024-02-10", 2_000, partner_id="p2"))


def test_d16_1_a_retraction_waits(given: Given) -> None:
    """The next run after the approval takes back what rested on the fact."""
    told = activated("2024-01-10", partner="p1")
    story = separate(given, enrolled("2024-01-01"), told, accrue("2024-01-31"))
    story.when(retract(told.id), accrue("2024-01-31")).then_nothing()
    story.when(APPROVE, accrue("2024-01-31"))
    story.then(line("adjustment", "D9.5", "2024-01-10", -2_000, client_id="c1"))


def test_d16_1_openings_wait(given: Given) -> None:
    """That of the ledger, then that of a partner."""
    story = separate(given, enrolled("2023-01-01"), open_ledger("2024-01-01"))
    story.refuses(open_partner("certified", "2023-06-01", EUR=900)).when(APPROVE)
    story.when(open_partner("certified", "2023-06-01", EUR=900)).then_nothing()
    story.when(Approve(2))
    story.then(line("adjustment", "D8.3", "2024-01-01", 900))
    story.then_tiers(("referent", "2023-01-01"), ("certified", "2023-06-01"))


def test_d16_1_an_adoption_is_under_the_present_controls(given: Given) -> None:
    """The first takes effect at once; one that ends the controls waits, and ends them on its day.

    L           2024-02-09        2024-02-29
    ------------------|-----------------|--------->
                      separate ......... none
    """
    story = separate(given, *YEAR, Adopt(ALONE, date(2024, 3, 1)))
    story.when(credit(1)).then_nothing()
    story.when(APPROVE, credit(2)).then_nothing()
    story.when(accrue("2024-02-29"), credit(3))
    story.then(commission("2024-02-10", 2_000), by_hand("credit", "2024-02-29", 3))
    story.when(Approve(3)).then(by_hand("credit", "2024-02-09", 2))


def test_d16_1_controls_begin_on_their_day(given: Given) -> None:
    """Until then commands take effect at once."""
    story = given(*YEAR, Adopt(SEPARATE, date(2024, 3, 1)), programme=ALONE)
    story.when(credit(1)).then(by_hand("credit", "2024-02-09", 1))
    story.when(accrue("2024-02-29"), credit(2)).then(commission("2024-02-10", 2_000))


def test_d16_1_any_programme_s_controls_are_everybody_s(given: Given) -> None:
    """A command of a partner under another programme waits, too."""
    other = programme(name="other", controls={"approval": "separate"})
    story = given(*YEAR, programme=ALONE).when(Adopt(other, None)).then_nothing()
    story.when(AssignProgramme("p1", "other", date(2024, 3, 1)), credit(4)).then_nothing()
    story.when(Approve(2)).then(by_hand("credit", "2024-02-09", 4))


def test_d16_1_facts_runs_and_closes_do_not_wait(given: Given) -> None:
    """Only what finance decides by itself does."""
    story = separate(given, *YEAR).when(activated("2024-01-20", "c2", partner="p1"))
    story.when(accrue("2024-02-29"), close("2024-01"))
    story.then_balance(earned=8_000)
