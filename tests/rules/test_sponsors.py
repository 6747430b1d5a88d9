"""D11, D9.6: who sponsors whom, and what it earns. The sponsor is p9, the sponsored partner p1."""

from __future__ import annotations

from datetime import date

from pydantic import JsonValue

from tests.model.commands import Adopt, AssignProgramme
from tests.model.journal import Message
from tests.rules.commands import assign, correct
from tests.rules.dsl import (
    Given,
    Scenario,
    commission,
    difference,
    margin,
    override,
    reward,
    waiver,
)
from tests.rules.facts import (
    accrue,
    activated,
    branded,
    certified,
    changed,
    churned,
    ended,
    enrolled,
    referred,
    signed,
    unbranded,
)
from tests.rules.programmes import choosing, programme, quick

TERMS = programme(
    sponsorship={"reward": 100_000, "active_clients": 3, "override": "0.05", "client_year": 1}
)
TIED = (enrolled("2024-01-01", "p9"), enrolled("2024-01-01", "p1", sponsor="p9"))


def clients(*days: str, partner: str = "p1", price: int = 0) -> list[Message]:
    """Clients k1, k2 … of a partner, first activated on these days, paying nothing later on."""
    return [
        fact
        for number, day in enumerate(days, start=1)
        for fact in (
            activated(day, f"{partner}-k{number}", price or 100, partner=partner),
            churned(f"{day[:8]}{int(day[8:]) + 1:02}", f"{partner}-k{number}"),
        )
    ]


def tied(given: Given, *facts: Message) -> Scenario:
    """p9 sponsors p1."""
    return given(*TIED, *facts, programme=TERMS)


# --- ties ----------------------------------------------------------------------------------------


def test_d11_a_sponsor_enrolled_before(given: Given) -> None:
    """On an earlier day or the same: accepted."""
    story = given(enrolled("2024-01-01", "p9"), enrolled("2024-01-01", sponsor="p9"))
    story.when(enrolled("2024-02-01", "p2", sponsor="p9"))
    story.then_sponsors(("p1", "p9", "accepted"), ("p2", "p9", "accepted"))


def test_d11_a_sponsor_is_waited_for(given: Given) -> None:
    """Until its enrolment is recorded; of the same day it is in time."""
    story = given(enrolled("2024-01-10", sponsor="p9", id="tie"))
    story.then_sponsors(("p1", "p9", "waiting"))
    story.when(enrolled("2024-01-10", "p9")).then_sponsors(("p1", "p9", "accepted"))


def test_d11_a_sponsor_enrolled_on_a_later_day(given: Given) -> None:
    """Waited for or not: unknown_sponsor, the enrolment stands."""
    story = given(enrolled("2024-01-10", sponsor="p9"), enrolled("2024-01-11", "p9"))
    story.when(enrolled("2024-01-10", "p2", sponsor="p9"))
    story.then_sponsors(
        ("p1", "p9", "rejected unknown_sponsor"), ("p2", "p9", "rejected unknown_sponsor")
    )
    story.then_tiers(("referent", "2024-01-10"))


def test_d11_self_sponsorship(given: Given) -> None:
    """Rejected ``self``."""
    given(enrolled("2024-01-10", sponsor="p1")).then_sponsors(("p1", "p1", "rejected self"))


def test_d11_a_tie_that_would_close_a_cycle(given: Given) -> None:
    """p1 names p2, p2 names p3, p3 names p1: p1's own is decided first, then p3's that waited."""
    story = given(
        enrolled("2024-01-10", "p2", sponsor="p3"),
        enrolled("2024-01-10", "p3", sponsor="p1"),
        enrolled("2024-01-10", "p1", sponsor="p2"),
    )
    story.then_sponsors(
        ("p1", "p2", "accepted"), ("p2", "p3", "accepted"), ("p3", "p1", "rejected cycle")
    )


