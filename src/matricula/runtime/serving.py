"""Which processes make up an installation on one machine, and in what order they start.

    sandbox    in demo mode: the gateway that takes no real money, on the next port
    postgres   unless DATABASE_URL names another server
    set-up     migrations and, in demo mode, the demo data; ends by itself
    worker     jobs, timers, the dispatcher
    web-1 …    as many as WEB_WORKERS says

They stop in the opposite order: nobody loses the database while still answering.

The last three are copies of the supervisor, which imports the programs once for all of them, while
the database and the sandbox start.
"""

from __future__ import annotations

import math
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from matricula.config.environment import Environment
from matricula.runtime import listening
from matricula.runtime.children import COPIES, Child, Program, spawn, start
from matricula.runtime.embedded import STOP_STEPS, EmbeddedPostgres
from matricula.runtime.supervisor import Service, Supervisor

_SET_UP_SECONDS = 3600.0  # a migration of a large database may take its time
_START_SECONDS = 120.0  # it takes two or three, but many more on a busy machine

Say = Callable[[str], None]


@dataclass(frozen=True)
class Programs:
    """What the processes do. `load` imports what they need; the others return when they are done or
    were asked to stop. All must be functions of a module, to be found from another process.
    """

    load: Callable[[], None]
    set_up: Callable[[], None]
    worker: Callable[[], None]
    web: Callable[[socket.socket, Sequence[socket.socket], Environment], None]


def serve(
    environment: Environment, programs: Programs, say: Say, on_ready: Callable[[], None]
) -> None:
    """Runs everything until a signal asks to stop; calls `on_ready` when all of it answers.

    Raises SettingError or StartError, with everything stopped, when that cannot be.
    """
    with _reserved(environment) as listeners:
        services = [
            *_sandbox(environment),
            *_postgres(environment, programs),
            _set_up(programs, listeners),
            _worker(programs, environment, listeners),
            *_web(programs, environment, listeners),
        ]
        _supervise(services, environment, say, on_ready)


def serve_web(
    environment: Environment, programs: Programs, say: Say, on_ready: Callable[[], None]
) -> None:
    """Runs web processes only; raises as `serve` does."""
    with _reserved(environment) as listeners:
        services = [*_postgres(environment, programs), *_web(programs, environment, listeners)]
        _supervise(services, environment, say, on_ready)


def _reserved(environment: Environment) -> AbstractContextManager[list[socket.socket]]:
    return listening.reserved(environment.bind, environment.port, environment.web_workers)


def database_dir(environment: Environment) -> Path:
    """Where the embedded database lives."""
    return environment.home / "postgres"


def _supervise(
    services: Iterable[Service], environment: Environment, say: Say, on_ready: Callable[[], None]
) -> None:
    metrics = environment.home / "metrics"
    metrics.mkdir(parents=True, exist_ok=True)
    for left_over in metrics.glob("*.db"):
        left_over.unlink(missing_ok=True)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(metrics)

    def forget_gauges(pid: int) -> None:
        """A dead process holds no connections: its gauges of living things go with it."""
        for gauge in metrics.glob(f"gauge_live*_{pid}.db"):
            with suppress(OSError):
                gauge.unlink()

    Supervisor(list(services), say=say, on_death=forget_gauges).run(on_ready)


def _postgres(environment: Environment, programs: Programs) -> list[Service]:
    if environment.database_url:
        return []
    server = EmbeddedPostgres(database_dir(environment))
    server.prepare()
    os.environ["DATABASE_URL"] = server.url  # for the children

    def start_it() -> Child:
        child = server.spawn()
        _load(programs)  # while it starts
        return child

    return [
        Service(
            role="postgres",
            name="postgres",
            spawn=start_it,
            is_ready=lambda _: server.is_ready(),
            gate=True,
            stop_steps=STOP_STEPS,
            start_timeout=math.inf,  # recovery after a crash takes as long as it takes
        )
    ]


def _sandbox(environment: Environment) -> list[Service]:
    account = environment.razorpay
    if account is None or not account.is_sandbox:
        return []
    host, port = "127.0.0.1", environment.port + 1
    # Asked now, so that a port in use is told in words; the sandbox opens it for itself.
    listening.check_port(host, port)
    environ = {
        **os.environ,
        "SANDBOX_KEY_ID": account.key_id,
        "SANDBOX_KEY_SECRET": account.key_secret,
        "SANDBOX_WEBHOOK_SECRET": ",".join(account.webhook_secrets),
        "SANDBOX_WEBHOOK_URL": f"http://{host}:{environment.port}/webhooks/razorpay",
        "SANDBOX_STATE": str(environment.home / "sandbox.json"),
        "SANDBOX_HOST": host,
        "SANDBOX_PORT": str(port),
    }
    return [
        Service(
            role="sandbox",
            name="sandbox",
            spawn=lambda: spawn([sys.executable, "-m", "razorpay_sandbox"], environ=environ),
            is_ready=lambda _: listening.answers(host, port, host, "/_sandbox/health"),
            start_timeout=_START_SECONDS,
        )
    ]


def _set_up(programs: Programs, listeners: Sequence[socket.socket]) -> Service:
    return Service(
        role="set-up",
        name="set-up",
        spawn=partial(_start, programs, programs.set_up, "set-up", without=listeners),
        gate=True,
        once=True,
        start_timeout=_SET_UP_SECONDS,
    )


def _worker(
    programs: Programs, environment: Environment, listeners: Sequence[socket.socket]
) -> Service:
    # When we are killed, a database of ours goes too. What runs could not be finished, and would be
    # tried for half a minute; another worker takes it up, as after any death.
    death_signal = signal.SIGTERM if environment.database_url else signal.SIGKILL
    return Service(
        role="worker",
        name="worker",
        spawn=partial(
            _start,
            programs,
            programs.worker,
            "worker",
            without=listeners,
            death_signal=death_signal,
        ),
        is_ready=_has_announced,
        # Longer than the worker gives its jobs to finish.
        stop_steps=((signal.SIGTERM, 25.0), (signal.SIGKILL, 5.0)),
        start_timeout=_START_SECONDS,
    )


def _web(
    programs: Programs, environment: Environment, listeners: Sequence[socket.socket]
) -> list[Service]:
    host = next((name for name in environment.allowed_hosts if name[0] not in ".*"), "localhost")

    def start_one(name: str, own: socket.socket) -> Child:
        listening.listen(listeners)
        others = [listener for listener in listeners if listener is not own]
        return _start(programs, partial(programs.web, own, others, environment), name)

    def is_ready(child: Child) -> bool:
        return _has_announced(child) and listening.answers(environment.bind, environment.port, host)

    return [
        Service(
            role="web",
            name=f"web-{number}",
            spawn=partial(start_one, f"web-{number}", listeners[number % len(listeners)]),
            is_ready=is_ready,
            start_timeout=_START_SECONDS,
        )
        for number in range(1, environment.web_workers + 1)
    ]


def _start(
    programs: Programs,
    work: Callable[[], None],
    name: str,
    *,
    without: Sequence[socket.socket] = (),
    death_signal: signal.Signals = signal.SIGTERM,
) -> Child:
    _load(programs)
    return start(work, name, without=without, death_signal=death_signal)


def _load(programs: Programs) -> None:
    """What is loaded here is there in each copy; where they are none, each loads for itself."""
    if COPIES:
        programs.load()


def _has_announced(child: Child) -> bool:
    return isinstance(child, Program) and child.has_announced()
