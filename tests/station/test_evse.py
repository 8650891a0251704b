"""Whole sessions on a virtual clock: power, limits, and the safe state whatever fails."""

from dataclasses import replace
from itertools import pairwise
from typing import Literal

import pytest
from msgspec.structs import replace as changed
from tests.iso15118.requests import dc_loop, exi, payload_type_of
from tests.station.scene import INTENT as LONG
from tests.station.scene import OUTLET, fault_of, faulted_at, in_the_loop, opened_at, texts

from v2g.bench.sim.contactor import Stuck
from v2g.bench.sim.plant_model import PlantSettings
from v2g.bench.sim.world import Grid, World
from v2g.iso15118.service import ControlMode, Service
from v2g.iso15118.view import Stop
from v2g.kernel.fault import Fault
from v2g.power.inverter import InverterFault
from v2g.station.config.settings import Access, Capability, PlanStep
from v2g.station.snapshot import evse_snapshot, explain

INTENT = replace(LONG, duration_s=20.0)
AC_OUTLET = changed(
    OUTLET,
    services=("AC_DER_IEC", "AC_DER_SAE", "AC_BPT", "AC"),
    inverter=None,
    isolation=None,
    bench_ac_bpt=True,
)


@pytest.mark.parametrize("mode", list(ControlMode), ids=lambda mode: mode.name.lower())
@pytest.mark.parametrize("service", list(Service), ids=lambda service: service.name)
def test_every_service_in_every_mode(service: Service, mode: ControlMode) -> None:
    evse = changed(OUTLET, services=("MCS_BPT", "MCS")) if service.mcs else OUTLET if service.dc else AC_OUTLET
    wish_w = -6_000.0 if service.bidirectional else None
    world = World(evse, replace(INTENT, service=service, mode=mode, wish_w=wish_w))
    world.run(3.0)
    world.plug_in()
    world.run_to_end()
    assert world.evcc is not None
    assert world.evcc.end is not None
    assert world.evcc.end.fault is None
    assert world.evse.visit.report.result == "completed"
    assert not world.contactor.closed
    assert abs(world.plant.current_a) < 0.01
    report = world.evse.visit.report
    assert (report.service, report.mode) == (service.name, mode.name.lower())
    if service.bidirectional:
        assert report.discharged_wh > 5.0
    else:
        assert report.charged_wh > 5.0
        assert report.discharged_wh == pytest.approx(0.0, abs=0.01)


def test_discharging_takes_energy_out_of_the_battery() -> None:
    world = World(changed(OUTLET, dispatch=(PlanStep(power_w=-6_000),)), INTENT)
    before_wh, before_soc = world.plant.battery.energy_wh, world.plant.battery.soc
    in_the_loop(world, 15.0)
    given_wh = before_wh - world.plant.battery.energy_wh
    assert world.plant.battery.soc < before_soc
    exported_wh = world.plant.export_wh
    assert 0.85 * given_wh < exported_wh < given_wh  # losses, and nothing out of nothing
    assert world.plant.power_w == pytest.approx(-6_000, rel=0.02)


def test_the_binding_limit_has_a_name() -> None:
    world = World(changed(OUTLET, dispatch=(PlanStep(power_w=-12_000),)), INTENT)
    in_the_loop(world)
    decision = world.evse.decision
    assert decision.binding is not None
    assert decision.binding.source == "EV maximum discharge current"
    assert decision.power_w == pytest.approx(-20 * world.plant.voltage_v, rel=0.01)
    assert decision.sentence.endswith("limited by: EV maximum discharge current (20 A)")
    assert decision.runners_up[0].source == "EV maximum discharge power"


def test_power_follows_the_frequency() -> None:
    follow = PlanStep(follow="frequency", base_w=0.0, w_per_hz=40_000.0, nominal_hz=50.0, deadband_hz=0.02)
    world = World(changed(OUTLET, dispatch=(follow,)), INTENT, grid=lambda now, plant: Grid(frequency_hz=49.9))
    in_the_loop(world)
    assert world.plant.power_w == pytest.approx(-40_000 * 0.08, rel=0.02)


def test_without_the_grid_sensor_nothing_follows_the_frequency() -> None:
    follow = PlanStep(follow="frequency", base_w=-5_000.0, w_per_hz=40_000.0, nominal_hz=50.0)
    world = in_the_loop(World(changed(OUTLET, dispatch=(follow,)), INTENT))
    assert world.plant.power_w < -4_000
    world.faults.silent.add("grid")
    world.run(1.0)
    assert abs(world.plant.power_w) < 100


