"""The journals for hledger and beancount, read by hledger and beancount, against our balances."""

from __future__ import annotations

import csv
import io
import os
import shutil
import subprocess
from collections import Counter
from datetime import UTC, date, datetime

import psycopg
import pytest
from beancount import loader
from beancount.core.data import Transaction
from hypothesis import HealthCheck, Phase, given, settings

from events.currencies import minor_digits
from events.partners import WholesaleSettled
from replay.as_of import AsOf, Replay
from replay.exports.entries import entries
from replay.exports.plain_text import beancount_account, to_beancount, to_hledger
from tests.projections.journal import Journal, commission
from tests.projections.test_projector import closed, initiated
from tests.properties.every_rule import stories_of_every_rule
from tests.properties.play import play
from tests.properties.stories import Story
from tests.rules.ledger_adapter import _database, open_ledger
from tests.rules.looking import looking

_ON_REAL = settings(
    max_examples=max(6, settings().max_examples // 8),
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)


def hledger(journal: str, *arguments: str) -> str:
    """What hledger says of a journal; it may be missing only on a developer's machine."""
    program = shutil.which("hledger")
    if program is None:
        message = "hledger is not installed: apt-get install hledger"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    command = [program, "-f", "-", *arguments]
    environment = {**os.environ, "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"}
    done = subprocess.run(
        command, input=journal, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def minor(text: str, currency: str) -> int:
    """Minor units of an amount written with the decimals of its currency."""
    whole, _, part = text.replace(",", "").partition(".")
    return int(whole + part.ljust(minor_digits(currency), "0"))


def ours(replay: Replay, at: AsOf) -> dict[tuple[str, str], int]:
    """The trial balance: accounts and currencies that are not at 0."""
    return {
        (str(row["account"]), str(row["currency"])): int(str(row["balance"]))
        for row in replay.trial_balance(at)
        if row["balance"]
    }


def of_hledger(journal: str) -> dict[tuple[str, str], int]:
    """The balances as hledger reads them, partners together."""
    printed = hledger(journal, "balance", "--flat", "--output-format", "csv", "--layout", "bare")
    found: Counter[tuple[str, str]] = Counter()
    for row in csv.DictReader(io.StringIO(printed)):
        if row["account"] != "total":
            account = row["account"].partition(":")[0]
            currency = row["commodity"]
            found[account, currency] += minor(row["balance"], currency)
    return {key: value for key, value in found.items() if value}


def of_beancount(journal: str) -> dict[tuple[str, str], int]:
    """The balances as beancount reads them, under its names."""
    read, errors, _ = loader.load_string(journal)
    assert [one.message for one in errors] == []
    found: Counter[tuple[str, str]] = Counter()
    for transaction in read:
        for posting in transaction.postings if isinstance(transaction, Transaction) else ():
            assert posting.units is not None
            currency = posting.units.currency
            found[posting.account, currency] += minor(str(posting.units.number), currency)
    return {key: value for key, value in found.items() if value}


@settings(_ON_REAL)
@given(story=stories_of_every_rule())
def test_they_read_the_balances_that_we_have(story: Story) -> None:
    """Per account and currency, at the end, half-way, and of a day; the checks of hledger pass."""
    with open_ledger() as ledger, looking(_database()) as connection:
        play(story, ledger)
        replay = Replay(connection)
        last = replay.resolve()
        places = [last, replay.resolve(position=last.position // 2)]
        places.append(replay.resolve(effective_at=_middle(replay, last)))
        for at in places:
            journal = entries(replay, at)
            text = to_hledger(journal, at)
            hledger(text, "check", "--strict", "ordereddates")
            assert of_hledger(text) == ours(replay, at)
            named = {(beancount_account(a), c): value for (a, c), value in ours(replay, at).items()}
            assert of_beancount(to_beancount(journal, at)) == named


def _middle(replay: Replay, at: AsOf) -> date | None:
    days = sorted(entry.service for entry in entries(replay, at))
    return days[len(days) // 2] if days else None


HLEDGER = """\
; commission ledger, position 5
commodity 1000.00 EUR
commodity 1000. JPY
account bank  ; type:C
account commission_expense  ; type:X
account input_vat  ; type:A
account opening_balance  ; type:E
account partner_payable  ; type:L
account partner_receivable  ; type:A
account payouts_in_flight  ; type:L
account wholesale_revenue  ; type:R
account partner_payable:p1
account partner_receivable:p2
account payouts_in_flight:p1

2026-01-05 (2) commission D7 p1 c2
    ; position:2, rule:D7, partner:p1, service:2026-01-05
    commission_expense  10.05 EUR
    partner_payable:p1  -10.05 EUR

2026-01-31 (4) payout_initiated D15.1 p1 po-1
    ; position:4, rule:D15.1, partner:p1, service:2026-01-31
    partner_payable:p1  10.00 EUR
    payouts_in_flight:p1  -10.00 EUR

2026-02-01 (1) commission D7 p1 c1
    ; position:1, rule:D7, partner:p1, service:2026-01-05
    commission_expense  700 JPY
    partner_payable:p1  -700 JPY

2026-02-03 (3) wholesale D13 p2
    ; position:3, rule:D13, partner:p2, service:2026-02-03
    bank  0.60 EUR
    partner_receivable:p2  -0.60 EUR

2026-02-05 (5) payout_settled D15.2 p1 po-1
    ; position:5, rule:D15.2, partner:p1, service:2026-02-05
    payouts_in_flight:p1  10.00 EUR
    partner_payable:p1  -1.00 EUR
    bank  -9.00 EUR
"""


def test_the_bytes_are_always_the_same(journal: Journal, connection: psycopg.Connection) -> None:
    """By posting day, then position; what comes later leaves an earlier place as it was."""
    january, february = date(2026, 1, 5), date(2026, 2, 1)
    late = commission("p1", "c1", january, 700, currency="JPY", posting_date=february)
    journal.decide(late, january)
    journal.decide(commission("p1", "c2", january, 1005), january)
    journal.tell(
        WholesaleSettled(partner_id="p2", amount=60, currency="EUR"),
        datetime(2026, 2, 3, 9, tzinfo=UTC),
    )
    journal.decide(initiated("po-1", "p1", 1000, date(2026, 1, 31)), date(2026, 1, 31))
    settled = date(2026, 2, 5)
    journal.decide(closed("po-1", "settled", settled, in_flight=1000, paid=900), settled)
    journal.append()
    replay = Replay(connection)
    at = replay.resolve()
    assert to_hledger(entries(replay, at), at) == HLEDGER
    journal.decide(commission("p1", "c2", january, 50), january)
    journal.append()
    at = replay.resolve(position=at.position)
    assert to_hledger(entries(replay, at), at) == HLEDGER
