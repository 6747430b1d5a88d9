"""Short words for the commands of two persons that change what was told, and for holds.

A day is ``YYYY-MM-DD``; partner p1 and client c1 are meant where none is named.
"""

from __future__ import annotations

from datetime import date

from events.values import TierName
from tests.model.commands import (
    Assign,
    CorrectPartner,
    Hold,
    Open,
    OpenPartner,
    Release,
    Retract,
)


def assign(
    from_day: str, partner: str | None, client: str = "c1", *, approved_by: str = "bob"
) -> Assign:
    """Give a client to a partner, or to none, from a day on."""
    return Assign(client, partner, date.fromisoformat(from_day), approved_by=approved_by)


def retract(id: str, *, approved_by: str = "bob") -> Retract:  # noqa: A002 - its name on the wire
    """Void a fact, by the id of its message."""
    return Retract(id, approved_by=approved_by)


def correct(
    partner: str = "p1",
    *,
    sponsor: str | None = None,
    founding: bool | None = None,
    cleared: tuple[str, ...] = (),
    approved_by: str = "bob",
) -> CorrectPartner:
    """Replace what an enrolment said."""
    return CorrectPartner(
        partner,
        sponsor_id=sponsor,
        founding=founding,
        cleared=cleared,
        approved_by=approved_by,
    )


def open_ledger(day: str, *, approved_by: str = "bob") -> Open:
    """Start the ledger for a programme that has a past."""
    return Open(date.fromisoformat(day), approved_by=approved_by)


def open_partner(
    tier: TierName,
    since: str,
    partner: str = "p1",
    *,
    approved_by: str = "bob",
    **balances: int,
) -> OpenPartner:
    """Fix a partner's tier and its balances, minor units by currency."""
    day = date.fromisoformat(since)
    return OpenPartner(partner, tier, day, balances, approved_by=approved_by)


def hold(partner: str = "p1") -> Hold:
    """Suspend a partner's payouts."""
    return Hold(partner)


def release(partner: str = "p1") -> Release:
    """Resume a partner's payouts."""
    return Release(partner)
