"""What the commands before a page of events say: time zone, opening, last closed month."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from datetime import date
from operator import itemgetter
from typing import Any, NamedTuple

from psycopg import Connection, sql
from psycopg.rows import tuple_row

from events.base import Event
from events.catalogue import TOPICS
from events.codec import decode_state
from events.errors import EventError
from events.finance import LedgerOpened, PeriodClosed, ProgrammeAdopted
from ledger.engine.calendar import ONE_DAY
from ledger.engine.state import LEDGER
from replay.statements import last_day

_TYPES = (ProgrammeAdopted, PeriodClosed, LedgerOpened)
_TOPICS = [topic for topic, cls in TOPICS.items() if issubclass(cls, _TYPES)]


class Terms(NamedTuple):
    """What holds for the next event; None where nothing was said yet."""

    time_zone: str | None = None
    opened_on: date | None = None
    closed_through: date | None = None

    def after(self, event: Event) -> Terms:
        """What holds after an event; the same after most."""
        match event:
            case ProgrammeAdopted():
                return self._replace(time_zone=self.time_zone or event.time_zone)
            case PeriodClosed():
                return self._replace(closed_through=last_day(event.month))
            case LedgerOpened():
                return self._replace(opened_on=event.day, closed_through=event.day - ONE_DAY)
            case _:
                return self


class Course:
    """The terms at any position, from the few commands that set them."""

    def __init__(self, events: Iterable[tuple[int, Event]]) -> None:
        self._terms = [(0, Terms())]
        for position, event in events:
            self._terms.append((position, self._terms[-1][1].after(event)))

    def at(self, position: int) -> Terms:
        """What holds after the event of a position."""
        return self._terms[bisect_right(self._terms, position, key=itemgetter(0)) - 1][1]


def course_of(connection: Connection[Any], events: sql.Identifier, through: int) -> Course:
    """Read the course of a ledger; what cannot be read is told with its page."""
    query = sql.SQL(
        "SELECT position, topic, state FROM {} WHERE originator_id = {} AND topic = ANY(%s)"
        " AND position <= %s ORDER BY position"
    ).format(events, LEDGER)
    found: list[tuple[int, Event]] = []
    with connection.transaction(), connection.cursor(row_factory=tuple_row, binary=True) as cursor:
        for position, topic, state in cursor.execute(query, (_TOPICS, through)):
            try:
                found.append((position, decode_state(topic, state)))
            except (EventError, ValueError):
                continue
    return Course(found)
