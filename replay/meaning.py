"""What each event says: its columns, its references, its sign, its month (D16, D18)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from zoneinfo import ZoneInfo

from events.base import Command, Event, Fact
from events.catalogue import TOPICS
from events.codec import decode_state, encode
from events.decisions import RuledDecision
from events.errors import EventError
from events.lines import (
    AdjustmentPosted,
    CommissionPosted,
    CreditPosted,
    Line,
)
from events.partners import WholesaleSettled
from events.payout_decisions import (
    PaymentBooked,
    PayoutClosed,
    PayoutInitiated,
    WholesaleBooked,
)
from ledger.engine.calendar import start_of
from ledger.engine.money import share
from ledger.store.mapper import money_of
from replay.course import Terms
from replay.findings import Discrepancy, StoredRow
from replay.links import PageLinks
from replay.postings import postings_of

EARNED = frozenset({"commission", "bonus", "contest", "reward", "override", "prize", "credit"})
"""Kinds of lines whose amounts are earned (D18)."""

_TYPED = (
    "originator_id",
    "partner_id",
    "client_id",
    "kind",
    "currency",
    "amount",
    "in_flight",
    "tax",
    "posting_day",
)
_FIRST = StoredRow._fields.index("partner_id")
"""Where the typed columns but the stream begin in a row."""

Check = Callable[[StoredRow, Event], Iterator[Discrepancy]]
Totals = tuple[int, int, int, int]
"""Earned, adjusted, paid and in flight, in minor units."""

_NO_MONEY: Totals = (0, 0, 0, 0)
MOVING = (
    Line,
    WholesaleSettled,
    WholesaleBooked,
    PayoutInitiated,
    PayoutClosed,
    PaymentBooked,
)
"""Events with postings or a balance."""


class Meaning:
    """Looks through the events of one page, in order of position, and sums what they move.

    ``terms`` is what the commands before the next event say.
    """

    def __init__(self, links: PageLinks, terms: Terms) -> None:
        self.balances: dict[tuple[str, str], Totals] = {}
        self.accounts: Counter[tuple[str, str]] = Counter()
        self.links = links
        self.terms = terms
        self._of_line: tuple[Check, ...] = (self._signs, self._line, self._order_of_arrival)

    def check(self, row: StoredRow) -> Iterator[Discrepancy]:
        """Yield what is wrong with one event; those of the page before it were checked before."""
        cls = TOPICS.get(row.topic)
        try:
            if cls is None:
                yield from _plain(row)
                return
            event = decode_state(row.topic, row.state)
        except (EventError, ValueError) as error:
            yield Discrepancy("state", str(error), row.position, row.partner_id)
            return
        finally:
            self.links.pass_by(row.position, cls)
        yield from self._columns(row, event)
        yield from self._days(row, event)
        for what in self.links.check(row, event):
            yield Discrepancy("D18.5", what, row.position, row.partner_id)
        if isinstance(event, Line | PayoutInitiated):
            for check in self._of_line:
                yield from check(row, event)
        if row.posting_day is not None:
            yield from self._open_month(row, event)
        if isinstance(event, Command):
            self.terms = self.terms.after(event)
        elif isinstance(event, MOVING):
            self.move(event)

    def move(self, event: Event) -> None:
        """Add what an event moves to accounts and balances."""
        for posting in postings_of(event):
            self.accounts[posting.account, posting.currency] += posting.amount
        added = balance_of(event)
        if added is not None:
            key, change = added
            self.balances[key] = plus(self.balances.get(key, _NO_MONEY), change)

    def _columns(self, row: StoredRow, event: Event) -> Iterator[Discrepancy]:
        """Each typed column is a function of the state; the state is canonical."""
        if TOPICS[row.topic] is type(event) and encode(event) != row.state:
            yield Discrepancy("state", "the state is not canonical", row.position, row.partner_id)
        columns, members = _stored(row), columns_of(event)
        if columns != members:
            for name, stored, told in zip(_TYPED, columns, members, strict=True):
                if stored != told:
                    what = f"column {name} is {_shown(stored)}, the state says {told!r}"
                    yield Discrepancy("columns", what, row.position, row.partner_id)
        if isinstance(event, RuledDecision) and event.day != row.day:
            what = f"column day is {row.day}, the state says {event.day}"
            yield Discrepancy("columns", what, row.position, row.partner_id)

    def _days(self, row: StoredRow, event: Event) -> Iterator[Discrepancy]:
        """A fact's day is that of its instant in the ledger's zone; others begin their day (D2)."""
        if row.effective_at is None or row.day is None:
            what = "an event of the ledger needs an instant and a day"
            yield Discrepancy("columns", what, row.position, row.partner_id)
        elif self.terms.time_zone is not None and not _on(row, event, self.terms.time_zone):
            what = f"effective at {row.effective_at.isoformat()}, which does not fit {row.day}"
            yield Discrepancy("days", what, row.position, row.partner_id)

    def _signs(self, row: StoredRow, event: Event) -> Iterator[Discrepancy]:
        """D18.1, and with it D18.2: what is earned is never negative, so its sum never falls."""
        if not isinstance(event, Line) or isinstance(event, AdjustmentPosted) or event.amount >= 0:
            return
        what = f"a {event.kind} of {event.amount} minor units is negative"
        yield Discrepancy("D18.1", what, row.position, row.partner_id)
        if row.kind in EARNED:
            what = f"earned falls by {-event.amount} minor units"
            yield Discrepancy("D18.2", what, row.position, row.partner_id)

    def _line(self, row: StoredRow, event: Event) -> Iterator[Discrepancy]:
        """D18.5, D8.3: what a line must name; of the days before an opening there is none."""
        if not isinstance(event, Line):
            return
        for what in _missing(event):
            yield Discrepancy("D18.5", what, row.position, row.partner_id)
        opened_on = self.terms.opened_on
        if opened_on is None or event.day >= opened_on or isinstance(event, AdjustmentPosted):
            return
        what = f"a {event.kind} for {event.day}, before the opening on {opened_on}"
        yield Discrepancy("D8.3", what, row.position, row.partner_id)

    def _order_of_arrival(self, row: StoredRow, event: Event) -> Iterator[Discrepancy]:
        """D18.8: only commands post lines and start payouts, on facts recorded up to themselves."""
        members = event.__dict__
        command = members.get("command") or members["run"]
        if command is None or self.links.is_no_command(row, command):
            what = f"it was decided by {command}, which is no command"
            yield Discrepancy("D18.8", what, row.position, row.partner_id)
        if command is not None and any(fact > command for fact in members.get("facts", ())):
            what = f"it rests on a fact recorded after its command {command}"
            yield Discrepancy("D18.8", what, row.position, row.partner_id)

    def _open_month(self, row: StoredRow, event: Event) -> Iterator[Discrepancy]:
        """D18.9: nothing is posted into a month that is closed (D16)."""
        closed = self.terms.closed_through
        if closed is not None and row.posting_day is not None and row.posting_day <= closed:
            what = f"a {event.type} posted on {row.posting_day}, months up to {closed} are closed"
            yield Discrepancy("D18.9", what, row.position, row.partner_id)


def _plain(row: StoredRow) -> Iterator[Discrepancy]:
    """An event of the library's own has no typed column."""
    typed = (*_stored(row)[1:], row.effective_at, row.day, row.source, row.event_id)
    if any(value is not None for value in typed):
        what = f"topic {row.topic!r} is not in the catalogue, yet columns are filled"
        yield Discrepancy("columns", what, row.position, row.partner_id)


