"""What cars and stations in the field do against the letter is read; strict mode refuses what follows a message."""

from collections.abc import Callable

import pytest

from v2g.messages import ExiError, decode, din, encode

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
    octets = spoil(encode("din", STOP))
    assert decode("din", octets) == STOP
    with pytest.raises(ExiError, match="more follows the end"):
        decode("din", octets, strict=True)


def test_the_abstract_schedules_themselves() -> None:
    status = din.DC_EVSEStatus(
        EVSEStatusCode=din.DC_EVSEStatusCode.EVSE_Ready,
        NotificationMaxDelay=0,
        EVSENotification=next(iter(din.EVSENotification)),
    )
    value = din.PhysicalValue(Multiplier=0, Value=1)
    parameters = din.DC_EVSEChargeParameter(status, value, None, value, value, value, None, value)
    body = din.ChargeParameterDiscoveryRes(
        next(iter(din.ResponseCode)), next(iter(din.EVSEProcessing)), din.SASchedules(), parameters
    )
    message = din.V2G_Message(din.MessageHeader(bytes(8)), din.Body(body))
    assert decode("din", encode("din", message)) == message
