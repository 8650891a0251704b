"""Station and back end over real sockets: the CSMS is an independent one (mobilityhouse `ocpp`)."""

import asyncio
import json
import ssl
from base64 import b64decode
from collections.abc import AsyncIterator, Callable, Collection, Coroutine
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from ocpp.routing import on
from ocpp.v16 import ChargePoint as ChargePoint16
from ocpp.v16 import call as call16
from ocpp.v16 import call_result as result16
from ocpp.v21 import ChargePoint, call, call_result
from tests import broker as brokers
from tests.certificates import certified
from tests.ocpp.messages import judge
from tests.station.scene import OUTLET
from websockets.asyncio.server import ServerConnection, basic_auth, serve
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from v2g.bench.csms import Csms as CsmsForABench
from v2g.bench.csms import Orders
from v2g.bench.slow_link import Line, SlowLink
from v2g.io.carrier import Endpoint
from v2g.io.sqlite_store import SqliteStore
from v2g.run.back_end import BackEndRunner
from v2g.station.config.settings import Network, Ocpp, Settings
from v2g.station.evse import Evse

pytestmark = pytest.mark.alone
PASSWORD = "correct horse battery"
UNFIT = "config.yaml:2:1: evse: unknown key; did you mean evses?"
WITHIN_S = 20.0
ANSWER_S = 5.0


class Csms(ChargePoint):
    """The back end's end of one connection."""

    def __init__(self, identity: str, connection: Any) -> None:
        super().__init__(identity, connection)
        self.heard: asyncio.Queue[tuple[str, Any]] = asyncio.Queue()
        self.asked: dict[str, str] = {}

    async def route_message(self, raw_msg: str) -> None:
        """What the station sends has to fit the OCA's schema."""
        match json.loads(raw_msg):
            case [2, _, action, said]:
                judge("ocpp2.1", f"{action}Request")(said)
            case [3, id, said]:
                judge("ocpp2.1", f"{self.asked[id]}Response")(said)
        await super().route_message(raw_msg)

    async def _send(self, message: str) -> None:
        match json.loads(message):
            case [2, id, action, _]:
                self.asked[id] = action
        await super()._send(message)

    @on("BootNotification")
    def on_boot(self, **said: Any) -> Any:
        self.heard.put_nowait(("BootNotification", said))
        return call_result.BootNotification(current_time=datetime.now(UTC).isoformat(), interval=300, status="Accepted")

    @on("StatusNotification")
    def on_status(self, **said: Any) -> Any:
        self.heard.put_nowait(("StatusNotification", said))
        return call_result.StatusNotification()

    @on("SecurityEventNotification")
    def on_security_event(self, **said: Any) -> Any:
        return call_result.SecurityEventNotification()

    @on("NotifyEVChargingNeeds")
    def on_needs(self, **said: Any) -> Any:
        return call_result.NotifyEVChargingNeeds(status="Accepted")

    @on("NotifyEvent")
    def on_event(self, **said: Any) -> Any:
        return call_result.NotifyEvent()

    @on("Authorize")
    def on_authorize(self, **said: Any) -> Any:
        self.heard.put_nowait(("Authorize", said))
        return call_result.Authorize(id_token_info={"status": "Accepted"})

    @on("TransactionEvent")
    def on_transaction(self, **said: Any) -> Any:
        self.heard.put_nowait((said["event_type"], said))
        return call_result.TransactionEvent()

    @on("NotifyReport")
    def on_report(self, **said: Any) -> Any:
        self.heard.put_nowait(("NotifyReport", said))
        return call_result.NotifyReport()

    @on("Heartbeat")
    def on_heartbeat(self) -> Any:
        return call_result.Heartbeat(current_time=datetime.now(UTC).isoformat())


