"""The content hash against its definition, by the library for RFC 8785."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from events.codec import content_hash
from events.values import format_instant
from ledger.store.rows import leaf_bytes, plain_content_hash, plain_row

texts = st.text(st.characters(codec="utf-8"), max_size=20)
data = st.dictionaries(texts, st.one_of(texts, st.integers(-(2**53) + 1, 2**53 - 1)), max_size=5)
instants = st.datetimes(timezones=st.just(UTC))


@given(texts, data, st.none() | instants, st.none() | texts, st.none() | texts)
def test_content_is_the_hash_of_rfc_8785(
    topic: str,
    members: dict[str, str | int],
    effective_at: datetime | None,
    source: str | None,
    event_id: str | None,
) -> None:
    """SHA-256 of RFC 8785 of {effective_at, topic, source, id, data}."""
    expected = rfc8785.dumps(
        {
            "effective_at": None if effective_at is None else format_instant(effective_at),
            "topic": topic,
            "source": source,
            "id": event_id,
            "data": dict(members),
        }
    )
    state = rfc8785.dumps(dict(members))
    found = content_hash(topic, state, effective_at, source, event_id)
    assert found == hashlib.sha256(expected).digest()


@given(texts, st.binary(max_size=40))
def test_a_plain_event_puts_the_hex_of_its_state_in_data(topic: str, state: bytes) -> None:
    """A state that is no JSON is hashed too."""
    expected = rfc8785.dumps(
        {
            "effective_at": None,
            "topic": topic,
            "source": None,
            "id": None,
            "data": state.hex(),
        }
    )
    assert plain_content_hash(topic, state) == hashlib.sha256(expected).digest()
    row = plain_row("a", topic, state)
    assert row.content == plain_content_hash(topic, state)
    assert row[3:-1] == (None,) * 12


@given(
    st.integers(1, 2**53 - 1), instants, texts, st.integers(0, 2**53 - 1), st.binary(max_size=32)
)
def test_a_leaf_is_rfc_8785_of_the_short_head(
    position: int, recorded_at: datetime, stream: str, version: int, content: bytes
) -> None:
    """Position, recorded_at, stream, version and content, members in the order of their names."""
    instant = format_instant(recorded_at)
    expected = rfc8785.dumps(
        {
            "position": position,
            "recorded_at": instant,
            "stream": stream,
            "version": version,
            "content": content.hex(),
        }
    )
    assert leaf_bytes(position, instant, stream, version, content) == expected
