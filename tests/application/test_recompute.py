"""D18.10: what was recorded otherwise than the engine decides is found, each with its place."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest

from ledger.errors import NotReady
from replay.findings import Discrepancy
from replay.recompute import recompute
from tests.model.journal import Entry
from tests.rules.dsl import tell
from tests.rules.facts import (
    accrue,
    activated,
    adjust,
    changed,
    close,
    enrolled,
    pay,
    referred,
    settled,
)
from tests.rules.ledger_adapter import RealLedger, _database, _empty, open_ledger
from tests.rules.programmes import plain

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
    with psycopg.connect(_database(), autocommit=True) as connection:
        return list(recompute(connection))


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
    """A price that was not told: every line on it is another."""
    replace("client.activated/1", '"price":10000', '"price":30000')
    assert {one.check for one in found()} == {"D18.10"}
    assert any("CommissionPosted" in one.what for one in found())


@pytest.mark.usefixtures("ledger")
def test_a_decision_that_was_removed_or_added_is_told() -> None:
    """One that is missing has no place; one too many has."""
    with tampering() as owner:
        owner.execute("UPDATE ledger.events SET topic = 'x' WHERE topic = 'AdjustmentPosted/1'")
    [missing] = found()
    assert missing.position is None
    assert "AdjustmentPosted in account:p1 is decided again, but was not recorded" in missing.what
    with tampering() as owner:
        owner.execute("UPDATE ledger.events SET topic = 'AdjustmentPosted/1' WHERE topic = 'x'")
        owner.execute("UPDATE ledger.events SET topic = 'x' WHERE topic = 'adjustment.posted/1'")
    extra, payout, *_ = found()
    assert extra.position is not None
    assert "AdjustmentPosted in account:p1 is not decided again" in extra.what
    assert "amount was 7900, is 8000" in payout.what


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
