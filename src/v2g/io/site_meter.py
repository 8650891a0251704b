"""The meters of a house: over Modbus by a register map or SunSpec, over HTTP, from topics of a broker."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from math import inf, isfinite
from typing import Any, Protocol

import msgspec

from v2g.depot.configuration import Broker as Place
from v2g.depot.site.configuration import HouseBattery, HouseMeter, HouseSun, MqttMeter
from v2g.depot.site.reading import BatteryReading, HouseReading, Phases
from v2g.io import modbus
from v2g.io.depot_mqtt import endpoint_of
from v2g.io.http_fetch import fetch
from v2g.io.mqtt import open_broker
from v2g.kernel.errors import V2GError
from v2g.power.address import AddressError, parse
from v2g.power.errors import PowerError
from v2g.power.quantity import Kind
from v2g.power.registers.device import RegisterDevice
from v2g.power.registers.map import RegisterMap, load, shipped
from v2g.power.registers.port import Registers
from v2g.power.sunspec.device import SunSpecDevice

DEVICE = "meter of the house"
QUANTITIES = [f"{name}_l{phase}_{unit}" for name, unit in (("power", "w"), ("current", "a"), ("voltage", "v"))
              for phase in (1, 2, 3)]  # fmt: skip
SUNSPEC_MODELS = (203, 204, 202, 201)
"""Meters of three phases (wye, delta), of split phase and of one phase, which have the same points."""


NO_READING = (LookupError, TypeError, ValueError, OverflowError, RecursionError)
"""What is raised for an answer that is none."""


class Unread(V2GError):
    """The meter did not answer, or not with a reading. Names the place and the remedy."""


class Meter(Protocol):
    """A house's meter."""

    async def read(self) -> HouseReading:
        """Its reading, with the monotonic time. Raises `V2GError`."""
        ...


def meter_of(settings: HouseMeter) -> Meter | None:
    """The meter that is asked; None if its readings come by themselves. Raises `V2GError`."""
    if settings.address is None:
        return None
    if settings.model == "shelly-3em":
        return ShellyMeter(settings.address)
    try:
        address = parse(settings.address)
    except AddressError as error:
        raise V2GError(f"meter.address: {error}") from error
    registers = modbus.connection(address).unit(address.unit, DEVICE)
    if settings.model == "sunspec":
        return SunSpecMeter(registers)
    return RegisterMeter(registers, map_of(settings))


def map_of(settings: HouseMeter) -> RegisterMap:
    """The meter's registers. Raises `MapError`."""
    if settings.registers is not None:
        found = load(settings.registers)
    else:
        found = shipped(f"house_{(settings.model or 'eastron-sdm630').replace('-', '_')}")
    needed = dict.fromkeys([name for name in QUANTITIES if name.startswith("power_l1")], Kind.NUMBER)
    found.require(needed, QUANTITIES)
    return found


class RegisterMeter:
    """By registers. A map that leaves phases out is that of a house with one phase."""

    def __init__(self, registers: Registers, register_map: RegisterMap) -> None:
        self._device = RegisterDevice(registers, register_map)
        self._names = [name for name in QUANTITIES if name in register_map.quantities]

    async def read(self) -> HouseReading:
        """Reads; see the protocol."""
        values = await self._device.read(*self._names)
        return reading_of({name: float(value) for name, value in values.items() if isinstance(value, float)})


class SunSpecMeter:
    """A SunSpec meter of model 201 to 204; positive is drawn."""

    def __init__(self, registers: Registers) -> None:
        self._device = SunSpecDevice(registers)

    async def read(self) -> HouseReading:
        """Reads; see the protocol."""
        points = {
            f"{name}_l{phase}_{unit}": f"{point}ph{letter}"
            for name, unit, point in (("power", "w", "W"), ("current", "a", "A"), ("voltage", "v", "PhV"))
            for phase, letter in ((1, "A"), (2, "B"), (3, "C"))
        }
        models = await self._device.models()
        number = next((each for each in SUNSPEC_MODELS if each in models), None)
        if number is None:
            raise Unread("the meter of the house has none of the SunSpec models 201 to 204; check its address")
        values = await self._device.read(number, *points.values())
        found = {name: values[point] for name, point in points.items()}
        return reading_of({name: value for name, value in found.items() if isinstance(value, float)})


class ShellyMeter:
    """A Shelly Pro 3EM (`/rpc/EM.GetStatus`), or the older 3EM (`/status`)."""

    def __init__(self, address: str) -> None:
        self._address, self._path = address.rstrip("/"), ""

    async def read(self) -> HouseReading:
        """Reads; see the protocol."""
        paths = (self._path,) if self._path else ("/rpc/EM.GetStatus?id=0", "/status")
        for path in paths:
            try:
                content = await asyncio.to_thread(fetch, self._address + path)
                found = shelly(msgspec.json.decode(content, type=dict[str, Any]))
            except (V2GError, msgspec.MsgspecError, *NO_READING) as error:
                reason = error
                continue
            self._path = path
            return found
        raise Unread(f"the meter of the house at {self._address}: {reason}; check its address")


