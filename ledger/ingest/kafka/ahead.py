"""Takes in a thread what comes next, while the caller works on what came before."""

from __future__ import annotations

from collections.abc import Iterator
from queue import SimpleQueue
from threading import Semaphore, Thread
from types import TracebackType
from typing import Generic, Self, TypeVar

T = TypeVar("T")


class Ahead(Generic[T]):
    """What an iterator gives, up to ``most`` items of it before they are asked for.

    As a context: when it ends the thread has ended, and what was taken in vain is dropped. Until
    then whatever the iterator uses is the thread's. An error of the iterator's is raised in place
    of its next item.
    """

    def __init__(self, source: Iterator[T], most: int) -> None:
        self._source, self._wanted = source, Semaphore(most)
        self._answers: SimpleQueue[T | BaseException | None] = SimpleQueue()
        self._left = False
        self._thread = Thread(target=self._take, name="read ahead", daemon=True)

    def __enter__(self) -> Self:
        """Begin to take."""
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Wait until the item that is being taken is there, and take no more."""
        self._left = True
        self._wanted.release()
        self._thread.join()

    def __iter__(self) -> Iterator[T]:
        """The items in their order."""
        while (answer := self._answers.get()) is not None:
            if isinstance(answer, BaseException):
                raise answer
            self._wanted.release()
            yield answer

    def _take(self) -> None:
        answer: T | BaseException | None
        while True:
            self._wanted.acquire()
            if self._left:
                return
            try:
                answer = next(self._source, None)
            except BaseException as error:  # noqa: BLE001 - raised again where the caller stands
                answer = error
            self._answers.put(answer)
            if answer is None or isinstance(answer, BaseException):
                return
