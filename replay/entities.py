"""Entities as of a position: streams folded up to it, by the engine's own fold."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from psycopg import sql
from psycopg.rows import tuple_row

from events.partner_decisions import TierChanged
from ledger.engine.evolve import evolve, folded_topics
from ledger.engine.state import LEDGER, Ledger, Partner, ledger_of
from ledger.entities import recorded
from replay.as_of import AsOf, Replay

_COLUMNS = sql.SQL("position, originator_id, topic, state, effective_at, day, source, event_id")
_TOPICS = sorted(folded_topics())


def ledger_at(replay: Replay, at: AsOf) -> Ledger:
    """The ledger's own entity: programmes, the last accrued day L."""
    return ledger_of(_folded(replay, at, sql.SQL("originator_id = {}").format(LEDGER)))


def partner_at(replay: Replay, at: AsOf, partner_id: str) -> Partner:
    """One partner, with the tiers that began by the effective day.

    An empty entity if nothing is recorded of it. Its reports are all that are known: who measures
    them takes those up to a day.
    """
    stream = f"partner:{partner_id}"
    condition = sql.SQL("originator_id = {}").format(stream)
    if at.effective_at is not None:
        condition += sql.SQL(" AND (topic <> {} OR day <= {})").format(
            TierChanged.topic(), at.effective_at
        )
    found = _folded(replay, at, condition).get(stream)
    return found if isinstance(found, Partner) else Partner(partner_id)


def partners_at(replay: Replay, at: AsOf) -> dict[str, Partner]:
    """Every partner of which something is recorded, by id."""
    condition = sql.SQL("originator_id >= 'partner:' AND originator_id < 'partner;'")
    entities = _folded(replay, at, condition).values()
    return {each.partner_id: each for each in entities if isinstance(each, Partner)}


def streams_at(replay: Replay, at: AsOf, streams: Sequence[str]) -> dict[str, Any]:
    """The entities of some streams by all that is known, of those that have one."""
    return _folded(replay, at, sql.SQL("originator_id = ANY(%s)"), sorted(set(streams)))


def last_day_of(at: AsOf, ledger: Ledger) -> date | None:
    """The day that figures are of: the effective day asked for, else L; None before a first run."""
    return at.effective_at or ledger.accrued_through


def _folded(replay: Replay, at: AsOf, condition: sql.Composable, *values: object) -> dict[str, Any]:
    query = sql.SQL(
        "SELECT {columns} FROM {events} WHERE {condition} AND topic = ANY(%s) AND position <= %s"
        " ORDER BY position"
    ).format(columns=_COLUMNS, events=replay.names.events, condition=condition)
    entities: dict[str, Any] = {}
    with replay.connection.cursor(row_factory=tuple_row, binary=True) as cursor:
        for row in cursor.execute(query, (*values, _TOPICS, at.position)):
            stream, event = recorded(row)
            entity = evolve(stream, entities.get(stream), event)
            if entity is not None:
                entities[stream] = entity
    return entities
