"""Relay mode: a CSMS sees what it would see without a depot, and misses nothing while it is away."""

import json
from itertools import pairwise

import pytest
from tests.csms.relaying import MAX_W, Line

from v2g.csms.profiles import FIRST_ID, is_own
from v2g.csms.relay import Away, call_frame, parse
from v2g.depot.ledger import Memory
from v2g.ocpp import v21
from v2g.ocpp.schedule import timestamp
from v2g.ocpp.version import Subprotocol

_AT = timestamp(1_799_000_000.0)
SESSION = ("BootNotification", "StatusNotification", "Authorize", "TransactionEvent", "NotifyEVChargingNeeds")


def profile(id: int, limit: float = 9_000, level: int = 5) -> v21.ChargingProfileType:
    period = v21.ChargingSchedulePeriodType(startPeriod=0, limit=limit)
    return v21.ChargingProfileType(
        id=id,
        stackLevel=level,
        chargingProfilePurpose="ChargingStationMaxProfile",
        chargingProfileKind="Absolute",
        chargingSchedule=(
            v21.ChargingScheduleType(
                id=1, chargingRateUnit="W", startSchedule=_AT,
                chargingSchedulePeriod=(period,),
            ),
        ),
    )  # fmt: skip


def settled() -> Line:
    """A station is linked, and no frame is under way."""
    line = Line()
    line.link()
    line.run(2)
    line.middle.down.clear()
    line.middle.up.clear()
    return line


def day(line: Line) -> None:
    """A car comes, is charged, is steered by the CSMS, and leaves; the link is lost once."""
    line.link()
    line.run(5)
    line.plug()
    line.run(100)
    line.ask("SetChargingProfile", v21.SetChargingProfileRequest(evseId=0, chargingProfile=profile(7)))
    line.run(70)
    line.ask("GetVariables", v21.GetVariablesRequest(getVariableData=(
        v21.GetVariableDataType(component=v21.ComponentType(name="V2XChargingCtrlr"),
                                variable=v21.VariableType(name="Enabled")),)))  # fmt: skip
    line.ask("Reset", v21.ResetRequest(type="OnIdle"))  # which this station does not know
    line.ask("ClearChargingProfile", v21.ClearChargingProfileRequest(chargingProfileId=7))
    line.cut_station()
    line.run(200)
    line.link()
    line.run(100)
    line.station.unplug(line.now)
    line.run(80)


@pytest.mark.parametrize("subprotocol", ["ocpp2.1", "ocpp2.0.1"])
def test_frame_by_frame_a_csms_sees_what_it_would_see_without_us(subprotocol: Subprotocol) -> None:
    direct, relayed = (Line(direct=each, subprotocol=subprotocol) for each in (True, False))
    day(direct)
    day(relayed)
    assert set(SESSION) < set(direct.csms.actions())
    assert relayed.csms.normal() == direct.csms.normal()
    assert [kind for kind, _ in relayed.csms.results] == [kind for kind, _ in direct.csms.results]


def test_set_points_of_the_depot_pass_beside_the_calls_of_the_csms() -> None:
    line = Line()
    line.link()
    line.run(2)
    line.plug()
    line.run(5)
    line.wanted_w = -6_000.0
    line.run(10)
    assert line.station.power_w == pytest.approx(-6_000)
    response = line.ask("SetChargingProfile", v21.SetChargingProfileRequest(evseId=0, chargingProfile=profile(7)))
    assert isinstance(response, v21.SetChargingProfileResponse)
    assert response.status == "Accepted"
    sent = [frame for frame in map(json.loads, line.to_station) if frame[0] == 2]
    assert {"UpdateDynamicSchedule", "SetChargingProfile"} <= {frame[2] for frame in sent}
    assert "SetVariables" not in {frame[2] for frame in sent}
    own = {frame[1] for frame in sent if is_own((frame[3].get("chargingProfile") or {}).get("id"))
           or "chargingProfileId" in frame[3]}  # fmt: skip
    assert own
    assert not own & {frame[1] for frame in map(json.loads, line.csms.heard)}


def test_one_call_is_outstanding_at_a_time() -> None:
    line = Line()
    line.link()
    line.run(2)
    line.plug()
    line.run(5)
    line.middle.down.clear()
    for number in range(3):
        line.gateway.steer({"CS0/1": 1_000.0 * number}, line.now, line.now)
        call = call_frame(f"call {number}", "ClearChargingProfile", {"chargingProfileId": number})
        line.middle.from_csms(call.text, line.now, line.now)
    answered = list[str]()
    while line.middle.down:
        frames, line.middle.down = list(map(json.loads, line.middle.down)), []
        ((_, id, action, _),) = (frame for frame in frames if frame[0] == 2)
        answered.append(id)
        status = "Unknown" if action == "ClearChargingProfile" else "Accepted"
        line.middle.from_station(f'[3,"{id}",{{"status":"{status}"}}]', line.now, line.now)
    assert {"call 0", "call 1", "call 2"} < set(answered)
    assert len(answered) == len(set(answered))


