"""Opens an archive on a Spark cluster, for the questions that it answers and to decide it again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812 - as Spark's own documentation has it

from replay.archive.columns import SCHEMA
from replay.archive.manifest import Manifest, check_files, files_of, read_manifest
from replay.archive.opening import ArchivedReplay
from replay.archive.spark.connection import SparkConnection
from replay.archive.spark.parts import on_cluster
from replay.archive.spark.session import cluster
from replay.recompute import Deciding

_EVENTS = "ledger_events"
_KINDS = {
    pa.int64(): "BIGINT",
    pa.string(): "STRING",
    pa.date32(): "DATE",
    pa.timestamp("us"): "TIMESTAMP_NTZ",
}
_SUMMED = ("amount", "in_flight")
_MONEY = "DECIMAL(18, 0)"
"""Holds any amount; sums of it have ten digits more."""


class SparkReplay(ArchivedReplay):
    """The queries of a ledger over its archive, on a cluster."""

    def __init__(
        self, session: SparkSession, events: DataFrame, directory: Path, manifest: Manifest
    ) -> None:
        super().__init__(SparkConnection(session), directory, manifest)
        self._session, self._parquet = session, events

    @property
    def processes(self) -> int:
        """The tasks that the cluster runs at the same time."""
        return self._session.sparkContext.defaultParallelism

    def deciding(self, processes: int) -> Deciding:  # noqa: ARG002 - the cluster has its own
        """Decide parts of the log in tasks of the cluster."""
        return on_cluster(self._parquet)

    def _position_at(self, known_at: datetime) -> int:
        known = self._parquet.where(F.col("recorded_at") <= F.lit(known_at).cast("timestamp_ntz"))
        [row] = known.agg(F.max("position")).collect()
        return row[0] or 0


@contextmanager
def open_on_spark(directory: Path, master: str) -> Iterator[SparkReplay]:
    """The queries over an archive whose files are, byte for byte, those that it names, on Spark.

    Every worker must see the directory under the same path. Raises as ``open_archive`` and
    :func:`~replay.archive.spark.session.cluster` do.
    """
    manifest = read_manifest(directory)
    check_files(directory, manifest)
    with cluster(master) as session:
        kinds = ", ".join(f"{field.name} {_KINDS[field.type]}" for field in SCHEMA)
        files = [str(path.resolve()) for path in files_of(directory, manifest)]
        events = session.read.schema(kinds).parquet(*files)
        money = {name: F.col(name).cast(_MONEY) for name in _SUMMED}
        events.withColumns(money).createOrReplaceTempView(_EVENTS)
        yield SparkReplay(session, events, directory, manifest)
