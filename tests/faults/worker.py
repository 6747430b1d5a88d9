"""A process of its own that works on a ledger: ``python -m tests.faults.worker URL WHAT SEED``.

``facts``: records random batches about the clients and partners that all workers share.
``stream``: records such batches as a stream, each decided while the one before is appended.
``commands``: accrues, closes and pays, month after month.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

from events.base import Fact
from events.billing import ClientActivated, ClientChurned, ClientPlanChanged
from events.codec import content_hash, encode
from events.envelope import Message
from events.partners import (
    PartnerAgreementEnded,
    PartnerAgreementSigned,
    PartnerEnrolled,
    PayoutFailed,
    PayoutSettled,
    ReferralRegistered,
)
from interfaces.bootstrap import Database, connect, open_ledger
from interfaces.settings import Settings
from ledger.application import CommissionLedger
from ledger.dead_letters import Incoming
from ledger.engine.payouts import payout_id

START = datetime(2026, 1, 1, 9, tzinfo=UTC)
PARTNERS = [f"p-{n}" for n in range(6)]
CLIENTS = [f"c-{n}" for n in range(40)]
BATCHES, FACTS = 40, 12


def main() -> None:
    """Work until done; whatever goes wrong ends the process with a traceback."""
    url, what, seed = sys.argv[1:]
    with connect(Settings(), url) as database:
        work(database, what, int(seed))


def work(database: Database, what: str, seed: int) -> None:
    """Do the work of one worker."""
    with open_ledger(database) as ledger:
        batches = _batches(random.Random(seed), seed)  # noqa: S311 - lots, not secrets
        if what == "facts":
            for batch in batches:
                ledger.record(batch)
        elif what == "stream":
            for _ in ledger.record_all(batches):
                pass
        else:
            _command(ledger)


def _batches(lots: random.Random, seed: int) -> Iterator[list[Incoming]]:
    for number in range(BATCHES):
        batch = []
        for place in range(lots.randint(1, FACTS)):
            at = START + timedelta(days=lots.randint(0, 150), seconds=lots.randint(0, 50_000))
            batch.append(_told(_fact(lots), at, f"w{seed}-{number}-{place}"))
        yield batch
        if lots.random() < 0.1:
            yield batch


def _fact(lots: random.Random) -> Fact:
    partner, client = lots.choice(PARTNERS), lots.choice(CLIENTS)
    cutoff = date(2026, lots.randint(1, 4), 28)
    payout = payout_id(partner, "EUR", cutoff.replace(day=31 if cutoff.month in (1, 3) else 28))
    return lots.choices(
        [
            PartnerEnrolled(partner_id=partner, kind="referral"),
            ReferralRegistered(partner_id=partner, client_id=client),
            ClientActivated(
                client_id=client,
                plan="pro",
                price=lots.choice([5900, 14900]),
                currency="EUR",
                partner_id=lots.choice([None, partner]),
            ),
            ClientPlanChanged(client_id=client, plan="max", price=39900),
            ClientChurned(client_id=client),
            PartnerAgreementEnded(partner_id=partner),
            PartnerAgreementSigned(partner_id=partner),
            PayoutSettled(partner_id=partner, payout_id=payout, amount=1180, currency="EUR"),
            PayoutFailed(partner_id=partner, payout_id=payout, reason="iban"),
        ],
        weights=[8, 30, 30, 10, 6, 2, 2, 8, 4],
    )[0]


def _told(fact: Fact, at: datetime, id_: str) -> Incoming:
    topic, state = fact.topic(), encode(fact)
    content = content_hash(topic, state, at, "/test", id_)
    return Incoming(id_, state, Message("/test", id_, topic, at, fact, state, content))


def _command(ledger: CommissionLedger) -> None:
    for month, last in enumerate((31, 28, 31, 30), start=1):
        day = date(2026, month, last)
        ledger.accrue(day - timedelta(days=3))
        ledger.accrue(day)
        ledger.close(f"2026-{month:02d}", acknowledge=True)
        ledger.run_payouts(day)


if __name__ == "__main__":
    main()
