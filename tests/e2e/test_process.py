"""How a command behaves as a process: pipes, signals, a server that goes away, completion."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from tests.conftest import CopyOf
from tests.e2e.commands import run, start

BILLING = Path(__file__).with_name("billing.jsonl")


@pytest.fixture
def adopted_url(copy_of: CopyOf) -> str:
    """A ledger with the reference programme."""
    return copy_of("adopted_by_a_process", adopt)


def adopt(url: str) -> None:
    """Adopt the reference programme."""
    done = run("--database", url, "programme", "adopt", "izyinbox")
    assert done.returncode == 0, done.stderr


@pytest.fixture
def told_url(copy_of: CopyOf, tmp_path: Path) -> str:
    """A ledger with the first months of the demo's year, of which nothing is accrued."""

    def fill(url: str) -> None:
        adopt(url)
        year = tmp_path / "year.jsonl"
        assert run("demo", "--write", year).returncode == 0
        few = b"".join(year.read_bytes().splitlines(keepends=True)[:4_000])
        assert run("--database", url, "ingest", "-", stdin=few).returncode == 0

    return copy_of("first_months", fill)


@contextmanager
def started(*arguments: str | Path) -> Iterator[subprocess.Popen[bytes]]:
    """A running command, ended and closed afterwards."""
    process = start(*arguments)
    try:
        yield process
    finally:
        process.kill()
        with contextlib.suppress(BrokenPipeError):
            process.communicate(timeout=30)


def wait_for_reader(url: str) -> None:
    """Wait until a command is connected: it reads its input then."""
    with psycopg.connect(url, autocommit=True) as watching:
        for _ in range(600):
            found = watching.execute(
                "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database()"
                " AND application_name = 'commissions' AND state = 'idle'"
            ).fetchone()
            if found is not None and found[0] >= 2:
                time.sleep(0.3)
                return
            time.sleep(0.05)
    raise AssertionError("the command never connected")


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_while_waiting_for_input_ends_cleanly(
    adopted_url: str, number: signal.Signals, status: int
) -> None:
    """At once, without a traceback; the next command goes on."""
    with started("--database", adopted_url, "ingest", "-") as process:
        wait_for_reader(adopted_url)
        process.send_signal(number)
        assert process.wait(timeout=20) == status
        assert process.stderr is not None
        said = process.stderr.read().decode()
    assert "Traceback" not in said
    assert "Fatal" not in said
    again = run("--database", adopted_url, "ingest", BILLING)
    assert again.returncode == 0, again.stderr


@pytest.mark.parametrize("after_s", [0.0, 0.4, 1.0])
def test_a_run_that_was_interrupted_is_finished_by_the_next_command(
    told_url: str, after_s: float
) -> None:
    """Ctrl-C at any moment: status 130, one line, and nothing is lost or doubled."""
    url = ("--database", told_url)
    with started(*url, "accrue", "--through", "2026-06-30") as process:
        wait_for_run(told_url)
        time.sleep(after_s)
        process.send_signal(signal.SIGINT)
        told, said = process.communicate(timeout=60)
    # Below the ^C of a terminal stands an empty line.
    lines = [line for line in said.decode().split("\n") if line and not line.startswith("{")]
    if not told:
        # Else the run was complete before the signal came.
        assert (process.returncode, len(lines)) == (130, 1)
    again = run(*url, "accrue", "--through", "2026-06-30")
    assert again.returncode == 0, again.stderr
    verified = run(*url, "verify")
    assert verified.returncode == 0, verified.stdout


def wait_for_run(url: str) -> None:
    """Wait until an accrual run is recorded."""
    with psycopg.connect(url, autocommit=True) as watching:
        for _ in range(2_000):
            found = watching.execute(
                "SELECT COUNT(*) FROM ledger.events WHERE topic = 'accrual.run/1'"
            ).fetchone()
            if found is not None and found[0]:
                return
            time.sleep(0.01)
    raise AssertionError("no run began")


def test_a_reader_that_has_enough_is_no_error(adopted_url: str) -> None:
    """As in ``commissions history --all | head -1``."""
    assert run("--database", adopted_url, "ingest", BILLING).returncode == 0
    with started("--database", adopted_url, "claims", "--format", "csv") as process:
        assert process.stdout is not None
        process.stdout.close()
        process.stdout = None
        assert process.stderr is not None
        said = process.stderr.read().decode()
        assert process.wait(timeout=60) == 141
    assert "Traceback" not in said
    assert "BrokenPipe" not in said


def test_a_database_that_goes_away_is_one_line(adopted_url: str) -> None:
    """What was not committed is not there; the file can be taken in again."""
    with started("--database", adopted_url, "ingest", "-") as process:
        wait_for_reader(adopted_url)
        with psycopg.connect(adopted_url, autocommit=True) as admin:
            admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        _, said = process.communicate(BILLING.read_bytes(), timeout=60)
        status = process.returncode
    lines = [line for line in said.decode().splitlines() if not line.startswith("{")]
    assert "Traceback" not in said.decode()
    # The pool may notice in time and connect anew; then all went in.
    assert (status, len(lines)) in {(1, 1), (0, 0)}
    again = run("--database", adopted_url, "ingest", BILLING)
    assert again.returncode == 0, again.stderr


def complete(words: str, word: int) -> subprocess.CompletedProcess[bytes]:
    """Ask as bash does for what may stand at a word."""
    bash = {"_COMMISSIONS_COMPLETE": "bash_complete"}
    return run(more={**bash, "COMP_WORDS": words, "COMP_CWORD": str(word)})


def test_the_shell_completes_commands_and_options() -> None:
    """By click, as documented."""
    told = complete("commissions tri", 1)
    assert b"trial-balance" in told.stdout
    options = complete("commissions accrue --thr", 2)
    assert b"--through" in options.stdout
    assert b"commissions" in run(more={"_COMMISSIONS_COMPLETE": "zsh_source"}).stdout


def test_help_needs_no_database() -> None:
    """And names every command."""
    told = run("--help", more={"COMMISSIONS_DATABASE_URL": "postgresql://127.0.0.1:9/none"})
    assert told.returncode == 0
    for name in ("demo", "ingest", "accrue", "balances", "verify"):
        assert name.encode() in told.stdout


def test_a_locale_without_unicode_still_gets_its_table(adopted_url: str) -> None:
    """Signs that cannot be written become a question mark, never a traceback."""
    assert run("--database", adopted_url, "ingest", BILLING).returncode == 0
    assert run("--database", adopted_url, "accrue", "--through", "2026-06-30").returncode == 0
    told = run("--database", adopted_url, "balances", more={"PYTHONIOENCODING": "ascii"})
    assert told.returncode == 0, told.stderr
    assert b"?236.75" in told.stdout
