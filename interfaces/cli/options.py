"""Options and arguments that several commands share."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from datetime import date, datetime
from functools import wraps
from math import isfinite
from pathlib import Path
from typing import Any, Literal, ParamSpec, TypedDict, TypeVar

import click

from events.currencies import CURRENCIES, nearest
from events.values import parse_instant
from interfaces.cli.session import Session

P = ParamSpec("P")
R = TypeVar("R")
Decorator = Callable[[Callable[..., R]], Callable[..., R]]


class Day(click.ParamType[date]):
    """An ISO day, in the ledger's time zone, from a first one on."""

    name = "day"

    def __init__(self, first: date) -> None:
        self._first = first

    def convert(
        self, value: str | date, param: click.Parameter | None, ctx: click.Context | None
    ) -> date:
        """Read ``YYYY-MM-DD``."""
        if isinstance(value, date):
            return value
        day: date | None = None
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", value, re.ASCII):
            with suppress(ValueError):
                day = date.fromisoformat(value)
        if day is None:
            return self.fail(f"{value!r} is no day; write it as YYYY-MM-DD", param, ctx)
        if day < self._first:
            return self.fail(f"{value!r} has no day before it; write a later one", param, ctx)
        return day


class RunDay(click.ParamType[date | Literal["today", "yesterday"]]):
    """An ISO day, or a word for one; whoever uses it knows the ledger's time zone."""

    name = "day"

    def convert(
        self, value: str | date, param: click.Parameter | None, ctx: click.Context | None
    ) -> date | Literal["today", "yesterday"]:
        """Read ``YYYY-MM-DD``, ``today`` or ``yesterday``."""
        if value == "today":
            return "today"
        if value == "yesterday":
            return "yesterday"
        return DAY.convert(value, param, ctx)


class Month(click.ParamType[str]):
    """A month, ``YYYY-MM``, with a day before and after it in the calendar."""

    name = "month"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Check that it is a month."""
        if not re.fullmatch(r"(?!0000|0001-01|9999-12)\d{4}-(0[1-9]|1[0-2])", value, re.ASCII):
            self.fail(f"{value!r} is no month; write it as YYYY-MM", param, ctx)
        return value


class Quarter(click.ParamType[str]):
    """A quarter, ``2026Q1``."""

    name = "quarter"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Check that it is a quarter."""
        if not re.fullmatch(r"(?!0000)\d{4}Q[1-4]", value, re.ASCII):
            self.fail(f"{value!r} is no quarter; write it as 2026Q1", param, ctx)
        return value


