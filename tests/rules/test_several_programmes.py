"""D7.2, D7.3: several programmes and versions on one ledger; the examples of the package."""

from __future__ import annotations

from datetime import date

import pytest
from pydantic import JsonValue

from ledger.policy.files import load
from ledger.policy.programme import Programme
from tests.model.commands import Adopt, AssignProgramme
from tests.model.journal import Entry
from tests.rules.commands import assign
from tests.rules.dsl import Given, commission, contest_line, prize, waiver
from tests.rules.facts import (
    accrue,
    activated,
    certified,
    close,
    enrolled,
    invested,
    pay,
    portfolio,
    referred,
)
from tests.rules.programmes import programme, tier_terms

SWISS = load("izyinbox-ch")
BELGIAN = load("izyinbox-be")
UNDER_THE_SWISS = (
    enrolled("2027-01-01"),
    enrolled("2027-01-01", "p2"),
    Adopt(SWISS),
    AssignProgramme("p1", "izyinbox-ch", date(2027, 1, 1)),
)
"""p1 is under the Swiss programme from its first day, p2 under the reference programme."""


def test_d1_what_the_programme_grants_is_in_its_currency(given: Given) -> None:
    """Prizes and bonuses in francs, commissions in the client's currency, at the Swiss rate."""
    story = given(
        *UNDER_THE_SWISS,
        activated("2027-02-10", "c1", 10_000, partner="p1", currency="CHF"),
        activated("2027-02-11", "c2", 10_000, partner="p1", currency="EUR"),
        activated("2027-02-12", "c3", 10_000, partner="p2", currency="EUR"),
        programme=load("izyinbox"),
    )
    story.when(accrue("2027-03-31")).then(
        commission("2027-02-10", 1_800, currency="CHF", programme_version="izyinbox-ch/1"),
        commission("2027-03-10", 1_800, currency="CHF"),
        commission("2027-02-11", 1_800, client_id="c2", rate="0.18"),
        commission("2027-03-11", 1_800, client_id="c2"),
        commission("2027-02-12", 2_000, client_id="c3", partner_id="p2", rate="0.20"),
        commission("2027-03-12", 2_000, client_id="c3", partner_id="p2"),
    )
    story.when(close("2027-03")).then(
        prize("2027-03-31", 200_000, partner_id="p2", currency="EUR"),
        prize("2027-03-31", 100_000, partner_id="p1", currency="CHF"),
    )


def test_d15_1_minima_are_by_currency(given: Given) -> None:
    """CHF 36.00 is above the Swiss minimum, EUR 36.00 below it."""
    story = given(
        *UNDER_THE_SWISS,
        activated("2027-02-10", "c1", 10_000, partner="p1", currency="CHF"),
        activated("2027-02-11", "c2", 10_000, partner="p1", currency="EUR"),
        accrue("2027-03-31"),
        pay("2027-03-31"),
        programme=load("izyinbox"),
    )
    [paid] = story.ledger.payouts()
    assert (paid.partner_id, paid.currency, paid.amount) == ("p1", "CHF", 3_600)


@pytest.mark.parametrize(("currency", "tier"), [("CHF", "strategic"), ("EUR", "referent")])
def test_d6_2_comarketing_counts_in_the_programmes_currency(
    given: Given, currency: str, tier: str
) -> None:
    """Under terms in francs euros are no investment, whoever else they count for."""
    tiers = [
        tier_terms("referent"),
        tier_terms("certified", requires={"certification": True, "counted_clients_ever": 0}),
        tier_terms("strategic", requires={"portfolio_above": 1, "comarketing_12_months": 500}),
    ]
    terms = programme(name="francs", currency="CHF", tier=tiers)
    story = given(
        enrolled("2027-01-01"),
        Adopt(terms),
        AssignProgramme("p1", "francs", date(2027, 1, 1)),
        certified("2027-01-01"),
        portfolio("2027-01-01", 2),
        invested("2027-01-01", 500, currency),
    )
    story.when(accrue("2027-01-31"))
    reached = "strategic" if tier == "strategic" else "certified"
    story.then_tiers(("referent", "2027-01-01"), (reached, "2027-01-02"))


def test_d12_1_each_programme_has_its_own_ranking(given: Given) -> None:
    """Three programmes: a partner alone in its own is first of it."""
    clients: list[Entry] = [
        activated("2027-02-10", f"{name}-{number}", 1, partner=name)
        for name, count in (("p1", 1), ("p2", 3), ("p3", 2), ("p4", 1))
        for number in range(count)
    ]
    story = given(
        *UNDER_THE_SWISS,
        enrolled("2027-01-01", "p3"),
        enrolled("2027-01-01", "p4"),
        Adopt(BELGIAN),
        AssignProgramme("p3", "izyinbox-be", date(2027, 1, 1)),
        AssignProgramme("p4", "izyinbox-be", date(2027, 1, 1)),
        *clients,
        programme=load("izyinbox"),
    )
    story.when(accrue("2027-03-31"), close("2027-03"))
    prizes = [(one.partner_id, one.amount) for one in story.ledger.lines() if one.kind == "prize"]
    assert sorted(prizes) == [("p1", 100_000), ("p2", 200_000), ("p3", 100_000), ("p4", 50_000)]


