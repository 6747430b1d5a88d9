"""Finance's word on clients and enrolments, and what the partner manager sees of conflicts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from tests.interfaces.commands import Commands

PERSONS = ("--requested-by", "ann", "--approved-by", "bob")
MOVED = ("--reason", "moved", *PERSONS)


def test_a_client_is_assigned_from_a_day_on(billing: Commands) -> None:
    """To a partner, or to none; its present holder is the latest assignment's."""
    position = billing.position() or 0
    given = ("assign", "c-1", "--partner", "p-beta", "--from", "2026-07-01", *MOVED)
    assert billing.done(*given, "--format", "json").json == {
        "position": position + 1,
        "client_id": "c-1",
        "partner_id": "p-beta",
        "from": "2026-07-01",
    }
    told = billing.done("assign", "c-1", "--direct", "--from", "2026-09-01", *MOVED).out
    assert told.startswith("nobody holds c-1 from 2026-09-01 on")


def test_an_assignment_of_a_mistyped_year_is_put_right(billing: Commands) -> None:
    """It is taken, the farthest too; the right day, given later, counts from there on."""
    to_beta = ("assign", "c-1", "--partner", "p-beta", "--from")
    billing.done(*to_beta, "9999-12-30", *MOVED)
    billing.done("programme", "adopt", "izyinbox", "--from", "9999-12-30")
    billing.done(*to_beta, "2026-07-01", *MOVED)
    on = ("--format", "json", "--effective-at")
    for day, holder in (("2026-06-30", "p-alpha"), ("2026-07-01", "p-beta")):
        rows = billing.done("clients", *on, day).rows
        assert {row["partner_id"] for row in rows if row["client_id"] == "c-1"} == {holder}
    for day in ("2026-07-01", "9999-12-31"):
        assert billing.done("kpi", "--programme", *on, day).rows


def test_an_assignment_is_refused(billing: Commands) -> None:
    """Of an accrued day, of a partner not enrolled by then, of one person; without a holder."""
    day = ("--from", "2026-07-01")
    to = ("assign", "c-1", "--partner")
    assert "2026-06-30" in billing.refused(*to, "p-beta", "--from", "2026-06-30", *MOVED)
    billing.refused(*to, "p-ghost", *day, *MOVED)
    alone = ("--reason", "moved", "--requested-by", "ann", "--approved-by", "Ann")
    billing.refused(*to, "p-beta", *day, *alone)
    billing.refused("assign", "c-1", *day, *MOVED, status=2)
    billing.refused(*to, "p-beta", "--direct", *day, *MOVED, status=2)


def test_an_enrolment_is_corrected(billing: Commands) -> None:
    """Only of a partner that is enrolled, and in something."""
    made = billing.done(
        "correct-partner", "p-beta", "--founding", "true", "--sponsor", "p-alpha",
        "--department", "none", *PERSONS, "--format", "json",
    ).json  # fmt: skip
    assert {name: made[name] for name in made if name != "position"} == {
        "partner_id": "p-beta",
        "cleared": ["department"],
        "founding": True,
        "sponsor_id": "p-alpha",
    }
    billing.refused("correct-partner", "p-beta", *PERSONS, status=2)
    billing.refused("correct-partner", "p-ghost", "--kind", "oem", *PERSONS)
    own = billing.done("correct-partner", "p-beta", "--sponsor", "p-beta", *PERSONS).out
    asked = own.strip().rpartition("commissions ")[2].split()
    assert "SponsorRejected" in billing.done(*asked).out
    assert billing.done("verify").status == 0


def test_a_sponsor_that_is_called_none_can_be_named(billing: Commands, tmp_path: Path) -> None:
    """The word for nobody is an id as the wire has them."""
    enrolled = {"partner_id": "none", "kind": "referral"}
    _ingest(billing, tmp_path, _message("e-9", "partner.enrolled", enrolled))
    correct = ("correct-partner", "p-beta", *PERSONS, "--format", "json")
    named = ("--sponsor", "id:none", "--department", "id:none")
    made = billing.done(*correct, *named).json
    assert (made["sponsor_id"], made["department"], made["cleared"]) == ("none", "none", [])
    made = billing.done(*correct, "--sponsor", "none").json
    assert made["cleared"] == ["sponsor_id"]
    for wrong in ("", "id:", "id:a b"):
        billing.refused(*correct, "--sponsor", wrong, status=2)


def test_conflicts_stand_beside_what_they_lost_against(billing: Commands, tmp_path: Path) -> None:
    """A claim against a claim, and one against finance's word."""
    billing.done("assign", "c-9", "--partner", "p-beta", "--from", "2026-07-01", *MOVED)
    told = _message("r-9", "referral.registered", {"partner_id": "p-alpha", "client_id": "c-9"})
    _ingest(billing, tmp_path, told)
    rows = billing.done("conflicts", "--format", "json").rows
    names = ("client_id", "partner_id", "day", "reason", "standing_partner_id", "standing_day")
    assert [tuple(row[name] for name in names) for row in rows] == [
        ("c-1", "p-beta", "2026-04-03", "already_attributed", "p-alpha", "2026-04-02"),
        ("c-9", "p-alpha", "2026-06-02", "already_attributed", "p-beta", "2026-07-01"),
    ]
    assert [row["standing_type"] for row in rows] == [
        "referral.registered",
        "attribution.assigned",
    ]
    before = billing.done("conflicts", "--effective-at", "2026-04-02", "--format", "json").rows
    assert before == []


