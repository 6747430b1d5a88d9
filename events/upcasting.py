"""Old versions of an event are read as the newest: pure steps from one version to the next.

A step takes the members of (type, version) as JSON and returns those of version + 1. What is stored
never changes; only what is read from it does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from pydantic import JsonValue

from events.base import Event
from events.catalogue import CATALOGUE
from events.errors import UnknownTopic

Members = dict[str, JsonValue]
Step = Callable[[Members], Members]

STEPS: Mapping[tuple[str, int], Step] = {}
"""The steps of the catalogue, by the (type, version) that they start from."""


class Vocabulary:
    """Event classes with the steps between their versions.

    Raises ValueError if a version that is not the newest has no step, or a step no version: so a
    vocabulary that exists can read all that it ever wrote.
    """

    def __init__(
        self, classes: Iterable[type[Event]], steps: Mapping[tuple[str, int], Step]
    ) -> None:
        self._classes = {(cls.type, cls.version): cls for cls in classes}
        self._topics = {cls.topic(): cls for cls in self._classes.values()}
        self._newest: dict[str, type[Event]] = {}
        for (type_, version), cls in sorted(self._classes.items()):
            expected = self._newest[type_].version + 1 if type_ in self._newest else 1
            if version != expected:
                raise ValueError(f"{type_} has no version {expected}; versions leave no gap")
            self._newest[type_] = cls
        old = {key for key, cls in self._classes.items() if self._newest[key[0]] is not cls}
        for type_, version in sorted(old ^ steps.keys()):
            raise ValueError(
                f"{type_}/{version} needs a step to the next version, or has one too many"
            )
        self._steps = dict(steps)

    def knows(self, type_: str) -> bool:
        """Whether there is any version of a type."""
        return type_ in self._newest

    def find(self, type_: str, version: int) -> type[Event] | None:
        """The class of one version, None if there is none."""
        return self._classes.get((type_, version))

    def by_topic(self, topic: str) -> type[Event]:
        """The class that wrote a topic such as ``client.activated/1``; raises UnknownTopic."""
        try:
            return self._topics[topic]
        except KeyError:
            raise UnknownTopic(topic) from None

    def newest(self, type_: str) -> type[Event]:
        """The newest class of a known type."""
        return self._newest[type_]

    def upcast(self, type_: str, version: int, members: Members) -> Members:
        """The members as the newest version has them; the mapping given is left as it is."""
        newest = self._newest[type_].version
        members = dict(members)
        while version < newest:
            members = self._steps[type_, version](members)
            version += 1
        return members


VOCABULARY = Vocabulary(CATALOGUE.values(), STEPS)
"""All that the ledger knows."""
