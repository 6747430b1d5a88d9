"""Figures worked by hand on a real ledger: funnel, money, health, programme, targets.

::

    p1   enrolled 1 Jan 2026, referent: 20 %
    c1   its referral of 5 Jan; demo 6 Jan, trial 8 Jan, pays €100 a month from 10 Jan
    c2   its lead l2 of 5 Jan; demo of the lead 7 Jan, trial 9 Jan, never a client
    c3   direct, €50 a month from 20 Jan
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date

import pytest
from pydantic import JsonValue

from events.base import Fact
from events.billing import (
    ClientActivated,
    ClientChurned,
    ClientNpsReported,
    ClientPlanChanged,
    ClientUsageReported,
    DemoHeld,
    TrialEnded,
    TrialStarted,
)
from events.partners import (
    CostRecorded,
    LeadCaptured,
    PartnerAgreementEnded,
    PartnerEnrolled,
    PartnerNpsReported,
    PayoutSettled,
    PortalVisited,
    ReferralRegistered,
    ResourceDownloaded,
    TrainingCompleted,
)
from ledger.errors import NotReady
from replay.as_of import Replay
from replay.figures import Figures
from replay.ratios import one_decimal, percent, quotient
from tests.model.commands import Accrue, Assign, Retract
from tests.model.journal import perform
from tests.rules.facts import message
from tests.rules.ledger_adapter import RealLedger, _database, open_ledger
from tests.rules.looking import looking
from tests.rules.programmes import programme

Shown = tuple[object, object, object]
"""Value, numerator, denominator."""
Told = tuple[str, Fact]


@pytest.fixture
def ledger() -> Iterator[RealLedger]:
    """A ledger with the plain programme and two targets."""
    with open_ledger() as opened:
        targets: list[JsonValue] = [
            {"day": "2026-01-31", "partners": 2, "clients": 1, "arr": 100_000, "share": "0.50"},
            {"day": "2027-01-31", "clients": 10},
        ]
        opened.adopt(programme(target=targets), None)
        yield opened


@pytest.fixture
def replay() -> Iterator[Replay]:
    """The queries of the same database."""
    with looking(_database()) as connection:
        yield Replay(connection)


def tell(ledger: RealLedger, *told: Told | Accrue | Assign | Retract) -> None:
    """Record facts with their days, and run commands, in order."""
    for entry in told:
        if isinstance(entry, tuple):
            ledger.record([message(entry[1], entry[0])])
        else:
            perform(ledger, entry)


def activated(client: str, price: int, **more: object) -> Fact:
    """A subscription by the month, in euros."""
    data = {"client_id": client, "plan": "starter", "price": price, "currency": "EUR", **more}
    return ClientActivated.model_validate(data)


STORY: tuple[Told | Accrue, ...] = (
    ("2026-01-01", PartnerEnrolled(partner_id="p1", kind="referral")),
    ("2026-01-05", ReferralRegistered(partner_id="p1", client_id="c1")),
    ("2026-01-05", LeadCaptured(lead_id="l2", partner_id="p1")),
    ("2026-01-06", DemoHeld(client_id="c1", co_hosted=True)),
    ("2026-01-07", DemoHeld(lead_id="l2")),
    ("2026-01-08", TrialStarted(client_id="c1")),
    ("2026-01-09", TrialStarted(lead_id="l2")),
    ("2026-01-10", activated("c1", 10_000)),
    ("2026-01-20", activated("c3", 5_000)),
    Accrue(date(2026, 1, 31)),
)

Ask = Callable[..., dict[tuple[object, ...], Shown]]


@pytest.fixture
def shown(replay: Replay) -> Ask:
    """Figures by name, and by currency or target's day where there is one."""

    def ask(partner: str | None = None, day: str | None = None) -> dict[tuple[object, ...], Shown]:
        at = replay.resolve(effective_at=date.fromisoformat(day) if day else None)
        figures = Figures(replay, at)
        rows = figures.of_partner(partner) if partner else figures.of_programme()
        return {
            tuple(
                str(row[name]) for name in ("figure", "currency", "day") if row[name] is not None
            ): (row["value"], row["numerator"], row["denominator"])
            for row in rows
        }

    return ask


