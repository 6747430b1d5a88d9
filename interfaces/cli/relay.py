"""Publishes decisions and dead letters to Kafka."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from threading import Event as Flag
from types import FrameType
from typing import Any

import click
import structlog
from psycopg import Connection

from interfaces.cli.command import Command
from interfaces.cli.options import TOPIC, Seconds, brokers_option, format_option
from interfaces.cli.output import Format, write_result
from interfaces.cli.session import Session
from interfaces.logging import silent
from interfaces.money import format_count


@click.command(cls=Command)
@brokers_option
@click.option("--topic", type=TOPIC, required=True, help="Where decisions go; it must exist.")
@click.option(
    "--dead-letter-topic",
    type=TOPIC,
    help="Where dead letters go; without it they stay here.",
)
@click.option(
    "--until-idle",
    type=Seconds(),
    metavar="SECONDS",
    help="Leave when nothing was left to publish for so long; else only when stopped.",
)
@click.option(
    "--from-start",
    is_flag=True,
    help="Publish everything anew, from position 1: to a topic made anew, or after a restore.",
)
@format_option
@click.pass_obj
def relay(
    session: Session,
    *,
    bootstrap_servers: tuple[str, ...],
    topic: str,
    dead_letter_topic: str | None,
    until_idle: float | None,
    from_start: bool,
    format_: Format,
) -> None:
    """Publish every decision to Kafka, in the order of positions, at least once.

    It goes on from where it stopped; an event that is sent again has the same id. A second relay
    for a topic stands by until the first is gone.
    """
    from interfaces import bootstrap  # noqa: PLC0415 - see interfaces.cli.session
    from interfaces.kafka import access  # noqa: PLC0415
    from ledger.ingest.publisher import Publisher  # noqa: PLC0415
    from ledger.ingest.relay import Relay, Route  # noqa: PLC0415

    cluster = access(session.settings, bootstrap_servers)

    @contextmanager
    def open_database() -> Iterator[Connection[Any]]:
        with session.database() as database:
            bootstrap.require_ledger(database.connection)
            bootstrap.prepare(database.connection)
            yield database.connection

    @contextmanager
    def open_publisher() -> Iterator[Publisher]:
        with ExitStack() as stack:
            with silent("kafka"):
                publisher = stack.enter_context(Publisher(cluster))
            yield publisher

    work = Relay(
        open_database,
        open_publisher,
        bootstrap.LEDGER_NAMES,
        Route(topic, dead_letter_topic, from_start=from_start),
        structlog.get_logger().info,
    )
    work.run(_stopped(), until_idle=until_idle)
    done = work.relayed
    members = {
        "decisions": done.decisions,
        "dead_letters": done.dead_letters,
        "position": done.position,
    }
    session.line.add(**members)
    decisions, letters = (
        format_count(count, session.locale) for count in (done.decisions, done.dead_letters)
    )
    write_result(
        members,
        format_,
        f"published {decisions} decisions and {letters} dead letters, up to position"
        f" {done.position}",
    )


def _stopped() -> Flag:
    """A flag that SIGTERM sets: the page under way is finished first."""
    flag = Flag()

    def stop(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - the signal's signature
        flag.set()

    signal.signal(signal.SIGTERM, stop)
    return flag
