"""A pseudo-terminal that stands for a serial line."""

import asyncio
import os
import tty
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path


class PseudoTerminal:
    """A serial line whose other end is this process; its name is a link at `path`, made when it opens."""

    def __init__(self, path: Path, received: Callable[[bytes], None]) -> None:
        """Raises `OSError`."""
        self._path, self._received = path, received
        self._master, self._slave = os.openpty()  # kept open here too, so that clients may come and go
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        path.unlink(missing_ok=True)
        path.symlink_to(os.ttyname(self._slave))
        asyncio.get_running_loop().add_reader(self._master, self._readable)

    def write(self, data: bytes) -> None:
        """Sends; what a client that does not read leaves no room for is lost, as on a line."""
        with suppress(BlockingIOError):
            os.write(self._master, data)

    def close(self) -> None:
        """Takes the line away."""
        asyncio.get_running_loop().remove_reader(self._master)
        os.close(self._master)
        os.close(self._slave)
        self._path.unlink(missing_ok=True)

    def _readable(self) -> None:
        self._received(os.read(self._master, 4096))
