"""The REST interface of a depot's process, asked without a socket; its stations are light ones in memory."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic
from typing import Any

import fastjsonschema
import pytest
from msgspec.structs import replace
from tests.csms.asgi import ask
from tests.csms.site import car, configured

from v2g.bench.depot.station import LightStation
from v2g.console.access import Gate, Role, User, hashed
from v2g.depot.configuration import Control, Http, Silence
from v2g.io.depot_http import Api
from v2g.io.http_interface import MOST_STREAMS_EACH
from v2g.ocpp.version import version
from v2g.run.depot import DepotProcess, open_ledger
from v2g.run.ledger_reader import MOST_READERS


class Link:
    """A light station at a depot's process: frames go to and fro until nothing is left to say."""

    def __init__(self, depot: DepotProcess, station: LightStation) -> None:
        self.depot, self.station = depot, station
        station.connected(version("ocpp2.1"), depot.now())
        self.frames: list[str] = []
        depot.links.connected(station.identity, "ocpp2.1", self.frames.append, lambda: None)

    async def settle(self) -> None:
        for _ in range(200):
            now = self.depot.now()
            self.station.step(now, now)
            for frame in self.station.outgoing:
                self.depot.links.heard(self.station.identity, frame)
            await self.depot.links.settled()
            down, self.frames[:] = list(self.frames), []
            for frame in down:
                self.station.receive(frame, now, now)
            if not down and not self.station.waiting:
                return
        raise AssertionError("it never comes to rest")


@asynccontextmanager
async def depot(folder: Path, token: str | None = None) -> AsyncIterator[tuple[DepotProcess, Link, Any]]:
    """With one station that has a car, and one that is not connected."""
    configuration = replace(
        configured(2), ledger=str(folder / "depot.db"), control=Control(socket=folder / "depot.sock"), http=Http()
    )
    process = DepotProcess(configuration, await open_ledger(configuration.ledger), lambda line: None)
    try:
        station = LightStation("CS0")
        link = Link(process, station)
        await link.settle()
        now = process.now()
        station.plug_in(car(), now, now)
        await link.settle()
        process.step()
        await link.settle()
        yield process, link, Api(process, Gate(monotonic, token=token)).app
    finally:
        await process.ledger.close()


def test_chargers_that_measure_seldom_are_not_silent(tmp_path: Path) -> None:
    async def made() -> float:
        configuration = replace(
            configured(1), ledger=str(tmp_path / "depot.db"), silence=Silence(meter_s=60, stale_s=180)
        )
        process = DepotProcess(configuration, await open_ledger(configuration.ledger), lambda line: None)
        await process.ledger.close()
        return process.controller.settings.silent_s

    assert asyncio.run(made()) >= 2 * 60.0  # a value may be lost


def test_the_answers_are_what_the_description_says(tmp_path: Path) -> None:
    asyncio.run(_described(tmp_path))


async def _described(folder: Path) -> None:
    async with depot(folder) as (process, _, app):
        document = (await ask(app, "GET", "/api/openapi.json")).json
        for path, kinds in document["paths"].items():
            for method, operation in kinds.items():
                content = operation.get("responses", {}).get("200", {}).get("content", {}) if method == "get" else {}
                if "application/json" not in content:
                    continue
                url = path.replace("{station}", "CS0").replace("{evse}", "1")
                answer = await ask(app, "GET", url)
                assert answer.status == 200, (url, answer.content)
                schema = content["application/json"]["schema"] | {"components": document["components"]}
                fastjsonschema.compile(schema)(answer.json)
        routes = {
            each.path.replace(":int}", "}")
            for each in Api(process, Gate(monotonic)).routes
            if each.path != "/api/openapi.json"
        }
        assert routes == set(document["paths"])


def test_a_request_by_http_moves_the_site_and_lapses(tmp_path: Path) -> None:
    asyncio.run(_requested(tmp_path))


