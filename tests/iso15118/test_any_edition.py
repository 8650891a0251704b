"""The engine knows no edition: with the data of ISO 15118-2 and a few answers it holds a session of that.

There the message stands in a body, every message has the same payload type, and a refusal does not end the session.
"""

from dataclasses import replace

import pytest
from tests.iso15118.test_secc_engine import OFFER, READY

from v2g.exi.facets import Type
from v2g.exi.least import least
from v2g.iso15118.d2.edition import D2
from v2g.iso15118.d2.table import Phase
from v2g.iso15118.paused import Paused
from v2g.iso15118.session import Code, Refusal, Reply, Session, Wait
from v2g.iso15118.sides import StationSide
from v2g.iso15118.station_engine import StationEngine
from v2g.iso15118.view import Offer, StationView
from v2g.kernel.fault import Fault
from v2g.messages import codec, decode, encode
from v2g.messages.iso2 import (
    Body,
    BodyBase,
    MessageHeader,
    ResponseCode,
    ServiceDetailReq,
    ServiceDiscoveryReq,
    SessionSetupReq,
    SessionStopReq,
    V2G_Message,
)
from v2g.messages.iso2 import ChargingSession as Kind

SESSION_ID = bytes(range(8))


def message(session_id: bytes, body: Type) -> V2G_Message:
    assert isinstance(body, BodyBase)
    return V2G_Message(MessageHeader(session_id), Body(body))


def response(name: str, code: ResponseCode) -> Type:
    schema = codec("iso2").schema
    body = least(schema, next(cls for cls in schema.classes if cls.__name__ == name))
    values = {field: getattr(body, field) for field in type(body).__struct_fields__} | {"ResponseCode": code}
    return type(body)(**values)


def set_up(request: V2G_Message, session: Session, view: StationView) -> Reply:
    answer = message(SESSION_ID, response("SessionSetupRes", ResponseCode.OK_NewSessionEstablished))
    return Reply(answer, Phase.SERVICE_DISCOVERY, replace(session, session_id=SESSION_ID))


def discover(request: V2G_Message, session: Session, view: StationView) -> Reply:
    return Reply(message(SESSION_ID, response("ServiceDiscoveryRes", ResponseCode.OK)), Phase.SERVICE, session)


def waiting(request: V2G_Message, session: Session, view: StationView) -> Reply:
    return Reply(message(SESSION_ID, response("ServiceDetailRes", ResponseCode.OK)), Phase.SERVICE, session)


def detail(request: V2G_Message, session: Session, view: StationView) -> Reply:
    raise Refusal(ResponseCode.FAILED_ServiceIDInvalid, "there is no such service")


def stop(request: V2G_Message, session: Session, view: StationView) -> Reply:
    return Reply(message(SESSION_ID, response("SessionStopRes", ResponseCode.OK)), Phase.ENDED, session)


def begin(offer: Offer, peer: bytes | None, paused: Paused | None) -> Session:
    return Session(offer, Phase.SESSION_SETUP, b"", peer, paused)


def check(request: Type, session: Session) -> None:
    assert isinstance(request, V2G_Message)
    if D2.name_of(request) != "SessionSetupReq" and request.Header.SessionID != session.session_id:
        raise Refusal(Code.UNKNOWN_SESSION, "another session", Fault.UNKNOWN_SESSION)


def refuse(request: Type, session: Session, view: StationView, refusal: Refusal) -> Type | None:
    name = D2.name_of(request).removesuffix("Req") + "Res"
    return message(session.session_id, response(name, ResponseCode(refusal.code.value)))


SIDE = StationSide(
    edition=D2,
    answers={
        "SessionSetupReq": set_up,
        "ServiceDiscoveryReq": discover,
        "ServiceDetailReq": detail,
        "SessionStopReq": stop,
    },
    open=begin,
    check=check,
    refuse=refuse,
    refusal_ends=False,
    pause=lambda session: None,
    phase_limits={Phase.SERVICE: (30.0, Fault.SEQUENCE_TIMEOUT)},
)


