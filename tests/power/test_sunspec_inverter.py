"""The SunSpec inverter driver, write by write, and against devices that misbehave; the contract has the rest."""

from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from typing import Any

import pytest
from tests.power.sunspec_bench import on_device

from v2g.bench.sim.battery import Battery
from v2g.bench.sim.plant import Plant
from v2g.bench.sim.plant_model import PlantModel
from v2g.bench.sim.sunspec_plant import SunSpecPlant
from v2g.power.drivers.sunspec_inverter import SunSpecInverter
from v2g.power.errors import Implausible, ReadBackMismatch, Refused
from v2g.power.inverter import OFF, InverterFault, InverterMode, InverterSetpoint, InverterState
from v2g.power.registers.map import RegisterMap, shipped
from v2g.power.registers.port import Registers, Table
from v2g.power.sunspec.model import Value

CONTROL = 45_000
SETPOINT = InverterSetpoint(
    InverterMode.POWER,
    voltage_v=450,
    minimum_voltage_v=300,
    power_w=-10_000,
    charge_limit_w=15_000,
    discharge_limit_w=15_000,
)


class Bench:
    """A simulated device on a clock that is set by hand. It remembers what is written to it, and `tamper` is what some
    points hold after each write, whatever was written."""

    def __init__(self) -> None:
        self.now = 100.0
        self.plant = Plant(PlantModel(Battery(60_000, 0.6)), lambda: self.now)
        self.unit = SunSpecPlant(self.plant, lambda: self.now).unit
        self.writes: list[int] = []
        self.tamper: dict[str, Value] = {}

    def read(self, table: Table, address: int, count: int) -> Sequence[int]:
        return self.unit.read(table, address, count)

    def write(self, table: Table, address: int, words: Sequence[int]) -> None:
        self.writes.append(address)
        self.unit.write(table, address, words)
        for path, value in self.tamper.items():
            self.unit.set(704, path, value)

    def written(self) -> list[str]:
        """Where has been written since the last call: the first point of each request."""
        names = [self.unit.path_at(address) or f"block {address}" for address in self.writes]
        self.writes.clear()
        return names


def run(test: Callable[[SunSpecInverter, Bench], Coroutine[Any, Any, None]], block: RegisterMap | None = None) -> None:
    """Runs `test` with a driver on a bench."""
    bench = Bench()

    async def started(registers: Registers) -> None:
        await test(SunSpecInverter(registers, block, clock=lambda: bench.now), bench)

    on_device(bench, started)


@pytest.mark.parametrize(
    ("held", "finding"),
    [
        ({"WSet": 12_000.0}, r"704\.WSet is 12000 instead of 10000"),
        ({"WSet": -10_000.0}, r"704\.WSet is -10000 instead of 10000"),
        ({"WSetEna": "DISABLED"}, r"704\.WSetEna is DISABLED instead of ENABLED"),
        ({"WSetRvrt": 500.0}, r"704\.WSetRvrt is 500 instead of 0"),
        ({"WSetRvrtTms": 0.0}, r"704\.WSetRvrtTms is 0 instead of 1"),
        ({"WSetEnaRvrt": None}, r"704\.WSetEnaRvrt is not implemented instead of ENABLED"),
        ({"VarSetEna": "ENABLED"}, r"704\.VarSetEna is ENABLED instead of DISABLED"),
    ],
)
def test_a_device_that_holds_something_else_is_found(held: dict[str, Value], finding: str) -> None:
    async def test(inverter: SunSpecInverter, bench: Bench) -> None:
        assert await inverter.command(SETPOINT) == SETPOINT
        bench.tamper, bench.now = held, bench.now + 0.2
        with pytest.raises(ReadBackMismatch, match=finding):
            await inverter.command(SETPOINT)

    run(test)


def test_a_device_that_holds_less_says_so() -> None:
    async def test(inverter: SunSpecInverter, bench: Bench) -> None:
        bench.tamper = {"WSet": 8_000.0}
        assert await inverter.command(SETPOINT) == replace(SETPOINT, power_w=-8_000)

    run(test)


def test_a_setpoint_that_has_reverted_meanwhile_is_written_again() -> None:
    async def test(inverter: SunSpecInverter, bench: Bench) -> None:
        await inverter.command(SETPOINT)
        bench.now += 1.5  # the station was held up
        assert (await inverter.command(SETPOINT)).power_w == 0
        bench.now += 0.2
        assert await inverter.command(SETPOINT) == SETPOINT

    run(test)


def test_a_setpoint_goes_power_first_and_off_comes_before_anything_else() -> None:
    async def test(inverter: SunSpecInverter, bench: Bench) -> None:
        assert await inverter.command(OFF) == OFF
        assert bench.written()[0] == f"block {CONTROL}"
        await inverter.command(SETPOINT)
        assert bench.written() == ["704.WSetEna", f"block {CONTROL}"]
        await inverter.command(replace(SETPOINT, mode=InverterMode.CURRENT, current_a=10))
        assert bench.written() == [f"block {CONTROL}", "704.WSetEna"]

    run(test)


def test_an_unchanged_setpoint_only_starts_the_timers_again() -> None:
    async def test(inverter: SunSpecInverter, bench: Bench) -> None:
        await inverter.command(SETPOINT)
        assert "704.WSetMod" in bench.written()  # the settings that it did not have
        bench.now += 0.05
        assert await inverter.command(SETPOINT) == SETPOINT
        assert bench.written() == []
        bench.now += 0.06
        assert await inverter.command(SETPOINT) == SETPOINT
        assert bench.written() == ["704.WSetEna", f"block {CONTROL + 6}"]
        assert bench.unit.get(704, "WSetRvrtRem") == 1
        bench.now += 1.0
        await inverter.command(SETPOINT)
        assert bench.written() == ["704.WSetEna", "715.ControllerHb", f"block {CONTROL + 6}"]

    run(test)


