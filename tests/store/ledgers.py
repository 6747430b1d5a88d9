"""Rows to append, and what a whole ledger must satisfy whoever wrote it."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

import rfc8785
from psycopg import Cursor
from psycopg.rows import DictRow

from events.codec import content_hash
from events.values import format_instant
from ledger.store import merkle
from ledger.store.recorder import LedgerRecorder
from ledger.store.rows import Row
from tests.store.conftest import OpenDatastore
from tests.store.test_merkle import naive_root

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def fact(
    client: str, event_id: str | None = None, *, state: bytes = b"{}", minutes: int = 0
) -> Row:
    """A fact about a client, told by one billing system."""
    at = NOON + timedelta(minutes=minutes)
    source = None if event_id is None else "urn:billing"
    topic = "invoice.paid/1"
    content = content_hash(topic, state, at, source, event_id)
    nothing = (None,) * 6
    return Row(
        f"client:{client}", topic, state, at, at.date(), source, event_id, None, client, *nothing,
        content,
    )  # fmt: skip


def line(partner: str, amount: int, *, kind: str = "commission") -> Row:
    """A line of a partner's account, in euro cents."""
    day = NOON.date()
    return Row(
        stream=f"account:{partner}",
        topic="CommissionPosted/1",
        state=b'{"amount":%d}' % amount,
        effective_at=NOON,
        day=day,
        source=None,
        event_id=None,
        partner_id=partner,
        client_id="c-1",
        kind=kind,
        currency="EUR",
        amount=amount,
        in_flight=-1,
        tax=-2,
        posting_day=day,
        content=content_hash("CommissionPosted/1", b"{}", NOON, None, None),
    )


def append(
    recorder: LedgerRecorder, *rows: Row, expected_head: int | None = None
) -> tuple[int, int]:
    """Append rows in a transaction of their own; the first and last position."""
    with recorder.datastore.transaction(commit=True) as cursor:
        appended = recorder.append(cursor, rows, expected_head=expected_head)
        return appended.first, appended.last


def on_ledger(open_datastore: OpenDatastore, url: str, **options: object) -> LedgerRecorder:
    """Another recorder of the same ledger, as another process has."""
    datastore = open_datastore(url, **options)
    return LedgerRecorder(datastore, events_table_name="events", tracking_table_name="tracking")


def assert_sound(cursor: Cursor[DictRow]) -> int:
    """Check positions, instants, versions, leaves and frontier of ``ledger.events``; how many."""
    cursor.execute("SELECT * FROM ledger.events ORDER BY position")
    rows = cursor.fetchall()
    assert [row["position"] for row in rows] == list(range(1, len(rows) + 1))
    instants = [row["recorded_at"] for row in rows]
    assert instants == sorted(instants)
    versions: dict[str, int] = {}
    for row in rows:
        stream = row["originator_id"]
        versions[stream] = versions.get(stream, 0) + 1
        assert row["originator_version"] == versions[stream]
        assert row["leaf"] == leaf_by_definition(row)
    cursor.execute("SELECT * FROM ledger.ledger_head")
    head = cursor.fetchone()
    assert head is not None
    assert head["position"] == len(rows)
    assert merkle.root(head["frontier"], len(rows)) == naive_root([row["leaf"] for row in rows])
    return len(rows)


def leaf_by_definition(row: DictRow) -> bytes:
    """SHA-256(0x00 and RFC 8785 of {position, recorded_at, stream, version, content})."""
    head = rfc8785.dumps(
        {
            "position": row["position"],
            "recorded_at": format_instant(row["recorded_at"]),
            "stream": row["originator_id"],
            "version": row["originator_version"],
            "content": row["content"].hex(),
        }
    )
    return hashlib.sha256(b"\x00" + head).digest()
