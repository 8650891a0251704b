"""Matching over virtual Ethernet: real frames, real time, simulated modems and line between."""

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, TypeVar

import pytest

from v2g.bench.sim import netns
from v2g.bench.sim.plc_modem import Line, Modem, Way
from v2g.bench.sim.plc_process import PlcProcess
from v2g.io.plc import PlcError, PlcLink, ask, mac_of, open_line
from v2g.slac import mme
from v2g.slac.car import CarMatching
from v2g.slac.event import Event, KeySet, LinkLost, Matched, SignalWeak
from v2g.slac.station import StationMatching, StationMatchingSettings

LIMIT_S = 20.0
M = TypeVar("M", StationMatching, CarMatching)

EXPERIMENTAL = 0x88B5
"""An ethertype for local experiments: data that is no management frame."""

Ports = dict[str, tuple[str, str]]
"""Host's interface and modem's interface of each party."""


@pytest.fixture(scope="module")
def ports() -> Iterator[Ports]:
    """Three hosts, each with a veth pair to its modem."""
    if reason := netns.why_not():
        pytest.skip(reason)
    made = {name: (f"p{os.getpid()}{name}h", f"p{os.getpid()}{name}m") for name in ("se", "e1", "e2")}
    try:
        for host, modem in made.values():
            ip("link", "add", host, "type", "veth", "peer", "name", modem)
            for name in (host, modem):
                subprocess.run(["sh", "-c", f"echo 1 > /proc/sys/net/ipv6/conf/{name}/disable_ipv6"], check=True)
                ip("link", "set", name, "up")
        yield made
    finally:
        for host, _ in made.values():
            subprocess.run(["ip", "link", "delete", host], check=False)


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)


