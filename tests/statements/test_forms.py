"""The forms of a statement that people read: parts, text, and the pages of a PDF."""

from __future__ import annotations

import re
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from unittest import mock

import pytest

from interfaces.cli.statement import to_bytes
from interfaces.cli.statement_form import to_text
from ledger.errors import NotReady
from replay.as_of import AsOf, Row
from replay.statement_parts import parts_of
from replay.statements import LINE_MEMBERS, Account, Statement
from tests.interfaces.commands import Commands

DAY = date(2026, 1, 5)
KINDS = {
    "Lines": ("commission", "bonus", "contest", "reward", "override", "prize", "credit"),
    "Adjustments": ("adjustment", "opening"),
    "Payouts and payments": (
        "payout_initiated", "payout_settled", "payout_failed", "payout_returned", "payment",
    ),
    "Beside the balance": ("margin", "margin_adjustment", "prize_in_kind", "wholesale"),
    "Forgone clawbacks": ("waiver",),
}  # fmt: skip
"""The kinds of money events (docs/architecture.md), by what they are to a partner."""


def line(number: int, kind: str, effect: int, **more: object) -> Row:
    """A line of a statement, of which some members are given."""
    known = {"position": number, "posting_date": DAY, "kind": kind, "amount": 100, "rule": "D7"}
    return dict.fromkeys(LINE_MEMBERS) | known | {"effect": effect} | more


def statement(lines: list[Row], currency: str = "EUR") -> Statement:
    """A closed month of one currency."""
    closing = 7 + sum(int(str(one["effect"])) for one in lines)
    account = Account(currency, 7, tuple(lines), closing)
    return Statement("p-1", "2026-01", 900, "ab" * 32, (account,))


def pages(found: Statement) -> list[bytes]:
    """What stands on each page of its PDF."""
    at = AsOf(900, datetime(2026, 2, 1, tzinfo=UTC), None, final=True)
    pdf = to_bytes(found, at, "pdf", "en")
    return re.findall(rb"stream\n(.*?)\nendstream", pdf, re.DOTALL)


def test_every_kind_has_its_part() -> None:
    """Opening, and the parts of the balance, make the closing balance; waivers make none of it."""
    lines: list[Row] = []
    for title, kinds in KINDS.items():
        effect = 0 if title in {"Beside the balance", "Forgone clawbacks"} else 100
        lines += [line(len(lines) + n, kind, effect) for n, kind in enumerate(kinds)]
    [account] = statement(lines).accounts
    parts = parts_of(account)
    assert {part.title: tuple(str(one["kind"]) for one in part.lines) for part in parts} == KINDS
    assert [part.total for part in parts] == [700, 200, 500, 400, 100]
    changes = sum(part.total for part in parts if part.in_balance)
    assert account.opening + changes == account.closing


def test_a_kind_that_has_no_part_is_told() -> None:
    """Nothing falls out of a statement silently."""
    [account] = statement([line(1, "gift", 5)]).accounts
    with pytest.raises(ValueError, match="gift"):
        parts_of(account)


def test_text_has_each_currency_s_own_decimals() -> None:
    """No float on the way: 0, 2 and 3 decimals, and more than 64 bits."""
    for currency, amount in (("JPY", "¥1,234"), ("TND", f"TND{chr(160)}1.234"), ("EUR", "€12.34")):
        text = to_text(statement([line(1, "credit", 1234, amount=1234)], currency))
        assert text.rstrip().endswith(amount)
    wide = statement([line(1, "credit", 10**30, amount=10**30)])
    assert "€10,000,000,000,000,000,000,000,000,000.07" in to_text(wide)


def test_a_long_table_goes_on_under_its_headings() -> None:
    """On every page, with a page's number of how many."""
    client = "client-with-an-id-that-is-too-long-for-its-cell-0123456789abcdef"
    more = {"client_id": client, "service_date": DAY, "facts": list(range(40))}
    found = pages(statement([line(n, "commission", 100, **more) for n in range(100)]))
    assert len(found) > 2
    for number, page in enumerate(found[:-1], start=1):
        assert page.count(b"(posted)") == 1
        assert f"({number} / ) Tj ({len(found)}) Tj".encode() in page
    assert sum(page.count(b"(2026-01-05)") for page in found) == 200
    assert b"(100 in all)" in found[-1]
    # What is broken over lines is all there.
    written = b"".join(re.findall(rb"\((.*?)\) Tj", b"".join(found)))
    assert written.count(client.encode()) == 100


def test_a_pdf_writes_the_euro_and_spaces_of_its_fonts() -> None:
    """In the encoding of the fonts: no sign is lost to a question mark."""
    at = AsOf(900, datetime(2026, 2, 1, tzinfo=UTC), None, final=True)
    found = statement([line(1, "credit", 123_456_789, amount=123_456_789)])
    french = to_bytes(found, at, "pdf", "fr")
    assert (
        "1\N{NO-BREAK SPACE}234\N{NO-BREAK SPACE}567,96\N{NO-BREAK SPACE}€".encode("windows-1252")
        in french
    )
    assert b"?" not in b"".join(re.findall(rb"\((.*?)\) Tj", french))


def test_a_month_without_money_is_a_statement_too() -> None:
    """In every form that people read."""
    nothing = Statement("p-1", "2026-01", None, None, ())
    assert "no money event" in to_text(nothing)
    assert b"No money event" in b"".join(pages(nothing))


def test_without_its_library_a_pdf_is_refused() -> None:
    """In one line that says what to install."""
    name = "interfaces.cli.statement_pdf"
    kept = {each: module for each, module in sys.modules.items() if each != name}
    at = AsOf(0, None, None, final=True)
    with (
        mock.patch.dict(sys.modules, kept | {"fpdf": None}, clear=True),
        pytest.raises(NotReady, match=r"commission-ledger\[pdf\]"),
    ):
        to_bytes(statement([]), at, "pdf", "en")


def test_a_file_takes_the_statement_and_a_terminal_no_pdf(
    url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """``--out`` in any form; a PDF on a terminal would be noise."""
    commissions = Commands(url, capsys)
    asked = ("statement", "p-alpha", "--month", "2026-05")
    file = tmp_path / "s.json"
    assert commissions.done(*asked, "--format", "json", "--out", file).out == ""
    assert file.read_text(encoding="utf-8") == commissions.done(*asked, "--format", "json").out
    with mock.patch.object(sys.stdout, "isatty", return_value=True):
        assert "--out" in commissions.refused(*asked, "--format", "pdf")
    assert commissions(*asked, "--out", tmp_path / "no" / "where").status == 1
