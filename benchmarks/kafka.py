"""Facts from a Kafka topic, beside the same facts from a file and kafka-python's bare poll."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from time import monotonic, sleep

import psycopg

from benchmarks import outage
from benchmarks.consuming import PARTNERS
from benchmarks.figures import Report, note, quantile
from benchmarks.ledgers import database, open_bench
from benchmarks.memory import Sample, after, growth
from benchmarks.scales import Run
from benchmarks.topics import HEADERS, PARTITIONS, broker, fill, key_of, new_topic, producer
from benchmarks.wire import World
from benchmarks.worker import Told, Used, Watched, worker

_UP_SECONDS = 60
_STILL_SECONDS = 0.05


@dataclass(slots=True)
class _Taken:
    """One process or several over the same facts: their batches, and what they used after each.

    ``used`` has, by process, the facts that it had taken and what it used then.
    """

    began: float
    batches: list[Told] = field(default_factory=list)
    used: dict[int, list[tuple[float, Used]]] = field(default_factory=dict)

    def sample(self, watched: Watched, number: int, facts: float) -> None:
        """Note what a process uses, if it still runs."""
        used = watched.used()
        if used is not None:
            self.used.setdefault(number, []).append((facts, used))

    @property
    def memory(self) -> list[Sample]:
        """Memory of the first process after each of its batches."""
        return [(facts, used.memory_mib) for facts, used in self.used.get(0, ())]

    @property
    def cpu(self) -> float:
        """Microseconds of CPU per fact, from each process' first sample to its last."""
        ends = [(each[0], each[-1]) for each in self.used.values()]
        seconds = sum(last[1].cpu_seconds - first[1].cpu_seconds for first, last in ends)
        facts = sum(last[0] - first[0] for first, last in ends)
        return 1e6 * seconds / facts if facts else 0.0

    @property
    def rate(self) -> float:
        """Facts a second between the first batch and the last; of one batch, from its begin."""
        ordered = sorted(self.batches, key=lambda batch: batch["at"])
        first, *rest = ordered
        if not rest:
            return first["facts"] / (first["at"] - self.began)
        return sum(batch["facts"] for batch in rest) / (rest[-1]["at"] - first["at"])

    def per_1000(self, name: str) -> float:
        """Milliseconds of a kind per 1,000 facts, added up over the processes."""
        facts = sum(batch["facts"] for batch in self.batches)
        return 1e6 * sum(batch[name] for batch in self.batches) / facts


@dataclass(slots=True)
class _Rounds:
    """What each round came to, in the same order."""

    file: list[_Taken] = field(default_factory=list)
    one: list[_Taken] = field(default_factory=list)
    two: list[_Taken] = field(default_factory=list)
    bare: list[_Taken] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Backlog:
    """The same facts as a file and as a topic."""

    run: Run
    address: str
    topic: str
    path: Path
    facts: int


def measure(run: Run) -> None:
    """Measure a backlog, the latency when there is none, and outages, on a broker of its own."""
    facts = run.scale.kafka_facts
    note(f"kafka, {facts:,} facts in {PARTITIONS} partitions")
    with broker(run.folder / "kafka") as address:
        path = run.folder / "kafka.jsonl"
        path.write_bytes(b"\n".join(_mix(facts)) + b"\n")
        topic = new_topic(address)
        with path.open("rb") as lines:
            fill(address, topic, (line.rstrip(b"\n") for line in lines))
        backlog = _Backlog(run, address, topic, path, facts)
        _figures(run.report, _rounds(backlog), facts)
        path.unlink()
        _latency(run, address)
        outage.measure(run, address)


def _mix(facts: int) -> Iterator[bytes]:
    world = World(PARTNERS)
    world.enrolments()
    return world.mix(facts)


def _prepare(url: str) -> None:
    with open_bench(url) as bench:
        bench.ingest(World(PARTNERS).enrolments())


def _rounds(backlog: _Backlog) -> _Rounds:
    """Do the rounds, each way in a fresh database in turn; the first warms up."""
    kept, scale = _Rounds(), backlog.run.scale
    for number in range(scale.warm_ups + scale.kafka_rounds):
        if number == scale.warm_ups:
            kept = _Rounds()
        kept.file.append(_from_file(backlog))
        kept.one.append(_consumed(backlog, 1))
        kept.two.append(_consumed(backlog, 2))
        kept.bare.append(_polled(backlog))
    return kept


def _from_file(backlog: _Backlog) -> _Taken:
    with database(backlog.run.server, "bench_kafka") as url:
        _prepare(url)
        with worker("ingest", url, str(backlog.path)) as watched:
            told = watched.lines()
            next(told)
            taken, accepted = _Taken(monotonic()), 0.0
            for each in told:
                taken.batches.append({"facts": each["facts"] - accepted, "at": each["at"]})
                accepted = each["facts"]
                taken.sample(watched, 0, accepted)
    return _whole(taken, backlog.facts)


def _consumed(backlog: _Backlog, processes: int) -> _Taken:
    group = f"bench-{uuid.uuid4().hex}"
    with database(backlog.run.server, "bench_kafka") as url:
        _prepare(url)
        what = (url, backlog.address, backlog.topic, group)
        return _taken(backlog, "consume", what, processes)


def _polled(backlog: _Backlog) -> _Taken:
    what = (backlog.run.server, backlog.address, backlog.topic)
    return _taken(backlog, "poll", what, 1)


