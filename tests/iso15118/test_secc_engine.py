"""The station's engine: every phase with every request, the timers, and what ends a session."""

from dataclasses import replace

import msgspec
import pytest
from msgspec.structs import replace as changed
from tests.iso15118.requests import (
    GRID_CODE,
    dc_loop,
    every_request,
    exi,
    payload_type_of,
    power_delivery,
    session_stop,
)

from v2g.exi.facets import Type
from v2g.iso15118.d20 import timeouts
from v2g.iso15118.d20.station.side import STATION
from v2g.iso15118.d20.table import TABLE, Phase
from v2g.iso15118.d20.wire import NO_SESSION, PROTOCOLS
from v2g.iso15118.event import Step
from v2g.iso15118.paused import Paused
from v2g.iso15118.service import ControlMode, Service
from v2g.iso15118.session import Code, Refusal
from v2g.iso15118.station_engine import StationEngine
from v2g.iso15118.timeouts import SETUP_S
from v2g.iso15118.view import Authorization, Check, Limits, Offer, Slot, Stage, StationView, Stop
from v2g.kernel.fault import Fault
from v2g.messages import decode
from v2g.messages.iso20.common import ChargeProgress, ChargingSession, PowerDeliveryReq
from v2g.messages.iso20.dc import DC_PreChargeReq
from v2g.messages.iso20.types import EvseNotification, Processing, ResponseCode

LIMITS = Limits(charge_w=15_000, discharge_w=12_000, charge_a=40, discharge_a=40, voltage_min_v=150, voltage_max_v=500)
READY = StationView(
    unix_s=1_700_000_000,
    authorization=Authorization.ACCEPTED,
    may_discharge=True,
    limits=LIMITS,
    cable_check=Check.PASSED,
    contactor_closed=True,
    voltage_v=400.0,
    current_gone=True,
    schedule=(Slot(3600, 15_000, 12_000),),
    der=GRID_CODE,
)
OFFER = Offer("DE*V2G*E1", (Service.DC_BPT, Service.DC))
AC_OFFER = replace(OFFER, services=(Service.AC_BPT, Service.AC))
PEER = bytes(64)


class Car:
    """Speaks to an engine and decodes its answers; its clock moves only if a test moves it."""

    def __init__(self, offer: Offer = OFFER, view: StationView = READY, **options: object) -> None:
        self.now = 100.0
        self.view = view
        self.secc = StationEngine(STATION, offer, setup_deadline=self.now + SETUP_S, **options)  # type: ignore[arg-type]

    @property
    def session_id(self) -> bytes:
        return self.secc.session.session_id

    def ask(self, request: Type) -> Type:
        """The one answer to a request."""
        [answer] = self.answers(self.secc.receive(payload_type_of(request), exi(request), self.now, self.view))
        return answer

    def answers(self, step: Step) -> list[Type]:
        return [decode(PROTOCOLS[payload_type], payload) for payload_type, payload in step.send]

    def requests(self) -> dict[str, Type]:
        """One of each kind, as the first of the offered services and modes wants it."""
        offer = self.secc.session.offer
        requests = every_request(self.session_id, offer.services[0], offer.modes[0])
        return {type(request).__name__: request for request in requests}

    def walk(self, phase: Phase) -> "Car":
        """Go on until the engine waits in `phase`."""
        dc = self.secc.session.offer.services[0].dc
        path = [
            "SessionSetupReq",
            "AuthorizationSetupReq",
            "AuthorizationReq",
            "ServiceDiscoveryReq",
            "ServiceDetailReq",
            "ServiceSelectionReq",
            f"{'DC' if dc else 'AC'}_ChargeParameterDiscoveryReq",
            "ScheduleExchangeReq",
            *(["DC_CableCheckReq"] * 2 + ["DC_PreChargeReq"] if dc else []),
            "PowerDeliveryReq",
            f"{'DC' if dc else 'AC'}_ChargeLoopReq",
        ]
        begun = self.secc.session.phase is not Phase.SERVICE_DISCOVERY
        if phase is Phase.PRECHARGING:
            precharge = self.walk(Phase.PRECHARGE).requests()["DC_PreChargeReq"]
            self.ask(changed(precharge, EVProcessing=Processing.Ongoing))
            return self
        for name in path if begun else path[path.index("ServiceDiscoveryReq") :]:
            if self.secc.session.phase is phase:
                return self
            self.ask(self.requests()[name])
        if self.secc.session.phase is not phase:
            self.ask(power_delivery(self.session_id, ChargeProgress.Stop))
        assert self.secc.session.phase is phase
        return self


