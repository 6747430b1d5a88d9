"""The words of the stories: what billing and the partner desk tell, and what finance asks for."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.interfaces.commands import Commands

TWO_PERSONS = ("--requested-by", "anna", "--approved-by", "bert")


@dataclass
class Story:
    """A ledger that is told things and asked for figures; amounts are in cents."""

    commissions: Commands
    folder: Path
    _told: int = 0

    def does(self, *words: str | int) -> Any:
        """Finance runs a command that must succeed, and reads its answer."""
        return self.commissions.done(*words)

    def tells(self, *messages: tuple[str, str, dict[str, Any]]) -> list[str]:
        """Systems tell messages (day, type, data), at noon, in one file; the ids are given back."""
        file = self.folder / f"told-{self._told}.jsonl"
        ids = []
        with file.open("w", encoding="utf-8") as out:
            for day, type_, data in messages:
                self._told += 1
                ids.append(f"m-{self._told}")
                message = {
                    "specversion": "1.0",
                    "id": ids[-1],
                    "source": "/billing",
                    "type": type_,
                    "time": f"{day}T12:00:00Z",
                    "data": data,
                }
                out.write(json.dumps(message) + "\n")
        self.does("ingest", file.as_posix())
        return ids

    def rows(self, *words: str | int) -> list[dict[str, Any]]:
        """The rows of a query."""
        rows: list[dict[str, Any]] = self.does(*words, "--format", "json").rows
        return rows

    def lines(self, partner: str) -> list[tuple[str, str, str, int]]:
        """A partner's history: kind, the day it is for, the day it was posted, amount."""
        return [
            (row["kind"], row["service_date"], row["posting_date"], row["amount"])
            for row in self.rows("history", partner)
        ]

    def balance(self, partner: str) -> dict[str, int]:
        """A partner's balance in euros."""
        found = [row for row in self.rows("balances") if row["partner_id"] == partner]
        return {name: row for name, row in found[0].items() if isinstance(row, int)}

    def statement(self, partner: str, month: str, *when: str | int) -> str:
        """A statement as finance sends it, byte for byte."""
        text: str = self.does("statement", partner, "--month", month, *when, "--format", "json").out
        return text

    def payout(self, partner: str, cutoff: str) -> dict[str, Any]:
        """The payout of a partner and cut-off."""
        (found,) = (
            row
            for row in self.rows("payouts", "list")
            if (row["partner_id"], row["cutoff"]) == (partner, cutoff)
        )
        return found

    def is_sound(self) -> None:
        """The auditor finds nothing."""
        verified = self.commissions("verify")
        assert verified.status == 0, verified.out


def enrolled(day: str, partner: str, **more: object) -> tuple[str, str, dict[str, Any]]:
    """A partner joins."""
    return day, "partner.enrolled", {"partner_id": partner, "kind": "referral", **more}


def referred(day: str, partner: str, client: str) -> tuple[str, str, dict[str, Any]]:
    """A partner claims a client."""
    return day, "referral.registered", {"partner_id": partner, "client_id": client}


def activated(day: str, client: str, price: int, **more: object) -> tuple[str, str, dict[str, Any]]:
    """A client begins to pay, by the month unless said otherwise."""
    terms = {"plan": "pro", "price": price, "currency": "EUR", **more}
    return day, "client.activated", {"client_id": client, **terms}


def churned(day: str, client: str) -> tuple[str, str, dict[str, Any]]:
    """A client leaves."""
    return day, "client.churned", {"client_id": client}
