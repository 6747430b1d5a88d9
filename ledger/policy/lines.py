"""Where each key of a TOML text stands: line numbers for what a parsed document no longer knows."""

from __future__ import annotations

import re

_HEADER = re.compile(r"\s*(\[\[?)\s*([^\[\]=,#]+?)\s*\]\]?\s*(#.*)?$")
_ASSIGNMENT = re.compile(
    r"""\s*((?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')(?:\s*\.\s*[A-Za-z0-9_"'-]+)*)\s*="""
)
_FENCE = re.compile(r'"""|\'\'\'')


class LineIndex:
    """The line, from 1, of every table and key of a text, by dotted keys such as ``tier.1.name``.

    An entry of an array of tables has its number, from 0, in its key, as in pydantic's locations.
    """

    def __init__(self, text: str) -> None:
        """Index a text that tomllib has read."""
        self._lines: dict[str, int] = {}
        self._keys: dict[int, str] = {}
        self._headers: set[int] = set()
        self._entries: dict[str, int] = {}
        table = ""
        fenced = False
        for number, line in enumerate(text.split("\n"), start=1):
            inside = fenced
            fenced ^= len(_FENCE.findall(line)) % 2 == 1
            if inside:
                continue
            if header := _HEADER.match(line):
                table = self._open(header[2], array=header[1] == "[[")
                self._headers.add(number)
                self._know(table, number)
            elif assignment := _ASSIGNMENT.match(line):
                name = _plain(assignment[1])
                self._know(f"{table}.{name}" if table else name, number)

    def line(self, key: str) -> int:
        """The line of a key, or of the nearest table above it; 1 for what is nowhere."""
        while key:
            for known in (key, f"{key}.0"):
                if known in self._lines:
                    return self._lines[known]
            key = key.rpartition(".")[0]
        return 1

    def key_at(self, number: int) -> str | None:
        """The key, or the table, that begins on a line."""
        return self._keys.get(number)

    def is_header(self, number: int) -> bool:
        """Whether a line begins a table."""
        return number in self._headers

    def _know(self, key: str, number: int) -> None:
        self._lines.setdefault(key, number)
        self._keys[number] = key

    def _open(self, name: str, *, array: bool) -> str:
        """The dotted key of a header, with the numbers of the array entries that it lies in."""
        parts = _plain(name).split(".")
        path = ""
        for place, part in enumerate(parts):
            path = f"{path}.{part}" if path else part
            last = place == len(parts) - 1
            if last and array:
                self._entries[path] = self._entries.get(path, -1) + 1
            if path in self._entries:
                path = f"{path}.{self._entries[path]}"
        return path


def _plain(name: str) -> str:
    """A key without its quotes and the spaces around its dots."""
    return ".".join(part.strip().strip("\"'") for part in name.split("."))
