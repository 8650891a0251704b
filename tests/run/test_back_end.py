"""Station and back end over real sockets: the CSMS is an independent one (mobilityhouse `ocpp`)."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from ocpp.routing import on
from ocpp.v21 import ChargePoint, call, call_result
from tests import broker as brokers
from tests.certificates import certified
from tests.station.scene import OUTLET
from websockets.asyncio.server import ServerConnection, basic_auth, serve
from websockets.typing import Subprotocol

from v2g.bench.csms import Csms as CsmsForABench
from v2g.bench.csms import Orders
from v2g.io.carrier import Endpoint
from v2g.run.back_end import BackEndRunner
from v2g.station.config.settings import Ocpp, Settings
from v2g.station.evse import Evse

pytestmark = pytest.mark.alone
PASSWORD = "correct horse battery"
WITHIN_S = 20.0


class Csms(ChargePoint):
    """The back end's end of one connection."""

    def __init__(self, identity: str, connection: Any) -> None:
        super().__init__(identity, connection)
        self.heard: asyncio.Queue[tuple[str, Any]] = asyncio.Queue()

    @on("BootNotification")
    def on_boot(self, **said: Any) -> Any:
        self.heard.put_nowait(("BootNotification", said))
        return call_result.BootNotification(current_time=datetime.now(UTC).isoformat(), interval=300, status="Accepted")

    @on("StatusNotification")
    def on_status(self, **said: Any) -> Any:
        self.heard.put_nowait(("StatusNotification", said))
        return call_result.StatusNotification()

    @on("NotifyReport")
    def on_report(self, **said: Any) -> Any:
        self.heard.put_nowait(("NotifyReport", said))
        return call_result.NotifyReport()

    @on("Heartbeat")
    def on_heartbeat(self) -> Any:
        return call_result.Heartbeat(current_time=datetime.now(UTC).isoformat())


@asynccontextmanager
async def back_end(tls: ssl.SSLContext | None = None) -> AsyncIterator[tuple[int, "asyncio.Queue[Csms]"]]:
    """A server; each connection appears in the queue."""
    found: asyncio.Queue[Csms] = asyncio.Queue()

    async def handle(connection: ServerConnection) -> None:
        assert connection.request is not None
        csms = Csms(connection.request.path.rpartition("/")[2], connection)
        found.put_nowait(csms)
        await csms.start()

    auth = basic_auth(realm="csms", credentials=("CS 1", PASSWORD))
    async with serve(
        handle, "127.0.0.1", 0, subprotocols=[Subprotocol("ocpp2.1")], process_request=auth, ssl=tls
    ) as server:
        yield next(iter(server.sockets)).getsockname()[1], found


@asynccontextmanager
async def station(folder: Path, **ocpp: Any) -> AsyncIterator[tuple[BackEndRunner, "asyncio.Queue[str]"]]:
    """A station with one EVSE whose hardware nobody reads."""
    (folder / "password").write_text(PASSWORD)
    settings = Ocpp(identity="CS 1", password_file=folder / "password", store=folder / "ocpp.db", **ocpp)
    runner = BackEndRunner(Settings(evses=(OUTLET,), ocpp=settings), settings)
    evses, said = {1: Evse(OUTLET, authorizer=runner.authorizers[1])}, asyncio.Queue[str]()
    running = asyncio.create_task(runner.run(evses, lambda: None, said.put_nowait, lambda: None))
    try:
        yield runner, said
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def until(csms: Csms, action: str) -> Any:
    async with asyncio.timeout(WITHIN_S):
        while True:
            heard, said = await csms.heard.get()
            if heard == action:
                return said


async def conversation(csms: Csms) -> None:
    boot = await until(csms, "BootNotification")
    assert boot["charging_station"]["vendor_name"] == "v2g"
    status = await until(csms, "StatusNotification")
    assert (status["evse_id"], status["connector_status"]) == (1, "Faulted")  # nothing of its hardware is known
    report = await csms.call(call.GetBaseReport(request_id=7, report_base="FullInventory"))
    assert report.status == "Accepted"
    rows = (await until(csms, "NotifyReport"))["report_data"]
    assert {"component": {"name": "OCPPCommCtrlr"}, "variable": {"name": "HeartbeatInterval"}}.items() <= next(
        row for row in rows if row["variable"]["name"] == "HeartbeatInterval"
    ).items()
    profile = {
        "id": 1, "stack_level": 0, "charging_profile_purpose": "TxDefaultProfile", "charging_profile_kind": "Relative",
        "charging_schedule": [{"id": 1, "charging_rate_unit": "W",
                               "charging_schedule_period": [{"start_period": 0, "limit": 4_000}]}],
    }  # fmt: skip
    assert (await csms.call(call.SetChargingProfile(evse_id=1, charging_profile=profile))).status == "Accepted"
    composite = await csms.call(call.GetCompositeSchedule(duration=60, evse_id=1))
    assert composite.schedule["charging_schedule_period"][0]["limit"] == 4_000
    reset = await csms.call(call.Reset(type="OnIdle", evse_id=1))
    assert reset.status == "Rejected"


