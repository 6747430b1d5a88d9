"""D1, D5, D7 and D8: worked figures, rates, client years, versions, runs."""

from __future__ import annotations

from datetime import date

from tests.model.commands import Adopt, AssignProgramme
from tests.rules.dsl import Given, commission
from tests.rules.facts import accrue, activated, churned, enrolled, referred
from tests.rules.programmes import programme, tier_terms


def test_27_clients_at_100_euros_through_a_year(given: Given) -> None:
    """Worked figure: 27 × 12 × 100 × 20 % = €6,480 for a referent."""
    clients = [activated("2025-01-01", f"c{n}", partner="p1") for n in range(27)]
    given(enrolled("2025-01-01"), *clients).when(accrue("2025-12-31")).then_balance(earned=648_000)


def test_18_clients_at_90_euros_through_a_year(given: Given) -> None:
    """Worked figure: ARR €19,440 gives €3,888."""
    clients = [activated("2025-01-01", f"c{n}", 9_000, partner="p1") for n in range(18)]
    given(enrolled("2025-01-01"), *clients).when(accrue("2025-12-31")).then_balance(earned=388_800)


def test_arr_of_16668_at_20_percent(given: Given) -> None:
    """Worked figure: €3,333.60, which the seed shows as €3,334."""
    given(
        enrolled("2025-01-01"),
        activated("2025-01-01", price=1_666_800, interval="year", partner="p1"),
    ).when(accrue("2025-12-31")).then(commission("2025-01-01", 333_360, base=1_666_800))


def test_the_seeds_mix_through_a_year(given: Given) -> None:
    """Worked figure: 9 × €59, 5 × €149, 1 × €399 a month are ARR €20,100, hence €4,020."""
    prices = [5_900] * 9 + [14_900] * 5 + [39_900]
    clients = [
        activated("2025-01-01", f"c{number}", price, partner="p1")
        for number, price in enumerate(prices)
    ]
    given(enrolled("2025-01-01"), *clients).when(accrue("2025-12-31")).then_balance(earned=402_000)


def test_half_a_cent_is_rounded_up(given: Given) -> None:
    """D1: 12 × 12.5 % = 1.5 and 4 × 12.5 % = 0.5 go up; 11 × 12.5 % = 1.375 goes down."""
    terms = programme(
        tier=[
            tier_terms("referent", year_1="0.125"),
            tier_terms("certified", requires={"counted_clients_ever": 99}),
            tier_terms("strategic", requires={"counted_clients_ever": 99}),
        ]
    )
    facts = [activated("2025-01-01", f"c{price}", price, partner="p1") for price in (12, 4, 11, 20)]
    given(enrolled("2025-01-01"), *facts, programme=terms).when(accrue("2025-01-01")).then(
        commission("2025-01-01", 2, client_id="c12"),
        commission("2025-01-01", 1, client_id="c4"),
        commission("2025-01-01", 1, client_id="c11"),
        commission("2025-01-01", 3, client_id="c20"),
    )


def test_the_client_year_turns_on_the_anniversary(given: Given) -> None:
    """D5: 31 January + 12 months is not after 31 January: year 2 and the later rate."""
    given(enrolled("2023-01-01"), activated("2023-01-31", partner="p1"), accrue("2023-12-30")).when(
        accrue("2024-01-31")
    ).then(
        commission("2023-12-31", 2_000, client_year=1, rate="0.20"),
        commission("2024-01-31", 1_000, client_year=2, rate="0.10"),
    )


def test_the_client_year_of_a_leap_day(given: Given) -> None:
    """D5 with D2: 29 February 2024 + 12 months is 28 February 2025, a day of year 2."""
    given(enrolled("2024-01-01"), activated("2024-02-29", partner="p1"), accrue("2025-01-28")).when(
        accrue("2025-02-28")
    ).then(
        commission("2025-01-29", 2_000, client_year=1),
        commission("2025-02-28", 1_000, client_year=2),
    )


def test_a_founding_partner_has_a_floor_in_client_year_1_only(given: Given) -> None:
    """D7: at least 25 % in client year 1, then the tier's rate."""
    given(enrolled("2024-01-01", founding=True), activated("2024-01-31", partner="p1")).when(
        accrue("2025-01-31")
    ).then(
        *(
            commission(day, 2_500, rate="0.25", tier="referent")
            for day in [
                "2024-01-31",
                "2024-02-29",
                "2024-03-31",
                "2024-04-30",
                "2024-05-31",
                "2024-06-30",
                "2024-07-31",
                "2024-08-31",
                "2024-09-30",
                "2024-10-31",
                "2024-11-30",
                "2024-12-31",
            ]
        ),
        commission("2025-01-31", 1_000, rate="0.10", client_year=2),
    )


def test_a_direct_client_earns_nobody_anything(given: Given) -> None:
    """D3.5."""
    given(enrolled("2024-01-01"), activated("2024-01-31")).when(
        accrue("2024-12-31")
    ).then_nothing().then_client(holder=None, first="2024-01-31", counted=None)


