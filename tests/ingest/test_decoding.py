"""Decoding in a process of its own: the same result, whatever becomes of the process."""

from __future__ import annotations

import io
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from events.base import Fact
from events.catalogue import FACTS
from events.envelope import HORIZON_DAYS
from events.errors import Rejection
from ledger.ingest import beside, decoding
from ledger.ingest.beside import Beside
from ledger.ingest.decoding import Decoded, Decoder, Payload, decode_here
from ledger.ingest.files import Source, batches
from tests.events.strategies import data_of

NOW = datetime(2026, 6, 1, tzinfo=UTC)
BAD = [b"{not json}", b"[]", b"\xff\xfe", b'{"specversion":"1.0"}', b""]
PATIENCE_S = 60


@pytest.fixture(autouse=True)
def _two_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beside, "spare_core", lambda: True)
    monkeypatch.setattr(decoding, "WORTH_SENDING", 0)


@pytest.fixture(scope="module")
def helped() -> Iterator[Decoder]:
    """A decoder whose process is there."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(beside, "spare_core", lambda: True)
        patch.setattr(decoding, "WORTH_SENDING", 0)
        with Decoder(HORIZON_DAYS, worth_a_process=0) as decoder:
            decoder([], NOW)
            wait_until_ready(decoder)
            yield decoder


def line(cls: type[Fact], data: dict[str, object], number: int) -> bytes:
    """A message of the wire."""
    event = {
        "specversion": "1.0",
        "id": f"m-{number}",
        "source": "/billing",
        "type": cls.type,
        "dataschema": f"urn:schemas/{cls.topic()}",
        "time": "2026-05-01T10:00:00.123456+02:00",
        "data": data,
    }
    return json.dumps(event).encode()


def visits(count: int) -> list[bytes]:
    """Good messages."""
    return [line(FACTS["portal.visited", 1], {"partner_id": f"p-{n}"}, n) for n in range(count)]


def told(decoded: Sequence[Decoded]) -> list[object]:
    """What can be compared of decoded messages."""
    return [
        (type(each), str(each)) if isinstance(each, Rejection) else (*each, type(each.data))
        for each in decoded
    ]


def process_of(decoder: Decoder) -> psutil.Process:
    """The process of a decoder that has one."""
    assert decoder._beside._process is not None
    return psutil.Process(decoder._beside._process._process.pid)


def wait_until_ready(decoder: Decoder) -> None:
    """Until batches go to the process."""
    deadline = time.monotonic() + PATIENCE_S
    while decoder._beside.ready is None:
        assert time.monotonic() < deadline
        time.sleep(0.01)


MESSAGES = st.sampled_from(sorted(FACTS)).flatmap(
    lambda name: st.builds(line, st.just(FACTS[name]), data_of(FACTS[name]), st.integers(0, 9))
)


RECORDS = st.tuples(
    st.sampled_from(
        [[], [("content-type", b"application/cloudevents+json")], [("ce_id", b"\xff")]]
    ),
    MESSAGES | st.sampled_from([*BAD, None]),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(MESSAGES | st.sampled_from(BAD) | RECORDS, max_size=20))
def test_what_the_process_decodes_is_what_is_decoded_here(
    helped: Decoder, payloads: list[Payload]
) -> None:
    """Every type, every member, every class of bad message, with headers and without."""
    assert told(helped(payloads, NOW)) == told(decode_here(payloads, NOW, HORIZON_DAYS))
    assert process_of(helped).is_running()


def test_batches_are_decoded_here_until_the_process_is_there() -> None:
    """Nobody waits for it; a few messages never start it."""
    payloads = visits(10)
    with Decoder(HORIZON_DAYS, worth_a_process=25) as decoder:
        for _ in range(2):
            assert len(decoder(payloads, NOW)) == 10
        assert decoder._beside._process is None
        decoder(payloads, NOW)
        assert told(decoder(payloads, NOW)) == told(decode_here(payloads, NOW, HORIZON_DAYS))
        wait_until_ready(decoder)
        worker = process_of(decoder)
        assert told(decoder(payloads, NOW)) == told(decode_here(payloads, NOW, HORIZON_DAYS))
    assert not worker.is_running()


def test_what_the_process_decodes_is_decoded_nowhere_else(
    helped: Decoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor is it a second time when the next batch comes."""
    here: list[int] = []
    monkeypatch.setattr(decoding, "decode_here", lambda payloads, *_: here.append(len(payloads)))
    for _ in range(3):
        assert len(helped(visits(300), NOW)) == 300
    assert here == []


