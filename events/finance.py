"""Finance's own commands: each is an event of the stream ``ledger``, with who ran it."""

from __future__ import annotations

from datetime import date
from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, JsonValue, model_validator

from events.base import Command, Value
from events.values import (
    Code,
    Currency,
    Day,
    Identifier,
    MessageId,
    MinorUnits,
    Month,
    Operator,
    PartnerKind,
    Position,
    Sha256,
    SignedMinorUnits,
    Source,
    TierName,
    TimeZone,
)

MAX_EXACT = 2**53 - 1
"""The largest integer that every reader of JSON holds exactly (RFC 8785)."""


class Controlled(Command):
    """A command that waits for a second operator where the programme's controls say so.

    ``approval`` is the position of its ``proposal.approved``; ``operator`` is who proposed it then.
    """

    approval: Position | None = None
    operator: Operator


EngineNumber = Annotated[int | None, Field(strict=True, ge=1)]
"""Which engine decided from this command on; None: recorded before engines had numbers."""


class TwoPersons(Command):
    """A command that one person asks for and another approves."""

    requested_by: Operator
    approved_by: Operator
    operator: Operator

    @model_validator(mode="after")
    def _are_two(self) -> Self:
        if self.requested_by.strip().casefold() == self.approved_by.strip().casefold():
            raise ValueError(
                f"{self.approved_by!r} cannot approve what they requested; name another person"
            )
        return self


