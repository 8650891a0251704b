"""A depot as a DNP3 outstation for one master: the protocol is `py1815`'s, its points and their meaning are ours.

A set-point without a reversion time ends once the master has been silent for `silence_s`, also if the link is lost; a
limit without one stays until it is written again, over a restart too.
"""

import asyncio
import ssl
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from ipaddress import ip_address, ip_network
from math import inf

from py1815.control import CommandStatus
from py1815.profile.binding import Binding, Quality, Reading
from py1815.profile.model import Kind, Point, PointMap
from py1815.profile.outstation import DerOutstation
from py1815.session import Session

from v2g.depot.configuration import Configuration
from v2g.depot.desk import Channel
from v2g.depot.grid_configuration import Dnp3
from v2g.depot.request import Limit
from v2g.io.grid_depot import ENTER, LIMIT, SET_POINT, Depot, Plant, ratings_of
from v2g.io.modbus_tls import server_context
from v2g.kernel.errors import V2GError
from v2g.languages.dnp3 import points
from v2g.languages.dnp3.controls import Asked, Controls, OutOfRange, Permit, SetLimits, SetPower
from v2g.languages.dnp3.points import Input, Output

LOOK_S = 1.0
"""Between two looks for changes that become events."""
LATE = 0.1
"""Share of the silence by which a set-point may outlast it, so that not each request renews it."""
MOST_OCTETS = 4096
_SHOWN = {points.PERMITTED: ENTER, points.LIMITS: LIMIT, points.SETS: SET_POINT}


class Dnp3Error(V2GError):
    """The address cannot be listened at."""


class DepotOutstation:
    """The points of a depot, and what a master operates."""

    def __init__(self, plant: Plant, settings: Dnp3, report: Callable[[str], None]) -> None:
        self._plant, self._settings, self._report = plant, settings, report
        self.controls = Controls(plant.ratings)
        self._by = f"DNP3 master {settings.master}"
        self._renewed_s = -inf
        self._device = DerOutstation(_map(), self._binding(), strict=False, disabled_offline=False)
        self.session: Session = self._device.session(
            outstation_address=settings.address, master_address=settings.master, unsolicited=settings.unsolicited,
            need_time=False,
        )  # fmt: skip

    def look(self) -> None:
        """Changes become events."""
        self._device.poll()

    def heard(self) -> None:
        """The master is there: a set-point without a reversion time goes on."""
        now, silence_s = self._plant.depot.now(), float(self._settings.silence_s)
        asked = self.controls.of(points.SETS)
        lasting = isinstance(asked, SetPower) and asked.power_w is not None and asked.for_s is None
        if lasting and self._plant.asked_w() is None:
            self.controls.enabled[points.SETS] = False  # it has ended: it comes back by no mere sign of life
        elif lasting and now - self._renewed_s >= silence_s * LATE:
            self._ask(asked)

    def _binding(self) -> Binding:
        binding = Binding()
        for kind, inputs in ((Kind.AI, points.ANALOG_INPUTS), (Kind.BI, points.BINARY_INPUTS)):
            for each in inputs:
                binding.read(kind, each.index, partial(self._read, each))
        for output in points.BINARY_OUTPUTS:
            on = partial(self._enabled, output.index)
            binding.output(Kind.BO, output.index, partial(self._operate, output.index), status=on)
        for output in points.ANALOG_OUTPUTS:
            binding.output(
                Kind.AO, output.index, partial(self._write, output.index), check=partial(self._checked, output.index),
                status=partial(self.controls.value, output.index),
            )  # fmt: skip
        return binding

    def _read(self, point: Input) -> Reading:
        value = point.value(self._plant.seen())
        return Reading(0.0, Quality.COMM_LOST) if value is None else Reading(value)

    def _enabled(self, index: int) -> bool:
        """As it holds, whoever has ended it."""
        if index == points.SETS:
            return self._plant.asked_w() is not None
        if index == points.LIMITS:
            return min(self._plant.limits_w()) < inf
        return not self._plant.held(ENTER)

    def _checked(self, index: int, value: float) -> CommandStatus | None:
        try:
            self.controls.check(index, value)
        except OutOfRange as error:
            self._report(f"{self._by} is refused: {error}")
            return CommandStatus.OUT_OF_RANGE
        return None

    def _write(self, index: int, value: float) -> CommandStatus | None:
        return self._ask(self.controls.write(index, value))

    def _operate(self, index: int, on: float) -> CommandStatus | None:
        return self._ask(self.controls.operate(index, bool(on)))

    def _ask(self, asked: Asked | None) -> CommandStatus | None:
        plant, now = self._plant, self._plant.depot.now()
        try:
            match asked:
                case SetPower(power_w, for_s):
                    self._renewed_s = now
                    plant.set_power(self._by, power_w, for_s or self._settings.silence_s * (1.0 + LATE))
                case SetLimits(None, None, _):
                    plant.limit(self._by, ())
                case SetLimits(charge_w, discharge_w, for_s):
                    plant.limit(self._by, [Limit(now, charge_w, discharge_w)], for_s)
                case Permit(permitted):
                    plant.permit(self._by, permitted)
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
                    self._outstation.heard()
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
    plant = Plant(depot, ratings_of(configuration), Channel.DNP3)
    files = settings.certificate, settings.private_key, settings.roots
    server = Server(DepotOutstation(plant, settings, report), settings, report)
    await server.serve(None if None in files else server_context(*files))  # type: ignore[arg-type]
