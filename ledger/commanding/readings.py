"""Who read what, where a programme wants it recorded (D16.3)."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

from psycopg import Cursor

from events.base import Command
from events.controls import DocumentRead
from ledger.commanding.commanding import Commanding
from ledger.engine import approvals
from ledger.engine.calendar import end_of_month, first_of_month
from ledger.engine.state import Ledger


class Reading(NamedTuple):
    """A document that is about to be given out.

    Of the months ``first`` to ``last`` (``YYYY-MM``); ``position`` is the last event that it rests
    on, ``sha256`` the hash of its bytes in ``format``.
    """

    document: Literal["statement", "evidence"]
    first: str
    last: str
    format: str
    sha256: str
    position: int
    partner_id: str | None = None


class ReadingCommands(Commanding):
    """The readings of documents."""

    def record_reading(self, reading: Reading) -> int | None:
        """Record a reading before its document is given out; its position.

        None, and nothing recorded, unless a programme in force wants it. It waits for nothing and
        finishes no run: it changes no balance, no statement and no projection.
        """
        with self._appender.transaction() as cursor:
            if not approvals.records_reading(self._follow(cursor)):
                return None

        def decide(_: Ledger, __: Cursor[Any]) -> Command:
            return DocumentRead.model_validate({**reading._asdict(), "operator": self._operator})

        day = end_of_month(first_of_month(reading.last))
        return self._append_command(decide, lambda _: day)
