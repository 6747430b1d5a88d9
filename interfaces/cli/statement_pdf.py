"""A statement as a PDF, A4, for a partner: the same bytes with the same versions of the libraries.

It is written by fpdf2 (the extra ``pdf``) with the fonts that every reader has, in the encoding
that holds Western European names and the euro. Nothing of the moment or the machine is in it: its
date is the close's, and its streams are not compressed, since zlib writes other bytes from build to
build.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from interfaces.cli.output import Column
from interfaces.cli.statement_form import COLUMNS, heading, rows_of_part, summary
from interfaces.money import NARROW_SPACE, NO_BREAK_SPACE, Locale, format_count, format_money
from ledger.errors import NotReady
from replay.as_of import AsOf
from replay.statement_parts import Part, parts_of
from replay.statements import Account, Statement

try:
    from fpdf import FPDF
except ImportError:
    raise NotReady(
        "a PDF needs a library that is not installed; install it, or take another format:"
        " pip install 'commission-ledger[pdf]'"
    ) from None

_FONT, _ENCODING = "helvetica", "windows-1252"
_MARGIN = 12
_WIDTH = 210 - 2 * _MARGIN
"""Millimetres of a line of A4."""
_SMALL, _TABLE, _TEXT, _LARGE = 6.5, 7, 9, 18
"""Sizes in points."""
_ROW, _INSET = 3.4, 0.8
"""Millimetres of a row of a table, and beside the text of a cell."""
_DARK, _GREY, _PALE = (25, 42, 66), (105, 112, 122), (238, 241, 245)

_WIDTHS = {
    "posting_date": 16.5,
    "position": 15,
    "kind": 22,
    "rule": 10,
    "client_id": 29,
    "service_date": 16.5,
    "service_end": 16.5,
    "base": 19,
    "rate": 10,
    "facts": 16,
    "amount": 21,
    "reason": 20,
    "line": 15,
    "command": 16,
    "payout_id": 56,
    "fact": 15,
    "tax": 19,
    "effect": 22,
}
"""Shares of the width, by member; a table always fills its line."""


def to_pdf(found: Statement, at: AsOf, json_bytes: bytes, locale: Locale) -> bytes:
    """The statement as a PDF that names the SHA-256 of ``json_bytes``, its JSON."""
    digest = hashlib.sha256(json_bytes).hexdigest()
    page = _Page(found, digest, at.known_at or datetime(1970, 1, 1, tzinfo=UTC))
    page.write_head()
    if not found.accounts:
        page.say("No money event up to the end of the month.")
    for account in found.accounts:
        page.write_account(account, locale)
    page.write_check()
    return bytes(page.output())


class _Table(NamedTuple):
    """The table that is being written: its columns, each with its width in millimetres."""

    columns: tuple[Column, ...]
    widths: tuple[float, ...]


class _Page(FPDF):
    """The document while it is written."""

    def __init__(self, found: Statement, digest: str, written_at: datetime) -> None:
        super().__init__(orientation="portrait", unit="mm", format="A4")
        self._found, self._digest = found, digest
        self._table: _Table | None = None
        self.core_fonts_encoding = _ENCODING
        self.set_compression(False)
        self.set_creation_date(written_at)
        self.set_title(f"Commission statement of {found.partner_id}, {found.month}")
        self.set_subject(found.standing())
        self.set_keywords(f"SHA-256 of the JSON: {digest}")
        self.set_margins(_MARGIN, _MARGIN, _MARGIN)
        self.set_auto_page_break(auto=True, margin=18)
        self.add_page()

    def footer(self) -> None:
        """Whose it is, the hash, and the page of how many; below every page."""
        self.set_y(-14)
        self.set_draw_color(*_GREY)
        self.line(_MARGIN, self.get_y(), _MARGIN + _WIDTH, self.get_y())
        self.set_font(_FONT, size=_SMALL)
        self.set_text_color(*_GREY)
        whose = f"{self._found.partner_id}, {self._found.month}"
        self.cell(w=_WIDTH - 20, h=4.5, text=_plain(whose))
        self.cell(w=20, h=4.5, text=f"{self.page_no()} / {{nb}}", align="R")
        self.set_xy(_MARGIN, self.get_y() + 3.5)
        self.cell(w=_WIDTH, h=4, text=f"SHA-256 of the JSON  {self._digest}")

    def say(
        self, text: str, *, size: float = _TEXT, bold: bool = False, grey: bool = False
    ) -> None:
        """Write a line or a paragraph."""
        self.set_font(_FONT, style="B" if bold else "", size=size)
        self.set_text_color(*(_GREY if grey else _DARK))
        self.multi_cell(
            w=_WIDTH, h=size * 0.5, text=_plain(text), align="L", new_x="LMARGIN", new_y="NEXT"
        )

    def write_head(self) -> None:
        """Partner, month, and how the statement stands."""
        self.say("Commission statement", size=_LARGE, bold=True)
        self.ln(2)
        self.say(f"Partner {self._found.partner_id}", size=12)
        self.say(f"Month {self._found.month}", size=12)
        self.ln(1.5)
        self.say(self._found.standing(), size=8, grey=True)

    def write_account(self, account: Account, locale: Locale) -> None:
        """One currency: the sums, then every line of each part."""
        self.ln(5)
        self._keep_together(40)
        self.say(account.currency, size=13, bold=True)
        self.ln(1)
        self._write_summary(account, locale)
        for part in parts_of(account):
            self._write_part(part, account.currency, locale)

    def write_check(self) -> None:
        """How whoever has the ledger finds the same statement."""
        found = self._found
        self.ln(6)
        self._keep_together(24)
        self.say("How to check it", bold=True)
        asked = f"commissions statement {found.partner_id} --month {found.month} --format json"
        self.say(
            f"The SHA-256 below every page is that of what this command writes:\n{asked}", size=8
        )
        if found.position is not None:
            self.say(
                f"The month was closed at position {found.position} of the ledger, whose log had"
                f" the root {found.root} there. Nothing recorded later changes this statement.",
                size=8,
            )

    def _write_summary(self, account: Account, locale: Locale) -> None:
        rows = summary(account)
        self.set_draw_color(*_GREY)
        self.set_text_color(*_DARK)
        for number, (title, amount) in enumerate(rows):
            self.set_font(_FONT, style="B" if number in {0, len(rows) - 1} else "", size=_TEXT)
            self.cell(w=55, h=5, text=title, border="B")
            counted = _plain(format_money(amount, account.currency, locale))
            self.cell(w=40, h=5, text=counted, align="R", border="B", new_x="LMARGIN", new_y="NEXT")

    def _write_part(self, part: Part, currency: str, locale: Locale) -> None:
        self.ln(4)
        self._keep_together(22)
        self.say(heading(part), size=10, bold=True)
        self.ln(0.5)
        columns = COLUMNS[part.title]
        share = _WIDTH / sum(_WIDTHS[column.name] for column in columns)
        self._table = _Table(columns, tuple(share * _WIDTHS[column.name] for column in columns))
        self._write_headings()
        for line in rows_of_part(part, currency):
            self._write_row([_plain(column.cell(line, locale)) for column in columns])
        total = _plain(format_money(part.total, currency, locale))
        last = f"{format_count(len(part.lines), locale)} in all"
        self.set_font(_FONT, style="B", size=_TABLE)
        self._write_row([_plain(last), *("" for _ in columns[2:]), total])
        self._table = None

    def _write_headings(self) -> None:
        """The headings of the table at hand: above it, and again on each page that it goes on."""
        assert self._table is not None
        self.set_font(_FONT, style="B", size=_TABLE)
        self.set_text_color(*_DARK)
        self.set_draw_color(*_GREY)
        self.set_fill_color(*_PALE)
        self.rect(_MARGIN, self.get_y(), _WIDTH, _ROW + 1, style="F")
        self._write_row([column.title for column in self._table.columns])
        self.set_font(_FONT, size=_TABLE)

    def _write_row(self, texts: Sequence[str]) -> None:
        """One row with a line below; text that is too wide for its cell goes on below itself."""
        assert self._table is not None
        table = self._table
        cells = [
            self._broken(text, width - 2 * _INSET)
            for text, width in zip(texts, table.widths, strict=True)
        ]
        height = _ROW * max(len(lines) for lines in cells) + 1
        if self.will_page_break(height):
            style = self.font_style
            self.add_page()
            self._write_headings()
            self.set_font(_FONT, style=style, size=_TABLE)
        top, left = self.get_y(), float(_MARGIN)
        for column, width, lines in zip(table.columns, table.widths, cells, strict=True):
            for number, text in enumerate(lines):
                if text:
                    space = width - _INSET - self.get_string_width(text)
                    x = left + (space if _is_number(column) else _INSET)
                    self.text(x, top + 0.5 + _ROW * (number + 0.75), text)
            left += width
        self.line(_MARGIN, top + height, _MARGIN + _WIDTH, top + height)
        self.set_y(top + height)

    def _broken(self, text: str, width: float) -> list[str]:
        """Text in lines no wider than a cell: at spaces, where there are such, else anywhere."""
        lines: list[str] = []
        while self.get_string_width(text) > width and len(text) > 1:
            end = len(text) - 1
            while end > 1 and self.get_string_width(text[:end]) > width:
                end -= 1
            space = text.rfind(" ", 0, end + 1)
            end = space if space > 0 else end
            lines.append(text[:end])
            text = text[end:].lstrip(" ")
        return [*lines, text]

    def _keep_together(self, height: float) -> None:
        """Begin a page if less than this height is left of it."""
        if self.will_page_break(height):
            self.add_page()


def _is_number(column: Column) -> bool:
    return column.kind not in {"text", "prose"}


def _plain(text: str) -> str:
    """Text in signs that the font has: a narrow space as a space, the rest as question marks."""
    known = text.replace(NARROW_SPACE, NO_BREAK_SPACE)
    return known.encode(_ENCODING, errors="replace").decode(_ENCODING)
