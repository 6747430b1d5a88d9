"""A draft: the decisions taken so far on one event, over the state that they already changed."""

from __future__ import annotations

from datetime import date

from events.base import Decision
from ledger.engine.evolve import evolve
from ledger.engine.state import Ledger, Overlay, Partner, ledger_of
from ledger.errors import NotReady
from ledger.policy.versions import Adopted


class Draft:
    """Collects decisions in order; each is folded at once, so that the next sees its effect."""

    def __init__(self, state: Overlay) -> None:
        self.state = state
        self.decisions: list[Decision] = []

    def emit(self, decision: Decision) -> None:
        """Take a decision and fold it into the state that later ones read."""
        self.decisions.append(decision)
        stream = decision.stream
        entity = evolve(stream, self.state.get(stream), decision)
        if entity is not None:
            self.state.changed[stream] = entity

    @property
    def ledger(self) -> Ledger:
        """The ledger's own entity."""
        return ledger_of(self.state)


def programme_on(ledger: Ledger, partner: Partner | None, day: date) -> Adopted:
    """The version in force on a day for a partner (D7.2, D7.3), or for a direct client (None).

    Raises NotReady before a first programme is adopted.
    """
    name = ledger.programmes.first
    if name is None:
        raise NotReady(
            "no programme is adopted yet; adopt one first: commissions programme adopt izyinbox"
        )
    begun: date | None = None
    for start, assigned in partner.programmes if partner else ():
        if start <= day and (begun is None or start >= begun):
            begun, name = start, assigned
    return ledger.programmes.in_force(name, day)
