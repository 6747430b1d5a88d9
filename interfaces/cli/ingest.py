"""Takes facts in from JSON Lines, and tells of each line that could not be taken."""

from __future__ import annotations

import base64
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

import click

from interfaces.cli.command import Command
from interfaces.cli.options import format_option
from interfaces.cli.output import Format, to_json, write_result
from interfaces.cli.session import Session, progress
from interfaces.money import format_count
from ledger.application import CommissionLedger
from ledger.dead_letters import Incoming
from ledger.errors import Refused
from ledger.ingest.dead_letters import DeadLetters
from ledger.ingest.files import Batch, Source, batches, recorded

SHOWN = 1_000
"""Bad lines told on standard error; all of them are in the dead letters and in --bad-lines."""


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that was rejected or quarantined, and why."""

    incoming: Incoming
    error: str
    member: str | None
    message: str

    def __str__(self) -> str:
        """``billing.jsonl:12: wrong_data in data.price: …``."""
        place = f" in {self.member}" if self.member else ""
        return f"{self.incoming.origin}: {self.error}{place}: {self.message}"

    def members(self) -> dict[str, object]:
        """What ``--bad-lines`` writes of it; bytes that are no UTF-8 as ``payload_base64``."""
        file, _, line = self.incoming.origin.rpartition(":")
        told: dict[str, object] = {
            "file": file,
            "line": int(line),
            "error": self.error,
            "member": self.member or None,
            "message": self.message,
        }
        try:
            return {**told, "payload": self.incoming.payload.decode()}
        except UnicodeDecodeError:
            return {**told, "payload_base64": base64.b64encode(self.incoming.payload).decode()}


class _Sink(Protocol):
    """Takes the bad lines of a batch."""

    def __call__(self, bad: Sequence[BadLine]) -> None: ...


@click.command(cls=Command)
@click.argument(
    "files",
    nargs=-1,
    required=True,
    metavar="FILE...",
    type=click.Path(exists=True, dir_okay=False, readable=True, allow_dash=True, path_type=str),
)
@click.option(
    "--bad-lines",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    metavar="FILE",
    help="Write each line that was not taken, with its reason, as JSON Lines.",
)
@format_option
@click.pass_obj
def ingest(
    session: Session, files: tuple[str, ...], bad_lines: Path | None, format_: Format
) -> int:
    """Record the facts of FILE..., JSON Lines in the order given; - is standard input.

    What is wrong is told line by line and the rest goes in; the exit status is then 1.
    """
    if files.count("-") > 1:
        raise click.UsageError("standard input can be read once; give - once")
    if bad_lines is not None and _is_one_of(bad_lines, files):
        raise click.UsageError("--bad-lines would overwrite what is read; name another file")
    counts: Counter[str] = Counter()
    with ExitStack() as stack:
        ledger, letters = stack.enter_context(_opened(session))
        tell = stack.enter_context(_bad_lines(bad_lines))
        step = stack.enter_context(progress("ingesting"))
        total = sum(Path(name).stat().st_size for name in files if name != "-")
        position = 0
        read = batches(
            _sources(files),
            batch_messages=session.settings.batch_size,
            horizon_days=session.settings.max_days_ahead,
            known_bytes=total,
        )
        for batch, result in recorded(ledger, read):
            position = result.position
            for name in ("accepted", "duplicates", "quarantined", "rejected"):
                counts[name] += getattr(result, name)
            if result.rejected or result.quarantined:
                tell(list(bad_of(batch, letters if result.quarantined else None)))
            step(batch.read_bytes, total)
        position = position or letters.last_position()
    members = {name: counts[name] for name in ("accepted", "duplicates", "quarantined", "rejected")}
    session.line.add(**members, position=position)
    write_result({**members, "position": position}, format_, _sentence(session, counts, position))
    return 1 if counts["rejected"] or counts["quarantined"] else 0


def bad_of(batch: Batch, letters: DeadLetters | None) -> Iterator[BadLine]:
    """The bad lines of a batch, in line order; ``letters`` knows those that were quarantined."""
    contradicting = (
        {letter.origin: letter for letter in letters.quarantined(batch.messages)} if letters else {}
    )
    for incoming in batch.messages:
        rejection, letter = incoming.rejection, contradicting.get(incoming.origin)
        if rejection is not None:
            yield BadLine(incoming, rejection.code, rejection.member, rejection.message)
        elif letter is not None:
            first = letter.first_position
            known = f" (position {first})" if first is not None else ""
            yield BadLine(
                incoming, f"quarantined, {letter.error}{known}", letter.member, letter.message or ""
            )


def _is_one_of(path: Path, files: Sequence[str]) -> bool:
    return path.exists() and any(name != "-" and path.samefile(name) for name in files)


@contextmanager
def _opened(session: Session) -> Iterator[tuple[CommissionLedger, DeadLetters]]:
    from interfaces import bootstrap  # noqa: PLC0415 - see interfaces.cli.session

    with session.database() as database:
        bootstrap.require_ledger(database.connection)
        with bootstrap.open_ledger(database) as ledger:
            yield ledger, DeadLetters(database.connection, bootstrap.LEDGER_NAMES)


def _sources(files: Sequence[str]) -> Iterator[Source]:
    """Open one file after the other."""
    for name in files:
        if name == "-":
            if sys.stdin is None:
                # What stands in its place is another file of this process.
                raise Refused("standard input is closed; give a file, or send messages through it")
            # A reader of its own: the one of sys.stdin is closed when Python leaves, which cannot
            # be done while a thread waits in it.
            yield Source("-", open(0, "rb", closefd=False))  # noqa: SIM115
        else:
            with Path(name).open("rb") as stream:
                yield Source(name, stream)


@contextmanager
def _bad_lines(path: Path | None) -> Iterator[_Sink]:
    """Tell bad lines on standard error, and write them to a file if one is given."""
    told = 0
    with ExitStack() as stack:
        file: BinaryIO | None = stack.enter_context(path.open("wb")) if path else None

        def tell(bad: Sequence[BadLine]) -> None:
            nonlocal told
            for line in bad:
                told += 1
                if told <= SHOWN:
                    sys.stderr.write(f"{line}\n")
                elif told == SHOWN + 1:
                    sys.stderr.write("... more: list them with: commissions dead-letters list\n")
                if file is not None:
                    file.write(to_json(line.members()).encode() + b"\n")

        yield tell


def _sentence(session: Session, counts: Counter[str], position: int) -> str:
    parts = [
        f"{name} {format_count(counts[name], session.locale)}"
        for name in ("accepted", "duplicates", "quarantined", "rejected")
    ]
    return f"{', '.join(parts)}; the ledger is at position {position}"
