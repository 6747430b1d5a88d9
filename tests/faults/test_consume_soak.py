"""Faults of all kinds, drawn by lot, while facts come in: `make soak` for a long run of it."""

from __future__ import annotations

import os
import random
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field

import psutil
import pytest

from tests.faults.consuming import Group, Oracle, Worker, lots, produce, story, until
from tests.faults.proxy import Cut, Proxy, database_socket, proxied, through
from tests.kafka.producing import STRUCTURED, Event, Producer

SECONDS = float(os.environ.get("COMMISSIONS_TEST_SOAK_SECONDS", "30"))
SEED = os.environ.get("COMMISSIONS_TEST_SOAK_SEED")


@dataclass
class Chaos:
    """Does something to somebody, again and again."""

    group: Group
    proxy: Proxy
    chance: random.Random
    present: list[Worker] = field(default_factory=list)
    done: dict[str, int] = field(default_factory=dict)

    def once(self) -> None:
        """One fault."""
        self.reap()
        if len(self.present) < 2:
            self._start()
            return
        act = self.chance.choice(
            [self._start, self._kill, self._leave, self._freeze, self._drop, self._cut]
        )
        act()
        self.done[act.__name__] = self.done.get(act.__name__, 0) + 1

    def reap(self) -> None:
        """Take out whoever lost the database while it opened it: the one way to end by itself."""
        for worker in [it for it in self.present if not it.process.is_alive()]:
            self.present.remove(worker)
            assert not worker.lines("rebalanced"), worker.said[-3000:]
            assert "the database" in worker.said, worker.said[-3000:]
            worker.ended(1)

    def _start(self) -> None:
        if len(self.present) < 4:
            url = through(self.group.url, self.proxy) if self.chance.random() < 0.7 else None
            size = self.chance.choice([1, 7, 50, 500])
            hook = self.chance.choice(["", "fetches beside"])
            self.present.append(self.group.start(hook, url=url, settings={"batch_size": size}))

    def _one(self) -> Worker:
        return self.present.pop(self.chance.randrange(len(self.present)))

    def _kill(self) -> None:
        worker = self._one()
        worker.process.kill()
        worker.process.join()

    def _leave(self) -> None:
        worker = self._one()
        worker.process.terminate()
        worker.process.join(60)
        assert worker.process.exitcode is not None, worker.said[-2000:]

    def _freeze(self) -> None:
        worker = self.chance.choice(self.present)
        with suppress(psutil.NoSuchProcess):  # it ended since; the next fault looks why
            process = psutil.Process(worker.process.pid)
            process.suspend()
            time.sleep(self.chance.uniform(0.1, 4))
            process.resume()

    def _drop(self) -> None:
        self.proxy.drop()

    def _cut(self) -> None:
        which: Cut = self.chance.choice(["before", "after"])

        def judge(data: bytes) -> Cut:
            if b"COMMIT" not in data:
                return ""
            self.proxy.judge = lambda data: ""
            return which

        self.proxy.judge = judge


def tell(group: Group, seed: int, told: list[Event], poison: list[int], end: float) -> None:
    """Facts until the end, some twice, some shuffled, with poison between them."""
    chance = random.Random(seed)  # noqa: S311 - lots
    part = 0
    while time.monotonic() < end:
        events = story(40, prefix="c" if part == 0 else f"s{part}")
        part += 1
        told += events
        sent = events + chance.sample(events, len(events) // 4)
        if part > 1:
            chance.shuffle(sent)
        produce(group.topics, group.topic, sent)
        with Producer(group.topics.address) as producer:
            producer.send(group.topic, f"poison {part}".encode(), STRUCTURED, partition=part % 4)
        poison.append(part)
        time.sleep(0.3)


@pytest.mark.fault
@pytest.mark.slow
@pytest.mark.timeout(SECONDS * 3 + 300)
def test_all_of_it_at_once(group: Group, oracle: Oracle) -> None:
    """Afterwards the ledger holds what was told, each once, and one letter a poison."""
    chance = lots(int(SEED) if SEED else None)
    told: list[Event] = []
    poison: list[int] = []
    end = time.monotonic() + SECONDS
    seed = chance.randrange(2**32)
    telling = threading.Thread(target=tell, args=(group, seed, told, poison, end))
    with proxied(lambda: database_socket(group.url)) as proxy:
        chaos = Chaos(group, proxy, chance)
        telling.start()
        while telling.is_alive():
            chaos.once()
            time.sleep(chance.uniform(0.2, 1.5))
        telling.join()
        proxy.judge = lambda data: ""
        chaos.reap()
        chaos.present.append(group.start())
        until(lambda: group.facts() == len(told), 120)
        for worker in chaos.present:
            worker.process.terminate()
            worker.process.join(60)
    oracle.assert_exact(group, told)
    assert group.letters() == len(poison)
    print(f"{len(told)} facts, {len(group.workers)} workers, {chaos.done}")  # noqa: T201
