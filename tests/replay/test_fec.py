"""The French file of entries: the article's form, numbers without gaps, sums that tie out."""

from __future__ import annotations

from collections import Counter, defaultdict
from decimal import Decimal

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, given, settings

from events.currencies import minor_digits
from ledger.policy.accounting import is_siren
from ledger.policy.files import load
from replay.as_of import Replay
from replay.exports.entries import entries
from replay.exports.fec import MEMBERS, fec, in_euros
from replay.postings import Posting
from tests.properties.every_rule import stories_of_every_rule
from tests.properties.play import play
from tests.properties.stories import Story
from tests.rules.ledger_adapter import _database, open_ledger

_ON_REAL = settings(
    max_examples=max(6, settings().max_examples // 8),
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
ACCOUNTING = load("izyinbox").accounting
assert ACCOUNTING is not None
BY_NUMBER = {
    getattr(ACCOUNTING.account, n).number: n for n in type(ACCOUNTING.account).model_fields
}
RATES = {"CHF": Decimal("1.0432"), "USD": Decimal("0.91"), "GBP": Decimal("1.15")}


def rows_of(text: str) -> list[dict[str, str]]:
    """The lines of a file by member."""
    head, *lines = text.removesuffix("\r\n").split("\r\n")
    assert tuple(head.split("\t")) == MEMBERS
    return [dict(zip(MEMBERS, line.split("\t"), strict=True)) for line in lines]


def minor(text: str, currency: str) -> int:
    """Minor units of an amount with a decimal comma."""
    whole, _, part = text.partition(",")
    return int(whole + part.ljust(minor_digits(currency), "0"))


@settings(_ON_REAL)
@given(story=stories_of_every_rule())
def test_all_years_come_to_the_trial_balance(story: Story) -> None:
    """Each entry balances in euros and is numbered; per account and currency nothing is lost."""
    with open_ledger() as ledger, psycopg.connect(_database(), autocommit=True) as connection:
        play(story, ledger)
        replay = Replay(connection)
        at = replay.resolve()
        found: Counter[tuple[str, str]] = Counter()
        for year in sorted({entry.day.year for entry in entries(replay, at)}):
            file = fec(replay, at, year, RATES, ACCOUNTING)
            sides: defaultdict[int, list[int]] = defaultdict(lambda: [0, 0])
            days = []
            for row in rows_of(file.text):
                debit, credit = minor(row["Debit"], "EUR"), minor(row["Credit"], "EUR")
                sides[int(row["EcritureNum"])][0] += debit
                sides[int(row["EcritureNum"])][1] += credit
                days.append(row["EcritureDate"])
                currency = row["Idevise"] or "EUR"
                amount = minor(row["Montantdevise"], currency) if row["Idevise"] else debit + credit
                sign = 1 if debit else -1
                if debit or credit:
                    found[BY_NUMBER[row["CompteNum"]], currency] += sign * amount
            assert list(sides) == list(range(1, file.entries + 1))
            assert all(debit == credit for debit, credit in sides.values())
            assert days == sorted(days)
            assert all(day.startswith(str(year)) for day in days)
        told = {
            (str(row["account"]), str(row["currency"])): int(str(row["balance"]))
            for row in replay.trial_balance(at)
        }
        assert {k: v for k, v in found.items() if v} == {k: v for k, v in told.items() if v}


def test_an_entry_in_another_currency_balances_in_euros() -> None:
    """Half up each, the last takes the rest; yen have no cents, dinars three decimals."""
    postings = [Posting("a", "CHF", 33), Posting("b", "CHF", 33), Posting("c", "CHF", -66)]
    assert in_euros(postings, {"CHF": Decimal("1.05")}) == [35, 35, -70]
    assert in_euros(
        [Posting("a", "JPY", 100), Posting("b", "JPY", -100)], RATES | {"JPY": Decimal("0.0062")}
    ) == [62, -62]
    assert in_euros(
        [Posting("a", "TND", 1005), Posting("b", "TND", -1005)], {"TND": Decimal("0.3")}
    ) == [30, -30]


@pytest.mark.parametrize(
    ("text", "valid"),
    [("732829320", True), ("000000000", True), ("732829321", False), ("73282932", False)],
)
def test_a_siren_checks_itself(text: str, valid: bool) -> None:  # noqa: FBT001 - a table's column
    """Nine digits, the last by Luhn."""
    assert is_siren(text) is valid
