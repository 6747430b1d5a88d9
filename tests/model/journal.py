"""What goes into a ledger under test, in recording order, and what it is asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from events.base import Fact
from ledger.policy.programme import Programme
from tests.model.commands import (
    Accrue,
    Adjust,
    Adopt,
    Approve,
    Assign,
    AssignProgramme,
    Close,
    Command,
    CorrectPartner,
    Credit,
    Hold,
    Open,
    OpenPartner,
    Pay,
    Reject,
    Release,
    Retract,
    TwoPersons,
)
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


@dataclass(frozen=True)
class Message:
    """A fact as it is told: ``source`` and ``id`` are its idempotency key."""

    data: Fact
    effective_at: datetime
    id: str
    source: str = "/test"

    @property
    def key(self) -> tuple[str, str]:
        """What makes it count once."""
        return (self.source, self.id)


Entry = Message | Command


class LedgerUnderTest(Protocol):
    """A ledger that the rule tests and properties drive: the model's, or the real one.

    Commands that the rules refuse raise :class:`ledger.errors.LedgerError` and change nothing.
    """

    def adopt(self, programme: Programme, from_day: date | None) -> None:
        """Adopt a version of a programme."""

    def assign_programme(self, partner_id: str, programme: str, from_day: date) -> None:
        """Put a partner under another programme."""

    def record(self, messages: Sequence[Message]) -> None:
        """Record facts, in this order; duplicates count once, a changed one never."""

    def accrue(self, through: date) -> None:
        """Run an accrual to its end."""

    def close(self, month: str) -> None:
        """Accrue through L again, then close a month."""

    def pay(self, cutoff: date, partner_id: str | None) -> None:
        """Run payouts."""

    def hold(self, partner_id: str, reason: str) -> None:
        """Suspend a partner's payouts."""

    def release(self, partner_id: str, reason: str) -> None:
        """Resume a partner's payouts."""

    def adjust(self, adjustment: Adjust) -> None:
        """Post an adjustment; a ``line`` whose period has no line is refused."""

    def credit(self, credit: Credit) -> None:
        """Post a credit."""

    def assign(self, assignment: Assign) -> None:
        """Give a client to a partner, or to none."""

    def retract(self, retraction: Retract) -> None:
        """Void a fact."""

    def correct_partner(self, correction: CorrectPartner) -> None:
        """Replace what an enrolment said."""

    def open(self, opening: Open) -> None:
        """Start the ledger for a programme that has a past."""

    def open_partner(self, opening: OpenPartner) -> None:
        """Fix a partner's tier and balances of the opening."""

    def proposes(self, command: Command) -> bool:
        """Whether a command was kept as proposed, where that is not left to its own method."""

    def approve(self, number: int, operator: str) -> None:
        """Let a proposal take effect."""

    def reject(self, number: int) -> None:
        """End a proposal without effect."""

    def lines(self) -> list[LineView]:
        """All lines by position."""

    def balances(self) -> dict[tuple[str, str], Balance]:
        """By partner and currency: each pair that ever had a money event."""

    def tiers(self) -> list[TierView]:
        """All changes of tier, of each partner by position."""

    def claims(self) -> list[ClaimView]:
        """All claims with their last answers."""

    def clients(self) -> list[ClientView]:
        """All clients ever activated."""

    def payouts(self) -> list[PayoutView]:
        """All payouts, with what became of them."""

    def badges(self) -> list[BadgeView]:
        """All badges."""

    def leaderboard(self, quarter: str) -> list[PlaceView]:
        """The places of a quarter, ``2026Q1``."""

    def territories_on(self, day: date) -> dict[str, str]:
        """Who holds each department that is held on a day."""

    def grants(self) -> list[GrantView]:
        """The answers to all brands and territories that were granted."""

    def sponsors(self) -> list[TieView]:
        """What became of the sponsor of each partner that names one now."""

    def trial_balance(self) -> dict[tuple[str, str], int]:
        """Debit - credit by account and currency; those of 0 left out."""

    def unresolved(self) -> set[str]:
        """The ids of messages that wait or had no effect."""

    def statement(self, partner_id: str, month: str) -> bytes:
        """The canonical bytes of a closed month's statement."""


def perform(ledger: LedgerUnderTest, entry: Entry) -> None:
    """Tell a ledger one entry. Raises LedgerError for a command that the rules refuse."""
    if isinstance(entry, Message):
        ledger.record([entry])
    elif not ledger.proposes(entry):
        _carry_out(ledger, entry)


def _carry_out(ledger: LedgerUnderTest, entry: Command) -> None:
    match entry:
        case Adopt():
            ledger.adopt(entry.programme, entry.from_day)
        case AssignProgramme():
            ledger.assign_programme(entry.partner_id, entry.programme, entry.from_day)
        case Accrue():
            ledger.accrue(entry.through)
        case Close():
            ledger.close(entry.month)
        case Pay():
            ledger.pay(entry.cutoff, entry.partner_id)
        case Hold():
            ledger.hold(entry.partner_id, entry.reason)
        case Release():
            ledger.release(entry.partner_id, entry.reason)
        case Approve() | Reject():
            _decide_on_proposal(ledger, entry)
        case _:
            _perform_by_two(ledger, entry)


def _decide_on_proposal(ledger: LedgerUnderTest, entry: Approve | Reject) -> None:
    if isinstance(entry, Approve):
        ledger.approve(entry.number, entry.operator)
    else:
        ledger.reject(entry.number)


def _perform_by_two(ledger: LedgerUnderTest, command: TwoPersons) -> None:
    """Give a ledger a command of two persons."""
    match command:
        case Adjust():
            ledger.adjust(command)
        case Credit():
            ledger.credit(command)
        case Assign():
            ledger.assign(command)
        case Retract():
            ledger.retract(command)
        case CorrectPartner():
            ledger.correct_partner(command)
        case Open():
            ledger.open(command)
        case OpenPartner():
            ledger.open_partner(command)
        case _:
            raise AssertionError(command)
