"""What several threads want at the same moment, done together, where it costs little more for many
than for one. Alone, a thread does its own at once. While a batch is done, the next one gathers: the
thread that then comes first does it for all who wait.
"""

from __future__ import annotations

import copy
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")


class Together(Generic[T, R]):
    """`work` is given up to `most` items, in order of arrival, and returns a result for each, in
    order; one that is an exception is raised for its item alone. Where it raises, it is given each
    item alone, so it must bear being repeated: an item that cannot be done fails nobody else.
    """

    def __init__(self, work: Callable[[Sequence[T]], Sequence[R | Exception]], most: int) -> None:
        self._work = work
        self._most = most
        self._waiting: deque[tuple[T, Future[R]]] = deque()
        self._turn = threading.Lock()

    def do(self, item: T) -> R:
        """The item's result, once it is there. Raises its exception."""
        future: Future[R] = Future()
        self._waiting.append((item, future))
        while not future.done():
            with self._turn:
                if not future.done():
                    self._do_next()
        return future.result()

    def _do_next(self) -> None:
        self._do_batch(
            [self._waiting.popleft() for _ in range(min(self._most, len(self._waiting)))]
        )

    def _do_batch(self, batch: Sequence[tuple[T, Future[R]]]) -> None:
        try:
            results = self._work([item for item, _ in batch])
            if len(results) != len(batch):
                raise RuntimeError("one result for each item")
        except BaseException as error:
            if isinstance(error, Exception) and len(batch) > 1:
                for one in batch:
                    self._do_batch([one])
                return
            for _, future in batch:
                future.set_exception(_another(error))
            if not isinstance(error, Exception):
                raise
            return
        for (_, future), result in zip(batch, results, strict=True):
            if isinstance(result, Exception):
                future.set_exception(result)
            else:
                future.set_result(result)


def _another(error: BaseException) -> BaseException:
    """One like it, caused by it: raised in several threads, one would gather the frames of all."""
    another = copy.copy(error)
    another.__cause__ = error
    return another
