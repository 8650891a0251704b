"""A depot's process and independent stations (mobilityhouse `ocpp`, 2.1 and 2.0.1) beside light ones, over WebSocket
and over an MQTT broker."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from ocpp.routing import on
from ocpp.v21 import ChargePoint as ChargePoint21
from ocpp.v21 import call, call_result
from ocpp.v201 import ChargePoint as ChargePoint201
from ocpp.v201 import call as call201
from ocpp.v201 import call_result as result201
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion
from tests import broker as brokers
from tests.csms.site import car
from tests.interop.process import Process
from tests.interop.station import START_S, V2G
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Subprotocol

from v2g.bench.depot.fleet import Fleet
from v2g.bench.depot.station import LightStation
from v2g.io.carrier import Endpoint
from v2g.io.control import request
from v2g.run.depot import Explain, Status

pytestmark = pytest.mark.alone
PASSWORD = "correct horse battery"
WITHIN_S = 40.0


def configuration(folder: Path, **more: Any) -> Path:
    """Three stations, a vehicle for each; 9 kW are fed into the grid as long as nobody asks for something else."""
    (folder / "password").write_text(PASSWORD)
    document = {
        "feeders": [{"id": "site", "charge_w": 100_000}],
        "stations": [
            {"id": f"CS{n}", "password_file": "password", "evses": [{"charge_w": 11_000, "discharge_w": 11_000}]}
            for n in range(3)
        ],
        "vehicles": [
            {"id": f"van {n}", "tokens": [f"EV{n}"], "capacity_wh": 60_000, "floor_soc": 0.3} for n in range(3)
        ],
        "connect": {"listen": "127.0.0.1:0", "security_profile": 1} | more.pop("connect", {}),
        "silence": {"meter_s": 1, "stale_s": 60},
        "request": {"power_w": -9_000},
        "http": {"listen": "127.0.0.1:0"},
        "control": {"socket": "depot.sock"},
        "ledger": "depot.db",
    } | more
    (folder / "depot.yaml").write_text(json.dumps(document))
    return folder / "depot.yaml"


@asynccontextmanager
async def depot(file: Path) -> AsyncIterator[tuple[str, Process]]:
    """The address where its stations connect."""
    with Process([*V2G, "depot", "--config", str(file)]) as process:
        line = await asyncio.to_thread(process.wait_for, r"stations connect at ws://", START_S)
        assert line is not None, process.output
        yield line.rpartition("stations connect at ")[2].strip(), process


class Answers:
    """What both versions of the peer have in common."""

    def __init__(self, identity: str, connection: ClientConnection) -> None:
        super().__init__(identity, connection)  # type: ignore[call-arg]
        self.asked: asyncio.Queue[tuple[str, Any]] = asyncio.Queue()

    def variables(self, asked: Any, known: dict[str, str]) -> list[dict[str, Any]]:
        """The answers to GetVariables."""
        rows = []
        for each in asked:
            name = each["variable"].get("instance") or each["variable"]["name"]
            status = "Accepted" if name in known else "UnknownVariable"
            rows.append({**each, "attribute_status": status} | ({"attribute_value": known[name]} if name in known
                                                                 else {}))  # fmt: skip
        return rows


class Station21(Answers, ChargePoint21):
    """Of 2.1, with V2X."""

    @on("GetVariables")
    def on_get(self, get_variable_data: Any, **_: Any) -> Any:
        known = {
            "DynamicProfiles": "true", "MaxOfflineDuration": "true", "Enabled": "true",
            "SupportedOperationModes": "ChargingOnly,CentralSetpoint",
        }  # fmt: skip
        return call_result.GetVariables(get_variable_result=self.variables(get_variable_data, known))

    @on("SetVariables")
    def on_set(self, set_variable_data: Any, **_: Any) -> Any:
        rows = [
            {"component": each["component"], "variable": each["variable"], "attribute_status": "Accepted"}
            for each in set_variable_data
        ]
        return call_result.SetVariables(set_variable_result=rows)

    @on("TriggerMessage")
    def on_trigger(self, **_: Any) -> Any:
        return call_result.TriggerMessage(status="NotImplemented")

    @on("SetChargingProfile")
    def on_profile(self, charging_profile: Any, **_: Any) -> Any:
        self.asked.put_nowait((charging_profile["charging_profile_purpose"], charging_profile))
        return call_result.SetChargingProfile(status="Accepted")

    @on("UpdateDynamicSchedule")
    def on_update(self, schedule_update: Any, **_: Any) -> Any:
        self.asked.put_nowait(("UpdateDynamicSchedule", schedule_update))
        return call_result.UpdateDynamicSchedule(status="Accepted")


class Station201(Answers, ChargePoint201):
    """Of 2.0.1, which knows no discharge."""

    @on("GetVariables")
    def on_get(self, get_variable_data: Any, **_: Any) -> Any:
        return result201.GetVariables(get_variable_result=self.variables(get_variable_data, {}))

    @on("SetVariables")
    def on_set(self, set_variable_data: Any, **_: Any) -> Any:
        rows = [
            {"component": each["component"], "variable": each["variable"], "attribute_status": "UnknownVariable"}
            for each in set_variable_data
        ]
        return result201.SetVariables(set_variable_result=rows)

    @on("TriggerMessage")
    def on_trigger(self, **_: Any) -> Any:
        return result201.TriggerMessage(status="NotImplemented")

    @on("SetChargingProfile")
    def on_profile(self, charging_profile: Any, **_: Any) -> Any:
        self.asked.put_nowait((charging_profile["charging_profile_purpose"], charging_profile))
        return result201.SetChargingProfile(status="Accepted")


async def until(station: Answers, kind: str) -> Any:
    async with asyncio.timeout(WITHIN_S):
        while True:
            found, said = await station.asked.get()
            if found == kind:
                return said


def values(soc: float, fed_w: float = 0.0) -> list[dict[str, Any]]:
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    rows: tuple[tuple[str, float], ...] = (("SoC", soc), ("Power.Active.Import", 0.0), ("Power.Active.Export", fed_w))
    return [{"timestamp": now, "sampled_value": [{"value": value, "measurand": name} for name, value in rows]}]


async def begin(station: Any, calls: Any, number: int, transfer: str) -> None:
    """Boot, and a transaction with a car that has stated its needs."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    box = {"model": "Box", "vendor_name": "Acme"}
    assert (await station.call(calls.BootNotification(charging_station=box, reason="PowerUp"))).status == "Accepted"
    token = {"id_token": f"EV{number}", "type": "Central"}
    authorized = await station.call(calls.Authorize(id_token=token))
    assert authorized.id_token_info["status"] == "Accepted"
    started = calls.TransactionEvent(
        event_type="Started", timestamp=now, trigger_reason="Authorized", seq_no=0, meter_value=values(70.0),
        transaction_info={"transaction_id": f"tx {number}", "charging_state": "EVConnected"},
        evse={"id": 1, "connector_id": 1}, id_token=token,
    )  # fmt: skip
    assert (await station.call(started)).id_token_info["status"] == "Accepted"
    needs: dict[str, Any] = {
        "requested_energy_transfer": transfer,
        "dc_charging_parameters": {"ev_max_current": 40, "ev_max_voltage": 500, "state_of_charge": 70},
    }
    if transfer == "DC_BPT":
        needs["v2x_charging_parameters"] = {"max_charge_power": 11000, "max_discharge_power": 8000}
    assert (await station.call(calls.NotifyEVChargingNeeds(evse_id=1, charging_needs=needs))).status == "Accepted"
    await station.call(
        calls.TransactionEvent(
            event_type="Updated", timestamp=now, trigger_reason="ChargingStateChanged", seq_no=1,
            transaction_info={"transaction_id": f"tx {number}", "charging_state": "Charging"},
            meter_value=values(70.0),
        )
    )  # fmt: skip


