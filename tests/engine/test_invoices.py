"""Invoices: payments that count, what refunds leave of them, and what waits (D8.2)."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.base import Fact
from events.billing import InvoicePaid, InvoiceRefunded
from events.decisions import FactResolved, FactUnresolved, PaymentStanding
from events.recorded import Recorded
from ledger.engine.evolve import evolve
from ledger.engine.invoices import picture_of, replaced
from ledger.engine.recording import answer, reads
from ledger.engine.state import Invoice, Overlay

S = date(2026, 1, 1)
TOLD = datetime(2026, 1, 20, 12, tzinfo=UTC)


class Told:
    """An invoice's story: each fact is folded and answered, as recording does it."""

    def __init__(self) -> None:
        self.state = Overlay({})
        self.position = 0

    def tell(self, fact: Fact) -> list[object]:
        """What a fact brings; its decisions take the positions after it."""
        self.position += 1
        event = Recorded(self.position, TOLD, TOLD.date(), fact)
        assert reads(event, self.state) == {fact.stream}
        entity = evolve(fact.stream, self.state.get(fact.stream), event)
        assert entity is not None
        self.state.changed[fact.stream] = entity
        decisions = answer(self.state, event)
        self.position += len(decisions)
        return list(decisions)

    def nets(self) -> dict[str | None, int]:
        """What each payment of the invoice is worth."""
        invoice = self.state.get("invoice:i1")
        assert isinstance(invoice, Invoice)
        return {paid.payment.payment_id: paid.net for paid in picture_of(invoice).paid}


def paid(
    amount: int,
    payment: str | None = None,
    *,
    client: str = "c1",
    currency: str = "EUR",
    day: date = S,
) -> InvoicePaid:
    """A payment of invoice i1."""
    return InvoicePaid(
        client_id=client, invoice_id="i1", payment_id=payment, net_amount=amount,
        currency=currency, period_start=day,
    )  # fmt: skip


def refunded(
    amount: int, payment: str | None = None, *, client: str = "c1", currency: str = "EUR"
) -> InvoiceRefunded:
    """A refund of invoice i1."""
    return InvoiceRefunded(
        client_id=client, invoice_id="i1", payment_id=payment, net_amount=amount, currency=currency
    )


def test_whose_payments_count_in_the_place_of_retracted_ones() -> None:
    """Of the same payment of an invoice that lost one, wherever that stands among the others."""
    invoices = []
    for retracted in ((), (1,), (2,), (3,)):
        told = Told()
        for payment, client in (("a", "c1"), ("b", "c2"), ("a", "c3")):
            told.tell(paid(100, payment, client=client))
        invoice = told.state.get("invoice:i1")
        assert isinstance(invoice, Invoice)
        [positions] = [[each.position for each in invoice.payments]]
        voided = {positions[n - 1]: 99 for n in retracted}
        invoices.append(invoice._replace(voided=voided))
    assert replaced(invoices) == {"c3": {"c1"}, "c1": {"c3"}}
    assert replaced(invoices[:1]) == {}


def test_a_plain_payment_brings_no_decision() -> None:
    """Its fact says all: in a ledger that accrues by schedule it costs no more than a fact."""
    told = Told()
    assert told.tell(paid(10_000)) == []
    assert told.nets() == {None: 10_000}


def test_a_payment_told_again_is_listed_and_counts_once() -> None:
    """The first recorded of one (invoice, payment) counts, whatever the second says."""
    told = Told()
    told.tell(paid(10_000, "a"))
    told.tell(paid(5_000, "b"))
    [listed] = told.tell(paid(12_000, "a", client="c2"))
    assert isinstance(listed, FactUnresolved)
    assert (listed.fact, listed.reason, listed.client_id) == (3, "already_paid", "c2")
    assert told.nets() == {"a": 10_000, "b": 5_000}


def test_a_refund_says_before_and_after_and_what_it_rests_on() -> None:
    """So that read models fold it and the rule stands in one place."""
    told = Told()
    told.tell(paid(10_000, "a"))
    [first] = told.tell(refunded(1_000, "a"))
    [second] = told.tell(refunded(2_000))
    assert isinstance(first, PaymentStanding)
    assert isinstance(second, PaymentStanding)
    assert (first.before, first.after, first.refunds) == (10_000, 9_000, (2,))
    assert (second.before, second.after, second.refunds) == (9_000, 7_000, (2, 4))
    assert (second.payment, second.fact, second.period_start) == (1, 4, S)
    assert (second.rule, second.stream) == ("D8.2", "invoice:i1")


def test_a_refund_that_takes_the_place_of_another_is_named_too() -> None:
    """What the first had lowered is lowered by both now, to the same: a line names both (D18.5)."""
    told = Told()
    told.tell(paid(10_000, "a"))
    told.tell(refunded(10_000))
    [standing] = told.tell(refunded(2_500, "a"))
    assert isinstance(standing, PaymentStanding)
    assert (standing.before, standing.after, standing.refunds) == (0, 0, (2, 4))


