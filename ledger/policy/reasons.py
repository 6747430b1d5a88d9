"""What is wrong with a document, in words that say what to do, from what pydantic found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from difflib import get_close_matches
from typing import TYPE_CHECKING

from events.currencies import nearest
from ledger.policy.problems import Problem
from ledger.policy.shape import fields, locate, table_of, words

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError
    from pydantic_core import ErrorDetails

_SHOWN = 40
_MEASURED = ("requires", "commitment")
_FORMS = {
    "{1,64}": "1 to 64 letters, digits, '-', '_' and '.', without blanks",
    "{1,200}": "one line of 1 to 200 characters",
    "{2,19}": 'a number of the chart, such as "622200": three digits or more',
    "{1,10}": "a code of 1 to 10 letters and digits",
}
"""What the text of a pattern must be, by how long it may be."""


def problems(root: type[BaseModel], error: ValidationError) -> list[Problem]:
    """Every problem of a document, one for each key."""
    found: dict[str, Problem] = {}
    for detail in error.errors(include_url=False):
        place, table, field = locate(root, detail["loc"])
        key = ".".join(map(str, place))
        if key in found:
            continue
        if detail["type"] == "extra_forbidden":
            reason = _unknown(root, table, place)
        elif field is None:
            reason = f"must be {words('', root)}"
        else:
            name = _header(place)
            said = words(name, field.annotation, item=isinstance(place[-1], int))
            whole = len(place) == len(detail["loc"])
            reason = _reason(detail, said) if whole else _instead(detail["input"], said)
        found[key] = Problem(key, reason)
    return list(found.values())


def shown(value: object) -> str:
    """A value as a file writes it, cut short."""
    match value:
        case bool():
            return "true" if value else "false"
        case Mapping():
            return "a table"
        case str():
            text = value if len(value) <= _SHOWN else f"{value[:_SHOWN]}…"
            return f'"{text}"'.replace("\n", "\\n")
        case Sequence():
            return "a list"
        case int() if abs(value) >= 10**_SHOWN:
            return "a number of many digits"
        case date():
            return value.isoformat()
        case _:
            return str(value)


def _header(place: Sequence[str | int]) -> str:
    return ".".join(part for part in place if isinstance(part, str))


def _reason(detail: ErrorDetails, said: str) -> str:
    """The reason for an error of a key that exists; ``said`` is what may be written there."""
    context, value = detail.get("ctx", {}), detail["input"]
    match detail["type"]:
        case "missing":
            return f"is missing; write {said}"
        case "value_error":
            return _of_its_own(str(context["error"]), value)
        case "greater_than_equal":
            return f"is {shown(value)}; write {context['ge']} or more"
        case "less_than_equal":
            return f"is {shown(value)}; write at most {context['le']}"
        case "too_long":
            return f"has {context['actual_length']} entries; keep at most {context['max_length']}"
        case "string_pattern_mismatch":
            pattern = str(context["pattern"])
            form = next((form for long, form in _FORMS.items() if long in pattern), said)
            return f"is {shown(value)}; write {form}"
        case _:
            return _instead(value, said)


def _instead(value: object, said: str) -> str:
    return f"is {shown(value)}; write {said}"


def _of_its_own(reason: str, value: object) -> str:
    """A reason that a rule of the document gave; of what a value is, the value stands before it."""
    if "ISO 4217" in reason:
        near = nearest(str(value))
        reason = f"{reason}; did you mean '{near}'?" if near else reason
    return f"is {shown(value)}: {reason}" if reason.startswith("a ") else reason


def _unknown(root: type[BaseModel], table: type[BaseModel], place: Sequence[str | int]) -> str:
    """The reason for a key that no table has: what it may have been meant to be."""
    name = str(place[-1])
    known = list(fields(table))
    # Whoever mistypes a name begins it right; a name that begins otherwise is another.
    near = get_close_matches(name, [key for key in known if key[0] == name[:1]], n=1)
    if len(place) > 1 and place[-2] in _MEASURED:
        said = f"is nothing that the ledger records of a partner; it can ask for {', '.join(known)}"
        return f"{said}: did you mean {near[0]!r}?" if near else said
    homes = sorted(set(_homes(root, name, "")))
    if homes:
        return f"is no key here; it belongs in {' or '.join(homes)}"
    if near:
        return f"is no key of a programme; did you mean {near[0]!r}?"
    if len(place) == 1:
        return "is no key of a programme; remove it"
    return f"is no key here; known are {', '.join(known)}"


def _homes(table: type[BaseModel], name: str, prefix: str) -> Iterator[str]:
    """The tables that do have a key of that name."""
    for key, field in fields(table).items():
        inner = table_of(field)
        if inner is None:
            continue
        if name in fields(inner):
            yield f"[{prefix}{key}]"
        yield from _homes(inner, name, f"{prefix}{key}.")
