"""The log's signed checkpoints, and proofs against them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import click

from interfaces.cli.command import Command
from interfaces.cli.options import IDENTIFIER, MONTH, Whole, format_option
from interfaces.cli.output import Answer, Column, Format, write_answer, write_result
from interfaces.cli.queries import require_partner
from interfaces.cli.session import Session
from interfaces.files import replace_file
from interfaces.money import format_count, format_counted
from ledger.errors import NotReady, Refused
from replay.transparency.checkpoints import Checkpoints, StoredCheckpoint
from replay.transparency.proofs import Document, Proofs, to_bytes
from replay.transparency.signing import (
    SigningKey,
    new_key,
    read_key_file,
    read_keys,
    write_key_file,
)
from replay.transparency.verifier import NotShown, read_checkpoint, read_note
from replay.written import plain

POSITION = Whole(1, 2**63 - 1)
FILE = click.Path(dir_okay=False, path_type=Path)
COLUMNS = (
    Column("position", kind="place"),
    Column("created_at", "at"),
    Column("operator"),
    Column("signers", kind="prose"),
    Column("root"),
)
MEMBERS = ("position", "created_at", "operator", "signers", "root", "note")


@click.group()
def checkpoint() -> None:
    """Sign what the ledger holds, so that nobody can rewrite it unseen."""


@checkpoint.command("key", cls=Command)
@click.argument("file", type=FILE)
@click.option("--name", help="The name that it signs with; by default the ledger's own.")
@format_option
@click.pass_obj
def make_key(session: Session, file: Path, name: str | None, format_: Format) -> None:
    """Make a private key in FILE, for one user; prints the public key to hand out."""
    if name is None:
        with session.replay() as replay:
            name = Checkpoints(replay.connection, replay.names).origin()
    key = new_key(name)
    write_key_file(file, key)
    write_result({"file": str(file), "public_key": key.verifier()}, format_, key.verifier())


@checkpoint.command(cls=Command)
@format_option
@click.pass_obj
def create(session: Session, format_: Format) -> None:
    """Sign the ledger as it stands, and keep the checkpoint.

    Nothing is signed if the log does not begin with what was signed before.
    """
    keys = _keys(session)
    _keep(session, format_, lambda checkpoints, operator: checkpoints.create(keys, operator))


@checkpoint.command("add", cls=Command)
@click.argument("file", type=FILE)
@format_option
@click.pass_obj
def add_signatures(session: Session, file: Path, format_: Format) -> None:
    """Keep a checkpoint of this ledger that witnesses have signed since."""
    note = _note(file)
    _keep(
        session, format_, lambda checkpoints, operator: checkpoints.add_signatures(note, operator)
    )


@checkpoint.command("list", cls=Command)
@format_option
@click.pass_obj
def list_(session: Session, format_: Format) -> None:
    """Every checkpoint that was given out."""
    with session.replay() as replay:
        rows = [_row(one) for one in Checkpoints(replay.connection, replay.names).stored()]
        found = Answer(
            rows,
            COLUMNS,
            MEMBERS,
            as_of=replay.resolve().answer(),
            empty="no checkpoint yet; make one with: commissions checkpoint create",
        )
        session.line.add(rows=write_answer(found, format_, session.locale))


@checkpoint.command(cls=Command)
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@format_option
@click.pass_obj
def publish(session: Session, folder: Path, format_: Format) -> None:
    """Write every checkpoint to FOLDER, with the proof that each grew from the one before.

    FOLDER/checkpoint is the last one; serve or mirror the folder where others can keep copies.
    """
    with session.replay() as replay:
        newest = {
            one.position: one for one in Checkpoints(replay.connection, replay.names).stored()
        }
        if not newest:
            raise Refused("there is no checkpoint; sign one with: commissions checkpoint create")
        proofs, sizes = Proofs(replay.connection, replay.names), sorted(newest)
        (folder / "checkpoints").mkdir(parents=True, exist_ok=True)
        (folder / "consistency").mkdir(exist_ok=True)
        for size in sizes:
            replace_file(folder / "checkpoints" / str(size), newest[size].note.encode())
        for old, new in pairwise(sizes):
            path = folder / "consistency" / f"{old}-{new}.json"
            if not path.exists():
                replace_file(path, to_bytes(proofs.consistency(old, new)))
        replace_file(folder / "checkpoint", newest[sizes[-1]].note.encode())
    count = format_counted(len(sizes), "checkpoint", session.locale)
    write_result(
        {"folder": str(folder), "checkpoints": len(sizes), "position": sizes[-1]},
        format_,
        f"in {folder}: {count}, the last of {format_count(sizes[-1], session.locale)} events",
    )


@checkpoint.command("stamp-request", cls=Command)
@click.argument("file", type=FILE)
@click.option("--out", type=FILE, required=True, help="The request to write, as DER.")
@format_option
def stamp_request(file: Path, out: Path, format_: Format) -> None:
    """Write the request that an authority stamps the checkpoint in FILE by (RFC 3161).

    Post it to the authority as application/timestamp-query, and keep what comes back.
    """
    content = _timestamps().request(_note(file).encode())
    replace_file(out, content)
    write_result({"file": str(out), "bytes": len(content)}, format_, f"the request is in {out}")


@checkpoint.command("stamp-check", cls=Command)
@click.argument("file", type=FILE)
@click.argument("answer", type=FILE)
@click.option(
    "--authority",
    "authorities",
    type=FILE,
    multiple=True,
    required=True,
    help="A root certificate that you trust, in PEM; again for each.",
)
@format_option
def stamp_check(file: Path, answer: Path, authorities: tuple[Path, ...], format_: Format) -> None:
    """When the checkpoint in FILE was there at the latest, by an authority's ANSWER."""
    roots = [each.read_bytes() for each in authorities]
    try:
        stamp = _timestamps().stamped(_note(file).encode(), answer.read_bytes(), roots)
    except NotShown as error:
        raise Refused(str(error)) from None
    members = {"at": stamp.at, "policy": stamp.policy, "serial": stamp.serial}
    write_result(members, format_, f"the checkpoint was there at {plain(stamp.at)}")


