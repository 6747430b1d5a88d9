"""The programme: check a file, adopt a version, show what is in force, assign a partner."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import date
from zoneinfo import available_timezones

import click

from events.finance import ProgrammeAdopted
from interfaces.cli.adopted import adoptions
from interfaces.cli.command import Command, Group
from interfaces.cli.options import (
    DAY,
    IDENTIFIER,
    Place,
    as_of_options,
    format_option,
)
from interfaces.cli.output import Answer, Column, Format, Row, to_json, write_answer, write_result
from interfaces.cli.proposed import write_proposed
from interfaces.cli.session import Session
from ledger.engine.approvals import Proposed
from ledger.errors import Refused
from ledger.policy.files import load, packaged
from ledger.policy.problems import Problem, ProgrammeInvalid
from ledger.policy.programme import Programme

MEMBERS = (
    "programme",
    "number",
    "version",
    "from",
    "title",
    "currency",
    "sha256",
    "time_zone",
    "operator",
    "position",
)
COLUMNS = (
    Column("version", "programme"),
    Column("title"),
    Column("from"),
    Column("currency"),
    Column("sha256"),
    Column("time_zone", "time zone"),
    Column("position", kind="place"),
)


class TimeZone(click.ParamType[str]):
    """A name of the IANA list."""

    name = "zone"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Check that there is such a zone."""
        if value not in available_timezones():
            self.fail(f"{value!r} is no IANA time zone, such as Europe/Paris", param, ctx)
        return value


@click.group(cls=Group)
def programme() -> None:
    """The programme: its versions, and who is under which."""


def read_programme(origin: str) -> Programme:
    """The programme of a file, or the reference programme by its name."""
    try:
        return load(origin)
    except IsADirectoryError:
        raise Refused(f"{origin} is a folder; name a programme file") from None
    except FileNotFoundError:
        raise click.UsageError(
            f"there is no file {origin!r}; name a programme file, or one of the package:"
            f" {', '.join(packaged())}"
        ) from None


@programme.command(cls=Command)
@click.argument("file", metavar="FILE|NAME")
@click.option("--from", "from_day", type=DAY, help="The day from which it is in force.")
@click.option(
    "--time-zone",
    type=TimeZone(),
    help="The ledger's time zone, fixed by the first adoption.  [default: Europe/Paris]",
)
@format_option
@click.pass_obj
def adopt(
    session: Session, file: str, from_day: date | None, time_zone: str | None, format_: Format
) -> None:
    """Adopt a version of a programme; the first adoption makes the ledger.

    NAME is of the package: izyinbox, the reference programme, or an example made of it,
    izyinbox-be and izyinbox-ch.
    """
    from interfaces import bootstrap  # noqa: PLC0415 - see interfaces.cli.session

    document = read_programme(file)
    with session.database() as database, bootstrap.open_ledger(database) as ledger:
        position = ledger.adopt(document, from_day=from_day, time_zone=time_zone)
        programmes, zone = ledger.ledger.programmes, ledger.ledger.time_zone
    if isinstance(position, Proposed):
        write_proposed(session, format_, position)
        return
    version = programmes.versions[document.name][-1].version
    session.line.add(position=position, version=version)
    members = {
        "position": position,
        "version": version,
        "from": from_day,
        "sha256": document.sha256(),
        "time_zone": zone,
    }
    since = f"from {from_day}" if from_day else "on every day"
    write_result(
        members,
        format_,
        f"adopted {version}, in force {since} in {zone}, at position {position}",
    )