def test_a_partner_s_funnel_and_revenue(ledger: RealLedger, shown: Ask) -> None:
    """The story of this module, as of L."""
    tell(ledger, *STORY)
    figures = shown("p1")
    for name, expected in {
        ("leads",): (1, None, None),
        ("referrals",): (1, None, None),
        ("demos",): (2, None, None),
        ("co_hosted_demos",): (1, None, None),
        ("demo_to_trial",): ("100.0", 2, 2),
        ("trial_to_paid",): ("50.0", 1, 2),
        ("active_clients",): (1, None, None),
        ("arr", "EUR"): (120_000, None, None),
        ("arpu", "EUR"): (10_000, 120_000, 12),
        ("commissions_paid", "EUR"): (0, None, None),
        ("commissions_due", "EUR"): (2_000, None, None),
        ("last_visit",): (None, None, None),
        ("trainings",): (None, 0, 0),
        ("churn",): ("0.0", 0, 1),
        ("nps",): (None, None, None),
        ("client_nps",): (None, 0, 0),
    }.items():
        assert figures[name] == expected, name


def test_the_programme_s_figures(ledger: RealLedger, shown: Ask) -> None:
    """Of January: commission €20 of €100 billed, €30 of costs; then €20 a month to December."""
    tell(
        ledger,
        *STORY,
        ("2026-01-15", CostRecorded(category="tools", amount=3_000, currency="EUR")),
        ("2025-12-31", CostRecorded(category="tools", amount=9_999, currency="EUR")),
        ("2026-01-15", CostRecorded(category="tools", amount=700, currency="CHF")),
    )
    figures = shown()
    for name, expected in {
        ("partners",): (1, None, None),
        ("partners_in_force",): (1, None, None),
        ("active_partners",): (1, None, None),
        ("inactive_partners",): (0, None, None),
        ("clients",): (1, None, None),
        ("new_clients",): (1, None, None),
        ("churned_clients",): (0, None, None),
        ("partner_arr", "EUR"): (120_000, None, None),
        ("direct_arr", "EUR"): (60_000, None, None),
        ("channel_share", "EUR"): ("66.7", 120_000, 180_000),
        ("commissions_month", "EUR"): (2_000, None, None),
        ("commissions_year", "EUR"): (2_000, None, None),
        ("commissions_projected", "EUR"): (12 * 2_000, None, None),
        ("billed_year", "EUR"): (10_000, None, None),
        ("costs_year", "EUR"): (3_000, None, None),
        ("return_year", "EUR"): (5_000, None, None),
        ("return_rate", "EUR"): ("100.0", 5_000, 5_000),
        ("return_year", "CHF"): (-700, None, None),
        ("return_rate", "CHF"): ("-100.0", -700, 700),
        ("pipeline_deals",): (1, None, None),
        ("pipeline_in_trial",): (1, None, None),
        ("pipeline_value", "EUR"): (120_000, 120_000, 1),
        ("top_partner",): (1, None, None),
    }.items():
        assert figures[name] == expected, name


def test_targets_stand_beside_what_was_reached_by_their_day(
    ledger: RealLedger, shown: Ask, replay: Replay
) -> None:
    """A day that is over keeps its figures; for one to come those of now are shown."""
    tell(
        ledger,
        *STORY,
        ("2026-02-03", activated("c4", 7_000, partner_id="p1")),
        Accrue(date(2026, 2, 28)),
    )
    figures = shown()
    assert figures["target_partners", "2026-01-31"] == (1, 1, 2)
    assert figures["target_clients", "2026-01-31"] == (1, 1, 1)
    assert figures["target_arr", "EUR", "2026-01-31"] == (120_000, 120_000, 100_000)
    assert figures["target_share", "EUR", "2026-01-31"] == ("66.7", 120_000, 180_000)
    assert figures["target_clients", "2027-01-31"] == (2, 2, 10)
    rows = Figures(replay, replay.resolve()).of_programme()
    assert {row["target"] for row in rows if row["figure"] == "target_share"} == {"50.0"}


