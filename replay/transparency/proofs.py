"""Proofs as they are handed out: JSON that ``commissions-verify`` checks without the ledger."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from psycopg import Connection, sql
from psycopg.rows import tuple_row

from events.catalogue import TOPICS
from events.values import format_instant
from ledger.errors import Refused
from projections.names import DEFAULT_NAMES, Names
from replay.as_of import AsOf
from replay.statements import Statement, Statements
from replay.transparency import tree
from replay.transparency.checkpoints import Checkpoints, StoredCheckpoint
from replay.transparency.subtrees import Subtrees
from replay.transparency.tree import Range

Document = dict[str, Any]
"""A JSON object: of an event, ``position, recorded_at, stream, version, topic, effective_at,
source, id, data`` and ``proof``, hashes in hex, the lowest first."""


class Proofs:
    """Proves what is in one ledger's log against the checkpoints that it gave out; only reads."""

    def __init__(self, connection: Connection[Any], names: Names = DEFAULT_NAMES) -> None:
        self._connection = connection
        self._names = names
        self._tree = Subtrees(connection, names)
        self._checkpoints = Checkpoints(connection, names)

    def inclusion(self, position: int, size: int | None = None) -> Document:
        """Return the proof that the event of a position is in the log of a checkpoint.

        ``size``: which checkpoint, the last by default. Raises Refused where there is none, or
        the position is later.
        """
        checkpoint = self._checkpoint(position, size)
        (event,) = self._events([position], checkpoint)
        return _format("inclusion", checkpoint=checkpoint.note, event=event)

    def consistency(self, old: int, new: int | None = None) -> Document:
        """Return the proof that the log of a later checkpoint begins with that of an earlier."""
        earlier, later = self._given(old), self._given(new)
        if earlier.position > later.position:
            raise Refused(f"the checkpoint of {old} events is the later one; give it last")
        return _format(
            "consistency",
            old=earlier.note,
            new=later.note,
            proof=self._hashes(tree.consistency(earlier.position, later.position)),
        )

    def growth(self, position: int, size: int) -> list[str]:
        """Return the hashes that show a checkpoint's log to begin with that of a position."""
        return self._hashes(tree.consistency(position, size))

    def statement(self, partner_id: str, month: str, size: int | None = None) -> Document:
        """Return a closed month's statement with its events, each proven.

        Beside the lines: the close, and all that lies between the first and the last line in the
        partner's account, so that its numbers show that no line is left out. Raises Refused for
        a month that is open, or closed after the checkpoint.
        """
        at = AsOf(self._head(), None, None, final=True)
        found = Statements(self._connection, self._names).of(partner_id, month, at)
        if found.position is None:
            raise Refused(f"{month} is not closed, and only a closed month is proven; close it")
        checkpoint = self._checkpoint(found.position, size)
        return _format(
            "statement",
            checkpoint=checkpoint.note,
            statement=found.document(),
            consistency=self.growth(found.position, checkpoint.position),
            events=self._events(self._of(found, checkpoint.position), checkpoint),
        )

    def _of(self, found: Statement, size: int) -> list[int]:
        """The positions that a statement rests on.

        Of the account from the event before the first line to the first after the close: their
        numbers leave no room for a line that is not shown.
        """
        lines = [int(str(line["position"])) for one in found.accounts for line in one.lines]
        query = sql.SQL(
            "SELECT position FROM {events} WHERE originator_id = %(account)s"
            " AND originator_version >= COALESCE((SELECT MIN(originator_version) - 1 FROM {events}"
            " WHERE originator_id = %(account)s AND position = ANY(%(lines)s)), 0)"
            " AND position <= COALESCE((SELECT MIN(position) FROM {events}"
            " WHERE originator_id = %(account)s AND position > %(close)s AND position <= %(size)s),"
            " %(close)s)"
        ).format(events=self._names.events)
        given = {
            "account": f"account:{found.partner_id}",
            "lines": lines,
            "close": found.position,
            "size": size,
        }
        with self._connection.cursor(row_factory=tuple_row) as cursor:
            account = {position for (position,) in cursor.execute(query, given)}
        return sorted({*lines, *account, int(str(found.position))})

    def _checkpoint(self, position: int, size: int | None) -> StoredCheckpoint:
        found = self._given(size)
        if position > found.position:
            raise Refused(
                f"the checkpoint has {found.position} events, this is position {position}; sign a"
                " new one with: commissions checkpoint create"
            )
        return found

    def _given(self, size: int | None) -> StoredCheckpoint:
        found = self._checkpoints.at(size)
        if found is None:
            which = "" if size is None else f" of {size} events; list them with: commissions"
            end = "; sign one with: commissions checkpoint create" if size is None else ""
            raise Refused(f"there is no checkpoint{which}{end or ' checkpoint list'}")
        return found

    def _hashes(self, ranges: Iterable[Range]) -> list[str]:
        return [self._tree.root(start, end).hex() for start, end in ranges]

    def _events(self, positions: list[int], checkpoint: StoredCheckpoint) -> list[Document]:
        query = sql.SQL(
            "SELECT position, recorded_at, originator_id, originator_version, topic, effective_at,"
            " source, event_id, state FROM {} WHERE position = ANY(%s) ORDER BY position"
        ).format(self._names.events)
        with self._connection.cursor(row_factory=tuple_row, binary=True) as cursor:
            rows = cursor.execute(query, (positions,)).fetchall()
        known: dict[Range, str] = {}
        events = []
        for position, recorded_at, stream, version, topic, effective_at, source, id_, state in rows:
            path = tree.inclusion(position - 1, checkpoint.position)
            for each in path:
                if each not in known:
                    known[each] = self._tree.root(*each).hex()
            events.append(
                {
                    "position": position,
                    "recorded_at": format_instant(recorded_at),
                    "stream": stream,
                    "version": version,
                    "topic": topic,
                    "effective_at": effective_at and format_instant(effective_at),
                    "source": source,
                    "id": id_,
                    "data": json.loads(state) if topic in TOPICS else bytes(state).hex(),
                    "proof": [known[each] for each in path],
                }
            )
        return events

    def _head(self) -> int:
        with self._connection.cursor(row_factory=tuple_row) as cursor:
            query = sql.SQL("SELECT position FROM {}").format(self._names.head)
            row = cursor.execute(query).fetchone()
            return int(row[0]) if row else 0


def to_bytes(document: Document) -> bytes:
    """Write a proof: indented JSON with sorted members, the same bytes each time."""
    text = json.dumps(document, ensure_ascii=False, sort_keys=True, indent=1)
    return f"{text}\n".encode()


def _format(kind: str, **members: object) -> Document:
    return {"format": f"commission-ledger/{kind}/1", **members}
