"""Writes answers: a table for people, one JSON object or CSV for programs.

A table on a terminal is drawn with rich, or folded where it is too wide. Elsewhere it is plain
text, aligned, a line a row. Nothing is ever cut.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, TextIO

import orjson
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.measure import Measurement
from rich.table import Table

from interfaces.cli.folding import GAP, Folded
from interfaces.money import (
    Locale,
    format_count,
    format_decimal,
    format_money,
    format_rate,
)
from replay.written import json_value, plain, write_rows

Format = Literal["table", "json", "csv"]
Kind = Literal["text", "prose", "place", "count", "decimal", "money", "rate", "figure"]
Row = Mapping[str, object]

RICH_ROWS = 2_000
"""Above so many rows a terminal gets the plain table, which needs no measuring of cells."""
ROOM_FOR_PROSE = 30
"""Prose in a narrower column would be a word a line: the table is folded instead."""

_UNBOUNDED = 1_000_000


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: the member that it shows, its heading, and how its values read.

    ``money`` reads the currency of its row in the member ``currency``. A ``place`` is a number to
    be typed again, such as a position: its digits stand together. ``prose`` may be broken. A
    ``figure`` reads its kind in the member ``unit``: count, money, percent, score or another.
    """

    name: str
    heading: str = ""
    kind: Kind = "text"

    @property
    def title(self) -> str:
        """The heading, by default the member's name in words."""
        return self.heading or self.name.replace("_", " ")

    def cell(self, row: Row, locale: Locale) -> str:
        """The value of a row as people read it; nothing for null."""
        value = row.get(self.name)
        if value is None:
            return ""
        kind = row.get("unit") if self.kind == "figure" else self.kind
        if kind == "percent":
            return format_rate(Decimal(str(value)) / 100, locale)
        if kind == "money":
            currency = row.get("currency")
            if isinstance(value, int | Decimal) and isinstance(currency, str):
                return format_money(int(value), currency, locale)
        if kind == "rate":
            return format_rate(str(value), locale)
        if kind in {"decimal", "score"}:
            return format_decimal(str(value), locale)
        if kind == "count" and isinstance(value, int | Decimal):
            return format_count(int(value), locale)
        return plain(value)


@dataclass(frozen=True, slots=True)
class Answer:
    """Rows with the columns that a table shows; JSON and CSV hold every member of ``members``."""

    rows: Iterable[Row]
    columns: Sequence[Column]
    members: Sequence[str]
    title: str = ""
    as_of: Row | None = None
    empty: str = "nothing"


def write_answer(answer: Answer, format_: Format, locale: Locale, out: TextIO | None = None) -> int:
    """Write an answer to standard output; gives the number of rows."""
    out = out if out is not None else sys.stdout
    if format_ == "json":
        return _write_json(answer, out)
    if format_ == "csv":
        return write_csv(answer.rows, answer.members, out)
    rows = list(answer.rows)
    write_table(rows, answer.columns, locale, title=answer.title, empty=answer.empty, out=out)
    if answer.as_of is not None:
        out.write(f"{_as_of_line(answer.as_of)}\n")
    return len(rows)


def write_result(members: Row, format_: Format, sentence: str, out: TextIO | None = None) -> None:
    """Write what a command did: one JSON object, one line of CSV, or a sentence."""
    out = out if out is not None else sys.stdout
    if format_ == "json":
        out.write(to_json(members) + "\n")
    elif format_ == "csv":
        write_csv([members], list(members), out)
    else:
        out.write(f"{sentence}\n")


def write_table(
    rows: Sequence[Row],
    columns: Sequence[Column],
    locale: Locale,
    *,
    title: str = "",
    empty: str = "nothing",
    out: TextIO | None = None,
) -> None:
    """Write a table for people."""
    out = out if out is not None else sys.stdout
    cells = [[column.cell(row, locale) for column in columns] for row in rows]
    if not rows:
        out.write(f"{title}: {empty}\n" if title else f"{empty}\n")
    elif out.isatty():
        _write_on_terminal(cells, columns, title, out)
    else:
        _write_plain(cells, columns, title, out)


def to_json(value: object) -> str:
    """JSON with ISO days and instants, money as integers of any width."""
    try:
        return orjson.dumps(value, default=json_value, option=_JSON_OPTIONS).decode()
    except orjson.JSONEncodeError:
        # A total may be wider than the 64 bits that orjson writes.
        import json  # noqa: PLC0415 - hardly ever needed

        return json.dumps(value, default=json_value, ensure_ascii=False, separators=(",", ":"))


_JSON_OPTIONS = orjson.OPT_PASSTHROUGH_DATETIME