def test_a_day_of_the_past_knows_nothing_later(ledger: RealLedger, shown: Ask) -> None:
    """Up to 9 January there is a trial, but no client; windows end there."""
    tell(ledger, *STORY)
    figures = shown("p1", "2026-01-09")
    assert figures["trial_to_paid",] == ("0.0", 0, 2)
    assert figures["active_clients",] == (0, None, None)
    assert figures["arpu", "EUR"] == (None, 0, 0)
    assert figures["commissions_due", "EUR"] == (0, None, None)
    programme_then = shown(None, "2026-01-09")
    assert programme_then["pipeline_deals",] == (2, None, None)
    assert programme_then["pipeline_value", "EUR"] == (None, 0, 0)


def test_without_a_day_windows_are_null(ledger: RealLedger, shown: Ask) -> None:
    """Nothing is accrued: there is no month, but leads are counted."""
    tell(ledger, *STORY[:-1])
    figures = shown("p1")
    assert figures["leads",] == (1, None, None)
    assert figures["active_clients",] == (1, None, None)
    assert figures["commissions_due", "EUR"] == (None, None, None)
    assert figures["churn",] == (None, None, None)
    assert shown()["commissions_projected",] == (None, None, None)
    assert shown(None, "2026-01-31")["new_clients",] == (1, None, None)


def test_engagement(ledger: RealLedger, shown: Ask) -> None:
    """Courses against all that any partner completed; each resource taken counts."""
    tell(
        ledger,
        *STORY,
        ("2026-01-12", PortalVisited(partner_id="p1")),
        ("2026-01-30", PortalVisited(partner_id="p1")),
        ("2026-01-12", TrainingCompleted(partner_id="p1", course="basics")),
        ("2026-01-13", TrainingCompleted(partner_id="p1", course="basics")),
        ("2026-01-13", TrainingCompleted(partner_id="p2", course="pitch")),
        ("2026-01-13", TrainingCompleted(partner_id="p2", course="advanced")),
        ("2026-01-13", ResourceDownloaded(partner_id="p1", resource="flyer")),
        ("2026-01-14", ResourceDownloaded(partner_id="p1", resource="flyer")),
    )
    figures = shown("p1")
    assert figures["last_visit",] == (date(2026, 1, 30), None, None)
    assert figures["visits",] == (2, None, None)
    assert figures["trainings",] == ("33.3", 1, 3)
    assert figures["downloads",] == (2, None, None)


def test_health(ledger: RealLedger, shown: Ask) -> None:
    """c1 goes up from €100 to €149, takes a second subscription of €59; c4 leaves."""
    tell(
        ledger,
        *STORY,
        ("2026-01-12", activated("c4", 5_900, partner_id="p1")),
        ("2026-02-01", ClientPlanChanged(client_id="c1", plan="pro", price=14_900)),
        ("2026-02-05", activated("c1", 5_900, subscription_id="c1.2")),
        ("2026-02-12", ClientChurned(client_id="c4")),
        ("2026-02-01", PartnerNpsReported(partner_id="p1", score=41)),
        ("2026-02-01", ClientNpsReported(client_id="c1", score=50)),
        ("2026-02-02", ClientNpsReported(client_id="c1", score=-5)),
        ("2026-02-02", ClientNpsReported(client_id="c4", score=30)),
        ("2026-02-02", ClientUsageReported(client_id="c1", features_used=64)),
        ("2026-02-02", ClientUsageReported(client_id="c4", features_used=10)),
        Accrue(date(2026, 2, 28)),
    )
    figures = shown("p1")
    assert figures["churn",] == ("50.0", 1, 2)
    assert figures["upsells",] == (1, None, None)
    assert figures["expansion", "EUR"] == (12 * (4_900 + 5_900), None, None)
    assert figures["nps",] == (41, None, None)
    assert figures["client_nps",] == ("12.5", 25, 2)
    assert figures["usage",] == ("64.0", 64, 100)
    assert shown()["churned_clients",] == (1, None, None)


