"""What meter, isolation monitor and grid sensing unit owe."""

import asyncio
import time
from collections.abc import Awaitable, Coroutine
from typing import Any, Protocol

import pytest
from tests.contract.bench import CARRIERS, UNITS, Wired, line_for, until
from tests.contract.simulators import Simulator, simulator
from tests.stopwatch import within

from v2g.io.modbus import ModbusConnection
from v2g.io.waveform import UdpSamples, WaveformGridSensor
from v2g.power.drivers.register_map import RegisterGridSensor, RegisterMeter
from v2g.power.errors import PowerError, Unreachable
from v2g.power.grid_sensor import GridReading
from v2g.power.isolation import IsolationMonitor, IsolationReading, SelfTest
from v2g.power.registers.port import Registers

pytestmark = pytest.mark.alone  # devices have a time in which to answer

LOST_WITHIN_S = 0.25


class Timed(Protocol):
    """Any reading."""

    @property
    def time_s(self) -> float: ...


class Sensor(Protocol):
    """Any of the devices."""

    def read(self) -> Awaitable[Timed]: ...


SENSORS = {
    "meter": ("meter", "plant", UNITS["meter"], "meter", None),
    "isolation": ("isolation monitor", "plant", UNITS["isolation"], "isolation", None),
    "grid": ("grid sensing unit", "grid", 1, "grid", None),
    "grid by SunSpec": ("grid sensing unit", "sunspec", 1, "grid", "sunspec"),
}
"""The device's name in errors, the simulator, its unit, the kind of driver and its name."""
EVERYWHERE = [
    (which, carrier) for which in SENSORS for carrier in CARRIERS if "SunSpec" not in which or carrier == "tcp"
]


def run(test: Coroutine[Any, Any, None]) -> None:
    async def limited() -> None:
        async with asyncio.timeout(60):
            await test

    asyncio.run(limited())


def registers(process: Simulator, unit: int, device: str) -> Registers:
    return ModbusConnection(process.host, process.port).unit(unit, device)


@pytest.mark.parametrize(("which", "carrier"), EVERYWHERE)
@pytest.mark.parametrize("how", ["killed", "frozen"])
def test_a_reading_has_its_time_and_a_lost_device_raises_in_time(which: str, carrier: str, how: str) -> None:
    name, device, unit, kind, driver = SENSORS[which]

    async def test() -> None:
        wired = Wired(CARRIERS[carrier], process)
        sensor: Sensor = wired.driver(kind, driver, unit=unit, device=name)
        before_s = time.monotonic()
        assert before_s <= (await sensor.read()).time_s <= time.monotonic()
        if how == "killed":
            process.kill()
        else:
            process.freeze()
        with within(LOST_WITHIN_S), pytest.raises(Unreachable) as caught:
            await sensor.read()
        assert caught.value.device == name
        assert any(place in caught.value.address for place in (process.endpoint, str(process.line_path)))
        wired.close()

    with simulator(device, line=line_for(CARRIERS[carrier])) as process:
        run(test())


def test_an_idle_plant_meters_its_standby_and_no_export() -> None:
    async def test() -> None:
        meter = RegisterMeter(registers(process, 2, "meter"))
        reading = await meter.read()
        assert 0 < reading.power_w < 50
        assert (reading.reactive_var, reading.export_wh) == (0, 0)
        assert reading.voltages_v == (230, 230, 230)
        assert reading.frequency_hz == 50

    with simulator("plant") as process:
        run(test())


@pytest.mark.parametrize(
    ("options", "resistance_ohm", "outcome"),
    [
        ([], 1_000_000, SelfTest.PASSED),
        (["--isolation-ohm", "40000"], 40_000, SelfTest.PASSED),
        (["--self-test-fails"], 1_000_000, SelfTest.FAILED),
    ],
)
@pytest.mark.parametrize("carrier", CARRIERS)
def test_an_isolation_monitor_measures_and_tests_itself(
    options: list[str], resistance_ohm: float, outcome: SelfTest, carrier: str
) -> None:
    async def test() -> None:
        wired = Wired(CARRIERS[carrier], process)
        monitor: IsolationMonitor = wired.driver("isolation", unit=UNITS["isolation"])
        reading = await monitor.read()
        assert (reading.self_test, reading.voltage_v) == (SelfTest.NONE, 0)
        assert reading.resistance_ohm == resistance_ohm
        await monitor.start_self_test()
        await monitor.start_self_test()  # one that is running goes on
        assert (await monitor.read()).self_test is SelfTest.RUNNING

        def ended(reading: IsolationReading) -> bool:
            return reading.self_test is not SelfTest.RUNNING

        assert (await until(monitor.read, ended, 2.0)).self_test is outcome
        wired.close()

    with simulator("plant", *options, line=line_for(CARRIERS[carrier])) as process:
        run(test())


@pytest.mark.parametrize("nominal_hz", [50, 60])
def test_a_grid_sensing_unit_measures_again_and_again(nominal_hz: int) -> None:
    async def test() -> None:
        sensor = RegisterGridSensor(registers(process, 1, "grid sensing unit"))
        first = await sensor.read()
        assert first.frequency_hz == pytest.approx(nominal_hz, abs=0.5)
        assert all(200 < voltage_v < 260 for voltage_v in first.voltages_v)
        await until(sensor.read, lambda reading: reading.sequence > first.sequence, 1.0)

    with simulator("grid", "--nominal", str(nominal_hz)) as process:
        run(test())


@pytest.mark.parametrize("how", ["killed", "frozen"])
def test_a_sensor_by_samples_measures_and_notices_their_absence_in_time(how: str) -> None:
    async def test() -> None:
        samples = UdpSamples("127.0.0.1", 0)
        await samples.open()
        sensor = WaveformGridSensor(samples, 50, 230)

        async def sample() -> GridReading | None:
            try:
                return await sensor.read()
            except PowerError:  # not enough samples yet
                return None

        async def reason() -> str | None:
            try:
                await sensor.read()
            except Unreachable as error:
                return error.reason
            return None

        with simulator("waveform", "--nominal", "50", "--send", f"127.0.0.1:{samples.port}") as process:
            first = await until(sample, lambda reading: reading is not None, 3.0)
            reading = await sensor.read()
            assert first is not None
            assert reading.sequence > first.sequence
            assert reading.frequency_hz == pytest.approx(50, abs=0.3)
            assert all(220 < voltage_v < 240 for voltage_v in reading.voltages_v)
            if how == "killed":
                process.kill()
            else:
                process.freeze()
            with within(LOST_WITHIN_S):
                while (lost := await reason()) is None:
                    pass
            assert "no samples within" in lost
        samples.close()

    run(test())
