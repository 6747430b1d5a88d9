"""D18.10: what was recorded otherwise than the engine decides is found, each with its place."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest

from ledger.engine import numbered
from ledger.errors import Corrupt, NotReady
from replay.findings import Discrepancy
from replay.recompute import recompute
from tests.model.commands import Approve, Reject
from tests.model.journal import Entry
from tests.rules.dsl import tell
from tests.rules.facts import (
    accrue,
    activated,
    adjust,
    changed,
    close,
    credit,
    enrolled,
    pay,
    referred,
    settled,
)
from tests.rules.ledger_adapter import RealLedger, _database, _empty, open_ledger
from tests.rules.looking import looking
from tests.rules.programmes import plain, programme

STORY: tuple[Entry, ...] = (
    enrolled("2020-01-01"),
    referred("2024-01-01"),
    activated("2024-01-31"),
    accrue("2024-03-31"),
    changed("2024-03-31", price=20_000),
    adjust(-100, line=("c1", "2024-01-31")),
    close("2024-01"),
    close("2024-02"),
    close("2024-03"),
    pay("2024-03-31"),
    settled("2024-04-02", 7_900, cutoff="2024-03-31"),
)

ANOTHER: tuple[Entry, ...] = (
    enrolled("2020-01-01", "p2"),
    referred("2024-04-01", "c2", "p2"),
    activated("2024-04-03", "c2"),
    accrue("2024-06-30"),
    *(close(f"2024-0{month}") for month in (4, 5, 6)),
)
"""Another partner, so that there is more than one part."""


@pytest.fixture
def ledger() -> Iterator[RealLedger]:
    """A ledger with something of everything; what a test tampers with is emptied afterwards."""
    with open_ledger() as opened:
        opened.adopt(plain(), None)
        tell(opened, STORY)
        yield opened
        _empty(_database())


def found() -> list[Discrepancy]:
    """What is decided otherwise."""
    with looking(_database()) as connection:
        return [each.told() for each in recompute(connection).differences]


@contextmanager
def tampering() -> Iterator[psycopg.Connection]:
    """The rights of the ledger's owner."""
    with psycopg.connect(_database(), autocommit=True) as owner:
        owner.execute("ALTER TABLE ledger.events DISABLE TRIGGER refuse_change")
        yield owner
        owner.execute("ALTER TABLE ledger.events ENABLE ALWAYS TRIGGER refuse_change")


def replace(topic: str, old: str, new: str) -> int:
    """Change the first event of a topic; its position."""
    with tampering() as owner:
        row = owner.execute(
            "UPDATE ledger.events SET state = convert_to("
            "replace(convert_from(state, 'UTF8'), %s, %s), 'UTF8')"
            " WHERE position = (SELECT min(position) FROM ledger.events WHERE topic = %s)"
            " RETURNING position",
            (old, new, topic),
        ).fetchone()
    assert row is not None
    return int(row[0])


def places(*topics: str) -> list[int]:
    """The positions of the events of topics."""
    with looking(_database()) as connection:
        rows = connection.execute(
            "SELECT position FROM ledger.events WHERE topic = ANY(%s) ORDER BY position",
            (list(topics),),
        ).fetchall()
    return [position for (position,) in rows]


def put_instead(place: int, like: int) -> None:
    """Put a copy of an event in the place of one that no decision rests on."""
    with tampering() as owner:
        owner.execute(
            "UPDATE ledger.events AS place SET originator_id = one.originator_id,"
            " originator_version = 1000, topic = one.topic, state = one.state, day = one.day,"
            " source = NULL, event_id = NULL, partner_id = one.partner_id,"
            " client_id = one.client_id"
            " FROM ledger.events AS one WHERE place.position = %s AND one.position = %s",
            (place, like),
        )


@pytest.mark.usefixtures("ledger")
def test_a_sound_ledger_is_decided_as_it_was() -> None:
    """Lines, differences, adjustments, tiers, payouts and what closed them."""
    assert found() == []


