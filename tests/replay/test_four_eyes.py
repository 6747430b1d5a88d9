"""What verification finds of approvals that were tampered with (D16.1)."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from events.base import Command
from events.controls import CommandProposed, ProposalApproved, ProposalRejected
from events.finance import CreditRequested, ProgrammeAdopted
from ledger.engine.approvals import propose
from replay.approvals import FourEyes
from replay.findings import StoredRow
from tests.rules.programmes import programme

DAY = date(2026, 1, 31)
TERMS = programme(controls={"approval": "separate"})
ADOPTED = ProgrammeAdopted(
    programme=TERMS.name,
    number=1,
    document=TERMS.document(),
    sha256=TERMS.sha256(),
    time_zone="Europe/Paris",
    operator="ann",
)


def credit(
    amount: int = 500, operator: str = "ann", approval: int | None = None
) -> CreditRequested:
    """A credit, proposed or carried out."""
    return CreditRequested(
        partner_id="p1",
        amount=amount,
        currency="EUR",
        reason="goodwill",
        date=DAY,
        requested_by="x",
        approved_by="y",
        operator=operator,
        approval=approval,
    )


PROPOSED = propose(credit())
BOB = ProposalApproved(proposal=2, operator="bob")
NO = ProposalRejected(proposal=2, reason="typo", operator="ann")


def found(*events: Command) -> list[str]:
    """What is wrong with these events, from position 1."""
    eyes = FourEyes()
    return [
        str(one.what)
        for position, event in enumerate((ADOPTED, *events), start=1)
        for one in eyes.check(_row(position, event), event)
    ]


def test_a_proposal_holds_the_whole_command() -> None:
    """But for the operator, who is its own."""
    assert isinstance(PROPOSED, CommandProposed)
    assert PROPOSED.members == {
        "partner_id": "p1",
        "amount": 500,
        "currency": "EUR",
        "reason": "goodwill",
        "date": "2026-01-31",
        "requested_by": "x",
        "approved_by": "y",
    }
    assert PROPOSED.operator == "ann"


def test_nothing_is_wrong_with_what_was_approved() -> None:
    """Nor with what was rejected, or still waits."""
    assert found(PROPOSED, BOB, credit(approval=3)) == []
    assert found(PROPOSED, NO, PROPOSED) == []


@pytest.mark.parametrize(
    ("events", "wrong"),
    [
        ((credit(),), "a credit.posted took effect without an approval"),
        ((PROPOSED, BOB.model_copy(update={"operator": "Ann"})), "Ann approved what ann proposed"),
        ((BOB,), "no proposal waited at position 2"),
        ((PROPOSED, NO, BOB), "no proposal waited at position 2"),
        ((PROPOSED, BOB, BOB), "no proposal waited at position 2"),
        ((PROPOSED, credit(approval=2)), "position 2, which it names, is not the approval"),
        ((PROPOSED, BOB, credit(501, approval=3)), "it is not what was proposed"),
        ((PROPOSED, BOB, credit(operator="eve", approval=3)), "its operator eve is not ann"),
    ],
)
def test_what_is_wrong_is_named(events: tuple[Command, ...], wrong: str) -> None:
    """Each at its position."""
    assert [what[: len(wrong)] for what in found(*events)] == [wrong]


def _row(position: int, event: Command) -> StoredRow:
    instant = datetime(2026, 1, 31, tzinfo=UTC)
    stored = [position, instant, event.stream, position, event.topic(), b"", instant, DAY]
    return StoredRow._make([*stored, *[None] * 10, b"", b""])
