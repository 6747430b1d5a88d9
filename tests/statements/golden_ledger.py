"""The golden ledger: rows as they were recorded once, and the statements that they must give."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from ledger.store import merkle

GOLDEN = Path(__file__).parent / "golden"
ROWS = GOLDEN / "ledger.jsonl"
FORMS = ("txt", "json", "csv", "pdf")
STATEMENTS = tuple(
    (partner, month)
    for partner in ("p-alpha", "p-beta")
    for month in ("2026-04", "2026-05", "2026-06")
)
_BYTES = ("state", "content", "leaf")


def asked(partner: str, month: str, form: str) -> tuple[str, ...]:
    """The command that writes a statement in a form, named as its file ends."""
    format_ = "table" if form == "txt" else form
    return ("statement", partner, "--month", month, "--format", format_)


def golden(partner: str, month: str, form: str) -> bytes:
    """What a statement must be."""
    return (GOLDEN / f"{partner}-{month}.{form}").read_bytes()


def rows_of(url: str) -> Iterator[str]:
    """Every event of a ledger as a line of JSON, bytes in hex."""
    with psycopg.connect(url, row_factory=dict_row, options="-c TimeZone=UTC") as connection:
        for row in connection.execute("SELECT * FROM ledger.events ORDER BY position"):
            told = {
                name: bytes(value).hex() if name in _BYTES else value
                for name, value in row.items()
                if value is not None
            }
            yield json.dumps(told, default=str, sort_keys=True)


def load(url: str) -> int:
    """Put the golden rows into an empty ledger; gives the last position."""
    rows = [json.loads(line) for line in ROWS.read_text(encoding="utf-8").splitlines()]
    frontier = merkle.append(b"", 0, [bytes.fromhex(row["leaf"]) for row in rows])
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        for row in rows:
            values = {
                name: bytes.fromhex(value) if name in _BYTES else value
                for name, value in row.items()
            }
            cursor.execute(
                sql.SQL("INSERT INTO ledger.events ({}) VALUES ({})").format(
                    sql.SQL(", ").join(map(sql.Identifier, values)),
                    sql.SQL(", ").join(sql.Placeholder() for _ in values),
                ),
                list(values.values()),
            )
        cursor.execute(
            "UPDATE ledger.ledger_head SET position = %s, recorded_at = %s, frontier = %s",
            (len(rows), rows[-1]["recorded_at"], frontier),
        )
    return len(rows)
