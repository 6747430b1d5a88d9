"""D3: claims, decided in recording order; windows, late and waiting claims, leads."""

from __future__ import annotations

import pytest

from events.partners import LeadCaptured
from tests.rules.dsl import Given, commission, waiver
from tests.rules.facts import (
    accrue,
    activated,
    churned,
    converted,
    ended,
    enrolled,
    lead,
    message,
    referred,
    signed,
)
from tests.rules.programmes import programme

TWO = (enrolled("2023-01-01"), enrolled("2023-01-01", "p2"))
"""Two partners; the window is 180 days, late claims are heard for 30."""


@pytest.mark.parametrize(
    ("activation", "answer", "holder"),
    [
        ("2024-01-01", "accepted", "p1"),  # the claim's own day
        ("2024-06-29", "accepted", "p1"),  # 1 January + 180 days
        ("2024-06-30", "lapsed expired", None),
        ("2023-12-31", "lapsed too_late", None),
    ],
)
def test_the_window_has_both_its_ends(
    given: Given, activation: str, answer: str, holder: str | None
) -> None:
    """D3.4: from the attribution's day to its day + window, both included."""
    story = given(*TWO, referred("2024-01-01", id="claim"), activated(activation))
    story.then_claims(claim=answer).then_client(
        holder=holder, first=activation, counted=activation if holder else None
    )


def test_the_first_claim_recorded_wins(given: Given) -> None:
    """D3.3c: another partner's is rejected, though of an earlier day; its own has no effect."""
    given(
        *TWO,
        referred("2024-01-10", id="first"),
        referred("2024-01-05", partner="p2", id="other"),
        referred("2024-02-01", id="again"),
        activated("2024-07-20"),
    ).then_claims(
        first="lapsed expired", other="rejected already_attributed", again="no_effect"
    ).then_client(holder=None, first="2024-07-20", counted=None)


def test_a_provisional_attribution_is_live_on_its_last_day(given: Given) -> None:
    """D3.4: up to its own day + window, that day included; the day after another may win."""
    story = given(
        *TWO,
        referred("2024-01-01", id="first"),
        referred("2024-06-29", partner="p2", id="last-day"),
    ).then_claims(first="accepted", last_day="rejected already_attributed")
    story.when(referred("2024-06-30", partner="p2", id="after")).then_claims(
        first="lapsed expired", last_day="rejected already_attributed", after="accepted"
    )
    story.when(activated("2024-06-30"), accrue("2024-06-30")).then(
        commission("2024-06-30", 2_000, partner_id="p2")
    )


def test_the_same_partner_wins_anew_after_its_window(given: Given) -> None:
    """D3.4: a claim of a day after the window wins; what was provisional lapses as expired."""
    given(*TWO, referred("2024-01-01", id="first"), referred("2024-07-01", id="second")).when(
        activated("2024-12-01")
    ).then_claims(first="lapsed expired", second="accepted")


def test_a_lapsed_claim_is_not_revived_by_what_comes_later(given: Given) -> None:
    """D3.4: the first activation recorded settles, though an earlier one arrives later."""
    given(
        *TWO,
        referred("2024-01-01", id="claim"),
        activated("2024-07-20"),
        churned("2024-02-01"),
        activated("2024-01-15"),
    ).then_claims(claim="lapsed expired").then_client(holder=None, first="2024-01-15", counted=None)


def test_an_activations_own_claim_wins_for_life(given: Given) -> None:
    """D3.4: with no other, the partner that the activation names."""
    given(*TWO, activated("2024-03-01", partner="p2", id="act")).then_claims(
        act="accepted"
    ).then_client(holder="p2", first="2024-03-01", counted="2024-03-01")


def test_an_activations_own_claim_comes_after_the_settlement(given: Given) -> None:
    """D3.4: first what is provisional is settled, then the own claim is checked."""
    given(
        *TWO, referred("2024-01-01", id="ref"), activated("2024-03-01", partner="p2", id="act")
    ).then_claims(ref="accepted", act="rejected already_attributed")


def test_an_activations_own_claim_wins_where_the_provisional_one_lapses(given: Given) -> None:
    """D3.4: the referral has expired; the activation's own partner holds the client."""
    given(
        *TWO, referred("2024-01-01", id="ref"), activated("2024-07-01", partner="p2", id="act")
    ).then_claims(ref="lapsed expired", act="accepted")


def test_an_activations_own_claim_by_the_holder_has_no_effect(given: Given) -> None:
    """D3.3c."""
    given(
        *TWO, referred("2024-01-01", id="ref"), activated("2024-03-01", partner="p1", id="act")
    ).then_claims(ref="accepted", act="no_effect")


def test_the_claim_of_a_later_activation_is_late(given: Given) -> None:
    """D3.1, D3.3d: its day must not be after the first activation day."""
    given(
        *TWO,
        activated("2024-03-01"),
        churned("2024-03-20"),
        activated("2024-04-01", partner="p2", id="again"),
    ).then_claims(again="rejected too_late").then_client(
        holder=None, first="2024-03-01", counted=None
    )


