"""Closed history as files: write it, check it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from interfaces.cli.command import Command
from interfaces.cli.options import MONTH, Whole, format_option
from interfaces.cli.output import Format, write_result
from interfaces.cli.session import Session, progress
from interfaces.money import format_count

if TYPE_CHECKING:
    from replay.archive.manifest import Manifest


@click.command(cls=Command)
@click.argument("directory", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@click.option("--through", type=Whole(1), metavar="N", help="Write the events up to this position.")
@click.option(
    "--period",
    type=MONTH,
    metavar="YYYY-MM",
    help="Write the events up to the close of this month.  [default: the last month closed]",
)
@click.option(
    "--check",
    is_flag=True,
    help="Write nothing: compute every hash, root and column of DIR anew, without a database.",
)
@format_option
@click.pass_obj
def archive(
    session: Session,
    *,
    directory: Path,
    through: int | None,
    period: str | None,
    check: bool,
    format_: Format,
) -> None:
    """Write closed history to DIR as Parquet files, or add to it what is closed since."""
    if (through is not None) + (period is not None) + check > 1:
        raise click.UsageError("give one of --through, --period and --check")
    manifest = _checked(directory) if check else _written(session, directory, through, period)
    session.line.add(position=manifest.through)
    _tell(session, manifest, directory, format_, "checked" if check else "archived")


def _checked(directory: Path) -> Manifest:
    from interfaces import bootstrap  # noqa: PLC0415 - see interfaces.cli.session

    try:
        from replay.archive.checking import check_archive  # noqa: PLC0415 - packages of an extra
    except ModuleNotFoundError as error:
        raise bootstrap.lacking(error) from None
    with progress("checking") as step:
        return check_archive(directory, step)


def _written(
    session: Session, directory: Path, through: int | None, period: str | None
) -> Manifest:
    from interfaces import bootstrap  # noqa: PLC0415 - see interfaces.cli.session

    try:
        from replay.archive.writing import Archiver, closed_through  # noqa: PLC0415 - as above
    except ModuleNotFoundError as error:
        raise bootstrap.lacking(error) from None
    with session.replay() as replay, progress("archiving") as step:
        if through is None:
            through = closed_through(replay, period)
        replay.resolve(position=through)
        return Archiver(replay.connection, directory, replay.names).write(through, step)


def _tell(
    session: Session, manifest: Manifest, directory: Path, format_: Format, done: str
) -> None:
    last = manifest.parts[-1]
    size = sum(each.size for part in manifest.parts for each in (*part.files, part.subtrees))
    write_result(
        {
            "directory": str(directory),
            "position": manifest.through,
            "root": last.root,
            "parts": len(manifest.parts),
            "bytes": size,
            "checkpoints": len(manifest.checkpoints),
        },
        format_,
        f"{done} {format_count(manifest.through, session.locale)} events in {directory}:"
        f" {format_count(size, session.locale)} bytes, root {last.root}",
    )
