"""ISO 15118-20 by the letter: what other stacks and their test suites expect of a car, each with its number."""

from typing import Any

import pytest
from tests.iso15118.evcc.world import World, intent, view

from v2g.exi.facets import Type
from v2g.iso15118.d20.table import Phase
from v2g.iso15118.service import ControlMode, Service
from v2g.iso15118.view import Authorization, Stop
from v2g.kernel.fault import Fault
from v2g.messages.iso20 import common
from v2g.messages.iso20.common import ChargeProgress, ChargingSession
from v2g.messages.iso20.types import EvseNotification, EVSEStatus, Processing

LOOPS = {"DC": "DC_ChargeLoopReq", "AC": "AC_ChargeLoopReq", "MC": "DC_ChargeLoopReq"}
"""By the first letters of a service; MCS has the messages of DC."""


def progress(world: World) -> list[ChargeProgress]:
    return [request.ChargeProgress for request in world.asked("PowerDeliveryReq")]  # type: ignore[attr-defined]


def endings(world: World) -> list[ChargingSession]:
    return [request.ChargingSession for request in world.asked("SessionStopReq")]  # type: ignore[attr-defined]


def in_order(world: World) -> World:
    """Both sides ended the session without a fault."""
    for side in (world.evcc, world.station):
        assert side.end is not None
        assert side.end.fault is None, side.end
    return world


def once(kind: str, change: Any) -> Any:
    """The first response of this kind is changed on its way."""
    seen = 0

    def tamper(response: Type) -> Type:
        nonlocal seen
        if type(response).__name__.endswith(kind):
            seen += 1
            if seen == 1:
                change(response)
        return response

    return tamper


def notifying(notification: EvseNotification) -> Any:
    def change(response: Any) -> None:
        response.EVSEStatus = EVSEStatus(0, notification)

    return once("ChargeLoopRes", change)


@pytest.mark.parametrize("closed", [False, True], ids=["before the contactor closed", "after"])
def test_a_stop_during_precharge_is_session_stop(closed: bool) -> None:
    """[V2G20-2644]: before power, SessionStop is the way out, also while pre-charge is Ongoing [V2G20-2005]."""
    world = World(intent()).run(
        lambda world: bool(world.asked("DC_PreChargeReq")) and world.evcc.command.contactor_closed == closed
    )
    assert world.evcc.phase in (Phase.PRECHARGE, Phase.PRECHARGING)
    world.driver = Stop.TERMINATE
    in_order(world.run())
    assert world.names[-1] == "SessionStopReq"
    assert not world.asked("PowerDeliveryReq")
    assert not world.commands[-1].contactor_closed


@pytest.mark.parametrize("service", [Service.DC, Service.AC])
def test_a_full_battery_still_takes_one_turn_of_the_loop(service: Service) -> None:
    """[V2G20-2009], [V2G20-2010]"""
    world = in_order(World(intent(service), soc=1.0).run())
    loop = LOOPS[service.name]
    assert len(world.asked(loop)) == 1
    assert world.names[-4 if service.dc else -3 :][:2] == [loop, "PowerDeliveryReq"]
    assert progress(world) == [ChargeProgress.Start, ChargeProgress.Stop]


@pytest.mark.parametrize("service", Service)
def test_a_driver_who_leaves_as_power_starts_takes_one_turn_of_the_loop(service: Service) -> None:
    world = World(intent(service)).reach(Phase.STARTED)
    world.driver = Stop.TERMINATE
    in_order(world.run())
    assert len(world.asked(LOOPS[service.name[:2]])) == 1


@pytest.mark.parametrize("mode", ControlMode)
@pytest.mark.parametrize("service", Service)
def test_a_schedule_is_renegotiated_in_either_mode(service: Service, mode: ControlMode) -> None:
    world = in_order(World(intent(service, mode), tamper=notifying(EvseNotification.ScheduleRenegotiation)).run())
    assert progress(world) == [
        ChargeProgress.Start,
        ChargeProgress.ScheduleRenegotiation,
        ChargeProgress.Start,
        ChargeProgress.Stop,
    ]
    profiles = [request.EVPowerProfile is not None for request in world.asked("PowerDeliveryReq")]  # type: ignore[attr-defined]
    assert profiles == [True, False, True, False], "none with a renegotiation [V2G20-1414]"
    assert len(world.asked("ScheduleExchangeReq")) == 2
    assert len(world.asked("SessionSetupReq")) == 1


