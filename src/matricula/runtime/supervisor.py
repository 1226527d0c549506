"""Keeps a small set of processes running, and stops them in order.

One loop, one thread: it looks at every service, starts what is due, and sleeps until a signal
arrives or a moment has passed. A service that dies is started again by itself; the others go on.
"""

from __future__ import annotations

import itertools
import math
import os
import select
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType

from matricula.runtime.children import Child, how_it_ended
from matricula.runtime.errors import StartError

DEATHS_TO_GIVE_UP = 5
DEATHS_WITHIN = 30.0  # seconds
LONGEST_PAUSE = 5.0  # seconds between two starts of a service that keeps dying
_TICK = 0.1
_HURRIED_GRACE = 1.0

StopSteps = Sequence[tuple[signal.Signals, float]]


@dataclass(frozen=True)
class Service:
    """One process to keep running. Services of one `role` are stopped together.

    `spawn` starts it without waiting; `is_ready` is asked again and again after that. Services
    listed after a `gate` are started only while it is ready. One that runs `once` is ready when
    it has ended with status 0. `stop_steps` are the signals to stop it with, each with the
    seconds it gets. One that is not ready within `start_timeout` seconds ends the start of the
    whole; later, when it had been ready before, it is killed and started again.
    """

    role: str
    name: str
    spawn: Callable[[], Child]
    is_ready: Callable[[Child], bool] = lambda _: True
    gate: bool = False
    once: bool = False
    stop_steps: StopSteps = ((signal.SIGTERM, 15.0), (signal.SIGKILL, 5.0))
    start_timeout: float = math.inf


@dataclass
class _Watch:
    """What the supervisor knows of one service."""

    service: Service
    child: Child | None = None
    ready: bool = False
    was_ready: bool = False
    started_at: float = 0.0
    start_at: float = 0.0
    ask_at: float = 0.0
    deaths: list[float] = field(default_factory=list)


