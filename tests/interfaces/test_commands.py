"""Commands that record: what they print, and what refuses them without changing anything."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import psycopg
import pytest

from interfaces.bootstrap import system_user
from interfaces.cli.main import main
from tests.interfaces.commands import BILLING, Commands

BAD = Path(__file__).parents[1] / "policy" / "bad.txt"
VALIDATE = ("programme", "validate")
PERSONS = ("--requested-by", "ann", "--approved-by", "bob")


def test_everything_is_refused_until_a_programme_is_adopted(commissions: Commands) -> None:
    """Saying what to do first."""
    for command in (
        ("ingest", BILLING),
        ("accrue", "--through", "2026-06-30"),
        ("close", "2026-04"),
        ("payouts", "run", "--cutoff", "2026-06-30"),
        ("balances",),
        ("history", "p-alpha"),
        ("tiers",),
        ("programme", "show"),
        ("dead-letters", "list"),
        ("rebuild",),
        ("verify",),
        ("recompute",),
        ("what-if", "--programme", "izyinbox"),
    ):
        assert "commissions programme adopt izyinbox" in commissions.refused(*command)


def test_the_first_adoption_makes_the_ledger(commissions: Commands) -> None:
    """And fixes its time zone; who did it is told by the database, not typed."""
    adopted = commissions.done(
        "programme", "adopt", "izyinbox", "--time-zone", "Europe/Brussels", "--format", "json"
    ).json
    assert adopted["position"] == 1
    assert adopted["version"] == "izyinbox/1"
    (shown,) = commissions.done("programme", "show", "--format", "json").rows
    assert shown["time_zone"] == "Europe/Brussels"
    assert shown["sha256"] == adopted["sha256"]
    assert shown["operator"] == "postgres"
    document = commissions.done("programme", "show", "--document", "izyinbox/1").json
    assert document["name"] == "izyinbox"
    commissions.refused("programme", "adopt", "izyinbox", "--time-zone", "Europe/Paris")
    commissions.refused("programme", "adopt", "izyinbox")
    commissions.refused("programme", "show", "--document", "izyinbox/9")


def test_programmes_of_the_package_stand_beside_each_other(commissions: Commands) -> None:
    """Each by its name, with its own currency; a name that is none says which there are."""
    for name in ("izyinbox", "izyinbox-be", "izyinbox-ch"):
        commissions.done("programme", "adopt", name)
    shown = commissions.done("programme", "show", "--format", "json").rows
    assert [(row["version"], row["currency"]) for row in shown] == [
        ("izyinbox/1", "EUR"),
        ("izyinbox-be/1", "EUR"),
        ("izyinbox-ch/1", "CHF"),
    ]
    assert "izyinbox-ch" in commissions.refused("programme", "adopt", "izyinbox-de", status=2)


def test_a_time_zone_is_one_of_the_list(commissions: Commands) -> None:
    """Or wrong usage."""
    commissions.refused("programme", "adopt", "izyinbox", "--time-zone", "Paris", status=2)


def test_a_programme_file_is_checked_with_lines(commissions: Commands, tmp_path: Path) -> None:
    """Nothing is adopted from a wrong one; validate lists every problem."""
    file = tmp_path / "mine.toml"
    file.write_text('name = "mine"\ntitle = "Mine"\ncurrency = "EURO"\nrate = 0.2\n', "utf-8")
    outcome = commissions("programme", "validate", file)
    assert outcome.status == 1
    assert f"{file}: line 3: currency:" in outcome.err
    assert f"{file}: line 4: rate:" in outcome.err
    commissions.refused("programme", "adopt", file)
    commissions.refused("programme", "adopt", tmp_path / "none.toml", status=2)
    commissions.refused("programme", "adopt", tmp_path)
    assert "is valid" in commissions.done("programme", "validate", "izyinbox").out


def test_a_very_bad_programme_file_is_told_whole(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line for each problem on standard error, without any database; none is said twice."""
    file = BAD.with_suffix(".toml")
    status = main(["--database", f"postgresql://127.0.0.1:1/{tmp_path.name}", *VALIDATE, str(file)])
    *told, line = capsys.readouterr().err.splitlines()
    expected = BAD.read_text(encoding="utf-8").splitlines()
    assert (status, told) == (1, [f"{file}: {problem}" for problem in expected])
    assert json.loads(line)["problems"] == len(expected)


def test_the_problems_of_a_file_are_told_to_programs(commissions: Commands) -> None:
    """As JSON on standard output, beside the lines for people."""
    outcome = commissions(*VALIDATE, BAD.with_suffix(".toml"), "--format", "json")
    assert outcome.status == 1
    assert outcome.json["valid"] is False
    assert outcome.json["problems"][2] == {
        "key": "currency",
        "reason": "is \"EURO\": a currency is a code of the ISO 4217 list, such as 'EUR';"
        " did you mean 'EUR'?",
        "line": 3,
    }