def better(**parts: str) -> Programme:
    """Terms of 30 % instead of 20 %."""
    tiers = [
        tier_terms("referent", year_1="0.30"),
        tier_terms("certified", requires={"counted_clients_ever": 99}),
        tier_terms("strategic", requires={"counted_clients_ever": 99}),
    ]
    return programme(tier=tiers, **parts)


OLD_CLIENT = (
    enrolled("2026-01-01"),
    activated("2026-11-10", "c1", partner="p1"),
    accrue("2026-12-31"),
    close("2026-12"),
)


def test_d7_2_a_version_from_january_changes_nothing_decided(given: Given) -> None:
    """By the service date: what was posted stays, late facts too go by the version of their S."""
    story = given(*OLD_CLIENT)
    before = story.ledger.statement("p1", "2026-12")
    story.when(Adopt(better(), date(2027, 1, 1)), accrue("2026-12-31")).then_nothing()
    story.when(activated("2027-01-15", "c2", partner="p1"), accrue("2027-01-31")).then(
        commission("2027-01-10", 3_000, programme_version="izyinbox/2"),
        commission("2027-01-15", 3_000, client_id="c2", programme_version="izyinbox/2"),
    )
    story.when(activated("2026-12-20", "c3", partner="p1"), accrue("2027-01-31")).then(
        commission("2026-12-20", 2_000, client_id="c3", programme_version="izyinbox/1"),
        commission("2027-01-20", 3_000, client_id="c3", programme_version="izyinbox/2"),
    )
    assert story.ledger.statement("p1", "2026-12") == before


def test_d7_2_a_version_for_new_clients_only(given: Given) -> None:
    """By the activation date: earlier clients keep the terms that they came under."""
    story = given(*OLD_CLIENT)
    story.when(
        Adopt(better(version_basis="activation_date"), date(2027, 1, 1)),
        activated("2026-12-31", "c2", partner="p1"),
        activated("2027-01-01", "c3", partner="p1"),
        accrue("2027-01-31"),
    ).then(
        commission("2027-01-10", 2_000, programme_version="izyinbox/1"),
        commission("2026-12-31", 2_000, client_id="c2", programme_version="izyinbox/1"),
        commission("2027-01-31", 2_000, client_id="c2", programme_version="izyinbox/1"),
        commission("2027-01-01", 3_000, client_id="c3", programme_version="izyinbox/2"),
    )


@pytest.mark.parametrize("mode", ["in_addition", "instead_of_first_year"])
def test_d10_2_a_contest_is_that_of_the_partners_programme(given: Given, mode: str) -> None:
    """p1's has one, in place of the first year's commissions or not; p2's has none."""
    sprint: dict[str, JsonValue] = {
        "code": "sprint", "start": "2027-01-10", "end": "2027-01-20", "amount": 700, "mode": mode,
    }  # fmt: skip
    story = given(
        enrolled("2027-01-01"),
        enrolled("2027-01-01", "p2"),
        Adopt(programme(name="sprinting", contest=[sprint])),
        AssignProgramme("p1", "sprinting", date(2027, 1, 1)),
        activated("2027-01-10", "c1", partner="p1"),
        activated("2027-01-11", "c2", partner="p2"),
    )
    beside = [commission("2027-01-10", 2_000)] if mode == "in_addition" else []
    story.when(accrue("2027-01-31")).then(
        *beside,
        contest_line("2027-01-10", 700),
        commission("2027-01-11", 2_000, client_id="c2", partner_id="p2"),
    )


SPRINT: dict[str, JsonValue] = {
    "code": "sprint", "start": "2027-01-10", "end": "2027-01-31", "amount": 700,
    "mode": "instead_of_first_year",
}  # fmt: skip
MONTH: dict[str, JsonValue] = {"qualifying_days": 30}


@pytest.mark.parametrize("told", ["assigned", "adopted"])
@pytest.mark.parametrize("contest", ["begins", "ends"])
def test_d10_2_terms_of_the_counting_day_that_are_told_after_a_run(
    given: Given, told: str, contest: str
) -> None:
    """c1 is accrued on its first day and counts on a later one: the terms of that day decide."""
    plain = programme(activation=MONTH)
    sprinting = programme(activation=MONTH, contest=[SPRINT])
    before, after = (sprinting, plain) if contest == "ends" else (plain, sprinting)
    later = after.model_copy(update={"name": "other"})
    counting = date(2027, 2, 28)
    story = given(
        enrolled("2027-01-01"),
        *([Adopt(later)] if told == "assigned" else []),
        activated("2027-01-29", partner="p1"),
        activated("2027-01-28", "c2", partner="p1"),
        accrue("2027-01-31"),
        programme=before,
    )
    if told == "assigned":
        story.when(AssignProgramme("p1", "other", counting))
    else:
        story.when(Adopt(after, counting))
    if contest == "ends":
        story.when(accrue("2027-01-31")).then(commission("2027-01-29", 2_000))
        story.when(accrue("2027-02-28")).then(
            contest_line("2027-02-27", 700, client_id="c2"), commission("2027-02-28", 2_000)
        )
    else:
        story.when(accrue("2027-01-31")).then(waiver("2027-01-29", 2_000))