def test_a_late_claim_earns_what_it_missed(given: Given) -> None:
    """D3.3d: L (31 March) is not later than 1 March + 30 days: it wins for life."""
    story = given(*TWO, activated("2024-03-01"), accrue("2024-03-31"))
    story.when(referred("2024-02-20", id="late"), accrue("2024-04-01")).then(
        commission("2024-03-01", 2_000), commission("2024-04-01", 2_000)
    ).then_claims(late="accepted")


def test_a_claim_after_its_late_days_is_too_late(given: Given) -> None:
    """D3.3d: L (1 April) is later than 1 March + 30 days."""
    story = given(*TWO, activated("2024-03-01"), accrue("2024-04-01"))
    story.when(referred("2024-02-20", id="late"), accrue("2024-04-30")).then_nothing()
    story.then_claims(late="rejected too_late")


@pytest.mark.parametrize(
    ("claim", "answer"),
    [
        ("2024-03-01", "accepted"),
        ("2024-03-02", "rejected too_late"),
        ("2023-09-03", "accepted"),  # + 180 days is 1 March 2024
        ("2023-09-02", "rejected too_late"),
    ],
)
def test_a_late_claims_window(given: Given, claim: str, answer: str) -> None:
    """D3.3d: the first activation day lies from its day to its day + window; without L, always."""
    given(*TWO, activated("2024-03-01"), referred(claim, id="late")).then_claims(late=answer)


def test_a_late_claim_finds_the_client_taken(given: Given) -> None:
    """D3.3c comes before D3.3d."""
    given(
        *TWO,
        activated("2024-03-01", partner="p2", id="act"),
        referred("2024-02-01", id="late"),
        referred("2024-02-01", partner="p2", id="own"),
    ).then_claims(act="accepted", late="rejected already_attributed", own="no_effect")


def test_a_claim_waits_for_its_partners_enrolment(given: Given) -> None:
    """D3.2: decided when that is recorded, several in their order."""
    story = (
        given(
            referred("2024-02-01", id="first"),
            referred("2024-02-02", partner="p2", id="second"),
        )
        .then_claims(first="waiting", second="waiting")
        .then_unresolved("first", "second")
    )
    story.when(enrolled("2024-01-01", "p2")).then_claims(first="waiting", second="accepted")
    story.when(enrolled("2024-01-01")).then_claims(
        first="rejected already_attributed", second="accepted"
    ).then_resolved("second")


def test_a_claim_that_waited_is_late_if_an_activation_came_first(given: Given) -> None:
    """D3.4: the activation's own claim that waits is late; it may still win."""
    story = given(
        activated("2024-03-01", partner="p1", id="act"), accrue("2024-03-31")
    ).then_claims(act="waiting")
    story.then_client(holder=None, first="2024-03-01", counted=None)
    story.when(enrolled("2024-01-01"), accrue("2024-03-31")).then(
        commission("2024-03-01", 2_000)
    ).then_claims(act="accepted")


def test_a_claim_that_waited_too_long_is_too_late(given: Given) -> None:
    """D3.2 with D3.3d: as if recorded when the enrolment is."""
    story = given(activated("2024-03-01", partner="p1", id="act"), accrue("2024-04-01"))
    story.when(enrolled("2024-01-01"), accrue("2024-04-01")).then_nothing()
    story.then_claims(act="rejected too_late")


def test_a_claim_of_a_day_before_the_enrolment(given: Given) -> None:
    """D3.2: rejected, whether it waited or not; it holds no place."""
    story = given(referred("2024-01-31", id="waited"), enrolled("2024-02-01"))
    story.then_claims(waited="rejected unknown_partner")
    story.when(referred("2024-01-31", id="told")).then_claims(
        waited="rejected unknown_partner", told="rejected unknown_partner"
    )
    story.when(referred("2024-02-01", id="same-day")).then_claims(
        waited="rejected unknown_partner", told="rejected unknown_partner", same_day="accepted"
    )


def test_a_claim_needs_an_agreement_in_force(given: Given) -> None:
    """D3.3a: not from the day of its end on; again from that of a later signature."""
    given(
        *TWO,
        ended("2024-02-01"),
        signed("2024-03-01"),
        referred("2024-01-31", "a", id="before"),
        referred("2024-02-01", "b", id="on"),
        referred("2024-02-29", "c", id="eve"),
        referred("2024-03-01", "d", id="again"),
    ).then_claims(
        before="accepted",
        on="rejected agreement_ended",
        eve="rejected agreement_ended",
        again="accepted",
    )


def test_the_agreement_is_asked_before_the_attribution(given: Given) -> None:
    """D3.3: the checks have an order."""
    given(
        *TWO,
        ended("2024-02-01"),
        referred("2024-02-02", partner="p2", id="holder"),
        referred("2024-02-03", id="ended"),
    ).then_claims(holder="accepted", ended="rejected agreement_ended")


def test_once_for_life_it_holds_on_the_days_before(given: Given) -> None:
    """D3.4: an activation of an earlier day that arrives later is the holder's, too."""
    story = given(*TWO, referred("2024-03-01"), activated("2024-03-10"), accrue("2024-03-31"))
    story.when(churned("2024-02-20"), activated("2024-02-10", price=5_000), accrue("2024-03-31"))
    story.then(commission("2024-02-10", 1_000))
    story.then_client(holder="p1", first="2024-02-10", counted="2024-02-10")


