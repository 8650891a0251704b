"""Whole sessions of the car with the station's engine: every service and mode, and every way to end."""

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.iso15118.evcc.world import CAR_LIMITS, STATION_CERTIFICATE, UNIX_S, World, intent, view

from v2g.exi.facets import Type
from v2g.iso15118.d20.table import TABLE, Phase
from v2g.iso15118.service import ControlMode, Service
from v2g.iso15118.vehicle import Command
from v2g.iso15118.view import Authorization, Offer, Slot, Stop
from v2g.kernel.fault import Fault
from v2g.messages.iso20 import ac, common, dc
from v2g.messages.iso20.types import EvseNotification, EVSEStatus, Processing, ResponseCode

SETUP = [
    "supportedAppProtocolReq",
    "SessionSetupReq",
    "AuthorizationSetupReq",
    "AuthorizationReq",
    "ServiceDiscoveryReq",
    "ServiceDetailReq",
    "ServiceSelectionReq",
]
DC_PATH = [
    "DC_ChargeParameterDiscoveryReq",
    "ScheduleExchangeReq",
    "DC_CableCheckReq",
    "DC_PreChargeReq",
    "PowerDeliveryReq",
    "DC_ChargeLoopReq",
    "PowerDeliveryReq",
    "DC_WeldingDetectionReq",
    "SessionStopReq",
]
AC_PATH = [
    "AC_ChargeParameterDiscoveryReq",
    "ScheduleExchangeReq",
    "PowerDeliveryReq",
    "AC_ChargeLoopReq",
    "PowerDeliveryReq",
    "SessionStopReq",
]
BOTH = pytest.mark.parametrize("mode", ControlMode)


def progress(world: World) -> list[common.ChargeProgress]:
    return [
        request.ChargeProgress
        for request in world.asked("PowerDeliveryReq")
        if isinstance(request, common.PowerDeliveryReq)
    ]


def ending(world: World) -> common.ChargingSession:
    _, last = world.requests[-1]
    assert isinstance(last, common.SessionStopReq)
    return last.ChargingSession


def notify(world: World, notification: EvseNotification, after_loops: int = 3) -> None:
    """The station notifies the car in a charge loop, by itself."""
    plant_stop = {EvseNotification.Terminate: Stop.TERMINATE, EvseNotification.Pause: Stop.PAUSE}[notification]
    world.run(lambda w: w.evcc.session.loops == after_loops)
    world.view = replace(world.view, stop=plant_stop)


@BOTH
@pytest.mark.parametrize("service", Service)
def test_a_session_runs_its_course_and_ends_with_session_stop(service: Service, mode: ControlMode) -> None:
    world = World(intent(service, mode)).run()
    assert world.evcc.end is not None
    assert world.evcc.end.fault is None
    assert world.evcc.end.reason == "the duration is over"
    assert world.station.end is not None
    assert world.station.end.fault is None
    assert world.names == SETUP + (DC_PATH if service.dc else AC_PATH)
    assert ending(world) is common.ChargingSession.Terminate
    assert world.evcc.command == Command()
    for before, after in pairwise([Phase.SESSION_SETUP, *world.phases]):
        assert any(after in following for following in TABLE[before].values())
    loops = world.evcc.session.loops
    assert 19 <= loops <= 21, "two seconds at a pace of 0.1 s"
    assert all(response.ResponseCode.startswith("OK") for response in world.responses[1:])  # type: ignore[attr-defined]


