"""D9.5: what a retraction says of what it voids and lets lapse, and what it must read for it."""

from __future__ import annotations

from datetime import date

import pytest

from events.base import Fact
from events.billing import ClientPlanChanged, InvoiceRefunded
from events.decisions import (
    ClientStanding,
    FactResolved,
    FactUnresolved,
    FactVoided,
    ReferralAccepted,
    ReferralLapsed,
    ReferralRejected,
)
from events.partner_decisions import ProgrammeAssigned, TierChanged
from events.partners import (
    LeadCaptured,
    LeadConverted,
    PartnerCertified,
    PartnerComarketingInvested,
    PartnerEnrolled,
    PartnerNpsReported,
    PartnerPortfolioReported,
    PartnerTerritoryGranted,
    ReferralRegistered,
)
from ledger.engine.retraction import reads_of_retraction
from ledger.engine.state import client_of, lead_of, ledger_of, partner_of
from tests.engine.journal import Journal, only
from tests.engine.test_retraction import activation, referral, retract
from tests.rules.programmes import plain, programme, quick

CLAIMED = "2024-01-05"
OTHER = "other/1"


def told(*facts: tuple[Fact, str], terms: bool = False) -> Journal:
    """Partners p and q, p under a programme of its own, and what was told of them by day."""
    journal = Journal(quick() if terms else plain())
    for name in ("p", "q"):
        journal.tell(PartnerEnrolled(partner_id=name, kind="referral"), "2024-01-01")
    ledger = ledger_of(journal.state)
    programmes = ledger.programmes.adopt(programme(name="other"), None)
    journal.state["ledger"] = ledger._replace(programmes=programmes)
    assigned = ProgrammeAssigned(
        rule="D7.3", day=date(2024, 1, 1), partner_id="p", programme="other", command=1
    )
    journal.take([assigned])
    for fact, day in facts:
        journal.tell(fact, day)
    return journal


def position_of(journal: Journal, fact: Fact) -> int:
    """Where a fact stands."""
    return next(event.position for event in journal.events if event.data is fact)


def voided(journal: Journal, fact: Fact) -> list[tuple[int, str, str | None, str | None, str]]:
    """What a retraction voids: fact, stream, client, partner, day."""
    decided = retract(journal, fact)
    found = [one for one in decided if isinstance(one, FactVoided)]
    command = journal.events[-len(decided) - 1].position
    assert {one.command for one in found} == {command}
    return [
        (one.fact, one.about, one.client_id, one.partner_id, one.day.isoformat()) for one in found
    ]


def test_a_claim_and_a_report_are_voided_where_they_stand() -> None:
    """With client and partner, of their own day."""
    claim, start = referral("p"), activation()
    report = PartnerCertified(partner_id="q", certification="x")
    journal = told((claim, CLAIMED), (start, "2024-01-10"), (report, "2024-01-11"))
    at = [position_of(journal, fact) for fact in (claim, start, report)]
    assert voided(journal, report) == [(at[2], "partner:q", None, "q", "2024-01-11")]
    assert voided(journal, claim) == [(at[0], "client:c1", "c1", "p", CLAIMED)]
    assert voided(journal, start) == [(at[1], "client:c1", "c1", None, "2024-01-10")]


def test_a_lead_is_voided_with_the_claim_that_it_made() -> None:
    """Whichever of its words is retracted, the claim is its capture's."""
    capture = LeadCaptured(lead_id="l", partner_id="p")
    converted = LeadConverted(lead_id="l", client_id="c1")
    for fact, day, partner in ((capture, "2024-01-02", "p"), (converted, "2024-01-04", None)):
        journal = told((capture, "2024-01-02"), (converted, "2024-01-04"))
        at = position_of(journal, capture)
        client = None if fact is capture else "c1"
        assert voided(journal, fact) == [
            (position_of(journal, fact), "lead:l", client, partner, day),
            (at, "client:c1", "c1", "p", "2024-01-02"),
        ]


