"""D14, D3.1, D3.3b: departments held alone, their leads, and whose claims they turn away."""

from __future__ import annotations

from datetime import date

from tests.model.commands import Adopt, AssignProgramme
from tests.model.journal import Entry, Message
from tests.rules.dsl import Given, Scenario
from tests.rules.facts import (
    accrue,
    activated,
    certified,
    converted,
    enrolled,
    lead,
    referred,
    territory,
)
from tests.rules.programmes import choosing, plain, quick, tier_terms


def strategic(partner: str, when: str = "2024-01-01") -> tuple[Message, ...]:
    """What makes a partner strategic from the day after, by the next run."""
    return (enrolled(when, partner, portfolio=201), certified(when, partner))


BOTH: tuple[Entry, ...] = (*strategic("p1"), *strategic("p2"), accrue("2024-01-31"))
"""Two partners, strategic from 2 January 2024, L 31 January."""


def both(given: Given) -> Scenario:
    """Both partners are strategic."""
    return given(*BOTH, programme=quick())


def test_d14_a_department_is_held_for_24_months(given: Given) -> None:
    """From the fact's day to the eve of day + 24 months."""
    story = both(given).when(territory("2024-02-10", id="grant")).then_grants(grant="accepted")
    story.then_territory("2024-02-09", None).then_territory("2024-02-10", "p1")
    story.then_territory("2026-02-09", "p1").then_territory("2026-02-10", None)


def test_d14_rejected_unless_strategic_on_that_day(given: Given) -> None:
    """Strategic from 2 January: the day before is not."""
    story = both(given).when(territory("2024-01-01", id="before"), territory("2024-01-02", id="on"))
    story.then_grants(before="rejected not_strategic", on="accepted")


def test_d14_as_decided_so_far_means_by_completed_runs(given: Given) -> None:
    """Before a run has decided the tier the partner is not strategic, though its facts are told."""
    story = given(*strategic("p1"), programme=quick())
    story.when(territory("2024-01-10", id="early"), accrue("2024-01-10"))
    story.when(territory("2024-01-10", id="later"))
    story.then_grants(early="rejected not_strategic", later="accepted")


def test_d14_an_unknown_partner_is_not_strategic(given: Given) -> None:
    """Nor does the grant wait for its enrolment."""
    story = both(given).when(territory("2024-02-10", partner="p9", id="grant"))
    story.when(*strategic("p9"), accrue("2024-02-29"))
    story.then_grants(grant="rejected not_strategic")


def test_d14_held_by_another(given: Given) -> None:
    """Up to the eve of its end; on its end the department is free."""
    story = both(given).when(
        territory("2024-02-10", id="first"),
        territory("2024-02-10", partner="p2", id="same"),
        territory("2026-02-09", partner="p2", id="eve"),
        territory("2026-02-10", partner="p2", id="end"),
    )
    story.then_grants(first="accepted", same="rejected held", eve="rejected held", end="accepted")
    story.then_territory("2026-02-09", "p1").then_territory("2026-02-10", "p2")


def test_d14_an_overlap_with_a_later_grant_is_held_too(given: Given) -> None:
    """[day, its end) may not reach into what another holds; up to its first day is no overlap."""
    story = both(given).when(
        territory("2026-03-10", id="later"),
        territory("2024-03-11", partner="p2", id="over"),
        territory("2024-03-10", partner="p2", id="up"),
    )
    story.then_grants(later="accepted", over="rejected held", up="accepted")


def test_d14_the_holders_further_grant_is_a_renewal(given: Given) -> None:
    """Its end is two years after the running end, whatever its day."""
    story = both(given).when(territory("2024-02-10"), territory("2025-06-01"))
    story.then_territory("2028-02-09", "p1").then_territory("2028-02-10", None)


def test_d14_a_grant_after_the_end_is_no_renewal(given: Given) -> None:
    """On its end nothing runs any more."""
    story = both(given).when(territory("2024-02-10"), territory("2026-02-10"))
    story.then_territory("2028-02-09", "p1").then_territory("2028-02-10", None)
    story.when(territory("2028-03-01")).then_territory("2030-02-28", "p1")
    story.then_territory("2030-03-01", None)


def test_d14_a_renewal_may_not_reach_into_anothers(given: Given) -> None:
    """p2 holds it from the running end on: the renewal is rejected, the first goes on."""
    story = both(given).when(
        territory("2024-02-10", id="first"),
        territory("2026-02-10", partner="p2", id="next"),
        territory("2025-06-01", id="again"),
    )
    story.then_grants(first="accepted", next="accepted", again="rejected held")


def test_d7_3_a_department_has_one_holder_over_all_programmes(given: Given) -> None:
    """p2 is under another programme: the department is held all the same."""
    story = given(*BOTH, Adopt(quick(name="resellers")), programme=quick())
    story.when(AssignProgramme("p2", "resellers", date(2024, 2, 1)), territory("2024-02-10"))
    story.when(territory("2024-02-11", partner="p2", id="second"))
    assert [one.reason for one in story.ledger.grants() if one.id == "second"] == ["held"]
    story.when(referred("2024-02-12", "c1", "p2", department="75", id="claim"))
    story.then_claims(claim="rejected territory")


def test_d14_departments_are_apart(given: Given) -> None:
    """Another partner may hold another department."""
    story = both(given).when(territory("2024-02-10"), territory("2024-02-10", "69", "p2"))
    story.then_territory("2024-03-01", "p1").then_territory("2024-03-01", "p2", "69")


def test_d14_months_are_added_as_d2_says(given: Given) -> None:
    """29 February 2024 and 24 months: 28 February 2026."""
    story = both(given).when(territory("2024-02-29"))
    story.then_territory("2026-02-27", "p1").then_territory("2026-02-28", None)


