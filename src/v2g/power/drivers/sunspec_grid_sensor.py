"""A SunSpec device that measures the connection point: model 701 as grid sensing unit."""

import time
from collections.abc import Callable, Mapping

from v2g.power.grid_sensor import GridReading
from v2g.power.registers.port import Registers
from v2g.power.sunspec.device import SunSpecDevice
from v2g.power.sunspec.model import Value
from v2g.power.wiring import Wiring, WiringError

_PHASES = {"SINGLE_PHASE": ("VL1",), "SPLIT_PHASE": ("VL1", "VL2"), "THREE_PHASE": ("VL1", "VL2", "VL3")}
_LINES = ("VL1L2", "VL2L3", "VL3L1")
_HIGHEST_HZ = 100.0


class SunSpecGridSensor:
    """`v2g.power.grid_sensor.GridSensor` by model 701, which has neither rate of change nor phase jump.

    SunSpec counts generation positive, the reading what is drawn. A wiring with fewer than three phases repeats the
    first one in the place of the others. The model has no counter of measurements: the sequence counts the readings,
    and a device in which nothing has changed for `frozen_after_s` (measured values, or the heartbeat of model 715 where
    there is one) is implausible. The device does not state how often it measures: protection is no faster than that.
    """

    def __init__(
        self, registers: Registers, *, clock: Callable[[], float] = time.monotonic, frozen_after_s: float = 3.0
    ) -> None:
        self.device = SunSpecDevice(registers)
        self._clock = clock
        self._frozen_after_s = frozen_after_s
        self._seen: Mapping[str, Value] = {}
        self._changed_s = float("-inf")
        self._sequence = 0

    @property
    def oddity(self) -> str:
        """What is wrong with the device and does not matter, for the log."""
        return self.device.oddity

    async def read(self) -> GridReading:
        """Measures; see the port. Raises `Implausible` for a value that is not implemented or cannot be."""
        values = await self.device.read(701, "ACType", "W", "Var", "Hz", "VL1", "VL2", "VL3", *_LINES)
        now = self._clock()
        beat = await self.device.read(715, "DERHb") if 715 in await self.device.models() else {}
        if (seen := {**values, **beat}) != self._seen:
            self._seen, self._changed_s = seen, now
        elif now - self._changed_s > self._frozen_after_s:
            raise self.device.implausible(f"nothing in its model 701 has changed for {self._frozen_after_s:g} s")
        phases = _PHASES.get(str(values["ACType"]))
        if phases is None:
            raise self.device.implausible("701.ACType is not implemented")
        l1_v, l2_v, l3_v = (self._number(values, name if name in phases else "VL1") for name in _PHASES["THREE_PHASE"])
        frequency_hz = self._number(values, "Hz")
        if frequency_hz > _HIGHEST_HZ:
            raise self.device.implausible(f"701.Hz is {frequency_hz:g}")
        self._sequence += 1
        return GridReading(
            time_s=now,
            sequence=self._sequence,
            frequency_hz=frequency_hz,
            voltages_v=(l1_v, l2_v, l3_v),
            power_w=_drawn(values["W"]),
            reactive_var=_drawn(values["Var"]),
            line_voltages_v=_lines(values) if len(phases) == 3 else None,
        )

    def _number(self, values: Mapping[str, Value], name: str) -> float:
        value = values[name]
        if not isinstance(value, float):
            raise self.device.implausible(f"701.{name} is not implemented")
        return value


def _lines(values: Mapping[str, Value]) -> tuple[float, float, float] | None:
    """From phase to phase, if the device implements all three."""
    first, second, third = (values[name] for name in _LINES)
    if isinstance(first, float) and isinstance(second, float) and isinstance(third, float):
        return first, second, third
    return None


def driver(wiring: Wiring) -> SunSpecGridSensor:
    """The driver `grid.sunspec`. Raises `WiringError`."""
    if wiring.map_file is not None:
        raise WiringError("a SunSpec grid sensing unit has no register map; remove `registers`")
    return SunSpecGridSensor(wiring.registers())


def _drawn(generated: Value) -> float | None:
    return 0.0 - generated if isinstance(generated, float) else None