def code(answer: Type) -> ResponseCode:
    return answer.ResponseCode  # type: ignore[attr-defined, no-any-return]


REACHABLE = [phase for phase in Phase if phase not in (Phase.ENDED, Phase.STOPPING, Phase.POWER_DELIVERY)]


@pytest.mark.parametrize("phase", REACHABLE, ids=lambda phase: phase.name)
@pytest.mark.parametrize("name", sorted(Car().requests()))
def test_every_phase_with_every_request(phase: Phase, name: str) -> None:
    """Exactly one answer, of the paired type; an admitted request keeps to the table, any other ends the session.

    [V2G20-459]; what a refusal says besides is what the schema demands [V2G20-736].
    """
    car = Car().walk(phase)
    answer = car.ask(car.requests()[name])
    assert type(answer).__name__ == name.removesuffix("Req") + "Res"
    if name in TABLE[phase] and not name.startswith("AC_"):
        assert not code(answer).value.startswith("FAILED")
        assert car.secc.session.phase in TABLE[phase][name]
    else:
        assert code(answer) is ResponseCode.FAILED_SequenceError
        assert car.secc.session.phase is Phase.ENDED
        assert car.secc.end is not None
        assert car.secc.end.fault is Fault.SEQUENCE_ERROR
        assert car.secc.demand.stage is Stage.OFF


@pytest.mark.parametrize("phase", REACHABLE[1:], ids=lambda phase: phase.name)
def test_foreign_session_id_is_refused_before_anything_else(phase: Phase) -> None:
    """[V2G20-460]"""
    car = Car().walk(phase)
    for foreign in (NO_SESSION, bytes(7) + b"\x01"):
        car = Car().walk(phase)
        answer = car.ask(session_stop(foreign, ChargingSession.Terminate))
        assert code(answer) is ResponseCode.FAILED_UnknownSession
        assert car.secc.end is not None
        assert car.secc.end.fault is Fault.UNKNOWN_SESSION


@pytest.mark.parametrize("phase", [phase for phase in Phase if phase is not Phase.ENDED], ids=lambda phase: phase.name)
def test_garbage_ends_the_session_with_code_0x04(phase: Phase) -> None:
    """Not ignored, as [V2G20-445] would have it."""
    offer = AC_OFFER if phase in (Phase.STOPPING, Phase.POWER_DELIVERY) else OFFER
    car = Car(offer)
    if phase is Phase.STOPPING:
        car.walk(Phase.CHARGE_LOOP)
        car.view = replace(READY, contactor_closed=False)
        car.ask(power_delivery(car.session_id, ChargeProgress.Stop))
    else:
        car.walk(phase)
    step = car.secc.receive(0x8002, b"\xff\x00\xff\x00", car.now, car.view)
    assert step.send == []
    assert car.secc.end is not None
    assert car.secc.end.fault is Fault.EXI_DECODE
    assert car.secc.demand.stage is Stage.OFF
    assert car.secc.next_deadline() is None


