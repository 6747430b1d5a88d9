"""What each event names by position: that it is there, before it, and of the right kind (D18.5).

One byte a position is remembered, the number of its event's type: ten million events are ten
megabytes. A page is looked through by itself; what it names before its beginning is looked up when
the pages are put together.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple, TypeAlias, get_args

from events.base import Command, Decision, Event, Fact
from events.billing import ClientActivated, ClientPlanChanged, InvoicePaid, InvoiceRefunded
from events.catalogue import CATALOGUE, TOPICS
from events.controls import CommandProposed, ProposalApproved
from events.decisions import (
    AttributionAssigned,
    ClientStanding,
    DecisionResolved,
    DecisionUnresolved,
    FactVoided,
)
from events.finance import (
    AccrualRun,
    AdjustmentRequested,
    AttributionAssignmentRequested,
    CreditRequested,
    FactRetracted,
    PartnerCorrected,
    PartnerOpened,
    PartnerProgrammeAssigned,
    PayoutRun,
    PeriodClosed,
    ResolutionRequested,
)
from events.lines import (
    AdjustmentPosted,
    CommissionPosted,
    CreditPosted,
    Line,
    MarginPosted,
    PrizePosted,
    RankingRecorded,
)
from events.partner_decisions import (
    EnrolmentCorrected,
    ProgrammeAssigned,
    SponsorAccepted,
    SponsorRejected,
    SponsorWaiting,
    TerritoryAccepted,
    TerritoryRejected,
    WhiteLabelAccepted,
    WhiteLabelRejected,
)
from events.partners import (
    LeadCaptured,
    LeadConverted,
    PartnerEnrolled,
    PartnerTerritoryGranted,
    PartnerWhiteLabelGranted,
    PayoutFailed,
    PayoutSettled,
    ReferralRegistered,
    WholesaleSettled,
)
from events.payout_decisions import PaymentBooked, PayoutClosed, PayoutInitiated, WholesaleBooked
from replay.findings import Discrepancy, StoredRow

Kinds = tuple[type[Event], ...]
"""Classes of events, abstract ones for all that derive from them."""

_CLAIMS: Kinds = (ReferralRegistered, LeadCaptured, LeadConverted, ClientActivated)
_ASSIGNED: Kinds = (AttributionAssignmentRequested, AttributionAssigned)

_NAMED: Mapping[str, Kinds] = {
    "fact": (Fact, Command),
    "facts": (Fact, *_ASSIGNED, PartnerOpened, PartnerCorrected),
    "claim": _CLAIMS,
    "standing_claim": (*_CLAIMS, *_ASSIGNED, PartnerTerritoryGranted),
    "cause": (Fact, Command),
    "line": (Line,),
    "run": (AccrualRun,),
    "previous_run": (AccrualRun,),
    "command": (Command,),
    "close": (PeriodClosed,),
    "payment": (InvoicePaid,),
    "refunds": (InvoiceRefunded,),
    "ranking": (RankingRecorded,),
    "decision": (Decision,),
    "activation": (ClientActivated,),
    "price_fact": (ClientActivated, ClientPlanChanged),
    "proposal": (CommandProposed,),
    "approval": (ProposalApproved,),
}
"""What a member of this name holds the position of, unless the class of its event says more."""

_SPONSORING: Mapping[str, Kinds] = {"fact": (PartnerEnrolled, PartnerCorrected)}
_BRANDING: Mapping[str, Kinds] = {"fact": (PartnerWhiteLabelGranted,)}
_COVERING: Mapping[str, Kinds] = {"fact": (PartnerTerritoryGranted,)}
_PAYING: Mapping[str, Kinds] = {"fact": (PayoutSettled, PayoutFailed)}
# A flagged payment is listed under its message.
_LISTED: Mapping[str, Kinds] = {"decision": (Decision, PayoutSettled, PayoutFailed)}
_OF_CLASS: Mapping[type[Event], Mapping[str, Kinds]] = {
    AdjustmentPosted: {"command": (AdjustmentRequested, FactRetracted, PartnerOpened)},
    AttributionAssigned: {"command": (AttributionAssignmentRequested,)},
    CommissionPosted: {"line": (CommissionPosted,)},
    CreditPosted: {"command": (CreditRequested,)},
    DecisionResolved: {**_LISTED, "command": (ResolutionRequested,)},
    DecisionUnresolved: {"fact": (Fact,), "command": (FactRetracted,)},
    EnrolmentCorrected: {"command": (PartnerCorrected,)},
    FactVoided: {"fact": (Fact,), "command": (FactRetracted,)},
    MarginPosted: {"line": (MarginPosted,)},
    PaymentBooked: _PAYING,
    PayoutClosed: _PAYING,
    PayoutInitiated: {"run": (PayoutRun,)},
    PrizePosted: {"run": (PeriodClosed,)},
    ProgrammeAssigned: {"command": (PartnerProgrammeAssigned,)},
    RankingRecorded: {"run": (PeriodClosed,)},
    ResolutionRequested: _LISTED,
    SponsorAccepted: _SPONSORING,
    SponsorRejected: _SPONSORING,
    SponsorWaiting: _SPONSORING,
    TerritoryAccepted: _COVERING,
    TerritoryRejected: _COVERING,
    WhiteLabelAccepted: _BRANDING,
    WhiteLabelRejected: _BRANDING,
    WholesaleBooked: {"fact": (WholesaleSettled,)},
}

_MANY = frozenset({"facts", "refunds"})

Key = tuple[str, str]
"""A type, empty where all types mean the same by it, and the name of its member."""

DECIDED_BY: Key = ("", "decided by")
"""The command of a line or payout (D18.8): its run, or what finance asked for."""

RUN: Key = ("", "run")
"""The accrual run of a line."""

DEEP: Mapping[type[Event], Sequence[tuple[Key, str]]] = {
    ClientStanding: (
        (("", "claim"), "before.claim"),
        (("", "claim"), "after.claim"),
        (("", "activation"), "subscriptions.before.activation"),
        (("", "activation"), "subscriptions.after.activation"),
        (("", "price_fact"), "subscriptions.before.price_fact"),
        (("", "price_fact"), "subscriptions.after.price_fact"),
    )
}
"""Where the values inside an event hold positions, by the names that lead there."""

_TYPES = sorted({cls.type for cls in CATALOGUE.values()})
_NUMBERS = {name: number for number, name in enumerate(_TYPES, start=1)}
_NOTHING = 0
"""The number of a position at which no event of the catalogue is."""

_NUMBERS_OF_TOPICS = defaultdict(
    lambda: _NOTHING, {topic.encode(): _NUMBERS[cls.type] for topic, cls in TOPICS.items()}
)


Named: TypeAlias = "Mapping[Key, array[int]]"
"""Positions that events name, by what each may be; who names them is not known any more."""


class Pending(NamedTuple):
    """A position before the page that an event of it names; ``key`` says what it may be."""

    position: int
    partner_id: str | None
    named: int
    key: Key


class PageLinks:
    """What the events of one page name: looked up in the page, or kept for :class:`Links`."""

    def __init__(self, after: int, through: int, numbers: bytes | None = None) -> None:
        self._after = after
        self.numbers = bytearray(through - after if numbers is None else numbers)
        """The number of the type at each position of the page; 0 is none."""
        self.pending: list[Pending] = []

    def pass_by(self, position: int, cls: type[Event] | None) -> None:
        """Remember what stands at a position; None is nothing that an event may name."""
        if cls is not None:
            self.numbers[position - self._after - 1] = _NUMBERS[cls.type]

    def lacks(self, key: Key, named: Iterable[int]) -> bool:
        """Whether a position behind the page's beginning is not there, or not what it may be."""
        first, count = self._after + 1, len(self.numbers)
        allowed = _allowed(key)
        return any(
            each - first >= count or self.numbers[each - first] not in allowed for each in named
        )

    def check(self, row: StoredRow, event: Event) -> Iterator[str]:
        """Yield what is wrong with each position that an event names in its page."""
        for key, named in _named(event):
            if named <= self._after:
                self.pending.append(Pending(row.position, row.partner_id, named, key))
            elif named >= row.position:
                yield f"{key[1]} {named} is not before it"
            else:
                wrong = _wrong(key, named, self.numbers[named - self._after - 1])
                if wrong is not None:
                    yield wrong

    def is_no_command(self, row: StoredRow, command: int) -> bool:
        """Whether ``command`` is known to be none; one before the page is kept for later."""
        if command <= self._after:
            self.pending.append(Pending(row.position, row.partner_id, command, DECIDED_BY))
            return False
        if command >= row.position:
            return True
        return _wrong(DECIDED_BY, command, self.numbers[command - self._after - 1]) is not None


