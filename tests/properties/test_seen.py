"""What is seen of a page as it comes is what the general way finds, whatever was tampered with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import chain
from random import Random
from typing import Any

import psycopg
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from psycopg import sql

from replay import invariants
from replay.course import Course, Readable, commands_in, rows_where
from replay.findings import StoredRow
from replay.links import DECIDED_BY
from replay.pages import Checked, Page, Together, looked_through, seen
from replay.plain import plain_rows
from replay.sealed import Sealing, Seals
from replay.transparency.checking import Signed
from tests.properties.every_rule import stories_of_every_rule
from tests.properties.play import play
from tests.properties.stories import Story, stories
from tests.replay.plain import hashed, plain
from tests.rules.ledger_adapter import open_ledger

EVENTS = sql.Identifier("ledger", "events")
OFTEN_ENOUGH = settings(
    max_examples=max(6, settings().max_examples // 8),
    deadline=None,
    suppress_health_check=list(HealthCheck),
    # Shrinking a story on a database takes minutes.
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
TAMPERINGS = 60
"""Changes of one event each, of a ledger."""


def recorded(url: str) -> list[StoredRow]:
    """All rows; they come as bytes and numbers, too, and say the same."""
    with psycopg.connect(url, autocommit=True) as connection:
        rows = rows_where(connection, EVENTS, sql.SQL("TRUE"))
        portions = plain_rows(connection, EVENTS, 0, len(rows))
        assert [*chain.from_iterable(portions)] == [*map(plain, rows)]
    return rows


def tampered(row: StoredRow, random: Random) -> StoredRow:
    """A byte of the state, or a column, that is another one."""
    if random.random() < 0.6:
        state = bytearray(row.state)
        at = random.randrange(len(state))
        state[at] = random.choice([*b'0123456789-",:{}[]ax', state[at] ^ 1])
        return row._replace(state=bytes(state))
    column = random.choice([*StoredRow._fields[1:5], *StoredRow._fields[6:18]])
    other: dict[str, Any] = {column: _another(getattr(row, column), column)}
    return row._replace(**other)


def _another(value: object, column: str) -> object:
    match value:
        case datetime():
            return value + timedelta(microseconds=1)
        case date():
            return value + timedelta(days=1)
        case Decimal() | int():
            return value + 1
        case str():
            return f"{value}x"
        case _:
            return {"posting_day": date(2024, 1, 1), "tax": 1, "day": None}.get(
                column, Decimal(1) if column in {"amount", "in_flight"} else "x"
            )


def compare(rows: Sequence[StoredRow], page: Page) -> bool:
    """Hold both ways against each other; whether the page was seen without the general one."""
    done = seen_alone(rows, page)
    if done is None:
        return False
    assert known(done) == known(looked_through(rows, page))
    return True


def seen_alone(rows: Sequence[StoredRow], page: Page) -> Checked | None:
    """Look through a page of which the rows are at hand."""

    def stored(positions: Sequence[int]) -> Readable:
        return [rows[position - page.after - 1] for position in positions], []

    some = 1 + len(rows) // 3
    plain_rows = [*map(plain, rows)]
    portions = [plain_rows[first : first + some] for first in range(0, len(rows), some)]
    return seen(portions, page, stored)


def pages(rows: Sequence[StoredRow], size: int, sealing: Sealing | None = None) -> Iterator[Page]:
    """Pages of a ledger, of a size."""
    course = Course(commands_in(rows))
    for after in range(0, len(rows), size):
        through = min(after + size, len(rows))
        terms, changes = course.at(after), course.within(after, through)
        yield Page(after, through, terms, changes, sealing or Sealing())


def known(done: Checked) -> tuple[object, ...]:
    """All that is found of a page, in no order; what it names before it, by what that may be."""
    named = {(key, position) for key, several in done.named.items() for position in several}
    # What may be a run may have decided: one of both is looked up.
    named |= {(each.key, each.named) for each in done.pending if each.key != DECIDED_BY}
    found = sorted(done.found, key=repr)
    numbers, moved = done.numbers, (done.accounts, done.balances)
    return found, named, done.order, done.leaves, numbers, moved, done.terms


@OFTEN_ENOUGH
@given(story=stories() | stories_of_every_rule(), random=st.randoms(use_true_random=False))
def test_what_is_seen_is_what_the_general_way_finds(story: Story, random: Random) -> None:
    """In pages of any size, with hashes that fit what was changed, or with the old ones."""
    with open_ledger() as ledger:
        play(story, ledger)
        rows = recorded(ledger.url)
    for page in pages(rows, random.randint(1, len(rows))):
        after, through = page.after, page.through
        assert compare(rows[after:through], page)
        for _ in range(max(1, TAMPERINGS * (through - after) // len(rows))):
            changed = [*rows[after:through]]
            at = random.randrange(len(changed))
            row = tampered(changed[at], random)
            changed[at] = hashed(row) if random.random() < 0.8 else row
            compare(changed, page)


@OFTEN_ENOUGH
@given(story=stories() | stories_of_every_rule(), random=st.randoms(use_true_random=False))
def test_every_seal_is_proven_on_the_way(story: Story, random: Random) -> None:
    """What statements say follows from the events' own words: none is produced a second time."""
    with open_ledger() as ledger:
        play(story, ledger)
        rows = recorded(ledger.url)
        with psycopg.connect(ledger.url, autocommit=True) as connection:
            sealed = invariants.seals(connection, EVENTS, len(rows))
            signed = Signed(connection, sizes=[event.close for _, event in sealed])
            together = Together(signed, Seals(sealed))
            for page in pages(rows, random.randint(1, len(rows)), together.seals.sealing):
                done = seen_alone(rows[page.after : page.through], page)
                assert done is not None
                assert list(together.take(done)) == []
    assert together.unproven(sealed) == []