def test_no_profile_of_the_depot_is_reported() -> None:
    line = Line()
    line.link()
    line.run(2)
    middle, now = line.middle, line.now
    middle.down.clear()
    ask = {"requestId": 4, "chargingProfile": {}}
    reports = [
        ([1, FIRST_ID], True),
        ([FIRST_ID + 1], True),
        ([2], True),
        ([FIRST_ID + 2], False),
    ]
    middle.from_csms(call_frame("ask", "GetChargingProfiles", ask).text, now, now)
    assert json.loads(middle.down.pop())[1] == "ask"
    middle.from_station('[3,"ask",{"status":"Accepted"}]', now, now)
    assert middle.up == []  # until it is known that there is one
    seen = []
    for number, (ids, more) in enumerate(reports):
        document = {"requestId": 4, "chargingLimitSource": "CSO", "evseId": 1, "tbc": more,
                    "chargingProfile": [{"id": id} for id in ids]}  # fmt: skip
        middle.from_station(call_frame(f"report {number}", "ReportChargingProfiles", document).text, now, now)
        assert json.loads(middle.down.pop())[:2] in ([3, f"report {number}"], [4, f"report {number}"])
        for text in middle.up:
            frame = json.loads(text)
            seen.append(frame)
            if frame[0] == 2:
                middle.from_csms(f'[3,"{frame[1]}",{{}}]', now, now)
        middle.up.clear()
    middle.step(now, now)
    seen += map(json.loads, middle.up)
    assert [frame[0] for frame in seen] == [3, 2, 2]
    assert [([each["id"] for each in frame[3]["chargingProfile"]], frame[3]["tbc"]) for frame in seen[1:]] == [
        ([1], True), ([2], False),
    ]  # fmt: skip
    assert middle.down == []


def test_a_station_with_profiles_of_the_depot_only_has_none() -> None:
    line = Line()
    line.link()
    line.run(2)
    middle, now = line.middle, line.now
    ask = call_frame("ask", "GetChargingProfiles", {"requestId": 4, "chargingProfile": {}})
    middle.from_csms(ask.text, now, now)
    middle.from_station('[3,"ask",{"status":"Accepted"}]', now, now)
    document = {"requestId": 4, "chargingLimitSource": "CSO", "evseId": 0, "chargingProfile": [{"id": FIRST_ID}]}
    middle.from_station(call_frame("report", "ReportChargingProfiles", document).text, now, now)
    assert middle.up == ['[3,"ask",{"status":"NoProfiles"}]']


def test_profiles_of_the_depot_cannot_be_touched_from_above() -> None:
    line = Line()
    line.link()
    line.run(2)
    response = line.ask("SetChargingProfile",
                        v21.SetChargingProfileRequest(evseId=0, chargingProfile=profile(FIRST_ID)))  # fmt: skip
    assert isinstance(response, v21.SetChargingProfileResponse)
    assert response.status == "Rejected"
    cleared = line.ask("ClearChargingProfile", v21.ClearChargingProfileRequest(chargingProfileId=FIRST_ID))
    assert isinstance(cleared, v21.ClearChargingProfileResponse)
    assert cleared.status == "Unknown"
    before = len(line.to_station)
    criteria = v21.ClearChargingProfileType(chargingProfilePurpose="TxDefaultProfile")
    line.ask("ClearChargingProfile", v21.ClearChargingProfileRequest(chargingProfileCriteria=criteria))
    line.run(2)
    assert any(f'"id":{FIRST_ID}' in frame for frame in line.to_station[before:])  # it is there again


@pytest.mark.parametrize("purpose", ["TxProfile", "TxDefaultProfile", "PriorityCharging", "LocalGeneration", None])
@pytest.mark.parametrize("level", [0, 1, 1.0, 2, 9, None])
def test_no_profile_of_the_csms_lifts_the_limits_of_the_feeders(purpose: str | None, level: float | None) -> None:
    line = settled()
    document = {"id": 5, "stackLevel": level, "chargingProfilePurpose": purpose}
    for action in ("SetChargingProfile", "RequestStartTransaction"):
        call = call_frame(action, action, {"evseId": 1, "chargingProfile": document})
        line.middle.from_csms(call.text, line.now, line.now)
        (answer,) = map(json.loads, line.middle.up)
        assert answer[2]["status"] == "Rejected"
        assert answer[2]["statusInfo"]["reasonCode"] == "InvalidProfile"
        line.middle.up = []
    assert line.middle.down == []