def updated(seq: int, fed_w: float) -> Any:
    """The first station follows its set-point."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return call.TransactionEvent(
        event_type="Updated", timestamp=now, trigger_reason="MeterValuePeriodic", seq_no=seq,
        transaction_info={"transaction_id": "tx 0"}, meter_value=values(70.0, fed_w),
    )  # fmt: skip


def test_stations_of_both_versions_in_one_depot(tmp_path: Path) -> None:
    asyncio.run(_both_versions(tmp_path))


async def _both_versions(folder: Path) -> None:
    async with depot(configuration(folder)) as (url, process):

        def opened(id: str, subprotocol: str, secret: str = PASSWORD) -> Any:
            from base64 import b64encode

            basic = b64encode(f"{id}:{secret}".encode()).decode()
            return connect(f"{url}/ocpp/{id}", subprotocols=[Subprotocol(subprotocol)],
                           additional_headers={"Authorization": f"Basic {basic}"})  # fmt: skip

        for id, secret, status in (("CS9", PASSWORD, 404), ("CS0", "wrong", 401)):
            with pytest.raises(InvalidStatus) as refused:
                await opened(id, "ocpp2.1", secret)
            assert refused.value.response.status_code == status
        strange = await opened("CS0", "ocpp1.6")  # the handshake is completed, then the connection closed
        assert strange.subprotocol is None
        await strange.wait_closed()
        async with opened("CS0", "ocpp2.1") as first, opened("CS1", "ocpp2.0.1") as second:
            assert first.protocol.extensions  # permessage-deflate
            new, old = Station21("CS0", first), Station201("CS1", second)
            serving = [asyncio.create_task(each.start()) for each in (new, old)]
            await begin(new, call, 0, "DC_BPT")
            await begin(old, call201, 1, "DC")
            bottom = await until(new, "TxDefaultProfile")
            assert bottom["charging_schedule"][0]["charging_schedule_period"] == [{"start_period": 0, "limit": 0.0}]
            steered = await until(new, "TxProfile")
            assert steered["charging_profile_kind"] == "Dynamic"
            assert steered["max_offline_duration"] == steered["charging_schedule"][0]["duration"] == 30
            (period,) = steered["charging_schedule"][0]["charging_schedule_period"]
            assert period["operation_mode"] == "CentralSetpoint"
            setpoint_w = period["setpoint"]
            assert setpoint_w <= 0
            await new.call(updated(2, fed_w=-setpoint_w))
            limited = await until(old, "TxProfile")
            (period,) = limited["charging_schedule"][0]["charging_schedule_period"]
            assert period["limit"] >= 0
            seq = 3
            while setpoint_w == 0:
                setpoint_w = (await until(new, "UpdateDynamicSchedule"))["setpoint"]
                await new.call(updated(seq, fed_w=-setpoint_w))
                seq += 1
            assert -8_000 <= setpoint_w < 0  # the vehicle's most; the other one cannot help
            explained = await asyncio.to_thread(request, folder / "depot.sock", Explain("van 1"))
            assert "OCPP 2.0.1 without" in "\n".join(explained["CS1/1"])
            for each in serving:
                each.cancel()
        assert process.wait(0) is None


@brokers.needed
def test_stations_and_requests_over_a_broker(tmp_path: Path) -> None:
    asyncio.run(_over_a_broker(tmp_path))


async def _over_a_broker(folder: Path) -> None:
    from contextlib import closing

    with closing(brokers.Broker(folder)) as running:
        at = f"mqtt://127.0.0.1:{running.port}"
        file = configuration(folder, connect={"broker": {"url": f"{at}/cs"}}, requests={"url": f"{at}/site"})
        async with depot(file) as (_, process):
            for what in ("stations connect at the broker", "requests come from the broker"):
                assert await asyncio.to_thread(process.wait_for, what, START_S) is not None, process.output
            station = LightStation("CS0")
            fleet = Fleet({"CS0": (station, Endpoint(f"{at}/cs", "CS0", 1), "ocpp2.1")})
            running_fleet = asyncio.create_task(fleet.run())
            station.plug_in(car(), 0.0, datetime.now(UTC).timestamp())
            await reached(fleet, lambda: abs(station.power_w + 9_000) < 100)
            with Ems(running.port) as (ems, answers):
                ems.publish("site/request/EMS", json.dumps({"power_w": -3_000, "for_s": 60}), qos=1)
                async with asyncio.timeout(WITHIN_S):
                    assert await answers.get() == {}
                await reached(fleet, lambda: abs(station.power_w + 3_000) < 100)
                status = await asyncio.to_thread(request, folder / "depot.sock", Status())
                assert status["requested_by"] == "EMS"
                ems.publish("site/request/EMS", '{"power_w": "much", "for_s": 1}', qos=1)
                async with asyncio.timeout(WITHIN_S):
                    assert "Expected `float`" in (await answers.get())["error"]
                for garbage in (b'{"a":' + b"[" * 20_000, b'{"a":"\xff"}'):
                    ems.publish("site/request/EMS", garbage, qos=1)
                    async with asyncio.timeout(WITHIN_S):
                        assert "not what is expected" in (await answers.get())["error"]
                ems.publish("site/request/EMS", "", qos=1)  # withdrawn: the configuration's holds again
                await reached(fleet, lambda: abs(station.power_w + 9_000) < 100)
            running.kill()
            await reached(fleet, lambda: not fleet.online)
            running.start_again()
            await reached(fleet, lambda: fleet.online == 1 and abs(station.power_w + 9_000) < 100)
            running_fleet.cancel()
            await asyncio.gather(running_fleet, return_exceptions=True)


async def reached(fleet: Fleet, condition: Callable[[], bool]) -> None:
    """Wait until something is so, looking after each step of the stations."""
    news = asyncio.Event()
    fleet.stepped = news.set
    async with asyncio.timeout(WITHIN_S):
        while not condition():
            news.clear()
            await news.wait()


class Ems:
    """An EMS at the broker, and the answers that it gets."""

    def __init__(self, port: int) -> None:
        self._port = port

    def __enter__(self) -> tuple[Client, "asyncio.Queue[Any]"]:
        loop, answers = asyncio.get_running_loop(), asyncio.Queue[Any]()
        ready = threading.Event()
        self._client = Client(CallbackAPIVersion.VERSION2)

        def heard(_: Client, __: object, message: MQTTMessage) -> None:
            loop.call_soon_threadsafe(answers.put_nowait, json.loads(message.payload))

        self._client.on_message = heard
        self._client.on_subscribe = lambda *_: ready.set()
        self._client.connect("127.0.0.1", self._port)
        self._client.subscribe("site/answer/+", qos=1)
        self._client.loop_start()
        assert ready.wait(WITHIN_S)
        return self._client, answers

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()