async def _requested(folder: Path) -> None:
    async with depot(folder) as (process, link, app):
        put = await ask(app, "PUT", "/api/request", {"power_w": -5_000, "for_s": 60, "default_w": 0.0})
        assert put.status == 200, put.content
        process.step()
        await link.settle()
        site = (await ask(app, "GET", "/api/site")).json
        assert (site["requested_w"], site["requested_by"], site["discharging"]) == (-5_000, "EMS", 1)
        charger = (await ask(app, "GET", "/api/chargers/CS0/1")).json
        assert charger["accepted_w"] == charger["setpoint_w"] == -5_000
        assert charger["why"].startswith("discharging 5.0 kW, by: request by EMS")
        explained = (await ask(app, "GET", "/api/explain?of=van%200")).json
        assert "state of charge 70 %" in "\n".join(explained["CS0/1"])
        assert [each["by"] for each in (await ask(app, "GET", "/api/request")).json] == ["EMS"]
        assert (await ask(app, "DELETE", "/api/request?by=EMS")).status == 200
        assert (await ask(app, "DELETE", "/api/request?by=EMS")).status == 400
        process.step()
        assert process.status()["requested_w"] is None
        decisions = (await ask(app, "GET", "/api/decisions?charger=CS0/1")).json
        assert "request by EMS" in [each["binding"] for each in decisions]


@pytest.mark.parametrize(
    ("method", "url", "body", "reason"),
    [
        ("PUT", "/api/request", {"power_w": -5_000}, "for_s: missing"),
        ("PUT", "/api/request", {"power_w": "much", "for_s": 5}, "Expected `float`"),
        ("PUT", "/api/request", {"power_w": 1, "for_s": 5, "watts": 3}, "watts: unknown"),
        ("PUT", "/api/request", {"type": "wish", "for_s": 5}, "Invalid value 'wish'"),
        ("PUT", "/api/request", [1], "not what is expected here"),
        ("PUT", "/api/chargers/CS0/1/needs", {"min_soc_pu": 7}, "min_soc_pu: 7"),
        ("PUT", "/api/chargers/CS0/1/needs", {"floor": 0.5}, "unknown field"),
        ("PUT", "/api/chargers/CS0/1/needs", {"energy_wh": 1e308}, "energy_wh: 1e+308"),
        ("PUT", "/api/chargers/CS0/1/needs", {"energy_wh": -5}, "energy_wh: -5"),
        ("PUT", "/api/chargers/CS0/1/needs", {"departure_unix_s": 1}, "must be later than now"),
        ("PUT", "/api/chargers/CS0/1/needs", {"departure_unix_s": 1e308}, "within a year"),
        ("PUT", "/api/chargers/CS0/1/needs", {"min_soc_pu": 0.5, "target_soc_pu": 0.4}, "target_soc_pu: 0.4"),
        ("PUT", "/api/measurements", {"meter_w": 1e308}, "meter_w"),
        ("PUT", "/api/measurements", {"meter_w": 0, "other_load_w": -1e308}, "other_load_w"),
        ("PUT", "/api/measurements", {"frequency_hz": 0}, "frequency_hz"),
        ("GET", "/api/history?from=nan", None, "no time"),
        ("GET", "/api/history?until=inf", None, "no time"),
        ("GET", "/api/sessions?from=5&until=4", None, "the earlier one first"),
        ("PUT", "/api/chargers/CS1/1/needs", {"min_soc_pu": 0.5}, "no vehicle is charging here"),
        ("GET", "/api/chargers/CS9/1", None, "there is no charger CS9/1"),
        ("GET", "/api/explain?of=CS9", None, "neither a charger nor a vehicle CS9"),
        ("GET", "/api/sessions?from=yesterday", None, "could not convert"),
        ("POST", "/api/chargers/CS1/1/stop", None, "no vehicle is charging here"),
    ],
)
def test_what_cannot_be_has_a_reason(tmp_path: Path, method: str, url: str, body: Any, reason: str) -> None:
    async def case() -> None:
        async with depot(tmp_path) as (_, _, app):
            answer = await ask(app, method, url, body)
            assert answer.status == 400
            assert reason in answer.json["error"]

    asyncio.run(case())


