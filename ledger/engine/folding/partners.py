"""Folding ``partner:<id>``: what was told of a partner, and what was decided."""

from __future__ import annotations

from events.decisions import (
    ReferralWaiting,
)
from events.partner_decisions import (
    EnrolmentCorrected,
    ProgrammeAssigned,
    SponsorAccepted,
    SponsorWaiting,
    TierChanged,
    WhiteLabelAccepted,
)
from events.partners import (
    PartnerAgreementEnded,
    PartnerAgreementSigned,
    PartnerCertified,
    PartnerComarketingInvested,
    PartnerEnrolled,
    PartnerNpsReported,
    PartnerPortfolioReported,
    PartnerWhiteLabelGranted,
    PartnerWhiteLabelRevoked,
)
from events.recorded import Recorded
from ledger.engine.folding.table import Folds
from ledger.engine.state import (
    Claim,
    Enrolment,
    Partner,
    Report,
    Tie,
    TierStep,
    WaitingTie,
)


def _enrolled(partner: Partner, event: Recorded, fact: PartnerEnrolled) -> Partner:
    if partner.enrolment is not None:
        return partner
    portfolio = partner.portfolio
    if fact.portfolio is not None:
        portfolio = (*portfolio, _report(event, fact.portfolio))
    return partner._replace(
        enrolment=Enrolment(
            event.day, event.position, fact.founding, fact.sponsor_id, event.position
        ),
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
    claim = Claim(answer.claim, answer.day, answer.partner_id, answer.client_id, answer.department)
    return partner._replace(waiting=(*partner.waiting, claim))


def _assigned(partner: Partner, _: Recorded, decision: ProgrammeAssigned) -> Partner:
    return partner._replace(programmes=(*partner.programmes, (decision.day, decision.programme)))


def _tier_changed(partner: Partner, _: Recorded, decision: TierChanged) -> Partner:
    lost = partner.lost
    if decision.cause == "review" and decision.from_tier is not None:
        lost |= {decision.from_tier}
    return partner._replace(
        tiers=(*partner.tiers, TierStep(decision.day, decision.to_tier, decision.run or 0)),
        lost=lost,
    )


def _corrected(partner: Partner, _: Recorded, decision: EnrolmentCorrected) -> Partner:
    enrolment = partner.enrolment
    if enrolment is None:
        return partner
    if decision.founding is not None:
        enrolment = enrolment._replace(founding=decision.founding)
    if decision.sponsor_id is None and "sponsor_id" not in decision.cleared:
        return partner._replace(enrolment=enrolment)
    enrolment = enrolment._replace(sponsor_id=decision.sponsor_id, sponsor_from=decision.command)
    return partner._replace(enrolment=enrolment, sponsor=None)


def voided_report(partner: Partner, fact: int, client_id: str | None) -> Partner:
    """A partner without a report, or without a claim to a client that waited for it (D9.5)."""

    def without(reports: tuple[Report, ...]) -> tuple[Report, ...]:
        return tuple(report for report in reports if report.position != fact)

    return partner._replace(
        certified=without(partner.certified),
        nps=without(partner.nps),
        portfolio=without(partner.portfolio),
        comarketing=without(partner.comarketing),
        waiting=tuple(
            claim
            for claim in partner.waiting
            if (claim.position, claim.client_id) != (fact, client_id)
        ),
        unresolved={key: day for key, day in partner.unresolved.items() if key != fact},
    )


def _tied(partner: Partner, _: Recorded, answer: SponsorAccepted) -> Partner:
    return partner._replace(sponsor=Tie(answer.sponsor_id, answer.fact, answer.lines_after or 0))


def _awaited(sponsor: Partner, _: Recorded, answer: SponsorWaiting) -> Partner:
    waiting = WaitingTie(answer.partner_id, answer.fact)
    return sponsor._replace(sponsored=(*sponsor.sponsored, waiting))


def _brand_asked(partner: Partner, event: Recorded, _: PartnerWhiteLabelGranted) -> Partner:
    return partner._replace(brand_asked=_report(event, 1))


def _branded(partner: Partner, _: Recorded, answer: WhiteLabelAccepted) -> Partner:
    # The answer stands right after the grant that it answers.
    asked = partner.brand_asked
    if asked is None or asked.position != answer.fact:
        return partner
    return partner._replace(brand=(*partner.brand, asked))


def _brand_revoked(partner: Partner, event: Recorded, _: PartnerWhiteLabelRevoked) -> Partner:
    return partner._replace(brand=(*partner.brand, _report(event, 0)))


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
    EnrolmentCorrected: _corrected,
    SponsorAccepted: _tied,
    SponsorWaiting: _awaited,
    PartnerWhiteLabelGranted: _brand_asked,
    PartnerWhiteLabelRevoked: _brand_revoked,
    WhiteLabelAccepted: _branded,
}