def test_d10_1_a_bonus_is_that_of_the_partners_programme(given: Given) -> None:
    """p1's has one for each client, p3's one that it is not certified for, p2's none at all."""
    each: dict[str, JsonValue] = {
        "each": 1, "amount": 700, "from": "referent", "judged": "day_after",
    }  # fmt: skip
    names = ("p1", "p2", "p3")
    story = given(
        *(enrolled("2027-01-01", name) for name in names),
        Adopt(programme(name="one", per_ten=each)),
        Adopt(programme(name="two", per_ten={**each, "from": "certified"})),
        AssignProgramme("p1", "one", date(2027, 1, 1)),
        AssignProgramme("p3", "two", date(2027, 1, 1)),
        *(activated("2027-01-10", f"{name}s", 0, partner=name) for name in names),
        *(activated("2027-01-10", f"of-{name}", 10, partner=name) for name in names),
        accrue("2027-01-31"),
    )
    found = [one for one in story.ledger.lines() if one.kind == "bonus"]
    assert [(one.partner_id, one.amount, one.programme_version) for one in found] == [
        ("p1", 700, "one/1")
    ]


def test_d7_3_who_comes_under_another_programme_counts_its_clients_by_it(given: Given) -> None:
    """D6.1: those that are first activated from its day on; told before it, too."""
    story = given(
        enrolled("2024-01-01"),
        Adopt(programme(name="patient", activation={"qualifying_days": 30})),
        activated("2024-01-31", "before", partner="p1"),
        activated("2024-02-01", "from", partner="p1"),
        activated("2024-02-10", "after", partner="p1"),
    )
    story.when(AssignProgramme("p1", "patient", date(2024, 2, 1)))
    for client, first, counted in (
        ("before", "2024-01-31", "2024-01-31"),
        ("from", "2024-02-01", "2024-03-02"),
        ("after", "2024-02-10", "2024-03-11"),
    ):
        story.then_client(client, holder="p1", first=first, counted=counted)


def test_d7_3_who_comes_under_another_programme_counts_so_what_finance_assigned(
    given: Given,
) -> None:
    """D3.6: whoever else has claimed them; and what finance gave to another stays as it counts."""
    patient = programme(name="patient", activation={"qualifying_days": 30})
    story = given(
        enrolled("2024-01-01"),
        enrolled("2024-01-01", "p2"),
        Adopt(patient),
        Adopt(programme(name="slow", activation={"qualifying_days": 3})),
        AssignProgramme("p2", "slow", date(2024, 1, 1)),
        assign("2024-01-01", "p1", "nobodys"),
        referred("2024-01-10", "claimed", "p2"),
        assign("2024-01-01", "p1", "claimed"),
        referred("2024-01-10", "given", "p1"),
        assign("2024-01-01", "p2", "given"),
        *(activated("2024-02-10", client) for client in ("nobodys", "claimed", "given")),
    )
    story.when(AssignProgramme("p1", "patient", date(2024, 2, 1)))
    first = "2024-02-10"
    story.then_client("nobodys", holder=None, first=first, counted="2024-03-11", counted_by="p1")
    story.then_client("claimed", holder="p2", first=first, counted="2024-03-11", counted_by="p1")
    story.then_client("given", holder="p1", first=first, counted="2024-02-13", counted_by="p2")


def test_d7_3_of_two_assignments_from_one_day_the_last_stands(given: Given) -> None:
    """As of two versions (D7.2)."""
    story = given(
        enrolled("2024-01-01"),
        Adopt(better(name="better")),
        Adopt(programme(name="plainer")),
        AssignProgramme("p1", "plainer", date(2024, 1, 1)),
        AssignProgramme("p1", "better", date(2024, 1, 1)),
        activated("2024-01-10", partner="p1"),
    )
    story.when(accrue("2024-01-10")).then(
        commission("2024-01-10", 3_000, programme_version="better/1")
    )


def test_d10_3_a_contest_takes_claims_inside_it_whatever_programme_the_client_counted_under(
    given: Given,
) -> None:
    """D7.2: its last day says which version; c1 counted before p1 was under that programme."""
    sprint: dict[str, JsonValue] = {
        "code": "sprint", "start": "2024-02-01", "end": "2024-02-29", "amount": 700,
        "first_place": {"prize": "trip", "value": 3_000},
    }  # fmt: skip
    story = given(
        enrolled("2024-01-01"),
        Adopt(programme(name="resellers", contest=[sprint])),
        AssignProgramme("p1", "resellers", date(2024, 2, 1)),
        activated("2024-02-10", "c1", partner="p1"),
        activated("2024-01-10", "c1", sub="s1"),
        accrue("2024-02-29"),
        programme=programme(),
    )
    story.when(close("2024-02")).then(prize("2024-02-29", 3_000, "D10.3"))
