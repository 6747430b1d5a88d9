"""``commissions what-if``: its three forms, on the hand-worked figures of the billing file."""

from __future__ import annotations

from pathlib import Path

import pytest

from interfaces.money import NARROW_SPACE, NO_BREAK_SPACE
from tests.interfaces.commands import Commands

REFERENCE = Path(__file__).parents[2] / "ledger" / "policy" / "programmes" / "izyinbox.toml"
ALPHA, BETA, BETA_CHF = 3_725 + 9_975 + 9_975, 1_180, 11_800


@pytest.fixture
def draft(tmp_path: Path) -> Path:
    """The reference programme with 40 % for referents in client year 1: twice as much."""
    path = tmp_path / "draft.toml"
    text = REFERENCE.read_text(encoding="utf-8")
    assert text.count('year_1 = "0.20"') == 1
    path.write_text(text.replace('year_1 = "0.20"', 'year_1 = "0.40"'), encoding="utf-8")
    return path


def test_the_same_programme_changes_nothing(billing: Commands) -> None:
    """Not a row; the totals say what there is."""
    told = billing.done("what-if", "--programme", "izyinbox", "--format", "json").json
    assert told["rows"] == []
    assert [one["difference"] for one in told["what_if"]["totals"]] == [0, 0]
    assert "it would change nothing" in billing.done("what-if", "--programme", "izyinbox").out


def test_by_partner_rule_and_month(billing: Commands, draft: Path) -> None:
    """p-beta is a referent: twice as much; p-alpha is a founding partner, whose 25 % become 40."""
    told = billing.done("what-if", "--programme", draft, "--format", "json").json
    assert told["as_of"]["position"] == billing.position()
    assert told["what_if"]["programme"] == "izyinbox"
    rows = [
        (row["partner_id"], row["rule"], row["month"], row["currency"], row["difference"])
        for row in told["rows"]
    ]
    assert rows == [
        ("p-alpha", "D7", "2026-04", "EUR", 14_900 * 15 // 100),
        ("p-alpha", "D7", "2026-05", "EUR", 39_900 * 15 // 100),
        ("p-alpha", "D7", "2026-06", "EUR", 39_900 * 15 // 100),
        ("p-beta", "D7", "2026-04", "CHF", BETA_CHF),
        ("p-beta", "D7", "2026-05", "EUR", BETA),
    ]
    for total in told["what_if"]["totals"]:
        assert total["present"] + total["difference"] == total["what_if"]
        of_currency = [row for row in told["rows"] if row["currency"] == total["currency"]]
        assert sum(row["difference"] for row in of_currency) == total["difference"]


def test_from_a_day_by_partner(billing: Commands, draft: Path) -> None:
    """Only what is due from that day on, and one row a partner and currency."""
    later = ("--from", "2026-06-01", "--by", "partner", "--format", "csv")
    told = billing.done("what-if", "--programme", draft, *later).out
    assert told.splitlines() == [
        "partner_id,currency,present,what_if,difference",
        f"p-alpha,EUR,{ALPHA},{ALPHA + 5_985},5985",
    ]


def test_by_tier(billing: Commands, tmp_path: Path) -> None:
    """Certified by two clients a year and nothing else: p-beta would be, from the day after."""
    path = tmp_path / "sooner.toml"
    kept = [
        line.replace("counted_clients_12_months = 10 ", "counted_clients_12_months = 2 ")
        for line in REFERENCE.read_text(encoding="utf-8").splitlines()
        if not line.startswith(("certification = true", "nps_above = 40"))
    ]
    path.write_text("\n".join(kept), encoding="utf-8")
    by = ("what-if", "--programme", path, "--by", "tier")
    told = billing.done(*by, "--format", "json").json
    rows = told["rows"]
    assert told["what_if"]["tiers"] == len({row["partner_id"] for row in rows}) == 1
    assert [(row["partner_id"], row["end"], row["present"], row["what_if"]) for row in rows] == [
        ("p-beta", None, "referent", "certified")
    ]
    assert "Partners with another tier at some time: 1 (--by tier)" in billing.done(*by).out
    assert billing.done(*by, "--format", "csv").out.splitlines() == [
        "partner_id,day,end,present,what_if",
        f"p-beta,{rows[0]['day']},,referent,certified",
    ]


def test_for_people(billing: Commands, draft: Path) -> None:
    """Totals first, then what differs, and as of what."""
    told = billing.done("what-if", "--programme", draft, "--by", "month").out
    lines = told.replace(NARROW_SPACE, " ").replace(NO_BREAK_SPACE, " ").splitlines()
    assert lines[0] == "Earned and adjusted, now and if izyinbox had these terms"
    assert lines[1].split() == ["currency", "present", "what", "if", "difference"]
    assert len([line for line in lines if line.startswith("2026-0")]) == 4
    assert lines[-1].startswith("as of position")


def test_what_is_wrong_is_told_in_one_line(billing: Commands, tmp_path: Path) -> None:
    """A file that is not there, and one that is no programme."""
    assert "there is no file" in billing.refused(
        "what-if", "--programme", tmp_path / "none.toml", status=2
    )
    broken = tmp_path / "broken.toml"
    broken.write_text("name = 1\n", encoding="utf-8")
    assert "broken.toml" in billing.refused("what-if", "--programme", broken)
