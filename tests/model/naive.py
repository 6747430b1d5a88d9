"""The naive ledger: every decision from the whole list of what was told, nothing kept up to date.

A second implementation of the rules, written from their text alone, only for the tests. Each run
walks days, partners, clients and periods from the beginning. What was decided before (lines, tiers,
answers to claims, payouts) is a list too, as the rules want it: only they and the list of facts are
ever read.

The readings stand in the modules of the rules: attribution, territories, ties, brands, world,
periods, invoices, tiers, accrual, rewards, closes, openings, payments. Here:

- ``activation.qualifying_days`` may not change between versions of a programme; a client counts by
  the programme that its holder is under on the first activation day.
- The first enrolment gives a change of tier from none to referent, on the enrolment day.
- An adjustment or a credit needs an enrolled partner; it names, at most, a line of that partner.
- Retractable (D9.5) is what is about a client, a lead, a claim, invoices and steps of the funnel
  among them, and a partner's four reports.
- A client need not be known to be assigned (D3.6).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from events.partners import (
    PartnerCertified,
    PartnerComarketingInvested,
    PartnerEnrolled,
    PartnerNpsReported,
    PartnerPortfolioReported,
    PartnerTerritoryGranted,
    PartnerWhiteLabelGranted,
    PartnerWhiteLabelRevoked,
)
from ledger.errors import LedgerError, NotReady, Refused
from ledger.policy.programme import Programme
from tests.model import tiers
from tests.model.accrual import post_periods
from tests.model.approvals import FourEyes
from tests.model.closes import decide_close
from tests.model.commands import (
    Adjust,
    Assign,
    CorrectPartner,
    Credit,
    Open,
    OpenPartner,
    Retract,
    TwoPersons,
)
from tests.model.days import last_of, month_after
from tests.model.journal import Entry, Message, perform
from tests.model.rewards import award_badges, post_bonuses, post_contests, post_sponsorship
from tests.model.run import tier_on
from tests.model.seen import Seen, enrolment, is_retractable, of_type
from tests.model.ties import Tie


class NaiveLedger(FourEyes):
    """The model as a ledger under test: tell it entries, then ask."""

    # --- programmes (D7.2, D7.3) -----------------------------------------------------------------

    def adopt(self, programme: Programme, from_day: date | None) -> None:
        """Adopt a version; a later one of the same programme needs a day after L."""
        self.programmes.adopt(programme, from_day, self.accrued)

    def assign_programme(self, partner_id: str, programme: str, from_day: date) -> None:
        """Put a partner under another programme."""
        self._must_be_adopted()
        if programme not in self.programmes.names():
            raise Refused("no such programme")
        self._must_be_enrolled(partner_id)
        self._must_be_open(from_day)
        self.programmes.assigned.append((partner_id, programme, from_day))

    # --- facts -----------------------------------------------------------------------------------

    def record(self, messages: Sequence[Message]) -> None:
        """Record facts one by one."""
        self._must_be_adopted()
        for message in messages:
            self._record(message)

    def _record(self, message: Message) -> None:
        if message.key in self.keys:
            if self.keys[message.key] != message:
                self.quarantined.append(message)
            return
        self.keys[message.key] = message
        seen = Seen(len(self.unretracted.facts) + 1, message)
        for world in (self.world, self.unretracted):
            world.facts.append(seen)
        data = message.data
        if isinstance(data, PartnerEnrolled):
            first = enrolment(self.facts, data.partner_id)
            if first is not None and first[0] != seen:
                return
            self.books.changes[data.partner_id] = [tiers.Change(None, "referent", seen.day)]
        for world in (self.world, self.unretracted):
            world.attribution.hear(world.facts, self.accrued)
        self._hear_of_partner(seen)
        self.payments.hear(seen)

    def _hear_of_partner(self, seen: Seen) -> None:
        """D11, D13, D14: ties, brands and territories."""
        data = seen.message.data
        match data:
            case PartnerEnrolled():
                lines = len(self.books.posted)
                if data.sponsor_id is not None:
                    tie = Tie(data.partner_id, data.sponsor_id, seen.position)
                    self.ties.name(tie, self.facts, lines)
                self.ties.enrolled(data.partner_id, self.facts, lines)
            case PartnerWhiteLabelGranted():
                strategic = self._is_strategic(data.partner_id, seen.day)
                self.brands.grant(data.partner_id, seen, is_strategic=strategic)
            case PartnerWhiteLabelRevoked():
                self.brands.revoke(data.partner_id, seen)
            case PartnerTerritoryGranted():
                territory = self.programmes.programme(data.partner_id, seen.day).territory
                if territory is not None:
                    self.territories.hear(
                        seen.message.id,
                        data.partner_id,
                        data.department,
                        seen.day,
                        months=territory.months,
                        is_strategic=self._is_strategic(data.partner_id, seen.day),
                    )

    def _is_strategic(self, partner_id: str, day: date) -> bool:
        """Whether a partner is strategic on a day as decided so far."""
        changes = self.books.changes.get(partner_id)
        return changes is not None and tier_on(changes, day) == "strategic"

    # --- runs (D8, D16) --------------------------------------------------------------------------

    def accrue(self, through: date) -> None:
        """Accrue through a day: tiers first, then lines, partner by partner."""
        self._must_be_adopted()
        if self.accrued is not None and through < self.accrued:
            raise Refused("a run through an earlier day than L")
        run = self._run(through)
        for partner_id in sorted(self.books.changes):
            self._decide_tiers(partner_id, through)
        post_periods(run)
        for partner_id in sorted(self.books.changes):
            post_bonuses(run, partner_id)
            post_contests(run, partner_id)
            post_sponsorship(run, partner_id)
            award_badges(run, partner_id)
        self.accrued, self.was_run = through, True

    def _decide_tiers(self, partner_id: str, through: date) -> None:
        enrolled = self.books.changes[partner_id][0].first_day
        first = enrolled if self.accrued is None else max(enrolled, self.accrued)
        if self.openings.day is not None:
            first = max(first, self.openings.day)
        self.books.changes[partner_id] += tiers.decide(
            self.books.changes[partner_id],
            self.evidence(partner_id),
            lambda day: self.programmes.programme(partner_id, day),
            first=first,
            last=through,
            accrued=self.accrued,
        )

    def evidence(self, partner_id: str) -> tiers.Evidence:
        """All that the tiers of a partner rest on, by what is recorded now."""
        facts = self.facts
        enrolled = enrolment(facts, partner_id)
        assert enrolled is not None
        portfolio = [
            (seen.day, seen.order, data.clients)
            for seen, data in of_type(facts, PartnerPortfolioReported)
            if data.partner_id == partner_id
        ]
        if enrolled[1].portfolio is not None:
            portfolio.append((enrolled[0].day, enrolled[0].order, enrolled[1].portfolio))
        return tiers.Evidence(
            counted=[counted.day for counted in self.world.counted_of(partner_id)],
            certified=[
                seen.day
                for seen, data in of_type(facts, PartnerCertified)
                if data.partner_id == partner_id
            ],
            nps=[
                (seen.day, seen.order, data.score)
                for seen, data in of_type(facts, PartnerNpsReported)
                if data.partner_id == partner_id
            ],
            portfolio=portfolio,
            comarketing=[
                (seen.day, data.amount, data.currency)
                for seen, data in of_type(facts, PartnerComarketingInvested)
                if data.partner_id == partner_id
            ],
        )

    def close(self, month: str, *, acknowledge: bool = True) -> None:
        """Close a month, after accruing through L again; then decide what its close decides.

        What is open of it refuses that, unless it is acknowledged: then it is listed (D16.2).
        """
        self._must_be_adopted()
        if self.closed and month != month_after(self.closed[-1]):
            raise Refused("months are closed in their order, once")
        if self.accrued is None or self.accrued < last_of(month):
            raise Refused("the month is not accrued to its end")
        found = self.open_of(month)
        if found and not acknowledge:
            raise Refused("something of the month is open")
        self.listed |= found
        self.accrue(self.accrued)
        self.closed.append(month)
        decide_close(self._run(self.accrued), month)

    # --- finance (D3.6, D8.3, D9.4–D9.6) ---------------------------------------------------------

    def adjust(self, adjustment: Adjust) -> None:
        """Post an adjustment; the period of the line that it names is finance's from then on."""
        if adjustment.amount == 0 or adjustment.reason == "opening":
            raise Refused("no such adjustment")
        day = self._finance_day(adjustment)
        if adjustment.line is not None:
            periods = {line.period for line in self.books.posted if line.has_period}
            if adjustment.line not in periods:
                raise Refused("no such line")
            if adjustment.line.partner_id != adjustment.partner_id:
                raise Refused("the line of another partner")
            self.books.adjusted.add(adjustment.line)
        self._post_by_hand("adjustment", adjustment, day)

    def credit(self, credit: Credit) -> None:
        """Post a credit."""
        if credit.amount <= 0 or credit.reason not in {"fee", "renewal", "goodwill"}:
            raise Refused("no such credit")
        day = self._finance_day(credit)
        if self.openings.day is not None and day < self.openings.day:
            raise Refused("no credit of a day before the opening")
        self._post_by_hand("credit", credit, day)
        self.credited.append(day)

    def _finance_day(self, asked: Adjust | Credit) -> date:
        self._must_be_two(asked)
        self._must_be_enrolled(asked.partner_id)
        day = asked.date or self.accrued
        if day is None:
            raise Refused("while there is no L a date must be given")
        if self.accrued is not None and day > self.accrued:
            raise Refused("the date lies after L")
        return day

    def _post_by_hand(self, kind: str, asked: Adjust | Credit, day: date) -> None:
        self._run(day).post(kind, "D9.4", asked.partner_id, day, asked.amount, asked.currency)

    def assign(self, assignment: Assign) -> None:
        """Give a client to a partner, or to none, from a day after L on."""
        self._must_be_two(assignment)
        self._must_be_open(assignment.from_day)
        if assignment.partner_id is not None:
            self._must_be_enrolled(assignment.partner_id)
            if assignment.from_day < self.books.changes[assignment.partner_id][0].first_day:
                raise Refused("the partner is not enrolled by then")
        for world in (self.world, self.unretracted):
            world.attribution.assignments.append(assignment)

    def retract(self, retraction: Retract) -> None:
        """Void a fact: from now on it is as if it had not been recorded."""
        self._must_be_two(retraction)
        key = (retraction.source, retraction.id)
        for seen in self.facts:
            if seen.message.key == key:
                break
        else:
            raise Refused("no such fact, or it is retracted already")
        if not is_retractable(seen.message.data):
            raise Refused("such a fact cannot be retracted")
        self.facts.remove(seen)
        self.attribution.retract(seen, self.facts, self.accrued)

    def correct_partner(self, correction: CorrectPartner) -> None:
        """Replace what an enrolment said."""
        self._must_be_two(correction)
        self._must_be_enrolled(correction.partner_id)
        self.corrections.append(correction)
        if correction.sponsor_id is not None:
            tie = Tie(
                correction.partner_id,
                correction.sponsor_id,
                len(self.unretracted.facts),
                corrected=True,
            )
            self.ties.name(tie, self.facts, len(self.books.posted))
        if "sponsor_id" in correction.cleared:
            self.ties.clear(correction.partner_id)

    def open(self, opening: Open) -> None:
        """Start the ledger for a programme that has a past: L is the eve of its first day."""
        self._must_be_two(opening)
        if self.was_run:
            raise Refused("an accrual run is recorded already")
        if any(day < opening.day for day in self.credited):
            raise Refused("a credit has a date before the opening")
        self.accrued, month = self.openings.open(opening.day)
        self.closed.append(month)

    def open_partner(self, opening: OpenPartner) -> None:
        """Fix a partner's tier on the opening day, and post its balances."""
        self._must_be_two(opening)
        self._must_be_enrolled(opening.partner_id)
        if self.was_run:
            raise Refused("an accrual run is recorded already")
        changes = self.books.changes[opening.partner_id]
        day = self.openings.open_partner(opening, changes)
        for currency, amount in opening.balances.items():
            self._run(day).post("adjustment", "D8.3", opening.partner_id, day, amount, currency)

    # --- payouts (D15) ---------------------------------------------------------------------------

    def pay(self, cutoff: date, partner_id: str | None) -> None:
        """Initiate what is due up to a cut-off; twice the same pays once."""
        self._must_be_adopted()
        if not self._is_accrued(cutoff):
            raise Refused("a cut-off after L")
        if partner_id is not None:
            self._must_be_enrolled(partner_id)
        for partner in sorted(self.books.changes):
            programme = self.programmes.programme(partner, cutoff)
            if partner_id is None:
                due = self.payments.is_due(self.books.changes[partner], programme, cutoff)
            else:
                due = partner == partner_id
            if due and partner not in self.payments.held:
                self.payments.initiate(partner, cutoff, programme, self.books.posted)

    def hold(self, partner_id: str, reason: str) -> None:
        """Suspend a partner's payouts."""
        self._must_be_adopted()
        self._must_be_enrolled(partner_id)
        assert reason
        self.payments.held.add(partner_id)

    def release(self, partner_id: str, reason: str) -> None:
        """Resume a partner's payouts."""
        self._must_be_adopted()
        self._must_be_enrolled(partner_id)
        assert reason
        self.payments.held.discard(partner_id)

    # --- what commands need ----------------------------------------------------------------------

    def _is_accrued(self, day: date) -> bool:
        return self.accrued is not None and day <= self.accrued

    def _must_be_adopted(self) -> None:
        if not self.programmes.versions:
            raise NotReady("no programme has been adopted")

    def _must_be_enrolled(self, partner_id: str) -> None:
        if partner_id not in self.books.changes:
            raise Refused(f"no partner {partner_id} is enrolled")

    def _must_be_open(self, day: date) -> None:
        if self._is_accrued(day):
            raise Refused("the day must be after L")

    def _must_be_two(self, command: TwoPersons) -> None:
        self._must_be_adopted()
        persons = {command.requested_by.casefold(), command.approved_by.casefold()}
        if len(persons) == 1 or any(name != name.strip() for name in persons):
            raise Refused("two persons are needed")


def replay(entries: Sequence[Entry]) -> NaiveLedger:
    """The model after a whole list of entries; a command that is refused changes nothing."""
    ledger = NaiveLedger()
    for entry in entries:
        try:
            perform(ledger, entry)
        except LedgerError:
            continue
    return ledger