def test_a_claim_that_waits_is_voided_in_both_streams() -> None:
    """The partner's, too: it is not decided at its enrolment."""
    claim = referral("w")
    journal = told((claim, CLAIMED))
    at = position_of(journal, claim)
    assert voided(journal, claim) == [
        (at, "client:c1", "c1", "w", CLAIMED),
        (at, "partner:w", "c1", "w", CLAIMED),
    ]
    decided = journal.tell(PartnerEnrolled(partner_id="w", kind="referral"), "2024-01-01")
    assert not [one for one in decided if isinstance(one, ReferralAccepted)]


def test_a_claim_that_waited_and_was_rejected_stays_so() -> None:
    """It waits no more, and holds nothing."""
    claim = referral("w")
    journal = told((claim, CLAIMED))
    journal.tell(PartnerEnrolled(partner_id="w", kind="referral"), "2024-01-06")
    decided = retract(journal, claim)
    assert [one.type for one in decided if one.type != "ClientStanding"] == ["FactVoided"]


def test_a_lapse_names_the_version_of_its_partners_programme() -> None:
    """D7.3, D18.5: and what caused it; what holds again as well."""
    claim, wrong = referral("p"), activation()
    journal = told((claim, CLAIMED), (wrong, "2024-01-10"))
    at = position_of(journal, claim)
    held = only(retract(journal, wrong), ReferralAccepted)
    assert (held.programme_version, held.rule, held.claim) == (OTHER, "D9.5", at)
    assert (held.day, held.partner_id, held.client_id) == (date(2024, 1, 5), "p", "c1")
    decided = retract(journal, claim)
    lapsed = only(decided, ReferralLapsed)
    assert (lapsed.programme_version, lapsed.rule, lapsed.claim) == (OTHER, "D9.5", at)
    assert (lapsed.day, lapsed.reason) == (date(2024, 1, 5), "retracted")
    assert lapsed.cause == journal.events[-len(decided) - 1].position


def test_what_remains_lets_it_lapse_by_its_own_activation() -> None:
    """D3.4: expired, or told of a day before it; the cause is the activation that remains."""
    for day, reason in (("2024-01-04", "too_late"), ("2024-07-04", "expired")):
        wrong, true = activation(), activation(price=5_000)
        journal = told((referral("p"), CLAIMED), (wrong, "2024-01-10"), (true, day))
        lapsed = only(retract(journal, wrong), ReferralLapsed)
        assert (lapsed.reason, lapsed.cause) == (reason, position_of(journal, true))


def test_another_activation_that_is_retracted_settles_nothing() -> None:
    """Not the one that settled it: nobody lapses, nobody holds anew."""
    true, wrong = activation(), activation(price=5_000)
    journal = told((referral("p"), CLAIMED), (true, "2024-07-04"), (wrong, "2024-07-05"))
    assert client_of(journal.state, "c1").attribution is None
    decided = retract(journal, wrong)
    assert not [one for one in decided if isinstance(one, ReferralLapsed | ReferralAccepted)]


@pytest.mark.parametrize("word", ["capture", "conversion"])
def test_a_lead_of_a_department_reads_who_holds_it(word: str) -> None:
    """D3.1: on the day of the capture; the client, and all who may hold it, too."""
    journal = told(terms=True)
    journal.promote("q", "strategic", "2024-01-02")
    journal.tell(PartnerTerritoryGranted(partner_id="q", department="75"), "2024-01-03")
    capture = LeadCaptured(lead_id="l", department="75")
    converted = LeadConverted(lead_id="l", client_id="c1")
    journal.tell(capture, "2024-01-03")
    journal.tell(converted, "2024-02-04")
    fact = capture if word == "capture" else converted
    assert reads_of_retraction(journal.state, fact) == {
        "ledger", "lead:l", "client:c1", "department:75", "partner:q",
    }  # fmt: skip
    decided = retract(journal, fact)
    assert only(decided, ReferralLapsed).partner_id == "q"
    assert lead_of(journal.state, "l").department == ("75" if word == "conversion" else None)
    early = Journal(quick())
    early.tell(LeadCaptured(lead_id="l", department="75"), "2024-01-02")
    assert reads_of_retraction(early.state, capture) == {"ledger", "lead:l", "department:75"}
    plainly = Journal(quick())
    plainly.tell(LeadCaptured(lead_id="l", partner_id="p"), "2024-01-02")
    assert reads_of_retraction(plainly.state, capture) == {"ledger", "lead:l", "partner:p"}


