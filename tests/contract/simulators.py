"""Simulated hardware as processes: `with simulator("plant", "--soc", "0.6") as plant:`."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import v2g

_COMMAND = "import argparse, sys; from v2g.cli import sim; p = argparse.ArgumentParser('v2g sim'); "
_COMMAND += "sim.add_arguments(p); sys.exit(sim.run(p.parse_args()))"


class Simulator:
    """A process of `v2g sim` that listens on `host:port`, or sends if `--send` is among its arguments."""

    host = "127.0.0.1"

    def __init__(self, *arguments: str, port: int = 0, line: str | None = None) -> None:
        """Starts `v2g sim <arguments>`; port 0 picks a free one. `line`: the scheme of a line that it makes as well.

        Raises `RuntimeError` if it does not start.
        """
        assert v2g.__file__ is not None
        self._folder = TemporaryDirectory(prefix="v2g-sim-")
        self.line_path = Path(self._folder.name) / "line"
        """Of a serial line or CAN adapter, if `arguments` make one there."""
        source = str(Path(v2g.__file__).parents[1])
        listen = [] if "--send" in arguments else ["--listen", f"{self.host}:{port}"]
        if line is not None:
            listen += ["--listen", f"{line}://{self.line_path}"]
        self._process = subprocess.Popen(
            [sys.executable, "-c", _COMMAND, arguments[0], *listen, *arguments[1:]],
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": source},
        )
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
        assert self._process.stdout is not None
        return self._process.stdout.readline().rstrip("\n")

    def terminate(self) -> int:
        """Ends it with SIGTERM and returns its exit code. Raises `subprocess.TimeoutExpired` after 5 s."""
        self._process.terminate()
        return self._process.wait(5)

    def kill(self) -> None:
        """Ends it with SIGKILL."""
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
        assert self._process.stdout is not None
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