def test_no_discharge_without_authorisation() -> None:
    evse = changed(OUTLET, access=Access(grant="everyone", discharge=False))
    world = World(evse, INTENT)
    world.run(3.0)
    world.plug_in()
    world.run_to_end()
    assert world.evcc is not None
    assert world.evcc.end is not None
    assert world.evcc.end.fault is not None  # the car wanted DC_BPT, which is not offered to it
    assert world.plant.export_wh == pytest.approx(0.0, abs=0.01)


@pytest.mark.parametrize("grant", ["nobody", "listed"])
def test_a_car_that_may_not_charge_gets_no_power(grant: Literal["nobody", "listed"]) -> None:
    world = World(changed(OUTLET, access=Access(grant=grant, evcc_ids=("SOMEBODYELSE",), unproved=True)), INTENT)
    world.run(3.0)
    world.plug_in()
    world.run(70.0)
    assert world.switched == []


@pytest.mark.parametrize(
    ("device", "fault"),
    [("inverter", Fault.INVERTER_LOST), ("contactor", Fault.CONTACTOR), ("meter", Fault.METER_LOST)],
)
def test_a_silent_device_ends_in_the_safe_state_within_0_6_s(device: str, fault: Fault) -> None:
    world = in_the_loop(World(OUTLET, INTENT))
    silent_at = world.now
    world.faults.silent.add(device)
    world.run(2.0)
    assert fault_of(world) is fault
    assert opened_at(world, silent_at) - silent_at <= 0.6
    assert world.plant.current_a == pytest.approx(0.0, abs=0.01)
    assert world.evcc is not None
    assert world.evcc.end is not None  # the car knows, by FAILED
    assert world.evcc.end.fault is Fault.REQUEST_REFUSED
    world.unplug()
    world.run(1.0)
    assert explain(world.evse, world.now).why == f"idle: no reading of the {device}", "once"
    assert evse_snapshot(world.evse, world.now).not_ready_fault == fault.code


def test_a_silent_car_ends_in_the_safe_state_within_0_6_s() -> None:
    world = in_the_loop(World(OUTLET, INTENT))
    cut_at = world.now
    world.faults.cut = True
    world.run(2.0)
    assert fault_of(world) is Fault.CHARGE_LOOP_TIMEOUT
    assert opened_at(world, cut_at) - cut_at <= 0.6
    assert any("safe state reached" in text for text in texts(world))


def test_a_car_that_vanishes_ends_in_the_safe_state_at_once_and_the_next_is_served() -> None:
    world = in_the_loop(World(OUTLET, INTENT))
    gone_at = world.now
    world.unplug()
    world.run(1.0)
    assert fault_of(world) is Fault.CONNECTION_LOST
    assert opened_at(world, gone_at) - gone_at <= 0.2
    world.events.clear()
    world.plug_in()
    world.run_to_end()
    assert world.evcc is not None
    assert world.evcc.end is not None
    assert world.evcc.end.fault is None


def test_hardware_that_hears_nothing_more_makes_itself_safe() -> None:
    """The station's process died: nobody commands any more."""
    world = in_the_loop(World(OUTLET, INTENT))
    died_at = world.now
    world.faults.lost_commands = True
    world.run(1.0)
    assert opened_at(world, died_at) - died_at <= 0.6


@pytest.mark.parametrize(
    ("found", "fault"),
    [
        (InverterFault.OVER_TEMPERATURE, Fault.OVER_TEMPERATURE),
        (InverterFault.OVER_CURRENT, Fault.OVER_CURRENT),
        (InverterFault.OVER_VOLTAGE, Fault.OVER_VOLTAGE),
        (InverterFault.GRID_LOST, Fault.ISLANDING),
        (InverterFault.WATCHDOG, Fault.INVERTER_FAULT),
    ],
)
def test_inverter_fault_trips(found: InverterFault, fault: Fault) -> None:
    world = in_the_loop(World(OUTLET, INTENT))
    at = world.now
    world.plant.trip(found)
    world.run(1.0)
    assert fault_of(world) is fault
    assert opened_at(world, at) - at <= 0.3