def test_a_change_to_another_interval_is_no_expansion(ledger: RealLedger, shown: Ask) -> None:
    """A year for ten months' price: from the day of the change the year's price counts as one."""
    yearly = ClientPlanChanged(client_id="c1", plan="starter", price=100_000, interval="year")
    tell(ledger, *STORY, ("2026-01-25", yearly), Accrue(date(2026, 2, 5)))
    figures = shown("p1")
    assert figures["arr", "EUR"] == (100_000, None, None)
    assert figures["expansion", "EUR"] == (0, None, None)


def test_a_schedule_that_will_switch_is_projected_as_it_will_be(
    ledger: RealLedger, shown: Ask
) -> None:
    """A month paid in January; a year from 10 February on by a change of the very day asked for."""
    yearly = ClientPlanChanged(client_id="c1", plan="starter", price=100_000, interval="year")
    tell(ledger, *STORY, ("2026-01-31", yearly))
    assert shown()["commissions_projected", "EUR"] == (2_000 + 20_000, None, None)
    assert shown(None, "2026-01-31")["commissions_projected", "EUR"][0] == 2_000 + 20_000
    assert shown(None, "2026-01-30")["commissions_projected", "EUR"][0] == 12 * 2_000


def test_a_trial_lost_is_no_deal_until_another_begins(ledger: RealLedger, shown: Ask) -> None:
    """Lost on the day on which it began, too; a claim or lead that is too old is none either."""
    tell(ledger, *STORY, ("2026-01-09", TrialEnded(lead_id="l2", outcome="lost")))
    assert shown()["pipeline_deals",] == (0, None, None)
    tell(ledger, ("2026-01-28", TrialStarted(lead_id="l2")))
    assert shown()["pipeline_deals",] == (1, None, None)
    # 5 January + 180 days.
    assert shown(None, "2026-07-04")["pipeline_deals",] == (1, None, None)
    assert shown(None, "2026-07-05")["pipeline_deals",] == (0, None, None)


def test_a_partner_whose_agreement_ended_is_inactive(ledger: RealLedger, shown: Ask) -> None:
    """It is still enrolled; its clients' ARR is still the channel's; nothing more is projected."""
    ended = ("2026-02-01", PartnerAgreementEnded(partner_id="p1"))
    tell(ledger, *STORY, ended, Accrue(date(2026, 2, 28)))
    figures = shown()
    assert figures["partners",] == (1, None, None)
    assert figures["partners_in_force",] == (0, None, None)
    assert figures["inactive_partners",] == (1, None, None)
    assert figures["partner_arr", "EUR"] == (120_000, None, None)
    assert figures["commissions_projected", "EUR"] == (2_000, None, None)


def test_a_client_that_finance_gives_away_changes_hands_on_a_day(
    ledger: RealLedger, shown: Ask
) -> None:
    """Counted for p1, held by p2 from 10 February on: ARR, what is billed and retention follow."""
    tell(
        ledger,
        *STORY,
        ("2026-01-01", PartnerEnrolled(partner_id="p2", kind="referral")),
        Assign("c1", "p2", date(2026, 2, 10)),
        Accrue(date(2026, 2, 28)),
    )
    assert shown("p1", "2026-02-09")["arr", "EUR"] == (120_000, None, None)
    assert shown("p1")["arr", "EUR"] == (0, None, None)
    assert shown("p2")["arr", "EUR"] == (120_000, None, None)
    assert shown("p2")["commissions_due", "EUR"] == (2_000, None, None)
    assert shown("p1")["trial_to_paid",] == ("50.0", 1, 2)
    assert shown("p2")["churn",] == ("0.0", 0, 1)
    figures = shown()
    assert figures["clients",] == (1, None, None)
    assert figures["active_partners",] == (1, None, None)
    assert figures["billed_year", "EUR"] == (20_000, None, None)
    assert figures["commissions_projected", "EUR"] == (12 * 2_000, None, None)


