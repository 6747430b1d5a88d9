"""The naive ledger: every decision from the whole list of what was told, nothing kept up to date.

A second implementation of `domain.md`, written from its text alone, only for the tests: D1–D8.1
(accrual by schedule, no openings), D3 without assignments and territories, D9.1–D9.4, D15 without
holds, D16, D17. D10–D14 and retractions are not in it. Each run walks days, partners, clients and
periods from the beginning. What was decided before (lines, tiers, answers to claims, payouts) is a
list too, as the rules want it: only they and the list of facts are ever read.

The readings that were agreed on stand in the modules of the rules: attribution, periods, tiers,
accrual. Here:

- ``activation.qualifying_days`` may not change between versions of a programme; a client counts by
  the programme that its holder is under on the first activation day.
- The first enrolment gives a change of tier from none to referent, on the enrolment day.
- An adjustment or a credit needs an enrolled partner; it names, at most, a line of that partner.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from events.billing import ClientActivated, ClientChurned, ClientPlanChanged
from events.partners import (
    PartnerCertified,
    PartnerComarketingInvested,
    PartnerEnrolled,
    PartnerNpsReported,
    PartnerPortfolioReported,
)
from ledger.errors import LedgerError, NotReady, Refused
from ledger.policy.programme import Programme
from tests.model import tiers
from tests.model.accrual import PartnerRun
from tests.model.attribution import Attribution
from tests.model.days import first_of, last_of, month_after
from tests.model.journal import (
    Adjust,
    Balance,
    ClaimView,
    ClientView,
    Credit,
    Entry,
    LineView,
    Message,
    PayoutView,
    PeriodKey,
    TierView,
    perform,
)
from tests.model.payments import Payments
from tests.model.periods import all_spells, counted_on, first_activation_day
from tests.model.seen import Seen, enrolment, of_type


@dataclass(frozen=True)
class Version:
    """An adopted version of a programme, with its number from 1."""

    number: int
    programme: Programme
    from_day: date | None


class NaiveLedger:
    """The model as a ledger under test: tell it entries, then ask."""

    def __init__(self) -> None:
        self.facts: list[Seen] = []
        self.keys: dict[tuple[str, str], Message] = {}
        self.quarantined: list[Message] = []
        self.versions: list[Version] = []
        self.assigned: list[tuple[str, str, date]] = []
        self.accrued: date | None = None
        self.closed: list[str] = []
        self.posted: list[LineView] = []
        self.changes: dict[str, list[tiers.Change]] = {}
        self.adjusted: set[PeriodKey] = set()
        self.attribution = Attribution(self.programme)
        self.payments = Payments()

    # --- programmes (D7.2, D7.3) -----------------------------------------------------------------

    def adopt(self, programme: Programme, from_day: date | None) -> None:
        """Adopt a version; a later one of the same programme needs a day after L."""
        number = 1 + sum(v.programme.name == programme.name for v in self.versions)
        if number > 1 and from_day is None:
            raise Refused("a later version needs its day")
        if number > 1 and from_day is not None and self._is_accrued(from_day):
            raise Refused("a later version's day must be after L")
        self.versions.append(Version(number, programme, from_day))

    def assign_programme(self, partner_id: str, programme: str, from_day: date) -> None:
        """Put a partner under another programme."""
        self._must_be_adopted()
        if all(version.programme.name != programme for version in self.versions):
            raise Refused("no such programme")
        self._must_be_enrolled(partner_id)
        if self._is_accrued(from_day):
            raise Refused("the day must be after L")
        self.assigned.append((partner_id, programme, from_day))

    def version(self, partner_id: str, day: date) -> Version:
        """The version that a partner is under on a day."""
        name = self.versions[0].programme.name
        latest = date.min
        for partner, programme, from_day in self.assigned:
            if partner == partner_id and latest <= from_day <= day:
                name, latest = programme, from_day
        found = [version for version in self.versions if version.programme.name == name]
        in_force, begun = found[0], date.min
        for version in found:
            from_day = version.from_day or date.min
            if begun <= from_day <= day:
                in_force, begun = version, from_day
        return in_force

    def programme(self, partner_id: str, day: date) -> Programme:
        """The programme of a partner, in the version of a day."""
        return self.version(partner_id, day).programme

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
        seen = Seen(len(self.facts) + 1, message)
        self.facts.append(seen)
        data = message.data
        if isinstance(data, PartnerEnrolled):
            first = enrolment(self.facts, data.partner_id)
            if first is not None and first[0] != seen:
                return
            self.changes[data.partner_id] = [tiers.Change(None, "referent", seen.day)]
        self.attribution.hear(self.facts, self.accrued)
        self.payments.hear(seen)

    # --- runs (D8, D16) --------------------------------------------------------------------------

    def accrue(self, through: date) -> None:
        """Accrue through a day: tiers first, then lines, partner by partner."""
        self._must_be_adopted()
        if self.accrued is not None and through < self.accrued:
            raise Refused("a run through an earlier day than L")
        for partner_id in sorted(self.changes):
            self._decide_tiers(partner_id, through)
            self._post_lines(partner_id, through)
        self.accrued = through

    def _decide_tiers(self, partner_id: str, through: date) -> None:
        enrolled = self.changes[partner_id][0].first_day
        first = enrolled if self.accrued is None else max(enrolled, self.accrued)
        self.changes[partner_id] += tiers.decide(
            self.changes[partner_id],
            self.evidence(partner_id),
            lambda day: self.programme(partner_id, day),
            first=first,
            last=through,
            accrued=self.accrued,
        )

    def _post_lines(self, partner_id: str, through: date) -> None:
        enrolled = enrolment(self.facts, partner_id)
        assert enrolled is not None
        run = PartnerRun(
            partner_id,
            enrolled[1].founding,
            self.facts,
            self.changes[partner_id],
            lambda day: self.programme(partner_id, day),
            lambda day: self._version_name(partner_id, day),
            self.posting_day,
        )
        for client_id in self._clients_of(partner_id):
            self.posted += run.lines_of(client_id, through, self.posted, self.adjusted)

    def _version_name(self, partner_id: str, day: date) -> str:
        version = self.version(partner_id, day)
        return f"{version.programme.name}/{version.number}"

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
        counted = [self._counted_on(client, partner_id) for client in self._clients_of(partner_id)]
        return tiers.Evidence(
            counted=[day for day in counted if day is not None],
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

    def close(self, month: str) -> None:
        """Close a month, after accruing through L again."""
        self._must_be_adopted()
        if self.closed and month != month_after(self.closed[-1]):
            raise Refused("months are closed in their order, once")
        if self.accrued is None or self.accrued < last_of(month):
            raise Refused("the month is not accrued to its end")
        self.accrue(self.accrued)
        self.closed.append(month)

    def posting_day(self, day: date) -> date:
        """S, or the first day of the earliest open month if that is later (D16)."""
        if not self.closed:
            return day
        return max(day, first_of(month_after(self.closed[-1])))

    # --- finance (D9.4, D15) ---------------------------------------------------------------------

    def adjust(self, adjustment: Adjust) -> None:
        """Post an adjustment; the period of the line that it names is finance's from then on."""
        if adjustment.amount == 0 or adjustment.reason == "opening":
            raise Refused("no such adjustment")
        day = self._finance_day(adjustment)
        if adjustment.line is not None:
            kinds = {
                line.kind
                for line in self.posted
                if line.client_id is not None and line.period == adjustment.line
            }
            if not kinds or adjustment.line.partner_id != adjustment.partner_id:
                raise Refused("no such line")
            self.adjusted.add(adjustment.line)
        self._post_by_hand("adjustment", adjustment, day)

    def credit(self, credit: Credit) -> None:
        """Post a credit."""
        if credit.amount <= 0 or credit.reason not in {"fee", "renewal", "goodwill"}:
            raise Refused("no such credit")
        self._post_by_hand("credit", credit, self._finance_day(credit))

    def _finance_day(self, asked: Adjust | Credit) -> date:
        self._must_be_adopted()
        persons = {asked.requested_by.casefold(), asked.approved_by.casefold()}
        if len(persons) == 1 or any(name != name.strip() for name in persons):
            raise Refused("two persons are needed")
        self._must_be_enrolled(asked.partner_id)
        day = asked.date or self.accrued
        if day is None:
            raise Refused("while there is no L a date must be given")
        if self.accrued is not None and day > self.accrued:
            raise Refused("the date lies after L")
        return day

    def _post_by_hand(self, kind: str, asked: Adjust | Credit, day: date) -> None:
        self.posted.append(
            LineView(
                kind=kind,
                rule="D9.4",
                partner_id=asked.partner_id,
                service_date=day,
                posting_date=self.posting_day(day),
                amount=asked.amount,
                currency=asked.currency,
            )
        )

    def pay(self, cutoff: date, partner_id: str | None) -> None:
        """Initiate what is due up to a cut-off; twice the same pays once."""
        self._must_be_adopted()
        if not self._is_accrued(cutoff):
            raise Refused("a cut-off after L")
        if partner_id is not None:
            self._must_be_enrolled(partner_id)
        for partner in sorted(self.changes):
            programme = self.programme(partner, cutoff)
            if partner_id is None:
                due = self.payments.is_due(self.changes[partner], programme, cutoff)
            else:
                due = partner == partner_id
            if due:
                self.payments.initiate(partner, cutoff, programme, self.posted)

    # --- answers ---------------------------------------------------------------------------------

    def lines(self) -> list[LineView]:
        """All lines, in the order of their posting."""
        return list(self.posted)

    def balances(self) -> dict[tuple[str, str], Balance]:
        """By partner and currency."""
        return self.payments.balances(self.posted)

    def tiers(self) -> list[TierView]:
        """All changes of tier."""
        return [
            TierView(partner_id, change.from_tier or "", change.to_tier, change.first_day)
            for partner_id in sorted(self.changes)
            for change in self.changes[partner_id]
        ]

    def claims(self) -> list[ClaimView]:
        """All claims, with their last answers."""
        return [claim.view() for claim in self.attribution.claims]

    def clients(self) -> list[ClientView]:
        """All clients ever activated."""
        found = []
        for client_id in self._client_ids():
            holder = self.attribution.holder(client_id)
            counted = None if holder is None else self._counted_on(client_id, holder)
            first = first_activation_day(self.facts, client_id)
            found.append(ClientView(client_id, holder, first, counted))
        return found

    def payouts(self) -> list[PayoutView]:
        """All payouts, in the order of their initiation."""
        return list(self.payments.payouts.values())

    def trial_balance(self) -> dict[tuple[str, str], int]:
        """Debit - credit by account and currency."""
        return self.payments.trial_balance(self.posted)

    def unresolved(self) -> set[str]:
        """Ids of the messages that surely wait or had no effect; the real ledger may list more."""
        waiting = {c.fact.message.id for c in self.attribution.claims if c.answer == "waiting"}
        counting = {
            spell.activation.message.id
            for client_id in self._client_ids()
            for spell in all_spells(self.facts, client_id)
        }
        idle = {
            seen.message.id
            for seen, _ in of_type(self.facts, ClientActivated)
            if seen.message.id not in counting
        }
        unknown = {
            seen.message.id
            for seen in self.facts
            if isinstance(seen.message.data, ClientChurned | ClientPlanChanged)
            and seen.message.data.client_id not in self._client_ids()
        }
        return waiting | idle | unknown | self.attribution.useless

    def statement(self, partner_id: str, month: str) -> bytes:
        """The lines of a closed month; only as good as the properties of the model need it."""
        if month > max(self.closed, default=""):
            raise Refused("the month is open")
        lines = [
            replace(line, facts=())
            for line in self.posted
            if line.partner_id == partner_id and line.posting_date.isoformat()[:7] == month
        ]
        return repr(sorted(lines, key=lambda line: line.posting_date)).encode()

    # --- the list --------------------------------------------------------------------------------

    def _client_ids(self) -> list[str]:
        return sorted({data.client_id for _, data in of_type(self.facts, ClientActivated)})

    def _clients_of(self, partner_id: str) -> list[str]:
        return [c for c in self._client_ids() if self.attribution.holder(c) == partner_id]

    def _counted_on(self, client_id: str, holder: str) -> date | None:
        first = first_activation_day(self.facts, client_id)
        if first is None:
            return None
        qualifying = self.programme(holder, first).activation.qualifying_days
        return counted_on(self.facts, client_id, qualifying)

    def _is_accrued(self, day: date) -> bool:
        return self.accrued is not None and day <= self.accrued

    def _must_be_adopted(self) -> None:
        if not self.versions:
            raise NotReady("no programme has been adopted")

    def _must_be_enrolled(self, partner_id: str) -> None:
        if partner_id not in self.changes:
            raise Refused(f"no partner {partner_id} is enrolled")


def replay(entries: Sequence[Entry]) -> NaiveLedger:
    """The model after a whole list of entries; a command that is refused changes nothing."""
    ledger = NaiveLedger()
    for entry in entries:
        try:
            perform(ledger, entry)
        except LedgerError:
            continue
    return ledger
