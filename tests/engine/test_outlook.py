"""D6: how a partner stands between the level that it holds and the others, by hand."""

from __future__ import annotations

from datetime import date
from typing import Final

from events.partner_decisions import Measure, TierChanged
from events.partners import (
    PartnerCertified,
    PartnerComarketingInvested,
    PartnerEnrolled,
    PartnerNpsReported,
)
from ledger.engine.counted import Counts
from ledger.engine.state import Run, ledger_of, partner_of
from ledger.engine.tiers import Outlook, decide_tiers, outlook
from tests.engine.journal import Journal
from tests.rules.programmes import programme, small

CERTIFIED: Final = "certified"
STRATEGIC: Final = "strategic"

COUNTED = {"2026-01-05": 1, "2026-01-07": 1, "2026-03-08": 2, "2027-03-08": 1}
"""Days with the clients that count on them."""


def certified_from(day: str) -> Journal:
    """A partner of 200 clients, certified, with a score of 41 and co-marketing of 400 + 500."""
    journal = Journal(small())
    journal.tell(PartnerEnrolled(partner_id="p1", kind="referral", portfolio=200), "2026-01-01")
    journal.tell(PartnerCertified(partner_id="p1", certification="expert"), "2026-01-06")
    journal.tell(PartnerNpsReported(partner_id="p1", score=41), "2026-01-07")
    for on, amount in (("2026-03-07", 400), ("2026-03-08", 500), ("2027-03-09", 7)):
        invested = PartnerComarketingInvested(partner_id="p1", amount=amount, currency="EUR")
        journal.tell(invested, on)
    if day:
        journal.promote("p1", "certified", day)
    return journal


def seen(journal: Journal, day: str) -> Outlook:
    """How p1 stands on a day."""
    counts = Counts({date.fromisoformat(on): number for on, number in COUNTED.items()})
    state = journal.state
    return outlook(ledger_of(state), partner_of(state, "p1"), counts, date.fromisoformat(day))


def told(measures: tuple[Measure, ...]) -> list[tuple[str, str, int, int | None, bool]]:
    """Level, name, what is required, what is measured, whether it is met."""
    return [(m.level, m.name, m.required, m.measured, m.met) for m in measures]


def test_a_referent_has_both_levels_before_it_and_nothing_to_keep() -> None:
    """D6.2: the next level first; of a day only what was told of days up to it."""
    found = seen(certified_from(""), "2026-01-06")
    assert found[:3] == ("referent", date(2026, 1, 1), "izyinbox/1")
    assert told(found.reach) == [
        (CERTIFIED, "counted_clients_12_months", 2, 1, False),
        (CERTIFIED, "certification", 1, 1, True),
        (CERTIFIED, "nps_above", 40, None, False),
        (STRATEGIC, "counted_clients_ever", 3, 1, False),
        (STRATEGIC, "portfolio_above", 200, 200, False),
        (STRATEGIC, "comarketing_12_months", 100_000, 0, False),
    ]
    assert (found.review, found.keep) == (None, ())


def test_who_holds_a_level_has_its_commitment_to_keep() -> None:
    """D6.4: of the year that runs, its first day included, as far as it has come."""
    journal = certified_from("2026-03-08")
    found = seen(journal, "2026-03-08")
    assert found[:3] == (CERTIFIED, date(2026, 3, 8), "izyinbox/1")
    assert told(found.reach) == [
        (STRATEGIC, "counted_clients_ever", 3, 4, True),
        (STRATEGIC, "portfolio_above", 200, 200, False),
        (STRATEGIC, "comarketing_12_months", 100_000, 900, False),
    ]
    assert found.review == date(2027, 3, 8)
    assert told(found.keep) == [(CERTIFIED, "counted_clients_per_year", 2, 2, True)]
    eve = seen(journal, "2027-03-07")
    assert (eve.review, told(eve.keep)) == (found.review, told(found.keep))


def test_on_an_anniversary_another_year_begins() -> None:
    """D6.4: the review of the day is past; the trailing 12 months leave their first day out."""
    found = seen(certified_from("2026-03-08"), "2027-03-08")
    assert found.review == date(2028, 3, 8)
    assert told(found.keep) == [(CERTIFIED, "counted_clients_per_year", 2, 1, False)]
    assert told(found.reach)[2] == (STRATEGIC, "comarketing_12_months", 100_000, 0, False)


def test_the_highest_level_has_none_to_reach() -> None:
    """D6.4: strategic keeps with clients and co-marketing, of its own year."""
    journal = certified_from("")
    journal.promote("p1", STRATEGIC, "2026-03-08")
    found = seen(journal, "2026-12-31")
    assert (found.tier, found.reach, found.review) == (STRATEGIC, (), date(2027, 3, 8))
    assert told(found.keep) == [
        (STRATEGIC, "counted_clients_per_year", 3, 2, False),
        (STRATEGIC, "comarketing_per_year", 100_000, 500, False),
    ]


def test_a_level_that_was_lost_asks_for_its_commitment_too() -> None:
    """D6.4: in the trailing 12 months."""
    journal = certified_from("2026-03-08")
    review = TierChanged(
        rule="D6.4",
        day=date(2027, 3, 8),
        partner_id="p1",
        from_tier=CERTIFIED,
        to_tier="referent",
        cause="review",
    )
    journal.take([review])
    found = seen(journal, "2027-03-09")
    assert told(found.reach)[:4] == [
        (CERTIFIED, "counted_clients_12_months", 2, 1, False),
        (CERTIFIED, "certification", 1, 1, True),
        (CERTIFIED, "nps_above", 40, 41, True),
        (CERTIFIED, "counted_clients_per_year", 2, 1, False),
    ]


def test_by_the_version_in_force_on_the_day_of_the_partners_programme() -> None:
    """D7.2, D7.3: another version from February on, another programme from March on."""
    journal = certified_from("2026-01-08")
    state = journal.state
    programmes = ledger_of(state).programmes
    programmes = programmes.adopt(small(), date(2026, 2, 1)).adopt(programme(name="other"), None)
    ledger = ledger_of(state)._replace(programmes=programmes)
    partner = partner_of(state, "p1")._replace(programmes=((date(2026, 3, 1), "other"),))
    versions = [
        outlook(ledger, partner, Counts({}), date(2026, month, day)).version
        for month, day in ((1, 31), (2, 1), (2, 28), (3, 1))
    ]
    assert versions == ["izyinbox/1", "izyinbox/2", "izyinbox/2", "other/1"]


def test_a_partner_whose_first_tier_is_missing_is_taken_for_a_referent() -> None:
    """D18.10: a log that lacks a decision is decided again all the same."""
    journal = certified_from("")
    state = journal.state
    partner = partner_of(state, "p1")._replace(tiers=())
    counts = Counts({date(2026, 1, 7): 2})
    run = Run(9, date(2027, 3, 1), None, 0)
    [change] = decide_tiers(ledger_of(state), run, partner, counts)[:1]
    assert (change.from_tier, change.to_tier, change.day) == (
        "referent",
        CERTIFIED,
        date(2026, 1, 8),
    )