@pytest.mark.parametrize("phase", REACHABLE, ids=lambda phase: phase.name)
def test_sequence_timer(phase: Phase) -> None:
    """60 s everywhere, 0.5 s after a charge-loop response; not a moment earlier.

    [V2G20-443], [V2G20-1500], [V2G20-1502]
    """
    car = Car().walk(phase)
    wait_s = timeouts.SILENCE["standard"].sequence_s
    expected = {
        Phase.SESSION_SETUP: Fault.COMMUNICATION_SETUP_TIMEOUT,
        Phase.SERVICE_DISCOVERY: Fault.SERVICE_DISCOVERY_TIMEOUT,
        Phase.SERVICE_DETAIL: Fault.SERVICE_DISCOVERY_TIMEOUT,
        Phase.SERVICE_SELECTION: Fault.SERVICE_DISCOVERY_TIMEOUT,
        Phase.CHARGE_LOOP: Fault.CHARGE_LOOP_TIMEOUT,
    }.get(phase, Fault.SEQUENCE_TIMEOUT)
    if phase is Phase.SESSION_SETUP:
        wait_s = SETUP_S
    if phase is Phase.CHARGE_LOOP:
        wait_s = 0.5
    assert car.secc.next_deadline() == pytest.approx(car.now + wait_s)
    car.secc.expire(car.now + wait_s - 0.001, car.view)
    assert car.secc.end is None
    car.secc.expire(car.now + wait_s, car.view)
    assert car.secc.end is not None
    assert car.secc.end.fault is expected
    assert car.secc.demand.stage is Stage.OFF


def test_first_charge_loop_request_has_the_long_timer() -> None:
    """The short timer runs after charge-loop responses only, not after PowerDeliveryRes."""
    car = Car().walk(Phase.STARTED)
    assert car.secc.next_deadline() == pytest.approx(car.now + 60)


def test_relaxed_profile() -> None:
    car = Car(timing="relaxed").walk(Phase.CHARGE_LOOP)
    car.ask(dc_loop(car.session_id))
    assert car.secc.next_deadline() == pytest.approx(car.now + 2)


@pytest.mark.parametrize(
    ("phase", "name", "limit_s", "fault"),
    [
        (Phase.AUTHORIZATION, "AuthorizationReq", 55, Fault.AUTHORIZATION),
        (Phase.CABLE_CHECK, "DC_CableCheckReq", 42, Fault.CABLE_CHECK),
        (Phase.SCHEDULE_EXCHANGE, "ScheduleExchangeReq", 55, Fault.SEQUENCE_TIMEOUT),
        (Phase.PRECHARGING, "DC_PreChargeReq", 12, Fault.PRECHARGE),
        (Phase.PRECHARGED, "PowerDeliveryReq", 55, Fault.SEQUENCE_TIMEOUT),
        (Phase.POWER_DELIVERY, "PowerDeliveryReq", 55, Fault.SEQUENCE_TIMEOUT),
    ],
)
def test_a_phase_does_not_go_on_for_ever(phase: Phase, name: str, limit_s: float, fault: Fault) -> None:
    offer = AC_OFFER if phase is Phase.POWER_DELIVERY else OFFER
    car = Car(replace(offer, modes=(ControlMode.SCHEDULED,))).walk(phase)
    request = car.requests()[name]
    if isinstance(request, DC_PreChargeReq | PowerDeliveryReq):
        request = changed(request, EVProcessing=Processing.Ongoing)
    car.view = replace(
        READY, authorization=Authorization.PENDING, cable_check=Check.ONGOING, voltage_v=10.0, schedule=()
    )
    started = car.now
    while car.now < started + limit_s:
        assert not code(car.ask(request)).value.startswith("FAILED")
        car.now += 1.0
    car.now += 1.0
    assert code(car.ask(request)) is ResponseCode.FAILED
    assert car.secc.end is not None
    assert car.secc.end.fault is fault


def test_rejected_car_may_try_again() -> None:
    """[V2G20-2219], [V2G20-2230]"""
    car = Car().walk(Phase.AUTHORIZATION)
    car.view = replace(READY, authorization=Authorization.REJECTED)
    assert code(car.ask(car.requests()["AuthorizationReq"])) is ResponseCode.WARNING_EIMAuthorizationFailure
    car.view = READY
    assert code(car.ask(car.requests()["AuthorizationReq"])) is ResponseCode.OK
    assert car.secc.session.phase is Phase.SERVICE_DISCOVERY


