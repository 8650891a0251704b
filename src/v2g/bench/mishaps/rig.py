"""The world of one run, with the handles by which mishaps change it."""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from math import inf
from random import Random
from typing import Any

from msgspec import structs

from v2g.bench.sim.charging_cable import ChargingCable
from v2g.bench.sim.safety import SafetyModule
from v2g.bench.sim.world import SOUND, World
from v2g.iso15118.vehicle import Intent
from v2g.iso15118.view import Limits
from v2g.kernel.fault import Fault
from v2g.power.contactor import SWITCHES_WITHIN_S, ContactorFault
from v2g.station.access import Answer, Identity, Verdict, authorizer_of
from v2g.station.config.settings import Access, EvseSettings
from v2g.station.power.limits import Bound, Holds
from v2g.station.power.situation import OperatorLimits
from v2g.station.readings import Readings
from v2g.v2gtp.framing import FrameReader, FramingError, pack


@dataclass(frozen=True, slots=True)
class StationLimit:
    """A limit that fell while the station was at work."""

    since_s: float
    charge_w: float
    discharge_w: float
    at_the_car: bool
    """It holds what reaches the car; otherwise what the meter shows."""

    def of(self, direction: float) -> float:
        """The magnitude in the direction of `direction`'s sign."""
        return self.charge_w if direction > 0 else self.discharge_w


class Revocable:
    """The configured authoriser, until somebody revokes what it granted."""

    def __init__(self, access: Access) -> None:
        self.revoked = False
        self._configured = authorizer_of(access)

    def judge(self, identity: Identity, now: float) -> Verdict:
        if self.revoked:
            return Verdict(Answer.REFUSED, "the authorisation was revoked")
        return self._configured.judge(identity, now)


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
        self.greedy = False
        """The car takes or feeds more than it may."""
        self.routines: dict[str, Callable[[], None]] = {}
        """What a car does in every step, besides or instead of its conversation."""
        self.limits: dict[str, StationLimit] = {}
        self.lowered_s = -inf
        """When the car lowered its limits."""
        self._before = intent.limits
        self._taken_over: set[str] = set()
        self.authorizer = Revocable(evse.access)
        self.world = World(evse, intent, soc=soc, grid=lambda now, plant: self.grid, authorizer=self.authorizer)
        self.world.wire, self.world.as_read = self._wire, self._read

    def step(self, step_s: float) -> None:
        """Let time pass."""
        for routine in tuple(self.routines.values()):
            routine()
        self.world.step(step_s)

    def take_over(self, name: str) -> None:
        """The car's software neither listens nor talks any more; whoever took it over may talk in its place."""
        self._taken_over.add(name)
        self.world.faults.hung = True

    def give_back(self, name: str) -> None:
        self._taken_over.discard(name)
        self.routines.pop(name, None)
        self.world.faults.hung = bool(self._taken_over)

    def forget(self, name: str) -> None:
        """Nothing is changed any more under this name."""
        self.tampers.pop(name, None)
        self.lies.pop(name, None)

    def limit(self, name: str, limit: StationLimit | None) -> None:
        """A limit of the station falls, or is lifted. The operator's one stands on its disk; the site's does not."""
        self.limits.pop(name, None)
        if limit is not None:
            self.limits[name] = limit
        self.apply_limits()

    def apply_limits(self) -> None:
        """What the rest of the station says to its EVSE again and again."""
        site, operator = self.limits.get("site"), self.limits.get("operator")
        evse = self.world.evse
        evse.site = None if site is None else Bound("site limit", site.charge_w, site.discharge_w, holds=Holds.ALWAYS)
        if operator is None:
            evse.operator = OperatorLimits()
        elif operator.since_s == self.world.now:  # later on it has to know by itself
            evse.operator = OperatorLimits(operator.charge_w, operator.discharge_w)
        self.world.kept = evse.kept  # before the operator gets an answer

    def lower_the_cars_limits(self, factor: float) -> None:
        """An honest car states lower limits from now on, and keeps to them."""
        car = self.world.evcc
        if car is None or car.end is not None:
            return
        self._before, self.lowered_s = self.intent.limits, self.world.now
        names = ("charge_w", "discharge_w", "charge_a", "discharge_a")
        lower = replace(self._before, **{name: factor * getattr(self._before, name) for name in names})
        self.intent = replace(self.intent, limits=lower)
        car.session = replace(car.session, intent=replace(car.session.intent, limits=lower))

    def car_limits(self, follows_s: float) -> Limits:
        """What binds the station: the car's limits, lower ones once they can have been followed."""
        return self.intent.limits if self.world.now - self.lowered_s > follows_s else self._before

    def another_car(self, intent: Intent) -> None:
        """What the car before it stated does not count any more; this one talks, and takes what it may."""
        self.world.faults.mute, self.world.greed, self.greedy = False, 1.0, False
        self.intent, self._before, self.lowered_s, self.corrupted = intent, intent.limits, -inf, False

    @property
    def edition(self) -> str:
        """Of the car."""
        return self.intent.editions[0]

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
        if reading is None:
            return readings
        return structs.replace(readings, **{device: replace(reading, **change(reading))})

    return lie


def frozen(device: str) -> Lie:
    """The device answers with the same measurement again and again."""
    kept: list[Any] = []

    def change(reading: Any) -> dict[str, Any]:
        if not kept:
            kept.append(reading)
        return {field.name: getattr(kept[0], field.name) for field in fields(reading) if field.name != "time_s"}

    return changed(device, change)


def frozen_contactor() -> Lie:
    """The feedback stays as it is."""
    kept: list[bool] = []

    def shown(closed: bool) -> bool:
        kept.append(closed)
        return kept[0]

    return _feedback(shown)


def contrary_contactor() -> Lie:
    """The feedback says the opposite of what is."""
    return _feedback(lambda closed: not closed)


def _feedback(shown: Callable[[bool], bool]) -> Lie:
    """The feedback is what `shown` makes of it; the driver finds the contradiction, as it does with a true one."""
    since: list[float] = []

    def lie(readings: Readings) -> Readings:
        reading = readings.contactor
        if reading is None:
            return readings
        closed, fault = shown(reading.closed), None
        if closed == reading.commanded:
            since.clear()
        else:
            since.append(reading.time_s)
            if reading.time_s - since[0] > SWITCHES_WITHIN_S:
                fault = ContactorFault.WELDED if closed else ContactorFault.DOES_NOT_CLOSE
        return structs.replace(readings, contactor=replace(reading, closed=closed, fault=fault))

    return lie
