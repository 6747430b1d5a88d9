"""Wire messages: CloudEvents as JSON lines, each with the month in which it is delivered."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from operator import attrgetter

FIRST_MONTH = (2025, 12)
"""The first delivery: all that happened up to the end of 2025."""
LAST_MONTH = (2026, 12)
"""The last delivery; nothing later is told."""

SOURCES = {
    "client.activated": "/billing",
    "client.plan_changed": "/billing",
    "client.churned": "/billing",
    "client.usage_reported": "/product",
    "client.nps_reported": "/surveys",
    "referral.registered": "/crm",
    "lead.captured": "/crm",
    "lead.converted": "/crm",
    "demo.held": "/crm",
    "trial.started": "/crm",
    "trial.ended": "/crm",
    "partner.enrolled": "/partners",
    "partner.agreement_signed": "/partners",
    "partner.agreement_ended": "/partners",
    "partner.portfolio_reported": "/partners",
    "partner.comarketing_invested": "/partners",
    "partner.territory_granted": "/partners",
    "partner.white_label_granted": "/partners",
    "wholesale.settled": "/finance",
    "partner.certified": "/academy",
    "training.completed": "/academy",
    "partner.nps_reported": "/surveys",
    "portal.visited": "/portal",
    "resource.downloaded": "/portal",
    "cost.recorded": "/finance",
}
"""Which system tells a type of message."""

Data = Mapping[str, str | int | bool]


@dataclass(frozen=True, slots=True)
class Message:
    """One message: its line, its instant, and the (year, month) in which it is delivered."""

    line: bytes
    instant: datetime
    delivered: tuple[int, int]
    late: bool


@dataclass(slots=True)
class Book:
    """Collects the messages; ids count up for each source."""

    messages: list[Message] = field(default_factory=list)
    _ids: Counter[str] = field(default_factory=Counter)

    def tell(
        self, day: date, type_: str, data: Data, *, late: int = 0, at_night: bool = False
    ) -> None:
        """Add a message of a day in Paris, delivered ``late`` months after its own.

        Its second grows from message to message within working hours, or is half past eleven in the
        night before, in UTC, when the day in Paris has begun. What is of a day after the last
        delivery is not told.
        """
        if (day.year, day.month) > LAST_MONTH:
            return
        source = SOURCES[type_]
        self._ids[source] += 1
        number = self._ids[source]
        # 06:00 to 19:59 UTC is one day in Paris, summer and winter; 7919 is prime to 50,400.
        second = -1_800 if at_night else 21_600 + number * 7_919 % 50_400
        instant = datetime.combine(day, time(), UTC) + timedelta(seconds=second)
        line = encode(source, f"{source.strip('/')}-{number:06d}", type_, instant, data)
        delivered = min(max(_months_later(day, late), FIRST_MONTH), LAST_MONTH)
        own = max((day.year, day.month), FIRST_MONTH)
        self.messages.append(Message(line, instant, delivered, delivered > own))

    def delivered_in(self, month: tuple[int, int]) -> list[Message]:
        """The messages of one delivery: what comes late first, then the others, each in order."""
        found = [message for message in self.messages if message.delivered == month]
        return sorted(
            sorted(found, key=attrgetter("instant")), key=lambda message: not message.late
        )


def encode(source: str, id_: str, type_: str, instant: datetime, data: Data) -> bytes:
    """One structured CloudEvent as a line of JSON, with its line end."""
    event = {
        "specversion": "1.0",
        "id": id_,
        "source": source,
        "type": type_,
        "time": instant.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "data": dict(data),
    }
    return json.dumps(event, separators=(",", ":")).encode() + b"\n"


def add_months(day: date, months: int) -> date:
    """The same day so many months later, at most the month's last."""
    year, month = _months_later(day, months)
    return day.replace(year=year, month=month, day=min(day.day, last_day(year, month).day))


def last_day(year: int, month: int) -> date:
    """The last day of a month."""
    return date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)


def _months_later(day: date, months: int) -> tuple[int, int]:
    month = day.year * 12 + day.month - 1 + months
    return month // 12, month % 12 + 1
