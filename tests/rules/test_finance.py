"""D9.4, D15, D16, D17: adjustments, credits, payouts, settlements, closes, postings."""

from __future__ import annotations

from datetime import date

from tests.model.payments import payout_id
from tests.rules.dsl import Given, Scenario, by_hand, commission
from tests.rules.facts import (
    accrue,
    activated,
    adjust,
    certified,
    close,
    credit,
    enrolled,
    failed,
    invested,
    nps,
    pay,
    settled,
)
from tests.rules.programmes import programme, small

YEAR = (enrolled("2024-01-01"), activated("2024-01-10", partner="p1"))
"""€20 a month for a referent, who is paid on the last days of quarters."""


def paid(given: Given) -> Scenario:
    """A payout of €60 for 31 March is in flight."""
    return given(*YEAR, accrue("2024-03-31"), pay("2024-03-31"))


# --- adjustments and credits ---------------------------------------------------------------------


def test_adjustments_and_credits(given: Given) -> None:
    """D9.4: a credit is earned, an adjustment adjusted; the date is L unless given."""
    story = given(*YEAR, accrue("2024-01-31"))
    story.when(adjust(-300), adjust(200, "2024-01-05"), credit(1_000, reason="fee")).then(
        by_hand("adjustment", "2024-01-31", -300, posting_date="2024-01-31"),
        by_hand("adjustment", "2024-01-05", 200),
        by_hand("credit", "2024-01-31", 1_000),
    )
    story.then_balance(earned=3_000, adjusted=-100)
    story.then_account("partner_payable", -2_900).then_account("commission_expense", 2_900)


def test_adjustments_in_another_currency(given: Given) -> None:
    """D1: amounts of two currencies are never added."""
    story = given(*YEAR, accrue("2024-01-31")).when(adjust(700, currency="CHF"))
    story.then_balance(earned=2_000).then_balance(currency="CHF", adjusted=700)


def test_what_finance_may_not(given: Given) -> None:
    """D9.4: two persons, a known partner, a date up to L, a line that there is."""
    story = given(*YEAR).refuses(adjust(100)).refuses(credit(100))
    story.when(adjust(100, "2024-01-05")).then(by_hand("adjustment", "2024-01-05", 100))
    story.when(accrue("2024-01-31"))
    story.refuses(adjust(100, "2024-02-01")).refuses(credit(100, "2024-02-01"))
    story.refuses(adjust(100, approved_by="ann")).refuses(credit(100, approved_by="ann"))
    story.refuses(adjust(100, approved_by="Ann")).refuses(adjust(100, approved_by="ann "))
    story.refuses(adjust(100, approved_by=" "))
    story.refuses(adjust(100, partner="p9")).refuses(credit(100, partner="p9"))
    story.refuses(adjust(100, line=("c1", "2024-01-11")))


def test_a_late_adjustment_is_posted_in_the_open_month(given: Given) -> None:
    """D16: the posting day is the date's, or the first day of the earliest open month."""
    story = given(*YEAR, accrue("2024-02-10"), close("2024-01"))
    story.when(adjust(100, "2024-01-20"), adjust(100, "2024-02-05")).then(
        by_hand("adjustment", "2024-01-20", 100, posting_date="2024-02-01"),
        by_hand("adjustment", "2024-02-05", 100, posting_date="2024-02-05"),
    )


# --- payout runs ---------------------------------------------------------------------------------


def test_a_referent_is_paid_by_quarter(given: Given) -> None:
    """D15.1: not on the last day of another month, nor on another day."""
    story = given(*YEAR, accrue("2024-04-30"))
    story.when(pay("2024-02-29"), pay("2024-03-30"), pay("2024-04-30")).then_payouts()
    story.when(pay("2024-03-31")).then_payouts(("2024-03-31", 6_000, "in_flight", 0))
    story.then_balance(earned=8_000, in_flight=6_000)
    story.then_account("payouts_in_flight", -6_000).then_account("partner_payable", -2_000)


def test_a_certified_partner_is_paid_by_month(given: Given) -> None:
    """D15.1: by the tier in force on C: referent on 31 January, certified on 29 February."""
    facts = (
        *YEAR,
        activated("2024-02-05", "c2", partner="p1"),
        certified("2024-01-02"),
        nps("2024-01-03", 41),
        accrue("2024-02-29"),
    )
    story = given(*facts, programme=small()).then_tiers(
        ("referent", "2024-01-01"), ("certified", "2024-02-06")
    )
    story.when(pay("2024-01-31")).then_payouts()
    story.when(pay("2024-02-29")).then_payouts(("2024-02-29", 6_500, "in_flight", 0))


def test_a_cut_off_after_l_is_refused(given: Given) -> None:
    """D15.1: C <= L."""
    given(*YEAR, accrue("2024-03-30")).refuses(pay("2024-03-31"))


def test_a_run_before_any_accrual_is_refused(given: Given) -> None:
    """D15.1: C <= L."""
    given(*YEAR).refuses(pay("2024-03-31"))


