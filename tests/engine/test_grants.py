"""D13, D14: brands and departments, answered when they are recorded."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from events.course import AccrualCompleted
from events.decisions import FactUnresolved
from events.partner_decisions import (
    ProgrammeAssigned,
    TerritoryAccepted,
    TerritoryRejected,
    WhiteLabelAccepted,
    WhiteLabelRejected,
)
from events.partners import (
    PartnerEnrolled,
    PartnerTerritoryGranted,
    PartnerWhiteLabelGranted,
    PartnerWhiteLabelRevoked,
)
from ledger.engine.state import department_of, ledger_of, partner_of
from tests.engine.journal import Journal, only
from tests.rules.programmes import plain, programme

BOTH = programme(territory={"months": 24}, white_label={"share": "0.40"})


@pytest.fixture
def journal() -> Journal:
    """Partners p and q, strategic from 2024-03-01 on."""
    journal = Journal(BOTH)
    for name in ("p", "q"):
        journal.tell(PartnerEnrolled(partner_id=name, kind="referral"), "2024-01-01")
        journal.promote(name, "strategic", "2024-03-01")
    return journal


def ask(journal: Journal, day: str, partner: str = "p", department: str = "75") -> list[Any]:
    """A partner asks for a department."""
    fact = PartnerTerritoryGranted(partner_id=partner, department=department)
    return journal.tell(fact, day)


def brand(journal: Journal, day: str, hour: int = 12) -> list[Any]:
    """The brand is granted to p."""
    return journal.tell(PartnerWhiteLabelGranted(partner_id="p"), day, hour)


def test_only_the_strategic_hold_a_department(journal: Journal) -> None:
    """D14: on the day of the fact."""
    early = only(ask(journal, "2024-02-29"), TerritoryRejected)
    held = only(ask(journal, "2024-03-01"), TerritoryAccepted)
    assert (early.reason, held.end) == ("not_strategic", date(2026, 3, 1))
    assert early.stream == held.stream == "department:75"


def test_nobody_else_holds_a_department_that_is_held(journal: Journal) -> None:
    """D14: up to the eve of its end; of another department it says nothing."""
    ask(journal, "2024-03-01")
    assert only(ask(journal, "2026-02-28", "q"), TerritoryRejected).reason == "held"
    assert only(ask(journal, "2024-03-01", "q", "69"), TerritoryAccepted).partner_id == "q"
    only(ask(journal, "2026-03-01", "q"), TerritoryAccepted)


def test_a_grant_that_would_run_into_another_is_refused(journal: Journal) -> None:
    """D14: the days from it to its end must be free, those to come as well."""
    ask(journal, "2026-04-01")
    assert only(ask(journal, "2024-04-02", "q"), TerritoryRejected).reason == "held"
    only(ask(journal, "2024-04-01", "q"), TerritoryAccepted)


def test_a_renewal_ends_two_years_after_the_running_end(journal: Journal) -> None:
    """D14: a holder's own further grant; after its end it is a grant like any other."""
    ask(journal, "2024-03-01")
    assert only(ask(journal, "2024-05-01"), TerritoryAccepted).end == date(2028, 3, 1)
    assert only(ask(journal, "2024-06-01"), TerritoryAccepted).end == date(2030, 3, 1)
    assert only(ask(journal, "2030-03-01"), TerritoryAccepted).end == date(2032, 3, 1)
    grant = department_of(journal.state, "75").grant_on(date(2029, 1, 1))
    assert grant is not None
    assert grant.partner_id == "p"


def test_a_renewal_counts_from_the_greatest_end_whatever_was_told_when(journal: Journal) -> None:
    """D14: the longest of those that run on its day is of an earlier day than another."""
    ends = [
        only(ask(journal, day), TerritoryAccepted).end.year
        for day in ("2024-03-01", "2024-06-01", "2024-05-01", "2024-05-01", "2024-07-01")
    ]
    assert ends == [2026, 2028, 2028, 2030, 2032]


def test_a_renewal_meets_who_was_granted_what_comes_after(journal: Journal) -> None:
    """D14: the years that it adds must be free."""
    ask(journal, "2024-03-01")
    ask(journal, "2026-03-01", "q")
    assert only(ask(journal, "2025-01-01"), TerritoryRejected).reason == "held"


def test_a_holder_keeps_a_department_after_a_demotion(journal: Journal) -> None:
    """D14: but is granted none from then on."""
    ask(journal, "2024-03-01")
    journal.promote("p", "certified", "2025-03-01")
    assert department_of(journal.state, "75").grant_on(date(2026, 2, 28)) is not None
    assert only(ask(journal, "2025-03-01"), TerritoryRejected).reason == "not_strategic"


