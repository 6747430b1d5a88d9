"""The plan of a run finds every client that the engine gives a line, and few others (D8.1)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from random import Random

import psycopg
import pytest

from events.decisions import Term
from ledger.engine.calendar import end_of_month
from ledger.engine.contests import Claims
from ledger.engine.state import Run
from ledger.engine.subscriptions import period_starts
from ledger.policy.versions import Programmes
from projections.accrual import LiveModels

FIRST, DAYS = date(2019, 12, 1), 5 * 366
ENDS_OF_MONTHS = sorted({end_of_month(FIRST + timedelta(days=n)) for n in range(DAYS)})
RUN = 1_000_000
"""The position of the run; every standing is from before the run before it."""


@pytest.fixture
def connection(ledger_database_url: str) -> Iterator[psycopg.Connection]:
    """A connection to a ledger without events."""
    with psycopg.connect(ledger_database_url, autocommit=True) as opened:
        yield opened


def _day(lots: Random) -> date:
    """Any day, often about the end of a month, where schedules are clamped."""
    if lots.random() < 0.5:
        return lots.choice(ENDS_OF_MONTHS) - timedelta(days=lots.choice([0, 0, 1, 2, 3, -1]))
    return FIRST + timedelta(days=lots.randrange(DAYS))


def _term(lots: Random) -> Term:
    anchor = _day(lots)
    start = anchor if lots.random() < 0.6 else anchor + timedelta(days=lots.randrange(500))
    end = start + timedelta(days=lots.randrange(1, 800)) if lots.random() < 0.4 else None
    return Term(
        start=start, end=end, anchor=anchor, interval=lots.choice(["month", "year"]),
        plan="pro", price=100, currency="EUR", activation=1, price_fact=1,
    )  # fmt: skip


def _keep(connection: psycopg.Connection, terms: list[Term]) -> None:
    """Put each term in the tables as the only one of a client, c-<number>."""
    connection.execute("TRUNCATE projections.clients, projections.terms")
    with connection.cursor() as cursor:
        with cursor.copy(
            "COPY projections.clients (client_id, partner_id, claim, first_activated_on, position)"
            " FROM STDIN"
        ) as copy:
            for n, term in enumerate(terms):
                copy.write_row((f"c-{n}", "p1", 1, term.start, 1))
        with cursor.copy(
            "COPY projections.terms (client_id, subscription_id, start_day, end_day, anchor,"
            " months, plan, price, currency, activation, price_fact, position) FROM STDIN"
        ) as copy:
            for n, term in enumerate(terms):
                months = 12 if term.interval == "year" else 1
                copy.write_row(
                    (f"c-{n}", f"c-{n}", term.start, term.end, term.anchor, months, "pro", 100,
                     "EUR", 1, 1, 1)
                )  # fmt: skip


@pytest.mark.parametrize("seed", range(5))
def test_every_client_with_a_period_is_a_candidate(
    connection: psycopg.Connection, seed: int
) -> None:
    """Anchors on the 29th to the 31st, leap years, years, ended terms: none is left out."""
    lots = Random(seed)  # noqa: S311 - lots, not secrets
    terms = [_term(lots) for _ in range(1_500)]
    _keep(connection, terms)
    models = LiveModels()
    for _ in range(25):
        previous = _day(lots)
        through = previous + timedelta(days=lots.choice([0, 1, 2, 3, 7, 28, 29, 30, 31, 60, 400]))
        run = Run(RUN, through, previous, RUN - 1)
        with connection.cursor() as cursor:
            models.plan_accrual(
                cursor,
                run,
                every_partner=False,
                claims=Claims(Programmes()),
                accruals={"schedule"},
                compares_all=False,
            )
            page = models.candidates(cursor, 0, len(terms) + 2)
        taken = {candidate.client_id for candidate in page if candidate.client_id}
        due = {f"c-{n}" for n, term in enumerate(terms) if period_starts(term, previous, through)}
        assert due <= taken, (previous, through, due - taken)
        # Taken without a period are only terms whose price changed, or that ended, before it.
        for client in taken - due:
            term = terms[int(client[2:])]
            assert term.start != term.anchor or term.end is not None, (previous, through, term)