@pytest.mark.usefixtures("ledger")
@pytest.mark.parametrize(
    ("topic", "old", "new", "said"),
    [
        ("CommissionPosted/1", '"amount":2000', '"amount":2001', "amount was 2001, is 2000"),
        ("CommissionPosted/1", '"facts":[4,6]', '"facts":[3,6]', "facts was [3, 6], is [4, 6]"),
        ("PayoutInitiated/1", '"amount":7900', '"amount":8000', "amount was 8000, is 7900"),
        ("TierChanged/1", '"referent"', '"certified"', "to_tier was 'certified', is 'referent'"),
    ],
)
def test_a_decision_of_other_content_is_told(topic: str, old: str, new: str, said: str) -> None:
    """With its position and what of it differs."""
    position = replace(topic, old, new)
    told = found()
    assert (told[0].check, told[0].position) == ("D18.10", position)
    assert said in told[0].what


@pytest.mark.usefixtures("ledger")
def test_a_fact_that_was_changed_is_told_by_what_rests_on_it() -> None:
    """A price that was not told: how its client stands is another, at each fact that says so."""
    position = replace("client.activated/1", '"price":10000', '"price":30000')
    told = found()
    assert told[0].position == position + 1
    assert {one.what.partition(":")[0] for one in told} == {"ClientStanding in client"}


@pytest.mark.usefixtures("ledger")
def test_a_decision_that_was_removed_is_told() -> None:
    """With the command that should have brought it; what was paid without it is as it was."""
    [command, line] = places("adjustment.posted/1", "AdjustmentPosted/1")
    with tampering() as owner:
        owner.execute("DELETE FROM ledger.events WHERE position = %s", (line,))
    missing, payout = found()
    assert missing.position is None
    assert missing.what == (
        f"AdjustmentPosted in account:p1 is decided again on position {command},"
        " but was not recorded"
    )
    assert "amount was 7900, is 8000" in payout.what


@pytest.mark.usefixtures("ledger")
@pytest.mark.parametrize("instead_of", ["PartnerAccrued/1", "StatementsSealed/1"])
def test_a_decision_that_was_added_is_told(instead_of: str) -> None:
    """A second line of a period, within a run and outside, and what no longer rests on all."""
    place, like = places(instead_of)[0], places("CommissionPosted/1")[0]
    put_instead(place, like)
    extra, *others = found()
    assert extra.position == place
    assert extra.what == "CommissionPosted in account:p1 is not decided again"
    assert {other.what.partition(" ")[0] for other in others} <= {
        "PayoutInitiated",
        "DifferenceUnresolved",
    }


@pytest.mark.usefixtures("ledger")
def test_an_event_that_cannot_be_read_is_told_with_its_position() -> None:
    """A member of another kind, a type that no release knew, a line without its period."""
    position = replace("client.activated/1", '"price":10000', '"price":"much"')
    with pytest.raises(Corrupt, match=rf"position {position} cannot be read.*price"):
        found()
    replace("client.activated/1", '"price":"much"', '"price":10000')
    assert found() == []
    with tampering() as owner:
        owner.execute("UPDATE ledger.events SET topic = 'x/1' WHERE position = %s", (position,))
    with pytest.raises(Corrupt, match=rf"position {position} cannot be read.*'x/1'"):
        found()


@pytest.mark.usefixtures("ledger")
def test_what_cannot_follow_is_told_with_its_position() -> None:
    """Nothing is decided without a programme; what was recorded follows from nothing."""
    [enrolled_at, *_] = places("partner.enrolled/1")
    with tampering() as owner:
        owner.execute("DELETE FROM ledger.events WHERE topic = 'programme.adopted/1'")
    first, answer, *_ = found()
    assert first.position == enrolled_at
    assert first.what.startswith("nothing can be decided on partner.enrolled in partner:p1: NotRe")
    assert (answer.position, answer.what) == (
        enrolled_at + 1,
        "TierChanged in partner:p1 is not decided again",
    )


