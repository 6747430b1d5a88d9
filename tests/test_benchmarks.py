"""The benchmarks run, print each figure and write it as JSON; how fast is not tested."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.figures import Cost, Figure, quantile
from benchmarks.stages import Stages
from benchmarks.wire import LINE_BYTES, MIX, RECEIVED, World
from events.envelope import decode

ROOT = Path(__file__).parents[1]

EXPECTED = (
    # ingest
    "facts",
    "rows (facts and decisions)",
    "under the head lock, per 1,000 rows",
    "stock insert_events, 100 events a call",
    "raw binary COPY of the same rows",
    "the stock way",
    "hash leaves and insert, under the lock",
    # engine
    "facts of the mix, engine alone",
    "facts that decide, engine alone",
    "CPU per fact, ratio",
    "what-if, time for a million events",
    # recompute
    "events, one process",
    "events, by CPU of Python",
    "events, two processes",
    # verify
    "events verified",
    "CPU per event verified",
    "rows read and hashed, nothing else, CPU per event",
    # rebuild
    "events",
    "stock ProjectionRunner, balances only",
    # as of
    "one partner, drawn evenly, p50",
    "one partner, drawn evenly, p99",
    "all partners",
    # archive
    "written",
    "checked",
    "an event",
    "balances of all partners, DuckDB",
    # accrual
    "lines",
    "CPU per line",
    "memory of the process that runs, at most",
    "daily run (1 % due, 1 % changed), share of a full one",
    "CPU per line, ratio",
    # memory
    "after 100% of the facts",
    "growth in the second half, per 100,000 facts",
    # kafka
    "one consumer process",
    "the same facts from a file",
    "two consumer processes together",
    "kafka-python's bare poll",
    "under the head lock, two, per 1,000 facts",
    "memory of one consumer, at the end",
    "memory of one consumer, at most",
    "latency, median",
    "from its end until facts are recorded again",
    "from its end until the lag is gone",
)


@pytest.mark.slow
def test_every_figure_is_printed_and_written(server_url: str, tmp_path: Path) -> None:
    """One run of everything, at the scale that only shows that it works.

    Every figure that the documents speak of comes out, above nothing, with its spread and beside
    the conditions without which it says nothing.
    """
    file = tmp_path / "figures.json"
    command = [sys.executable, "-m", "benchmarks", "--scale", "tiny"]
    done = subprocess.run(
        [*command, "--database", server_url, "--json", str(file)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    written = json.loads(file.read_text(encoding="utf-8"))
    figures = {each["name"]: each for each in written["figures"]}
    for name in EXPECTED:
        assert any(line.startswith(f"  {name}  ") for line in done.stdout.splitlines()), name
        figure = figures[name]
        assert figure["min"] <= figure["median"] <= figure["max"], name
        assert figure["runs"], name
    assert {"scale", "at", "machine", "python", "postgresql"} <= written["conditions"].keys()


def test_the_facts_of_the_mix_are_good_and_new() -> None:
    """Every line decodes, none repeats an id, and all have the size of a real message."""
    world = World(20)
    lines = [*world.enrolments(), *world.activations(50), *world.mix(2_000)]
    messages = [decode(line, RECEIVED) for line in lines]
    assert len({(message.source, message.id) for message in messages}) == len(lines)
    assert {len(line) for line in lines} == {LINE_BYTES}
    assert {type_ for type_, _ in MIX} <= {message.data.type for message in messages}


def test_the_same_world_tells_the_same() -> None:
    """Two runs measure the same work."""
    assert list(World(20).mix(500)) == list(World(20).mix(500))


def test_a_figure_sums_its_runs_up() -> None:
    """The middle run counts, and it is held against what it should be."""
    figure = Figure("facts", "1/s", (300.0, 100.0, 200.0), at_least=200)
    assert figure.median == 200
    assert figure.met
    assert Figure("time", "ms", (6.0,), at_most=5).met is False
    assert Figure("time", "ms", (6.0,)).met is None


def test_a_quantile_is_a_measured_value() -> None:
    """p99 of a hundred values is the largest but one or the largest, never between two."""
    assert quantile([float(n) for n in range(100)], 0.99) == 99.0
    assert quantile([1.0], 0.5) == 1.0


def test_the_cost_counts_both_sides() -> None:
    """CPU is that of Python and of PostgreSQL together."""
    assert Cost(wall=9.0, client=1.0, server=2.0).cpu == 3.0


def test_a_stage_has_not_the_time_of_a_stage_inside_it() -> None:
    """The stages of a call add up to the whole and no more."""
    stages = Stages()
    inner = stages.timed("inner", lambda: sum(range(200_000)))
    outer = stages.timed("outer", inner)
    outer()
    assert 0 <= stages.spent["outer"].cpu < stages.spent["inner"].cpu
