"""What a value must be, in plain words, from what pydantic found wrong with it.

No value is repeated: what came in may be anybody's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic import ValidationError

_PLAIN = {
    "extra_forbidden": "is no member of this type; remove it",
    "missing": "is required; add it",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_parsing_size": "must be a whole number of fewer digits",
    "int_from_float": "must be a whole number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "string_type": "must be text",
    "tuple_type": "must be a list",
    "list_type": "must be a list",
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "value_error": "{error}",
    "literal_error": "must be {expected}",
    "greater_than_equal": "must be {ge} or more",
    "greater_than": "must be more than {gt}",
    "less_than_equal": "must be {le} or less",
    "string_too_short": "is empty; write something",
    "string_too_long": "is too long; keep {max_length} characters at most",
    "too_long": "is too long; keep {max_length} at most",
}
"""What must be there, by the type of error; braces hold what pydantic says of the limit."""

_FORMS = {
    "{1,64}": "must be 1 to 64 letters, digits, '-', '_' and '.'",
    "{64}": "must be a SHA-256: 64 digits of lower-case hex",
    "u0020": "must be one line of text without blanks at its ends",
}
"""What the text of a pattern must be, by a part of the pattern."""


def first_problem(error: ValidationError) -> tuple[tuple[str | int, ...], str]:
    """The place of the first thing that is wrong, and what must be there."""
    first = error.errors(include_url=False, include_input=False)[0]
    return first["loc"], advice(first)


def advice(detail: Mapping[str, Any]) -> str:
    """What must be where pydantic found something else."""
    kind, context = detail["type"], detail.get("ctx", {})
    if kind == "string_pattern_mismatch":
        pattern = str(context["pattern"])
        forms = (form for part, form in _FORMS.items() if part in pattern)
        return next(forms, "has a character that cannot be stored; remove it")
    plain = _PLAIN.get(kind)
    return str(detail["msg"]) if plain is None else plain.format_map(context)
