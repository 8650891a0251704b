"""Processes of the command `v2g` without their start: forked from one that has loaded it already.

Each is a real process with descriptors, signals and an end of its own. Only the interpreter's start and the imports are
left out; tests/cli/test_signals.py and others start `python -m v2g` itself.
"""

import gc
import json
import os
import random
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from ctypes import CDLL, get_errno
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, TextIO

from v2g.bench.offspring import end_with_parent
from v2g.bench.sim.netns import NAMESPACES

ROOT = Path(__file__).parents[1]
COMMAND = (sys.executable, "-m", "v2g")
LOADED = (
    "yaml", "OpenSSL.SSL", "v2g.bench.sim.vehicle", "v2g.cli.config", "v2g.cli.daemon", "v2g.cli.ev",
    "v2g.cli.restart", "v2g.cli.sim", "v2g.io.configuration", "v2g.io.control", "v2g.messages", "v2g.run.car",
    "v2g.run.station", "v2g.station.command", "v2g.tls.context",
)  # fmt: skip
"""What the processes need, found with `python -X importtime -m v2g ...`."""
_LARGEST = 1 << 16
_LIBC = CDLL(None, use_errno=True)
_IN_NAMESPACE = ("ip", "netns", "exec")
_NEW_MOUNTS, _SLAVE, _RECURSIVE, _DETACH = 0x00020000, 1 << 19, 1 << 14, 2
"""CLONE_NEWNS, MS_SLAVE, MS_REC, MNT_DETACH."""


def is_forkable(command: Sequence[str]) -> bool:
    """Whether it is `COMMAND`, here or in a network namespace."""
    return tuple(_split(command)[1][:3]) == COMMAND


def _split(command: Sequence[str]) -> tuple[str | None, Sequence[str]]:
    """The namespace, and what runs there."""
    return (command[3], command[4:]) if tuple(command[:3]) == _IN_NAMESPACE else (None, command)


class Forked:
    """What `subprocess.Popen` would offer, for a command that is forkable; text only."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        stderr: int | None = None,
        environment: Mapping[str, str] | None = None,
        directory: Path | None = None,
    ) -> None:
        """`stderr`: `subprocess.STDOUT`, or None for this process's own. It leads a session of its own, and reads
        nothing."""
        namespace, here = _split(command)
        order = {
            "namespace": namespace,
            "words": here[3:],
            "environment": dict(environment or {}),
            "directory": str(directory or Path.cwd()),
        }
        out, written = os.pipe()
        self._end, ended = os.pipe()
        channel = _server()
        errors = written if stderr == subprocess.STDOUT else 2
        socket.send_fds(channel, [json.dumps(order).encode()], [written, errors, ended])
        os.close(written)
        os.close(ended)
        self.pid = int(channel.recv(_LARGEST))
        self.stdout: TextIO = os.fdopen(out, encoding="utf-8", errors="replace")
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        if self.returncode is None and select.select([self._end], [], [], 0)[0]:
            self.returncode = int(os.read(self._end, _LARGEST) or -signal.SIGKILL)
            os.close(self._end)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """The exit code. Raises `subprocess.TimeoutExpired`."""
        if self.returncode is None:
            select.select([self._end], [], [], timeout)
        code = self.poll()
        if code is None:
            assert timeout is not None
            raise subprocess.TimeoutExpired("v2g", timeout)
        return code

    def send_signal(self, number: int) -> None:
        """Nothing happens to one that has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


@cache
def _server() -> socket.socket:
    """The channel to the process that forks. It ends with this one."""
    own, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    paths = os.pathsep.join([str(ROOT), str(ROOT / "src")])
    subprocess.Popen(
        [sys.executable, "-m", "tests.forked", str(other.fileno())],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": paths}, pass_fds=[other.fileno()], stdin=subprocess.DEVNULL,
    )  # fmt: skip
    other.close()
    return own


def serve(channel: socket.socket) -> None:
    """Forks on demand and reports how each child ended, until nobody asks any more. Returns in the children only."""
    for name in LOADED:
        import_module(name)
    gc.collect()
    gc.freeze()
    running: dict[int, tuple[int, int]] = {}  # descriptor of a child -> its id, and where its exit code goes
    while True:
        ready = set(select.select([channel.fileno(), *running], [], [])[0])
        for each in running.keys() & ready:
            pid, ended = running.pop(each)
            code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            with suppress(BrokenPipeError):  # nobody waits for it any more
                os.write(ended, str(code).encode())
            os.close(each)
            os.close(ended)
        if channel.fileno() not in ready:
            continue
        order, descriptors, _, _ = socket.recv_fds(channel, _LARGEST, 3)
        if not order:
            os._exit(0)
        if (pid := os.fork()) == 0:
            channel.detach()
            _become(json.loads(order), descriptors[0], descriptors[1])
            return
        channel.send(str(pid).encode())
        running[os.pidfd_open(pid)] = (pid, descriptors[2])
        os.close(descriptors[0])
        os.close(descriptors[1])


def _become(order: dict[str, Any], out: int, err: int) -> None:
    end_with_parent()
    os.setsid()
    os.dup2(out, 1)
    os.dup2(err, 2)
    if order["namespace"] is not None:
        _enter(NAMESPACES / order["namespace"])
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    os.chdir(order["directory"])
    os.environ.update(order["environment"])
    random.seed()
    sys.argv = ["v2g", *order["words"]]
    sys.stdout = os.fdopen(1, "w", buffering=1, closefd=False)
    sys.stderr = os.fdopen(2, "w", buffering=1, closefd=False)


def _enter(namespace: Path) -> None:
    """As `ip netns exec`: with the /sys of the namespace."""
    with namespace.open() as file:
        _check(_LIBC.setns(file.fileno(), 0))
    _check(_LIBC.unshare(_NEW_MOUNTS))
    _check(_LIBC.mount(b"", b"/", b"none", _SLAVE | _RECURSIVE, None))
    _LIBC.umount2(b"/sys", _DETACH)
    _check(_LIBC.mount(namespace.name.encode(), b"/sys", b"sysfs", 0, None))


def _check(result: int) -> None:
    if result != 0:
        number = get_errno()
        raise OSError(number, os.strerror(number))


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
    from v2g.cli import main

    sys.exit(main())
