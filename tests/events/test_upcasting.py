"""Old versions read as the newest, with types that exist only here."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import ClassVar

import pytest

from events.base import Fact
from events.catalogue import CATALOGUE
from events.codec import content_hash, decode_state
from events.envelope import decode
from events.errors import Rejection, UnknownTopic, UnreadableState
from events.upcasting import STEPS, VOCABULARY, Members, Vocabulary
from events.values import Code, Identifier, MinorUnits

NOW = datetime(2026, 2, 1, 12, tzinfo=UTC)


class GiftSent(Fact):
    """A gift in whole euros."""

    type: ClassVar[str] = "gift.sent"
    partner_id: Identifier
    euros: MinorUnits


class GiftSent2(Fact):
    """A gift in minor units."""

    type: ClassVar[str] = "gift.sent"
    version: ClassVar[int] = 2
    partner_id: Identifier
    amount: MinorUnits


class GiftSent3(Fact):
    """A gift in minor units, with the reason for it."""

    type: ClassVar[str] = "gift.sent"
    version: ClassVar[int] = 3
    partner_id: Identifier
    amount: MinorUnits
    reason: Code


def cents(members: Members) -> Members:
    """From version 1 to 2."""
    euros = members.pop("euros")
    assert isinstance(euros, int)
    return {**members, "amount": euros * 100}


def with_reason(members: Members) -> Members:
    """From version 2 to 3."""
    return {**members, "reason": "unknown"}


VERSIONS = (GiftSent, GiftSent2, GiftSent3)
STEPS_HERE = {("gift.sent", 1): cents, ("gift.sent", 2): with_reason}
GIFTS = Vocabulary(VERSIONS, STEPS_HERE)
NEWEST = GiftSent3(partner_id="p-1", amount=500, reason="unknown")


@pytest.mark.parametrize(
    ("topic", "state"),
    [
        ("gift.sent/1", b'{"euros":5,"partner_id":"p-1"}'),
        ("gift.sent/2", b'{"amount":500,"partner_id":"p-1"}'),
        ("gift.sent/3", b'{"amount":500,"partner_id":"p-1","reason":"unknown"}'),
    ],
)
def test_every_version_reads_as_the_newest(topic: str, state: bytes) -> None:
    """Steps are chained up to the newest version."""
    assert decode_state(topic, state, GIFTS) == NEWEST


def test_a_step_leaves_its_argument_alone() -> None:
    """Upcasting is pure, even where a step is not careful."""
    members: Members = {"partner_id": "p-1", "euros": 5}
    assert GIFTS.upcast("gift.sent", 1, members) == NEWEST.model_dump(mode="json")
    assert members == {"partner_id": "p-1", "euros": 5}


def test_a_message_of_an_old_version_is_kept_as_told() -> None:
    """State and hash are of the version told; the engine gets the newest."""
    told = {
        "specversion": "1.0",
        "id": "m-1",
        "source": "/crm",
        "type": "gift.sent",
        "time": "2026-01-31T09:30:00Z",
        "data": {"partner_id": "p-1", "euros": 5},
    }

    message = decode(json.dumps(told).encode(), NOW, vocabulary=GIFTS)

    assert message.topic == "gift.sent/1"
    assert message.state == b'{"euros":5,"partner_id":"p-1"}'
    assert message.data == NEWEST
    assert message.content == content_hash(
        "gift.sent/1", message.state, message.effective_at, "/crm", "m-1"
    )

    told |= {"dataschema": "/gift.sent/3", "data": NEWEST.model_dump()}
    assert decode(json.dumps(told).encode(), NOW, vocabulary=GIFTS).topic == "gift.sent/3"
    told |= {"dataschema": "/gift.sent/4"}
    with pytest.raises(Rejection, match="unknown_version"):
        decode(json.dumps(told).encode(), NOW, vocabulary=GIFTS)


@pytest.mark.parametrize(
    "state", [b'{"euros":5.5,"partner_id":"p-1"}', b'{"euros":5,"partner_id":"p 1"}', b"{", b"[]"]
)
def test_an_old_state_is_validated_too(state: bytes) -> None:
    """Before a step reads it, as its own version; what a step gets is whole."""
    with pytest.raises(UnreadableState, match=r"gift\.sent/1"):
        decode_state("gift.sent/1", state, GIFTS)


def test_a_version_that_is_not_there() -> None:
    """A ledger of a newer program is not guessed at."""
    with pytest.raises(UnknownTopic, match=r"gift\.sent/4"):
        decode_state("gift.sent/4", b"{}", GIFTS)


def test_no_version_without_a_step() -> None:
    """A vocabulary that could not read its past does not come to be."""
    with pytest.raises(ValueError, match=r"gift\.sent/2"):
        Vocabulary(VERSIONS, {("gift.sent", 1): cents})


def test_no_step_without_a_version() -> None:
    """Nor one with a step to nowhere."""
    with pytest.raises(ValueError, match=r"gift\.sent/3"):
        Vocabulary(VERSIONS, {**STEPS_HERE, ("gift.sent", 3): with_reason})


def test_no_gap_between_versions() -> None:
    """Versions count from 1."""
    with pytest.raises(ValueError, match="no version 2"):
        Vocabulary([GiftSent, GiftSent3], {("gift.sent", 1): cents})


def test_the_catalogue_reads_all_that_it_wrote() -> None:
    """Every version is there, and leads to the newest of its type."""
    assert {key for key in CATALOGUE if key[1] < VOCABULARY.newest(key[0]).version} == set(STEPS)
    for (type_, version), cls in CATALOGUE.items():
        assert VOCABULARY.find(type_, version) is cls
        assert VOCABULARY.by_topic(cls.topic()) is cls