def test_d11_ties_that_waited_are_decided_in_recording_order(given: Given) -> None:
    """Two that waited for one: both accepted; and each other's sponsor is a cycle of two."""
    story = given(
        enrolled("2024-01-10", "p2", sponsor="p9"),
        enrolled("2024-01-10", "p3", sponsor="p9"),
        enrolled("2024-01-10", "p9", sponsor="p3"),
    )
    story.then_sponsors(
        ("p2", "p9", "accepted"), ("p3", "p9", "rejected cycle"), ("p9", "p3", "accepted")
    )


def test_d11_a_second_enrolment_changes_nothing(given: Given) -> None:
    """Not its sponsor either."""
    story = given(enrolled("2024-01-01", "p9"), enrolled("2024-01-10", "p1"))
    story.when(enrolled("2024-01-10", "p1", sponsor="p9")).then_sponsors()


# --- D9.6: corrections ---------------------------------------------------------------------------


def test_d9_6_a_corrected_sponsor_is_a_tie_decided_then(given: Given) -> None:
    """Accepted, rejected or waiting, in the place of what the enrolment said."""
    story = given(*TIED, enrolled("2024-01-01", "p2"), enrolled("2024-01-02", "p3"))
    story.when(correct(sponsor="p2")).then_sponsors(("p1", "p2", "accepted"))
    story.when(correct(sponsor="p3")).then_sponsors(("p1", "p3", "rejected unknown_sponsor"))
    story.when(correct(sponsor="p1")).then_sponsors(("p1", "p1", "rejected self"))
    story.when(correct(sponsor="p4")).then_sponsors(("p1", "p4", "waiting"))
    story.when(enrolled("2023-12-01", "p4")).then_sponsors(("p1", "p4", "accepted"))
    story.when(correct(cleared=("sponsor_id",))).then_sponsors()


def test_d9_6_a_corrected_tie_that_closes_a_cycle(given: Given) -> None:
    """p1 is sponsored by p9: p9 cannot be by p1, until p1 is not."""
    story = given(*TIED).when(correct("p9", sponsor="p1"))
    story.then_sponsors(("p1", "p9", "accepted"), ("p9", "p1", "rejected cycle"))
    story.when(correct("p1", cleared=("sponsor_id",)), correct("p9", sponsor="p1"))
    story.then_sponsors(("p9", "p1", "accepted"))


def test_d9_6_two_persons_and_a_known_partner(given: Given) -> None:
    """Else refused."""
    story = given(*TIED).refuses(correct(founding=True, approved_by="ann"))
    story.refuses(correct("p5", founding=True))


def test_d9_6_founding_counts_for_later_lines(given: Given) -> None:
    """20 % before the correction, 25 % after; what was posted keeps its rate."""
    story = given(enrolled("2024-01-01"), activated("2024-01-10", partner="p1"))
    story.when(accrue("2024-01-31"), correct(founding=True), accrue("2024-02-29")).then(
        commission("2024-01-10", 2_000), commission("2024-02-10", 2_500)
    )
    story.when(changed("2024-01-10", 12_000), correct(founding=False), accrue("2024-03-31")).then(
        difference("2024-01-10", 400, rate="0.20"),
        difference("2024-02-10", 500, rate="0.25"),
        commission("2024-03-10", 2_400),
    )


# --- D11.1: the reward ---------------------------------------------------------------------------


def test_d11_1_the_counting_day_of_the_third_counted_client(given: Given) -> None:
    """€1,000 to the sponsor, once; two clients are not enough."""
    story = tied(given, *clients("2024-01-10", "2024-01-12"))
    story.when(accrue("2024-01-31")).then(
        commission("2024-01-10", 20, client_id="p1-k1"),
        commission("2024-01-12", 20, client_id="p1-k2"),
    )
    story.when(*clients("2024-01-10", "2024-01-12", "2024-02-05")[4:], accrue("2024-02-29"))
    story.then(commission("2024-02-05", 20, client_id="p1-k3"), reward("2024-02-05"))
    story.when(*clients(*["2024-03-05"] * 6)[6:], accrue("2024-03-31"))
    story.then(
        *(commission("2024-03-05", 20, client_id=f"p1-k{n}") for n in (4, 5, 6)),
        *(
            override("2024-03-05", 5, client_id=f"p1-k{n}", base=100, rate="0.05")
            for n in (4, 5, 6)
        ),
    )