@asynccontextmanager
async def back_end(
    tls: ssl.SSLContext | None = None, *, password: bool = True, accepted: Collection[str] = (PASSWORD,)
) -> AsyncIterator[tuple[int, "asyncio.Queue[Csms]"]]:
    """A server; each connection appears in the queue. `password`: whether it asks for one of those accepted."""
    found: asyncio.Queue[Csms] = asyncio.Queue()

    async def handle(connection: ServerConnection) -> None:
        assert connection.request is not None
        csms = Csms(connection.request.path.rpartition("/")[2], connection)
        found.put_nowait(csms)
        await csms.start()

    basic = basic_auth(
        realm="csms", check_credentials=lambda name, given: name in ("CS 1", "CS1") and given in accepted
    )
    auth = basic if password else None
    async with serve(
        handle, "127.0.0.1", 0, subprotocols=[Subprotocol("ocpp2.1")], process_request=auth, ssl=tls
    ) as server:
        yield next(iter(server.sockets)).getsockname()[1], found


@asynccontextmanager
async def station(folder: Path, **ocpp: Any) -> AsyncIterator[tuple[BackEndRunner, "asyncio.Queue[str]"]]:
    """A station with one EVSE whose hardware nobody reads."""
    (folder / "password").write_text(PASSWORD)
    settings = Ocpp(identity="CS 1", password_file=folder / "password", store=folder / "ocpp.db", **ocpp)
    runner = BackEndRunner(Settings(evses=(OUTLET,), ocpp=settings), settings, lambda: UNFIT)
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
    reset = await csms.call(call.Reset(type="OnIdle"))
    assert reset.status == "Rejected"
    assert reset.status_info["additional_info"] == f"the station would not start again: {UNFIT}"


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
        assert "BootNotification" not in [again.heard.get_nowait()[0] for _ in range(again.heard.qsize())]


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


def test_security_profile_3(tmp_path: Path) -> None:
    asyncio.run(_security_profile_3(tmp_path))


async def _security_profile_3(tmp_path: Path) -> None:
    """The server asks for a certificate under its own root; a station that has none does not get in."""
    context = certified(tmp_path)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(tmp_path / "root.pem")
    files = {"certificate": tmp_path / "root.pem", "private_key": tmp_path / "key.pem"}
    async with back_end(context, password=False) as (port, found):
        place = {"url": f"wss://127.0.0.1:{port}/ocpp", "roots": tmp_path / "root.pem"}
        async with station(tmp_path, security_profile=2, **place) as (runner, said), asyncio.timeout(WITHIN_S):
            assert f"127.0.0.1:{port}" in await said.get()
            assert runner.shown("status")["connected"] == "no"
        assert found.empty()
        async with station(tmp_path, security_profile=3, **place, **files), asyncio.timeout(WITHIN_S):
            await until(await found.get(), "BootNotification")


@pytest.mark.parametrize("babbles", [False, True], ids=["nobody listens", "it talks nonsense"])
def test_when_the_first_way_fails_the_next_one_is_taken(babbles: bool, tmp_path: Path) -> None:
    asyncio.run(_when_the_first_way_fails_the_next_one_is_taken(babbles, tmp_path))


async def _when_the_first_way_fails_the_next_one_is_taken(babbles: bool, tmp_path: Path) -> None:
    prompt(tmp_path)

    async def babble(connection: ServerConnection) -> None:
        await connection.send("hello")

    async with (
        serve(babble, "127.0.0.1", 0, subprotocols=[Subprotocol("ocpp2.1")]) as server,
        back_end() as (port, found),
    ):
        first = next(iter(server.sockets)).getsockname()[1] if babbles else 1
        second = Network(
            url=f"ws://127.0.0.1:{port}/ocpp", security_profile=1, password_file=tmp_path / "password"
        )  # fmt: skip
        nowhere = f"ws://127.0.0.1:{first}/ocpp"
        async with station(tmp_path, url=nowhere, security_profile=1, fallbacks=(second,)) as (_, said):
            async with asyncio.timeout(WITHIN_S):
                assert f"127.0.0.1:{first}" in await said.get()
                csms = await found.get()
            await until(csms, "BootNotification")
            variable = {"component": {"name": "OCPPCommCtrlr"}, "variable": {"name": "ActiveNetworkProfile"}}
            heard = await csms.call(call.GetVariables([variable]))
            assert heard.get_variable_result[0]["attribute_value"] == "2"


def test_a_root_that_the_back_end_has_installed_is_enough_for_tls(tmp_path: Path) -> None:
    asyncio.run(_a_root_that_the_back_end_has_installed_is_enough_for_tls(tmp_path))


