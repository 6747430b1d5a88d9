"""What the real ledger shows, read from what it stored: views, replays, recorded decisions."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from typing import Any

from psycopg.rows import dict_row

from replay.as_of import Replay, Row
from replay.statements import Statements
from tests.model.views import (
    BadgeView,
    Balance,
    ClaimView,
    ClientView,
    GrantView,
    LineView,
    PayoutView,
    PlaceView,
    TierView,
    TieView,
)
from tests.rules.looking import looking


class StoredViews:
    """The views of a ledger under test, of the ledger that is stored at a database."""

    url: str

    def lines(self) -> list[LineView]:
        """All lines by position."""
        return [line_of(row) for row in self._history()]

    def balances(self) -> dict[tuple[str, str], Balance]:
        """By partner and currency, from the stored projection."""
        rows = self._select("SELECT * FROM finance.partner_balances")
        return {
            (str(row["partner_id"]), str(row["currency"])): Balance(
                *(integer_of(row[name]) for name in ("earned", "adjusted", "paid", "in_flight"))
            )
            for row in rows
        }

    def tiers(self) -> list[TierView]:
        """All changes of tier."""
        with looking(self.url) as connection:
            replay = Replay(connection)
            rows = list(replay.tier_history(replay.resolve()))
        return [
            TierView(
                str(row["partner_id"]),
                str(row["from_tier"] or ""),
                str(row["to_tier"]),
                _day(row["effective_day"]),
            )
            for row in rows
        ]

    def claims(self) -> list[ClaimView]:
        """All claims with their last answers."""
        with looking(self.url) as connection:
            replay = Replay(connection)
            rows = list(replay.claims(replay.resolve()))
        ids = self._ids()
        return [
            ClaimView(
                ids[integer_of(row["position"])],
                str(row["client_id"]),
                str(row["partner_id"]),
                _day(row["day"]),
                str(row["answer"]),
                str(row["reason"] or ""),
            )
            for row in rows
        ]

    def clients(self) -> list[ClientView]:
        """All clients ever activated."""
        rows = self._select("SELECT * FROM projections.clients ORDER BY client_id")
        return [
            ClientView(
                str(row["client_id"]),
                holder,
                row["first_activated_on"],  # type: ignore[arg-type]
                row["counted_on"],  # type: ignore[arg-type]
                None if row["counted_on"] is None else _text(row.get("counted_by") or holder),
            )
            for row in rows
            if row["first_activated_on"] is not None
            for holder in [_text(row["partner_id"])]
        ]

    def payouts(self) -> list[PayoutView]:
        """All payouts."""
        with looking(self.url) as connection:
            replay = Replay(connection)
            rows = list(replay.payouts(replay.resolve()))
        return [
            PayoutView(
                str(row["partner_id"]),
                str(row["currency"]),
                _day(row["cutoff"]),
                integer_of(row["amount"]),
                str(row["status"]),
                integer_of(row["settled_amount"] or 0),
                row["flag"] is not None,
            )
            for row in rows
        ]

    def trial_balance(self) -> dict[tuple[str, str], int]:
        """Debit - credit by account and currency."""
        rows = self._select("SELECT * FROM finance.trial_balance")
        found = {(str(r["account"]), str(r["currency"])): integer_of(r["balance"]) for r in rows}
        return {key: value for key, value in found.items() if value}

    def unresolved(self) -> set[str]:
        """The ids of messages that wait or had no effect."""
        with looking(self.url) as connection:
            replay = Replay(connection)
            rows = list(replay.unresolved(replay.resolve()))
        ids = self._ids()
        return {ids[p] for row in rows if (p := integer_of(row["position"])) in ids}

    def statement(self, partner_id: str, month: str) -> bytes:
        """The canonical bytes of a month's statement."""
        with looking(self.url) as connection:
            at = Replay(connection).resolve()
            return Statements(connection).of(partner_id, month, at).canonical()

    def badges(self) -> list[BadgeView]:
        """All badges."""
        return [
            BadgeView(event["partner_id"], event["badge"], date.fromisoformat(event["day"]))
            for event in self._decisions("BadgeAwarded")
        ]

    def leaderboard(self, quarter: str) -> list[PlaceView]:
        """The places of a quarter."""
        with looking(self.url) as connection:
            replay = Replay(connection)
            rows = list(replay.leaderboard(replay.resolve(), quarter))
        return [
            PlaceView(integer_of(row["rank"]), str(row["partner_id"]), integer_of(row["clients"]))
            for row in rows
        ]

    def territories_on(self, day: date) -> dict[str, str]:
        """Who holds each department on a day."""
        return {
            event["department"]: event["partner_id"]
            for event in self._decisions("TerritoryAccepted")
            if event["day"] <= day.isoformat() < event["end"]
        }

    def grants(self) -> list[GrantView]:
        """The answers to brands and territories."""
        ids = self._ids()
        topics = [
            f"{what}{answer}"
            for what in ("Territory", "WhiteLabel")
            for answer in ("Accepted", "Rejected")
        ]
        return [
            GrantView(
                ids[event["fact"]],
                event["partner_id"],
                "rejected" if "reason" in event else "accepted",
                event.get("reason", ""),
                event.get("department", ""),
                date.fromisoformat(event["end"]) if "end" in event else date.max,
            )
            for event in self._decisions(*topics)
        ]

    def sponsors(self) -> list[TieView]:
        """What became of each partner's present sponsor."""
        last: dict[str, TieView] = {}
        answers = {
            "SponsorAccepted": "accepted",
            "SponsorRejected": "rejected",
            "SponsorWaiting": "waiting",
        }
        for event in self._decisions(*answers, "partner.corrected"):
            partner = event["partner_id"]
            if event["type"] in answers:
                answer, reason = answers[event["type"]], event.get("reason", "")
                last[partner] = TieView(partner, event["sponsor_id"], answer, reason)
            elif "sponsor_id" in event.get("cleared", ()):
                last.pop(partner, None)
        return list(last.values())

    # --- reading ---------------------------------------------------------------------------------

    def _history(self) -> list[Row]:
        with looking(self.url) as connection:
            replay = Replay(connection)
            return list(replay.history(replay.resolve()))

    def _select(self, query: str) -> list[Row]:
        with looking(self.url) as connection, connection.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(query).fetchall()

    def _ids(self) -> dict[int, str]:
        rows = self._select(
            "SELECT position, event_id FROM ledger.events"
            " WHERE event_id IS NOT NULL AND source <> ''"
        )
        return {integer_of(row["position"]): str(row["event_id"]) for row in rows}

    def _decisions(self, *types: str) -> list[dict[str, Any]]:
        """What was recorded of some types, by position, each with its type."""
        rows = self._select(
            "SELECT topic, convert_from(state, 'UTF8') AS state FROM ledger.events"
            f" WHERE topic IN ({', '.join(repr(f'{name}/1') for name in types)}) ORDER BY position"
        )
        return [
            json.loads(str(row["state"])) | {"type": str(row["topic"]).removesuffix("/1")}
            for row in rows
        ]


