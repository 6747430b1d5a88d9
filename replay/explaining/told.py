"""Events as an explanation shows them, and those that name each other."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from typing import Any, NamedTuple

from psycopg import Connection, sql
from psycopg.rows import tuple_row

from events.catalogue import TOPICS
from events.controls import ProposalApproved, ProposalRejected
from projections.names import DEFAULT_NAMES, Names


class Told(NamedTuple):
    """One recorded event; ``data`` holds its members as they are stored."""

    position: int
    recorded_at: datetime
    stream: str
    version: int
    topic: str
    day: date | None
    source: str | None
    id: str | None
    kind: str | None
    data: dict[str, Any]

    @property
    def type(self) -> str:
        """The type without its version: ``CommissionPosted``."""
        return self.topic.partition("/")[0]


class Log:
    """Reads single events of one ledger, as far as was known at a position."""

    def __init__(
        self, connection: Connection[Any], known: int, names: Names = DEFAULT_NAMES
    ) -> None:
        self._connection, self._known, self._names = connection, known, names

    def at(self, positions: Iterable[int]) -> dict[int, Told]:
        """Return the events of some positions; one that is not there is left out."""
        return {
            told.position: told for told in self._read("position = ANY(%s)", sorted(set(positions)))
        }

    def lines_of_period(self, line: Told) -> list[Told]:
        """Return every line of the period of a line, of whichever partner, in their order."""
        data = line.data
        found = self._read(
            "client_id = %s AND kind IS NOT NULL AND day = %s", data["client_id"], line.day
        )
        keys = ("subscription_id", "invoice_id", "payment_id")
        return [
            told
            for told in found
            if told.type in PERIOD_LINES and all(told.data.get(k) == data.get(k) for k in keys)
        ]

    def naming(self, line: Told) -> list[Told]:
        """Return later events that name a line: corrections, take-backs, a sponsor's shares.

        And that finance was told of it because of a retraction, and has looked at it.
        """
        data = line.data
        found = self._read(
            "position > %s AND (originator_id = %s OR client_id = %s)"
            " AND topic NOT LIKE 'client.%%'",
            line.position,
            line.stream,
            data.get("client_id"),
        )
        return [
            told
            for told in found
            if line.position in (told.data.get("line"), told.data.get("decision"))
        ]

    def resting_on(self, told: Told, most: int) -> list[Told]:
        """Return the first ``most`` decisions that name an event, of its client or partner."""
        found = self._read(
            "position > %s AND (originator_id = %s OR client_id = %s OR partner_id = %s)",
            told.position,
            told.stream,
            told.data.get("client_id"),
            told.data.get("partner_id"),
        )
        named = [each for each in found if told.position in references(each.data)]
        return named[:most]

    def tier_of(self, partner_id: str, day: date) -> Told | None:
        """Return the event that gave a partner the tier it has on a day."""
        found = self._read(
            "originator_id = %s AND day <= %s AND topic IN ('TierChanged/1',"
            " 'partner.enrolled/1', 'PartnerOpened/1')",
            f"partner:{partner_id}",
            day,
        )
        return max(found, key=lambda told: (told.day, told.position), default=None)

    def adoption(self, version: str) -> Told | None:
        """Return the adoption of a programme's version, such as ``izyinbox/1``."""
        name, _, number = version.rpartition("/")
        for told in self._read("originator_id = 'ledger' AND topic = 'programme.adopted/1'"):
            if (told.data["programme"], told.data["number"]) == (name, int(number)):
                return told
        return None

    def answer(self, proposal: int) -> Told | None:
        """Return the approval or rejection of a proposal; None while it waits."""
        for told in self._read(
            "originator_id = 'ledger' AND topic = ANY(%s) AND position > %s",
            [ProposalApproved.topic(), ProposalRejected.topic()],
            proposal,
        ):
            if told.data["proposal"] == proposal:
                return told
        return None

    def _read(self, condition: str, *values: object) -> list[Told]:
        query = sql.SQL(
            "SELECT position, recorded_at, originator_id, originator_version, topic, day, source,"
            " event_id, kind, state FROM {} WHERE {} AND position <= %s ORDER BY position"
        ).format(self._names.events, sql.SQL(condition))
        with self._connection.cursor(row_factory=tuple_row) as cursor:
            rows = cursor.execute(query, (*values, self._known)).fetchall()
        return [Told._make((*row[:-1], _data(row[4], bytes(row[-1])))) for row in rows]


PERIOD_LINES = frozenset({"CommissionPosted", "MarginPosted", "ClawbackWaived", "AdjustmentPosted"})
"""Types of the lines of a period (client, subscription, S)."""

_NAMES = (
    *("fact", "claim", "cause", "command", "run", "line", "ranking", "close", "decision"),
    *("previous_run", "standing", "proposal", "approval"),
)


def references(data: dict[str, Any]) -> Iterator[int]:
    """Yield the positions that an event names."""
    for name in _NAMES:
        value = data.get(name)
        if isinstance(value, int):
            yield value
    yield from data.get("facts", ())


def _data(topic: str, state: bytes) -> dict[str, Any]:
    if topic not in TOPICS:
        return {"state": state.hex()}
    found: dict[str, Any] = json.loads(state)
    return found
