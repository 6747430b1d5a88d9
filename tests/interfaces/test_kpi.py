"""``commissions kpi`` in its documented shape, on tests/e2e/billing.jsonl through June 2026."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from replay.definitions import PARTNER, PROGRAMME
from replay.sheet import MEMBERS
from tests.interfaces.commands import Commands


def by_name(rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The first row of each figure, or the one in euros."""
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        if row["figure"] not in found or row["currency"] == "EUR":
            found[row["figure"]] = row
    return found


def test_the_figures_of_a_partner(billing: Commands) -> None:
    """Every figure, with its definition; ratios with what they were divided from."""
    told = billing.done("kpi", "p-alpha", "--format", "json").json
    assert told["as_of"]["day"] == "2026-06-30"
    rows = by_name(told["rows"])
    assert list(rows) == [each.figure for each in PARTNER]
    assert all(row["partner_id"] == "p-alpha" and row["definition"] for row in told["rows"])
    assert rows["leads"]["value"] == 1
    assert (rows["demo_to_trial"]["value"], rows["demo_to_trial"]["denominator"]) == ("100.0", 1)
    assert rows["arr"]["value"] == 12 * 39_900
    assert rows["arpu"]["value"] == 39_900
    assert rows["commissions_due"]["value"] == 9_975
    assert rows["last_visit"]["value"] == "2026-05-03"
    assert rows["nps"]["value"] == -5
    assert rows["client_nps"]["value"] == "71.0"


def test_money_is_never_added_across_currencies(billing: Commands) -> None:
    """p-beta earns in francs and in euros: a row each."""
    rows = billing.done("kpi", "p-beta", "--format", "json").rows
    arr = {row["currency"]: row["value"] for row in rows if row["figure"] == "arr"}
    assert arr == {"CHF": 59_000, "EUR": 0}
    assert [row["value"] for row in rows if row["figure"] == "active_clients"] == [1]
    churn = by_name(rows)["churn"]
    assert (churn["value"], churn["numerator"], churn["denominator"]) == ("50.0", 1, 2)


def test_the_figures_of_all_and_of_the_programme(billing: Commands) -> None:
    """Partner by partner; the programme's with its targets."""
    everybody = billing.done("kpi", "--all", "--format", "json").rows
    assert [row["partner_id"] for row in everybody] == sorted(
        row["partner_id"] for row in everybody
    )
    alpha = [row for row in everybody if row["partner_id"] == "p-alpha"]
    assert alpha == billing.done("kpi", "p-alpha", "--format", "json").rows
    rows = billing.done("kpi", "--programme", "--format", "json").rows
    assert {row["figure"] for row in rows} == {each.figure for each in PROGRAMME}
    found = by_name(rows)
    assert found["direct_arr"]["value"] == 12 * 5_900
    assert found["costs_year"]["value"] == 12_500
    targets = [row for row in rows if row["figure"] == "target_clients"]
    assert [(row["day"], row["value"], row["target"]) for row in targets] == [
        ("2025-12-31", 0, 5),
        ("2026-03-31", 0, 30),
        ("2026-09-30", 3, 200),
        ("2027-03-31", 3, 500),
    ]


def test_csv_has_the_members_of_json(billing: Commands) -> None:
    """In the same order."""
    for query in (("kpi", "p-alpha"), ("kpi", "--all"), ("kpi", "--programme")):
        rows = billing.done(*query, "--format", "json").rows
        found = list(csv.reader(io.StringIO(billing.done(*query, "--format", "csv").out)))
        assert found[0] == list(rows[0]) == list(MEMBERS)
        assert len(found) == len(rows) + 1


def test_tables_write_each_figure_as_its_unit_says(billing: Commands) -> None:
    """Money by language, percents with a sign, days as days."""
    english = billing.done("kpi", "p-alpha").out
    for part in ("2026-06-30", "€4,788.00", "100%", "2026-05-03"):
        assert part in english
    assert "€4,788.00" not in billing.done("kpi", "p-alpha", "--locale", "fr").out
    assert "target_arr" in billing.done("kpi", "--programme").out


def test_both_axes(billing: Commands) -> None:
    """What was known, and what had happened."""
    early = by_name(
        billing.done("kpi", "p-alpha", "--effective-at", "2026-05-05", "--format", "json").rows
    )
    assert early["arr"]["value"] == 12 * 14_900
    assert early["leads"]["value"] == 0
    before = billing.done("kpi", "p-alpha", "--position", 3, "--format", "json")
    assert before.json["as_of"]["day"] is None
    assert by_name(before.rows)["commissions_due"]["value"] is None


@pytest.mark.parametrize("wrong", [(), ("p-alpha", "--all"), ("--all", "--programme")])
def test_one_of_three_is_asked_for(billing: Commands, wrong: tuple[str, ...]) -> None:
    """Neither and several are wrong usage."""
    assert "--programme" in billing.refused("kpi", *wrong, status=2)


def test_a_partner_that_nobody_knows_is_refused(billing: Commands) -> None:
    """With where to look; so is a position before any programme."""
    assert "commissions tiers" in billing.refused("kpi", "p-nobody")
    assert "no programme was adopted" in billing.refused("kpi", "--all", "--position", 0)
