"""The figures counted plainly: one walk over the journal's events, without SQL.

Clients and agreements are folded by the engine; everything else is counted fact by fact.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from events.base import Event
from events.billing import (
    ClientNpsReported,
    ClientUsageReported,
    DemoHeld,
    TrialEnded,
    TrialStarted,
)
from events.decisions import (
    ClientStanding,
    FactVoided,
    ReferralAccepted,
    ReferralLapsed,
    ReferralRejected,
    Term,
)
from events.partners import (
    CostRecorded,
    LeadCaptured,
    LeadConverted,
    PartnerNpsReported,
    PortalVisited,
    ReferralRegistered,
    ResourceDownloaded,
    TrainingCompleted,
)
from ledger.engine.state import Client, Partner, PlanChange, Subscription
from ledger.engine.subscriptions import period_starts

PER_YEAR = {"month": 12, "year": 1}


@dataclass(frozen=True)
class Told:
    """An event as the journal has it."""

    position: int
    day: date
    at: datetime
    data: Event


@dataclass
class Prospect:
    """What was told of one prospect."""

    captured_by: str | None = None
    captured_on: date | None = None
    accepted: ReferralAccepted | None = None
    demos: tuple[tuple[date, bool], ...] = ()
    trials: tuple[date, ...] = ()
    lost: tuple[date, ...] = ()


class Figures:
    """The figures of events up to ``until``, with windows that end on ``day``.

    ``clients`` and ``partners`` are folded up to the same position, whatever the days.
    """

    def __init__(
        self,
        told: Iterable[Told],
        clients: Mapping[str, Client],
        partners: Mapping[str, Partner],
        until: date,
    ) -> None:
        every = list(told)
        voided = {(e.data.fact, e.data.about) for e in every if isinstance(e.data, FactVoided)}
        self.known = [e for e in every if (e.position, e.data.stream) not in voided]
        self.clients, self.partners, self.until = clients, partners, until
        self.told = [each for each in self.known if each.day <= until]
        self.voidings = {e.data.fact: e.position for e in every if isinstance(e.data, FactVoided)}
        self.stood = {
            e.data.client_id: e.position for e in every if isinstance(e.data, ClientStanding)
        }

    # --- clients ---------------------------------------------------------------------------------

    def holder(self, client_id: str, day: date) -> str | None:
        """Who holds a client on a day: finance's last word by then, else as it stands by claims."""
        client = self.clients.get(client_id, Client(client_id))
        given = [each for each in client.assignments if each.day <= day]
        # Of one day the last recorded: max keeps the first of equals.
        last = max(reversed(given), key=lambda each: each.day, default=None)
        return client.standing.partner_id if last is None else last.partner_id

    def changes(self, client_id: str, subscription: Subscription) -> list[PlanChange]:
        """The true changes that its terms know: a position may lie before what a fact decides."""
        stood = self.stood.get(client_id, 0)
        return [
            change
            for change in subscription.changes
            if change.position < stood < self.voidings.get(change.position, stood + 1)
        ]

    def terms(self) -> Iterable[tuple[str, str, tuple[Term, ...], Subscription]]:
        """Every subscription with its terms in the order of their days."""
        for client in self.clients.values():
            for name, subscription in client.subscriptions.items():
                ordered = tuple(sorted(subscription.terms, key=lambda term: term.start))
                yield client.client_id, name, ordered, subscription

    def paying(self, day: date) -> dict[tuple[str | None, str], dict[str, int]]:
        """(holder, currency) → client → what it pays in a year, on a day."""
        found: defaultdict[tuple[str | None, str], Counter[str]] = defaultdict(Counter)
        for client_id, _, terms, subscription in self.terms():
            for term in terms:
                if runs(term, day) and term.price > 0:
                    key = (self.holder(client_id, day), term.currency)
                    changes = self.changes(client_id, subscription)
                    found[key][client_id] += yearly(term, subscription, changes)
        return {key: dict(of_one) for key, of_one in found.items()}

    def active(self, partner_id: str | None, day: date) -> set[str]:
        """The clients of a holder that pay on a day."""
        return {
            client_id
            for (holder, _), of_one in self.paying(day).items()
            for client_id in of_one
            if holder == partner_id
        }

    def retention(self, partner_id: str | None, since: date, day: date) -> tuple[int, int]:
        """Clients that pay on a day from ``since`` to ``day``, and those lost by then."""
        paid = {
            client_id
            for client_id, _, terms, _ in self.terms()
            for term in terms
            if term.price > 0
            and term.start <= day
            and (term.end is None or term.end > since)
            and self.holder(client_id, day) == partner_id
        }
        return len(paid), len(paid - self.active(partner_id, day))

    def expansion(self, partner_id: str | None, since: date, day: date) -> tuple[int, Counter[str]]:
        """Upsells after ``since`` up to ``day``, and by currency what is paid more in a year."""
        upsells, more = 0, Counter[str]()
        for client_id, name, terms, subscription in self.terms():
            changes = self.changes(client_id, subscription)
            for before, term in zip((None, *terms), terms, strict=False):
                value = yearly(term, subscription, changes)
                if not (since < term.start <= day) or value == 0:
                    continue
                if self.holder(client_id, term.start) != partner_id:
                    continue
                follows = before is not None and before.end == term.start
                was = yearly(before, subscription, changes) if before and follows else 0
                if before is not None and was > 0:
                    if value > was and before.currency == term.currency:
                        upsells += before.plan != term.plan
                        more[term.currency] += value - was
                elif self._pays_beside(client_id, name, term.start):
                    more[term.currency] += value
        return upsells, more

    def _pays_beside(self, client_id: str, name: str, day: date) -> bool:
        return any(
            term.price > 0 and term.start < day and (term.end is None or term.end > day)
            for other_id, other, terms, _ in self.terms()
            if other_id == client_id and other != name
            for term in terms
        )

    def billed(self, partner_id: str | None, since: date, day: date) -> Counter[str]:
        """Prices of the periods of a holder's clients that began from ``since`` to ``day``."""
        found: Counter[str] = Counter()
        for client_id, _, terms, _ in self.terms():
            for term in terms:
                for start, _ in period_starts(term, None, day):
                    if start >= since and self.holder(client_id, start) == partner_id:
                        found[term.currency] += term.price
        return Counter({code: amount for code, amount in found.items() if amount})

    def counted(self, day: date) -> Counter[str | None]:
        """Clients counted up to a day, by partner."""
        return Counter(
            client.standing.counted_by or client.standing.partner_id
            for client in self.clients.values()
            if client.standing.counted_on is not None and client.standing.counted_on <= day
        )

    # --- partners --------------------------------------------------------------------------------

    def network(self, day: date) -> dict[str, bool]:
        """The partners enrolled by a day, and whether their agreement is in force."""
        return {
            partner.partner_id: partner.in_force_on(day)
            for partner in self.partners.values()
            if partner.enrolment is not None and partner.enrolment.day <= day
        }

    def facts(self, cls: type, partner_id: str) -> list[Told]:
        """The facts of a type about a partner."""
        return [
            each
            for each in self.told
            if isinstance(each.data, cls) and each.data.__dict__["partner_id"] == partner_id
        ]

    def leads(self, partner_id: str) -> int:
        """Leads whose first capture names a partner."""
        return sum(lead.partner_id == partner_id for lead in self._leads().values() if lead)

    def referrals(self, partner_id: str) -> int:
        """Clients that a partner claimed by a referral."""
        claims = self.facts(ReferralRegistered, partner_id)
        return len({each.data.__dict__["client_id"] for each in claims})

    def engagement(self, partner_id: str) -> tuple[date | None, int, int, int, int]:
        """Last visit, visits, courses, all courses, downloads."""
        visits = [each.day for each in self.facts(PortalVisited, partner_id)]
        courses = {
            (each.data.partner_id, each.data.course)
            for each in self.told
            if isinstance(each.data, TrainingCompleted)
        }
        return (
            max(visits, default=None),
            len(visits),
            sum(who == partner_id for who, _ in courses),
            len({course for _, course in courses}),
            len(self.facts(ResourceDownloaded, partner_id)),
        )

    def reported(self, partner_id: str) -> int | None:
        """The last score reported of a partner's clients."""
        reports = self.facts(PartnerNpsReported, partner_id)
        last = max(reports, key=_instant, default=None)
        return last.data.score if last and isinstance(last.data, PartnerNpsReported) else None

    def scores(self, partner_id: str) -> tuple[int, int, int, int]:
        """Sum and number of last scores of clients held, and of the last use of those active."""
        scores: dict[str, int] = {}
        use: dict[str, int] = {}
        for each in sorted(self.told, key=_instant):
            if isinstance(each.data, ClientNpsReported):
                scores[each.data.client_id] = each.data.score
            elif isinstance(each.data, ClientUsageReported):
                use[each.data.client_id] = each.data.features_used
        held = [
            score
            for client, score in scores.items()
            if self.holder(client, self.until) == partner_id
        ]
        active = self.active(partner_id, self.until)
        used = [value for client, value in use.items() if client in active]
        return sum(held), len(held), sum(used), len(used)

    def costs(self, since: date, day: date) -> Counter[str]:
        """Costs recorded from ``since`` to ``day``, by currency."""
        found: Counter[str] = Counter()
        for each in self.known:
            if isinstance(each.data, CostRecorded) and since <= each.day <= day:
                found[each.data.currency] += each.data.amount
        return found

    # --- prospects -------------------------------------------------------------------------------

    def _leads(self) -> dict[str, LeadCaptured | None]:
        """The first capture of each lead."""
        found: dict[str, LeadCaptured | None] = {}
        for each in self.told:
            if isinstance(each.data, LeadCaptured):
                found.setdefault(each.data.lead_id, each.data)
        return found

    def _client_of_lead(self) -> dict[str, str]:
        """The client of each lead, by the first word on it."""
        found: dict[str, str] = {}
        captured: set[str] = set()
        for each in self.told:
            if isinstance(each.data, LeadCaptured):
                if each.data.lead_id not in captured and each.data.client_id is not None:
                    found.setdefault(each.data.lead_id, each.data.client_id)
                captured.add(each.data.lead_id)
            elif isinstance(each.data, LeadConverted):
                found.setdefault(each.data.lead_id, each.data.client_id)
        return found

    def prospects(self) -> dict[tuple[str, str], Prospect]:
        """Every prospect by what it is, ``client`` or ``lead``, and its id."""
        clients = self._client_of_lead()
        found: defaultdict[tuple[str, str], Prospect] = defaultdict(Prospect)

        def of(client_id: str | None, lead_id: str | None) -> Prospect:
            client = client_id or clients.get(lead_id or "")
            return found["client", client] if client else found["lead", lead_id or ""]

        captured: set[str] = set()
        answers: dict[int, tuple[int, Event]] = {}
        for each in self.told:
            data = each.data
            if isinstance(data, LeadCaptured) and data.lead_id not in captured:
                captured.add(data.lead_id)
                prospect = of(None, data.lead_id)
                prospect.captured_by = data.partner_id
                prospect.captured_on = max(prospect.captured_on or date.min, each.day)
            elif isinstance(data, DemoHeld):
                prospect = of(data.client_id, data.lead_id)
                prospect.demos += ((each.day, data.co_hosted),)
            elif isinstance(data, TrialStarted):
                of(data.client_id, data.lead_id).trials += (each.day,)
            elif isinstance(data, TrialEnded):
                prospect = of(data.client_id, data.lead_id)
                prospect.lost += (each.day,) if data.outcome == "lost" else ()
            elif isinstance(data, ReferralAccepted | ReferralRejected | ReferralLapsed):
                answers[data.claim] = (each.position, data)
        for _, answer in sorted(answers.values(), key=lambda pair: pair[0]):
            if isinstance(answer, ReferralAccepted):
                found["client", answer.client_id].accepted = answer
        return dict(found)

    def partner_of(self, kind: str, name: str, prospect: Prospect) -> str | None:
        """The partner that a prospect counts for."""
        if kind == "lead":
            return prospect.captured_by
        first = self.activated_on(name)
        if first is not None:
            return self.holder(name, first)
        return prospect.accepted.partner_id if prospect.accepted else None

    def activated_on(self, client_id: str) -> date | None:
        """The day on which a client was first activated, if it was by then."""
        client = self.clients.get(client_id)
        first = None if client is None else client.standing.first_activated_on
        return first if first is not None and first <= self.until else None

    def acquisition(self, partner_id: str) -> tuple[int, int, int, int, int, int]:
        """Demos, co-hosted ones; shown, tried after it; tried, paid after it."""
        count: Counter[str] = Counter()
        for (kind, name), prospect in self.prospects().items():
            if self.partner_of(kind, name, prospect) != partner_id:
                continue
            count["demos"] += len(prospect.demos)
            count["co_hosted"] += sum(co_hosted for _, co_hosted in prospect.demos)
            if prospect.demos:
                first = min(day for day, _ in prospect.demos)
                count["shown"] += 1
                count["shown_tried"] += any(day >= first for day in prospect.trials)
            if prospect.trials:
                paid = self._paid_on(name) if kind == "client" else None
                count["tried"] += 1
                count["tried_paid"] += paid is not None and paid >= min(prospect.trials)
        names = ("demos", "co_hosted", "shown", "shown_tried", "tried", "tried_paid")
        demos, co_hosted, shown, shown_tried, tried, tried_paid = (count[name] for name in names)
        return demos, co_hosted, shown, shown_tried, tried, tried_paid

    def deals(self, day: date, window_days: int) -> int:
        """Prospects of partners that may still become clients."""
        deals = 0
        for (kind, name), prospect in self.prospects().items():
            ends = []
            if prospect.accepted is not None and prospect.accepted.live_through is not None:
                ends.append(prospect.accepted.live_through.toordinal())
            if prospect.captured_on is not None:
                ends.append(prospect.captured_on.toordinal() + window_days)
            again = max(prospect.trials, default=date.min) > max(prospect.lost, default=date.min)
            deals += (
                self.partner_of(kind, name, prospect) is not None
                and not (kind == "client" and self.activated_on(name))
                and (not prospect.lost or again)
                and max(ends, default=0) >= day.toordinal()
            )
        return deals

    def _paid_on(self, client_id: str) -> date | None:
        days = [
            term.start
            for one, _, terms, _ in self.terms()
            if one == client_id
            for term in terms
            if term.price > 0 and term.start <= self.until
        ]
        return min(days, default=None)


def runs(term: Term, day: date) -> bool:
    """Whether a term holds on a day."""
    return term.start <= day and (term.end is None or term.end > day)


def yearly(term: Term, subscription: Subscription, changes: Iterable[PlanChange]) -> int:
    """What a term makes in a year: its price is of the interval last named by its first day."""
    activation = next(a for a in subscription.activations if a.position == term.activation)
    interval = activation.interval
    in_order = sorted(changes, key=lambda change: (change.at, change.position))
    last_of_day = {change.day: change for change in in_order}
    for day in sorted(last_of_day):
        if activation.day <= day <= term.start:
            interval = last_of_day[day].interval or interval
    return term.price * PER_YEAR[interval]


def _instant(told: Told) -> tuple[date, datetime, int]:
    """The order of several values of one thing (D2)."""
    return told.day, told.at, told.position
