"""What changed between two places of the log, line by line, tied to the balances of both.

Every money event after the one and up to the other is a change; opening balance, changes
and closing balance are read apart from each other and have to add up.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from psycopg import sql

from ledger.errors import Corrupt, Refused
from projections.definition import scope_of
from projections.views import STATEMENT_LINES
from replay.as_of import AsOf, Replay, Row, rows_of
from replay.meaning import EARNED

SIDES = ("earned", "adjusted", "paid", "in_flight", "payable")
"""The members of a balance, in minor units."""

MEMBERS = (
    *("position", "change", "partner_id", "currency", "kind", "rule", "client_id"),
    *("subscription_id", "service_date", "posting_date", "base", "rate", "amount", *SIDES),
    *("line", "payout_id", "reason", "programme_version"),
)
"""Members of a change: of its line, and what it adds to each side of the balance."""

_CHANGES = {
    "waiver": "waived",
    "credit": "credit",
    "adjustment": "correction",
    "margin_adjustment": "correction",
    "opening": "opening",
    "payout_initiated": "payout",
    "payout_settled": "payout",
    "payout_failed": "payout",
    "payout_returned": "payout",
    "payment": "payout",
    "wholesale": "wholesale",
}

Key = tuple[str, str]
"""A partner and a currency."""


@dataclass(frozen=True, slots=True)
class Difference:
    """Two places on the axis of what was known, with the same effective day."""

    before: AsOf
    after: AsOf
    partner_id: str | None = None

    def __post_init__(self) -> None:
        """Raise Refused for places in the wrong order, or with two effective days."""
        if self.before.position > self.after.position:
            raise Refused(
                f"--from is position {self.before.position}, which is after --to, position"
                f" {self.after.position}; give the earlier one as --from"
            )
        if self.before.effective_at != self.after.effective_at:
            raise Refused("both places need the same effective day")


def changes(replay: Replay, asked: Difference) -> Iterator[Row]:
    """Yield every change by position: ``MEMBERS``, amounts in minor units.

    ``change`` is ``new``, ``late`` (a difference to an earlier line), ``correction``, ``waived``,
    ``credit``, ``opening``, ``payout`` or ``wholesale``.
    """
    scope = scope_of(
        after=asked.before.position,
        through=asked.after.position,
        day=asked.after.effective_at,
        partner_id=asked.partner_id,
    )
    query = sql.SQL("SELECT * FROM ({}) AS lines ORDER BY position").format(
        STATEMENT_LINES.select(replay.names.events, scope)
    )
    for line in rows_of(replay.connection, query, paged=True):
        yield _change(line)


class Ties:
    """Adds changes up, and holds the sums against the balances of both places."""

    def __init__(self, replay: Replay, asked: Difference) -> None:
        """Read the balances before and after; the changes are read by :func:`changes`."""
        self._before = _balances(replay, asked.before, asked.partner_id)
        self._after = _balances(replay, asked.after, asked.partner_id)
        self._added: dict[Key, dict[str, int]] = {}

    def rows(self) -> Iterator[Row]:
        """Yield of each partner and currency that changed, each side before, after and the change.

        Members: ``partner_id, currency``, then of each side ``SIDE_before``, ``SIDE_change``,
        ``SIDE_after``.
        """
        for key in sorted(self._after.keys() | self._before.keys()):
            before, after = self._of(self._before, key), self._of(self._after, key)
            if before == after:
                continue
            row: Row = {"partner_id": key[0], "currency": key[1]}
            for side in SIDES:
                row[f"{side}_before"] = before[side]
                row[f"{side}_change"] = after[side] - before[side]
                row[f"{side}_after"] = after[side]
            yield row

    def following(self, found: Iterator[Row]) -> Iterator[Row]:
        """Yield the changes given; at their end raises Corrupt unless everything adds up."""
        for change in found:
            key = (str(change["partner_id"]), str(change["currency"]))
            sums = self._added.setdefault(key, dict.fromkeys(SIDES, 0))
            for side in SIDES:
                sums[side] += int(str(change[side]))
            yield change
        self._require()

    def _require(self) -> None:
        for key in sorted(self._before.keys() | self._after.keys() | self._added.keys()):
            before, after = self._of(self._before, key), self._of(self._after, key)
            added = self._of(self._added, key)
            for side in SIDES:
                if before[side] + added[side] != after[side]:
                    raise Corrupt(
                        f"{key[0]}, {key[1]}: {side} was {before[side]}, changes are"
                        f" {added[side]}, and it is {after[side]}; run 'commissions verify'"
                    )

    def _of(self, found: dict[Key, dict[str, int]], key: Key) -> dict[str, int]:
        return found.get(key, dict.fromkeys(SIDES, 0))


def _balances(replay: Replay, at: AsOf, partner_id: str | None) -> dict[Key, dict[str, int]]:
    return {
        (str(row["partner_id"]), str(row["currency"])): {
            side: int(str(row[side])) for side in SIDES
        }
        for row in replay.balances(at, partner_id)
    }


def _change(line: Row) -> Row:
    kind, amount, payable = str(line["kind"]), int(str(line["amount"])), int(str(line["effect"]))
    earned = amount if kind in EARNED else 0
    adjusted = amount if kind in {"adjustment", "opening"} else 0
    paid = amount if kind in {"payout_settled", "payout_returned", "payment"} else 0
    change = "late" if line["line"] is not None and kind in {"commission", "margin"} else "new"
    found = {
        "change": _CHANGES.get(kind, change),
        "earned": earned,
        "adjusted": adjusted,
        "paid": paid,
        "in_flight": earned + adjusted - paid - payable,
        "payable": payable,
    }
    return {name: found.get(name, line.get(name)) for name in MEMBERS}
