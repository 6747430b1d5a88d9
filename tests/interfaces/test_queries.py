"""Each query in its documented shape, on figures worked by hand from tests/e2e/billing.jsonl.

c-1 is p-alpha's (founding: 25 % in year 1): 14900 due on 10 April, 39900 on 10 May and 10 June.
c-2 is p-beta's from 1 May in Paris (22:30Z of 30 April) and churns on 1 June: one period of 5900.
c-3 is p-beta's, yearly in francs: 59000 on 15 April. p-beta is a referent: 20 %.
"""

from __future__ import annotations

import csv
import io
import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from interfaces.money import NARROW_SPACE, NO_BREAK_SPACE
from tests.interfaces.commands import Commands

ALPHA = 3725 + 9975 + 9975
BETA = 1180
BETA_CHF = 11800


def test_balances(billing: Commands) -> None:
    """A row for each partner and currency, in minor units."""
    assert billing.done("balances", "--format", "json").rows == [
        {
            "partner_id": partner,
            "currency": currency,
            "earned": earned,
            "adjusted": 0,
            "paid": 0,
            "in_flight": 0,
            "payable": earned,
        }
        for partner, currency, earned in (
            ("p-alpha", "EUR", ALPHA),
            ("p-beta", "CHF", BETA_CHF),
            ("p-beta", "EUR", BETA),
        )
    ]


def test_an_answer_says_as_of_what_it_is(billing: Commands) -> None:
    """Position and both instants."""
    as_of = billing.done("balances", "--format", "json").json["as_of"]
    assert set(as_of) == {"position", "known_at", "effective_at", "final", "checkpoint"}
    assert as_of["position"] == billing.position()
    assert as_of["effective_at"] is None
    assert as_of["known_at"].endswith("Z")


def test_history(billing: Commands) -> None:
    """Lines with their arithmetic, rates as strings, days in ISO form."""
    rows = billing.done("history", "p-alpha", "--format", "json").rows
    assert [(row["service_date"], row["base"], row["rate"], row["amount"]) for row in rows] == [
        ("2026-04-10", 14900, "0.25", 3725),
        ("2026-05-10", 39900, "0.25", 9975),
        ("2026-06-10", 39900, "0.25", 9975),
    ]
    first = rows[0]
    assert first["kind"] == "commission"
    assert first["rule"] == "D7"
    assert first["client_id"] == first["subscription_id"] == "c-1"
    assert first["service_end"] == "2026-05-09"
    assert first["posting_date"] == "2026-04-10"
    assert first["currency"] == "EUR"
    assert first["programme_version"] == "izyinbox/1"
    assert all(isinstance(fact, int) for fact in first["facts"])
    assert [row["position"] for row in rows] == sorted(row["position"] for row in rows)


def test_history_of_all(billing: Commands) -> None:
    """With the partner of each line."""
    rows = billing.done("history", "--all", "--format", "json").rows
    assert {row["partner_id"] for row in rows} == {"p-alpha", "p-beta"}
    assert sum(row["amount"] for row in rows if row["currency"] == "EUR") == ALPHA + BETA
    assert "p-alpha" in billing.done("history", "--all").out


def test_history_wants_one_partner_or_all(billing: Commands) -> None:
    """Neither and both are wrong usage."""
    billing.refused("history", status=2)
    billing.refused("history", "p-alpha", "--all", status=2)


def test_the_paris_day_counts(billing: Commands) -> None:
    """22:30Z on 30 April is 1 May in the ledger's time zone."""
    rows = billing.done("history", "p-beta", "--format", "json").rows
    assert [row["service_date"] for row in rows if row["client_id"] == "c-2"] == ["2026-05-01"]


def test_tiers(billing: Commands) -> None:
    """The present tier, and every change from the enrolment on."""
    rows = billing.done("tiers", "--format", "json").rows
    assert [(row["partner_id"], row["tier"], row["since"]) for row in rows] == [
        ("p-alpha", "referent", "2026-04-01"),
        ("p-beta", "referent", "2026-04-01"),
    ]
    changes = billing.done("tiers", "--history", "--format", "json").rows
    assert [(row["partner_id"], row["from_tier"], row["to_tier"]) for row in changes] == [
        ("p-alpha", None, "referent"),
        ("p-beta", None, "referent"),
    ]
    assert all(row["effective_day"] == "2026-04-01" and row["position"] for row in changes)


