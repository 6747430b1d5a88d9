"""The state that decisions read: one frozen entity a stream, each the fold of its stream alone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

from events.base import COMMANDS
from events.decisions import Standing, Term
from events.values import Interval, TierName
from ledger.policy.versions import Programmes

_NOTHING: Mapping[Any, Any] = MappingProxyType({})
_NO_PROGRAMMES = Programmes()


class State(Protocol):
    """Stream → entity; a stream without events has none. A dict is one."""

    def get(self, stream: str, /) -> object | None:
        """The entity of a stream."""


class Overlay:
    """A state over another: what changes is put here, what lies under it stays as it was."""

    __slots__ = ("_base", "changed")

    def __init__(self, base: State) -> None:
        self._base = base
        self.changed: dict[str, object] = {}

    def get(self, stream: str, /) -> object | None:
        """The entity of a stream, changed or not."""
        entity = self.changed.get(stream)
        return self._base.get(stream) if entity is None else entity


class Activation(NamedTuple):
    """A ``client.activated`` of one subscription; ``price`` in minor units per interval."""

    day: date
    at: datetime
    position: int
    plan: str
    price: int
    currency: str
    interval: Interval


class PlanChange(NamedTuple):
    """A ``client.plan_changed``; None keeps currency or interval."""

    day: date
    at: datetime
    position: int
    plan: str
    price: int
    currency: str | None
    interval: Interval | None


class Churn(NamedTuple):
    """A ``client.churned``."""

    day: date
    position: int


class Subscription(NamedTuple):
    """What was told of one subscription, in recording order, and the terms last recorded of it."""

    activations: tuple[Activation, ...] = ()
    changes: tuple[PlanChange, ...] = ()
    churns: tuple[Churn, ...] = ()
    terms: tuple[Term, ...] = ()


class Assignment(NamedTuple):
    """Finance's word on a client's holder from a day on; ``partner_id`` None: direct (D3.6)."""

    day: date
    partner_id: str | None
    position: int


class Attribution(NamedTuple):
    """The holder of a client: up to ``live_through`` (provisional), or for life (None) (D3.4)."""

    partner_id: str
    claim: int
    day: date
    live_through: date | None

    def is_live(self, day: date) -> bool:
        """Whether a claim of this day meets it."""
        return self.live_through is None or day <= self.live_through


class Unretracted(NamedTuple):
    """What a client's attribution would be had nothing been retracted (D9.5)."""

    attribution: Attribution | None
    settled_by: int | None


_UNKNOWN = Standing()
"""How a client stands of which nothing is recorded."""


class Client(NamedTuple):
    """The fold of ``client:<id>``.

    ``settled_by`` is the position of the first activation recorded, ``provisional`` what that
    settled, as it was before. ``unresolved`` maps the position of a fact that has no effect to its
    day and reason. ``assignments`` are finance's, in recording order. ``voided`` maps the facts
    that were retracted, which stay in the lists, to the commands that did so; ``unretracted`` is
    what would hold without (D9.5).
    """

    client_id: str
    attribution: Attribution | None = None
    settled_by: int | None = None
    subscriptions: Mapping[str, Subscription] = _NOTHING
    standing: Standing = _UNKNOWN
    unresolved: Mapping[int, tuple[date, str]] = _NOTHING
    assignments: tuple[Assignment, ...] = ()
    voided: Mapping[int, int] = _NOTHING
    provisional: Attribution | None = None
    unretracted: Unretracted | None = None

    def assignment_on(self, day: date) -> Assignment | None:
        """Finance's word on the client that holds on a day: that of the latest day (D3.6)."""
        found: Assignment | None = None
        for assignment in self.assignments:
            if assignment.day <= day and (found is None or assignment.day >= found.day):
                found = assignment
        return found

    def holder_on(self, day: date) -> str | None:
        """Who holds the client on a day (D3.4, D3.6).

        The assignment of the latest day up to it, without one the holder for life by claims.
        """
        found = self.assignment_on(day)
        if found is not None:
            return found.partner_id
        held = self.attribution
        return held.partner_id if held is not None and held.live_through is None else None


class Claim(NamedTuple):
    """A partner's claim to a client; position, day and department are its fact's (D3.1)."""

    position: int
    day: date
    partner_id: str
    client_id: str
    department: str | None = None


class Enrolment(NamedTuple):
    """The enrolment that stands, the first recorded one, as corrected since (D11, D9.6).

    ``sponsor_from`` is the position of the enrolment or correction that names the sponsor.
    """

    day: date
    position: int
    founding: bool
    sponsor_id: str | None = None
    sponsor_from: int = 0


