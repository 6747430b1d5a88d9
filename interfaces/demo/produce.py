"""A billing system for the demonstration: sends the demo year's messages to Kafka, at a pace.

``python -m interfaces.demo.produce HOST:PORT TOPIC [TOPIC...]`` makes the topics that are missing
and sends the year to the first of them, in the order in which it was told, each message under its
partner's key. Sent again, it changes nothing: each message counts once.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import orjson

from interfaces.demo.year import year
from interfaces.kafka import access
from interfaces.settings import load
from ledger.ingest.publisher import Outgoing, Publisher

PARTITIONS = 4
PER_SECOND = 200

_HEADERS = (("content-type", b"application/cloudevents+json"),)


def main(arguments: list[str] | None = None) -> int:
    """Run the program; answers the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m interfaces.demo.produce", description="Send the demo year to Kafka."
    )
    parser.add_argument("servers", metavar="HOST:PORT", help="a broker to begin with")
    parser.add_argument("topics", metavar="TOPIC", nargs="+", help="the first is sent to")
    parser.add_argument("--per-second", type=int, default=PER_SECOND, help="how many messages")
    parser.add_argument("--ready", type=Path, help="a file to make once the topics are there")
    parser.add_argument("--stay", action="store_true", help="do not leave when all is sent")
    given = parser.parse_args(arguments)
    with Publisher(access(load(), [given.servers])) as publisher:
        for topic in given.topics:
            publisher.create(topic, PARTITIONS)
        if given.ready is not None:
            given.ready.touch()
        sent = send(publisher, given.topics[0], given.per_second)
    sys.stdout.write(f"sent {sent} messages\n")
    sys.stdout.flush()
    if given.stay:
        signal.pause()
    return 0


def send(publisher: Publisher, topic: str, per_second: int) -> int:
    """Send the whole year, a second's messages at a time; how many there were."""
    sent, began = 0, time.monotonic()
    for page in _pages(per_second):
        publisher.publish(topic, page)
        sent += len(page)
        time.sleep(max(0.0, began + sent / per_second - time.monotonic()))
    return sent


def _pages(size: int) -> Iterator[list[Outgoing]]:
    page: list[Outgoing] = []
    for month in year():
        for line in month.lines:
            page.append(Outgoing(_key(line), line.rstrip(b"\n"), _HEADERS))
            if len(page) >= size:
                yield page
                page = []
    if page:
        yield page


def _key(line: bytes) -> bytes | None:
    """The partner whom a message is about, else the client: what belongs together stays so."""
    data = orjson.loads(line)["data"]
    key = data.get("partner_id") or data.get("client_id")
    return key.encode() if key else None


if __name__ == "__main__":
    raise SystemExit(main())
