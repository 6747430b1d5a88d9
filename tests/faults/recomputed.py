"""Recomputes what recording decided, from the events before each fact (D18.10)."""

from __future__ import annotations

import psycopg

from events.base import Command, Decision, Fact
from events.codec import decode_state
from events.recorded import Recorded
from ledger.engine.evolve import evolve
from ledger.engine.recording import answer
from ledger.engine.state import Overlay

RUN_BY_COMMAND = ("run", "command", "close")
"""Members of decisions that no recording takes."""


def differences(url: str) -> list[str]:
    """Walk the ledger; say where a fact's recorded decisions are not the engine's."""
    state: dict[str, object] = {}
    wanted: list[tuple[str, Decision]] = []
    found: list[str] = []
    by_command = False
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            "SELECT position, topic, state, effective_at, day FROM ledger.events ORDER BY position"
        ).fetchall()
    for position, topic, stored, effective_at, day in rows:
        data = decode_state(topic, stored)
        event = Recorded(position, effective_at, day, data)
        if isinstance(data, Command | Fact):
            by_command = isinstance(data, Command)
        if isinstance(data, Decision) and not by_command and not _of_a_command(data):
            if not wanted or wanted[0][1] != data:
                found.append(f"{position}: recorded {data!r}, decided {wanted[:1]}")
            wanted = wanted[1:]
        elif wanted:
            found.append(f"{position}: not recorded: {wanted}")
            wanted = []
        entity = evolve(data.stream, state.get(data.stream), event)
        if entity is not None:
            state[data.stream] = entity
        if isinstance(data, Fact):
            wanted = [(topic, decision) for decision in answer(Overlay(state), event)]
    return found


def _of_a_command(data: Decision) -> bool:
    return any(getattr(data, member, None) is not None for member in RUN_BY_COMMAND)
