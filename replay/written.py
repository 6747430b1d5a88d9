"""Values as answers and files hold them: ISO days and instants, whole totals; rows as CSV."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import TextIO

import orjson

from events.values import format_instant


def plain(value: object) -> str:
    """Return a value as text: ISO days and instants, lists with spaces between."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case datetime():
            return format_instant(value)
        case date():
            return value.isoformat()
        case Decimal():
            return f"{value:f}"
        case list() | tuple():
            return " ".join(map(plain, value))
        case dict():
            return orjson.dumps(value, default=json_value).decode()
        case _:
            return str(value)


def json_value(value: object) -> object:
    """Return what JSON holds of a value that it has no form for."""
    match value:
        case datetime():
            return format_instant(value)
        case date():
            return value.isoformat()
        case Decimal():
            return _whole(value)
        case _:
            raise TypeError(f"an answer cannot hold a {type(value).__name__}")


def write_rows(rows: Iterable[Mapping[str, object]], members: Sequence[str], out: TextIO) -> int:
    """Write rows as CSV under a line of their members; gives the number of rows."""
    count = 0
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(members)
    for row in rows:
        writer.writerow([plain(row.get(name)) for name in members])
        count += 1
    return count


def _whole(value: Decimal) -> int:
    """Totals are NUMERIC in the database, but whole all the same."""
    if value != int(value):
        raise TypeError("an amount of minor units is whole")
    return int(value)
