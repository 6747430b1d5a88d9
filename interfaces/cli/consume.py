"""Takes facts in from Kafka, until it is stopped."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import TYPE_CHECKING, Any

import click

from interfaces.cli.command import Command
from interfaces.cli.options import (
    GAP,
    GROUP,
    TOPIC,
    Seconds,
    Whole,
    brokers_option,
    format_option,
)
from interfaces.cli.output import Format, write_result
from interfaces.cli.session import Session
from interfaces.logging import silent
from interfaces.money import format_count

if TYPE_CHECKING:
    from interfaces.health import Health

NAMES = ("accepted", "duplicates", "quarantined", "rejected")
PATIENCE_SECONDS = 8
"""A transaction of a frozen worker is ended after this, that it may not hold up the others."""

WAIT_SECONDS = 2
"""A database that is away is waited for so long at a time: the pool's own tries come at once, after
a second, and then ever later."""


@dataclass(frozen=True, slots=True)
class _Given:
    """The options as they were given."""

    bootstrap_servers: tuple[str, ...]
    topics: tuple[str, ...]
    group: str
    until_idle: float | None
    accepted_gaps: tuple[str, ...]
    health_port: int | None
    health_address: str


@click.command(cls=Command)
@brokers_option
@click.option(
    "--topic",
    "topics",
    type=TOPIC,
    required=True,
    multiple=True,
    metavar="TOPIC",
    help="May be repeated.",
)
@click.option(
    "--group",
    type=GROUP,
    default="commission-ledger",
    show_default=True,
    metavar="NAME",
    help="Workers of one group share the partitions; the group's place is kept in the ledger.",
)
@click.option(
    "--until-idle",
    type=Seconds(above_zero=True),
    metavar="SECONDS",
    help="End when everything is read and nothing came for so long.",
)
@click.option(
    "--accept-gap",
    "accepted_gaps",
    type=GAP,
    multiple=True,
    metavar="TOPIC/PARTITION@OFFSET",
    help="Go on without messages that the broker lost, as the refusal says; it is recorded.",
)
@click.option(
    "--health-port",
    type=Whole(0, 65_535),
    metavar="PORT",
    help="Serve /livez, /readyz and /metrics (Prometheus) there.",
)
@click.option(
    "--health-address",
    default="127.0.0.1",
    show_default=True,
    metavar="ADDRESS",
    help="Where --health-port listens; in a container, 0.0.0.0.",
)
@format_option
@click.pass_obj
def consume(session: Session, /, format_: Format, **given: Any) -> None:
    """Record the facts of Kafka topics, each once, until stopped by SIGTERM or Ctrl-C.

    Messages that cannot be taken become dead letters; the exit status is 0 all the same.
    """
    from interfaces.health import Health  # noqa: PLC0415 - see interfaces.cli.session

    health = Health()
    _work(session, _Given(**given), health)
    counts = {name: health.counts[name] for name in NAMES}
    session.line.add(**counts, position=health.position)
    parts = [f"{name} {format_count(counts[name], session.locale)}" for name in NAMES]
    then = f"the ledger was at position {health.position}" if health.position else "no batch came"
    sentence = f"{', '.join(parts)}; {then}"
    write_result({**counts, "position": health.position}, format_, sentence)


def _work(session: Session, given: _Given, health: Health) -> None:
    from interfaces import bootstrap  # noqa: PLC0415 - see interfaces.cli.session
    from interfaces.health import serving  # noqa: PLC0415
    from interfaces.kafka import access, worker_name  # noqa: PLC0415
    from ledger.ingest.kafka.consumer import Limits, Worker  # noqa: PLC0415
    from ledger.ingest.kafka.fetching import Fetching  # noqa: PLC0415
    from ledger.ingest.kafka.offsets import Offsets  # noqa: PLC0415
    from ledger.ingest.kafka.subscription import Subscription  # noqa: PLC0415

    settings, group = session.settings, given.group
    cluster = access(settings, given.bootstrap_servers)
    limits = Limits(
        batch_messages=settings.batch_size,
        horizon_days=settings.max_days_ahead,
        until_idle=given.until_idle,
        accepted_gaps=given.accepted_gaps,
    )
    with session.database() as database, ExitStack() as stack:
        bootstrap.require_ledger(database.connection)
        ledger = stack.enter_context(
            bootstrap.open_ledger(
                database, patience_seconds=PATIENCE_SECONDS, wait_seconds=WAIT_SECONDS
            )
        )
        stack.enter_context(serving(health, given.health_address, given.health_port))
        with silent("kafka"):
            fetching = stack.enter_context(Fetching(cluster))
            subscription = Subscription(
                cluster,
                given.topics,
                group=group,
                session_timeout_ms=settings.kafka_session_timeout_ms,
                max_poll_interval_ms=settings.kafka_max_poll_interval_ms,
            )
        names, owner = bootstrap.LEDGER_NAMES, worker_name()
        offsets = Offsets(ledger.transaction, names, group=group, owner=owner)
        worker = Worker(ledger, offsets, subscription, fetching, health, limits=limits)
        with _stopped_by_signals(worker.stop):
            worker.run()


@contextmanager
def _stopped_by_signals(leave: Callable[[], None]) -> Iterator[None]:
    """The first signal lets the batch be finished; the second ends at once, as ever."""
    before: dict[signal.Signals, Any] = {}

    def stop(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - the signature
        leave()
        for each, handler in before.items():
            signal.signal(each, handler)

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:
            before[number] = signal.signal(number, stop)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