def test_the_same_cut_off_twice_pays_once(given: Given) -> None:
    """D15.1: the id is a function of partner, currency and C."""
    story = paid(given).when(adjust(500, "2024-03-15"), pay("2024-03-31"))
    story.then_payouts(("2024-03-31", 6_000, "in_flight", 0))
    story.then_balance(earned=6_000, adjusted=500, in_flight=6_000)


def test_the_next_cut_off_pays_the_rest(given: Given) -> None:
    """D15.1: what is paid and in flight is taken off."""
    story = paid(given).when(adjust(500, "2024-03-15"), accrue("2024-06-30"), pay("2024-06-30"))
    story.then_payouts(("2024-03-31", 6_000, "in_flight", 0), ("2024-06-30", 6_500, "in_flight", 0))


def test_lines_posted_after_the_cut_off_wait(given: Given) -> None:
    """D15.1: posting day <= C; a late line of a closed month has a later one."""
    story = given(*YEAR, accrue("2024-06-30"), close("2024-03"))
    story.when(activated("2024-03-05", "c2", partner="p1"), accrue("2024-06-30"))
    story.then(
        commission("2024-03-05", 2_000, client_id="c2", posting_date="2024-04-01"),
        commission("2024-04-05", 2_000, client_id="c2"),
        commission("2024-05-05", 2_000, client_id="c2"),
        commission("2024-06-05", 2_000, client_id="c2"),
    )
    story.when(pay("2024-03-31")).then_payouts(("2024-03-31", 6_000, "in_flight", 0))


def test_nothing_is_paid_up_to_the_minimum(given: Given) -> None:
    """D15.1: more than the programme's minimum for that currency."""
    terms = programme(payout={"minimum": [{"currency": "EUR", "amount": 6_000}]})
    story = given(*YEAR, accrue("2024-06-30"), programme=terms)
    story.when(pay("2024-03-31")).then_payouts()
    story.when(adjust(1, "2024-03-31"), pay("2024-03-31")).then_payouts(
        ("2024-03-31", 6_001, "in_flight", 0)
    )


def test_a_negative_payable_is_not_paid(given: Given) -> None:
    """Balance: payable may be negative; then nothing is initiated."""
    story = given(*YEAR, accrue("2024-03-31"), adjust(-6_500))
    story.when(pay("2024-03-31")).then_payouts().then_balance(earned=6_000, adjusted=-6_500)


# --- settlements ---------------------------------------------------------------------------------


def test_an_exact_settlement(given: Given) -> None:
    """D15.2: in flight - initiated, paid + settled; VAT is outside the balance."""
    story = paid(given).when(settled("2024-04-03", 6_000, cutoff="2024-03-31", tax=1_200))
    story.then_balance(earned=6_000, paid=6_000)
    assert not story.then_payout().flagged
    story.then_payouts(("2024-03-31", 6_000, "settled", 6_000))
    story.then_account("bank", -7_200).then_account("input_vat", 1_200)
    story.then_account("partner_payable", 0).then_account("payouts_in_flight", 0)


def test_a_settlement_of_more(given: Given) -> None:
    """D15.2: flagged; what is too much is owed by the partner."""
    story = paid(given).when(settled("2024-04-03", 6_100, cutoff="2024-03-31"))
    story.then_balance(earned=6_000, paid=6_100).then_account("partner_payable", 100)
    assert story.then_payout().flagged


def test_a_settlement_of_less(given: Given) -> None:
    """D15.2: flagged; the rest goes with the next cut-off."""
    story = paid(given).when(settled("2024-04-03", 5_900, cutoff="2024-03-31"))
    story.then_balance(earned=6_000, paid=5_900)
    assert story.then_payout().flagged
    story.when(accrue("2024-06-30"), pay("2024-06-30")).then_payouts(
        ("2024-03-31", 6_000, "settled", 5_900), ("2024-06-30", 6_100, "in_flight", 0)
    )


def test_a_settlement_of_nothing_that_is_open(given: Given) -> None:
    """D15.2: none named, unknown, another currency, closed already: still paid."""
    story = paid(given).when(
        settled("2024-04-01", 100),
        settled("2024-04-01", 200, payout="po-unknown"),
        settled("2024-04-03", 6_000, cutoff="2024-03-31"),
        settled("2024-04-04", 300, cutoff="2024-03-31"),
    )
    story.then_balance(earned=6_000, paid=6_600).then_account("partner_payable", 600)
    story.then_payouts(("2024-03-31", 6_000, "settled", 6_000))


def test_a_settlement_in_another_currency_leaves_the_payout_open(given: Given) -> None:
    """D15.2: that of that partner and currency."""
    euros = paid(given).then_payout()
    assert euros.currency == "EUR"
    story = Scenario(given.ledger).when(
        settled("2024-04-01", 6_000, currency="USD", payout=_id_of_the_payout())
    )
    story.then_balance(earned=6_000, in_flight=6_000).then_balance(currency="USD", paid=6_000)
    story.then_payouts(("2024-03-31", 6_000, "in_flight", 0))