def test_d11_1_clients_that_do_not_count_make_nobody_active(given: Given) -> None:
    """A third one of price 0."""
    story = tied(given, *clients("2024-01-10", "2024-01-12"))
    story.when(activated("2024-01-14", "free", 0, partner="p1"), accrue("2024-01-31"))
    story.then(
        commission("2024-01-10", 20, client_id="p1-k1"),
        commission("2024-01-12", 20, client_id="p1-k2"),
        commission("2024-01-14", 0, client_id="free"),
    )


def test_d11_1_enrolment_as_trigger(given: Given) -> None:
    """The alternative: S is the enrolment day, and shares begin on the day after it."""
    terms = choosing(TERMS, "sponsorship", trigger="enrolment")
    story = given(enrolled("2024-01-01", "p9"), programme=terms)
    story.when(
        enrolled("2024-01-10", sponsor="p9"),
        activated("2024-01-10", "c1", partner="p1"),
        activated("2024-01-11", "c2", partner="p1"),
        accrue("2024-01-31"),
    )
    story.then(
        commission("2024-01-10", 2_000),
        commission("2024-01-11", 2_000, client_id="c2"),
        reward("2024-01-10"),
        override("2024-01-11", 500, client_id="c2"),
    )


def test_d11_3_ended_on_the_day_after_the_active_day(given: Given) -> None:
    """The reward's S is a day on which the sponsor's agreement is in force."""
    days = ("2024-01-10", "2024-01-12", "2024-01-20")
    story = tied(given, *clients(*days), ended("2024-01-21", "p9")).when(accrue("2024-01-31"))
    story.then(
        *(commission(day, 20, client_id=f"p1-k{n}") for n, day in enumerate(days, start=1)),
        reward("2024-01-20"),
    )


def test_d11_3_ended_on_the_active_day(given: Given) -> None:
    """No reward: the sponsor's agreement is not in force on S."""
    days = ("2024-01-10", "2024-01-12", "2024-01-20")
    story = tied(given, *clients(*days), ended("2024-01-20", "p9")).when(accrue("2024-01-31"))
    story.then(*(commission(day, 20, client_id=f"p1-k{n}") for n, day in enumerate(days, start=1)))


# --- D11.2: shares -------------------------------------------------------------------------------

ACTIVE = clients("2024-01-10", "2024-01-10", "2024-01-10")
"""p1 is active on 10 January 2024; its lines of that day are 20, 20 and 20."""


def active(given: Given, *facts: Message) -> Scenario:
    """p1 is active, its first three lines and the reward are posted."""
    story = tied(given, *ACTIVE, *facts).when(accrue("2024-01-10"))
    story.then(
        *(commission("2024-01-10", 20, client_id=f"p1-k{n}") for n in (1, 2, 3)),
        reward("2024-01-10", posting_date="2024-01-10"),
    )
    return story


def test_d11_2_only_s_after_the_active_day(given: Given) -> None:
    """A line of the active day itself earns none, one of the day after does."""
    story = active(given).when(
        activated("2024-01-10", "c1", partner="p1"),
        activated("2024-01-11", "c2", partner="p1"),
        accrue("2024-01-11"),
    )
    story.then(
        commission("2024-01-10", 2_000),
        commission("2024-01-11", 2_000, client_id="c2"),
        override("2024-01-11", 500, client_id="c2", base=10_000, rate="0.05"),
    )
    story.then_balance("p9", earned=100_500)


def test_d11_2_rounded_half_up_in_the_lines_currency(given: Given) -> None:
    """5 % of 10.10 is 0.505: 0.51, in francs."""
    story = active(given).when(activated("2024-01-11", "c1", 1_010, currency="CHF", partner="p1"))
    story.when(accrue("2024-01-31")).then(
        commission("2024-01-11", 202, currency="CHF"),
        override("2024-01-11", 51, currency="CHF"),
    )


