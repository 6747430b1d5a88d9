"""Folding ``partner:<id>``: what was told of a partner, and what was decided."""

from __future__ import annotations

from events.decisions import (
    ReferralWaiting,
)
from events.partner_decisions import ProgrammeAssigned, TierChanged
from events.partners import (
    PartnerAgreementEnded,
    PartnerAgreementSigned,
    PartnerCertified,
    PartnerComarketingInvested,
    PartnerEnrolled,
    PartnerNpsReported,
    PartnerPortfolioReported,
)
from events.recorded import Recorded
from events.values import TIERS
from ledger.engine.folding.table import Folds
from ledger.engine.state import (
    Claim,
    Enrolment,
    Partner,
    Report,
    TierStep,
)


def _enrolled(partner: Partner, event: Recorded, fact: PartnerEnrolled) -> Partner:
    if partner.enrolment is not None:
        return partner
    portfolio = partner.portfolio
    if fact.portfolio is not None:
        portfolio = (*portfolio, _report(event, fact.portfolio))
    return partner._replace(
        enrolment=Enrolment(event.day, event.position, fact.founding),
        portfolio=portfolio,
    )


def _report(event: Recorded, value: int, currency: str = "") -> Report:
    return Report(event.day, event.effective_at, event.position, value, currency)


def _signed(partner: Partner, event: Recorded, _: PartnerAgreementSigned) -> Partner:
    return partner._replace(agreement=(*partner.agreement, _report(event, 1)))


def _ended(partner: Partner, event: Recorded, _: PartnerAgreementEnded) -> Partner:
    return partner._replace(agreement=(*partner.agreement, _report(event, 0)))


def _certified(partner: Partner, event: Recorded, _: PartnerCertified) -> Partner:
    return partner._replace(certified=(*partner.certified, _report(event, 1)))


def _nps(partner: Partner, event: Recorded, fact: PartnerNpsReported) -> Partner:
    return partner._replace(nps=(*partner.nps, _report(event, fact.score)))


def _portfolio(partner: Partner, event: Recorded, fact: PartnerPortfolioReported) -> Partner:
    return partner._replace(portfolio=(*partner.portfolio, _report(event, fact.clients)))


def _comarketing(partner: Partner, event: Recorded, fact: PartnerComarketingInvested) -> Partner:
    report = _report(event, fact.amount, fact.currency)
    return partner._replace(comarketing=(*partner.comarketing, report))


def _waits(partner: Partner, _: Recorded, answer: ReferralWaiting) -> Partner:
    claim = Claim(answer.claim, answer.day, answer.partner_id, answer.client_id)
    return partner._replace(waiting=(*partner.waiting, claim))


def _assigned(partner: Partner, _: Recorded, decision: ProgrammeAssigned) -> Partner:
    return partner._replace(programmes=(*partner.programmes, (decision.day, decision.programme)))


def _tier_changed(partner: Partner, _: Recorded, decision: TierChanged) -> Partner:
    reached = TIERS.index(decision.to_tier)
    if decision.cause == "review" and decision.from_tier is not None:
        lost = partner.lost | {decision.from_tier}
    else:
        lost = frozenset(tier for tier in partner.lost if TIERS.index(tier) > reached)
    return partner._replace(
        tiers=(*partner.tiers, TierStep(decision.day, decision.to_tier)), lost=lost
    )


FOLDS: Folds = {
    PartnerEnrolled: _enrolled,
    PartnerAgreementSigned: _signed,
    PartnerAgreementEnded: _ended,
    PartnerCertified: _certified,
    PartnerNpsReported: _nps,
    PartnerPortfolioReported: _portfolio,
    PartnerComarketingInvested: _comarketing,
    ReferralWaiting: _waits,
    ProgrammeAssigned: _assigned,
    TierChanged: _tier_changed,
}
