"""Model 701 as grid sensing unit: signs, wirings, what is missing, and a device that is frozen."""

from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from tests.power.sunspec_bench import Words, chain, on_device

from v2g.power.drivers.sunspec_grid_sensor import SunSpecGridSensor
from v2g.power.errors import Implausible
from v2g.power.registers.port import Registers
from v2g.power.sunspec.model import Value, places

SCALES: dict[str, Value] = {"W_SF": 1.0, "Var_SF": 0.0, "V_SF": -1.0, "Hz_SF": -2.0}
SOUND: dict[str, Value] = SCALES | {
    "ACType": "THREE_PHASE",
    "W": 2_000.0,
    "Var": -500.0,
    "Hz": 49.98,
    "VL1": 229.0,
    "VL2": 230.0,
    "VL3": 231.5,
}


def model_701(values: dict[str, Value]) -> list[int]:
    """The registers of a model 701 that implements these points."""
    scales = {"W": "W_SF", "Var": "Var_SF", "Hz": "Hz_SF", "VL1": "V_SF", "VL2": "V_SF", "VL3": "V_SF"}
    words: list[int] = []
    for place in places(701, {}):
        factor = values.get(scales.get(place.path, ""))
        words += place.point.encode(values.get(place.path), int(factor) if isinstance(factor, float) else 0)
    return words


class Clock:
    now = 10.0

    def __call__(self) -> float:
        return self.now


def on(values: dict[str, Value], test: Callable[[SunSpecGridSensor, Words, Clock], Coroutine[Any, Any, None]]) -> None:
    """Runs `test` on a sensor of a device with this model 701."""
    device, clock = Words(chain({701: model_701(values)})), Clock()

    async def run(registers: Registers) -> None:
        await test(SunSpecGridSensor(registers, clock=clock, frozen_after_s=3), device, clock)

    on_device(device, run)


def test_a_reading_has_the_station_s_sign() -> None:
    async def test(sensor: SunSpecGridSensor, device: Words, clock: Clock) -> None:
        reading = await sensor.read()
        assert (reading.time_s, reading.frequency_hz) == (10.0, 49.98)
        assert reading.voltages_v == (229.0, 230.0, 231.5)
        assert (reading.power_w, reading.reactive_var) == (-2_000, 500)  # it generates, and draws reactive power
        assert (reading.rocof_hz_per_s, reading.phase_jump_deg) == (None, None)
        assert (await sensor.read()).sequence == reading.sequence + 1

    on(SOUND, test)


@pytest.mark.parametrize(
    ("wiring", "voltages_v"),
    [("SINGLE_PHASE", (229.0, 229.0, 229.0)), ("SPLIT_PHASE", (229.0, 230.0, 229.0))],
)
def test_fewer_phases_repeat_the_first(wiring: str, voltages_v: tuple[float, ...]) -> None:
    async def test(sensor: SunSpecGridSensor, device: Words, clock: Clock) -> None:
        assert (await sensor.read()).voltages_v == voltages_v

    on({**SOUND, "ACType": wiring, "VL3": None}, test)


def test_power_is_optional() -> None:
    async def test(sensor: SunSpecGridSensor, device: Words, clock: Clock) -> None:
        reading = await sensor.read()
        assert (reading.power_w, reading.reactive_var) == (None, None)

    on({**SOUND, "W": None, "Var": None}, test)


@pytest.mark.parametrize(
    ("values", "finding"),
    [
        ({"ACType": None}, r"701\.ACType is not implemented"),
        ({"Hz": None}, r"701\.Hz is not implemented"),
        ({"VL2": None}, r"701\.VL2 is not implemented"),
        ({"Hz": 120.0}, r"701\.Hz is 120"),
    ],
)
def test_what_is_missing_or_cannot_be_is_implausible(values: dict[str, Value], finding: str) -> None:
    async def test(sensor: SunSpecGridSensor, device: Words, clock: Clock) -> None:
        with pytest.raises(Implausible, match=finding):
            await sensor.read()

    on({**SOUND, **values}, test)


def test_a_frozen_device_is_implausible_until_something_changes() -> None:
    async def test(sensor: SunSpecGridSensor, device: Words, clock: Clock) -> None:
        await sensor.read()
        clock.now += 3.0
        await sensor.read()
        clock.now += 0.1
        with pytest.raises(Implausible, match=r"nothing in its model 701 has changed for 3 s"):
            await sensor.read()
        offset = next(place.offset for place in places(701, {}) if place.path == "VL1")
        device.memory[40_002 + offset] += 1
        assert (await sensor.read()).voltages_v[0] == 229.1

    on(SOUND, test)
