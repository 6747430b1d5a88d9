"""Verifies a ledger and tells what that cost, as one JSON line."""

from __future__ import annotations

import json
import os

import psycopg

from benchmarks.figures import Clock
from ledger.collecting import collect_seldom
from replay.verify import verify


def main() -> None:
    """Verify the ledger of the address; raises RuntimeError if anything is wrong with it."""
    collect_seldom()
    url = os.environ["COMMISSIONS_DATABASE_URL"]
    clock = Clock(url)
    with psycopg.connect(url) as connection, clock() as cost:
        found = list(verify(connection))
    if found:
        raise RuntimeError(f"the ledger of the benchmark is damaged: {found[0]}")
    told = {"wall": cost.wall, "client": cost.client, "server": cost.server}
    print(json.dumps(told), flush=True)
