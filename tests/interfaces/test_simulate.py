"""``commissions simulate``: no ledger is asked; what is wrong is told in one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from interfaces.money import NO_BREAK_SPACE
from tests.interfaces.commands import Commands

EXAMPLE = (
    "simulate", "--clients-a-year", "15",
    "--mix", "starter=5900:9,pro=14900:5,enterprise=39900:1", "--retention", "0.9",
)  # fmt: skip


@pytest.fixture
def nowhere(capsys: pytest.CaptureFixture[str]) -> Commands:
    """Commands on a database that is not there."""
    return Commands("postgresql://127.0.0.1:9/none", capsys)


def test_the_example_of_the_document(nowhere: Commands) -> None:
    """Three years, with their sum."""
    rows = nowhere.done(*EXAMPLE, "--format", "json").rows
    assert [(row["year"], row["clients"], row["arr"], row["commission"]) for row in rows] == [
        (1, "15.0", 20_100_00, 4_020_00),
        (2, "28.5", 38_190_00, 5_829_00),
        (3, "40.7", 54_471_00, 7_457_10),
    ]
    assert rows[-1]["cumulative"] == 17_306_10
    assert {(row["rate_first_year"], row["rate_later"]) for row in rows} == {("0.20", "0.10")}
    header = nowhere.done(*EXAMPLE, "--format", "csv").out.splitlines()[0]
    assert header.split(",") == list(rows[0])
    table = nowhere.done(*EXAMPLE).out
    assert "€17,306.10" in table
    assert "20% in client year 1, 10% later; commissions alone" in table
    french = nowhere.done(*EXAMPLE, "--locale", "fr").out
    assert ("28,5" in french, "28.5" in french) == (True, False)
    assert f"20{NO_BREAK_SPACE}% in client year 1" in french


def test_a_programme_file_and_a_tier(nowhere: Commands, tmp_path: Path) -> None:
    """Its rates apply, and its currency."""
    reference = Path(__file__).parents[2] / "ledger" / "policy" / "programmes" / "izyinbox.toml"
    text = reference.read_text(encoding="utf-8")
    text = text.replace('currency = "EUR" ', 'currency = "CHF" ').replace('"0.25"', '"0.30"')
    file = tmp_path / "ours.toml"
    file.write_text(text, encoding="utf-8")
    asked = ("simulate", "--clients-a-year", 1, "--mix", "all=10000:1", "--years", 2)
    more = ("--programme", file, "--tier", "certified", "--format", "json")
    rows = nowhere.done(*asked, *more).rows
    assert [(row["commission"], row["currency"]) for row in rows] == [
        (36_000, "CHF"), (54_000, "CHF")
    ]  # fmt: skip
    founding = nowhere.done(*asked, "--founding", "--format", "json").rows
    assert founding[0]["rate_first_year"] == "0.25"


@pytest.mark.parametrize(
    "wrong",
    [
        ("--mix", "starter=59.00:9"),
        ("--mix", "starter=5900"),
        ("--mix", "starter=5900:0"),
        ("--mix", "starter=9999999999999999:1"),
        ("--retention", "1.1"),
        ("--retention", "90%"),
        ("--years", "0"),
        ("--clients-a-year", "-1"),
        ("--programme", "nowhere.toml"),
    ],
)
def test_what_cannot_be_read_is_wrong_usage(nowhere: Commands, wrong: tuple[str, str]) -> None:
    """With how it is written."""
    outcome = nowhere(*EXAMPLE, *wrong)
    assert (outcome.status, outcome.out) == (2, "")
    assert len(outcome.err.splitlines()) == 1
