"""The French file of entries: the article's form, numbers without gaps, sums that tie out."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import date
from decimal import Decimal
from typing import cast

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from events.currencies import minor_digits
from ledger.engine.state import Ledger
from ledger.errors import Refused
from ledger.policy.accounting import Accounting, is_siren
from ledger.policy.files import load
from ledger.policy.versions import Programmes
from replay.as_of import Replay
from replay.exports.entries import entries
from replay.exports.fec import MEMBERS, fec, financial_years, in_euros
from replay.postings import Posting
from tests.model.journal import Entry
from tests.properties.every_rule import stories_of_every_rule
from tests.properties.play import play
from tests.properties.stories import Story
from tests.rules.dsl import Given
from tests.rules.facts import accrue, activated, churned, close, enrolled
from tests.rules.ledger_adapter import _database, open_ledger
from tests.rules.looking import looking

_ON_REAL = settings(
    max_examples=max(6, settings().max_examples // 8),
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
ACCOUNTING = cast("Accounting", load("izyinbox").accounting)
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


def year_of(day: date, start: int) -> int:
    """The year in which the financial year of a day ends."""
    return day.year + (start > 1 and day.month >= start)


@settings(_ON_REAL)
@given(story=stories_of_every_rule(), start=st.sampled_from([1, 4, 7]))
def test_all_years_come_to_the_trial_balance(story: Story, start: int) -> None:
    """Each entry balances in euros and is numbered; per account and currency nothing is lost.

    Each year begins with what the years before it came to, charges and income in one balance.
    """
    accounting = ACCOUNTING.model_copy(update={"year_start": start})
    with open_ledger() as ledger, looking(_database()) as connection:
        play(story, ledger)
        replay = Replay(connection)
        at = replay.resolve()
        found: Counter[tuple[str, str]] = Counter()
        cents: Counter[tuple[str, str, str]] = Counter()
        for year in sorted({year_of(entry.day, start) for entry in entries(replay, at)}):
            file = fec(replay, at, year, RATES, accounting)
            sides: defaultdict[int, list[int]] = defaultdict(lambda: [0, 0])
            days = []
            brought: Counter[tuple[str, str, str]] = Counter()
            rows = rows_of(file.text)
            before = +cents, -cents
            for row in rows:
                debit, credit = minor(row["Debit"], "EUR"), minor(row["Credit"], "EUR")
                sides[int(row["EcritureNum"])][0] += debit
                sides[int(row["EcritureNum"])][1] += credit
                days.append(row["EcritureDate"])
                key = balance_of(row)
                if row["JournalCode"] == "AN":
                    brought[key] += debit - credit
                    continue
                cents[key] += debit - credit
                currency = row["Idevise"] or "EUR"
                amount = minor(row["Montantdevise"], currency) if row["Idevise"] else debit + credit
                sign = 1 if debit else -1
                if debit or credit:
                    found[BY_NUMBER[row["CompteNum"]], currency] += sign * amount
            assert {k: v for k, v in brought.items() if v} == {**before[0], **_less(before[1])}
            assert list(sides) == list(range(1, file.entries + 1))
            assert all(debit == credit for debit, credit in sides.values())
            assert days == sorted(days)
            assert {year_of(date.fromisoformat(day), start) for day in days} <= {year}
        told = {
            (str(row["account"]), str(row["currency"])): int(str(row["balance"]))
            for row in replay.trial_balance(at)
        }
        assert {k: v for k, v in found.items() if v} == {k: v for k, v in told.items() if v}


def balance_of(row: dict[str, str]) -> tuple[str, str, str]:
    """The account, partner and currency that a line is brought forward under."""
    if row["CompteNum"][0] in "67":
        return "110000", "", ""
    return row["CompteNum"], row["CompAuxNum"], row["Idevise"]


def _less(counter: Counter[tuple[str, str, str]]) -> dict[tuple[str, str, str], int]:
    return {key: -amount for key, amount in counter.items()}


def of_two_years() -> tuple[Entry, ...]:
    """A client at 100 a month in euros, and one in francs, from June to August 2024."""
    return (
        enrolled("2024-01-01"),
        activated("2024-06-10", partner="p1"),
        activated("2024-06-10", "c2", partner="p1", currency="CHF"),
        churned("2024-09-01"),
        churned("2024-09-01", "c2"),
        accrue("2024-09-30"),
    )


def test_a_financial_year_that_begins_in_july() -> None:
    """The file is called by its last day; it begins with June's balances, by currency."""
    accounting = ACCOUNTING.model_copy(update={"year_start": 7})
    rates = {"CHF": Decimal("1.0"), "CHF@2024-06": Decimal("1.1")}
    with open_ledger() as ledger, looking(_database()) as connection:
        Given(ledger)(*of_two_years(), close("2024-06"))
        replay = Replay(connection)
        at = replay.resolve()
        first = fec(replay, at, 2024, rates, accounting)
        later = fec(replay, at, 2025, rates, accounting)
    assert (first.name, later.name) == (
        "000000000FEC20240630.txt",
        "000000000FEC20250630.txt",
    )
    assert (first.entries, later.entries) == (2, 5)
    assert first.provisional == ()
    assert later.provisional[0] == "2024-07"
    assert {row["JournalCode"] for row in rows_of(first.text)} == {"COM"}
    opening = [row for row in rows_of(later.text) if row["EcritureNum"] == "1"]
    shown = ("CompteNum", "CompAuxNum", "Debit", "Credit", "Montantdevise", "Idevise")
    assert [tuple(row[name] for name in shown) for row in opening] == [
        ("401000", "p1", "0,00", "22,00", "20,00", "CHF"),
        ("401000", "p1", "0,00", "20,00", "", ""),
        ("110000", "", "42,00", "0,00", "", ""),
    ]
    assert {(row["EcritureDate"], row["PieceRef"], row["JournalCode"]) for row in opening} == {
        ("20240701", "AN20240701", "AN")
    }
    assert all(row["ValidDate"] for row in opening)


