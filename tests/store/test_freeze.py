"""A writer that freezes while it copies its rows holds up nobody."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import psycopg
import pytest
from psycopg.rows import dict_row

from ledger.store.recorder import LedgerRecorder
from tests.store.conftest import OpenDatastore
from tests.store.ledgers import assert_sound, fact

# Stops itself in the middle of COPY: between the rows, with the transaction open.
WRITER = """
import os, signal, sys
from ledger.store.recorder import LedgerRecorder
from tests.store.conftest import datastore_of
from tests.store.ledgers import fact

def rows():
    for n in range(20_000):
        if n == 10_000:
            os.kill(os.getpid(), signal.SIGSTOP)
        yield fact(f"frozen-{n}")

datastore = datastore_of(sys.argv[1])
recorder = LedgerRecorder(datastore, events_table_name="events", tracking_table_name="tracking")
batch = list(fact(f"frozen-{n}") for n in range(20_000))
with datastore.transaction(commit=True) as cursor:
    recorder.stage(cursor, rows())
    recorder.insert_staged(cursor, recorder.head(cursor), batch)
datastore.close()
"""


@pytest.mark.fault
def test_a_writer_stopped_while_staging_blocks_nobody(
    ledger_url: str, open_datastore: OpenDatastore
) -> None:
    """Others append while it stands; woken, it appends after them with the right versions."""
    datastore = open_datastore(ledger_url, lock_timeout=5)
    recorder = LedgerRecorder(datastore, events_table_name="events", tracking_table_name="tracking")
    writer = subprocess.Popen([sys.executable, "-c", WRITER, ledger_url])
    try:
        _wait_until_stopped(writer.pid)
        with psycopg.connect(ledger_url, row_factory=dict_row) as watcher:
            copying = watcher.execute(
                "SELECT FROM pg_stat_activity WHERE query LIKE 'COPY%' AND state = 'active' "
                "AND datname = current_database()"
            ).fetchall()
            assert len(copying) == 1
        for turn in range(20):
            with datastore.transaction(commit=True) as cursor:
                appended = recorder.append(cursor, [fact("frozen-1")], expected_head=turn)
        assert appended.last == 20
        os.kill(writer.pid, signal.SIGCONT)
        assert writer.wait(60) == 0
    finally:
        writer.kill()
        writer.wait()
    assert recorder.max_notification_id() == 20_020
    assert recorder.select_events("client:frozen-1", desc=True, limit=1)[0].originator_version == 21
    with datastore.transaction() as cursor:
        assert assert_sound(cursor) == 20_020


def _wait_until_stopped(pid: int) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        waited, status = os.waitpid(pid, os.WUNTRACED | os.WNOHANG)
        if waited == pid:
            assert os.WIFSTOPPED(status), f"the writer ended with status {status}"
            return
        time.sleep(0.02)
    pytest.fail("the writer did not come to its stop")