def test_a_fact_that_was_never_true_is_in_no_figure(ledger: RealLedger, shown: Ask) -> None:
    """A lead, a demonstration and a score that finance retracted."""
    untrue: list[tuple[str, Fact]] = [
        ("2026-01-12", LeadCaptured(lead_id="l9", partner_id="p1")),
        ("2026-01-12", DemoHeld(client_id="c1")),
        ("2026-01-12", ClientNpsReported(client_id="c1", score=9)),
        ("2026-01-12", PartnerNpsReported(partner_id="p1", score=9)),
    ]
    tell(ledger, *STORY)
    before = shown("p1")
    for number, (day, fact) in enumerate(untrue):
        ledger.record([message(fact, day, f"untrue-{number}")])
    assert shown("p1") != before
    tell(ledger, *(Retract(f"untrue-{number}") for number in range(len(untrue))))
    assert shown("p1") == before


def test_what_was_paid_is_less_what_came_back(ledger: RealLedger, shown: Ask) -> None:
    """As balances say."""
    paid = PayoutSettled(partner_id="p1", amount=1_500, currency="EUR")
    tell(ledger, *STORY, ("2026-01-31", paid))
    assert shown("p1")["commissions_paid", "EUR"] == (1_500, None, None)


@pytest.mark.parametrize("day", ["0001-01-01", "0001-02-01", "9999-12-31"])
def test_the_ends_of_the_calendar_have_figures(ledger: RealLedger, shown: Ask, day: str) -> None:
    """No window reaches beyond them."""
    tell(ledger, *STORY)
    assert shown(None, day)["commissions_month", "EUR"] == (0, None, None)
    assert shown("p1", day)["churn",] in {(None, 0, 0), ("0.0", 0, 1)}


def test_within_a_transaction_the_figures_are_the_same(ledger: RealLedger, replay: Replay) -> None:
    """What is stored is read only in a snapshot of our own."""
    tell(ledger, *STORY)
    rows = Figures(replay, replay.resolve()).of_programme()
    with replay.connection.transaction():
        assert Figures(replay, replay.resolve()).of_programme() == rows


def test_without_a_programme_there_are_no_figures(replay: Replay, ledger: RealLedger) -> None:
    """As of position 0 nothing is adopted."""
    assert ledger.url
    with pytest.raises(NotReady, match="no programme was adopted by then"):
        Figures(replay, replay.resolve(position=0))


@pytest.mark.parametrize(
    ("numerator", "denominator", "whole", "decimal", "in_percent"),
    [
        (1, 2, 1, "0.5", "50.0"),
        (-1, 2, -1, "-0.5", "-50.0"),
        (1, 3, 0, "0.3", "33.3"),
        (1, 8, 0, "0.1", "12.5"),
        (1, 2000, 0, "0.0", "0.1"),
        (1, 2001, 0, "0.0", "0.0"),
        (-1, 30, 0, "0.0", "-3.3"),
        (5, 0, None, None, None),
        (0, 0, None, None, None),
    ],
)
def test_ratios_are_rounded_once(
    numerator: int,
    denominator: int,
    whole: int | None,
    decimal: str | None,
    in_percent: str | None,
) -> None:
    """Half up, the half of a negative one away from zero; nothing is divided by nothing."""
    assert quotient(numerator, denominator) == whole
    assert one_decimal(numerator, denominator) == decimal
    assert percent(numerator, denominator) == in_percent
