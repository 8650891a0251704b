"""A depot as a DNP3 outstation for one master: the protocol is `py1815`'s, its points and their meaning are ours.

What is operated is as in `v2g.io.operated`.
"""

import asyncio
import ssl
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from ipaddress import ip_address, ip_network

from py1815.control import CommandStatus
from py1815.profile.binding import Binding, Quality, Reading
from py1815.profile.model import Kind, Point, PointMap
from py1815.profile.outstation import DerOutstation
from py1815.session import Session

from v2g.depot.configuration import Configuration
from v2g.depot.desk import Channel
from v2g.depot.grid_configuration import Dnp3
from v2g.io import library_log
from v2g.io.grid_depot import Depot, Plant, ratings_of
from v2g.io.modbus_tls import context_if_named
from v2g.io.operated import Operated
from v2g.kernel.errors import V2GError
from v2g.languages.dnp3 import points
from v2g.languages.dnp3.controls import OutOfRange
from v2g.languages.dnp3.points import Input, Output

LOOK_S = 1.0
"""Between two looks for changes that become events."""
MOST_OCTETS = 4096


class Dnp3Error(V2GError):
    """The address cannot be listened at."""


class DepotOutstation:
    """The points of a depot, and what a master operates."""

    def __init__(self, plant: Plant, settings: Dnp3, report: Callable[[str], None]) -> None:
        self._plant, self._settings, self._report = plant, settings, report
        self._by = f"DNP3 master {settings.master}"
        self.operated = Operated(plant, self._by, float(settings.silence_s))
        self._device = DerOutstation(_map(), self._binding(), strict=False, disabled_offline=False)
        self.session: Session = self._device.session(
            outstation_address=settings.address, master_address=settings.master, unsolicited=settings.unsolicited,
            need_time=False,
        )  # fmt: skip

    def look(self) -> None:
        """Changes become events."""
        self._device.poll()

    def _binding(self) -> Binding:
        binding = Binding()
        for kind, inputs in ((Kind.AI, points.ANALOG_INPUTS), (Kind.BI, points.BINARY_INPUTS)):
            for each in inputs:
                binding.read(kind, each.index, partial(self._read, each))
        for output in points.BINARY_OUTPUTS:
            on = partial(self.operated.stands, output.index)
            binding.output(Kind.BO, output.index, partial(self._operate, output.index), status=on)
        for output in points.ANALOG_OUTPUTS:
            binding.output(
                Kind.AO, output.index, partial(self._write, output.index), check=partial(self._checked, output.index),
                status=partial(self.operated.controls.value, output.index),
            )  # fmt: skip
        return binding

    def _read(self, point: Input) -> Reading:
        value = point.value(self._plant.seen())
        return Reading(0.0, Quality.COMM_LOST) if value is None else Reading(value)

    def _checked(self, index: int, value: float) -> CommandStatus | None:
        try:
            self.operated.controls.check(index, value)
        except OutOfRange as error:
            self._report(f"{self._by} is refused: {error}")
            return CommandStatus.OUT_OF_RANGE
        return None

    def _write(self, index: int, value: float) -> CommandStatus | None:
        return self._asked(partial(self.operated.write, index, value))

    def _operate(self, index: int, on: float) -> CommandStatus | None:
        return self._asked(partial(self.operated.operate, index, bool(on)))

    def _asked(self, ask: Callable[[], None]) -> CommandStatus | None:
        try:
            ask()
        except V2GError as error:
            self._report(f"{self._by} is refused: {error}")
            return CommandStatus.PROCESSING_LIMITED
        return None


def _map() -> PointMap:
    found = list[Point]()
    for kind, inputs in ((Kind.AI, points.ANALOG_INPUTS), (Kind.BI, points.BINARY_INPUTS)):
        found += [Point(kind, each.index, each.name, event_class=each.event_class, multiplier=each.multiplier)
                  for each in inputs]  # fmt: skip
    for kind, mirrors, outputs in (
        (Kind.AO, Kind.AI, points.ANALOG_OUTPUTS),
        (Kind.BO, Kind.BI, points.BINARY_OUTPUTS),
    ):
        for each in outputs:
            found += _pair(kind, mirrors, each)
    return PointMap({each.address: each for each in found})


def _pair(kind: Kind, mirrors: Kind, output: Output) -> list[Point]:
    """An output, and the input that shows it."""

    def point(kind: Kind, index: int, pair: tuple[Kind, int], event_class: int | None) -> Point:
        return Point(
            kind, index, output.name, minimum=output.least, maximum=output.most, multiplier=output.multiplier,
            associated=pair, event_class=event_class,
        )  # fmt: skip

    at, mirror = (kind, output.index), (mirrors, output.mirror)
    return [point(*at, mirror, None), point(*mirror, at, 2)]


class Server:
    """The listener. One connection at a time is the master's; a new one takes the place of the one before, which may be
    dead without a word."""

    def __init__(self, outstation: DepotOutstation, settings: Dnp3, report: Callable[[str], None]) -> None:
        self._outstation, self._settings, self._report = outstation, settings, report
        self._active: asyncio.StreamWriter | None = None

    async def serve(self, tls: ssl.SSLContext | None) -> None:
        """Serve until cancelled. Raises `Dnp3Error`."""
        host, _, port = self._settings.listen.rpartition(":")
        try:
            server = await asyncio.start_server(self._converse, host.strip("[]"), int(port), ssl=tls, limit=MOST_OCTETS)
        except OSError as error:
            raise Dnp3Error(
                f"{self._settings.listen}: {error.strerror or error}; choose another with dnp3.listen"
            ) from error
        self._report(f"a DNP3 master connects at {host}:{server.sockets[0].getsockname()[1]}")
        try:
            while True:
                self._outstation.look()
                self._unasked()
                await asyncio.sleep(LOOK_S)
        finally:
            server.close()
            if self._active is not None:
                self._active.transport.abort()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host = str(writer.get_extra_info("peername")[0]).partition("%")[0]
        if not any(ip_address(host) in ip_network(each) for each in self._settings.masters):
            self._report(f"{host} is no DNP3 master here; name it under dnp3.masters")
            writer.transport.abort()
            return
        if self._active is not None:
            self._active.transport.abort()
        self._active = writer
        self._outstation.session.connection_reset()
        try:
            while octets := await reader.read(MOST_OCTETS):
                if self._active is not writer:
                    break
                if answer := self._outstation.session.receive(octets):
                    self._outstation.operated.heard()
                    writer.write(answer)
                    await writer.drain()
                self._unasked()
        except OSError:
            pass  # gone
        except Exception as error:
            self._report(f"the DNP3 link of {host} is closed: {error!r}")
        finally:
            if self._active is writer:
                self._active = None
            with suppress(OSError):
                writer.transport.abort()

    def _unasked(self) -> None:
        """What the outstation says without being asked."""
        if self._active is not None and (octets := self._outstation.session.initiate()):
            self._active.write(octets)


async def serve(depot: Depot, configuration: Configuration, settings: Dnp3, report: Callable[[str], None]) -> None:
    """Serve until cancelled. Raises `Dnp3Error`."""
    library_log.follow("py1815", report)
    plant = Plant(depot, ratings_of(configuration), Channel.DNP3)
    tls = context_if_named(settings.certificate, settings.private_key, settings.roots)
    server = Server(DepotOutstation(plant, settings, report), settings, report)
    await server.serve(tls)