def test_contactor_that_does_not_close_fails_the_cable_check() -> None:
    world = World(OUTLET, INTENT, stuck=Stuck.OPEN)
    world.run(3.0)
    world.plug_in()
    world.run_to_end()
    assert fault_of(world) is Fault.CONTACTOR
    assert world.switched == []


def test_a_welded_contactor_is_reported_and_no_next_car_is_accepted() -> None:
    world = in_the_loop(World(OUTLET, INTENT, stuck=Stuck.CLOSED))
    world.run_to_end()
    assert world.contactor.closed
    assert fault_of(world) is Fault.CONTACTOR
    assert world.evse.visit.report.result == "completed"  # it welded after an orderly end
    world.events.clear()
    world.plug_in()
    plugged_at = world.now
    world.run_to_end()
    assert fault_of(world) is Fault.CONTACTOR  # the next car learns why, and soon
    assert faulted_at(world) - plugged_at < 6.0
    assert world.evse.visit.report.service == ""


def test_hardware_that_is_not_ready_is_named() -> None:
    world = World(OUTLET, INTENT, plant=PlantSettings(ambient_c=90.0))
    world.run(3.0)
    world.plug_in()
    world.run_to_end()
    assert fault_of(world) is Fault.OVER_TEMPERATURE


def test_power_rises_with_the_ramp_and_falls_at_once() -> None:
    steps = (PlanStep(power_w=6_000, for_s=4.0), PlanStep(power_w=-6_000))
    world = World(changed(OUTLET, capability=Capability(ramp_w_per_s=2_000.0), dispatch=steps), INTENT)
    in_the_loop(world, 0.0)
    powers = []
    for _ in range(80):
        world.run(0.1)
        powers.append(world.evse.decision.power_w)
    rises = [abs(after) - abs(before) for before, after in pairwise(powers)]
    assert max(rises) <= 2_000 * 0.11
    assert max(powers) == pytest.approx(6_000)
    assert min(powers) == pytest.approx(-6_000)
    assert "station power ramp" in world.evse.visit.decider.limited_s


def test_poor_insulation_stops_before_any_power() -> None:
    world = World(OUTLET, INTENT, plant=PlantSettings(isolation_ohm=40_000))
    world.run(3.0)
    world.plug_in()
    world.run_to_end()
    assert fault_of(world) is Fault.CABLE_CHECK
    assert not world.contactor.closed
    assert world.plant.battery.heat_wh == 0.0


def test_silent_isolation_monitor_fails_the_cable_check() -> None:
    world = World(OUTLET, INTENT)
    world.faults.silent.add("isolation")
    world.run(3.0)
    world.plug_in()
    world.run_to_end()
    assert fault_of(world) is Fault.CABLE_CHECK
    assert world.switched == []


@pytest.mark.parametrize("service", [Service.DC_BPT, Service.AC_BPT], ids=lambda service: service.name)
def test_the_station_stops_a_session(service: Service) -> None:
    evse = OUTLET if service.dc else AC_OUTLET
    world = in_the_loop(World(evse, replace(INTENT, service=service, duration_s=None)))
    assert world.evse.stop(Stop.TERMINATE, world.now)
    world.run_to_end()
    assert world.evcc is not None
    assert world.evcc.end is not None
    assert world.evcc.end.fault is None
    assert "station" in world.evcc.end.reason
    assert not world.contactor.closed
    assert not world.evse.stop(Stop.TERMINATE, world.now)


def test_a_car_that_does_not_stop_is_stopped() -> None:
    world = in_the_loop(World(OUTLET, replace(INTENT, duration_s=None)))
    request = dc_loop(bytes.fromhex(world.evse.visit.report.session_id))
    world.evcc = None  # from here on the car is a loop that heeds nothing
    world.evse.stop(Stop.TERMINATE, world.now)
    asked_at = world.now
    while world.evse.visit.report.result == "" and world.now < asked_at + 60:
        world.say_as_car(payload_type_of(request), exi(request))
        world.run(0.2)
    assert world.now - asked_at == pytest.approx(30.0, abs=0.5)
    assert fault_of(world) is Fault.SEQUENCE_TIMEOUT
    assert not world.contactor.closed