def test_discharge_services_need_an_authorisation() -> None:
    car = Car(view=replace(READY, may_discharge=False)).walk(Phase.SERVICE_DISCOVERY)
    car.ask(car.requests()["ServiceDiscoveryReq"])
    assert car.secc.session.offered == (Service.DC,)
    assert code(car.ask(car.requests()["ServiceDetailReq"])) is ResponseCode.FAILED_ServiceIDInvalid


def test_cable_check_of_an_earlier_session_does_not_count() -> None:
    car = Car().walk(Phase.CABLE_CHECK)
    car.ask(car.requests()["DC_CableCheckReq"])
    assert car.secc.session.phase is Phase.CABLE_CHECK  # although the plant says PASSED


def test_no_power_before_the_precharge_voltage() -> None:
    car = Car().walk(Phase.PRECHARGED)
    car.view = replace(READY, voltage_v=379.0)
    assert code(car.ask(car.requests()["PowerDeliveryReq"])) is ResponseCode.FAILED_PowerDeliveryNotApplied


def test_no_dc_power_with_the_contactor_open_or_unknown() -> None:
    for closed in (False, None):
        car = Car().walk(Phase.PRECHARGED)
        car.view = replace(READY, contactor_closed=closed)
        assert code(car.ask(car.requests()["PowerDeliveryReq"])) is ResponseCode.FAILED_ContactorError


def test_ac_power_delivery_waits_for_the_contactor() -> None:
    car = Car(AC_OFFER).walk(Phase.POWER_DELIVERY)
    car.view = replace(READY, contactor_closed=False)
    request = car.requests()["PowerDeliveryReq"]
    assert car.secc.receive(payload_type_of(request), exi(request), car.now, car.view).send == []
    assert car.secc.demand.stage is Stage.READY  # close, please
    assert car.secc.next_deadline() == pytest.approx(car.now + 1.4)
    assert car.secc.renew(car.now + 0.1, car.view).send == []
    [answer] = car.answers(car.secc.renew(car.now + 0.2, READY))
    assert code(answer) is ResponseCode.OK
    assert car.secc.session.phase is Phase.STARTED


def test_ac_contactor_that_does_not_close_fails_the_session() -> None:
    car = Car(AC_OFFER).walk(Phase.POWER_DELIVERY)
    car.view = replace(READY, contactor_closed=False)
    request = car.requests()["PowerDeliveryReq"]
    car.secc.receive(payload_type_of(request), exi(request), car.now, car.view)
    [answer] = car.answers(car.secc.expire(car.now + 1.4, car.view))
    assert code(answer) is ResponseCode.FAILED_ContactorError
    assert car.secc.end is not None
    assert car.secc.end.fault is Fault.CONTACTOR


def test_a_second_request_before_the_answer_is_a_sequence_error() -> None:
    car = Car(AC_OFFER).walk(Phase.POWER_DELIVERY)
    car.view = replace(READY, contactor_closed=False)
    request = car.requests()["PowerDeliveryReq"]
    car.secc.receive(payload_type_of(request), exi(request), car.now, car.view)
    assert code(car.ask(request)) is ResponseCode.FAILED_SequenceError


def test_dc_stop_waits_for_the_current_to_fall() -> None:
    car = Car().walk(Phase.CHARGE_LOOP)
    car.view = replace(READY, current_a=-20.0, current_gone=False)
    request = power_delivery(car.session_id, ChargeProgress.Stop)
    assert car.secc.receive(payload_type_of(request), exi(request), car.now, car.view).send == []
    assert car.secc.demand.stage is Stage.OFF
    [answer] = car.answers(car.secc.renew(car.now + 0.2, replace(READY, current_a=0.3, current_gone=True)))
    assert code(answer) is ResponseCode.OK
    assert car.secc.session.phase is Phase.WELDING_DETECTION


