"""What each event names by position: that it is there, before it, and of the right kind (D18.5).

One byte a position is remembered, the number of its event's type: ten million events are ten
megabytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import get_args

from events.base import Command, Decision, Event, Fact
from events.billing import ClientActivated, ClientPlanChanged, InvoicePaid, InvoiceRefunded
from events.catalogue import CATALOGUE
from events.controls import CommandProposed, ProposalApproved
from events.decisions import (
    AttributionAssigned,
    ClientStanding,
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
    # A place in a ranking may be given by how a client stands, if finance's word is why.
    "facts": (Fact, *_ASSIGNED, PartnerOpened, PartnerCorrected, ClientStanding),
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
_OF_CLASS: Mapping[type[Event], Mapping[str, Kinds]] = {
    AdjustmentPosted: {"command": (AdjustmentRequested, FactRetracted, PartnerOpened)},
    AttributionAssigned: {"command": (AttributionAssignmentRequested,)},
    CommissionPosted: {"line": (CommissionPosted,)},
    CreditPosted: {"command": (CreditRequested,)},
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
    SponsorAccepted: _SPONSORING,
    SponsorRejected: _SPONSORING,
    SponsorWaiting: _SPONSORING,
    TerritoryAccepted: _COVERING,
    TerritoryRejected: _COVERING,
    WhiteLabelAccepted: _BRANDING,
    WhiteLabelRejected: _BRANDING,
    WholesaleBooked: {"fact": (WholesaleSettled,)},
}

_TYPES = sorted({cls.type for cls in CATALOGUE.values()})
_NUMBERS = {name: number for number, name in enumerate(_TYPES, start=1)}
_NOTHING = 0
"""The number of a position at which no event of the catalogue is."""


class Links:
    """Follows the events in order of position, and looks up what each names."""

    def __init__(self) -> None:
        self._numbers = bytearray(1)

    def is_command(self, position: int) -> bool:
        """Whether a command stands at a position that was passed."""
        return self._number(position) in _numbers_of((Command,))

    def pass_by(self, position: int, cls: type[Event] | None) -> None:
        """Remember what stands at a position; None is nothing that an event may name."""
        missing = position + 1 - len(self._numbers)
        if missing > 0:
            self._numbers.extend(bytes(missing))
        if cls is not None:
            self._numbers[position] = _NUMBERS[cls.type]

    def check(self, row: StoredRow, event: Event) -> Iterator[Discrepancy]:
        """D18.5: yield each position that an event names and should not."""
        for member, named, numbers in _positions(event):
            number = self._number(named)
            if named >= row.position or number not in numbers:
                what = f"{member} {named} {self._found(row, named, number, numbers)}"
                yield Discrepancy("D18.5", what, row.position, row.partner_id)

    def _number(self, position: int) -> int:
        return self._numbers[position] if 0 < position < len(self._numbers) else _NOTHING

    @staticmethod
    def _found(row: StoredRow, named: int, number: int, numbers: frozenset[int]) -> str:
        if named >= row.position:
            return "is not before it"
        if number == _NOTHING:
            return "is not there"
        wanted = " or ".join(_TYPES[each - 1] for each in sorted(numbers))
        return f"is {_TYPES[number - 1]}, not {wanted}"


def _positions(event: Event) -> Iterator[tuple[str, int, frozenset[int]]]:
    """Each position that an event names: the member, the position, the types that may be there."""
    members = event.__dict__
    for member, numbers, is_many in _named_by(type(event)):
        value = members[member]
        if value is None:
            continue
        if is_many:
            for each in value:
                yield member, each, numbers
        else:
            yield member, value, numbers
    if type(event) is ClientStanding:
        yield from _of_standing(event)


def _of_standing(event: ClientStanding) -> Iterator[tuple[str, int, frozenset[int]]]:
    for standing in (event.before, event.after):
        if standing.claim is not None:
            yield "claim", standing.claim, _numbers_of(_CLAIMS)
    for change in event.subscriptions:
        for term in (*change.before, *change.after):
            yield "activation", term.activation, _numbers_of(_NAMED["activation"])
            yield "price_fact", term.price_fact, _numbers_of(_NAMED["price_fact"])


@cache
def _named_by(cls: type[Event]) -> tuple[tuple[str, frozenset[int], bool], ...]:
    """The members of a class that hold positions: name, numbers of types, whether many."""
    known = {**_NAMED, **_OF_CLASS.get(cls, {})}
    return tuple(
        (name, _numbers_of(known[name]), name in {"facts", "refunds"})
        for name, field in cls.model_fields.items()
        # Of the same name may be a code: a ranking's own, the cause of a tier.
        if name in known and _holds_integers(field.annotation)
    )


def _holds_integers(annotation: object) -> bool:
    return annotation is int or any(map(_holds_integers, get_args(annotation)))


@cache
def _numbers_of(kinds: Kinds) -> frozenset[int]:
    return frozenset(_NUMBERS[cls.type] for cls in CATALOGUE.values() if issubclass(cls, kinds))
