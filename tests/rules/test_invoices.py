"""D8.2: commissions on what clients paid."""

from __future__ import annotations

from datetime import date

from tests.model.commands import Adopt
from tests.model.journal import Message
from tests.rules.commands import assign, retract
from tests.rules.dsl import Given, Scenario, commission, difference, margin, take_back, waiver
from tests.rules.facts import (
    accrue,
    activated,
    adjust,
    branded,
    certified,
    changed,
    churned,
    ended,
    enrolled,
    invoiced,
    refunded,
)
from tests.rules.programmes import choosing, plain, quick

TERMS = plain().model_copy(update={"accrual": "invoice"})
CLIENT = (enrolled("2024-01-01"), activated("2024-01-10", partner="p1"))


def invoicing(given: Given, *facts: Message) -> Scenario:
    """c1 is a client of the referent p1, who earns 20 % of what it pays."""
    return given(*CLIENT, *facts, programme=TERMS)


def test_d8_2_instead_of_periods_a_line_for_each_invoice(given: Given) -> None:
    """On its net amount, S is its period start; nothing for what is not paid."""
    story = invoicing(given, invoiced("2024-01-10", 9_000), invoiced("2024-02-10", invoice="i2"))
    story.when(accrue("2024-04-30")).then(
        commission("2024-01-10", 1_800, base=9_000, rate="0.20", service_end="2024-02-09"),
        commission("2024-02-10", 2_000, base=10_000),
    )


def test_d8_2_invoices_count_for_nothing_by_schedule(given: Given) -> None:
    """The default: periods, whatever was paid."""
    story = given(*CLIENT, invoiced("2024-01-10", 9_000)).when(accrue("2024-01-31"))
    story.then(commission("2024-01-10", 2_000))


def test_d8_2_s_up_to_the_runs_day(given: Given) -> None:
    """Paid in advance: the run that reaches the period start posts it."""
    story = invoicing(given, invoiced("2024-02-10", when="2024-01-15"))
    story.when(accrue("2024-02-09")).then_nothing()
    story.when(accrue("2024-02-10")).then(commission("2024-02-10", 2_000))


def test_d8_2_paid_late(given: Given) -> None:
    """Told after the run: the next posts it, with the S of its period."""
    story = invoicing(given).when(accrue("2024-03-31"))
    story.when(invoiced("2024-01-10", when="2024-04-02"), accrue("2024-03-31")).then(
        commission("2024-01-10", 2_000)
    )


def test_d8_2_once_per_invoice(given: Given) -> None:
    """The first recorded counts; the other is unresolved."""
    story = invoicing(
        given, invoiced("2024-01-10", 9_000, id="a"), invoiced("2024-02-10", 8_000, id="b")
    )
    story.when(accrue("2024-03-31")).then(commission("2024-01-10", 1_800))
    story.then_unresolved("b").then_resolved("a")


def test_d8_2_part_payments(given: Given) -> None:
    """Each payment that is named is a line, rounded on its own, of one S."""
    story = invoicing(
        given,
        invoiced("2024-01-10", 3_333, payment="x"),
        invoiced("2024-01-10", 3_333, payment="y"),
        invoiced("2024-01-10", 9_999, payment="x", id="again"),
    )
    story.when(accrue("2024-01-31")).then(
        commission("2024-01-10", 667), commission("2024-01-10", 667)
    )
    story.then_unresolved("again")


def test_d8_2_in_its_currency(given: Given) -> None:
    """Though the subscription has another."""
    story = invoicing(given, invoiced("2024-01-10", currency="CHF"))
    story.when(accrue("2024-01-31")).then(commission("2024-01-10", 2_000, currency="CHF"))


def test_d8_2_a_client_that_was_never_activated(given: Given) -> None:
    """Nothing until it is; then the next run posts what was paid."""
    story = given(
        enrolled("2024-01-01"), invoiced("2024-01-10"), accrue("2024-01-31"), programme=TERMS
    )
    story.when(activated("2024-01-10", partner="p1"), accrue("2024-01-31")).then(
        commission("2024-01-10", 2_000)
    )


def test_d8_2_a_client_without_a_holder(given: Given) -> None:
    """Direct: nothing; from an assignment's day on it has one."""
    story = given(
        enrolled("2024-01-01"), activated("2024-01-10"), assign("2024-02-10", "p1"),
        invoiced("2024-02-09", invoice="i1"), invoiced("2024-02-10", invoice="i2"),
        programme=TERMS,
    )  # fmt: skip
    story.when(accrue("2024-02-29")).then(commission("2024-02-10", 2_000))