def _taken(backlog: _Backlog, kind: str, what: tuple[str, ...], processes: int) -> _Taken:
    """Let processes join, open the gate when the partitions are shared evenly, and listen."""
    url, *rest = what
    gate = backlog.run.folder / f"gate-{uuid.uuid4().hex}"
    ready, taken = [0.0] * processes, _Taken(0.0)
    with ExitStack() as stack:
        own = [stack.enter_context(worker(kind, url, *rest, str(gate))) for _ in range(processes)]
        threads = [
            Thread(target=_listen, args=(each, number, ready, taken), daemon=True)
            for number, each in enumerate(own)
        ]
        for thread in threads:
            thread.start()
        share = PARTITIONS / processes
        _wait(lambda: all(claimed == share for claimed in ready), threads)
        gate.touch()
        taken.began = monotonic()
        for thread in threads:
            thread.join()
    gate.unlink()
    return _whole(taken, backlog.facts)


def _listen(watched: Watched, number: int, ready: list[float], taken: _Taken) -> None:
    facts = 0.0
    for told in watched.lines():
        if "ready" in told:
            ready[number] = told["ready"]
            taken.sample(watched, number, facts)
        elif "facts" in told:
            facts += told["facts"]
            taken.batches.append(told)
            taken.sample(watched, number, facts)


def _wait(done: Callable[[], bool], listeners: list[Thread]) -> None:
    """Wait until the partitions are claimed; raises RuntimeError if that does not come."""
    until = monotonic() + _UP_SECONDS
    while not done():
        if monotonic() > until or not all(thread.is_alive() for thread in listeners):
            raise RuntimeError("the consumers did not come to share the partitions")
        sleep(0.01)


def _whole(taken: _Taken, facts: int) -> _Taken:
    """Raise RuntimeError unless all facts were taken: the rate would be of something else."""
    came = sum(batch["facts"] for batch in taken.batches)
    if came != facts:
        raise RuntimeError(f"{came:,.0f} of {facts:,} facts were taken")
    return taken


def _figures(report: Report, rounds: _Rounds, facts: int) -> None:
    report.under(f"Kafka, a backlog of {facts:,} facts in {PARTITIONS} partitions")
    rates = {
        name: [taken.rate for taken in getattr(rounds, name)]
        for name in ("file", "one", "two", "bare")
    }

    def ratios(name: str, to: str) -> list[float]:
        return [a / b for a, b in zip(rates[name], rates[to], strict=True)]

    report.add("one consumer process", "1/s", rates["one"], at_least=15_000)
    report.add("the same facts from a file", "1/s", rates["file"])
    report.add("  ratio of one consumer to it", "", ratios("one", "file"), at_least=0.8)
    report.add("kafka-python's bare poll", "1/s", rates["bare"])
    report.add("  share of one consumer in it", "", ratios("one", "bare"))
    report.add("two consumer processes together", "1/s", rates["two"])
    report.add("  ratio of two to one", "", ratios("two", "one"), at_least=1)
    for title, each in (("one", rounds.one), ("two", rounds.two), ("from a file", rounds.file)):
        report.add(f"CPU of Python per fact, {title}", "us", [taken.cpu for taken in each])
    for title, each in (("one", rounds.one), ("two", rounds.two)):
        held = [taken.per_1000("held") for taken in each]
        append = [taken.per_1000("append") for taken in each]
        report.add(f"under the head lock, {title}, per 1,000 facts", "ms", held)
        report.add(f"appending, waits too, {title}, per 1,000 facts", "ms", append)
    for title, share in (("at the start", 0), ("in the middle", 0.5), ("at the end", 1)):
        mib = [after(taken.memory, share * facts) for taken in rounds.one]
        report.add(f"memory of one consumer, {title}", "MiB", mib)
    largest = [max(mib for _, mib in taken.memory) for taken in rounds.one]
    report.add("memory of one consumer, at most", "MiB", largest)
    slopes = [growth(taken.memory) for taken in rounds.one]
    report.add("memory of it in the second half, per 100,000 facts", "MiB", slopes, at_most=2)
    slopes = [growth(taken.memory) for taken in rounds.file]
    report.add("  the same from a file", "MiB", slopes)


def _latency(run: Run, address: str) -> None:
    """Send one fact at a time to an idle consumer, and look until the ledger shows it."""
    note("kafka, latency when idle")
    topic, times = new_topic(address), list[float]()
    warm_up = max(2, run.scale.kafka_latencies // 10)
    with database(run.server, "bench_kafka") as url:
        _prepare(url)
        with ExitStack() as stack:
            what = (address, topic, "bench-latency", "")
            watched = stack.enter_context(worker("consume", url, *what))
            ready = [0.0]
            listener = Thread(target=_listen, args=(watched, 0, ready, _Taken(0.0)), daemon=True)
            listener.start()
            _wait(lambda: ready[0] == PARTITIONS, [listener])
            send = stack.enter_context(producer(address, linger_ms=0))
            look = stack.enter_context(psycopg.connect(url, autocommit=True))
            for line in _mix(warm_up + run.scale.kafka_latencies):
                sleep(_STILL_SECONDS)
                before = _position(look)
                began = monotonic()
                send.send(topic, line, key=key_of(line), headers=HEADERS)
                while _position(look) == before:
                    sleep(0.0005)
                times.append(1e3 * (monotonic() - began))
    kept = times[warm_up:]
    run.report.under(f"Kafka, from produce to visible when idle, {len(kept):,} facts")
    run.report.add("latency, median", "ms", [quantile(kept, 0.5)], at_most=50)
    run.report.add("latency, p90", "ms", [quantile(kept, 0.9)])


def _position(connection: psycopg.Connection[tuple[object, ...]]) -> object:
    row = connection.execute("SELECT position FROM ledger.ledger_head").fetchone()
    assert row is not None
    return row[0]
