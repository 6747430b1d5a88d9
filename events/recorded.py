"""An event as it stands in the ledger."""

from __future__ import annotations

from datetime import date, datetime
from typing import NamedTuple

from events.base import Event


class Recorded(NamedTuple):
    """An event with its place: what the engine reads.

    ``effective_at`` is an instant in UTC, ``day`` its calendar day in the ledger's time zone (D2).
    ``source`` and ``id`` are the idempotency key of a fact, None for anything else.
    """

    position: int
    effective_at: datetime
    day: date
    data: Event
    source: str | None = None
    id: str | None = None
