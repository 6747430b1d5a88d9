"""The demo: a year of a partner programme into a new ledger, and what it shows."""

from __future__ import annotations

from pathlib import Path

import click

from interfaces.cli.command import Command
from interfaces.cli.demo_report import write_report
from interfaces.cli.session import Session, progress
from interfaces.demo.play import OPERATOR, play, require_new
from interfaces.demo.year import write as write_year
from interfaces.money import format_count
from ledger.ingest.dead_letters import DeadLetters
from replay.as_of import Replay


@click.command(cls=Command)
@click.option("--again", is_flag=True, help="Replace an earlier demo; never anything else.")
@click.option(
    "--write",
    "file",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    metavar="FILE",
    help="Only write the year's messages, as JSON Lines; no ledger is touched.",
)
@click.pass_obj
def demo(session: Session, again: bool, file: Path | None) -> None:  # noqa: FBT001 - by name
    """Play a year of a realistic programme into a new ledger, and show what came of it.

    Every figure is drawn, not measured; it is the same on every machine.
    """
    if file is not None:
        count = format_count(write_year(file), session.locale)
        click.echo(f"{count} messages in {file}; take them in with: commissions ingest {file}")
        return
    from interfaces import bootstrap  # noqa: PLC0415 - see interfaces.cli.session

    with session.database() as database:
        bootstrap.prepare(database.connection)
        require_new(database.connection, again=again)
        with (
            bootstrap.open_ledger(database, operator=OPERATOR) as ledger,
            progress("playing the year") as step,
        ):
            letters = DeadLetters(database.connection, bootstrap.LEDGER_NAMES)
            played = play(ledger, letters, step)
        session.line.add(accepted=played.accepted, lines=played.lines)
        write_report(Replay(database.connection), played, session.locale)
