"""Commands about programmes: adopted, and assigned to partners (D7)."""

from __future__ import annotations

from datetime import date
from typing import Any

from psycopg import Cursor

from events.base import Command, Decision
from events.finance import (
    PartnerProgrammeAssigned,
    ProgrammeAdopted,
)
from events.recorded import Recorded
from ledger.commanding.commanding import ALWAYS, Commanding, Plan, is_command
from ledger.engine import commands
from ledger.engine.approvals import Proposed
from ledger.engine.numbered import ENGINE
from ledger.engine.state import LEDGER, Ledger, Overlay
from ledger.policy.programme import Programme

DEFAULT_ZONE = "Europe/Paris"


class ProgrammeCommands(Commanding):
    """Programmes adopted and assigned."""

    def adopt(
        self, programme: Programme, *, from_day: date | None = None, time_zone: str | None = None
    ) -> int | Proposed:
        """Adopt a version of a programme (D7.2); the first fixes the time zone. Its position."""

        def decide(ledger: Ledger, _: Cursor[Any]) -> Command:
            commands.check_adoption(ledger, programme, from_day, time_zone)
            versions = ledger.programmes.versions.get(programme.name, ())
            return ProgrammeAdopted(
                programme=programme.name,
                number=len(versions) + 1,
                document=programme.document(),
                sha256=programme.sha256(),
                from_day=from_day,
                time_zone=ledger.time_zone or time_zone or DEFAULT_ZONE,
                operator=self._operator,
                engine=ENGINE,
            )

        return self._asked(Plan(decide, lambda command: command.from_day or ALWAYS))

    def assign_programme(self, partner_id: str, programme: str, from_day: date) -> int | Proposed:
        """Put a partner under another programme from a day on (D7.3). Its position."""

        def decide(ledger: Ledger, cursor: Cursor[Any]) -> Command:
            partner = self._partner(cursor, partner_id)
            commands.check_assignment(ledger, partner, programme, from_day)
            return PartnerProgrammeAssigned(
                partner_id=partner_id,
                programme=programme,
                from_day=from_day,
                operator=self._operator,
            )

        def assign(context: tuple[Ledger, Cursor[Any]], event: Recorded) -> list[Decision]:
            cursor = context[1]
            clients = self._models.clients_activated_from(cursor, partner_id, from_day)
            reads = [LEDGER, f"partner:{partner_id}", *(f"client:{name}" for name in clients)]
            self._entities.load(cursor, reads)
            state = Overlay(self._entities.at_hand)
            command = is_command(event, PartnerProgrammeAssigned)
            return commands.decide_assignment(state, event, command, clients)

        return self._asked(Plan(decide, lambda _: from_day, assign))
