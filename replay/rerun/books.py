"""What is booked in a ledger in memory: lines, what is owed, what a partner was given."""

from __future__ import annotations

from bisect import bisect_right, insort
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence
from datetime import date
from operator import itemgetter
from typing import Any

from events.base import Decision, Event
from events.lines import (
    BonusDeclined,
    BonusPosted,
    CommissionPosted,
    ContestPosted,
    DifferenceUnresolved,
    Line,
    PeriodLine,
    RewardPosted,
)
from events.partner_decisions import BadgeAwarded
from ledger.engine.counted import Rewarded
from ledger.engine.posted import Period, Posted, PostedPeriods
from ledger.engine.sponsorship import Booked
from ledger.store.mapper import money_of

Kept = tuple[int, type[Event], tuple[Any, ...]]
"""A line as it is kept: its position, its class, its members in the order of the class."""

NO_MONEY = frozenset({"waiver", "margin", "margin_adjustment", "prize_in_kind"})
"""Kinds of lines that are in no balance (D18)."""

_PAID = frozenset({"payout_settled", "payout_returned", "payment"})


class MemoryBooks:
    """Books decisions by client and partner; a line is kept small until it is asked for."""

    def __init__(self) -> None:
        self.rewarded: set[str] = set()
        self.payees_of: defaultdict[str, set[str]] = defaultdict(set)
        self._lines: defaultdict[str, list[Kept]] = defaultdict(list)
        self._commissions: defaultdict[str, list[Kept]] = defaultdict(list)
        self._contests: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
        self._rewarded: dict[str, Rewarded] = {}
        self._posted_on: defaultdict[tuple[str, str], Counter[date]] = defaultdict(Counter)
        self._moved: Counter[tuple[str, str]] = Counter()

    def book(self, position: int, decision: Decision) -> None:
        """Take a decision at a position; those that book nothing change nothing."""
        if isinstance(decision, Line | DifferenceUnresolved):
            self._keep(position, decision)
        if isinstance(decision, BonusPosted | BonusDeclined | BadgeAwarded):
            self._reward(decision)
        elif isinstance(decision, RewardPosted):
            self.rewarded.add(decision.sponsored_id)
        elif isinstance(decision, ContestPosted):
            self._contests[decision.partner_id, decision.client_id].add(decision.contest)
        kind, currency, amount, in_flight, _, posting_day = money_of(decision)
        if kind is None or currency is None or kind in NO_MONEY or posting_day is None:
            return
        key = decision.__dict__["partner_id"], currency
        if isinstance(decision, Line):
            self._posted_on[key][posting_day] += amount or 0
        else:
            self._moved[key] += (in_flight or 0) + (amount or 0 if kind in _PAID else 0)

    def _keep(self, position: int, decision: Line | DifferenceUnresolved) -> None:
        members = decision.__dict__
        client_id = members.get("client_id")
        if client_id is None:
            return
        cls = type(decision)
        kept = position, cls, tuple(members[name] for name in cls.model_fields)
        _insert(self._lines[client_id], kept)
        if isinstance(decision, PeriodLine):
            self.payees_of[client_id].add(decision.partner_id)
        if isinstance(decision, CommissionPosted):
            _insert(self._commissions[decision.partner_id], kept)

    def _reward(self, decision: BonusPosted | BonusDeclined | BadgeAwarded) -> None:
        partner_id = decision.partner_id
        old = self._rewarded.get(partner_id) or Rewarded()
        if isinstance(decision, BadgeAwarded):
            old = old._replace(badges=old.badges | {decision.badge})
        elif isinstance(decision, BonusPosted):
            old = old._replace(paid=old.paid | {decision.ordinal})
        else:
            old = old._replace(declined={**old.declined, decision.ordinal: decision.day})
        self._rewarded[partner_id] = old

    def rewarded_of(self, partner_id: str) -> Rewarded:
        """What a partner was given or refused for its counted clients."""
        return self._rewarded.get(partner_id) or Rewarded()

    def contests_of(self, partner_id: str, client_id: str) -> tuple[str, ...]:
        """The contests in which a partner has its amount for a client."""
        return tuple(sorted(self._contests.get((partner_id, client_id), ())))

    def posted(self, client_id: str) -> dict[tuple[str, str], dict[Period, Posted]]:
        """What is posted for the periods of a client, by (client, partner), from its lines."""
        posted = PostedPeriods()
        for kept in self._lines.get(client_id, ()):
            posted.fold(*_booked(kept))
        return posted.by_account

    def lines(self, partner_id: str, after: int, active: date) -> Iterator[Sequence[Booked]]:
        """A partner's commissions after a position with S after a day."""
        kept = self._commissions[partner_id]
        found = map(_booked, kept[bisect_right(kept, after, key=_position) :])
        yield [one for one in found if one.event.__dict__["day"] > active]

    def accounts(self, clients: Collection[str]) -> dict[str, list[Booked]]:
        """The lines of clients, what was taken back of them, and the shares that they had."""
        return {client_id: list(map(_booked, self._lines[client_id])) for client_id in clients}

    def owed(self, cutoff: date) -> Iterator[tuple[str, str, int]]:
        """(partner, currency, minor units owed by a cut-off), where positive (D15.1)."""
        for key in sorted(self._posted_on.keys() | self._moved.keys()):
            posted = (amount for day, amount in self._posted_on[key].items() if day <= cutoff)
            owed = sum(posted) - self._moved[key]
            if owed > 0:
                yield *key, owed


def _insert(lines: list[Kept], kept: Kept) -> None:
    """Put a line at its position; nearly all come in order."""
    if lines and lines[-1][0] > kept[0]:
        insort(lines, kept, key=_position)
    else:
        lines.append(kept)


_position = itemgetter(0)


def _booked(kept: Kept) -> Booked:
    position, cls, values = kept
    return Booked(position, cls.holding(dict(zip(cls.model_fields, values, strict=True))))
