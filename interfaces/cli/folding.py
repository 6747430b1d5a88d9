"""A table that is wider than the terminal: each row on as many lines as it takes, nothing cut."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

GAP = "  "
_INDENT = 4
"""By how much what does not fit on a row's first line is moved in, so that rows stand out."""
_LEAST_PROSE = 20
"""Prose is broken into no shorter lines, however narrow the terminal is."""


class Folded:
    """How columns of some widths stand in ``room`` characters; ``prose``: those of prose."""

    def __init__(self, widths: Sequence[int], prose: frozenset[int], room: int) -> None:
        self._prose, self._room = prose, room
        self._bands: list[list[int]] = []
        used = 0
        for at, width in enumerate(widths):
            alone = at in prose or (at - 1) in prose
            if not self._bands or alone or used + len(GAP) + width > room:
                used = width + (_INDENT if self._bands else 0)
                self._bands.append([at])
            else:
                used += len(GAP) + width
                self._bands[-1].append(at)

    def lines(self, texts: Sequence[str]) -> Iterator[str]:
        """Yield the lines of a row; those with nothing on them are left out."""
        for number, band in enumerate(self._bands):
            indent = " " * (_INDENT if number else 0)
            if band[0] in self._prose:
                width = max(self._room - len(indent), _LEAST_PROSE)
                yield from (f"{indent}{line}" for line in textwrap.wrap(texts[band[0]], width))
                continue
            line = GAP.join(texts[at] for at in band).rstrip()
            if line:
                yield f"{indent}{line}"