async def _a_root_that_the_back_end_has_installed_is_enough_for_tls(tmp_path: Path) -> None:
    """From security profile 1 to 2, by the back end alone."""
    prompt(tmp_path)
    context = certified(tmp_path)
    root = (tmp_path / "root.pem").read_text()
    async with (
        back_end() as (port, found),
        back_end(context) as (secure_port, secure),
        station(tmp_path, url=f"ws://127.0.0.1:{port}/ocpp", security_profile=1),
        asyncio.timeout(WITHIN_S),
    ):
        csms = await found.get()
        await until(csms, "BootNotification")
        data = {
            "ocpp_interface": "Any", "ocpp_transport": "JSON", "message_timeout": 30, "security_profile": 2,
            "ocpp_csms_url": f"wss://127.0.0.1:{secure_port}/ocpp", "ocpp_version": "OCPP21",
        }  # fmt: skip
        refused = await csms.call(call.SetNetworkProfile(2, data))
        assert refused.status_info["reason_code"] == "InvalidNetworkConf"
        installed = await csms.call(call.InstallCertificate(certificate=root, certificate_type="CSMSRootCertificate"))
        assert installed.status == "Accepted"
        assert (await csms.call(call.SetNetworkProfile(2, data))).status == "Accepted"
        place = {"component": {"name": "OCPPCommCtrlr"}, "variable": {"name": "NetworkConfigurationPriority"}}
        heard = await csms.call(call.SetVariables([{"attribute_value": "2,1", **place}]))
        assert heard.set_variable_result[0]["attribute_status"] == "Accepted"
        await csms._connection.close()
        await until(again := await secure.get(), "BootNotification")
        heard = await again.call(call.SetVariables([{"attribute_value": "1,2", **place}]))
        assert heard.set_variable_result[0]["attribute_status"] == "Rejected"


class CentralSystem(ChargePoint16):
    """A back end that speaks 1.6."""

    def __init__(self, identity: str, connection: Any) -> None:
        super().__init__(identity, connection)
        self.heard: asyncio.Queue[str] = asyncio.Queue()

    @on("BootNotification")
    def on_boot(self, **said: Any) -> Any:
        self.heard.put_nowait("BootNotification")
        return result16.BootNotification(current_time=datetime.now(UTC).isoformat(), interval=300, status="Accepted")

    @on("StatusNotification")
    def on_status(self, **said: Any) -> Any:
        self.heard.put_nowait("StatusNotification")
        return result16.StatusNotification()


def test_a_back_end_that_speaks_only_1_6(tmp_path: Path) -> None:
    asyncio.run(_a_back_end_that_speaks_only_1_6(tmp_path))


async def _a_back_end_that_speaks_only_1_6(tmp_path: Path) -> None:
    found: asyncio.Queue[CentralSystem] = asyncio.Queue()

    async def handle(connection: ServerConnection) -> None:
        system = CentralSystem("CS 1", connection)
        found.put_nowait(system)
        await system.start()

    async with serve(handle, "127.0.0.1", 0, subprotocols=[Subprotocol("ocpp1.6")]) as server:
        url = f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}"
        async with station(tmp_path, url=url, security_profile=1) as (runner, _), asyncio.timeout(WITHIN_S):
            system = await found.get()
            assert [await system.heard.get() for _ in range(2)] == ["BootNotification", "StatusNotification"]
            keys = await system.call(call16.GetConfiguration(key=["NumberOfConnectors", "HeartbeatInterval"]))
            assert [each["value"] for each in keys.configuration_key] == ["1", "300"]
            schedule = {"charging_rate_unit": "W", "charging_schedule_period": [{"start_period": 0, "limit": 4000.0}]}
            profile = {
                "charging_profile_id": 1, "stack_level": 0, "charging_profile_purpose": "TxDefaultProfile",
                "charging_profile_kind": "Relative", "charging_schedule": schedule,
            }  # fmt: skip
            answer = await system.call(call16.SetChargingProfile(connector_id=1, cs_charging_profiles=profile))
            assert answer.status == "Accepted"
            composite = await system.call(call16.GetCompositeSchedule(connector_id=1, duration=60))
            assert composite.charging_schedule["charging_schedule_period"][0]["limit"] == 4000.0
            assert runner.shown("status")["connected"] == "ocpp1.6"


