"""The commission ledger: facts are recorded, commands decide; each append is one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from psycopg import Cursor

from events.base import Command
from events.finance import (
    IngestGapAccepted,
)
from ledger.commanding.approvals import ApprovalCommands
from ledger.commanding.readings import ReadingCommands
from ledger.commanding.runs import RunCommands
from ledger.dead_letters import Incoming
from ledger.engine import commands
from ledger.engine.calendar import day_of
from ledger.engine.state import Ledger
from ledger.ports import Place
from ledger.recording import Placed, Recording


class Gap(NamedTuple):
    """What ``ingest.gap_accepted`` says of the messages that were missed."""

    group: str
    topic: str
    partition: int
    expected: int
    found: int
    reason: str


class CommissionLedger(ApprovalCommands, RunCommands, ReadingCommands):
    """One ledger in one database.

    Methods raise :class:`~ledger.errors.Refused` for what the rules refuse, after which nothing was
    recorded; all return what was recorded.
    """

    def record(self, batch: Sequence[Incoming]) -> Recording:
        """Record a batch of messages in their order, in one transaction.

        What is rejected or quarantined is kept among the dead letters; a duplicate counts once.
        Raises NotReady before a first programme is adopted.
        """
        return self._recording.record(Placed(batch))

    def record_all(self, batches: Iterable[Sequence[Incoming]]) -> Iterator[Recording]:
        """Record batches in their order, as :meth:`record` does, but faster than one by one."""
        return self._recording.record_all(Placed(batch) for batch in batches)

    def record_placed(self, batches: Iterable[Placed]) -> Iterator[Recording]:
        """Record batches as :meth:`record_all` does; each moves its place in its transaction.

        Raises Fenced when a place is another's by now: of that batch and of those after it nothing
        was recorded.
        """
        return self._recording.record_all(batches)

    def accept_gap(self, gap: Gap, place: Place, received_at: datetime) -> int:
        """Record that messages were missed knowingly, and go on after them. Its position.

        Raises Fenced if another worker has gone on with the partition.
        """

        def decide(ledger: Ledger, cursor: Cursor[Any]) -> Command:
            place.move(cursor)
            commands.check_adopted(ledger)
            day = day_of(received_at, ZoneInfo(ledger.time_zone))
            return IngestGapAccepted.model_validate(
                {**gap._asdict(), "day": day, "operator": self._operator}
            )

        return self._append_command(decide, lambda command: command.day)

    def takes_connections(self) -> bool:
        """Whether the database takes a connection now; told after two seconds at most."""
        return self._appender.takes_connections()

    def transaction(self) -> AbstractContextManager[Cursor[Any]]:
        """A transaction on the ledger's database, for what is kept beside the events."""
        return self._appender.transaction()