def test_d8_2_the_agreement_must_be_in_force_on_s(given: Given) -> None:
    """Ended on S: nothing; S on its eve: a line, whenever it was paid."""
    story = invoicing(
        given,
        ended("2024-02-10"),
        invoiced("2024-02-09", invoice="i1", when="2024-03-01"),
        invoiced("2024-02-10", invoice="i2"),
    )
    story.when(accrue("2024-03-31")).then(commission("2024-02-09", 2_000))


def test_d8_2_a_churned_client_that_pays(given: Given) -> None:
    """What was paid counts; the price and the activity do not."""
    story = invoicing(given, churned("2024-01-20"), invoiced("2024-02-10", 500))
    story.when(accrue("2024-02-29")).then(commission("2024-02-10", 100))


def test_d8_2_rate_and_client_year_as_by_schedule(given: Given) -> None:
    """The second year from 10 January 2025; an S before the activation is year 1."""
    story = invoicing(
        given,
        invoiced("2024-01-05", invoice="i0"),
        invoiced("2025-01-09", invoice="i1"),
        invoiced("2025-01-10", invoice="i2"),
    )
    story.when(accrue("2025-01-31")).then(
        commission("2024-01-05", 2_000, client_year=1),
        commission("2025-01-09", 2_000, client_year=1),
        commission("2025-01-10", 1_000, client_year=2),
    )


def test_d8_2_by_the_version_in_force_on_s(given: Given) -> None:
    """Periods before 1 March, invoices from then on."""
    story = given(*CLIENT, Adopt(TERMS, date(2024, 3, 1)))
    story.when(
        invoiced("2024-02-10", 5_000, invoice="i2"),
        invoiced("2024-03-10", 5_000, invoice="i3"),
        accrue("2024-03-31"),
    ).then(
        commission("2024-01-10", 2_000),
        commission("2024-02-10", 2_000),
        commission("2024-03-10", 1_000),
    )


# --- refunds -------------------------------------------------------------------------------------


def test_d8_2_a_refund_before_the_line_lowers_its_base(given: Given) -> None:
    """100 less 30."""
    story = invoicing(given, invoiced("2024-01-10"), refunded("2024-01-20", 3_000))
    story.when(accrue("2024-01-31")).then(commission("2024-01-10", 1_400, base=7_000))


def test_d8_2_a_refund_after_the_line_is_a_waiver(given: Given) -> None:
    """Never a negative line; what was earned stays."""
    story = invoicing(given, invoiced("2024-01-10")).when(accrue("2024-01-31"))
    story.when(refunded("2024-02-20", 3_000), accrue("2024-02-29")).then(
        waiver("2024-01-10", 600, base=10_000, rate="0.20")
    )
    story.when(accrue("2024-02-29")).then_nothing().then_balance(earned=2_000)


def test_d8_2_a_refund_of_more_than_was_paid(given: Given) -> None:
    """None below 0: a line of 0."""
    story = invoicing(given, invoiced("2024-01-10"), refunded("2024-01-20", 30_000))
    story.when(accrue("2024-01-31")).then(commission("2024-01-10", 0, base=0))


def test_d8_2_a_refund_recorded_before_its_payment(given: Given) -> None:
    """It waits, unresolved, and lowers it then."""
    story = invoicing(given, refunded("2024-01-20", 3_000, id="refund")).then_unresolved("refund")
    story.when(invoiced("2024-01-10"), accrue("2024-01-31")).then(commission("2024-01-10", 1_400))
    story.then_resolved("refund")


def test_d8_2_a_refund_that_names_a_payment(given: Given) -> None:
    """Only that one; what exceeds it lowers no other."""
    story = invoicing(
        given,
        invoiced("2024-01-10", 4_000, payment="x"),
        invoiced("2024-01-10", 6_000, payment="y"),
        refunded("2024-01-20", 5_000, payment="x"),
    )
    story.when(accrue("2024-01-31")).then(
        commission("2024-01-10", 0), commission("2024-01-10", 1_200)
    )


def test_d8_2_one_that_names_none_lowers_them_in_recording_order(given: Given) -> None:
    """50 off 40 and 60: 0 and 50."""
    story = invoicing(
        given,
        invoiced("2024-01-10", 4_000, payment="y"),
        invoiced("2024-01-10", 6_000, payment="x"),
        refunded("2024-01-20", 5_000),
    )
    story.when(accrue("2024-01-31")).then(
        commission("2024-01-10", 0), commission("2024-01-10", 1_000)
    )


def test_d8_2_of_another_currency_or_client(given: Given) -> None:
    """No effect, and unresolved."""
    story = invoicing(
        given,
        invoiced("2024-01-10"),
        refunded("2024-01-20", 3_000, currency="CHF", id="francs"),
        refunded("2024-01-20", 3_000, "c2", id="other"),
        refunded("2024-01-20", 3_000, invoice="i9", id="unknown"),
    )
    story.when(accrue("2024-01-31")).then(commission("2024-01-10", 2_000))
    story.then_unresolved("francs", "other", "unknown")


