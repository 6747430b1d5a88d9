"""What decisions are made of: the facts that count, and who holds the clients by them.

There are two worlds: the one that is believed now, and the one in which nothing was ever retracted,
for U of D9.5. Both hear every claim and assignment.

Readings:

- A client that several subscriptions activate on its first day has the earliest of their instants
  as its first activation; of one subscription the activation recorded first counts (D4.2).
- The winning claim of a counted client (D10.2) is one of the partner that counts it. A client that
  finance gave to another from its first activation day, or from before it, has none.
- With ``client_year.restart = "reactivation"`` (D5) the year starts anew when the *client* comes
  back: an activation on a day on which none of its subscriptions goes on from the day before. A
  second subscription beside a running one restarts nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime

from events.billing import ClientActivated
from ledger.policy.parts import Contest
from tests.model.attribution import Attribution
from tests.model.days import client_year
from tests.model.periods import activations, all_spells, counted_on, first_activation_day
from tests.model.programmes import Programmes
from tests.model.seen import Facts, of_type


@dataclass(frozen=True)
class Counted:
    """A counted client (D6.1): who counts it, when, and the day of its winning claim."""

    client_id: str
    partner_id: str
    day: date
    first_at: datetime
    claimed_on: date | None

    @property
    def order(self) -> tuple[date, datetime, str]:
        """By counting day, first activation, then client id (D10.1)."""
        return (self.day, self.first_at, self.client_id)


@dataclass
class World:
    """Facts and attribution, and what follows from them about clients."""

    attribution: Attribution
    programmes: Programmes
    facts: Facts = field(default_factory=Facts)

    def client_ids(self) -> list[str]:
        """All clients ever activated."""
        return sorted({data.client_id for _, data in of_type(self.facts, ClientActivated)})

    def first_day(self, client_id: str) -> date | None:
        """The first activation day of a client."""
        return first_activation_day(self.facts, client_id)

    def counted(self, client_id: str) -> Counted | None:
        """How a client counts, if it does."""
        first = self.first_day(client_id)
        holder = None if first is None else self.attribution.holder(client_id, first)
        if first is None or holder is None:
            return None
        qualifying = self.programmes.programme(holder, first).activation.qualifying_days
        day = counted_on(self.facts, client_id, qualifying)
        if day is None:
            return None
        winning = self.attribution.winning(client_id)
        claimed_on = winning.day if winning and winning.partner_id == holder else None
        spells = [spell for spell in all_spells(self.facts, client_id) if spell.start == first]
        first_at = min(spell.activation.message.effective_at for spell in spells)
        return Counted(client_id, holder, day, first_at, claimed_on)

    def all_counted(self) -> list[Counted]:
        """All counted clients, in their order."""
        found = [self.counted(client_id) for client_id in self.client_ids()]
        return sorted((one for one in found if one is not None), key=lambda one: one.order)

    def counted_of(self, partner_id: str) -> list[Counted]:
        """The counted clients of a partner, in their order."""
        return [one for one in self.all_counted() if one.partner_id == partner_id]

    def contests_of(self, counted: Counted) -> list[Contest]:
        """The contests that a counted client is in: those with its winning claim inside (D10.2)."""
        programme = self.programmes.programme(counted.partner_id, counted.day)
        return [
            contest
            for contest in programme.contests
            if counted.claimed_on is not None and contest.start <= counted.claimed_on <= contest.end
        ]

    def year(self, client_id: str, day: date, *, restarts: bool) -> int:
        """The client year of a day (D5)."""
        since = self.first_day(client_id)
        assert since is not None
        if restarts:
            since = max([since, *(d for d in self._returns(client_id) if d <= day)])
        return client_year(since, day)

    def _returns(self, client_id: str) -> list[date]:
        """The days on which a client came back, and the first."""
        spells = all_spells(self.facts, client_id)
        return [
            spell.start
            for spell in spells
            if not any(
                other.start < spell.start and (other.end is None or other.end > spell.start)
                for other in spells
            )
        ]

    def is_activated(self, client_id: str) -> bool:
        """Whether an activation of a client is on record."""
        return bool(activations(self.facts, client_id))
