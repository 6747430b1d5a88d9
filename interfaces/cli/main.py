"""The command ``commissions``: finds the command asked for, and turns errors into one line each."""

from __future__ import annotations

import errno
import logging
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from io import TextIOWrapper
from types import FrameType

import click

from events.errors import EventError
from interfaces.cli.asked import QUERIES
from interfaces.cli.command import LazyGroup
from interfaces.cli.session import Session
from ledger.collecting import collect_seldom
from ledger.errors import LedgerError

PROGRAM = "commissions"
WRONG_USAGE = 2
INTERRUPTED = 128 + signal.SIGINT

COMMANDS = {
    "demo": "interfaces.cli.demo:demo",
    "ingest": "interfaces.cli.ingest:ingest",
    "consume": "interfaces.cli.consume:consume",
    "relay": "interfaces.cli.relay:relay",
    "programme": "interfaces.cli.programme:programme",
    "rules": "interfaces.cli.rules:rules",
    "open": "interfaces.cli.openings:open_",
    "open-partner": "interfaces.cli.openings:open_partner",
    "preview": "interfaces.cli.preview:preview",
    "accrue": "interfaces.cli.runs:accrue",
    "close": "interfaces.cli.runs:close",
    "payouts": "interfaces.cli.payouts:payouts",
    "adjust": "interfaces.cli.finance:adjust",
    "credit": "interfaces.cli.finance:credit",
    "assign": "interfaces.cli.corrections:assign",
    "retract": "interfaces.cli.corrections:retract",
    "resolve": "interfaces.cli.corrections:resolve",
    "correct-partner": "interfaces.cli.corrections:correct_partner",
    "approve": "interfaces.cli.approvals:approve",
    "reject": "interfaces.cli.approvals:reject",
    "approvals": "interfaces.cli.approvals:approvals",
    **QUERIES,
    "explain": "interfaces.cli.explain:explain_command",
    "diff": "interfaces.cli.diff:diff",
    "what-if": "interfaces.cli.what_if:what_if",
    "kpi": "interfaces.cli.kpi:kpi",
    "simulate": "interfaces.cli.simulate:simulate_command",
    "dead-letters": "interfaces.cli.dead_letters:dead_letters",
    "export": "interfaces.cli.export:export",
    "database": "interfaces.cli.database:database",
    "rebuild": "interfaces.cli.audit:rebuild",
    "verify": "interfaces.cli.audit:verify",
    "archive": "interfaces.cli.archive:archive",
    "replay": "interfaces.cli.engines:replay",
    "recompute": "interfaces.cli.recompute:recompute",
    "checkpoint": "interfaces.cli.transparency:checkpoint",
    "evidence": "interfaces.cli.evidence:evidence",
    "prove": "interfaces.cli.transparency:prove",
}
"""Where each command is."""


_ELSEWHERE = "name another place, or get the right to use this one"
_ADVICE = {
    errno.ENOENT: "make it, or name another place",
    errno.EACCES: _ELSEWHERE,
    errno.EPERM: _ELSEWHERE,
    errno.EROFS: _ELSEWHERE,
    errno.ENOSPC: "make room and run the command again",
    errno.EDQUOT: "make room and run the command again",
}
"""What to do when the system refuses a file."""


def _version() -> str:
    try:
        return version("commission-ledger")
    except PackageNotFoundError:
        return "not installed"


