"""From three phases to one and back: in which order, after which waits, who asks, and what a fault does."""

from dataclasses import replace
from math import inf

import pytest
from msgspec.structs import replace as changed
from tests.station.scene import INTENT, fault_of, texts
from tests.station.test_mute_car import EVSE

from v2g.bench.sim.contactor import Stuck
from v2g.bench.sim.world import NOWHERE, World
from v2g.iso15118.car import CarState
from v2g.iso15118.service import ControlMode, Service
from v2g.iso15118.view import Demand, Stage
from v2g.kernel.fault import Fault
from v2g.pilot.duty import STEADY_HIGH, STEADY_LOW
from v2g.pilot.state import State
from v2g.station import command
from v2g.station.config.settings import Capability, EvseSettings, PhaseSwitching, Wear
from v2g.station.operator import CommandRefused
from v2g.station.phase_switch import with_phases
from v2g.station.power.limits import Bound
from v2g.station.power.situation import BackEndOrder, Situation
from v2g.station.power.sources.back_end import BackEnd
from v2g.station.readings import Readings
from v2g.station.snapshot import evse_snapshot, explain
from v2g.station.steering import steer

PAUSE_S = 10.0
SWITCHING = changed(EVSE, phase_contactor=NOWHERE, phase_switching=PhaseSwitching(pause_s=PAUSE_S, every_s=30.0))
THREE_W, ONE_W = 16 * 3 * 230, 16 * 230


def passes(world: World, seconds: float) -> None:
    """Time goes by, in steps as long as the station's own."""
    world.run(seconds, step_s=0.05)


def drawing(evse: EvseSettings = SWITCHING) -> World:
    """A car that does not talk charges on all phases."""
    world = World(evse, INTENT)
    world.faults.mute = True
    passes(world, 3.0)
    world.plug_in()
    passes(world, 12.0)
    assert world.plant.charger_power_w == pytest.approx(THREE_W, rel=0.01)
    return world


def ask(world: World, phases: int, for_s: float | None = 3600.0) -> None:
    steer(world.evse, command.Phases(phases=phases, for_s=for_s, by="evcc"), world.now)


def switched(world: World, phases: int) -> float:
    """Runs until that many phases charge again; returns for how long all was open. No contact moves before the
    car has let go."""
    assert world.phase_contactor is not None
    assert world.cable is not None
    opened, closed_before = None, world.phase_contactor.closed
    for _ in range(1200):
        drawn_w = world.plant.charger_power_w
        world.step(0.05)
        moved = world.phase_contactor.closed != closed_before
        closed_before = world.phase_contactor.closed
        may_move = world.cable.pilot.vehicle.state is State.B if not closed_before else drawn_w < 1.0
        assert not moved or may_move, "a phase was switched while the car had S2 closed, or drew"
        if world.contactor.closed:
            if opened is not None:
                passes(world, 5.0)
                assert world.phase_contactor.closed == (phases == 3)
                return world.switched[-1][0] - opened
        elif opened is None:
            opened = world.now
            assert not closed_before, "L2 and L3 are open whenever L1 is"
    raise AssertionError("it charges no more")


def test_to_one_phase_and_back() -> None:
    world = drawing()
    ask(world, 1)
    assert switched(world, 1) >= PAUSE_S
    assert world.plant.charger_power_w == pytest.approx(ONE_W, rel=0.01)
    ask(world, 3)
    passes(world, 1.0)
    waits = "the switch to three phases (evcc) waits: the phases were switched just before, "
    assert str(evse_snapshot(world.evse, world.now).phase_switch).startswith(waits)
    assert switched(world, 3) >= PAUSE_S
    assert world.plant.charger_power_w == pytest.approx(THREE_W, rel=0.01)
    said = [text for text in texts(world) if "phase" in text and "control" not in text]
    assert said == [
        "switching to one phase, as evcc wants", "one phase from now on",
        "switching to three phases, as evcc wants", "three phases from now on",
    ]  # fmt: skip
    assert fault_of(world) is None


