"""D9.5: what a retraction voids, and what would hold without it."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from events.base import Fact
from events.billing import ClientActivated, ClientPlanChanged, InvoicePaid, InvoiceRefunded
from events.decisions import (
    ClientStanding,
    FactUnresolved,
    FactVoided,
    PaymentStanding,
    ReferralAccepted,
    ReferralLapsed,
    ReferralRejected,
    UnretractedAttribution,
)
from events.finance import FactRetracted
from events.partners import (
    LeadCaptured,
    LeadConverted,
    PartnerCertified,
    PartnerEnrolled,
    PartnerPortfolioReported,
    ReferralRegistered,
)
from events.recorded import Recorded
from events.values import parse_instant
from ledger.engine.invoices import picture_of, unretracted
from ledger.engine.retraction import (
    Resting,
    decide_retraction,
    list_resting,
    reads_of_retraction,
)
from ledger.engine.standing import as_if_unretracted, terms_as_told
from ledger.engine.state import client_of, invoice_of, lead_of, partner_of
from tests.engine.journal import Journal, only
from tests.rules.programmes import plain

DAY = date(2024, 1, 10)


@pytest.fixture
def journal() -> Journal:
    """Partners p and q."""
    journal = Journal(plain())
    for name in ("p", "q"):
        journal.tell(PartnerEnrolled(partner_id=name, kind="referral"), "2024-01-01")
    return journal


def retract(journal: Journal, fact: Fact) -> list[Any]:
    """Finance retracts a fact, named by what it says."""
    told = next(event for event in journal.events if event.data is fact)
    command = FactRetracted(
        source="/s", id="i", reason="x", requested_by="ann", approved_by="bob", operator="ann"
    )
    return journal.command(
        command,
        told.day.isoformat(),
        lambda state, event: decide_retraction(state, event, told),
        lambda state: reads_of_retraction(state, fact),
    )


def referral(partner: str) -> ReferralRegistered:
    """A claim to c1."""
    return ReferralRegistered(partner_id=partner, client_id="c1")


def activation(partner: str | None = None, price: int = 10_000) -> ClientActivated:
    """c1 starts."""
    return ClientActivated(
        client_id="c1", plan="pro", price=price, currency="EUR", partner_id=partner
    )


def holder_without(journal: Journal) -> str | None:
    """Who would hold c1 had nothing been retracted."""
    return as_if_unretracted(client_of(journal.state, "c1")).holder_on(DAY)


def test_the_claim_that_won_lapses_but_would_hold(journal: Journal) -> None:
    """The client is direct; U is as if p held it still."""
    claim = referral("p")
    journal.tell(claim, "2024-01-05")
    journal.tell(activation(), "2024-01-10")
    decided = retract(journal, claim)
    assert only(decided, FactVoided).stream == "client:c1"
    assert only(decided, ReferralLapsed).reason == "retracted"
    standing = only(decided, ClientStanding).after
    assert (standing.partner_id, standing.counted_on, standing.retracted) == (None, None, True)
    assert standing.first_activated_on == DAY
    assert holder_without(journal) == "p"


def test_who_wins_since_would_not_hold(journal: Journal) -> None:
    """U of q is nothing: without the retraction its claim would have been rejected."""
    claim = referral("p")
    journal.tell(claim, "2024-01-05")
    retract(journal, claim)
    decided = journal.tell(referral("q"), "2024-01-06")
    only(decided, ReferralAccepted)
    assert not [d for d in decided if isinstance(d, UnretractedAttribution)]
    journal.tell(activation(), "2024-01-10")
    client = client_of(journal.state, "c1")
    assert (client.holder_on(DAY), holder_without(journal)) == ("q", "p")


def test_what_would_hold_lapses_in_its_own_time(journal: Journal) -> None:
    """As if unretracted: p's window ends before the activation, which carries q's claim."""
    claim = referral("p")
    journal.tell(claim, "2023-01-05")
    retract(journal, claim)
    claim = referral("p")
    journal.tell(claim, "2024-01-05")
    retract(journal, claim)
    decided = journal.tell(activation("q"), "2024-12-10")
    other = only(decided, UnretractedAttribution)
    assert (other.partner_id, other.live_through) == ("q", None)


def test_a_claim_that_lost_is_retracted_without_effect(journal: Journal) -> None:
    """It keeps its answer, and nobody else holds the client."""
    first, second = activation(), referral("q")
    journal.tell(first, "2024-01-10")
    journal.tell(referral("p"), "2024-01-05")
    rejected = journal.tell(second, "2024-01-06")
    only(rejected, ReferralRejected)
    assert retract(journal, second)[-1].type == "ClientStanding"
    assert client_of(journal.state, "c1").holder_on(DAY) == holder_without(journal) == "p"


def test_the_terms_are_without_what_was_retracted(journal: Journal) -> None:
    """And as if unretracted with it."""
    change = ClientPlanChanged(client_id="c1", plan="big", price=15_000)
    journal.tell(activation("p"), "2024-01-10")
    journal.tell(change, "2024-02-10")
    retract(journal, change)
    client = client_of(journal.state, "c1")
    now = [term.price for term in terms_as_told(client)["c1"]]
    then = [term.price for term in terms_as_told(as_if_unretracted(client))["c1"]]
    assert (now, then) == ([10_000], [10_000, 15_000])


def test_a_retracted_activation_leaves_no_term(journal: Journal) -> None:
    """Nothing is due, nothing is counted; what it settled is provisional again."""
    start = activation()
    journal.tell(referral("p"), "2024-01-05")
    journal.tell(start, "2024-01-10")
    decided = retract(journal, start)
    assert only(decided, ReferralAccepted).live_through == date(2024, 7, 3)
    standing = only(decided, ClientStanding)
    assert standing.after.first_activated_on is None
    assert [change.after for change in standing.subscriptions] == [()]
    journal.tell(activation(), "2024-07-03")
    assert client_of(journal.state, "c1").holder_on(DAY) == "p"


def test_settled_twice_by_activations_that_were_never_true(journal: Journal) -> None:
    """The one that remains settles it; retracted too, it is provisional once more."""
    starts = [activation(), activation(price=5_000)]
    journal.tell(referral("p"), "2024-01-05")
    for start in starts:
        journal.tell(start, "2024-01-10")
    assert not [d for d in retract(journal, starts[0]) if "Referral" in d.type]
    assert client_of(journal.state, "c1").holder_on(DAY) == "p"
    assert only(retract(journal, starts[1]), ReferralAccepted).live_through is not None


def test_a_lead_is_looked_at_again(journal: Journal) -> None:
    """The first capture was never true: the second claims, and is not listed any more."""
    first = LeadCaptured(lead_id="l", partner_id="p")
    journal.tell(first, "2024-01-02")
    listed = journal.tell(LeadCaptured(lead_id="l", partner_id="q"), "2024-01-03")
    assert only(listed, FactUnresolved).reason == "lead_known"
    journal.tell(LeadConverted(lead_id="l", client_id="c1"), "2024-01-04")
    decided = retract(journal, first)
    assert only(decided, ReferralLapsed).partner_id == "p"
    assert only(decided, ReferralAccepted).partner_id == "q"
    assert [d.type for d in decided if d.stream == "lead:l"] == ["FactVoided", "FactResolved"]
    assert lead_of(journal.state, "l").partner_id == "q"


def test_a_conversion_without_its_capture_is_listed(journal: Journal) -> None:
    """The lead is unknown then."""
    capture = LeadCaptured(lead_id="l", partner_id="p")
    journal.tell(capture, "2024-01-02")
    journal.tell(LeadConverted(lead_id="l", client_id="c1"), "2024-01-04")
    decided = retract(journal, capture)
    assert only(decided, FactUnresolved).reason == "lead_unknown"
    assert client_of(journal.state, "c1").attribution is None


def test_reports_are_gone(journal: Journal) -> None:
    """Each by itself; the others stay."""
    first = PartnerPortfolioReported(partner_id="p", clients=300)
    second = PartnerPortfolioReported(partner_id="p", clients=10)
    certified = PartnerCertified(partner_id="p", certification="x")
    for fact in (first, second, certified):
        journal.tell(fact, "2024-01-02")
    for fact in (second, certified):
        assert [d.type for d in retract(journal, fact)] == ["FactVoided"]
    partner = partner_of(journal.state, "p")
    assert [report.value for report in partner.portfolio] == [300]
    assert partner.certified == ()


def test_a_payment_that_was_never_made_is_gone(journal: Journal) -> None:
    """Of one payment the next that was told counts; without one it is gone."""
    paid = [
        InvoicePaid(
            client_id="c1",
            invoice_id="i",
            payment_id="1",
            net_amount=amount,
            currency="EUR",
            period_start=DAY,
        )
        for amount in (10_000, 9_000)
    ]
    for fact in paid:
        journal.tell(fact, "2024-01-10")
    standing = only(retract(journal, paid[0]), PaymentStanding)
    assert (standing.payment, standing.after, standing.gone) == (7, 9_000, None)
    standing = only(retract(journal, paid[1]), PaymentStanding)
    assert (standing.before, standing.after, standing.gone) == (9_000, 0, True)
    invoice = invoice_of(journal.state, "i")
    assert picture_of(invoice).paid == ()
    assert [one.net for one in picture_of(unretracted(invoice)).paid] == [10_000]


def test_a_refund_that_was_never_made_lowers_nothing(journal: Journal) -> None:
    """The payment is worth what was paid again; told anew after its retraction it counts."""
    members: dict[str, Any] = {"client_id": "c1", "invoice_id": "i", "currency": "EUR"}
    paid = InvoicePaid(net_amount=10_000, period_start=DAY, **members)
    refund = InvoiceRefunded(net_amount=4_000, **members)
    for fact in (paid, refund):
        journal.tell(fact, "2024-01-10")
    standing = only(retract(journal, refund), PaymentStanding)
    assert (standing.before, standing.after) == (6_000, 10_000)
    assert only(retract(journal, paid), PaymentStanding).gone
    again = InvoicePaid(net_amount=8_000, period_start=DAY, **members)
    standing = only(journal.tell(again, "2024-01-10"), PaymentStanding)
    assert (standing.after, standing.gone) == (8_000, None)


def test_what_stays_is_listed_for_finance_where_it_stands() -> None:
    """The decision, the fact that it rested on, and the retraction; of a tier no client."""
    fact, command = (
        Recorded(position, parse_instant("2024-02-01T12:00:00Z"), date(2024, 2, 1), referral("p"))
        for position in (3, 9)
    )
    resting = [Resting(5, "p", "c1", DAY), Resting(6, "q", None, date(2024, 1, 11))]
    listed = list_resting(command, fact, iter(resting))
    assert [
        (one.decision, one.fact, one.command, one.partner_id, one.client_id, one.day, one.rule)
        for one in listed
    ] == [
        (5, 3, 9, "p", "c1", DAY, "D9.5"),
        (6, 3, 9, "q", None, date(2024, 1, 11), "D9.5"),
    ]