def test_one_that_names_no_payment_lowers_them_in_recording_order() -> None:
    """None below 0; what is left of it lowers the next."""
    told = Told()
    for amount, name in ((100, "b"), (50, "a"), (30, "c")):
        told.tell(paid(amount, name))
    decided = told.tell(refunded(120))
    assert [(d.payment_id, d.after) for d in decided if isinstance(d, PaymentStanding)] == [
        ("b", 0),
        ("a", 30),
    ]
    told.tell(refunded(500))
    assert told.nets() == {"b": 0, "a": 0, "c": 0}


def test_one_that_names_a_payment_lowers_no_other() -> None:
    """What is beyond the payment has no effect."""
    told = Told()
    told.tell(paid(100, "a"))
    told.tell(paid(100, "b"))
    told.tell(refunded(150, "b"))
    assert told.nets() == {"a": 100, "b": 0}


def test_a_refund_waits_for_its_payment() -> None:
    """Listed till then; the payment that comes is worth less from the start."""
    told = Told()
    [listed] = told.tell(refunded(30, "a"))
    assert isinstance(listed, FactUnresolved)
    assert (listed.reason, listed.about) == ("unknown_invoice", "invoice:i1")
    [again] = told.tell(paid(200, "b"))
    assert isinstance(again, FactUnresolved)
    assert (again.fact, again.reason) == (1, "unknown_payment")
    assert listed.client_id == again.client_id == "c1"
    assert told.tell(paid(50, "c")) == []
    standing, resolved = told.tell(paid(100, "a"))
    assert isinstance(standing, PaymentStanding)
    assert (standing.before, standing.after, standing.refunds) == (100, 70, (1,))
    assert isinstance(resolved, FactResolved)
    assert (resolved.fact, resolved.day, resolved.client_id) == (1, TOLD.date(), "c1")
    assert told.nets() == {"b": 200, "c": 50, "a": 70}


@pytest.mark.parametrize(
    ("other", "reason"),
    [({"client": "c2"}, "other_client"), ({"currency": "CHF"}, "other_currency")],
)
def test_a_refund_of_another_client_or_currency_has_no_effect(
    other: dict[str, str], reason: str
) -> None:
    """It is listed, until a payment comes that it fits."""
    told = Told()
    told.tell(paid(100, "a"))
    [listed] = told.tell(refunded(40, **other))
    assert isinstance(listed, FactUnresolved)
    assert listed.reason == reason
    assert told.nets() == {"a": 100}
    _, resolved = told.tell(paid(100, "b", **other))  # type: ignore[arg-type]
    assert isinstance(resolved, FactResolved)
    assert told.nets() == {"a": 100, "b": 60}


FACTS = st.lists(
    st.one_of(
        st.builds(
            paid,
            st.integers(0, 100),
            st.sampled_from([None, "a", "b"]),
            client=st.sampled_from(["c1", "c1", "c2"]),
            currency=st.sampled_from(["EUR", "EUR", "CHF"]),
        ),
        st.builds(
            refunded,
            st.integers(0, 100),
            st.sampled_from([None, "a", "b"]),
            client=st.sampled_from(["c1", "c1", "c2"]),
            currency=st.sampled_from(["EUR", "EUR", "CHF"]),
        ),
    ),
    max_size=8,
)


@given(FACTS)
def test_the_standings_told_are_the_standings_there_are(facts: list[Fact]) -> None:
    """Folded one by one they say what the whole invoice says; none rises, none is below 0."""
    told, folded, listed = Told(), dict[str | None, int](), set[int]()
    lowered: dict[str | None, tuple[int, ...]] = {}
    for fact in facts:
        position = told.position + 1
        if isinstance(fact, InvoicePaid):
            folded.setdefault(fact.payment_id, fact.net_amount)
        for decision in told.tell(fact):
            if isinstance(decision, PaymentStanding):
                name = decision.payment_id
                assert 0 <= decision.after <= decision.before == folded[name]
                # Worth the same, it rests on other refunds.
                assert decision.after < decision.before or decision.refunds != lowered.get(name)
                assert decision.fact == position
                folded[name], lowered[name] = decision.after, decision.refunds
            elif isinstance(decision, FactUnresolved):
                listed.add(decision.fact)
            elif isinstance(decision, FactResolved):
                listed.remove(decision.fact)
    if facts:
        invoice = told.state.get("invoice:i1")
        assert isinstance(invoice, Invoice)
        assert folded == told.nets()
        paid_by = {p.payment.payment_id: tuple(sorted(p.refunds)) for p in picture_of(invoice).paid}
        assert lowered == {name: refunds for name, refunds in paid_by.items() if refunds}
        assert listed == set(picture_of(invoice).idle) == set(invoice.unresolved)


@given(FACTS, st.randoms())
def test_refunds_come_in_any_order(facts: list[Fact], lots: object) -> None:
    """Payments in their order, refunds wherever: every payment is worth the same (D18.8)."""
    straight, shuffled = Told(), Told()
    payments = [fact for fact in facts if isinstance(fact, InvoicePaid)]
    refunds = [fact for fact in facts if isinstance(fact, InvoiceRefunded)]
    mixed: list[Fact] = list(payments)
    for refund in refunds:
        mixed.insert(lots.randint(0, len(mixed)), refund)  # type: ignore[attr-defined]
    for fact in facts:
        straight.tell(fact)
    for fact in mixed:
        shuffled.tell(fact)
    if facts:
        # What a permutation leaves alone: the order of the payments.
        assert straight.nets() == shuffled.nets()
