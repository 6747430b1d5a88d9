"""``commissions explain`` on the hand-written billing file."""

from __future__ import annotations

import re
from pathlib import Path

import psycopg
import pytest

from replay.explaining.awards import AWARD_REASONS
from replay.explaining.reasons import REASONS
from tests.interfaces.commands import Commands

DOCUMENT = Path(__file__).parents[2] / "docs" / "explain.md"


def first_line(billing: Commands, partner: str = "p-alpha") -> int:
    """The position of a partner's first line."""
    position = billing.done("history", partner, "--format", "json").rows[0]["position"]
    assert isinstance(position, int)
    return position


def test_a_line_for_people(billing: Commands) -> None:
    """The rule's words, the founding partner's rate, the price, and the sum that comes out."""
    said = billing.done("explain", first_line(billing)).out
    for part in (
        "commission of €37.25, partner p-alpha, client c-1",
        "Rule D7: Rates",
        "founding.year_1 = ",
        "rate: 0.25, the least of a founding partner",
        "base × rate, half up: 14900 × 0.25 = 3725",
        "which is what was recorded: €37.25",
        "[/billing b-1]",
        "accrual.run",
        "SHA-256 ",
    ):
        assert part in said


def test_a_line_for_programs(billing: Commands) -> None:
    """Every input with its value and the position that it came from."""
    position = first_line(billing)
    found = billing.done("explain", position, "--format", "json").json
    assert found["event"]["position"] == position
    inputs = {each["name"]: each for each in found["inputs"]}
    assert inputs["base"]["value"] == 14_900
    assert inputs["tier"]["value"] == "referent"
    facts = {each["position"]: each for each in found["facts"]}
    assert facts[inputs["base"]["position"]]["id"] == "b-1"
    assert facts[inputs["holder"]["position"]]["id"] == "r-1"
    assert found["arithmetic"]["amount"] == 3_725
    assert found["arithmetic"]["agrees"] is True
    assert found["rule"]["clauses"]["founding.year_1"] == ['"0.25"']
    adopted = billing.done("explain", found["programme"]["position"], "--format", "json").json
    assert adopted["event"]["data"]["sha256"] == found["programme"]["sha256"]


def test_what_rests_on_a_fact(billing: Commands) -> None:
    """From a fact forward to the lines that name it, and from a line to its correction and back."""
    line = first_line(billing)
    facts = billing.done("explain", line, "--format", "json").json["facts"]
    forward = billing.done("explain", facts[-1]["position"], "--format", "json").json
    assert line in {each["position"] for each in forward["linked"]}
    billing.done(
        *("adjust", "--partner", "p-alpha", "--amount", "-100", "--currency", "EUR"),
        *("--reason", "typo", "--line", str(line)),
        *("--requested-by", "a", "--approved-by", "b"),
    )
    (linked,) = billing.done("explain", line, "--format", "json").json["linked"]
    assert linked["data"]["amount"] == -100
    back = billing.done("explain", linked["position"], "--format", "json").json
    assert line in {each["position"] for each in back["facts"]}
    assert back["arithmetic"]["agrees"] is True


def test_what_a_command_says(billing: Commands) -> None:
    """Who gave it, both persons, and what it changes; not what the heading says."""
    made = billing.done(
        "correct-partner", "p-beta", "--sponsor", "p-beta",
        "--requested-by", "ann", "--approved-by", "bob", "--format", "json",
    ).json  # fmt: skip
    shown = billing.done("explain", made["position"]).out.partition("What it says\n")[2]
    said = shown.partition("\n\n")[0]
    for part in ("requested_by ann", "approved_by  bob", "sponsor_id   p-beta", "operator "):
        assert part in said
    assert "partner_id" not in said


@pytest.mark.parametrize(
    ("member", "value"), [("amount", "3726"), ("rate", '"0.24"'), ("base", "14800")]
)
def test_a_line_that_does_not_come_out_is_told(billing: Commands, member: str, value: str) -> None:
    """Exit status 1: whoever changed it forgot the arithmetic."""
    line = first_line(billing)
    with psycopg.connect(billing.url) as owner:
        owner.execute("ALTER TABLE ledger.events DISABLE TRIGGER ALL")
        owner.execute(
            "UPDATE ledger.events SET state = convert_to(jsonb_set(convert_from(state, 'UTF8')"
            "::jsonb, %s, %s::jsonb)::text, 'UTF8') WHERE position = %s",
            ([member], value, line),
        )
    told = billing("explain", line)
    assert told.status == 1
    assert "WHICH IS NOT what was recorded" in told.out


@pytest.mark.parametrize("position", [0, 99_999])
def test_a_position_that_is_not_there(billing: Commands, position: int) -> None:
    """Refused, with those that are."""
    refused = billing("explain", position)
    assert refused.status in {1, 2}
    assert "give one from 1 to" in refused.err or "a whole number, 1 or more" in refused.err
    assert billing("explain", 1, "--known-at", "2020-01-01T00:00:00Z").status == 1