class Report(NamedTuple):
    """A value that a partner's fact reports, ordered as D2 says: day, instant, position."""

    day: date
    at: datetime
    position: int
    value: int
    currency: str = ""


class TierStep(NamedTuple):
    """A tier from its first day on; ``run`` is the run that decided it, 0 for none."""

    day: date
    tier: TierName
    run: int = 0


class Tie(NamedTuple):
    """A sponsor, by the fact or correction at ``position`` (D11).

    Only lines after ``lines_after`` earn it a share (D9.6).
    """

    sponsor_id: str
    position: int
    lines_after: int = 0


class WaitingTie(NamedTuple):
    """A partner that waits for its sponsor's enrolment, by the fact at ``position`` (D11)."""

    partner_id: str
    position: int


class Partner(NamedTuple):
    """The fold of ``partner:<id>``.

    ``agreement`` holds signed (1) and ended (0); ``tiers`` is in recording order with days that
    never fall; ``lost`` are the levels ever lost in a review, of which only those above the present
    one are asked for (D6.4); ``programmes`` the assignments (day, programme) in recording order
    (D7.3); ``unresolved`` are the facts that wait for the enrolment, with their days. ``sponsor``
    is the tie that stands, ``sponsored`` are the partners that wait for this one (D11). ``brand``
    holds the brand granted (1) and revoked (0), as accepted; ``brand_asked`` is the grant told last
    (D13).
    """

    partner_id: str
    enrolment: Enrolment | None = None
    agreement: tuple[Report, ...] = ()
    waiting: tuple[Claim, ...] = ()
    certified: tuple[Report, ...] = ()
    nps: tuple[Report, ...] = ()
    portfolio: tuple[Report, ...] = ()
    comarketing: tuple[Report, ...] = ()
    tiers: tuple[TierStep, ...] = ()
    lost: frozenset[TierName] = frozenset()
    programmes: tuple[tuple[date, str], ...] = ()
    unresolved: Mapping[int, date] = _NOTHING
    sponsor: Tie | None = None
    brand: tuple[Report, ...] = ()
    brand_asked: Report | None = None
    sponsored: tuple[WaitingTie, ...] = ()

    def tier_on(self, day: date) -> TierName:
        """The tier in force on a day, ``referent`` before any other (D6)."""
        for step in reversed(self.tiers):
            if step.day <= day:
                return step.tier
        return "referent"

    def is_strategic_on(self, day: date, open_run: Run | None) -> bool:
        """Whether completed runs made the partner strategic on a day (D8.1, D13, D14)."""
        undecided = open_run.position if open_run is not None else -1
        for step in reversed(self.tiers):
            if step.day <= day and step.run != undecided:
                return step.tier == "strategic"
        return False

    def in_force_on(self, day: date) -> bool:
        """Whether the partner's agreement is in force on a day (D4.4)."""
        if self.enrolment is None or day < self.enrolment.day:
            return False
        first = self.enrolment.day
        reports = [report for report in self.agreement if first <= report.day <= day]
        return not reports or max(reports).value == 1

    def branded_on(self, day: date) -> bool:
        """Whether the partner sells under its own brand on a day (D13)."""
        reports = [report for report in self.brand if report.day <= day]
        return bool(reports) and max(reports).value == 1


class LeadWord(NamedTuple):
    """A capture or a conversion of a lead, and the client that it names, if any."""

    position: int
    day: date
    is_capture: bool
    client_id: str | None
    partner_id: str | None = None
    department: str | None = None


class Lead(NamedTuple):
    """The fold of ``lead:<id>``: the first capture and the first word of its client (D3.1).

    ``words`` are all facts that were told of it and not retracted, in recording order.
    """

    lead_id: str
    captured: int | None = None
    day: date | None = None
    partner_id: str | None = None
    department: str | None = None
    client_id: str | None = None
    client_from: int | None = None
    converted_on: date | None = None
    words: tuple[LeadWord, ...] = ()


class Grant(NamedTuple):
    """A department held from ``day`` to the eve of ``end``, by the fact at ``position`` (D14)."""

    partner_id: str
    day: date
    end: date
    position: int


class Department(NamedTuple):
    """The fold of ``department:<code>``: the grants accepted, in recording order."""

    code: str
    grants: tuple[Grant, ...] = ()

    def grant_on(self, day: date) -> Grant | None:
        """The grant that holds on a day, the one that holds longest; None if nobody's does."""
        running = [grant for grant in self.grants if grant.day <= day < grant.end]
        return max(running, key=lambda grant: grant.end, default=None)


