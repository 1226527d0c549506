"""Time that can be moved on and made to run faster."""

from __future__ import annotations

import asyncio
import time


class Clock:
    """Sandbox time in seconds since 1970. At `rate` 3600 an hour passes each second."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """The present moment, at its usual pace."""
        self.rate = 1.0
        self._real = time.time()
        self._shown = self._real

    def now(self) -> float:
        return self._shown + (time.time() - self._real) * self.rate

    def set_rate(self, rate: float) -> None:
        self._shown, self._real, self.rate = self.now(), time.time(), rate

    def advance(self, seconds: float) -> None:
        self._shown += seconds

    async def sleep(self, seconds: float) -> None:
        """Waits until that much sandbox time has passed, also when it is moved on meanwhile."""
        until = self.now() + seconds
        while (left := until - self.now()) > 0:  # noqa: ASYNC110 - time is moved on by others
            await asyncio.sleep(min(max(left / self.rate, 0.001), 0.25))
