"""Simulated hardware as processes: `with simulator("plant", "--soc", "0.6") as plant:`."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.forked import COMMAND, Forked
from tests.stopwatch import TAKES_PART

PRIORITY = -10
"""A device of its own is not slower because of what else a machine does."""


class Simulator:
    """A process of `v2g sim` that listens on `host:port`, or sends if `--send` is among its arguments."""

    host = "127.0.0.1"

    def __init__(self, *arguments: str, port: int = 0, line: str | None = None) -> None:
        """Starts `v2g sim <arguments>`; port 0 picks a free one. `line`: the scheme of a line that it makes as well.

        Raises `RuntimeError` if it does not start.
        """
        self._folder = TemporaryDirectory(prefix="v2g-sim-")
        self.line_path = Path(self._folder.name) / "line"
        """Of a serial line or CAN adapter, if `arguments` make one there."""
        listen = [] if "--send" in arguments else ["--listen", f"{self.host}:{port}"]
        if line is not None:
            listen += ["--listen", f"{line}://{self.line_path}"]
        self._process = Forked([*COMMAND, "sim", arguments[0], *listen, *arguments[1:]])
        TAKES_PART.add(self._process.pid)
        with suppress(PermissionError):  # only root may
            os.setpriority(os.PRIO_PROCESS, self._process.pid, PRIORITY)
        first = self.line()
        if not first.startswith(("listening on ", "sending to ")):
            self.kill()
            raise RuntimeError(f"v2g sim {' '.join(arguments)} does not start: {first!r}")
        self.port = int(first.rpartition(":")[2])
        if line is not None:
            self.line()

    @property
    def endpoint(self) -> str:
        """`HOST:PORT`."""
        return f"{self.host}:{self.port}"

    def line(self) -> str:
        """The next line that it prints, without its end; empty when it has ended."""
        return self._process.stdout.readline().rstrip("\n")

    def terminate(self) -> int:
        """Ends it with SIGTERM and returns its exit code. Raises `subprocess.TimeoutExpired` after 5 s."""
        self._process.terminate()
        return self._process.wait(5)

    def kill(self) -> None:
        """Ends it with SIGKILL."""
        TAKES_PART.discard(self._process.pid)
        self._process.kill()
        self._process.wait()

    def freeze(self) -> None:
        """Stops it: its connections stay, but nothing answers."""
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Lets it go on after `freeze`."""
        self._process.send_signal(signal.SIGCONT)

    def close(self) -> None:
        """Ends it whatever it does."""
        self.kill()
        self._process.stdout.close()
        self._folder.cleanup()


@contextmanager
def simulator(*arguments: str, port: int = 0, line: str | None = None) -> Iterator[Simulator]:
    """A running `v2g sim <arguments>`, ended on leaving."""
    process = Simulator(*arguments, port=port, line=line)
    try:
        yield process
    finally:
        process.close()
