"""What a ledger in memory shows, read from the events that it holds: no database, no projection."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, TypeVar

from events.base import Event
from events.decisions import (
    ClaimAnswer,
    ClientStanding,
    FactResolved,
    FactUnresolved,
    FactVoided,
    ReferralAccepted,
    ReferralLapsed,
    ReferralRejected,
    ReferralUnchanged,
    ReferralWaiting,
    Standing,
)
from events.finance import PartnerCorrected, ProgrammeAdopted
from events.lines import AdjustmentPosted, Line, RankingRecorded
from events.partner_decisions import (
    BadgeAwarded,
    EnrolmentCorrected,
    ProgrammeAssigned,
    SponsorAccepted,
    SponsorRejected,
    SponsorWaiting,
    TerritoryAccepted,
    TerritoryRejected,
    TierChanged,
    WhiteLabelAccepted,
    WhiteLabelRejected,
)
from events.payout_decisions import PaymentBooked, PayoutClosed, PayoutInitiated
from ledger.store.mapper import money_of
from replay.postings import postings_of
from tests.model.days import month_of
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

E = TypeVar("E", bound=Event)

_ANSWERS: Mapping[type[ClaimAnswer], str] = {
    ReferralAccepted: "accepted",
    ReferralRejected: "rejected",
    ReferralLapsed: "lapsed",
    ReferralUnchanged: "no_effect",
    ReferralWaiting: "waiting",
}
_TIES = {SponsorAccepted: "accepted", SponsorRejected: "rejected", SponsorWaiting: "waiting"}
_PAID = {"payout_settled", "payout_returned", "payment"}
_ADJUSTED = {"adjustment", "opening"}
_EARNED = {"commission", "bonus", "contest", "reward", "override", "prize", "credit"}
_LISTED = (FactUnresolved, ReferralWaiting, ReferralUnchanged, SponsorWaiting, PaymentBooked)


class MemoryViews:
    """The views of a ledger under test, of events at hand."""

    def __init__(self) -> None:
        self.events: list[tuple[int, Event]] = []
        """Facts, commands and decisions, by position."""
        self.ids: dict[int, str] = {}
        """Of each fact's position the id of its message."""
        self.by_class: defaultdict[type[Event], list[tuple[int, Any]]] = defaultdict(list)
        self._shown: list[LineView] = []
        self._money: list[tuple[str, str, str, int, int, date]] = []

    def keep(self, position: int, event: Event) -> None:
        """Take the next event."""
        self.events.append((position, event))
        self.by_class[type(event)].append((position, event))
        if isinstance(event, Line):
            self._shown.append(line_of(event))
        kind, currency, amount, in_flight, _, posting_day = money_of(event)
        if kind is not None and currency is not None and posting_day is not None:
            partner_id = event.__dict__["partner_id"]
            self._money.append(
                (partner_id, currency, kind, amount or 0, in_flight or 0, posting_day)
            )

    def lines(self) -> list[LineView]:
        """All lines by position."""
        return list(self._shown)

    def balances(self) -> dict[tuple[str, str], Balance]:
        """By partner and currency."""
        sums: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
        for partner_id, currency, kind, amount, in_flight, _ in self._money:
            found = sums[partner_id, currency]
            found["in_flight"] += in_flight
            for name, kinds in (("earned", _EARNED), ("adjusted", _ADJUSTED), ("paid", _PAID)):
                if kind in kinds:
                    found[name] += amount
        return {key: Balance(**found) for key, found in sums.items()}

    def tiers(self) -> list[TierView]:
        """All changes of tier."""
        return [
            TierView(change.partner_id, change.from_tier or "", change.to_tier, change.day)
            for change in self._of(TierChanged)
        ]

    def claims(self) -> list[ClaimView]:
        """All claims with their last answers."""
        return [
            ClaimView(
                self.ids[claim],
                answer.client_id,
                answer.partner_id,
                answer.day,
                _ANSWERS[type(answer)],
                getattr(answer, "reason", ""),
            )
            for claim, answer in {
                answer.claim: answer for _, answer in self._sorted(*_ANSWERS)
            }.items()
        ]

    def clients(self) -> list[ClientView]:
        """All clients ever activated."""
        return [
            ClientView(
                client_id,
                standing.partner_id,
                standing.first_activated_on,
                standing.counted_on,
                _counting(standing) if standing.counted_on is not None else None,
            )
            for client_id, standing in sorted(self._standings().items())
            if standing.first_activated_on is not None
        ]

    def payouts(self) -> list[PayoutView]:
        """All payouts."""
        ends: defaultdict[str, list[PayoutClosed]] = defaultdict(list)
        for end in self._of(PayoutClosed):
            ends[end.payout_id].append(end)
        return [_payout(sent, ends[sent.payout_id]) for sent in self._of(PayoutInitiated)]

    def trial_balance(self) -> dict[tuple[str, str], int]:
        """Debit - credit by account and currency."""
        sums: Counter[tuple[str, str]] = Counter()
        for _, event in self.events:
            for posting in postings_of(event):
                sums[posting.account, posting.currency] += posting.amount
        return {key: amount for key, amount in sums.items() if amount}

    def unresolved(self) -> set[str]:
        """The ids of messages that wait or had no effect: the last word on each."""
        last: dict[tuple[str, object], Any] = {}
        facts = (FactUnresolved, FactResolved, FactVoided)
        for _, noted in self._sorted(*facts, *_ANSWERS, *_TIES, EnrolmentCorrected, PaymentBooked):
            if isinstance(noted, ClaimAnswer):
                last["claim", noted.claim] = noted
            elif isinstance(noted, EnrolmentCorrected):
                if noted.sponsor_id is not None or "sponsor_id" in noted.cleared:
                    last["sponsor", noted.partner_id] = noted
            elif type(noted) in _TIES:
                last["sponsor", noted.partner_id] = noted
            else:
                last["payment" if type(noted) is PaymentBooked else "fact", noted.fact] = noted
        listed = [noted for noted in last.values() if isinstance(noted, _LISTED)]
        positions = [n.claim if isinstance(n, ClaimAnswer) else n.fact for n in listed]
        return {self.ids[position] for position in positions if position in self.ids}

    def statement(self, partner_id: str, month: str) -> bytes:
        """All that is posted in a month: of a closed one nothing is ever added to it."""
        found = [
            money
            for money in self._money
            if money[0] == partner_id and month_of(money[-1]) == month
        ]
        return repr(sorted(found)).encode()

    def badges(self) -> list[BadgeView]:
        """All badges."""
        return [BadgeView(one.partner_id, one.badge, one.day) for one in self._of(BadgeAwarded)]

    def leaderboard(self, quarter: str) -> list[PlaceView]:
        """The places of a quarter: as its close recorded them, else by what is known."""
        recorded = {
            ranking.programme: [(partner_id, clients) for partner_id, clients in ranking.places]
            for ranking in self._of(RankingRecorded)
            if ranking.of in {None, "quarter"} and ranking.ranking == quarter
        }
        of_programmes = self._computed(quarter) | recorded
        return [
            PlaceView(rank, partner_id, clients)
            for places in of_programmes.values()
            for rank, (partner_id, clients) in enumerate(places, 1)
        ]

    def territories_on(self, day: date) -> dict[str, str]:
        """Who holds each department on a day."""
        return {
            grant.department: grant.partner_id
            for grant in self._of(TerritoryAccepted)
            if grant.day <= day < grant.end
        }

    def grants(self) -> list[GrantView]:
        """The answers to brands and territories."""
        classes = TerritoryAccepted, TerritoryRejected, WhiteLabelAccepted, WhiteLabelRejected
        return [
            GrantView(
                self.ids[answer.fact],
                answer.partner_id,
                "rejected" if hasattr(answer, "reason") else "accepted",
                getattr(answer, "reason", ""),
                getattr(answer, "department", ""),
                getattr(answer, "end", date.max),
            )
            for _, answer in self._sorted(*classes)
        ]

    def sponsors(self) -> list[TieView]:
        """What became of each partner's present sponsor."""
        last: dict[str, TieView] = {}
        for _, tie in self._sorted(*_TIES, PartnerCorrected):
            if not isinstance(tie, PartnerCorrected):
                answer, reason = _TIES[type(tie)], getattr(tie, "reason", "")
                last[tie.partner_id] = TieView(tie.partner_id, tie.sponsor_id, answer, reason)
            elif "sponsor_id" in tie.cleared:
                last.pop(tie.partner_id, None)
        return list(last.values())

    # --- reading ---------------------------------------------------------------------------------

    def _of(self, cls: type[E]) -> Iterator[E]:
        for _, event in self.by_class.get(cls, ()):
            yield event

    def _sorted(self, *classes: type[Event]) -> list[tuple[int, Any]]:
        found = [kept for cls in classes for kept in self.by_class.get(cls, ())]
        return sorted(found, key=lambda kept: kept[0])

    def _standings(self) -> dict[str, Standing]:
        return {changed.client_id: changed.after for changed in self._of(ClientStanding)}

    def _computed(self, quarter: str) -> dict[str, list[tuple[str, int]]]:
        """By programme the partners with their clients of a quarter, the first place first."""
        counted: defaultdict[str, list[tuple[date, datetime]]] = defaultdict(list)
        for standing in self._standings().values():
            who, day = _counting(standing), standing.counted_on
            if who is not None and day is not None and _quarter(day) == quarter:
                assert standing.first_activated_at is not None
                counted[who].append((day, standing.first_activated_at))
        found: defaultdict[str, list[tuple[int, datetime, str]]] = defaultdict(list)
        for who, clients in counted.items():
            programme = self._programme_of(who, _last_day(quarter))
            found[programme].append((-len(clients), max(clients)[1], who))
        return {
            programme: [(who, -clients) for clients, _, who in sorted(places)]
            for programme, places in found.items()
        }

    def _programme_of(self, partner_id: str, day: date) -> str:
        """The programme of a partner on a day: the one that it was put under, else the first."""
        first = next(self._of(ProgrammeAdopted)).programme
        assigned = [
            (put.day, place, put.programme)
            for place, put in enumerate(self._of(ProgrammeAssigned))
            if put.partner_id == partner_id and put.day <= day
        ]
        return max(assigned)[-1] if assigned else first


