"""What the naive ledger holds, and what it answers when it is asked."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from events.billing import ClientActivated, ClientChurned, ClientPlanChanged
from ledger.errors import Refused
from tests.model.attribution import Attribution
from tests.model.brands import Brands
from tests.model.closes import leaderboard
from tests.model.commands import (
    CorrectPartner,
)
from tests.model.days import day_of, first_of, last_of, month_after
from tests.model.invoices import without_effect
from tests.model.journal import Message
from tests.model.openings import Openings
from tests.model.payments import Payments
from tests.model.periods import all_spells
from tests.model.programmes import Programmes
from tests.model.run import Books, Run
from tests.model.seen import Seen, enrolment, of_type
from tests.model.territories import Territories
from tests.model.ties import Ties
from tests.model.views import (
    BadgeView,
    Balance,
    ClaimView,
    ClientView,
    GrantView,
    LineView,
    PayoutView,
    PlaceView,
    TierView,
    TieView,
)
from tests.model.world import World

Open = tuple[str, str]
"""A fact or a letter (a message that was quarantined), and its id."""


class Answers:
    """The lists that the model keeps, and the views of them."""

    def __init__(self) -> None:
        self.keys: dict[tuple[str, str], Message] = {}
        self.quarantined: list[Message] = []
        self.programmes = Programmes()
        self.territories = Territories()
        self.world = self._new_world()
        self.unretracted = self._new_world()
        self.ties = Ties()
        self.brands = Brands()
        self.accrued: date | None = None
        self.was_run = False
        self.closed: list[str] = []
        self.credited: list[date] = []
        self.listed: set[Open] = set()
        self.books = Books()
        self.corrections: list[CorrectPartner] = []
        self.openings = Openings()
        self.payments = Payments()

    def _new_world(self) -> World:
        attribution = Attribution(self.programmes.programme, self.territories)
        return World(attribution, self.programmes)

    @property
    def facts(self) -> list[Seen]:
        """The facts that count, in recording order."""
        return self.world.facts

    @property
    def attribution(self) -> Attribution:
        """Who holds the clients."""
        return self.world.attribution

    def posting_day(self, day: date) -> date:
        """S, or the first day of the earliest open month if that is later (D16)."""
        if not self.closed:
            return day
        return max(day, first_of(month_after(self.closed[-1])))

    def _run(self, through: date) -> Run:
        return Run(
            through,
            self.world,
            self.unretracted,
            self.programmes,
            self.books,
            self.ties,
            self.brands,
            self._is_founding,
            self.posting_day,
            self.openings.day,
        )

    def _is_founding(self, partner_id: str) -> bool:
        """D9.6: what the last correction says, else the enrolment."""
        enrolled = enrolment(self.facts, partner_id)
        assert enrolled is not None
        said = [one.founding for one in self.corrections if one.partner_id == partner_id]
        return next((one for one in reversed(said) if one is not None), enrolled[1].founding)

    def lines(self) -> list[LineView]:
        """All lines, in the order of their posting."""
        return list(self.books.posted)

    def balances(self, until: date = date.max) -> dict[tuple[str, str], Balance]:
        """By partner and currency, of what had happened by a day."""
        return self.payments.balances(self.books.posted, until)

    def tiers(self) -> list[TierView]:
        """All changes of tier."""
        return [
            TierView(partner_id, change.from_tier or "", change.to_tier, change.first_day)
            for partner_id in sorted(self.books.changes)
            for change in self.books.changes[partner_id]
        ]

    def claims(self) -> list[ClaimView]:
        """All claims, with their last answers."""
        views = [claim.view() for claim in self.attribution.claims]
        return list({view.id: view for view in views}.values())

    def clients(self) -> list[ClientView]:
        """All clients ever activated."""
        found = []
        for client_id in self.world.client_ids():
            winning = self.attribution.winning(client_id)
            counted = self.world.counted(client_id)
            found.append(
                ClientView(
                    client_id,
                    winning.partner_id if winning else None,
                    self.world.first_day(client_id),
                    counted.day if counted else None,
                    counted.partner_id if counted else None,
                )
            )
        return found

    def payouts(self) -> list[PayoutView]:
        """All payouts, in the order of their initiation."""
        return list(self.payments.payouts.values())

    def payouts_by(self, until: date) -> list[PayoutView]:
        """The payouts with a cut-off up to a day, as they stood then."""
        return self.payments.payouts_by(until)

    def badges(self) -> list[BadgeView]:
        """All badges."""
        return list(self.books.badges)

    def leaderboard(self, quarter: str, until: date = date.max) -> list[PlaceView]:
        """The places of a quarter, up to a day."""
        return leaderboard(self._run(date.max), quarter, until)

    def territories_on(self, day: date) -> dict[str, str]:
        """Who holds each department on a day."""
        departments = {holding.department for holding in self.territories.holdings}
        held = {one: self.territories.holder(one, day) for one in departments}
        return {one: holder for one, holder in held.items() if holder is not None}

    def grants(self) -> list[GrantView]:
        """The answers to brands and territories."""
        return [*self.brands.answers, *self.territories.answers]

    def sponsors(self) -> list[TieView]:
        """What became of each partner's sponsor."""
        return self.ties.views()

    def trial_balance(self, until: date = date.max) -> dict[tuple[str, str], int]:
        """Debit - credit by account and currency, of what had happened by a day."""
        return self.payments.trial_balance(self.books.posted, until)

    def unresolved(self) -> set[str]:
        """Ids of the messages that surely wait or had no effect; the real ledger may list more."""
        waiting = {c.fact.message.id for c in self.attribution.claims if c.answer == "waiting"}
        client_ids = self.world.client_ids()
        counting = {
            spell.activation.message.id
            for client_id in client_ids
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
            and seen.message.data.client_id not in client_ids
        }
        found = waiting | idle | unknown | self.attribution.useless
        return found | without_effect(self.facts)

    def open_of(self, month: str) -> set[Open]:
        """What surely is open of a month and was listed by no close (D16.2).

        Facts that wait or had no effect, and messages with other content than one of their key, of
        days up to the month's last.
        """
        last = last_of(month)
        unresolved = self.unresolved()
        facts = {
            ("fact", seen.message.id)
            for seen in self.facts
            if seen.message.id in unresolved and seen.day <= last
        }
        letters = {
            ("letter", message.id)
            for message in self.quarantined
            if day_of(message.effective_at) <= last
        }
        return (facts | letters) - self.listed

    def statement(self, partner_id: str, month: str) -> bytes:
        """The lines of a closed month; only as good as the properties of the model need it."""
        if month > max(self.closed, default=""):
            raise Refused("the month is open")
        lines = [
            replace(line, facts=())
            for line in self.books.posted
            if line.partner_id == partner_id and line.posting_date.isoformat()[:7] == month
        ]
        return repr(sorted(lines, key=lambda line: line.posting_date)).encode()
