"""Processes of ours: what they share with the one that starts them, and what they do not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from matricula.runtime.children import announce_ready

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere they are no copies")

# Each test is a program of its own: whoever starts processes must have one thread only, and pytest
# with its helpers does not promise that.
_PROLOGUE = """
import contextlib, os, signal, socket, sys, time
from pathlib import Path
from matricula.runtime.children import announce_ready, start
from matricula.runtime.errors import StartError

def ended(program):
    while program.poll() is None:
        time.sleep(0.01)
    return program.poll()
"""


def outcome(program: str) -> str:
    """What the program printed; it must end well."""
    done = subprocess.run(
        [sys.executable, "-c", _PROLOGUE + program],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_announce_ready_where_nobody_waits_for_it_does_nothing() -> None:
    announce_ready()


def test_it_ends_with_how_its_work_ended() -> None:
    printed = outcome("""
def fail():
    raise ValueError("a defect")
def refuse():
    raise StartError("in words")
print([ended(start(work, "one")) for work in (lambda: None, fail, refuse)])
""")
    assert printed.splitlines()[-1] == "[0, 1, 1]"
    assert "ValueError: a defect" in printed  # their standard error goes the same way
    assert printed.splitlines()[-2] == "in words"


def test_it_is_ready_when_it_says_so() -> None:
    printed = outcome("""
gate, opened = os.pipe()
def work():
    os.read(gate, 1)
    announce_ready()
program = start(work, "one")
print(program.has_announced())
os.write(opened, b"1")
while not program.has_announced():
    time.sleep(0.01)
print(ended(program), program.has_announced())
dead = start(lambda: os._exit(3), "two")
time.sleep(0.5)
print(dead.has_announced(), dead.has_announced(), ended(dead))
""")
    assert printed.splitlines() == ["False", "0 True", "False False 3"]


def test_it_has_a_name_and_a_process_group() -> None:
    printed = outcome("""
def work():
    line = Path("/proc/self/cmdline").read_bytes().rstrip(b"\\0").decode()
    print(line, os.getpgid(0) == os.getpid(), flush=True)
ended(start(work, "web-1"))
""")
    assert printed == "matricula: web-1 True\n"


def test_what_is_imported_is_there_and_what_is_random_differs() -> None:
    printed = outcome("""
import random, secrets, uuid_utils
from matricula.kernel import ids
print(ids.new_id(), random.random(), secrets.token_hex(8))
def work():
    print(ids.new_id(), random.random(), secrets.token_hex(8), flush=True)
for number in range(20):
    ended(start(work, "one"))
""")
    drawn = [line.split() for line in printed.splitlines()]
    assert len(drawn) == 21
    for kind in zip(*drawn, strict=True):
        assert len(set(kind)) == 21
    assert (
        len({unique.rsplit("-", 1)[1] for unique, _, _ in drawn}) == 21
    )  # not for its clock alone


@pytest.mark.parametrize("without", [True, False])
def test_it_keeps_no_socket_that_is_not_for_it(without: bool) -> None:
    printed = outcome(f"""
listener = socket.create_server(("127.0.0.1", 0))
def work():
    announce_ready()
    time.sleep(600)
program = start(work, "worker", without=[listener] if {without} else [])
while not program.has_announced():
    time.sleep(0.01)
port = listener.getsockname()[1]
listener.close()
try:
    socket.create_connection(("127.0.0.1", port), timeout=5)
    print("open")
except ConnectionRefusedError:
    print("closed")
program.send_signal(signal.SIGKILL)
ended(program)
""")
    assert printed == ("closed\n" if without else "open\n")


def test_a_signal_in_its_first_moment_reaches_it() -> None:
    printed = outcome("""
ours = []
signal.signal(signal.SIGTERM, lambda *_: ours.append(os.getpid()))
def work():
    time.sleep(600)
programs = []
for number in range(50):
    programs.append(start(work, "one"))
    programs[-1].send_signal(signal.SIGTERM)
print({ended(program) for program in programs}, ours)
""")
    assert printed == f"{{{-15}}} []\n"


def test_kill_9_of_who_started_it_takes_it_along() -> None:
    printed = outcome("""
reader, writer = os.pipe()
def work():
    announce_ready()
    time.sleep(600)
supervisor = os.fork()
if not supervisor:
    program = start(work, "one")
    while not program.has_announced():
        time.sleep(0.01)
    os.kill(os.getpid(), signal.SIGKILL)
os.close(writer)
os.waitpid(supervisor, 0)
print(os.read(reader, 1))  # it ends when nobody holds the other end any more
""")
    assert printed == "b''\n"


_SPAWNING = """
import multiprocessing
from functools import partial
from matricula.runtime import children
children._CONTEXT, children.COPIES = multiprocessing.get_context("spawn"), False

def work(listener, others):
    print(listener.getsockname(), [other.getsockname() for other in others], flush=True)
    announce_ready()

if __name__ == "__main__":  # such a process reads this file too
    listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
    print(listeners[0].getsockname(), [listeners[1].getsockname()], flush=True)
    program = start(partial(work, listeners[0], listeners[1:]), "one", without=listeners)
    while not program.has_announced():
        time.sleep(0.01)
    print(ended(program))
"""


def test_where_it_is_no_copy_it_does_the_same(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(_PROLOGUE + _SPAWNING)
    ours, theirs, status = subprocess.check_output(
        [sys.executable, str(program)], text=True, timeout=60
    ).splitlines()
    assert ours == theirs
    assert status == "0"
