"""A child process whose output is read line by line while it runs."""

import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from tests.forked import Forked, is_forkable

PRIORITY = -10
"""The sides of a session owe each other answers within fractions of a second, whatever else a machine under test does.
Only root may ask for it."""


class Process:
    """Runs a command in a process group of its own; leaving the `with` block ends the whole group."""

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str] | None = None,
        directory: Path | None = None,
        *,
        afresh: bool = False,
    ) -> None:
        """`afresh`: a command of this package too has an interpreter of its own, and is not forked."""
        self.lines: list[str] = []
        self._news = threading.Condition()
        self._ended = False
        self.started_s = time.monotonic()
        self.child: subprocess.Popen[str] | Forked
        if is_forkable(command) and not afresh and "PYTHONPATH" not in (environment or {}):
            self.child = Forked(command, stderr=subprocess.STDOUT, environment=environment, directory=directory)
        else:
            self.child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                env={**os.environ, **(environment or {}), "PYTHONUNBUFFERED": "1"},
                cwd=directory,
                start_new_session=True,
            )
        with suppress(PermissionError, ProcessLookupError):
            os.setpriority(os.PRIO_PROCESS, self.child.pid, PRIORITY)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.child.stdout is not None
        for line in self.child.stdout:
            with self._news:
                self.lines.append(line.rstrip("\n"))
                self._news.notify_all()
        with self._news:
            self._ended = True
            self._news.notify_all()

    def wait_for(self, pattern: str, timeout: float) -> str | None:
        """The first line of the output, past or future, in which `pattern` is found; see `first`."""
        return self.first(lambda line: re.search(pattern, line) is not None, timeout)

    def first(self, fits: Callable[[str], bool], timeout: float) -> str | None:
        """The first line of the output, past or future, that `fits`.

        Returns None when `timeout` (s) has passed or the process has ended without such a line.
        """
        deadline = time.monotonic() + timeout
        seen = 0
        with self._news:
            while True:
                for line in self.lines[seen:]:
                    if fits(line):
                        return line
                seen = len(self.lines)
                remaining = deadline - time.monotonic()
                if self._ended or remaining <= 0:
                    return None
                self._news.wait(remaining)

    @property
    def output(self) -> str:
        with self._news:
            return "\n".join(self.lines)

    def wait(self, timeout: float) -> int | None:
        """The exit code, or None when the process still runs after `timeout` (s)."""
        try:
            code = self.child.wait(timeout)
        except subprocess.TimeoutExpired:
            return None
        self._reader.join(timeout)
        return code

    def signal(self, number: signal.Signals) -> None:
        """Sends a signal to the process itself; a process that has ended gets none."""
        self.child.send_signal(number)

    def stop(self, grace: float = 3.0) -> int:
        """Ends the process: SIGTERM, after `grace` (s) SIGKILL to its whole group. Returns the exit code."""
        self.child.terminate()
        if self.wait(grace) is None:
            self._kill_group()
        return self.child.wait()

    def _kill_group(self) -> None:
        try:
            os.killpg(self.child.pid, signal.SIGKILL)
        except ProcessLookupError:
            return

    def __enter__(self) -> "Process":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        # Whatever the process has started and left behind: it is in the same group.
        self._kill_group()
