"""Tries the mutants that mutmut has made: a pytest plugin, run in its directory ``mutants``.

mutmut collects the tests of each mutant anew, which costs more than to run them. Here they are
collected once, and each mutant is a fork of that process, with the tests that reach its function,
those first that killed its neighbours, then those of which mutmut knows nothing, the stories, until
one fails. Used by ``make mutants``; nothing else loads it.
"""

from __future__ import annotations

import fnmatch
import gc
import json
import mmap
import os
import signal
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest
from _pytest.outcomes import Skipped

SECONDS = 5
"""The time of a core that a test may take with a mutant: one that never ends is killed."""

SECONDS_OF_STORIES = 60
"""The same, of a hundred stories."""

RESULTS = Path("results.json")
"""What became of each mutant: ``killed``, ``survived``, ``untested``."""

WANTED = "MUTANTS"
"""Names the mutants to try, as patterns with blanks between: all by default."""

AT_ONCE = "MUTANTS_AT_ONCE"
"""How many are tried at once: one by default."""


class Fork(NamedTuple):
    """A process with a mutant; ``at`` holds the number of the test that it is at."""

    mutant: str
    tests: Sequence[pytest.Item]
    at: mmap.mmap


class Trying:
    """Takes the place of pytest's loop over tests."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}
        self._seconds: dict[str, float] = {}
        self._killed_of: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self._killed: Counter[str] = Counter()
        self._running: dict[int, Fork] = {}

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Try each mutant wanted that was not killed before."""
        reached = json.loads(Path("mutmut-stats.json").read_text())
        tests_of = reached["tests_by_mangled_function_name"]
        self._seconds = reached["duration_by_test"]
        items = {item.nodeid: item for item in session.items}
        self._known = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
        always = [item for item in session.items if item.nodeid not in self._seconds]
        # Here, so that every fork has what they keep: the stories that were drawn.
        assert not any(map(_fails, always)), "the tests fail without a mutant"
        # So that a fork does not copy what it only reads.
        gc.freeze()
        self._fork("none", session.items)
        self._await_one()
        assert self._known.pop("none") == "survived", "the tests fail without a mutant"
        at_once = int(os.environ.get(AT_ONCE) or 1)
        for name in _mutants():
            if self._known.get(name) == "killed":
                continue
            tests = [items[t] for t in tests_of.get(_function(name), ()) if t in items]
            tests.sort(key=lambda test: self._rank(name, test.nodeid))
            if len(self._running) == at_once:
                self._await_one()
            if tests or always:
                self._fork(name, tests + always)
            else:
                self._tell(name, "untested")
        while self._running:
            self._await_one()
        return True

    def _rank(self, mutant: str, test: str) -> tuple[int, float]:
        """Who killed most mutants of the function first, then who kills most in a second."""
        return (
            -self._killed_of[_function(mutant)][test],
            self._seconds[test] / (1 + self._killed[test]),
        )

    def _fork(self, mutant: str, tests: Sequence[pytest.Item]) -> None:
        """Try a mutant in a process of its own."""
        at = mmap.mmap(-1, 4)
        child = os.fork()
        if not child:
            os.environ["MUTANT_UNDER_TEST"] = mutant
            for number, test in enumerate(tests):
                at[:4] = number.to_bytes(4)
                limit = SECONDS if test.nodeid in self._seconds else SECONDS_OF_STORIES
                signal.setitimer(signal.ITIMER_PROF, limit)
                if _fails(test):
                    os._exit(1)
            os._exit(0)
        self._running[child] = Fork(mutant, tests, at)

    def _await_one(self) -> None:
        child, status = os.wait()
        fork = self._running.pop(child)
        if status:
            test = fork.tests[int.from_bytes(fork.at[:4])].nodeid
            self._killed_of[_function(fork.mutant)][test] += 1
            self._killed[test] += 1
        self._tell(fork.mutant, "killed" if status else "survived")

    def _tell(self, mutant: str, fate: str) -> None:
        self._known[mutant] = fate
        # In one step: what was found is not lost when this is stopped.
        written = RESULTS.with_suffix(".part")
        written.write_text(json.dumps(self._known, indent=0))
        written.replace(RESULTS)
        print(f"{fate:9} {mutant}", flush=True)  # noqa: T201


def _function(mutant: str) -> str:
    return mutant.rpartition("__mutmut_")[0]


def _mutants() -> Iterator[str]:
    """The names of the mutants wanted, in the order of the patterns."""
    metas = sorted(Path().rglob("*.py.meta"))
    names = [name for meta in metas for name in json.loads(meta.read_text())["exit_code_by_key"]]
    for pattern in os.environ.get(WANTED, "*").split():
        yield from (name for name in names if fnmatch.fnmatch(name, pattern))


def _fails(item: pytest.Item) -> bool:
    """Run a test, without what pytest does to report it."""
    if isinstance(item, pytest.Function):
        # It may have been run before: as pytest's plugins do that run a test again.
        item._initrequest()
    try:
        item.ihook.pytest_runtest_setup(item=item)
        item.ihook.pytest_runtest_call(item=item)
        item.ihook.pytest_runtest_teardown(item=item, nextitem=None)
    except Skipped:
        return False
    except BaseException:  # noqa: BLE001 - whatever it is, the test does not pass
        return True
    return False


def pytest_configure(config: pytest.Config) -> None:
    """Take the loop over."""
    config.pluginmanager.register(Trying())
