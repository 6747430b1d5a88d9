"""What closes read of the projections beside rankings: what is unresolved of a month (D16.2)."""

from __future__ import annotations

from datetime import date
from typing import Any

from psycopg import Cursor, sql
from psycopg.rows import tuple_row

from projections.definition import EVERYTHING
from projections.names import DEFAULT_NAMES, Names
from projections.projector import Projector
from projections.views import UNRESOLVED

_UNRESOLVED = """
SELECT DISTINCT listed.position
FROM ({unresolved}) AS listed
JOIN {events} AS told ON told.position = listed.position
WHERE told.day <= {through}
    -- A claim that repeats what holds (ReferralUnchanged) was answered.
    AND listed.reason <> 'no_effect'
ORDER BY listed.position
"""


class ClosingModels(Projector):
    """Reads what is open of a month, for its close."""

    def __init__(self, names: Names = DEFAULT_NAMES) -> None:
        super().__init__(names)
        self._listed = UNRESOLVED.select(names.events, EVERYTHING)
        self._told = names.events

    def unresolved(self, cursor: Cursor[Any], through: date) -> list[int]:
        """What waits or had no effect, of days up to one (D16.2): positions, ascending."""
        # Its text has signs of percent, so the day is written into it.
        query = sql.SQL(_UNRESOLVED).format(
            unresolved=self._listed, events=self._told, through=sql.Literal(through)
        )
        with cursor.connection.cursor(row_factory=tuple_row) as own:
            return [row[0] for row in own.execute(query)]