def test_the_car_is_asked_to_stop_first_and_sees_state_f_only_if_that_is_configured() -> None:
    for pilot, seen in (("X1", {STEADY_HIGH}), ("F", {STEADY_HIGH, STEADY_LOW})):
        world = drawing(changed(SWITCHING, phase_switching=PhaseSwitching(pilot=pilot)))  # type: ignore[arg-type]
        ask(world, 1)
        passes(world, 0.2)
        assert world.orders.pilot_duty == STEADY_HIGH
        assert world.contactor.closed, "the car has its time to stop"
        steady = set()
        while len(world.switched) < 3:
            world.step(0.05)
            steady |= {world.orders.pilot_duty} & {STEADY_HIGH, STEADY_LOW}
        assert steady == seen
        assert fault_of(world) is None


def test_on_one_phase_no_current_exceeds_what_the_limit_leaves_a_phase() -> None:
    world = drawing()
    ask(world, 1)
    switched(world, 1)
    world.evse.site = Bound("site limit", 3 * 8 * 230.0, 0.0)
    passes(world, 8.0)
    assert world.plant.charger_power_w == pytest.approx(8 * 230, rel=0.01)


def test_one_phase_carries_no_more_than_its_part_of_the_capability() -> None:
    """From the first duty cycle on."""
    world = drawing(changed(SWITCHING, capability=Capability(charge_w=12_000.0)))
    ask(world, 1)
    switched(world, 1)
    assert world.evse.settings.capability.charge_w == 4_000.0
    assert world.evse.plug is not None
    assert world.evse.plug.pilot.announced_a == 16.0
    ask(world, 3)
    switched(world, 3)
    assert world.evse.settings.capability.charge_w == 12_000.0


def test_a_profile_for_one_phase_switches_and_counts_for_each_phase() -> None:
    world = drawing()
    world.evse.back_end = BackEndOrder(charge_w=2_300.0, charge_by="TxProfile 7", phases=1)
    switched(world, 1)
    assert world.plant.charger_power_w == pytest.approx(2_300, rel=0.01)
    world.evse.back_end = BackEndOrder(charge_w=6_900.0, charge_by="TxProfile 8")
    ask(world, 1)
    passes(world, 8.0)
    assert world.plant.charger_power_w == pytest.approx(2_300, rel=0.01), "a third of it is for one phase"


def test_a_profile_for_three_phases_leaves_one_phase_its_part_in_both_directions() -> None:
    order = BackEndOrder(6_900.0, 6_900.0, -6_000.0, "TxProfile 7", "TxProfile 7")
    for phases, part in ((1, 1 / 3), (3, 1.0)):
        scheduled = Demand(Stage.ENERGY, Service.AC_BPT, ControlMode.SCHEDULED)
        situation = Situation(
            0.0, with_phases(SWITCHING, phases), scheduled, Service.AC_BPT, CarState(), Readings(), None, None, None,
            back_end=order,
        )  # fmt: skip
        bounds = list(BackEnd().bounds(situation))
        assert min(each.charge_w for each in bounds) == 0.0, "the set-point asks for feeding"
        assert max(each.charge_w for each in bounds if each.charge_w < inf) == pytest.approx(6_900.0 * part)
        assert sorted(each.discharge_w for each in bounds)[:2] == pytest.approx([6_000.0 * part, 6_900.0 * part])
        situation.demand = replace(scheduled, mode=ControlMode.DYNAMIC)
        wish = BackEnd().wish(situation)
        assert wish is not None
        assert wish.power_w == pytest.approx(-6_000.0 * part)


def test_by_itself_by_the_power_that_is_asked_for() -> None:
    settings = PhaseSwitching(automatic=True, every_s=20.0, after_s=10.0, pause_s=3.0)
    world = drawing(changed(SWITCHING, phase_switching=settings))
    steer(world.evse, command.Limit(charge_w=2_500.0, for_s=3600.0, by="pv"), world.now)
    passes(world, 10.0)
    assert not world.contactor.closed, "not enough for three phases"
    passes(world, 45.0)
    assert world.plant.charger_power_w == pytest.approx(2_500, rel=0.02)
    steer(world.evse, command.Limit(charge_w=4_200.0, for_s=3600.0, by="pv"), world.now)
    passes(world, 60.0)
    assert world.phases == 1, "hardly more than three phases need is no reason"
    steer(world.evse, command.Limit(charge_w=9_000.0, for_s=3600.0, by="pv"), world.now)
    passes(world, 60.0)
    assert world.phases == 3
    assert world.plant.charger_power_w == pytest.approx(9_000, rel=0.02)
    steer(world.evse, command.Limit(charge_w=100.0, for_s=3600.0, by="pv"), world.now)
    passes(world, 60.0)
    assert world.evse.settings.phases == 3, "less than one phase needs changes nothing"


