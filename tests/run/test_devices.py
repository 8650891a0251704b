"""The devices of an EVSE: the drivers that the configuration names, on simulated hardware."""

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from msgspec.structs import replace as changed
from tests.contract.bench import power
from tests.contract.simulators import simulator
from tests.outside_package import installed
from tests.stopwatch import within

from v2g.bench.sim.contactor import MECHANICAL_DELAY_S, ContactorModule, Stuck
from v2g.bench.sim.lock import LockModule
from v2g.bench.sim.modbus_server import ILLEGAL_ADDRESS, ModbusException, Unit, listen
from v2g.bench.sim.modbus_server import Device as SimulatedDevice
from v2g.bench.sim.sunspec import SunSpecUnit
from v2g.power.drivers.register_map import RegisterGridSensor, RegisterInverter
from v2g.power.drivers.sunspec_grid_sensor import SunSpecGridSensor
from v2g.power.drivers.sunspec_inverter import SunSpecInverter
from v2g.power.inverter import HOLDS_WITHIN_S
from v2g.power.lock import MOVES_WITHIN_S
from v2g.power.quantity import Value
from v2g.power.registers.map import shipped
from v2g.power.registers.port import Table
from v2g.power.sunspec.device import END
from v2g.power.sunspec.image import Model
from v2g.power.wiring import WiringError
from v2g.run.devices import HANGS_S, Devices
from v2g.station.config.settings import Device, EvseSettings
from v2g.station.orders import SAFE


def test_an_evse_with_sunspec_devices() -> None:
    async def test(endpoint: str) -> None:
        sunspec = Device(address=endpoint, driver="sunspec")
        evse = EvseSettings(
            contactor=Device(address=endpoint, unit=5),
            meter=Device(address=endpoint, unit=2),
            inverter=sunspec,
            grid=sunspec,
        )
        devices = Devices(evse, time.monotonic)
        async with asyncio.timeout(10):
            for name in devices.names:
                await devices.read(name)
        devices.close()
        assert devices.troubles == {}
        assert isinstance(devices.inverter, SunSpecInverter)
        assert isinstance(devices.grid, SunSpecGridSensor)
        assert devices.rating is not None
        assert devices.rating.discharge_power_max_w == 30_000
        assert devices.readings.inverter is not None
        assert devices.readings.grid is not None
        assert devices.readings.grid.frequency_hz == 50

    with simulator("sunspec") as process:
        asyncio.run(test(process.endpoint))


def test_devices_have_register_maps_unless_said_otherwise() -> None:
    anywhere = Device(address="127.0.0.1:502")
    devices = Devices(
        EvseSettings(contactor=anywhere, meter=anywhere, inverter=anywhere, grid=anywhere), time.monotonic
    )
    assert isinstance(devices.inverter, RegisterInverter)
    assert isinstance(devices.grid, RegisterGridSensor)


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@asynccontextmanager
async def at(units: Mapping[int, SimulatedDevice]) -> AsyncIterator[str]:
    """Simulated devices behind a server in this process; gives its address."""
    server, port = await listen(units, "127.0.0.1", 0)
    async with asyncio.timeout(10):
        yield f"modbus://127.0.0.1:{port}"
    server.close()


def unit(address: str, number: int) -> Device:
    return Device(address=f"{address}?unit={number}")


IDLE: Mapping[str, Value] = {"state": "off", "faults": frozenset(), "temperature_c": 25.0, "voltage_max_v": 500.0}
NOWHERE = Device(address="modbus://127.0.0.1:1")