@pytest.mark.parametrize("service", Service)
def test_in_scheduled_mode_the_wish_decides_the_direction_and_the_schedule_the_amount(service: Service) -> None:
    wish_w = -8_000.0 if service.bidirectional else 8_000.0
    offered = view(schedule=(Slot(3600, 6_000, 3_000),))
    world = World(intent(service, ControlMode.SCHEDULED, wish_w=wish_w), offered, dispatch_w=wish_w).run()
    start = world.asked("PowerDeliveryReq")[0]
    assert isinstance(start, common.PowerDeliveryReq)
    assert start.EVPowerProfile is not None
    [entry] = start.EVPowerProfile.EVPowerProfileEntries.EVPowerProfileEntry
    assert entry.Power.value == (-3_000 if service.bidirectional else 6_000)
    if service.dc:
        last = world.asked("DC_ChargeLoopReq")[-1]
        assert isinstance(last, dc.DC_ChargeLoopReq)
        assert isinstance(last.CLReqControlMode, dc.Scheduled_DC_CLReqControlMode)
        power_w = last.CLReqControlMode.EVTargetCurrent.value * last.EVPresentVoltage.value
        assert power_w == pytest.approx(entry.Power.value, rel=1e-3)
    assert (world.state().soc < world.soc) == service.bidirectional


@pytest.mark.parametrize("service", [Service.DC_BPT, Service.AC_BPT])
@pytest.mark.parametrize("dispatch_w", [6_000.0, -6_000.0, 50_000.0, -50_000.0])
def test_in_dynamic_mode_the_station_decides_within_the_cars_limits(service: Service, dispatch_w: float) -> None:
    world = World(intent(service), dispatch_w=dispatch_w)
    world.run(lambda w: w.evcc.session.loops == 10)
    expected_w = min(max(dispatch_w, -CAR_LIMITS.discharge_w), CAR_LIMITS.charge_w)
    assert world.state().power_w == pytest.approx(expected_w, rel=0.02)
    if not service.dc:
        assert world.evcc.command.charger_w == expected_w


def test_discharge_limits_are_sent_as_positive_magnitudes() -> None:
    world = World(intent()).run()
    [request] = world.asked("DC_ChargeParameterDiscoveryReq")
    assert isinstance(request, dc.DC_ChargeParameterDiscoveryReq)
    mode = request.DC_CPDReqEnergyTransferMode
    assert isinstance(mode, dc.BPT_DC_CPDReqEnergyTransferMode)
    assert mode.EVMaximumDischargePower.value == CAR_LIMITS.discharge_w
    assert mode.EVMaximumDischargeCurrent.value == CAR_LIMITS.discharge_a
    control = world.asked("DC_ChargeLoopReq")[0].CLReqControlMode  # type: ignore[attr-defined]
    assert control.EVMaximumDischargePower.value == CAR_LIMITS.discharge_w


def test_the_contactor_closes_only_at_the_batterys_voltage_and_opens_after_the_current_is_gone() -> None:
    reported_v: list[float] = []

    def ramp(response: Type) -> Type:
        if isinstance(response, dc.DC_PreChargeRes) and len(reported_v) < 5:
            reported_v.append(80.0 * len(reported_v))
            return dc.DC_PreChargeRes(
                response.Header, response.ResponseCode, type(response.EVSEPresentVoltage).of(reported_v[-1])
            )
        return response

    world = World(intent(), tamper=ramp)
    world.run(lambda w: len(reported_v) == 5)
    assert not world.evcc.command.contactor_closed, "320 V is not the battery's voltage"
    world.run()
    closed = [command.contactor_closed for command in world.commands]
    assert closed == [*sorted(closed[:-1]), False], "closed once, opened once"
    precharges = world.asked("DC_PreChargeReq")
    assert [p.EVProcessing for p in precharges[:-1]] == [Processing.Ongoing] * (len(precharges) - 1)  # type: ignore[attr-defined]
    assert precharges[-1].EVProcessing is Processing.Finished  # type: ignore[attr-defined]


def test_a_station_that_reports_no_precharge_voltage_is_believed_only_on_request() -> None:
    def blind(response: Type) -> Type:
        if isinstance(response, dc.DC_PreChargeRes):
            return dc.DC_PreChargeRes(response.Header, response.ResponseCode, type(response.EVSEPresentVoltage).of(1))
        return response

    strict = World(intent(), tamper=blind).run()
    assert strict.evcc.end is not None
    assert strict.evcc.end.fault is Fault.PRECHARGE
    assert strict.evcc.end.reason == "PRECHARGING lasted over 10 s"
    assert not any(command.contactor_closed for command in strict.commands)
    assert strict.station.end is not None
    assert strict.station.end.fault is None, "left in order"
    assert World(intent(believe_precharge=True), tamper=blind).run().evcc.end.fault is None  # type: ignore[union-attr]


