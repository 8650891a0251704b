"""What a hostile or unlucky car does to an EVSE: silence, lies in numbers, energy that nobody asked for."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace as changed
from tests.iso15118.requests import (
    AC_DYNAMIC,
    DC_DYNAMIC,
    ac_scheduled_loop,
    dc_loop,
    exi,
    header,
    number,
    payload_type_of,
    power_delivery,
)
from tests.station.scene import INTENT, OUTLET, fault_of, faulted_at, in_the_loop, opened_at

from v2g.bench.sim.plant_model import PlantSettings
from v2g.bench.sim.world import World
from v2g.exi.facets import Type
from v2g.iso15118.service import ControlMode, Service
from v2g.iso15118.view import Stop
from v2g.kernel.fault import Fault
from v2g.messages.iso20 import ac, common, dc
from v2g.messages.iso20.types import RationalNumber
from v2g.power.meter import NO_POWER_W
from v2g.station.config.settings import EvseSettings, PlanStep
from v2g.station.readings import Readings
from v2g.station.timeouts import FOLLOWS_S, RENEGOTIATES_S

AC = changed(OUTLET, services=("AC_BPT", "AC"), inverter=None, isolation=None, bench_ac_bpt=True)


def say(world: World, make: Callable[[bytes], Type]) -> None:
    """A request of this session, whoever sends it."""
    conversation = world.evse.visit.conversation
    assert conversation is not None
    request = make(conversation.session_id)
    world.say_as_car(payload_type_of(request), exi(request))


def take_over(world: World) -> None:
    """From here on the car's software says nothing, and its hardware stays as it is."""
    world.faults.hung = True
    world.run(0.05)


@pytest.mark.parametrize("power_w", [7_000.0, -7_000.0], ids=["draws", "feeds"])
def test_a_car_on_ac_gets_nothing_before_the_charge_loop(power_w: float) -> None:
    """PowerDelivery closed its contactor; energy is due only once it asks for it in the loop."""
    world = World(AC, replace(INTENT, service=Service.AC_BPT))
    world.run(3.0)
    world.plug_in()
    world.run(until=lambda: world.contactor.closed)
    take_over(world)
    stolen = world.evcc
    assert stolen is not None
    stolen.session = replace(stolen.session, command=replace(stolen.session.command, charger_w=power_w))
    at = world.now
    world.run(20.0, until=lambda: not world.contactor.closed)
    assert fault_of(world) is Fault.OVER_CURRENT
    assert world.now - at <= FOLLOWS_S + 1.0


def test_a_car_that_renegotiates_for_ever_does_not_go_on_drawing() -> None:
    intent = replace(INTENT, service=Service.AC, mode=ControlMode.SCHEDULED)
    world = in_the_loop(World(AC, intent), 5.0)
    assert world.plant.charger_power_w > 5_000
    take_over(world)
    at = world.now
    say(world, lambda session: power_delivery(session, common.ChargeProgress.ScheduleRenegotiation))
    world.run(30.0, until=lambda: not world.contactor.closed)
    assert world.now - at <= FOLLOWS_S + 1.0
    assert fault_of(world) is Fault.OVER_CURRENT


@pytest.mark.parametrize(
    "ramp_a_per_s",
    [1_000.0, 100.0, *(pytest.param(between, marks=pytest.mark.proof) for between in (500.0, 250.0))],
)
@pytest.mark.parametrize("amps", [0.0, 20.0, pytest.param(10.0, marks=pytest.mark.proof)])
def test_an_honest_car_may_lower_its_current_limit(amps: float, ramp_a_per_s: float) -> None:
    evse = changed(OUTLET, dispatch=(PlanStep(power_w=11_000),))
    for phase in range(5):
        world = World(evse, INTENT, plant=replace(PlantSettings(), current_ramp_a_per_s=ramp_a_per_s))
        in_the_loop(world, 6.0 + phase * 0.02)
        assert world.plant.current_a > 20
        assert world.evcc is not None
        intent = world.evcc.session.intent
        lower = replace(intent, limits=replace(intent.limits, charge_a=amps))
        world.evcc.session = replace(world.evcc.session, intent=lower)
        world.run(3.0)
        assert fault_of(world) is None
        assert world.plant.current_a <= amps + 0.6


def test_a_current_beyond_what_the_car_has_long_asked_for_is_a_fault() -> None:
    world = in_the_loop(World(changed(OUTLET, dispatch=(PlanStep(power_w=11_000),)), INTENT), 6.0)
    world.faults.deaf.add("inverter")
    assert world.evcc is not None
    intent = world.evcc.session.intent
    lower = replace(intent, limits=replace(intent.limits, charge_a=5.0))
    world.evcc.session = replace(world.evcc.session, intent=lower)
    at = world.now
    world.run(5.0)
    assert fault_of(world) is Fault.OVER_CURRENT
    assert faulted_at(world) - at < 2.0
    assert opened_at(world, at) - at < 2.5