class Supervisor:
    """Runs `services`, in their order, until a signal asks it to stop.

    `say` gets each line meant for the operator, `on_death` the pid of every process that ended.
    """

    def __init__(
        self,
        services: Sequence[Service],
        *,
        say: Callable[[str], None],
        on_death: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._watches = [_Watch(service) for service in services]
        self._say = say
        self._on_death = on_death
        self._wakeups = -1
        self._stop_asked_at: float | None = None
        self._hurry = False

    def run(self, on_ready: Callable[[], None]) -> None:
        """Returns after a clean stop. `on_ready` is called once, when every service is ready.

        Raises StartError, with everything stopped, when a service cannot be got to work.
        """
        announced = False
        with self._signals():
            try:
                while self._stop_asked_at is None:
                    all_ready = self._tick()
                    if all_ready and not announced:
                        on_ready()
                        announced = True
                    self._pause(_TICK)
            finally:
                self._stop_all()

    def _tick(self) -> bool:
        """Advances every service; True when all of them are or have been ready."""
        may_start = True
        for watch in self._watches:
            self._advance(watch, may_start)
            may_start = may_start and (watch.ready or not watch.service.gate)
        return all(watch.was_ready for watch in self._watches)

    def _advance(self, watch: _Watch, may_start: bool) -> None:
        service, now = watch.service, time.monotonic()
        if watch.child is None:
            is_done = service.once and watch.was_ready
            if may_start and now >= watch.start_at and not is_done:
                watch.child, watch.started_at = service.spawn(), now
            return
        status = watch.child.poll()
        if status is not None:
            self._bury(watch, watch.child, status)
        elif not watch.ready:
            self._await_ready(watch, watch.child, now)

    def _await_ready(self, watch: _Watch, child: Child, now: float) -> None:
        service, age = watch.service, now - watch.started_at
        if now >= watch.ask_at and not service.once:
            watch.ready = service.is_ready(child)
            watch.was_ready |= watch.ready
            watch.ask_at = now + min(LONGEST_PAUSE, age / 10)  # asking costs the child something
        if watch.ready or age <= service.start_timeout:
            return
        late = f"{service.name} was not ready after {service.start_timeout:g} s"
        if not watch.was_ready:
            raise StartError(f"{late}: see its messages above")
        self._say(late)
        child.send_signal(signal.SIGKILL)

    def _bury(self, watch: _Watch, child: Child, status: int) -> None:
        """Takes note of an end, and decides when to start again.

        Raises StartError for a task that failed and for a service that never got ready.
        """
        service, now = watch.service, time.monotonic()
        self._on_death(child.pid)
        watch.child, watch.ready = None, False
        how = how_it_ended(status)
        if service.once and status == 0:
            watch.ready = watch.was_ready = True
            return
        if service.once:
            raise StartError(f"{service.name} failed ({how}): see its message above")
        recent = [moment for moment in watch.deaths if now - moment < DEATHS_WITHIN]
        watch.deaths = [*recent, now]
        if len(watch.deaths) >= DEATHS_TO_GIVE_UP and not watch.was_ready:
            raise StartError(
                f"{service.name} ended {len(watch.deaths)} times within {DEATHS_WITHIN:g} s "
                f"without getting ready (last: {how}): see its messages above"
            )
        pause = 0.0 if not recent else min(LONGEST_PAUSE, 0.1 * 2.0 ** len(recent))
        watch.start_at = now + pause
        self._say(f"{service.name} ended ({how}); starting it again in {pause:g} s")

    def _stop_all(self) -> None:
        roles = itertools.groupby(reversed(self._watches), key=lambda watch: watch.service.role)
        for _, watches in roles:
            children = [(watch, watch.child) for watch in watches if watch.child is not None]
            self._stop_together(children)

    def _stop_together(self, children: Sequence[tuple[_Watch, Child]]) -> None:
        """Stops one role's processes side by side, each signal in turn until all are gone."""
        if not children:
            return
        steps = children[0][0].service.stop_steps
        for step, grace in steps:
            living = [child for _, child in children if child.poll() is None]
            for child in living:
                child.send_signal(step)
            if self._await_ends(living, grace):
                break
        for watch, child in children:
            self._on_death(child.pid)
            watch.child = None

    def _await_ends(self, children: Sequence[Child], grace: float) -> bool:
        """Whether all `children` ended within `grace` seconds, or fewer once we are hurried."""
        began = time.monotonic()
        while any(child.poll() is None for child in children):
            limit = min(grace, _HURRIED_GRACE) if self._hurry else grace
            if time.monotonic() - began > limit:
                return False
            self._pause(_TICK)
        return True

    def _pause(self, seconds: float) -> None:
        """Sleeps until a signal (a child's end is one) or `seconds` have passed."""
        if select.select([self._wakeups], [], [], seconds)[0]:
            os.read(self._wakeups, 512)

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        now = time.monotonic()
        if number == signal.SIGCHLD:
            return
        if self._stop_asked_at is None:
            self._stop_asked_at = now
        # Only a second Ctrl-C: `make` and `timeout` may deliver the same SIGTERM twice.
        elif number == signal.SIGINT and now - self._stop_asked_at > _HURRIED_GRACE:
            self._hurry = True

    @contextmanager
    def _signals(self) -> Iterator[None]:
        numbers = [signal.SIGINT, signal.SIGTERM, signal.SIGCHLD]
        if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # as under nohup
            numbers.append(signal.SIGHUP)
        before = {number: signal.signal(number, self._on_signal) for number in numbers}
        self._wakeups, writer = os.pipe()
        os.set_blocking(writer, False)
        os.set_blocking(self._wakeups, False)
        earlier = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        try:
            yield
        finally:
            signal.set_wakeup_fd(earlier)
            for number, handler in before.items():
                signal.signal(number, handler)
            os.close(self._wakeups)
            os.close(writer)