def run(scenario: Coroutine[Any, Any, None]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(LIMIT_S):
            await scenario

    asyncio.run(bounded())


@dataclass
class Heard:
    """What a link reports, and a way to wait for it."""

    events: list[Event] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def __call__(self, event: Event) -> None:
        self.events.append(event)
        self.changed.set()

    async def until(self, kind: type[Event]) -> Event:
        while not (found := [event for event in self.events if isinstance(event, kind)]):
            self.changed.clear()
            await self.changed.wait()
        return found[0]


@dataclass
class Street:
    """A station and cars on one simulated line."""

    ports: Ports
    stack: ExitStack
    line: Line = field(default_factory=Line)
    modems: dict[str, Modem] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.modems = {name: Modem(bytes((2, 0, 0, 0, 1, n))) for n, name in enumerate(self.ports)}
        self.stack.enter_context(
            PlcProcess(self.line, {self.modems[name]: modem for name, (_, modem) in self.ports.items()})
        )

    def connect(self, car: str, attenuation_db: float) -> Way:
        return self.line.connect(self.modems["se"], self.modems[car], attenuation_db)


def link(street: Street, name: str, make: Callable[[bytes], M]) -> tuple[PlcLink[M], Heard]:
    """A machine on the interface of this party."""
    heard = Heard()
    made = PlcLink(street.ports[name][0], make, heard)
    street.stack.callback(made.close)
    return made, heard


async def plug_station(
    street: Street, settings: StationMatchingSettings | None = None
) -> tuple[PlcLink[StationMatching], Heard]:
    """A station that waits for a car."""
    station, heard = link(street, "se", lambda mac: StationMatching(mac, settings))
    await heard.until(KeySet)
    station.begin_matching()
    return station, heard


def interface_mac(name: str) -> bytes:
    with open_line(name) as line:
        return mac_of(line)


def test_an_interface_that_is_not_there_is_named_with_those_that_are() -> None:
    with pytest.raises(PlcError, match=r"there is no interface nosuch0; there are .*lo"):
        open_line("nosuch0")


@pytest.mark.netns
def test_a_car_and_a_station_match_over_their_modems(ports: Ports) -> None:
    async def scenario() -> None:
        with ExitStack() as stack:
            street = Street(ports, stack)
            street.connect("e1", 8.0)
            station, _ = await plug_station(street)
            car, _ = link(street, "e1", CarMatching)
            began = asyncio.get_running_loop().time()
            car.begin_matching()
            outcome = await car.outcome()
            took_s = asyncio.get_running_loop().time() - began
            theirs = await station.outcome()
            assert isinstance(outcome, Matched)
            assert isinstance(theirs, Matched)
            assert outcome.match.key == theirs.match.key
            assert theirs.match.car == interface_mac(ports["e1"][0])
            assert took_s < 3.0
            status = station.status()
            assert (status["phase"], status["measurements"]) == ("the link is up", 1)
            assert status["car"] == theirs.match.car.hex(":").upper()
            assert status["attenuation_db"] == theirs.match.attenuation.mean_db
            assert theirs.match.key.nmk.hex() not in str(status)
            heard = await asyncio.to_thread(
                ask, ports["se"][0], [mme.VS_SW_VER_REQ()], (mme.VS_SW_VER_CNF,), everyone=True, timeout_s=0.3
            )
            assert {frame.source for frame in heard} == {street.modems["se"].mac, street.modems["e1"].mac}

    run(scenario())


@pytest.mark.netns
def test_only_modems_with_the_same_key_let_data_through(ports: Ports) -> None:
    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        with ExitStack() as stack:
            street = Street(ports, stack)
            street.connect("e1", 8.0)
            street.connect("e2", 40.0)
            await plug_station(street)
            near, far, station = (stack.enter_context(data_socket(ports[name][0])) for name in ("e1", "e2", "se"))
            await loop.sock_sendall(near, data(near, b"too early"))
            car, _ = link(street, "e1", CarMatching)
            car.begin_matching()
            assert isinstance(await car.outcome(), Matched)
            await loop.sock_sendall(far, data(far, b"without the key"))
            await loop.sock_sendall(near, data(near, b"hello"))
            received = await loop.sock_recv(station, 2048)
            assert received[14:].rstrip(b"\0") == b"hello"

    run(scenario())


def data_socket(interface: str) -> socket.socket:
    opened = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    opened.bind((interface, EXPERIMENTAL))
    opened.setblocking(False)
    return opened


def data(sender: socket.socket, payload: bytes) -> bytes:
    return b"\xff" * 6 + mac_of(sender) + EXPERIMENTAL.to_bytes(2) + payload.ljust(46, b"\0")


@pytest.mark.netns
def test_of_two_cars_the_near_one_is_matched(ports: Ports) -> None:
    async def scenario() -> None:
        with ExitStack() as stack:
            street = Street(ports, stack)
            street.connect("e1", 45.0)
            street.connect("e2", 6.0)
            station, _ = await plug_station(street)
            far, _ = link(street, "e1", CarMatching)
            near, _ = link(street, "e2", CarMatching)
            far.begin_matching()
            near.begin_matching()
            assert isinstance(await near.outcome(), Matched)
            assert isinstance(await station.outcome(), Matched)
            match = station.machine.match
            assert match is not None
            assert match.car == interface_mac(ports["e2"][0])
            assert far.machine.match is None

    run(scenario())


@pytest.mark.netns
def test_a_cut_line_is_told_within_a_second(ports: Ports) -> None:
    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        with ExitStack() as stack:
            street = Street(ports, stack)
            way = street.connect("e1", 8.0)
            station, heard = await plug_station(street)
            car, car_told = link(street, "e1", CarMatching)
            car.begin_matching()
            assert isinstance(await station.outcome(), Matched)
            assert isinstance(await car.outcome(), Matched)
            cut_s, way.cut = loop.time(), True
            await heard.until(LinkLost)
            await car_told.until(LinkLost)
            assert loop.time() - cut_s < 1.2  # TP_match_leave, and what a busy machine takes
            assert station.machine.match is None

    run(scenario())


@pytest.mark.netns
def test_a_weak_signal_is_told_and_the_trend_kept(ports: Ports) -> None:
    async def scenario() -> None:
        with ExitStack() as stack:
            street = Street(ports, stack)
            way = street.connect("e1", 8.0)
            station, heard = await plug_station(street)
            car, _ = link(street, "e1", CarMatching)
            car.begin_matching()
            assert isinstance(await station.outcome(), Matched)
            way.attenuation_db = [62.0] * 58
            warning = await heard.until(SignalWeak)
            assert isinstance(warning, SignalWeak)
            assert (warning.signal_dbm, warning.weakest_dbm) == (-66.5, -60.0)
            first, *_, last = station.machine.quality.trend
            assert first.attenuation_db < 10 < 60 < last.attenuation_db

    run(scenario())


@pytest.mark.netns
def test_the_own_modem_answers_a_question(ports: Ports) -> None:
    async def scenario() -> None:
        with ExitStack() as stack:
            street = Street(ports, stack)
            questions = [mme.VS_SW_VER_REQ(), mme.CC_DISCOVER_LIST_REQ()]
            (answer,) = await asyncio.to_thread(ask, ports["se"][0], questions, (mme.VS_SW_VER_CNF,))
            assert answer.source == street.modems["se"].mac
            assert isinstance(answer.message, mme.VS_SW_VER_CNF)
            assert answer.message.version.startswith(b"MAC-QCA7000")
            street.modems["se"].silent = True
            assert await asyncio.to_thread(ask, ports["se"][0], questions, (mme.VS_SW_VER_CNF,), timeout_s=0.1) == []

    run(scenario())


WHO = """
import asyncio, socket, sys
from v2g.io.discovery import link_local
from v2g.io.plc_peer import is_peer, neighbour
from v2g.slac.address import link_local_of
name, mac = sys.argv[1], bytes.fromhex(sys.argv[2])
address = link_local_of(mac)
asyncio.run(link_local(name))  # of our own, which takes a moment
print(neighbour(name, address), is_peer(name, address, mac), is_peer(name, address, bytes(6)))
with socket.socket(socket.AF_INET6) as packets:
    packets.connect_ex((str(address), 9, 0, socket.if_nametoindex(name)))
print(neighbour(name, address).hex(), is_peer(name, address, mac), is_peer(name, address, bytes(6)))
"""


@pytest.mark.netns
def test_who_is_behind_an_address(cable: netns.Cable) -> None:
    """Asked at the station's end of a cable, before and after packets went to the car and back."""
    car, station = cable.car, cable.station
    mac = output(car.command("cat", f"/sys/class/net/{car.interface}/address")).strip().replace(":", "")
    lines = output(station.command(sys.executable, "-c", WHO, station.interface, mac)).splitlines()
    assert lines == ["None True False", f"{mac} True False"]  # at first the address alone tells


def output(command: list[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
