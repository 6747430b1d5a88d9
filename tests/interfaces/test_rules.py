"""``commissions rules``: the catalogue, with the values of the programme at hand."""

from __future__ import annotations

from pathlib import Path

from ledger.policy.rulebook.rules import rules
from tests.interfaces.commands import Commands


def test_every_rule_is_listed(adopted: Commands) -> None:
    """With the values of the version adopted, and the place that it was read at."""
    answer = adopted.done("rules", "--format", "json").json
    assert [row["rule"] for row in answer["rows"]] == [rule.number for rule in rules()]
    assert {row["programme_version"] for row in answer["rows"]} == {"izyinbox/1"}
    assert answer["as_of"]["position"] == 1
    (rates,) = (row for row in answer["rows"] if row["rule"] == "D7")
    assert rates["parameters"]["tier.later"] == {
        "meaning": "the rate in later client years",
        "values": ["0.10", "0.15", "0.15"],
    }
    assert rates["examples"][0]["test"].startswith("tests/rules/test_rates.py::")
    table = adopted.done("rules").out
    assert "D3.3d   A late claim" in table
    assert "attribution.late_days = 30" in table
    assert table.endswith("values of izyinbox/1\n")


def test_one_rule_is_told_in_full(adopted: Commands) -> None:
    """Its text, its parameters, its worked examples; those below it, too."""
    text = adopted.done("rules", "d3.3").out
    assert text.startswith("D3.3 The checks, in this order\n")
    assert "D3.3d A late claim" in text
    assert "  attribution.late_days = 30\n" in text
    assert "D3.4" not in text.split("D3.3e")[1].split("The claim wins")[0]
    assert "(tests/rules/test_attribution.py::test_a_late_claim_earns_what_it_missed)" in text
    assert "list them with: commissions rules" in adopted.refused("rules", "D99")


def test_before_an_adoption_the_reference_is_shown(commissions: Commands) -> None:
    """Saying so; nothing is made in the database."""
    assert "none has been adopted yet" in commissions.done("rules", "D5").out
    answer = commissions.done("rules", "D5", "--format", "json").json
    assert answer["rows"][0]["programme_version"] is None
    assert "as_of" not in answer
    assert "adopt a programme first" in commissions.refused("rules", "D5", "--position", 0)


def test_the_values_are_those_of_the_version_in_force(adopted: Commands, tmp_path: Path) -> None:
    """By the day asked for; of another programme, if it is named."""
    reference = Path(__file__).parents[2] / "ledger" / "policy" / "programmes" / "izyinbox.toml"
    text = reference.read_text(encoding="utf-8")
    later, other = tmp_path / "later.toml", tmp_path / "other.toml"
    later.write_text(text.replace("late_days = 30 ", "late_days = 45 "), "utf-8")
    text = text.replace("late_days = 30 ", "late_days = 5 ")
    other.write_text(text.replace('name = "izyinbox"', 'name = "other"'), "utf-8")
    adopted.done("programme", "adopt", later, "--from", "2027-01-01")
    adopted.done("programme", "adopt", other)
    for options, days in (
        ((), 45),
        (("--effective-at", "2026-12-31"), 30),
        (("--position", 1), 30),
        (("--programme", "other"), 5),
    ):
        text = adopted.done("rules", "D3.3d", *options).out
        assert f"attribution.late_days = {days}\n" in text, options
    assert "izyinbox, other" in adopted.refused("rules", "--programme", "none")