def test_a_station_and_an_independent_back_end(tmp_path: Path) -> None:
    asyncio.run(_a_station_and_an_independent_back_end(tmp_path))


async def _a_station_and_an_independent_back_end(tmp_path: Path) -> None:
    async with (
        back_end() as (port, found),
        station(tmp_path, url=f"ws://127.0.0.1:{port}/ocpp", security_profile=1) as (runner, _),
    ):
        async with asyncio.timeout(WITHIN_S):
            csms = await found.get()
        assert csms._connection.subprotocol == "ocpp2.1"
        assert csms._connection.protocol.extensions  # permessage-deflate
        await conversation(csms)
        assert runner.shown("status")["registered"] == "Accepted"
        assert [each["evse"] for each in runner.shown("profiles")] == [1]
        assert PASSWORD not in str(runner.shown("variables"))
        await csms._connection.close()
        async with asyncio.timeout(WITHIN_S):  # it comes back by itself, and does not boot again
            again = await found.get()
        variable = {"component": {"name": "OCPPCommCtrlr"}, "variable": {"name": "HeartbeatInterval"}}
        heard = await again.call(call.GetVariables([variable]))
        assert heard.get_variable_result[0]["attribute_value"] == "300"
        assert again.heard.empty()


def test_security_profile_2(tmp_path: Path) -> None:
    asyncio.run(_security_profile_2(tmp_path))


async def _security_profile_2(tmp_path: Path) -> None:
    context = certified(tmp_path)
    async with (
        back_end(context) as (port, found),
        station(tmp_path, url=f"wss://127.0.0.1:{port}/ocpp", security_profile=2, roots=tmp_path / "root.pem"),
    ):
        async with asyncio.timeout(WITHIN_S):
            csms = await found.get()
        await until(csms, "BootNotification")


def test_a_back_end_under_another_root_is_refused(tmp_path: Path) -> None:
    asyncio.run(_a_back_end_under_another_root_is_refused(tmp_path))


async def _a_back_end_under_another_root_is_refused(tmp_path: Path) -> None:
    context = certified(tmp_path)
    (tmp_path / "other").mkdir()
    certified(tmp_path / "other")
    async with (
        back_end(context) as (port, found),
        station(
            tmp_path, url=f"wss://127.0.0.1:{port}/ocpp", security_profile=2, roots=tmp_path / "other" / "root.pem"
        ) as (runner, said),
    ):
        async with asyncio.timeout(WITHIN_S):
            assert "certificate" in (await said.get()).lower()
        assert found.empty()
        assert runner.shown("status")["connected"] == "no"


def test_the_back_end_for_a_bench(tmp_path: Path) -> None:
    async def serve_it(csms: CsmsForABench, ready: Callable[[str], None]) -> None:
        await csms.serve("127.0.0.1", 0, ready, password=PASSWORD)

    asyncio.run(_the_back_end_for_a_bench(tmp_path, serve_it))


@brokers.needed
def test_the_back_end_for_a_bench_at_a_broker(tmp_path: Path) -> None:
    with brokers.broker(tmp_path) as running:
        url = f"mqtt://127.0.0.1:{running.port}/cs"
        asyncio.run(
            _the_back_end_for_a_bench(tmp_path, lambda csms, ready: csms.serve_broker(Endpoint(url, "csms", 1), ready))
        )


async def _the_back_end_for_a_bench(
    tmp_path: Path, serve_it: Callable[[CsmsForABench, Callable[[str], None]], Coroutine[Any, Any, None]]
) -> None:
    address, said = asyncio.get_running_loop().create_future(), asyncio.Queue[str]()
    calls = (("GetBaseReport", b'{"requestId":7,"reportBase":"FullInventory"}'), ("NoSuchThing", b"{}"))
    csms = CsmsForABench(Orders(calls=calls), said.put_nowait)
    serving = asyncio.create_task(serve_it(csms, address.set_result))
    async with station(tmp_path, url=await address, security_profile=1), asyncio.timeout(WITHIN_S):
        awaited = ["CS 1 is connected", "BootNotification", "NoSuchThing cannot be sent"]
        awaited += ["answers GetBaseReport", "NotifyReport"]
        while awaited:
            text = await said.get()
            awaited = [each for each in awaited if each not in text]
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)
