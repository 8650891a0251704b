"""The devices of one EVSE: made by the drivers that the configuration names, read and commanded."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from math import inf
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar
from weakref import WeakValueDictionary

from msgspec.structs import replace

from v2g.io.modbus import ModbusConnection, connection
from v2g.power.address import MODBUS_RTU, Address
from v2g.power.card_reader import CardReader
from v2g.power.contactor import Contactor, ContactorReading, joined
from v2g.power.drivers import make
from v2g.power.drivers.mapped import MappedInverter
from v2g.power.errors import Implausible, PowerError, ReadBackMismatch
from v2g.power.grid_sensor import GridSensor
from v2g.power.inverter import HeldSetpoint, Inverter, InverterRating, InverterSetpoint
from v2g.power.isolation import IsolationMonitor
from v2g.power.lock import ConnectorLock
from v2g.power.meter import Meter, MeterReading, why_implausible
from v2g.power.pilot import Pilot as ControlPilot
from v2g.power.registers.device import RegisterDevice
from v2g.power.registers.port import Registers, Table
from v2g.power.safety_inputs import CoolantPump, SafetyInputs
from v2g.power.signals.port import Frames
from v2g.power.temperatures import TemperatureSensors
from v2g.power.waveform import SampleSource
from v2g.power.wiring import Wiring
from v2g.run.patience import Patience
from v2g.station.config.settings import Device, EvseSettings, Pilot
from v2g.station.orders import SAFE, Orders
from v2g.station.readings import Readings
from v2g.station.station import Register

if TYPE_CHECKING:  # loaded if there is such a device
    from v2g.io.can import CanBus
    from v2g.io.waveform import UdpSamples

_T = TypeVar("_T")

SAFE_POLL_S = 0.005
"""Between looks at a contactor that is about to open."""
HANGS_S = 2.0
"""A driver's method that has not returned by then is given up. The ports ask for a tenth of that."""

_FIELDS = {
    "contactor": "contactor",
    "meter": "meter",
    "inverter": "inverter",
    "isolation monitor": "isolation",
    "grid sensing unit": "grid",
    "control pilot": "pilot",
    "safety inputs": "safety",
    "CCID": "ccid",
    "connector lock": "lock",
    "card reader": "reader",
    "temperature sensors": "temperatures",
}
"""Name of a device -> its attribute here and in `Readings`."""


class Lines:
    """`v2g.power.wiring.Carriers`: opened on first use, shared by the devices at one address.

    Each EVSE has its own, so that no TCP connection of one waits for another's device. A serial line has one user by
    its nature, and an adapter one process, so all EVSEs of the process share these.
    """

    _serial: ClassVar[WeakValueDictionary[Address, ModbusConnection]] = WeakValueDictionary()
    _can: ClassVar["WeakValueDictionary[Address, CanBus]"] = WeakValueDictionary()

    def __init__(self) -> None:
        self._connections: dict[Address, ModbusConnection] = {}
        self._buses: dict[Address, CanBus] = {}
        self._samples: dict[Address, UdpSamples] = {}
        self._closing: list[Callable[[], None]] = []

    def registers(self, address: Address, device: str) -> Registers:
        """The registers of a Modbus unit; see the port."""
        line = address.line
        if line not in self._connections:
            made = self._serial.get(line) or connection(address)
            if address.scheme == MODBUS_RTU:
                self._serial[line] = made
            self._connections[line] = made
            self.keep(self._connections[line].close)
        return self._connections[line].unit(address.unit, device)

    def frames(self, address: Address, device: str) -> Frames:
        """The frames of a device on a CAN bus; see the port."""
        from v2g.io.can import CanBus

        if address not in self._buses:
            bus = self._buses[address] = self._can.get(address) or CanBus(address)
            self._can[address] = bus
            self.keep(bus.close)
        return self._buses[address].frames(device)

    def samples(self, address: Address) -> SampleSource:
        """The samples that arrive at an address; see the port."""
        from v2g.io.waveform import UdpSamples

        if address not in self._samples:
            samples = self._samples[address] = UdpSamples(address.host, address.port)
            self.keep(samples.close)
        return self._samples[address]

    def keep(self, close: Callable[[], None]) -> None:
        """Remembers what is to be closed; see the port."""
        self._closing.append(close)

    def close(self) -> None:
        """Closes everything that was opened."""
        for close in self._closing:
            close()


