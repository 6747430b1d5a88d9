"""kill -9 in the middle of ingest and of accrual, fifty times; the ledger goes on as if never."""

from __future__ import annotations

import json
import multiprocessing
import random
import time
from collections.abc import Iterator
from datetime import date, timedelta
from multiprocessing.process import BaseProcess
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from tests.conftest import create_database, drop_database, url_of
from tests.faults import command
from tests.interfaces.commands import Commands

KILLS = 50
PARTNERS = 5
CLIENTS = 12
"""New clients of each round."""
FIRST = date(2026, 2, 1)


def write_round(folder: Path, number: int) -> Path:
    """The facts of one round: new clients claimed and activated, old ones changed or gone."""
    day = FIRST + timedelta(days=3 * number)
    events: list[tuple[str, dict[str, object]]] = []
    if number == 0:
        events += [
            ("partner.enrolled", {"partner_id": f"p-{at}", "kind": "referral"})
            for at in range(PARTNERS)
        ]
    for at in range(CLIENTS):
        client = f"c-{number}-{at}"
        claim = {"partner_id": f"p-{at % PARTNERS}", "client_id": client}
        terms: dict[str, object] = {"plan": "pro", "price": 1000 + at, "currency": "EUR"}
        events.append(("referral.registered", {**claim}))
        events.append(("client.activated", {"client_id": client, **terms}))
        if number > 3 and at % 4 == 0:
            old: dict[str, object] = {"client_id": f"c-{number - 3}-{at}"}
            events.append(("client.plan_changed", {**old, "plan": "max", "price": 5000 + at}))
            events.append(("client.churned", {"client_id": f"c-{number - 4}-{at + 1}"}))
    file = folder / f"round-{number}.jsonl"
    with file.open("w", encoding="utf-8") as out:
        for at, (type_, data) in enumerate(events):
            message = {
                "specversion": "1.0",
                "id": f"{number}-{at}",
                "source": "/billing",
                "type": type_,
                "time": f"{day}T10:00:{at % 60:02d}Z",
                "data": data,
            }
            out.write(json.dumps(message) + "\n")
    return file


_AIMED = 0.5
"""How many of the kills wait until the command has recorded something; the others fall anywhere."""


class Killer:
    """Kills commands at random moments, aiming at where they are at work."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["tests.faults.command"])
        self._lots = random.Random(4711)  # noqa: S311 - when to kill, not a secret
        self._usual_s = {"ingest": 0.5, "accrue": 0.5}
        self.hits = dict.fromkeys(self._usual_s, 0)

    def kill(self, arguments: list[str], recorded: sql.SQL, whole: int) -> None:
        """Run a command and kill it; ``recorded`` counts what it has recorded of ``whole``."""
        what = arguments[0]
        process = self._context.Process(target=command.run, args=(self._url, arguments))
        before = self._count(recorded)
        process.start()
        if self._lots.random() < _AIMED:
            self._wait_until_at_work(process, recorded, before)
        else:
            process.join(self._usual_s[what] * self._lots.uniform(0.6, 1.1))
        process.kill()
        process.join()
        done = self._count(recorded) - before
        self.hits[what] += 0 < done < whole
        if done == 0:
            self._usual_s[what] = min(10, self._usual_s[what] * 1.15)
        elif done >= whole:
            self._usual_s[what] = max(0.02, self._usual_s[what] * 0.8)

    def _wait_until_at_work(self, process: BaseProcess, recorded: sql.SQL, before: int) -> None:
        """Wait for the first thing that it records, and a little longer."""
        with psycopg.connect(self._url, autocommit=True) as connection:
            while process.is_alive() and connection.execute(recorded).fetchone() == (before,):
                time.sleep(0.001)
        time.sleep(self._lots.uniform(0, 0.01))

    def _count(self, recorded: sql.SQL) -> int:
        with psycopg.connect(self._url) as connection:
            row = connection.execute(recorded).fetchone()
        assert row is not None
        return int(row[0])


FACTS = sql.SQL("SELECT COUNT(*) FROM ledger.events WHERE source = '/billing'")
RUN_STEPS = sql.SQL(
    "SELECT COUNT(*) FILTER (WHERE topic = 'accrual.run/1')"
    " + COUNT(*) FILTER (WHERE topic = 'AccrualCompleted/1') FROM ledger.events"
    " WHERE originator_id = 'ledger'"
)
"""Two for a whole run, one for a run that is open."""


@pytest.fixture
def other_url(server_url: str, ledger_template: str) -> Iterator[str]:
    """A second ledger, on which nothing is ever killed."""
    name = f"test_unharmed_{time.time_ns()}"
    with psycopg.connect(server_url, autocommit=True) as admin:
        create_database(admin, name, template=ledger_template)
    yield url_of(server_url, name)
    with psycopg.connect(server_url, autocommit=True) as admin:
        drop_database(admin, name)


def lines_of(commissions: Commands) -> list[tuple[object, ...]]:
    """Every line but for its positions, in an order of its own."""
    rows = commissions.done("history", "--all", "--format", "json").rows
    members = ("partner_id", "client_id", "service_date", "kind", "rule", "base", "rate", "amount")
    return sorted(tuple(row[name] for name in members) for row in rows)


@pytest.mark.fault
@pytest.mark.slow
@pytest.mark.timeout(580)
def test_a_ledger_that_was_killed_fifty_times_is_the_one_that_never_was(
    ledger_database_url: str,
    other_url: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Each file counts once, each run is finished once, and verify finds nothing."""
    harmed, unharmed = Commands(ledger_database_url, capsys), Commands(other_url, capsys)
    killer = Killer(ledger_database_url)
    for ledger in (harmed, unharmed):
        ledger.done("programme", "adopt", "izyinbox")
    for number in range(KILLS):
        file = write_round(tmp_path, number)
        through = str(FIRST + timedelta(days=3 * number + 2))
        killer.kill(["ingest", str(file)], FACTS, len(file.read_bytes().splitlines()))
        harmed.done("ingest", file)
        killer.kill(["accrue", "--through", through, "--ahead"], RUN_STEPS, 2)
        if number % 3 == 0:
            harmed.done("accrue", "--through", through, "--ahead")
        # Else a run may stay open: facts are recorded first, the next command finishes it.
        unharmed.done("ingest", file)
        unharmed.done("accrue", "--through", through, "--ahead")
    last = str(FIRST + timedelta(days=3 * KILLS))
    for ledger in (harmed, unharmed):
        ledger.done("accrue", "--through", last, "--ahead")
    assert min(killer.hits.values()) >= KILLS // 10, killer.hits
    verified = harmed("verify", "--format", "json")
    assert verified.status == 0, verified.out
    assert lines_of(harmed) == lines_of(unharmed)
    balances = [one.done("balances", "--format", "json").rows for one in (harmed, unharmed)]
    assert balances[0] == balances[1]
