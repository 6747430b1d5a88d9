"""How answers are written: tables for people, JSON and CSV for programs."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from interfaces.cli.output import (
    RICH_ROWS,
    Answer,
    Column,
    Row,
    to_json,
    write_answer,
    write_result,
    write_table,
)
from interfaces.money import NARROW_SPACE, NO_BREAK_SPACE

AS_OF: Row = {"position": 7, "known_at": None, "effective_at": "2026-04-30", "final": False}
COLUMNS = (Column("partner_id", "partner"), Column("earned", kind="money"))
MEMBERS = ("partner_id", "currency", "earned", "facts", "since")


def answer(*rows: Row) -> Answer:
    """An answer of these rows."""
    return Answer(rows, COLUMNS, MEMBERS, as_of=AS_OF, empty="nothing is there")


ROW: Row = {
    "partner_id": "p-1",
    "currency": "EUR",
    "earned": Decimal(123456),
    "facts": [3, 5],
    "since": date(2026, 4, 1),
    "secret": "not a member",
}


def test_json_is_one_object_with_money_in_minor_units() -> None:
    """A NUMERIC of the database is an integer, a day is ISO; members are those promised."""
    out = io.StringIO()
    write_answer(answer(ROW), "json", "en", out)
    assert json.loads(out.getvalue()) == {
        "as_of": {"position": 7, "known_at": None, "effective_at": "2026-04-30", "final": False},
        "rows": [
            {
                "partner_id": "p-1",
                "currency": "EUR",
                "earned": 123456,
                "facts": [3, 5],
                "since": "2026-04-01",
            }
        ],
    }


def test_json_of_no_rows_is_an_object_all_the_same() -> None:
    """With an empty list."""
    out = io.StringIO()
    write_answer(answer(), "json", "en", out)
    assert json.loads(out.getvalue())["rows"] == []


def test_totals_wider_than_64_bits_stay_whole() -> None:
    """10^15 a fact and a million clients is beyond a 64-bit integer."""
    assert json.loads(to_json({"earned": Decimal(10**30)})) == {"earned": 10**30}
    with pytest.raises(TypeError):
        to_json({"earned": Decimal("0.5")})


def test_csv_has_the_members_as_its_first_line() -> None:
    """Null is empty, a list has spaces between."""
    out = io.StringIO()
    write_answer(answer(ROW, {**ROW, "since": None}), "csv", "en", out)
    assert list(csv.reader(out.getvalue().splitlines())) == [
        list(MEMBERS),
        ["p-1", "EUR", "123456", "3 5", "2026-04-01"],
        ["p-1", "EUR", "123456", "3 5", ""],
    ]


def test_a_table_without_a_terminal_is_aligned_and_cuts_nothing() -> None:
    """However long a value is."""
    out = io.StringIO()
    write_answer(answer(ROW, {**ROW, "partner_id": "p" * 300, "earned": 5}), "table", "en", out)
    lines = out.getvalue().splitlines()
    assert lines[0].split() == ["partner", "earned"]
    assert lines[2] == "p-1" + " " * 299 + "€1,234.56"
    assert lines[3] == "p" * 300 + "  " + "€0.05".rjust(9)
    assert lines[4] == "as of position 7, effective at 2026-04-30, not final"


def test_a_table_of_nothing_says_so() -> None:
    """In words."""
    out = io.StringIO()
    write_answer(answer(), "table", "en", out)
    assert out.getvalue().splitlines()[0] == "nothing is there"


def test_a_result_is_a_sentence_an_object_or_a_line() -> None:
    """The same members in each form for programs."""
    texts = {}
    for format_ in ("table", "json", "csv"):
        out = io.StringIO()
        members: Row = {"position": 3, "at": datetime(2026, 4, 1, tzinfo=UTC)}
        write_result(members, "table" if format_ == "table" else format_, "it is done", out)
        texts[format_] = out.getvalue()
    assert texts["table"] == "it is done\n"
    assert json.loads(texts["json"]) == {"position": 3, "at": "2026-04-01T00:00:00.000000Z"}
    assert texts["csv"] == "position,at\n3,2026-04-01T00:00:00.000000Z\n"


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


WIDE = (
    Column("position", kind="place"),
    Column("client_id", "client"),
    Column("amount", kind="money"),
    Column("reason"),
    Column("what", kind="prose"),
)


def on_terminal(width: int, rows: Sequence[Row], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The lines of a table of those columns on a terminal of a width."""
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("TERM", "xterm")
    out = _Terminal()
    write_table(rows, WIDE, "en", out=out)
    return out.getvalue().splitlines()


@pytest.mark.parametrize("count", [1, RICH_ROWS])
def test_a_table_that_is_too_wide_is_folded(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each row on as many lines as it takes, under headings that stand alike; prose by words."""
    line: Row = {"position": 7, "client_id": "c-1", "amount": 123, "currency": "EUR"}
    told: Row = {**line, "reason": "typo", "what": "a price ten times too high was told"}
    lines = on_terminal(30, [told, *[line] * count], monkeypatch)
    assert lines[:9] == [
        "position  client  amount",
        "    reason",
        "    what",
        "------------------------",
        "       7  c-1      €1.23",
        "    typo",
        "    a price ten times too high",
        "    was told",
        "       7  c-1      €1.23",
    ]
    assert len(lines) == 8 + count


def test_what_fits_is_one_line_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    """Prose gets the rest of the line if that is enough for some words."""
    line: Row = {"position": 7, "client_id": "c-1", "amount": 123, "currency": "EUR"}
    told: Row = {**line, "reason": "typo", "what": "a price ten times too high was told"}
    [row] = [each for each in on_terminal(80, [told], monkeypatch) if "c-1" in each]
    assert "€1.23" in row
    assert "a price ten times too high was told" in row
    [row] = [each for each in on_terminal(70, [told], monkeypatch) if "c-1" in each]
    assert "a price ten times too high" in row
    assert "told" not in row


@pytest.mark.parametrize("width", [200, 40, 20, 8])
def test_a_terminal_never_loses_a_sign_of_an_amount(
    width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the table does not fit it is folded; rich once cut the currency off."""
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("TERM", "xterm")
    out = _Terminal()
    write_answer(answer(ROW, {**ROW, "earned": -5}), "table", "fr", out)
    assert f"1{NARROW_SPACE}234,56{NO_BREAK_SPACE}€" in out.getvalue()
    assert f"-0,05{NO_BREAK_SPACE}€" in out.getvalue()
    assert "p-1" in out.getvalue()
