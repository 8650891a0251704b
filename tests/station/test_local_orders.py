"""What clients of the local API may ask, what binds it, and that each part of it ends by itself and is reported."""

from dataclasses import replace

import pytest
from msgspec.structs import replace as changed
from tests.station.scene import INTENT, OUTLET, in_the_loop, texts
from tests.station.test_mute_car import EVSE as MUTE

from v2g.bench.sim.world import World
from v2g.iso15118.service import ControlMode
from v2g.iso15118.view import Stop
from v2g.station import command
from v2g.station.access import Answer, Identity, ListAuthorizer
from v2g.station.config.settings import Access, EvseSettings, PlanStep
from v2g.station.evse import Evse
from v2g.station.kept import KeptEvse
from v2g.station.local import Held
from v2g.station.operator import CommandRefused
from v2g.station.power.situation import BackEndOrder
from v2g.station.snapshot import evse_snapshot, explain
from v2g.station.steering import steer

BY = "home"
RESTING = changed(OUTLET, dispatch=(PlanStep(power_w=0.0),))


def session(evse: EvseSettings = RESTING, **world: float) -> World:
    return in_the_loop(World(evse, INTENT, **world), 3.0)  # type: ignore[arg-type]


def ask(world: World, asked: command.Local) -> str:
    return steer(world.evse, asked, world.now)


def power_w(world: World, seconds: float = 3.0) -> float:
    world.run(seconds)
    return world.plant.power_w


def test_a_set_point_is_followed_named_and_ends_by_itself() -> None:
    world = session()
    ask(world, command.SetPoint(power_w=-4_000.0, for_s=10.0, by=BY))
    assert power_w(world, 8.0) < -3_500.0
    why = explain(world.evse, world.now)
    assert why.wished_by == BY
    assert evse_snapshot(world.evse, world.now).local.left_s == {"set_point": pytest.approx(2.0, abs=0.1)}
    assert abs(power_w(world, 4.0)) < 50.0
    ended = "the set-point of home, discharging 4 kW has ended: its time is over"
    assert ended in texts(world)
    shown = evse_snapshot(world.evse, world.now).local
    assert (shown.setpoint_w, shown.left_s, shown.ended) == (None, {}, ended)


def test_a_set_point_is_within_every_bound() -> None:
    world = session()
    ask(world, command.SetPoint(power_w=14_000.0, for_s=60.0, by=BY))
    assert power_w(world) == pytest.approx(11_000.0, abs=1.0)  # of the car
    assert "kW wished by home, limited by: EV maximum charge power" in world.evse.decision.sentence


def test_a_discharge_that_is_not_authorised_is_refused() -> None:
    world = session(changed(RESTING, access=Access(grant="everyone"), grid_code=None))
    for asked in (
        command.SetPoint(power_w=-1_000.0, for_s=60.0),
        command.Mode(mode="discharge", for_s=60.0),
    ):
        with pytest.raises(CommandRefused, match="no authorisation to discharge"):
            ask(world, asked)
    assert power_w(world) >= -1.0


def test_an_unproved_car_is_not_discharged_however_long_it_is_asked_for() -> None:
    world = session(changed(RESTING, access=Access(grant="everyone", discharge=True)))
    world.evse.local.hold("set_point", Held("a set-point"), setpoint_w=-5_000.0, setpoint_by=BY)
    assert power_w(world) >= -1.0


def test_a_set_point_bounds_a_car_that_plans_for_itself() -> None:
    world = in_the_loop(World(RESTING, replace(INTENT, mode=ControlMode.SCHEDULED)), 3.0)
    ask(world, command.SetPoint(power_w=2_000.0, for_s=600.0, by=BY))
    world.run(10.0)
    assert world.evse.decision.allowed.charge_w == pytest.approx(2_000.0, abs=300.0)
    assert world.evse.decision.allowed.discharge_w == 0.0


def test_a_car_that_plans_for_itself_is_not_discharged_while_it_shall_charge() -> None:
    world = in_the_loop(World(RESTING, replace(INTENT, mode=ControlMode.SCHEDULED)), 3.0)
    assert world.evse.decision.allowed.discharge_w > 0.0
    ask(world, command.Mode(mode="charge", by=BY))
    world.run(10.0)
    assert world.evse.decision.allowed.charge_w > 0.0
    assert world.evse.decision.allowed.discharge_w == 0.0


