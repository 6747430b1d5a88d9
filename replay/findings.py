"""What verification reads and what it finds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """Something that is not as it must be: which check, what is wrong, and where."""

    check: str
    what: str
    position: int | None = None
    partner_id: str | None = None


class StoredRow(NamedTuple):
    """A row of the events table, its columns in order."""

    position: int
    recorded_at: datetime
    originator_id: str
    originator_version: int
    topic: str
    state: bytes
    effective_at: datetime | None
    day: date | None
    source: str | None
    event_id: str | None
    partner_id: str | None
    client_id: str | None
    kind: str | None
    currency: str | None
    amount: Decimal | None
    in_flight: Decimal | None
    tax: int | None
    posting_day: date | None
    content: bytes
    leaf: bytes
