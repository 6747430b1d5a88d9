"""How a consumer is: liveness, readiness, Prometheus metrics, and one log line a batch."""

from __future__ import annotations

from collections import Counter as Counts
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from time import monotonic

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from ledger.errors import NotReady
from ledger.ingest.kafka.history import Gap, Partition
from ledger.ingest.kafka.observer import Taken
from ledger.recording import Recording

DEAD_SECONDS = 120
"""A worker that has not polled for so long is not alive: one batch takes seconds."""

_SIZES = (1, 10, 100, 500, 1_000, 2_500, 5_000, 10_000, 50_000)
_OUTCOMES = ("accepted", "duplicates", "quarantined", "rejected")


class Health:
    """Watches one worker; see :class:`~ledger.ingest.kafka.observer.Observer`."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self.counts: Counts[str] = Counts()
        self.position = 0
        self._turned_at = monotonic()
        self._ready = False
        self._log: structlog.typing.FilteringBoundLogger = structlog.get_logger()

        def counter(name: str, what: str, *labels: str) -> Counter:
            return Counter(f"commissions_{name}", what, labels, registry=registry)

        def gauge(name: str, what: str, *labels: str) -> Gauge:
            return Gauge(f"commissions_{name}", what, labels, registry=registry)

        where = ("topic", "partition")
        self._facts = counter("messages", "Messages taken, by what became of them.", "outcome")
        self._dead = counter("dead_letters", "Dead letters, by the class of their error.", "error")
        self._fenced = counter("fenced", "Batches dropped: another worker has the partition.")
        self._rebalances = counter("rebalances", "Changes of the partitions that are ours.")
        self._away = counter("database_away", "Tries at which the database was not there.")
        self._gaps = counter("gaps_accepted", "Gaps that were accepted by flag.")
        self._lag = gauge("lag", "Offsets still to be read, as of the last batch.", *where)
        self._partitions = gauge("partitions", "Partitions that are ours.")
        self._position = gauge("position", "The ledger's last position after our last batch.")
        self._ready_gauge = gauge("ready", "1 while messages are being taken.")
        self._size = Histogram(
            "commissions_batch_messages", "Messages a batch.", buckets=_SIZES, registry=registry
        )
        self._append = Histogram(
            "commissions_commit_seconds", "How long a batch's transaction took.", registry=registry
        )

    @property
    def alive(self) -> bool:
        """Whether the worker has turned lately; if not, only a restart helps."""
        return monotonic() - self._turned_at < DEAD_SECONDS

    @property
    def is_ready(self) -> bool:
        """Whether messages are being taken: in the group, partitions claimed, database there."""
        return self._ready and self.alive

    # --- what the worker tells -------------------------------------------------------------------

    def recorded(self, taken: Taken, recording: Recording) -> None:
        """Count a batch and log its line."""
        outcomes = {name: getattr(recording, name) for name in _OUTCOMES}
        self.counts.update(outcomes)
        for name, count in outcomes.items():
            self._facts.labels(name).inc(count)
        if recording.rejected:
            for incoming in taken.messages:
                if incoming.rejection is not None:
                    self._dead.labels(incoming.rejection.code).inc()
        if recording.quarantined:
            self._dead.labels("other_content").inc(recording.quarantined)
        self.passed(taken.lag)
        self.position = max(self.position, recording.position)
        self._position.set(recording.position)
        self._size.observe(len(taken.messages))
        self._append.observe(recording.append_seconds)
        self._set_ready(ready=True)
        self._log.info(
            "batch",
            messages=len(taken.messages),
            **outcomes,
            bytes=taken.size_bytes,
            partitions=len(taken.lag),
            lag=sum(lag or 0 for lag in taken.lag.values()),
            commit_ms=round(recording.append_seconds * 1000, 1),
            position=recording.position,
        )

    def passed(self, lag: Mapping[Partition, int | None]) -> None:
        """Note how much is left to be read."""
        for at, left in lag.items():
            if left is not None:
                self._lag.labels(at.topic, at.partition).set(left)

    def turned(self) -> None:
        """Note that the worker lives."""
        self._turned_at = monotonic()

    def ready(self, partitions: int) -> None:
        """Note that everything that is ours is being read."""
        self._partitions.set(partitions)
        self._set_ready(ready=True)

    def rebalanced(self, partitions: int) -> None:
        """Count a change of the partitions that are ours."""
        self._rebalances.inc()
        self._partitions.set(partitions)
        # Partitions that went are another worker's to tell of; those that stay are told again.
        self._lag.clear()
        self._log.info("rebalanced", partitions=partitions)

    def fenced(self) -> None:
        """Count a batch that was dropped."""
        self._fenced.inc()
        self._log.warning("fenced")

    def away(self, error: Exception) -> None:
        """Count a try at a database that is not there."""
        self._away.inc()
        self._set_ready(ready=False)
        # The class alone: a message may quote what came in.
        self._log.warning("database away", error=type(error.__cause__ or error).__name__)

    def gap_accepted(self, gap: Gap) -> None:
        """Count and log a gap that was accepted."""
        self._gaps.inc()
        self._log.warning(
            "gap accepted",
            topic=gap.at.topic,
            partition=gap.at.partition,
            expected=gap.expected,
            found=gap.found,
            reason=gap.reason,
        )

    def _set_ready(self, *, ready: bool) -> None:
        self._ready = ready
        self._ready_gauge.set(int(ready))


@contextmanager
def serving(health: Health, address: str, port: int | None) -> Iterator[int | None]:
    """Serve a worker's health over HTTP while the block runs; gives the port (0: a free one).

    Raises NotReady when the port is taken.
    """
    if port is None:
        yield None
        return
    try:
        server = ThreadingHTTPServer((address, port), _handler(health))
    except OSError as error:
        raise NotReady(
            f"--health-port {port} cannot be served on {address} ({error.strerror}); choose another"
        ) from None
    thread = Thread(target=server.serve_forever, name="health", daemon=True)
    thread.start()
    structlog.get_logger().info("health", address=address, port=server.server_port)
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(health: Health) -> type[BaseHTTPRequestHandler]:
    def answer(path: str) -> tuple[int, str, bytes]:
        if path == "/livez":
            return (200, "text/plain", b"alive\n") if health.alive else _not("alive")
        if path == "/readyz":
            return (200, "text/plain", b"ready\n") if health.is_ready else _not("ready")
        if path == "/metrics":
            return 200, CONTENT_TYPE_LATEST, generate_latest(health.registry)
        return 404, "text/plain", b"there are /livez, /readyz and /metrics\n"

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, content_type, body = answer(self.path.partition("?")[0])
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Keep the log to the worker's own lines."""

    return Handler


def _not(what: str) -> tuple[int, str, bytes]:
    return 503, "text/plain", f"not {what}\n".encode()