def _note(file: Path) -> str:
    """The checkpoint in a file, as it stands there; Refused where there is none."""
    try:
        note = file.read_bytes().decode()
        read_checkpoint(read_note(note).text)
    except (UnicodeDecodeError, NotShown) as error:
        reason = error if isinstance(error, NotShown) else "it is not text"
        raise Refused(f"{file} holds no checkpoint: {reason}") from None
    return note


def _timestamps() -> ModuleType:
    try:
        from replay.transparency import timestamps  # noqa: PLC0415 - an extra, hardly ever needed
    except ModuleNotFoundError:
        raise NotReady(
            "time stamps need an extra: pip install 'commission-ledger[timestamps]'"
        ) from None
    return timestamps


@click.group()
def prove() -> None:
    """Make proofs that commissions-verify checks without the ledger."""


def _to_file(command: Callable[..., None]) -> Callable[..., None]:
    for option in (
        click.option("--out", type=FILE, help="Write to a file; else to standard output."),
        click.option(
            "--checkpoint", "size", type=POSITION, help="Against which, by its events; the last."
        ),
    ):
        command = option(command)
    return command


@prove.command(cls=Command)
@click.argument("position", type=POSITION)
@_to_file
@click.pass_obj
def inclusion(session: Session, position: int, size: int | None, out: Path | None) -> None:
    """That the event of POSITION is in the log, with its content and place."""
    _prove(session, out, lambda proofs: proofs.inclusion(position, size))


@prove.command(cls=Command)
@click.argument("old", type=POSITION)
@click.argument("new", type=POSITION, required=False)
@click.option("--out", type=FILE, help="Write to a file; else to standard output.")
@click.pass_obj
def consistency(session: Session, old: int, new: int | None, out: Path | None) -> None:
    """That the log of NEW events (the last checkpoint) begins with that of OLD events."""
    _prove(session, out, lambda proofs: proofs.consistency(old, new))


@prove.command("statement", cls=Command)
@click.argument("partner", type=IDENTIFIER)
@click.option("--month", type=MONTH, required=True, help="A closed month, YYYY-MM.")
@_to_file
@click.pass_obj
def prove_statement(
    session: Session, partner: str, month: str, size: int | None, out: Path | None
) -> None:
    """That the statement of PARTNER is made of events of the log, with none left out."""
    _prove(session, out, lambda proofs: proofs.statement(partner, month, size), partner)


def _prove(
    session: Session,
    out: Path | None,
    ask: Callable[[Proofs], Document],
    partner: str | None = None,
) -> None:
    with session.replay() as replay:
        if partner is not None:
            require_partner(replay, partner)
        written = to_bytes(ask(Proofs(replay.connection, replay.names)))
    if out is None:
        sys.stdout.write(written.decode())
    else:
        replace_file(out, written)


def _keys(session: Session) -> tuple[SigningKey, ...]:
    settings = session.settings
    if settings.checkpoint_key is not None:
        return read_keys(settings.checkpoint_key.get_secret_value())
    if settings.checkpoint_key_file is not None:
        return read_key_file(settings.checkpoint_key_file)
    raise NotReady(
        "no key to sign with: make one with 'commissions checkpoint key FILE', and name the file"
        " in COMMISSIONS_CHECKPOINT_KEY_FILE"
    )


def _keep(
    session: Session, format_: Format, make: Callable[[Checkpoints, str], StoredCheckpoint]
) -> None:
    """Keep a checkpoint under the name of who runs this, and write it."""
    from interfaces import bootstrap  # noqa: PLC0415 - see interfaces.cli.session

    with session.database() as database:
        replay = bootstrap.open_replay(database)
        made = make(Checkpoints(replay.connection, replay.names), database.operator)
    session.line.add(position=made.position)
    write_result(_row(made), format_, made.note.rstrip("\n"))


def _row(one: StoredCheckpoint) -> dict[str, object]:
    return {
        "position": one.position,
        "created_at": one.created_at,
        "operator": one.operator,
        # Two keys of one log have one name.
        "signers": [f"{name}+{key.hex()}" for name, key, _ in one.signatures],
        "root": one.root.hex(),
        "note": one.note,
    }
