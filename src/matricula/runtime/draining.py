"""Lets long answers end when their web process is asked to stop.

A stream that never ends by itself would hold up the stop until its grace time is over. It waits
for `draining` beside its own news and says goodbye; the client reconnects and resumes.
"""

from __future__ import annotations

import asyncio


class Draining:
    """A flag that is raised once, when the process begins to stop."""

    def __init__(self) -> None:
        self._begun = False
        self._waiting: set[asyncio.Event] = set()

    @property
    def begun(self) -> bool:
        """Whether the process is stopping."""
        return self._begun

    def begin(self) -> None:
        """Wakes all who wait. Call it from the event loop's thread."""
        self._begun = True
        for event in self._waiting:
            event.set()

    async def wait(self) -> None:
        """Returns when the process begins to stop, at once if it has begun."""
        if self._begun:
            return
        event = asyncio.Event()
        self._waiting.add(event)
        try:
            await event.wait()
        finally:
            self._waiting.discard(event)


draining = Draining()
