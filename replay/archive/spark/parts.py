"""The log of an archive decided again on a cluster: each part of it where its events are sent.

Two steps over Arrow batches (``mapInArrow``): a copy of each event for every part that reads it,
then, with the events of a part together and in order, the decisions of that part.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from operator import itemgetter

import pyarrow as pa
from pyspark import Broadcast
from pyspark.sql import DataFrame
from pyspark.sql import functions as F  # noqa: N812 - as Spark's own documentation has it

from ledger.collecting import collect_seldom
from ledger.errors import LedgerError
from replay.archive.sending import COLUMNS, PART, arrived, sent
from replay.recompute import Deciding, Found
from replay.rerun import Log
from replay.rerun.commands import Named
from replay.rerun.log import topics_read
from replay.rerun.part import decide_part
from replay.rerun.parts import Part


def on_cluster(events: DataFrame) -> Deciding:
    """Decide each part in a task of its own; ``events`` are those of the archive."""

    @contextmanager
    def deciding(log: Log, parts: Sequence[Part], named: Named) -> Iterator[Iterable[Found]]:
        context = events.sparkSession.sparkContext
        given: Broadcast[tuple[Sequence[Part], Named]] = context.broadcast((parts, named))
        read = events.select(*COLUMNS).where(
            (F.col("position") <= log.through) & F.col("topic").isin(topics_read())
        )

        def send(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            return sent(batches, given.value[0])

        def decide(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            return _decided(batches, *given.value)

        kinds = ", ".join(f"{name} {kind}" for name, kind in read.dtypes)
        copies = read.mapInArrow(send, f"{PART} int, {kinds}")
        gathered = copies.repartitionById(len(parts), F.col(PART)).sortWithinPartitions(
            PART, "position"
        )
        found = gathered.mapInArrow(decide, "found binary").collect()
        yield (_told(row.found) for row in found)
        given.unpersist()

    return deciding


def _decided(
    batches: Iterable[pa.RecordBatch], parts: Sequence[Part], named: Named
) -> Iterator[pa.RecordBatch]:
    """Yield what is found of each part whose events come, or the error that ended it."""
    collect_seldom()
    for number, group in groupby(arrived(batches), key=itemgetter(0)):
        found: Found | LedgerError
        try:
            found = list(decide_part((row for _, row in group), parts[number], named))
        except LedgerError as error:
            found = error
        packed = pa.array([pickle.dumps(found)], pa.binary())
        yield pa.RecordBatch.from_arrays([packed], names=["found"])


def _told(packed: bytes) -> Found:
    found = pickle.loads(bytes(packed))  # noqa: S301 - written by a task of ours
    if isinstance(found, LedgerError):
        raise found
    told: Found = found
    return told