@BOTH
@pytest.mark.parametrize("service", Service)
@pytest.mark.parametrize(
    ("notification", "expected"),
    [
        (EvseNotification.Terminate, common.ChargingSession.Terminate),
        (EvseNotification.Pause, common.ChargingSession.Pause),
    ],
)
def test_the_station_asks_to_end(
    service: Service, mode: ControlMode, notification: EvseNotification, expected: common.ChargingSession
) -> None:
    world = World(intent(service, mode, duration_s=None))
    notify(world, notification)
    loops = world.evcc.session.loops
    world.run()
    assert progress(world) == [common.ChargeProgress.Start, common.ChargeProgress.Stop]
    assert world.evcc.session.loops <= loops + 2, "at once"
    assert ending(world) is expected
    assert world.evcc.end is not None
    assert world.evcc.end.fault is None
    assert (world.evcc.end.paused is not None) == (notification is EvseNotification.Pause)


@pytest.mark.parametrize("service", [Service.DC_BPT, Service.AC])
def test_a_paused_session_is_taken_up_again_at_charge_parameter_discovery(service: Service) -> None:
    """[V2G20-1032], [V2G20-1844]; AC [V2G20-2097], DC [V2G20-2098]. In between S2 is open [V2G3-M07-19]."""
    first = World(intent(service, duration_s=0.5, pause=True)).run()
    assert first.commands[-2].ready
    assert not first.evcc.command.ready
    assert first.evcc.end is not None
    assert first.station.end is not None
    assert first.evcc.end.paused is not None
    assert first.evcc.end.paused.session_id == first.evcc.session.session_id
    again = World(intent(service), car_paused=first.evcc.end.paused, station_paused=first.station.end.paused).run()
    assert again.evcc.session.resumed
    assert again.evcc.session.session_id == first.evcc.session.session_id
    assert again.names == [*SETUP[:2], *(DC_PATH if service.dc else AC_PATH)]
    assert again.evcc.end is not None
    assert again.evcc.end.fault is None
    assert again.evcc.end.paused is None, "over for good"


@pytest.mark.parametrize("certificate", [b"\x03" * 64, None])
def test_another_station_does_not_learn_of_the_paused_session(certificate: bytes | None) -> None:
    """[V2G20-2539], [V2G20-2613]"""
    first = World(intent(duration_s=0.5, pause=True)).run()
    assert first.evcc.end is not None
    world = World(intent(), car_paused=first.evcc.end.paused, station_certificate=certificate).run()
    [setup] = world.asked("SessionSetupReq")
    assert setup.Header.SessionID == bytes(8)  # type: ignore[attr-defined]
    assert world.names == SETUP + DC_PATH


def test_a_station_that_forgot_the_paused_session_begins_a_new_one() -> None:
    first = World(intent(duration_s=0.5, pause=True)).run()
    assert first.evcc.end is not None
    assert first.evcc.end.paused is not None
    world = World(intent(), car_paused=first.evcc.end.paused).run()
    [setup] = world.asked("SessionSetupReq")
    assert setup.Header.SessionID == first.evcc.end.paused.session_id  # type: ignore[attr-defined]
    assert not world.evcc.session.resumed
    assert world.names == SETUP + DC_PATH


def test_without_tls_a_pause_is_not_remembered() -> None:
    world = World(intent(duration_s=0.5, pause=True), station_certificate=None).run()
    assert ending(world) is common.ChargingSession.Pause
    assert world.evcc.end is not None
    assert world.evcc.end.fault is None
    assert world.evcc.end.paused is None