def line_of(row: Row) -> LineView:
    """Show a row of `history` as a line."""
    rate = row["rate"]
    by_hand = str(row["rule"]) == "D9.4"
    return LineView(
        kind=str(row["kind"]),
        rule=str(row["rule"]),
        partner_id=str(row["partner_id"]),
        service_date=_day(row["service_date"]),
        posting_date=_day(row["posting_date"]),
        amount=integer_of(row["amount"]),
        currency=str(row["currency"]),
        client_id=None if by_hand else _text(row["client_id"]),
        subscription_id=None if by_hand else _text(row["subscription_id"]),
        service_end=None if row["service_end"] is None else _day(row["service_end"]),
        base=None if row["base"] is None else integer_of(row["base"]),
        rate=None if rate is None else Decimal(str(rate)),
        tier=None if row["tier"] is None else str(row["tier"]),
        client_year=None if row["client_year"] is None else integer_of(row["client_year"]),
        programme_version=(
            None if row["programme_version"] is None else str(row["programme_version"])
        ),
        facts=tuple(row["facts"] or ()),  # type: ignore[arg-type]
        payment=tuple(str(row[n]) for n in ("invoice_id", "payment_id") if row.get(n) is not None),
        sponsored_id=_text(row.get("sponsored_id")),
        award=_text(row.get("award")),
        ordinal=None if row["ordinal"] is None else integer_of(row["ordinal"]),
        of_margin=row["kind"] == "adjustment" and not row["in_balance"],
    )


def _day(value: object) -> date:
    assert isinstance(value, date)
    return value


def integer_of(value: object) -> int:
    """Give an integer of the database, which may be NUMERIC."""
    assert isinstance(value, int | Decimal)
    assert int(value) == value
    return int(value)


def _text(value: object) -> str | None:
    return None if value is None else str(value)
