"""Records who read a document, where a programme wants that (D16.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from interfaces.cli.adopted import adoptions
from interfaces.cli.session import Session
from ledger.policy.programme import Programme

if TYPE_CHECKING:
    from ledger.commanding.readings import Reading
    from replay.as_of import Replay


def may_be_recorded(session: Session, replay: Replay) -> bool:
    """Whether any version ever adopted wants it; what an archive holds is outside the ledger."""
    return session.archive is None and any(
        Programme.from_document(event.document).records_reading
        for _, event in adoptions(replay, replay.resolve())
    )


def record_reading(session: Session, reading: Reading) -> None:
    """Record it, if a version in force wants it, before the document is given out."""
    with session.ledger() as ledger:
        ledger.record_reading(reading)
