"""Computes from an archive alone that it is the log that it says: each hash, each typed column."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from collections.abc import Set as AbstractSet
from itertools import pairwise
from pathlib import Path

from psycopg import sql

from ledger.store import merkle
from replay.approvals import FourEyes
from replay.archive.manifest import BadArchive, Manifest
from replay.archive.opening import ArchivedReplay, open_archive
from replay.course import Terms, commands_in
from replay.findings import Discrepancy, StoredRow
from replay.pages import Page, Together, looked_through
from replay.transparency.checking import Signed
from replay.transparency.checkpoints import origin_of

_PAGE_EVENTS = 20_000

Progress = Callable[[int, int], None]


def check_archive(directory: Path, progress: Progress | None = None) -> Manifest:
    """Check all that an archive holds, and return its manifest.

    Files against their hashes; every event's content, leaf and typed columns, computed anew; the
    Merkle roots that the manifest tells, the kept subtrees and the checkpoints against the leaves.
    Raises BadArchive with the first thing that is wrong and its position.
    """
    with open_archive(directory) as replay:
        for found in _findings(replay, progress):
            where = "" if found.position is None else f" at position {found.position}"
            raise BadArchive(
                f"{directory} is not what its ledger recorded{where}: {found.check}, {found.what};"
                " take the archive from where it was kept, or write it anew"
            )
        return replay.manifest


def _findings(replay: ArchivedReplay, progress: Progress | None) -> Iterator[Discrepancy]:
    signed = Signed(replay.connection, replay.names)
    together, four_eyes, terms = Together(signed), FourEyes(), Terms()
    parts = {part.through: part for part in replay.manifest.parts}
    after = 0
    for rows in _pages(replay, parts.keys()):
        done = looked_through(rows, Page(after, rows[-1].position, terms))
        terms = done.terms
        yield from together.take(done)
        for row, event in commands_in(rows):
            yield from four_eyes.check(row, event)
        if after == 0 and origin_of(rows[0].leaf) != replay.manifest.origin:
            yield Discrepancy("origin", f"the manifest says {replay.manifest.origin}", 1)
        after = rows[-1].position
        part = parts.get(after)
        if part is not None:
            root = merkle.root(signed.frontier, after).hex()
            if (part.frontier, part.root) != (signed.frontier.hex(), root):
                yield Discrepancy("root", "the manifest's is not of these events", after)
        if progress is not None:
            progress(after, replay.manifest.through)
    yield from signed.finish()


def _pages(replay: ArchivedReplay, ends: AbstractSet[int]) -> Iterator[list[StoredRow]]:
    """Yield the rows in order of position; no page goes on past the end of a part."""
    columns = sql.SQL(", ").join(map(sql.Identifier, StoredRow._fields))
    query = sql.SQL("SELECT {} FROM {} ORDER BY position").format(columns, replay.names.events)
    with replay.connection.cursor() as cursor:
        cursor.execute(query)
        while found := cursor.fetchmany(_PAGE_EVENTS):
            rows = [StoredRow(*row) for row in found]
            starts = [at + 1 for at, row in enumerate(rows[:-1]) if row.position in ends]
            for start, end in pairwise((0, *starts, len(rows))):
                yield rows[start:end]
