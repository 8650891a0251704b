"""The depot's own link to the CSMS in relay mode: limits of the site are reported there, once each."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.csms.relaying import Csms
from tests.csms.test_relay_links import PASSWORD, held, site, until
from websockets.asyncio.server import ServerConnection, serve

from v2g.csms.own_link import AGAIN_S, OwnLink
from v2g.depot.configuration import Upstream
from v2g.depot.request import AnyRequest, Limit, Limited, LimitRequest, ScheduleRequest, Step
from v2g.ocpp import v21
from v2g.ocpp.base import Message
from v2g.ocpp.schedule import timestamp
from v2g.ocpp.version import Subprotocol

MOST_W = 100_000.0


class Asked:
    """What is asked of the site."""

    def __init__(self) -> None:
        self.by: dict[str, AnyRequest] = {}

    def put(self, request: AnyRequest) -> None:
        self.by[request.by] = request

    def withdraw(self, by: str) -> None:
        del self.by[by]

    def held(self) -> list[AnyRequest]:
        return list(self.by.values())


def profile(id: int, purpose: str, *periods: Mapping[str, object], evse: int = 0, **more: object) -> Any:
    """A SetChargingProfileRequest."""
    schedule = {
        "id": 1,
        "chargingRateUnit": "W",
        "startSchedule": "2027-01-15T08:00:30Z",
        "duration": 3600,
        "chargingSchedulePeriod": periods,
    } | more.pop("schedule", {})  # type: ignore[operator]
    document = {"id": id, "stackLevel": 0, "chargingProfilePurpose": purpose, "chargingProfileKind": "Absolute",
                "chargingSchedule": [schedule]} | more  # fmt: skip
    return v21.CALLS["SetChargingProfile"][0], {"evseId": evse, "chargingProfile": document}


class Line:
    """The link and a CSMS on one virtual clock."""

    def __init__(self, subprotocol: Subprotocol = "ocpp2.1") -> None:
        self.asked = Asked()
        self.csms, self.link, self.now = Csms(subprotocol), OwnLink(MOST_W, self.asked), 1_800_000_000.0
        self.subprotocol = subprotocol
        self.connect()

    def connect(self) -> None:
        self.csms.connect()
        self.link.connected(self.subprotocol, self.now)
        self.run()

    def run(self, seconds: float = 0.0, limit: Limited | None = None) -> None:
        self.now += seconds
        if limit is not None:
            self.link.limited(limit)
        for _ in range(10):
            self.link.step(self.now)
            for frame in self.link.taken():
                self.csms.receive(frame, self.now)
            for frame in self.csms.taken():
                self.link.receive(frame, self.now)

    def reports(self) -> list[tuple[str, Any]]:
        """What the CSMS has heard of limits: what is cleared, or the first period of what holds."""
        found = []
        for frame in map(json.loads, self.csms.heard):
            if frame[0] == 2 and frame[2] == "ClearedChargingLimit":
                found.append((frame[2], None))
            elif frame[0] == 2 and frame[2] == "NotifyChargingLimit":
                assert frame[3]["chargingLimit"] == {"chargingLimitSource": "EMS"}
                [schedule] = frame[3]["chargingSchedule"]
                assert schedule["chargingRateUnit"] == "W"
                found.append((frame[2], schedule["chargingSchedulePeriod"][0]))
        return found


def test_a_limit_is_reported_when_it_comes_moves_and_ends() -> None:
    line = Line()
    assert line.csms.actions() == ["BootNotification", "ClearedChargingLimit"]  # whatever was before is over
    line.csms.heard.clear()
    line.run(1.0, Limited(charge_w=50_000.0, charge_by="DSO"))
    line.run(1.0, Limited(charge_w=50_400.0, charge_by="DSO"))  # less than a hundredth
    line.run(1.0, Limited(charge_w=40_000.0, discharge_w=0.0, charge_by="DSO", discharge_by="DSO"))
    line.run(1.0, Limited(discharge_w=10_000.0, discharge_by="DSO"))
    line.run(1.0, Limited())
    line.run(1.0, Limited())
    assert line.reports() == [
        ("NotifyChargingLimit", {"startPeriod": 0, "limit": 50_000.0}),
        ("NotifyChargingLimit", {"startPeriod": 0, "limit": 40_000.0, "dischargeLimit": 0.0}),
        ("NotifyChargingLimit", {"startPeriod": 0, "dischargeLimit": -10_000.0}),
        ("ClearedChargingLimit", None),
    ]


def test_over_2_0_1_the_site_s_connection_stands_for_a_limit_that_there_is_none_of() -> None:
    line = Line("ocpp2.0.1")
    line.csms.heard.clear()
    line.run(1.0, Limited(discharge_w=10_000.0, discharge_by="DSO"))
    assert line.reports() == [("NotifyChargingLimit", {"startPeriod": 0, "limit": MOST_W})]


def test_what_has_had_no_response_comes_again_over_the_next_link() -> None:
    line = Line()
    line.csms.heard.clear()
    line.csms.mute = True
    line.run(1.0, Limited(charge_w=50_000.0))
    line.link.gone()
    line.run(100.0, Limited(charge_w=30_000.0))  # nobody is there
    line.csms.mute = False
    line.connect()
    assert [each["limit"] for _, each in line.reports()] == [50_000.0, 30_000.0]


def test_a_boot_that_is_not_accepted_is_tried_again_and_nothing_before_it() -> None:
    line = Line()
    line.link.gone()
    line.csms.heard.clear()
    line.csms.answers["BootNotification"] = v21.BootNotificationResponse(
        currentTime=timestamp(line.now), interval=60, status="Pending"
    )
    line.link.limited(Limited(charge_w=50_000.0))
    line.connect()
    line.run(AGAIN_S)
    assert line.csms.actions() == ["BootNotification"]
    line.csms.answers.clear()
    line.run(60.0)
    assert line.csms.actions() == ["BootNotification", "BootNotification", "NotifyChargingLimit"]


@pytest.mark.parametrize("action", ["GetBaseReport", "SetVariables"])
def test_a_call_to_the_depot_itself_is_refused(action: str) -> None:
    line = Line()
    requests = {
        "GetBaseReport": v21.GetBaseReportRequest(requestId=1, reportBase="FullInventory"),
        "SetVariables": v21.SetVariablesRequest(
            setVariableData=(
                v21.SetVariableDataType(
                    attributeValue="1",
                    component=v21.ComponentType(name="Any"),
                    variable=v21.VariableType(name="Any"),
                ),
            )
        ),
    }
    line.csms.call(action, requests[action], line.now)
    line.run()
    assert line.csms.results == [(action, None)]


FIRST_S = 1_800_000_030.0
SETPOINT = {"startPeriod": 0, "operationMode": "CentralSetpoint", "setpoint": -20_000.0}


def asks(line: Line, what: Any) -> tuple[str, str]:
    kind, document = what
    line.csms.call("SetChargingProfile", msgspec.convert(document, kind), line.now)
    line.run()
    _, response = line.csms.results[-1]
    assert isinstance(response, v21.SetChargingProfileResponse)
    info = response.statusInfo
    return response.status, info.reasonCode if isinstance(info, v21.StatusInfoType) else ""


def test_the_csms_limits_the_site_and_asks_it_for_a_power() -> None:
    line = Line()
    two = {"startPeriod": 0, "limit": 30_000.0}, {"startPeriod": 900, "limit": 20_000.0, "dischargeLimit": -5_000.0}
    assert asks(line, profile(7, "ChargingStationMaxProfile", *two)) == ("Accepted", "")
    assert asks(line, profile(8, "TxDefaultProfile", SETPOINT)) == ("Accepted", "")
    assert line.asked.held() == [
        LimitRequest(
            by="CSMS, profile 7", until_unix_s=FIRST_S + 3600,
            steps=(Limit(FIRST_S, 30_000.0), Limit(FIRST_S + 900, 20_000.0, 5_000.0)),
        ),
        ScheduleRequest(by="CSMS, profile 8", until_unix_s=FIRST_S + 3600, steps=(Step(FIRST_S, -20_000.0),)),
    ]  # fmt: skip
    clear = v21.ClearChargingProfileType(chargingProfilePurpose="TxDefaultProfile")
    for request, left in (
        (v21.ClearChargingProfileRequest(chargingProfileCriteria=clear), ["CSMS, profile 7"]),
        (v21.ClearChargingProfileRequest(chargingProfileId=7), []),
    ):
        line.csms.call("ClearChargingProfile", request, line.now)
        line.run()
        assert [each.by for each in line.asked.held()] == left
    line.csms.call("ClearChargingProfile", v21.ClearChargingProfileRequest(chargingProfileId=7), line.now)
    line.run()
    assert line.csms.results[-1] == ("ClearChargingProfile", v21.ClearChargingProfileResponse(status="Unknown"))


MAX, LIMIT = "ChargingStationMaxProfile", {"startPeriod": 0, "limit": 1_000.0}


@pytest.mark.parametrize(
    ("what", "code"),
    [
        (profile(1, MAX, LIMIT, evse=1), "InvalidValue"),
        (profile(1, "ChargingStationExternalConstraints", LIMIT), "InvalidProfile"),
        (profile(1, MAX, LIMIT, stackLevel=1), "InvalidStackLevel"),
        (profile(1, MAX, LIMIT, chargingProfileKind="Recurring", recurrencyKind="Daily"), "InvalidProfile"),
        (profile(1, MAX, LIMIT, maxOfflineDuration=60), "InvalidProfile"),
        (profile(1, MAX, LIMIT, schedule={"chargingRateUnit": "A"}), "InvalidSchedule"),
        (profile(1, MAX, {"startPeriod": 0}), "InvalidSchedule"),
        (profile(1, MAX, LIMIT, LIMIT), "InvalidSchedule"),
        (profile(1, MAX, LIMIT, validTo="2020-01-01T00:00:00Z"), "InvalidSchedule"),
        (profile(1, MAX, {"startPeriod": 0, "limit": -5.0}), "InvalidSchedule"),
        (profile(1, "TxDefaultProfile", LIMIT), "InvalidOperationMode"),
        (profile(2, "TxDefaultProfile", SETPOINT), "DuplicateProfile"),
    ],
)
def test_a_profile_that_cannot_be_followed_is_refused_with_the_reason(what: Any, code: str) -> None:
    line = Line()
    assert asks(line, profile(9, "TxDefaultProfile", SETPOINT)) == ("Accepted", "")
    assert asks(line, what) == ("Rejected", code)
    assert len(line.asked.held()) == 1


class Both:
    """A CSMS with a link for each identity."""

    def __init__(self) -> None:
        self.at: dict[str, Csms] = {}
        self.links: dict[str, ServerConnection] = {}

    async def ask(self, identity: str, action: str, request: Message) -> None:
        self.at[identity].call(action, request, 1_800_000_000.0)
        for frame in self.at[identity].taken():
            await self.links[identity].send(frame)

    async def serve(self, connection: ServerConnection) -> None:
        assert connection.request is not None
        csms = self.at.setdefault(connection.request.path.rpartition("/")[2], Csms())
        csms.connect()
        self.links[connection.request.path.rpartition("/")[2]] = connection
        async for frame in connection:
            assert isinstance(frame, str)
            csms.receive(frame, 1_800_000_000.0)
            for each in csms.taken():
                await connection.send(each)


def test_a_limit_by_rest_reaches_the_csms_over_a_link_of_its_own(tmp_path: Path) -> None:
    async def run(folder: Path) -> None:
        both = Both()
        async with serve(both.serve, "127.0.0.1", 0, subprotocols=["ocpp2.1"]) as server:  # type: ignore[list-item]
            port = next(iter(server.sockets)).getsockname()[1]
            (folder / "own").write_text(PASSWORD)
            upstream = Upstream(
                url=f"ws://127.0.0.1:{port}/ocpp", security_profile=1, identity="DEPOT", password_file=folder / "own"
            )
            async with site(folder, upstream) as (_, _, process):
                await until(lambda: "DEPOT" in both.at and "CS0" in both.at)
                step = {"from_unix_s": 0.0, "charge_w": 5_000.0}
                process.request("DSO", {"type": "limit", "steps": [step], "for_s": 600})
                await until(lambda: "NotifyChargingLimit" in both.at["DEPOT"].actions())
                assert "NotifyChargingLimit" not in both.at["CS0"].actions()
                process.withdraw("DSO")
                own = both.at["DEPOT"].actions
                await until(lambda: own()[-1] == "ClearedChargingLimit")
                kind, document = profile(3, MAX, LIMIT, schedule={"startSchedule": "2020-01-01T00:00:00Z",
                                         "duration": 1_000_000_000})  # fmt: skip
                await both.ask("DEPOT", "SetChargingProfile", msgspec.convert(document, kind))
                await until(lambda: any(each.by == "CSMS, profile 3" for each in process.requests()))
                cycles = process.cycles
                await until(lambda: process.cycles > cycles + 2)
                assert own()[-1] == "ClearedChargingLimit"  # what it has asked for itself is no news to it

    held(run, tmp_path)