def shelly(document: Mapping[str, Any]) -> HouseReading:
    """A reading from what a Shelly answers. Raises `KeyError` and the like for anything else."""
    if "emeters" in document:
        rows = [(each["power"], each["current"], each["voltage"]) for each in document["emeters"]]
    else:
        rows = [(document[f"{n}_act_power"], document[f"{n}_current"], document[f"{n}_voltage"]) for n in "abc"]
    names = ("power", "w"), ("current", "a"), ("voltage", "v")
    return reading_of({
        f"{name}_l{phase}_{unit}": float(value)
        for phase, row in enumerate(rows, 1)
        for (name, unit), value in zip(names, row, strict=True)
    })  # fmt: skip


def reading_of(values: Mapping[str, float]) -> HouseReading:
    """Powers of each phase, and currents and voltages if all phases that have a power have them."""

    def three(name: str, unit: str) -> Phases | None:
        found = [values.get(f"{name}_l{phase}_{unit}") for phase in (1, 2, 3)]
        lacks = any(value is None and f"power_l{phase}_w" in values for phase, value in enumerate(found, 1))
        first, second, third = (0.0 if value is None else value for value in found)
        return None if lacks else (first, second, third)

    powers_w = three("power", "w")
    if powers_w is None:
        raise Unread("the meter of the house shows no power; check its map")
    currents_a, voltages_v = three("current", "a"), three("voltage", "v")
    if currents_a is not None:
        first, second, third = map(abs, currents_a)
        currents_a = first, second, third
    return HouseReading(unix_s=time.monotonic(), powers_w=powers_w, currents_a=currents_a, voltages_v=voltages_v)


async def ask(
    meter: Meter, every_s: float, take: Callable[[HouseReading], object], report: Callable[[str], None]
) -> None:
    """Read for ever; the same trouble is reported once."""
    said = ""
    while True:
        began_s = time.monotonic()
        try:
            take(await meter.read())
            said = ""
        except (V2GError, PowerError) as error:
            if str(error) != said:
                said = str(error)
                report(said)
        await asyncio.sleep(max(every_s - (time.monotonic() - began_s), 0.02))


class MeterAtBroker:
    """Numbers from topics; a reading each time one of them speaks, if no other has been silent for too long."""

    def __init__(
        self,
        settings: MqttMeter,
        take: Callable[[HouseReading], object],
        silent_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`silent_s`: a number that is older says nothing of its phase. `clock`: monotonic seconds."""
        self._place, self._take = settings.broker, take
        self._silent_s, self._clock = silent_s, clock
        self._names = {topic: f"power_l{phase}_w" for phase, topic in enumerate(settings.power, 1)}
        self._names |= {topic: f"current_l{phase}_a" for phase, topic in enumerate(settings.current or (), 1)}
        self._values: dict[str, float] = {}
        self._said_s: dict[str, float] = {}

    async def serve(self) -> None:
        """Until the broker is lost. Raises `BackEndError`."""
        await _listen(self._place, "v2g site meter", list(self._names), self.arrived)

    def arrived(self, topic: str, text: bytes) -> None:
        """A message."""
        value = number(text)
        if value is None:
            return
        now, name = self._clock(), self._names[topic]
        self._values[name], self._said_s[name] = value, now
        if len(self._values) == len(self._names) and now - min(self._said_s.values()) <= self._silent_s:
            self._take(reading_of(self._values))


class BatteryAtBroker:
    """The battery of the house, from topics."""

    def __init__(
        self,
        settings: HouseBattery,
        take: Callable[[BatteryReading], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`clock`: monotonic seconds."""
        self._settings, self._take, self._clock = settings, take, clock
        self._soc_pu: float | None = None
        self._soc_s = -inf

    async def serve(self) -> None:
        """Until the broker is lost. Raises `BackEndError`."""
        assert self._settings.broker is not None
        topics = [each for each in (self._settings.power, self._settings.soc) if each is not None]
        await _listen(self._settings.broker, "v2g site battery", topics, self.arrived)

    def arrived(self, topic: str, text: bytes) -> None:
        """A message."""
        value = number(text)
        if value is None:
            return
        if topic == self._settings.soc:
            self._soc_pu, self._soc_s = min(max(value / 100.0, 0.0), 1.0), self._clock()
        else:
            stale = self._clock() - self._soc_s > self._settings.silent_s
            soc_pu = None if stale else self._soc_pu
            self._take(BatteryReading(unix_s=self._clock(), power_w=value, soc_pu=soc_pu))


class SunAtBroker:
    """What the panels of the house give, from a topic."""

    def __init__(self, settings: HouseSun, take: Callable[[float], None]) -> None:
        self._settings, self._take = settings, take

    async def serve(self) -> None:
        """Until the broker is lost. Raises `BackEndError`."""
        await _listen(self._settings.broker, "v2g site sun", [self._settings.power], self.arrived)

    def arrived(self, topic: str, text: bytes) -> None:
        """A message."""
        if (value := number(text)) is not None:
            self._take(abs(value))


async def _listen(place: Place, client: str, topics: list[str], arrived: Callable[[str, bytes], None]) -> None:
    broker = await open_broker(endpoint_of(place), client, f"v2g/state/{client.replace(' ', '-')}")
    try:
        for topic in topics:
            await broker.subscribe(topic, retained=False)  # how old a retained one is, nobody can say
        while True:
            arrived(*await broker.receive())
    finally:
        await broker.close()


def number(text: bytes) -> float | None:
    """The number that a message says, or None."""
    try:
        value = float(text.decode("ascii").strip())
    except ValueError:
        return None
    return value if isfinite(value) else None


Serve = Callable[[], Awaitable[None]]
