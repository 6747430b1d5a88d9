"""Every event that the ledger knows: (type, version) → class, and topic → class."""

from __future__ import annotations

from events import (
    billing,
    controls,
    course,
    decisions,
    finance,
    lines,
    partner_decisions,
    partners,
    payout_decisions,
)
from events.base import Command, Decision, Event, Fact

_MODULES = (
    billing,
    partners,
    finance,
    controls,
    decisions,
    partner_decisions,
    payout_decisions,
    lines,
    course,
)


def _concrete() -> dict[tuple[str, int], type[Event]]:
    found: dict[tuple[str, int], type[Event]] = {}
    for module in _MODULES:
        for value in vars(module).values():
            if isinstance(value, type) and issubclass(value, Event) and "type" in vars(value):
                other = found.setdefault((value.type, value.version), value)
                if other is not value:
                    raise TypeError(f"{value.topic()} is defined twice; give one another version")
    return found


CATALOGUE: dict[tuple[str, int], type[Event]] = _concrete()
"""Every version of every type, by (type, version)."""

TOPICS: dict[str, type[Event]] = {cls.topic(): cls for cls in CATALOGUE.values()}
"""The same by topic, as the store writes it: ``client.activated/1``."""

FACTS = {key: cls for key, cls in CATALOGUE.items() if issubclass(cls, Fact)}
COMMANDS = {key: cls for key, cls in CATALOGUE.items() if issubclass(cls, Command)}
DECISIONS = {key: cls for key, cls in CATALOGUE.items() if issubclass(cls, Decision)}
