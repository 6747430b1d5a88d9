"""The versions of programmes that a ledger adopted, as of any place on both axes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING

from events.codec import decode_state
from events.finance import ProgrammeAdopted
from ledger.errors import Refused
from ledger.policy.programme import Programme
from ledger.policy.versions import Programmes

if TYPE_CHECKING:
    from replay.as_of import AsOf, Replay


def adoptions(replay: Replay, at: AsOf) -> Iterator[tuple[int, ProgrammeAdopted]]:
    """Yield every adoption with its position, in their order."""
    from psycopg import sql  # noqa: PLC0415 - only where a database is used
    from psycopg.rows import tuple_row  # noqa: PLC0415

    query = sql.SQL(
        "SELECT position, topic, state FROM {} WHERE originator_id = 'ledger' AND position <= %s"
        " AND topic LIKE 'programme.adopted/%%' ORDER BY originator_version"
    ).format(replay.names.events)
    with replay.connection.cursor(row_factory=tuple_row) as cursor:
        for position, topic, state in cursor.execute(query, (at.position,)):
            event = decode_state(topic, bytes(state))
            if isinstance(event, ProgrammeAdopted) and not _is_later(event.from_day, at):
                yield position, event


def programmes(replay: Replay, at: AsOf) -> Programmes:
    """All of them as the engine reads them (D7.2)."""
    found = Programmes()
    for _, event in adoptions(replay, at):
        found = found.adopt(Programme.from_document(event.document), event.from_day)
    return found


def require_adopted(adopted: Programmes, name: str) -> None:
    """Refuse the name of a programme that is not among those adopted."""
    if name not in adopted.versions:
        known = ", ".join(sorted(adopted.versions)) or "none yet"
        raise Refused(f"no programme {name!r} was adopted by then; those adopted: {known}")


def _is_later(from_day: date | None, at: AsOf) -> bool:
    return from_day is not None and at.effective_at is not None and from_day > at.effective_at
