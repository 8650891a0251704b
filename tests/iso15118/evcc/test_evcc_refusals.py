"""What the car does not put up with: silence, stations that break the rules, phases that never end."""

from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
from tests.iso15118.credentials import Hierarchy
from tests.iso15118.evcc.world import UNIX_S, World, intent

from v2g.exi.facets import Type
from v2g.iso15118.d20.car.side import CAR
from v2g.iso15118.d20.table import Phase
from v2g.iso15118.d20.wire import PROTOCOLS
from v2g.iso15118.service import ControlMode, Service
from v2g.iso15118.vehicle import Command
from v2g.iso15118.view import Offer
from v2g.kernel.fault import Fault
from v2g.messages import encode
from v2g.messages.iso20 import common, dc
from v2g.messages.iso20.types import (
    EvseNotification,
    EVSEStatus,
    MessageHeader,
    Processing,
    RationalNumber,
    ResponseCode,
)
from v2g.messages.sap import ResponseCode as SapCode
from v2g.messages.sap import supportedAppProtocolRes
from v2g.pki.profile import Role
from v2g.v2gtp.framing import PayloadType

REQUESTS = [(Service.AC_BPT if name.startswith("AC_") else Service.DC_BPT, name) for name in CAR.exchanges]
EVERY_REQUEST = pytest.mark.parametrize(("service", "name"), REQUESTS, ids=[name for _, name in REQUESTS])


OF_CONTRACTS = ("CertificateInstallationReq", "MeteringConfirmationReq")


@cache
def hierarchy() -> Hierarchy:
    return Hierarchy("p521")


def paying(service: Service) -> World:
    """A car that asks for a contract, and is asked to confirm the meter."""
    pki = hierarchy()
    trust = pki.trusts(Role.PROVISIONING_SERVICE)
    wants = intent(service, provisioning=pki.provisioning, roots=(pki.v2g.der,), trust=trust)
    contracts, provisioning = pki.trusts(), pki.contract_service()
    offer = Offer("DE*ABC*E1", tuple(Service), contracts=contracts, provisioning=provisioning, receipts_s=0.0)
    return World(wants, offer=offer)


def until_asked(service: Service, name: str) -> World:
    """A world in which this request is under way and not delivered yet."""
    world = paying(service) if name in OF_CONTRACTS else World(intent(service))
    world.run(lambda world: bool(world.requests) and type(world.requests[-1][1]).__name__ == name)
    assert world.evcc.end is None
    return world


def payload_type_of(name: str, service: Service = Service.AC_BPT) -> PayloadType:
    return PayloadType(CAR.edition.payload_type(name, service))


def answer(world: World, name: str, response: Type) -> None:
    """The station, or somebody in its place, answers with this."""
    payload_type = payload_type_of(name)
    world.take(world.evcc.receive(payload_type, encode(PROTOCOLS[payload_type], response), world.now, world.state()))


def assert_over_at_once(world: World, fault: Fault, text: str) -> None:
    asked = len(world.requests)
    assert world.evcc.end is not None
    assert world.evcc.end.fault is fault
    assert text in world.evcc.end.reason
    assert world.evcc.command == Command(), "contactor open, charger off"
    assert world.evcc.phase is Phase.ENDED
    assert world.evcc.next_deadline() is None
    world.take(world.evcc.expire(world.now + 100, world.state()))
    world.take(world.evcc.receive(PayloadType.MAIN, b"\x80", world.now, world.state()))
    assert len(world.requests) == asked, "nothing is asked any more"


@EVERY_REQUEST
@pytest.mark.parametrize("late_s", [-0.001, 0.0])
def test_silence_ends_the_session_after_the_message_timeout(service: Service, name: str, late_s: float) -> None:
    """[V2G20-436] to [V2G20-438]; 0.5 s in the charge loop [V2G20-1499], [V2G20-1501]."""
    world = until_asked(service, name)
    longer = dict.fromkeys(("ServiceDetailReq", "CertificateInstallationReq"), 5.0)
    expected_s = (longer | {"AC_ChargeLoopReq": 0.5, "DC_ChargeLoopReq": 0.5}).get(name, 2.0)
    sent_s, _ = world.requests[-1]
    assert world.evcc.next_deadline() == pytest.approx(sent_s + expected_s)
    world.now = (world.evcc.next_deadline() or 0) + late_s
    world.take(world.evcc.expire(world.now, world.state()))
    if late_s < 0:
        assert world.evcc.end is None
    else:
        fault = Fault.COMMUNICATION_SETUP_TIMEOUT if name == "SessionSetupReq" else Fault.SEQUENCE_TIMEOUT
        assert_over_at_once(world, fault, f"no answer to {name} within {expected_s:g} s")


