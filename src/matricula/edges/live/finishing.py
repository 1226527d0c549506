"""What the desk leaves unfinished is gone through with here: a checkout above all, which writes an
order and speaks to a gateway. It has threads of its own, so that a gateway that takes its time
keeps no page waiting.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from django.http import HttpResponse

from matricula.edges.api import initializing
from matricula.edges.live.threads import in_django
from matricula.flows.applications import Outcome, Request, Unfinished
from matricula.flows.desk import LONGEST_WAIT
from matricula.flows.enroll import enroll_many
from matricula.kernel.errors import Guidance, Overloaded

# Fewer than there are connections to the database, so that pages find one also while each of these
# waits for a lock.
THREADS = 4
# For each of them, people who wait: with a gateway that answers as usual, some seconds.
MOST_WAITING = 40 * THREADS
RETRY_AFTER = 5  # seconds
FRESH = 1.0  # seconds that what the desk decided is acted on; after that it decides anew


class Finishing:
    """Finishes what it is given, first come, first served. Nothing was done yet for those who wait:
    whoever would be one more than can be served, or has waited too long, is told to come again.
    """

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(THREADS, "finishing")
        self._waiting = 0

    async def finish(self, request: Request, outcome: Unfinished) -> HttpResponse:
        """The answer. Raises Overloaded."""
        if self._waiting >= MOST_WAITING:
            raise Overloaded(guidance=Guidance(retry_after=RETRY_AFTER))
        self._waiting += 1
        try:
            work = partial(_finish, request, outcome, time.monotonic())
            return await in_django(work, self._threads)
        finally:
            self._waiting -= 1

    def close(self) -> None:
        """Returns when what runs is finished; what waits is not begun any more."""
        self._threads.shutdown(cancel_futures=True)


def _finish(request: Request, outcome: Outcome, decided_at: float) -> HttpResponse:
    waited = time.monotonic() - decided_at
    if waited > LONGEST_WAIT:
        raise Overloaded(guidance=Guidance(retry_after=RETRY_AFTER))
    if waited > FRESH:
        # Meanwhile it may be paid, over, or at another price.
        (outcome,) = enroll_many([request])
    return initializing.finish(request, outcome)
