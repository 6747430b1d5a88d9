"""Four eyes on the command line: the database says who is there, nobody types it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interfaces.commands import BILLING, Commands
from tests.interfaces.test_writer_role import member_of

PERSONS = ("--requested-by", "ann", "--approved-by", "bob")
CREDIT = ("credit", "--partner", "p-alpha", "--currency", "EUR", "--reason", "goodwill", *PERSONS)


@pytest.fixture
def terms(tmp_path: Path) -> Path:
    """The reference programme's file, with separate approval."""
    path = tmp_path / "separate.toml"
    text = (Path(__file__).parents[2] / "ledger/policy/programmes/izyinbox.toml").read_text()
    path.write_text(f'{text}\n[controls]\napproval = "separate"\n')
    return path


@pytest.fixture
def separate(commissions: Commands, terms: Path) -> Commands:
    """A ledger under a programme with separate approval, accrued through June 2026."""
    commissions.done("programme", "validate", terms)
    commissions.done("programme", "adopt", terms)
    commissions.done("ingest", BILLING)
    commissions.done("accrue", "--through", "2026-06-30")
    return commissions


@pytest.fixture
def other(
    separate: Commands, ledger_database_url: str, capsys: pytest.CaptureFixture[str]
) -> Iterator[Commands]:
    """The command line of another operator: another user of the database."""
    del separate
    with member_of("ledger_writer", ledger_database_url) as url:
        yield Commands(url, capsys)


def test_a_credit_waits_for_another_operator(separate: Commands, other: Commands) -> None:
    """Proposed, refused to who proposed it, approved by another, listed with both."""
    made = separate.done(*CREDIT, "--amount", "500", "--format", "json").json
    position = made["position"]
    assert made == {"position": position, "status": "proposed"}
    assert "another operator runs: commissions approve" in separate.refused("approve", position)
    shown = separate.done("explain", position).out.partition("What is proposed\n")[2]
    for said in ("partner_id   p-alpha", "amount       €5.00", "reason       goodwill"):
        assert said in shown.partition("\n\n")[0]
    (waiting,) = separate.done("approvals", "--waiting", "--format", "json").rows
    assert (waiting["type"], waiting["partner_id"], waiting["status"]) == (
        "credit.posted",
        "p-alpha",
        "waiting",
    )
    done = other.done("approve", position, "--format", "json").json
    assert (done["position"], done["command"], done["decisions"]) == (
        position + 1,
        position + 2,
        1,
    )
    assert separate.done("approvals", "--waiting").out.startswith("nothing is proposed\n")
    (row,) = separate.done("approvals", "--format", "json").rows
    assert (row["status"], row["command"]) == ("approved", position + 2)
    assert row["operator"] != row["decided_by"]
    lines = separate.done("history", "p-alpha", "--format", "json").rows
    assert [row["command"] for row in lines if row["kind"] == "credit"] == [position + 2]
    assert separate.done("verify").status == 0
    assert separate.done("recompute").status == 0


def test_each_refusal_says_why(separate: Commands, other: Commands) -> None:
    """Decided already, no proposal, no such position."""
    first, second = (
        separate.done(*CREDIT, "--amount", amount, "--format", "json").json["position"]
        for amount in (500, 600)
    )
    other.done("approve", first)
    separate.done("reject", second, "--reason", "typo")
    assert f"proposal {first} was approved already by" in other.refused("approve", first)
    assert f"proposal {second} was rejected already by" in other.refused("approve", second)
    assert "rejected already" in other.refused("reject", second, "--reason", "typo")
    assert "position 1 is a programme.adopted, not a proposal" in other.refused("approve", 1)
    assert "there is no position 999999" in other.refused("approve", 999_999)
    other.refused("approve", 0, status=2)


def test_what_the_world_overtook_is_refused(separate: Commands, other: Commands) -> None:
    """An assignment of a day that is accrued by now."""
    given = ("assign", "c-1", "--partner", "p-beta", "--from", "2026-07-01", "--reason", "moved")
    position = separate.done(*given, *PERSONS, "--format", "json").json["position"]
    separate.done("accrue", "--through", "2026-07-05")
    said = other.refused("approve", position)
    assert f"proposal {position} cannot take effect any more: the ledger is accrued" in said
    assert f"commissions reject {position} --reason CODE" in said


