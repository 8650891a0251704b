"""The register map drivers against devices that misbehave, each behind a real server."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import replace
from typing import Any

import pytest
from tests.serving import serving

from v2g.bench.sim.modbus_server import ILLEGAL_ADDRESS, ModbusException, Unit, listen
from v2g.io.modbus import ModbusConnection
from v2g.power.contactor import SWITCHES_WITHIN_S, ContactorFault
from v2g.power.drivers.register_map import (
    RegisterContactor,
    RegisterGridSensor,
    RegisterInverter,
    RegisterIsolationMonitor,
)
from v2g.power.errors import Implausible, PowerError, ReadBackMismatch, Refused
from v2g.power.inverter import OFF, InverterFault, InverterMode, InverterSetpoint
from v2g.power.quantity import MapError, Value
from v2g.power.registers.device import RegisterDevice
from v2g.power.registers.map import RegisterMap, parse, shipped
from v2g.power.registers.port import Registers, Table

SETPOINT = InverterSetpoint(
    InverterMode.POWER,
    voltage_v=450,
    minimum_voltage_v=300,
    power_w=-10_000,
    charge_limit_w=15_000,
    discharge_limit_w=15_000,
)
SOUND: Mapping[str, Value] = {"state": "on", "faults": frozenset(), "voltage_v": 400.0, "temperature_c": 25.0}


def on_device(unit: Unit, test: Callable[[Registers], Coroutine[Any, Any, None]]) -> None:
    """Runs `test` on the registers of `unit`."""

    async def run() -> None:
        server, port = await listen({1: unit}, "127.0.0.1", 0)
        async with serving(server), asyncio.timeout(10):
            await test(ModbusConnection("127.0.0.1", port, timeout_s=10).unit(1, "inverter"))

    asyncio.run(run())


@pytest.mark.parametrize(
    ("held", "finding"),
    [
        ({"discharge_limit_w": 20_000.0}, "discharge_limit_w is 20000 instead of 15000"),
        ({"power_set_w": -12_000.0}, "power_set_w is -12000 instead of -10000"),
        ({"power_set_w": 10_000.0}, "power_set_w is 10000 instead of -10000"),
        ({"minimum_voltage_v": 200.0}, "minimum_voltage_v is 200 instead of 300"),
        ({"control": "current"}, "control is current instead of power"),
    ],
)
def test_a_device_that_holds_more_than_it_was_told_is_found(held: Mapping[str, Value], finding: str) -> None:
    async def test(registers: Registers) -> None:
        with pytest.raises(ReadBackMismatch, match=finding):
            await RegisterInverter(registers).command(SETPOINT)

    on_device(Unit(shipped("inverter"), lambda: SOUND, lambda _: held), test)


def test_a_device_that_holds_less_says_so() -> None:
    async def test(registers: Registers) -> None:
        held = await RegisterInverter(registers).command(SETPOINT)
        assert held == replace(SETPOINT, power_w=-8_000, discharge_limit_w=8_000)

    clipped = {"power_set_w": -8_000.0, "discharge_limit_w": 8_000.0}
    on_device(Unit(shipped("inverter"), lambda: SOUND, lambda _: clipped), test)


def test_after_a_mismatch_nothing_is_taken_for_held() -> None:
    written: list[Value] = []

    def obey(values: Mapping[str, Value]) -> Mapping[str, Value]:
        written.append(values["power_set_w"])
        return {"discharge_limit_w": 20_000.0} if len(written) == 2 else {}

    async def test(registers: Registers) -> None:
        inverter = RegisterInverter(registers, clock=lambda: 100.0)  # no heartbeat comes due
        assert await inverter.command(SETPOINT) == SETPOINT
        with pytest.raises(ReadBackMismatch):
            await inverter.command(replace(SETPOINT, power_w=-5_000))
        assert await inverter.command(SETPOINT) == SETPOINT
        assert written == [-10_000, -5_000, -10_000]

    on_device(Unit(shipped("inverter"), lambda: SOUND, obey), test)


def test_a_contactor_command_that_failed_is_written_again() -> None:
    written: list[Value] = []

    def obey(values: Mapping[str, Value]) -> Mapping[str, Value]:
        written.append(values["close"])
        if len(written) == 2:
            raise ValueError("refused")
        return {}

    async def test(registers: Registers) -> None:
        contactor = RegisterContactor(registers, clock=lambda: 100.0)
        await contactor.command(closed=True)
        await contactor.command(closed=True)
        with pytest.raises(Refused):
            await contactor.command(closed=False)
        await contactor.command(closed=True)
        assert written == [1, 0, 1]

    on_device(Unit(shipped("contactor"), lambda: {}, obey), test)


@pytest.mark.parametrize(("closed", "fault"), [(True, ContactorFault.WELDED), (False, ContactorFault.DOES_NOT_CLOSE)])
def test_a_feedback_may_lag_but_not_stay(closed: bool, fault: ContactorFault) -> None:
    now, driven = 100.0, not closed

    async def test(registers: Registers) -> None:
        nonlocal now, driven
        contactor = RegisterContactor(registers, clock=lambda: now)
        assert (await contactor.read()).fault is None
        now += 0.9 * SWITCHES_WITHIN_S
        assert (await contactor.read()).fault is None
        now += 0.2 * SWITCHES_WITHIN_S
        assert (await contactor.read()).fault is fault
        driven = closed
        assert (await contactor.read()).fault is None
        driven = not closed
        assert (await contactor.read()).fault is None  # counts from zero again

    on_device(Unit(shipped("contactor"), lambda: {"feedback": float(closed), "driven": float(driven)}), test)


def test_writes_come_with_changes_and_heartbeats_and_are_rate_limited() -> None:
    register_map = RegisterMap("x.yaml", shipped("inverter").quantities, heartbeat_s=0.1, write_interval_s=0.05)
    written: list[Value] = []
    now = 100.0

    def obey(values: Mapping[str, Value]) -> Mapping[str, Value]:
        written.append(values["power_set_w"])
        return {}

    async def test(registers: Registers) -> None:
        nonlocal now
        inverter = RegisterInverter(registers, register_map, clock=lambda: now)
        other = replace(SETPOINT, power_w=-5_000)
        await inverter.command(SETPOINT)
        now += 0.02
        assert await inverter.command(SETPOINT) == SETPOINT
        assert await inverter.command(other) == SETPOINT  # held back, and says what is in force
        assert written == [-10_000]
        now += 0.04
        assert await inverter.command(other) == other
        assert await inverter.command(OFF) == OFF  # never held back
        assert written == [-10_000, -5_000, 0]
        now += 0.04
        await inverter.command(OFF)
        assert len(written) == 3
        now += 0.055  # 0.1 s after the command before, which took 5 ms to be written
        await inverter.command(OFF)
        assert len(written) == 4

    on_device(Unit(register_map, lambda: SOUND, obey), test)


def test_a_setpoint_is_written_by_one_request() -> None:
    requests: list[Mapping[str, Value]] = []

    def obey(values: Mapping[str, Value]) -> Mapping[str, Value]:
        requests.append(values)
        return {}

    async def test(registers: Registers) -> None:
        await RegisterInverter(registers).command(SETPOINT)
        (values,) = requests
        assert values["control"] == "power"
        assert (values["discharge_limit_w"], values["power_set_w"], values["heartbeat"]) == (15_000, -10_000, 1)

    on_device(Unit(shipped("inverter"), lambda: SOUND, obey), test)


def test_an_unknown_fault_bit_is_an_internal_fault() -> None:
    async def test(registers: Registers) -> None:
        reading = await RegisterInverter(registers).read()
        assert reading.faults == frozenset({InverterFault.INTERNAL, InverterFault.GRID_LOST})

    quantities = shipped("inverter").quantities
    text = "quantities: {faults: {address: 0x5001, type: u16, table: input, bits: {3: grid_lost, 9: strange}}}"
    strange = RegisterMap("x.yaml", quantities | parse(text, "x.yaml").quantities)
    on_device(Unit(strange, lambda: {**SOUND, "faults": frozenset({"grid_lost", "strange"})}), test)


@pytest.mark.parametrize(
    ("measured", "finding"),
    [
        ({"voltage_v": 2000.0}, r"voltage_v \(register 0x5002\): 2000 is implausible"),
        ({"temperature_c": -80.0}, r"temperature_c \(register 0x5003\): -80 is implausible"),
    ],
)
def test_an_implausible_measurement_raises(measured: Mapping[str, Value], finding: str) -> None:
    async def test(registers: Registers) -> None:
        with pytest.raises(Implausible, match=finding):
            await RegisterInverter(registers).read()

    on_device(Unit(shipped("inverter"), lambda: {**SOUND, **measured}), test)


def test_an_unknown_state_code_raises() -> None:
    async def test(registers: Registers) -> None:
        with pytest.raises(Implausible, match=r"self_test \(register 0x0000\): unknown code 4"):
            await RegisterIsolationMonitor(registers).read()

    quantities = shipped("isolation").quantities
    text = "quantities: {self_test: {address: 0, type: u16, table: input, values: {4: broken}}}"
    strange = RegisterMap("x.yaml", quantities | parse(text, "x.yaml").quantities)
    on_device(Unit(strange, lambda: {"self_test": "broken"}), test)


def test_a_mode_that_the_device_does_not_have_is_refused() -> None:
    async def test(registers: Registers) -> None:
        inverter = RegisterInverter(registers, register_map)
        with pytest.raises(PowerError, match="no code for 'power': the map knows off, current"):
            await inverter.command(SETPOINT)

    text = 'quantities: {control: {address: 0x4000, type: u16, values: {0: "off", 2: current}}}'
    register_map = RegisterMap("x.yaml", shipped("inverter").quantities | parse(text, "x.yaml").quantities)
    on_device(Unit(register_map, lambda: SOUND), test)


def test_a_grid_sensor_reads_what_its_map_has_beyond_frequency_and_voltage() -> None:
    async def test(registers: Registers) -> None:
        plain = await RegisterGridSensor(registers).read()
        assert (plain.rocof_hz_per_s, plain.phase_jump_deg, plain.power_w, plain.reactive_var) == (None,) * 4
        reading = await RegisterGridSensor(registers, register_map).read()
        assert (reading.rocof_hz_per_s, reading.power_w) == (-0.5, -7_000)
        assert (reading.phase_jump_deg, reading.reactive_var) == (None, None)

    text = (
        "quantities: {rocof_hz_per_s: {address: 10, type: i16, table: input, scale: 0.01}, "
        "power_w: {address: 11, type: i32, table: input, scale: -1}}"
    )
    register_map = RegisterMap("x.yaml", shipped("grid").quantities | parse(text, "x.yaml").quantities)
    on_device(Unit(register_map, lambda: {"rocof_hz_per_s": -0.5, "power_w": -7_000.0}), test)


def test_a_driver_refuses_a_map_without_its_quantities() -> None:
    registers = ModbusConnection("127.0.0.1", 502).unit(1, "grid sensing unit")
    with pytest.raises(MapError, match=r"x\.yaml: quantities\.frequency_hz: missing; add it, a number"):
        RegisterGridSensor(registers, parse("quantities: {sequence: {address: 0, type: u16}}", "x.yaml"))


@pytest.mark.parametrize("volts", [3.2767e131, float("inf"), -1.0])
def test_a_number_of_the_car_is_held_to_the_limits_of_the_map(volts: float) -> None:
    """A car may state 32767e127 V as its lowest voltage; the map has the register as f32."""

    async def test(registers: Registers) -> None:
        device = RegisterDevice(registers, register_map)
        await device.write({"minimum_voltage_v": volts})
        assert await device.read("minimum_voltage_v") == {"minimum_voltage_v": 0.0 if volts < 0 else 1500.0}
        with pytest.raises(Implausible, match=r"minimum_voltage_v \(register 0x0000\): not a number"):
            await device.write({"minimum_voltage_v": float("nan")})

    text = "quantities: {minimum_voltage_v: {address: 0, type: f32, minimum: 0, maximum: 1500}}"
    register_map = parse(text, "x.yaml")
    on_device(Unit(register_map, dict[str, Value]), test)


def test_registers_between_may_be_refused() -> None:
    """A device that refuses a block with registers that it does not have is read around them from then on."""

    class Careful(Unit):
        requests = 0

        def read(self, table: Table, address: int, count: int) -> list[int]:
            self.requests += 1
            if address <= 2 < address + count:
                raise ModbusException(ILLEGAL_ADDRESS)
            return super().read(table, address, count)

    async def test(registers: Registers) -> None:
        device = RegisterDevice(registers, register_map)
        for requests in (1 + 2, 2, 2):
            unit.requests = 0
            assert await device.read("a_w", "b_w") == {"a_w": 1.0, "b_w": 2.0}
            assert unit.requests == requests
        with pytest.raises(Refused, match="read of input 0x0001: illegal address"):
            await device.read("a_w", "c_w")

    text = "address: 1, type: u16, table: input}, c_w: {address: 2, type: u16, table: input}, b_w: {address: 3"
    register_map = parse(f"quantities: {{a_w: {{{text}, type: u16, table: input}}}}", "x.yaml")
    unit = Careful(register_map, lambda: {"a_w": 1.0, "b_w": 2.0})
    on_device(unit, test)