def test_leaderboard(billing: Commands) -> None:
    """p-beta has two counted clients in the second quarter, p-alpha one."""
    rows = billing.done("leaderboard", "--quarter", "2026Q2", "--format", "json").rows
    assert [(row["rank"], row["partner_id"], row["clients"]) for row in rows] == [
        (1, "p-beta", 2),
        (2, "p-alpha", 1),
    ]
    assert billing.done("leaderboard", "--quarter", "2025Q4", "--format", "json").rows == []
    billing.refused("leaderboard", "--quarter", "2026Q5", status=2)
    billing.refused("leaderboard", "--quarter", "2026Q2", "--running", status=2)
    told = billing.refused("leaderboard", "--programme", "izy")
    assert "no programme 'izy' was adopted by then; those adopted: izyinbox" in told


def test_leaderboards_of_other_spans(billing: Commands) -> None:
    """The running quarter is that of the effective day; a year's and all time have no quarter."""
    second = billing.done("leaderboard", "--quarter", "2026Q2", "--format", "json").rows
    running = ("leaderboard", "--running", "--format", "json")
    assert billing.done(*running, "--effective-at", "2026-06-30").rows == second
    for span in (("--year", "2026"), ("--all-time",)):
        rows = billing.done("leaderboard", *span, "--format", "json").rows
        assert [(row["rank"], row["partner_id"], row["clients"]) for row in rows] == [
            (1, "p-beta", 2),
            (2, "p-alpha", 1),
        ]
    assert billing.done("leaderboard", "--year", "2025", "--format", "json").rows == []
    billing.refused("leaderboard", "--all-time", "--programme", "another")
    before = ("--programme", "izyinbox", "--position", "0", "--format", "json")
    assert billing.done("leaderboard", *before).rows == []


def test_a_public_leaderboard_has_no_money(billing: Commands) -> None:
    """Places only: what the newsletter may show."""
    rows = billing.done("leaderboard", "--public", "--format", "json").rows
    assert set(rows[0]) == {"quarter", "programme", "rank", "partner_id", "clients"}


def test_badges(billing: Commands) -> None:
    """A list by position, with the axes of every query."""
    assert billing.done("badges", "--effective-at", "2026-03-31", "--format", "json").rows == []


def test_claims(billing: Commands) -> None:
    """One row a claim with its last answer."""
    rows = billing.done("claims", "--format", "json").rows
    assert [
        (row["client_id"], row["partner_id"], row["day"], row["answer"], row["reason"])
        for row in rows
    ] == [
        ("c-1", "p-alpha", "2026-04-02", "accepted", None),
        ("c-1", "p-beta", "2026-04-03", "rejected", "already_attributed"),
        ("c-2", "p-beta", "2026-05-01", "accepted", None),
        ("c-3", "p-beta", "2026-04-15", "accepted", None),
        ("c-8", "p-ghost", "2026-05-12", "waiting", None),
        ("c-5", "p-alpha", "2026-05-12", "accepted", None),
    ]


def test_unresolved(billing: Commands) -> None:
    """The change of a client never activated, the claim of a partner never enrolled."""
    rows = billing.done("unresolved", "--format", "json").rows
    found = {(row["type"], row["client_id"], row["partner_id"]) for row in rows}
    assert ("client.plan_changed", "c-9", None) in found
    assert ("referral.registered", "c-8", "p-ghost") in found
    assert all(
        set(row) == {"position", "type", "client_id", "partner_id", "reason"} for row in rows
    )


def test_trial_balance(billing: Commands) -> None:
    """All accounts of a currency sum to zero; what is payable is on the credit side."""
    rows = billing.done("trial-balance", "--format", "json").rows
    by_account = {(row["account"], row["currency"]): row for row in rows}
    assert by_account["partner_payable", "EUR"]["balance"] == -(ALPHA + BETA)
    assert by_account["commission_expense", "CHF"]["balance"] == BETA_CHF
    for currency in ("EUR", "CHF"):
        assert sum(row["balance"] for row in rows if row["currency"] == currency) == 0
    assert all(row["debit"] - row["credit"] == row["balance"] for row in rows)


