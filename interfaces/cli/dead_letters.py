"""The dead letters: list, look at, try again, discard."""

from __future__ import annotations

import base64
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime

import click

from interfaces.cli.command import Command, Group
from interfaces.cli.options import CODE, Whole, format_option
from interfaces.cli.output import (
    Answer,
    Column,
    Format,
    Row,
    to_json,
    write_answer,
    write_csv,
    write_result,
)
from interfaces.cli.session import Session
from ledger.ingest.dead_letters import DeadLetters, Letter, Status, Summary
from replay.written import plain

MEMBERS = tuple(Summary.__dataclass_fields__)
COLUMNS = (
    Column("id", kind="place"),
    Column("kind"),
    Column("origin"),
    Column("error"),
    Column("member"),
    Column("message", kind="prose"),
    Column("status"),
)
_IDS = Whole(1)


@click.group("dead-letters", cls=Group)
def dead_letters() -> None:
    """Messages that were rejected or quarantined."""


@dead_letters.command("list", cls=Command)
@click.option("--all", "everything", is_flag=True, help="Those retried and discarded, too.")
@format_option
@click.pass_obj
def list_(
    session: Session,
    everything: bool,  # noqa: FBT001 - click passes flags by name
    format_: Format,
) -> None:
    """The dead letters that are open, in the order in which they came."""
    from interfaces import bootstrap  # noqa: PLC0415 - see interfaces.cli.session

    status: Status | None = None if everything else "open"
    with session.replay() as replay:
        at = replay.resolve()
        letters = DeadLetters(replay.connection, bootstrap.LEDGER_NAMES)
        rows = [_row(letter) for letter in letters.all(status)]
    found = Answer(rows, COLUMNS, MEMBERS, as_of=at.answer(), empty="no dead letter is open")
    session.line.add(rows=write_answer(found, format_, session.locale))


@dead_letters.command(cls=Command)
@click.argument("id_", metavar="ID", type=_IDS)
@format_option
@click.pass_obj
def show(session: Session, id_: int, format_: Format) -> None:
    """One dead letter, with its bytes as they came."""
    from interfaces import bootstrap  # noqa: PLC0415 - see interfaces.cli.session

    with session.replay() as replay:
        letters = DeadLetters(replay.connection, bootstrap.LEDGER_NAMES)
        letter, attempts = letters.get(id_), letters.attempts(id_)
    row = {**_row(letter), "sha256": letter.payload_sha256.hex(), **_payload(letter)}
    retries = [asdict(attempt) for attempt in attempts]
    if format_ == "json":
        sys.stdout.write(f"{to_json({**row, 'retries': retries})}\n")
    elif format_ == "csv":
        write_csv([row], tuple(row))
    else:
        for name, value in row.items():
            if value is not None:
                sys.stdout.write(f"{name.replace('_', ' '):15} {_printable(plain(value))}\n")
        for attempt in attempts:
            told = f"{attempt.outcome} {plain(attempt.retried_at)} by {attempt.operator}"
            sys.stdout.write(f"{'retry':15} {_printable(told)}\n")


@dead_letters.command(cls=Command)
@click.argument("ids", metavar="ID...", type=_IDS, nargs=-1, required=True)
@format_option
@click.pass_obj
def retry(session: Session, ids: tuple[int, ...], format_: Format) -> int:
    """Try dead letters again, in the order given; exit status 1 if one is still not taken."""
    from interfaces import bootstrap  # noqa: PLC0415 - see interfaces.cli.session

    rows: list[Row] = []
    with session.database() as database:
        bootstrap.require_ledger(database.connection)
        with bootstrap.open_ledger(database) as ledger:
            letters = DeadLetters(database.connection, bootstrap.LEDGER_NAMES)
            for id_ in ids:
                result = letters.retry(
                    id_,
                    ledger.record,
                    received_at=datetime.now(UTC),
                    operator=database.operator,
                    horizon_days=session.settings.max_days_ahead,
                )
                rows.append({"id": id_, "outcome": result.outcome, "reason": result.reason or None})
    columns = (Column("id", kind="place"), Column("outcome"), Column("reason", kind="prose"))
    write_answer(Answer(rows, columns, ("id", "outcome", "reason")), format_, session.locale)
    return 1 if any(row["outcome"] in {"rejected", "quarantined"} for row in rows) else 0


@dead_letters.command(cls=Command)
@click.argument("ids", metavar="ID...", type=_IDS, nargs=-1, required=True)
@click.option(
    "--reason", type=CODE, default="discarded", show_default=True, help="Why: a code, kept."
)
@format_option
@click.pass_obj
def discard(session: Session, ids: tuple[int, ...], reason: str, format_: Format) -> None:
    """Close dead letters for good and erase what they held.

    Kept are the hash of the message, where it stood, what was wrong with it, the reason and you.
    """
    with _letters(session) as (letters, operator):
        for id_ in ids:
            letters.discard(id_, operator=operator, reason=reason)
    rows = [{"id": id_, "outcome": "discarded"} for id_ in ids]
    columns = (Column("id", kind="place"), Column("outcome"))
    write_answer(Answer(rows, columns, ("id", "outcome")), format_, session.locale)


@dead_letters.command(cls=Command)
@format_option
@click.pass_obj
def expire(session: Session, format_: Format) -> None:
    """Erase what dead letters held that came too long ago (COMMISSIONS_DEAD_LETTER_DAYS, 90).

    Those that are open are closed as discarded, with the reason "retention". Run it every day.
    """
    days = session.settings.dead_letter_days
    with _letters(session) as (letters, operator):
        erased = letters.expire(days, operator=operator)
    session.line.add(erased=erased, days=days)
    sentence = f"erased what {erased} dead letters held that came more than {days} days ago"
    write_result({"erased": erased, "days": days}, format_, sentence)


@contextmanager
def _letters(session: Session) -> Iterator[tuple[DeadLetters, str]]:
    """The dead letters, to be changed, and who changes them."""
    from interfaces import bootstrap  # noqa: PLC0415 - see interfaces.cli.session

    with session.database() as database:
        bootstrap.require_ledger(database.connection)
        bootstrap.prepare(database.connection)
        yield DeadLetters(database.connection, bootstrap.LEDGER_NAMES), database.operator


def _row(letter: Summary) -> Row:
    return {name: getattr(letter, name) for name in MEMBERS}


def _payload(letter: Letter) -> Row:
    if letter.payload is None:
        return {}
    try:
        return {"payload": letter.payload.decode()}
    except UnicodeDecodeError:
        return {"payload_base64": base64.b64encode(letter.payload).decode()}


def _printable(text: str) -> str:
    """What came from outside, without what would steer a terminal."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in text)