def test_who_held_a_client_provisionally_is_read() -> None:
    """What lapsed may hold again, whoever holds it now."""
    start = activation("q")
    journal = told((referral("p"), CLAIMED), (start, "2024-01-04"))
    assert client_of(journal.state, "c1").holder_on(date(2024, 1, 4)) == "q"
    assert reads_of_retraction(journal.state, start) == {
        "ledger", "client:c1", "partner:p", "partner:q",
    }  # fmt: skip
    claim = ReferralRegistered(partner_id="x", client_id="c2")
    assert reads_of_retraction(journal.state, claim) == {"ledger", "client:c2", "partner:x"}


# --- leads ---------------------------------------------------------------------------------------


def held(*facts: tuple[Fact, str]) -> Journal:
    """Department 75 is q's from 3 January on, then what was told by day."""
    journal = told(terms=True)
    journal.promote("q", "strategic", "2024-01-02")
    journal.tell(PartnerTerritoryGranted(partner_id="q", department="75"), "2024-01-03")
    for fact, day in facts:
        journal.tell(fact, day)
    return journal


def test_a_lead_whose_claim_was_rejected_takes_nothing_from_who_holds_the_client() -> None:
    """It won nothing, so nothing of the client is voided."""
    capture = LeadCaptured(lead_id="l", partner_id="p", client_id="c1")
    journal = told((referral("q"), CLAIMED), (capture, "2024-01-06"))
    at = position_of(journal, capture)
    assert voided(journal, capture) == [(at, "lead:l", "c1", "p", "2024-01-06")]
    attribution = client_of(journal.state, "c1").attribution
    assert attribution is not None
    assert attribution.partner_id == "q"


def test_a_lead_that_waits_for_its_partner_is_gone_though_another_holds_the_client() -> None:
    """It is not decided when that partner enrols."""
    capture = LeadCaptured(lead_id="l", partner_id="w", client_id="c1")
    journal = told((referral("q"), CLAIMED), (capture, "2024-01-06"))
    at = position_of(journal, capture)
    assert voided(journal, capture) == [
        (at, "lead:l", "c1", "w", "2024-01-06"),
        (at, "client:c1", "c1", "w", "2024-01-06"),
        (at, "partner:w", "c1", "w", "2024-01-06"),
    ]
    attribution = client_of(journal.state, "c1").attribution
    assert attribution is not None
    assert attribution.partner_id == "q"


@pytest.mark.parametrize(("partner", "wins"), [("p", False), ("q", True), (None, True)])
def test_what_remains_of_a_lead_is_decided_by_its_department(
    partner: str | None, *, wins: bool
) -> None:
    """D3.3b, D3.1: the second capture's: turned away, its holder's own, or its holder's."""
    first = LeadCaptured(lead_id="l", partner_id="p")
    second = LeadCaptured(lead_id="l", partner_id=partner, department="75")
    converted = LeadConverted(lead_id="l", client_id="c1")
    journal = held((first, "2024-01-04"), (second, "2024-01-05"), (converted, "2024-01-06"))
    at = position_of(journal, second)
    decided = retract(journal, first)
    if wins:
        answer = only(decided, ReferralAccepted)
        assert (answer.partner_id, answer.claim, answer.day.day) == ("q", at, 5)
    else:
        rejected = only(decided, ReferralRejected)
        assert (rejected.reason, rejected.partner_id, rejected.claim) == ("territory", "p", at)
    resolved = only(decided, FactResolved)
    assert (resolved.fact, resolved.client_id, resolved.day.day) == (at, None, 5)