@pytest.mark.parametrize("service", Service)
def test_a_service_is_renegotiated_within_the_session(service: Service) -> None:
    """[V2G20-1476], [V2G20-1477], [V2G20-1964], [V2G20-1969]"""
    world = in_order(World(intent(service), tamper=notifying(EvseNotification.ServiceRenegotiation)).run())
    assert endings(world) == [ChargingSession.ServiceRenegotiation, ChargingSession.Terminate]
    assert progress(world) == [ChargeProgress.Start, ChargeProgress.Stop] * 2
    assert len(world.asked("ServiceDiscoveryReq")) == len(world.asked("ServiceSelectionReq")) == 2
    assert len(world.asked("AuthorizationReq")) == 1, "the authorization stays valid [V2G20-1847]"
    ids = {request.Header.SessionID for _, request in world.requests[2:]}  # type: ignore[attr-defined]
    assert len(ids) == 1
    if service.dc:
        closed = [command.contactor_closed for command in world.commands]
        assert closed.count(False) >= 3, "open between the two services"


def test_a_driver_who_leaves_outweighs_a_renegotiation() -> None:
    world = World(intent(duration_s=None), tamper=notifying(EvseNotification.ServiceRenegotiation))
    world.run(lambda world: world.evcc.session.stop is not None)
    world.driver = Stop.TERMINATE
    in_order(world.run())
    assert endings(world) == [ChargingSession.Terminate]


def test_a_station_that_cannot_renegotiate_is_not_asked_to() -> None:
    """[V2G20-1965]"""
    notify = notifying(EvseNotification.ServiceRenegotiation)

    def tamper(response: Type) -> Type:
        if isinstance(response, common.ServiceDiscoveryRes):
            response.ServiceRenegotiationSupported = False
        changed: Type = notify(response)
        return changed

    world = in_order(World(intent(Service.AC), tamper=tamper).run())
    assert endings(world) == [ChargingSession.Terminate]


@pytest.mark.parametrize("mode", ControlMode)
@pytest.mark.parametrize("processing", [Processing.Finished, Processing.Ongoing])
def test_a_car_that_is_sent_to_pause_pauses(mode: ControlMode, processing: Processing) -> None:
    def pause(response: Any) -> None:
        response.GoToPause, response.EVSEProcessing = True, processing

    world = in_order(World(intent(mode=mode), tamper=once("ScheduleExchangeRes", pause)).run())
    assert endings(world) == [ChargingSession.Pause]
    assert not progress(world)
    assert world.evcc.end is not None
    assert world.evcc.end.paused is not None


@pytest.mark.parametrize("mode", ControlMode)
def test_a_car_on_ac_draws_nothing_when_it_stops(mode: ControlMode) -> None:
    """[V2G20-1310]"""
    world = World(intent(Service.AC, mode)).reach(Phase.CHARGE_LOOP)
    world.run(lambda world: world.evcc.command.charger_w > 0)
    world.run(lambda world: progress(world)[-1] is ChargeProgress.Stop)
    assert world.evcc.command.charger_w == 0


@pytest.mark.parametrize("mode", ControlMode)
@pytest.mark.parametrize("service", [Service.AC, Service.AC_BPT])
def test_a_car_on_ac_is_in_state_c_from_start_to_stop(service: Service, mode: ControlMode) -> None:
    """[V2G20-1617], [V2G20-847], [V2G20-848]; a renegotiation does not change it [V2G20-849]."""
    world = World(intent(service, mode), tamper=notifying(EvseNotification.ScheduleRenegotiation))
    seen: list[tuple[int, bool]] = []

    def note(world: World) -> bool:
        seen.append((len(progress(world)), world.evcc.command.ready))
        return False

    in_order(world.run(note))
    assert progress(world)[1] is ChargeProgress.ScheduleRenegotiation
    assert progress(world)[3] is ChargeProgress.Stop
    assert set(seen) == {(0, False), (1, True), (2, True), (3, True), (4, False)}


def test_a_car_waits_for_a_person_as_long_as_the_station_does() -> None:
    """The twin of [V2G2-845]; a station that is merely slow is left after 60 s."""
    world = World(intent(), view(authorization=Authorization.PENDING)).run(
        lambda world: bool(world.asked("AuthorizationReq"))
    )
    waiting = Processing.Ongoing_WaitingForCustomerInteraction
    world.run(lambda world: len(world.responses) > 3)
    assert world.responses[-1].EVSEProcessing is waiting  # type: ignore[attr-defined]
    since = world.now
    response = world.responses[-1]
    while world.now < since + 200:
        _answer(world, response)
    assert world.evcc.session.stop is None
    response.EVSEProcessing = Processing.Ongoing  # type: ignore[attr-defined]
    since = world.now
    while world.evcc.session.stop is None:
        _answer(world, response)
    assert world.now - since == pytest.approx(60, abs=0.5)
    assert world.evcc.session.stop.fault is Fault.AUTHORIZATION


def _answer(world: World, response: Type) -> None:
    """The same answer to the request under way, and the time until the next one."""
    from v2g.messages import encode

    if world.asked("AuthorizationReq") and world._wire:
        world._wire.clear()
        world.take(world.evcc.receive(0x8002, encode("iso20-common", response), world.now, world.state()))
    deadline = world.evcc.next_deadline()
    assert deadline is not None
    world.now = deadline
    world.take(world.evcc.expire(world.now, world.state()))
