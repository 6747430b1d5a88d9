"""A log that parted is the matter of who has the partition, and of nobody who had it before."""

from __future__ import annotations

import io
from typing import Any, cast

import pytest

from interfaces.health import Health
from interfaces.logging import configure
from ledger.ingest.kafka.consumer import Limits, Worker
from ledger.ingest.kafka.history import Found, Identity, Kept, MissingHistory, Partition, Place
from ledger.ingest.kafka.log import LostPlace
from ledger.ingest.kafka.offsets import Claim
from tests.kafka.test_reading import HERE, ONE, Scripted


@pytest.fixture(autouse=True)
def _log() -> None:
    configure(stream=io.StringIO())


class Group(Scripted):
    """A group that gives and takes one partition, and the table of places; a broker with 100."""

    topics = (ONE.topic,)
    joined = True

    def __init__(self, *script: Exception) -> None:
        super().__init__(*script)
        self.answers = True
        self.next_offset = 12

    def look(self, partitions: set[Partition]) -> dict[Partition, Found] | None:
        """What the broker has, if it answers."""
        return dict.fromkeys(partitions, Found(0, 100, HERE)) if self.answers else None

    def has(self, at: Partition) -> bool:
        """Whatever was claimed is there."""
        return at == ONE

    def identity(self, topic: str) -> Identity:
        """What it was."""
        assert topic == ONE.topic
        return HERE

    def kept(self, topics: tuple[str, ...]) -> dict[Partition, Kept]:
        """How far the ledger is, whoever read it."""
        assert topics == self.topics
        return {ONE: Kept(self.next_offset, HERE)}

    def claim(self, partitions: dict[Partition, Identity]) -> dict[Partition, Claim]:
        """It is ours."""
        return dict.fromkeys(partitions, Claim(Place(self.next_offset, 3), 1))


def worker(group: Group) -> Worker:
    """One that has been given the partition and found that its log parted at 6."""
    script = cast("Any", group)
    made = Worker(cast("Any", None), script, script, script, Health(), limits=Limits())
    group.given, group.taken = [{ONE}], [set()]
    made._turn()
    made._turn()
    return made


def lost(made: Worker, group: Group) -> None:
    """The log parted at 6, and the broker does not say what it has."""
    group.answers = False
    with pytest.raises(LostPlace) as told:
        made._turn()
    made._parted.update(told.value.parted)
    made._reader.begin_again()


def test_what_parted_is_refused_once_the_broker_answers() -> None:
    """The word is kept until then."""
    group = Group()
    made = worker(group)
    group.script = [LostPlace({ONE: 6})]
    lost(made, group)
    made._turn()
    group.answers = True
    with pytest.raises(MissingHistory, match="another from offset 6 on"):
        made._turn()


def test_what_parted_is_forgotten_with_the_partition() -> None:
    """Another worker had it, which was told to go on, and it comes back."""
    group = Group()
    made = worker(group)
    group.script = [LostPlace({ONE: 6})]
    lost(made, group)
    group.given, group.taken = [set()], [{ONE}]
    made._turn()
    made._turn()
    group.answers, group.next_offset = True, 50
    group.given, group.taken = [{ONE}], [set()]
    made._turn()
    made._turn()
    assert made._reader.owned[ONE].place == Place(50, 3)
