"""Tries the mutants that mutmut has made: a pytest plugin, run in its directory ``mutants``.

mutmut collects the tests of each mutant anew, which costs more than to run them. Here they are
collected once, and each mutant is a fork of that process, with the tests that reach the statement
that it changes, those first that killed its neighbours, then the stories, until one fails. Used by
``make mutants``; nothing else loads it.
"""

from __future__ import annotations

import fnmatch
import gc
import json
import mmap
import os
import signal
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytest
from _pytest.outcomes import Skipped

from tests.mutation.reaching import Line, Tracing, lines_of

SECONDS = 5
"""The time of a core that a test may take with a mutant: one that never ends is killed."""

SECONDS_OF_STORIES = 60
"""The same, of a hundred stories."""

RESULTS = Path("results.json")
"""What became of each mutant: ``killed``, ``survived``, ``untested``."""

WANTED = "MUTANTS"
"""Names the mutants to try, as patterns with blanks between: all by default."""

MUTATED = "ledger/engine"
"""What mutants change."""

STORIES = "test_in_memory.py"
"""Whose tests are tried last: they reach everything, and take long."""

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
        self._reaching: defaultdict[Line, set[str]] = defaultdict(set)
        self._killed_of: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self._killed: Counter[str] = Counter()
        self._running: dict[int, Fork] = {}

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Try each mutant wanted that was not killed before."""
        self._known = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
        stories = [item for item in session.items if STORIES in item.nodeid]
        items = {item.nodeid: item for item in session.items if item not in stories}
        # Here, so that every fork has what they keep: the stories that were drawn.
        assert not any(map(_fails, stories)), "the stories fail without a mutant"
        for item in items.values():
            self._trace(item)
        # So that a fork does not copy what it only reads.
        gc.freeze()
        at_once = int(os.environ.get(AT_ONCE) or 1)
        for name in _mutants():
            if self._known.get(name) == "killed":
                continue
            reaching = set[str]().union(*(self._reaching[line] for line in lines_of(name)))
            tests = [items[test] for test in sorted(reaching, key=partial(self._rank, name))]
            if len(self._running) == at_once:
                self._await_one()
            if tests or stories:
                self._fork(name, tests + stories)
            else:
                self._tell(name, "untested")
        while self._running:
            self._await_one()
        return True

    def _trace(self, item: pytest.Item) -> None:
        """Run a test without a mutant: which lines it reaches, and how long it takes."""
        began = time.process_time()
        failed = _fails(item)
        self._seconds[item.nodeid] = time.process_time() - began
        _forget()
        with Tracing(MUTATED) as tracing:
            failed = _fails(item) or failed
        assert not failed, f"{item.nodeid} fails without a mutant"
        for line in tracing.lines:
            self._reaching[line].add(item.nodeid)

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
            _forget()
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


def _forget() -> None:
    """Forget what the engine keeps of what it computed without a mutant."""
    for name, module in list(sys.modules.items()):
        if name.startswith("ledger.engine."):
            for member in vars(module).values():
                if hasattr(member, "cache_clear"):
                    member.cache_clear()


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
