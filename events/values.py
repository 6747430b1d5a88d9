"""Values that cannot be wrong: ids, codes, money, rates, days and instants.

Money is an integer of minor units beside an ISO 4217 code; nothing here is ever a float (D1).
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, StringConstraints

from events.currencies import CURRENCIES

MAX_MINOR_UNITS = 10**15
"""The largest amount of one message, in minor units (wire)."""

Identifier = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.\-]{1,64}\z")]
"""An opaque id: 1 to 64 letters, digits, ``-``, ``_``, ``.``; never personal data."""

Code = Identifier
"""A code of the same alphabet (a reason, a plan, a course); never free text."""

Operator = Annotated[str, StringConstraints(min_length=1, max_length=128)]
"""Who ran a command: a user of the system or the database, or a token's subject."""

Source = Annotated[str, StringConstraints(min_length=1, max_length=256)]
MessageId = Annotated[str, StringConstraints(min_length=1, max_length=128)]

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
        raise ValueError(f"{code!r} is not an ISO 4217 currency code; use one such as 'EUR'")
    return code


Currency = Annotated[str, AfterValidator(_known_currency)]
"""An ISO 4217 code of the list in :mod:`events.currencies`."""


def _day(value: Any) -> Any:
    if isinstance(value, str):
        if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", value, re.ASCII):
            raise ValueError("a day is written YYYY-MM-DD")
        return date.fromisoformat(value)
    if isinstance(value, datetime) or not isinstance(value, date):
        raise ValueError("a day is written YYYY-MM-DD")  # noqa: TRY004 - pydantic collects these
    return value


Day = Annotated[date, BeforeValidator(_day), PlainSerializer(date.isoformat, when_used="json")]
"""A calendar day in the ledger's time zone (D2)."""

Month = Annotated[str, StringConstraints(pattern=r"^\d{4}-(0[1-9]|1[0-2])\z")]
"""A calendar month, ``YYYY-MM``."""

_INSTANT = re.compile(
    r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})", re.ASCII
)


def parse_instant(value: str) -> datetime:
    """Read an RFC 3339 instant with an offset, cut to the microsecond, as UTC.

    Raises ValueError for a missing offset, a leap second or anything else that is no such instant.
    """
    if not _INSTANT.fullmatch(value):
        raise ValueError("an instant is RFC 3339 with an offset, such as 2026-01-31T09:30:00+01:00")
    if value[17:19] == "60":
        raise ValueError("a leap second (:60) has no place on the ledger's clock")
    if "." in value:
        head, _, tail = value.partition(".")
        digits = len(tail) - len(tail.lstrip("0123456789"))
        value = f"{head}.{tail[:digits][:6]:0<6}{tail[digits:]}"
    try:
        return datetime.fromisoformat(value.replace("z", "Z").replace("t", "T")).astimezone(UTC)
    except OverflowError as error:
        raise ValueError("the instant lies outside the years 1 to 9999") from error


def format_instant(instant: datetime) -> str:
    """Write an instant in UTC to the microsecond: ``2026-01-31T08:30:00.000000Z``."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ").rjust(27, "0")


def _instant(value: Any) -> Any:
    if isinstance(value, str):
        return parse_instant(value)
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise ValueError("an instant needs an offset from UTC")
    return value.astimezone(UTC)


Instant = Annotated[
    datetime, BeforeValidator(_instant), PlainSerializer(format_instant, when_used="json")
]
"""A moment in UTC, to the microsecond."""


def _rate(value: Any) -> Any:
    if isinstance(value, str) and re.fullmatch(r"(0|1)(\.\d{1,6})?", value, re.ASCII):
        value = Decimal(value)
    if not isinstance(value, Decimal) or not 0 <= value <= 1:
        raise ValueError('a rate is a decimal in quotes from "0" to "1", such as "0.20"')
    return value


Rate = Annotated[Decimal, BeforeValidator(_rate), PlainSerializer(str, when_used="json")]
"""An exact decimal from 0 to 1, written as a string: ``"0.20"``."""

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}\z")]
"""A SHA-256 in lower-case hex."""

Interval = Literal["month", "year"]
TierName = Literal["referent", "certified", "strategic"]
TIERS: tuple[TierName, ...] = ("referent", "certified", "strategic")
"""The levels, lowest first (D6)."""
PartnerKind = Literal["referral", "reseller", "tech", "oem"]
