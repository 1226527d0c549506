"""What the desk leaves unfinished is gone through with here: a checkout above all, which writes an
order and speaks to a gateway. It has threads of its own, so that a gateway that takes its time
keeps no page waiting.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial

from django.http import HttpResponse

from matricula.edges.api import initializing
from matricula.edges.live.threads import in_django
from matricula.flows.applications import Request, Unfinished
from matricula.kernel.errors import Guidance, Overloaded

THREADS = 8
# For each of them, people who wait: with a gateway that answers as usual, some seconds. Nothing was
# done for them yet, so whoever would be one more is told at once to come again.
MOST_WAITING = 20 * THREADS
RETRY_AFTER = 5  # seconds


class Finishing:
    """Finishes what it is given, first come, first served, until it is closed; then what waits is
    still finished."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(THREADS, "finishing")
        self._waiting = 0

    async def finish(self, request: Request, outcome: Unfinished) -> HttpResponse:
        """The answer. Raises Overloaded when too many wait."""
        if self._waiting >= MOST_WAITING:
            raise Overloaded(guidance=Guidance(retry_after=RETRY_AFTER))
        self._waiting += 1
        try:
            return await in_django(partial(initializing.finish, request, outcome), self._threads)
        finally:
            self._waiting -= 1

    def close(self) -> None:
        self._threads.shutdown()
