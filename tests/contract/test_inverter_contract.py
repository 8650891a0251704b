"""What every inverter driver owes (`v2g.power.inverter`), over every driver and register map, on the simulated plant.

Set `V2G_TEST_INVERTER_MAP` to a register map of your own, and the suite runs over a simulated inverter with that map
too. `test_unloaded_inverter.py` is for a real device.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest
from tests.contract.bench import CARRIERS, PlantBench, Wired, line_for, power, until
from tests.contract.inverters import SIMULATED, SIMULATED_ELSEWHERE, Simulated
from tests.contract.simulators import Simulator, simulator
from tests.stopwatch import Stopwatch, within

from v2g.io.modbus import ModbusConnection
from v2g.power.errors import PowerError, Unreachable
from v2g.power.inverter import (
    LOST_WITHIN_S,
    OFF,
    OFF_WITHIN_S,
    SILENT_OFF_WITHIN_S,
    InverterFault,
    InverterMode,
    InverterReading,
    InverterSetpoint,
    InverterState,
)
from v2g.power.registers.port import Table

pytestmark = pytest.mark.alone  # devices have a time in which to answer


@dataclass(frozen=True)
class Subject:
    """A device under test and how it is reached."""

    process: Simulator
    simulated: Simulated

    def run(self, test: Callable[[PlantBench], Coroutine[Any, Any, None]]) -> None:
        """Runs `test` on a bench that starts off, open and without fault."""

        async def limited() -> None:
            wired = Wired(CARRIERS[self.simulated.carrier], self.process)
            bench = PlantBench(self.process, wired, self.simulated.inverter(wired))
            try:
                async with asyncio.timeout(60):
                    await bench.reset()
                    await test(bench)
            finally:
                bench.close()
                wired.close()

        asyncio.run(limited())


@contextmanager
def started(name: str) -> Iterator[Subject]:
    simulated = (SIMULATED | SIMULATED_ELSEWHERE)[name]
    with simulator(*simulated.arguments, line=line_for(CARRIERS[simulated.carrier])) as process:
        yield Subject(process, simulated)


@pytest.fixture(scope="module", params=[*SIMULATED, *SIMULATED_ELSEWHERE])
def subject(request: pytest.FixtureRequest) -> Iterator[Subject]:
    with started(request.param) as subject:
        yield subject


@pytest.fixture(params=[*SIMULATED, *SIMULATED_ELSEWHERE])
def mortal(request: pytest.FixtureRequest) -> Iterator[Subject]:
    """A subject of its own for a test that harms it."""
    with started(request.param) as subject:
        yield subject


@pytest.mark.parametrize("power_w", [10_000, -10_000])
def test_positive_charges_the_vehicle_and_negative_feeds_the_grid(subject: Subject, power_w: float) -> None:
    async def test(bench: PlantBench) -> None:
        soc = (await bench.vehicle.read()).soc
        metered = await bench.meter.read()
        reading = await bench.deliver(power_w)
        assert reading.state is InverterState.ON
        assert reading.current_a * reading.voltage_v == pytest.approx(reading.power_w, rel=0.01)
        assert reading.current_a * power_w > 0
        assert reading.ac_power_w > reading.power_w  # losses
        await bench.hold(power(power_w), lambda _: True)
        vehicle, meter = await bench.vehicle.read(), await bench.meter.read()
        assert (vehicle.soc - soc) * power_w > 0
        assert vehicle.current_a * power_w > 0
        assert meter.power_w * power_w > 0
        if power_w > 0:
            assert meter.import_wh > metered.import_wh
        else:
            assert meter.export_wh > metered.export_wh

    subject.run(test)


def test_voltage_mode_reaches_the_voltage_without_current(subject: Subject) -> None:
    async def test(bench: PlantBench) -> None:
        setpoint = InverterSetpoint(InverterMode.VOLTAGE, voltage_v=400, current_a=2)
        reading = await bench.hold(setpoint, lambda reading: abs(reading.voltage_v - 400) < 1, closed=False)
        assert (reading.current_a, reading.state) == (0, InverterState.ON)
        await bench.hold(OFF, lambda reading: reading.voltage_v < 60, closed=False)

    subject.run(test)


def test_current_mode_gives_the_current(subject: Subject) -> None:
    async def test(bench: PlantBench) -> None:
        await bench.deliver(-5_000)
        setpoint = replace(power(0), mode=InverterMode.CURRENT, current_a=-20)
        await bench.hold(setpoint, lambda reading: abs(reading.current_a + 20) < 0.2)

    subject.run(test)


def test_off_is_reached_in_time(subject: Subject) -> None:
    async def test(bench: PlantBench) -> None:
        await bench.deliver(-20_000)
        assert await bench.inverter.command(OFF) == OFF
        await until(bench.inverter.read, lambda reading: abs(reading.current_a) < 1, OFF_WITHIN_S, period_s=0.01)
        assert (await bench.inverter.read()).state is InverterState.OFF

    subject.run(test)


def test_silence_switches_off_and_says_so_until_commanded_off(subject: Subject) -> None:
    async def test(bench: PlantBench) -> None:
        await bench.deliver(-10_000)

        async def silent() -> InverterReading:  # everything but the inverter's command goes on
            await bench.contactor.command(closed=True)
            await bench.vehicle.command(contactor_closed=True)
            return await bench.inverter.read()

        reading = await until(silent, lambda reading: reading.current_a == 0, SILENT_OFF_WITHIN_S)
        assert (reading.state, reading.faults) == (InverterState.FAULT, frozenset({InverterFault.WATCHDOG}))
        with pytest.raises(AssertionError):
            await bench.hold(power(-10_000), lambda reading: reading.current_a != 0, within_s=0.3)
        await bench.hold(OFF, lambda reading: reading.state is InverterState.OFF)
        await bench.deliver(-10_000)

    subject.run(test)


def test_a_setpoint_beyond_the_rating_is_clipped_and_reported(subject: Subject) -> None:
    async def test(bench: PlantBench) -> None:
        await bench.deliver(-10_000)
        rating = await bench.inverter.rating()
        asked = InverterSetpoint(
            InverterMode.POWER,
            voltage_v=450,
            current_a=-1e6,
            power_w=-1e6,
            reactive_var=-1e6,
            charge_limit_w=1e6,
            discharge_limit_w=1e6,
        )
        held = await bench.inverter.command(asked)
        assert held == replace(
            asked,
            current_a=-rating.discharge_current_max_a,
            power_w=-rating.discharge_power_max_w,
            reactive_var=-rating.reactive_max_var,
            charge_limit_w=rating.charge_power_max_w,
            discharge_limit_w=rating.discharge_power_max_w,
        )
        full_w = -rating.discharge_power_max_w
        await bench.hold(asked, lambda reading: abs(reading.power_w - full_w) < 0.01 * abs(full_w))

    subject.run(test)


def test_the_discharge_limit_holds_against_the_target(subject: Subject) -> None:
    async def test(bench: PlantBench) -> None:
        await bench.deliver(-10_000)
        limited = replace(power(-10_000), discharge_limit_w=3_000)
        # SunSpec rules the AC side: its driver follows the losses in steps of 0.2 % of the rated 30 kW.
        await bench.hold(limited, lambda reading: abs(reading.power_w + 3_000) < 90)

    subject.run(test)


def test_a_repeated_command_is_a_heartbeat_and_changes_nothing(subject: Subject) -> None:
    async def test(bench: PlantBench) -> None:
        reading = await bench.deliver(-10_000)
        started_s = time.monotonic()

        async def goes_on() -> InverterReading:
            await bench.contactor.command(closed=True)
            await bench.vehicle.command(contactor_closed=True)
            await bench.inverter.command(power(-10_000))
            return await bench.inverter.read()

        def steady(reading: InverterReading) -> bool:
            assert reading.power_w == pytest.approx(-10_000, rel=0.02)
            return time.monotonic() - started_s > 2 * SILENT_OFF_WITHIN_S

        assert reading.state is InverterState.ON
        await until(goes_on, steady, within_s=3)

    subject.run(test)


@pytest.mark.parametrize("how", ["killed", "frozen"])
def test_a_lost_device_raises_in_time_from_every_method(mortal: Subject, how: str) -> None:
    async def test(bench: PlantBench) -> None:
        await bench.inverter.rating()
        if how == "killed":
            mortal.process.kill()
        else:
            mortal.process.freeze()

        async def command() -> None:
            while True:  # the same again may wait for its heartbeat
                await bench.inverter.command(OFF)
                await asyncio.sleep(0)

        for call in (bench.inverter.read, command, bench.inverter.rating):
            with within(LOST_WITHIN_S), pytest.raises(Unreachable) as caught:
                await call()
            assert caught.value.device == "inverter"
            places = (mortal.process.endpoint, str(mortal.process.line_path))
            assert any(place in caught.value.address for place in places)
            assert caught.value.remedy

    mortal.run(test)


def test_after_a_loss_the_next_calls_try_again(mortal: Subject) -> None:
    async def test(bench: PlantBench) -> None:
        await bench.inverter.command(power(-10_000))
        mortal.process.freeze()
        with pytest.raises(PowerError):
            await bench.inverter.read()
        mortal.process.thaw()

        async def answered() -> InverterSetpoint | None:
            try:
                return await bench.inverter.command(OFF)
            except PowerError:
                return None

        assert await until(answered, lambda held: held is not None, 2.0) == OFF

    mortal.run(test)


def test_reading_and_commanding_are_fast(subject: Subject) -> None:
    async def test(bench: PlantBench) -> None:
        taken_s = []
        for step in range(50):
            watch = Stopwatch()
            await bench.inverter.read()
            await bench.inverter.command(power(-10_000 - 100 * step))
            taken_s.append(watch.elapsed_s)
        # A tenth of what a poll may take, whatever else this machine does. On CAN it waits for three rounds of frames.
        assert min(taken_s) < (0.15 if subject.simulated.carrier == "can" else 0.015)

    subject.run(test)


def test_the_discharge_limit_is_the_known_register() -> None:
    async def test(bench: PlantBench) -> None:
        raw = ModbusConnection(own.process.host, own.process.port).unit(1, "inverter")
        await bench.inverter.command(replace(power(-10_000), discharge_limit_w=15_000))
        assert list(await raw.read(Table.HOLDING, 0x4000, 2)) == [3, 15_000]
        await raw.write(Table.HOLDING, 0x4001, [5_000])
        assert list(await raw.read(Table.HOLDING, 0x4001, 1)) == [5_000]

    with started("shipped") as own:
        own.run(test)


def test_the_heartbeat_is_written_no_more_often_than_twice_in_its_time() -> None:
    async def test(bench: PlantBench) -> None:
        raw = ModbusConnection(own.process.host, own.process.port).unit(1, "inverter")

        async def heartbeat() -> int:
            await bench.inverter.command(OFF)
            return (await raw.read(Table.HOLDING, 0x400A, 1))[0]

        began_s = 0.0

        async def timed() -> int:
            nonlocal began_s
            began_s = time.monotonic()
            return await heartbeat()

        first = await heartbeat()
        second = await until(timed, lambda beat: beat > first, 1.0, period_s=0.002)
        written_s = began_s  # or later
        await until(heartbeat, lambda beat: beat > second, 1.0, period_s=0.002)
        assert time.monotonic() - written_s >= 0.045

    with started("shipped") as own:
        own.run(test)
