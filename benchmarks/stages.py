"""Where the time of a call goes: wall and CPU time of the methods that it passes through."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import wraps
from threading import local
from time import perf_counter, thread_time
from typing import Any


@dataclass(slots=True)
class Spent:
    """Seconds in a stage, less those of the stages inside it."""

    wall: float = 0.0
    cpu: float = 0.0


@dataclass
class Stages:
    """Time by stage. Of stages in each other, the inner one has the time."""

    spent: dict[str, Spent] = field(default_factory=dict)
    _inner: local = field(default_factory=local)

    def clear(self) -> None:
        """Begin anew."""
        self.spent.clear()

    def watch(self, target: object, methods: Iterable[str]) -> None:
        """Take the time of methods of one object under their names, those that it has."""
        for name in methods:
            method = getattr(target, name, None)
            if method is not None:
                setattr(target, name, self.timed(name, method))

    def timed(self, name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function whose calls count as a stage."""

        @wraps(method)
        def call(*args: Any, **kwargs: Any) -> Any:
            stack: list[Spent] = self._inner.__dict__.setdefault("stack", [])
            stack.append(Spent())
            wall, cpu = perf_counter(), thread_time()
            try:
                return method(*args, **kwargs)
            finally:
                wall, cpu = perf_counter() - wall, thread_time() - cpu
                inner = stack.pop()
                spent = self.spent.setdefault(name, Spent())
                spent.wall += wall - inner.wall
                spent.cpu += cpu - inner.cpu
                if stack:
                    stack[-1].wall += wall
                    stack[-1].cpu += cpu

        return call
