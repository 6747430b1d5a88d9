"""Liveness, readiness, metrics and the log of a worker that is at work."""

from __future__ import annotations

import io
import urllib.error
import urllib.request
from datetime import UTC, datetime
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from interfaces.health import DEAD_SECONDS, Health, serving
from interfaces.logging import configure
from ledger.errors import NotReady
from tests.faults.consuming import Group, until
from tests.interfaces.commands import Commands
from tests.kafka.broker import free_port
from tests.kafka.producing import Producer, activation
from tests.kafka.topics import Topics

AT = datetime(2026, 1, 5, 10, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _log() -> None:
    configure(stream=io.StringIO())


def get(port: int, path: str) -> tuple[int, str]:
    """Status and body."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def samples(port: int) -> dict[tuple[str, tuple[str, ...]], float]:
    """Every metric by its name and the values of its labels."""
    text = get(port, "/metrics")[1]
    return {
        (one.name, tuple(one.labels.values())): one.value
        for family in text_string_to_metric_families(text)
        for one in family.samples
    }


@pytest.mark.timeout(120)
def test_a_worker_tells_how_it_is(commissions: Commands, topics: Topics, tmp_path: Path) -> None:
    """Facts by outcome, dead letters by error, lag by partition, and one log line a batch."""
    topic, port = topics.new(), free_port()
    with Producer(topics.address) as producer:
        for n in range(10):
            producer.structured(topic, activation(f"c-{n}", AT))
        producer.send(topic, b"no fact")
    group = Group(commissions.url, topics, topic, tmp_path)
    try:
        worker = group.start(options=["--health-port", str(port)])
        until(lambda: sum(line["messages"] for line in worker.lines("batch")) == 11)
        assert get(port, "/livez")[0] == get(port, "/readyz")[0] == 200
        assert get(port, "/else")[0] == 404
        found = samples(port)
        worker.leave()
    finally:
        group.end()
    assert found["commissions_messages_total", ("accepted",)] == 10
    assert found["commissions_messages_total", ("rejected",)] == 1
    assert found["commissions_dead_letters_total", ("not_json",)] == 1
    assert found["commissions_lag", ("0", topic)] == 0
    assert found["commissions_partitions", ()] == 1
    assert found["commissions_rebalances_total", ()] >= 1
    assert found["commissions_fenced_total", ()] == 0
    batches = worker.lines("batch")
    assert found["commissions_batch_messages_count", ()] == len(batches)
    assert found["commissions_commit_seconds_sum", ()] > 0
    assert found["commissions_position", ()] == max(line["position"] for line in batches)
    assert "c-1" not in worker.said


def test_readiness_goes_with_the_database_and_comes_back() -> None:
    """Alive all the while: a restart would not help."""
    health = Health()
    with serving(health, "127.0.0.1", 0) as port:
        assert port is not None
        assert get(port, "/readyz")[0] == 503
        health.ready(2)
        assert get(port, "/readyz") == (200, "ready\n")
        health.away(ConnectionError())
        assert get(port, "/readyz") == (503, "not ready\n")
        assert get(port, "/livez") == (200, "alive\n")
        health.ready(2)
        assert get(port, "/readyz")[0] == 200


def test_a_worker_that_does_not_turn_is_not_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor is it ready."""
    health = Health()
    health.ready(1)
    seen = [(health.alive, health.is_ready)]
    monkeypatch.setattr(health, "_turned_at", health._turned_at - DEAD_SECONDS)
    seen.append((health.alive, health.is_ready))
    assert seen == [(True, True), (False, False)]


def test_a_port_that_is_taken_is_told() -> None:
    """In one line that says which option to change."""
    with (
        serving(Health(), "127.0.0.1", 0) as port,
        pytest.raises(NotReady, match="--health-port"),
        serving(Health(), "127.0.0.1", port),
    ):
        pass
