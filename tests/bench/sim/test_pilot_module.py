"""The simulated pilot: circuit, watchdog, registers, and the operator's side."""

import pytest
from tests.contract.simulators import simulator

from v2g.bench.sim.pilot import OPERATOR_UNIT, PILOT_UNIT, WATCHDOG_S, Cable, PilotModule, level_v
from v2g.cli import main
from v2g.pilot.state import State, find
from v2g.pilot.vehicle import REACTION_S, VehiclePilot
from v2g.power.registers.map import shipped
from v2g.power.registers.port import Table


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.mark.parametrize(
    ("cable", "switch", "high_v", "low_v"),
    [
        (Cable.UNPLUGGED, State.B, 12.0, -12.0),
        (Cable.SOUND, State.B, 8.98, -12.0),
        (Cable.SOUND, State.C, 6.0, -12.0),
        (Cable.SOUND, State.D, 2.93, -12.0),
        (Cable.NO_DIODE, State.B, 8.79, -8.79),
        (Cable.NO_DIODE, State.C, 5.62, -5.62),
        (Cable.SHORTED, State.C, 0.0, 0.0),
    ],
)
def test_the_circuit(cable: Cable, switch: State, high_v: float, low_v: float) -> None:
    assert level_v(12, cable, switch) == pytest.approx(high_v, abs=0.01)
    assert level_v(-12, cable, switch) == pytest.approx(low_v, abs=0.01)


def test_the_states_of_the_circuit_are_those_of_the_standard(clock: Clock) -> None:
    module = PilotModule(clock)
    found = []
    for cable, duty in [
        (Cable.UNPLUGGED, 1.0),
        (Cable.SOUND, 1.0),
        (Cable.SOUND, 0.05),
        (Cable.SHORTED, 0.05),
        (Cable.SOUND, 0.0),
    ]:
        module.cable = cable
        module.command(duty)
        found.append(find(module.reading()).name)
    assert found == ["A1", "B1", "B2", "E", "F"]


def test_silence_sends_state_f(clock: Clock) -> None:
    module = PilotModule(clock)
    module.command(0.05)
    clock.now += WATCHDOG_S * 0.99
    assert module.reading().duty == 0.05
    clock.now += WATCHDOG_S * 0.02
    assert (module.reading().duty, module.reading().high_v) == (0.0, -12.0)


def test_registers_of_both_sides(clock: Clock) -> None:
    module = PilotModule(clock)
    pilot, operator = module.units[PILOT_UNIT], module.units[OPERATOR_UNIT]
    pilot.write(Table.HOLDING, 0, [500])
    operator.write(Table.HOLDING, 0, [1, 1, 0])  # a sound cable, a car that wants energy
    clock.now += REACTION_S / 2
    operator.read(Table.INPUT, 0, 3)
    clock.now += REACTION_S
    assert operator.read(Table.INPUT, 0, 3) == [1, 0, 1]  # state C, digital
    high, low, duty = pilot.read(Table.INPUT, 0, 3)
    assert (high, low, duty) == (600, 0x10000 - 1200, 500)
    assert shipped("pilot").quantities["low_v"].decode([low]) == -12.0


def test_writing_one_register_of_the_operator_leaves_the_others(clock: Clock) -> None:
    vehicle = VehiclePilot()
    vehicle.wants_energy = True
    module = PilotModule(clock, vehicle=vehicle, cable=Cable.SOUND)
    module.units[OPERATOR_UNIT].write(Table.HOLDING, 2, [1])
    assert (module.cable, vehicle.wants_energy) == (Cable.SOUND, True)


def test_the_operator_can_have_the_car_toggle(clock: Clock) -> None:
    module = PilotModule(clock, vehicle=VehiclePilot())
    module.command(1.0)
    operator = module.units[OPERATOR_UNIT]
    operator.write(Table.HOLDING, 0, [1, 0, 2])
    clock.now += 0.05
    states = []
    for _ in range(14):
        states.append(operator.read(Table.INPUT, 0, 1)[0])
        clock.now += 0.1
    assert states == [1, 1, 1, 0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0]


@pytest.mark.parametrize("device", ["pilot", "safety"])
def test_a_process_ends_cleanly(device: str) -> None:
    with simulator(device) as process:
        assert process.terminate() == 0


@pytest.mark.parametrize("arguments", [["--ambient-c", "100"], ["--plant", "nowhere"]])
def test_bad_arguments_of_the_safety_module_are_refused(arguments: list[str]) -> None:
    assert main(["sim", "safety", "--listen", "127.0.0.1:0", *arguments]) == 2
