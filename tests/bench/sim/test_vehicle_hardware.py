"""The vehicles behind the simulated car: with a battery of their own, and at the simulated plant over Modbus."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from v2g.bench.sim.battery import Battery
from v2g.bench.sim.modbus_server import listen
from v2g.bench.sim.plant import CONTACTOR_UNIT, VEHICLE_UNIT, Plant
from v2g.bench.sim.plant_model import PlantModel
from v2g.bench.sim.vehicle import OwnBattery, PlantVehicle
from v2g.bench.sim.vehicle_side import VehicleSide
from v2g.io.modbus import ModbusConnection
from v2g.iso15118.vehicle import Command, VehicleState
from v2g.power.drivers.register_map import RegisterContactor
from v2g.power.errors import PowerError

LIMIT_S = 10.0


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def hour_of(vehicle: OwnBattery, clock: Clock, current_a: float) -> VehicleState:
    for _ in range(3601):
        vehicle.observe(current_a, clock.now)
        clock.now += 1.0
    return vehicle.state()


def test_the_own_battery_takes_what_the_station_measured() -> None:
    clock = Clock()
    vehicle = OwnBattery(Battery(60_000, 0.5), dc=True, clock=clock, wall=lambda: 1_800_000_000.9)
    vehicle.obey(Command(contactor_closed=True))
    before = vehicle.state()
    assert before.unix_s == 1_800_000_000
    assert before.contactor_closed
    assert before.inlet_voltage_v == before.battery_voltage_v
    after = hour_of(vehicle, clock, 10.0)
    assert (after.soc - before.soc) * 60_000 == pytest.approx(10 * after.battery_voltage_v, rel=0.03)
    assert after.power_w == pytest.approx(10 * after.battery_voltage_v)
    assert hour_of(vehicle, clock, -10.0).soc == pytest.approx(before.soc, abs=1e-4)


def test_nothing_flows_through_an_open_contactor() -> None:
    clock = Clock()
    vehicle = OwnBattery(Battery(60_000, 0.5), dc=True, clock=clock)
    assert hour_of(vehicle, clock, 10.0).soc == 0.5
    vehicle.obey(Command(contactor_closed=True))
    hour_of(vehicle, clock, 10.0)
    vehicle.obey(Command())
    opened = vehicle.state()
    assert opened.power_w == 0
    assert opened.inlet_voltage_v == 0
    assert hour_of(vehicle, clock, 10.0).soc == opened.soc


@pytest.mark.parametrize("power_w", [7_000.0, -7_000.0])
def test_with_ac_the_battery_follows_its_charger(power_w: float) -> None:
    clock = Clock()
    vehicle = OwnBattery(Battery(60_000, 0.5), dc=False, clock=clock)
    vehicle.obey(Command(charger_w=power_w))
    for _ in range(600):
        clock.now += 1.0
        vehicle.observe(99.0, clock.now)
        state = vehicle.state()
    assert state.power_w == pytest.approx(power_w, rel=1e-3)
    assert (state.soc - 0.5) * 60_000 == pytest.approx(power_w / 6, rel=0.05)


@dataclass
class Bench:
    plant: Plant
    server: asyncio.Server
    station: RegisterContactor
    vehicle: PlantVehicle
    running: asyncio.Task[None]

    async def until(self, holds: Callable[[VehicleState], bool]) -> VehicleState:
        async with asyncio.timeout(LIMIT_S):
            while True:
                state = self.vehicle.state()
                if holds(state):
                    return state
                await asyncio.sleep(0)

    async def leave(self) -> None:
        self.running.cancel()
        await asyncio.wait([self.running])


@asynccontextmanager
async def bench(*, dc: bool) -> AsyncIterator[Bench]:
    plant = Plant(PlantModel(Battery(40_000, 0.7)), time.monotonic)
    server, port = await listen(plant.units, "127.0.0.1", 0)
    stepping = asyncio.create_task(plant.run())
    connection = ModbusConnection("127.0.0.1", port)
    vehicle = PlantVehicle(VehicleSide(connection.unit(VEHICLE_UNIT, "vehicle")), dc=dc)
    await vehicle.start()
    station = RegisterContactor(ModbusConnection("127.0.0.1", port).unit(CONTACTOR_UNIT, "contactor"))
    with_bench = Bench(plant, server, station, vehicle, asyncio.create_task(vehicle.run()))
    try:
        yield with_bench
    finally:
        await with_bench.leave()
        stepping.cancel()
        server.close()


def test_the_plants_battery_is_the_vehicles() -> None:
    async def scenario() -> None:
        async with bench(dc=True) as plugged:
            state = plugged.vehicle.state()
            assert state.soc == pytest.approx(0.7)
            assert state.capacity_wh == 40_000
            assert 380 < state.battery_voltage_v < 430
            assert not state.contactor_closed
            assert state.fault == ""

    asyncio.run(scenario())


def test_the_plants_contactor_follows_and_its_feedback_is_measured() -> None:
    async def scenario() -> None:
        async with bench(dc=True) as plugged:
            plugged.vehicle.obey(Command(contactor_closed=True))
            assert not plugged.vehicle.state().contactor_closed, "not before it is measured"
            closed = await plugged.until(lambda state: state.contactor_closed)
            assert closed.inlet_voltage_v == pytest.approx(closed.battery_voltage_v)
            plugged.vehicle.obey(Command())
            await plugged.until(lambda state: not state.contactor_closed and state.inlet_voltage_v == 0)

    asyncio.run(scenario())


def test_the_plants_charger_follows_while_the_station_is_closed() -> None:
    async def scenario() -> None:
        async with bench(dc=False) as plugged:
            plugged.vehicle.obey(Command(charger_w=-3_000.0, charger_var=500.0))

            async def hold_the_station_closed() -> None:
                while True:
                    await plugged.station.command(closed=True)
                    await asyncio.sleep(0.1)

            holding = asyncio.create_task(hold_the_station_closed())
            await plugged.until(lambda state: state.power_w == pytest.approx(-3_000.0, rel=0.01))
            assert plugged.plant.model.charger_reactive_var == 500.0
            holding.cancel()

    asyncio.run(scenario())


def test_a_vehicle_that_leaves_opens_its_contactor() -> None:
    async def scenario() -> None:
        async with bench(dc=True) as plugged:
            plugged.vehicle.obey(Command(contactor_closed=True))
            await plugged.until(lambda state: state.contactor_closed)
            assert plugged.plant.model.inputs.vehicle_contactor_closed
            await plugged.leave()
            async with asyncio.timeout(0.5):  # sooner than the plant's watchdog
                await plugged.until(lambda _: not plugged.plant.model.inputs.vehicle_contactor_closed)

    asyncio.run(scenario())


def test_a_plant_that_is_gone_is_a_fault_that_names_it() -> None:
    async def scenario() -> None:
        connection = ModbusConnection("127.0.0.1", 1)
        vehicle = PlantVehicle(VehicleSide(connection.unit(VEHICLE_UNIT, "vehicle")), dc=True)
        with pytest.raises(PowerError, match=r"127\.0\.0\.1:1"):
            await vehicle.start()

    asyncio.run(scenario())


def test_a_reading_that_gets_old_is_a_fault() -> None:
    ahead_s = 0.0

    async def scenario() -> None:
        nonlocal ahead_s
        plant = Plant(PlantModel(Battery(40_000, 0.7)), time.monotonic)
        server, port = await listen(plant.units, "127.0.0.1", 0)

        def clock() -> float:
            return time.monotonic() + ahead_s

        side = VehicleSide(ModbusConnection("127.0.0.1", port).unit(VEHICLE_UNIT, "vehicle"), clock=clock)
        vehicle = PlantVehicle(side, dc=True, clock=clock)
        await vehicle.start()
        assert vehicle.state().fault == ""
        ahead_s = 0.6
        assert "the battery is not known any more" in vehicle.state().fault
        server.close()

    asyncio.run(scenario())
