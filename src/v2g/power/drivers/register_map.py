"""The mapped drivers over registers: each takes the device's `Registers` and a register map, the shipped one if left
out."""

import time

from v2g.power.drivers.mapped import (
    Clock,
    MappedContactor,
    MappedDriver,
    MappedGridSensor,
    MappedInverter,
    MappedIsolationMonitor,
    MappedMeter,
)
from v2g.power.registers.device import RegisterDevice
from v2g.power.registers.map import RegisterMap, shipped
from v2g.power.registers.port import Registers


class ByRegisters(MappedDriver):
    """A mapped driver over registers."""

    def __init__(
        self, registers: Registers, register_map: RegisterMap | None = None, *, clock: Clock = time.monotonic
    ) -> None:
        """Raises `MapError`."""
        super().__init__(RegisterDevice(registers, register_map or shipped(self.MAP)), clock=clock)


class RegisterInverter(ByRegisters, MappedInverter):
    """`v2g.power.inverter.Inverter` by registers."""


class RegisterContactor(ByRegisters, MappedContactor):
    """`v2g.power.contactor.Contactor` by registers."""


class RegisterMeter(ByRegisters, MappedMeter):
    """`v2g.power.meter.Meter` by registers."""


class RegisterIsolationMonitor(ByRegisters, MappedIsolationMonitor):
    """`v2g.power.isolation.IsolationMonitor` by registers."""


class RegisterGridSensor(ByRegisters, MappedGridSensor):
    """`v2g.power.grid_sensor.GridSensor` by registers."""
