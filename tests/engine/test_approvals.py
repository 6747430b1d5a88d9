"""D16.1, D16.3: what a proposal holds, whose word controls what, and who another operator is."""

from __future__ import annotations

from datetime import date

import pytest

from events.controls import CommandProposed, ProposalApproved, ProposalRejected
from events.finance import CreditRequested, PayoutHeld
from events.recorded import Recorded
from events.values import parse_instant
from ledger.engine.approvals import (
    Fate,
    check_other,
    check_pending,
    is_other,
    needs_approval,
    propose,
    proposed,
    records_reading,
)
from ledger.engine.state import Ledger
from ledger.errors import Refused
from tests.model.commands import Adopt, Approve
from tests.model.journal import Entry
from tests.rules.dsl import Given
from tests.rules.facts import accrue
from tests.rules.memory_adapter import MemoryLedger
from tests.rules.programmes import plain, programme

CREDIT = CreditRequested(
    partner_id="p1",
    amount=500,
    currency="EUR",
    reason="goodwill",
    date=date(2024, 1, 31),
    requested_by="ann",
    approved_by="bob",
    operator="tester",
)
HOLD = PayoutHeld(partner_id="p1", reason="dispute", operator="tester")
PROPOSAL = propose(CREDIT)
CONTROLLED = programme(name="controlled", controls={"approval": "separate", "reading": "recorded"})


def ledger_of(*entries: Entry) -> Ledger:
    """The ledger's own entity, the plain programme adopted first."""
    memory = MemoryLedger()
    return Given(memory)(*entries, programme=plain()).ledger._ledger  # type: ignore[attr-defined,no-any-return]


def test_a_proposal_holds_the_command_whole() -> None:
    """Its operator is who proposed; nothing of it is lost on the way back."""
    proposal = propose(CREDIT)
    assert (proposal.topic_, proposal.operator) == (CREDIT.topic(), "tester")
    assert set(proposal.members) == {*CREDIT.model_dump(exclude_none=True)} - {"operator"}
    assert proposed(proposal) == CREDIT


def test_nothing_is_controlled_before_a_first_adoption() -> None:
    """There is no programme that could say so."""
    assert not needs_approval(Ledger(), CREDIT)
    assert not records_reading(Ledger())


def test_the_strictest_programme_controls_from_its_day_on() -> None:
    """D7.2: on the day after L; whose money it is does not matter; a hold is not controlled."""
    ended = Adopt(programme(name="controlled"), date(2024, 2, 10))
    adopted = Adopt(CONTROLLED), ended, Approve(1)
    for through, controlled in (("2024-01-31", True), ("2024-02-08", True), ("2024-02-09", False)):
        ledger = ledger_of(*adopted, accrue(through))
        assert needs_approval(ledger, CREDIT) is controlled
        assert records_reading(ledger) is controlled
        assert not needs_approval(ledger, HOLD)
    without_l = ledger_of(*adopted)
    assert needs_approval(without_l, CREDIT)
    assert records_reading(without_l)
    assert not needs_approval(ledger_of(), CREDIT)
    assert not records_reading(ledger_of())


@pytest.mark.parametrize(
    ("operator", "other"), [("tester", False), (" Tester ", False), ("tester2", True)]
)
def test_another_operator(operator: str, *, other: bool) -> None:
    """Case and blanks, on either side, make no other person."""
    for proposal in (PROPOSAL, PROPOSAL.model_copy(update={"operator": "TESTER "})):
        assert is_other(proposal, operator) is other
    if other:
        check_other(7, PROPOSAL, operator)
    else:
        with pytest.raises(Refused, match="proposed 7"):
            check_other(7, PROPOSAL, operator)


def recorded(data: CommandProposed | PayoutHeld) -> Recorded:
    """An event at position 7."""
    return Recorded(7, parse_instant("2024-01-31T12:00:00Z"), date(2024, 1, 31), data)


def test_what_waits_can_be_decided_once() -> None:
    """Not what is not there, what is no proposal, and what was approved or rejected."""
    assert check_pending(7, recorded(PROPOSAL), None) is PROPOSAL
    approved = Fate(8, ProposalApproved(proposal=7, operator="bob"))
    rejected = Fate(9, ProposalRejected(proposal=7, reason="mistaken", operator="eve"))
    for event, fate, told in (
        (None, None, "there is no position 7"),
        (recorded(HOLD), None, "position 7 is a payout.held, not a proposal"),
        (recorded(PROPOSAL), approved, "was approved already by bob, at position 8"),
        (recorded(PROPOSAL), rejected, "was rejected already by eve, at position 9"),
    ):
        with pytest.raises(Refused, match=told):
            check_pending(7, event, fate)