def test_what_was_known_at_a_position(billing: Commands) -> None:
    """What names a line later is not shown as of the line; what is later than asked is refused."""
    line = first_line(billing)
    fact = billing.done("explain", line, "--format", "json").json["facts"][0]["position"]
    now = billing.done("explain", fact, "--format", "json").json
    then = billing.done("explain", fact, "--position", line - 1, "--format", "json").json
    assert line in {each["position"] for each in now["linked"]}
    assert line not in {each["position"] for each in then["linked"]}
    assert then["as_of"]["position"] == line - 1
    assert str(line) in billing.refused("explain", line, "--position", line - 1)
    both = ("--position", line, "--known-at", "2030-01-01T00:00:00Z")
    assert "not both" in billing.refused("explain", line, *both, status=2)


def test_why_nothing_for_people(billing: Commands) -> None:
    """The reason by name, what it rests on with its position, and who claimed the client."""
    said = billing.done("explain", "--client", "c-1", "--period", "2030-01-01").out
    for part in (
        "Client c-1 on 2030-01-01, accrued through ",
        "Subscription c-1, period ",
        "held by p-alpha",
        "not_reached: ",
        "accrued through ",
        "a run that takes it would post €",
        "Claims to the client",
        "p-alpha: accepted",
    ):
        assert part in said


def test_why_nothing_for_programs(billing: Commands) -> None:
    """A day of a period that is posted names its line, which can be explained in turn."""
    line = billing.done("explain", first_line(billing), "--format", "json").json["event"]
    data = line["data"]
    found = billing.done(
        *("explain", "--client", data["client_id"], "--period", line["day"]),
        *("--subscription", data["subscription_id"], "--format", "json"),
    ).json
    (period,) = found["periods"]
    assert (period["start"], period["end"]) == (line["day"], data["service_end"])
    (reason,) = period["reasons"]
    assert reason["name"] == "posted"
    assert reason["grounds"][0]["position"] == line["position"]
    assert found["agrees"] is True


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--client", "c-1"),
        ("--period", "2026-01-01"),
        ("7", "--client", "c-1", "--period", "2026-01-01"),
        ("7", "--partner", "p-alpha"),
        ("--partner", "p-alpha"),
        ("--partner", "p-alpha", "--client", "c-1", "--period", "2026-01"),
    ],
)
def test_what_is_to_be_explained_is_named_once(billing: Commands, words: tuple[str, ...]) -> None:
    """A position, or a client and a day: exit status 2."""
    refused = billing("explain", *words)
    assert refused.status == 2
    assert "give a POSITION, or" in refused.err


def test_a_day_is_of_a_client_and_a_month_of_a_partner(billing: Commands) -> None:
    """Exit status 2 for the other one, and for a subscription of a partner."""
    refused = billing("explain", "--client", "c-1", "--period", "2026-01")
    assert (refused.status, "is no day" in refused.err) == (2, True)
    month = ("explain", "--partner", "p-alpha", "--period")
    refused = billing(*month, "2026-01-01")
    assert (refused.status, "is no month" in refused.err) == (2, True)
    assert billing(*month, "2026-01", "--subscription", "s-1").status == 2
    assert "no partner 'p-ghost'" in billing.refused(
        "explain", "--partner", "p-ghost", "--period", "2026-01"
    )


def test_why_a_partner_earned_no_more(billing: Commands) -> None:
    """For people and for programs: how far the next bonus is, and what is not decided yet."""
    month = ("explain", "--partner", "p-beta", "--period", "2026-06")
    said = billing.done(*month).out
    for part in (
        "Partner p-beta in 2026-06, accrued through 2026-06-30",
        "too_few_clients: ",
        "the next bonus is for the 10th",
        "Leaderboard 2026Q2, 2026-06-30",
        "not_closed: 2026-06 is not closed",
        "Ambassador 2026, 2026-12-31",
        "not_over: it ends on 2026-12-31: ask for 2026-12",
    ):
        assert part in said
    told = billing.done(*month, "--format", "json").json
    assert (told["partner_id"], told["month"], told["agrees"]) == ("p-beta", "2026-06", True)
    (bonus,) = [award for award in told["awards"] if award["kind"] == "bonus"]
    assert bonus["reasons"][0]["name"] == "too_few_clients"
    assert {ground["name"]: ground["value"] for ground in bonus["reasons"][0]["grounds"]}[
        "next"
    ] == 10


def test_every_reason_is_documented() -> None:
    """In the table of docs/explain.md, and none that does not exist."""
    told = DOCUMENT.read_text(encoding="utf-8").partition("## Why nothing was paid")[2]
    told, _, beside = told.partition("## Why a partner earned no more")
    of_clients = told.partition("What is due")[0]
    assert re.findall(r"^\| `(\w+)` \|", of_clients, re.MULTILINE) == list(REASONS)
    of_partners = beside.partition("What is due")[0]
    assert re.findall(r"^\| `(\w+)` \|", of_partners, re.MULTILINE) == list(AWARD_REASONS)