def test_modes() -> None:
    world = session()
    ask(world, command.Mode(mode="charge", by=BY))
    assert power_w(world) > 10_000.0
    ask(world, command.Mode(mode="pause", for_s=100.0, by=BY))
    assert abs(power_w(world)) < 50.0
    assert "wished by home" in world.evse.decision.sentence
    ask(world, command.Mode(mode="discharge", for_s=5.0, by=BY))
    assert power_w(world) < -7_000.0
    assert abs(power_w(world)) < 50.0
    with pytest.raises(CommandRefused, match="for_s"):
        ask(world, command.Mode(mode="discharge"))
    ask(world, command.Mode(mode="charge", by=BY))
    ask(world, command.Mode(mode="auto", by=BY))
    assert abs(power_w(world)) < 50.0


def test_a_mode_without_a_time_ends_with_its_session() -> None:
    world = session()
    ask(world, command.Mode(mode="charge", by=BY))
    world.run(1.0)
    world.evse.stop(Stop.TERMINATE, world.now)
    world.run_to_end()
    assert "the mode charge of home has ended: the session is over" in texts(world)
    with pytest.raises(CommandRefused, match="no car is in session"):
        ask(world, command.Mode(mode="charge"))


def test_a_limit_of_each_kind() -> None:
    world = session()
    ask(world, command.Mode(mode="charge", by=BY))
    ask(world, command.Limit(charge_w=3_000.0, discharge_w=1_000.0, for_s=20.0, by=BY))
    assert power_w(world) == pytest.approx(3_000.0, abs=350.0)
    ask(world, command.SetPoint(power_w=-5_000.0, for_s=5.0, by=BY))
    assert power_w(world) == pytest.approx(-1_000.0, abs=350.0)
    ask(world, command.Limit(charge_a=10.0, for_s=30.0, by=BY))
    assert power_w(world, 6.0) == pytest.approx(6_900.0, abs=700.0)
    with pytest.raises(CommandRefused, match="a limit needs"):
        ask(world, command.Limit(for_s=1.0))
    ask(world, command.Release(part="limit", by=BY))
    assert power_w(world) > 10_000.0
    with pytest.raises(CommandRefused, match="nobody has asked"):
        ask(world, command.Release(part="limit"))


def test_six_amperes_are_six_amperes_for_a_car_that_does_not_talk() -> None:
    world = World(MUTE, INTENT)
    world.faults.mute = True
    world.run(3.0)
    world.plug_in()
    ask(world, command.Limit(charge_a=6.0, for_s=100.0, by=BY))
    world.run(20.0)
    assert world.plant.charger_power_w == pytest.approx(6 * 3 * 230, rel=0.01)
    ask(world, command.Mode(mode="pause", for_s=100.0, by=BY))
    world.run(10.0)
    assert world.plant.charger_power_w == pytest.approx(0.0, abs=1.0)
    with pytest.raises(CommandRefused, match="does not talk"):
        ask(world, command.SetPoint(power_w=-1.0, for_s=1.0))


def test_a_minimum_state_of_charge_holds_and_survives_a_restart() -> None:
    world = session()
    ask(world, command.SetPoint(power_w=-5_000.0, for_s=100.0, by=BY))
    ask(world, command.MinimumSoc(percent=60, by=BY))
    assert power_w(world) >= -50.0
    assert "minimum state of charge of home (60 %)" in world.evse.decision.sentence
    kept = world.evse.kept
    assert Evse(RESTING, kept=kept).local.order.min_soc_percent == 60
    assert Evse(RESTING, kept=KeptEvse()).local.order.min_soc_percent == 0
    ask(world, command.MinimumSoc(percent=0, by=BY))
    assert power_w(world) < -4_000.0


def test_a_departure_ends_the_discharge_and_then_charges() -> None:
    world = session()
    ask(world, command.SetPoint(power_w=-5_000.0, for_s=60.0, by=BY))
    ask(world, command.Depart(in_s=700.0, energy_wh=1_800.0, by=BY))  # 650 s at 11 kW, with the margin
    assert power_w(world, 10.0) < -4_000.0
    assert power_w(world, 40.0) >= -50.0
    assert "departure that home stated" in world.evse.decision.sentence
    assert power_w(world, 30.0) > 10_000.0  # the set-point is over
    assert world.evse.decision.wished_by == "the departure that home stated"
    with pytest.raises(CommandRefused, match="either"):
        ask(world, command.Depart(in_s=100.0))


