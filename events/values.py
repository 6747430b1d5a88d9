"""Values that cannot be wrong: ids, codes, money, rates, days and instants.

Money is an integer of minor units beside an ISO 4217 code; nothing here is ever a float (D1).
"""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import orjson
from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainSerializer,
    StringConstraints,
    WithJsonSchema,
)

from events.currencies import CURRENCIES

MAX_MINOR_UNITS = 10**15
"""The largest amount of one message, in minor units (wire)."""

# In these patterns `$` is the very end: pydantic matches them with Rust's regular expressions, in
# which a newline at the end does not slip through, and JSON Schema reads `$` in the same way.
Identifier = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.\-]{1,64}$")]
"""An opaque id: 1 to 64 letters, digits, ``-``, ``_``, ``.``; never personal data."""

Code = Identifier
"""A code of the same alphabet (a reason, a plan, a course); never free text."""

Operator = Annotated[
    str,
    StringConstraints(
        min_length=1,
        max_length=128,
        pattern=r"^[^\u0000-\u0020\u007f]([^\u0000-\u001f\u007f]*[^\u0000-\u0020\u007f])?$",
    ),
]
"""Who ran a command: a user of the system or the database, or a token's subject; no blank ends."""

MAX_SOURCE_LENGTH = 256
MAX_ID_LENGTH = 128

# PostgreSQL stores no NUL character in text or jsonb.
Source = Annotated[
    str, StringConstraints(min_length=1, max_length=MAX_SOURCE_LENGTH, pattern=r"^[^\u0000]+$")
]
"""Who told a fact, such as ``/billing``: 1 to 256 characters (wire)."""

MessageId = Annotated[
    str, StringConstraints(min_length=1, max_length=MAX_ID_LENGTH, pattern=r"^[^\u0000]+$")
]
"""The id of a message, 1 to 128 characters: with its source the idempotency key (wire)."""

MinorUnits = Annotated[int, Field(strict=True, ge=0, le=MAX_MINOR_UNITS)]
"""An amount of money in minor units, not negative."""

SignedMinorUnits = Annotated[int, Field(strict=True, ge=-MAX_MINOR_UNITS, le=MAX_MINOR_UNITS)]
"""An amount of money in minor units, of either sign."""

Total = Annotated[int, Field(strict=True)]
"""A sum of amounts in minor units; wider than one amount may be."""

Count = Annotated[int, Field(strict=True, ge=0, le=10**9)]
Position = Annotated[int, Field(strict=True, ge=1)]
"""A place in the ledger, gap-free from 1."""


def _known_currency(code: str) -> str:
    if code not in CURRENCIES:
        raise ValueError("a currency is a code of the ISO 4217 list, such as 'EUR'")
    return code


Currency = Annotated[
    str,
    AfterValidator(_known_currency),
    WithJsonSchema({"type": "string", "enum": sorted(CURRENCIES)}),
]
"""An ISO 4217 code of the list in :mod:`events.currencies`."""


def _day(value: Any) -> Any:
    if isinstance(value, str):
        return _read_day(value)
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    raise ValueError(_NO_DAY)


# A log names few days, again and again; what is none is not remembered.
@lru_cache(maxsize=16_384)
def _read_day(value: str) -> date:
    # fromisoformat takes weeks and compact dates, too; none of those has both hyphens here.
    if len(value) == len("YYYY-MM-DD") and value[4] == value[7] == "-":
        with suppress(ValueError):
            return date.fromisoformat(value)
    raise ValueError(_NO_DAY)


_NO_DAY = "a day is written YYYY-MM-DD and is one of the calendar"


