"""A batch sorted: every message is one thing, which follows from what came before it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.envelope import Message
from events.errors import Rejection
from events.partners import PortalVisited
from ledger.dead_letters import DeadLetter, Incoming
from ledger.sorting import Known, keys_of, sort

NOW = datetime(2026, 6, 1, tzinfo=UTC)
IDS = st.sampled_from("abc")
CONTENTS = st.sampled_from([b"one", b"two"])


def message(id_: str, content: bytes) -> Message:
    """A message of which only its key and its content matter."""
    data = PortalVisited(partner_id="p")
    return Message("/billing", id_, PortalVisited.topic(), NOW, data, b"{}", content)


@given(
    st.lists(st.none() | st.tuples(IDS, CONTENTS), max_size=12),
    st.dictionaries(IDS, st.tuples(st.none() | st.integers(1, 9), CONTENTS)),
)
def test_the_first_of_a_key_counts_for_ever(
    batch: list[tuple[str, bytes] | None], before: dict[str, Known]
) -> None:
    """Against a plain list of who came first; what is dead says what it contradicts."""
    incoming = [
        Incoming(str(at), b"", rejection=Rejection("not_json", "", "no JSON"))
        if each is None
        else Incoming(str(at), b"", message=message(*each))
        for at, each in enumerate(batch)
    ]
    first: list[tuple[str, Known]] = list(before.items())
    accepted: list[str] = []
    dead: list[tuple[str, str, int | None]] = []
    duplicates = 0
    for at, each in enumerate(batch):
        if each is None:
            dead.append(("rejected", str(at), None))
            continue
        came = [known for id_, known in first if id_ == each[0]]
        if not came:
            first.append((each[0], (None, each[1])))
            accepted.append(each[0])
        elif came[0][1] == each[1]:
            duplicates += 1
        else:
            dead.append(("quarantined", str(at), came[0][0]))

    found = sort(incoming, {("/billing", id_): known for id_, known in before.items()})

    assert [each.id for each in found.accepted] == accepted
    assert found.duplicates == duplicates
    assert [(each.kind, each.origin, each.first_position) for each in found.dead] == dead
    assert keys_of(incoming) == [("/billing", each[0]) for each in batch if each is not None]


def test_what_is_neither_read_nor_refused_is_a_bug() -> None:
    """It is not passed over."""
    with pytest.raises(ValueError, match="a:1 has neither"):
        sort([Incoming("a:1", b"")], {})


def test_a_letter_without_a_place_in_kafka_keeps_none() -> None:
    """As many columns as are inserted, whatever is known of it."""
    letter = DeadLetter("rejected", "a:1", "syntax", None, "no JSON", b"{")
    assert letter.columns() == (
        *("rejected", "a:1", "syntax", None, "no JSON", None, None, b"{", b"{", None),
        *(None, None, None, None),
    )
