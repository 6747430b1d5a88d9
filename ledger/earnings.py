"""What a partner earns beside its clients' lines, decided in a run after them (D8.1)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from itertools import islice
from typing import Any, NamedTuple

from psycopg import Cursor

from events.base import Decision
from ledger.engine.badges import Reached, award, badges_reached
from ledger.engine.bonuses import decide_bonus, ordinals_to_judge
from ledger.engine.contests import decide_contests
from ledger.engine.counted import CountedClient, Counts, Rewarded
from ledger.engine.state import Ledger, Partner, Run
from ledger.ports import CountedModels

PAGE = 1_000
"""Counted clients looked up at a time."""


class Evidence(NamedTuple):
    """A partner as its earnings are decided: with the tiers of the run, and what it was given."""

    partner: Partner
    counts: Counts
    rewarded: Rewarded


class Earnings:
    """Decides what counted clients earn: bonuses, then contests; and badges, after sponsorship.

    What is recorded already, by this run too, is not decided again: so a killed run goes on.
    """

    def __init__(
        self,
        ledger: Ledger,
        run: Run,
        models: CountedModels,
        cursor: Cursor[Any],
        *,
        contests: bool,
    ) -> None:
        self._ledger, self._run, self._models, self._cursor = ledger, run, models, cursor
        self._contests = contests
        self._at_hand: dict[int, CountedClient] = {}

    def of(self, evidence: Evidence) -> Iterator[Sequence[Decision]]:
        """Bonuses and contests of one partner, some at a time; badges come last."""
        self._at_hand.clear()
        yield from self._bonuses(evidence)
        if self._contests:
            yield from self._contest_amounts(evidence.partner)

    def _bonuses(self, evidence: Evidence) -> Iterator[Sequence[Decision]]:
        partner, counts, rewarded = evidence
        judged = ordinals_to_judge(self._ledger, self._run, partner, counts, rewarded)
        for ordinals in _paged(judged):
            if not self._at_hand:
                # With the first, those of the badges, too: each question counts all of a partner's.
                self._look_up(partner, counts, {*ordinals, *_named(self._reached(evidence))})
            clients = self._clients(partner, counts, ordinals)
            yield [
                decide_bonus(self._ledger, self._run, partner, ordinal, client)
                for ordinal, client in zip(ordinals, clients, strict=True)
            ]

    def _contest_amounts(self, partner: Partner) -> Iterator[Sequence[Decision]]:
        pages = self._models.entrants(self._cursor, self._run, partner.partner_id, PAGE)
        for entrants in pages:
            yield [
                line
                for client, posted in entrants
                for line in decide_contests(self._ledger, self._run, partner, client, posted)
            ]

    def badges(self, evidence: Evidence) -> Iterator[Decision]:
        """The badges that a partner's counted clients reach; after :meth:`of` it."""
        partner, counts, _ = evidence
        reached = self._reached(evidence)
        named = _named(reached)
        clients = dict(zip(named, self._clients(partner, counts, named), strict=True))
        for badge, ordinals in reached:
            of_badge = [clients[ordinal] for ordinal in ordinals]
            yield award(self._ledger, self._run, partner, badge, of_badge)

    def _reached(self, evidence: Evidence) -> list[Reached]:
        partner, counts, rewarded = evidence
        return badges_reached(self._ledger, self._run, partner, counts, rewarded.badges)

    def _clients(
        self, partner: Partner, counts: Counts, ordinals: Sequence[int]
    ) -> list[CountedClient]:
        missing = {ordinal for ordinal in ordinals if ordinal not in self._at_hand}
        if missing:
            self._at_hand.clear()
            self._look_up(partner, counts, {*ordinals})
        return [self._at_hand[ordinal] for ordinal in ordinals]

    def _look_up(self, partner: Partner, counts: Counts, ordinals: AbstractSet[int]) -> None:
        wanted = sorted(ordinals)
        places = [counts.place_of(ordinal) for ordinal in wanted]
        found = self._models.at_places(self._cursor, self._run, partner.partner_id, places)
        self._at_hand.update(zip(wanted, found, strict=True))


def _named(reached: Sequence[Reached]) -> list[int]:
    """The clients that badges name, by their ordinals."""
    return sorted({ordinal for _, ordinals in reached for ordinal in ordinals})


def _paged(ordinals: Iterator[int]) -> Iterator[tuple[int, ...]]:
    while page := tuple(islice(ordinals, PAGE)):
        yield page
