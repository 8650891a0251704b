"""Safety loops, temperatures and coolant pump of a remote I/O module, by registers."""

from contextlib import suppress

from v2g.power.drivers.mapped import number, numbers
from v2g.power.drivers.register_map import ByRegisters
from v2g.power.errors import Implausible, Refused
from v2g.power.safety_inputs import SafetyReading

_LOOPS = ("emergency_loop", "residual_loop", "door_loop")
_PUMP = "pump_set"
_SENSORS = ("contactor_c", "coolant_c", "ambient_c", "flow")


class RegisterSafetyInputs(ByRegisters):
    """`v2g.power.safety_inputs.SafetyInputs` by registers. Sensors that the map leaves out read as None."""

    MAP = "safety"
    NEEDED = numbers(*_LOOPS)
    OPTIONAL = (*_SENSORS, _PUMP)

    async def read(self) -> SafetyReading:
        """Reads; see the port."""
        loops = await self.device.read(*_LOOPS)
        sensors = await self._read_sensors()
        return SafetyReading(
            time_s=self._clock(),
            emergency_stop=loops["emergency_loop"] != 1,
            residual_current=loops["residual_loop"] != 1,
            door_open=loops["door_loop"] != 1,
            contactor_c=sensors.get("contactor_c"),
            coolant_c=sensors.get("coolant_c"),
            ambient_c=sensors.get("ambient_c"),
            flow=sensors.get("flow"),
        )

    async def _read_sensors(self) -> dict[str, float]:
        """All in one request; one by one if a broken one among them spoils it."""
        there = [name for name in _SENSORS if self.device.has(name)]
        try:
            return {name: number(value) for name, value in (await self.device.read(*there)).items()}
        except (Implausible, Refused):
            values: dict[str, float] = {}
            for name in there:
                with suppress(Implausible, Refused):  # stays unknown
                    values[name] = number((await self.device.read(name))[name])
            return values


class RegisterCoolantPump(ByRegisters):
    """`v2g.power.safety_inputs.CoolantPump` by registers."""

    MAP = "safety"
    NEEDED = numbers(_PUMP)
    OPTIONAL = (*_LOOPS, *_SENSORS)

    async def command(self, share: float) -> None:
        """Sets the speed; see the port."""
        if not 0 <= share <= 1:
            raise ValueError(f"a pump's speed is a share of 0 to 1, not {share}")
        await self._hold(_PUMP, round(share, 2))  # a smaller step is not worth a write
