"""A charging cable for tests: two network namespaces joined by a veth pair, IPv6 link-local addresses only.

Needs root and iproute2. A car runs in one namespace, a station in the other, and neither sees anything else.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count

_serial = count(1)


def obstacle() -> str | None:
    """Says why no namespaces can be made here, or None."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    if shutil.which("ip") is None or shutil.which("sysctl") is None:
        return "network namespaces need iproute2 (ip) and procps (sysctl)"
    return None


@dataclass(frozen=True)
class End:
    """One end of the cable."""

    namespace: str
    interface: str

    def command(self, *arguments: str) -> list[str]:
        """The command line that runs `arguments` in this end's namespace."""
        return ["ip", "netns", "exec", self.namespace, *arguments]

    def set_link(self, state: str) -> None:
        """Sets the interface "up" or "down", which both ends notice: the peer loses its carrier."""
        _ip("-n", self.namespace, "link", "set", self.interface, state)


@dataclass(frozen=True)
class Cable:
    """Both ends: `car` is where the car runs, `station` where the station and its hardware run."""

    car: End
    station: End


@contextmanager
def cable() -> Iterator[Cable]:
    """Lays a cable and removes it with everything that still runs on it.

    Raises:
        subprocess.CalledProcessError: iproute2 refused, its words are in `stderr`.
    """
    name = f"v2g-{os.getpid()}-{next(_serial)}"
    ends = Cable(End(f"{name}-ev", "ev0"), End(f"{name}-se", "se0"))
    car, station = ends.car, ends.station
    try:
        for end in (car, station):
            _ip("netns", "add", end.namespace)
        _ip(
            "link", "add", car.interface, "netns", car.namespace,
            "type", "veth", "peer", "name", station.interface, "netns", station.namespace,
        )  # fmt: skip
        for end in (car, station):
            # Without this the address stays tentative for seconds and cannot be bound.
            _run(end.command("sysctl", "-qw", f"net.ipv6.conf.{end.interface}.accept_dad=0"))
            _ip("-n", end.namespace, "link", "set", "lo", "up")
            end.set_link("up")
        yield ends
    finally:
        for end in (car, station):
            subprocess.run(["ip", "netns", "del", end.namespace], capture_output=True, check=False)


def _ip(*arguments: str) -> None:
    _run(["ip", *arguments])


def _run(command: Sequence[str]) -> None:
    subprocess.run(command, capture_output=True, text=True, check=True)
