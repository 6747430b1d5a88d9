"""D8.2: commissions on what clients paid, part payments, refunds before and after, both modes."""

from __future__ import annotations

from datetime import date

import pytest
from pydantic import JsonValue

from events.billing import InvoicePaid, InvoiceRefunded
from tests.model.commands import Adopt, AssignProgramme
from tests.model.journal import Message
from tests.rules.commands import assign, open_ledger, retract
from tests.rules.dsl import Given, commission, contest_line, waiver
from tests.rules.facts import (
    accrue,
    activated,
    certified,
    changed,
    churned,
    ended,
    enrolled,
    message,
    referred,
    signed,
)
from tests.rules.programmes import choosing, programme, quick

ON_INVOICES = programme(accrual="invoice")
START = (enrolled("2020-01-01"), referred("2024-01-01"), activated("2024-02-01"))
"""Partner p1 holds client c1, at €100 a month."""


def paid(
    when: str,
    amount: int,
    start: str,
    invoice: str = "i1",
    *,
    id: str | None = None,  # noqa: A002 - its name
    **more: str,
) -> Message:
    """A client pays, net and in euros unless said otherwise, for the period from a day on."""
    data = {
        "client_id": "c1",
        "invoice_id": invoice,
        "net_amount": amount,
        "currency": "EUR",
        "period_start": start,
        **more,
    }
    return message(InvoicePaid.model_validate(data), when, id)


def refunded(
    when: str,
    amount: int,
    *,
    id: str | None = None,  # noqa: A002 - its name
    **more: str,
) -> Message:
    """A client is paid back, of invoice i1 and in euros unless said otherwise."""
    data = {
        "client_id": "c1",
        "invoice_id": "i1",
        "net_amount": amount,
        "currency": "EUR",
        **more,
    }
    return message(InvoiceRefunded.model_validate(data), when, id)


def test_instead_of_periods_payments_give_lines(given: Given) -> None:
    """D8.2: the month that was not paid for gives nothing, the discount is in the base."""
    given(*START, programme=ON_INVOICES).when(
        paid("2024-02-03", 9_000, "2024-02-01"),
        paid("2024-04-02", 10_000, "2024-04-01", "i3"),
        accrue("2024-04-30"),
    ).then(
        commission("2024-02-01", 1_800, base=9_000, rate="0.20", service_end="2024-02-29"),
        commission("2024-04-01", 2_000, base=10_000, service_end="2024-04-30", client_year=1),
    )


def test_by_schedule_invoices_give_nothing(given: Given) -> None:
    """D8.2 is a choice: by schedule the price is what counts."""
    given(*START).when(paid("2024-02-03", 9_000, "2024-02-01"), accrue("2024-02-29")).then(
        commission("2024-02-01", 2_000)
    )


def test_a_payment_waits_for_the_day_that_it_is_for(given: Given) -> None:
    """S = its period start, not the day of the payment; a run posts nothing with S > D."""
    scenario = given(*START, programme=ON_INVOICES)
    scenario.when(paid("2024-02-03", 9_000, "2024-03-01"), accrue("2024-02-29")).then_nothing()
    scenario.when(accrue("2024-03-01")).then(commission("2024-03-01", 1_800))
    scenario.when(accrue("2024-03-01"), accrue("2024-04-30")).then_nothing()


def test_a_late_payment_is_posted_by_the_next_run(given: Given) -> None:
    """D = L posts what late facts added."""
    scenario = given(*START, accrue("2024-03-31"), programme=ON_INVOICES)
    scenario.when(paid("2024-04-02", 9_000, "2024-02-01"), accrue("2024-03-31")).then(
        commission("2024-02-01", 1_800)
    )


def test_part_payments_are_lines_of_their_own(given: Given) -> None:
    """Once per (invoice, payment): each is rounded once; told again it is listed (D1)."""
    given(*START, programme=ON_INVOICES).when(
        paid("2024-02-03", 3_333, "2024-02-01", payment_id="a"),
        paid("2024-02-05", 6_667, "2024-02-01", payment_id="b"),
        paid("2024-02-06", 9_999, "2024-02-01", payment_id="b", id="again"),
        accrue("2024-02-29"),
    ).then(
        commission("2024-02-01", 667, base=3_333), commission("2024-02-01", 1_333, base=6_667)
    ).then_unresolved("again")


