"""Checkpoints: what the log signs of itself, kept as it was given out.

A ledger's origin is made from the leaf of its first event, so two ledgers never share one.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection, sql
from psycopg.rows import tuple_row

from ledger.errors import Corrupt, NotReady, Refused
from projections.names import DEFAULT_NAMES, Names
from replay.transparency.signing import SigningKey, sign
from replay.transparency.subtrees import Subtrees
from replay.transparency.verifier import NotShown, read_checkpoint, read_note


@dataclass(frozen=True, slots=True)
class StoredCheckpoint:
    """A checkpoint as it was given out; ``note`` is the signed text."""

    position: int
    created_at: datetime
    operator: str
    note: str

    @property
    def root(self) -> bytes:
        """The root that it says, 32 bytes."""
        return read_checkpoint(read_note(self.note).text).root

    @property
    def signatures(self) -> tuple[tuple[str, bytes, bytes], ...]:
        """Of each signature the name, the id of the key, and its bytes."""
        return read_note(self.note).signatures


def origin_of(first_leaf: bytes) -> str:
    """Return the name of the log whose first event has this leaf."""
    return f"commission-ledger/{first_leaf.hex()[:32]}"


class Checkpoints:
    """The checkpoints of one ledger."""

    def __init__(self, connection: Connection[Any], names: Names = DEFAULT_NAMES) -> None:
        self._connection = connection
        self._names = names
        self._tree = Subtrees(connection, names)

    def origin(self) -> str:
        """Return ``commission-ledger/`` and 32 hex digits of the first event's leaf."""
        leaf = self._value(sql.SQL("SELECT leaf FROM {} WHERE position = 1"), self._names.events)
        if leaf is None:
            raise NotReady("there is no event yet, and so nothing to sign")
        return origin_of(bytes(leaf))

    def text(self, position: int) -> str:
        """Return the text of a checkpoint at a position (C2SP tlog-checkpoint), unsigned."""
        root = base64.b64encode(self._tree.root(0, position)).decode()
        return f"{self.origin()}\n{position}\n{root}\n"

    def create(self, keys: Sequence[SigningKey], operator: str) -> StoredCheckpoint:
        """Sign the log as it stands, unless it does not begin with what was signed last. Writes.

        Raises Corrupt for a log that was rewritten, Refused for the key of another ledger, and
        then keeps and signs nothing.
        """
        with self._connection.transaction():
            head = self._value(sql.SQL("SELECT position FROM {}"), self._names.head)
            if not head:
                raise NotReady("there is no event yet, and so nothing to sign")
            last = next(self.stored(newest_first=True), None)
            if last is not None:
                self._require_growth(last, head)
            self._require_own(keys)
            self._tree.keep(head)
            note = sign(self.text(head), keys)
            return self._insert(head, operator, note)

    def add_signatures(self, note: str, operator: str) -> StoredCheckpoint:
        """Keep a checkpoint of this ledger that witnesses signed since. Writes.

        Raises Refused for one that this ledger never gave out.
        """
        try:
            found = read_checkpoint(read_note(note).text)
        except NotShown as error:
            raise Refused(str(error)) from None
        given = [
            set(one.signatures)
            for one in self.stored()
            if one.position == found.size and read_note(one.note).text == read_note(note).text
        ]
        if not given:
            raise Refused(
                f"this ledger gave out no such checkpoint ({found.origin}, {found.size} events)"
            )
        if not any(signed <= set(read_note(note).signatures) for signed in given):
            raise Refused(
                f"a signature of the checkpoint of {found.size} events is missing; let witnesses"
                " sign it as it was given out"
            )
        return self._insert(found.size, operator, note)

    def stored(self, *, newest_first: bool = False) -> Iterator[StoredCheckpoint]:
        """Yield every checkpoint in the order of giving out, or the other way round."""
        query = sql.SQL(
            "SELECT position, created_at, operator, note FROM {} ORDER BY position {o},"
            " created_at {o}"
        ).format(self._names.checkpoints, o=sql.SQL("DESC" if newest_first else "ASC"))
        with self._connection.cursor(row_factory=tuple_row) as cursor:
            for row in cursor.execute(query).fetchall():
                yield StoredCheckpoint(*row)

    def at(self, size: int | None = None) -> StoredCheckpoint | None:
        """Return the last checkpoint, or the last one given out at a size, if there is one."""
        found = self.stored(newest_first=True)
        return next((one for one in found if size is None or one.position == size), None)

    def _require_growth(self, last: StoredCheckpoint, head: int) -> None:
        if last.position > head or self._tree.root(0, last.position) != last.root:
            raise Corrupt(
                f"the log is not the one that was signed at position {last.position}, so nothing"
                " is signed; run 'commissions verify', and restore what was lost"
            )

    def _require_own(self, keys: Sequence[SigningKey]) -> None:
        origin = self.origin()
        for key in keys:
            if key.name != origin:
                raise Refused(
                    f"the key is of another ledger, {key.name}; this is {origin}: make its own with"
                    " 'commissions checkpoint key FILE'"
                )

    def _insert(self, position: int, operator: str, note: str) -> StoredCheckpoint:
        query = sql.SQL(
            "INSERT INTO {} (position, operator, note) VALUES (%s, %s, %s) RETURNING created_at"
        ).format(self._names.checkpoints)
        with self._connection.cursor(row_factory=tuple_row) as cursor:
            row = cursor.execute(query, (position, operator, note)).fetchone()
        assert row is not None
        return StoredCheckpoint(position, row[0], operator, note)

    def _value(self, query: sql.SQL, table: sql.Identifier) -> Any:
        with self._connection.cursor(row_factory=tuple_row, binary=True) as cursor:
            row = cursor.execute(query.format(table)).fetchone()
            return None if row is None else row[0]
