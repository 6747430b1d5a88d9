"""A client whose standing a fact changed between two queries of a run was counted twice (D8.1).

The run read counted clients as of itself first, and which clients had moved since afterwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any
from unittest import mock

from psycopg import Cursor

from ledger.policy import files
from projections.accrual import LiveModels
from tests.model.journal import Message
from tests.rules.facts import activated, certified, churned, enrolled, nps
from tests.rules.ledger_adapter import RealLedger, open_ledger


class _Telling(Cursor[Any]):
    """A cursor that lets another process record a fact after each of its queries."""

    told: Sequence[Message] = ()

    def execute(self, *args: Any, **kwargs: Any) -> _Telling:
        """Run the query; then the others go on."""
        super().execute(*args, **kwargs)
        batch, _Telling.told = _Telling.told, ()
        if batch:
            RealLedger().record(batch)
        return self


def test_a_client_moved_while_a_run_counts_is_counted_once() -> None:
    """Nine clients count on the run's days, so the partner is not certified, whatever comes."""
    facts = [enrolled("2024-01-01"), certified("2024-01-02"), nps("2024-01-02", 80)]
    facts += [activated("2024-01-10", f"c{n}", partner="p1") for n in range(9)]
    whole = LiveModels.counts

    def counts(models: LiveModels, cursor: Cursor[Any], *args: Any) -> Any:
        factory, cursor.connection.cursor_factory = cursor.connection.cursor_factory, _Telling
        _Telling.told = [churned("2024-03-01", "c1")]
        try:
            return whole(models, cursor, *args)
        finally:
            cursor.connection.cursor_factory = factory

    with open_ledger() as ledger, mock.patch.object(LiveModels, "counts", counts):
        ledger.adopt(files.load("izyinbox"), None)
        ledger.record(facts)
        ledger.accrue(date(2024, 1, 31))
        assert [change.to_tier for change in ledger.tiers()] == ["referent"]
