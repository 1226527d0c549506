"""What is to happen later by itself: webhooks on their way, refunds at the bank, steps of payments.
It is kept with everything else, so that a sandbox that is killed goes on when it starts again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from razorpay_sandbox.clock import Clock
from razorpay_sandbox.store import Entity, Store

# Does one thing, given its `args`, which it may change; after how many (sandbox) seconds again, or
# None when that was all.
Doer = Callable[[dict[str, Any]], Awaitable[float | None]]


class Agenda:
    """Entries {id, do, due, args}, each waited for by a task."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self.store = store
        self.clock = clock
        self._doers: dict[str, Doer] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def teach(self, what: str, doer: Doer) -> None:
        self._doers[what] = doer

    def add(self, what: str, seconds: float, **args: Any) -> None:
        """After so many seconds of sandbox time."""
        key = self.store.new_id("do")
        entry = {"id": key, "do": what, "due": self.clock.now() + seconds, "args": args}
        self.store.agenda[key] = entry
        self.store.touch("agenda", key)
        self._start(entry)

    def resume(self) -> None:
        """Goes on with what an earlier run left."""
        for entry in list(self.store.agenda.values()):
            self._start(entry)

    async def settle(self, longest: float) -> None:
        """Waits for what is being done at this moment."""
        now = self.clock.now()
        due = {key for key, entry in self.store.agenda.items() if entry["due"] <= now}
        waiting = [task for task in self._tasks if task.get_name() in due and not task.done()]
        if waiting:
            await asyncio.wait(waiting, timeout=longest)

    def stop(self) -> None:
        for task in self._tasks:
            task.cancel()

    def _start(self, entry: Entity) -> None:
        task = asyncio.get_running_loop().create_task(self._run(entry), name=entry["id"])
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, entry: Entity) -> None:
        key = entry["id"]
        while True:
            await self.clock.sleep(entry["due"] - self.clock.now())
            if key not in self.store.agenda:
                return  # the sandbox was reset meanwhile
            again = await self._doers[entry["do"]](entry["args"])
            if again is None:
                break
            entry["due"] = self.clock.now() + again
            self.store.touch("agenda", key)
            self.store.save()
        self.store.agenda.pop(key, None)
        self.store.touch("agenda", key)
        self.store.save()
