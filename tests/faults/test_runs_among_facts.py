"""Runs while two others record facts all the time: what they decide is what the model decides.

The order is chance, so it is read back from the positions and told to the model: each run at the
place at which it was recorded (D8.1), as if nothing had been told while it worked.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from random import Random
from threading import Event as Flag
from unittest import mock

import pytest

from events.base import Fact
from events.billing import (
    ClientActivated,
    ClientChurned,
    ClientPlanChanged,
    InvoicePaid,
    InvoiceRefunded,
)
from events.codec import decode_state
from events.finance import AccrualRun, PayoutRun, PeriodClosed
from events.partners import (
    LeadCaptured,
    LeadConverted,
    PartnerAgreementEnded,
    PartnerAgreementSigned,
    PartnerCertified,
    PartnerComarketingInvested,
    PartnerEnrolled,
    PartnerNpsReported,
    PayoutFailed,
    PayoutSettled,
    ReferralRegistered,
)
from ledger import deciding, entities
from tests.model.journal import Message
from tests.model.naive import NaiveLedger
from tests.model.payments import payout_id
from tests.properties.play import assert_always_true, assert_same, decided_otherwise
from tests.properties.stories import terms
from tests.rules.ledger_adapter import RealLedger, open_ledger

PARTNERS = [f"p{n}" for n in range(5)]
CLIENTS = [f"c{n}" for n in range(40)]
START = datetime(2024, 1, 1, 12, tzinfo=UTC)
CUTOFFS = [date(2024, 1, 31), date(2024, 2, 29), date(2024, 3, 31), date(2024, 4, 30)]


def _fact(lots: Random) -> Fact:
    partner, client = lots.choice(PARTNERS), lots.choice(CLIENTS)
    currency = lots.choice(["EUR", "EUR", "CHF"])
    payout = payout_id(partner, currency, lots.choice(CUTOFFS))
    return lots.choices(
        [
            PartnerEnrolled(
                partner_id=partner, kind="referral", founding=partner == "p1", portfolio=300
            ),
            PartnerCertified(partner_id=partner, certification="cert"),
            PartnerNpsReported(partner_id=partner, score=lots.choice([30, 80])),
            PartnerComarketingInvested(partner_id=partner, amount=1_000, currency="EUR"),
            PartnerAgreementEnded(partner_id=partner),
            PartnerAgreementSigned(partner_id=partner),
            ReferralRegistered(partner_id=partner, client_id=client),
            LeadCaptured(lead_id=f"{client}-{partner}", partner_id=partner),
            LeadConverted(lead_id=f"{client}-{partner}", client_id=client),
            ClientActivated(
                client_id=client, subscription_id=client, plan="pro",
                price=lots.choice([0, 5_900, 10_004]), currency=currency,
                partner_id=lots.choice([None, partner, partner]),
            ),
            ClientPlanChanged(
                client_id=client, subscription_id=client, plan="max",
                price=lots.choice([1, 39_900]), interval=lots.choice([None, None, "year"]),
            ),
            ClientChurned(client_id=client, subscription_id=client),
            PayoutSettled(partner_id=partner, payout_id=payout, amount=1_180, currency=currency),
            PayoutFailed(partner_id=partner, payout_id=payout, reason="iban"),
        ],
        weights=[2, 2, 2, 2, 1, 2, 4, 2, 2, 14, 10, 1, 1, 1],
    )[0]  # fmt: skip


def _paid(lots: Random) -> Fact:
    """A payment or a refund of one of few invoices, so that they meet; some before each other."""
    client, invoice = lots.choice(CLIENTS), f"i{lots.randrange(60)}"
    payment = lots.choice([None, "a", "b"])
    currency = lots.choice(["EUR", "EUR", "CHF"])
    amount = lots.choice([0, 5_900, 10_004])
    if lots.random() < 0.3:
        return InvoiceRefunded(
            client_id=client, invoice_id=invoice, payment_id=payment, net_amount=amount,
            currency=currency,
        )  # fmt: skip
    start = (START + timedelta(days=lots.randrange(120))).date()
    return InvoicePaid(
        client_id=client, subscription_id=client, invoice_id=invoice, payment_id=payment,
        net_amount=amount, currency=currency, period_start=start,
    )  # fmt: skip


def _beginning() -> list[Message]:
    """Some partners with a client in three, so that there is much to decide from the start."""
    facts: list[Fact] = [PartnerEnrolled(partner_id=p, kind="referral") for p in PARTNERS[1:]]
    facts += [
        ClientActivated(
            client_id=client, subscription_id=client, plan="pro", price=9_900, currency="EUR",
            partner_id=PARTNERS[n % len(PARTNERS)],
        )
        for n, client in enumerate(CLIENTS[::3])
    ]  # fmt: skip
    return [Message(fact, START + timedelta(seconds=n), f"b{n}") for n, fact in enumerate(facts)]


def _tell(seed: int, done: Flag, paid: float) -> int:
    """Record batches until the commands are done, some of it about invoices; their number."""
    ledger, lots, told = RealLedger(), Random(seed), 0  # noqa: S311 - lots, not secrets
    while not done.is_set():
        batch = []
        for _ in range(lots.randint(1, 4)):
            told += 1
            # No two facts have one instant, as D18.8 says.
            at = START + timedelta(
                days=lots.randrange(120), hours=1, microseconds=2 * told + seed % 2
            )
            fact = _paid(lots) if lots.random() < paid else _fact(lots)
            batch.append(Message(fact, at, f"w{seed}-{told}"))
        ledger.record(batch)
    return told


def _command(ledger: RealLedger, done: Flag) -> None:
    try:
        for cutoff in CUTOFFS:
            for back in (12, 3, 0, 0):
                ledger.accrue(cutoff - timedelta(days=back))
            ledger.close(f"{cutoff:%Y-%m}")
            ledger.pay(cutoff, None)
    finally:
        done.set()


def _told_again(ledger: RealLedger, model: NaiveLedger) -> None:
    """Tell the model what was recorded, in the order of positions."""
    for row in ledger._select(
        "SELECT topic, state, effective_at, source, event_id FROM ledger.events ORDER BY position"
    ):
        state = row["state"]
        assert isinstance(state, bytes)
        data = decode_state(str(row["topic"]), state)
        if isinstance(data, Fact):
            at = row["effective_at"]
            assert isinstance(at, datetime)
            model.record([Message(data, at, str(row["event_id"]))])
        elif isinstance(data, AccrualRun):
            model.accrue(data.through)
        elif isinstance(data, PeriodClosed):
            model.closed.append(data.month)
        elif isinstance(data, PayoutRun):
            model.pay(data.cutoff, None)


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("seed", "accrual_by"), [(0, "schedule"), (1, "schedule"), (2, "invoice"), (3, "invoice")]
)
def test_runs_decide_on_what_was_recorded_before_them(seed: int, accrual_by: str) -> None:
    """Many small chunks, tiny caches, and facts of all kinds between any two of them."""
    with (
        mock.patch.multiple(deciding, CHUNK_ROWS=2, PAGE_CLIENTS=3),
        mock.patch.object(entities, "LIMIT", 10),
        open_ledger() as ledger,
        ThreadPoolExecutor(2) as others,
    ):
        programme = terms().model_copy(update={"accrual": accrual_by})
        ledger.adopt(programme, None)
        ledger.record(_beginning())
        done = Flag()
        paid = 0.4 if accrual_by == "invoice" else 0.0
        telling = [others.submit(_tell, 2 * seed + n, done, paid) for n in range(2)]
        _command(ledger, done)
        assert all(each.result() for each in telling)
        model = NaiveLedger()
        model.adopt(programme, None)
        _told_again(ledger, model)
        assert_same(model, ledger)
        assert_always_true(ledger)
        assert decided_otherwise(part_events=100) == []