class Car:
    def __init__(self, side: StationSide = SIDE) -> None:
        self.now = 0.0
        self.engine = StationEngine(side, OFFER, setup_deadline=18.0)

    def ask(self, body: Type, session_id: bytes = SESSION_ID) -> tuple[str, str]:
        self.now += 1.0
        [(payload_type, payload)] = self.engine.receive(
            0x8001, encode("iso2", message(session_id, body)), self.now, READY
        ).send
        assert payload_type == 0x8001
        answer = decode("iso2", payload)
        return D2.name_of(answer), answer.Body.BodyElement.ResponseCode.value


def test_a_session_of_another_edition_runs_in_the_same_engine() -> None:
    car = Car()
    assert car.ask(SessionSetupReq(bytes(6)), b"") == ("SessionSetupRes", "OK_NewSessionEstablished")
    assert car.ask(ServiceDiscoveryReq()) == ("ServiceDiscoveryRes", "OK")
    assert car.engine.next_deadline() == car.now + 60
    assert car.ask(SessionStopReq(Kind.Terminate)) == ("SessionStopRes", "OK")
    assert car.engine.end is not None
    assert car.engine.end.fault is None


@pytest.mark.parametrize(
    ("body", "session_id", "code"),
    [
        (ServiceDetailReq(5), SESSION_ID, "FAILED_ServiceIDInvalid"),
        (ServiceDetailReq(5), b"\x01" * 8, "FAILED_UnknownSession"),
        (SessionSetupReq(bytes(6)), SESSION_ID, "FAILED_SequenceError"),
    ],
)
def test_a_refusal_does_not_end_the_session_there(body: Type, session_id: bytes, code: str) -> None:
    car = Car()
    car.ask(SessionSetupReq(bytes(6)), b"")
    car.ask(ServiceDiscoveryReq())
    deadline = car.engine.next_deadline()
    name = type(body).__name__.removesuffix("Req") + "Res"
    assert car.ask(body, session_id) == (name, code)
    assert car.engine.end is None
    assert car.engine.session.phase is Phase.SERVICE
    assert car.engine.next_deadline() == deadline, "what is refused prolongs nothing"
    assert car.ask(SessionStopReq(Kind.Terminate)) == ("SessionStopRes", "OK")


def test_a_failed_station_ends_it_there_too() -> None:
    car = Car()
    car.ask(SessionSetupReq(bytes(6)), b"")
    car.engine.fail(Refusal(Code.FAILED, "something broke", Fault.INTERNAL), car.now, READY)
    assert car.ask(ServiceDiscoveryReq()) == ("ServiceDiscoveryRes", "FAILED")
    assert car.engine.end is not None
    assert car.engine.end.fault is Fault.INTERNAL


def test_a_phase_that_does_not_go_on_ends_it_there_too() -> None:
    car = Car(replace(SIDE, answers={**SIDE.answers, "ServiceDetailReq": waiting}))
    car.ask(SessionSetupReq(bytes(6)), b"")
    car.ask(ServiceDiscoveryReq())
    for _ in range(30):
        assert car.ask(ServiceDetailReq(1)) == ("ServiceDetailRes", "OK")
    assert car.ask(ServiceDetailReq(1)) == ("ServiceDetailRes", "FAILED")
    assert car.engine.end is not None
    assert car.engine.end.fault is Fault.SEQUENCE_TIMEOUT


def test_hardware_that_is_overdue_ends_it_there_too() -> None:
    def never(request: V2G_Message, session: Session, view: StationView) -> Wait:
        return Wait(session, 1.5, Refusal(Code.FAILED, "it did not close", Fault.CONTACTOR))

    car = Car(replace(SIDE, answers={**SIDE.answers, "ServiceDetailReq": never}))
    car.ask(SessionSetupReq(bytes(6)), b"")
    car.ask(ServiceDiscoveryReq())
    payload = encode("iso2", message(SESSION_ID, ServiceDetailReq(1)))
    assert car.engine.receive(0x8001, payload, car.now, READY).send == []
    [(_, answer)] = car.engine.expire(car.now + 1.5, READY).send
    assert decode("iso2", answer).Body.BodyElement.ResponseCode is ResponseCode.FAILED
    assert car.engine.end is not None
    assert car.engine.end.fault is Fault.CONTACTOR
