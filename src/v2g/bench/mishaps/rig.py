"""The world of one run, with the handles by which mishaps change it."""

from collections.abc import Callable
from dataclasses import fields, replace
from random import Random
from typing import Any

from v2g.bench.sim.charging_cable import ChargingCable
from v2g.bench.sim.safety import SafetyModule
from v2g.bench.sim.world import SOUND, World
from v2g.iso15118.vehicle import Intent
from v2g.kernel.fault import Fault
from v2g.power.contactor import SWITCHES_WITHIN_S, ContactorFault
from v2g.station.config.settings import EvseSettings
from v2g.station.readings import Readings
from v2g.v2gtp.framing import FrameReader, FramingError, pack

Arrivals = list[tuple[float, int, bytes]]
Tamper = Callable[[bool, int, bytes], Arrivals]
Lie = Callable[[Readings], Readings]


class Rig:
    """A world, and what is wrong in it by the name of the mishap that made it so."""

    def __init__(self, evse: EvseSettings, intent: Intent, soc: float, random: Random) -> None:
        self.random = random
        self.settings = evse
        self.intent = intent
        self.grid = SOUND
        self.tampers: dict[str, Tamper] = {}
        self.lies: dict[str, Lie] = {}
        self.welded = False
        self.corrupted = False
        """A payload to the station was changed: what the car stated is not known any more."""
        self.world = World(evse, intent, soc=soc, grid=lambda now, plant: self.grid)
        self.world.wire, self.world.as_read = self._wire, self._read

    @property
    def cable(self) -> ChargingCable:
        assert self.world.cable is not None
        return self.world.cable

    @property
    def safety(self) -> SafetyModule:
        assert self.world.safety is not None
        return self.world.safety

    def flipped(self, to_station: bool, payload_type: int, payload: bytes) -> Arrivals:
        """The frame with one to three bits flipped, as a reader of the stream sees it."""
        self.corrupted = self.corrupted or to_station
        frame = bytearray(pack(payload_type, payload))
        for _ in range(self.random.randint(1, 3)):
            bit = self.random.randrange(8 * len(frame))
            frame[bit // 8] ^= 1 << bit % 8
        try:
            return [(0.0, kind, sent) for kind, sent in FrameReader().feed(bytes(frame))]
        except FramingError as error:
            if to_station:
                self.world.disconnect(Fault.FRAMING, str(error))
            if self.world.evcc is not None:
                self.world.evcc.abort(Fault.FRAMING, "the connection is gone")
            return []

    def _wire(self, to_station: bool, payload_type: int, payload: bytes) -> Arrivals:
        arrivals = [(0.0, payload_type, payload)]
        for tamper in tuple(self.tampers.values()):
            arrivals = [
                (late_s + more_s, kind, sent)
                for late_s, before, what in arrivals
                for more_s, kind, sent in tamper(to_station, before, what)
            ]
        return arrivals

    def _read(self, readings: Readings) -> Readings:
        for lie in self.lies.values():
            readings = lie(readings)
        return readings


def changed(device: str, change: Callable[[Any], dict[str, Any]]) -> Lie:
    """The device shows what `change` makes of some of its values."""

    def lie(readings: Readings) -> Readings:
        reading: Any = getattr(readings, device)
        return readings if reading is None else replace(readings, **{device: replace(reading, **change(reading))})

    return lie


def frozen(device: str) -> Lie:
    """The device answers with the same measurement again and again."""
    kept: list[Any] = []

    def change(reading: Any) -> dict[str, Any]:
        if not kept:
            kept.append(reading)
        return {field.name: getattr(kept[0], field.name) for field in fields(reading) if field.name != "time_s"}

    return changed(device, change)


def contrary_contactor() -> Lie:
    """The feedback says the opposite of what is; the driver finds the contradiction, as it does with a true one."""
    since: list[float] = []

    def lie(readings: Readings) -> Readings:
        reading = readings.contactor
        if reading is None:
            return readings
        closed, fault = not reading.closed, None
        if closed == reading.commanded:
            since.clear()
        else:
            since.append(reading.time_s)
            if reading.time_s - since[0] > SWITCHES_WITHIN_S:
                fault = ContactorFault.WELDED if closed else ContactorFault.DOES_NOT_CLOSE
        return replace(readings, contactor=replace(reading, closed=closed, fault=fault))

    return lie
