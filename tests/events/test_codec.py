"""Canonical bytes: equal to RFC 8785 and to pydantic's own dump, and read back as they were."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import pytest
import rfc8785
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from events.base import Event
from events.catalogue import CATALOGUE
from events.codec import content_hash, decode_state, encode
from events.errors import UnknownTopic, UnreadableState
from events.payout_decisions import PayoutInitiated
from tests.events.strategies import data_of

CLASSES = sorted(CATALOGUE.values(), key=lambda cls: cls.topic())
few = settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
)


def read(cls: type[Event], data: dict[str, Any]) -> Event:
    """An event from JSON values, through pydantic's front door."""
    return cls.model_validate_json(json.dumps(data))


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.topic())
@few
@given(data=st.data())
def test_state_is_rfc_8785_of_the_dump_and_reads_back(
    cls: type[Event], data: st.DataObject
) -> None:
    """One canonical form: ours, the reference's, and that of what was read back."""
    event = read(cls, data.draw(data_of(cls)))

    state = encode(event)

    assert state == rfc8785.dumps(event.model_dump(mode="json", exclude_none=True, by_alias=True))
    assert b":null" not in state
    back = decode_state(cls.topic(), state)
    assert back == event
    assert encode(back) == state
    assert back.stream == event.stream


@given(
    data=st.dictionaries(st.sampled_from(["a", "B", "c_d"]), st.integers(0, 10**15)),
    instant=st.datetimes(min_value=datetime(2, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - the strategy adds the zone
    source=st.none() | st.text(st.characters(codec="utf-8"), min_size=1),
    id_=st.none() | st.text(st.characters(codec="utf-8"), min_size=1),
)
def test_content_is_the_hash_of_rfc_8785(
    data: dict[str, int], instant: datetime, source: str | None, id_: str | None
) -> None:
    """Put together from pieces, it equals the reference over the whole."""
    whole = {
        "data": data,
        "effective_at": f"{instant:%m-%dT%H:%M:%S.%fZ}",
        "id": id_,
        "source": source,
        "topic": "client.activated/1",
    }
    whole["effective_at"] = f"{instant.year:04}-{whole['effective_at']}"

    hashed = content_hash("client.activated/1", rfc8785.dumps(data), instant, source, id_)

    assert hashed == sha256(rfc8785.dumps(whole)).digest()


def test_content_without_an_instant() -> None:
    """What has no place on the effective axis says null."""
    whole: dict[str, Any] = {
        "data": {},
        "effective_at": None,
        "id": None,
        "source": None,
        "topic": "x/1",
    }
    assert content_hash("x/1", b"{}", None, None, None) == sha256(rfc8785.dumps(whole)).digest()


def test_a_total_wider_than_64_bits_is_written() -> None:
    """A legal ledger of absurd amounts still pays out."""
    data = {
        "rule": "D15.1",
        "day": "2026-01-31",
        "payout_id": "po-1",
        "partner_id": "p-1",
        "currency": "EUR",
        "amount": 10**21,
        "posting_date": "2026-01-31",
        "run": 7,
    }

    state = encode(read(PayoutInitiated, data))

    assert json.loads(state) == data
    assert list(json.loads(state)) == sorted(data)
    assert decode_state("PayoutInitiated/1", state) == read(PayoutInitiated, data)


def test_an_unknown_topic_is_named() -> None:
    """A ledger written by a newer version is not guessed at."""
    with pytest.raises(UnknownTopic, match=r"client\.vanished/1"):
        decode_state("client.vanished/1", b"{}")


@pytest.mark.parametrize("state", [b"", b"[]", b'{"partner_id":"p 1"}', b'{"x":1}', b"\xff"])
def test_damaged_state_is_not_read(state: bytes) -> None:
    """The store's bytes are validated, never trusted."""
    with pytest.raises(UnreadableState, match=r"portal\.visited/1"):
        decode_state("portal.visited/1", state)