def test_an_invoice_gives_one_line_in_the_whole_ledger(given: Given) -> None:
    """The first recorded counts, though the second is of another client."""
    given(
        *START,
        referred("2024-01-01", client="c2"),
        activated("2024-02-01", client="c2"),
        programme=ON_INVOICES,
    ).when(
        paid("2024-02-03", 9_000, "2024-02-01", id="first"),
        paid("2024-02-03", 9_000, "2024-02-01", client_id="c2", id="second"),
        accrue("2024-02-29"),
    ).then(commission("2024-02-01", 1_800)).then_unresolved("second").then_resolved("first")


def test_a_refund_before_the_line_lowers_its_base(given: Given) -> None:
    """Whether it comes before the payment or after it."""
    given(*START, programme=ON_INVOICES).when(
        refunded("2024-02-04", 1_000, id="early"),
        paid("2024-02-03", 9_000, "2024-02-01"),
        refunded("2024-02-05", 500),
        accrue("2024-02-29"),
    ).then(commission("2024-02-01", 1_500, base=7_500)).then_resolved("early")


def test_a_refund_after_the_line_is_waived(given: Given) -> None:
    """D9.2: never a negative line; the second refund waives what it adds."""
    scenario = given(
        *START, paid("2024-02-03", 9_000, "2024-02-01"), accrue("2024-02-29"), programme=ON_INVOICES
    )
    scenario.when(refunded("2024-03-04", 1_000), accrue("2024-02-29")).then(
        waiver("2024-02-01", 200, base=9_000, rate="0.20")
    )
    scenario.when(refunded("2024-03-05", 20_000), accrue("2024-03-31")).then(
        waiver("2024-02-01", 1_600)
    ).then_balance(earned=1_800)
    scenario.when(refunded("2024-03-06", 20_000), accrue("2024-03-31")).then_nothing()


def test_a_refund_told_while_nothing_is_due_counts(given: Given) -> None:
    """A payment in advance, given back before its day: the line of 0 is a line (D4.3)."""
    scenario = given(*START, paid("2024-02-03", 9_000, "2024-04-01"), programme=ON_INVOICES)
    scenario.when(accrue("2024-02-29"), refunded("2024-03-05", 9_000)).then_nothing()
    scenario.when(accrue("2024-04-30")).then(commission("2024-04-01", 0, base=0))


def test_a_refund_without_a_payment_lowers_them_in_recording_order(given: Given) -> None:
    """None below 0: the first is given back wholly, the second in part."""
    given(*START, programme=ON_INVOICES).when(
        paid("2024-02-05", 4_000, "2024-02-01", payment_id="b"),
        paid("2024-02-03", 6_000, "2024-02-01", payment_id="a"),
        refunded("2024-02-06", 5_000),
        accrue("2024-02-29"),
    ).then(commission("2024-02-01", 0, base=0), commission("2024-02-01", 1_000, base=5_000))


@pytest.mark.parametrize("other", [{"client_id": "c2"}, {"currency": "CHF"}, {"payment_id": "x"}])
def test_a_refund_of_something_else_has_no_effect(given: Given, other: dict[str, str]) -> None:
    """Another client, another currency, a payment never told: listed as unresolved."""
    given(*START, programme=ON_INVOICES).when(
        paid("2024-02-03", 9_000, "2024-02-01"),
        refunded("2024-02-06", 5_000, id="stray", **other),
        accrue("2024-02-29"),
    ).then(commission("2024-02-01", 1_800)).then_unresolved("stray")


def test_a_payment_is_in_its_own_currency(given: Given) -> None:
    """Whatever the subscription's price is in; amounts are never mixed (D1)."""
    given(*START, programme=ON_INVOICES).when(
        paid("2024-02-03", 9_500, "2024-02-01", currency="CHF"), accrue("2024-02-29")
    ).then(commission("2024-02-01", 1_900, currency="CHF")).then_balance(
        currency="CHF", earned=1_900
    )


def test_a_client_never_activated_earns_nothing_yet(given: Given) -> None:
    """It has to have been activated; once it is, what was paid is posted."""
    scenario = given(
        enrolled("2020-01-01"),
        referred("2024-01-01"),
        paid("2024-02-03", 9_000, "2024-02-01"),
        accrue("2024-02-29"),
        programme=ON_INVOICES,
    )
    scenario.when(activated("2024-02-10"), accrue("2024-02-29")).then(
        commission("2024-02-01", 1_800, client_year=1)
    )


