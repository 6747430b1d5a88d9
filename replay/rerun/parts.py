"""How a log is divided: parts of whole partners with their clients, and what is common to all."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from heapq import heapify, heapreplace
from typing import NamedTuple

from events.base import Event
from events.catalogue import COMMANDS, DECISIONS, FACTS
from events.course import AccrualCompleted, PartnerAccrued, StatementsSealed
from events.decisions import DecisionResolved, DecisionUnresolved
from events.lines import PrizePosted, RankingRecorded
from events.partners import (
    PartnerCertified,
    PartnerComarketingInvested,
    PartnerNpsReported,
    PartnerPortfolioReported,
)
from ledger.engine.evolve import folded_topics
from ledger.engine.recording import DECIDING
from replay.rerun.differences import Row

_FOLDED = {topic.partition("/")[0] for topic in folded_topics()}


def _is_read(cls: type[Event]) -> bool:
    """Whether a decision rests on facts of a class, or is taken on them."""
    return cls.type in _FOLDED or cls in DECIDING


TOLD: list[type[Event]] = [
    *(cls for cls in FACTS.values() if _is_read(cls)),
    *COMMANDS.values(),
    AccrualCompleted,
]
"""What a rerun is told: facts that decisions rest on, commands, and where runs were complete."""

LEFT_OUT = frozenset(
    {AccrualCompleted, PartnerAccrued, StatementsSealed, DecisionUnresolved, DecisionResolved}
)
"""How far runs were, seals (``verify`` hashes them) and lists for finance."""

COMPARED = [cls for cls in DECISIONS.values() if cls not in LEFT_OUT]

READ = frozenset(cls.topic() for cls in [*TOLD, *COMPARED])
"""The topics that deciding again reads, of the newest versions."""

SHARED_STREAMS = ("ledger", "partner:", "department:", "lead:")
"""The streams that decisions about any partner or client may read."""

OF_CLOSES = (RankingRecorded, PrizePosted)
OWN_REPORTS = frozenset(
    cls.topic()
    for cls in (
        PartnerCertified,
        PartnerComarketingInvested,
        PartnerNpsReported,
        PartnerPortfolioReported,
    )
)
"""What only a partner's own tiers rest on."""


class Part(NamedTuple):
    """Partners, with every client that one of them ever held by a claim or by finance's word.

    Both empty is the *common part*: ties, brands, departments, leads, and the rankings of closes.
    """

    partners: frozenset[str] = frozenset()
    clients: frozenset[str] = frozenset()

    @property
    def is_common(self) -> bool:
        """Whether this is the part that belongs to no partner alone."""
        return not self.partners and not self.clients

    def sees(self, row: Row) -> bool:
        """Whether deciding this part again reads a row."""
        if row.client_id in self.clients or row.partner_id in self.partners:
            return True
        if row.stream.startswith(SHARED_STREAMS):
            return self.is_common or row.topic not in OWN_REPORTS
        name = row.topic.partition("/")[0]
        if name == "RewardPosted":
            return not self.is_common
        return self.is_common and name in {cls.type for cls in OF_CLOSES}

    def owns(self, stream: str, partner_id: str | None, client_id: str | None) -> bool:
        """Whether a decision on a fact or command is compared in this part."""
        if client_id is not None:
            return client_id in self.clients
        if stream.startswith(SHARED_STREAMS):
            return self.is_common
        return partner_id in self.partners


class Readers:
    """Tells of each of many rows which parts read it: what :meth:`Part.sees` says of each part.

    None of the parts is the common one.
    """

    def __init__(self, parts: Sequence[Part]) -> None:
        self._all = range(len(parts))
        self._with_partner: dict[str | None, list[int]] = {}
        self._with_client: dict[str | None, list[int]] = {}
        for number, part in enumerate(parts):
            for name in part.partners:
                self._with_partner.setdefault(name, []).append(number)
            for name in part.clients:
                self._with_client.setdefault(name, []).append(number)

    def of(
        self, stream: str, topic: str, partner_id: str | None, client_id: str | None
    ) -> Collection[int]:
        """Return the numbers of the parts that read an event, each once."""
        is_shared = stream.startswith(SHARED_STREAMS) and topic not in OWN_REPORTS
        if is_shared or topic.startswith("RewardPosted/"):
            return self._all
        of_client = self._with_client.get(client_id, ())
        of_partner = self._with_partner.get(partner_id, ())
        return {*of_client, *of_partner} if of_client and of_partner else of_client or of_partner


class Division:
    """Puts partners and their clients into parts of about equal weight."""

    def __init__(
        self, weights: Mapping[str, int], together: Iterable[Collection[str]], events: int
    ) -> None:
        """``weights`` are events by partner, of which a part has about ``events``."""
        count = max(1, -(-sum(weights.values()) // events))
        self._partners: list[set[str]] = [set() for _ in range(count)]
        self._clients: list[set[str]] = [set() for _ in range(count)]
        self._part_of: dict[str, int] = {}
        self._next = 0
        lightest = [(0, number) for number in range(count)]
        heapify(lightest)
        for group in _groups(weights, together):
            weight, number = lightest[0]
            heapreplace(lightest, (weight + sum(weights[name] for name in group), number))
            self._partners[number].update(group)
            self._part_of.update(dict.fromkeys(group, number))

    def add(self, client_id: str, partners: Collection[str]) -> None:
        """Put a client into the parts of all that ever held it; nobody's into one of them."""
        numbers = {self._part_of[name] for name in partners if name in self._part_of}
        if not numbers:
            self._next = (self._next + 1) % len(self._clients)
            numbers = {self._next}
        for number in numbers:
            self._clients[number].add(client_id)

    def parts(self, together: Iterable[Sequence[str]]) -> list[Part]:
        """The parts that have anything; clients ``together`` are wherever one of them is."""
        groups = list(together)
        for clients in self._clients:
            _grow(clients, groups)
        both = zip(self._partners, self._clients, strict=True)
        return [Part(frozenset(p), frozenset(c)) for p, c in both if p or c]


def _grow(clients: set[str], groups: Sequence[Sequence[str]]) -> None:
    """Add to clients whoever is in a group with one of them."""
    size = -1
    while size != len(clients):
        size = len(clients)
        for group in groups:
            if not clients.isdisjoint(group):
                clients.update(group)


def _groups(weights: Mapping[str, int], together: Iterable[Collection[str]]) -> list[list[str]]:
    """Partners that stay together, the heaviest group first; most are alone."""
    group_of = {name: [name] for name in sorted(weights)}
    for names in together:
        first, *others = sorted(names)
        joined = group_of[first]
        for name in others:
            other = group_of[name]
            if other is not joined:
                joined += other
                group_of.update(dict.fromkeys(other, joined))
    groups = {id(group): group for group in group_of.values()}
    return sorted(groups.values(), key=lambda group: -sum(weights[name] for name in group))
