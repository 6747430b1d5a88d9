"""Rankings and their prizes decided again, from the clients as of each close (D10.3, D12).

The clients come from the fold that projections are compared with, which pauses before each close.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from psycopg import Connection, Cursor, sql
from psycopg.rows import tuple_row

from events.base import Decision, Event
from events.catalogue import TOPICS
from events.codec import decode_state
from events.errors import EventError
from events.finance import PeriodClosed
from events.lines import PrizePosted, RankingRecorded
from ledger.engine import closes
from ledger.engine.state import LEDGER
from ledger.errors import LedgerError
from projections import Names
from projections.clients import CLIENTS
from projections.definition import StoredProjection
from projections.rankings import tallies
from projections.rebuild import Stops
from replay.as_of import AsOf, Replay
from replay.entities import ledger_at, partners_at
from replay.findings import Discrepancy

_TOPICS = sorted(
    topic for topic, cls in TOPICS.items() if cls.type in {RankingRecorded.type, PrizePosted.type}
)

Told = RankingRecorded | PrizePosted


class _Recorded(NamedTuple):
    """A ranking or prize as it was recorded."""

    position: int
    decision: Told


class Rankings:
    """Looks at the folded clients before each close; ``findings`` tells what differs, once done."""

    def __init__(self, connection: Connection[Any], names: Names, through: int) -> None:
        self._replay = Replay(connection, names)
        with connection.transaction(), connection.cursor(row_factory=tuple_row) as cursor:
            self._closes = _closes(cursor, names, through)
            self._recorded = _recorded(cursor, names, through)
        self._found: list[Discrepancy] = []

    def stops(self) -> Stops:
        """Where to look: right before each close that is followed by a ranking, or should be."""
        return Stops([close - 1 for close in self._closes], self._look)

    def findings(self) -> Iterator[Discrepancy]:
        """Yield every ranking and prize that is not what its close should have decided."""
        yield from self._found
        for close in sorted(self._recorded):
            for each in self._recorded[close]:
                what = f"{_name(each.decision)} is of {close}, where nothing is ranked"
                yield _discrepancy(what, each)

    def _look(
        self,
        cursor: Cursor[Any],
        position: int,
        table: Callable[[StoredProjection], sql.Identifier],
    ) -> None:
        close = position + 1
        recorded = self._recorded.pop(close, [])
        try:
            decided = self._decided(cursor, close, table(CLIENTS))
        except (EventError, LedgerError) as error:
            # Not the projections' fault: they are compared all the same.
            what = f"its rankings cannot be decided again: {str(error).splitlines()[0]}"
            self._found.append(Discrepancy("D12", what, close))
            return
        self._found += _compared(close, recorded, decided)

    def _decided(
        self, cursor: Cursor[Any], close: int, clients: sql.Identifier
    ) -> Sequence[Decision]:
        at = AsOf(close - 1, None, None, final=True)
        ledger, month = ledger_at(self._replay, at), self._closes[close]
        boards = closes.boards(ledger, month)
        if not boards:
            return ()
        events = self._replay.names.events
        of_span = {
            span: tallies(cursor, span, clients, events, close - 1)
            for span in {each.span for each in boards}
        }
        partners = partners_at(self._replay, at)
        ranked = [closes.rank(ledger, each, of_span[each.span], partners) for each in boards]
        return closes.decide_close(ledger, close, month, ranked, partners)


def _compared(
    close: int, recorded: Sequence[_Recorded], decided: Sequence[Decision]
) -> Iterator[Discrepancy]:
    waiting = list(recorded)
    for decision in decided:
        assert isinstance(decision, Told)
        same = [each for each in waiting if _identity(each.decision) == _identity(decision)]
        if not same:
            what = f"{_name(decision)} should follow the close at {close}, and does not"
            yield Discrepancy(decision.rule, what, close, getattr(decision, "partner_id", None))
            continue
        waiting.remove(same[0])
        told, again = _said(same[0].decision), _said(decision)
        if told != again:
            what = f"{_name(decision)} says {told}, the clients before its close say {again}"
            yield _discrepancy(what, same[0])
    for each in waiting:
        yield _discrepancy(f"{_name(each.decision)} is not what its close should decide", each)


def _identity(decision: Told) -> tuple[object, ...]:
    """Which ranking, or which place of which prize."""
    if isinstance(decision, RankingRecorded):
        return decision.of or "quarter", decision.ranking, decision.programme
    return decision.prize, decision.rank, decision.partner_id


def _said(decision: Told) -> tuple[object, ...]:
    """What a ranking or prize says that is worth money or a place."""
    if isinstance(decision, RankingRecorded):
        return decision.places
    return decision.amount, decision.currency, "in cash" if decision.cash else "in kind"


def _name(decision: Told) -> str:
    if isinstance(decision, RankingRecorded):
        return f"the ranking {decision.ranking} of {decision.programme}"
    return f"the prize {decision.prize} of place {decision.rank}"


def _discrepancy(what: str, recorded: _Recorded) -> Discrepancy:
    decision = recorded.decision
    partner_id = decision.partner_id if isinstance(decision, PrizePosted) else None
    return Discrepancy(decision.rule, what, recorded.position, partner_id)


def _closes(cursor: Cursor[Any], names: Names, through: int) -> dict[int, str]:
    """The month of each close, by position."""
    topics = [topic for topic, cls in TOPICS.items() if cls.type == PeriodClosed.type]
    condition = sql.SQL("originator_id = {}").format(LEDGER)
    return {
        position: event.month
        for position, event in _events(cursor, names, condition, topics, through)
        if isinstance(event, PeriodClosed)
    }


def _recorded(cursor: Cursor[Any], names: Names, through: int) -> dict[int, list[_Recorded]]:
    """Rankings and prizes by the position of their close."""
    found: defaultdict[int, list[_Recorded]] = defaultdict(list)
    # Indexes alone tell where they are, one by the rooms of streams and one of what is money.
    condition = sql.SQL(
        "(originator_id >= 'ranking:' AND originator_id < 'ranking;' OR position = ANY(ARRAY("
        "SELECT position FROM {} WHERE kind IN ('prize', 'prize_in_kind'))))"
    ).format(names.events)
    for position, event in _events(cursor, names, condition, _TOPICS, through):
        if isinstance(event, Told) and event.run is not None:
            found[event.run].append(_Recorded(position, event))
    return dict(found)


def _events(
    cursor: Cursor[Any], names: Names, condition: sql.Composable, topics: list[str], through: int
) -> Iterator[tuple[int, Event]]:
    query = sql.SQL(
        "SELECT position, topic, state FROM {} WHERE {} AND topic = ANY(%s) AND position <= %s"
        " ORDER BY position"
    ).format(names.events, condition)
    for position, topic, state in cursor.execute(query, (topics, through)).fetchall():
        try:
            yield position, decode_state(topic, state)
        except EventError:
            # Told already, where the events were read one by one.
            continue
