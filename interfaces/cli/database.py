"""The database at hand: its address, and the embedded server kept running or stopped."""

from __future__ import annotations

import click

from interfaces.cli.command import Command, Group
from interfaces.cli.options import format_option
from interfaces.cli.output import Format, write_result
from interfaces.cli.session import Session, has_database, tell_of_a_new_database
from interfaces.embedded import EmbeddedPostgres
from ledger.errors import Refused


@click.group(cls=Group)
def database() -> None:
    """The database at hand: its address, and the embedded one's course."""


@database.command(cls=Command)
@format_option
@click.pass_obj
def url(session: Session, format_: Format) -> None:
    """The address for psql and BI tools; a password is left out of it.

    The embedded server runs while a command needs it; keep it running with: database start.
    """
    given = _given(session)
    if given is not None:
        write_result(
            {"url": without_password(given), "embedded": False}, format_, without_password(given)
        )
        return
    status = _embedded(session).status()
    members = {
        "url": status.url,
        "embedded": True,
        "running": status.running,
        "kept": status.kept,
        "data": str(status.data),
    }
    write_result(members, format_, status.url)


@database.command(cls=Command)
@format_option
@click.pass_obj
def start(session: Session, format_: Format) -> None:
    """Start the embedded server and keep it running until: database stop."""
    _require_embedded(session)
    home = session.settings.home
    is_new = not has_database(home)
    status = _embedded(session).start_kept()
    if is_new:
        tell_of_a_new_database(home)
    members = {"url": status.url, "running": status.running, "kept": status.kept}
    write_result(members, format_, f"running at {status.url}")


@database.command(cls=Command)
@format_option
@click.pass_obj
def stop(session: Session, format_: Format) -> None:
    """Stop the embedded server, as soon as no command uses it."""
    _require_embedded(session)
    status = _embedded(session).stop()
    members = {"url": status.url, "running": status.running, "kept": status.kept}
    said = "it stops when the commands that use it are done" if status.running else "stopped"
    write_result(members, format_, said)


def without_password(address: str) -> str:
    """An address that may be shown: without the password, whatever form it has."""
    from psycopg.conninfo import conninfo_to_dict, make_conninfo  # noqa: PLC0415

    said = conninfo_to_dict(address)
    secrets = {"password", "sslpassword"} & said.keys()
    if not secrets:
        return address
    return make_conninfo("", **{key: said[key] for key in said.keys() - secrets})


def _given(session: Session) -> str | None:
    setting = session.settings.database_url
    return session.database_url or (setting.get_secret_value() if setting else None)


def _embedded(session: Session) -> EmbeddedPostgres:
    return EmbeddedPostgres(session.settings.home)


def _require_embedded(session: Session) -> None:
    if _given(session) is not None:
        raise Refused(
            "the database at hand is one of your own, started and stopped by you; leave --database"
            " and COMMISSIONS_DATABASE_URL out for the embedded one"
        )