def test_an_inverter_that_holds_something_else_is_one_trouble_and_a_reading_that_says_so() -> None:
    clock = Clock()
    held: dict[str, Value] = {"discharge_limit_w": 26_000.0}

    async def test() -> None:
        async with at({1: Unit(shipped("inverter"), lambda: IDLE, lambda _: held)}) as address:
            devices = Devices(EvseSettings(contactor=NOWHERE, meter=NOWHERE, inverter=unit(address, 1)), clock)
            orders = changed(SAFE, inverter=power(7_000))
            seen: list[str] = []
            for _ in range(200):
                await devices.command_inverter(orders)
                await devices.read("inverter")
                reading = devices.readings.held
                assert reading is not None
                assert reading.setpoint is None
                assert reading.differs == "discharge_limit_w is 26000 instead of 25000"
                assert reading.disobeys == (clock.now - 100 > HOLDS_WITHIN_S)
                assert (devices.troubles != {}) == reading.disobeys
                seen += [text for text in devices.troubles.values() if text not in seen]
                clock.now += 0.1
            assert len(seen) == 1
            assert seen[0].startswith(f"inverter at {address}?unit=1: discharge_limit_w is 26000 instead of 25000; ")
            held.clear()
            await devices.command_inverter(orders)
            assert devices.troubles == {}
            assert devices.readings.held is not None
            assert (devices.readings.held.disobeys, devices.readings.held.setpoint) == (False, orders.inverter)
            devices.close()

    asyncio.run(test())


@pytest.mark.parametrize("power_w", [1e9, -1e9, 3.4e38, 200_000.0])
def test_a_meter_that_cannot_be_right_is_no_meter(tmp_path: Path, power_w: float) -> None:
    own_map = tmp_path / "meter.yaml"
    own_map.write_text(
        "quantities:\n"
        + "".join(
            f"  {name}: {{address: {address}, type: f32, table: input}}\n"
            for address, name in zip(range(0, 40, 2), shipped("meter").quantities, strict=False)
        )
    )
    measured: dict[str, Value] = {"power_w": 3_000.0, "frequency_hz": 50.0}

    async def test() -> None:
        from v2g.power.registers.map import load

        async with at({1: Unit(load(own_map), lambda: measured)}) as address:
            meter = Device(address=f"{address}?unit=1", registers=own_map)
            devices = Devices(EvseSettings(contactor=NOWHERE, meter=meter), time.monotonic)
            await devices.read("meter")
            before = devices.readings.meter
            assert before is not None
            assert before.power_w == 3_000
            measured["power_w"] = power_w
            await devices.read("meter")
            assert devices.readings.meter == before  # and ages
            assert "meter at" in devices.troubles["meter"]
            assert "plausible is -150000 to 150000; check its register map" in devices.troubles["meter"]
            devices.close()

    asyncio.run(test())


def test_a_counter_that_jumps_is_no_reading_and_believed_again_with_the_next(tmp_path: Path) -> None:
    measured: dict[str, Value] = {"import_wh": 5_000_000.0, "power_w": 3_000.0, "frequency_hz": 50.0}

    async def test() -> None:
        async with at({1: Unit(shipped("meter"), lambda: measured)}) as address:
            devices = Devices(EvseSettings(contactor=NOWHERE, meter=unit(address, 1)), time.monotonic)
            believed = []
            for import_wh in (5_000_000.0, 5_000_000.0, 0.0, 5_000_000.0, 5_000_000.0, 200.0, 200.0):
                measured["import_wh"] = import_wh
                await devices.read("meter")
                believed.append("meter" not in devices.troubles)
            assert believed == [True, True, False, False, True, False, True]
            devices.close()

    asyncio.run(test())


OUTSIDE = """
import asyncio


class Broken:
    async def command(self, *, closed):
        raise ZeroDivisionError("division by zero")

    async def read(self):
        return {}["position"]


class Hanging:
    async def command(self, *, closed):
        await asyncio.Event().wait()

    async def read(self):
        await asyncio.Event().wait()


def broken(wiring):
    return Broken()


def hanging(wiring):
    return Hanging()


def lacking(wiring):
    return object()


def failing(wiring):
    return wiring.no_such_thing
"""


def outside(tmp_path: Path) -> Mapping[str, Mapping[str, str]]:
    names = ("broken", "hanging", "lacking", "failing")
    return {"v2g.drivers": {f"contactor.{name}": f"acme:{name}" for name in names}}