def test_payouts_from_initiated_to_settled(billing: Commands, tmp_path: Path) -> None:
    """A referent is paid at the end of a quarter; a settlement closes what it names."""
    made = billing.done("payouts", "run", "--cutoff", "2026-06-30", "--format", "json").rows
    assert [(row["partner_id"], row["currency"], row["amount"]) for row in made] == [
        ("p-alpha", "EUR", ALPHA),
        ("p-beta", "CHF", BETA_CHF),
        ("p-beta", "EUR", BETA),
    ]
    assert made[0]["payout_id"].startswith("po-20260630-EUR-")
    again = billing.done("payouts", "run", "--cutoff", "2026-06-30", "--format", "json")
    assert again.rows == []
    settled = {
        "specversion": "1.0",
        "id": "s-1",
        "source": "/bank",
        "type": "payout.settled",
        "time": "2026-07-02T10:00:00+02:00",
        "data": {
            "partner_id": "p-alpha",
            "payout_id": made[0]["payout_id"],
            "amount": ALPHA,
            "currency": "EUR",
        },
    }
    file = tmp_path / "bank.jsonl"
    file.write_text(json.dumps(settled), encoding="utf-8")
    billing.done("ingest", file)
    rows = billing.done("payouts", "list", "--format", "json").rows
    assert [(row["status"], row["settled_amount"], row["flag"]) for row in rows] == [
        ("settled", ALPHA, None),
        ("in_flight", None, None),
        ("in_flight", None, None),
    ]
    assert rows[0]["cutoff"] == "2026-06-30"
    before = billing.done("payouts", "list", "--effective-at", "2026-07-01", "--format", "json")
    assert before.rows[0]["status"] == "in_flight"
    (alpha, *_) = billing.done("balances", "--format", "json").rows
    assert (alpha["paid"], alpha["in_flight"], alpha["payable"]) == (ALPHA, 0, 0)


def test_who_is_held_is_paid_when_released(billing: Commands) -> None:
    """Neither by the run of a quarter's end nor by one that names the partner."""
    billing.done("payouts", "hold", "p-alpha", "--reason", "audit")
    made = billing.done("payouts", "run", "--cutoff", "2026-06-30", "--format", "json").rows
    assert {row["partner_id"] for row in made} == {"p-beta"}
    named = ("payouts", "run", "--cutoff", "2026-06-29", "--partner", "p-alpha")
    assert "p-alpha is held" in billing.done(*named).out
    billing.done("payouts", "release", "p-alpha", "--reason", "audited")
    (paid,) = billing.done(*named, "--format", "json").rows
    assert (paid["partner_id"], paid["cutoff"]) == ("p-alpha", "2026-06-29")
    billing.refused("payouts", "hold", "p-nobody", "--reason", "audit")
    billing.refused("payouts", "run", "--cutoff", "2026-06-30", "--partner", "p-nobody")


def test_a_closed_statement_is_the_same_for_ever(billing: Commands) -> None:
    """Whatever is recorded after the close."""
    billing.done("close", "2026-04")
    asked = ("statement", "p-alpha", "--month", "2026-04")
    before = {form: billing.done(*asked, "--format", form).out for form in ("json", "csv", "table")}
    person = ("--requested-by", "ann", "--approved-by", "bob")
    billing.done(
        "adjust", "--partner", "p-alpha", "--amount", -100, "--currency", "EUR",
        "--reason", "error", "--date", "2026-04-10", *person,
    )  # fmt: skip
    for form, text in before.items():
        assert billing.done(*asked, "--format", form).out == text
    told = json.loads(before["json"])
    assert told["statement"]["status"] == "closed"
    assert told["as_of"]["position"] == told["statement"]["position"]
    assert len(told["statement"]["root"]) == 64
    assert told["statement"]["accounts"] == [{"currency": "EUR", "opening": 0, "closing": 3725}]
    assert [(row["kind"], row["effect"], row["balance"]) for row in told["rows"]] == [
        ("commission", 3725, 3725)
    ]
    # The adjustment of a closed month is posted in the next one.
    may = billing.done("statement", "p-alpha", "--month", "2026-05", "--format", "json").json
    assert may["statement"]["status"] == "open"
    assert [row["effect"] for row in may["rows"]] == [-100, 9975]
    # Up to a day it is neither: it lacks what happened later.
    partly = billing.done(*asked, "--effective-at", "2026-04-20", "--format", "json").json
    assert partly["statement"]["status"] == "partial"


def test_what_was_known_and_what_had_happened(billing: Commands) -> None:
    """Both axes, alone and together."""
    position = billing.position()
    person = ("--requested-by", "ann", "--approved-by", "bob")
    billing.done(
        "credit", "--partner", "p-beta", "--amount", 500, "--currency", "EUR",
        "--reason", "goodwill", *person,
    )  # fmt: skip

    def earned(*options: str | int) -> dict[tuple[str, str], int]:
        rows = billing.done("balances", *options, "--format", "json").rows
        return {(row["partner_id"], row["currency"]): row["earned"] for row in rows}

    assert earned()["p-beta", "EUR"] == BETA + 500
    assert position is not None
    assert earned("--position", position)["p-beta", "EUR"] == BETA
    assert earned("--effective-at", "2026-05-31") == {
        ("p-alpha", "EUR"): 3725 + 9975,
        ("p-beta", "EUR"): BETA,
        ("p-beta", "CHF"): BETA_CHF,
    }
    assert earned("--position", 0) == {}
    known_at = billing.done("balances", "--position", position, "--format", "json").json["as_of"]
    assert earned("--known-at", known_at["known_at"])["p-beta", "EUR"] == BETA
    later = datetime.fromisoformat(known_at["known_at"]) + timedelta(days=400)
    answer = billing.done("balances", "--known-at", later.isoformat(), "--format", "json").json
    assert answer["as_of"]["final"] is False
    assert answer["as_of"]["position"] == billing.position()


