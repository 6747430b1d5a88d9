"""The demo year: thirteen deliveries of messages, each with the commands that follow it.

The first delivery holds all that happened in 2025; the others are the months of 2026. Everything is
drawn from fixed seeds: the same lines on every machine. Nothing in it is a measured figure.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Literal

from interfaces.demo import clients, network
from interfaces.demo.lots import Lots
from interfaces.demo.messages import (
    FIRST_MONTH,
    LAST_MONTH,
    Book,
    Data,
    Message,
    last_day,
)

DUPLICATES = (((2026, 3), (2026, 3)), ((2026, 5), (2026, 7)))
"""Of which delivery a message comes twice, and in which delivery the second time."""

BAD_LINES = (2026, 6)
"""The delivery with the bad lines: a price that is a float, and a message of a system for tests."""

SANDBOX = "/billing-sandbox"
"""The source of that message: finance discards it, and waits for billing to send the other anew."""

WRONG_ACTIVATION, RETRACTED_IN = (2026, 2), (2026, 4)
"""Of which delivery an activation was never true, and after which finance retracts it."""

LEFT_IN, LEFT, HEIR = (2026, 9), 10, 9
"""After which delivery the clients of a partner that left are given away; both by number."""


@dataclass(frozen=True, slots=True)
class Correction:
    """An adjustment or a credit of finance after an accrual; ``amount`` in cents of euros."""

    kind: Literal["adjustment", "credit"]
    partner_id: str
    amount: int
    reason: str
    currency: str = "EUR"
    requested_by: str = "finance-1"
    approved_by: str = "finance-2"


@dataclass(frozen=True, slots=True)
class Assignment:
    """Finance gives a client to another partner from a day on."""

    client_id: str
    partner_id: str
    from_day: date
    reason: str
    requested_by: str = "finance-1"
    approved_by: str = "finance-2"


@dataclass(frozen=True, slots=True)
class Retraction:
    """Finance retracts a message that was never true."""

    source: str
    id: str
    reason: str
    requested_by: str = "finance-1"
    approved_by: str = "finance-2"


Act = Correction | Assignment | Retraction
"""What finance does by two persons after an accrual."""


@dataclass(frozen=True, slots=True)
class Month:
    """A delivery, and what finance does when the month is over.

    In this order: ingest ``lines``, accrue ``through``, carry out ``acts``, close ``month``, and
    run payouts with cut-off ``through``. What the bank answers to them belongs before the next
    month's lines (:func:`interfaces.demo.settlements.settle`); the last payouts stay in flight.
    """

    month: str
    lines: tuple[bytes, ...]
    through: date
    acts: tuple[Act, ...] = ()


CORRECTIONS = {
    (2026, 4): (Correction("credit", "p-003", 250_00, "goodwill"),),
    (2026, 8): (Correction("adjustment", "p-005", -120_00, "wrong_plan"),),
    (2026, 10): (Correction("credit", "p-012", 400_00, "fee"),),
}
"""Finance's own, by delivery: each asked for by one person and approved by another."""


def year() -> Iterator[Month]:
    """The thirteen deliveries, in order."""
    book = _book()
    for year_, month in _deliveries():
        yield Month(
            month=f"{year_}-{month:02d}",
            lines=tuple(_lines(book, (year_, month))),
            through=last_day(year_, month),
            acts=(*CORRECTIONS.get((year_, month), ()), *_acts(book, (year_, month))),
        )


def write(path: Path) -> int:
    """Write all lines of the year to a file; gives their number.

    They are in the order of delivery, without the bank's answers, which depend on what is paid.
    """
    count = 0
    with path.open("wb") as file:
        for month in year():
            file.writelines(month.lines)
            count += len(month.lines)
    return count


def _deliveries() -> Iterator[tuple[int, int]]:
    yield FIRST_MONTH
    for month in range(1, LAST_MONTH[1] + 1):
        yield LAST_MONTH[0], month


@cache
def _book() -> Book:
    """All messages of the two years; drawn once."""
    book = Book()
    partners = network.partners()
    for partner in partners:
        network.tell(partner, book)
    for client in clients.clients(partners):
        clients.tell(client, partners, book)
    clients.tell_stale_claims(partners, book)
    _tell_free_licences(partners, book)
    _tell_costs(book)
    # Last, so that the ids and instants of all that decides something stay as they are.
    clients.tell_cold_leads(partners, book)
    network.tell_privileges(partners, book)
    return book


def _tell_free_licences(partners: tuple[network.Partner, ...], book: Book) -> None:
    """Some partners use the product themselves, free of charge: clients that never count (D6.1)."""
    for number, partner in enumerate(partners[:15], start=1):
        free: Data = {"plan": "internal", "price": 0, "currency": "EUR"}
        who = {"client_id": f"i-{number:05d}", "partner_id": partner.partner_id}
        day = Lots(f"licence/{number}").day(partner.enrolled, network.END)
        book.tell(day, "client.activated", {**who, **free})


def _tell_costs(book: Book) -> None:
    """What the programme costs beside commissions, month by month, in cents."""
    lots = Lots("costs")
    for year_, month in ((y, m) for y in (2025, 2026) for m in range(1, 13)):
        day = last_day(year_, month)
        costs = {"salaries": 416_700, "content": 100_000, "tools": 12_500}
        if lots.chance(400):
            costs["events"] = 150_000
        if month in (3, 9):
            costs["sponsoring"] = 250_000
        for category, amount in costs.items():
            data: Data = {"category": category, "amount": amount, "currency": "EUR"}
            book.tell(day, "cost.recorded", data)


def _acts(book: Book, delivery: tuple[int, int]) -> Iterator[Act]:
    """A test account is retracted; the clients of a partner that left go to another."""
    if delivery == RETRACTED_IN:
        told = json.loads(_activation_of(book, WRONG_ACTIVATION).line)
        yield Retraction(told["source"], told["id"], "test_account")
    if delivery == LEFT_IN:
        partners = network.partners()
        left, heir = partners[LEFT - 1], partners[HEIR - 1].partner_id
        first = last_day(*delivery) + timedelta(days=1)
        for client in clients.clients(partners):
            if client.partner == left and client.activated < first:
                yield Assignment(client.client_id, heir, first, "partner_left")


def _lines(book: Book, delivery: tuple[int, int]) -> Iterator[bytes]:
    messages = book.delivered_in(delivery)
    for place, message in enumerate(messages):
        if delivery == BAD_LINES and place == len(messages) // 2:
            yield _bad_line("/billing", "billing-retry-1", {"client_id": "c-90001", "price": 59.0})
            yield _bad_line(SANDBOX, "sandbox-17", {"client_id": "test", "price": "free"})
        yield message.line
    for original, again in DUPLICATES:
        if again == delivery:
            yield _activation_of(book, original).line


def _activation_of(book: Book, delivery: tuple[int, int]) -> Message:
    """An activation of a delivery: the message that comes twice."""
    found = [m for m in book.delivered_in(delivery) if b'"type":"client.activated"' in m.line]
    return found[len(found) // 2]


def _bad_line(source: str, id_: str, data: dict[str, object]) -> bytes:
    """An activation whose price is none: multiplied by someone's floating point, or a word."""
    event = {
        "specversion": "1.0",
        "id": id_,
        "source": source,
        "type": "client.activated",
        "time": "2026-06-17T09:30:00Z",
        "data": {"plan": "starter", "currency": "EUR", **data},
    }
    return json.dumps(event, separators=(",", ":")).encode() + b"\n"
