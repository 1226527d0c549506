"""Which background loops have a poison test, and which have nothing that could be poisoned."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

Test = TypeVar("Test", bound=Callable[..., object])

covered: set[str] = set()

# One statement each, over whole tables: no item of theirs can hold up another.
WITHOUT_ITEMS = {
    "matricula.accounts.jobs.forget_refresh_tokens",
    "matricula.flows.jobs.forget_answers",
    "matricula.flows.jobs.forget_deliveries",
    "matricula.flows.jobs.learn_likeness",
    "matricula.flows.jobs.learn_paths",
    "matricula.kernel.jobs.forget_old_request_counts",
    "matricula.support.jobs.forget_old_conversations",
}


def poisons(*loops: str) -> Callable[[Test], Test]:
    """Marks a test that puts an item that always fails into each of these loops."""
    covered.update(loops)

    def same(test: Test) -> Test:
        return test

    return same
