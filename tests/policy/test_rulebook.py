"""The catalogue of rules holds together: with the code, the programme file, the tests, the page."""

from __future__ import annotations

import re
from functools import cache
from importlib import import_module
from inspect import isfunction
from pathlib import Path
from typing import Literal, get_args, get_origin

import pytest
from pydantic import ValidationError

from ledger.errors import Refused
from ledger.policy import choices
from ledger.policy.files import load
from ledger.policy.rulebook.__main__ import PAGE
from ledger.policy.rulebook.page import page
from ledger.policy.rulebook.parameters import keys, values
from ledger.policy.rulebook.rules import Rule, beside, find, rules
from ledger.policy.shape import parts

ROOT = Path(__file__).parents[2]
NUMBERS = [rule.number for rule in rules()]

_NAMED = re.compile(r"\bD\d{1,2}(?:\.\d{1,2}[a-e]?)?\b(?!\.\d)")


@cache
def _code() -> dict[str, str]:
    """The source of the rooms that decide, by path."""
    return {
        str(path.relative_to(ROOT)): path.read_text(encoding="utf-8")
        for room in ("ledger", "events", "projections", "replay")
        for path in sorted((ROOT / room).rglob("*.py"))
    }


def _follows(number: str) -> tuple[int, int, str]:
    family, _, rest = number[1:].partition(".")
    place, letter = re.fullmatch(r"(\d*)([a-e]?)", rest).groups()  # type: ignore[union-attr]
    return int(family), int(place or 0), letter


def test_the_page_is_current() -> None:
    """If not: ``python -m ledger.policy.rulebook``."""
    assert PAGE.read_text(encoding="utf-8") == page()


def test_every_family_is_there_and_numbers_ascend() -> None:
    """D1 to D18, each once, and what is in a family after it, without a gap."""
    order = [_follows(number) for number in NUMBERS]
    assert order == sorted(set(order))
    assert [number for number in NUMBERS if "." not in number] == [f"D{n}" for n in range(1, 19)]
    for family, place, letter in order:
        assert place <= 1 or (family, place - 1, "") in order, (family, place)
        assert not letter or (family, place, "") in order


def test_every_rule_that_the_code_names_is_in_the_catalogue() -> None:
    """In a decision, a docstring or a message."""
    named = {rule for source in _code().values() for rule in _NAMED.findall(source)}
    assert len(named) > 50
    assert named - set(NUMBERS) == set()


def test_every_rule_has_a_worked_example() -> None:
    """A heading over others needs none of its own."""
    headings = {number for number in NUMBERS if len(find(number)) > 1}
    lacking = [rule.number for rule in rules() if not rule.examples and rule.number not in headings]
    assert lacking == []


def test_every_worked_example_is_a_test() -> None:
    """Each is a function that pytest collects, in the file that is named."""
    for test in {example.test for rule in rules() for example in rule.examples}:
        file, _, name = test.partition("::")
        assert re.fullmatch(r"tests/(\w+/)*test_\w+\.py", file), test
        assert name.startswith("test_"), test
        module = import_module(file.removesuffix(".py").replace("/", "."))
        assert isfunction(getattr(module, name, None)), test


def test_every_key_of_a_programme_belongs_to_one_rule() -> None:
    """Or is told to be read by none; none is missing, none is invented, none stands twice."""
    told = [key for rule in rules() for key in rule.parameters]
    assert sorted([*told, *beside()]) == sorted(keys())


def test_every_value_of_every_choice_is_explained() -> None:
    """Where its key is told, each word that a choice can have is named."""
    meanings = {key: text for rule in rules() for key, text in rule.parameters.items()}
    of_choices = [key for key, text in meanings.items() if text.startswith("*choice*")]
    known = {
        word
        for choice in vars(choices).values()
        for part in parts(choice)
        if get_origin(part) is Literal
        for word in get_args(part)
    }
    explained = {word for key in of_choices for word in known if f"`{word}`" in meanings[key]}
    assert len(known) > 15
    assert explained == known


def test_values_are_those_of_the_document() -> None:
    """Of several tables in their order, as JSON."""
    said = values(load("izyinbox").document())
    assert said["tier.year_1"] == ('"0.20"', '"0.25"', '"0.25"')
    assert said["tier.requires.nps_above"] == ("40",)
    assert said["leaderboard.prizes"] == ("[200000,100000,50000]",)
    assert said["contest.first_place.value"] == ("300000",)
    assert "payout.minimum.amount" not in said
    assert set(said) <= set(keys())


@pytest.mark.parametrize(
    ("number", "found"),
    [
        ("D5", ["D5"]),
        ("D3.3", ["D3.3", "D3.3a", "D3.3b", "D3.3c", "D3.3d", "D3.3e"]),
        ("d3.3A", ["D3.3a"]),
        ("D18.1", ["D18.1"]),
        ("D1", ["D1"]),
        ("D15", ["D15", "D15.1", "D15.2"]),
    ],
)
def test_a_rule_is_found_with_those_below_it(number: str, found: list[str]) -> None:
    """D1 is not D10, and D18.1 not D18.10."""
    assert [rule.number for rule in find(number)] == found


@pytest.mark.parametrize("number", ["D0", "D19", "D9.7", "7", "", "D", "D3.3f", "D18.1.", "money"])
def test_a_number_that_no_rule_has_is_refused(number: str) -> None:
    """With where to look."""
    with pytest.raises(Refused, match="list them with: commissions rules"):
        find(number)


def test_an_example_must_name_a_test() -> None:
    """A worked example without a test is no example."""
    with pytest.raises(ValidationError, match="test"):
        Rule.model_validate(
            {
                "number": "D1",
                "title": "Money",
                "text": "",
                "example": [{"given": "a", "when": "b", "then": "c"}],
            }
        )