def test_what_an_open_run_decides_is_not_yet_decided(journal: Journal) -> None:
    """D8.1: as decided so far means by completed runs."""
    journal.tell(PartnerEnrolled(partner_id="r", kind="referral"), "2024-01-01")
    run = journal.begin_run("2024-04-01")
    journal.promote("r", "strategic", "2024-04-01", run)
    assert only(ask(journal, "2024-04-01", "r"), TerritoryRejected).reason == "not_strategic"
    journal.append(AccrualCompleted(run=run, day=date(2024, 4, 1)), date(2024, 4, 1))
    only(ask(journal, "2024-04-01", "r"), TerritoryAccepted)


def test_a_brand_is_not_given_for_what_an_open_run_decides(journal: Journal) -> None:
    """D8.1, D13: the run is to be completed first."""
    run = journal.begin_run("2024-04-01")
    journal.promote("p", "certified", "2024-04-01", run)
    only(brand(journal, "2024-04-01"), WhiteLabelAccepted)
    journal.append(AccrualCompleted(run=run, day=date(2024, 4, 1)), date(2024, 4, 1))
    only(brand(journal, "2024-04-01"), WhiteLabelRejected)


def test_answers_name_the_version_of_the_partners_programme(journal: Journal) -> None:
    """D7.2, D7.3: in force on the day of the fact; and the months of a department are its."""
    ledger = ledger_of(journal.state)
    first = programme(name="other", territory={"months": 1})
    second = programme(name="other", territory={"months": 2})
    programmes = ledger.programmes.adopt(first, None).adopt(second, date(2024, 3, 1))
    journal.state["ledger"] = ledger._replace(programmes=programmes)
    assigned = ProgrammeAssigned(
        rule="D7.3", day=date(2024, 1, 1), partner_id="p", programme="other", command=1
    )
    journal.take([assigned])
    for day, version in (("2024-02-29", "other/1"), ("2024-03-01", "other/2")):
        [branded], [granted] = brand(journal, day), ask(journal, day)
        for answer in (branded, granted):
            assert answer.programme_version == version
            assert (answer.partner_id, answer.day) == ("p", date.fromisoformat(day))
            assert answer.fact is not None
    assert granted.end == date(2024, 5, 1)


def test_a_department_in_a_programme_without_territories_is_listed() -> None:
    """D14: what the programme does not have has no effect."""
    journal = Journal(plain())
    journal.tell(PartnerEnrolled(partner_id="p", kind="referral"), "2024-01-01")
    journal.promote("p", "strategic", "2024-03-01")
    listed = only(ask(journal, "2024-03-01"), FactUnresolved)
    assert (listed.reason, listed.partner_id) == ("no_territories", "p")
    assert (listed.about, listed.day) == ("partner:p", date(2024, 3, 1))


def test_a_partner_not_enrolled_is_not_strategic() -> None:
    """D13, D14: it is answered when recorded, whoever comes later."""
    journal = Journal(BOTH)
    assert only(ask(journal, "2024-03-01"), TerritoryRejected).reason == "not_strategic"
    assert only(brand(journal, "2024-03-01"), WhiteLabelRejected).reason == "not_strategic"


def test_a_brand_holds_from_its_day_to_the_day_it_is_revoked(journal: Journal) -> None:
    """D13: of the strategic; revoked at the start of a day."""
    only(brand(journal, "2024-02-29"), WhiteLabelRejected)
    only(brand(journal, "2024-03-05"), WhiteLabelAccepted)
    journal.tell(PartnerWhiteLabelRevoked(partner_id="p"), "2024-06-01")
    partner = partner_of(journal.state, "p")
    days = [date(2024, 3, 4), date(2024, 3, 5), date(2024, 5, 31), date(2024, 6, 1)]
    assert [partner.branded_on(day) for day in days] == [False, True, True, False]


@pytest.mark.parametrize(("granted", "revoked", "branded"), [(9, 15, False), (15, 9, True)])
def test_of_one_day_the_last_word_counts(
    journal: Journal, granted: int, revoked: int, *, branded: bool
) -> None:
    """D2: by instant, whichever was told first."""
    brand(journal, "2024-03-05", granted)
    journal.tell(PartnerWhiteLabelRevoked(partner_id="p"), "2024-03-05", revoked)
    assert partner_of(journal.state, "p").branded_on(date(2024, 3, 5)) is branded
