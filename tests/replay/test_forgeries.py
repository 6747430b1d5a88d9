"""Five hundred forgeries by the owner of the tables, triggers off, at random places: all told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from random import Random

import psycopg
import pytest

from ledger.policy.programme import Programme
from projections import Projector
from replay.findings import Discrepancy
from replay.verify import verify
from tests.model.commands import Adopt, Retract
from tests.replay.forger import Forger, Forgery
from tests.rules.dsl import tell
from tests.rules.facts import (
    accrue,
    activated,
    adjust,
    certified,
    changed,
    churned,
    close,
    enrolled,
    lead,
    pay,
    referred,
    settled,
)
from tests.rules.ledger_adapter import open_ledger
from tests.rules.programmes import programme

EACH = 50
"""Of each of the ten ways to tamper."""


def terms() -> Programme:
    """Small terms with a prize for each quarter and a contest."""
    return programme(leaderboard={"prizes": [200_000, 100_000]})


@contextmanager
def forged(seed: int) -> Iterator[tuple[psycopg.Connection, Forger]]:
    """A ledger of a quarter, and somebody who tampers with it; at the end all is as before."""
    with open_ledger() as ledger:
        tell(
            ledger,
            (
                Adopt(terms()),
                enrolled("2024-01-01", "p1"),
                enrolled("2024-01-01", "p2", sponsor="p1"),
                certified("2024-01-03", "p1"),
                referred("2024-01-04", "c1", "p1"),
                referred("2024-01-05", "c1", "p2"),
                lead("2024-01-05", "l1", "p2", "c2"),
                activated("2024-01-08", "c1"),
                activated("2024-01-09", "c2", 12_000),
                activated("2024-01-10", "c3", 8_000, partner="p1"),
                activated("2024-01-11", "c4", 7_000, partner="p2", id="wrong"),
                accrue("2024-01-31"),
                changed("2024-02-15", 15_000, "c1"),
                churned("2024-02-20", "c3"),
                Retract("wrong"),
                close("2024-01"),
                accrue("2024-03-31"),
                close("2024-02"),
                pay("2024-03-31"),
                settled("2024-04-05", 9_000, cutoff="2024-03-31"),
                adjust(-500, "2024-03-31", line=("c1", "2024-02-08")),
                close("2024-03"),
                accrue("2024-04-30"),
            ),
        )
        with psycopg.connect(ledger.url, autocommit=True) as connection:
            forger = Forger(connection, Random(seed))  # noqa: S311 - lots, not secrets
            try:
                yield connection, forger
            finally:
                forger.undo()
                forger.leave()


def is_told(forgery: Forgery, found: list[Discrepancy]) -> bool:
    """Whether a finding names the forgery's place, by a check that is about it."""
    return any(
        one.check in forgery.checks
        and one.position in forgery.positions
        and forgery.about in one.what
        for one in found
    )


@pytest.mark.parametrize("way", range(10))
def test_every_forgery_is_told_with_its_place(way: int) -> None:
    """A byte, a column, a row less, more, elsewhere, a projection, a link, a ranking."""
    with forged(way) as (connection, forger):
        tamper = forger.forgeries()[way]
        for _ in range(EACH):
            forgery = tamper()
            found = list(verify(connection, Projector()))
            assert is_told(forgery, found), f"{forgery.done}: {found}"
            forger.undo()