@pytest.mark.parametrize("wish", [Stop.TERMINATE, Stop.PAUSE], ids=lambda wish: wish.name)
def test_nothing_flows_while_a_car_is_asked_to_stop_and_goes_on(wish: Stop) -> None:
    """[V2G20-1959], [V2G20-2115]"""
    evse = changed(OUTLET, dispatch=(PlanStep(power_w=-6_000),))
    world = in_the_loop(World(evse, replace(INTENT, duration_s=None)), 5.0)
    assert world.evse.decision.power_w == pytest.approx(-6_000)
    request = dc_loop(bytes.fromhex(world.evse.visit.report.session_id))
    world.evcc = None  # from here on the car is a loop that heeds nothing
    world.evse.stop(wish, world.now)
    for _ in range(10):
        world.say_as_car(payload_type_of(request), exi(request))
        world.run(0.2)
    assert world.evse.visit.report.result == "", "the session goes on"
    assert world.evse.decision.power_w == 0
    assert abs(world.plant.current_a) < 0.01
    assert "station is stopping" in world.evse.visit.decider.limited_s


def test_pause_and_resume() -> None:
    world = in_the_loop(World(OUTLET, replace(INTENT, duration_s=None), peer=bytes(64)))
    first = world.evse.visit.report.session_id
    world.evse.stop(Stop.PAUSE, world.now)
    world.run_to_end()
    assert world.evcc is not None
    assert world.evcc.end is not None
    paused = world.evcc.end.paused
    assert paused is not None
    world.plug_in(paused=paused, intent=replace(INTENT, duration_s=5.0))
    world.run_to_end()
    assert world.evcc.end is not None
    assert world.evcc.end.fault is None
    assert world.evse.visit.report.session_id == first


def test_the_cable_limits_the_current() -> None:
    evse = changed(OUTLET, capability=Capability(discharge_a=5.0), dispatch=(PlanStep(power_w=-12_000),))
    world = in_the_loop(World(evse, INTENT))
    assert abs(world.plant.current_a) == pytest.approx(5.0, rel=0.02)
    assert "station discharge current" in world.evse.visit.decider.limited_s


def test_a_car_that_leaves_soon_keeps_its_energy() -> None:
    feed = changed(OUTLET, dispatch=(PlanStep(power_w=-6_000),))
    # 60 kWh from 60 % to 80 %: 12 kWh, at 11 kW 66 minutes.
    leaving = [replace(INTENT, soc_target=0.8, departure_unix_s=World(feed, INTENT).unix_s + s) for s in (3_600, 9_000)]
    soon, later = (in_the_loop(World(feed, intent), 8.0) for intent in leaving)
    assert soon.plant.power_w == pytest.approx(0, abs=1)
    assert str(soon.evse.decision.binding).startswith("EV departure need (12.")
    assert later.plant.power_w == pytest.approx(-6_000, rel=0.02)


@pytest.mark.parametrize("silent", [False, True])
def test_insulation_is_watched_while_energy_flows(silent: bool) -> None:
    world = in_the_loop(World(OUTLET, INTENT), 3.0)
    at = world.now
    if silent:
        world.faults.silent.add("isolation")
    else:
        world.plant.settings = replace(world.plant.settings, isolation_ohm=80_000.0)
    world.run(1.0)
    assert fault_of(world) is Fault.CABLE_CHECK
    assert opened_at(world, at) - at < 0.6


@pytest.mark.parametrize(("soc", "power_w"), [(0.44, 0.0), (0.48, -6_000.0)])
def test_the_station_has_a_floor_of_its_own(soc: float, power_w: float) -> None:
    evse = changed(OUTLET, dispatch=(PlanStep(power_w=-6_000),), soc_floor_percent=45)
    world = in_the_loop(World(evse, INTENT, soc=soc), 5.0)
    assert world.plant.power_w == pytest.approx(power_w, rel=0.02, abs=1)
    if not power_w:
        assert "station's state-of-charge floor (45 %)" in explain(world.evse, world.now).why


def test_what_a_strict_decoder_would_refuse_is_reported_once() -> None:
    world = in_the_loop(World(OUTLET, INTENT), 1.0)
    session = world.evse.visit.conversation
    assert session is not None
    payload = exi(dc_loop(session.session_id)) + b"\0\0"
    world.events.clear()
    for _ in range(3):
        world.say_as_car(payload_type_of(dc_loop(bytes(8))), payload)
        world.step()
    world.step()
    reported = [text for text in texts(world) if "deviates" in text]
    assert len(reported) == 1
    assert reported[0].startswith("DC_ChargeLoopReq deviates: ")
    assert fault_of(world) is None