def test_a_reactivation_years_later_is_still_the_holders(given: Given) -> None:
    """D3.4: for life, reactivations too."""
    facts = (activated("2023-02-10", partner="p1"), churned("2023-02-20"), accrue("2025-01-01"))
    given(*TWO, *facts).when(
        activated("2025-06-10", partner="p2", id="late"), accrue("2025-06-10")
    ).then(commission("2025-06-10", 1_000, client_year=3))


def test_a_lead_is_a_claim_when_its_client_is_known(given: Given) -> None:
    """D3.1: of the lead's day, at the conversion."""
    story = given(*TWO, lead("2024-01-01", "l1", id="lead")).then_claims()
    story.when(converted("2024-02-01", "l1")).then_claims(lead="accepted")
    story.when(activated("2024-06-29")).then_client(
        holder="p1", first="2024-06-29", counted="2024-06-29"
    )


def test_a_capture_that_names_the_client_after_a_conversion_is_listed(given: Given) -> None:
    """D3.1: it is the claim, but what it says of the client came second, be it the same."""
    given(
        *TWO,
        converted("2024-01-12", "l1", "c1"),
        lead("2024-01-10", "l1", client="c1", id="lead"),
    ).then_claims(lead="accepted").then_unresolved("lead")


def test_a_lead_that_names_its_client_is_a_claim_at_once(given: Given) -> None:
    """D3.1: the first thing recorded that names the client stands, the other is unresolved."""
    given(
        *TWO,
        lead("2024-01-01", "l1", client="c1", id="lead"),
        converted("2024-02-01", "l1", "c2", id="other"),
    ).then_claims(lead="accepted").then_unresolved("other")


def test_a_conversion_may_arrive_before_its_lead(given: Given) -> None:
    """D3.1: the claim is heard when both are recorded; a second conversion is unresolved."""
    given(
        *TWO,
        converted("2024-02-01", "l1", "c1"),
        converted("2024-02-02", "l1", "c2", id="second"),
        lead("2024-01-01", "l1", id="lead"),
    ).then_claims(lead="accepted").then_unresolved("second")


def test_a_lead_claims_its_place_at_the_conversion(given: Given) -> None:
    """D3: in recording order: a referral recorded before the conversion is heard first."""
    given(
        *TWO,
        lead("2024-01-01", "l1", id="lead"),
        referred("2024-01-20", partner="p2", id="ref"),
        converted("2024-02-01", "l1"),
    ).then_claims(lead="rejected already_attributed", ref="accepted")


def test_a_lead_of_nobody_claims_nothing(given: Given) -> None:
    """D3.1: neither a partner nor a department that one holds."""
    nobodys = message(LeadCaptured(lead_id="l1", client_id="c1", employees=4), "2024-01-01")
    given(*TWO, nobodys, activated("2024-01-05")).then_claims().then_client(
        holder=None, first="2024-01-05", counted=None
    )


def test_a_second_enrolment_changes_nothing(given: Given) -> None:
    """D11: the first recorded stands, its day too."""
    given(
        enrolled("2024-02-01"), enrolled("2024-01-01"), referred("2024-01-15", id="claim")
    ).then_claims(claim="rejected unknown_partner").then_tiers(("referent", "2024-02-01"))


def test_a_claim_lost_leaves_no_line_to_the_loser(given: Given) -> None:
    """D3: who came second earns nothing, whatever happens to the client."""
    story = given(
        *TWO, referred("2024-01-01"), referred("2024-01-02", partner="p2"), activated("2024-01-10")
    )
    story.when(accrue("2024-01-31")).then(commission("2024-01-10", 2_000, partner_id="p1"))
    story.when(churned("2024-01-10"), accrue("2024-01-31")).then(
        waiver("2024-01-10", 2_000, partner_id="p1")
    )


def test_claims_that_waited_are_decided_in_the_order_of_their_facts(given: Given) -> None:
    """D3.2: a lead's is its capture's, though its client became known last."""
    story = given(
        lead("2024-01-05", "l", "w", id="captured"),
        referred("2024-01-05", partner="w", id="referral"),
        converted("2024-01-06", "l"),
    )
    story.when(enrolled("2024-01-01", "w"))
    story.then_claims(captured="accepted", referral="no_effect")


def test_windows_end_with_the_calendar(given: Given) -> None:
    """A fact of a mistyped year stopped all that was recorded with it, for good."""
    story = given(
        *TWO,
        referred("9999-12-01", id="claim"),
        activated("9999-12-29", "c1"),
        activated("9999-12-29", "c2"),
        referred("9999-12-29", "c2", id="late"),
        programme=programme(activation={"qualifying_days": 30}),
    )
    story.then_claims(claim="accepted", late="accepted")
    for client in ("c1", "c2"):
        story.then_client(client, holder="p1", first="9999-12-29", counted="9999-12-31")
    story.when(accrue("2024-01-31")).then_nothing()