Day = Annotated[
    date,
    BeforeValidator(_day),
    PlainSerializer(date.isoformat, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date"}),
]
"""A calendar day in the ledger's time zone (D2)."""


def is_zone(name: str) -> bool:
    """Whether a name is a time zone of the IANA database at hand."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def _known_zone(name: str) -> str:
    if not is_zone(name):
        raise ValueError(f"{name!r} is no time zone of the IANA database at hand")
    return name


TimeZone = Annotated[
    str,
    Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_+\-/]+$"),
    AfterValidator(_known_zone),
]
"""A time zone of the IANA database by its name, such as ``Europe/Paris``."""


def _month(value: str) -> str:
    if not re.fullmatch(r"\d{4}-\d{2}", value, re.ASCII):
        raise ValueError("a month is written YYYY-MM")
    date.fromisoformat(f"{value}-01")
    return value


Month = Annotated[
    str,
    AfterValidator(_month),
    WithJsonSchema({"type": "string", "pattern": "^(?!0000)[0-9]{4}-(0[1-9]|1[0-2])$"}),
]
"""A calendar month, ``YYYY-MM``."""

_INSTANT = re.compile(
    r"(\d{4}-\d{2}-\d{2})[Tt]"
    r"((?:[01]\d|2[0-3]):[0-5]\d:(?:[0-5]\d|60))(?:\.(\d+))?"
    r"([Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)",
    re.ASCII,
)
_FIRST = datetime(1, 1, 2, tzinfo=UTC)
_LAST = datetime(9999, 12, 30, tzinfo=UTC)


def parse_instant(value: str) -> datetime:
    """Read an RFC 3339 instant with an offset, cut to the microsecond, as UTC.

    Raises ValueError for a missing offset, a leap second, a date that does not exist, an instant
    that has no calendar day in some time zone (the first day of year 1, the last two of 9999) or
    anything else that is no such instant.
    """
    match = _INSTANT.fullmatch(value)
    if match is None:
        raise ValueError("an instant is RFC 3339 with an offset, such as 2026-01-31T09:30:00+01:00")
    day, clock, fraction, offset = match.groups()
    if clock.endswith("60"):
        raise ValueError("a leap second (:60) has no place on the ledger's clock")
    text = f"{day}T{clock}.{fraction[:6]:0<6}{offset}" if fraction else value
    try:
        instant = datetime.fromisoformat(text.upper()).astimezone(UTC)
    except OverflowError:
        instant = None
    if instant is None or not _FIRST <= instant < _LAST:
        raise ValueError("the instant lies outside the years that a calendar can hold")
    return instant


def format_instant(instant: datetime) -> str:
    """Write an instant in UTC to the microsecond: ``2026-01-31T08:30:00.000000Z``."""
    return instant_json(instant)[1:-1].decode()


def instant_json(instant: datetime) -> bytes:
    """The same as a string of JSON."""
    text = orjson.dumps(instant.astimezone(UTC), option=orjson.OPT_UTC_Z)
    # It leaves out a fraction that is zero.
    return text if instant.microsecond else b'%b.000000Z"' % text[:-2]


def _instant(value: Any) -> Any:
    if isinstance(value, str):
        return parse_instant(value)
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise ValueError("an instant needs an offset from UTC")
    return value.astimezone(UTC)


Instant = Annotated[
    datetime,
    BeforeValidator(_instant),
    PlainSerializer(format_instant, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
"""A moment in UTC, to the microsecond."""


_RATE = r"^(0(\.[0-9]{1,6})?|1(\.0{1,6})?)$"


def _rate(value: Any) -> Any:
    if isinstance(value, str):
        return _read_rate(value)
    return _read_rate(str(value) if isinstance(value, Decimal) else "")


@lru_cache(maxsize=1024)
def _read_rate(text: str) -> Decimal:
    if not re.fullmatch(_RATE, text) or text.endswith("\n"):
        raise ValueError('a rate is a decimal in quotes from "0" to "1", such as "0.20"')
    return Decimal(text)


Rate = Annotated[
    Decimal,
    BeforeValidator(_rate),
    PlainSerializer(str, when_used="json"),
    WithJsonSchema({"type": "string", "pattern": _RATE}),
]
"""An exact decimal from 0 to 1 with up to six digits, written as a string: ``"0.20"``."""

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
"""A SHA-256 in lower-case hex."""

Interval = Literal["month", "year"]
TierName = Literal["referent", "certified", "strategic"]
TIERS: tuple[TierName, ...] = ("referent", "certified", "strategic")
"""The levels, lowest first (D6)."""
PartnerKind = Literal["referral", "reseller", "tech", "oem"]