def test_what_a_driver_and_an_operator_state(tmp_path: Path) -> None:
    asyncio.run(_driver(tmp_path))


async def _driver(folder: Path) -> None:
    async with depot(folder) as (process, _, app):
        place = "/api/chargers/CS0/1"
        assert (await ask(app, "PUT", f"{place}/needs", {"min_soc_pu": 0.65})).status == 200
        process.step()
        charger = (await ask(app, "GET", place)).json
        assert (charger["needs"]["source"], charger["needs"]["floor_soc_pu"]) == ("driver", 0.65)
        assert (await ask(app, "DELETE", f"{place}/needs")).status == 200
        assert (await ask(app, "POST", f"{place}/pause")).status == 200
        process.step()
        assert (await ask(app, "GET", place)).json["state"] == "waiting"
        assert (await ask(app, "POST", f"{place}/resume")).status == 200
        process.step()
        assert (await ask(app, "GET", place)).json["needs"]["source"] == "fleet list"


def test_who_gets_an_answer(tmp_path: Path) -> None:
    asyncio.run(_guarded(tmp_path))


async def _guarded(folder: Path) -> None:
    async with depot(folder) as (process, _, app):
        assert (await ask(app, "GET", "/api/site", headers={"host": "depot.example.com"})).status == 403
        assert (await ask(app, "GET", "/api/events", headers={"host": "depot.example.com"})).status == 403
        page = {"origin": "https://evil.example.com"}
        assert (await ask(app, "PUT", "/api/request", {"power_w": 0, "for_s": 5}, headers=page)).status == 403
        own = {"origin": "http://127.0.0.1:8080"}
        assert (await ask(app, "PUT", "/api/request", {"power_w": 0, "for_s": 5}, headers=own)).status == 200
        form = {"content-type": "text/plain"}
        assert (await ask(app, "PUT", "/api/request", {"power_w": 0, "for_s": 5}, headers=form)).status == 415
        closed = Api(process, Gate(monotonic, token="a long secret")).app
        assert (await ask(closed, "GET", "/api/site")).status == 401
        assert (await ask(closed, "GET", "/api/site", headers={"authorization": "Bearer no"})).status == 401
        good = {"authorization": "Bearer a long secret", "host": "depot.example.com"}
        assert (await ask(closed, "GET", "/api/site", headers=good)).status == 200


def test_whoever_has_a_credential_asks_in_its_own_name_and_nobody_else_does(tmp_path: Path) -> None:
    asyncio.run(_by_whom(tmp_path))


