"""What each event says: its columns, its references, its sign, its month (D16, D18)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from events.base import Event, Fact
from events.catalogue import TOPICS
from events.codec import decode_state, encode
from events.decisions import RuledDecision
from events.errors import EventError
from events.finance import LedgerOpened, PeriodClosed, ProgrammeAdopted
from events.lines import (
    AdjustmentPosted,
    CommissionPosted,
    CreditPosted,
    Line,
)
from events.payout_decisions import (
    PaymentBooked,
    PayoutClosed,
    PayoutInitiated,
    WholesaleBooked,
)
from ledger.engine.calendar import ONE_DAY, start_of
from ledger.engine.money import share
from ledger.store.mapper import money_of
from replay.approvals import FourEyes
from replay.findings import Discrepancy, StoredRow
from replay.links import Links
from replay.postings import postings_of
from replay.statements import last_day

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


class Meaning:
    """Follows the events in order of position; remembers commands, closes and balances."""

    def __init__(self) -> None:
        self.balances: dict[tuple[str, str], Totals] = {}
        self.accounts: Counter[tuple[str, str]] = Counter()
        self._links = Links()
        self._closed_through: date | None = None
        self._opened_on: date | None = None
        self._zone: ZoneInfo | None = None
        self._checks: tuple[Check, ...] = (
            self._columns,
            self._days,
            self._signs,
            self._grounds,
            self._order_of_arrival,
            self._open_month,
            self._past,
            FourEyes().check,
        )

    def check(self, row: StoredRow) -> Iterator[Discrepancy]:
        """Yield what is wrong with one event; the events before it were checked before."""
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
            self._links.pass_by(row.position, cls)
        for check in self._checks:
            yield from check(row, event)
        self._remember(event)

    def _remember(self, event: Event) -> None:
        if isinstance(event, ProgrammeAdopted) and self._zone is None:
            self._zone = ZoneInfo(event.time_zone)
        if isinstance(event, PeriodClosed):
            self._closed_through = last_day(event.month)
        if isinstance(event, LedgerOpened):
            self._opened_on, self._closed_through = event.day, event.day - ONE_DAY
        for posting in postings_of(event):
            self.accounts[posting.account, posting.currency] += posting.amount
        added = _balance(event)
        if added is not None:
            key, change = added
            old = self.balances.get(key, (0, 0, 0, 0))
            self.balances[key] = (
                old[0] + change[0],
                old[1] + change[1],
                old[2] + change[2],
                old[3] + change[3],
            )

    def _columns(self, row: StoredRow, event: Event) -> Iterator[Discrepancy]:
        """Each typed column is a function of the state; the state is canonical."""
        if TOPICS[row.topic] is type(event) and encode(event) != row.state:
            yield Discrepancy("state", "the state is not canonical", row.position, row.partner_id)
        columns, members = _stored(row), _told(event)
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
        elif self._zone is not None and not _on(row.effective_at, row.day, self._zone, event):
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

    def _grounds(self, row: StoredRow, event: Event) -> Iterator[Discrepancy]:
        """D18.5: facts, rule and programme version; whatever it names is before it."""
        yield from self._links.check(row, event)
        if isinstance(event, Line):
            for what in _missing(event):
                yield Discrepancy("D18.5", what, row.position, row.partner_id)

    def _order_of_arrival(self, row: StoredRow, event: Event) -> Iterator[Discrepancy]:
        """D18.8: only commands post lines and start payouts, on facts recorded up to themselves."""
        if not isinstance(event, Line | PayoutInitiated):
            return
        command = getattr(event, "command", None) or event.run
        if command is None or not self._links.is_command(command):
            what = f"it was decided by {command}, which is no command"
            yield Discrepancy("D18.8", what, row.position, row.partner_id)
        elif any(fact > command for fact in getattr(event, "facts", ())):
            what = f"it rests on a fact recorded after its command {command}"
            yield Discrepancy("D18.8", what, row.position, row.partner_id)

    def _open_month(self, row: StoredRow, event: Event) -> Iterator[Discrepancy]:
        """D18.9: nothing is posted into a month that is closed (D16)."""
        closed = self._closed_through
        if closed is not None and row.posting_day is not None and row.posting_day <= closed:
            what = f"a {event.type} posted on {row.posting_day}, months up to {closed} are closed"
            yield Discrepancy("D18.9", what, row.position, row.partner_id)

    def _past(self, row: StoredRow, event: Event) -> Iterator[Discrepancy]:
        """D8.3: of the days before an opening there is no line but an adjustment."""
        if self._opened_on is None or not isinstance(event, Line):
            return
        if event.day < self._opened_on and not isinstance(event, AdjustmentPosted):
            what = f"a {event.kind} for {event.day}, before the opening on {self._opened_on}"
            yield Discrepancy("D8.3", what, row.position, row.partner_id)


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


def _told(event: Event) -> tuple[object, ...]:
    partner_id, client_id = getattr(event, "partner_id", None), getattr(event, "client_id", None)
    return (event.stream, partner_id, client_id, *money_of(event))


def _on(instant: datetime, day: date, zone: ZoneInfo, event: Event) -> bool:
    if isinstance(event, Fact):
        return instant.astimezone(zone).date() == day
    return instant == start_of(day, zone)


def _balance(event: Event) -> tuple[tuple[str, str], Totals] | None:
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
