"""The devices of one EVSE: built from the configuration, read and commanded over Modbus."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from v2g.io.modbus import ModbusConnection, ModbusRegisters
from v2g.power.drivers.register_map import (
    RegisterContactor,
    RegisterGridSensor,
    RegisterInverter,
    RegisterIsolationMonitor,
    RegisterMeter,
)
from v2g.power.drivers.register_pilot import RegisterPilot
from v2g.power.drivers.register_safety import RegisterCoolantPump, RegisterSafetyInputs
from v2g.power.errors import PowerError
from v2g.power.grid_sensor import GridSensor
from v2g.power.inverter import Inverter, InverterRating, InverterSetpoint
from v2g.power.pilot import Pilot as ControlPilot
from v2g.power.registers.map import RegisterMap, load
from v2g.power.registers.port import Table
from v2g.station.config.settings import Device, EvseSettings, Pilot
from v2g.station.orders import Orders
from v2g.station.readings import Readings
from v2g.station.station import Register

if TYPE_CHECKING:
    from v2g.io.waveform import UdpSamples

_T = TypeVar("_T")

_FIELDS = {
    "contactor": "contactor",
    "meter": "meter",
    "inverter": "inverter",
    "isolation monitor": "isolation",
    "grid sensing unit": "grid",
    "control pilot": "pilot",
    "safety inputs": "safety",
    "CCID": "ccid",
}
"""Name of a device -> its attribute here and in `Readings`."""


class Devices:
    """Everything behind one EVSE.

    A device that fails keeps its last reading, which then ages until the EVSE takes it for none: one lost answer
    is no reason to interrupt, a silent device is. `troubles` holds the latest error of each device, by name.
    """

    def __init__(self, evse: EvseSettings, clock: Callable[[], float]) -> None:
        self.readings = Readings()
        self.rating: InverterRating | None = None
        self.held: InverterSetpoint | None = None
        """The set-point that the inverter held when it was read back last."""
        self.troubles: dict[str, str] = {}
        self._clock = clock
        self._connections: dict[str, ModbusConnection] = {}
        self._samples: UdpSamples | None = None
        self.contactor = RegisterContactor(*self._at(evse.contactor, "contactor"))
        self.meter = RegisterMeter(*self._at(evse.meter, "meter"))
        self.inverter = self._inverter_at(evse.inverter) if evse.inverter else None
        self.isolation = (
            RegisterIsolationMonitor(*self._at(evse.isolation, "isolation monitor")) if evse.isolation else None
        )
        self.grid = self._grid_at(evse.grid, evse) if evse.grid else None
        self.pilot = self._pilot_at(evse.pilot) if evse.pilot else None
        self.safety = RegisterSafetyInputs(*self._at(evse.safety, "safety inputs")) if evse.safety else None
        self.pump = RegisterCoolantPump(*self._at(evse.safety, "coolant pump")) if evse.safety else None
        self.ccid = RegisterContactor(*self._at(evse.ccid, "CCID")) if evse.ccid else None

    def _inverter_at(self, device: Device) -> Inverter:
        registers, own_map = self._at(device, "inverter")
        if device.driver == "sunspec":
            from v2g.power.drivers.sunspec_inverter import SunSpecInverter

            return SunSpecInverter(registers, own_map)
        return RegisterInverter(registers, own_map)

    def _grid_at(self, device: Device, evse: EvseSettings) -> GridSensor:
        if device.driver == "waveform":
            from v2g.io.waveform import UdpSamples, WaveformGridSensor

            self._samples = UdpSamples(*_endpoint(device))
            return WaveformGridSensor(self._samples, evse.nominal_hz, evse.nominal_voltage_v)
        registers, own_map = self._at(device, "grid sensing unit")
        if device.driver == "sunspec":
            from v2g.power.drivers.sunspec_grid_sensor import SunSpecGridSensor

            return SunSpecGridSensor(registers)
        return RegisterGridSensor(registers, own_map)

    def _pilot_at(self, settings: Pilot) -> ControlPilot:
        if settings.device is not None:
            return RegisterPilot(*self._at(settings.device, "control pilot"))
        from v2g.power.drivers.pwm_sysfs import SysfsPilot

        assert settings.pwm is not None  # the configuration is checked
        return SysfsPilot(settings.pwm)

    def _at(self, device: Device, name: str) -> tuple[ModbusRegisters, RegisterMap | None]:
        connection = self._connections.get(device.address)
        if connection is None:
            connection = self._connections[device.address] = ModbusConnection(*_endpoint(device))
        own_map = None if device.registers is None else load(device.registers)
        return connection.unit(device.unit, name), own_map

    @property
    def names(self) -> list[str]:
        """The devices that there are, as `read` takes them."""
        return [name for name in _FIELDS if getattr(self, _FIELDS[name]) is not None]

    async def read(self, name: str) -> None:
        """Read one device; its reading is in `readings` as soon as it has arrived."""
        device = getattr(self, _FIELDS[name])
        if device is self.inverter and self.inverter is not None and self.rating is None:
            self.rating = await self._try(name, self.inverter.rating(), None)
        reading = await self._try(name, device.read(), None)
        if reading is not None:
            self.readings = replace(self.readings, **{_FIELDS[name]: reading})

    @property
    def commands(self) -> list[Callable[[Orders], Awaitable[None]]]:
        """One for each device that is commanded: makes its part of the orders so."""
        there: list[Callable[[Orders], Awaitable[None]]] = [self.command_contactor]
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
        return there

    async def command(self, orders: Orders) -> None:
        """Make the orders so. The devices are commanded at once, so that a dead one delays no other."""
        await asyncio.gather(*(command(orders) for command in self.commands))

    async def command_contactor(self, orders: Orders) -> None:
        await self._try("contactor", self.contactor.command(closed=orders.contactor_closed), None)

    async def command_inverter(self, orders: Orders) -> None:
        assert self.inverter
        self.held = await self._try("inverter", self.inverter.command(orders.inverter), None)

    async def command_pilot(self, orders: Orders) -> None:
        assert self.pilot
        await self._try("control pilot", self.pilot.command(orders.pilot_duty), None)

    async def command_ccid(self, orders: Orders) -> None:
        assert self.ccid
        await self._try("CCID", self.ccid.command(closed=orders.ccid_closed), None)

    async def command_pump(self, orders: Orders) -> None:
        assert self.pump
        await self._try("coolant pump", self.pump.command(orders.pump), None)

    async def command_isolation(self, orders: Orders) -> None:
        assert self.isolation
        if orders.self_test and self.readings.self_test_since is None:
            await self._try("isolation monitor", self._self_test(), None)
        elif not orders.self_test and self.readings.self_test_since is not None:
            self._set_self_test(None)

    @property
    def registers(self) -> tuple[Register, ...]:
        """The inverter's limits that can be set by hand, by their registers."""
        if not isinstance(self.inverter, RegisterInverter):
            return ()
        quantities = {name: self.inverter.map.quantities[name] for name in ("discharge_limit_w", "charge_limit_w")}
        return tuple(
            Register(name, quantity.address, quantity.scale)
            for name, quantity in quantities.items()
            if quantity.table is Table.HOLDING and quantity.count == 1
        )

    def close(self) -> None:
        for connection in self._connections.values():
            connection.close()
        if self._samples is not None:
            self._samples.close()

    async def _self_test(self) -> None:
        assert self.isolation
        await self.isolation.start_self_test()
        self._set_self_test(self._clock())

    def _set_self_test(self, since: float | None) -> None:
        self.readings = replace(self.readings, self_test_since=since)

    async def _try(self, name: str, work: Awaitable[_T], otherwise: _T) -> _T:
        try:
            result = await work
        except PowerError as error:
            self.troubles[name] = str(error)
            return otherwise
        self.troubles.pop(name, None)
        return result


def _endpoint(device: Device) -> tuple[str, int]:
    host, _, port = device.address.rpartition(":")
    return host.strip("[]"), int(port)
