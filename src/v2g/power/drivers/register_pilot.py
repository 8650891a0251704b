"""A control pilot that a microcontroller makes and measures, behind registers."""

import time

from v2g.power.drivers.register_map import Clock, MappedDevice
from v2g.power.pilot import PilotReading
from v2g.power.registers.map import Kind, RegisterMap, shipped
from v2g.power.registers.port import Registers

_MEASUREMENTS = ("high_v", "low_v", "duty")


class RegisterPilot:
    """`v2g.power.pilot.Pilot` by registers. A duty cycle is written when it changes and when the heartbeat is due."""

    def __init__(
        self, registers: Registers, register_map: RegisterMap | None = None, *, clock: Clock = time.monotonic
    ) -> None:
        needed = dict.fromkeys(("duty_set", *_MEASUREMENTS), Kind.NUMBER)
        self._device = MappedDevice(registers, register_map or shipped("pilot"), needed)
        self._clock = clock
        self._written: tuple[float, float] | None = None

    async def command(self, duty: float) -> None:
        """Sends a duty cycle; see the port."""
        if not 0 <= duty <= 1:
            raise ValueError(f"a duty cycle is a share of 0 to 1, not {duty}")
        if self._written is not None:
            written, time_s = self._written
            if duty == written and self._clock() - time_s < self._device.map.heartbeat_s:
                return
        self._written = None  # unknown until it has been acknowledged
        await self._device.write({"duty_set": duty})
        self._written = duty, self._clock()

    async def read(self) -> PilotReading:
        """Measures; see the port."""
        values = await self._device.read(*_MEASUREMENTS)
        numbers = {name: value for name, value in values.items() if isinstance(value, float)}
        return PilotReading(time_s=self._clock(), **numbers)
