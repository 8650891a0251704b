"""What cars and stations in the field do against the letter is read and told; strict mode refuses it."""

from collections.abc import Callable

import msgspec
import pytest

from v2g.exi.facets import Type
from v2g.messages import ExiError, codec, decode, decode_fragment, din, encode, encode_fragment, iso2

STOP = din.V2G_Message(din.MessageHeader(bytes(8)), din.Body(din.SessionStopReq()))


@pytest.mark.parametrize("length", [1, 4, 8])
def test_short_session_ids(length: int) -> None:
    message = din.V2G_Message(din.MessageHeader(bytes(length)), din.Body(din.SessionStopReq()))
    assert decode("din", encode("din", message), strict=True) == message


def test_an_empty_evccid() -> None:
    message = din.V2G_Message(din.MessageHeader(bytes(8)), din.Body(din.SessionSetupReq(b"")))
    assert decode("din", encode("din", message)) == message


@pytest.mark.parametrize(
    "spoil",
    [lambda octets: octets + b"\0", lambda octets: octets[:-1] + bytes([octets[-1] | 1])],
    ids=["an octet too many", "padding that is not zero"],
)
def test_what_follows_the_end(spoil: Callable[[bytes], bytes]) -> None:
    assert_deviates(spoil(encode("din", STOP)), STOP, "", "more follows the end")


def test_a_value_that_is_too_long() -> None:
    """A challenge of 17 octets where 16 are allowed."""
    response = iso2.PaymentDetailsRes(iso2.ResponseCode.OK, bytes(16), 0)
    header = iso2.MessageHeader(bytes(8))
    octets = encode("iso2", iso2.V2G_Message(header, iso2.Body(response)))
    stream = f"{int.from_bytes(octets, 'big'):b}"
    challenge = f"{16:08b}" + "0" * 128
    assert stream.count(challenge) == 1
    longer = stream.replace(challenge, f"{17:08b}" + "0" * 136)
    message = iso2.V2G_Message(header, iso2.Body(msgspec.structs.replace(response, GenChallenge=bytes(17))))
    spoilt = int(longer, 2).to_bytes(len(octets) + 1, "big")
    assert_deviates(spoilt, message, "V2G_Message/Body/PaymentDetailsRes/GenChallenge", "17 octets, allowed are 16")
    with pytest.raises(ExiError, match="17 octets, allowed are 16"):
        encode("iso2", message)


SCHEDULES = "809a020000000000000000108000490800001900446401032008190044640110"
"""ChargeParameterDiscoveryRes of DIN SPEC 70121 with the abstract SASchedules itself."""


def test_the_abstract_schedules_themselves() -> None:
    status = din.DC_EVSEStatus(None, din.DC_EVSEStatusCode.EVSE_Ready, 0, din.EVSENotification.None_)
    value = din.PhysicalValue(0, None, 1)
    parameters = din.DC_EVSEChargeParameter(status, value, None, value, value, value, None, value)
    body = din.ChargeParameterDiscoveryRes(
        din.ResponseCode.OK, din.EVSEProcessing.Finished, din.SASchedules(), parameters
    )
    message = din.V2G_Message(din.MessageHeader(bytes(8)), din.Body(body))
    path = "V2G_Message/Body/ChargeParameterDiscoveryRes/SASchedules"
    assert_deviates(bytes.fromhex(SCHEDULES), message, path, "the element is abstract")
    with pytest.raises(ExiError, match=f"{path}: the element is abstract"):
        encode("din", message)


@pytest.mark.parametrize("protocol", ["din", "iso2", "iso20-dc", "iso20-ac", "iso20-ac-der-sae"])
def test_no_abstract_element_is_a_document(protocol: str) -> None:
    schema = codec(protocol).schema
    width = len(schema.elements).bit_length()
    heads = [
        (code, member)
        for code, member in enumerate(schema.elements)
        if isinstance(member.type, type) and schema.grammar(member.type).abstract
    ]
    assert heads
    for code, member in heads:
        stream = (0x80 << width | code) << 64 - width
        with pytest.raises(ExiError, match=f"^{member.name.local}, .*: the element is abstract"):
            decode(protocol, stream.to_bytes(9, "big"), strict=True)


def test_all_deviations_are_told() -> None:
    deviations: list[ExiError] = []
    decode("din", bytes.fromhex(SCHEDULES) + b"\0", deviations=deviations)
    assert [error.reason.split(",")[0] for error in deviations] == [
        "the element is abstract",
        "more follows the end than the zeros that fill the octet",
    ]


def test_no_deviation_of_what_cannot_be_read_or_is_as_it_should_be() -> None:
    deviations: list[ExiError] = []
    decode("din", encode("din", STOP), deviations=deviations)
    with pytest.raises(ExiError, match="the data ends here"):
        decode("din", bytes.fromhex(SCHEDULES)[:-2], deviations=deviations)
    assert deviations == []


def test_fragments_deviate_alike() -> None:
    octets = encode_fragment("iso2", "AuthorizationReq", iso2.AuthorizationReq(None, "id1"))
    deviations: list[ExiError] = []
    assert decode_fragment("iso2", octets + b"\0", deviations=deviations) == decode_fragment("iso2", octets)
    assert len(deviations) == 1
    with pytest.raises(ExiError, match="more follows the end"):
        decode_fragment("iso2", octets + b"\0", strict=True)


def assert_deviates(octets: bytes, message: Type, path: str, reason: str) -> None:
    """It is read, with the deviation told, and refused by strict mode for the same reason."""
    deviations: list[ExiError] = []
    protocol = "iso2" if isinstance(message, iso2.V2G_Message) else "din"
    assert decode(protocol, octets) == message
    assert decode(protocol, octets, deviations=deviations) == message
    (deviation,) = deviations
    assert deviation.path == path
    assert reason in deviation.reason
    with pytest.raises(ExiError) as refused:
        decode(protocol, octets, strict=True)
    assert str(refused.value) == str(deviation)