def test_both_ways_to_say_what_was_known_is_wrong_usage(billing: Commands) -> None:
    """On every query."""
    both = ("--known-at", "2026-05-01T00:00:00Z", "--position", "3")
    for query in (
        ("balances",),
        ("history", "p-alpha"),
        ("tiers",),
        ("leaderboard",),
        ("badges",),
        ("statement", "p-alpha", "--month", "2026-04"),
        ("trial-balance",),
        ("claims",),
        ("unresolved",),
        ("payouts", "list"),
    ):
        assert billing(*query, *both).status == 2


@pytest.mark.parametrize(
    "wrong",
    [
        ("--effective-at", "2026-02-30"),
        ("--effective-at", "yesterday"),
        ("--known-at", "2026-05-01T00:00:00"),
        ("--known-at", "2026-05-01T23:59:60Z"),
        ("--position", "-1"),
        ("--format", "xml"),
    ],
)
def test_a_place_that_cannot_be_read_is_wrong_usage(billing: Commands, wrong: tuple[str]) -> None:
    """In one line that says how it is written."""
    assert billing("balances", *wrong).status == 2
    billing.refused("balances", "--position", "99999999")


def test_a_partner_that_nobody_knows_is_refused(billing: Commands) -> None:
    """With where to look."""
    assert "commissions tiers" in billing.refused("history", "p-nobody")
    assert "commissions tiers" in billing.refused("statement", "p-nobody", "--month", "2026-04")


def test_tables_write_money_by_language(billing: Commands) -> None:
    """The option stands before or after the command."""
    english = billing.done("balances").out
    assert "€236.75" in english
    assert f"CHF{NO_BREAK_SPACE}118.00" in english
    french = billing.done("balances", "--locale", "fr").out
    assert f"236,75{NO_BREAK_SPACE}€" in french
    billing.done("accrue", "--through", "2026-09-30", "--ahead")
    assert NARROW_SPACE not in english
    assert billing.done("--locale", "fr", "balances").out != english


def test_csv_has_the_members_of_json(billing: Commands) -> None:
    """In the same order, for every query."""
    for query in (
        ("balances",),
        ("history", "--all"),
        ("tiers",),
        ("tiers", "--history"),
        ("leaderboard",),
        ("trial-balance",),
        ("claims",),
        ("unresolved",),
    ):
        rows = billing.done(*query, "--format", "json").rows
        found = list(csv.reader(io.StringIO(billing.done(*query, "--format", "csv").out)))
        assert found[0] == list(rows[0]), query
        assert len(found) == len(rows) + 1


def test_a_tier_is_explained(billing: Commands) -> None:
    """What p-alpha lacks, in numbers: clients, and a score that is 46 short of 41."""
    rows = billing.done("tiers", "--explain", "p-alpha", "--format", "json").rows
    found = {(row["level"], row["requirement"]): row for row in rows}
    assert {row["step"] for row in rows} == {"reach"}
    assert {row["tier"] for row in rows} == {"referent"}
    clients = found["certified", "counted_clients_12_months"]
    assert (clients["required"], clients["measured"], clients["missing"]) == (10, 1, 9)
    assert found["certified", "nps_above"]["missing"] == 46
    assert found["certified", "certification"]["met"] is True
    spent = found["strategic", "comarketing_12_months"]
    assert (spent["currency"], spent["missing"]) == ("EUR", 350_000)
    assert "€3,500.00" in billing.done("tiers", "--explain", "p-alpha").out
    header = billing.done("tiers", "--explain", "p-alpha", "--format", "csv").out.splitlines()[0]
    assert header.split(",") == list(rows[0])
    billing.refused("tiers", "--explain", "p-alpha", "--history", status=2)
    assert "commissions tiers" in billing.refused("tiers", "--explain", "p-nobody")
    early = ("--effective-at", "2026-03-31")
    assert "not enrolled" in billing.refused("tiers", "--explain", "p-alpha", *early)