@click.group(
    cls=LazyGroup,
    lazy=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(_version(), prog_name=PROGRAM)
@click.pass_context
def commissions(ctx: click.Context) -> None:
    """A partner commission ledger: facts in, decisions recorded, balances out, on PostgreSQL.

    Without --database an embedded PostgreSQL in your data directory is started and used.
    """
    ctx.ensure_object(Session)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status: 0 success, 1 it failed, 2 wrong usage."""
    _prepare()
    session = Session()
    try:
        status = commissions.main(arguments, prog_name=PROGRAM, standalone_mode=False, obj=session)
    except click.exceptions.NoArgsIsHelpError as error:
        sys.stderr.write(f"{error.format_message()}\n")
        return WRONG_USAGE
    except click.UsageError as error:
        _log_before_its_command(session, error)
        return _failed(_usage(error), WRONG_USAGE)
    except click.ClickException as error:
        return _failed(error.format_message(), error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        return _failed(
            "interrupted; the ledger goes on from here with the next command", INTERRUPTED
        )
    except (LedgerError, EventError) as error:
        _log_before_its_command(session, error)
        return _failed(str(error), 1)
    except OSError as error:
        return _failed(_system_reason(error), 1)
    except Exception as error:
        reason = _database_reason(error)
        if reason is None:
            raise
        return _failed(reason, 1)
    return status if isinstance(status, int) else 0


def _prepare() -> None:
    """Set up the process: its signals, its log, what it does with signs that it cannot write."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        # Who starts a command with nohup wants the hang-up to be ignored.
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _leave)
    collect_seldom()
    # The pool tells of each connection that it lost; the command's own error says it once.
    logging.getLogger("psycopg.pool").setLevel(logging.CRITICAL)
    if sys.stdout is None or sys.stderr is None:
        # Who closed them does not want to read; what is written goes nowhere.
        nowhere = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 - for good
        sys.stdout, sys.stderr = sys.stdout or nowhere, sys.stderr or nowhere
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")


def _leave(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - the signal's signature
    """End as Ctrl-C does: what is open is rolled back, the embedded server let go."""
    raise SystemExit(128 + number)


def _failed(message: str, status: int) -> int:
    line = " ".join(message.split())
    sys.stderr.write(f"{PROGRAM}: {line}\n")
    return status


def _log_before_its_command(session: Session, error: Exception) -> None:
    """Write the log line of a command that was refused before it could begin, off a terminal.

    What the settings say of the log may be what is wrong: the line is as it is by default.
    """
    if session.logged or sys.stderr.isatty():
        return
    from interfaces.logging import canonical_line, configure  # noqa: PLC0415 - hardly ever needed

    context = error.ctx if isinstance(error, click.UsageError) else None
    name = context.command_path.partition(" ")[2] if context is not None else ""
    configure()
    with suppress(type(error)), canonical_line(name or PROGRAM):
        raise error


def _usage(error: click.UsageError) -> str:
    message = error.format_message()
    path = error.ctx.command_path if error.ctx is not None else PROGRAM
    return f"{message.rstrip('.')}; see: {path} --help"


def _system_reason(error: OSError) -> str:
    """What the system refused, where, and what to do."""
    where = f"{error.filename}: " if error.filename else ""
    advice = _ADVICE.get(error.errno) if error.errno is not None else None
    return f"{where}{error.strerror or error}" + (f"; {advice}" if advice else "")


def _database_reason(error: Exception) -> str | None:
    """What to say of a database's error; None if it is none, and a traceback is due."""
    from eventsourcing.persistence import PersistenceError  # noqa: PLC0415 - a database was used
    from psycopg import Error, errors  # noqa: PLC0415

    cause = error.__cause__ if isinstance(error, PersistenceError) else error
    if isinstance(cause, errors.InsufficientPrivilege):
        return (
            f"the database's user lacks a right ({cause.diag.message_primary}); commands need a"
            " member of ledger_writer or the owner, finance reads the views of the schema finance"
        )
    if isinstance(cause, errors.LockNotAvailable):
        return "another command has held the ledger for a minute; try again when it is done"
    if isinstance(cause, errors.OperationalError):
        reason = cause.diag.message_primary or str(cause)
        return f"the database went away ({reason}); nothing is half done, run the command again"
    if isinstance(cause, Error):
        return f"the database refused: {cause.diag.message_primary or cause}"
    return None


if __name__ == "__main__":
    sys.exit(main())
