"""One process commands a piece of hardware: an exclusive lock on each of its addresses, taken before any command."""

import asyncio
import fcntl
import os
import socket
import tempfile
from collections.abc import Iterable
from dataclasses import replace
from ipaddress import IPv6Address, ip_address
from pathlib import Path
from typing import TextIO
from urllib.parse import quote

from v2g.kernel.errors import V2GError
from v2g.power.address import MODBUS, MODBUS_RTU, Address

_SERVICE = Path("/run/v2g")
"""`RuntimeDirectory` of the unit file."""
_LONGEST_NAME = 255
RESOLVES_S = 1.0
"""How long the start waits for the numbers of a host; the daemon itself would wait for them later on."""


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


async def places(address: Address) -> list[str]:
    """What a device's address comes to, however it is written: a host by its numbers, a serial line by its file.

    A serial line has one user, so its units and its baud rate do not count. A host that has no number now keeps its
    name.
    """
    if address.scheme == MODBUS_RTU:
        return [str(_line(address))]
    if address.scheme != MODBUS:
        return [str(address)]
    try:
        async with asyncio.timeout(RESOLVES_S):
            found = await asyncio.get_running_loop().getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError, TimeoutError):
        return [str(address)]
    hosts = {_number(str(place[0])) for _, _, _, _, place in found}
    return sorted(str(replace(address, host=host)) for host in hosts)


def _line(address: Address) -> Address:
    return replace(address, path=os.path.realpath(address.path), options={})


def _number(host: str) -> str:
    number = ip_address(host)
    mapped = number.ipv4_mapped if isinstance(number, IPv6Address) else None
    return str(mapped or number)


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
            remedy = "stop it, or give this one its own"
            raise HardwareBusy(f"{address}: the process {owner} uses it; {remedy}") from None
        self._files.append(stream)
        stream.truncate(0)
        stream.write(f"{os.getpid()}\n")
        stream.flush()

    def release(self) -> None:
        """Let another process have the hardware."""
        for stream in self._files:
            stream.close()
        self._files = []