def test_a_settlement_by_another_partner_leaves_the_payout_open(given: Given) -> None:
    """D15.2: paid to whom the fact names."""
    story = paid(given).when(
        enrolled("2024-01-01", "p2"),
        settled("2024-04-01", 6_000, partner="p2", payout=_id_of_the_payout()),
    )
    story.then_balance(earned=6_000, in_flight=6_000).then_balance("p2", paid=6_000)


def test_a_failure_puts_the_amount_back(given: Given) -> None:
    """D15.2: it goes with the next cut-off, and with no second run of this one."""
    story = paid(given).when(failed("2024-04-03", "2024-03-31"), pay("2024-03-31"))
    story.then_balance(earned=6_000).then_payouts(("2024-03-31", 6_000, "failed", 0))
    story.then_account("partner_payable", -6_000)
    story.when(accrue("2024-06-30"), pay("2024-06-30")).then_payouts(
        ("2024-03-31", 6_000, "failed", 0), ("2024-06-30", 12_000, "in_flight", 0)
    )


def test_a_return_puts_back_what_was_settled_once(given: Given) -> None:
    """D15.2: a failure of a settled payout; its VAT comes back too (D17)."""
    story = paid(given).when(
        settled("2024-04-03", 5_000, cutoff="2024-03-31", tax=1_000),
        failed("2024-04-10", "2024-03-31"),
    )
    story.then_balance(earned=6_000).then_payouts(("2024-03-31", 6_000, "failed", 5_000))
    story.then_account("bank", 0).then_account("input_vat", 0)
    story.then_account("partner_payable", -6_000)
    story.when(failed("2024-04-11", "2024-03-31")).then_balance(earned=6_000)


def test_a_settlement_after_a_failure_is_a_payment(given: Given) -> None:
    """D15.2: the payout is closed."""
    story = paid(given).when(
        failed("2024-04-03", "2024-03-31"), settled("2024-04-10", 6_000, cutoff="2024-03-31")
    )
    story.then_balance(earned=6_000, paid=6_000).then_account("partner_payable", 0)
    story.then_payouts(("2024-03-31", 6_000, "failed", 0))


def test_a_failure_of_nothing_has_no_effect(given: Given) -> None:
    """D15.2: any other is flagged without effect."""
    paid(given).when(failed("2024-04-03", "2024-02-29")).then_balance(earned=6_000, in_flight=6_000)


# --- closes --------------------------------------------------------------------------------------


def test_months_are_closed_in_their_order(given: Given) -> None:
    """D16: once, the one after the last closed, only when L is its last day or later."""
    story = given(*YEAR).refuses(close("2024-01"))
    story.when(accrue("2024-01-30")).refuses(close("2024-01"))
    story.when(accrue("2024-03-30"), close("2024-01"))
    story.refuses(close("2024-01")).refuses(close("2024-03")).refuses(close("2023-12"))
    story.when(close("2024-02")).refuses(close("2024-03"))


def test_the_first_close_may_name_any_month(given: Given) -> None:
    """D16: it closes all before it."""
    story = given(*YEAR, accrue("2024-03-31")).when(close("2024-03")).refuses(close("2024-02"))
    story.when(adjust(100, "2024-01-05")).then(
        by_hand("adjustment", "2024-01-05", 100, posting_date="2024-04-01")
    )


def test_a_close_accrues_through_l_again(given: Given) -> None:
    """D16: nothing recorded waits: what a late fact adds stands in the month being closed."""
    story = given(*YEAR, accrue("2024-01-31"))
    story.when(activated("2024-01-20", "c2", partner="p1"), close("2024-01")).then(
        commission("2024-01-20", 2_000, client_id="c2", posting_date="2024-01-20")
    )


def test_a_closed_statement_never_changes(given: Given) -> None:
    """D16: byte-identical whenever it is produced, whatever is recorded later."""
    story = given(*YEAR, accrue("2024-01-31"), close("2024-01"))
    before = given.ledger.statement("p1", "2024-01")
    story.when(
        activated("2024-01-12", "c2", partner="p1"),
        adjust(-100, "2024-01-10", line=("c1", "2024-01-10")),
        accrue("2024-03-31"),
        close("2024-02"),
        pay("2024-03-31"),
        settled("2024-01-15", 6_000, cutoff="2024-03-31"),
    )
    assert given.ledger.statement("p1", "2024-01") == before


def test_co_marketing_is_no_posting(given: Given) -> None:
    """D17: what a partner spends is in no balance."""
    given(*YEAR).when(invested("2024-01-05", 500_000), accrue("2024-01-31")).then_balance(
        earned=2_000
    )


def _id_of_the_payout() -> str:
    return payout_id("p1", "EUR", date(2024, 3, 31))
