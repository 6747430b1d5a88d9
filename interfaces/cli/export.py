"""Files for the books of others: journals, tied out against the trial balance."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import click

from interfaces.cli.command import Command, Group
from interfaces.cli.options import Place, as_of_options
from interfaces.cli.session import Session
from interfaces.files import replace_file
from replay.as_of import AsOf
from replay.exports.entries import Entry, entries
from replay.exports.plain_text import to_beancount, to_hledger

OUT = click.Path(dir_okay=False, path_type=Path)
Write = Callable[[Sequence[Entry], AsOf], str]


@click.group(cls=Group)
def export() -> None:
    """Files for the books of others, each tied out against the trial balance."""


@export.command(cls=Command)
@click.option("--out", type=OUT, metavar="FILE", help="The file to write, not standard output.")
@as_of_options
@click.pass_obj
def hledger(session: Session, out: Path | None, place: Place) -> None:
    """Every posting as a journal of hledger, one transaction for each event."""
    _journal(session, out, place, to_hledger)


@export.command(cls=Command)
@click.option("--out", type=OUT, metavar="FILE", help="The file to write, not standard output.")
@as_of_options
@click.pass_obj
def beancount(session: Session, out: Path | None, place: Place) -> None:
    """Every posting as a journal of beancount, one transaction for each event."""
    _journal(session, out, place, to_beancount)


def _journal(session: Session, out: Path | None, place: Place, write: Write) -> None:
    with session.replay() as replay:
        at = replay.resolve(**place)
        journal = entries(replay, at)
    session.line.add(rows=len(journal), position=at.position)
    text = write(journal, at)
    if out is None:
        sys.stdout.write(text)
    else:
        replace_file(out, text.encode())
        sys.stdout.write(f"{len(journal)} entries up to position {at.position} are in {out}\n")
