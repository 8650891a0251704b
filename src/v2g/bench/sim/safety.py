"""A simulated remote I/O module: safety loops, temperatures and the coolant pump, with an operator who breaks things.

Unit 1 is the station's side, unit 2 the operator's. Without sockets, the attributes, `reading` and `command_pump` do
the same. The temperatures are those of a `Heat`, which follows the plant's inverter when there is one.
"""

import asyncio
from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files

from v2g.bench.sim.heat import Heat
from v2g.bench.sim.modbus_server import Unit
from v2g.power.errors import PowerError
from v2g.power.inverter import Inverter
from v2g.power.quantity import Kind, Value
from v2g.power.registers.device import RegisterDevice
from v2g.power.registers.map import RegisterMap, parse, shipped
from v2g.power.registers.port import Registers
from v2g.power.safety_inputs import SafetyReading

SAFETY_UNIT, OPERATOR_UNIT = 1, 2
PUMP_WATCHDOG_S = 5.0
"""Without a command for this long, the pump runs fully."""
STEP_S = 0.1
BROKEN_C = -3276.8


class SafetyModule:
    """The loops and sensors. The attributes may be changed while it runs."""

    def __init__(
        self, clock: Callable[[], float], *, heat: Heat | None = None, inverter: Inverter | None = None
    ) -> None:
        self.emergency_stop = False
        self.door_open = False
        self.residual_current = False
        self.broken_sensors: frozenset[str] = frozenset()
        """Among `contactor`, `coolant`, `ambient`, `flow`."""
        self.heat = heat or Heat()
        self._clock = clock
        self._inverter = inverter
        self._loss_w = self._current_a = 0.0
        self._stepped_s = self._commanded_s = clock()
        self.units = {
            SAFETY_UNIT: Unit(shipped("safety"), self._measure, self._obey),
            OPERATOR_UNIT: Unit(operator_map(), self._watch, self._operate),
        }
        ambient = operator_map().quantities["ambient_c"]  # a write of another register must not change it
        self.units[OPERATOR_UNIT].write(ambient.table, ambient.address, ambient.encode(self.heat.ambient_c))

    def command_pump(self, share: float) -> None:
        """Sets the pump's speed."""
        self.heat.pump, self._commanded_s = share, self._clock()

    def reading(self) -> SafetyReading:
        """What the module shows now."""
        now = self._clock()
        self.advance(now)
        state = self.heat.state
        values = {
            "contactor": state.contactor_c,
            "coolant": state.coolant_c,
            "ambient": self.heat.ambient_c,
            "flow": state.flow,
        }
        known = {name: None if name in self.broken_sensors else value for name, value in values.items()}
        return SafetyReading(
            time_s=now,
            emergency_stop=self.emergency_stop,
            door_open=self.door_open,
            residual_current=self.residual_current,
            contactor_c=known["contactor"],
            coolant_c=known["coolant"],
            ambient_c=known["ambient"],
            flow=known["flow"],
        )

    def advance(self, now: float) -> None:
        """Lets the heat and the pump's watchdog act until `now`."""
        if now - self._commanded_s > PUMP_WATCHDOG_S:
            self.heat.pump = 1.0
        if now > self._stepped_s:
            self.heat.step(now - self._stepped_s, self._loss_w, self._current_a)
            self._stepped_s = now

    async def run(self) -> None:
        """Keeps the module in step with the clock and the inverter, until cancelled."""
        while True:
            if self._inverter is not None:
                await self._follow(self._inverter)
            self.advance(self._clock())
            await asyncio.sleep(STEP_S)

    async def _follow(self, inverter: Inverter) -> None:
        """The losses of an inverter that does not answer are none: it is off."""
        try:
            reading = await inverter.read()
        except PowerError:
            self._loss_w = self._current_a = 0.0
        else:
            self._loss_w, self._current_a = reading.ac_power_w - reading.power_w, reading.current_a

    def _measure(self) -> Mapping[str, Value]:
        reading = self.reading()
        temperatures = {"contactor_c": reading.contactor_c, "coolant_c": reading.coolant_c}
        temperatures["ambient_c"] = reading.ambient_c
        return {
            "emergency_loop": float(not reading.emergency_stop),
            "residual_loop": float(not reading.residual_current),
            "door_loop": float(not reading.door_open),
            "flow": 0xFFFF / 1000 if reading.flow is None else reading.flow,
            **{name: BROKEN_C if value is None else value for name, value in temperatures.items()},
        }

    def _obey(self, values: Mapping[str, Value]) -> Mapping[str, Value]:
        self.command_pump(_number(values["pump_set"]))
        return {}

    def _watch(self) -> Mapping[str, Value]:
        self.advance(self._clock())
        return {"pump": self.heat.pump, "module_c": self.heat.state.module_c}

    def _operate(self, values: Mapping[str, Value]) -> Mapping[str, Value]:
        self.advance(self._clock())
        self.emergency_stop = values["emergency_stop"] == 1
        self.door_open = values["door_open"] == 1
        self.residual_current = values["residual_current"] == 1
        self.heat.faults.pump_stuck = values["pump_stuck"] == 1
        self.heat.ambient_c = _number(values["ambient_c"])
        broken = values["broken_sensors"]
        assert isinstance(broken, frozenset)
        self.broken_sensors = broken
        return {}


@cache
def operator_map() -> RegisterMap:
    """The registers of the operator's unit."""
    return parse((files("v2g.bench.sim") / "registers" / "safety_operator.yaml").read_text(), "safety_operator.yaml")


class SafetyOperator:
    """The person at the station, through `registers` of unit 2."""

    def __init__(self, registers: Registers) -> None:
        needed = {"emergency_stop": Kind.NUMBER, "pump": Kind.NUMBER, "module_c": Kind.NUMBER}
        self._device = RegisterDevice(registers, operator_map())
        self._device.require(needed)

    async def act(
        self,
        *,
        emergency_stop: bool = False,
        door_open: bool = False,
        residual_current: bool = False,
        pump_stuck: bool = False,
        ambient_c: float = 25.0,
        broken_sensors: frozenset[str] = frozenset(),
    ) -> None:
        """Puts everything as stated. Raises `PowerError`."""
        await self._device.write(
            {
                "emergency_stop": float(emergency_stop),
                "door_open": float(door_open),
                "residual_current": float(residual_current),
                "pump_stuck": float(pump_stuck),
                "ambient_c": ambient_c,
                "broken_sensors": broken_sensors,
            }
        )

    async def pump(self) -> float:
        """How fast the pump is driven, 0 to 1. Raises `PowerError`."""
        return _number((await self._device.read("pump"))["pump"])

    async def module_c(self) -> float:
        """How warm the power module is. Raises `PowerError`."""
        return _number((await self._device.read("module_c"))["module_c"])


def _number(value: Value) -> float:
    assert isinstance(value, float)
    return value