def test_schedule_renegotiation_keeps_the_contactor_closed_without_power() -> None:
    car = Car().walk(Phase.CHARGE_LOOP)
    car.ask(dc_loop(car.session_id))
    stages = [car.secc.demand.stage]
    car.ask(power_delivery(car.session_id, ChargeProgress.ScheduleRenegotiation))
    phases = [car.secc.session.phase]
    assert [*stages, car.secc.demand.stage] == [Stage.ENERGY, Stage.READY]
    car.ask(car.requests()["ScheduleExchangeReq"])
    phases.append(car.secc.session.phase)
    assert code(car.ask(car.requests()["PowerDeliveryReq"])) is ResponseCode.OK
    assert [*phases, car.secc.session.phase] == [Phase.SCHEDULE_EXCHANGE, Phase.POWER_DELIVERY, Phase.STARTED]


def test_standby_is_declined_and_the_loop_goes_on() -> None:
    car = Car().walk(Phase.CHARGE_LOOP)
    assert code(car.ask(power_delivery(car.session_id, ChargeProgress.Standby))) is (
        ResponseCode.WARNING_StandbyNotAllowed
    )
    assert car.secc.session.phase is Phase.CHARGE_LOOP


@pytest.mark.parametrize(
    ("wish", "notification"),
    [(Stop.TERMINATE, EvseNotification.Terminate), (Stop.PAUSE, EvseNotification.Pause)],
)
def test_station_asks_the_car_to_stop(wish: Stop, notification: EvseNotification) -> None:
    """[V2G20-1402], [V2G20-1698]: until the car has followed."""
    car = Car().walk(Phase.CHARGE_LOOP)
    assert car.ask(dc_loop(car.session_id)).EVSEStatus is None  # type: ignore[attr-defined]
    car.view = replace(READY, stop=wish)
    for _ in range(3):
        status = car.ask(dc_loop(car.session_id)).EVSEStatus  # type: ignore[attr-defined]
        assert status.EVSENotification is notification


def test_limits_never_exceed_the_promise() -> None:
    car = Car().walk(Phase.CHARGE_LOOP)
    car.view = replace(READY, limits=replace(LIMITS, charge_w=99_000, discharge_w=5_000))
    control = car.ask(dc_loop(car.session_id)).CLResControlMode  # type: ignore[attr-defined]
    assert control.EVSEMaximumChargePower.value == 15_000
    assert control.EVSEMaximumDischargePower.value == 5_000


def test_negative_discharge_limits_are_magnitudes() -> None:
    from tests.iso15118.requests import DC_DYNAMIC, number

    from v2g.messages.iso20.dc import BPT_Dynamic_DC_CLReqControlMode

    car = Car().walk(Phase.CHARGE_LOOP)
    control = BPT_Dynamic_DC_CLReqControlMode(
        **DC_DYNAMIC,
        EVMaximumDischargePower=number(-7_000),
        EVMinimumDischargePower=number(-100),
        EVMaximumDischargeCurrent=number(-20),
    )
    car.ask(dc_loop(car.session_id, control))
    assert (car.secc.session.car.limits.discharge_w, car.secc.session.car.limits.discharge_a) == (7_000, 20)


def test_wrong_control_mode_in_the_loop() -> None:
    from tests.iso15118.requests import DC_DYNAMIC

    from v2g.messages.iso20.dc import Dynamic_DC_CLReqControlMode

    car = Car().walk(Phase.CHARGE_LOOP)
    answer = car.ask(dc_loop(car.session_id, Dynamic_DC_CLReqControlMode(**DC_DYNAMIC)))
    assert code(answer) is ResponseCode.FAILED


def test_a_car_learns_of_a_failing_station_which_is_off_at_once() -> None:
    car = Car().walk(Phase.CHARGE_LOOP)
    car.ask(dc_loop(car.session_id))
    car.secc.fail(Refusal(Code.FAILED, "no reading", Fault.INVERTER_LOST), car.now, car.view)
    assert car.secc.demand.stage is Stage.OFF
    assert code(car.ask(dc_loop(car.session_id))) is ResponseCode.FAILED
    assert car.secc.end is not None
    assert car.secc.end.fault is Fault.INVERTER_LOST


