"""What a command works with: the options of all commands, the settings, and its ledger."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from interfaces.logging import Line
from interfaces.money import Locale
from interfaces.settings import Settings, load

if TYPE_CHECKING:
    from interfaces.bootstrap import Database
    from ledger.application import CommissionLedger
    from replay.archive.opening import ArchivedReplay
    from replay.as_of import Replay

# bootstrap is imported by the command that opens a database, so that --help, completion and wrong
# usage answer at once.

Step = Callable[[int, int], None]
"""Called with (done, total); a total of 0 is not known."""


@dataclass(slots=False)
class Session:
    """One run of a command; the options given override the settings."""

    database_url: str | None = None
    given_locale: Locale | None = None
    archive: Path | None = None
    """The archive that queries read instead of a ledger."""
    engine: Literal["duckdb", "spark"] = "duckdb"
    """What reads an archive."""
    master: str = ""
    """Where Spark runs, as Spark writes it."""
    line: Line = field(default_factory=Line)
    logged: bool = False
    """Whether a command has begun, which writes its own log line, or none on a terminal."""

    @cached_property
    def settings(self) -> Settings:
        """The settings of this process."""
        return load()

    @property
    def locale(self) -> Locale:
        """How money is written."""
        return self.given_locale or self.settings.locale

    @property
    def is_embedded(self) -> bool:
        """Whether no address of a database is given."""
        return self.database_url is None and self.settings.database_url is None

    @contextmanager
    def database(self) -> Iterator[Database]:
        """The database at hand, connected; the embedded one unless another is given."""
        from interfaces import bootstrap  # noqa: PLC0415 - see above

        is_new = self.is_embedded and not has_database(self.settings.home)
        with bootstrap.connect(self.settings, self.database_url) as database:
            if is_new:
                tell_of_a_new_database(self.settings.home)
            yield database

    @contextmanager
    def ledger(self) -> Iterator[CommissionLedger]:
        """The ledger at hand; NotReady until a programme has been adopted."""
        from interfaces import bootstrap  # noqa: PLC0415 - see above

        with self.database() as database:
            bootstrap.require_ledger(database.connection)
            with bootstrap.open_ledger(database) as ledger:
                yield ledger

    @contextmanager
    def replay(self, *, damaged: bool = False) -> Iterator[Replay]:
        """The ledger at hand, to be read, or the archive that is asked for in its place.

        ``damaged``: also one that has lost its programme.
        """
        from interfaces import bootstrap  # noqa: PLC0415 - see above

        if self.archive is not None:
            with self.archived(self.archive) as replay:
                yield replay
            return
        with self.database() as database:
            yield bootstrap.open_replay(database, damaged=damaged)

    @contextmanager
    def archived(self, directory: Path) -> Iterator[ArchivedReplay]:
        """The archive, held against the ledger of ``--database`` if one is named beside it."""
        from interfaces import bootstrap  # noqa: PLC0415 - see above

        master = self.master if self.engine == "spark" else None
        with bootstrap.open_archived(directory, master) as replay:
            if self.database_url is not None:
                with self.database() as database:
                    bootstrap.require_archive_of(database, directory, replay)
            yield replay


def has_database(home: Path) -> bool:
    """Whether the embedded PostgreSQL of a home was made before."""
    from interfaces.embedded import EmbeddedPostgres  # noqa: PLC0415 - see above

    try:
        return EmbeddedPostgres(home).status().data.exists()
    except OSError:
        return False


def tell_of_a_new_database(home: Path) -> None:
    """Say on standard error that there was none: the home may be mistyped."""
    sys.stderr.write(f"commissions: no database was in {home}, so a new one was made\n")


def today_in(time_zone: str) -> date:
    """The day that it is in the ledger's time zone: read at the door, in no decision."""
    return datetime.now(ZoneInfo(time_zone)).date()


@contextmanager
def progress(what: str) -> Iterator[Step]:
    """A bar on standard error if that is a terminal; it shows itself when work takes a while."""
    if not sys.stderr.isatty():
        yield lambda done, total: None
        return
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%"),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    with bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total or None)
