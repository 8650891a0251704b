"""Safety inputs and coolant pump: the driver against the simulated module, in its process and in virtual time."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from tests.contract.bench import until
from tests.contract.simulators import Simulator, simulator
from tests.stopwatch import within

from v2g.bench.sim.heat import Heat
from v2g.bench.sim.safety import OPERATOR_UNIT, PUMP_WATCHDOG_S, SAFETY_UNIT, SafetyModule, SafetyOperator
from v2g.io.modbus import ModbusConnection
from v2g.power.drivers.register_map import RegisterInverter
from v2g.power.drivers.register_safety import RegisterCoolantPump, RegisterSafetyInputs
from v2g.power.errors import Unreachable
from v2g.power.inverter import InverterMode, InverterSetpoint
from v2g.power.registers.port import Table
from v2g.power.safety_inputs import LOST_WITHIN_S, SafetyReading
from v2g.station.readings import READING_STALE_S
from v2g.station.safety.alarms import Alarm, alarms

GOOD = SafetyReading(10.0, False, False, False, 25.0, 25.0, 25.0, 0.0)


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def run(
    process: Simulator,
    test: Callable[[RegisterSafetyInputs, RegisterCoolantPump, SafetyOperator], Coroutine[Any, Any, None]],
) -> None:
    async def limited() -> None:
        async with asyncio.timeout(60):
            connection = ModbusConnection(process.host, process.port)
            module = connection.unit(SAFETY_UNIT, "safety inputs")
            operator = SafetyOperator(connection.unit(OPERATOR_UNIT, "operator"))
            await test(RegisterSafetyInputs(module), RegisterCoolantPump(module), operator)

    asyncio.run(limited())


@pytest.mark.parametrize(
    ("reading", "now", "expected"),
    [
        (GOOD, 10.0, ()),
        (GOOD, 10.0 + READING_STALE_S, ()),
        (GOOD, 10.01 + READING_STALE_S, (Alarm.STALE,)),
        (GOOD, 9.0, (Alarm.STALE,)),
        (None, 10.0, (Alarm.STALE,)),
        (
            SafetyReading(10.0, True, True, True, None, None, None, None),
            10.0,
            (Alarm.EMERGENCY_STOP, Alarm.RESIDUAL_CURRENT, Alarm.DOOR),
        ),
    ],
)
def test_alarms(reading: SafetyReading | None, now: float, expected: tuple[Alarm, ...]) -> None:
    assert alarms(reading, now) == expected


def test_what_a_person_does_is_read_with_its_time() -> None:
    async def test(inputs: RegisterSafetyInputs, pump: RegisterCoolantPump, operator: SafetyOperator) -> None:
        reading = await inputs.read()
        assert alarms(reading, reading.time_s) == ()
        assert reading.time_s <= time.monotonic()
        await operator.act(emergency_stop=True)
        assert alarms(await inputs.read(), time.monotonic()) == (Alarm.EMERGENCY_STOP,)
        await operator.act(residual_current=True, door_open=True)
        assert alarms(await inputs.read(), time.monotonic()) == (Alarm.RESIDUAL_CURRENT, Alarm.DOOR)

    with simulator("safety") as process:
        run(process, test)


def test_a_broken_sensor_is_unknown_and_no_other_suffers() -> None:
    async def test(inputs: RegisterSafetyInputs, pump: RegisterCoolantPump, operator: SafetyOperator) -> None:
        await operator.act(ambient_c=-20, broken_sensors=frozenset({"coolant", "flow"}))
        reading = await inputs.read()
        assert (reading.coolant_c, reading.flow, reading.ambient_c) == (None, None, -20)
        assert reading.contactor_c is not None
        assert alarms(reading, reading.time_s) == ()

    with simulator("safety") as process:
        run(process, test)


def test_the_pump_is_commanded_and_the_flow_follows() -> None:
    async def test(inputs: RegisterSafetyInputs, pump: RegisterCoolantPump, operator: SafetyOperator) -> None:
        await pump.command(1.0)
        assert await operator.pump() == 1.0
        await until(inputs.read, lambda reading: (reading.flow or 0) > 0.02, 30.0)
        await pump.command(0.25)
        assert await operator.pump() == 0.25
        for share in (-0.1, 1.1, float("nan")):
            with pytest.raises(ValueError, match="0 to 1"):
                await pump.command(share)

    with simulator("safety") as process:
        run(process, test)


@pytest.mark.parametrize("how", ["killed", "frozen"])
def test_a_lost_module_raises_in_time(how: str) -> None:
    async def test(inputs: RegisterSafetyInputs, pump: RegisterCoolantPump, operator: SafetyOperator) -> None:
        await inputs.read()
        if how == "killed":
            process.kill()
        else:
            process.freeze()
        for call in (inputs.read, lambda: pump.command(0.5)):
            with within(LOST_WITHIN_S), pytest.raises(Unreachable, match=r"^safety inputs at .* unit 1: "):
                await call()

    with simulator("safety") as process:
        run(process, test)


def test_a_pump_that_nobody_commands_runs_fully() -> None:
    clock = Clock()
    module = SafetyModule(clock)
    module.command_pump(0.2)
    clock.now += PUMP_WATCHDOG_S * 0.99
    module.advance(clock.now)
    assert module.heat.pump == 0.2
    clock.now += PUMP_WATCHDOG_S * 0.02
    module.advance(clock.now)
    assert module.heat.pump == 1.0


def test_writing_one_register_of_the_operator_leaves_the_others() -> None:
    module = SafetyModule(Clock(), heat=Heat(ambient_c=-12.5))
    module.units[OPERATOR_UNIT].write(Table.HOLDING, 1, [1])
    assert (module.door_open, module.heat.ambient_c) == (True, -12.5)
    assert module.reading().ambient_c == -12.5


def test_a_broken_wire_of_a_loop_is_an_alarm() -> None:
    module = SafetyModule(Clock())
    assert module.units[SAFETY_UNIT].read(Table.DISCRETE, 0, 3) == [1, 1, 1]  # closed while all is well
    module.emergency_stop = True
    assert module.units[SAFETY_UNIT].read(Table.DISCRETE, 0, 3) == [0, 1, 1]


def test_the_module_warms_with_the_losses_of_the_plant() -> None:
    async def test(inputs: RegisterSafetyInputs, pump: RegisterCoolantPump, operator: SafetyOperator) -> None:
        inverter = RegisterInverter(ModbusConnection(plant.host, plant.port).unit(1, "inverter"))

        async def warmed() -> float:
            await inverter.command(InverterSetpoint(InverterMode.VOLTAGE, voltage_v=400))  # 90 W of losses
            return await operator.module_c()

        before_c = await warmed()
        await until(warmed, lambda now_c: now_c > before_c + 0.02, 30.0)

    with simulator("plant") as plant, simulator("safety", "--plant", plant.endpoint) as process:
        run(process, test)
