"""Tries the mutants that mutmut has made: a pytest plugin, run in its directory ``mutants``.

mutmut collects the tests of each mutant anew, which costs more than to run them. Here they are
collected once, and each mutant is a fork of that process, with the tests that reach its function,
the quickest first, then those of which mutmut knows nothing, the stories, until one fails. Used by
``make mutants``; nothing else loads it.
"""

from __future__ import annotations

import fnmatch
import gc
import json
import os
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from _pytest.runner import runtestprotocol

SECONDS = 60
"""What a mutant may take: one that never ends is killed."""

RESULTS = Path("results.json")
"""What became of each mutant: ``killed``, ``survived``, ``untested``."""

WANTED = "MUTANTS"
"""Names the mutants to try, as patterns with blanks between: all by default."""


class Trying:
    """Takes the place of pytest's loop over tests."""

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Try each mutant wanted that was not killed before."""
        reached = json.loads(Path("mutmut-stats.json").read_text())
        tests_of = reached["tests_by_mangled_function_name"]
        seconds = reached["duration_by_test"]
        items = {item.nodeid: item for item in session.items}
        known = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
        always = [item for item in session.items if item.nodeid not in seconds]
        # Here, so that every fork has what they keep: the stories that were drawn.
        assert not any(map(_fails, always)), "the tests fail without a mutant"
        # So that a fork does not copy what it only reads.
        gc.freeze()
        assert _tried("none", session.items) == "survived", "the tests fail without a mutant"
        for name in _mutants():
            if known.get(name) == "killed":
                continue
            tests = [t for t in tests_of.get(name.rpartition("__mutmut_")[0], ()) if t in items]
            tests.sort(key=lambda test: seconds[test])
            found = [items[test] for test in tests] + always
            known[name] = _tried(name, found) if found else "untested"
            RESULTS.write_text(json.dumps(known, indent=0))
            print(f"{known[name]:9} {name}", flush=True)  # noqa: T201
        return True


def _mutants() -> Iterator[str]:
    """The names of the mutants wanted, in the order of the patterns."""
    metas = sorted(Path().rglob("*.py.meta"))
    names = [name for meta in metas for name in json.loads(meta.read_text())["exit_code_by_key"]]
    for pattern in os.environ.get(WANTED, "*").split():
        yield from (name for name in names if fnmatch.fnmatch(name, pattern))


def _tried(name: str, items: Sequence[pytest.Item]) -> str:
    """What becomes of a mutant in a process of its own."""
    child = os.fork()
    if not child:
        os.environ["MUTANT_UNDER_TEST"] = name
        os._exit(1 if any(map(_fails, items)) else 0)
    signal.signal(signal.SIGALRM, lambda *_: os.kill(child, signal.SIGKILL))
    signal.alarm(SECONDS)
    _, status = os.waitpid(child, 0)
    signal.alarm(0)
    return "killed" if status else "survived"


def _fails(item: pytest.Item) -> bool:
    if isinstance(item, pytest.Function):
        # It may have been run before: as pytest's plugins do that run a test again.
        item._initrequest()
    reports = runtestprotocol(item, nextitem=None, log=False)
    return any(report.failed for report in reports)


def pytest_configure(config: pytest.Config) -> None:
    """Take the loop over."""
    config.pluginmanager.register(Trying())
