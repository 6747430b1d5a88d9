"""A ledger in memory: entities, and what runs ask of the read side, folded event by event."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

from events.base import Decision, Event
from events.billing import InvoicePaid, InvoiceRefunded
from events.decisions import (
    AttributionAssigned,
    ClientStanding,
    FactVoided,
    PaymentStanding,
    ReferralAccepted,
    Standing,
)
from events.partner_decisions import SponsorAccepted, TierChanged
from events.partners import (
    PartnerAgreementEnded,
    PartnerAgreementSigned,
    PartnerEnrolled,
    PartnerWhiteLabelGranted,
)
from events.recorded import Recorded
from ledger.engine.closes import Span, Tally
from ledger.engine.counted import CountedClient, Counts
from ledger.engine.evolve import evolve
from ledger.engine.invoices import Paid, picture_of
from ledger.engine.payouts import Payable, payout_id
from ledger.engine.state import (
    Assignment,
    Client,
    Invoice,
    Ledger,
    Overlay,
    Partner,
    Run,
    client_of,
    invoice_of,
    ledger_of,
    partner_of,
)
from ledger.ports import Entrant
from replay.rerun.books import MemoryBooks

_NEVER = datetime.min.replace(tzinfo=UTC)
# A brand, too: a margin may be due where a contest has taken the place of a commission.
_AGREEMENTS = (
    PartnerEnrolled,
    PartnerAgreementSigned,
    PartnerAgreementEnded,
    PartnerWhiteLabelGranted,
)


class Memory(MemoryBooks):
    """What was recorded so far; ``changed`` since the last run began, so that a run finds it.

    Positions are its own: facts, commands and decisions in the order in which they come.
    ``decided`` is told each decision as it is taken.
    """

    def __init__(self, decided: Callable[[int, Decision], None]) -> None:
        super().__init__()
        self.state = Overlay({})
        self.position = 0
        self.changed = Changes()
        self.clients_of: defaultdict[str, set[str]] = defaultdict(set)
        self.assigned_to: defaultdict[str, set[str]] = defaultdict(set)
        self.due_on: defaultdict[int, set[str]] = defaultdict(set)
        self.paid_for: defaultdict[date, set[str]] = defaultdict(set)
        self.days_of_partners: defaultdict[date, set[str]] = defaultdict(set)
        self._decided = decided
        self._counted: defaultdict[str, defaultdict[date, set[str]]]
        self._counted = defaultdict(lambda: defaultdict(set))
        self._invoices: defaultdict[str, set[str]] = defaultdict(set)
        self._retracted_of: set[str] = set()
        self._claimed: dict[int, date] = {}
        self.sponsored_by: defaultdict[str, set[str]] = defaultdict(set)
        self._entrants: dict[str, list[str]] = {}
        self._indexes: Mapping[type[Decision], Callable[[Any], None]] = {
            ClientStanding: self._stands,
            ReferralAccepted: self._accepted,
            AttributionAssigned: self._assigned,
            FactVoided: self._voided,
            PaymentStanding: self._lowered,
            SponsorAccepted: self._sponsored,
            TierChanged: self._rises,
        }
        self.risen: set[str] = set()

    @property
    def ledger(self) -> Ledger:
        """The ledger's own entity."""
        return ledger_of(self.state)

    # --- what is recorded ------------------------------------------------------------------------

    def tell(self, data: Event, at: datetime, day: date) -> Recorded:
        """Take the next fact or command; what it decides is the caller's to append."""
        self.position += 1
        event = Recorded(self.position, at, day, data)
        self._fold(data.stream, event)
        if isinstance(data, InvoicePaid | InvoiceRefunded):
            self._invoices[data.client_id].add(data.invoice_id)
            self.changed.payments.add(data.client_id)
            if isinstance(data, InvoicePaid):
                self.paid_for[data.period_start].add(data.client_id)
        elif isinstance(data, _AGREEMENTS):
            self.changed.agreements.add(data.partner_id)
        if data.stream.startswith("partner:"):
            self._of_partner(data.stream, day)
        return event

    def append(self, decisions: Sequence[Decision], *, folded: bool = False) -> None:
        """Take decisions; ``folded``: the engine has put their entities into the state already."""
        for decision in decisions:
            self.position += 1
            if not folded:
                self._fold(decision.stream, decision)
            self._index(decision)
            self._decided(self.position, decision)

    def _fold(self, stream: str, event: Recorded | Decision) -> None:
        entity = evolve(stream, self.state.get(stream), event)
        if entity is not None:
            self.state.changed[stream] = entity

    def _of_partner(self, stream: str, day: date) -> None:
        partner_id = stream.removeprefix("partner:")
        self.changed.partners.add(partner_id)
        self.days_of_partners[day].add(partner_id)

    def _index(self, decision: Decision) -> None:
        self.book(self.position, decision)
        index = self._indexes.get(type(decision))
        if index is not None:
            index(decision)
        if decision.stream.startswith("partner:"):
            self._of_partner(decision.stream, decision.__dict__["day"])

    def _accepted(self, decision: ReferralAccepted) -> None:
        self._claimed[decision.claim] = decision.day

    def _assigned(self, decision: AttributionAssigned) -> None:
        if decision.partner_id is not None:
            self.assigned_to[decision.partner_id].add(decision.client_id)

    def _voided(self, decision: FactVoided) -> None:
        if decision.client_id is not None:
            self.changed.clients.add(decision.client_id)
        if decision.about.startswith("invoice:"):
            self._retracted_of.add(decision.about)

    def _lowered(self, decision: PaymentStanding) -> None:
        self.changed.payments.add(decision.client_id)

    def _sponsored(self, decision: SponsorAccepted) -> None:
        self.sponsored_by[decision.sponsor_id].add(decision.partner_id)

    def _rises(self, decision: TierChanged) -> None:
        if decision.to_tier != "referent":
            self.risen.add(decision.partner_id)

    def _stands(self, decision: ClientStanding) -> None:
        client_id, before, after = decision.client_id, decision.before, decision.after
        self.changed.clients.add(client_id)
        for change in decision.subscriptions:
            for term in change.after:
                self.due_on[term.anchor.day].add(client_id)
        if _holding(before) == _holding(after):
            return
        for standing, is_now in ((before, False), (after, True)):
            if standing.partner_id is not None:
                self._put(self.clients_of[standing.partner_id], client_id, is_now=is_now)
            counting = standing.counted_by or standing.partner_id
            if counting is None:
                continue
            self.changed.partners.add(counting)
            if standing.counted_on is not None:
                counted = self._counted[counting][standing.counted_on]
                self._put(counted, client_id, is_now=is_now)
                self.days_of_partners[standing.counted_on].add(counting)

    @staticmethod
    def _put(names: set[str], name: str, *, is_now: bool) -> None:
        if is_now:
            names.add(name)
        else:
            names.discard(name)

    # --- what runs ask ---------------------------------------------------------------------------

    def partner(self, partner_id: str) -> Partner:
        """A partner as it stands."""
        return partner_of(self.state, partner_id)

    def client(self, client_id: str) -> Client:
        """A client as it stands."""
        return client_of(self.state, client_id)

    def counts(self, partner_id: str) -> Counts:
        """A partner's counted clients by counting day."""
        return Counts(
            {day: len(of_day) for day, of_day in self._counted[partner_id].items() if of_day}
        )

    def counted_on(self, partner_id: str, day: date) -> set[str]:
        """The clients that count for a partner on a day."""
        return self._counted[partner_id].get(day, set())

    def counted_from(self, first: date | None) -> set[str]:
        """The clients that count on a day or later; none of no day."""
        if first is None:
            return set()
        found: set[str] = set()
        for days in self._counted.values():
            found.update(*(days[day] for day in days if day >= first))
        return found

    def paid_and_begun_from(self, first: date | None) -> set[str]:
        """The clients that paid and are first activated on a day or later; none of no day."""
        if first is None:
            return set()
        begun = ((name, self.client(name).standing.first_activated_on) for name in self._invoices)
        return {name for name, day in begun if day is not None and day >= first}

    def claimed_on(self, claim: int | None) -> date | None:
        """The day of a winning claim."""
        return None if claim is None else self._claimed.get(claim)

    def folded(self, streams: list[str]) -> dict[str, object]:
        """The entities of streams, of those that have one."""
        found = {stream: self.state.get(stream) for stream in streams}
        return {stream: entity for stream, entity in found.items() if entity is not None}

    def assigned(self, client: Client, through: date) -> list[Assignment]:
        """Finance's assignments of a client up to a day, the last of each day (D3.6)."""
        of_days = {each.day: each for each in client.assignments if each.day <= through}
        return [of_days[day] for day in sorted(of_days)]

    def sponsor(self, partner_id: str) -> Partner:
        """A sponsor as it stands."""
        return self.partner(partner_id)

    def payments(self, client_id: str) -> list[Paid]:
        """What a client paid of which invoice, net of what was given back."""
        return [
            paid
            for invoice_id in sorted(self._invoices.get(client_id, ()))
            for paid in picture_of(invoice_of(self.state, invoice_id)).paid
            if paid.payment.client_id == client_id
        ]

    def retracted_invoices(self) -> Iterator[Invoice]:
        """The invoices of which something was retracted (D9.5)."""
        for stream in sorted(self._retracted_of):
            yield invoice_of(self.state, stream.removeprefix("invoice:"))

    def clients_activated_from(self, partner_id: str, day: date) -> list[str]:
        """The clients that count for a partner, if at all, first activated from a day on, by id."""
        found: list[str] = []
        for client_id in self.clients_of[partner_id] | self.assigned_to[partner_id]:
            standing = self.client(client_id).standing
            is_of = (standing.counted_by or standing.partner_id) == partner_id
            if is_of and (standing.first_activated_on or date.min) >= day:
                found.append(client_id)
        return sorted(found)

    def payables(self, cutoff: date, partner_id: str | None) -> list[Payable]:
        """What is owed by a cut-off, but for what the same has initiated before (D15.1)."""
        return [
            Payable(self.partner(name), currency, owed)
            for name, currency, owed in self.owed(cutoff)
            if partner_id in {None, name}
            and f"payout:{payout_id(name, currency, cutoff)}" not in self.state.changed
        ]

    def tallies(self, span: Span) -> list[Tally]:
        """How many counted clients of a span each partner has (D12), those with none left out."""
        found: list[Tally] = []
        for partner_id, by_day in self._counted.items():
            clients = [
                (day, client.standing.first_activated_at or _NEVER, client)
                for day, of_day in by_day.items()
                if (span.first is None or day >= span.first) and day <= span.last
                for client in map(self.client, of_day)
                if span.claimed is None or self._is_claimed(client, *span.claimed)
            ]
            if clients:
                _, activated_at, last = max(clients, key=lambda it: (*it[:2], it[2].client_id))
                fact = _winning(last.standing) or _assigned_by(last)
                found.append(Tally(partner_id, len(clients), activated_at, fact))
        return found

    def partners(self) -> dict[str, Partner]:
        """Every partner, by id."""
        return {e.partner_id: e for e in self.state.changed.values() if isinstance(e, Partner)}

    def _is_claimed(self, client: Client, first: date, last: date) -> bool:
        day = self.claimed_on(_winning(client.standing))
        return day is not None and first <= day <= last

    def enter(self, partner_id: str, clients: set[str]) -> None:
        """Note which clients of a partner a contest may be about in the run at hand."""
        self._entrants[partner_id] = sorted(clients)

    def at_places(
        self,
        cursor: object,  # noqa: ARG002 - the port's; in memory nothing is read through one
        run: Run,  # noqa: ARG002
        partner_id: str,
        places: Sequence[tuple[date, int]],
    ) -> list[CountedClient]:
        """The counted clients at places (counting day, n-th of that day)."""
        counted = self._counted[partner_id]
        of_days = {
            day: sorted(map(self._counted_client, counted[day]), key=_by_activation)
            for day in {day for day, _ in places}
        }
        return [of_days[day][place - 1] for day, place in places]

    def entrants(
        self,
        cursor: object,  # noqa: ARG002 - see above
        run: Run,  # noqa: ARG002
        partner_id: str,
        limit: int,  # noqa: ARG002
    ) -> Iterator[list[Entrant]]:
        """Counted clients that a contest may be about, by id."""
        counted = {
            client_id for of_day in self._counted[partner_id].values() for client_id in of_day
        }
        yield [
            Entrant(
                self._counted_client(client_id),
                self.contests_of(partner_id, client_id),
            )
            for client_id in self._entrants.pop(partner_id, [])
            if client_id in counted and self.client(client_id).standing.counted_by is None
        ]

    def _counted_client(self, client_id: str) -> CountedClient:
        client = self.client(client_id)
        standing = client.standing
        first = standing.first_activated_at
        assert standing.counted_on is not None
        assert first is not None
        claim = _winning(standing)
        return CountedClient(
            client_id,
            standing.counted_on,
            first,
            claim,
            self.claimed_on(claim),
            min(
                activation.position
                for subscription in client.subscriptions.values()
                for activation in subscription.activations
                if activation.at == first and activation.position not in client.voided
            ),
        )


class Changes:
    """What changed since a run began: how clients stand, agreements, payments, partners."""

    def __init__(self) -> None:
        self.clients: set[str] = set()
        self.agreements: set[str] = set()
        self.payments: set[str] = set()
        self.partners: set[str] = set()


def _assigned_by(client: Client) -> int:
    """The command that gave a client to who counts it, where no claim did (D3.6)."""
    first = client.standing.first_activated_on
    assert first is not None
    assignment = client.assignment_on(first)
    assert assignment is not None
    return assignment.position


def _winning(standing: Standing) -> int | None:
    """The claim that won a client for who counts it: not for whoever was assigned it (D10.2)."""
    return standing.claim if standing.counted_by is None else None


def _holding(standing: Standing) -> tuple[object, ...]:
    return (standing.partner_id, standing.claim, standing.counted_on, standing.counted_by)


def _by_activation(client: CountedClient) -> tuple[datetime, str]:
    return client.activated_at, client.client_id