def test_a_direct_client_earns_nobody_anything(given: Given) -> None:
    """It has no holder."""
    given(enrolled("2020-01-01"), activated("2024-02-01"), programme=ON_INVOICES).when(
        paid("2024-02-03", 9_000, "2024-02-01"), accrue("2024-02-29")
    ).then_nothing()


def test_the_agreement_is_in_force_on_the_period_start(given: Given) -> None:
    """D4.4: not on the day of the payment."""
    given(
        *START,
        ended("2024-03-01"),
        signed("2024-04-01"),
        programme=ON_INVOICES,
    ).when(
        paid("2024-04-03", 9_000, "2024-02-29", "i1"),
        paid("2024-02-03", 9_000, "2024-03-01", "i2"),
        paid("2024-02-03", 9_000, "2024-03-31", "i3"),
        paid("2024-02-03", 9_000, "2024-04-01", "i4"),
        accrue("2024-04-30"),
    ).then(commission("2024-02-29", 1_800), commission("2024-04-01", 1_800))


def test_what_was_paid_counts_though_the_client_left(given: Given) -> None:
    """The end of its period is then that of a month: no term says otherwise."""
    given(*START, churned("2024-03-10"), programme=ON_INVOICES).when(
        paid("2024-04-02", 9_000, "2024-04-01"), accrue("2024-04-30")
    ).then(commission("2024-04-01", 1_800, service_end="2024-04-30"))


def test_the_period_ends_as_the_term_says(given: Given) -> None:
    """A subscription by the year: the last day is that of a year; client year 2 pays less."""
    given(
        enrolled("2020-01-01"),
        referred("2024-01-01"),
        activated("2024-02-01", price=120_000, interval="year"),
        programme=ON_INVOICES,
    ).when(
        paid("2024-02-03", 100_000, "2024-02-01", "i1"),
        paid("2025-02-03", 100_000, "2025-02-01", "i2"),
        accrue("2025-02-28"),
    ).then(
        commission("2024-02-01", 20_000, service_end="2025-01-31", client_year=1),
        commission("2025-02-01", 10_000, service_end="2026-01-31", client_year=2),
    )


def test_a_plan_change_changes_no_line_on_an_invoice(given: Given) -> None:
    """D9.3 is about schedules here: what was paid is worth the same, whatever its interval."""
    given(
        *START, paid("2024-02-03", 9_000, "2024-02-01"), accrue("2024-02-29"), programme=ON_INVOICES
    ).when(
        changed("2024-02-01", price=50_000, interval="year"), accrue("2024-03-31")
    ).then_nothing()


def test_a_version_on_invoices_takes_over(given: Given) -> None:
    """By the version in force on S: schedule before the day, payments from it on."""
    scenario = given(*START, paid("2024-02-03", 9_000, "2024-02-01"), accrue("2024-02-29"))
    scenario.when(
        Adopt(ON_INVOICES, date(2024, 4, 1)),
        # Told before that version, or after it: the period start says what it is for.
        paid("2024-03-03", 9_000, "2024-03-01", "i2"),
        paid("2024-03-20", 9_000, "2024-04-01", "i3"),
        accrue("2024-05-31"),
    ).then(commission("2024-03-01", 2_000), commission("2024-04-01", 1_800))


def test_a_version_by_schedule_takes_over(given: Given) -> None:
    """And back again; periods start where the subscription's schedule has them."""
    given(*START, programme=ON_INVOICES).when(
        Adopt(programme(), date(2024, 4, 1)),
        paid("2024-03-03", 9_000, "2024-03-01", "i2"),
        paid("2024-03-20", 9_000, "2024-04-01", "i3"),
        accrue("2024-05-31"),
    ).then(
        commission("2024-03-01", 1_800),
        commission("2024-04-01", 2_000),
        commission("2024-05-01", 2_000),
    )


def test_for_new_clients_only(given: Given) -> None:
    """D7.2: with `activation_date` a client stays with the version that it met."""
    later = programme(accrual="invoice", version_basis="activation_date")
    given(*START, referred("2024-03-01", client="c2")).when(
        Adopt(later, date(2024, 4, 1)),
        activated("2024-04-01", client="c2"),
        paid("2024-04-03", 9_000, "2024-04-01", "i1"),
        paid("2024-04-03", 9_000, "2024-04-01", "i2", client_id="c2"),
        accrue("2024-04-30"),
    ).then(
        commission("2024-02-01", 2_000),
        commission("2024-03-01", 2_000),
        commission("2024-04-01", 2_000),
        commission("2024-04-01", 1_800, client_id="c2"),
    )


