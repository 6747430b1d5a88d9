"""Writers whose transactions may wait, and stand still, for a moment only."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from eventsourcing.postgres import PostgresDatastore
from psycopg.conninfo import conninfo_to_dict

from ledger.application import CommissionLedger
from ledger.store.recorder import LedgerRecorder
from projections.accrual import LiveModels
from replay.statements import seal

PATIENCE_SECONDS = 1


@contextmanager
def impatient_writer(url: str) -> Iterator[CommissionLedger]:
    """A writer of its own on the ledger of a database."""
    parts = conninfo_to_dict(url)
    store = PostgresDatastore(
        dbname=str(parts["dbname"]),
        host=str(parts.get("host", "")),
        port=str(parts.get("port", 5432)),
        user=str(parts.get("user", "")),
        password=str(parts.get("password", "")),
        max_overflow=3,
        lock_timeout=PATIENCE_SECONDS,
        idle_in_transaction_session_timeout=PATIENCE_SECONDS,
        schema="ledger",
        originator_id_type="text",
    )
    try:
        recorder = LedgerRecorder(store, events_table_name="events", tracking_table_name="tracking")
        yield CommissionLedger(recorder, LiveModels(), seal, operator="tester")
    finally:
        store.close()