def test_a_set_point_of_the_back_end_comes_first() -> None:
    world = session()
    world.evse.back_end = BackEndOrder(setpoint_w=2_000.0, by="the depot")
    ask(world, command.SetPoint(power_w=8_000.0, for_s=100.0, by=BY))
    assert power_w(world) == pytest.approx(2_000.0, abs=300.0)
    world.evse.back_end = BackEndOrder()  # limits only, and no discharge
    assert power_w(world) == pytest.approx(8_000.0, abs=400.0)
    ask(world, command.SetPoint(power_w=-8_000.0, for_s=100.0, by=BY))
    assert power_w(world) >= -50.0
    assert "no order of the back end to discharge" in world.evse.decision.sentence


ASKED = Access(grant="asked", certificates=("MINE",), discharge=True)


def test_asked_waits_for_a_client_and_lets_in_once() -> None:
    world = World(changed(RESTING, access=changed(ASKED, bench_discharge=True)), INTENT)
    world.run(3.0)
    world.plug_in()
    world.run(5.0)
    conversation = world.evse.visit.conversation
    assert conversation is not None
    assert conversation.awaits_authorization
    assert evse_snapshot(world.evse, world.now).awaits_authorisation
    ask(world, command.Authorise(by=BY))
    world.run(10.0)
    assert conversation.phase == "CHARGE_LOOP"
    assert any("home has let it in" in text for text in texts(world))
    world.unplug()
    world.run(2.0)
    world.plug_in()
    world.run(5.0)
    assert evse_snapshot(world.evse, world.now).awaits_authorisation


def test_an_authorisation_waits_a_minute_for_its_car() -> None:
    for waits_s, is_let_in in ((30.0, True), (61.0, False)):
        world = World(changed(RESTING, access=changed(ASKED, bench_discharge=True)), INTENT)
        world.run(3.0)
        ask(world, command.Authorise(by=BY))
        world.run(waits_s)
        world.plug_in()
        world.run(10.0)
        conversation = world.evse.visit.conversation
        assert conversation is not None
        assert (conversation.phase == "CHARGE_LOOP") is is_let_in


def test_who_was_let_in_by_hand_has_proved_nothing() -> None:
    verdict = ListAuthorizer(ASKED).judge(Identity("X", let_in=BY), 0.0)
    assert (verdict.answer, verdict.discharge) == (Answer.GRANTED, False)
    assert ListAuthorizer(ASKED).judge(Identity("X"), 0.0).answer is Answer.PENDING
    assert ListAuthorizer(ASKED).judge(Identity("MINE", "MINE"), 0.0).discharge
    for grant in ("nobody", "listed"):
        assert ListAuthorizer(Access(grant=grant)).judge(Identity("X", let_in=BY), 0.0).answer is Answer.REFUSED


def test_letting_in_where_nobody_is_asked_is_refused() -> None:
    with pytest.raises(CommandRefused, match="grant: everyone"):
        ask(session(), command.Authorise())


def test_of_two_clients_the_last_set_point_counts_and_no_limit_is_lifted() -> None:
    world = session()
    ask(world, command.SetPoint(power_w=-4_000.0, for_s=600.0, by="evcc"))
    ask(world, command.SetPoint(power_w=3_000.0, for_s=600.0, by="home"))
    assert power_w(world) > 2_500.0
    assert explain(world.evse, world.now).wished_by == "home"
    ask(world, command.Limit(charge_w=0.0, discharge_w=1_000.0, for_s=600.0, by="evcc"))
    assert abs(power_w(world)) < 50.0
    ask(world, command.SetPoint(power_w=-4_000.0, for_s=600.0, by="home"))
    assert -1_200.0 < power_w(world) < -500.0, "1 kW at the meter"
    ask(world, command.Mode(mode="pause", for_s=600.0, by="evcc"))
    assert abs(power_w(world)) < 50.0, "a pause of one is no plan of the other"
