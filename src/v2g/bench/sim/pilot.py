"""A simulated control pilot: the circuit, the car's resistors behind it, and the station's microcontroller.

`PilotModule` is the device: registers on the station's side (unit 1), and a unit for the person who plugs in and breaks
things (unit 2). Without sockets, `command`, `reading` and the attributes do the same.
"""

import asyncio
from collections.abc import Callable, Mapping
from enum import StrEnum
from functools import cache
from importlib.resources import files

from v2g.bench.sim.modbus_server import Unit
from v2g.pilot.duty import is_pwm
from v2g.pilot.state import State
from v2g.pilot.vehicle import VehiclePilot
from v2g.power.pilot import PilotReading
from v2g.power.quantity import Kind, Value
from v2g.power.registers.device import RegisterDevice
from v2g.power.registers.map import RegisterMap, parse, shipped
from v2g.power.registers.port import Registers

PILOT_UNIT, OPERATOR_UNIT = 1, 2
WATCHDOG_S = 0.4
"""Without a command for this long, the microcontroller sends state F."""
STEP_S = 0.01

SOURCE_V, SOURCE_OHM, DIODE_V = 12.0, 1000.0, 0.7
CAR_OHM = {State.B: 2740.0, State.C: 882.0, State.D: 246.0}
"""Between pilot and earth, in the car (IEC 61851-1, Annex A)."""


class Cable(StrEnum):
    """The end of the station's cable."""

    UNPLUGGED = "unplugged"
    SOUND = "sound"
    SHORTED = "shorted"
    """Pilot and earth touch."""
    NO_DIODE = "no_diode"
    """A car, or a finger, without the diode."""


def level_v(source_v: float, cable: Cable, switch: State) -> float:
    """The voltage of the pilot while the generator has `source_v`, with the car's resistors in `switch`."""
    if cable is Cable.SHORTED:
        return 0.0
    drop_v = DIODE_V if cable is Cable.SOUND else 0.0
    if cable is Cable.UNPLUGGED or (cable is Cable.SOUND and source_v <= drop_v):
        return source_v
    car_ohm = CAR_OHM[switch]
    return drop_v + (source_v - drop_v) * car_ohm / (SOURCE_OHM + car_ohm)


class PilotModule:
    """Generator, measurement and watchdog, with the cable and the car behind them.

    `noise_v()` is added to every measured voltage. The attributes may be changed while it runs.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        *,
        vehicle: VehiclePilot | None = None,
        cable: Cable = Cable.UNPLUGGED,
        noise_v: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self.cable = cable
        self.vehicle = vehicle or VehiclePilot()
        self.duty = 0.0
        """What the generator sends: state F until the first command."""
        self.duty_error = 0.0
        """How wrong the generator is: added to every duty cycle that is a PWM."""
        self._clock = clock
        self.noise_v = noise_v
        self._written_s = clock()
        self.units = {
            PILOT_UNIT: Unit(shipped("pilot"), self._measure, self._obey),
            OPERATOR_UNIT: Unit(operator_map(), self._watch, self._operate),
        }
        quantities = operator_map().quantities  # a write of another register must not change these two
        start = quantities["cable"].encode(cable.value) + quantities["car"].encode(_car(self.vehicle.wants_energy))
        self.units[OPERATOR_UNIT].write(quantities["cable"].table, quantities["cable"].address, start)

    def command(self, duty: float) -> None:
        """Send a duty cycle."""
        self.advance(self._clock())
        self.duty, self._written_s = duty, self._clock()

    def reading(self) -> PilotReading:
        """What the microcontroller measures now."""
        now = self._clock()
        self.advance(now)
        high_v = level_v(SOURCE_V if self.duty > 0 else -SOURCE_V, self.cable, self.vehicle.state) + self.noise_v()
        low_v = high_v
        if 0 < self.duty < 1:
            low_v = level_v(-SOURCE_V, self.cable, self.vehicle.state) + self.noise_v()
        return PilotReading(now, high_v, low_v, self._sent)

    @property
    def _sent(self) -> float:
        return self.duty + self.duty_error if is_pwm(self.duty) else self.duty

    def advance(self, now: float) -> None:
        """Let the watchdog and the car act until `now`."""
        if now - self._written_s > WATCHDOG_S:
            self.duty = 0.0
        at_inlet = self._sent if self.cable in (Cable.SOUND, Cable.NO_DIODE) else 0.0
        self.vehicle.step(at_inlet, now)

    async def run(self) -> None:
        """Keep the module in step with the clock, until cancelled."""
        while True:
            self.advance(self._clock())
            await asyncio.sleep(STEP_S)

    def _measure(self) -> Mapping[str, Value]:
        reading = self.reading()
        return {"high_v": reading.high_v, "low_v": reading.low_v, "duty": reading.duty}

    def _obey(self, values: Mapping[str, Value]) -> Mapping[str, Value]:
        self.command(_number(values["duty_set"]))
        return {}

    def _watch(self) -> Mapping[str, Value]:
        self.advance(self._clock())
        understood = self.vehicle.meaning
        return {
            "switch": self.vehicle.state.value,
            "current_limit_a": understood.current_a,
            "digital": float(understood.digital),
        }

    def _operate(self, values: Mapping[str, Value]) -> Mapping[str, Value]:
        self.cable = Cable(str(values["cable"]))
        self.vehicle.wants_energy = values["car"] == "wants_energy"
        toggles = int(_number(values["toggles"]))
        if toggles:
            self.vehicle.toggle(toggles, self._clock())
        return {"toggles": 0.0}


@cache
def operator_map() -> RegisterMap:
    """The registers of the operator's unit."""
    return parse((files("v2g.bench.sim") / "registers" / "pilot_operator.yaml").read_text(), "pilot_operator.yaml")


class PilotOperator:
    """The person at the cable and the driver of the car, through `registers` of unit 2."""

    def __init__(self, registers: Registers) -> None:
        needed: dict[str, Kind | type[StrEnum]] = {"cable": Cable, "switch": State, "current_limit_a": Kind.NUMBER}
        self._device = RegisterDevice(registers, operator_map())
        self._device.require(needed)

    async def act(self, cable: Cable, *, wants_energy: bool = False, toggles: int = 0) -> None:
        """Put the cable into a state, let the car want energy or not, and toggle S2. Raises `PowerError`."""
        await self._device.write({"cable": cable.value, "car": _car(wants_energy), "toggles": float(toggles)})

    async def car(self) -> tuple[State, float, bool]:
        """The car's resistors, the current it may draw, and whether it has understood 5 %. Raises `PowerError`."""
        values = await self._device.read("switch", "current_limit_a", "digital")
        return State(str(values["switch"])), _number(values["current_limit_a"]), values["digital"] == 1


def _car(wants_energy: bool) -> str:
    return "wants_energy" if wants_energy else "waits"


def _number(value: Value) -> float:
    assert isinstance(value, float)
    return value