def test_a_welded_contact_of_l2_and_l3_ends_the_energy() -> None:
    world = drawing()
    assert world.phase_contactor is not None
    world.phase_contactor.stuck = Stuck.WELDED
    ask(world, 1)
    passes(world, 60.0)
    assert fault_of(world) is Fault.CONTACTOR
    assert any("the contactor of L2 and L3 reports welded" in text for text in texts(world))
    assert not world.contactor.closed
    assert world.orders.pilot_duty == STEADY_LOW


def test_a_contact_that_does_not_close_leaves_no_car_on_one_phase_unnoticed() -> None:
    world = drawing()
    ask(world, 1)
    switched(world, 1)
    assert world.phase_contactor is not None
    world.phase_contactor.stuck = Stuck.OPEN
    passes(world, 60.0)
    ask(world, 3)
    passes(world, 30.0)
    assert any("the contactor of L2 and L3 reports does_not_close" in text for text in texts(world))


def test_an_order_that_is_withdrawn_meanwhile_switches_nothing() -> None:
    world = drawing()
    ask(world, 1)
    passes(world, 1.0)
    steer(world.evse, command.Release(part="phases", by="evcc"), world.now)
    passes(world, 30.0)
    assert world.phases == 3
    assert world.plant.charger_power_w == pytest.approx(THREE_W, rel=0.01)


def test_the_switch_is_explained() -> None:
    world = drawing()
    ask(world, 1)
    passes(world, 8.0)
    assert explain(world.evse, world.now).why == (
        "idle: the car does not talk, and the switch to one phase (evcc) is under way"
    )
    assert evse_snapshot(world.evse, world.now).phases == 3


def test_an_evse_without_the_contactor_refuses() -> None:
    world = drawing(EVSE)
    with pytest.raises(CommandRefused, match="it has no phase_contactor"):
        ask(world, 1)
    with pytest.raises(CommandRefused, match="phases is 1 or 3"):
        ask(drawing(), 2)
    idle = World(SWITCHING, INTENT)
    with pytest.raises(CommandRefused, match="say for how many seconds"):
        ask(idle, 1, None)


def test_without_a_car_it_switches_at_once() -> None:
    world = World(SWITCHING, INTENT)
    passes(world, 3.0)
    ask(world, 1)
    passes(world, 0.5)
    assert world.evse.settings.phases == 1
    assert world.switched == []


WORN = changed(EVSE, wear=Wear(least_on_s=60.0, least_off_s=40.0))


def test_a_set_point_stops_no_car_that_has_just_begun_and_a_limit_does() -> None:
    world = drawing(WORN)
    steer(world.evse, command.SetPoint(power_w=500.0, for_s=600.0, by="pv"), world.now)
    passes(world, 10.0)
    assert world.plant.charger_power_w == pytest.approx(6 * 3 * 230, rel=0.01)
    passes(world, 50.0)
    assert not world.contactor.closed, "its time on is over"
    again = drawing(WORN)
    steer(again.evse, command.Limit(charge_w=500.0, for_s=600.0, by="fuse"), again.now)
    passes(again, 8.0)
    assert not again.contactor.closed


def test_a_car_that_was_stopped_gets_no_energy_before_the_contactor_has_rested() -> None:
    world = drawing(WORN)
    steer(world.evse, command.Mode(mode="pause", for_s=10.0, by="pv"), world.now)
    passes(world, 60.0)
    (opened_s, _), (closed_s, _) = world.switched[-2:]
    assert closed_s - opened_s >= 40.0
    steer(world.evse, command.Mode(mode="pause", for_s=10.0, by="pv"), world.now)
    passes(world, 15.0)
    assert explain(world.evse, world.now).why.endswith("the contactor rests (wear.least_off_s)")


def test_a_new_car_does_not_wait_for_the_one_before() -> None:
    world = drawing(WORN)
    world.pull_out()
    passes(world, 1.0)
    world.plug_in()
    passes(world, 15.0)
    assert world.contactor.closed
    assert world.evse.visit.contacts.on_s(world.now) < inf