def test_d14_no_territories_in_the_programme(given: Given) -> None:
    """A part that is absent does not exist: the grant is no grant."""
    story = given(enrolled("2024-01-01"), programme=plain()).when(territory("2024-02-10"))
    story.then_grants().then_territory("2024-03-01", None)


# --- D3.3b ---------------------------------------------------------------------------------------


def test_d3_3b_a_claim_in_a_department_that_another_holds(given: Given) -> None:
    """Referral, activation or lead: rejected ``territory`` on a day on which it is held."""
    story = both(given).when(
        territory("2024-02-10"),
        referred("2024-02-09", "c1", "p2", department="75", id="eve"),
        referred("2024-02-10", "c2", "p2", department="75", id="day"),
        activated("2024-02-10", "c3", partner="p2", department="75", id="carried"),
        lead("2024-02-10", "l4", "p2", "c4", department="75", id="lead"),
        referred("2026-02-09", "c5", "p2", department="75", id="last"),
        referred("2026-02-10", "c6", "p2", department="75", id="end"),
    )
    story.then_claims(
        eve="accepted",
        day="rejected territory",
        carried="rejected territory",
        lead="rejected territory",
        last="rejected territory",
        end="accepted",
    )


def test_d3_3b_the_holders_own_and_claims_that_name_none(given: Given) -> None:
    """Only another partner's claim that names the department is turned away."""
    story = both(given).when(
        territory("2024-02-10"),
        referred("2024-02-10", "c1", "p1", department="75", id="own"),
        referred("2024-02-10", "c2", "p2", id="none"),
        referred("2024-02-10", "c3", "p2", department="69", id="other"),
    )
    story.then_claims(own="accepted", none="accepted", other="accepted")


def test_d3_3b_comes_before_c(given: Given) -> None:
    """The order of the checks: territory, then the live attribution."""
    story = both(given).when(
        territory("2024-02-10"),
        referred("2024-02-01", "c1", "p2", id="first"),
        referred("2024-02-10", "c1", "p2", department="75", id="again"),
    )
    story.then_claims(first="accepted", again="rejected territory")


def test_d3_3b_leads_only_is_not_checked(given: Given) -> None:
    """The alternative choice: the claim wins; leads without partner still go to the holder."""
    story = given(*BOTH, programme=choosing(quick(), "attribution", territory_check="leads_only"))
    story.when(
        territory("2024-02-10"),
        referred("2024-02-10", "c1", "p2", department="75", id="claim"),
        lead("2024-02-10", "l2", None, "c2", department="75", id="lead"),
    )
    story.then_claims(claim="accepted", lead="accepted")


# --- D3.1: leads without a partner ---------------------------------------------------------------


def test_d3_1_a_lead_without_partner_is_the_holders(given: Given) -> None:
    """Its own client, or one that a conversion names, whichever comes first."""
    story = both(given).when(
        territory("2024-02-10"),
        lead("2024-02-11", "l1", None, "c1", department="75", id="own"),
        lead("2024-02-11", "l2", None, department="75", id="converted"),
    )
    story.then_claims(own="accepted")
    story.when(converted("2024-03-01", "l2", "c2"), activated("2024-03-02", "c2"))
    story.then_claims(own="accepted", converted="accepted")
    story.then_client("c2", holder="p1", first="2024-03-02", counted="2024-03-02")


def test_d3_1_a_lead_of_a_department_that_nobody_holds_is_no_claim(given: Given) -> None:
    """Nor does a later grant make it one."""
    story = both(given).when(lead("2024-02-11", "l1", None, "c1", department="75"))
    story.when(territory("2024-02-10")).then_claims()


def test_d3_1_the_holder_is_the_one_of_the_leads_day(given: Given) -> None:
    """On the eve of the grant nobody held it; a day after its end nobody does."""
    story = both(given).when(
        territory("2024-02-10"),
        lead("2024-02-09", "l1", None, "c1", department="75", id="before"),
        lead("2024-02-10", "l2", None, "c2", department="75", id="on"),
        lead("2026-02-10", "l3", None, "c3", department="75", id="after"),
    )
    story.then_claims(on="accepted")


def test_d3_1_by_what_is_recorded_when_the_client_is_known(given: Given) -> None:
    """The grant is told after the lead and before its conversion: it counts."""
    story = both(given).when(
        lead("2024-02-11", "l1", None, department="75", id="lead"),
        territory("2024-02-10"),
        converted("2024-03-01", "l1", "c1"),
    )
    story.then_claims(lead="accepted")


def test_d3_1_a_lead_with_a_partner_is_that_partners(given: Given) -> None:
    """Though another holds the department: then it is turned away (D3.3b)."""
    story = both(given).when(
        territory("2024-02-10"), lead("2024-02-11", "l1", "p2", "c1", department="75", id="lead")
    )
    story.then_claims(lead="rejected territory")


def test_d14_a_holder_keeps_it_after_a_demotion(given: Given) -> None:
    """Strategic from 2 January 2024, missed its commitment: certified from 2 January 2025."""
    terms = quick(
        tier=[
            tier_terms("referent"),
            tier_terms("certified", requires={"certification": True}),
            tier_terms(
                "strategic",
                requires={"portfolio_above": 200},
                commitment={"counted_clients_per_year": 1},
            ),
        ]
    )
    story = given(*strategic("p1"), accrue("2024-01-31"), territory("2024-02-10"), programme=terms)
    story.when(accrue("2025-01-02")).then_tiers(
        ("referent", "2024-01-01"), ("strategic", "2024-01-02"), ("certified", "2025-01-02")
    )
    story.then_territory("2025-06-01", "p1")
    story.when(lead("2025-06-01", "l1", None, "c1", department="75", id="lead"))
    story.then_claims(lead="accepted")