def test_d11_2_only_client_year_1(given: Given) -> None:
    """The last month of the first year earns one, the first of the second none."""
    story = active(given).when(activated("2024-01-11", "c1", partner="p1"), accrue("2024-12-11"))
    story.when(accrue("2025-01-10")).then_nothing()
    story.when(accrue("2025-01-11")).then(commission("2025-01-11", 1_000))
    assert sum(line.kind == "override" for line in story.ledger.lines()) == 12


def test_d11_2_one_level_only(given: Given) -> None:
    """p8 sponsors p9: p1's clients earn p8 nothing."""
    story = given(
        enrolled("2024-01-01", "p8"),
        enrolled("2024-01-01", "p9", sponsor="p8"),
        enrolled("2024-01-01", "p1", sponsor="p9"),
        *ACTIVE,
        activated("2024-01-11", partner="p1"),
        programme=TERMS,
    )
    story.when(accrue("2024-01-31"))
    assert not [line for line in story.ledger.lines() if line.partner_id == "p8"]


def test_d11_2_a_difference_earns_one_too(given: Given) -> None:
    """100 → 120: 5 % of 20 more."""
    story = active(given, activated("2024-01-11", partner="p1")).when(accrue("2024-01-31"))
    story.when(changed("2024-01-11", 12_000), accrue("2024-01-31")).then(
        difference("2024-01-11", 400, base=2_000), override("2024-01-11", 100, base=2_000)
    )


def test_d11_2_margins_earn_none(given: Given) -> None:
    """Under its own brand p1 earns its sponsor nothing; without it, a share again."""
    terms = quick(sponsorship={"reward": 700, "active_clients": 1, "override": "0.05"})
    story = given(
        enrolled("2024-01-01", "p9"),
        enrolled("2024-01-01", sponsor="p9", portfolio=201),
        certified("2024-01-01"),
        accrue("2024-01-05"),
        branded("2024-01-10"),
        unbranded("2024-03-10"),
        activated("2024-01-10", partner="p1"),
        programme=terms,
    )
    story.when(accrue("2024-03-31")).then(
        margin("2024-01-10", 4_000),
        margin("2024-02-10", 4_000),
        commission("2024-03-10", 3_000),
        reward("2024-01-10", 700),
        override("2024-03-10", 500),
    )


def test_d7_3_what_the_sponsored_partners_programme_says(given: Given) -> None:
    """p9 is under another one, whose sponsorship pays other amounts."""
    other = programme(
        name="resellers",
        sponsorship={"reward": 1, "active_clients": 1, "override": "0.50"},
    )
    story = given(
        *TIED,
        Adopt(other),
        AssignProgramme("p9", "resellers", date(2024, 1, 1)),
        *ACTIVE,
        activated("2024-01-11", partner="p1"),
        programme=TERMS,
    )
    story.when(accrue("2024-01-31"))
    assert [(one.kind, one.amount) for one in story.ledger.lines() if one.partner_id == "p9"] == [
        ("reward", 100_000),
        ("override", 500),
    ]


def test_d11_2_a_line_waived_later_keeps_its_override(given: Given) -> None:
    """The promise not to claw back holds for sponsors too."""
    story = active(given, activated("2024-01-11", partner="p1")).when(accrue("2024-01-31"))
    story.when(churned("2024-01-11"), accrue("2024-01-31")).then(waiver("2024-01-11", 2_000))
    story.then_balance("p9", earned=100_500)


def test_d11_2_a_late_fact_moves_the_active_day_earlier(given: Given) -> None:
    """Active with c1 on 15 January, then, told late, on the 10th: c1's share is missing."""
    story = tied(given, *ACTIVE[:4], activated("2024-01-15", partner="p1"))
    story.when(activated("2024-01-20", "c2", partner="p1"), accrue("2024-01-31")).then(
        *(commission("2024-01-10", 20, client_id=f"p1-k{n}") for n in (1, 2)),
        commission("2024-01-15", 2_000),
        commission("2024-01-20", 2_000, client_id="c2"),
        reward("2024-01-15"),
        override("2024-01-20", 500, client_id="c2"),
    )
    story.when(*ACTIVE[4:], accrue("2024-01-31")).then(
        commission("2024-01-10", 20, client_id="p1-k3"), override("2024-01-15", 500)
    )