def _write_json(answer: Answer, out: TextIO) -> int:
    """Write ``{"as_of": …, "rows": […]}``, row by row: the rows may be many."""
    count = 0
    head = f'{{"as_of":{to_json(answer.as_of)},"rows":[' if answer.as_of else '{"rows":['
    out.write(head)
    for row in answer.rows:
        out.write(",\n" if count else "\n")
        out.write(to_json({name: row.get(name) for name in answer.members}))
        count += 1
    out.write("\n]}\n" if count else "]}\n")
    return count


def write_csv(rows: Iterable[Row], members: Sequence[str], out: TextIO | None = None) -> int:
    """Write rows under a line of their members; gives the number of rows."""
    return write_rows(rows, members, out if out is not None else sys.stdout)


def _as_of_line(as_of: Row) -> str:
    parts = [f"as of position {plain(as_of.get('position'))}"]
    if as_of.get("known_at") is not None:
        parts.append(f"known at {plain(as_of['known_at'])}")
    if as_of.get("effective_at") is not None:
        parts.append(f"effective at {plain(as_of['effective_at'])}")
    if as_of.get("checkpoint") is not None:
        parts.append(f"signed up to {plain(as_of['checkpoint'])}")
    if as_of.get("final") is False:
        parts.append("not final")
    return ", ".join(parts)


def _is_number(column: Column) -> bool:
    return column.kind not in {"text", "prose"}


def _widths(cells: Sequence[Sequence[str]], columns: Sequence[Column]) -> list[int]:
    return [
        max(len(column.title), *(len(line[at]) for line in cells))
        for at, column in enumerate(columns)
    ]


def _write_plain(
    cells: Sequence[Sequence[str]], columns: Sequence[Column], title: str, out: TextIO
) -> None:
    headings = [column.title for column in columns]
    widths = _widths(cells, columns)
    if title:
        out.write(f"{title}\n")
    lines = [headings, ["-" * width for width in widths], *cells]
    out.writelines(f"{GAP.join(line).rstrip()}\n" for line in _padded(lines, columns, widths))


def _padded(
    lines: Iterable[Sequence[str]], columns: Sequence[Column], widths: Sequence[int]
) -> Iterator[list[str]]:
    """Each cell as wide as its column."""
    for line in lines:
        yield [
            text.rjust(width) if _is_number(column) else text.ljust(width)
            for text, column, width in zip(line, columns, widths, strict=True)
        ]


def _write_folded(
    cells: Sequence[Sequence[str]], columns: Sequence[Column], title: str, room: int, out: TextIO
) -> None:
    """Write each row on as many lines as it takes, and their headings above all alike."""
    widths = _widths(cells, columns)
    prose = frozenset(at for at, column in enumerate(columns) if column.kind == "prose")
    table = Folded(widths, prose, room)
    if title:
        out.write(f"{title}\n")
    [headings] = _padded([[column.title for column in columns]], columns, widths)
    heads = list(table.lines(headings))
    out.writelines(f"{line}\n" for line in heads)
    out.write(f"{'-' * max(map(len, heads))}\n")
    for texts in _padded(cells, columns, widths):
        out.writelines(f"{line}\n" for line in table.lines(texts))


def _write_on_terminal(
    cells: Sequence[Sequence[str]], columns: Sequence[Column], title: str, out: TextIO
) -> None:
    """Draw the table, or fold it if the terminal is too narrow."""
    console = Console(file=out, highlight=False, emoji=False)
    if len(cells) <= RICH_ROWS:
        table = _drawn(cells, columns, title)
        unbounded = console.options.update(width=_UNBOUNDED)
        if Measurement.get(console, unbounded, table).minimum <= console.width:
            console.print(table)
            return
    widths = _widths(cells, columns)
    if sum(widths) + len(GAP) * (len(widths) - 1) <= console.width:
        _write_plain(cells, columns, title, out)
    else:
        _write_folded(cells, columns, title, console.width, out)


def _drawn(cells: Sequence[Sequence[str]], columns: Sequence[Column], title: str) -> Table:
    table = Table(
        title=escape(title) or None,
        title_justify="left",
        header_style="bold",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
    )
    for column, width in zip(columns, _widths(cells, columns), strict=True):
        whole = column.kind != "prose"
        table.add_column(
            escape(column.title),
            justify="right" if _is_number(column) else "left",
            overflow="fold",
            no_wrap=whole,
            # Rich would measure an amount without its currency: it sees a word's end between them.
            min_width=width if whole else min(width, ROOM_FOR_PROSE),
        )
    for line in cells:
        table.add_row(*map(escape, line))
    return table