def test_who_asked_for_a_department_is_listed(billing: Commands, tmp_path: Path) -> None:
    """Refused here: nobody is strategic."""
    asked = {"partner_id": "p-alpha", "department": "75"}
    _ingest(billing, tmp_path, _message("t-9", "partner.territory_granted", asked))
    (row,) = billing.done("territories", "--format", "json").rows
    assert {name: row[name] for name in row if name != "position"} == {
        "department": "75",
        "partner_id": "p-alpha",
        "day": "2026-06-02",
        "end": None,
        "answer": "rejected",
        "reason": "not_strategic",
    }
    assert billing.done("territories", "--on", "2026-06-02", "--format", "json").rows == []


def test_a_sponsor_that_is_not_enrolled_is_waited_for(billing: Commands) -> None:
    """Until another is named."""
    billing.done("correct-partner", "p-beta", "--sponsor", "p-later", *PERSONS)
    listed = [row["reason"] for row in billing.done("unresolved", "--format", "json").rows]
    assert "unknown_sponsor" in listed
    billing.done("correct-partner", "p-beta", "--founding", "true", *PERSONS)
    assert "unknown_sponsor" in billing.done("unresolved").out
    billing.done("correct-partner", "p-beta", "--sponsor", "none", *PERSONS)
    assert "unknown_sponsor" not in billing.done("unresolved").out


def _message(id_: str, type_: str, data: Mapping[str, object]) -> dict[str, object]:
    envelope = {"specversion": "1.0", "source": "/test", "time": "2026-06-02T12:00:00Z"}
    return {**envelope, "id": id_, "type": type_, "data": data}


def _ingest(commissions: Commands, folder: Path, *messages: dict[str, object]) -> None:
    file = folder / "told.jsonl"
    file.write_text("".join(f"{json.dumps(one)}\n" for one in messages), "utf-8")
    commissions.done("ingest", file)


def test_a_fact_is_retracted_once(billing: Commands) -> None:
    """By the source and id of its message; the client is direct then, and the claim lapsed."""
    retracted = billing.done("retract", "/crm", "r-1", *MOVED, "--format", "json").json
    assert {name: retracted[name] for name in ("source", "id")} == {"source": "/crm", "id": "r-1"}
    told = billing.refused("retract", "/crm", "r-1", *MOVED)
    assert "retracted already" in told
    claims = billing.done("claims", "--format", "json").rows
    (claim,) = [
        row for row in claims if (row["client_id"], row["partner_id"]) == ("c-1", "p-alpha")
    ]
    assert (claim["answer"], claim["reason"]) == ("lapsed", "retracted")
    assert billing.done("verify").status == 0


def test_what_cannot_be_retracted_is_refused(billing: Commands) -> None:
    """An unknown message, and one of another type: with what to do."""
    assert "no fact 'x'" in billing.refused("retract", "/crm", "x", *MOVED)
    told = billing.refused("retract", "/partners", "p-1", *MOVED)
    assert "partner.enrolled" in told
    assert "cannot be retracted" in told


def test_a_decision_that_a_retraction_left_standing_is_resolved(
    commissions: Commands, tmp_path: Path
) -> None:
    """A contest's amount for a client that was never claimed: listed, looked at, listed no more."""
    commissions.done("programme", "adopt", "izyinbox")
    january = {"time": "2026-01-12T12:00:00Z"}
    enrolled = _message("p", "partner.enrolled", {"partner_id": "p-1", "kind": "referral"})
    claim = _message("r", "referral.registered", {"partner_id": "p-1", "client_id": "c-1"})
    plan = {"client_id": "c-1", "plan": "pro", "interval": "month", "currency": "EUR"}
    active = _message("a", "client.activated", {**plan, "price": 5_900})
    _ingest(commissions, tmp_path, *(told | january for told in (enrolled, claim, active)))
    commissions.done("accrue", "--through", "2026-01-31")
    commissions.done("retract", "/test", "r", *MOVED)
    (listed,) = commissions.done("unresolved", "--format", "json").rows
    assert (listed["type"], listed["reason"]) == ("ContestPosted", "retracted")
    position = listed["position"]
    given = ("resolve", position, "--reason", "kept", *PERSONS)
    done = commissions.done(*given, "--format", "json").json
    assert (done["decision"], done["reason"]) == (position, "kept")
    assert commissions.done("unresolved", "--format", "json").rows == []
    assert "resolved already" in commissions.refused(*given)
    linked = commissions.done("explain", position, "--format", "json").json["linked"]
    assert [one["type"] for one in linked] == ["DecisionUnresolved", "DecisionResolved"]
    back = commissions.done("explain", linked[-1]["position"], "--format", "json").json
    assert back["decided_by"]["data"]["reason"] == "kept"
    assert position in [one["position"] for one in back["facts"]]
    assert [commissions.done(word).status for word in ("verify", "recompute")] == [0, 0]
