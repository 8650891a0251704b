"""The devices of one outlet: built from the configuration, read and commanded over Modbus."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TypeVar

from v2g.io.modbus import ModbusConnection, ModbusRegisters
from v2g.power.drivers.register_map import (
    RegisterContactor,
    RegisterGridSensor,
    RegisterInverter,
    RegisterIsolationMonitor,
    RegisterMeter,
)
from v2g.power.errors import PowerError
from v2g.power.inverter import InverterRating
from v2g.power.registers.map import RegisterMap, load
from v2g.station.connector import Orders, Readings
from v2g.station.settings import Device, Outlet

_T = TypeVar("_T")


class Devices:
    """Everything behind one outlet.

    A device that fails keeps its last reading, which then ages until the connector takes it for none: one lost answer
    is no reason to interrupt, a silent device is. `troubles` holds the latest error of each device, by name.
    """

    def __init__(self, outlet: Outlet, clock: Callable[[], float]) -> None:
        self.readings = Readings()
        self.rating: InverterRating | None = None
        self.troubles: dict[str, str] = {}
        self._clock = clock
        self._connections: dict[str, ModbusConnection] = {}
        self.contactor = RegisterContactor(*self._at(outlet.contactor, "contactor"))
        self.meter = RegisterMeter(*self._at(outlet.meter, "meter"))
        self.inverter = RegisterInverter(*self._at(outlet.inverter, "inverter")) if outlet.inverter else None
        self.isolation = (
            RegisterIsolationMonitor(*self._at(outlet.isolation, "isolation monitor")) if outlet.isolation else None
        )
        self.grid = RegisterGridSensor(*self._at(outlet.grid, "grid sensing unit")) if outlet.grid else None

    def _at(self, device: Device, name: str) -> tuple[ModbusRegisters, RegisterMap | None]:
        connection = self._connections.get(device.address)
        if connection is None:
            host, _, port = device.address.rpartition(":")
            connection = self._connections[device.address] = ModbusConnection(host.strip("[]"), int(port))
        own_map = None if device.registers is None else load(device.registers)
        return connection.unit(device.unit, name), own_map

    async def read(self, *, isolation: bool) -> Readings:
        """Read all devices at once; the isolation monitor only while it is asked for."""
        before = self.readings
        if self.inverter and self.rating is None:
            self.rating = await self._try("inverter", self.inverter.rating(), None)
        contactor, meter, inverter, grid, insulation = await asyncio.gather(
            self._try("contactor", self.contactor.read(), before.contactor),
            self._try("meter", self.meter.read(), before.meter),
            self._optional("inverter", self.inverter.read() if self.inverter else None, before.inverter),
            self._optional("grid sensing unit", self.grid.read() if self.grid else None, before.grid),
            self._optional(
                "isolation monitor", self.isolation.read() if self.isolation and isolation else None, before.isolation
            ),
        )
        self.readings = Readings(inverter, contactor, meter, insulation, grid, self.readings.self_test_since)
        return self.readings

    async def command(self, orders: Orders) -> None:
        """Make the orders so. The devices are commanded at once, so that a dead one delays no other."""
        work = [self._try("contactor", self.contactor.command(closed=orders.contactor_closed), None)]
        if self.inverter:
            work.append(self._try("inverter", self._inverter(orders), None))
        if self.isolation and orders.self_test and self.readings.self_test_since is None:
            work.append(self._try("isolation monitor", self._self_test(), None))
        await asyncio.gather(*work)
        if not orders.self_test and self.readings.self_test_since is not None:
            self._set_self_test(None)

    def close(self) -> None:
        for connection in self._connections.values():
            connection.close()

    async def _inverter(self, orders: Orders) -> None:
        assert self.inverter
        await self.inverter.command(orders.inverter)

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

    async def _optional(self, name: str, work: Awaitable[_T] | None, otherwise: _T | None) -> _T | None:
        return otherwise if work is None else await self._try(name, work, otherwise)
