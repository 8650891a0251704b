"""Safety loops, temperatures and coolant pump of a remote I/O module, by registers."""

import time

from v2g.power.drivers.register_map import Clock, MappedDevice
from v2g.power.errors import Implausible
from v2g.power.registers.map import Kind, RegisterMap, Value, shipped
from v2g.power.registers.port import Registers
from v2g.power.safety_inputs import SafetyReading

_LOOPS = ("emergency_loop", "residual_loop", "door_loop")
_SENSORS = ("contactor_c", "coolant_c", "ambient_c", "flow")


class RegisterSafetyInputs:
    """`v2g.power.safety_inputs.SafetyInputs` by registers. Sensors that the map leaves out read as None."""

    def __init__(
        self, registers: Registers, register_map: RegisterMap | None = None, *, clock: Clock = time.monotonic
    ) -> None:
        register_map = register_map or shipped("safety")
        self._sensors = tuple(name for name in _SENSORS if name in register_map.quantities)
        needed = dict.fromkeys((*_LOOPS, *self._sensors), Kind.NUMBER)
        self._device = MappedDevice(registers, register_map, needed)
        self._clock = clock

    async def read(self) -> SafetyReading:
        """Reads; see the port."""
        loops = await self._device.read(*_LOOPS)
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
        try:
            return _numbers(await self._device.read(*self._sensors))
        except Implausible:
            values: dict[str, float] = {}
            for name in self._sensors:
                try:
                    values |= _numbers(await self._device.read(name))
                except Implausible:
                    continue  # stays unknown
            return values


class RegisterCoolantPump:
    """`v2g.power.safety_inputs.CoolantPump` by registers."""

    def __init__(
        self, registers: Registers, register_map: RegisterMap | None = None, *, clock: Clock = time.monotonic
    ) -> None:
        needed = {"pump_set": Kind.NUMBER}
        self._device = MappedDevice(registers, register_map or shipped("safety"), needed)
        self._clock = clock
        self._written: tuple[float, float] | None = None

    async def command(self, share: float) -> None:
        """Sets the speed; see the port."""
        if not 0 <= share <= 1:
            raise ValueError(f"a pump's speed is a share of 0 to 1, not {share}")
        if self._written is not None:
            written, time_s = self._written
            if abs(share - written) < 0.01 and self._clock() - time_s < self._device.map.heartbeat_s:
                return
        self._written = None  # unknown until it has been acknowledged
        await self._device.write({"pump_set": share})
        self._written = share, self._clock()


def _numbers(values: dict[str, Value]) -> dict[str, float]:
    return {name: value for name, value in values.items() if isinstance(value, float)}
