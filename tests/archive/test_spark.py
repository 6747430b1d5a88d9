"""An archive on a Spark cluster: the same bytes as from the ledger, the same differences."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from ledger.errors import Refused
from replay.archive.spark.connection import SparkConnection
from replay.archive.spark.session import cluster
from tests.archive.forging import plant
from tests.interfaces.commands import Commands, Outcome
from tests.properties.test_planted import changed, decisions

MASTER = "local-cluster[1,2,1024]"
"""A worker of two cores and 1,024 MiB, its executor a process of its own, as on a cluster."""

_JAVA = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
_DEFAULTS = f"""
spark.driver.extraJavaOptions {_JAVA}
spark.executor.extraJavaOptions {_JAVA}
spark.sql.codegen.wholeStage false
spark.sql.codegen.factoryMode NO_CODEGEN
spark.sql.shuffle.partitions 2
"""
"""Compiling, Java's and that of queries, takes longer than it saves over some hundred events."""

ASKED = (
    ("balances",),
    ("history", "--all"),
    ("tiers", "--history"),
    ("trial-balance",),
    ("claims",),
    ("clients",),
    ("leaderboard", "--all-time"),
    ("statement", "p-alpha", "--month", "2026-04"),
)
"""One question of each kind: sums, lines with their JSON, lists of JSON, joins, ranks, numbers."""

FIGURES = (("kpi", "--all"), ("kpi", "--programme"))
"""Asked of no day: only then a day after the last one counts."""


@pytest.fixture
def spark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SparkConnection]:
    """The session of a cluster, which commands of this process use too."""
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "spark-defaults.conf").write_text(_DEFAULTS)
    monkeypatch.setenv("SPARK_CONF_DIR", str(tmp_path / "conf"))
    with cluster(MASTER) as session:
        yield SparkConnection(session)


@pytest.mark.spark
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_cluster_answers_and_decides_as_the_ledger_does(
    closed: Commands, spark: SparkConnection, tmp_path: Path
) -> None:
    """All with one session, for to begin one takes longer than all the rest."""
    archive = tmp_path / "a"
    position = closed.position() or 0
    closed.done("archive", archive, "--through", position)

    def by(engine: str, *query: str) -> Outcome:
        return closed("replay", "--engine", engine, "--archive", archive, *query)

    at = ("--position", str(position), "--format", "json")
    on_a_day = (*at, "--effective-at", "2026-05-20")
    for asked in (*((*query, *on_a_day) for query in ASKED), *((*query, *at) for query in FIGURES)):
        stored, found = closed.done(*asked), by("spark", *asked)
        assert (found.status, found.err, found.out) == (0, "", stored.out), asked
    with pytest.raises(Refused, match="Spark cannot answer this question"):
        spark.execute("SELECT pg_backend_pid()")

    again = ("recompute", "--processes", "1", "--format", "json")
    stored = closed.done(*again)
    assert by("spark", *again).out == by("duckdb", *again).out == stored.out
    with psycopg.connect(closed.url) as owner:
        line = next(one for one in decisions(owner) if one.topic == "CommissionPosted/1")
    plant(closed.url, archive, line.position, changed(line.state))
    stored = closed(*again)
    assert line.position in {row["position"] for row in stored.rows}
    for engine in ("duckdb", "spark"):
        found = by(engine, *again)
        assert (found.status, found.out) == (1, stored.out), engine

    plant(closed.url, archive, line.position, b"{}")
    said = f"the event at position {line.position} cannot be read"
    for engine in ("duckdb", "spark"):
        found = by(engine, *again)
        assert (found.status, found.out) == (1, ""), engine
        assert said in found.err
        assert len(found.err.splitlines()) == 1