def test_a_station_that_falls_silent_does_not_hide_why_the_car_was_leaving() -> None:
    world = World(intent()).reach(Phase.CHARGE_LOOP)
    world.vehicle_fault = "the battery is not known any more"
    world.run(lambda world: world.names[-1] == "PowerDeliveryReq")
    world.now = world.evcc.next_deadline() or 0
    world.take(world.evcc.expire(world.now, world.state()))
    assert_over_at_once(
        world, Fault.SEQUENCE_TIMEOUT, "no answer to PowerDeliveryReq within 2 s, while the car was ending"
    )
    assert_over_at_once(world, Fault.SEQUENCE_TIMEOUT, "the battery is not known any more")


def test_a_silent_handshake_ends_after_its_timeout_too() -> None:
    world = World(intent(), tamper=lambda response: None).run()
    assert world.now == pytest.approx(2.0)
    assert_over_at_once(world, Fault.COMMUNICATION_SETUP_TIMEOUT, "no answer to supportedAppProtocolReq")


def test_the_communication_setup_has_its_own_deadline() -> None:
    world = World(intent(), setup_s=0.3, tamper=lambda response: None).run()
    assert world.now == pytest.approx(0.3)
    assert_over_at_once(world, Fault.COMMUNICATION_SETUP_TIMEOUT, "within 0.3 s")


@EVERY_REQUEST
def test_another_response_than_the_paired_one_ends_the_session(service: Service, name: str) -> None:
    world = until_asked(service, name)
    head = MessageHeader(world.evcc.session.session_id, UNIX_S)
    wrong: Type
    match payload_type_of(name):
        case PayloadType.DC:
            wrong = dc.DC_CableCheckReq(head)
        case PayloadType.AC:
            wrong = dc.DC_CableCheckRes(head, ResponseCode.OK, Processing.Finished)
        case _:
            wrong = common.SessionStopReq(head, common.ChargingSession.Terminate)
    if payload_type_of(name) is PayloadType.AC:
        world.take(world.evcc.receive(PayloadType.DC, encode("iso20-dc", wrong), world.now, world.state()))
        assert_over_at_once(world, Fault.SEQUENCE_ERROR, "payload type 0x8004 instead of")
    else:
        answer(world, name, wrong)
        assert_over_at_once(world, Fault.SEQUENCE_ERROR, f"instead of {name.removesuffix('Req')}Res")


def tampered(service: Service, name: str, change: Callable[[Any], None]) -> World:
    """A world in which the responses to this request were changed on the way."""

    def tamper(response: Type) -> Type:
        if type(response).__name__ == name.removesuffix("Req") + "Res":
            change(response)
        return response

    world = paying(service) if name in OF_CONTRACTS else World(intent(service))
    world.tamper = tamper
    return world.run()


@EVERY_REQUEST
def test_a_failed_response_ends_the_session(service: Service, name: str) -> None:
    def fail(response: Any) -> None:
        response.ResponseCode = ResponseCode.FAILED_SequenceError

    world = tampered(service, name, fail)
    assert_over_at_once(world, Fault.REQUEST_REFUSED, f"{name.removesuffix('Req')}Res says FAILED_SequenceError")
    assert type(world.requests[-1][1]).__name__ == name, "no SessionStop after a FAILED"


@EVERY_REQUEST
def test_another_session_id_ends_the_session(service: Service, name: str) -> None:
    def swap(response: Any) -> None:
        response.Header = MessageHeader(bytes(8), UNIX_S)

    world = tampered(service, name, swap)
    assert_over_at_once(world, Fault.UNKNOWN_SESSION, "session")
    assert type(world.requests[-1][1]).__name__ == name


@EVERY_REQUEST
def test_bytes_that_are_no_exi_end_the_session(service: Service, name: str) -> None:
    """Not ignored, as [V2G20-440] would have it."""
    world = until_asked(service, name)
    world.take(world.evcc.receive(payload_type_of(name), b"\xff\xff\xff", world.now, world.state()))
    assert_over_at_once(world, Fault.EXI_DECODE, "")


