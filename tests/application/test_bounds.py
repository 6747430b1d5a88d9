"""A batch costs a handful of statements, and what is kept at hand is bounded, whatever its size."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any
from unittest import mock

import psycopg
import pytest

from events.billing import ClientActivated, ClientPlanChanged
from events.partners import PartnerEnrolled, ReferralRegistered
from ledger import entities
from tests.model.journal import Message
from tests.properties.stories import terms
from tests.rules.ledger_adapter import RealLedger, open_ledger

NOON = datetime(2024, 1, 10, 12, tzinfo=UTC)
HANDFUL = 20


@contextmanager
def counted() -> Iterator[list[str]]:
    """Every statement that is sent meanwhile: its first words."""
    sent: list[str] = []
    whole = {name: getattr(psycopg.Cursor, name) for name in ("execute", "executemany", "copy")}

    def counting(name: str) -> Any:
        def count(self: psycopg.Cursor[Any], query: Any, *args: Any, **kwargs: Any) -> Any:
            text = query if isinstance(query, str | bytes) else query.as_string(self)
            sent.append(" ".join(str(text).split())[:60])
            return whole[name](self, query, *args, **kwargs)

        return count

    with mock.patch.multiple(psycopg.Cursor, **{name: counting(name) for name in whole}):
        yield sent


@pytest.fixture
def ledger() -> Iterator[RealLedger]:
    """A ledger with a programme and three partners."""
    with open_ledger() as opened:
        opened.adopt(terms(), None)
        names = ("p1", "p2", "p3")
        opened.record([told(PartnerEnrolled(partner_id=n, kind="referral"), n) for n in names])
        yield opened


def told(fact: Any, id_: str, seconds: int = 0) -> Message:
    """A message of that noon."""
    return Message(fact, NOON + timedelta(seconds=seconds), id_)


def batch(first: int, count: int) -> list[Message]:
    """Each client claimed, activated and changed."""
    messages = []
    for number in range(first, first + count):
        client, partner = f"c{number}", f"p{number % 3 + 1}"
        facts = (
            ReferralRegistered(partner_id=partner, client_id=client),
            ClientActivated(client_id=client, plan="pro", price=5_900, currency="EUR"),
            ClientPlanChanged(client_id=client, plan="max", price=9_900),
        )
        messages += [told(fact, f"{client}-{at}", at) for at, fact in enumerate(facts)]
    return messages


def test_a_batch_costs_a_handful_of_statements_whatever_its_size(ledger: RealLedger) -> None:
    """Three facts about one new client, or three thousand about a thousand: as many round trips."""
    ledger.record(batch(0, 1))
    with counted() as small:
        ledger.record(batch(1, 1))
    with counted() as large:
        ledger.record(batch(2, 1_000))
    assert large == small
    assert 0 < len(small) <= HANDFUL
    ledger.reopen()
    with counted() as cold:
        ledger.record([told(ClientPlanChanged(client_id=f"c{n}", plan="s", price=1), f"x{n}")
                       for n in range(1_000)])  # fmt: skip
    assert len(cold) <= HANDFUL


def test_a_run_costs_statements_by_pages_not_by_clients(ledger: RealLedger) -> None:
    """Within one page and one chunk, ten clients cost what three hundred cost."""
    ledger.record(batch(0, 10))
    with counted() as small:
        ledger.accrue(date(2024, 1, 31))
    ledger.record(batch(10, 300))
    with counted() as large:
        ledger.accrue(date(2024, 2, 1))
    assert len(ledger.lines()) >= 310
    assert abs(len(large) - len(small)) <= HANDFUL // 2


def test_what_is_kept_at_hand_is_bounded(ledger: RealLedger) -> None:
    """However many clients there are: the limit, and what one batch reads and changes."""
    kept = ledger.application._entities.at_hand
    with mock.patch.object(entities, "LIMIT", 50):
        for first in range(0, 400, 20):
            ledger.record(batch(first, 20))
            assert len(kept) <= 50 + 2 * 20
    assert len(ledger.clients()) == 400


def test_a_client_that_is_loaded_takes_no_more_than_one_that_was_decided(
    ledger: RealLedger,
) -> None:
    """Pydantic keeps a set of names with each value that it validated: larger than the value."""
    ledger.record(batch(0, 2))
    at_hand = ledger.application._entities.at_hand
    decided = kept_names(at_hand)
    ledger.reopen()
    claims = [ReferralRegistered(partner_id="p3", client_id=f"c{number}") for number in range(2)]
    ledger.record([told(claim, f"late-{claim.client_id}") for claim in claims])
    assert ledger.application._entities.at_hand is not at_hand
    assert kept_names(ledger.application._entities.at_hand) == decided


def kept_names(at_hand: Mapping[str, Any]) -> set[int]:
    """The sets of names that clients at hand keep, by their ids."""
    values: list[Any] = []
    for client in (at_hand["client:c0"], at_hand["client:c1"]):
        values += [client.standing, *client.subscriptions[client.client_id].terms]
    return {id(value.__pydantic_fields_set__) for value in values}