def test_a_car_that_may_not_discharge_leaves_and_says_what_was_offered() -> None:
    world = World(intent(), view(may_discharge=False)).run()
    assert world.evcc.end is not None
    assert world.evcc.end.fault is Fault.REQUEST_REFUSED
    assert world.evcc.end.reason == "the station does not offer DC_BPT to this car, only DC, MCS"
    assert world.names == [*SETUP[:5], "SessionStopReq"]
    stop = world.requests[-1][1]
    assert isinstance(stop, common.SessionStopReq)
    assert stop.EVTerminationExplanation == world.evcc.end.reason


def test_a_control_mode_that_is_not_offered_ends_the_session_in_order() -> None:
    offer = Offer("DE*ABC*E1", (Service.DC,), modes=(ControlMode.SCHEDULED,))
    world = World(intent(Service.DC), offer=offer).run()
    assert world.evcc.end is not None
    assert world.evcc.end.reason == "the station offers DC without dynamic control"
    assert ending(world) is common.ChargingSession.Terminate


def test_a_station_without_the_cars_protocol_ends_it_at_once() -> None:
    world = World(intent(Service.AC), offer=Offer("DE*ABC*E1", (Service.DC,))).run()
    assert world.evcc.end is not None
    assert world.evcc.end.fault is Fault.NO_COMMON_PROTOCOL
    assert "urn:iso:std:iso:15118:-20:AC" in world.evcc.end.reason
    assert world.names == SETUP[:1]


def test_a_battery_out_of_the_stations_reach_ends_the_session_in_order() -> None:
    low = replace(view().limits, voltage_max_v=350.0, voltage_min_v=150.0)
    world = World(intent(), view(limits=low)).run()
    assert world.evcc.end is not None
    assert "the station gives 150 to 350 V" in world.evcc.end.reason
    assert world.names[-2:] == ["DC_ChargeParameterDiscoveryReq", "SessionStopReq"]


def test_a_refused_authorization_is_tried_again_and_then_given_up() -> None:
    world = World(intent(), view(authorization=Authorization.REJECTED)).run()
    assert world.evcc.end is not None
    assert world.evcc.end.fault is Fault.AUTHORIZATION
    assert len(world.asked("AuthorizationReq")) == 3
    assert ending(world) is common.ChargingSession.Terminate


def test_an_authorization_that_comes_late_is_waited_for() -> None:
    world = World(intent(), view(authorization=Authorization.PENDING))
    world.run(lambda w: w.now > 30)
    assert world.evcc.phase is Phase.AUTHORIZATION
    world.view = replace(world.view, authorization=Authorization.REJECTED)
    world.run(lambda w: w.evcc.session.tries == 1)
    world.view = replace(world.view, authorization=Authorization.ACCEPTED)
    assert world.run().evcc.end.fault is None  # type: ignore[union-attr]


def test_a_warning_is_no_failure() -> None:
    def warn(response: Type) -> Type:
        if isinstance(response, common.PowerDeliveryRes):
            return common.PowerDeliveryRes(response.Header, ResponseCode.WARNING_EVPowerProfileViolation)
        return response

    assert World(intent(), tamper=warn).run().evcc.end.fault is None  # type: ignore[union-attr]


@pytest.mark.parametrize("service", Service)
def test_a_battery_at_its_maximum_ends_the_session(service: Service) -> None:
    world = World(intent(service, duration_s=None, soc_max=0.5002, soc_target=0.5)).run()
    assert world.evcc.end is not None
    assert world.evcc.end.fault is None
    assert world.evcc.end.reason.startswith("the battery is at its maximum")
    assert world.state().soc == pytest.approx(0.5002, abs=1e-4)


@pytest.mark.parametrize("service", [Service.DC_BPT, Service.AC_BPT])
def test_a_battery_at_its_minimum_ends_the_session(service: Service) -> None:
    world = World(intent(service, duration_s=None, soc_min=0.4998), dispatch_w=-9_000).run()
    assert world.evcc.end is not None
    assert world.evcc.end.fault is None
    assert world.evcc.end.reason.startswith("the battery is at its minimum")


