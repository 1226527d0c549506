"""The supervisor: it restarts what dies, stops in order, and gives up in words."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from matricula.runtime.children import Child, spawn
from matricula.runtime.errors import StartError
from matricula.runtime.supervisor import Service, Supervisor

from .conftest import is_gone, wait_until


def sleeper() -> Child:
    return spawn(["sleep", "600"], environ=os.environ)


def ending(status: int) -> Callable[[], Child]:
    return lambda: spawn(["sh", "-c", f"exit {status}"], environ=os.environ)


def writing_its_end(log: Path, name: str) -> Callable[[], Child]:
    """A process that, asked to stop, writes its name to `log`; ready once it would."""
    script = (
        f'trap "echo {name} >> {log}; kill %1; exit 0" TERM; sleep 600 & echo > {log}.{name}; wait'
    )
    return lambda: spawn(["bash", "-c", script], environ=os.environ)


def written(path: Path) -> Callable[[Child], bool]:
    return lambda _: path.exists()


def stop_us() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


class Starts:
    """Counts the starts of a service and keeps its children."""

    def __init__(self, spawn: Callable[[], Child], then: Callable[[int], None] = lambda _: None):
        self.children: list[Child] = []
        self._spawn = spawn
        self._then = then

    def __call__(self) -> Child:
        self.children.append(self._spawn())
        self._then(len(self.children))
        return self.children[-1]


def test_a_killed_child_is_started_again_and_the_others_stay() -> None:
    said: list[str] = []
    killed = Starts(sleeper, then=lambda count: stop_us() if count == 2 else None)
    other = Starts(sleeper)
    services = [
        Service(role="other", name="other", spawn=other),
        Service(role="killed", name="killed", spawn=killed),
    ]
    Supervisor(services, say=said.append).run(
        on_ready=lambda: os.kill(killed.children[0].pid, signal.SIGKILL)
    )
    assert said == ["killed ended (killed by SIGKILL); starting it again in 0 s"]
    assert len(killed.children) == 2
    assert len(other.children) == 1
    assert all(is_gone(child.pid) for child in [*killed.children, *other.children])


def test_they_stop_in_the_opposite_order(tmp_path: Path) -> None:
    log = tmp_path / "log"
    services = [
        Service(
            role=role,
            name=name,
            spawn=writing_its_end(log, name),
            is_ready=written(Path(f"{log}.{name}")),
        )
        for role, name in [("postgres", "postgres"), ("worker", "worker"), ("web", "web")]
    ]
    Supervisor(services, say=print).run(on_ready=stop_us)
    assert log.read_text().split() == ["web", "worker", "postgres"]


def test_what_is_behind_a_gate_starts_when_the_gate_is_ready() -> None:
    asked: list[int] = []
    behind = Starts(sleeper)

    def is_ready(_: Child) -> bool:
        asked.append(len(behind.children))
        return len(asked) == 3

    services = [
        Service(role="gate", name="gate", spawn=sleeper, is_ready=is_ready, gate=True),
        Service(role="behind", name="behind", spawn=behind),
    ]
    Supervisor(services, say=print).run(on_ready=stop_us)
    assert asked == [0, 0, 0]
    assert len(behind.children) == 1


def test_what_is_behind_a_gate_waits_while_the_gate_is_started_again() -> None:
    gate = Starts(sleeper)
    behind = Starts(sleeper, then=lambda count: stop_us() if count == 2 else None)
    asked: list[int] = []

    def is_ready(child: Child) -> bool:
        if child is not gate.children[0]:
            asked.append(len(behind.children))
        return child is gate.children[0] or len(asked) == 3

    def kill_both() -> None:
        os.kill(behind.children[0].pid, signal.SIGKILL)
        os.kill(gate.children[0].pid, signal.SIGKILL)
        wait_until(lambda: is_gone(gate.children[0].pid))

    services = [
        Service(role="gate", name="gate", spawn=gate, is_ready=is_ready, gate=True),
        Service(role="behind", name="behind", spawn=behind),
    ]
    Supervisor(services, say=print).run(on_ready=kill_both)
    assert asked == [1, 1, 1]
    assert len(behind.children) == 2


def test_a_task_runs_once_before_the_rest() -> None:
    task = Starts(ending(0))
    services = [
        Service(role="task", name="task", spawn=task, gate=True, once=True),
        Service(role="rest", name="rest", spawn=sleeper),
    ]
    Supervisor(services, say=print).run(on_ready=stop_us)
    assert len(task.children) == 1


def test_a_task_that_fails_stops_everything() -> None:
    first = Starts(sleeper)
    services = [
        Service(role="first", name="first", spawn=first),
        Service(role="task", name="task", spawn=ending(3), gate=True, once=True),
    ]
    with pytest.raises(StartError, match=r"task failed \(exit status 3\)"):
        Supervisor(services, say=print).run(on_ready=stop_us)
    assert is_gone(first.children[0].pid)


def test_a_service_that_never_gets_ready_stops_everything_and_is_named() -> None:
    first, dying = Starts(sleeper), Starts(ending(7))
    services = [
        Service(role="first", name="first", spawn=first),
        Service(role="dying", name="dying", spawn=dying, is_ready=lambda _: False),
    ]
    with pytest.raises(StartError, match=r"dying ended 5 times .* exit status 7"):
        Supervisor(services, say=print).run(on_ready=stop_us)
    assert len(dying.children) == 5
    assert is_gone(first.children[0].pid)


def test_one_that_is_not_ready_in_time_ends_the_start_and_is_named() -> None:
    slow = Starts(sleeper)
    service = Service(
        role="slow", name="slow", spawn=slow, is_ready=lambda _: False, start_timeout=0.1
    )
    with pytest.raises(StartError, match=r"slow was not ready after 0.1 s"):
        Supervisor([service], say=print).run(on_ready=stop_us)
    assert is_gone(slow.children[0].pid)


def test_one_that_was_ready_once_is_started_again_until_it_is_ready() -> None:
    slow = Starts(sleeper, then=lambda count: stop_us() if count == 3 else None)
    said: list[str] = []
    service = Service(
        role="slow",
        name="slow",
        spawn=slow,
        is_ready=lambda child: child is slow.children[0],
        start_timeout=0.1,
    )
    Supervisor([service], say=said.append).run(
        on_ready=lambda: os.kill(slow.children[0].pid, signal.SIGKILL)
    )
    assert said[1] == "slow was not ready after 0.1 s"
    assert len(slow.children) == 3


def test_one_that_ignores_the_request_to_stop_is_killed(tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    script = f"trap '' TERM; echo > {ready}; sleep 600"
    deaf = Starts(lambda: spawn(["sh", "-c", script], environ=os.environ))
    service = Service(
        role="deaf",
        name="deaf",
        spawn=deaf,
        is_ready=written(ready),
        stop_steps=((signal.SIGTERM, 0.2), (signal.SIGKILL, 5.0)),
    )
    Supervisor([service], say=print).run(on_ready=stop_us)
    assert deaf.children[0].poll() == -signal.SIGKILL


def test_a_second_ctrl_c_hurries() -> None:
    began = time.monotonic()
    deaf = Starts(lambda: spawn(["sh", "-c", "trap '' TERM; exec sleep 600"], environ=os.environ))
    us = os.getpid()
    asking = f"sleep 0.3; kill -INT {us}; sleep 1.3; kill -INT {us}"
    with subprocess.Popen(["sh", "-c", asking]):
        Supervisor([Service(role="deaf", name="deaf", spawn=deaf)], say=print).run(
            on_ready=lambda: None
        )
    assert time.monotonic() - began < 10  # the grace time is 15 s
    assert deaf.children[0].poll() == -signal.SIGKILL


ORPHANS = """
import os
from matricula.runtime.children import spawn
from matricula.runtime.supervisor import Service, Supervisor
pids = []
def start():
    child = spawn(["sleep", "600"], environ=os.environ)
    pids.append(child.pid)
    return child
services = [Service(role=name, name=name, spawn=start) for name in ("one", "two")]
Supervisor(services, say=print).run(on_ready=lambda: print(*pids, flush=True))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's death signal is Linux's")
def test_kill_9_of_the_supervisor_leaves_no_orphans() -> None:
    argv = [sys.executable, "-c", ORPHANS]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as supervisor:
        assert supervisor.stdout is not None
        pids = [int(pid) for pid in supervisor.stdout.readline().split()]
        supervisor.kill()
    assert len(pids) == 2
    wait_until(lambda: all(is_gone(pid) for pid in pids))