class Payout(NamedTuple):
    """The fold of ``payout:<id>``, in minor units; ``status`` is None before it is initiated."""

    payout_id: str
    partner_id: str = ""
    currency: str = ""
    cutoff: date = date.min
    amount: int = 0
    status: str | None = None
    paid: int = 0
    tax: int = 0


class Payment(NamedTuple):
    """An ``invoice.paid``; ``amount`` net, in minor units, as it was told (D8.2)."""

    position: int
    invoice_id: str
    payment_id: str | None
    client_id: str
    subscription_id: str
    period_start: date
    amount: int
    currency: str


class Refund(NamedTuple):
    """An ``invoice.refunded``, of one payment or of the whole invoice (None)."""

    position: int
    payment_id: str | None
    client_id: str
    amount: int
    currency: str


class Invoice(NamedTuple):
    """The fold of ``invoice:<id>``: all payments and refunds told, in recording order (D8.2).

    ``unresolved`` maps the position of a fact that has no effect to its day and reason. ``voided``
    maps the facts that were retracted, which stay in the lists, to the commands that did so (D9.5).
    """

    invoice_id: str
    payments: tuple[Payment, ...] = ()
    refunds: tuple[Refund, ...] = ()
    unresolved: Mapping[int, tuple[date, str]] = _NOTHING
    voided: Mapping[int, int] = _NOTHING


class Run(NamedTuple):
    """An accrual run: ``through`` is D, ``previous`` L before it, ``previous_run`` its position."""

    position: int
    through: date
    previous: date | None
    previous_run: int


class Ledger(NamedTuple):
    """The fold of ``ledger``: programmes, the clock L, the open run, the months closed.

    ``opened_on`` is the day O of a ledger with a past (D8.3); ``credited_from`` is the earliest
    date of a credit; ``held`` are the partners whose payouts are suspended (D15.1). ``terms_from``
    is the first day of the versions adopted, and programmes assigned, that no run has completed on.
    """

    programmes: Programmes = _NO_PROGRAMMES
    time_zone: str = ""
    accrued_through: date | None = None
    last_run: int = 0
    open_run: Run | None = None
    closed_through: date | None = None
    unsealed: tuple[str, int] | None = None
    opened_on: date | None = None
    credited_from: date | None = None
    terms_from: date | None = None
    held: frozenset[str] = frozenset()

    def posting_day(self, day: date) -> date:
        """A day, or the first day of the earliest open month if that is later (D16)."""
        if self.closed_through is None or day > self.closed_through:
            return day
        return date.fromordinal(self.closed_through.toordinal() + 1)

    def posts_on(self, day: date) -> bool:
        """Whether a line may have this S: no day before the opening, if there was one (D8.3)."""
        return self.opened_on is None or day >= self.opened_on


LEDGER = COMMANDS
"""The stream of the ledger's own entity, which all commands make."""


def ledger_of(state: State) -> Ledger:
    """The ledger's own entity."""
    entity = state.get(LEDGER)
    return entity if isinstance(entity, Ledger) else Ledger()


def client_of(state: State, client_id: str) -> Client:
    """A client's entity, empty if nothing is recorded of it."""
    entity = state.get(f"client:{client_id}")
    return entity if isinstance(entity, Client) else Client(client_id)


def partner_of(state: State, partner_id: str) -> Partner:
    """A partner's entity, empty if nothing is recorded of it."""
    entity = state.get(f"partner:{partner_id}")
    return entity if isinstance(entity, Partner) else Partner(partner_id)


def lead_of(state: State, lead_id: str) -> Lead:
    """A lead's entity, empty if nothing is recorded of it."""
    entity = state.get(f"lead:{lead_id}")
    return entity if isinstance(entity, Lead) else Lead(lead_id)


def department_of(state: State, code: str) -> Department:
    """A department's entity, empty if it was never granted."""
    entity = state.get(f"department:{code}")
    return entity if isinstance(entity, Department) else Department(code)


def payout_of(state: State, payout_id: str) -> Payout:
    """A payout's entity, empty if it was never initiated."""
    entity = state.get(f"payout:{payout_id}")
    return entity if isinstance(entity, Payout) else Payout(payout_id)


def invoice_of(state: State, invoice_id: str) -> Invoice:
    """An invoice's entity, empty if nothing was paid or given back."""
    entity = state.get(f"invoice:{invoice_id}")
    return entity if isinstance(entity, Invoice) else Invoice(invoice_id)