def test_pause_and_resume_by_the_same_car_only() -> None:
    """[V2G20-1032], [V2G20-1844], [V2G20-2545], [V2G20-2630]"""
    car = Car(peer=PEER).walk(Phase.WELDING_DETECTION)
    car.ask(session_stop(car.session_id, ChargingSession.Pause))
    assert car.secc.end is not None
    paused = car.secc.end.paused
    assert paused is not None

    again = Car(peer=PEER, paused=paused)
    request = every_request(paused.session_id)[0]
    assert code(again.ask(request)) is ResponseCode.OK_OldSessionJoined
    assert again.secc.session.phase is Phase.CHARGE_PARAMETERS
    assert again.secc.session.selection == car.secc.session.selection
    assert again.session_id == paused.session_id

    for stranger in (None, bytes(63) + b"\x01"):
        other = Car(peer=stranger, paused=paused)
        assert code(other.ask(request)) is ResponseCode.OK_NewSessionEstablished
        assert other.secc.session.phase is Phase.AUTHORIZATION_SETUP
        assert other.session_id != paused.session_id


def test_a_paused_session_survives_a_restart() -> None:
    car = Car(peer=PEER).walk(Phase.WELDING_DETECTION)
    car.ask(session_stop(car.session_id, ChargingSession.Pause))
    assert car.secc.end is not None
    written = msgspec.json.encode(car.secc.end.paused)
    again = Car(peer=PEER, paused=msgspec.json.decode(written, type=Paused))
    assert code(again.ask(every_request(car.session_id)[0])) is ResponseCode.OK_OldSessionJoined
    assert again.secc.session.selection == car.secc.session.selection
    assert again.secc.session.car == car.secc.session.car


def test_pause_without_tls_keeps_nothing() -> None:
    car = Car().walk(Phase.WELDING_DETECTION)
    assert code(car.ask(session_stop(car.session_id, ChargingSession.Pause))) is ResponseCode.OK
    assert car.secc.end is not None
    assert car.secc.end.paused is None


def test_a_service_can_be_chosen_again_with_the_contactor_open() -> None:
    """[V2G20-1643], [V2G20-1931]"""
    car = Car().walk(Phase.WELDING_DETECTION)
    session_id = car.session_id
    assert code(car.ask(session_stop(session_id, ChargingSession.ServiceRenegotiation))) is ResponseCode.OK
    assert car.secc.session.phase is Phase.SERVICE_DISCOVERY
    assert car.secc.session.selection is None
    assert car.secc.demand.stage is Stage.OFF
    car.walk(Phase.CHARGE_LOOP)
    assert car.session_id == session_id


def test_a_service_cannot_be_chosen_again_before_power() -> None:
    car = Car().walk(Phase.SCHEDULE_EXCHANGE)
    answer = car.ask(session_stop(car.session_id, ChargingSession.ServiceRenegotiation))
    assert code(answer) is ResponseCode.FAILED_SequenceError


def test_session_ids_are_never_repeated_nor_zero() -> None:
    """[V2G20-2106], [V2G20-2621]"""
    ids = {Car().walk(Phase.AUTHORIZATION_SETUP).session_id for _ in range(200)}
    assert len(ids) == 200
    assert NO_SESSION not in ids


def test_nothing_is_answered_after_the_end() -> None:
    car = Car().walk(Phase.WELDING_DETECTION)
    car.ask(session_stop(car.session_id, ChargingSession.Terminate))
    request = dc_loop(car.session_id)
    assert car.secc.receive(payload_type_of(request), exi(request), car.now, car.view).send == []


def test_dynamic_mode_is_the_first_parameter_set_by_default() -> None:
    car = Car().walk(Phase.CHARGE_PARAMETERS)
    assert car.secc.session.selected.mode is ControlMode.DYNAMIC