def test_a_new_password_is_used_at_once(tmp_path: Path) -> None:
    asyncio.run(_a_new_password_is_used_at_once(tmp_path))


async def _a_new_password_is_used_at_once(tmp_path: Path) -> None:
    new = "another horse battery"
    prompt(tmp_path)
    async with (
        back_end(accepted={PASSWORD, new}) as (port, found),
        station(tmp_path, url=f"ws://127.0.0.1:{port}/ocpp", security_profile=1) as (runner, _),
        asyncio.timeout(WITHIN_S),
    ):
        csms = await found.get()
        await until(csms, "BootNotification")
        variable = {"component": {"name": "SecurityCtrlr"}, "variable": {"name": "BasicAuthPassword"}}
        heard = await csms.call(call.SetVariables([{"attribute_value": new, **variable}]))
        assert heard.set_variable_result[0]["attribute_status"] == "Accepted"
        again = await found.get()
        sent = again._connection.request.headers["Authorization"].removeprefix("Basic ")
        assert b64decode(sent).decode() == f"CS 1:{new}"
        assert new not in str(runner.shown("variables"))
        heard = await again.call(call.GetVariables([variable]))
        assert heard.get_variable_result[0]["attribute_status"] == "Rejected"


@pytest.mark.parametrize("outage_s", [0.0, pytest.param(600.0, marks=[pytest.mark.proof, pytest.mark.timeout(900)])])
def test_over_a_narrow_line_with_outages_all_goes_through(outage_s: float, tmp_path: Path) -> None:
    asyncio.run(_over_a_narrow_line_with_outages_all_goes_through(outage_s, tmp_path))


async def _over_a_narrow_line_with_outages_all_goes_through(outage_s: float, tmp_path: Path) -> None:
    """300 kbit/s, 200 ms there and back, 2 % loss: no watchdog fires falsely. A line that is dead for longer is
    noticed, and the station comes back by itself."""
    prompt(tmp_path, ("OCPPCommCtrlr", "WebSocketPingInterval", "2"))
    async with back_end() as (port, found):
        link = SlowLink("127.0.0.1", port, Line(), seed=1)
        async with (
            link.listening() as relayed,
            station(tmp_path, url=f"ws://127.0.0.1:{relayed}/ocpp", security_profile=1) as (runner, said),
            asyncio.timeout(outage_s + 3 * WITHIN_S),
        ):
            csms = await found.get()
            await conversation(csms)
            assert "connected" in await said.get()
            assert "Accepted" in await said.get()
            assert said.empty()
            link.cut()
            while "gone" not in await said.get():
                pass
            assert runner.shown("status")["connected"] == "no"
            await asyncio.sleep(outage_s)  # how long it lasts is the input
            link.restore()
            variable = {"component": {"name": "OCPPCommCtrlr"}, "variable": {"name": "HeartbeatInterval"}}
            while True:  # attempts that the station has given up arrive as well
                again = await found.get()
                with suppress(TimeoutError, ConnectionClosed):
                    async with asyncio.timeout(ANSWER_S):
                        await again.call(call.GetVariables([variable]))
                    break
            assert link.passed > 1_000


def prompt(folder: Path, *more: tuple[str, str, str]) -> None:
    """A station that tries again after a second; further variables."""
    store = SqliteStore(folder / "ocpp.db")
    rows = [
        (f"RetryBackOff{name}", value)
        for name, value in (("WaitMinimum", "1"), ("RandomRange", "0"), ("RepeatTimes", "0"))
    ]
    rows += [("NetworkProfileConnectionAttempts", "1")]
    for component, name, value in [*(("OCPPCommCtrlr", *row) for row in rows), *more]:
        store.put("variable", f"{component}/0/{name}/".lower(), value.encode())
    store.close()


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
    kept = SqliteStore(tmp_path / "ocpp.db").found
    events = [value for (kind, _), value in kept.items() if kind == "queue" and b"InvalidCsmsCertificate" in value]
    assert len(events) == 1  # it waits for a back end that the station trusts


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
