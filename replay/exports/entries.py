"""The journal: each event that moves money as one entry of double entry (D17), tied out.

An entry stands on its posting day (D16), the day that a close freezes; its service day is beside.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date
from typing import NamedTuple

from psycopg import sql
from psycopg.rows import tuple_row

from events.base import Event
from events.codec import decode_state
from ledger.errors import Corrupt
from projections.definition import scope_of
from replay.as_of import AsOf, Replay
from replay.postings import Posting, postings_of

OF_PARTNERS = frozenset({"partner_payable", "partner_receivable", "payouts_in_flight"})
"""Accounts that are kept by partner."""

_ENTRIES = """
SELECT
    money.position, money.topic, money.state, money.kind, money.day,
    COALESCE(money.posting_day, booked.posting_day, money.day), money.partner_id, money.client_id
FROM {events} AS money
LEFT JOIN {events} AS booked
    ON money.topic = 'wholesale.settled/1'
    AND booked.originator_id = money.originator_id
    AND booked.kind = 'wholesale'
    AND CAST(convert_from(booked.state, 'UTF8')::jsonb ->> 'fact' AS bigint) = money.position
WHERE money.position IN (
    SELECT position
    FROM {events}
    WHERE {scope}
        AND (
            (kind IS NOT NULL AND currency IS NOT NULL)
            OR (
                topic = 'wholesale.settled/1'
                AND originator_id >= 'payments:'
                AND originator_id < 'payments;'
            )
        )
)
ORDER BY 6, 1
"""


class Entry(NamedTuple):
    """One event's postings, none of 0; they sum to 0. ``service`` is S, ``day`` the posting day."""

    position: int
    day: date
    service: date
    kind: str
    rule: str
    partner_id: str
    client_id: str | None
    payout_id: str | None
    postings: tuple[Posting, ...]

    @property
    def title(self) -> str:
        """What it is for, in one line of plain ASCII."""
        names = (self.kind, self.rule, self.partner_id, self.payout_id or self.client_id)
        return " ".join(name for name in names if name)


def entries(replay: Replay, at: AsOf) -> list[Entry]:
    """Return the journal as of a place, by posting day and position.

    An event that moves nothing (a line of 0, a waiver, a prize in kind) has no entry. Raises
    Corrupt where the entries do not come to the trial balance of the same place.
    """
    scope = scope_of(through=at.position, day=at.effective_at)
    query = sql.SQL(_ENTRIES).format(events=replay.names.events, scope=scope)
    with replay.connection.cursor(row_factory=tuple_row, binary=True) as cursor:
        found = [_entry(*row) for row in cursor.execute(query)]
    journal = [entry for entry in found if entry.postings]
    require_trial_balance(replay, at, journal)
    return journal


def totals(journal: Iterable[Entry]) -> dict[tuple[str, str], tuple[int, int]]:
    """Return debits and credits by account and currency, in minor units."""
    debited: Counter[tuple[str, str]] = Counter()
    credited: Counter[tuple[str, str]] = Counter()
    for entry in journal:
        for account, currency, amount in entry.postings:
            debited[account, currency] += max(amount, 0)
            credited[account, currency] += max(-amount, 0)
    return {key: (debited[key], credited[key]) for key in sorted(debited.keys() | credited.keys())}


def require_trial_balance(replay: Replay, at: AsOf, journal: Iterable[Entry]) -> None:
    """Raise Corrupt unless the journal comes to the trial balance, to the minor unit."""
    told: Mapping[tuple[str, str], tuple[int, int]] = {
        (str(row["account"]), str(row["currency"])): (
            int(str(row["debit"])),
            int(str(row["credit"])),
        )
        for row in replay.trial_balance(at)
    }
    found = totals(journal)
    for account, currency in sorted(told.keys() | found.keys()):
        journalled = found.get((account, currency), (0, 0))
        balance = told.get((account, currency), (0, 0))
        if journalled != balance:
            raise Corrupt(
                f"the journal says {journalled} for {account} in {currency}, the trial balance"
                f" {balance}; nothing is exported, run: commissions verify"
            )


def _entry(  # noqa: PLR0917 - one for each column
    position: int,
    topic: str,
    state: bytes,
    kind: str | None,
    service: date,
    day: date,
    partner_id: str,
    client_id: str | None,
) -> Entry:
    event: Event = decode_state(topic, bytes(state))
    return Entry(
        position,
        day,
        service,
        kind or "wholesale",
        str(getattr(event, "rule", "D13")),
        partner_id,
        client_id,
        getattr(event, "payout_id", None),
        tuple(posting for posting in postings_of(event) if posting.amount),
    )
