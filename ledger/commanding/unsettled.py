"""What is open of a month that is to be closed, read beside the ledger's own state (D16.2)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from psycopg import Cursor, sql
from psycopg.rows import tuple_row

from events.binary import time_said
from events.codec import decode_state
from events.finance import OpenLetter, PeriodClosed
from ledger.dead_letters import unpack
from ledger.engine.state import LEDGER, Ledger
from ledger.engine.unsettled import Unsettled, is_of_month
from ledger.ports import ReadModels
from ledger.store.recorder import LedgerRecorder

_LETTERS = """
SELECT id, kind, encode(payload_sha256, 'hex'), payload, kafka_headers, error
FROM {letters}
WHERE status = 'open' AND id > %s
ORDER BY id
LIMIT %s
"""
_PAGE = 200
"""Letters read at once: each is a mebibyte at most."""


def unsettled(
    recorder: LedgerRecorder, models: ReadModels, cursor: Cursor[Any], ledger: Ledger, last: date
) -> Unsettled:
    """What is open of the months up to a last day, and was not listed by an earlier close."""
    letters = tuple(_letters(recorder, cursor, last, ZoneInfo(ledger.time_zone)))
    found = Unsettled(letters, tuple(models.unresolved(cursor, last)))
    return found.without(_closes(recorder, cursor))


def _letters(
    recorder: LedgerRecorder, cursor: Cursor[Any], last: date, zone: ZoneInfo
) -> Iterator[OpenLetter]:
    names = recorder.names
    query = sql.SQL(_LETTERS).format(letters=sql.Identifier(names.schema, names.dead_letters))
    after = 0
    with cursor.connection.cursor(row_factory=tuple_row) as own:
        while rows := own.execute(query, (after, _PAGE)).fetchall():
            for number, kind, sha256, payload, headers, error in rows:
                said = None if payload is None else time_said(unpack(headers), bytes(payload))
                if is_of_month(said, error, last, zone):
                    yield OpenLetter(id=number, kind=kind, sha256=sha256)
                after = number


def _closes(recorder: LedgerRecorder, cursor: Cursor[Any]) -> Iterator[PeriodClosed]:
    names = recorder.names
    query = sql.SQL(
        "SELECT topic, state FROM {} WHERE originator_id = %s AND topic LIKE 'period.closed/%%'"
    ).format(sql.Identifier(names.schema, names.events))
    with cursor.connection.cursor(row_factory=tuple_row) as own:
        for topic, state in own.execute(query, (LEDGER,), prepare=False):
            close = decode_state(topic, bytes(state))
            assert isinstance(close, PeriodClosed)
            yield close
