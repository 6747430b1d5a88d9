"""The catalogue of rules D1 to D18, read from the files beside this one, one a family."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Annotated

from pydantic import Field, StringConstraints

from ledger.errors import Refused
from ledger.policy.parts import Part

FAMILIES = 18
"""The families are D1 to D18."""

Line = Annotated[str, StringConstraints(pattern=r"^\S([^\n]*\S)?$")]
"""Text on one line."""


class Example(Part):
    """A worked example of a rule, with the test that proves it."""

    given: Line
    when: Line
    then: Line
    test: Annotated[str, StringConstraints(pattern=r"^tests/[a-z_/]+\.py::test_[a-z0-9_]+$")]


class Rule(Part):
    """A rule: its text is Markdown; ``parameters`` says what each key of a programme file means."""

    number: Annotated[str, StringConstraints(pattern=r"^D[1-9][0-9]?(\.[1-9][0-9]?[a-e]?)?$")]
    title: Line
    text: str
    parameters: Mapping[str, Line] = Field(default_factory=dict)
    examples: Annotated[tuple[Example, ...], Field(alias="example")] = ()

    @property
    def family(self) -> str:
        """The family that it belongs to: ``D9`` of ``D9.4``."""
        return self.number.partition(".")[0]

    @property
    def depth(self) -> int:
        """0 of a family, 1 of a rule in it, 2 of a part of such a rule."""
        return ("." in self.number) + self.number[-1].isalpha()


@cache
def rules() -> tuple[Rule, ...]:
    """Every rule, in the order of numbers."""
    return tuple(
        Rule.model_validate(each)
        for number in range(1, FAMILIES + 1)
        for each in tomllib.loads(_text(f"d{number:02}.toml"))["rule"]
    )


@cache
def beside() -> Mapping[str, str]:
    """The keys of a programme file that no rule decides by, and what each is for."""
    told: Mapping[str, str] = tomllib.loads(_text("beside.toml"))["parameters"]
    return told


def find(number: str) -> tuple[Rule, ...]:
    """The rule of a number and those below it: D3.3 and D3.3a to D3.3e, D9 and D9.1 to D9.6.

    Raises Refused for a number that no rule has.
    """
    below = re.compile(rf"{re.escape(number)}(?!\d)[.a-e]?", re.ASCII | re.IGNORECASE)
    found = tuple(rule for rule in rules() if below.match(rule.number))
    if not found or found[0].number.lower() != number.lower():
        raise Refused(f"there is no rule {number!r}; list them with: commissions rules")
    return found


def prose(name: str) -> str:
    """The text of a Markdown file beside the rules."""
    return _text(f"{name}.md")


def _text(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")
