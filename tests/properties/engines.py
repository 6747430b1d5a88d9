"""The engine that properties are asked of: in memory by many stories, on the database by a few.

That the naive model has the same properties follows from ``test_in_memory``.
"""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, settings

from tests.rules.adapters import open_memory, open_real

IN_MEMORY = settings(suppress_health_check=list(HealthCheck), deadline=None)


def on_database(part: int, least: int) -> settings:
    """So many examples: a part of the profile's, or at least so many."""
    return settings(
        IN_MEMORY,
        max_examples=max(least, settings().max_examples // part),
        # Shrinking a story on a database takes minutes; the one that failed is printed and kept.
        phases=[Phase.explicit, Phase.reuse, Phase.generate],
    )


def every_engine(part: int, least: int) -> pytest.MarkDecorator:
    """Gives a property ``open_ledger`` and ``limits``, once in memory and once on the database."""
    return pytest.mark.parametrize(
        ("open_ledger", "limits"),
        [
            pytest.param(open_memory, IN_MEMORY, id="memory"),
            pytest.param(open_real, on_database(part, least), id="real"),
        ],
    )
