"""From state A to state A again: plug, power line, session, and everything that can go wrong at the cable."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from msgspec.structs import replace as changed
from tests.station.scene import INTENT, OUTLET, PROMPT, fault_of, faulted_at, faults_of, in_the_loop, opened_at, texts

from v2g.bench.sim.pilot import Cable
from v2g.bench.sim.world import NOWHERE, SOUND, Grid, World
from v2g.iso15118.service import Service
from v2g.iso15118.view import Stop
from v2g.kernel.fault import Fault
from v2g.pilot.duty import DIGITAL, STEADY_HIGH, STEADY_LOW
from v2g.slac.modem import LEVEL_POLL_S, POLL_S
from v2g.slac.quality import TOO_WEAK_S
from v2g.station.config.settings import Access, EvseSettings, Pilot, PlanStep, Plc
from v2g.station.snapshot import evse_snapshot, explain
from v2g.thermal.settings import ThermalSettings

PLUGGED = changed(
    OUTLET,
    interface="nowhere",
    pilot=Pilot(device=NOWHERE),
    plc=Plc(),
    safety=NOWHERE,
    dispatch=(PlanStep(power_w=-6_000),),
)
BASIC = changed(
    PLUGGED,
    services=("AC",),
    inverter=None,
    isolation=None,
    plc=None,
    pilot=Pilot(device=NOWHERE, fallback_a=16.0, digital_s=5.0, retries=1),
    access=Access(grant="everyone"),
)


def feeding(evse: EvseSettings = PLUGGED) -> World:
    world = in_the_loop(World(evse, INTENT), 4.0)
    assert world.plant.power_w < -5_000
    return world


def test_from_the_plug_to_the_plug() -> None:
    world = World(PLUGGED, INTENT)
    world.run(3.0)
    assert world.cable is not None
    assert world.cable.pilot.duty == STEADY_HIGH
    assert world.evse.why_not_talk() == "no car is plugged in"
    in_the_loop(world, 4.0)
    assert world.cable.pilot.duty == DIGITAL
    shown = evse_snapshot(world.evse, world.now)
    assert (shown.pilot, shown.matched_car) == ("C2", "02:00:00:00:EF:01")
    assert world.plant.power_w == pytest.approx(-6_000, rel=0.02)
    world.driver = Stop.TERMINATE
    world.run_to_end()
    assert world.evse.visit.report.result == "completed"
    world.pull_out()
    world.run(2.0)
    assert world.cable.pilot.duty == STEADY_HIGH
    assert world.cable.pair is not None
    assert world.cable.pair.evse.match is None
    assert "control pilot: no car is connected" in texts(world)


def test_before_the_match_nobody_talks() -> None:
    world = World(PLUGGED, INTENT)
    world.run(3.0)
    assert world.cable is not None
    assert world.cable.pair is not None
    world.cable.pair.way.attenuation_db = [96.0] * 58
    world.plug_in()
    world.run(10.0)
    assert world.evcc is None
    assert world.evse.why_not_talk() == "no car is matched"


def test_a_car_that_could_not_match_at_first_matches_when_the_pilot_tries_again() -> None:
    world = World(PLUGGED, INTENT)
    world.run(3.0)
    assert world.cable is not None
    assert world.cable.pair is not None
    world.cable.pair.way.attenuation_db = [96.0] * 58
    world.plug_in()
    world.run(60.0)  # past TT_EVSE_SLAC_init, and into state F
    assert world.cable.pair.evse.match is None
    world.cable.pair.way.attenuation_db = [8.0] * 58
    world.run(60.0, until=lambda: world.evse.why_not_talk() is None)
    assert world.evse.why_not_talk() is None


def test_a_pulled_connector_breaks_the_current_within_100_ms() -> None:
    world = feeding()
    at = world.now
    world.pull_out()
    world.run(until=lambda: not world.contactor.closed)
    assert world.now - at <= 0.1 + 0.011  # and a step of the world's clock
    assert fault_of(world) is Fault.UNPLUGGED
    world.run(3.0)
    world.events.clear()
    in_the_loop(world, 4.0)
    assert world.plant.power_w < -5_000, "the next car is served"


def short(world: World) -> None:
    assert world.cable is not None
    world.cable.pilot.cable = Cable.SHORTED


def lose_diode(world: World) -> None:
    assert world.cable is not None
    world.cable.pilot.cable = Cable.NO_DIODE


def silence(world: World) -> None:
    world.faults.silent.add("pilot")


def open_s2(world: World) -> None:
    world.faults.cut = True  # the car says no more, and opens S2
    world.evcc = None


def cut_line(world: World) -> None:
    assert world.cable is not None
    assert world.cable.pair is not None
    world.cable.pair.way.cut = True


def weaken(world: World) -> float:
    """The car is hard to hear from now on; returns when."""
    assert world.cable is not None
    assert world.cable.pair is not None
    world.cable.pair.way.attenuation_db = [70.0] * 58
    return world.now


def test_a_weak_signal_is_a_warning_and_the_session_goes_on() -> None:
    world = feeding()
    weaken(world)
    world.run(20.0)
    warnings = [text for text in texts(world) if "dBm" in text]
    assert warnings == [
        "signal attenuation: -76.5 dBm, below -60 dBm; look at connectors, cable shield and ferrite chokes",
        "signal attenuation: the signal is -76.5 dBm, below -60 dBm for 5 s",
    ]
    assert fault_of(world) is None
    assert world.plant.power_w < -5_000


def test_a_weak_signal_ends_the_session_in_order_if_so_configured() -> None:
    world = feeding(changed(PLUGGED, plc=Plc(when_weak="end")))
    weak_s = weaken(world)
    world.run(until=lambda: fault_of(world) is not None)
    assert TOO_WEAK_S <= world.now - weak_s <= LEVEL_POLL_S + TOO_WEAK_S + 2 * POLL_S
    assert faults_of(world) == [Fault.PLC_LINK]
    world.run_to_end()
    assert world.evse.visit.conversation is not None
    assert world.evse.visit.conversation.end is not None
    assert world.evse.visit.conversation.end.fault is None, "the car stopped as it was asked to"
    report = world.evse.visit.report
    assert report.result == "failed"
    assert report.fault == "0x19 the signal is -76.5 dBm, below -60 dBm for 5 s"


def test_a_signal_that_is_back_in_time_ends_nothing() -> None:
    world = feeding(changed(PLUGGED, plc=Plc(when_weak="end")))
    weaken(world)
    world.run(until=lambda: any("dBm" in text for text in texts(world)))
    world.run(2.0)
    assert world.cable is not None
    assert world.cable.pair is not None
    world.cable.pair.way.attenuation_db = [8.0] * 58
    world.run(20.0)
    assert fault_of(world) is None


def test_while_the_measured_duty_cycle_is_out_of_range_the_evse_is_not_ready() -> None:
    world = World(PLUGGED, INTENT)
    world.run(3.0)
    assert world.cable is not None
    world.cable.pilot.duty_error = 0.04
    world.cable.plug_in()
    world.run(3.0)
    shown = evse_snapshot(world.evse, world.now)
    assert (shown.pilot_duty, shown.pilot_measured_duty) == (DIGITAL, 0.09)
    assert not shown.ready
    assert shown.not_ready_because == "control pilot: the duty cycle is 9% instead of 5%"


def press_stop(world: World) -> None:
    assert world.safety is not None
    world.safety.emergency_stop = True


def open_door(world: World) -> None:
    assert world.safety is not None
    world.safety.door_open = True


def leak(world: World) -> None:
    assert world.safety is not None
    world.safety.residual_current = True


def lose_inputs(world: World) -> None:
    world.faults.silent.add("safety")


@pytest.mark.parametrize(
    ("happen", "fault", "within_s"),
    [
        (short, Fault.PILOT, 0.1),
        (lose_diode, Fault.PILOT, 0.1),
        (silence, Fault.PILOT, 0.4),
        (open_s2, Fault.PILOT, 0.1),
        (cut_line, Fault.PLC_LINK, 1.5),
        (press_stop, Fault.EMERGENCY_STOP, 0.3),
        (open_door, Fault.DOOR, 0.3),
        (leak, Fault.RESIDUAL_CURRENT, 0.3),
        (lose_inputs, Fault.SAFETY_INPUTS_LOST, 0.6),
    ],
)
def test_what_goes_wrong_at_the_cable_ends_in_the_safe_state(
    happen: Callable[[World], None], fault: Fault, within_s: float
) -> None:
    world = feeding()
    at = world.now
    happen(world)
    world.run(3.0)
    assert fault_of(world) is fault
    assert faulted_at(world) >= at
    assert opened_at(world, at) - at <= within_s + 0.011
    assert world.plant.current_a == 0


def test_an_emergency_stop_holds_the_evse_out_of_service() -> None:
    world = feeding()
    press_stop(world)
    world.run(1.0)
    assert world.cable is not None
    assert world.cable.pilot.duty == STEADY_LOW
    assert world.safety is not None
    world.safety.emergency_stop = False
    world.run(6.0)
    assert world.cable.pilot.duty == DIGITAL


def test_a_weak_signal_is_reported_before_the_link_is_lost() -> None:
    world = feeding()
    assert world.cable is not None
    assert world.cable.pair is not None
    world.cable.pair.way.attenuation_db = [62.0] * 58
    world.run(5.0)
    assert any("attenuation" in text and "-60 dBm" in text for text in texts(world)), texts(world)[-5:]


def test_a_car_that_does_not_talk_charges_by_duty_cycle() -> None:
    world = World(BASIC, INTENT)
    world.faults.mute = True
    world.run(3.0)
    world.plug_in()
    world.run(30.0)
    assert world.cable is not None
    assert world.cable.pilot.duty == pytest.approx(16 / 60)
    assert world.contactor.closed
    at = world.now
    world.pull_out()
    world.run(until=lambda: not world.contactor.closed)
    assert world.now - at <= 0.11


@pytest.mark.parametrize("access", [Access(grant="nobody"), Access(grant="listed", evcc_ids=("WMI1",), unproved=True)])
def test_charging_without_a_word_is_for_those_who_need_no_name(access: Access) -> None:
    world = World(changed(BASIC, access=access), INTENT)
    world.faults.mute = True
    world.run(3.0)
    world.plug_in()
    world.run(30.0)
    assert not world.switched


def test_the_heat_binds_with_its_reason() -> None:
    evse = changed(PLUGGED, thermal=ThermalSettings(ramp_w_per_s=50_000.0))
    world = feeding(evse)
    assert world.safety is not None
    world.safety.heat.ambient_c = 64.0
    world.run(1.0)
    explained = explain(world.evse, world.now)
    assert [bound for bound in explained.bounds if bound.source == "heat"]
    assert "ambient air is 14 K too warm" in str(explained.bounds)


def test_a_broken_sensor_is_no_permission() -> None:
    world = feeding(changed(PLUGGED, thermal=ThermalSettings(ramp_w_per_s=50_000.0)))
    assert world.safety is not None
    world.safety.broken_sensors = frozenset({"coolant", "ambient"})
    world.run(4.0)
    assert world.plant.power_w == pytest.approx(0, abs=20)
    assert "sensor is stale" in explain(world.evse, world.now).why


def test_a_silent_car_that_takes_the_place_of_a_failed_one_at_once_is_served() -> None:
    """The connection of the failed one is still there: the station leaves it a few seconds to close it."""
    world = World(BASIC, replace(INTENT, service=Service.AC))
    in_the_loop(world, 2.0)
    world.pull_out()
    world.run(1.0)
    assert fault_of(world) is Fault.UNPLUGGED
    assert world.evse.visit.conversation is not None
    world.faults.mute = True
    world.plug_in()
    world.run(40.0, until=lambda: world.plant.charger_power_w > 1_000)
    assert world.plant.charger_power_w > 1_000
    assert world.evse.visit.report.mode == "duty cycle"


def test_after_a_fault_of_the_grid_the_car_is_asked_to_return_once() -> None:
    """State F, then 5 % again, as soon as the station is in service: ISO 15118-3's way to wake a car."""
    code = changed(PROMPT, settings={**PROMPT.settings, "enter_service.delay_s": 5.0})
    surge = Grid(voltages_v=(290.0,) * 3)
    world = World(
        changed(PLUGGED, grid_code=code), INTENT, grid=lambda now, plant: surge if 30.0 <= now < 31.0 else SOUND
    )
    in_the_loop(world, 1.0)
    world.run(31.5 - world.now)
    assert fault_of(world) is Fault.GRID
    assert world.cable is not None
    sent = []
    for _ in range(300):
        world.run(0.1)
        sent.append((round(world.now, 1), world.cable.pilot.duty))
    woken_s = [at_s for at_s, duty in sent if duty == STEADY_LOW]
    assert 36.0 <= woken_s[0] < 37.0
    assert woken_s[-1] - woken_s[0] < 6.0
    assert sent[-1][1] == DIGITAL
    assert sum("the grid is back, the car is asked to return" in text for text in texts(world)) == 1