@pytest.mark.parametrize("payload_type", [PayloadType.EXI, PayloadType.AC, PayloadType.WPT, 0x9000])
def test_another_payload_type_ends_the_session(payload_type: int) -> None:
    world = until_asked(Service.DC_BPT, "DC_CableCheckReq")
    world.take(world.evcc.receive(payload_type, b"\x80\x00", world.now, world.state()))
    assert_over_at_once(world, Fault.SEQUENCE_ERROR, f"payload type 0x{payload_type:04X} instead of DC_CableCheckRes")


def test_a_message_that_nobody_asked_for_ends_the_session() -> None:
    world = until_asked(Service.DC_BPT, "DC_ChargeLoopReq")
    world.run(lambda world: world.evcc.session.loops == 1)
    world.take(world.evcc.receive(PayloadType.DC, b"\x80\x00", world.now, world.state()))
    assert_over_at_once(world, Fault.SEQUENCE_ERROR, "nobody asked for")


@pytest.mark.parametrize(
    ("response", "text"),
    [
        (supportedAppProtocolRes(SapCode.Failed_NoNegotiation), "Failed_NoNegotiation"),
        (supportedAppProtocolRes(SapCode.OK_SuccessfulNegotiation, SchemaID=2), "OK_SuccessfulNegotiation"),
        (supportedAppProtocolRes(SapCode.OK_SuccessfulNegotiation), "OK_SuccessfulNegotiation"),
    ],
)
def test_a_handshake_that_picks_nothing_of_ours_ends_it(response: supportedAppProtocolRes, text: str) -> None:
    world = World(intent(), tamper=lambda _: response).run()
    assert_over_at_once(world, Fault.NO_COMMON_PROTOCOL, text)


def test_a_handshake_with_a_minor_deviation_is_fine() -> None:
    def minor(response: Type) -> Type:
        if isinstance(response, supportedAppProtocolRes):
            response.ResponseCode = SapCode.OK_SuccessfulNegotiationWithMinorDeviation
        return response

    assert World(intent(), tamper=minor).run().evcc.end.fault is None  # type: ignore[union-attr]


def test_a_joined_session_that_was_not_offered_ends_it() -> None:
    def join(response: Any) -> None:
        response.ResponseCode = ResponseCode.OK_OldSessionJoined

    world = tampered(Service.DC_BPT, "SessionSetupReq", join)
    assert_over_at_once(world, Fault.UNKNOWN_SESSION, "which this car did not ask for")


def test_a_station_that_takes_contracts_only_is_left_in_order() -> None:
    def contracts(response: Any) -> None:
        response.AuthorizationServices = [common.Authorization.PnC]

    world = tampered(Service.DC_BPT, "AuthorizationSetupReq", contracts)
    assert world.evcc.end is not None
    assert world.evcc.end.fault is Fault.AUTHORIZATION
    assert world.names[-1] == "SessionStopReq"


def test_details_of_another_service_end_the_session() -> None:
    def other(response: Any) -> None:
        response.ServiceID = 2

    world = tampered(Service.DC_BPT, "ServiceDetailReq", other)
    assert_over_at_once(world, Fault.SEQUENCE_ERROR, "details service 2, asked for was 6")


def test_a_schedule_that_lasts_for_no_time_is_left_in_order() -> None:
    def no_time(response: Type) -> Type:
        if isinstance(response, common.ScheduleExchangeRes):
            assert response.Scheduled_SEResControlMode is not None
            for schedule in response.Scheduled_SEResControlMode.ScheduleTuple:
                for part in (schedule.ChargingSchedule, schedule.DischargingSchedule):
                    assert part is not None
                    for entry in part.PowerSchedule.PowerScheduleEntries.PowerScheduleEntry:
                        entry.Duration = 0
        return response

    world = World(intent(mode=ControlMode.SCHEDULED), tamper=no_time).run()
    assert world.evcc.end is not None
    assert world.evcc.end.reason == "the station offers a schedule that lasts for no time"
    assert world.names[-2:] == ["ScheduleExchangeReq", "SessionStopReq"]


OTHER_FLAVOUR = {
    Service.AC: Service.AC_BPT,
    Service.AC_BPT: Service.AC,
    Service.DC: Service.DC_BPT,
    Service.DC_BPT: Service.DC,
}


