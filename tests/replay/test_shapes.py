"""What a shape accepts, the general way finds sound: byte by byte, column by column."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from events.base import Event, Fact
from events.catalogue import TOPICS
from events.codec import decode_state
from events.decisions import ClientStanding, FactUnresolved
from events.lines import AdjustmentPosted, CommissionPosted, CreditPosted, Line, PrizePosted
from events.payout_decisions import PaymentBooked, PayoutClosed
from ledger.engine.calendar import day_of, start_of
from ledger.store.mapper import event_row
from replay.accepted import Accepted, Terrain
from replay.course import Terms
from replay.days import Days
from replay.findings import Discrepancy, StoredRow
from replay.links import DECIDED_BY, PageLinks
from replay.meaning import Meaning
from replay.plain import Columns, not_as_hashed
from replay.shapes import Shape, shape_of
from replay.signs import Member, typed_columns
from tests.compatibility.test_golden import GOLDEN
from tests.projections.journal import PARIS
from tests.replay.plain import hashed, microseconds, plain
from tests.replay.test_grammar import OFTEN, OTHERS

POSITION = 10**6
NOON = datetime(2026, 1, 31, 11, 0, 0, 5, tzinfo=UTC)
OPEN = Terms("Europe/Paris", date(2025, 12, 1), date(2025, 12, 31))
SHAPES: dict[str, Shape] = {
    topic: shape for topic in TOPICS if (shape := shape_of(topic.encode())) is not None
}
STATES = [
    (golden["topic"], event["state"].encode())
    for golden in GOLDEN
    for event in golden["events"]
    if golden["topic"] in SHAPES
]
OTHER_VALUES: dict[str, Any] = {
    "recorded_at": NOON + timedelta(seconds=1),
    "originator_id": "client:other",
    "originator_version": 2,
    "effective_at": NOON + timedelta(days=1, microseconds=1),
    "day": date(2026, 1, 30),
    "source": "/other",
    "event_id": "other",
    "partner_id": "other",
    "client_id": "other",
    "kind": "credit",
    "currency": "CHF",
    "amount": Decimal(7),
    "in_flight": Decimal(7),
    "tax": 7,
    "posting_day": date(2026, 1, 30),
}
"""Another value for each column that is not hashed here anew."""


def row_of(event: Event) -> StoredRow:
    """The row of an event, as the ledger would have stored it."""
    day = getattr(event, "day", date(2026, 1, 31))
    row = event_row(event, day, start_of(day, PARIS))
    of_fact: dict[str, Any] = {"source": "/billing", "event_id": "m-1", "effective_at": NOON}
    amount, in_flight = (
        None if each is None else Decimal(each) for each in (row.amount, row.in_flight)
    )
    stored = StoredRow(
        POSITION, NOON, row.stream, 1, row.topic, row.state, row.effective_at, row.day, row.source,
        row.event_id, row.partner_id, row.client_id, row.kind, row.currency, amount, in_flight,
        row.tax, row.posting_day, b"", b"",
    )  # fmt: skip
    if isinstance(event, Fact):
        stored = stored._replace(**of_fact, day=day_of(NOON, PARIS))
    return hashed(stored)


def golden_row(topic: str, state: bytes) -> StoredRow:
    """The row of a golden event, its line worth what its base and rate come to."""
    event = decode_state(topic, state)
    if isinstance(event, Line):
        sound = {"facts": (3, 5), "run": 7, "programme_version": "golden/1", "line": 6}
        amount = {"line": None, "amount": 1180} if isinstance(event, CommissionPosted) else {}
        names = type(event).model_fields.keys()
        event = event.model_copy(update={k: v for k, v in (sound | amount).items() if k in names})
    return row_of(event)


def looked_through(row: StoredRow, terms: Terms) -> tuple[list[Discrepancy], Meaning]:
    """What the general way finds; what an event names lies before its page and is kept."""
    meaning = Meaning(PageLinks(POSITION - 1, POSITION), terms)
    return list(meaning.check(row)), meaning


def accepted(row: StoredRow, terms: Terms) -> Accepted | None:
    """What a shape has of a row that it accepts."""
    page = Accepted(Terrain(terms))
    others = SHAPES[row.topic].take(Columns.of([plain(row)]), page)
    return None if others else page


def holds(row: StoredRow, terms: Terms = OPEN) -> bool:
    """Whether a row is accepted; if it is, nothing is wrong with it, and it moves the same."""
    page = accepted(row, terms)
    if page is None:
        return False
    found, meaning = looked_through(row, terms)
    assert found == [], row
    lines = Meaning(PageLinks(0, 0), terms)
    for line in page.lines():
        lines.move(line)
    assert (lines.accounts, lines.balances) == (meaning.accounts, meaning.balances)
    # What may be a run may have decided: one of both is looked up.
    kept = {(each.key, each.named) for each in meaning.links.pending if each.key != DECIDED_BY}
    assert {(key, named) for key, several in page.named.items() for named in several} == kept
    return True


@pytest.mark.parametrize(("topic", "state"), STATES)
def test_golden_events_are_accepted_unless_something_is_wrong(topic: str, state: bytes) -> None:
    """Nothing that the general way finds sound is looked through twice."""
    row = golden_row(topic, state)
    assert holds(row) is (looked_through(row, OPEN)[0] == [])


@pytest.mark.parametrize("topic", sorted(OFTEN))
def test_what_there_is_very_much_of_is_accepted(topic: str) -> None:
    """With all of its members and with the required ones alone."""
    states = [state for each, state in STATES if each == topic]
    assert all(holds(golden_row(topic, state)) for state in states)


@pytest.mark.parametrize(("topic", "state"), STATES)
def test_no_other_byte_is_accepted_that_is_wrong(topic: str, state: bytes) -> None:
    """Each byte of the state another one."""
    row = golden_row(topic, state)
    for at, byte in enumerate(row.state):
        for other in (*OTHERS[:12], byte ^ 1):
            changed = row.state[:at] + bytes([other]) + row.state[at + 1 :]
            holds(row._replace(state=changed))


@pytest.mark.parametrize(("topic", "state"), STATES)
def test_no_other_column_is_accepted_that_is_wrong(topic: str, state: bytes) -> None:
    """Each column another one, and none where there is one."""
    row = golden_row(topic, state)
    for name, other in OTHER_VALUES.items():
        nothing: dict[str, Any] = {name: None}
        holds(row._replace(**{name: other}))
        if name not in {"recorded_at", "originator_id", "originator_version"}:
            holds(row._replace(**nothing))


@pytest.mark.parametrize(("topic", "state"), STATES)
def test_what_is_accepted_depends_on_the_terms(topic: str, state: bytes) -> None:
    """Of a month that is closed, of days before the opening, of another zone, of no zone yet."""
    row = golden_row(topic, state)
    for terms in (
        Terms(),
        Terms("Asia/Tokyo"),
        OPEN._replace(closed_through=date(2026, 1, 31)),
        OPEN._replace(opened_on=date(2026, 2, 1)),
    ):
        holds(row, terms)


@pytest.mark.parametrize("topic", sorted({topic for topic, _ in STATES}))
def test_one_that_is_wrong_keeps_no_other_from_being_accepted(topic: str) -> None:
    """Beside each other the same are left out, and the same is kept, as one by one."""
    sound = [golden_row(each, state) for each, state in STATES if each == topic]
    others: list[dict[str, Any]] = [{name: other} for name, other in OTHER_VALUES.items()]
    others += [{name: None} for name in StoredRow._fields[6:18]]
    others.append({"state": sound[0].state[:-1]})
    rows = [row._replace(**other) for row in sound for other in ({}, *others)]
    rows = [row._replace(position=POSITION + at) for at, row in enumerate(rows)]
    together, alone = Accepted(Terrain(OPEN)), Accepted(Terrain(OPEN))
    shape = SHAPES[topic]
    left = shape.take(Columns.of(map(plain, rows)), together)
    left_alone = [one for row in rows for one in shape.take(Columns.of([plain(row)]), alone)]
    assert sorted(left) == left_alone
    assert (together.named, together.sums) == (alone.named, alone.sums)
    assert together.periods == alone.periods


@pytest.mark.parametrize(
    "column",
    [
        "source",
        "event_id",
        "effective_at",
        "originator_id",
        "originator_version",
        "recorded_at",
        "position",
        "topic",
    ],
)
def test_the_hashes_of_a_plain_row_are_those_of_the_row(column: str) -> None:
    """Of a fact and of a decision; each column that is hashed is another one."""
    others = {
        **OTHER_VALUES,
        "position": 7,
        "topic": "client.churned/1",
        "source": 'é"\\',
        "event_id": "\n",
    }
    for topic in ("client.activated/1", "CommissionPosted/1"):
        state = next(state for each, state in STATES if each == topic)
        row = golden_row(topic, state)
        assert not not_as_hashed(Columns.of([plain(row)]))
        changed = row._replace(**{column: others[column]})
        assert not_as_hashed(Columns.of([plain(changed)])) == {0}
        assert not not_as_hashed(Columns.of([plain(hashed(changed))]))


def test_classes_whose_columns_depend_on_their_members_have_no_shape() -> None:
    """A prize in kind, a payout that came back, a payment of no currency, a take-back."""
    for cls in (PrizePosted, PayoutClosed, PaymentBooked, AdjustmentPosted, CreditPosted):
        assert cls.topic() not in SHAPES


def test_columns_are_learnt_from_the_events_themselves() -> None:
    """A member, a member behind a word, a word, or nothing."""
    partner, client = Member(b"", "partner_id"), Member(b"", "client_id")
    assert typed_columns(CommissionPosted) == (
        Member(b"account:", "partner_id"), partner, client, b"commission", Member(b"", "currency"),
        Member(b"", "amount"), None, None, Member(b"", "posting_date"),
    )  # fmt: skip
    assert typed_columns(FactUnresolved)[0] == Member(b"", "about")
    assert typed_columns(ClientStanding)[:3] == (Member(b"client:", "client_id"), None, client)


def instants() -> Iterator[datetime]:
    """Around midnight, the change of clocks, and the ends of the calendar."""
    for day in (date(2026, 3, 29), date(2026, 10, 25), date(1911, 3, 11), date(2026, 7, 1)):
        midnight = start_of(day, PARIS)
        for minutes in range(-180, 300, 7):
            yield midnight + timedelta(minutes=minutes)
        yield from (midnight, midnight - timedelta(microseconds=1))


@pytest.mark.parametrize("zone", ["Europe/Paris", "Asia/Kolkata", "America/St_Johns"])
def test_days_are_those_of_the_calendar(zone: str) -> None:
    """For instants and for their beginnings."""
    days = Days.of(zone)
    for instant in instants():
        day = day_of(instant, PARIS if zone == "Europe/Paris" else days.zone)
        number = microseconds(instant)
        assert days.day_of(number) == day.toordinal()
        start = start_of(day, days.zone)
        assert days.starts[day.toordinal()] == microseconds(start)
    assert days.day_of(2**62) == 0
    assert days.starts[0] is None