def test_every_command_that_waits_says_so(separate: Commands, terms: Path) -> None:
    """On one line, with the position to approve."""
    two = ("--reason", "moved", *PERSONS)
    for given in (
        (*CREDIT, "--amount", "5"),
        ("adjust", "--partner", "p-alpha", "--currency", "EUR", "--amount", "-5", *two),
        ("assign", "c-1", "--direct", "--from", "2026-07-01", *two),
        ("retract", "/billing", _activation(), *two),
        ("programme", "adopt", terms, "--from", "2027-01-01"),
        ("programme", "assign", "p-alpha", "izyinbox", "--from", "2026-07-01"),
        ("payouts", "run", "--cutoff", "2026-06-30"),
    ):
        position = separate.position() or 0
        before = separate.done("history", "--all", "--format", "json").rows
        told = separate.done(*given).out
        assert told.startswith(f"proposed at position {position + 1}, without effect"), given
        assert separate.done("history", "--all", "--format", "json").rows == before
    types = [row["type"] for row in separate.done("approvals", "--format", "json").rows]
    assert len(types) == len(set(types)) == 7
    assert separate.done("payouts", "list", "--format", "json").rows == []


def _activation() -> str:
    """The id of the message that activates client c-1."""
    for line in BILLING.read_text(encoding="utf-8").splitlines():
        if '"client.activated"' in line and '"c-1"' in line:
            return line.partition('"id":')[2].split('"')[1]
    raise AssertionError("no activation of c-1")


def test_openings_wait_too(
    commissions: Commands,
    terms: Path,
    ledger_database_url: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A ledger opens with the second operator's word."""
    commissions.done("programme", "adopt", terms)
    opening = ("open", "--day", "2026-01-01", *PERSONS)
    made = commissions.done(*opening, "--format", "json").json
    assert made["status"] == "proposed"
    with member_of("ledger_writer", ledger_database_url) as url:
        Commands(url, capsys).done("approve", made["position"])
    assert "opened on 2026-01-01 already" in commissions.refused(*opening)


def test_explain_names_both_operators_and_all_three_events(
    separate: Commands, other: Commands
) -> None:
    """Of the proposal while it waits and later, the approval, the command, and its line."""
    proposal = separate.done(*CREDIT, "--amount", "500", "--format", "json").json["position"]
    waiting = separate.done("explain", proposal, "--format", "json").json["approval"]
    assert (waiting["status"], waiting["type"]) == ("waiting", "credit.posted")
    assert (waiting["answer"], waiting["decided_by"], waiting["command"]) == (None, None, None)
    other.done("approve", proposal)
    positions = range(proposal, proposal + 4)
    told = [separate.done("explain", at, "--format", "json").json for at in positions]
    approval = told[0]["approval"]
    assert [one["approval"] for one in told] == [approval] * 4
    assert (approval["proposal"], approval["answer"], approval["command"]) == (
        proposal,
        proposal + 1,
        proposal + 2,
    )
    assert approval["status"] == "approved"
    assert approval["proposed_by"] == waiting["proposed_by"] != approval["decided_by"]
    assert [one["position"] for one in told[0]["linked"]] == [proposal + 1]
    said = separate.done("explain", proposal + 3).out
    for part in (
        "Four eyes: credit.posted, approved",
        f"by {approval['proposed_by']}",
        f"by {approval['decided_by']}",
        f"position {proposal}\n",
        f"position {proposal + 1}\n",
        f"position {proposal + 2}\n",
        "it names ann, who asked, and bob, who agreed",
    ):
        assert part in said
    assert separate.done("explain", 1, "--format", "json").json["approval"] is None


def test_explain_tells_why_a_proposal_was_rejected(separate: Commands) -> None:
    """Of the proposal, and of the rejection; there is no command."""
    proposal = separate.done(*CREDIT, "--amount", "500", "--format", "json").json["position"]
    separate.done("reject", proposal, "--reason", "typo")
    for position in (proposal, proposal + 1):
        approval = separate.done("explain", position, "--format", "json").json["approval"]
        assert (approval["status"], approval["reason"]) == ("rejected", "typo")
        assert (approval["proposal"], approval["answer"]) == (proposal, proposal + 1)
        assert approval["command"] is None
    assert f"position {proposal + 1}, typo" in separate.done("explain", proposal).out


def test_explain_names_the_approval_of_what_a_run_decided_later(
    separate: Commands, other: Commands
) -> None:
    """A take-back rests on a retraction that was approved."""
    given = ("retract", "/billing", _activation(), "--reason", "mistake", *PERSONS)
    proposal = separate.done(*given, "--format", "json").json["position"]
    other.done("approve", proposal)
    separate.done("accrue", "--through", "2026-06-30")
    rows = separate.done("history", "p-alpha", "--format", "json").rows
    taken = next(row["position"] for row in rows if row["rule"] == "D9.5")
    told = separate.done("explain", taken, "--format", "json").json
    assert told["approval"]["command"] == proposal + 2
    assert told["decided_by"]["type"] == "accrual.run"
    assert proposal + 2 in [one["position"] for one in told["facts"]]
