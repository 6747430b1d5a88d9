"""How a decision that was recorded differs from the one that is taken again."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterator
from datetime import date as day_type
from datetime import datetime
from typing import Any, NamedTuple

import orjson

from events.base import Decision, Event
from events.codec import decode_state, encode
from events.errors import UnknownTopic, UnreadableState
from ledger.errors import Corrupt

_IDENTITY = (
    *("day", "subscription_id", "invoice_id", "payment_id", "ordinal", "contest", "badge"),
    *("sponsored_id", "prize", "rank", "claim", "fact"),
)
"""Members that say what a decision is about, among those of one type, partner and client."""

Members = dict[str, Any]


class Row(NamedTuple):
    """An event as it is stored: the columns of the events table that deciding again reads.

    ``state`` is canonical JSON, ``day`` the place on the effective axis; ``stream`` is the column
    ``originator_id``.
    """

    position: int
    stream: str
    topic: str
    state: bytes
    effective_at: datetime
    day: day_type
    source: str | None
    event_id: str | None
    partner_id: str | None
    client_id: str | None


class Difference(NamedTuple):
    """One decision that is not as it was recorded, in canonical bytes.

    ``position`` is that of the recorded decision, None if none was recorded; ``cause`` that of the
    fact or command that it is decided on. Of ``recorded`` and ``decided`` at least one is given.
    With a ``problem`` it is a fact or command itself on which nothing can be decided.
    """

    position: int | None
    cause: int
    stream: str
    type: str
    partner_id: str | None
    recorded: bytes | None
    decided: bytes | None
    problem: str | None = None

    @property
    def place(self) -> tuple[int, int, str]:
        """What they are ordered by: the recorded decision, else what should have brought it."""
        return self.position or self.cause, self.position or 0, self.stream

    @property
    def was(self) -> Members:
        """The members that were recorded, none if there is no such decision."""
        return orjson.loads(self.recorded) if self.recorded else {}

    @property
    def would_be(self) -> Members:
        """The members that are decided now, none if there is no such decision."""
        return orjson.loads(self.decided) if self.decided else {}


class Expected(NamedTuple):
    """A decision taken again, with its canonical bytes."""

    decision: Decision
    state: bytes

    @classmethod
    def of(cls, decision: Decision) -> Expected:
        """The decision with its bytes."""
        return cls(decision, encode(decision))

    def is_recorded_as(self, row: Row) -> bool:
        """Whether a row holds this decision, byte for byte or as an older version of its type."""
        if self.state == row.state:
            return row.topic == self.decision.topic()
        return row.topic != self.decision.topic() and self.decision == recorded_in(row)


def read(row: Row) -> Event:
    """The event that a row holds. Raises Corrupt, with its position, if it cannot be read."""
    try:
        return decode_state(row.topic, row.state)
    except (UnknownTopic, UnreadableState) as error:
        raise Corrupt(
            f"the event at position {row.position} cannot be read: {error}; run: commissions verify"
        ) from error


def recorded_in(row: Row) -> Decision:
    """The decision that a row holds. Raises Corrupt, as :func:`read`."""
    data = read(row)
    assert isinstance(data, Decision)
    return data


def otherwise(row: Row, cause: int, expected: Expected) -> Difference:
    """A decision that was recorded in another way."""
    return _difference(row.position, cause, expected.decision, row.state, expected.state)


def not_recorded(cause: int, expected: Expected) -> Difference:
    """A decision that was not recorded."""
    return _difference(None, cause, expected.decision, None, expected.state)


def not_decided(row: Row, cause: int, recorded: Decision) -> Difference:
    """A decision that is not taken again."""
    return _difference(row.position, cause, recorded, row.state, None)


def undecidable(row: Row, problem: str) -> Difference:
    """A fact or command on which nothing can be decided, and why."""
    name = row.topic.partition("/")[0]
    cause = row.position
    return Difference(cause, cause, row.stream, name, row.partner_id, row.state, None, problem)


def _difference(
    position: int | None,
    cause: int,
    decision: Decision,
    recorded: bytes | None,
    decided: bytes | None,
) -> Difference:
    partner_id = decision.__dict__.get("partner_id")
    return Difference(
        position, cause, decision.stream, decision.type, partner_id, recorded, decided
    )


Key = tuple[str, str | None, str | None]
"""Type of a decision, the partner with whom a run takes it, its client."""

_OF_SPONSORS = frozenset({"RewardPosted", "OverridePosted"})


def earner_of(decision: Decision) -> str | None:
    """The partner with whom a run takes a decision: of a sponsor's lines the sponsored one."""
    members = decision.__dict__
    earner: str | None = members.get("sponsored_id") or members.get("partner_id")
    return earner


class RunRows:
    """What was recorded of one run, met by what is decided again."""

    def __init__(self, rows: list[Row]) -> None:
        self._rows: defaultdict[Key, deque[Row]] = defaultdict(deque)
        for row in rows:
            self._rows[_key_of(row)].append(row)
        self._missing: defaultdict[Key, list[Expected]] = defaultdict(list)

    def meet(self, expected: Expected) -> tuple[Row | None, bool]:
        """The row of a decision and whether it is the same; None: none yet is about the same."""
        key = _key(expected.decision)
        rows = self._rows.get(key)
        if rows:
            if expected.is_recorded_as(rows[0]):
                return rows.popleft(), True
            for is_same in (Expected.is_recorded_as, _is_about_the_same):
                for index, row in enumerate(rows):
                    if is_same(expected, row):
                        del rows[index]
                        return row, is_same is Expected.is_recorded_as
        self._missing[key].append(expected)
        return None, False

    def left(self) -> Iterator[tuple[Row | None, Expected | None]]:
        """What has not met: pairs of one type, partner and client, then each alone."""
        for key in sorted(self._rows.keys() | self._missing.keys(), key=_in_order):
            rows, missing = self._rows.get(key, deque()), self._missing.get(key, [])
            yield from zip(rows, missing, strict=False)
            paired = min(len(rows), len(missing))
            yield from ((row, None) for row in list(rows)[paired:])
            yield from ((None, expected) for expected in missing[paired:])


def _key(decision: Decision) -> Key:
    return decision.type, earner_of(decision), decision.__dict__.get("client_id")


def _key_of(row: Row) -> Key:
    name, earner = row.topic.partition("/")[0], row.partner_id
    if name in _OF_SPONSORS:
        earner = earner_of(recorded_in(row))
    return name, earner, row.client_id


def _in_order(key: Key) -> tuple[str, str, str]:
    return key[0], key[1] or "", key[2] or ""


def _is_about_the_same(expected: Expected, row: Row) -> bool:
    members, others = expected.decision.__dict__, recorded_in(row).__dict__
    return all(members.get(name) == others.get(name) for name in _IDENTITY)
