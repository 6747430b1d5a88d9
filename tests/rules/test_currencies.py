"""D1: currencies whose minor unit is the whole, or the thousandth."""

from __future__ import annotations

import pytest
from pydantic import JsonValue

from tests.rules.dsl import Given, commission
from tests.rules.facts import accrue, activated, adjust, close, enrolled, pay, settled
from tests.rules.programmes import programme, quick


@pytest.mark.parametrize("currency", ["JPY", "TND", "EUR"])
def test_d1_an_amount_is_of_minor_units_whatever_they_are(given: Given, currency: str) -> None:
    """20 % of 1,237 is 247.4, of 1,238 is 247.6: to the minor unit, with no look at decimals."""
    story = given(
        enrolled("2024-01-01"),
        activated("2024-01-10", "c1", 1_237, partner="p1", currency=currency),
        activated("2024-01-11", "c2", 1_238, partner="p1", currency=currency),
    )
    story.when(accrue("2024-01-31")).then(
        commission("2024-01-10", 247, currency=currency),
        commission("2024-01-11", 248, client_id="c2", currency=currency),
    )


@pytest.mark.parametrize("currency", ["JPY", "TND"])
def test_d15_from_a_line_to_its_settlement(given: Given, currency: str) -> None:
    """A currency without decimals, or with three, is paid as any other, and by itself."""
    story = given(
        enrolled("2024-01-01"),
        activated("2024-01-10", "c1", 1_000, partner="p1", currency=currency),
        activated("2024-01-10", "c2", 1_000, partner="p1"),
        accrue("2024-03-31"),
        adjust(-1, "2024-03-31", currency=currency),
        close("2024-03"),
        pay("2024-03-31"),
    )
    story.then_balance(currency=currency, earned=600, adjusted=-1, in_flight=599)
    story.then_balance(earned=600, in_flight=600)
    story.when(settled("2024-04-02", 599, cutoff="2024-03-31", currency=currency))
    story.then_balance(currency=currency, earned=600, adjusted=-1, paid=599)
    story.then_account("bank", -599, currency).then_account("partner_payable", 0, currency)


def test_d10_1_a_programme_in_a_currency_without_decimals(given: Given) -> None:
    """Its amounts are whole yen."""
    terms = quick(currency="JPY", per_ten={"each": 1, "amount": 50_000, "from": "referent"})
    story = given(enrolled("2024-01-01"), activated("2024-01-10", partner="p1"), programme=terms)
    story.when(accrue("2024-01-11"))
    [bonus] = [one for one in story.ledger.lines() if one.kind == "bonus"]
    assert (bonus.amount, bonus.currency) == (50_000, "JPY")


def test_d15_1_a_minimum_of_three_decimals(given: Given) -> None:
    """TND 0.600 is more than a minimum of TND 0.599, and not than one of TND 0.600."""
    minimum: JsonValue = [{"currency": "TND", "amount": 600}]
    facts = (
        enrolled("2024-01-01"),
        activated("2024-01-10", "c1", 1_000, partner="p1", currency="TND"),
        accrue("2024-03-31"),
    )
    story = given(*facts, pay("2024-03-31"), programme=programme(payout={"minimum": minimum}))
    assert story.ledger.payouts() == []
    story.when(adjust(1, "2024-03-31", currency="TND"), pay("2024-03-31"))
    assert [one.amount for one in story.ledger.payouts()] == [601]
