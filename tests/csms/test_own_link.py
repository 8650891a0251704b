"""The depot's own link to the CSMS in relay mode: limits of the site are reported there, once each."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.csms.relaying import Csms
from tests.csms.test_relay_links import PASSWORD, held, site, until
from websockets.asyncio.server import ServerConnection, serve

from v2g.csms.own_link import AGAIN_S, OwnLink
from v2g.depot.configuration import Upstream
from v2g.depot.request import Limited
from v2g.ocpp import v21
from v2g.ocpp.schedule import timestamp
from v2g.ocpp.version import Subprotocol

MOST_W = 100_000.0


class Line:
    """The link and a CSMS on one virtual clock."""

    def __init__(self, subprotocol: Subprotocol = "ocpp2.1") -> None:
        self.csms, self.link, self.now = Csms(subprotocol), OwnLink(MOST_W), 1_800_000_000.0
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


class Both:
    """A CSMS with a link for each identity."""

    def __init__(self) -> None:
        self.at: dict[str, Csms] = {}

    async def serve(self, connection: ServerConnection) -> None:
        assert connection.request is not None
        csms = self.at.setdefault(connection.request.path.rpartition("/")[2], Csms())
        csms.connect()
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

    held(run, tmp_path)