def _missing(line: Line) -> Iterator[str]:
    """What a line does not name or show; finance's own rest on a command, not on facts."""
    if isinstance(line, CommissionPosted) and line.line is None:
        due = share(line.base, line.rate)
        if line.amount != due:
            yield f"{line.rate} of {line.base} is {due}, not {line.amount}"
    if isinstance(line, AdjustmentPosted | CreditPosted):
        if line.command is None and line.run is None:
            yield "the line names neither a command nor a run"
        return
    if not line.facts:
        yield "the line names no fact"
    if line.programme_version is None:
        yield "the line names no programme version"


def _stored(row: StoredRow) -> tuple[object, ...]:
    """The columns of :data:`_TYPED`, in their order."""
    return (row.originator_id, *row[_FIRST : _FIRST + len(_TYPED) - 1])


def _shown(value: object) -> str:
    return str(value) if isinstance(value, Decimal) else repr(value)


def columns_of(event: Event) -> tuple[object, ...]:
    """The typed columns that an event's own words give: stream, partner, client, then money."""
    members = event.__dict__
    return (event.stream, members.get("partner_id"), members.get("client_id"), *money_of(event))


def _on(row: StoredRow, event: Event, time_zone: str) -> bool:
    """Whether an event's day is that of its instant; a decision begins its day."""
    assert row.effective_at is not None
    assert row.day is not None
    if isinstance(event, Fact):
        return row.effective_at.astimezone(_zone(time_zone)).date() == row.day
    return row.effective_at == _start(row.day, time_zone)


_zone = lru_cache(ZoneInfo)


@lru_cache(maxsize=8192)
def _start(day: date, time_zone: str) -> datetime:
    """When a day begins; decisions share few days."""
    return start_of(day, _zone(time_zone))


def plus(one: Totals, other: Totals) -> Totals:
    """The sum of two totals."""
    return (one[0] + other[0], one[1] + other[1], one[2] + other[2], one[3] + other[3])


def payable(totals: Totals) -> int:
    """What is owed by a balance (D15)."""
    earned, adjusted, paid, in_flight = totals
    return earned + adjusted - paid - in_flight


def balance_of(event: Event) -> tuple[tuple[str, str], Totals] | None:
    """The change of a balance by D15 and D18, from the event itself and not from its columns."""
    if isinstance(event, AdjustmentPosted):
        adjusted = 0 if event.of_margin else event.amount
        return (event.partner_id, event.currency), (0, adjusted, 0, 0)
    if isinstance(event, Line):
        earned = event.amount if event.kind in EARNED and getattr(event, "cash", True) else 0
        return (event.partner_id, event.currency), (earned, 0, 0, 0)
    if isinstance(event, PayoutInitiated):
        return (event.partner_id, event.currency), (0, 0, 0, event.amount)
    if isinstance(event, PayoutClosed):
        paid = -event.paid if event.outcome == "returned" else event.paid
        return (event.partner_id, event.currency), (0, 0, paid, -event.initiated)
    if isinstance(event, PaymentBooked) and event.currency is not None:
        return (event.partner_id, event.currency), (0, 0, event.paid, 0)
    if isinstance(event, WholesaleBooked):
        return (event.partner_id, event.currency), (0, 0, 0, 0)
    return None