def test_changes_are_rate_limited_but_never_off() -> None:
    block = RegisterMap("x.yaml", shipped("sunspec_dc").quantities, heartbeat_s=0.1, write_interval_s=0.05)

    async def test(inverter: SunSpecInverter, bench: Bench) -> None:
        await inverter.command(SETPOINT)
        other = replace(SETPOINT, power_w=-5_000)
        bench.now += 0.02
        assert await inverter.command(other) == SETPOINT
        assert await inverter.command(OFF) == OFF
        bench.now += 0.06
        assert await inverter.command(other) == other

    run(test, block)


@pytest.mark.parametrize(
    ("points", "discharge_w", "charge_w"),
    [
        ({}, 30_000, 30_000),
        ({"WDisChaRteMax": 12_000.0, "WChaRteMax": 8_000.0}, 12_000, 8_000),
        ({"WDisChaRteMax": 0.0}, 0, 30_000),  # nobody may discharge here
        ({"WDisChaRteMax": None, "WDisChaRteMaxRtg": None, "WMax": 20_000.0}, 20_000, 30_000),
        ({"WChaRteMax": None, "WChaRteMaxRtg": None}, 30_000, 0),  # what it does not say it cannot do
    ],
)
def test_the_rating_is_what_the_device_may_do(points: dict[str, Value], discharge_w: float, charge_w: float) -> None:
    async def test(inverter: SunSpecInverter, bench: Bench) -> None:
        for path, value in points.items():
            bench.unit.set(702, path, value)
        rating = await inverter.rating()
        assert (rating.discharge_power_max_w, rating.charge_power_max_w) == (discharge_w, charge_w)
        assert (rating.reactive_max_var, rating.voltage_max_v) == (10_000, 1000)

    run(test)


def test_the_losses_come_on_top_of_the_power_at_the_output() -> None:
    async def test(inverter: SunSpecInverter, bench: Bench) -> None:
        await inverter.rating()
        model = bench.plant.model
        model.ac_power_w, model.voltage_v, model.current_a = -9_610.0, 400.0, -25.0
        for _ in range(30):  # the driver trusts no single pair of readings
            assert (await inverter.read()).power_w == -10_000
        await inverter.command(SETPOINT)
        assert bench.unit.get(704, "WSet") == 9_610
        held = await inverter.command(replace(SETPOINT, power_w=1e6, charge_limit_w=1e6))
        assert bench.unit.get(704, "WSet") == -30_000  # the AC side's rating
        assert held.power_w == pytest.approx(29_610, abs=0.1)

    run(test)


def test_reactive_power_is_injected_positive_and_otherwise_left_to_the_inverter() -> None:
    async def test(inverter: SunSpecInverter, bench: Bench) -> None:
        bench.unit.set(704, "VarSetEna", "ENABLED")  # by somebody before
        assert await inverter.command(SETPOINT) == SETPOINT
        assert bench.unit.get(704, "VarSetEna") == "DISABLED"
        drawn = replace(SETPOINT, reactive_var=3_000)
        assert await inverter.command(drawn) == drawn
        assert (bench.unit.get(704, "VarSet"), bench.unit.get(704, "VarSetEna")) == (-3_000, "ENABLED")
        bench.now += 0.01
        assert (await inverter.read()).ac_reactive_var == 3_000
        too_much = replace(SETPOINT, reactive_var=-1e6)
        assert (await inverter.command(too_much)).reactive_var == -10_000
        await inverter.command(SETPOINT)
        assert bench.unit.get(704, "VarSetEna") == "DISABLED"

    run(test)


def test_without_permission_to_enter_service_it_only_switches_off() -> None:
    async def test(inverter: SunSpecInverter, bench: Bench) -> None:
        bench.unit.set(703, "ES", "DISABLED")
        with pytest.raises(Refused, match=r"703\.ES is DISABLED: the inverter is not permitted to enter service"):
            await inverter.command(SETPOINT)
        assert bench.written() == []
        assert await inverter.command(OFF) == OFF

    run(test)


@pytest.mark.parametrize(
    "faults",
    [
        frozenset({InverterFault.GRID_LOST}),
        frozenset({InverterFault.OVER_CURRENT}),  # no alarm of model 701: the block tells
        frozenset({InverterFault.INTERNAL, InverterFault.OVER_TEMPERATURE}),
    ],
)
def test_faults_come_from_alarms_and_block(faults: frozenset[InverterFault]) -> None:
    async def test(inverter: SunSpecInverter, bench: Bench) -> None:
        await inverter.command(SETPOINT)
        for fault in faults:
            bench.plant.model.trip(fault)
        reading = await inverter.read()
        assert (reading.state, reading.faults) == (InverterState.FAULT, faults)

    run(test)


def test_ac_and_dc_with_opposite_signs_are_implausible() -> None:
    async def test(inverter: SunSpecInverter, bench: Bench) -> None:
        await inverter.rating()
        model = bench.plant.model
        model.ac_power_w, model.voltage_v, model.current_a = 9_610.0, 400.0, -25.0
        with pytest.raises(Implausible, match=r"takes 9610 W from the grid \(701.W\) while the output takes -10000 W"):
            await inverter.read()

    run(test)
