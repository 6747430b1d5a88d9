"""A partner as its stream is folded, each member of it; entities of which nothing is told."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from events.base import Fact
from events.decisions import FactResolved
from events.partner_decisions import TierChanged
from events.partners import (
    PartnerAgreementEnded,
    PartnerAgreementSigned,
    PartnerCertified,
    PartnerComarketingInvested,
    PartnerEnrolled,
    PartnerNpsReported,
    PartnerPortfolioReported,
)
from ledger.engine import state
from ledger.engine.state import Enrolment, Partner, Report, TierStep, partner_of
from tests.engine.journal import Journal
from tests.engine.test_retraction import retract
from tests.rules.programmes import plain

FIRST = date(2024, 1, 10)


def report(of_january: int, position: int, value: int, currency: str = "") -> Report:
    """What was told at 13:00 UTC of a day of January 2024."""
    at = datetime(2024, 1, of_january, 13, tzinfo=UTC)
    return Report(at.date(), at, position, value, currency)


def test_what_is_told_of_a_partner_is_kept_as_it_was_told() -> None:
    """The enrolment's portfolio is a report of its day (D6.2); a second changes nothing."""
    journal = Journal(plain())
    facts: list[Fact] = [
        PartnerEnrolled(partner_id="p1", kind="referral", founding=True, portfolio=12),
        PartnerAgreementEnded(partner_id="p1"),
        PartnerAgreementSigned(partner_id="p1"),
        PartnerCertified(partner_id="p1", certification="gold"),
        PartnerNpsReported(partner_id="p1", score=-5),
        PartnerPortfolioReported(partner_id="p1", clients=20),
        PartnerComarketingInvested(partner_id="p1", amount=300, currency="CHF"),
        PartnerEnrolled(partner_id="p1", kind="referral", portfolio=99),
    ]
    for number, fact in enumerate(facts):
        journal.tell(fact, f"2024-01-{10 + number}", hour=13)
    assert partner_of(journal.state, "p1") == Partner(
        "p1",
        enrolment=Enrolment(FIRST, 2, founding=True, sponsor_id=None, sponsor_from=2),
        agreement=(report(11, 4, 0), report(12, 5, 1)),
        certified=(report(13, 6, 1),),
        nps=(report(14, 7, -5),),
        portfolio=(report(10, 2, 12), report(15, 8, 20)),
        comarketing=(report(16, 9, 300, "CHF"),),
        tiers=(TierStep(FIRST, "referent", 0),),
    )


def test_levels_lost_are_those_of_reviews() -> None:
    """D6.4: a promotion loses none."""
    journal = Journal(plain())
    journal.tell(PartnerEnrolled(partner_id="p1", kind="referral"), "2024-01-10")
    journal.promote("p1", "strategic", "2024-02-01", run=7)
    assert partner_of(journal.state, "p1").lost == frozenset()
    members = {"rule": "D6", "partner_id": "p1", "cause": "review", "run": 8}
    for day, above, below in (
        (date(2025, 2, 1), "strategic", "certified"),
        (date(2026, 2, 1), "certified", "referent"),
    ):
        change = {**members, "day": day, "from_tier": above, "to_tier": below}
        journal.take([TierChanged.model_validate(change)])
    partner = partner_of(journal.state, "p1")
    assert partner.lost == {"strategic", "certified"}
    assert [(step.tier, step.run) for step in partner.tiers] == [
        ("referent", 0), ("strategic", 7), ("certified", 8), ("referent", 8)
    ]  # fmt: skip


def test_what_was_retracted_while_it_waited_waits_no_more() -> None:
    """D9.5: the enrolment settles the other fact alone."""
    journal = Journal(plain())
    never, waits = (PartnerNpsReported(partner_id="p1", score=score) for score in (50, 60))
    journal.tell(never, "2024-01-05")
    journal.tell(waits, "2024-01-06")
    retract(journal, never)
    assert [one.value for one in partner_of(journal.state, "p1").nps] == [60]
    decided = journal.tell(PartnerEnrolled(partner_id="p1", kind="referral"), "2024-01-10")
    resolved = [one.fact for one in decided if isinstance(one, FactResolved)]
    assert [journal.events[position - 1].data for position in resolved] == [waits]


@pytest.mark.parametrize(
    ("found", "named"),
    [
        (state.client_of, state.Client),
        (state.partner_of, state.Partner),
        (state.lead_of, state.Lead),
        (state.department_of, state.Department),
        (state.payout_of, state.Payout),
        (state.invoice_of, state.Invoice),
    ],
)
def test_of_what_nothing_is_told_there_is_an_empty_entity(found: object, named: object) -> None:
    """Under its own name; the ledger's has none."""
    assert callable(found)
    assert callable(named)
    assert found({}, "x1") == named("x1")
    assert state.ledger_of({}) == state.Ledger()
