"""A charging cable: a veth pair with IPv6 link-local addresses only, in network namespaces of its own.

Needs root and iproute2. What runs in the namespaces sees nothing of the machine's network, nor the other way round.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from itertools import count
from pathlib import Path

from v2g.kernel.errors import V2GError

NAMESPACES = Path("/run/netns")
_serial = count(1)


class NamespaceError(V2GError):
    """A namespace or an interface cannot be made; the text has the words of iproute2."""


@cache
def why_not() -> str | None:
    """Why no namespaces can be made here, or None. The first call lays a cable to find out."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    if shutil.which("ip") is None:
        return "network namespaces need the command ip (iproute2)"
    try:
        with cable(apart=False):
            return None
    except NamespaceError as error:
        return f"network namespaces cannot be made here ({error})"


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
def cable(*, apart: bool = True) -> Iterator[Cable]:
    """Lays a cable and removes it at the end.

    `apart`: each end is in a namespace of its own; otherwise both are in one, where the car and the simulated plant
    can also reach each other on the loopback interface. Raises `NamespaceError`.
    """
    _sweep()
    name = f"v2g-{os.getpid()}-{next(_serial)}"
    ends = Cable(End(f"{name}-ev" if apart else name, "ev0"), End(f"{name}-se" if apart else name, "se0"))
    car, station = ends.car, ends.station
    namespaces = sorted({car.namespace, station.namespace})
    try:
        for namespace in namespaces:
            _ip("netns", "add", namespace)
        _ip(
            "link", "add", car.interface, "netns", car.namespace,
            "type", "veth", "peer", "name", station.interface, "netns", station.namespace,
        )  # fmt: skip
        for end in (car, station):
            # Without this the address stays tentative for seconds and cannot be bound.
            _set(end, "accept_dad", 0)
            _ip("-n", end.namespace, "link", "set", "lo", "up")
            end.set_link("up")
        yield ends
    finally:
        for namespace in namespaces:
            subprocess.run(["ip", "netns", "del", namespace], capture_output=True, check=False)


@dataclass(frozen=True)
class PowerLine(Cable):
    """A cable with a modem at either end: what is sent comes out at the modem's side, and goes on as that wishes."""

    car_modem: End
    station_modem: End


@contextmanager
def power_line(*, apart: bool = True) -> Iterator[PowerLine]:
    """Two pairs, from car and station to their modems, which `v2g plc sim` joins; `apart` as in `cable`.

    Raises `NamespaceError`.
    """
    with cable(apart=apart) as here, cable(apart=apart) as there:
        modems, car = here.car.namespace, there.car
        car_modem, station_modem = End(modems, "plcev"), End(modems, "plcse")
        for made, end in ((there.station, car_modem), (here.car, station_modem)):
            _ip("-n", made.namespace, "link", "set", made.interface, "down")
            _ip("-n", made.namespace, "link", "set", made.interface, "netns", modems, "name", end.interface)
            _set(end, "disable_ipv6", 1)
            end.set_link("up")
        if not apart:  # the car beside the station, where it reaches the simulated plant
            _ip("-n", car.namespace, "link", "set", car.interface, "netns", modems)
            car = End(modems, car.interface)
            _set(car, "accept_dad", 0)
            car.set_link("up")
        yield PowerLine(car, here.station, car_modem, station_modem)


def _sweep() -> None:
    """Removes the namespaces of processes that were killed before they could."""
    for each in NAMESPACES.glob("v2g-*") if NAMESPACES.is_dir() else ():
        made = re.match(r"v2g-(\d+)-", each.name)
        if made is not None and not Path(f"/proc/{made[1]}").exists():
            subprocess.run(["ip", "netns", "del", each.name], capture_output=True, check=False)


def _set(end: End, name: str, value: int) -> None:
    """A setting of IPv6 at this end, which the kernel shows to processes of its namespace only."""
    file = f"/proc/sys/net/ipv6/conf/{end.interface}/{name}"
    _run(end.command("sh", "-c", f"echo {value} > {file}"))


def _ip(*arguments: str) -> None:
    _run(["ip", *arguments])


def _run(command: Sequence[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        words = " ".join(done.stderr.split()) or f"exit code {done.returncode}"
        raise NamespaceError(f"`{' '.join(command[:4])}`: {words}")
