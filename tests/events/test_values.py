"""Values that cannot be wrong: what they take, what they refuse, how they are written."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from events.currencies import CURRENCIES, minor_digits
from events.values import (
    MAX_MINOR_UNITS,
    Currency,
    Day,
    Identifier,
    Instant,
    MinorUnits,
    Month,
    Operator,
    Rate,
    Sha256,
    TimeZone,
    format_instant,
    parse_instant,
)


def refused(kind: Any, value: object) -> bool:
    """Whether a type refuses a value."""
    try:
        TypeAdapter(kind).validate_python(value)
    except ValidationError:
        return True
    return False


@pytest.mark.parametrize("value", ["c-1", "A.b_C-9", "x" * 64, "0"])
def test_an_id_is_64_of_its_alphabet(value: str) -> None:
    """Letters, digits, and three marks."""
    assert TypeAdapter(Identifier).validate_python(value) == value


@pytest.mark.parametrize(
    "value",
    ["", "x" * 65, "c 1", "c-1\n", "\nc", "é", "a/b", "a@b.fr", "a\x00", "\uff11", 1, None],
)
def test_what_is_no_id(value: object) -> None:
    """A newline at the end does not slip through, nor a digit of another script."""
    assert refused(Identifier, value)


@pytest.mark.parametrize("value", [0, 1, MAX_MINOR_UNITS])
def test_money_is_an_integer_of_minor_units(value: int) -> None:
    """From nothing to 10^15."""
    assert TypeAdapter(MinorUnits).validate_python(value) == value


@pytest.mark.parametrize("value", [-1, MAX_MINOR_UNITS + 1, 5.0, True, "5", None, Decimal(5)])
def test_what_is_no_money(value: object) -> None:
    """No float, no boolean, no string: nothing is coerced."""
    assert refused(MinorUnits, value)


@pytest.mark.parametrize("value", ["EUR", "CHF", "TND", "JPY"])
def test_a_currency_is_on_the_list(value: str) -> None:
    """ISO 4217."""
    assert TypeAdapter(Currency).validate_python(value) == value


@pytest.mark.parametrize("value", ["eur", "EURO", "ZZZ", "", "FRF", " EUR", "x" * 100_000, 978])
def test_what_is_no_currency(value: object) -> None:
    """Not by case, not by age; and the message does not repeat it."""
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(Currency).validate_python(value)
    assert len(caught.value.errors()[0]["msg"]) < 200


def test_minor_digits() -> None:
    """2 but for those that have another number."""
    assert [minor_digits(code) for code in ("EUR", "JPY", "TND", "CLF")] == [2, 0, 3, 4]
    assert all(len(code) == 3 and code.isupper() for code in CURRENCIES)


@pytest.mark.parametrize("value", ["2026-01-31", "2024-02-29", "0001-01-01", "9999-12-31"])
def test_a_day_is_iso(value: str) -> None:
    """Year, month, day; it is written as it was read."""
    adapter: TypeAdapter[date] = TypeAdapter(Day)
    assert adapter.dump_python(adapter.validate_python(value), mode="json") == value


@pytest.mark.parametrize(
    "value",
    [
        "2026-02-29",
        "2026-1-31",
        "20260131",
        "2026-01-31T00:00:00Z",
        "2026-W05-6",
        "0000-01-01",
        "",
        "2026-01-31\n",
        "٢٠٢٦-01-31",
        20260131,
        datetime(2026, 1, 31, tzinfo=UTC),
        None,
    ],
)
def test_what_is_no_day(value: object) -> None:
    """No other spelling, and no instant."""
    assert refused(Day, value)


@pytest.mark.parametrize(
    "value", ["2026-13", "2026-00", "2026-1", "0000-01", "٢٠٢٦-01", "2026-01\n"]
)
def test_what_is_no_month(value: str) -> None:
    """A month is YYYY-MM of a year that exists."""
    assert refused(Month, value)
    assert not refused(Month, "2026-12")


@pytest.mark.parametrize("value", ["0", "1", "0.2", "0.20", "0.123456", "1.000000"])
def test_a_rate_keeps_its_digits(value: str) -> None:
    """A rate is what was written, exactly."""
    adapter: TypeAdapter[Decimal] = TypeAdapter(Rate)
    assert adapter.dump_python(adapter.validate_python(value), mode="json") == value
    assert adapter.validate_python(Decimal(value)) == Decimal(value)


@pytest.mark.parametrize(
    "value",
    [
        "1.5",
        "1.000001",
        "-0.1",
        "2",
        ".5",
        "0.",
        "0.1234567",
        "1e-1",
        "0.2\n",
        "",
        0.2,
        1,
        True,
        Decimal("NaN"),
        Decimal("-0"),
        Decimal("1E-7"),
        Decimal("Infinity"),
    ],
)
def test_what_is_no_rate(value: object) -> None:
    """No float, nothing beyond 0 and 1, no decimal that could not be read back."""
    assert refused(Rate, value)


@pytest.mark.parametrize("value", ["", "x" * 129, "a\nb", "a\x00", "\ud800"])
def test_what_is_no_operator(value: str) -> None:
    """An identity fits in one line of a report and in the database."""
    assert refused(Operator, value)
    assert not refused(Operator, "Zoé (db user)")


def test_a_hash_is_lower_case_hex() -> None:
    """64 digits."""
    assert not refused(Sha256, "0f" * 32)
    assert refused(Sha256, "0F" * 32)
    assert refused(Sha256, "0f" * 32 + "\n")


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("2026-01-31T09:30:00+01:00", "2026-01-31T08:30:00.000000Z"),
        ("2026-01-31T08:30:00Z", "2026-01-31T08:30:00.000000Z"),
        ("2026-01-31t08:30:00z", "2026-01-31T08:30:00.000000Z"),
        ("2026-01-31T08:30:00-00:00", "2026-01-31T08:30:00.000000Z"),
        ("2026-01-31T23:30:00-23:59", "2026-02-01T23:29:00.000000Z"),
        ("2026-01-31T08:30:00.5Z", "2026-01-31T08:30:00.500000Z"),
        ("2026-01-31T08:30:00.123456Z", "2026-01-31T08:30:00.123456Z"),
        ("2026-01-31T08:30:00.123456789Z", "2026-01-31T08:30:00.123456Z"),
        ("2026-01-31T08:30:00.999999999999Z", "2026-01-31T08:30:00.999999Z"),
        ("0001-01-02T00:00:00Z", "0001-01-02T00:00:00.000000Z"),
        ("0999-06-01T00:00:00+00:00", "0999-06-01T00:00:00.000000Z"),
        ("9999-12-29T23:59:59.999999Z", "9999-12-29T23:59:59.999999Z"),
        ("2024-02-29T00:00:00Z", "2024-02-29T00:00:00.000000Z"),
    ],
)
def test_an_instant_is_utc_to_the_microsecond(value: str, written: str) -> None:
    """Any offset comes to UTC; what is finer than a microsecond is cut, never rounded."""
    assert format_instant(parse_instant(value)) == written


@pytest.mark.parametrize(
    "value",
    [
        "2026-01-31T08:30:00",
        "2026-01-31",
        "2026-01-31 08:30:00Z",
        "2026-01-31T08:30Z",
        "2026-01-31T08:30:00+0100",
        "2026-01-31T08:30:00+01",
        "2026-01-31T08:30:00+24:00",
        "2026-01-31T08:30:00+01:60",
        "2026-01-31T08:30:00.Z",
        "2026-01-31T08:30:00,5Z",
        "2026-01-31T24:00:00Z",
        "2026-01-31T08:60:00Z",
        "2026-01-31T08:30:61Z",
        "2026-02-29T08:30:00Z",
        "2026-13-01T08:30:00Z",
        "20260131T083000Z",
        "2026-W05-6T08:30:00Z",
        "٢٠٢٦-01-31T08:30:00Z",
        " 2026-01-31T08:30:00Z",
        "2026-01-31T08:30:00Z\n",
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+01:00",
        "0001-01-01T23:59:59Z",
        "9999-12-30T00:00:00Z",
        "9999-12-31T23:59:59-01:00",
        "10000-01-01T00:00:00Z",
        "",
    ],
)
def test_what_is_no_instant(value: str) -> None:
    """RFC 3339 and nothing near it, of a year that a calendar holds in every time zone."""
    with pytest.raises(ValueError, match=r".+"):
        parse_instant(value)


def test_a_leap_second_is_refused_by_name() -> None:
    """The producer learns what is wrong (wire)."""
    with pytest.raises(ValueError, match="leap second"):
        parse_instant("2016-12-31T23:59:60Z")


@given(
    st.datetimes(min_value=datetime(1, 1, 3), max_value=datetime(9999, 12, 28)),  # noqa: DTZ001
    st.integers(-1439, 1439),
)
def test_an_instant_reads_back(moment: datetime, minutes: int) -> None:
    """Written in any offset, read, written: the same moment."""
    instant = moment.replace(tzinfo=UTC)
    local = instant.astimezone(timezone(timedelta(minutes=minutes)))
    assert parse_instant(local.isoformat()) == instant
    assert parse_instant(format_instant(local)) == instant
    assert format_instant(local) == instant.isoformat(timespec="microseconds")[:26] + "Z"


def test_an_instant_without_an_offset_is_refused() -> None:
    """Neither as a string nor as an object."""
    assert refused(Instant, datetime(2026, 1, 31))  # noqa: DTZ001
    assert refused(Instant, "2026-01-31T08:30:00")
    assert refused(Instant, 0)


@pytest.mark.parametrize("value", ["Europe/Nowhere", "/etc/passwd", "", "Europe", "Paris"])
def test_what_is_no_time_zone(value: str) -> None:
    """Of the IANA database at hand: of another no day could be told."""
    with pytest.raises(ValidationError):
        TypeAdapter(TimeZone).validate_python(value)
    assert TypeAdapter(TimeZone).validate_python("Europe/Paris") == "Europe/Paris"
