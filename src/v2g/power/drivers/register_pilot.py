"""A control pilot that a microcontroller makes and measures, behind registers."""

from v2g.power.drivers.mapped import number, numbers
from v2g.power.drivers.register_map import ByRegisters
from v2g.power.pilot import PilotReading

_MEASUREMENTS = ("high_v", "low_v", "duty")


class RegisterPilot(ByRegisters):
    """`v2g.power.pilot.Pilot` by registers. A duty cycle is written when it changes and when the heartbeat is due."""

    MAP = "pilot"
    NEEDED = numbers("duty_set", *_MEASUREMENTS)

    async def command(self, duty: float) -> None:
        """Sends a duty cycle; see the port."""
        if not 0 <= duty <= 1:
            raise ValueError(f"a duty cycle is a share of 0 to 1, not {duty}")
        await self._hold("duty_set", duty)

    async def read(self) -> PilotReading:
        """Measures; see the port."""
        values = await self.device.read(*_MEASUREMENTS)
        return PilotReading(time_s=self._clock(), **{name: number(values[name]) for name in _MEASUREMENTS})