@pytest.mark.parametrize("mode", ControlMode)
@pytest.mark.parametrize("service", OTHER_FLAVOUR)
@pytest.mark.parametrize("kind", ["ChargeParameterDiscovery", "ChargeLoop", "ScheduleExchange"])
def test_a_response_for_another_service_or_mode_ends_the_session(
    kind: str, service: Service, mode: ControlMode
) -> None:
    """The right messages, but those of a station that serves the other flavour to another car."""
    other_service = OTHER_FLAVOUR[service]
    other_mode = ControlMode.SCHEDULED if mode is ControlMode.DYNAMIC else ControlMode.DYNAMIC
    foreign_intent = intent(service, other_mode) if kind != "ChargeParameterDiscovery" else intent(other_service, mode)
    name = "ScheduleExchangeReq" if kind == "ScheduleExchange" else f"{service.name[:2]}_{kind}Req"
    foreign = World(foreign_intent).run()
    alien = next(each for each in foreign.responses if type(each).__name__ == name.removesuffix("Req") + "Res")

    world = World(intent(service, mode))
    world.run(lambda world: bool(world.requests) and type(world.requests[-1][1]).__name__ == name)
    head = MessageHeader(world.evcc.session.session_id, UNIX_S)
    setattr(alien, "Header", head)  # noqa: B010 - every response has one, the base type does not
    answer(world, name, alien)
    assert_over_at_once(world, Fault.SEQUENCE_ERROR, "the selected service demands")


def ongoing(name: str, head: MessageHeader) -> Type:
    """The response with which a station keeps a car waiting."""
    waiting = Processing.Ongoing
    match name:
        case "AuthorizationReq":
            return common.AuthorizationRes(head, ResponseCode.OK, waiting)
        case "ScheduleExchangeReq":
            dynamic = common.Dynamic_SEResControlMode()
            return common.ScheduleExchangeRes(head, ResponseCode.OK, waiting, Dynamic_SEResControlMode=dynamic)
        case "DC_CableCheckReq":
            return dc.DC_CableCheckRes(head, ResponseCode.OK, waiting)
        case _:
            return dc.DC_PreChargeRes(head, ResponseCode.OK, RationalNumber(0, 0))


@pytest.mark.parametrize(
    ("name", "limit_s", "fault", "last"),
    [
        ("AuthorizationReq", 60.0, Fault.AUTHORIZATION, "SessionStopReq"),
        ("ScheduleExchangeReq", 60.0, Fault.SEQUENCE_TIMEOUT, "SessionStopReq"),
        ("DC_CableCheckReq", 40.0, Fault.CABLE_CHECK, "SessionStopReq"),
        ("DC_PreChargeReq", 10.0, Fault.PRECHARGE, "SessionStopReq"),
    ],
)
def test_a_phase_that_never_ends_is_left_in_order(name: str, limit_s: float, fault: Fault, last: str) -> None:
    world = until_asked(Service.DC_BPT, name)
    since_s, _ = world.requests[-1]
    head = MessageHeader(world.evcc.session.session_id, UNIX_S)
    while world.names[-1] == name:
        answer(world, name, ongoing(name, head))
        deadline = world.evcc.next_deadline()
        assert deadline is not None
        world.now = deadline
        world.take(world.evcc.expire(world.now, world.state()))
    assert world.names[-1] == last
    assert world.now - since_s == pytest.approx(limit_s, abs=0.25)
    assert world.evcc.session.stop is not None
    assert world.evcc.session.stop.fault is fault
    assert len(world.asked(name)) == pytest.approx(limit_s / 0.1, rel=0.05), "asked at a pace, not as fast as can be"


@pytest.mark.parametrize("notification", [EvseNotification.ExitStandby, EvseNotification.MeteringConfirmation])
def test_notifications_that_do_not_concern_this_car_change_nothing(notification: EvseNotification) -> None:
    def note(response: Any) -> None:
        response.EVSEStatus = EVSEStatus(0, notification)

    world = tampered(Service.DC_BPT, "DC_ChargeLoopReq", note)
    assert world.evcc.end is not None
    assert world.evcc.end.reason == "the duration is over"


def test_a_lost_connection_ends_the_session_in_the_safe_state() -> None:
    world = World(intent()).reach(Phase.CHARGE_LOOP)
    world.take(world.evcc.abort(Fault.CONNECTION_LOST, "the peer closed the connection"))
    assert_over_at_once(world, Fault.CONNECTION_LOST, "the peer closed")
    world.take(world.evcc.abort(Fault.TLS, "again"))
    assert world.evcc.end is not None
    assert world.evcc.end.fault is Fault.CONNECTION_LOST, "the first cause counts"
