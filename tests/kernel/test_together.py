"""`Together`: each gets the result of its own item, in as few batches as there were turns."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from matricula.kernel.together import Together
from tests.support.crowds import wait_until

MANY = 24


class Work:
    """Doubles numbers; holds the first batch until it is let go on."""

    def __init__(self) -> None:
        self.batches: list[Sequence[int]] = []
        self.go_on = threading.Event()

    def __call__(self, items: Sequence[int]) -> list[int | Exception]:
        self.batches.append(items)
        if len(self.batches) == 1:
            self.go_on.wait()
        if -2 in items:
            raise KeyError(-2)
        return [ValueError(item) if item == -1 else item * 2 for item in items]


def at_once(work: Work, items: Sequence[int], most: int) -> list[int | BaseException]:
    """The results of one that goes ahead, and of those who come while it is done."""
    together = Together(work, most)
    with ThreadPoolExecutor(len(items)) as pool:
        first = pool.submit(together.do, items[0])
        wait_until(lambda: len(work.batches) == 1)
        others = [pool.submit(together.do, item) for item in items[1:]]
        wait_until(lambda: len(together._waiting) == len(others))
        work.go_on.set()
        return [one.exception() or one.result() for one in (first, *others)]


def test_those_who_wait_are_done_together_and_each_gets_its_own() -> None:
    work = Work()
    assert at_once(work, range(MANY), most=100) == [2 * item for item in range(MANY)]
    assert len(work.batches) == 2
    assert sorted(work.batches[1]) == list(range(1, MANY))


def test_a_batch_has_its_limit() -> None:
    work = Work()
    assert at_once(work, range(MANY), most=10) == [2 * item for item in range(MANY)]
    assert [len(batch) for batch in work.batches] == [1, 10, 10, 3]


def test_what_goes_wrong_with_one_is_raised_for_that_one() -> None:
    results = at_once(Work(), [1, 2, -1, 3], most=100)
    assert results[:2] == [2, 4]
    assert isinstance(results[2], ValueError)
    assert results[3] == 6


def test_an_item_that_the_work_cannot_do_fails_alone() -> None:
    work = Work()
    results = at_once(work, [1, 2, -2, 3], most=100)
    assert [one for one in results if not isinstance(one, KeyError)] == [2, 4, 6]
    assert isinstance(results[2], KeyError)
    assert sorted(map(len, work.batches)) == [1, 1, 1, 1, 3]


def test_nobody_is_left_waiting_by_what_ends_a_thread() -> None:
    def work(items: Sequence[int]) -> list[int | Exception]:
        raise SystemExit

    def too_few(items: Sequence[int]) -> list[int | Exception]:
        return []

    with pytest.raises(SystemExit):
        Together(work, most=5).do(1)
    with pytest.raises(RuntimeError, match="one result"):
        Together(too_few, most=5).do(1)


def test_alone_one_does_its_own_at_once() -> None:
    work = Work()
    work.go_on.set()
    together = Together(work, most=5)
    assert [together.do(item) for item in (1, 2)] == [2, 4]
    with pytest.raises(ValueError, match="-1"):
        together.do(-1)
    assert work.batches == [[1], [2], [-1]]
