"""D3.6: clients that finance gives to a partner, or to none."""

from __future__ import annotations

from tests.rules.commands import assign
from tests.rules.dsl import Given, commission, difference, waiver
from tests.rules.facts import accrue, activated, certified, changed, enrolled, nps, referred
from tests.rules.programmes import small

TWO = (enrolled("2024-01-01"), enrolled("2024-01-01", "p2"))


def test_d3_6_an_assignment_overrides_a_claim_from_its_day_on(given: Given) -> None:
    """Earlier S stay with the earlier holder; the day itself is the new one's."""
    story = given(*TWO, activated("2024-01-10", partner="p1"), assign("2024-02-10", "p2"))
    story.when(accrue("2024-03-10")).then(
        commission("2024-01-10", 2_000),
        commission("2024-02-10", 2_000, partner_id="p2"),
        commission("2024-03-10", 2_000, partner_id="p2"),
    )


def test_d3_6_the_eve_is_the_earlier_holders(given: Given) -> None:
    """An S on the eve of the assignment's day stays."""
    story = given(*TWO, activated("2024-01-10", partner="p1"), assign("2024-02-11", "p2"))
    story.when(accrue("2024-02-11")).then(
        commission("2024-01-10", 2_000), commission("2024-02-10", 2_000)
    )


def test_d3_6_late_facts_about_earlier_s_are_the_earlier_holders(given: Given) -> None:
    """D9.1, D9.2: after the assignment what p1 was posted is still due to it, and corrected."""
    story = given(*TWO, activated("2024-01-10", partner="p1"), assign("2024-03-10", None))
    story.when(accrue("2024-03-31"), assign("2024-04-10", "p2"), accrue("2024-04-10"))
    story.when(changed("2024-01-11", 12_000), accrue("2024-04-30")).then(
        difference("2024-02-10", 400), difference("2024-04-10", 400, partner_id="p2")
    )
    story.when(changed("2024-01-12", 6_000), accrue("2024-04-30")).then(
        waiver("2024-02-10", 1_200), waiver("2024-04-10", 1_200, partner_id="p2")
    )


def test_d3_6_assigned_to_none_earns_nobody(given: Given) -> None:
    """From its day on nobody holds the client."""
    story = given(*TWO, activated("2024-01-10", partner="p1"), assign("2024-02-10", None))
    story.when(accrue("2024-03-31")).then(commission("2024-01-10", 2_000))


def test_d3_5_an_assignment_attributes_a_direct_client(given: Given) -> None:
    """A direct client stays direct but for it."""
    story = given(*TWO, activated("2024-01-10"), assign("2024-02-10", "p1"))
    story.when(accrue("2024-02-29")).then(commission("2024-02-10", 2_000))


def test_d3_6_the_day_must_be_after_l(given: Given) -> None:
    """L itself is refused, the day after is not; the eve of everything is fine without an L."""
    story = given(*TWO, activated("2024-01-10", partner="p1"), assign("2024-01-01", "p2"))
    story.when(accrue("2024-01-31")).then(commission("2024-01-10", 2_000, partner_id="p2"))
    story.refuses(assign("2024-01-31", "p1")).when(assign("2024-02-01", "p1")).then_nothing()
    story.when(accrue("2024-02-29")).then(commission("2024-02-10", 2_000))


def test_d3_6_the_partner_must_be_enrolled_by_the_day(given: Given) -> None:
    """Unknown, or enrolled on the day after: refused; enrolled on the day: not."""
    story = given(*TWO, enrolled("2024-02-02", "p3"), activated("2024-01-10"))
    story.refuses(assign("2024-02-01", "p9")).refuses(assign("2024-02-01", "p3"))
    story.when(assign("2024-02-02", "p3"), accrue("2024-02-29")).then(
        commission("2024-02-10", 2_000, partner_id="p3")
    )


def test_d3_6_two_persons(given: Given) -> None:
    """Who asks may not approve."""
    given(*TWO).refuses(assign("2024-02-01", "p1", approved_by="ann"))