@pytest.mark.parametrize("told", ["adopted", "assigned"])
@pytest.mark.parametrize("accrual", ["invoice", "schedule"])
def test_terms_of_the_first_activation_day_that_are_told_after_a_run(
    given: Given, told: str, accrual: str
) -> None:
    """D7.2: c1 has paid for a day up to L and begins after it: the terms of that day decide."""
    by_invoice = programme(accrual="invoice", version_basis="activation_date")
    by_schedule = programme(version_basis="activation_date")
    before, after = (by_invoice, by_schedule)[:: 1 if accrual == "schedule" else -1]
    later, day = after.model_copy(update={"name": "other"}), date(2024, 4, 1)
    line = commission("2024-02-01", 1_800)
    given(
        enrolled("2024-01-01"),
        *([Adopt(later)] if told == "assigned" else []),
        activated("2024-04-10", partner="p1"),
        paid("2024-02-03", 9_000, "2024-02-01"),
        programme=before,
    ).when(accrue("2024-03-31")).then(*([line] if accrual == "schedule" else [])).when(
        AssignProgramme("p1", "other", day) if told == "assigned" else Adopt(after, day),
        accrue("2024-03-31"),
    ).then(waiver("2024-02-01", 1_800) if accrual == "schedule" else line)


@pytest.mark.parametrize("told", ["adopted", "assigned"])
def test_the_tail_of_the_first_activation_day_that_is_told_after_a_run(
    given: Given, told: str
) -> None:
    """D4.4, D7.2: the agreement has no tail until the terms of c1's first day are told."""
    without = programme(accrual="invoice", version_basis="activation_date")
    with_tail = choosing(without, "agreement", tail="client_lifetime")
    later, day = with_tail.model_copy(update={"name": "other"}), date(2024, 4, 1)
    given(
        enrolled("2024-01-01"),
        *([Adopt(later)] if told == "assigned" else []),
        referred("2024-01-02"),
        ended("2024-01-15"),
        activated("2024-04-10"),
        paid("2024-02-03", 9_000, "2024-02-01"),
        programme=without,
    ).when(accrue("2024-03-31")).then_nothing().when(
        AssignProgramme("p1", "other", day) if told == "assigned" else Adopt(with_tail, day),
        accrue("2024-03-31"),
    ).then(commission("2024-02-01", 1_800))


@pytest.mark.parametrize("stops", [(), ("2024-02-29",), ("2024-02-29", "2024-04-09")])
def test_the_tier_of_a_first_activation_day_is_waited_for(
    given: Given, stops: tuple[str, ...]
) -> None:
    """D7.1, D18.11: c1 has paid before it begins; whatever runs come before, the rate is one."""
    terms = quick(accrual="invoice", rate_basis="activation_date")
    story = given(
        enrolled("2024-01-01"),
        certified("2024-03-01"),
        activated("2024-04-10", partner="p1"),
        paid("2024-02-03", 10_000, "2024-02-01"),
        programme=terms,
    )
    for stop in stops:
        story.when(accrue(stop)).then_nothing()
    story.when(accrue("2024-04-10")).then(commission("2024-02-01", 2_500, tier="certified"))


def test_a_posted_payment_stays_though_the_first_activation_is_to_come(given: Given) -> None:
    """D9: what was posted is compared, not taken back and posted again."""
    terms = quick(accrual="invoice", rate_basis="activation_date")
    given(
        enrolled("2024-01-01"),
        referred("2024-01-01"),
        activated("2024-02-01", id="wrong"),
        activated("2024-04-10"),
        paid("2024-02-03", 10_000, "2024-02-01"),
        accrue("2024-02-29"),
        programme=terms,
    ).when(retract("wrong"), accrue("2024-03-31")).then_nothing().when(
        accrue("2024-04-30")
    ).then_nothing()