def test_a_version_is_checked_beside_those_adopted(billing: Commands) -> None:
    """With --from: of a day after L, and of a day on which no other version begins."""
    billing.done("programme", "adopt", "izyinbox", "--from", "2026-09-01")
    assert "is valid" in billing.done(*VALIDATE, "izyinbox", "--from", "2026-10-01").out
    same = billing(*VALIDATE, "izyinbox", "--from", "2026-09-01")
    assert (same.status, "izyinbox/2 begins on 2026-09-01, too" in same.err) == (1, True)
    early = billing(*VALIDATE, "izyinbox", "--from", "2026-06-30")
    assert (early.status, "accrued through 2026-06-30" in early.err) == (1, True)
    assert billing.done(*VALIDATE, "izyinbox").out.startswith("izyinbox is valid")


def test_a_partner_is_put_under_a_programme(billing: Commands) -> None:
    """From a day after the last accrued one, and only a known partner and programme."""
    assign = ("programme", "assign")
    position = billing.position() or 0
    made = billing.done(
        *assign, "p-alpha", "izyinbox", "--from", "2026-07-01", "--format", "json"
    ).json
    assert made["position"] == position + 1
    billing.refused(*assign, "p-alpha", "izyinbox", "--from", "2026-06-30")
    billing.refused(*assign, "p-alpha", "other", "--from", "2026-07-01")
    billing.refused(*assign, "p-nobody", "izyinbox", "--from", "2026-07-01")


def test_an_accrual_says_what_it_posted(adopted: Commands) -> None:
    """And a second one through the same day posts nothing."""
    adopted.done("ingest", BILLING)
    made = adopted.done("accrue", "--through", "2026-06-30", "--format", "json").json
    assert set(made) == {"run", "through", "partners", "lines"}
    assert (made["through"], made["lines"]) == ("2026-06-30", 5)
    again = adopted.done("accrue", "--through", "2026-06-30", "--format", "json").json
    assert again["lines"] == 0


def test_the_clock_never_goes_back(billing: Commands) -> None:
    """An accrual through an earlier day is refused."""
    assert "2026-06-30" in billing.refused("accrue", "--through", "2026-06-29")


