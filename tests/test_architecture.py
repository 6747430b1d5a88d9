"""The pure parts read no clock, draw no lots and know no floats; every module says what it is for.

import-linter holds the imports (``make lint``); what follows looks at the code itself.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ("events", "ledger", "projections", "replay", "interfaces")
PURE = ("events", "ledger/engine", "ledger/policy")

CLOCKS = frozenset(
    {
        *("now", "utcnow", "today", "fromtimestamp", "utcfromtimestamp", "localtime", "gmtime"),
        *("monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns", "time_ns"),
    }
)
LOTS = frozenset({"uuid1", "uuid4", "urandom", "token_hex", "token_bytes", "getrandbits"})
JOIN_PATHS = frozenset({"events/schema.py", "ledger/policy/files.py"})
"""The modules that name files: there, and only there, ``/`` joins paths."""
IMPURE_MODULES = frozenset({"time", "random", "secrets", "socket", "math", "statistics"})


def offences(source: str, *, paths: bool = False) -> Iterator[tuple[int, str]]:
    """What a pure part must not hold: (line number, what is wrong); ``paths``: it joins some."""
    tree = ast.parse(source)
    refusals = {id(name) for node in ast.walk(tree) for name in refused_types(node)}
    for node in ast.walk(tree):
        if id(node) in refusals:
            continue
        wrong = impurity(node) or inexactness(node)
        if wrong and not (paths and isinstance(node, ast.BinOp)):
            yield getattr(node, "lineno", 0), wrong


def impurity(node: ast.AST) -> str:
    """How a piece of code depends on when or where it runs, if it does."""
    match node:
        case ast.Attribute(attr=name) if name in CLOCKS:
            return f"reads a clock: .{name}"
        case ast.Name(id=name) | ast.Attribute(attr=name) if name in LOTS:
            return f"draws lots: {name}"
        case ast.Import(names=names) if {alias.name for alias in names} & IMPURE_MODULES:
            return "imports a clock, lots, a door or float mathematics"
        case ast.ImportFrom(module=name) if name in IMPURE_MODULES | {"uuid", "os"}:
            return f"imports from {name}"
    return ""


def inexactness(node: ast.AST) -> str:
    """How a piece of code computes with less than exact figures, if it does."""
    match node:
        case ast.Constant(value=float() | complex()):
            return f"a float: {node.value!r}"
        case ast.Name(id="float" | "complex" | "round" as name):
            return f"floats: {name}"
        case ast.BinOp(op=ast.Div()) | ast.AugAssign(op=ast.Div()):
            return "a true division: its result is a float, or loses digits"
        case ast.Call(func=ast.Attribute(attr="quantize")) if not rounding_is_named(node):
            return "quantize without a named rounding: the default is half even"
        case ast.Attribute(attr="ROUND_HALF_EVEN") | ast.alias(name="ROUND_HALF_EVEN"):
            return "rounds half to even: lines are rounded half up (D1)"
    return ""


def refused_types(node: ast.AST) -> list[ast.expr]:
    """The types that ``isinstance`` asks for: asking for a float is how one is refused."""
    match node:
        case ast.Call(func=ast.Name(id="isinstance"), args=[_, ast.Tuple(elts=types)]):
            return types
        case ast.Call(func=ast.Name(id="isinstance"), args=[_, kind]):
            return [kind]
    return []


def rounding_is_named(call: ast.Call) -> bool:
    """Whether a call of quantize names its rounding."""
    return any(keyword.arg == "rounding" for keyword in call.keywords)


def modules(*places: str) -> list[Path]:
    """Every module below some folders."""
    return sorted(path for place in places for path in (ROOT / place).rglob("*.py"))


def name_of(path: Path) -> str:
    """How a test case calls a module."""
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", modules(*PURE), ids=name_of)
def test_the_pure_parts_have_no_clock_no_lots_and_no_float(path: Path) -> None:
    """The same facts and commands give the same ledger on any day (D1, D2, D18.10)."""
    found = offences(path.read_text("utf-8"), paths=name_of(path) in JOIN_PATHS)
    assert [f"{name_of(path)}:{line}: {what}" for line, what in found] == []


@pytest.mark.parametrize(
    "source",
    [
        "from datetime import datetime\nx = datetime.now()",
        "import datetime\nx = datetime.date.today()",
        "import time",
        "from random import choice",
        "import uuid\nx = uuid.uuid4()",
        "x = 0.2",
        "x = float('0.2')",
        "x = amount / 100",
        "amount /= 100",
        "x = round(amount * rate)",
        "x = amount.quantize(CENT)",
        "from decimal import ROUND_HALF_EVEN",
        "import math",
    ],
)
def test_the_ban_sees_each_offence(source: str) -> None:
    """A ban that cannot fail is worse than none."""
    assert list(offences(source))


@pytest.mark.parametrize(
    "source",
    [
        "x = amount * rate_numerator // rate_denominator",
        "x = amount.quantize(CENT, rounding=ROUND_HALF_UP)",
        "from datetime import date\nx = date(2026, 1, 31)",
        "x = fact.time",
        "bad = isinstance(value, (float, int))",
    ],
)
def test_the_ban_lets_exact_code_pass(source: str) -> None:
    """Integers, decimals with a named rounding, and days that are given."""
    assert not list(offences(source))


@pytest.mark.parametrize("path", modules(*ROOMS, "tests", "benchmarks"), ids=name_of)
def test_every_module_says_what_it_is_for(path: Path) -> None:
    """In one sentence, at its top."""
    assert ast.get_docstring(ast.parse(path.read_text("utf-8")))
