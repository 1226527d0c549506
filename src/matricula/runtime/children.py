"""Starts child processes that cannot outlive us and that can say when they are ready.

Every child gets a process group of its own, so that Ctrl-C in a terminal reaches only the
supervisor, which then stops the children in order.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

READY_VARIABLE = "MATRICULA_READY_FD"
_PR_SET_PDEATHSIG = 1  # from linux/prctl.h
_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


class Child(Protocol):
    """A process that is watched: our own, or one that was running before us."""

    @property
    def pid(self) -> int: ...

    def poll(self) -> int | None:
        """The exit status once it has ended (negative: the signal that ended it), else None."""

    def send_signal(self, sig: int) -> None: ...


@dataclass(frozen=True)
class Account:
    """The system account a child runs under."""

    uid: int
    gid: int


class AnnouncingChild:
    """A child that tells us through a pipe when it is ready (see `announce_ready`)."""

    def __init__(self, process: subprocess.Popen[bytes], pipe: int) -> None:
        self._process = process
        self._pipe: int | None = pipe
        self._announced = False

    @property
    def pid(self) -> int:
        return self._process.pid

    def poll(self) -> int | None:
        status = self._process.poll()
        if status is not None:
            self._close()
        return status

    def send_signal(self, sig: int) -> None:
        self._process.send_signal(sig)

    def has_announced(self) -> bool:
        """Whether the child has called `announce_ready`."""
        if self._pipe is not None:
            try:
                self._announced = os.read(self._pipe, 1) != b""
            except BlockingIOError:
                return False
            self._close()
        return self._announced

    def _close(self) -> None:
        if self._pipe is not None:
            os.close(self._pipe)
            self._pipe = None


def announce_ready() -> None:
    """Tells the supervisor, if there is one, that this process has taken up its work."""
    pipe = os.environ.pop(READY_VARIABLE, None)
    if pipe is not None:
        os.write(int(pipe), b"1")
        os.close(int(pipe))


def spawn(
    argv: Sequence[str],
    *,
    environ: Mapping[str, str],
    death_signal: signal.Signals = signal.SIGTERM,
    account: Account | None = None,
    cwd: Path | None = None,
    stderr: int | None = None,
    pass_fds: Sequence[int] = (),
) -> subprocess.Popen[bytes]:
    """Starts `argv` with our standard output, and our standard error unless another is given.

    On Linux the kernel sends `death_signal` to the child when we die, however we die. The kernel
    watches the starting thread, so call this from a thread that lives as long as the process.
    """
    return subprocess.Popen(
        argv,
        env=dict(environ),
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stderr=stderr,
        process_group=0,
        pass_fds=pass_fds,
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
        # Run after the change of account, which would undo it. Safe: it calls prctl and no lock.
        preexec_fn=_tie_to_parent(death_signal),  # noqa: PLW1509
    )


def _tie_to_parent(death_signal: signal.Signals) -> Callable[[], None] | None:
    libc, parent = _LIBC, os.getpid()
    if libc is None:
        return None

    def before_exec() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
        if os.getppid() != parent:  # it died before the call above could take effect
            os._exit(1)

    return before_exec


def spawn_announcing(
    argv: Sequence[str],
    *,
    environ: Mapping[str, str],
    pass_fds: Sequence[int] = (),
) -> AnnouncingChild:
    """Starts `argv` as `spawn` does, all its output on our standard output, and with a pipe for
    its `announce_ready`.
    """
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    try:
        process = spawn(
            argv,
            environ={**environ, READY_VARIABLE: str(writer)},
            stderr=subprocess.STDOUT,
            pass_fds=(*pass_fds, writer),
        )
    except BaseException:
        os.close(reader)
        raise
    finally:
        os.close(writer)
    return AnnouncingChild(process, reader)


def stop_with_parent() -> None:
    """Has the kernel send us SIGTERM when the process that started us dies (Linux only)."""
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)


def how_it_ended(status: int) -> str:
    """An exit status in words."""
    if status >= 0:
        return f"exit status {status}"
    try:
        return f"killed by {signal.Signals(-status).name}"
    except ValueError:
        return f"killed by signal {-status}"
