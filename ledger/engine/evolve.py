"""Folding: what each event changes in the entity of its own stream. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from events.base import Event
from events.catalogue import TOPICS
from events.recorded import Recorded
from ledger.engine.folding import clients, invoices, ledger, others, partners
from ledger.engine.folding.table import Folds
from ledger.engine.state import Client, Department, Invoice, Lead, Ledger, Partner, Payout

_FOLDS: Folds = {
    **clients.FOLDS,
    **partners.FOLDS,
    **others.FOLDS,
    **invoices.FOLDS,
    **ledger.FOLDS,
}

_NEW: Mapping[str, Callable[[str], object]] = {
    "client": Client,
    "partner": Partner,
    "lead": Lead,
    "department": Department,
    "payout": Payout,
    "invoice": Invoice,
    "ledger": lambda _: Ledger(),
}


def evolve(stream: str, entity: object | None, event: Recorded | Event) -> object | None:
    """The entity of a stream after an event of it; the same where the event changes nothing of it.

    ``entity`` is None before the first event. A decision may be given bare: no fold of a decision
    reads its place.
    """
    data = event.data if isinstance(event, Recorded) else event
    fold = _FOLDS.get(type(data))
    if fold is None:
        return entity
    if entity is None:
        room, _, name = stream.partition(":")
        make = _NEW.get(room)
        if make is None:
            return None
        entity = make(name)
    return fold(entity, event, data)


def folded_topics() -> frozenset[str]:
    """The topics that change an entity, of every version: what the store loads of a stream."""
    types = {cls.type for cls in _FOLDS}
    return frozenset(topic for topic, cls in TOPICS.items() if cls.type in types)
