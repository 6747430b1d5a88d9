"""The dead letters: messages that were rejected or quarantined, and what becomes of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from psycopg import Connection, sql
from psycopg.rows import class_row, tuple_row

from events.binary import decode_record
from events.envelope import HORIZON_DAYS
from events.errors import Rejection
from ledger.dead_letters import Incoming, unpack
from ledger.errors import Refused
from ledger.recording import Recording
from ledger.sorting import OTHER_CONTENT
from ledger.store.migrations import Names

Status = Literal["open", "retried", "discarded"]
Outcome = Literal["recorded", "duplicate", "rejected", "quarantined"]
Record = Callable[[Sequence[Incoming]], Recording]

_SUMMARY = sql.SQL(
    "id, received_at, kind, origin, error, member, message, source, event_id, first_position,"
    " status, operator, closed_at, reason, erased_at, erased_by, published_at"
)


@dataclass(frozen=True, slots=True)
class Summary:
    """A kept message without its bytes; a quarantined one contradicts ``first_position``."""

    id: int
    received_at: datetime
    kind: Literal["rejected", "quarantined"]
    origin: str
    error: str
    member: str | None
    message: str | None
    source: str | None
    event_id: str | None
    first_position: int | None
    status: Status
    operator: str | None
    closed_at: datetime | None
    reason: str | None
    erased_at: datetime | None
    erased_by: str | None
    published_at: datetime | None


@dataclass(frozen=True, slots=True)
class Letter(Summary):
    """A kept message with its bytes as they came, and its headers if it came from Kafka.

    Both are None once they were erased; the hash is of the bytes as they came.
    """

    payload: bytes | None
    payload_sha256: bytes
    kafka_headers: bytes | None


@dataclass(frozen=True, slots=True)
class Attempt:
    """Somebody tried a letter again."""

    retried_at: datetime
    operator: str
    outcome: Outcome
    reason: str | None


@dataclass(frozen=True, slots=True)
class Retried:
    """What became of a letter that was tried again; ``reason`` if it is still not recorded."""

    id: int
    outcome: Outcome
    reason: str = ""


class DeadLetters:
    """The dead letters of one ledger; the connection is in autocommit mode."""

    def __init__(self, connection: Connection[Any], names: Names) -> None:
        self._connection = connection
        self._table = names.table(names.dead_letters)
        self._retries = names.table(names.dead_letter_retries)
        self._head = names.table(names.head)

    def last_position(self) -> int:
        """The last position of the ledger that the letters lie beside."""
        query = sql.SQL("SELECT position FROM {}").format(self._head)
        with self._connection.cursor(row_factory=tuple_row) as cursor:
            row = cursor.execute(query).fetchone()
        return int(row[0]) if row else 0

    def all(self, status: Status | None = "open") -> Iterator[Summary]:
        """The letters of a status, or of all, in the order in which they came."""
        query = sql.SQL("SELECT {} FROM {} WHERE %s::text IS NULL OR status = %s ORDER BY id")
        with self._connection.cursor(row_factory=class_row(Summary)) as cursor:
            yield from cursor.stream(query.format(_SUMMARY, self._table), (status, status))

    def get(self, id_: int) -> Letter:
        """One letter with its bytes; Refused for an id that does not exist."""
        query = sql.SQL("SELECT {}, payload, payload_sha256, kafka_headers FROM {} WHERE id = %s")
        with self._connection.cursor(row_factory=class_row(Letter)) as cursor:
            letter = cursor.execute(query.format(_SUMMARY, self._table), (id_,)).fetchone()
        if letter is None:
            raise Refused(
                f"there is no dead letter {id_}; list them with: commissions dead-letters list"
            )
        return letter

    def quarantined(self, batch: Sequence[Incoming]) -> Iterator[Letter]:
        """The letters of a batch that contradict what was recorded before, in line order."""
        payloads = {incoming.origin: incoming.payload for incoming in batch}
        query = sql.SQL(
            "SELECT {}, payload, payload_sha256, kafka_headers FROM {}"
            " WHERE kind = 'quarantined' AND origin = ANY(%s)"
        ).format(_SUMMARY, self._table)
        with self._connection.cursor(row_factory=class_row(Letter)) as cursor:
            found = {
                letter.origin: letter
                for letter in cursor.execute(query, (list(payloads),))
                if letter.payload == payloads[letter.origin]
            }
        yield from (found[origin] for origin in payloads if origin in found)

    def retry(
        self,
        id_: int,
        record: Record,
        *,
        received_at: datetime,
        operator: str,
        horizon_days: int = HORIZON_DAYS,
    ) -> Retried:
        """Try a letter again, as if it came at this instant; it is closed if it gets in.

        Each attempt is kept, with who made it and what came of it. Safe to repeat after a kill: a
        message that got in is a duplicate the next time. Refused for a letter that is closed.
        """
        result = self._tried(self._open(id_), record, received_at, horizon_days)
        with self._connection.transaction():
            self._connection.execute(
                sql.SQL(
                    "INSERT INTO {} (letter, operator, outcome, reason) VALUES (%s, %s, %s, %s)"
                ).format(self._retries),
                (id_, operator, result.outcome, result.reason or None),
            )
            if result.outcome in {"recorded", "duplicate"}:
                self._connection.execute(
                    sql.SQL(
                        "UPDATE {} SET status = 'retried', operator = %s,"
                        " closed_at = clock_timestamp() WHERE id = %s AND status = 'open'"
                    ).format(self._table),
                    (operator, id_),
                )
        return result

    def _tried(
        self, letter: Letter, record: Record, received_at: datetime, horizon_days: int
    ) -> Retried:
        payload = letter.payload or b""
        try:
            headers = unpack(letter.kafka_headers)
            message = decode_record(headers, payload, received_at, horizon_days=horizon_days)
        except Rejection as rejection:
            return Retried(letter.id, "rejected", str(rejection))
        result = record([Incoming(letter.origin, payload, message=message)])
        if result.quarantined:
            return Retried(letter.id, "quarantined", OTHER_CONTENT)
        return Retried(letter.id, "recorded" if result.accepted else "duplicate")

    def attempts(self, id_: int) -> list[Attempt]:
        """Who tried a letter again, in the order of time."""
        query = sql.SQL(
            "SELECT retried_at, operator, outcome, reason FROM {} WHERE letter = %s"
            " ORDER BY retried_at"
        ).format(self._retries)
        with self._connection.cursor(row_factory=class_row(Attempt)) as cursor:
            return cursor.execute(query, (id_,)).fetchall()

    def discard(self, id_: int, *, operator: str, reason: str = "discarded") -> None:
        """Close a letter for good and erase its bytes; Refused if it is closed.

        What stays: the hash of the bytes, where they stood, what was wrong, the reason (a code) and
        who discarded it.
        """
        self._open(id_)
        query = sql.SQL(
            "UPDATE {} SET status = 'discarded', operator = %(operator)s,"
            " closed_at = clock_timestamp(), reason = %(reason)s, payload = NULL,"
            " kafka_headers = NULL, erased_at = clock_timestamp(), erased_by = %(operator)s"
            " WHERE id = %(id)s AND status = 'open'"
        )
        parameters = {"id": id_, "operator": operator, "reason": reason}
        self._connection.execute(query.format(self._table), parameters)

    def expire(self, days: int, *, operator: str) -> int:
        """Erase the bytes of letters that came more than so many days ago; says of how many.

        An open one is closed as discarded, with the reason ``retention``; one that was closed
        before keeps who closed it.
        """
        query = sql.SQL(
            "UPDATE {} SET payload = NULL, kafka_headers = NULL, erased_at = clock_timestamp(),"
            " erased_by = %(operator)s, reason = COALESCE(reason, 'retention'),"
            " operator = CASE WHEN status = 'open' THEN %(operator)s ELSE operator END,"
            " closed_at = COALESCE(closed_at, clock_timestamp()),"
            " status = CASE WHEN status = 'open' THEN 'discarded' ELSE status END"
            " WHERE erased_at IS NULL"
            " AND received_at < clock_timestamp() - make_interval(days => %(days)s)"
        )
        parameters = {"days": days, "operator": operator}
        return self._connection.execute(query.format(self._table), parameters).rowcount

    def _open(self, id_: int) -> Letter:
        letter = self.get(id_)
        if letter.status != "open":
            raise Refused(f"dead letter {id_} is {letter.status} already; nothing is left to do")
        return letter
