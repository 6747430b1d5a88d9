"""``commissions diff`` on the hand-written billing file, by figures worked out by hand."""

from __future__ import annotations

import csv
import io

import psycopg
import pytest

from ledger.errors import Corrupt
from replay.as_of import Replay
from replay.diff import Difference, Ties, changes
from tests.interfaces.commands import Commands


def test_what_a_run_added(billing: Commands) -> None:
    """From the head before a run to the head after it: its lines, and what they add."""
    before = billing.done("balances", "--format", "json").json["as_of"]["position"]
    billing.done("accrue", "--through", "2026-07-31", "--ahead")
    found = billing.done("diff", "--from", before, "--format", "json").json
    assert [(row["change"], row["partner_id"], row["amount"]) for row in found["rows"]] == [
        ("new", "p-alpha", 9975)
    ]
    (sums,) = found["sums"]
    assert (sums["payable_before"], sums["payable_change"], sums["payable_after"]) == (
        23_675,
        9_975,
        33_650,
    )
    assert found["from"]["position"] == before
    assert found["as_of"]["position"] > before


def test_corrections_and_payouts_are_told_apart(billing: Commands) -> None:
    """An adjustment corrects, a payout moves what is payable to what is in flight."""
    before = billing.done("balances", "--format", "json").json["as_of"]["position"]
    persons = ("--requested-by", "a", "--approved-by", "b")
    money = ("--partner", "p-alpha", "--amount", "-1000", "--currency", "EUR", "--reason", "typo")
    billing.done("adjust", *money, *persons)
    billing.done("payouts", "run", "--cutoff", "2026-06-30", "--ahead")
    table = billing.done("diff", "--from", before, "--partner", "p-alpha").out
    assert "correction" in table
    assert "payout_initiated" in table
    assert "which tie to both balances" in table
    rows = list(csv.DictReader(io.StringIO(
        billing.done("diff", "--from", before, "--partner", "p-alpha", "--format", "csv").out
    )))  # fmt: skip
    assert [(row["change"], row["adjusted"], row["in_flight"]) for row in rows] == [
        ("correction", "-1000", "0"),
        ("payout", "0", "22675"),
    ]
    nothing = billing.done("diff", "--from", before, "--to", before)
    assert "nothing changed" in nothing.out


def test_an_instant_is_a_place(billing: Commands) -> None:
    """With an offset; before everything is position 0."""
    found = billing.done("diff", "--from", "2020-01-01T00:00:00Z", "--format", "json").json
    assert found["from"]["position"] == 0
    assert len(found["rows"]) == len(billing.done("history", "--all", "--format", "json").rows)


@pytest.mark.parametrize(
    ("places", "status", "said"),
    [
        (("--from", "9", "--to", "3"), 1, "give the earlier one"),
        (("--from", "99999"), 1, "is not in the ledger"),
        (("--from", "yesterday"), 2, "RFC 3339"),
        (("--from", "0", "--partner", "nobody"), 1, "no partner 'nobody'"),
        ((), 2, "--from"),
    ],
)
def test_places_that_will_not_do(
    billing: Commands, places: tuple[str, ...], status: int, said: str
) -> None:
    """In one line that says what to do."""
    refused = billing("diff", *places)
    assert refused.status == status
    assert said in refused.err


def test_a_change_that_is_missing_is_told(billing: Commands) -> None:
    """The sums of what is shown are held against the balances, which are read apart."""
    with psycopg.connect(billing.url, autocommit=True) as connection:
        replay = Replay(connection)
        asked = Difference(replay.resolve(position=0), replay.resolve())
        shown = list(changes(replay, asked))
        assert list(Ties(replay, asked).following(iter(shown))) == shown
        for left_out in shown:
            ties = Ties(replay, asked)
            rest = iter([change for change in shown if change is not left_out])
            with pytest.raises(Corrupt, match="commissions verify"):
                list(ties.following(rest))
