"""Valid EXI that nobody wants: a message of the station, one that this station does not know, a bare element.

It is a sequence error, answered if a response is paired with it, and never a defect of either side.
"""

from collections.abc import Iterator
from contextlib import suppress

import pytest
from msgspec.structs import replace
from tests.iso15118.evcc.world import World, intent
from tests.iso15118.requests import header
from tests.iso15118.test_secc_engine import Car, code

from v2g.exi.facets import Type
from v2g.exi.least import least
from v2g.iso15118.d20.station.side import STATION
from v2g.iso15118.d20.table import Phase
from v2g.iso15118.d20.wire import PROTOCOLS
from v2g.iso15118.view import Stage
from v2g.kernel.fault import Fault
from v2g.messages import ExiError, codec, decode, encode
from v2g.messages.iso20.types import ResponseCode


def strange(message_set: str) -> Iterator[Type]:
    """The least of every root element of a message set that is no request which this station answers."""
    schema = codec(message_set).schema
    for member in schema.elements:
        if not isinstance(member.type, type) or member.type.__name__ in STATION.answers:
            continue
        message = least(schema, member.type)
        with suppress(ExiError):  # an abstract type, or one that wants an element of another schema
            encode(message_set, message)
            yield message


CASES = [(payload_type, message) for payload_type, name in PROTOCOLS.items() for message in strange(name)]


def test_there_are_many() -> None:
    names = {type(message).__name__ for _, message in CASES}
    assert {"AuthorizationRes", "CertificateInstallationRes", "SignatureValue", "VehicleCheckInReq"} <= names
    assert len(CASES) > 80


@pytest.mark.parametrize(
    "phase", [Phase.SESSION_SETUP, Phase.AUTHORIZATION, Phase.PRECHARGED, Phase.CHARGE_LOOP], ids=str
)
def test_a_station_calls_it_a_sequence_error(phase: Phase) -> None:
    for payload_type, message in CASES:
        car = Car().walk(phase)
        if "Header" in type(message).__struct_fields__:
            message = replace(message, Header=header(car.session_id))
        payload = encode(PROTOCOLS[payload_type], message)
        step = car.secc.receive(payload_type, payload, car.now, car.view)
        assert car.secc.end is not None
        assert car.secc.end.fault is Fault.SEQUENCE_ERROR, type(message).__name__
        assert car.secc.demand.stage is Stage.OFF
        name = type(message).__name__
        answers = [decode(PROTOCOLS[kind], answer) for kind, answer in step.send]
        if name.endswith("Req"):
            [answer] = answers
            assert type(answer).__name__ == name.removesuffix("Req") + "Res"
            assert code(answer) is ResponseCode.FAILED_SequenceError
        else:
            assert not answers


def test_the_session_id_is_judged_first() -> None:
    """[V2G20-460], also for a request that this station does not know."""
    for payload_type, message in CASES:
        if not type(message).__name__.endswith("Req"):
            continue
        car = Car().walk(Phase.AUTHORIZATION)
        payload = encode(PROTOCOLS[payload_type], replace(message, Header=header(bytes(8))))
        [(_, answer)] = car.secc.receive(payload_type, payload, car.now, car.view).send
        assert code(decode(PROTOCOLS[payload_type], answer)) is ResponseCode.FAILED_UnknownSession


@pytest.mark.parametrize("name", ["SessionSetupReq", "DC_PreChargeReq", "DC_ChargeLoopReq"])
def test_a_car_calls_it_a_sequence_error(name: str) -> None:
    for payload_type, message in CASES:
        world = World(intent()).run(
            lambda world: type(world.requests[-1][1]).__name__ == name if world.requests else False
        )
        if type(message).__name__ == name.removesuffix("Req") + "Res":
            continue
        world.take(world.evcc.receive(payload_type, encode(PROTOCOLS[payload_type], message), world.now, world.state()))
        assert world.evcc.end is not None
        assert world.evcc.end.fault is Fault.SEQUENCE_ERROR, type(message).__name__
        assert not world.evcc.command.contactor_closed