def test_a_full_battery_may_still_feed_the_grid() -> None:
    world = World(intent(soc_max=0.4), dispatch_w=-5_000).run()
    assert world.evcc.end is not None
    assert world.evcc.end.reason == "the duration is over"
    control = world.asked("DC_ChargeLoopReq")[0].CLReqControlMode  # type: ignore[attr-defined]
    assert control.EVMaximumChargePower.value == 0
    assert control.EVMaximumDischargePower.value == CAR_LIMITS.discharge_w


def test_the_dynamic_needs_state_the_v2x_window() -> None:
    world = World(intent(soc_min=0.6, soc_max=0.9, departure_unix_s=UNIX_S + 7200), dispatch_w=0).run()
    needs = world.asked("ScheduleExchangeReq")[0].Dynamic_SEReqControlMode  # type: ignore[attr-defined]
    assert needs.DepartureTime == 7200
    assert needs.EVMinimumV2XEnergyRequest.value == pytest.approx(6_000), "below the window: it must not discharge"
    assert needs.EVMaximumV2XEnergyRequest.value == pytest.approx(24_000)


PHASES_OF_BOTH = (
    Phase.AUTHORIZATION_SETUP,
    Phase.AUTHORIZATION,
    Phase.SERVICE_DISCOVERY,
    Phase.SERVICE_DETAIL,
    Phase.SERVICE_SELECTION,
    Phase.CHARGE_PARAMETERS,
    Phase.SCHEDULE_EXCHANGE,
    Phase.CHARGE_LOOP,
)


@pytest.mark.parametrize(
    ("service", "phase"),
    [(service, phase) for service in (Service.DC_BPT, Service.AC_BPT) for phase in PHASES_OF_BOTH]
    + [
        (Service.DC_BPT, phase)
        for phase in (Phase.CABLE_CHECK, Phase.PRECHARGE, Phase.PRECHARGING, Phase.PRECHARGED, Phase.WELDING_DETECTION)
    ]
    + [(Service.AC_BPT, Phase.POWER_DELIVERY)],
)
def test_the_driver_can_leave_in_every_phase(service: Service, phase: Phase) -> None:
    """[V2G20-2644], [V2G20-2645]"""
    world = World(intent(service)).reach(phase)
    world.driver = Stop.TERMINATE
    world.run()
    assert world.evcc.end is not None
    assert world.evcc.end.fault is None
    assert world.station.end is not None
    assert world.station.end.fault is None
    assert ending(world) is common.ChargingSession.Terminate


def test_a_pause_before_the_service_is_selected_is_a_termination() -> None:
    world = World(intent()).reach(Phase.SERVICE_DISCOVERY)
    world.driver = Stop.PAUSE
    assert ending(world.run()) is common.ChargingSession.Terminate


@pytest.mark.parametrize("service", [Service.DC_BPT, Service.AC])
def test_a_vehicle_that_fails_ends_the_session_in_order_with_its_reason(service: Service) -> None:
    world = World(intent(service)).reach(Phase.CHARGE_LOOP)
    world.vehicle_fault = "the battery is not known any more"
    world.run()
    assert world.evcc.end is not None
    assert world.evcc.end.fault is Fault.INTERNAL
    assert world.evcc.end.reason == "the battery is not known any more"
    assert progress(world)[-1] is common.ChargeProgress.Stop
    assert ending(world) is common.ChargingSession.Terminate


def test_a_welded_contactor_is_reported_after_the_session_ended_in_order() -> None:
    world = World(intent(), welded=True).run()
    assert world.evcc.end is not None
    assert world.evcc.end.fault is Fault.CONTACTOR
    assert "a contactor may be welded" in world.evcc.end.reason
    assert ending(world) is common.ChargingSession.Terminate
    assert len(world.asked("DC_WeldingDetectionReq")) == 21


