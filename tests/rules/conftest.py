"""Gives each rule test its ``given``, once for every ledger that there is."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.rules.adapters import OpenLedger, ledgers
from tests.rules.dsl import Given


@pytest.fixture(params=list(ledgers().values()), ids=list(ledgers()))
def given(request: pytest.FixtureRequest) -> Iterator[Given]:
    """The first word of a rule test, bound to a new ledger."""
    opener: OpenLedger = request.param
    with opener() as ledger:
        yield Given(ledger)
