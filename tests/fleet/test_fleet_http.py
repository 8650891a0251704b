"""The REST interface of a fleet, asked without a socket: a depot that is heard of, and one that is not."""

import asyncio
from pathlib import Path
from time import monotonic

from tests.csms.asgi import ask
from tests.fleet.bench import configuration

from v2g.console.access import Gate
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
        assert (await ask(app, "DELETE", "/api/request?by=EMS")).status == 200
        assert (await ask(app, "GET", "/api/request")).json == []
    finally:
        await fleet.ledger.close()
