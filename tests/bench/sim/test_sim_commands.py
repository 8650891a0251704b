"""`v2g sim`: what the processes print, how they end, and how they are wired together."""

import asyncio
import socket
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest
from tests.contract.bench import until
from tests.contract.simulators import simulator

from v2g.bench.sim.vehicle_side import VehicleReading, VehicleSide
from v2g.cli import main
from v2g.io.modbus import ModbusConnection
from v2g.power.drivers.register_map import (
    RegisterContactor,
    RegisterGridSensor,
    RegisterInverter,
    RegisterMeter,
)
from v2g.power.inverter import OFF, InverterFault, InverterMode, InverterReading, InverterSetpoint
from v2g.power.meter import MeterReading


def run(test: Coroutine[Any, Any, None]) -> None:
    async def limited() -> None:
        async with asyncio.timeout(15):
            await test

    asyncio.run(limited())


def command(*arguments: str) -> int:
    return main(["sim", *arguments])


@pytest.mark.parametrize("device", ["plant", "sunspec", "contactor", "grid"])
def test_a_process_says_where_it_listens_and_ends_cleanly(device: str) -> None:
    with simulator(device) as process:
        with socket.create_connection((process.host, process.port)):
            pass
        assert process.terminate() == 0


def test_a_busy_port_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy:
        place = f"127.0.0.1:{busy.getsockname()[1]}"
        assert command("grid", "--listen", place) == 2
    assert capsys.readouterr().err == f"v2g: error: {place}: the address is in use; name another address\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ["grid", "--recording", "/nonexistent.csv"],
        ["plant", "--inverter-map", "/nonexistent.yaml"],
    ],
)
def test_a_missing_file_is_an_error(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert command(*arguments, "--listen", "127.0.0.1:0") == 2
    assert "/nonexistent" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["plant", "--listen", "127.0.0.1:0", "--soc", "60"],
        ["plant", "--listen", "127.0.0.1:0", "--battery-wh", "0"],
        ["plant", "--listen", "127.0.0.1:0", "--battery-wh", "many"],
        ["plant", "--listen", "5020"],
        ["plant", "--listen", "127.0.0.1:99999"],
        ["contactor"],
    ],
)
def test_bad_arguments_are_refused(arguments: list[str]) -> None:
    assert command(*arguments) == 2


def test_the_contactor_logs_its_switching(tmp_path: Path) -> None:
    async def test() -> None:
        contactor = RegisterContactor(ModbusConnection(process.host, process.port).unit(1, "contactor"))
        await contactor.command(closed=True)
        await until(contactor.read, lambda reading: reading.closed, 1.0)
        await contactor.command(closed=False)
        await until(contactor.read, lambda reading: not reading.closed, 1.0)

    log = tmp_path / "contactor.log"
    with simulator("contactor", "--log", str(log)) as process:
        run(test())
        assert process.terminate() == 0
    entries = [line.split() for line in log.read_text().splitlines()]
    assert [entry[1:] for entry in entries] == [["closed", "command"], ["open", "command"]]
    assert float(entries[0][0]) < float(entries[1][0])


def test_the_plant_follows_the_station_contactor_and_takes_a_lost_one_for_open() -> None:
    async def test() -> None:
        contactor = RegisterContactor(ModbusConnection(module.host, module.port).unit(1, "contactor"))
        connection = ModbusConnection(plant.host, plant.port)
        inverter, vehicle = RegisterInverter(connection.unit(1, "inverter")), VehicleSide(connection.unit(4, "vehicle"))

        async def sample() -> VehicleReading:
            await inverter.command(InverterSetpoint(InverterMode.VOLTAGE, voltage_v=400, current_a=2))
            return await vehicle.read()

        async def closed() -> VehicleReading:
            await contactor.command(closed=True)
            return await sample()

        assert (await sample()).inlet_voltage_v == 0
        await until(closed, lambda reading: reading.inlet_voltage_v > 390, 2.0)
        module.kill()
        await until(sample, lambda reading: reading.inlet_voltage_v == 0, 1.0)

    with simulator("contactor") as module, simulator("plant", "--contactor", module.endpoint) as plant:
        run(test())


def test_the_plant_sees_the_grid_of_the_sensing_unit_and_stops_when_it_is_dead(tmp_path: Path) -> None:
    recording = tmp_path / "outage.csv"
    recording.write_text("time_s,frequency_hz,voltage_v\n0,60,230\n0.8,60,230\n0.81,60,0\n600,60,0\n")

    async def test() -> None:
        connection = ModbusConnection(plant.host, plant.port)
        inverter, meter = RegisterInverter(connection.unit(1, "inverter")), RegisterMeter(connection.unit(2, "meter"))
        sensor = RegisterGridSensor(ModbusConnection(grid.host, grid.port).unit(1, "grid sensing unit"))

        async def metered() -> MeterReading:
            await inverter.command(OFF)
            return await meter.read()

        async def on() -> InverterReading:
            await inverter.command(InverterSetpoint(InverterMode.VOLTAGE, voltage_v=400))
            return await inverter.read()

        await until(metered, lambda reading: reading.frequency_hz == 60, 2.0)
        await until(on, lambda reading: InverterFault.GRID_LOST in reading.faults, 8.0)
        assert max((await sensor.read()).voltages_v) < 1

    with (
        simulator("grid", "--recording", str(recording)) as grid,
        simulator("plant", "--grid", grid.endpoint) as plant,
    ):
        run(test())


def test_a_silent_vehicle_lets_its_contactor_open_and_its_charger_stop() -> None:
    async def test() -> None:
        connection = ModbusConnection(plant.host, plant.port)
        vehicle = VehicleSide(connection.unit(4, "vehicle"))
        contactor = RegisterContactor(connection.unit(5, "contactor"))

        async def charging() -> VehicleReading:
            await contactor.command(closed=True)
            await vehicle.command(contactor_closed=True, charger_power_w=-3_000)
            return await vehicle.read()

        async def silent() -> VehicleReading:
            await contactor.command(closed=True)
            return await vehicle.read()

        reading = await until(charging, lambda reading: reading.charger_power_w == -3_000, 3.0)
        assert reading.current_a < 0
        assert reading.inlet_voltage_v == pytest.approx(reading.battery_voltage_v)
        assert reading.soc == pytest.approx(0.4, abs=0.001)
        assert reading.capacity_wh == 10_000

        def stopped(reading: VehicleReading) -> bool:
            return reading.charger_power_w == reading.current_a == 0 and reading.inlet_voltage_v < 1

        await until(silent, stopped, 2.5)

    with simulator("plant", "--battery-wh", "10000", "--soc", "0.4") as plant:
        run(test())