class Devices:
    """Everything behind one EVSE.

    A device that fails keeps its last reading, which then ages until the EVSE takes it for none: one lost answer
    is no reason to interrupt, a silent device is. Whatever a driver raises, and however long it hangs, is a trouble of
    its device alone.
    """

    def __init__(self, evse: EvseSettings, clock: Callable[[], float]) -> None:
        """Opens nothing yet. Raises `V2GError` for a device that has no such driver or map."""
        self.readings = Readings()
        self.rating: InverterRating | None = None
        self.held: InverterSetpoint | None = None
        """The set-point that the inverter held when it was read back last."""
        self.troubles: dict[str, str] = {}
        """The latest error of each device that has one, by name."""
        self.oddities: dict[str, str] = {}
        """What is wrong with a device and does not matter, by name."""
        self._failing: dict[str, dict[str, str]] = {}
        """Name of a device -> what fails (reading it, commanding it) -> why."""
        self._differs_since_s: float | None = None
        """Since when the inverter holds something else than commanded."""
        self._metered: MeterReading | None = None
        """What the meter showed last, plausible or not."""
        self._clock = clock
        self._evse = evse
        self._lines, self._patience = Lines(), Patience(HANGS_S)
        made = self._made
        self.contactor: Contactor = made("contactor", evse.contactor)
        self.phase_contactor: Contactor | None = made("contactor", evse.phase_contactor, "contactor of L2 and L3")
        self.meter: Meter = made("meter", evse.meter)
        self.inverter: Inverter | None = made("inverter", evse.inverter)
        self.isolation: IsolationMonitor | None = made("isolation", evse.isolation, "isolation monitor")
        self.grid: GridSensor | None = made("grid", evse.grid, "grid sensing unit")
        self.pilot: ControlPilot | None = None if evse.pilot is None else self._pilot(evse.pilot)
        self.safety: SafetyInputs | None = made("safety", evse.safety, "safety inputs")
        self.pump: CoolantPump | None = made("pump", evse.safety, "coolant pump")
        self.ccid: Contactor | None = made("contactor", evse.ccid, "CCID")
        self.lock: ConnectorLock | None = made("lock", evse.lock, "connector lock")
        self.reader: CardReader | None = made("reader", evse.reader, "card reader")
        self.temperatures: TemperatureSensors | None = made("temperatures", evse.temperatures, "temperature sensors")
        commanded = (self.contactor, self.phase_contactor, self.inverter, self.pilot, self.ccid, self.pump, self.lock)
        self.heartbeat_s = min(getattr(each, "heartbeat_s", inf) for each in commanded)
        """The shortest time within which one of them wants to hear its command again; infinite if none says."""

    def _made(self, kind: str, device: Device | None, name: str | None = None) -> Any:
        """The device by its driver; what it can do is that of the kind's port."""
        if device is None:
            return None
        wiring = Wiring(
            name or kind,
            device.where,
            self._lines,
            device.registers,
            self._evse.nominal_hz,
            self._evse.nominal_voltage_v,
        )
        return make(kind, device.driver, wiring)

    def _pilot(self, settings: Pilot) -> ControlPilot:
        if settings.device is not None:
            pilot: ControlPilot = self._made("pilot", settings.device, "control pilot")
            return pilot
        from v2g.power.drivers.pwm_sysfs import SysfsPilot

        assert settings.pwm is not None  # the configuration is checked
        made = SysfsPilot(settings.pwm)
        self._lines.keep(made.close)
        return made

    @property
    def names(self) -> list[str]:
        """The devices that there are, as `read` takes them."""
        return [name for name in _FIELDS if getattr(self, _FIELDS[name]) is not None]

    async def read(self, name: str) -> None:
        """Read one device; its reading is in `readings` as soon as it has arrived."""
        device = getattr(self, _FIELDS[name])
        if device is self.inverter and self.inverter is not None and self.rating is None:
            self.rating = await self._try(name, "rating", self.inverter.rating())
        work = self._metering() if name == "meter" else self._contacts() if name == "contactor" else device.read()
        reading = await self._try(name, "read", work)
        if reading is not None:
            self.readings = replace(self.readings, **{_FIELDS[name]: reading})
        if oddity := getattr(device, "oddity", ""):  # few drivers have any
            self.oddities[name] = f"{name}: {oddity}"

    async def _metering(self) -> MeterReading:
        """The meter's map is the user's own, and what it shows decides on a car that does its own converting."""
        result = await self.meter.read()
        before, self._metered = self._metered, result
        if (reason := why_implausible(result, self._rated_w, before)) is not None:
            remedy = "check its register map (type, scale, word order) and its current transformers"
            raise Implausible("meter", self._evse.meter.address, reason, remedy)
        return result

    @property
    def _rated_w(self) -> float:
        own = [self._evse.capability.charge_w, self._evse.capability.discharge_w]
        return max(own if self.rating is None else [*own, self.rating.charge_power_max_w])

    @property
    def commands(self) -> list[Callable[[Orders], Awaitable[None]]]:
        """One for each device that is commanded: makes its part of the orders so."""
        there: list[Callable[[Orders], Awaitable[None]]] = [self.command_contactor]
        if self.phase_contactor:
            there.append(self.command_phase_contactor)
        if self.inverter:
            there.append(self.command_inverter)
        if self.isolation:
            there.append(self.command_isolation)
        if self.pilot:
            there.append(self.command_pilot)
        if self.ccid:
            there.append(self.command_ccid)
        if self.pump:
            there.append(self.command_pump)
        if self.lock:
            there.append(self.command_lock)
        return there

    async def command(self, orders: Orders) -> None:
        """Make the orders so. The devices are commanded at once, so that a dead one delays no other."""
        await asyncio.gather(*(command(orders) for command in self.commands))

    async def make_safe(self, within_s: float) -> ContactorReading | None:
        """Commands the safe state until the contactor is seen open, which frees the plug too, or the time is over.

        Returns the first reading of the contactor: where an earlier process left it.
        """
        first: ContactorReading | None = None
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                while not self.readings.fresh(self._clock()).seen_open:
                    await self.command(SAFE)
                    await asyncio.gather(self.read("contactor"))  # a task of its own: this one may have been cancelled
                    first = first or self.readings.contactor
                    await asyncio.sleep(SAFE_POLL_S)
        await self.command(SAFE)
        return first

    async def command_contactor(self, orders: Orders) -> None:
        await self._try("contactor", "command", self.contactor.command(closed=orders.contactor_closed))

    async def command_phase_contactor(self, orders: Orders) -> None:
        assert self.phase_contactor
        closed = orders.contactor_closed and orders.phases == 3
        await self._try("contactor of L2 and L3", "command", self.phase_contactor.command(closed=closed))

    async def _contacts(self) -> ContactorReading:
        """Of all phases: what one contactor does not say, nobody knows of the other."""
        if self.phase_contactor is None:
            return await self.contactor.read()
        first, others = await asyncio.gather(self.contactor.read(), self.phase_contactor.read())
        return joined(first, others)

    async def command_inverter(self, orders: Orders) -> None:
        assert self.inverter
        self.held = await self._try("inverter", "command", self._hold(orders.inverter))

    async def _hold(self, wanted: InverterSetpoint) -> InverterSetpoint | None:
        """Commands the inverter and takes down what it holds. One that holds something else for a moment may be on its
        way; for longer it is a trouble of its own, reported once."""
        assert self.inverter
        held, differs = None, ""
        try:
            held = await self.inverter.command(wanted)
        except ReadBackMismatch as error:
            differs = error.reason
            if self._differs_since_s is None:
                self._differs_since_s = self._clock()
            since_s = self._differs_since_s
        else:
            since_s = self._clock()
            self._differs_since_s = None
        now = self._clock()
        reading = HeldSetpoint(now, held, differs, now - since_s if differs else 0.0)
        self.readings = replace(self.readings, held=reading)
        if reading.disobeys:
            remedy = "check that no other controller writes to it, and its register map"
            raise ReadBackMismatch(
                "inverter", self._evse.inverter.address if self._evse.inverter else "?", differs, remedy
            )
        return held

    async def command_pilot(self, orders: Orders) -> None:
        assert self.pilot
        await self._try("control pilot", "command", self.pilot.command(orders.pilot_duty))

    async def command_ccid(self, orders: Orders) -> None:
        assert self.ccid
        await self._try("CCID", "command", self.ccid.command(closed=orders.ccid_closed))

    async def command_pump(self, orders: Orders) -> None:
        assert self.pump
        await self._try("coolant pump", "command", self.pump.command(orders.pump))

    async def command_lock(self, orders: Orders) -> None:
        """Locks at once, but frees the plug only while the contactor is seen open: silence holds it."""
        assert self.lock
        is_open = self.readings.fresh(self._clock()).seen_open
        if orders.locked or (is_open and not orders.contactor_closed):
            await self._try("connector lock", "command", self.lock.command(locked=orders.locked))

    async def command_isolation(self, orders: Orders) -> None:
        assert self.isolation
        if orders.self_test and self.readings.self_test_since is None:
            await self._try("isolation monitor", "command", self._self_test())
        elif not orders.self_test and self.readings.self_test_since is not None:
            self._set_self_test(None)

    @property
    def registers(self) -> tuple[Register, ...]:
        """The inverter's limits that can be set by hand, by their registers."""
        device = self.inverter.device if isinstance(self.inverter, MappedInverter) else None
        if not isinstance(device, RegisterDevice):
            return ()
        quantities = {name: device.map.quantities[name] for name in ("discharge_limit_w", "charge_limit_w")}
        return tuple(
            Register(name, quantity.address, quantity.scale)
            for name, quantity in quantities.items()
            if quantity.table is Table.HOLDING and quantity.count == 1
        )

    def close(self) -> None:
        """Gives up all connections."""
        self._lines.close()

    async def _self_test(self) -> None:
        assert self.isolation
        await self.isolation.start_self_test()
        self._set_self_test(self._clock())

    def _set_self_test(self, since: float | None) -> None:
        self.readings = replace(self.readings, self_test_since=since)

    async def _try(self, name: str, doing: str, work: Awaitable[_T]) -> _T | None:
        """The result of a driver's method; None if it fails, which is then a trouble of the device."""
        failing = self._failing.setdefault(name, {})
        try:
            result = await self._patience.of(work)
        except PowerError as error:
            failing[doing] = str(error)
        except TimeoutError:
            failing[doing] = f"{name}: its driver does not return within {HANGS_S:g} s ({doing}); restart the station"
        except Exception as error:  # a driver's defect is a fault of its device, not of the station
            failing[doing] = f"{name}: its driver fails ({doing}): {type(error).__name__}: {error}; report it"
        else:
            failing.pop(doing, None)
            if not failing:
                self.troubles.pop(name, None)
            return result
        self.troubles[name] = failing[doing]
        return None