def test_what_remains_of_a_lead_may_win_late() -> None:
    """D3.3d: the client was activated meanwhile; how it stands is recorded."""
    first = LeadCaptured(lead_id="l", partner_id="p")
    second = LeadCaptured(lead_id="l", partner_id="q", client_id="c1")
    journal = told((first, "2024-01-04"), (second, CLAIMED), (activation(), "2024-01-10"))
    decided = retract(journal, first)
    assert only(decided, ReferralAccepted).late
    assert only(decided, ClientStanding).after.partner_id == "q"
    resolved = only(decided, FactResolved)
    assert (resolved.about, resolved.client_id) == ("lead:l", "c1")


def test_a_conversion_that_lost_its_capture_is_listed_with_its_client() -> None:
    """Where it was told, of its own day."""
    capture = LeadCaptured(lead_id="l", partner_id="p")
    converted = LeadConverted(lead_id="l", client_id="c1")
    journal = told((capture, "2024-01-02"), (converted, "2024-01-04"))
    listed = only(retract(journal, capture), FactUnresolved)
    assert (listed.fact, listed.about, listed.client_id, listed.day) == (
        position_of(journal, converted), "lead:l", "c1", date(2024, 1, 4),
    )  # fmt: skip


# --- what is listed ------------------------------------------------------------------------------


def test_a_fact_without_effect_that_was_never_true_is_listed_no_more() -> None:
    """Nor is it said to have an effect now: it has none."""
    change = ClientPlanChanged(client_id="c1", plan="x", price=5)
    refund = InvoiceRefunded(client_id="c1", invoice_id="i", net_amount=5, currency="EUR")
    journal = told((change, CLAIMED), (refund, CLAIMED))
    for fact in (change, refund):
        assert "FactResolved" not in [one.type for one in retract(journal, fact)]
    later = [*journal.tell(activation("p"), "2024-01-10")]
    assert "FactResolved" not in [one.type for one in later]


def test_a_client_knows_what_was_retracted() -> None:
    """Each fact and its command: what is taken back names them."""
    first, second = (ClientPlanChanged(client_id="c1", plan="x", price=n) for n in (5, 6))
    journal = told((activation("p"), "2024-01-10"), (first, "2024-01-11"), (second, "2024-01-12"))
    commands: dict[int, int] = {}
    for fact in (first, second):
        commands[position_of(journal, fact)] = len(journal.events) + 1
        retract(journal, fact)
        assert client_of(journal.state, "c1").voided == commands


def test_reports_before_the_enrolment_are_listed_until_it() -> None:
    """D6.2: a second enrolment is listed for good; nothing else is told of either."""
    report = PartnerCertified(partner_id="w", certification="x")
    journal = told((report, "2024-01-11"))
    at = position_of(journal, report)
    decided = journal.tell(PartnerEnrolled(partner_id="w", kind="referral"), "2024-01-12")
    resolved = only(decided, FactResolved)
    assert (resolved.fact, resolved.about, resolved.day) == (at, "partner:w", date(2024, 1, 11))
    again = journal.tell(PartnerEnrolled(partner_id="w", kind="referral"), "2024-01-13")
    listed = only(again, FactUnresolved)
    assert (listed.reason, listed.partner_id) == ("already_enrolled", "w")
    [first] = [one for one in decided if isinstance(one, TierChanged)]
    assert (first.programme_version, first.from_tier) == ("izyinbox/1", None)
    assert partner_of(journal.state, "w").unresolved == {}


def test_every_kind_of_report_is_gone_and_waits_for_no_enrolment() -> None:
    """D6.2: what was retracted before the enrolment is not said to count at it."""
    reports: tuple[Fact, ...] = (
        PartnerCertified(partner_id="w", certification="x"),
        PartnerNpsReported(partner_id="w", score=50),
        PartnerPortfolioReported(partner_id="w", clients=5),
        PartnerComarketingInvested(partner_id="w", amount=5, currency="EUR"),
    )
    journal = told(*((report, "2024-01-11") for report in reports))
    for report in reports:
        retract(journal, report)
    partner = partner_of(journal.state, "w")
    assert (partner.certified, partner.nps, partner.portfolio, partner.comarketing) == ((),) * 4
    decided = journal.tell(PartnerEnrolled(partner_id="w", kind="referral"), "2024-01-12")
    assert [one.type for one in decided] == ["TierChanged"]