def test_whatever_a_driver_raises_is_a_trouble_of_its_device_alone(tmp_path: Path) -> None:
    async def test() -> None:
        async with at({1: Unit(shipped("meter"), dict[str, Value])}) as address:
            contactor = Device(address="acme://nowhere", driver="broken")
            devices = Devices(EvseSettings(contactor=contactor, meter=unit(address, 1)), time.monotonic)
            for _ in range(3):
                await devices.command(SAFE)
                for name in devices.names:
                    await devices.read(name)
                assert devices.troubles.keys() == {"contactor"}
            assert devices.troubles["contactor"].startswith("contactor: its driver fails (read): KeyError: 'position'")
            assert devices.readings.meter is not None
            devices.close()

    with installed(tmp_path / "acme", {"acme.py": OUTSIDE}, outside(tmp_path)):
        asyncio.run(test())


def test_a_driver_that_hangs_is_given_up(tmp_path: Path) -> None:
    async def test() -> None:
        contactor = Device(address="acme://nowhere", driver="hanging")
        devices = Devices(EvseSettings(contactor=contactor, meter=NOWHERE), time.monotonic)
        with within(HANGS_S + 0.5):
            await devices.command(SAFE)
        assert "contactor: its driver does not return within 2 s (command)" in devices.troubles["contactor"]
        devices.close()

    with installed(tmp_path / "acme", {"acme.py": OUTSIDE}, outside(tmp_path)):
        asyncio.run(test())


@pytest.mark.parametrize(
    ("driver", "reason"),
    [
        ("lacking", "driver lacking from outside has no command and no read; see v2g.power.contactor"),
        ("failing", "driver failing from outside fails: AttributeError: 'Wiring' object has no attribute"),
    ],
)
def test_a_driver_that_is_none_is_refused_at_once(tmp_path: Path, driver: str, reason: str) -> None:
    contactor = Device(address="acme://nowhere", driver=driver)
    evse = EvseSettings(contactor=contactor, meter=NOWHERE)
    with (
        installed(tmp_path / "acme", {"acme.py": OUTSIDE}, outside(tmp_path)),
        pytest.raises(WiringError) as caught,
    ):
        Devices(evse, time.monotonic)
    assert str(caught.value).startswith(reason)


def test_l2_and_l3_have_a_contactor_of_their_own() -> None:
    async def test() -> None:
        clock = Clock()
        first, others = ContactorModule(clock), ContactorModule(clock)
        async with at({1: first.unit, 2: others.unit}) as address:
            evse = EvseSettings(contactor=unit(address, 1), phase_contactor=unit(address, 2), meter=NOWHERE)
            devices = Devices(evse, clock)
            for phases in (3, 1):
                await devices.command(changed(SAFE, contactor_closed=True, phases=phases))
                clock.now += MECHANICAL_DELAY_S
                await devices.read("contactor")
                assert (first.closed, others.closed) == (True, phases == 3)
                assert devices.readings.seen_closed
            first.stuck, others.stuck = None, Stuck.WELDED
            others.closed = True
            await devices.command(SAFE)
            clock.now += MECHANICAL_DELAY_S
            await devices.read("contactor")
            assert not first.closed
            assert devices.readings.seen_closed, "one closed contact is no open contactor"
            devices.close()

    asyncio.run(test())


