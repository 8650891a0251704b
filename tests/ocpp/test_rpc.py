"""Frames, error codes, one call at a time, time limits: two ends that speak to each other, and a peer that does not."""

import json
from datetime import datetime
from typing import Any

import pytest

from v2g.ocpp import v21
from v2g.ocpp.rpc import Answered, Discarded, Event, Failed, Informed, Requested, Rpc
from v2g.ocpp.version import Invalid, version

HEARTBEAT = v21.HeartbeatRequest()
LONG = {"model": "m" * 21, "vendorName": "v"}
NO_PROFILE = {"requestId": 1, "chargingLimitSource": "CSO", "chargingProfile": [], "evseId": 0}
BOOT = {"chargingStation": {"model": "m", "vendorName": "v"}, "reason": "PowerUp"}


def rpc(subprotocol: Any = "ocpp2.1") -> Rpc:
    return Rpc(version(subprotocol), timeout_s=30.0)


def said(end: Rpc) -> list[Any]:
    frames, end.outgoing = end.outgoing, []
    return [json.loads(frame) for frame in frames]


def hears(end: Rpc, *frame: Any) -> Event:
    return end.receive(json.dumps(list(frame)))


def test_a_call_and_its_response() -> None:
    station, back_end = rpc(), rpc()
    id = station.call("Heartbeat", HEARTBEAT, 0.0)
    asked = back_end.receive(station.outgoing.pop())
    assert asked == Requested(id, "Heartbeat", HEARTBEAT)
    assert not station.ready
    response = v21.HeartbeatResponse(currentTime=_TIME)
    back_end.answer(id, response)
    assert station.receive(back_end.outgoing.pop()) == Answered(id, "Heartbeat", response)
    assert station.ready


def test_each_id_is_new() -> None:
    station = rpc()
    ids = set()
    for _ in range(100):
        ids.add(station.call("Heartbeat", HEARTBEAT, 0.0))
        station.expire(30.0)
    assert len(ids) == 100


def test_a_call_without_a_response_fails_at_its_deadline_and_a_late_one_is_for_the_log() -> None:
    station = rpc()
    id = station.call("Heartbeat", HEARTBEAT, 5.0)
    assert station.next_deadline() == 35.0
    assert station.expire(34.9) is None
    failed = station.expire(35.0)
    assert isinstance(failed, Failed)
    assert (failed.id, failed.code) == (id, "Timeout")
    assert isinstance(hears(station, 3, id, {"currentTime": "2026-01-01T00:00:00Z"}), Discarded)


@pytest.mark.parametrize(
    ("action", "payload", "code"),
    [
        ("NoSuchThing", {}, "NotImplemented"),
        ("BootNotification", {"reason": "PowerUp"}, "OccurrenceConstraintViolation"),
        ("BootNotification", BOOT | {"surplus": 1}, "FormatViolation"),
        ("BootNotification", BOOT | {"reason": "Boredom"}, "PropertyConstraintViolation"),
        ("BootNotification", BOOT | {"reason": 7}, "TypeConstraintViolation"),
        ("BootNotification", BOOT | {"chargingStation": LONG}, "PropertyConstraintViolation"),
        ("BootNotification", BOOT | {"chargingStation": None}, "TypeConstraintViolation"),
        ("ReportChargingProfiles", NO_PROFILE, "OccurrenceConstraintViolation"),
    ],
)  # fmt: skip
def test_a_bad_call_is_answered_with_its_error_code(action: str, payload: Any, code: str) -> None:
    end = rpc()
    assert isinstance(hears(end, 2, "7", action, payload), Discarded)
    ((kind, id, found, description, details),) = said(end)
    assert (kind, id, found, details) == (4, "7", code, {})
    assert 0 < len(description) <= 255


@pytest.mark.parametrize(
    "frame",
    ["", "{}", "[", "[2]", '[2,7,"Heartbeat",{}]',
     '["2","7","Heartbeat",{}]', f'[2,"{"i" * 37}","Heartbeat",{{}}]', "[" * 5000]
)  # fmt: skip
def test_what_is_no_frame_is_answered_with_the_id_that_stands_for_none(frame: str) -> None:
    end = rpc()
    assert isinstance(end.receive(frame), Discarded)
    ((kind, id, code, *_),) = said(end)
    assert (kind, id, code) == (4, "-1", "RpcFrameworkError")


def test_an_unknown_type_of_frame_is_ignored() -> None:
    end = rpc()
    assert isinstance(hears(end, 9, "7", "x", {}), Discarded)
    assert said(end) == []