async def _by_whom(folder: Path) -> None:
    def bearer(token: str) -> dict[str, str]:
        return {"authorization": f"Bearer {token}"}

    async with depot(folder) as (process, _, _):
        secret = hashed("ann", Role.OPERATOR, "password").split(":", 2)[2]
        people = {"ann": User("ann", Role.OPERATOR, secret)}
        gate = Gate(monotonic, token="of all", programs={"EMS": "of the ems"}, users=people)
        app = Api(process, gate).app
        signed_in = await ask(app, "POST", "/session", {"name": "ann", "password": "password"})
        ann = {"cookie": signed_in.headers["set-cookie"].partition(";")[0]}
        limit = {"type": "limit", "steps": [{"from_unix_s": 0, "charge_w": 1_000}], "for_s": 60}
        assert (await ask(app, "PUT", "/api/request", limit, headers=bearer("of the ems"))).status == 200
        kept = process.requests()
        for headers in (bearer("of all"), ann):
            for method, body in (("PUT", {"power_w": 0, "for_s": 5, "by": "EMS"}), ("DELETE", None)):
                answer = await ask(app, method, "/api/request?by=EMS", body, headers=headers)
                assert answer.status == 403, (headers, method)
                assert "EMS" in answer.json["error"] or "ann" in answer.json["error"]
        assert (await ask(app, "DELETE", "/api/request?by=ann", headers=bearer("of the ems"))).status == 403
        assert (await ask(app, "DELETE", "/api/request", headers=bearer("of all"))).status == 403  # it would be EMS
        answer = await ask(app, "PUT", "/api/request", {"power_w": 0, "for_s": 5, "by": ["EMS"]}, bearer("of all"))
        assert answer.status == 400
        assert process.requests() == kept
        assert (await ask(app, "PUT", "/api/request", {"power_w": 0, "for_s": 5}, headers=ann)).status == 200
        assert [each.by for each in process.requests()] == ["ann", "EMS"]
        long = "E" * 201  # not cut: two long names could become one
        answer = await ask(app, "PUT", "/api/request", {"power_w": 0, "for_s": 5, "by": long}, bearer("of all"))
        assert "201 characters" in answer.json["error"]
        assert (await ask(app, "DELETE", "/api/request", headers=bearer("of the ems"))).status == 200
        assert [each.by for each in process.requests()] == ["ann"]
        process.request("bob, who has left", {"power_w": 0, "for_s": 5})
        assert (await ask(app, "DELETE", "/api/request?by=bob,%20who%20has%20left", headers=ann)).status == 200
        assert [each.by for each in process.requests()] == ["ann"]


def test_who_asks_for_all_of_the_past_does_not_fill_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("v2g.run.ledger_reader.MOST_DECISIONS", 1)

    async def case() -> None:
        async with depot(tmp_path) as (process, _, app):
            process.request("EMS", {"power_w": -5_000, "for_s": 60})
            process.step()
            refused = await ask(app, "GET", "/api/decisions")
            assert refused.status == 400
            assert "ask for one charger, or for a shorter time" in refused.json["error"]
            answers = await asyncio.gather(*(ask(app, "GET", "/api/sessions") for _ in range(20)))
            assert sorted(each.status for each in answers) == [200] * MOST_READERS + [400] * (20 - MOST_READERS)
            assert (await ask(app, "GET", "/api/sessions")).status == 200

    asyncio.run(case())


def test_the_stream_begins_whole_and_goes_on_with_what_has_changed(tmp_path: Path) -> None:
    asyncio.run(_streamed(tmp_path))


async def _streamed(folder: Path) -> None:
    async with depot(folder) as (process, _, _):
        api = Api(process, Gate(monotonic))
        reading = asyncio.create_task(ask(api.app, "GET", "/api/events", parts=2))
        for _ in range(100):  # turns of the loop until it reads
            await asyncio.sleep(0)
        assert api.stream.clients == 1
        process.request("EMS", {"power_w": -5_000, "for_s": 60})
        process.step()
        api.stream.tick()
        answer = await reading
        events = [each.split("\n") for each in answer.content.decode().split("\n\n") if each]
        assert [each[0] for each in events] == ["event: frame", "event: delta"]
        frame, delta = (json.loads(each[1].removeprefix("data: ")) for each in events)
        assert frame["columns"]["id"] == ["CS0/1", "CS1/1"]
        assert frame["columns"]["state"][1] == "offline"
        assert delta["columns"]["index"] == [0]
        assert delta["columns"]["setpoint_w"] == [-5_000]
        assert delta["site"]["requested_w"] == -5_000
        assert api.stream.clients == 0


def test_one_reader_does_not_shut_out_the_others(tmp_path: Path) -> None:
    async def case() -> None:
        async with depot(tmp_path) as (process, _, _):
            api = Api(process, Gate(monotonic))
            readers = [api.stream.read() for _ in range(MOST_STREAMS_EACH)]
            for each in readers:
                await anext(each)
            answer = await ask(api.app, "GET", "/api/events", parts=2)
            assert answer.status == 503
            assert "end one" in answer.json["error"]
            assert api.stream.read_by("ann") == 0

    asyncio.run(case())