@programme.command(cls=Command)
@click.argument("file", metavar="FILE|NAME")
@click.option(
    "--from",
    "from_day",
    type=DAY,
    help="Check that it could be adopted from this day in the ledger at hand, too.",
)
@format_option
@click.pass_obj
def validate(session: Session, file: str, from_day: date | None, format_: Format) -> int:
    """Check a programme file, and list all that is wrong with it; no database is needed.

    With --from the versions adopted in the ledger at hand are looked at, too.
    """
    try:
        document = read_programme(file)
    except ProgrammeInvalid as invalid:
        return _write_problems(session, file, invalid.problems, format_)
    if from_day is not None and (problems := _beside_adopted(session, document, from_day)):
        return _write_problems(session, file, problems, format_)
    members = {"valid": True, "programme": document.name, "sha256": document.sha256()}
    write_result(members, format_, f"{file} is valid: {document.name}, {document.sha256()}")
    return 0


def _beside_adopted(session: Session, document: Programme, from_day: date) -> list[Problem]:
    """What keeps a version from being adopted from a day, beside those that were."""
    from ledger.engine.commands import check_adoption  # noqa: PLC0415 - a ledger is at hand

    with session.ledger() as ledger:
        state = ledger.ledger
    problems = []
    try:
        check_adoption(state, document, from_day, None)
    except Refused as refused:
        problems.append(Problem("", str(refused)))
    same = state.programmes.begun_on(document.name, from_day)
    if same is not None:
        reason = f"{same.version} begins on {from_day}, too; give another day, unless it is wrong"
        problems.append(Problem("", f"{reason} and this version is to replace it"))
    return problems


def _write_problems(
    session: Session, file: str, problems: Sequence[Problem], format_: Format
) -> int:
    session.line.add(problems=len(problems))
    for problem in problems:
        sys.stderr.write(f"{file}: {problem}\n")
    if format_ == "json":
        rows = [problem._asdict() for problem in problems]
        sys.stdout.write(f"{to_json({'valid': False, 'problems': rows})}\n")
    return 1


@programme.command(cls=Command)
@click.option(
    "--document", metavar="VERSION", help="The whole document of a version, such as izyinbox/1."
)
@as_of_options
@format_option
@click.pass_obj
def show(session: Session, document: str | None, place: Place, format_: Format) -> None:
    """The versions adopted, in the order of their adoption."""
    with session.replay() as replay:
        at = replay.resolve(**place)
        adopted = list(adoptions(replay, at))
        if document is None:
            rows = [_row(position, event) for position, event in adopted]
            found = Answer(
                rows, COLUMNS, MEMBERS, as_of=at.answer(), empty="no version was adopted by then"
            )
            write_answer(found, format_, session.locale)
            return
    texts = [event.document for _, event in adopted if _version(event) == document]
    if not texts:
        raise Refused(f"no version {document!r} was adopted; list them with: programme show")
    sys.stdout.write(f"{to_json(texts[0])}\n")


def _version(event: ProgrammeAdopted) -> str:
    return f"{event.programme}/{event.number}"


def _row(position: int, event: ProgrammeAdopted) -> Row:
    return {
        "programme": event.programme,
        "number": event.number,
        "version": _version(event),
        "from": event.from_day,
        "title": event.document.get("title"),
        "currency": event.document.get("currency"),
        "sha256": event.sha256,
        "time_zone": event.time_zone,
        "operator": event.operator,
        "position": position,
    }


@programme.command(cls=Command)
@click.argument("partner", type=IDENTIFIER)
@click.argument("name", metavar="PROGRAMME", type=IDENTIFIER)
@click.option("--from", "from_day", type=DAY, required=True, help="The first day under it.")
@format_option
@click.pass_obj
def assign(session: Session, partner: str, name: str, from_day: date, format_: Format) -> None:
    """Put PARTNER under PROGRAMME from a day on."""
    with session.ledger() as ledger:
        position = ledger.assign_programme(partner, name, from_day)
    if isinstance(position, Proposed):
        write_proposed(session, format_, position)
        return
    session.line.add(position=position)
    members = {"position": position, "partner_id": partner, "programme": name, "from": from_day}
    write_result(
        members, format_, f"{partner} is under {name} from {from_day}, at position {position}"
    )
