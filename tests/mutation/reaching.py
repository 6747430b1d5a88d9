"""Which tests reach what a mutant changes: the statement, not merely its function.

mutmut writes each function once as it was, as ``NAME__mutmut_orig``, and once for each mutant, as
``NAME__mutmut_1`` and so on, into one file. A test that runs no line of the statements in which the
two differ cannot tell them apart.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple, Self

_AS_IT_WAS = "__mutmut_orig"

Line = tuple[str, int]
"""A file and the number of a line of it."""


class Written(NamedTuple):
    """A function of a file: its first line, and its lines without its own name."""

    node: ast.FunctionDef
    lines: tuple[str, ...]


@cache
def written(file: str) -> dict[str, Written]:
    """The functions of a file by their names, mutants among them."""
    source = Path(file).read_text()
    lines = source.splitlines()
    return {
        node.name: Written(
            node,
            tuple(line.replace(node.name, "") for line in lines[node.lineno - 1 : node.end_lineno]),
        )
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef)
    }


def file_of(mutant: str) -> str:
    """Where a mutant stands."""
    return mutant.rpartition(".")[0].replace(".", "/") + ".py"


def lines_of(mutant: str) -> frozenset[Line]:
    """The lines, of the function as it was, of the statements that a mutant changes."""
    file, name = file_of(mutant), mutant.rpartition(".")[2]
    functions = written(file)
    original = functions[name.rpartition("__mutmut_")[0] + _AS_IT_WAS]
    before, after = original.lines, functions[name].lines
    same = _common(before, after)
    first = original.node.lineno + same
    last = original.node.lineno + len(before) - _common(before[same:][::-1], after[same:][::-1])
    changed = set(range(first, max(last, first + 1)))
    spans = [span for span in _statements(original.node) if changed & set(span)]
    # A change of its head is one of all that it does.
    whole = range(original.node.lineno, original.node.lineno + len(before))
    return frozenset((file, line) for span in spans or [whole] for line in span)


def _common(lines: tuple[str, ...], others: tuple[str, ...]) -> int:
    """How many lines the two have in common from their beginning on."""
    count = 0
    for line, other in zip(lines, others, strict=False):
        if line != other:
            break
        count += 1
    return count


def _statements(function: ast.FunctionDef) -> Iterator[range]:
    """The lines of each statement in it; of one that holds others, those before their first."""
    for node in ast.walk(function):
        if isinstance(node, ast.stmt | ast.excepthandler) and node is not function:
            assert node.end_lineno is not None
            inner = (
                child.lineno
                for child in ast.iter_child_nodes(node)
                if isinstance(child, ast.stmt | ast.excepthandler)
            )
            end = min(inner, default=node.end_lineno + 1)
            yield range(node.lineno, max(end, node.lineno + 1))


class Tracing:
    """Notes the lines that run in the files of a folder, while it is entered."""

    def __init__(self, folder: str) -> None:
        self.lines: set[Line] = set()
        self._folder = str(Path(folder).resolve())
        self._here = f"{Path.cwd()}/"
        self._names: dict[str, str | None] = {}

    def __enter__(self) -> Self:
        self.lines = set()
        sys.settrace(self._called)
        return self

    def __exit__(self, *_: object) -> None:
        sys.settrace(None)

    def _called(self, frame: FrameType, _: str, __: object) -> Any:
        file = frame.f_code.co_filename
        name = self._names.get(file, file)
        if name == file:
            inside = file.startswith(self._folder)
            name = self._names[file] = file.removeprefix(self._here) if inside else None
        return None if name is None else self._noted(name, frame)

    def _noted(self, name: str, frame: FrameType) -> Any:
        lines = self.lines

        def note(frame: FrameType, _: str, __: object) -> Any:
            lines.add((name, frame.f_lineno))
            return note

        return note(frame, "", None)
