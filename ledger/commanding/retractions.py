"""Facts that were never true, retracted by finance, and what it says of what stays (D9.5)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from importlib.resources import files
from typing import Any, NamedTuple

from psycopg import Cursor, sql
from psycopg.rows import tuple_row

from events.base import Command, Decision, Fact
from events.decisions import ClientStanding, FactVoided, Standing
from events.finance import FactRetracted, ResolutionRequested
from events.recorded import Recorded
from ledger.commanding.commanding import Commanding, Plan, is_command
from ledger.engine import commands
from ledger.engine.approvals import Proposed
from ledger.engine.retraction import (
    Resting,
    decide_retraction,
    list_resting,
    reads_of_retraction,
)
from ledger.engine.state import Ledger


class RetractionCommands(Commanding):
    """What finance retracts and looks through, by two persons."""

    def retract(
        self,
        *,
        source: str,
        id: str,  # noqa: A002 - its name on the wire
        reason: str,
        requested_by: str,
        approved_by: str,
    ) -> int | Proposed:
        """Void a fact that was never true (D9.5). The command's position.

        The next run takes back what rested on it; what stays is listed as unresolved.
        """
        named: list[Recorded] = []

        def decide(_: Ledger, cursor: Cursor[Any]) -> Command:
            found = self._recorder.recorded(cursor, [(source, id)]).get((source, id))
            fact = self._event(cursor, found.position) if found is not None else None
            voided = fact is not None and self._is_voided(cursor, fact)
            named.append(commands.check_retraction(source, id, fact, voided=voided))
            return FactRetracted(
                source=source,
                id=id,
                reason=reason,
                requested_by=requested_by,
                approved_by=approved_by,
                operator=self._operator,
            )

        def retract(context: tuple[Ledger, Cursor[Any]], event: Recorded) -> list[Decision]:
            cursor, fact = context[1], named[-1]
            data = fact.data
            assert isinstance(data, Fact)
            state = self._loaded(cursor, lambda at: reads_of_retraction(at, data))
            decisions = decide_retraction(state, event, fact)
            resting = self._resting(cursor, fact, decisions)
            return [*decisions, *list_resting(event, fact, resting)]

        # It stands where the fact stands that it voids.
        return self._asked(Plan(decide, lambda _: named[-1].day, retract))

    def resolve(
        self, *, decision: int, reason: str, requested_by: str, approved_by: str
    ) -> int | Proposed:
        """Say that finance has looked at a decision or payment that is listed (D9.5).

        ``decision`` is the position under which it is listed: it is no more, and refuses no close.
        The command's position.
        """
        standing_on: list[date] = []

        def decide(_: Ledger, cursor: Cursor[Any]) -> Command:
            event = self._event(cursor, decision)
            listed = decision in self._models.unresolved(cursor, date.max)
            partner_id = commands.check_resolution(decision, event, listed=listed)
            assert event is not None
            standing_on.append(event.day)
            return ResolutionRequested(
                decision=decision,
                partner_id=partner_id,
                reason=reason,
                requested_by=requested_by,
                approved_by=approved_by,
                operator=self._operator,
            )

        def resolve(_: tuple[Ledger, Cursor[Any]], event: Recorded) -> list[Decision]:
            return [commands.decide_resolution(event, is_command(event, ResolutionRequested))]

        return self._asked(Plan(decide, lambda _: standing_on[-1], resolve))

    def _is_voided(self, cursor: Cursor[Any], fact: Recorded) -> bool:
        query = sql.SQL(
            "SELECT EXISTS (SELECT FROM {} WHERE originator_id = %s AND topic = %s"
            " AND (convert_from(state, 'UTF8')::jsonb ->> 'fact')::bigint = %s)"
        ).format(self._entities.table)
        parameters = (fact.data.stream, FactVoided.topic(), fact.position)
        with cursor.connection.cursor(row_factory=tuple_row) as own:
            row = own.execute(query, parameters, prepare=False).fetchone()
        return bool(row and row[0])

    def _resting(
        self, cursor: Cursor[Any], fact: Recorded, decisions: Sequence[Decision]
    ) -> list[Resting]:
        """The decisions that rested on what was retracted and stay (D9.5)."""
        counted = _no_longer_counted(decisions)
        text = files("ledger.commanding").joinpath("resting.sql").read_text(encoding="utf-8")
        query = sql.SQL(text).format(events=self._entities.table)
        parameters = {
            "voided": [d.fact for d in decisions if isinstance(d, FactVoided)],
            "clients": sorted(_clients_of(decisions)),
            "partner": counted.partner_id,
            "counted_on": counted.on,
            "by_another_claim": counted.by_another_claim,
            "reported": fact.data.stream if fact.data.stream.startswith("partner:") else None,
        }
        with cursor.connection.cursor(row_factory=tuple_row) as own:
            own.execute(query, parameters, prepare=False)
            return [Resting(*row) for row in own]


def _clients_of(decisions: Sequence[Decision]) -> set[str]:
    """Whose lines may rest on what was voided; of a payment its client stands as before."""
    return {
        decision.client_id
        for decision in decisions
        if isinstance(decision, ClientStanding | FactVoided) and decision.client_id is not None
    }


class _Counted(NamedTuple):
    """Who counted a client, on which day, and if anything is otherwise now: by another claim only.

    What the count brought rests on the day, a contest's amount on the claim, too (D10.2).
    """

    partner_id: str | None = None
    on: date | None = None
    by_another_claim: bool = False


def _no_longer_counted(decisions: Sequence[Decision]) -> _Counted:
    """How the client counted before, if it does not count so any more."""
    before: dict[str, Standing] = {}
    after: dict[str, Standing] = {}
    for decision in decisions:
        if isinstance(decision, ClientStanding):
            # What remains of a lead may win the client again at once: the last word counts.
            before.setdefault(decision.client_id, decision.before)
            after[decision.client_id] = decision.after
    for client_id, was in before.items():
        now = after[client_id]
        who = was.counted_by or was.partner_id
        counts_as_before = (who, was.counted_on) == (
            now.counted_by or now.partner_id,
            now.counted_on,
        )
        if was.counted_on is not None and not (counts_as_before and was.claim == now.claim):
            return _Counted(who, was.counted_on, counts_as_before)
    return _Counted()
