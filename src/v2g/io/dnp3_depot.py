"""A depot as a DNP3 outstation for one master: the protocol is `py1815`'s, its points and their meaning are ours.

What is operated is as in `v2g.io.operated`.
"""

from collections.abc import Callable
from functools import partial

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
from v2g.io.one_master import Language, OneMaster
from v2g.io.operated import Operated
from v2g.kernel.errors import V2GError
from v2g.languages.dnp3 import points
from v2g.languages.dnp3.controls import OutOfRange
from v2g.languages.dnp3.points import Input, Output


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


class _Conversation:
    """One connection: the outstation's session is reset with it."""

    def __init__(self, outstation: DepotOutstation) -> None:
        self._outstation = outstation
        outstation.session.connection_reset()

    def receive(self, octets: bytes) -> bytes:
        answer = self._outstation.session.receive(octets)
        if answer:
            self._outstation.operated.heard()
        return (answer or b"") + self.look()

    def look(self) -> bytes:
        return self._outstation.session.initiate() or b""


async def serve(depot: Depot, configuration: Configuration, settings: Dnp3, report: Callable[[str], None]) -> None:
    """Serve until cancelled. Raises `ListenError`."""
    library_log.follow("py1815", report)
    outstation = DepotOutstation(Plant(depot, ratings_of(configuration), Channel.DNP3), settings, report)
    tls = context_if_named(settings.certificate, settings.private_key, settings.roots)
    language = Language("DNP3 master", "dnp3")
    master = OneMaster(language, settings.listen, settings.masters, report, lambda: _Conversation(outstation))
    await master.serve(tls, outstation.look)
