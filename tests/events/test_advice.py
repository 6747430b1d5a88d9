"""What is wrong with data is told in plain words, and never with the value that came in."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from events.advice import first_problem
from events.billing import ClientActivated, ClientNpsReported
from events.currencies import CURRENCIES, nearest
from events.finance import AdjustmentRequested, CreditRequested
from events.values import MAX_MINOR_UNITS

ACTIVATED: dict[str, Any] = {
    "client_id": "c1",
    "plan": "pro",
    "price": 100,
    "currency": "EUR",
    "interval": "month",
}
CREDIT: dict[str, Any] = {
    "partner_id": "p1",
    "amount": 1,
    "currency": "EUR",
    "reason": "fee",
    "date": "2026-01-31",
    "requested_by": "ann",
    "approved_by": "bob",
    "operator": "carol",
}


@pytest.mark.parametrize(
    ("cls", "data", "place", "told"),
    [
        (ClientActivated, {"price": 1.5}, "price", "must be a whole number"),
        (ClientActivated, {"price": "secret"}, "price", "must be a whole number"),
        (ClientActivated, {"price": -987_654}, "price", "must be 0 or more"),
        (ClientActivated, {"price": 10**16}, "price", f"must be {MAX_MINOR_UNITS} or less"),
        (ClientActivated, {"client_id": "Jane Doe"}, "client_id", "must be 1 to 64 letters"),
        (ClientActivated, {"client_id": 987_654}, "client_id", "must be text"),
        (ClientActivated, {"interval": "decade"}, "interval", "must be 'month' or 'year'"),
        (ClientActivated, {"currency": "EUX"}, "currency", "a code of the ISO 4217 list"),
        (ClientActivated, {"name": "Jane Doe"}, "name", "is no member of this type; remove it"),
        (ClientNpsReported, {}, "client_id", "is required; add it"),
        (CreditRequested, {"amount": 0}, "amount", "must be 1 or more"),
        (CreditRequested, {"reason": "gift"}, "reason", "must be 'fee', 'renewal' or 'goodwill'"),
        (CreditRequested, {"date": "31/01/2026"}, "date", "a day is written YYYY-MM-DD"),
        (CreditRequested, {"operator": ""}, "operator", "is empty; write something"),
        (CreditRequested, {"operator": "x" * 129}, "operator", "is too long; keep 128 characters"),
        (CreditRequested, {"operator": "a "}, "operator", "one line of text without blanks"),
        (CreditRequested, {"approved_by": "ann"}, "", "name another person"),
        (AdjustmentRequested, {"amount": 0}, "", "an adjustment of 0 changes nothing"),
    ],
)
def test_each_mistake_has_its_advice(
    cls: type[ClientActivated], data: dict[str, Any], place: str, told: str
) -> None:
    """The member, and what must be there."""
    whole = {ClientActivated: ACTIVATED, ClientNpsReported: {}}.get(cls, CREDIT)
    with pytest.raises(ValidationError) as refused:
        cls.model_validate({**whole, **data})
    location, advice = first_problem(refused.value)
    assert ".".join(map(str, location)) == place
    assert told in advice
    assert "Input should" not in advice
    for value in data.values():
        assert len(str(value)) < 5 or str(value) not in advice, value


@pytest.mark.parametrize(
    ("code", "meant"),
    [("EURO", "EUR"), ("eur", "EUR"), ("EUX", "EUR"), ("", None), ("???", None)],
)
def test_the_nearest_currency(code: str, meant: str | None) -> None:
    """Of those that begin alike."""
    assert nearest(code) == meant
    assert meant is None or meant in CURRENCIES