def test_d3_6_of_several_the_latest_day_up_to_it_holds(given: Given) -> None:
    """Whatever was recorded first."""
    story = given(
        *TWO,
        activated("2024-01-10"),
        assign("2024-03-01", "p1"),
        assign("2024-02-01", "p2"),
    )
    story.when(accrue("2024-03-31")).then(
        commission("2024-02-10", 2_000, partner_id="p2"), commission("2024-03-10", 2_000)
    )


def test_d3_6_of_one_day_the_last_recorded_holds(given: Given) -> None:
    """A second word about the same day replaces the first."""
    story = given(
        *TWO, activated("2024-01-10"), assign("2024-02-01", "p1"), assign("2024-02-01", "p2")
    )
    story.when(accrue("2024-02-29")).then(commission("2024-02-10", 2_000, partner_id="p2"))


def test_d3_6_from_its_recording_every_claim_is_rejected(given: Given) -> None:
    """Of any day; the assigned partner's own has no effect."""
    story = given(*TWO, assign("2024-06-01", "p1"))
    story.when(
        referred("2024-01-05", partner="p1", id="own"),
        referred("2024-01-05", partner="p2", id="before"),
        referred("2024-07-01", partner="p2", id="after"),
        activated("2024-07-02", partner="p2", id="carried"),
    )
    story.then_claims(
        own="no_effect",
        before="rejected already_attributed",
        after="rejected already_attributed",
        carried="rejected already_attributed",
    )


def test_d3_6_assigned_to_none_rejects_claims_too(given: Given) -> None:
    """Nobody is the partner whose claim would have no effect."""
    story = given(*TWO, assign("2024-06-01", None))
    story.when(referred("2024-01-05", id="claim")).then_claims(claim="rejected already_attributed")


def test_d3_6_what_was_provisional_is_settled_for_the_days_before(given: Given) -> None:
    """The claim of p1 is for life up to the eve of the assignment."""
    story = given(*TWO, referred("2024-01-05", id="claim"), assign("2024-02-15", "p2"))
    story.when(activated("2024-01-10"), accrue("2024-03-10")).then(
        commission("2024-01-10", 2_000),
        commission("2024-02-10", 2_000),
        commission("2024-03-10", 2_000, partner_id="p2"),
    )
    story.then_claims(claim="accepted").then_client(
        holder="p1", first="2024-01-10", counted="2024-01-10", counted_by="p1"
    )


def test_d3_6_what_was_provisional_lapses_all_the_same(given: Given) -> None:
    """An activation after the window: expired."""
    story = given(*TWO, referred("2024-01-05", id="claim"), assign("2024-02-15", "p2"))
    story.when(activated("2024-07-04")).then_claims(claim="lapsed expired")


def test_d3_6_who_counts_the_client_is_its_holder_on_the_first_activation_day(
    given: Given,
) -> None:
    """Given to p2 from the first activation day: p2 counts it; from the day after: p1."""
    story = given(*TWO, activated("2024-01-10", partner="p1"), assign("2024-01-10", "p2"))
    story.then_leaderboard("2024Q1", ("p2", 1))
    later = (activated("2024-01-10", "c2", partner="p1"), assign("2024-01-11", "p2", "c2"))
    story.when(*later).then_leaderboard("2024Q1", ("p1", 1), ("p2", 1))


def test_d3_6_counted_clients_make_the_tier_of_who_counts_them(given: Given) -> None:
    """Two clients given to p2 from their first day on certify p2, not p1 (D6.1)."""
    ready = [
        fact
        for p in ("p1", "p2")
        for fact in (certified("2024-01-01", p), nps("2024-01-01", 50, p))
    ]
    story = given(*TWO, *ready, programme=small())
    clients = [activated("2024-01-10", c, partner="p1") for c in ("c1", "c2")]
    story.when(*clients, assign("2024-01-10", "p2", "c1"), assign("2024-01-10", "p2", "c2"))
    story.when(accrue("2024-01-31"))
    story.then_tiers(("referent", "2024-01-01"))
    story.then_tiers(("referent", "2024-01-01"), ("certified", "2024-01-11"), partner="p2")
