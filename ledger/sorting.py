"""Sorting a batch: what is new, what was told before, and what is dead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from events.envelope import Message
from ledger.dead_letters import DeadLetter, Incoming

Key: TypeAlias = tuple[str, str]
"""Source and id of a message."""

Known: TypeAlias = tuple[int | None, bytes]
"""Position (None: not appended yet) and content hash of a message."""

OTHER_CONTENT = (
    "this source and id was recorded with other content, which goes on counting; send the"
    " correction under an id of its own"
)
"""Why a message is quarantined."""


@dataclass(slots=True)
class Sorted:
    """A batch sorted by what becomes of each message."""

    accepted: list[Message] = field(default_factory=list)
    duplicates: int = 0
    dead: list[DeadLetter] = field(default_factory=list)

    def count(self, kind: str) -> int:
        """How many dead letters there are of a kind."""
        return sum(letter.kind == kind for letter in self.dead)


def keys_of(batch: Sequence[Incoming]) -> list[Key]:
    """The keys of those messages of a batch that could be read, in their order."""
    return [(each.message.source, each.message.id) for each in batch if each.message is not None]


def sort(batch: Sequence[Incoming], known: Mapping[Key, Known]) -> Sorted:
    """Tell new messages from duplicates, contradictions and what cannot be read, in their order.

    ``known`` are those of its keys that were told before; the first of a key in the batch counts.
    """
    told = dict(known)
    result = Sorted()
    for incoming in batch:
        message = incoming.message
        if message is None:
            result.dead.append(_rejected(incoming))
            continue
        key = (message.source, message.id)
        before = told.get(key)
        if before is None:
            told[key] = (None, message.content)
            result.accepted.append(message)
        elif before[1] == message.content:
            result.duplicates += 1
        else:
            result.dead.append(_quarantined(incoming, message, before[0]))
    return result


def _rejected(incoming: Incoming) -> DeadLetter:
    rejection = incoming.rejection
    if rejection is None:
        raise ValueError(f"{incoming.origin} has neither a message nor a rejection")
    return DeadLetter(
        "rejected",
        incoming.origin,
        rejection.code,
        rejection.member or None,
        rejection.message,
        incoming.payload,
        kafka=incoming.kafka,
    )


def _quarantined(incoming: Incoming, message: Message, first: int | None) -> DeadLetter:
    return DeadLetter(
        "quarantined",
        incoming.origin,
        "other_content",
        "id",
        OTHER_CONTENT,
        incoming.payload,
        message.source,
        message.id,
        first,
        incoming.kafka,
    )
