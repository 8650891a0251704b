"""One process commands a piece of hardware: an exclusive lock on each of its addresses, taken before any command."""

import fcntl
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import TextIO
from urllib.parse import quote

from v2g.kernel.errors import V2GError

_SERVICE = Path("/run/v2g")
"""`RuntimeDirectory` of the unit file."""
_LONGEST_NAME = 255


class HardwareBusy(V2GError):
    """Another process commands this hardware."""


def lock_directory() -> Path:
    """Where the locks are. It must be the same for all processes of this machine that may command the hardware:
    `V2G_LOCK_DIRECTORY`, the service's `/run/v2g`, or else a directory of this user."""
    if named := os.environ.get("V2G_LOCK_DIRECTORY"):
        return Path(named)
    if os.access(_SERVICE, os.W_OK):
        return _SERVICE / "locks"
    own = os.environ.get("XDG_RUNTIME_DIR")
    return Path(own) / "v2g" if own else Path(tempfile.gettempdir()) / f"v2g-{os.getuid()}"


class HardwareLock:
    """The locks of one process (flock); the system releases them when it ends, however it ends."""

    def __init__(self, addresses: Iterable[str], directory: Path | None = None) -> None:
        """Raises `HardwareBusy` with the address and the process that has it; then nothing has been commanded."""
        self._files: list[TextIO] = []
        directory = directory or lock_directory()
        try:
            directory.mkdir(mode=0o750, parents=True, exist_ok=True)
            network = os.stat("/proc/self/ns/net").st_ino  # in another one the same address is other hardware
            for address in sorted(set(addresses)):
                self._take(directory / f"{network}-{quote(address, safe='')}"[:_LONGEST_NAME], address)
        except OSError as error:
            self.release()
            remedy = "let this user write there, or set V2G_LOCK_DIRECTORY"
            raise HardwareBusy(f"hardware lock in {directory}: {error.strerror}; {remedy}") from error
        except HardwareBusy:
            self.release()
            raise

    def _take(self, file: Path, address: str) -> None:
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o660)
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