def test_a_few_messages_are_never_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """A consumer that takes them one by one for years starts no process."""
    monkeypatch.setattr(decoding, "WORTH_SENDING", 11)
    with Decoder(HORIZON_DAYS, worth_a_process=0) as decoder:
        for _ in range(3):
            assert len(decoder(visits(10), NOW)) == 10
        assert decoder._beside._process is None


@pytest.mark.fault
def test_a_killed_process_loses_nothing() -> None:
    """What it was given, and all that follows, is decoded here."""
    payloads = visits(3_000)
    with Decoder(HORIZON_DAYS, worth_a_process=0) as decoder:
        decoder([], NOW)
        wait_until_ready(decoder)
        process_of(decoder).send_signal(signal.SIGKILL)
        for _ in range(2):
            assert told(decoder(payloads, NOW)) == told(decode_here(payloads, NOW, HORIZON_DAYS))


@pytest.mark.fault
def test_a_process_killed_in_a_batch_loses_nothing() -> None:
    """Half-way through its answer, too."""
    payloads = visits(20_000)
    with Decoder(HORIZON_DAYS, worth_a_process=0) as decoder:
        decoder([], NOW)
        wait_until_ready(decoder)
        worker = process_of(decoder)
        killer = subprocess.Popen(["sh", "-c", f"sleep 0.15; kill -9 {worker.pid}"])
        while decoder._beside.ready is not None:
            assert len(decoder(payloads, NOW)) == len(payloads)
        assert killer.wait() == 0


_ORPHAN = """
import sys, time
from datetime import UTC, datetime
from ledger.ingest import beside, decoding
beside.spare_core = lambda: True
decoding.WORTH_SENDING = 0
decoder = decoding.Decoder(400, worth_a_process=0)
decoder([], datetime.now(UTC))
while decoder._beside.ready is None:
    time.sleep(0.01)
print(decoder._beside.ready._process.pid, flush=True)
time.sleep(60)
"""


@pytest.mark.fault
def test_it_ends_with_who_started_it() -> None:
    """Killed by force, nothing of ours is left behind."""
    with subprocess.Popen(
        [sys.executable, "-c", _ORPHAN], stdout=subprocess.PIPE, text=True
    ) as starter:
        assert starter.stdout is not None
        worker = psutil.Process(int(starter.stdout.readline()))
        assert worker.is_running()
        os.kill(starter.pid, signal.SIGKILL)
    psutil.wait_procs([worker], timeout=PATIENCE_S)
    assert not worker.is_running()


def test_files_are_read_the_same_by_two_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Line by line, whichever process decoded it; where much is to come, from the first on."""
    taken: list[int] = []
    give, is_ready = Beside.give, Beside.is_ready

    def counted(self: Beside, value: Any) -> bool:
        if value is not None:
            taken.append(len(value[0]))
        return give(self, value)

    def waited_for(self: Beside) -> bool:
        select.select([self._output], [], [], PATIENCE_S if not self._ready else 0)
        return is_ready(self)

    monkeypatch.setattr(Beside, "give", counted)
    monkeypatch.setattr(Beside, "is_ready", waited_for)
    content = b"\n".join(
        part for n, good in enumerate(visits(6_000)) for part in (good, BAD[n % 4])
    )

    def read() -> list[object]:
        source = Source("a", io.BytesIO(content))
        much = decoding.BYTES_WORTH_A_PROCESS
        found = batches([source], batch_messages=500, known_bytes=much, now=lambda: NOW)
        return [
            (each.origin, each.payload, told([each.message or each.rejection]))  # type: ignore[list-item]
            for batch in found
            for each in batch.messages
        ]

    two = read()
    assert taken == [500] * 23
    monkeypatch.setattr(beside, "spare_core", lambda: False)
    assert two == read()
    assert len(taken) == 23
    assert len(two) == 12_000