def line_of(line: Line) -> LineView:
    """Show a line as `history` does."""
    members = line.__dict__
    by_hand = line.rule == "D9.4"
    rate = members.get("rate")
    of_margin = isinstance(line, AdjustmentPosted) and line.of_margin
    named = (members.get("invoice_id"), members.get("payment_id"))
    return LineView(
        kind=line.kind,
        rule=line.rule,
        partner_id=line.partner_id,
        service_date=line.day,
        posting_date=line.posting_date,
        amount=line.amount,
        currency=line.currency,
        client_id=None if by_hand else members.get("client_id"),
        subscription_id=None if by_hand else members.get("subscription_id"),
        service_end=members.get("service_end"),
        base=members.get("base"),
        rate=None if rate is None else Decimal(str(rate)),
        tier=members.get("tier"),
        client_year=members.get("client_year"),
        programme_version=line.programme_version,
        facts=line.facts,
        payment=tuple(name for name in named if name is not None),
        sponsored_id=members.get("sponsored_id"),
        award=members.get("contest") or members.get("prize"),
        ordinal=members.get("ordinal") or members.get("rank"),
        of_margin=of_margin,
    )


def _counting(standing: Standing) -> str | None:
    return standing.counted_by or standing.partner_id


def _payout(sent: PayoutInitiated, ends: list[PayoutClosed]) -> PayoutView:
    outcomes = {end.outcome for end in ends}
    status = "settled" if "settled" in outcomes else "in_flight"
    return PayoutView(
        sent.partner_id,
        sent.currency,
        sent.day,
        sent.amount,
        "failed" if outcomes & {"failed", "returned"} else status,
        sum(end.paid for end in ends if end.outcome == "settled"),
        any(end.flag is not None for end in ends),
    )


def _quarter(day: date) -> str:
    return f"{day.year}Q{(day.month + 2) // 3}"


def _last_day(quarter: str) -> date:
    """The last day of a quarter, ``2026Q1``."""
    year, number = quarter.split("Q")
    last = {"1": "03-31", "2": "06-30", "3": "09-30", "4": "12-31"}
    return date.fromisoformat(f"{year}-{last[number]}")
