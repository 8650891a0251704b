import re
from ipaddress import IPv6Address
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from v2g.v2gtp.framing import PayloadType, pack
from v2g.v2gtp.sdp import INTERVAL_S, SdpError, SdpRequest, SdpResponse, Search, Security, Transport, answer

LINK_LOCAL = IPv6Address("fe80::1234")
TLS_OFFER = SdpResponse(LINK_LOCAL, 49152, Security.TLS)
PLAIN_OFFER = SdpResponse(LINK_LOCAL, 49153, Security.NONE)


def test_request_bytes() -> None:
    assert SdpRequest(Security.NONE).pack() == bytes.fromhex("01fe9000000000021000")
    assert SdpRequest.unpack(bytes.fromhex("01fe9000000000020000")) == SdpRequest(Security.TLS, Transport.TCP)


def test_response_bytes() -> None:
    datagram = bytes.fromhex("01fe900100000014 fe800000000000000000000000001234 c000 00 00")
    assert TLS_OFFER.pack() == datagram
    assert SdpResponse.unpack(datagram) == TLS_OFFER


@pytest.mark.parametrize("asked", list(Security))
@pytest.mark.parametrize("offer", [TLS_OFFER, PLAIN_OFFER])
def test_station_tells_the_truth_whatever_is_asked(asked: Security, offer: SdpResponse) -> None:
    assert answer(SdpRequest(asked).pack(), offer) == offer.pack()


@pytest.mark.parametrize(
    ("datagram", "text"),
    [
        (b"", "0 bytes instead of 10"),
        (bytes.fromhex("01fe90000000000200"), "9 bytes instead of 10"),
        (bytes.fromhex("01fe900000000002000000"), "11 bytes instead of 10"),
        (bytes.fromhex("01fe9000000000020000") * 2, "20 bytes instead of 10"),
        (bytes.fromhex("01fe90000000000100"), "9 bytes instead of 10"),
        (bytes.fromhex("01fe9000000000030000"), "3 bytes announced"),
        (bytes.fromhex("01fe9000000000000001"), "refused.* at byte 8"),
        (bytes.fromhex("01fe9000000000010000"), "refused.* at byte 9"),
        (bytes.fromhex("01fe90000000000001fe"), "announces 0 payload bytes and carries 2"),
        (bytes.fromhex("01fd9000000000020000"), "version byte"),
        (pack(PayloadType.EXI, b"\x00\x00"), "payload type 0x8001"),
        (bytes.fromhex("01fe9000000000020100"), "1 is not a valid Security"),
        (bytes.fromhex("01fe9000000000020001"), "1 is not a valid Transport"),
        (SdpRequest(transport=Transport.RESERVED_FOR_UDP).pack(), "only TCP"),
    ],
)
def test_malformed_request_is_refused_with_the_reason(datagram: bytes, text: str) -> None:
    with pytest.raises(SdpError, match=text):
        answer(datagram, TLS_OFFER)


@pytest.mark.parametrize(
    "datagram", [TLS_OFFER.pack(), pack(PayloadType.SDP_REQUEST_WIRELESS, bytes(61))], ids=["response", "wireless"]
)
def test_datagram_for_somebody_else_is_left_alone(datagram: bytes) -> None:
    assert answer(datagram, TLS_OFFER) is None


@given(st.binary(max_size=64))
def test_station_answers_nothing_but_requests(datagram: bytes) -> None:
    try:
        reply = answer(datagram, TLS_OFFER)
    except SdpError:
        return
    assert reply is None or SdpRequest.unpack(datagram).transport is Transport.TCP


def test_search_asks_fifty_times_and_then_says_so() -> None:
    search, now, sent = Search(now=10.0), 10.0, []
    for _ in range(50):
        assert search.next_deadline() == now
        assert search.expire(now - 0.001) is None
        sent.append(search.expire(now))
        now += INTERVAL_S
    assert sent == [SdpRequest(Security.TLS).pack()] * 50
    with pytest.raises(SdpError, match="no station found with 50 SDP requests"):
        search.expire(now)
    assert search.next_deadline() is None
    assert search.expire(now + 1) is None


def test_search_ends_with_the_station() -> None:
    search = Search(now=0.0)
    request = search.expire(0.0)
    assert request is not None
    reply = answer(request, TLS_OFFER)
    assert reply is not None
    assert search.receive(reply) == TLS_OFFER
    assert search.next_deadline() is None
    assert search.receive(reply) is None


@pytest.mark.parametrize(
    ("asked", "offer"),
    [(Security.TLS, PLAIN_OFFER), (Security.NONE, TLS_OFFER)],
    ids=["downgrade", "station wants TLS"],
)
def test_search_refuses_another_security_and_goes_on(asked: Security, offer: SdpResponse) -> None:
    search = Search(0.0, asked, tries=1)
    search.expire(0.0)
    with pytest.raises(SdpError, match=f"offers security {offer.security.name} instead of {asked.name}"):
        search.receive(offer.pack())
    assert search.next_deadline() == INTERVAL_S
    with pytest.raises(SdpError, match=f"no station found.*offers security {offer.security.name}"):
        search.expire(INTERVAL_S)


@pytest.mark.parametrize(
    "response",
    [
        SdpResponse(IPv6Address("::"), 15118),
        SdpResponse(IPv6Address("ff02::1"), 15118),
        SdpResponse(LINK_LOCAL, 0),
        SdpResponse(LINK_LOCAL, 15118, transport=Transport.RESERVED_FOR_UDP),
    ],
)
def test_search_refuses_a_useless_endpoint(response: SdpResponse) -> None:
    search = Search(0.0)
    with pytest.raises(SdpError):
        search.receive(response.pack())
    assert search.next_deadline() == 0.0


def test_discovery_in_recorded_sessions_is_understood(shared: Path) -> None:
    requests, responses = [], []
    for capture in sorted((shared / "captures").glob("*.pcap*")):
        data = capture.read_bytes()
        requests += [SdpRequest.unpack(m[0]) for m in re.finditer(rb"\x01\xfe\x90\x00\0\0\0\x02..", data, re.DOTALL)]
        responses += [
            SdpResponse.unpack(m[0]) for m in re.finditer(rb"\x01\xfe\x90\x01\0\0\0\x14.{20}", data, re.DOTALL)
        ]
    assert {request.transport for request in requests} == {Transport.TCP}
    assert all(response.address.is_link_local for response in responses)
    assert {response.security for response in responses} == {Security.TLS, Security.NONE}
