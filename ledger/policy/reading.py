"""Reads TOML as far as it can be read: every line that is wrong is told, the others still count."""

from __future__ import annotations

import re
import tomllib
from typing import NamedTuple

from ledger.policy.lines import LineIndex
from ledger.policy.problems import Problem

MOST_PROBLEMS = 50
"""So many lines that are no TOML are told; a file with more is of another kind."""

_PLACE = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")
_TWICE = ("Cannot overwrite", "Cannot declare", "Cannot mutate")
_ADVICE = {
    "Invalid date": "is no day of the calendar; write one as 2026-01-31",
    "Found invalid character '\\n'": "has quotes that are not closed on their line; close them",
    "Unterminated string": "has quotes that are not closed; close them",
    "Unescaped": "has a \\ in its quotes; write \\\\",
    "Unclosed": "has a list or table that is not closed; close it",
    "Expected '='": "has no '='; write: key = value",
}
_VALUE = (
    'cannot be read; write text and rates in quotes ("0.20"), whole numbers and days (2026-01-31)'
    " without, and true or false in small letters"
)


class Float(str):
    """A float as it stands in the file; kept as text, so that nothing is ever rounded."""

    __slots__ = ()


class Reading(NamedTuple):
    """What a text says: its document, or None where its shape cannot be known.

    ``problems`` are those of single lines; ``unread`` are the keys whose values stood on them.
    """

    document: dict[str, object] | None
    problems: list[Problem]
    unread: frozenset[str]


def read(text: str, index: LineIndex) -> Reading:
    """Read a text, whose lines ``index`` knows."""
    lines = text.split("\n")
    problems: list[Problem] = []
    unread: set[str] = set()
    while len(problems) < MOST_PROBLEMS:
        try:
            document = tomllib.loads("\n".join(lines), parse_float=Float)
        except RecursionError:
            problems.append(Problem("", "is nested too deep for a programme; take brackets away"))
            break
        except ValueError as error:
            if not _set_aside(str(error), lines, index, problems, unread):
                break
        else:
            return Reading(document, problems, frozenset(unread))
    return Reading(None, problems, frozenset(unread))


def _set_aside(
    message: str,
    lines: list[str],
    index: LineIndex,
    problems: list[Problem],
    unread: set[str],
) -> bool:
    """Tell what is wrong with a line and empty it; False if what follows cannot be read then."""
    place = _PLACE.search(message)
    said = message[: place.start()] if place else message
    number = int(place[1]) if place and place[1] else _last(lines) if place else None
    line = lines[number - 1].strip() if number is not None else ""
    key = index.key_at(number) if number is not None else None
    if number is not None and key is not None and line and said.startswith(_TWICE):
        first = index.line(key)
        again = f"stands twice, first on line {first}; keep one" if first < number else _clash(said)
        problems.append(Problem(key, again, number))
        if line.startswith("["):
            _empty_table(lines, number, index)
        lines[number - 1] = ""
        return True
    if number is None or key is None or not line or line.startswith("["):
        todo = "write [table] or [[table]]" if line.startswith("[") else "correct it"
        problems.append(Problem("", f"is no TOML: {said}; {todo}", number))
        return False
    advice = next((text for start, text in _ADVICE.items() if said.startswith(start)), _VALUE)
    problems.append(Problem(key, advice, number))
    unread.add(key)
    lines[number - 1] = ""
    return True


def _clash(said: str) -> str:
    return f"is given otherwise before ({said}); keep one"


def _last(lines: list[str]) -> int:
    """The number of the last line that holds something."""
    return max((number for number, line in enumerate(lines, 1) if line.strip()), default=1)


def _empty_table(lines: list[str], number: int, index: LineIndex) -> None:
    """Empty the lines below a header, to the next one."""
    while number < len(lines) and not index.is_header(number + 1):
        lines[number] = ""
        number += 1