@pytest.mark.parametrize("purpose", ["ChargingStationMaxProfile", "ChargingStationExternalConstraints"])
def test_a_profile_of_the_csms_that_only_limits_passes(purpose: str) -> None:
    line = settled()
    most = {"id": 6, "stackLevel": 9, "chargingProfilePurpose": purpose}
    line.middle.from_csms(call_frame("most", "SetChargingProfile", {"evseId": 0, "chargingProfile": most}).text,
                          line.now, line.now)  # fmt: skip
    start = call_frame("start", "RequestStartTransaction", {"idToken": {}, "remoteStartId": 1})
    line.middle.from_station('[3,"most",{"status":"Accepted"}]', line.now, line.now)
    line.middle.from_csms(start.text, line.now, line.now)
    assert [json.loads(each)[1] for each in line.middle.down] == ["most", "start"]


@pytest.mark.parametrize("id", [FIRST_ID + 1, float(FIRST_ID + 1)])
def test_the_csms_does_not_change_the_depots_set_point(id: float) -> None:
    line = settled()
    document = {"chargingProfileId": id, "scheduleUpdate": {"setpoint": 22_000}}
    line.middle.from_csms(call_frame("up", "UpdateDynamicSchedule", document).text, line.now, line.now)
    (answer,) = map(json.loads, line.middle.up)
    assert answer[2]["status"] == "Rejected"
    assert line.middle.down == []


def test_while_the_csms_is_away_the_depot_answers_and_forwards_afterwards() -> None:
    line = Line()
    line.link()
    line.run(5)
    line.cut_csms()
    line.plug()
    line.run(130)
    assert line.station.waiting == 0
    seen = len(line.csms.heard)
    line.station.unplug(line.now)
    line.run(10)
    assert len(line.csms.heard) == seen
    line.reach()
    line.run(10)
    events = line.csms.payloads("TransactionEvent")
    assert [each["seqNo"] for each in events] == list(range(len(events)))
    assert len(events) >= 4
    assert all(each["offline"] for each in events)
    assert events[-1]["eventType"] == "Ended"
    assert [each["connectorStatus"] for each in line.csms.payloads("StatusNotification")] == ["Available"]
    assert "Authorize" not in line.csms.actions()
    assert not [key for key in line.ledger.kept if key[0] == "forward"]


def test_a_call_without_an_answer_is_answered_when_the_csms_is_lost() -> None:
    line = Line()
    line.link()
    line.run(5)
    line.csms.mute = True
    line.plug()
    line.run(2)
    assert line.station.waiting > 0
    line.cut_csms()
    line.run(5)
    assert line.station.waiting == 0
    line.csms.mute = False
    line.reach()
    line.run(10)
    events = line.csms.payloads("TransactionEvent")
    assert [first["seqNo"] <= second["seqNo"] for first, second in pairwise(events)]
    assert {each["seqNo"] for each in events} == set(range(len({each["seqNo"] for each in events})))


def test_a_boot_reaches_the_csms_first_and_its_refusal_the_station() -> None:
    line = Line()
    line.reachable = False
    line.link()
    line.run(5)
    line.plug()
    line.run(5)
    assert line.station.waiting == 0
    line.csms.answers["BootNotification"] = v21.BootNotificationResponse(
        currentTime=_AT, interval=10, status="Rejected"
    )
    line.reachable = True
    line.reach()
    line.run(5)
    assert line.csms.actions()[0] == "BootNotification"
    assert line.middle.close_down


def test_a_card_that_the_csms_refuses_afterwards_ends_the_transaction() -> None:
    line = Line()
    line.link()
    line.run(5)
    line.cut_csms()
    line.plug()
    line.run(20)
    assert line.station.battery is not None
    line.csms.answers["TransactionEvent"] = v21.TransactionEventResponse(
        idTokenInfo=v21.IdTokenInfoType(status="Blocked")
    )
    line.reach()
    line.run(10)
    assert line.station.battery is None


def test_what_waits_outlives_the_depot() -> None:
    ledger = Memory()
    line = Line(ledger=ledger)
    line.link()
    line.run(5)
    line.cut_csms()
    line.plug()
    line.run(20)
    line.cut_station()
    line.start()
    line.link()
    line.run(20)
    events = line.csms.payloads("TransactionEvent")
    assert [each["seqNo"] for each in events] == [0, 1]


def test_links_are_closed_if_the_depot_shall_not_answer() -> None:
    line = Line(away=Away.CLOSE)
    line.link()
    line.run(5)
    assert not line.middle.close_down
    line.cut_csms()
    assert line.middle.close_down
    line.cut_station()
    line.reachable = False
    line.plug()
    line.link()
    line.run(2)
    assert line.middle.close_down
    assert line.station.waiting > 0  # nobody has answered it


