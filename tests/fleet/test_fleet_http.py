"""The REST interface of a fleet, asked without a socket: a depot that is heard of, and one that is not."""

import asyncio
import json
from pathlib import Path
from time import monotonic

from msgspec.structs import replace
from tests.csms.asgi import ask
from tests.fleet.bench import configuration
from tests.run.test_depot_metrics import free_port, get, offered, samples

from v2g.console.access import Gate
from v2g.depot.configuration import Metrics
from v2g.depot.desk import Channel
from v2g.depot.flexibility import Band, Flexibility
from v2g.fleet.shown import COLUMNS
from v2g.fleet.view import Aggregate, Alarm
from v2g.io import fleet_nats
from v2g.io.fleet_http import FleetApi
from v2g.run.fleet import FleetProcess, open_ledger


def test_what_is_asked_is_answered_in_json(tmp_path: Path) -> None:
    asyncio.run(_asked(tmp_path))


async def _asked(folder: Path) -> None:
    settings = configuration(folder, ["harbour", "airport"], 1)
    access = fleet_nats.Access(servers=("nats://127.0.0.1:1",), user="fleet", password="none")
    fleet = FleetProcess(settings, await open_ledger(settings.ledger), access, lambda line: None)
    try:
        app = FleetApi(fleet, Gate(monotonic)).app
        bands = (Band(60.0, -20_000.0, 30_000.0), Band(900.0, -10_000.0, 30_000.0))
        alarm = Alarm("D04", "T1", "transformer T1 is at its limit")
        fleet.aggregated(
            Aggregate(depot="harbour", unix_s=fleet.now(), power_w=4_000.0, vehicles=3, alarms=(alarm,),
                      flexibility=Flexibility(bands=bands, above_floor_wh=12_000.0))
        )  # fmt: skip
        assert (await ask(app, "PUT", "/api/request", {"power_w": -9_000.0, "for_s": 60})).status == 200
        fleet.step()
        status = (await ask(app, "GET", "/api/fleet")).json
        assert (status["requested_w"], status["requested_by"], status["depots"]) == (-9_000.0, "EMS", 2)
        harbour, airport = (await ask(app, "GET", "/api/depots")).json
        assert list(harbour) == list(COLUMNS)
        assert (harbour["power_w"], harbour["setpoint_w"], harbour["alarms"]) == (4_000, -9_000, 1)
        assert (airport["state"], airport["power_w"]) == ("never heard of", None)
        whole = (await ask(app, "GET", "/api/depots/harbour")).json
        assert whole["bands"][1] == {"duration_s": 900.0, "least_w": -10_000, "most_w": 30_000}
        assert whole["warnings"] == [{"code": "D04", "about": "T1", "text": alarm.text}]
        assert whole["page"] == "https://harbour.example.com"
        silent = (await ask(app, "GET", "/api/depots/airport")).json
        assert (silent["heard_unix_s"], silent["bands"]) == (None, [])
        course = (await ask(app, "GET", "/api/course")).json
        assert course["requested_w"] == [-9_000.0]
        missing = await ask(app, "GET", "/api/depots/nowhere")
        assert missing.status == 400
        assert "GET /api/depots lists them" in missing.json["error"]
        assert (await ask(app, "PUT", "/api/request", {"power_w": 1e12, "for_s": 60})).status == 400
        for text in ('{"power_w": 0, "until_unix_s": 1e300}', '{"power_w": NaN, "for_s": 60}', "[" * 100_000, "[1]"):
            assert "error" in json.loads(fleet.asked("fleet.request.tso", text.encode()))
        assert len(fleet.requests()) == 1
        assert (await ask(app, "DELETE", "/api/request?by=EMS")).status == 200
        assert (await ask(app, "GET", "/api/request")).json == []
    finally:
        await fleet.ledger.close()


def test_who_asks_over_the_servers_is_the_only_one_of_its_name(tmp_path: Path) -> None:
    async def case() -> None:
        settings = configuration(tmp_path, ["harbour"], 1)
        access = fleet_nats.Access(servers=("nats://127.0.0.1:1",), user="fleet", password="none")
        fleet = FleetProcess(settings, await open_ledger(settings.ledger), access, lambda line: None)
        try:
            app = FleetApi(fleet, Gate(monotonic, others=["tso"])).app
            fleet.asked("fleet.request.tso", b'{"power_w": -9000, "for_s": 60, "by": "EMS"}')
            fleet.request("tso", {"power_w": 0.0, "for_s": 60}, Channel.OPERATOR)  # of `v2g fleet request`
            body = {"power_w": 0.0, "for_s": 60, "by": "tso"}
            assert (await ask(app, "PUT", "/api/request", body)).status == 403
            assert (await ask(app, "DELETE", "/api/request?by=tso")).status == 403
            assert [each.by for each in fleet.requests()] == ["tso", "tso"]
            fleet.asked("fleet.withdraw.tso", b"")
            assert [each.power_w for each in fleet.requests()] == [0.0]
        finally:
            await fleet.ledger.close()

    asyncio.run(case())


def test_prometheus_reads_what_the_fleet_does_and_whether_it_steers(tmp_path: Path) -> None:
    asyncio.run(_watched(tmp_path))


async def _watched(folder: Path) -> None:
    port = free_port()
    settings = replace(configuration(folder, ["harbour", "airport"], 1), metrics=Metrics(port=port))
    access = fleet_nats.Access(servers=("nats://127.0.0.1:1",), user="fleet", password="none")
    fleet = FleetProcess(settings, await open_ledger(settings.ledger), access, lambda line: None)
    [serving] = [await offered(each, port) for each in fleet._watched()]
    try:
        flexibility = Flexibility(bands=(Band(60.0, -20_000.0, 30_000.0),), above_floor_wh=12_000.0)
        fleet.aggregated(
            Aggregate(depot="harbour", unix_s=fleet.now(), power_w=4_000.0, flexibility=flexibility)
        )  # fmt: skip
        fleet.request("TSO", {"power_w": -90_000.0, "for_s": 60})
        fleet.step()
        found = await samples(port)
        powers = [found[f"v2g_fleet_{each}_watts", frozenset()] for each in ("requested", "commanded", "delivered")]
        assert powers == [-90_000.0, -20_000.0, 4_000.0]
        assert found["v2g_fleet_short_watts", frozenset()] == 70_000.0
        states = {labels: value for (name, labels), value in found.items() if name == "v2g_fleet_depots"}
        assert {dict(labels)["state"]: value for labels, value in states.items()} == {
            "follows": 0.0, "on its own": 1.0, "away": 0.0, "never heard of": 1.0,
        }  # fmt: skip
        assert found["v2g_fleet_notices", frozenset({("code", "L01")})] == 1.0
        assert found["v2g_fleet_aggregates_total", frozenset()] == 1.0
        status, text = await get(port, "/readyz")
        assert (status, text.partition(";")[0]) == (503, "no NATS server is connected")
    finally:
        serving.cancel()
        await fleet.ledger.close()