# --- the rest is the same ------------------------------------------------------------------------


def test_d8_2_a_plan_change_changes_nothing_that_was_paid(given: Given) -> None:
    """Neither price nor interval nor currency of the subscription matter to a line posted."""
    story = invoicing(given, invoiced("2024-01-10")).when(accrue("2024-01-31"))
    story.when(changed("2024-01-10", 99_000, currency="CHF", interval="year"))
    story.when(accrue("2024-01-31")).then_nothing()


def test_d8_2_a_payment_that_is_retracted(given: Given) -> None:
    """D9.5: taken back; told anew under another key it is a difference."""
    story = invoicing(given, invoiced("2024-01-10", id="wrong")).when(accrue("2024-01-31"))
    story.when(retract("wrong"), accrue("2024-01-31")).then(
        take_back("2024-01-10", -2_000, base=10_000)
    )
    story.when(invoiced("2024-01-10", 8_000), accrue("2024-01-31")).then(
        difference("2024-01-10", 1_600, base=8_000)
    )
    story.then_balance(earned=3_600, adjusted=-2_000)


def test_d8_2_the_only_activation_is_retracted(given: Given) -> None:
    """Of a client that finance assigned nothing is due then either: it has not been activated."""
    story = given(
        enrolled("2024-01-01"),
        assign("2024-01-01", "p1"),
        activated("2024-01-10", id="mistake"),
        invoiced("2024-01-10"),
        accrue("2024-01-31"),
        programme=TERMS,
    )
    story.when(retract("mistake"), invoiced("2024-02-10", invoice="i2"), accrue("2024-02-29")).then(
        take_back("2024-01-10", -2_000)
    )
    story.when(activated("2024-01-10"), accrue("2024-02-29")).then(
        difference("2024-01-10", 2_000), commission("2024-02-10", 2_000)
    )


def test_d8_2_a_refund_that_is_retracted(given: Given) -> None:
    """The line grows by a difference."""
    story = invoicing(given, invoiced("2024-01-10"), refunded("2024-01-20", 3_000, id="wrong"))
    story.when(accrue("2024-01-31")).when(retract("wrong"), accrue("2024-01-31")).then(
        difference("2024-01-10", 600, base=3_000)
    )


def test_d9_5_without_retractions_a_refund_that_was_retracted_would_count(given: Given) -> None:
    """U is what the client would be worth with it: what it would have lowered is waived."""
    story = given(
        enrolled("2024-01-01"),
        activated("2024-01-10", partner="p1", id="client"),
        invoiced("2024-01-10"),
        refunded("2024-01-20", 200, id="refund"),
        retract("refund"),
        accrue("2024-01-31"),
        programme=TERMS,
    )
    story.then(commission("2024-01-10", 2_000))
    story.when(retract("client"), accrue("2024-01-31")).then(
        waiver("2024-01-10", 40), take_back("2024-01-10", -1_960)
    )


def test_d9_5_without_retractions_the_payment_would_be_the_one_told_first(given: Given) -> None:
    """What was told anew in its place would have had no effect: nothing of it is taken back."""
    story = given(
        enrolled("2024-01-01"),
        activated("2024-01-10", partner="p1", id="client"),
        invoiced("2024-02-10", 100, id="wrong"),
        retract("wrong"),
        invoiced("2024-01-10"),
        accrue("2024-01-31"),
        programme=TERMS,
    )
    story.then(commission("2024-01-10", 2_000))
    story.when(retract("client"), accrue("2024-01-31")).then(waiver("2024-01-10", 2_000))


def test_d8_2_an_adjusted_payment_is_finances(given: Given) -> None:
    """D9.4: a refund posts nothing more for it."""
    story = invoicing(given, invoiced("2024-01-10")).when(accrue("2024-01-31"))
    story.when(adjust(-500, line=("c1", "2024-01-10"), payment=("i1",)))
    story.when(refunded("2024-02-01", 1_000), accrue("2024-02-29")).then_nothing()


def test_d8_2_margins_too(given: Given) -> None:
    """D13: 40 % of what was paid; a refund takes back."""
    terms = choosing(quick(), "white_label").model_copy(update={"accrual": "invoice"})
    story = given(
        enrolled("2024-01-01", portfolio=201), certified("2024-01-01"), accrue("2024-01-05"),
        branded("2024-01-10"), activated("2024-01-10", partner="p1"), invoiced("2024-01-10"),
        programme=terms,
    )  # fmt: skip
    story.when(accrue("2024-01-31")).then(margin("2024-01-10", 4_000))
    story.when(refunded("2024-02-01", 2_500), accrue("2024-02-01")).then(
        take_back("2024-01-10", -1_000, "D13", base=2_500)
    )
    story.then_account("partner_receivable", 4_500)