def _has_one_form(document: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """Refuse what has no canonical form or no place in the database: floats, nulls, wide keys."""
    waiting: list[JsonValue] = [document]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            if not all(key.isascii() for key in value):
                raise ValueError("names in a programme document are plain ASCII; rename them")
            waiting += value.keys()
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value
        elif value is None or isinstance(value, float):
            raise ValueError("a programme document has no nulls and no floats; quote a decimal")
        elif isinstance(value, int) and abs(value) > MAX_EXACT:
            raise ValueError("a number in a programme document is too large to be exact")
        elif isinstance(value, str) and "\x00" in value:
            raise ValueError("a programme document has no NUL characters; remove them")
    return document


KafkaName = Annotated[str, Field(min_length=1, max_length=249, pattern=r"^[A-Za-z0-9._\-]+$")]
"""A topic or a consumer group: letters, digits, dots, dashes and underscores."""

Document = Annotated[dict[str, JsonValue], AfterValidator(_has_one_form)]
"""A whole programme as JSON: tables, lists, strings, integers and booleans."""


class ProgrammeAdopted(Controlled):
    """A version of a programme comes into force (D7.2), with no ``from_day`` on every day before.

    The first adoption also fixes the ledger's time zone (D2).
    """

    type: ClassVar[str] = "programme.adopted"
    programme: Identifier
    number: Annotated[int, Field(strict=True, ge=1)]
    document: Document
    sha256: Sha256
    from_day: Annotated[Day | None, Field(alias="from")] = None
    time_zone: TimeZone
    operator: Operator
    engine: EngineNumber = None


class PartnerProgrammeAssigned(Controlled):
    """A partner is under another programme from a day on (D7.3)."""

    type: ClassVar[str] = "partner.programme_assigned"
    partner_id: Identifier
    programme: Identifier
    from_day: Annotated[Day, Field(alias="from")]
    operator: Operator


def may_open(day: date) -> bool:
    """Whether a ledger may open on a day: the first of a month, which another month precedes."""
    return day.day == 1 and day > date.min


class LedgerOpened(TwoPersons, Controlled):
    """The ledger starts, on the first of a month, for a programme that has a past (D8.3)."""

    type: ClassVar[str] = "ledger.opened"
    day: Day

    @model_validator(mode="after")
    def _is_first_of_month(self) -> Self:
        if not may_open(self.day):
            raise ValueError("a ledger opens on the first day of a month; name such a day")
        return self


class OpeningBalance(Value):
    """What a partner was owed in one currency when the ledger opened, in minor units."""

    currency: Currency
    amount: SignedMinorUnits


class PartnerOpened(TwoPersons, Controlled):
    """A partner's tier and balances when the ledger opened (D8.3)."""

    type: ClassVar[str] = "partner.opened"
    partner_id: Identifier
    tier: TierName
    since: Day
    balances: tuple[OpeningBalance, ...] = ()


class AccrualRun(Command):
    """Decide everything up to a day (D8.1); ``previous`` is L before this run."""

    type: ClassVar[str] = "accrual.run"
    through: Day
    previous: Day | None = None
    previous_run: Position | None = None
    ahead: Annotated[bool, Field(strict=True)] = False
    operator: Operator
    engine: EngineNumber = None


class OpenLetter(Value):
    """A dead letter that was open when a month was closed: its id, and the hash of its bytes."""

    id: Position
    kind: Literal["rejected", "quarantined"]
    sha256: Sha256


class PeriodClosed(Command):
    """A month is closed for good (D16).

    ``letters`` and ``unresolved`` are what was open of it and acknowledged (D16.2): dead letters,
    and positions of facts and decisions; None where nothing was open.
    """

    type: ClassVar[str] = "period.closed"
    month: Month
    ahead: Annotated[bool, Field(strict=True)] = False
    letters: tuple[OpenLetter, ...] | None = None
    unresolved: tuple[Position, ...] | None = None
    operator: Operator
    engine: EngineNumber = None


class PayoutRun(Controlled):
    """Pay what is due up to a cut-off (D15.1)."""

    type: ClassVar[str] = "payout.run"
    cutoff: Day
    partner_id: Identifier | None = None
    ahead: Annotated[bool, Field(strict=True)] = False
    operator: Operator
    engine: EngineNumber = None


class PayoutHeld(Command):
    """A partner's payouts are suspended (D15.1)."""

    type: ClassVar[str] = "payout.held"
    partner_id: Identifier
    reason: Code
    operator: Operator


class PayoutReleased(Command):
    """A partner's payouts resume (D15.1)."""

    type: ClassVar[str] = "payout.released"
    partner_id: Identifier
    reason: Code
    operator: Operator


class AdjustmentRequested(TwoPersons, Controlled):
    """Finance corrects an error (D9.4); the line it makes is a decision beside it."""

    type: ClassVar[str] = "adjustment.posted"
    partner_id: Identifier
    amount: SignedMinorUnits
    currency: Currency
    reason: Code
    line: Position | None = None
    date: Day

    @model_validator(mode="after")
    def _is_not_nothing(self) -> Self:
        if self.amount == 0:
            raise ValueError("an adjustment of 0 changes nothing; give an amount")
        if self.reason == "opening":
            raise ValueError("the reason 'opening' is kept for opening balances; use another code")
        return self


class CreditRequested(TwoPersons, Controlled):
    """Finance grants something extra (D9.4); the line it makes is a decision beside it."""

    type: ClassVar[str] = "credit.posted"
    partner_id: Identifier
    amount: Annotated[MinorUnits, Field(ge=1)]
    currency: Currency
    reason: Literal["fee", "renewal", "goodwill"]
    date: Day


class IngestGapAccepted(Command):
    """What a broker no longer has was missed knowingly: reading goes on at ``found``.

    ``expected`` is the offset that the ledger would have read next.
    """

    type: ClassVar[str] = "ingest.gap_accepted"
    group: KafkaName
    kafka_topic: Annotated[KafkaName, Field(alias="topic")]
    partition: Annotated[int, Field(strict=True, ge=0)]
    expected: Annotated[int, Field(strict=True, ge=0)]
    found: Annotated[int, Field(strict=True, ge=0)]
    reason: Literal["deleted", "truncated", "topic_anew", "other_cluster", "partitions_changed"]
    day: Day
    operator: Operator


class AttributionAssignmentRequested(TwoPersons, Controlled):
    """Finance gives a client to a partner, or to none, from a day on (D3.6)."""

    type: ClassVar[str] = "attribution.assigned"
    client_id: Identifier
    partner_id: Identifier | None = None
    from_day: Annotated[Day, Field(alias="from")]
    reason: Code


class FactRetracted(TwoPersons, Controlled):
    """A fact was never true (D9.5)."""

    type: ClassVar[str] = "fact.retracted"
    source: Source
    id: MessageId
    reason: Code


class ResolutionRequested(TwoPersons, Controlled):
    """Finance has looked at a decision or payment that is listed, by its position there (D9.5)."""

    type: ClassVar[str] = "decision.resolved"
    decision: Position
    partner_id: Identifier
    reason: Code


class PartnerCorrected(TwoPersons):
    """What an enrolment said is replaced for later decisions (D9.6).

    A member that is absent stays as it was; ``sponsor_id`` and ``department`` null take it away.
    """

    type: ClassVar[str] = "partner.corrected"
    partner_id: Identifier
    kind: PartnerKind | None = None
    founding: Annotated[bool, Field(strict=True)] | None = None
    sponsor_id: Identifier | None = None
    department: Code | None = None
    cleared: tuple[Literal["sponsor_id", "department"], ...] = ()

    @model_validator(mode="after")
    def _corrects_something(self) -> Self:
        given = {"kind", "founding", "sponsor_id", "department"} & {
            name for name, value in self if value is not None
        }
        if not given and not self.cleared:
            raise ValueError("a correction names what it corrects; give a member")
        if given & set(self.cleared) or len(set(self.cleared)) != len(self.cleared):
            raise ValueError("a member is either given or cleared, once")
        return self
