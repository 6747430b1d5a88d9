"""Several processes at once on one ledger: each decision rests on exactly the events before it."""

from __future__ import annotations

import subprocess
import sys

import psycopg
import pytest

from interfaces.bootstrap import connect, open_ledger
from interfaces.settings import Settings
from ledger.policy import files
from replay.verify import verify
from tests.faults.recomputed import differences


@pytest.mark.timeout(300)
@pytest.mark.parametrize("how", ["facts", "stream"])
def test_claims_enrolments_settlements_and_closes_from_three_processes(
    ledger_database_url: str, how: str
) -> None:
    """Two record facts about the same clients and partners while a third accrues, closes, pays.

    Batch by batch, or as streams that are decided ahead: those collide, and take turns.
    """
    url = ledger_database_url
    with connect(Settings(), url) as database, open_ledger(database) as ledger:
        ledger.adopt(files.load("izyinbox"))
    workers = [
        subprocess.Popen([sys.executable, "-m", "tests.faults.worker", url, what, seed])
        for what, seed in ((how, "1"), (how, "2"), ("commands", "3"))
    ]
    assert [worker.wait(240) for worker in workers] == [0, 0, 0]

    assert differences(url) == []
    with psycopg.connect(url, autocommit=True) as connection:
        assert [str(finding) for finding in verify(connection)] == []
        kinds: dict[str, int] = dict(
            connection.execute(
                "SELECT topic, count(*) FROM ledger.events GROUP BY topic"
            ).fetchall()
        )
    for topic in (
        "ReferralAccepted/1",
        "ReferralWaiting/1",
        "CommissionPosted/1",
        "period.closed/1",
    ):
        assert kinds[topic] > 0
