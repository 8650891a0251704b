"""One process commands a piece of hardware: an exclusive lock on each of its addresses, taken before any command."""

import fcntl
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import TextIO
from urllib.parse import quote

from v2g.kernel.errors import V2GError


class HardwareBusy(V2GError):
    """Another process commands this hardware."""


def lock_directory() -> Path:
    """Where the locks are: the same for every process of this machine that may use the hardware."""
    return Path("/run/v2g") if os.access("/run/v2g", os.W_OK) else Path(tempfile.gettempdir()) / "v2g-locks"


class HardwareLock:
    """The locks of one process; the system releases them when it ends, however it ends."""

    def __init__(self, addresses: Iterable[str], directory: Path | None = None) -> None:
        """Raises `HardwareBusy` with the address and the process that has it; then nothing has been commanded."""
        self._files: list[TextIO] = []
        directory = directory or lock_directory()
        try:
            directory.mkdir(mode=0o777, parents=True, exist_ok=True)
            for address in sorted(set(addresses)):
                self._take(directory / quote(address, safe=""), address)
        except OSError as error:
            self.release()
            remedy = "let this user write there"
            raise HardwareBusy(f"hardware lock in {directory}: {error.strerror}; {remedy}") from error
        except HardwareBusy:
            self.release()
            raise

    def _take(self, file: Path, address: str) -> None:
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o666)
        stream = os.fdopen(descriptor, "r+", encoding="ascii", errors="replace")
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = stream.read(20).strip() or "unknown"
            stream.close()
            remedy = "stop it, or give this one hardware of its own"
            raise HardwareBusy(f"hardware at {address}: the process {owner} commands it; {remedy}") from None
        self._files.append(stream)
        stream.truncate(0)
        stream.write(f"{os.getpid()}\n")
        stream.flush()

    def release(self) -> None:
        """Let another process have the hardware."""
        for stream in self._files:
            stream.close()
        self._files = []