def test_a_second_call_before_the_answer_is_refused_and_one_that_comes_twice_is_carried_out_once() -> None:
    end = rpc()
    assert isinstance(hears(end, 2, "a", "Heartbeat", {}), Requested)
    assert isinstance(hears(end, 2, "a", "Heartbeat", {}), Discarded)
    assert said(end) == []
    hears(end, 2, "b", "Heartbeat", {})
    ((kind, id, code, *_),) = said(end)
    assert (kind, id, code) == (4, "b", "RpcFrameworkError")
    end.answer("a", v21.HeartbeatResponse(currentTime=_TIME))
    assert isinstance(hears(end, 2, "c", "Heartbeat", {}), Requested)


def test_calls_may_cross() -> None:
    station, back_end = rpc(), rpc()
    mine = station.call("Heartbeat", HEARTBEAT, 0.0)
    its = back_end.call("ClearCache", v21.ClearCacheRequest(), 0.0)
    assert isinstance(back_end.receive(station.outgoing.pop()), Requested)
    assert isinstance(station.receive(back_end.outgoing.pop()), Requested)
    station.answer(its, v21.ClearCacheResponse(status="Accepted"))
    back_end.answer(mine, v21.HeartbeatResponse(currentTime=_TIME))
    assert isinstance(back_end.receive(station.outgoing.pop()), Answered)
    assert isinstance(station.receive(back_end.outgoing.pop()), Answered)


def test_a_bad_response_fails_the_call_and_2_1_refuses_it() -> None:
    for subprotocol, refused in (("ocpp2.1", True), ("ocpp2.0.1", False)):
        station = rpc(subprotocol)
        id = station.call("Heartbeat", HEARTBEAT, 0.0)
        said(station)
        failed = hears(station, 3, id, {"currentTime": "yesterday"})
        assert isinstance(failed, Failed)
        assert failed.code == "PropertyConstraintViolation"
        assert [frame[0] for frame in said(station)] == ([5] if refused else [])


def test_an_error_fails_the_call() -> None:
    station = rpc()
    id = station.call("Heartbeat", HEARTBEAT, 0.0)
    assert hears(station, 4, id, "InternalError", "sorry", {}) == Failed(id, "Heartbeat", "InternalError", "sorry")
    assert station.ready


def test_send_has_no_answer_and_exists_since_2_1() -> None:
    stream = v21.NotifyPeriodicEventStream(
        id=1, pending=0, basetime=_TIME, data=(v21.StreamDataElementType(t=0.5, v="1"),)
    )
    station, back_end = rpc(), rpc()
    station.send(stream)
    assert back_end.receive(station.outgoing.pop()) == Informed(stream)
    assert not back_end.outgoing
    with pytest.raises(Invalid, match="no SEND"):
        rpc("ocpp2.0.1").send(stream)


def test_nothing_that_the_schema_forbids_goes_out() -> None:
    station = rpc()
    with pytest.raises(Invalid, match="length"):
        station.call("DataTransfer", v21.DataTransferRequest(vendorId="v" * 256), 0.0)
    assert station.ready
    hears(station, 2, "7", "DataTransfer", {"vendorId": "v"})
    info = v21.StatusInfoType(reasonCode="far too long for a reason code")
    station.answer("7", v21.DataTransferResponse(status="Rejected", statusInfo=info))
    assert said(station)[0][:3] == [4, "7", "InternalError"]


def test_2_0_1_is_spoken_without_what_it_does_not_have() -> None:
    station = rpc("ocpp2.0.1")
    event = v21.TransactionEventRequest(
        eventType="Updated",
        timestamp=_TIME,
        triggerReason="OperationModeChanged",
        seqNo=1,
        evseSleep=False,
        transactionInfo=v21.TransactionType(
            transactionId="t", chargingState="Charging", operationMode="CentralSetpoint"
        ),
    )
    station.call("TransactionEvent", event, 0.0)
    ((_, _, _, payload),) = said(station)
    assert payload["triggerReason"] == "ChargingStateChanged"
    assert payload["transactionInfo"] == {"transactionId": "t", "chargingState": "Charging"}
    assert "evseSleep" not in payload
    refused = hears(station, 2, "1", "UpdateDynamicSchedule", {"chargingProfileId": 1, "scheduleUpdate": {}})
    assert isinstance(refused, Discarded)
    assert said(station)[0][2] == "NotImplemented"


_TIME = datetime.fromisoformat("2026-01-01T00:00:00+00:00")