@pytest.mark.parametrize("holder", ["p1", "p2"])
def test_what_one_holder_s_agreement_changes_posts_nothing_twice(given: Given, holder: str) -> None:
    """D8.2, D3.6: of a client that two have held, what the other was paid for stays as it is."""
    story = given(
        enrolled("2024-01-01"),
        enrolled("2024-01-01", partner="p2"),
        activated("2024-02-01", partner="p1"),
        paid("2024-02-03", 9_000, "2024-02-01", "i1"),
        paid("2024-03-03", 9_000, "2024-03-01", "i2"),
        programme=ON_INVOICES,
    )
    story.when(assign("2024-03-01", "p2"), accrue("2024-03-31")).then(
        commission("2024-02-01", 1_800), commission("2024-03-01", 1_800, partner_id="p2")
    )
    story.when(ended("2024-06-01", partner=holder), accrue("2024-04-30")).then_nothing()


def test_two_programmes_in_one_ledger(given: Given) -> None:
    """D7.3: one partner's clients by schedule, the other's by what they paid."""
    other = programme(name="other", accrual="invoice")
    given(
        *START,
        enrolled("2020-01-01", partner="p2"),
        referred("2024-01-01", client="c2", partner="p2"),
        activated("2024-02-01", client="c2"),
        Adopt(other, None),
        AssignProgramme("p2", "other", date(2024, 1, 1)),
    ).when(
        paid("2024-02-03", 9_000, "2024-02-01", "i1"),
        paid("2024-02-03", 9_000, "2024-02-01", "i2", client_id="c2"),
        accrue("2024-02-29"),
    ).then(
        commission("2024-02-01", 2_000),
        commission("2024-02-01", 1_800, client_id="c2", partner_id="p2"),
    )


def test_a_late_claim_gets_what_was_paid(given: Given) -> None:
    """D3.3d: what a late winner missed, the next run posts."""
    given(
        enrolled("2020-01-01"),
        activated("2024-02-01"),
        paid("2024-02-03", 9_000, "2024-02-01"),
        accrue("2024-02-29"),
        programme=ON_INVOICES,
    ).when(referred("2024-01-15"), accrue("2024-02-29")).then(commission("2024-02-01", 1_800))


def test_an_earlier_first_activation_changes_no_rate(given: Given) -> None:
    """D9.3: the rate of a posted line stays, though the client is older than was known."""
    scenario = given(
        enrolled("2020-01-01"),
        referred("2023-01-01"),
        activated("2024-01-31", sub="s1"),
        paid("2024-02-03", 9_000, "2024-02-01", subscription_id="s1"),
        accrue("2024-02-29"),
        programme=ON_INVOICES,
    )
    scenario.when(activated("2023-01-31", sub="s2"), accrue("2024-02-29")).then_nothing()


def test_a_late_part_payment_is_a_line_of_its_own(given: Given) -> None:
    """A payment only ever falls, so D9.1 has no way to a line on an invoice."""
    given(
        *START, paid("2024-02-03", 9_000, "2024-02-01"), accrue("2024-02-29"), programme=ON_INVOICES
    ).when(paid("2024-03-03", 1_000, "2024-02-01", payment_id="late"), accrue("2024-02-29")).then(
        commission("2024-02-01", 200, base=1_000)
    )


def test_a_change_of_interval_waits_for_the_next_period_start(given: Given) -> None:
    """D4.1: till then the schedule that runs is the old one, and so is the end of a payment's."""
    given(
        enrolled("2020-01-01"),
        referred("2024-01-01"),
        activated("2024-02-01"),
        changed("2024-02-10", price=120_000, interval="year"),
        programme=ON_INVOICES,
    ).when(
        paid("2024-02-20", 9_000, "2024-02-15", "i1"),
        paid("2024-03-01", 120_000, "2024-03-01", "i2"),
        accrue("2024-03-31"),
    ).then(
        commission("2024-02-15", 1_800, service_end="2024-03-14"),
        commission("2024-03-01", 24_000, service_end="2025-02-28"),
    )


def test_a_contest_in_the_place_of_the_first_year(given: Given) -> None:
    """D10.2: of what is paid for client year 1 there is no line, of the second there is."""
    sprint: dict[str, JsonValue] = {
        "code": "sprint", "start": "2024-01-01", "end": "2024-01-31", "amount": 700,
        "mode": "instead_of_first_year",
    }  # fmt: skip
    terms = programme(accrual="invoice", contest=[sprint])
    story = given(*START, programme=terms)
    story.when(paid("2024-02-02", 10_000, "2024-02-01"), accrue("2024-02-29")).then(
        contest_line("2024-02-01", 700)
    )
    story.when(
        paid("2025-01-31", 10_000, "2025-01-31", "i2"),
        paid("2025-02-01", 10_000, "2025-02-01", "i3"),
        accrue("2025-02-28"),
    ).then(commission("2025-02-01", 1_000))