def test_a_rate_of_each_month_that_needs_one() -> None:
    """Those of the years before, too, where balances are brought forward; none are invented."""
    accounting = ACCOUNTING.model_copy(update={"year_start": 7})
    with open_ledger() as ledger, looking(_database()) as connection:
        Given(ledger)(*of_two_years())
        replay = Replay(connection)
        at = replay.resolve()
        with pytest.raises(Refused, match=r"one unit: --rate CHF=…$"):
            fec(replay, at, 2025, {}, accounting)
        rates = {"CHF@2024-07": Decimal("1.0")}
        with pytest.raises(Refused, match=r"--rate CHF@2024-06=… --rate CHF@2024-08=…$"):
            fec(replay, at, 2025, rates, accounting)
        alone = accounting.model_copy(
            update={
                "journal": accounting.journal.model_copy(update={"brought_forward": None}),
                "account": accounting.account.model_copy(update={"brought_forward": None}),
            }
        )
        rates["CHF@2024-08"] = Decimal("1.0")
        assert fec(replay, at, 2025, rates, alone).entries == 4


@pytest.mark.parametrize(
    ("start", "period", "years"),
    [
        (None, ("2025-12", "2026-01"), [(2025, "2025-12-31"), (2026, "2026-12-31")]),
        (1, ("2026-01", "2026-12"), [(2026, "2026-12-31")]),
        (7, ("2026-06", "2026-07"), [(2026, "2026-06-30"), (2027, "2027-06-30")]),
        (2, ("2026-01", "2026-01"), [(2026, "2026-01-31")]),
        (12, ("2026-12", "2027-11"), [(2027, "2027-11-30")]),
    ],
)
def test_the_financial_years_of_a_period(
    start: int | None, period: tuple[str, str], years: list[tuple[int, str]]
) -> None:
    """Each by the year in which it ends, and its last day."""
    terms = load("izyinbox")
    accounting = ACCOUNTING.model_copy(update={"year_start": start})
    terms = terms.model_copy(update={"accounting": accounting})
    ledger = Ledger(programmes=Programmes().adopt(terms, None))
    found = financial_years(ledger, *period)
    assert [(year, end.isoformat()) for year, end in found] == years


def test_account_and_journal_bring_forward_together() -> None:
    """One without the other is refused, with both keys."""
    document = ACCOUNTING.model_dump(mode="json", exclude_none=True)
    del document["account"]["brought_forward"]
    with pytest.raises(ValidationError, match=r"journal\.brought_forward, or neither"):
        type(ACCOUNTING).model_validate(document)


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