def test_skipped_days_are_all_covered(given: Given) -> None:
    """D8.1 and D18.11: one run through D2 posts what runs in between would have."""
    facts = (enrolled("2024-01-01"), activated("2024-01-31", partner="p1"))
    story = given(*facts).when(accrue("2024-01-31")).then(commission("2024-01-31", 2_000))
    story.when(accrue("2024-02-28")).then_nothing()
    story.when(accrue("2024-04-29")).then(
        commission("2024-02-29", 2_000), commission("2024-03-31", 2_000)
    )


def test_the_same_day_again_posts_only_what_late_facts_added(given: Given) -> None:
    """D8.1: D = L is allowed, D < L refused."""
    facts = (enrolled("2024-01-01"), activated("2024-01-31", partner="p1"))
    story = given(*facts).when(accrue("2024-01-31")).then(commission("2024-01-31", 2_000))
    story.when(accrue("2024-01-31")).then_nothing()
    story.when(activated("2024-01-15", "c2", partner="p1"), accrue("2024-01-31")).then(
        commission("2024-01-15", 2_000, client_id="c2")
    )
    story.refuses(accrue("2024-01-30"))


def test_a_fact_of_the_future_waits_for_a_run_that_reaches_it(given: Given) -> None:
    """Wire: effective_at may lie ahead."""
    story = given(enrolled("2024-01-01"), referred("2024-01-01"), activated("2024-03-01"))
    story.when(accrue("2024-02-29")).then_nothing()
    story.when(accrue("2024-03-01")).then(commission("2024-03-01", 2_000))


def test_a_message_that_arrives_twice_counts_once(given: Given) -> None:
    """D18.7, and with other content it never counts (wire)."""
    first = activated("2024-01-31", partner="p1", id="one")
    other = activated("2024-01-31", "c2", partner="p1", id="one")
    given(enrolled("2024-01-01"), first, first, other).when(first, accrue("2024-02-01")).then(
        commission("2024-01-31", 2_000)
    )


def test_a_new_version_rates_the_periods_from_its_day_on(given: Given) -> None:
    """D7.2: the version in force on S decides, and the line names it."""
    better = programme(
        tier=[
            tier_terms("referent", year_1="0.22"),
            tier_terms("certified", requires={"counted_clients_ever": 99}),
            tier_terms("strategic", requires={"counted_clients_ever": 99}),
        ]
    )
    facts = (enrolled("2024-01-01"), activated("2024-01-15", partner="p1"), accrue("2024-01-31"))
    story = given(*facts).refuses(Adopt(better, date(2024, 1, 31))).refuses(Adopt(better))
    story.when(Adopt(better, date(2024, 3, 15)), accrue("2024-03-15")).then(
        commission("2024-02-15", 2_000, programme_version="izyinbox/1"),
        commission("2024-03-15", 2_200, programme_version="izyinbox/2", rate="0.22"),
    )


def test_of_two_versions_for_one_day_the_last_adopted_stands(given: Given) -> None:
    """D7.2."""

    def version(rate: str) -> Adopt:
        tiers = [
            tier_terms("referent", year_1=rate),
            tier_terms("certified", requires={"counted_clients_ever": 99}),
            tier_terms("strategic", requires={"counted_clients_ever": 99}),
        ]
        return Adopt(programme(tier=tiers), date(2024, 2, 1))

    given(enrolled("2024-01-01"), activated("2024-01-15", partner="p1")).when(
        version("0.30"), version("0.40"), accrue("2024-02-15")
    ).then(
        commission("2024-01-15", 2_000, programme_version="izyinbox/1"),
        commission("2024-02-15", 4_000, programme_version="izyinbox/3"),
    )


def test_a_partner_is_put_under_another_programme_from_a_day(given: Given) -> None:
    """D7.3: from that day on its periods are rated by the other programme."""
    resellers = programme(
        name="resellers",
        tier=[
            tier_terms("referent", year_1="0.35"),
            tier_terms("certified", requires={"counted_clients_ever": 99}),
            tier_terms("strategic", requires={"counted_clients_ever": 99}),
        ],
    )
    facts = (
        enrolled("2024-01-01"),
        enrolled("2024-01-01", "p2"),
        activated("2024-01-15", partner="p1"),
        activated("2024-01-15", "c2", partner="p2"),
        Adopt(resellers),
        accrue("2024-01-31"),
    )
    story = given(*facts)
    story.refuses(AssignProgramme("p1", "resellers", date(2024, 1, 31)))
    story.refuses(AssignProgramme("p1", "unknown", date(2024, 2, 1)))
    story.when(AssignProgramme("p1", "resellers", date(2024, 2, 15)), accrue("2024-02-15")).then(
        commission("2024-02-15", 3_500, programme_version="resellers/1"),
        commission("2024-02-15", 2_000, client_id="c2", partner_id="p2"),
    )


def test_a_churn_later_lowers_nothing(given: Given) -> None:
    """D9: periods that were due stay as they are."""
    facts = (enrolled("2024-01-01"), activated("2024-01-15", partner="p1"), accrue("2024-02-20"))
    given(*facts).when(churned("2024-02-20"), accrue("2024-04-30")).then_nothing().then_balance(
        earned=4_000
    )