def test_a_payment_in_the_tail_of_an_agreement(given: Given) -> None:
    """D4.4: for periods of the two months after the end, of who was claimed before it."""
    terms = choosing(ON_INVOICES, "agreement", tail=2)
    story = given(*START, ended("2024-02-15"), programme=terms)
    story.when(
        paid("2024-03-01", 10_000, "2024-03-01", "i1"),
        paid("2024-05-01", 10_000, "2024-05-01", "i2"),
        accrue("2024-05-31"),
    ).then(commission("2024-03-01", 2_000))


@pytest.mark.parametrize(("basis", "lines"), [("activation_date", 0), ("service_date", 1)])
def test_the_tail_of_a_payment_is_that_of_the_version_that_decides(
    given: Given, basis: str, lines: int
) -> None:
    """D7.2: a later version has a tail; where versions are for new clients, c1 has none."""
    first = programme(accrual="invoice", version_basis=basis)
    later = choosing(first, "agreement", tail=2)
    story = given(*START, Adopt(later, date(2024, 3, 1)), ended("2024-02-15"), programme=first)
    story.when(paid("2024-03-01", 10_000, "2024-03-01"), accrue("2024-03-31"))
    assert len(story.ledger.lines()) == lines


def test_a_payment_for_a_subscription_that_nobody_knows(given: Given) -> None:
    """What was paid is commissioned; the period is a month."""
    story = given(*START, programme=ON_INVOICES)
    story.when(
        paid("2024-02-02", 5_000, "2024-02-01", subscription_id="unknown"), accrue("2024-02-29")
    ).then(commission("2024-02-01", 1_000, subscription_id="unknown", service_end="2024-02-29"))


def test_a_payment_for_a_period_before_the_opening(given: Given) -> None:
    """D8.3: no line has such an S."""
    story = given(*START, open_ledger("2024-03-01"), programme=ON_INVOICES)
    story.when(
        paid("2024-02-02", 10_000, "2024-02-29", "i1"),
        paid("2024-03-02", 10_000, "2024-03-01", "i2"),
        accrue("2024-03-31"),
    ).then(commission("2024-03-01", 2_000))


def test_a_line_names_its_invoice_and_its_payment(given: Given) -> None:
    """The payment where it has an id of its own."""
    story = given(*START, programme=ON_INVOICES)
    story.when(
        paid("2024-02-02", 5_000, "2024-02-01", payment_id="x"),
        paid("2024-02-03", 5_000, "2024-02-02", "i2"),
        accrue("2024-02-29"),
    )
    assert [one.payment for one in story.ledger.lines()] == [("i1", "x"), ("i2",)]


def test_a_payment_from_the_day_of_a_churn_is_for_a_month(given: Given) -> None:
    """D18: no term runs on its first day, though a yearly one ended then."""
    story = given(
        enrolled("2020-01-01"),
        activated("2024-02-01", interval="year", partner="p1"),
        churned("2024-06-01"),
        programme=ON_INVOICES,
    )
    story.when(
        paid("2024-05-31", 10_000, "2024-05-31", "i1"),
        paid("2024-06-01", 10_000, "2024-06-01", "i2"),
        accrue("2024-06-30"),
    ).then(
        commission("2024-05-31", 2_000, service_end="2025-05-30"),
        commission("2024-06-01", 2_000, service_end="2024-06-30"),
    )


def test_a_refund_that_names_its_payment_is_taken_off_before_one_that_names_none(
    given: Given,
) -> None:
    """D18.8: though told after it: 40 off the first, then 40 of the second."""
    story = given(*START, programme=ON_INVOICES)
    story.when(
        paid("2024-02-01", 4_000, "2024-02-01", payment_id="a"),
        paid("2024-02-01", 6_000, "2024-02-01", payment_id="b"),
        refunded("2024-02-02", 4_000),
        refunded("2024-02-03", 4_000, payment_id="a"),
        accrue("2024-02-29"),
    ).then(commission("2024-02-01", 0), commission("2024-02-01", 400))