def test_welding_detection_ends_with_finished_once_the_voltage_is_gone() -> None:
    world = World(intent()).run()
    said = [request.EVProcessing for request in world.asked("DC_WeldingDetectionReq")]  # type: ignore[attr-defined]
    assert said == [Processing.Ongoing, Processing.Finished]


@pytest.mark.parametrize("service", [Service.DC_BPT, Service.AC_BPT])
def test_a_schedule_that_is_over_is_negotiated_again_without_opening_the_contactor(service: Service) -> None:
    world = World(intent(service, ControlMode.SCHEDULED, duration_s=5.0), view(schedule=(Slot(3, 5_000, 5_000),)))
    world.run()
    assert world.evcc.end is not None
    assert world.evcc.end.fault is None
    assert progress(world)[:3] == [
        common.ChargeProgress.Start,
        common.ChargeProgress.ScheduleRenegotiation,
        common.ChargeProgress.Start,
    ]
    assert world.names.count("DC_CableCheckReq") == (1 if service.dc else 0)
    if service.dc:
        closed = [command.contactor_closed for command in world.commands]
        assert closed == [*sorted(closed[:-1]), False], "closed once, opened once"


def test_the_station_can_ask_for_a_new_schedule() -> None:
    asked = False

    def renegotiate(response: Type) -> Type:
        nonlocal asked
        if isinstance(response, dc.DC_ChargeLoopRes) and not asked:
            asked = True
            response.EVSEStatus = EVSEStatus(0, EvseNotification.ScheduleRenegotiation)
        return response

    world = World(intent(mode=ControlMode.SCHEDULED), tamper=renegotiate).run()
    assert common.ChargeProgress.ScheduleRenegotiation in progress(world)
    assert world.evcc.end is not None
    assert world.evcc.end.fault is None


def test_the_meter_is_asked_for_now_and_then_and_its_reading_kept() -> None:
    world = World(intent(Service.DC, meter_every=5)).run()
    wanted = [request.MeterInfoRequested for request in world.asked("DC_ChargeLoopReq")]  # type: ignore[attr-defined]
    assert wanted == [number % 5 == 0 for number in range(len(wanted))]
    assert world.evcc.report.meter == world.view.meter


@pytest.mark.parametrize(("interval_s", "expected_s"), [(0.05, 0.05), (0.1, 0.1), (5.0, 0.25)])
def test_the_charge_loop_keeps_its_pace_within_the_turnaround(interval_s: float, expected_s: float) -> None:
    world = World(intent(loop_interval_s=interval_s)).run()
    times = [now for now, request in world.requests if isinstance(request, dc.DC_ChargeLoopReq)]
    gaps = [after - before for before, after in pairwise(times)]
    assert gaps == pytest.approx([expected_s] * len(gaps), abs=0.001)


def test_a_mobility_needs_mode_of_the_station_is_avoided() -> None:
    def two_sets(response: Type) -> Type:
        if isinstance(response, common.ServiceDetailRes):
            sets = response.ServiceParameterList.ParameterSet
            foreign = [
                replace_need(each) if any(p.Name == "ControlMode" and p.intValue == 2 for p in each.Parameter) else each
                for each in sets
            ]
            response.ServiceParameterList.ParameterSet = [common.ParameterSet(9, foreign[0].Parameter), *sets]
        return response

    def replace_need(parameter_set: common.ParameterSet) -> common.ParameterSet:
        changed = [
            common.Parameter(Name=p.Name, intValue=2 if p.Name == "MobilityNeedsMode" else p.intValue)
            for p in parameter_set.Parameter
        ]
        return common.ParameterSet(parameter_set.ParameterSetID, changed)

    world = World(intent(), tamper=two_sets)
    world.run(lambda w: bool(w.asked("ServiceSelectionReq")))
    [selection] = world.asked("ServiceSelectionReq")
    assert selection.SelectedEnergyTransferService.ParameterSetID == 1  # type: ignore[attr-defined]


