"""A place moves in the transaction that records a batch, or nothing is recorded."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime

import psycopg
import pytest

from events.envelope import decode
from interfaces.bootstrap import LEDGER_NAMES, connect, open_ledger
from interfaces.settings import Settings
from ledger.application import CommissionLedger
from ledger.dead_letters import Incoming
from ledger.errors import Fenced
from ledger.ingest.kafka.history import Identity, Partition, Place
from ledger.ingest.kafka.offsets import Move, Offsets
from ledger.recording import Placed
from tests.interfaces.commands import Commands
from tests.kafka.producing import activation

AT = datetime(2026, 1, 5, 10, tzinfo=UTC)
ONE, TWO = Partition("billing", 0), Partition("billing", 1)
HERE = Identity("cluster", "topic", 2)


@pytest.fixture
def ledger(commissions: Commands) -> Iterator[CommissionLedger]:
    """A ledger that has adopted the reference programme."""
    with connect(Settings(), commissions.url) as database, open_ledger(database) as opened:
        yield opened


def offsets(ledger: CommissionLedger, owner: str) -> Offsets:
    """The places as one worker sees them."""
    return Offsets(ledger.transaction, LEDGER_NAMES, group="group", owner=owner)


def batch(*numbers: int) -> list[Incoming]:
    """Facts to record."""
    payloads = [json.dumps(activation(f"c-{n}", AT)).encode() for n in numbers]
    return [Incoming(f"kafka:{n}", it, message=decode(it, AT)) for n, it in enumerate(payloads)]


def facts(url: str) -> int:
    """How many are recorded."""
    with psycopg.connect(url) as connection:
        row = connection.execute(
            "SELECT COUNT(*) FROM ledger.events WHERE source = '/billing'"
        ).fetchone()
    assert row is not None
    return int(row[0])


def test_places_move_with_their_batches(commissions: Commands, ledger: CommissionLedger) -> None:
    """Each batch of a stream its own; one of duplicates alone moves its place, too."""
    mine = offsets(ledger, "one")
    claims = mine.claim({ONE: HERE, TWO: HERE})
    assert [claims[at].place for at in (ONE, TWO)] == [Place(0), Place(0)]
    epoch = claims[ONE].epoch
    placed = [
        Placed(batch(1, 2), mine.place([Move(ONE, 0, Place(2, 4), epoch)])),
        Placed(
            batch(3),
            mine.place([Move(ONE, 2, Place(5, 4), epoch), Move(TWO, 0, Place(1, 4), epoch)]),
        ),
        Placed(batch(1), mine.place([Move(TWO, 1, Place(2, 4), epoch)])),
    ]
    results = list(ledger.record_placed(placed))
    assert [(result.accepted, result.duplicates) for result in results] == [(2, 0), (1, 0), (0, 1)]
    kept = mine.kept(["billing"])
    assert (kept[ONE].next_offset, kept[TWO].next_offset) == (5, 2)
    assert facts(commissions.url) == 3


@pytest.mark.parametrize("expected", [1, 3])
def test_a_place_that_is_elsewhere_is_fenced(
    expected: int, commissions: Commands, ledger: CommissionLedger
) -> None:
    """Behind or ahead: an overlapping batch is refused as one with a hole before it."""
    mine = offsets(ledger, "one")
    epoch = mine.claim({ONE: HERE})[ONE].epoch
    list(
        ledger.record_placed([Placed(batch(1, 2), mine.place([Move(ONE, 0, Place(2, 4), epoch)]))])
    )
    again = Placed(batch(3), mine.place([Move(ONE, expected, Place(9, 4), epoch)]))
    with pytest.raises(Fenced):
        list(ledger.record_placed([again]))
    assert facts(commissions.url) == 2
    assert mine.kept(["billing"])[ONE].next_offset == 2


def test_who_had_a_partition_before_is_fenced(
    commissions: Commands, ledger: CommissionLedger
) -> None:
    """Though the offset is the one it expects; of the batches behind it nothing stays either."""
    mine, theirs = offsets(ledger, "one"), offsets(ledger, "two")
    old = mine.claim({ONE: HERE})[ONE].epoch
    new = theirs.claim({ONE: HERE})[ONE].epoch
    assert new == old + 1
    late = [
        Placed(batch(1), mine.place([Move(ONE, 0, Place(1, 4), old)])),
        Placed(batch(2), mine.place([Move(ONE, 1, Place(2, 4), old)])),
    ]
    with pytest.raises(Fenced):
        list(ledger.record_placed(late))
    assert facts(commissions.url) == 0
    good = Placed(batch(1), theirs.place([Move(ONE, 0, Place(1, 4), new)]))
    assert [result.accepted for result in ledger.record_placed([good])] == [1]


def test_a_ledger_writer_may_move_places(commissions: Commands) -> None:
    """The role has exactly the rights that a worker needs."""
    with psycopg.connect(commissions.url) as connection:
        rights = connection.execute(
            "SELECT privilege_type FROM information_schema.role_table_grants"
            " WHERE grantee = 'ledger_writer' AND table_name = 'ingest_offsets' ORDER BY 1"
        ).fetchall()
    assert [right for (right,) in rights] == ["INSERT", "SELECT", "UPDATE"]