class Links:
    """What stands at each position so far, a byte each; looks up what later pages name."""

    def __init__(self) -> None:
        self._numbers = bytearray(1)

    def lack(self, named: Named) -> bool:
        """Whether a position before the next page, named in it, is not what it may be."""
        at = self._numbers.__getitem__
        return any(not _allowed(key).issuperset(map(at, told)) for key, told in named.items())

    def take(self, numbers: bytes, pending: Iterable[Pending]) -> Iterator[Discrepancy]:
        """Take the next page; yields what is wrong with the positions before it that it names."""
        known = self._numbers
        for position, partner_id, named, key in pending:
            number = known[named] if named > 0 else _NOTHING
            if number not in _allowed(key):
                if key == DECIDED_BY:
                    what = f"it was decided by {named}, which is no command"
                    yield Discrepancy("D18.8", what, position, partner_id)
                else:
                    what = str(_wrong(key, named, number))
                    yield Discrepancy("D18.5", what, position, partner_id)
        known += numbers


def is_narrower(key: Key, other: Key) -> bool:
    """Whether all that a member may name is what another one may name, too."""
    return _allowed(key) <= _allowed(other)


def numbers_of(topics: Iterable[bytes]) -> bytes:
    """The number of the type of each topic; 0 of one that is not in the catalogue."""
    return bytes(map(_NUMBERS_OF_TOPICS.__getitem__, topics))