def test_a_day_after_today_is_refused_unless_it_is_meant(
    billing: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Today is a day in the ledger's time zone, read at the door."""
    zones: list[str] = []

    def today(zone: str) -> date:
        zones.append(zone)
        return date(2026, 7, 1)

    monkeypatch.setattr("interfaces.cli.runs.today_in", today)
    billing.done("accrue", "--through", "2026-07-01")
    billing.refused("accrue", "--through", "2026-07-02")
    billing.refused("close", "2026-07")
    billing.refused("payouts", "run", "--cutoff", "2026-07-02")
    billing.done("accrue", "--through", "2026-07-31", "--ahead")
    billing.done("close", "2026-07", "--ahead", "--acknowledge")
    billing.done("payouts", "run", "--cutoff", "2026-07-31", "--ahead")
    billing.refused("accrue", "--through", "9999-12-31", "--ahead")
    assert set(zones) == {"Europe/Paris"}


def test_months_close_in_order_and_when_they_are_ready(billing: Commands) -> None:
    """A close says where it stands and what it sealed."""
    billing.refused("close", "2026-07")
    made = billing.done("close", "2026-04", "--format", "json").json
    assert (made["month"], made["statements"]) == ("2026-04", 2)
    assert len(made["sha256"]) == 64
    billing.refused("close", "2026-04")
    billing.refused("close", "2026-06")
    billing.done("close", "2026-05", "--acknowledge")


def test_a_payout_run_waits_for_its_accrual(billing: Commands) -> None:
    """Nothing is paid that is not accrued."""
    assert "accrue --through 2026-07-31" in billing.refused(
        "payouts", "run", "--cutoff", "2026-07-31"
    )


@pytest.mark.parametrize(
    "wrong",
    [
        ("accrue", "--through", "2026-02-30"),
        ("accrue", "--through", "30/06/2026"),
        ("accrue",),
        ("close", "2026-13"),
        ("close", "April"),
        ("payouts", "run", "--cutoff", "2026-6-30"),
        ("adjust", "--partner", "p-alpha"),
        ("statement", "p-alpha"),
        ("history", "p alpha"),
        ("nonsense",),
        ("balances", "--nonsense"),
        ("ingest",),
        ("ingest", "no-such-file.jsonl"),
        ("ingest", "-", "-"),
    ],
)
def test_wrong_usage_is_two(billing: Commands, wrong: tuple[str, ...]) -> None:
    """One line, nothing changed."""
    assert "--help" in billing.refused(*wrong, status=2)


def test_an_adjustment_is_by_two_persons(billing: Commands) -> None:
    """Of either sign, and may name the line that it corrects."""
    line = billing.done("history", "p-alpha", "--format", "json").rows[0]["position"]
    adjust = ("adjust", "--partner", "p-alpha", "--currency", "EUR", "--reason", "wrong_plan")
    made = billing.done(*adjust, "--amount", -25, "--line", line, *PERSONS, "--format", "json").json
    assert made == {
        "position": billing.position(),
        "partner_id": "p-alpha",
        "amount": -25,
        "currency": "EUR",
    }
    (alpha, *_) = billing.done("balances", "--format", "json").rows
    assert alpha["adjusted"] == -25
    posted = billing.done("history", "p-alpha", "--format", "json").rows[-1]
    assert (posted["kind"], posted["rule"], posted["line"]) == ("adjustment", "D9.4", line)
    assert posted["service_date"] == "2026-06-30"


def test_adjustments_that_are_refused(billing: Commands) -> None:
    """Each with its reason, and nothing is recorded."""
    one = ("--requested-by", "ann", "--approved-by", "ann")
    euros = ("--currency", "EUR", "--reason", "error")
    alpha = ("adjust", "--partner", "p-alpha")
    assert "another person" in billing.refused(*alpha, "--amount", 5, *euros, *one)
    billing.refused(*alpha, "--amount", 0, *euros, *PERSONS)
    billing.refused(*alpha, "--amount", 10**16, *euros, *PERSONS)
    billing.refused(*alpha, "--amount", 5, *euros, *PERSONS, "--date", "2026-07-01")
    billing.refused(*alpha, "--amount", 5, *euros, *PERSONS, "--line", 1)
    billing.refused(
        *alpha, "--amount", 5, "--currency", "XXX", "--reason", "error", *PERSONS, status=2
    )
    billing.refused(
        *alpha, "--amount", 5, "--currency", "euro", "--reason", "error", *PERSONS, status=2
    )
    billing.refused(
        *alpha, "--amount", "5.0", "--currency", "EUR", "--reason", "error", *PERSONS, status=2
    )
    billing.refused(
        *alpha, "--amount", 5, "--currency", "EUR", "--reason", "free text", *PERSONS, status=2
    )
    billing.refused("adjust", "--partner", "p-nobody", "--amount", 5, *euros, *PERSONS)


def test_a_credit_is_earned(billing: Commands) -> None:
    """For a fee, a renewal or goodwill; above 0; by two persons."""
    credit = ("credit", "--partner", "p-beta", "--currency", "EUR")
    made = billing.done(
        *credit, "--amount", 400, "--reason", "fee", *PERSONS, "--format", "json"
    ).json
    assert made["position"] == billing.position()
    rows = billing.done("balances", "--format", "json").rows
    assert [row["earned"] for row in rows if row["partner_id"] == "p-beta"] == [11800, 1580]
    billing.refused(*credit, "--amount", 400, "--reason", "bribe", *PERSONS)
    billing.refused(*credit, "--amount", 0, "--reason", "fee", *PERSONS)
    billing.refused(
        *credit, "--amount", 1, "--reason", "fee", "--requested-by", "b", "--approved-by", "b"
    )


def test_rebuild_and_verify_find_nothing_to_do(billing: Commands) -> None:
    """On a ledger that is as it must be."""
    rebuilt = billing.done("rebuild", "--format", "json").json
    assert (rebuilt["position"], rebuilt["repaired"]) == (billing.position(), 0)
    found = billing.done("verify", "--format", "json").json
    assert found == {"position": billing.position(), "discrepancies": 0, "rows": []}
    found = billing.done("recompute", "--format", "json", "--processes", 2).json
    assert found == {
        "position": billing.position(),
        "differences": 0,
        "unexplained": 0,
        "first": None,
        "rows": [],
    }
    assert "is as it was recorded" in billing.done("recompute").out


def test_a_ledger_that_lost_its_programme_is_no_new_one(billing: Commands) -> None:
    """Verify tells which rows are missing; no command says that there is no ledger yet."""
    with psycopg.connect(billing.url, autocommit=True) as owner:
        owner.execute("ALTER TABLE ledger.events DISABLE TRIGGER ALL")
        owner.execute("DELETE FROM ledger.events WHERE position = 1")
        assert "rows were removed; 'commissions verify' tells which" in billing.refused("balances")
        told = billing("verify", "--format", "json")
        assert (told.status, told.rows[0]["what"]) == (1, "position 1 is missing")
        owner.execute("DELETE FROM ledger.events")
        told = billing("verify", "--format", "json")
        assert "events, there are 0" in told.rows[0]["what"]


def test_one_log_line_a_command_without_anybodys_data(billing: Commands) -> None:
    """JSON on standard error where that is no terminal; standard output stays clean."""
    outcome = billing.done("history", "p-alpha")
    (line,) = outcome.log
    assert (line["event"], line["outcome"], line["rows"]) == ("history", "ok", 3)
    assert "p-alpha" not in str(outcome.log)
    (line,) = billing("accrue", "--through", "2026-01-01").log
    assert (line["outcome"], line["error"]) == ("failed", "Refused")


def test_the_system_says_who_works_on_the_embedded_ledger(monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable of the environment can say otherwise."""
    before = system_user()
    for name in ("USER", "LOGNAME", "USERNAME", "LNAME"):
        monkeypatch.setenv(name, "somebody-else")
    assert system_user() == before != "somebody-else"


def test_the_address_is_shown_without_its_password(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever its form; a wrong one is wrong usage and is not repeated."""
    address = "postgresql://me:s3cret@db.example:5432/ledger?sslmode=require"
    shown = Commands(address, capsys)("database", "url")
    assert shown.status == 0
    assert "s3cret" not in shown.out + shown.err
    assert "db.example" in shown.out
    wrong = Commands("postgresql//me:s3cret@db", capsys)("balances")
    assert wrong.status == 2
    assert "s3cret" not in wrong.out + wrong.err
    refused = Commands(address, capsys)("database", "start")
    assert refused.status == 1
    monkeypatch.setenv("COMMISSIONS_LOCALE", "de")
    assert "COMMISSIONS_LOCALE" in Commands(address, capsys)("database", "url").err


def test_a_database_that_is_down_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """No traceback, no password."""
    outcome = Commands("postgresql://me:s3cret@127.0.0.1:9/ledger", capsys)("balances")
    assert outcome.status == 1
    assert len(outcome.err.splitlines()) == 1
    assert "cannot be reached" in outcome.err
    assert "s3cret" not in outcome.err


def test_no_command_at_all_shows_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    """As wrong usage, on standard error."""
    for words in ([], ["payouts"]):
        assert main(words) == 2
        captured = capsys.readouterr()
        assert captured.out == ""
        assert len(captured.err.splitlines()) > 5


def test_a_ledger_with_a_past_opens_by_two_persons(commissions: Commands) -> None:
    """Before the first run, on the first of a month; a partner's balance is an adjustment of it."""
    commissions.done("programme", "adopt", "izyinbox")
    commissions.done("ingest", BILLING)
    opening = ("open", "--day", "2026-06-01")
    commissions.refused(*opening, "--requested-by", "ann", "--approved-by", "Ann")
    commissions.refused("open", "--day", "2026-06-02", *PERSONS)
    far = commissions.refused("open", "--day", "2999-01-01", *PERSONS)
    assert "2999-01-01 is after tomorrow" in far
    partner = ("open-partner", "p-alpha", "--tier", "certified", "--since", "2026-05-01")
    assert "commissions open" in commissions.refused(*partner, *PERSONS)
    commissions.done(*opening, *PERSONS)
    commissions.refused(*opening, *PERSONS)
    balances = ("--balance", "EUR=-12345", "--balance", "CHF=500")
    made = commissions.done(*partner, *balances, *PERSONS, "--format", "json").json
    assert made["balances"] == {"EUR": -12345, "CHF": 500}
    for wrong in ("1.50", "9" * 5000):
        commissions.refused(*partner, "--balance", f"EUR={wrong}", *PERSONS, status=2)
    commissions.refused(*partner, "--balance", "EUR=1", "--balance", "EUR=2", *PERSONS, status=2)
    commissions.refused(*partner, *PERSONS)

    rows = commissions.done("balances", "--format", "json").rows
    assert [(row["currency"], row["adjusted"], row["payable"]) for row in rows] == [
        ("CHF", 500, 500),
        ("EUR", -12345, -12345),
    ]
    (tier, *_) = commissions.done("tiers", "--format", "json").rows
    assert (tier["tier"], tier["since"]) == ("certified", "2026-05-01")
    commissions.done("accrue", "--through", "2026-06-30")
    lines = commissions.done("history", "--all", "--format", "json").rows
    assert {line["kind"] for line in lines} == {"adjustment", "commission"}
    assert min(line["service_date"] for line in lines) == "2026-06-01"
    assert "closed" in commissions.done("statement", "p-alpha", "--month", "2026-05").out.lower()
    assert "nothing is wrong" in commissions.done("verify").out
