"""What a command says that waits for another operator."""

from __future__ import annotations

from interfaces.cli.output import Format, write_result
from interfaces.cli.session import Session
from ledger.engine.approvals import Proposed


def write_proposed(session: Session, format_: Format, proposed: Proposed) -> None:
    """Say that a command waits, and for whom."""
    position = proposed.position
    session.line.add(position=position, status="proposed")
    write_result(
        {"position": position, "status": "proposed"},
        format_,
        f"proposed at position {position}, without effect until another operator runs:"
        f" commissions approve {position}",
    )
