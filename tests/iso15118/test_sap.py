"""SupportedAppProtocol: what both sides speak, ranked by the car; and connections that never get so far."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.iso15118.test_secc_engine import AC_OFFER, OFFER, READY

from v2g.iso15118.sap import ISO20_AC, ISO20_DC, Protocol, negotiate
from v2g.iso15118.station import StationConversation
from v2g.iso15118.timeouts import SETUP_S
from v2g.iso15118.view import Offer
from v2g.kernel.fault import Fault
from v2g.messages import decode, encode
from v2g.messages.sap import AppProtocol, ResponseCode, supportedAppProtocolReq, supportedAppProtocolRes

DC, AC, OTHER = ISO20_DC.namespace, ISO20_AC.namespace, "urn:iso:15118:2:2013:MsgDef"
SPOKEN = (ISO20_DC, ISO20_AC)


def request(*entries: tuple[str, int, int, int, int]) -> supportedAppProtocolReq:
    return supportedAppProtocolReq([AppProtocol(*entry) for entry in entries])


@pytest.mark.parametrize(
    ("entries", "code", "schema_id"),
    [
        ([(DC, 1, 0, 1, 1)], ResponseCode.OK_SuccessfulNegotiation, 1),
        # The car's rank decides, not the order of the list; its SchemaID is echoed.
        ([(AC, 1, 0, 7, 2), (DC, 1, 0, 200, 1)], ResponseCode.OK_SuccessfulNegotiation, 200),
        # What the station does not speak does not count, however high it is ranked.
        ([(OTHER, 2, 0, 1, 1), (AC, 1, 0, 0, 20)], ResponseCode.OK_SuccessfulNegotiation, 0),
        ([(DC, 1, 3, 5, 1)], ResponseCode.OK_SuccessfulNegotiationWithMinorDeviation, 5),
        ([(DC, 2, 0, 5, 1)], ResponseCode.Failed_NoNegotiation, None),
        ([(OTHER, 2, 0, 5, 1)], ResponseCode.Failed_NoNegotiation, None),
    ],
)
def test_the_first_of_the_car_that_the_station_speaks(
    entries: list[tuple[str, int, int, int, int]], code: ResponseCode, schema_id: int | None
) -> None:
    """[V2G20-169], [V2G2-169], [V2G2-172]"""
    response, protocol = negotiate(request(*entries), SPOKEN)
    assert (response.ResponseCode, response.SchemaID) == (code, schema_id)
    assert (protocol is None) == (schema_id is None)


entry = st.tuples(
    st.sampled_from([DC, AC, OTHER]), st.integers(0, 2), st.integers(0, 2), st.integers(0, 255), st.integers(1, 20)
)


@given(st.lists(entry, min_size=1, max_size=20))
def test_no_entry_that_is_spoken_and_ranked_higher_is_passed_over(
    entries: list[tuple[str, int, int, int, int]],
) -> None:
    """[V2G20-167], [V2G2-167]"""
    response, protocol = negotiate(request(*entries), SPOKEN)
    fitting = [each for each in entries if each[0] in (DC, AC) and each[1] == 1]
    assert (protocol is None) == (not fitting)
    if protocol is not None:
        best = min(each[4] for each in fitting)
        assert any(
            each[4] == best and each[3] == response.SchemaID and each[0] == protocol.namespace for each in fitting
        )


@pytest.mark.parametrize(("offer", "spoken"), [(OFFER, ISO20_DC), (AC_OFFER, ISO20_AC)], ids=["DC", "AC"])
def test_a_station_speaks_only_what_its_services_need(offer: Offer, spoken: Protocol) -> None:
    for protocol in SPOKEN:
        station = StationConversation(offer, 0.0)
        payload = encode("sap", request((protocol.namespace, 1, 0, 1, 1)))
        [(_, answer)] = station.receive(0x8001, payload, 1.0, READY).send
        accepted = decode("sap", answer).ResponseCode is ResponseCode.OK_SuccessfulNegotiation
        assert accepted == (protocol is spoken)
        assert (station.end is None) == accepted
        if station.end is not None:
            assert station.end.fault is Fault.NO_COMMON_PROTOCOL


@pytest.mark.parametrize(
    ("payload_type", "payload", "fault"),
    [
        (0x8002, encode("sap", request((DC, 1, 0, 1, 1))), Fault.SEQUENCE_ERROR),
        (0x8001, encode("sap", supportedAppProtocolRes(ResponseCode.Failed_NoNegotiation)), Fault.SEQUENCE_ERROR),
        (0x8001, b"\xff\x00\xff", Fault.EXI_DECODE),
        (0x8001, b"", Fault.EXI_DECODE),
    ],
)
def test_a_connection_that_begins_otherwise_ends(payload_type: int, payload: bytes, fault: Fault) -> None:
    station = StationConversation(OFFER, 0.0)
    assert station.receive(payload_type, payload, 1.0, READY).send == []
    assert station.end is not None
    assert station.end.fault is fault
    assert station.receive(0x8001, encode("sap", request((DC, 1, 0, 1, 1))), 2.0, READY).send == []


def test_a_silent_connection_ends_in_time() -> None:
    station = StationConversation(OFFER, 10.0)
    assert station.next_deadline() == 10.0 + SETUP_S
    station.expire(10.0 + SETUP_S - 0.01, READY)
    assert station.end is None
    station.expire(10.0 + SETUP_S, READY)
    assert station.end is not None
    assert station.end.fault is Fault.COMMUNICATION_SETUP_TIMEOUT


def test_the_handshake_does_not_prolong_the_set_up() -> None:
    station = StationConversation(OFFER, 0.0)
    station.receive(0x8001, encode("sap", request((DC, 1, 0, 1, 1))), SETUP_S - 1, READY)
    assert station.next_deadline() == SETUP_S