def _wrong(key: Key, named: int, number: int) -> str | None:
    """What is wrong with a type at a position that a member names, if anything."""
    numbers = _allowed(key)
    if number in numbers:
        return None
    if number == _NOTHING:
        return f"{key[1]} {named} is not there"
    wanted = " or ".join(_TYPES[each - 1] for each in sorted(numbers))
    return f"{key[1]} {named} is {_TYPES[number - 1]}, not {wanted}"


def _named(event: Event) -> Iterator[tuple[Key, int]]:
    """Each position that an event names, with the member that does."""
    members = event.__dict__
    for key, name, is_many in members_of(type(event)):
        value = members[name]
        if value is None:
            continue
        if is_many:
            for each in value:
                yield key, each
        else:
            yield key, value
    for key, path in DEEP.get(type(event), ()):
        for named in _at(event, path):
            yield key, named


def _at(value: Any, path: str) -> Iterator[int]:
    """What stands at the end of a path, in each value of the arrays on it."""
    name, _, rest = path.partition(".")
    held = getattr(value, name)
    for each in held if isinstance(held, tuple) else (held,):
        if rest:
            yield from _at(each, rest)
        elif each is not None:
            yield each


@cache
def members_of(cls: type[Event]) -> tuple[tuple[Key, str, bool], ...]:
    """The members of a class that hold positions, by name, and whether they hold many."""
    known = {**_NAMED, **_OF_CLASS.get(cls, {})}
    return tuple(
        ((cls.type if name in _OF_CLASS.get(cls, {}) else "", name), name, name in _MANY)
        for name, field in cls.model_fields.items()
        # Of the same name may be a code: a ranking's own, the cause of a tier.
        if name in known and holds_integers(field.annotation)
    )


def holds_integers(annotation: object) -> bool:
    """Whether a member of an annotation may be, or hold, an integer."""
    return annotation is int or any(map(holds_integers, get_args(annotation)))


@cache
def _allowed(key: Key) -> frozenset[int]:
    """The numbers of the types that a member may name."""
    type_, name = key
    of_class = {cls.type: named for cls, named in _OF_CLASS.items()}.get(type_, {})
    kinds = (Command,) if key == DECIDED_BY else of_class.get(name) or _NAMED[name]
    return frozenset(_NUMBERS[cls.type] for cls in CATALOGUE.values() if issubclass(cls, kinds))