def test_the_plug_is_freed_only_when_the_contactor_is_seen_open() -> None:
    async def test() -> None:
        contactor, lock = ContactorModule(clock), LockModule(clock)
        async with at({1: contactor.unit, 2: lock.unit}) as address:
            evse = EvseSettings(contactor=unit(address, 1), meter=NOWHERE, lock=unit(address, 2))
            devices = Devices(evse, clock)
            closed = changed(SAFE, contactor_closed=True, locked=True)
            await devices.command(SAFE)  # the contactor's position is not known yet
            assert not lock.driven
            await devices.command(closed)
            clock.now += MECHANICAL_DELAY_S
            await devices.read("contactor")
            clock.now += MOVES_WITHIN_S
            await devices.read("connector lock")
            assert devices.readings.lock is not None
            assert devices.readings.lock.locked
            await devices.command(SAFE)  # it opens, but nobody has seen it open
            assert lock.driven
            clock.now += MECHANICAL_DELAY_S
            await devices.command(SAFE)
            assert lock.driven
            await devices.read("contactor")
            await devices.command(SAFE)
            assert not lock.driven
            await devices.command(closed)
            assert lock.driven
            devices.close()

    clock = Clock()
    asyncio.run(test())


class Refusing:
    """A device without registers."""

    def read(self, table: Table, address: int, count: int) -> Sequence[int]:
        raise ModbusException(ILLEGAL_ADDRESS)

    def write(self, table: Table, address: int, words: Sequence[int]) -> None:
        raise ModbusException(ILLEGAL_ADDRESS)


class WithoutEnd(SunSpecUnit):
    """A SunSpec device whose chain of models just ends."""

    def read(self, table: Table, address: int, count: int) -> Sequence[int]:
        words = super().read(table, address, count)
        if words[0] == END:
            raise ModbusException(ILLEGAL_ADDRESS)
        return words


def test_what_is_odd_about_a_device_is_said_and_the_device_works() -> None:
    measured: dict[str, Value | None] = {"ACType": "THREE_PHASE", "Hz": 50.0, "Hz_SF": 0.0, "V_SF": 0.0}
    measured |= dict.fromkeys(("VL1", "VL2", "VL3"), 230.0)
    model = Model(701, measured)

    async def test() -> None:
        unit = WithoutEnd([model], lambda: None, lambda number, values: None, Refusing())
        async with at({1: unit}) as address:
            grid = Device(address=address, driver="sunspec")
            devices = Devices(EvseSettings(contactor=NOWHERE, meter=NOWHERE, grid=grid), time.monotonic)
            await devices.read("grid sensing unit")
            assert devices.troubles == {}
            assert devices.readings.grid is not None
            assert devices.oddities.keys() == {"grid sensing unit"}
            assert devices.oddities["grid sensing unit"].startswith(
                "grid sensing unit: its end model FFFF 0000 is missing at register "
            )
            devices.close()

    asyncio.run(test())


def test_what_only_some_stations_need_is_not_even_imported_before_it_is_used() -> None:
    """The daemon listens sooner, and runs without the packages of carriers that it does not have."""
    program = """
import sys, time
from v2g.run.devices import Devices
from v2g.station.config.settings import Device, EvseSettings

at = lambda address: Device(address=address)
evse = EvseSettings(
    contactor=at("modbus+rtu:///dev/ttyUSB0"), meter=at("modbus://127.0.0.1:1"), inverter=at("can://can0")
)
Devices(evse, time.monotonic)
unwanted = {"can", "serial", "v2g.io.modbus_serial", "importlib.metadata", "v2g.power.drivers.sunspec_inverter"}
sys.exit(", ".join(unwanted & sys.modules.keys()) or 0)
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_a_process_that_ends_frees_the_plug() -> None:
    async def test() -> None:
        contactor, lock = ContactorModule(time.monotonic), LockModule(time.monotonic)
        async with at({1: contactor.unit, 2: lock.unit}) as address:
            devices = Devices(
                EvseSettings(contactor=unit(address, 1), meter=NOWHERE, lock=unit(address, 2)), time.monotonic
            )

            async def work() -> None:
                await devices.command(changed(SAFE, contactor_closed=True, locked=True))
                began.set()
                try:
                    await asyncio.Event().wait()
                finally:
                    await devices.make_safe(5.0)

            began = asyncio.Event()
            process = asyncio.create_task(work())
            await began.wait()
            assert lock.driven
            process.cancel()
            await asyncio.wait([process])
            assert not contactor.closed
            assert not lock.driven
            devices.close()

    asyncio.run(test())