@pytest.mark.usefixtures("ledger")
def test_another_engine_explains_a_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command of a decision names its engine; of a fact the commands before and after it."""
    replace("CommissionPosted/1", '"amount":2000', '"amount":2001')
    replace("ReferralAccepted/1", '"D3.3e"', '"D3.3d"')
    with looking(_database()) as connection:
        before = recompute(connection)
        assert before.unexplained == len(before.differences)
        monkeypatch.setattr(numbered, "ENGINE", numbered.ENGINE + 1)
        after = recompute(connection)
    assert after.unexplained == 0
    claim, line, *_ = after.differences
    for one in (claim, line):
        assert one.what.endswith("; decided by engine 1, this is engine 2")
        assert one.programme_version == f"{plain().name}/1"


def test_several_processes_find_the_same(ledger: RealLedger) -> None:
    """Parts are decided by whoever is free; what they tally for a ranking comes together."""
    tell(ledger, ANOTHER)
    replace("CommissionPosted/1", '"amount":2000', '"amount":2001')
    with looking(_database()) as connection:
        alone = recompute(connection)
        assert recompute(connection, processes=2, part_events=1) == alone
    assert alone.differences[0].what.endswith("amount was 2001, is 2000")


def test_a_sponsor_s_reward_is_missed_in_the_part_of_whom_it_is_for() -> None:
    """Of two for one sponsor in one run only one is left out; the other part has the other one."""
    terms = programme(
        sponsorship={
            "reward": 900, "active_clients": 3, "override": "0.05", "client_year": 1,
            "trigger": "enrolment",
        }
    )  # fmt: skip
    with open_ledger() as ledger:
        ledger.adopt(terms, None)
        tied = (enrolled("2024-01-01", name, sponsor="p9") for name in ("p1", "p2"))
        tell(ledger, (enrolled("2024-01-01", "p9"), *tied, accrue("2024-01-31")))
        run, first = places("accrual.run/1", "RewardPosted/1")[:2]
        with tampering() as owner:
            owner.execute("DELETE FROM ledger.events WHERE position = %s", (first,))
        with looking(_database()) as connection:
            for part_events in (1, 1_000):
                [missing] = recompute(connection, part_events=part_events).differences
                assert (missing.difference.position, missing.difference.cause) == (None, run)
                assert missing.difference.would_be["sponsored_id"] == "p1"
        _empty(_database())


def test_what_was_proposed_and_approved_is_decided_again() -> None:
    """D16.1: a command decides from where it stands, after its approval; one rejected nothing."""
    with open_ledger() as ledger:
        ledger.adopt(programme(controls={"approval": "separate"}), None)
        began = (enrolled("2024-01-01"), activated("2024-01-10", partner="p1"))
        asked = (credit(500), adjust(-100), accrue("2024-03-31"), pay("2024-03-31"))
        answered = (Approve(1), Reject(2), Approve(3))
        tell(ledger, (*began, accrue("2024-02-09"), *asked, *answered))
        assert found() == []
        position = replace("CreditPosted/1", '"amount":500', '"amount":501')
        assert found()[0].position == position
        _empty(_database())


def end(*_: object) -> None:
    """Stand for a process that is killed."""
    os._exit(1)


def test_a_process_that_ends_is_told(ledger: RealLedger, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed for want of memory, say: what it had found is not all, so nothing is told."""
    tell(ledger, ANOTHER)
    monkeypatch.setattr("replay.recompute._decide_there", end)
    with (
        looking(_database()) as connection,
        pytest.raises(NotReady, match="--processes 1"),
    ):
        recompute(connection, processes=2, part_events=1)


@pytest.mark.usefixtures("ledger")
def test_an_open_run_is_finished_first() -> None:
    """Half a run differs from a whole one."""
    with tampering() as owner:
        owner.execute("DELETE FROM ledger.events WHERE topic = 'AccrualCompleted/1'")
    with pytest.raises(NotReady, match="run is open"):
        found()


def test_nothing_recorded_is_nothing_to_decide() -> None:
    """A new database says so."""
    with open_ledger(), pytest.raises(NotReady, match="nothing is recorded"):
        found()