class Instant(click.ParamType[datetime]):
    """An RFC 3339 instant with an offset."""

    name = "instant"

    def convert(
        self, value: str | datetime, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """Read the instant."""
        if isinstance(value, datetime):
            return value
        try:
            return parse_instant(value)
        except ValueError as error:
            self.fail(f"{value!r}: {error}", param, ctx)


class Matching(click.ParamType[str]):
    """Text of a fixed alphabet, such as an id or a code."""

    def __init__(self, name: str, pattern: str, advice: str) -> None:
        self.name = name
        self._pattern, self._advice = pattern, advice

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Check the alphabet."""
        if not re.fullmatch(self._pattern, value, re.ASCII):
            self.fail(f"{value!r} {self._advice}", param, ctx)
        return value


class CurrencyCode(click.ParamType[str]):
    """A code of the ISO 4217 list."""

    name = "currency"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Check that there is such a currency."""
        if value not in CURRENCIES:
            near = nearest(value)
            meant = f"did you mean {near}?" if near else "write one such as EUR"
            self.fail(f"{value!r} is no currency of ISO 4217; {meant}", param, ctx)
        return value


class Whole(click.IntRange):
    """A whole number within a range, refused in words that tell which."""

    def __init__(self, least: int | None = None, most: int | None = None, advice: str = "") -> None:
        """``advice`` says what to write; without it the range does."""
        super().__init__(least, most)
        self.name = "number"
        bounds = {
            (False, False): "a whole number",
            (True, False): f"a whole number, {least} or more",
            (False, True): f"a whole number, {most} or less",
            (True, True): f"a whole number from {least} to {most}",
        }
        self._advice = advice or bounds[least is not None, most is not None]

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Read the number."""
        try:
            return int(super().convert(value, param, ctx))
        except click.BadParameter:
            self.fail(f"{str(value)!r} will not do; write {self._advice}", param, ctx)


class Seconds(click.FloatRange):
    """A time to wait, refused in words that tell how it is written."""

    def __init__(self, *, above_zero: bool = False) -> None:
        """``above_zero``: no time at all will not do."""
        super().__init__(min=0, min_open=above_zero)
        self.name = "seconds"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Read the seconds."""
        try:
            seconds = float(super().convert(value, param, ctx))
        except click.BadParameter:
            seconds = float("nan")
        if not isfinite(seconds):
            least = "more than 0" if self.min_open else "0 or more"
            self.fail(f"{str(value)!r} will not do; write seconds, {least}", param, ctx)
        return seconds


ANY_DAY = Day(date.min)
DAY = Day(date(1, 1, 2))
"""A day that may be recorded: it has an eve, and a start in every time zone."""
RUN_DAY = RunDay()
MONTH = Month()
QUARTER = Quarter()
INSTANT = Instant()
IDENTIFIER = Matching(
    "id", r"[A-Za-z0-9_.\-]{1,64}", "is no id: 1 to 64 letters, digits, '-', '_' and '.'"
)
CODE = Matching(
    "code", r"[A-Za-z0-9_.\-]{1,64}", "is no code: 1 to 64 letters, digits, '-', '_' and '.'"
)
TOPIC = Matching(
    "topic", r"[A-Za-z0-9_.\-]{1,249}", "is no topic: 1 to 249 letters, digits, '-', '_' and '.'"
)
GROUP = Matching("name", r".*\S.*", "names no group; write one, such as commission-ledger")
GAP = Matching("gap", r"[A-Za-z0-9_.\-]{1,249}/\d+@\d+", "is no gap; write TOPIC/PARTITION@OFFSET")
CURRENCY = CurrencyCode()
AMOUNT = Whole(advice="minor units as a whole number, such as -500 for -5.00")


class Place(TypedDict):
    """What the as-of options say, as ``Replay.resolve`` takes it."""

    known_at: datetime | None
    position: int | None
    effective_at: date | None


def format_option(function: Callable[P, R]) -> Callable[P, R]:
    """``--format table|json|csv``, as the parameter ``format_``."""
    return click.option(
        "--format",
        "format_",
        type=click.Choice(["table", "json", "csv"]),
        default="table",
        show_default=True,
        help="For people, or for programs: one JSON object, or CSV; money in minor units.",
    )(function)


def _archive(ctx: click.Context, param: click.Parameter, value: Path | None) -> None:  # noqa: ARG001
    if value is not None:
        ctx.ensure_object(Session).archive = value


def archive_option(function: Callable[P, R]) -> Callable[P, R]:
    """``--archive DIR`` puts an archive in the place of the ledger."""
    return click.option(
        "--archive",
        type=click.Path(file_okay=False, path_type=Path),
        metavar="DIR",
        expose_value=False,
        callback=_archive,
        help="Answer from this archive, without a database.",
    )(function)


def as_of_options(function: Callable[..., R]) -> Callable[..., R]:
    """``--known-at``, ``--position`` and ``--effective-at``, as the parameter ``place``.

    ``--archive`` puts an archive in the place of the ledger.
    """
    effective = click.option(
        "--effective-at",
        type=ANY_DAY,
        metavar="DAY",
        help="Only what had happened by this day.",
    )
    return known_options(effective(function))


def known_options(function: Callable[..., R]) -> Callable[..., R]:
    """``--known-at`` and ``--position`` alone, as the parameter ``place``, with ``--archive``."""

    @archive_option
    @click.option(
        "--known-at",
        type=INSTANT,
        metavar="INSTANT",
        help="What the ledger knew then (RFC 3339 with an offset).",
    )
    @click.option(
        "--position",
        type=Whole(0),
        metavar="N",
        help="What the ledger knew up to this position.",
    )
    @wraps(function)
    def with_place(
        *args: Any,
        known_at: datetime | None,
        position: int | None,
        effective_at: date | None = None,
        **kwargs: Any,
    ) -> R:
        if known_at is not None and position is not None:
            raise click.UsageError(
                "give --known-at or --position, not both: each says what was known"
            )
        place = Place(known_at=known_at, position=position, effective_at=effective_at)
        return function(*args, place=place, **kwargs)

    return with_place


def two_persons(function: Callable[..., R]) -> Callable[..., R]:
    """``--requested-by`` and ``--approved-by``."""
    function = click.option(
        "--approved-by", required=True, metavar="PERSON", help="Who approves it: another person."
    )(function)
    return click.option("--requested-by", required=True, metavar="PERSON", help="Who asks for it.")(
        function
    )


def ahead_option(function: Callable[P, R]) -> Callable[P, R]:
    """``--ahead``: allow a day after today, which is recorded."""
    return click.option(
        "--ahead", is_flag=True, help="Allow a day after today; it is recorded that it was."
    )(function)


_LAST_PORT = 65_535


def _brokers(ctx: click.Context, param: click.Parameter, given: tuple[str, ...]) -> tuple[str, ...]:
    """Check that ports are such: the library ends on others as if it had a fault."""
    for broker in filter(None, map(str.strip, ",".join(given).split(","))):
        # What has more colons and no bracket is an address of IPv6 without a port.
        found = re.fullmatch(r"(?:\w+://)?(?:\[[^\]]*\]|[^:]+):([^:]*)", broker, re.ASCII)
        port = found[1] if found else None
        if port is not None and not (
            re.fullmatch(r"\d{1,5}", port, re.ASCII) and 0 < int(port) <= _LAST_PORT
        ):
            raise click.BadParameter(
                f"{broker!r} is no broker; write HOST:PORT, several by commas", ctx, param
            )
    return given


def brokers_option(function: Callable[P, R]) -> Callable[P, R]:
    """``--bootstrap-servers HOST:PORT…``: the Kafka cluster."""
    return click.option(
        "--bootstrap-servers",
        required=True,
        multiple=True,
        callback=_brokers,
        metavar="HOST:PORT",
        help="A broker to begin with; several by commas, or by giving the option again.",
    )(function)


def _database(ctx: click.Context, param: click.Parameter, value: str | None) -> None:
    if value is None:
        return
    from psycopg import ProgrammingError  # noqa: PLC0415 - only where an address is given
    from psycopg.conninfo import conninfo_to_dict  # noqa: PLC0415

    try:
        conninfo_to_dict(value)
    except ProgrammingError:
        raise click.BadParameter(
            "no address of a PostgreSQL; write it as postgresql://user@host:5432/name", ctx, param
        ) from None
    ctx.ensure_object(Session).database_url = value


def _locale(ctx: click.Context, param: click.Parameter, value: str | None) -> None:  # noqa: ARG001
    if value is not None:
        ctx.ensure_object(Session).given_locale = "fr" if value == "fr" else "en"


def common_options() -> list[click.Option]:
    """The options that stand before or after the name of a command."""
    return [
        click.Option(
            ["--database"],
            metavar="URL",
            expose_value=False,
            callback=_database,
            help="The PostgreSQL (15 or later) to use, instead of COMMISSIONS_DATABASE_URL or the"
            " embedded one.",
        ),
        click.Option(
            ["--locale"],
            type=click.Choice(["fr", "en"]),
            expose_value=False,
            callback=_locale,
            help="How tables write money: 1 234,56 € or €1,234.56 (COMMISSIONS_LOCALE).",
        ),
    ]