def test_the_link_to_the_csms_is_closed_with_that_of_the_station() -> None:
    line = Line()
    line.link()
    line.run(5)
    line.cut_station()
    assert line.middle.close_up


def test_an_answer_passes_once_the_event_is_on_the_disk() -> None:
    from tests.csms.site import SlowLedger

    ledger = SlowLedger()
    line = Line(ledger=ledger)
    line.link()
    line.run(5)
    ledger.held = True
    line.plug()
    line.run(5)
    waiting = line.station.waiting
    assert waiting > 0
    assert "TransactionEvent" in line.csms.actions()
    ledger.held = False
    line.gateway.ledger.commit()
    line.run(5)
    assert line.station.waiting == 0


@pytest.mark.parametrize(
    "frame",
    ["", "no JSON", "[]", "[2]", '[9,"a","b",{}]', '[2,5,"Heartbeat",{}]', '[5,"x","FormatViolation","",{}]',
     '[6,"x","NotifyPeriodicEventStream",{}]', f'[2,"{"x" * 40}","Heartbeat",{{}}]', '[3,"unknown",{}]'],
)  # fmt: skip
def test_what_is_no_call_for_us_passes_as_it_is(frame: str) -> None:
    line = settled()
    line.middle.from_station(frame, line.now, line.now)
    assert line.middle.up == [frame]
    if parse(frame) is not None and not frame.startswith("[2"):
        line.middle.from_csms(frame, line.now, line.now)
        assert frame in line.middle.down


_OVER = {"evseId": 1, "chargingProfile": {"id": 5, "stackLevel": 9, "chargingProfilePurpose": "TxProfile"}}
_DEEP = "[" * 3000 + "]" * 3000


@pytest.mark.parametrize(
    "frame",
    [
        f'[2.0,"a","SetChargingProfile",{json.dumps(_OVER)}]',
        f'[2,"{"x" * 37}","SetChargingProfile",{json.dumps(_OVER)}]',
        f'[2,7,"SetChargingProfile",{json.dumps(_OVER)}]',
        f'[2,"a","SetChargingProfile",{json.dumps(_OVER)[:-1]},"customData":{{"vendorId":"a","d":{_DEEP}}}}}]',
        f'[2,"a","SetChargingProfile",{json.dumps(_OVER)},NaN]',
        '[2,"a","UsePriorityCharging",{"transactionId":"t","activate":true}]',
        '[2,"a","SetChargingProfile",[]]',
    ],
)
def test_what_lifts_the_limits_of_the_feeders_does_not_pass_in_disguise(frame: str) -> None:
    line = settled()
    line.middle.from_csms(frame, line.now, line.now)
    assert line.middle.down == []
    (answer,) = map(json.loads, line.middle.up)
    assert answer[:3] == [4, "-1", "RpcFrameworkError"] or answer[2]["status"] == "Rejected"


@pytest.mark.parametrize(("value", "passes"), [("true", True), ("false", False), ("False", False)])
def test_the_csms_does_not_switch_profiles_off(value: str, passes: bool) -> None:
    line = settled()
    names = {"component": {"name": "SmartChargingCtrlr"}, "variable": {"name": "Enabled"}}
    call = call_frame("set", "SetVariables", {"setVariableData": [{"attributeValue": value} | names]})
    line.middle.from_csms(call.text, line.now, line.now)
    assert bool(line.middle.down) is passes
    if not passes:
        (answer,) = map(json.loads, line.middle.up)
        assert answer[2] == {"setVariableResult": [{"attributeStatus": "Rejected"} | names]}


def test_a_station_reads_a_profile_as_it_was_judged() -> None:
    line = settled()
    most = '{"id":6,"stackLevel":9,"chargingProfilePurpose":"ChargingStationMaxProfile"}'
    twice = f'{{"evseId":0,"chargingProfile":{json.dumps(_OVER["chargingProfile"])},"chargingProfile":{most}}}'
    line.middle.from_csms(f'[2,"a","SetChargingProfile",{twice}]', line.now, line.now)
    (passed,) = line.middle.down
    assert "TxProfile" not in passed
    assert json.loads(passed)[3]["chargingProfile"] == json.loads(most)


def test_a_vehicle_of_the_csms_is_charged_within_the_profile_that_makes_silence_safe() -> None:
    line = Line(safe_w=1_500.0)
    line.link()
    line.run(2)
    line.plug()
    line.run(10)
    assert line.station.power_w <= MAX_W
    line.wanted_w = 8_000.0
    line.run(10)
    assert line.station.power_w == pytest.approx(8_000)
    line.wanted_w = None
    line.cut_station()
    line.run(60)
    assert line.station.power_w == pytest.approx(1_500)
