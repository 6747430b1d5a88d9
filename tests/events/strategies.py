"""Hypothesis strategies for the data of any event, drawn from its own JSON Schema."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from hypothesis import strategies as st

from events.base import Event

Members = dict[str, Any]
Schema = dict[str, Any]

_EXACT = 2**53 - 1
_IDENTIFIER = r"^[A-Za-z0-9_.\-]{1,64}$"
_IDENTIFIERS = st.text("azAZ09_.-", min_size=1, max_size=8) | st.just("x" * 64)
_CHARACTERS = st.characters(codec="utf-8", exclude_characters="\x00")
_DOCUMENTS = st.dictionaries(
    st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=8),
    st.recursive(
        st.booleans() | st.integers(-_EXACT, _EXACT) | st.text(_CHARACTERS, max_size=8),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["a", "B", "_", "10"]), inner, max_size=3)
        ),
        max_leaves=6,
    ),
    max_size=4,
)


@cache
def data_of(cls: type[Event]) -> st.SearchStrategy[Members]:
    """Valid data of one event as JSON values: optional members there, absent or null."""
    schema = cls.model_json_schema()
    drawn = _value(schema, schema.get("$defs", {}))
    return drawn.map(_AMENDS.get(cls.type, lambda data: data))


def _value(schema: Schema, defs: Schema) -> st.SearchStrategy[Any]:
    if "$ref" in schema:
        return _value(defs[schema["$ref"].rpartition("/")[2]], defs)
    if "anyOf" in schema:
        return st.one_of(*(_value(choice, defs) for choice in schema["anyOf"]))
    if "const" in schema:
        return st.just(schema["const"])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    return _OF_TYPE[schema["type"]](schema, defs)


def _object(schema: Schema, defs: Schema) -> st.SearchStrategy[Members]:
    if "properties" not in schema:
        return _DOCUMENTS
    members = {name: _value(member, defs) for name, member in schema["properties"].items()}
    required = schema.get("required", [])
    return st.fixed_dictionaries(
        {name: members[name] for name in required},
        optional={name: member for name, member in members.items() if name not in required},
    )


def _array(schema: Schema, defs: Schema) -> st.SearchStrategy[list[Any]]:
    if "prefixItems" in schema:
        return st.tuples(*(_value(item, defs) for item in schema["prefixItems"])).map(list)
    return st.lists(_value(schema["items"], defs), max_size=3)


def _string(schema: Schema, _defs: Schema) -> st.SearchStrategy[str]:
    if schema.get("format") == "date":
        return st.dates().map(str)
    if schema.get("format") == "date-time":
        return st.datetimes().map(lambda moment: f"{moment:2026-%m-%dT%H:%M:%S.%f}+01:00")
    if "pattern" in schema:
        longest = schema.get("maxLength", 10**6)
        if schema["pattern"] == _IDENTIFIER:
            return _IDENTIFIERS
        texts = st.from_regex(schema["pattern"], fullmatch=True, alphabet=_CHARACTERS)
        return texts.filter(lambda text: len(text) <= longest and not text.endswith("\n"))
    return st.text(
        _CHARACTERS, min_size=schema.get("minLength", 0), max_size=schema.get("maxLength", 64)
    )


def _integer(schema: Schema, _defs: Schema) -> st.SearchStrategy[int]:
    lowest = schema.get("minimum", schema.get("exclusiveMinimum", -_EXACT - 1) + 1)
    return st.integers(lowest, schema.get("maximum", _EXACT))


_OF_TYPE: dict[str, Callable[[Schema, Schema], st.SearchStrategy[Any]]] = {
    "object": _object,
    "array": _array,
    "string": _string,
    "integer": _integer,
    "boolean": lambda _schema, _defs: st.booleans(),
    "null": lambda _schema, _defs: st.none(),
}


def _by_two(data: Members) -> Members:
    return {**data, "requested_by": "first", "approved_by": "second"}


def _corrected(data: Members) -> Members:
    data = _by_two(data)
    if any(data.get(name) is not None for name in ("kind", "founding", "sponsor_id", "department")):
        return {**data, "cleared": []}
    return {**data, "cleared": ["sponsor_id"]}


def _adjustment(data: Members) -> Members:
    return {**_by_two(data), "amount": data["amount"] or -1, "reason": "correction"}


def _prospect(data: Members) -> Members:
    return data if data.get("client_id") else {**data, "lead_id": data.get("lead_id") or "l-1"}


# What a schema cannot say: rules between members.
_AMENDS: dict[str, Callable[[Members], Members]] = {
    "partner.corrected": _corrected,
    "adjustment.posted": _adjustment,
    "ledger.opened": lambda data: {
        **_by_two(data),
        "day": max(data["day"][:8] + "01", "0001-02-01"),
    },
    "programme.adopted": lambda data: {**data, "time_zone": "Pacific/Apia"},
    **dict.fromkeys(("demo.held", "trial.started", "trial.ended"), _prospect),
    **dict.fromkeys(
        (
            *("partner.opened", "credit.posted", "attribution.assigned", "fact.retracted"),
            "decision.resolved",
        ),
        _by_two,
    ),
}