@BOTH
def test_the_car_is_symmetric(mode: ControlMode) -> None:
    """[V2G20-1820]: it states powers over all phases, and none for each."""
    world = World(intent(Service.AC_BPT, mode)).run()
    [parameters] = world.asked("AC_ChargeParameterDiscoveryReq")
    said = [parameters.AC_CPDReqEnergyTransferMode]  # type: ignore[attr-defined]
    said += [request.CLReqControlMode for request in world.asked("AC_ChargeLoopReq")]  # type: ignore[attr-defined]
    each = [getattr(part, name) for part in said for name in part.__struct_fields__ if name[-3:] in ("_L2", "_L3")]
    assert len(each) > 10
    assert set(each) == {None}


def test_per_phase_targets_are_added_up() -> None:
    def three_phases(response: Type) -> Type:
        if isinstance(response, ac.AC_ChargeLoopRes):
            control: Any = response.CLResControlMode
            rational = type(control.EVSETargetActivePower)
            control.EVSETargetActivePower = rational.of(1_000)
            control.EVSETargetActivePower_L2 = rational.of(2_000)
            control.EVSETargetActivePower_L3 = rational.of(3_000)
        return response

    world = World(intent(Service.AC), tamper=three_phases)
    world.run(lambda w: w.evcc.session.loops == 3)
    assert world.evcc.command.charger_w == 6_000


def test_a_scheduled_ac_station_without_a_target_leaves_it_to_the_schedule() -> None:
    def no_target(response: Type) -> Type:
        if isinstance(response, ac.AC_ChargeLoopRes):
            control: Any = response.CLResControlMode
            control.EVSETargetActivePower = None
        return response

    world = World(intent(Service.AC_BPT, ControlMode.SCHEDULED, wish_w=-4_000.0), tamper=no_target)
    world.run(lambda w: w.evcc.session.loops == 3)
    assert world.evcc.command.charger_w == -4_000


def test_the_same_certificate_is_known_by_its_fingerprint() -> None:
    world = World(intent(duration_s=0.2, pause=True)).run()
    assert world.evcc.end is not None
    assert world.evcc.end.paused is not None
    assert world.evcc.end.paused.station == STATION_CERTIFICATE


@given(
    slots=st.lists(
        st.tuples(st.integers(1, 5000), st.floats(0, 30_000), st.floats(0, 30_000)), min_size=1, max_size=12
    ),
    wish_w=st.floats(-40_000, 40_000),
)
def test_every_profile_is_accepted_by_the_station(slots: list[tuple[int, float, float]], wish_w: float) -> None:
    limits = replace(CAR_LIMITS, charge_w=40_000, discharge_w=40_000)
    offered = view(schedule=tuple(Slot(*slot) for slot in slots))
    world = World(intent(mode=ControlMode.SCHEDULED, wish_w=wish_w, limits=limits), offered)
    world.reach(Phase.CHARGE_LOOP)
    assert world.evcc.end is None
    [response] = [each for each in world.responses if isinstance(each, common.ScheduleExchangeRes)]
    assert response.Scheduled_SEResControlMode is not None
    [offer] = response.Scheduled_SEResControlMode.ScheduleTuple
    assert offer.DischargingSchedule is not None
    charging = offer.ChargingSchedule.PowerSchedule.PowerScheduleEntries.PowerScheduleEntry
    discharging = offer.DischargingSchedule.PowerSchedule.PowerScheduleEntries.PowerScheduleEntry
    start = world.asked("PowerDeliveryReq")[0]
    assert isinstance(start, common.PowerDeliveryReq)
    assert start.EVPowerProfile is not None
    entries = start.EVPowerProfile.EVPowerProfileEntries.EVPowerProfileEntry
    for entry, charge, discharge in zip(entries, charging, discharging, strict=True):
        assert entry.Duration == charge.Duration
        assert -discharge.Power.value <= entry.Power.value <= charge.Power.value
