"""A ledger of many millions of events, made of a smaller real one: its rows again and again.

What a query of balances reads is real: the table, its indexes, its rows, in runs and batches as a
ledger has them. Streams, clients and partners of each repetition are others; the hashes are those
of the rows repeated, so such a ledger cannot be verified. A partner stands in ten repetitions one
after the other, so that with 100,000 events each it has as many lines as in a real ledger of a
million; the giant stands in all of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import psycopg

from benchmarks.figures import note
from benchmarks.history import History, build

SHARED_BY = 10
"""Repetitions that a partner stands in."""

_REPEAT = """
INSERT INTO ledger.events
SELECT
    position + %(number)s * %(events)s::bigint,
    recorded_at + %(number)s * %(span)s::interval,
    originator_id || '.' || %(number)s,
    originator_version,
    topic,
    state,
    effective_at,
    day,
    source,
    event_id || '.' || %(number)s,
    CASE WHEN partner_id = %(giant)s THEN partner_id
        ELSE partner_id || %(which)s END,
    client_id || '.' || %(number)s,
    kind,
    currency,
    amount,
    in_flight,
    tax,
    posting_day,
    content,
    leaf
FROM ledger.events
WHERE position <= %(events)s
ORDER BY position
"""


@contextmanager
def build_repeated(server: str, events: int, times: int) -> Iterator[History]:
    """Build a ledger of about ``events`` times ``times`` events, dropped at the end."""
    with build(server, events, "bench_repeated") as history:
        note(f"repeating it {times - 1:,} times")
        with psycopg.connect(history.url, autocommit=True) as connection:
            [(span,)] = connection.execute(
                "SELECT MAX(recorded_at) - MIN(recorded_at) + INTERVAL '1 second'"
                " FROM ledger.events"
            ).fetchall()
            for number in range(1, times):
                values = {
                    "number": number,
                    "events": history.events,
                    "span": span,
                    "giant": history.giant,
                    "which": _which(number),
                }
                connection.execute(_REPEAT, values)
            connection.execute("VACUUM (ANALYZE) ledger.events")
        partners = [
            f"{partner}{_which(number)}"
            for number in range(0, times, SHARED_BY)
            for partner in history.partners
        ]
        yield replace(history, events=history.events * times, partners=partners)


def _which(number: int) -> str:
    """What the partners of a repetition have behind their names."""
    return "" if number < SHARED_BY else f".{number // SHARED_BY}"