def test_d11_3_not_while_the_sponsor_has_no_agreement(given: Given) -> None:
    """Ended on S: none; signed again on a later S: one."""
    story = active(given, activated("2024-01-11", partner="p1"))
    story.when(ended("2024-02-11", "p9"), signed("2024-03-11", "p9"), accrue("2024-03-31")).then(
        *(commission(f"2024-0{m}-11", 2_000) for m in (1, 2, 3)),
        override("2024-01-11", 500),
        override("2024-03-11", 500),
    )


def test_d11_2_a_share_is_by_the_version_that_decided_its_line(given: Given) -> None:
    """A late fact puts the client under the version before; the line of February keeps its own."""
    part: dict[str, JsonValue] = {
        "reward": 100_000, "trigger": "enrolment", "active_clients": 3, "client_year": 1,
    }  # fmt: skip
    terms, later = (
        programme(sponsorship={**part, "override": share}, version_basis="activation_date")
        for share in ("0.05", "0.10")
    )
    story = given(*TIED, ended("2024-01-02", "p9"), Adopt(later, date(2024, 2, 1)), programme=terms)
    story.when(activated("2024-02-10", partner="p1"), accrue("2024-02-15"))
    story.then(
        commission("2024-02-10", 2_000, programme_version="izyinbox/2"),
        reward("2024-01-01", 100_000),
    )
    story.when(activated("2024-01-20", sub="s1"), signed("2024-01-03", "p9")).when(
        accrue("2024-02-15")
    )
    story.then(
        commission("2024-01-20", 2_000, programme_version="izyinbox/1"),
        override("2024-01-20", 500),
        override("2024-02-10", 1_000),
    )


def test_d9_6_a_corrected_sponsor_earns_on_lines_posted_later(given: Given) -> None:
    """p2 takes p9's place: a share of the January line's difference, no second reward."""
    story = active(given, enrolled("2024-01-01", "p2"), activated("2024-01-11", partner="p1"))
    story.when(accrue("2024-01-31"), correct(sponsor="p2"), changed("2024-01-11", 12_000))
    story.when(accrue("2024-02-11")).then(
        difference("2024-01-11", 400, base=2_000),
        override("2024-01-11", 100, partner_id="p2"),
        commission("2024-02-11", 2_400),
        override("2024-02-11", 600, partner_id="p2"),
    )


def test_d9_6_the_reward_is_paid_once_for_a_sponsored_partner(given: Given) -> None:
    """Not yet paid when the sponsor is corrected: the new one has it, of the same S."""
    story = given(*TIED, enrolled("2024-01-01", "p2"), *ACTIVE, programme=TERMS)
    story.when(correct(sponsor="p2"), accrue("2024-01-10"), correct(sponsor="p9"))
    story.when(accrue("2024-01-31")).then_nothing()
    assert [(line.kind, line.partner_id) for line in story.ledger.lines()].count(
        ("reward", "p2")
    ) == 1


def test_d11_1_who_counts_the_client_is_asked(given: Given) -> None:
    """D3.6: a client given to another from its first day on makes p1 not active."""
    story = given(*TIED, enrolled("2024-01-01", "p2"), *ACTIVE, programme=TERMS)
    story.when(assign("2024-01-10", "p2", "p1-k3"), accrue("2024-01-31"))
    assert {line.kind for line in story.ledger.lines()} == {"commission"}


def test_d11_a_claim_of_the_sponsor_is_its_own(given: Given) -> None:
    """A sponsor's own clients earn it commissions and nobody a share."""
    story = active(given).when(referred("2024-01-11", "c9", "p9"), activated("2024-01-12", "c9"))
    story.when(accrue("2024-01-31")).then(
        commission("2024-01-12", 2_000, client_id="c9", partner_id="p9")
    )
