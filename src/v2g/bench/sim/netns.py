"""A charging cable: a veth pair with IPv6 link-local addresses only, in network namespaces of its own.

Needs root and iproute2. What runs in the namespaces sees nothing of the machine's network, nor the other way round.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count

_serial = count(1)


def why_not() -> str | None:
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
def cable(*, apart: bool = True) -> Iterator[Cable]:
    """Lays a cable and removes it with everything that still runs on it.

    `apart`: each end is in a namespace of its own; otherwise both are in one, where the car and the simulated plant
    can also reach each other on the loopback interface.

    Raises:
        subprocess.CalledProcessError: iproute2 refused, its words are in `stderr`.
    """
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
            _run(end.command("sysctl", "-qw", f"net.ipv6.conf.{end.interface}.accept_dad=0"))
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

    Raises `subprocess.CalledProcessError`.
    """
    with cable(apart=apart) as here, cable(apart=apart) as there:
        modems, car = here.car.namespace, there.car
        car_modem, station_modem = End(modems, "plcev"), End(modems, "plcse")
        for made, end in ((there.station, car_modem), (here.car, station_modem)):
            _ip("-n", made.namespace, "link", "set", made.interface, "down")
            _ip("-n", made.namespace, "link", "set", made.interface, "netns", modems, "name", end.interface)
            _run(end.command("sysctl", "-qw", f"net.ipv6.conf.{end.interface}.disable_ipv6=1"))
            end.set_link("up")
        if not apart:  # the car beside the station, where it reaches the simulated plant
            _ip("-n", car.namespace, "link", "set", car.interface, "netns", modems)
            car = End(modems, car.interface)
            _run(car.command("sysctl", "-qw", f"net.ipv6.conf.{car.interface}.accept_dad=0"))
            car.set_link("up")
        yield PowerLine(car, here.station, car_modem, station_modem)


def _ip(*arguments: str) -> None:
    _run(["ip", *arguments])


def _run(command: Sequence[str]) -> None:
    subprocess.run(command, capture_output=True, text=True, check=True)