numbers = st.builds(RationalNumber, st.integers(-128, 127), st.integers(-32768, 32767))
ELEMENTS = (
    "EVMaximumChargePower",
    "EVMaximumChargeCurrent",
    "EVMaximumVoltage",
    "EVMinimumVoltage",
    "EVTargetEnergyRequest",
    "EVMaximumEnergyRequest",
)


@settings(max_examples=25, deadline=None)
@given(st.dictionaries(st.sampled_from(ELEMENTS), numbers, min_size=1), numbers, numbers)
def test_no_number_of_a_car_leaves_the_evse_unbounded(
    wild: dict[str, RationalNumber], power: RationalNumber, amps: RationalNumber
) -> None:
    world = in_the_loop(World(OUTLET, INTENT), 1.0)
    take_over(world)
    control = dc.BPT_Dynamic_DC_CLReqControlMode(
        **DC_DYNAMIC
        | wild
        | {
            "EVMaximumDischargePower": power,
            "EVMinimumDischargePower": number(0),
            "EVMaximumDischargeCurrent": amps,
        }
    )
    say(world, lambda session: dc_loop(session, control))
    world.run(0.3)
    own, inverter = OUTLET.capability, world.orders.inverter
    assert 0 <= inverter.voltage_v <= own.voltage_max_v
    assert 0 <= inverter.minimum_voltage_v <= own.voltage_max_v
    assert -own.discharge_w <= inverter.power_w <= own.charge_w
    assert fault_of(world) is not Fault.INTERNAL


@pytest.mark.parametrize(
    ("evse", "service"), [(OUTLET, Service.DC_BPT), (AC, Service.AC_BPT)], ids=["DC_BPT", "AC_BPT"]
)
@pytest.mark.parametrize("power_w", [1e9, -1e9, 3.4e38])
def test_a_meter_that_shows_the_impossible_is_no_defect_of_the_station(
    evse: EvseSettings, service: Service, power_w: float
) -> None:
    world = in_the_loop(World(evse, replace(INTENT, service=service)), 3.0)

    def lying(readings: Readings) -> Readings:
        meter = readings.meter
        return readings if meter is None else changed(readings, meter=replace(meter, power_w=power_w))

    world.as_read = lying
    world.run(20.0)
    assert fault_of(world) not in (None, Fault.INTERNAL)
    assert abs(world.plant.ac_power_w + world.plant.charger_power_w) < NO_POWER_W


@pytest.mark.parametrize("mode", list(ControlMode), ids=lambda mode: mode.name.lower())
@pytest.mark.parametrize(
    "kinds",
    [(Stop.TERMINATE,), (Stop.PAUSE,), (Stop.TERMINATE, Stop.PAUSE)],
    ids=["stop", "pause", "stop-pause"],
)
def test_an_ac_car_that_goes_on_although_it_is_asked_to_stop_is_cut_off(
    mode: ControlMode, kinds: tuple[Stop, ...]
) -> None:
    """It says all that a car says, and draws what it drew."""
    world = in_the_loop(World(AC, replace(INTENT, service=Service.AC, mode=mode)), 4.0)
    assert world.plant.charger_power_w > 4_000
    request = say_again(mode)
    take_over(world)
    at = world.now
    for kind in kinds:
        world.evse.stop(kind, world.now)
    while world.contactor.closed and world.now - at < 40.0:
        say(world, request)
        world.run(0.1)
    pauses_by_schedule = mode is ControlMode.SCHEDULED and kinds == (Stop.PAUSE,)
    if pauses_by_schedule:
        assert world.contactor.closed, "it may take a minute to begin [V2G20-1850]"
        return
    assert fault_of(world) is Fault.OVER_CURRENT
    assert world.now - at <= (FOLLOWS_S if mode is ControlMode.DYNAMIC else RENEGOTIATES_S) + 0.5


def say_again(mode: ControlMode) -> Callable[[bytes], Type]:
    if mode is ControlMode.SCHEDULED:
        return lambda session: ac_scheduled_loop(session, 9_000.0)
    control = ac.Dynamic_AC_CLReqControlMode(**AC_DYNAMIC)
    return lambda session: ac.AC_ChargeLoopReq(
        Header=header(session), MeterInfoRequested=False, CLReqControlMode=control
    )
