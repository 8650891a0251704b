"""The process of a site: its meter, its limits and its page's interface, with a light station in memory."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from tests.csms.asgi import ask
from tests.csms.site import car
from tests.csms.test_api import Link

from v2g.bench.depot.station import LightStation
from v2g.cli.depot import overview
from v2g.console.access import Gate
from v2g.depot.configuration import Control, EvsePlace, FleetVehicle, Planning, Silence, StationPlace
from v2g.depot.shown import COLUMNS
from v2g.depot.site.configuration import (
    Connected,
    Contacts,
    ControlBox,
    Evening,
    HouseBattery,
    HouseMeter,
    SiteConfiguration,
    Tariff,
)
from v2g.depot.site.guard import Trouble
from v2g.io.site_http import SiteApi
from v2g.io.site_prices import fetched
from v2g.run.depot import open_ledger
from v2g.run.site import SiteProcess

BOX = ControlBox(contacts=(Contacts(name="W4", charge_w=0.0),), remote=True)


@asynccontextmanager
async def site(folder: Path, **changes: Any) -> AsyncIterator[tuple[SiteProcess, Link, Any]]:
    """With one station that has a car."""
    fields: dict[str, Any] = {
        "connection": Connected(fuse_a=35, export_w=5_000),
        "meter": HouseMeter(silent_charge_a=6.0),
        "stations": (StationPlace(id="CS0", evses=(EvsePlace(charge_w=11_000, discharge_w=11_000),)),),
        "vehicles": (FleetVehicle(id="our car", tokens=("EV0",), floor_soc=0.3, target_soc=0.9),),
        "evening": Evening(start="00:00", end="23:59"),
        "silence": Silence(setpoint_s=10, offline_s=10, meter_s=1),
        "plan": Planning(), "ledger": str(folder / "site.db"), "control": Control(socket=folder / "site.sock"),
    }  # fmt: skip
    settings = SiteConfiguration(**(fields | changes))
    process = SiteProcess(settings, await open_ledger(settings.ledger), lambda line: None)
    try:
        station = LightStation("CS0")
        link = Link(process, station)
        await link.settle()
        station.plug_in(car(), process.now(), process.now())
        await link.settle()
        gate = Gate(monotonic)
        yield process, link, SiteApi(process, gate).app
    finally:
        await process.ledger.close()


def run(test: Callable[[Path], Coroutine[Any, Any, None]], folder: Path) -> None:
    async def limited() -> None:
        async with asyncio.timeout(60):
            await test(folder)

    asyncio.run(limited())


async def put(app: Any, url: str, body: Any) -> Any:
    answer = await ask(app, "PUT", url, body)
    return answer.status, answer.json


async def stepped(process: SiteProcess, link: Link) -> float:
    """The power that is ordered now."""
    process.step()
    await link.settle()
    assert process.dispatch is not None
    return process.dispatch.commanded_w


def test_nothing_is_fed_and_little_charged_before_the_meter_speaks(tmp_path: Path) -> None:
    async def test(folder: Path) -> None:
        async with site(folder) as (process, link, app):
            assert await stepped(process, link) == 3 * 6.0 * 230.0
            assert [each["code"] for each in process.status()["notices"]] == [Trouble.METER_SILENT]
            status, _ = await put(app, "/api/house", {"powers_w": [500.0, 500.0, 500.0], "voltages_v": [230, 231, 229]})
            assert status == 200
            assert process.status()["notices"] == []
            assert process.control.urgent(process.now()) or process.control.room(process.now()).charge_w[1] > 7_000.0

    run(test, tmp_path)


@pytest.mark.parametrize(
    ("url", "body"),
    [
        ("/api/house", {"powers_w": [1e9, 0.0, 0.0]}),
        ("/api/house", {"powers_w": [0.0, 0.0, 0.0], "voltages_v": [23.0, 230.0, 230.0]}),
        ("/api/battery", {"power_w": 1e9}),
    ],
)
def test_a_reading_that_cannot_be_true_is_refused(tmp_path: Path, url: str, body: Any) -> None:
    async def test(folder: Path) -> None:
        async with site(folder) as (process, _, app):
            status, answer = await put(app, url, body)
            assert status == 400
            assert "1e+09" in answer["error"] or "23" in answer["error"] or "1000000" in answer["error"]
            assert process.control.guard.reading is None

    run(test, tmp_path)


def test_a_house_that_draws_leaves_less(tmp_path: Path) -> None:
    async def test(folder: Path) -> None:
        async with site(folder, connection=Connected(fuse_a=20)) as (process, link, app):
            await put(app, "/api/house", {"powers_w": [3_000.0, 500.0, 500.0]})
            ordered_w = await stepped(process, link)
            assert ordered_w == pytest.approx(3 * (19 * 230.0 - 3_000.0), abs=2.0)
            house = (await ask(app, "GET", "/api/house")).json
            assert house["connection_w"] == [3_000.0, 500.0, 500.0]
            assert house["feed_room_w"][0] >= 0.0

    run(test, tmp_path)


def test_the_grid_operator_limits_over_http_and_by_contacts(tmp_path: Path) -> None:
    async def test(folder: Path) -> None:
        log = folder / "limits.csv"
        box = ControlBox(contacts=BOX.contacts, remote=True, log=log)
        async with site(folder, control_box=box) as (process, link, app):
            await put(app, "/api/house", {"powers_w": [200.0, 200.0, 200.0]})
            assert (await ask(app, "GET", "/api/limit")).json["by"].startswith("fail-safe value")
            assert await stepped(process, link) <= 4_200.0
            status, found = await put(app, "/api/limit/contacts", {"W4": False})
            assert status == 200, found
            status, found = await put(app, "/api/limit", {"charge_w": 6_000})
            assert (status, found["charge_w"], found["by"]) == (200, 6_000.0, "grid operator")
            assert process.control.urgent(process.now())
            status, found = await put(app, "/api/limit/contacts", {"W4": True})
            assert found["charge_w"] == 0.0
            assert await stepped(process, link) == 0.0
            assert (await put(app, "/api/limit/contacts", {"W5": True}))[0] == 400
            assert (await put(app, "/api/limit", {"charge_w": -1}))[0] == 400
            assert (await ask(app, "POST", "/api/limit/heartbeat")).status == 200
            assert "contact W4" in log.read_text()
            assert process.status()["limited_by"] == "contact W4"

    run(test, tmp_path)


def test_without_a_box_nobody_limits_over_http(tmp_path: Path) -> None:
    async def test(folder: Path) -> None:
        async with site(folder) as (_, _, app):
            assert (await put(app, "/api/limit", {"charge_w": 0}))[0] == 400
            assert (await put(app, "/api/limit/contacts", {"W4": True}))[0] == 400

    run(test, tmp_path)


def test_a_silent_battery_forbids_the_feed(tmp_path: Path) -> None:
    async def test(folder: Path) -> None:
        async with site(folder, battery=HouseBattery()) as (process, _, app):
            await put(app, "/api/house", {"powers_w": [900.0, 900.0, 900.0]})
            assert process.control.room(process.now()).discharge_w[0] == 0.0
            status, _ = await put(app, "/api/battery", {"power_w": 0.0, "soc_pu": 20})  # per cent
            assert status == 400
            await put(app, "/api/battery", {"power_w": 0.0, "soc_pu": 0.2})
            await put(app, "/api/house", {"powers_w": [900.0, 900.0, 901.0]})
            assert process.control.room(process.now()).discharge_w[0] >= 0.0
            assert Trouble.BATTERY_SILENT not in [each["code"] for each in process.status()["notices"]]

    run(test, tmp_path)


def test_implausible_readings_are_left_out(tmp_path: Path) -> None:
    async def test(folder: Path) -> None:
        async with site(folder) as (process, _, app):
            await put(app, "/api/house", {"powers_w": [1e9, 0, 0]})
            assert process.control.guard.reading is None
            assert (await put(app, "/api/house", {"powers_w": [1, 2]}))[0] == 400

    run(test, tmp_path)


def test_the_log_says_when_the_meter_is_silent_and_when_that_is_over(tmp_path: Path) -> None:
    async def test(folder: Path) -> None:
        async with site(folder, control_box=ControlBox(contacts=(Contacts(name="W4"),), log=folder / "a.csv")) as (
            process, link, app,
        ):  # fmt: skip
            said, ahead_s, now = list[str](), [0.0], process.now
            process._report, process.now = said.append, lambda: now() + ahead_s[0]  # type: ignore[method-assign]
            await stepped(process, link)
            assert [line[:3] for line in sorted(said)] == ["H01", "H06"]
            await put(app, "/api/house", {"powers_w": [500.0, 400.0, 300.0]})
            await stepped(process, link)
            assert len(said) == 2, "it may come back"
            ahead_s[0] = 11.0
            await put(app, "/api/house", {"powers_w": [400.0, 350.0, 450.0]})
            await stepped(process, link)
            assert said[-1] == "H01 is over"
            shown = overview(process.status() | {"columns": COLUMNS, "rows": list(process.rows().values())})
            assert "\n\nCS0/1: It " in shown
            assert "planned:" not in shown
            assert process.status()["connection_w"] == 1_200.0
            ahead_s[0] = 60.0
            await stepped(process, link)
            assert said[-1].startswith("H01 the house's meter is silent")
            assert process.status()["connection_w"] is None
            assert process.status()["house_w"] is None
            assert (folder / "a.csv").read_text().splitlines()[-1].endswith(",")  # nobody knows what is drawn
            assert process.explained("our car")["CS0/1"][1].endswith(": the house's meter is silent.")

    run(test, tmp_path)


def test_stale_prices_are_no_prices(tmp_path: Path) -> None:
    async def test(folder: Path) -> None:
        async with site(folder, tariff=Tariff(source="none.csv")) as (process, link, app):
            await put(app, "/api/house", {"powers_w": [0.0, 0.0, 0.0]})
            await stepped(process, link)
            assert process.status()["notices"] == []  # before anybody has looked
            process._looked_for_prices = True
            assert Trouble.NO_PRICES in [each["code"] for each in process.status()["notices"]]
            assert [each.by for each in process.site.requests] == ["tariff"]

    run(test, tmp_path)


def test_prices_of_tomorrow_are_not_those_of_today(tmp_path: Path) -> None:
    async def test(folder: Path) -> None:
        file = folder / "prices.csv"
        async with site(folder, tariff=Tariff(source=str(file))) as (process, link, app):
            await put(app, "/api/house", {"powers_w": [0.0, 0.0, 0.0]})
            process._looked_for_prices = True
            for offset_s, by in ((7_200.0, "tariff"), (-600.0, "prices")):
                days = [datetime.fromtimestamp(process.now() + offset_s + n * 900.0, UTC).isoformat() for n in (0, 1)]
                file.write_text("from,buy_per_kwh\n" + "".join(f"{day},0.1\n" for day in days))
                process._prices = fetched(process.settings.tariff)
                await stepped(process, link)
                assert [each.by for each in process.site.requests] == [by]
                said = Trouble.NO_PRICES in [each["code"] for each in process.status()["notices"]]
                assert said == (by == "tariff")

    run(test, tmp_path)


def test_every_route_is_described(tmp_path: Path) -> None:
    async def test(folder: Path) -> None:
        async with site(folder) as (_, _, app):
            document = (await ask(app, "GET", "/api/openapi.json")).json
            assert {"/api/house", "/api/battery", "/api/limit", "/api/limit/heartbeat", "/api/limit/contacts"} <= set(
                document["paths"]
            )
            assert {"House", "Stored", "Limit", "Sun", "Order"} <= set(document["components"]["schemas"])
            assert {"/api/sun", "/api/plan", "/api/chargers/{station}/{evse}/mode"} <= set(document["paths"])
            answer = (await ask(app, "GET", "/api/site")).json
            assert set(answer) <= set(document["components"]["schemas"]["Site"]["properties"])

    run(test, tmp_path)


def test_a_person_orders_charge_feed_pause_and_the_plan(tmp_path: Path) -> None:
    async def test(folder: Path) -> None:
        async with site(folder, evening=None) as (process, link, app):
            mode = "/api/chargers/CS0/1/mode"

            async def ordered(what: str) -> float:
                assert (await put(app, mode, {"mode": what}))[0] == 200
                await put(app, "/api/house", {"powers_w": [300.0, 300.0, 300.0]})
                power_w = await stepped(process, link)
                (seen,) = process.status()["home"]["cars"]
                assert seen["mode"] == what
                return power_w

            await put(app, "/api/house", {"powers_w": [300.0, 300.0, 300.0]})
            await put(app, "/api/sun", {"power_w": 0.0})
            await stepped(process, link)
            assert await ordered("charge") > 7_000.0
            assert await ordered("feed") <= 0.0
            assert await ordered("pause") == 0.0
            await ordered("plan")
            assert (await put(app, mode, {"mode": "sing"}))[0] == 400
            assert (await put(app, "/api/chargers/CS9/1/mode", {"mode": "charge"}))[0] == 400
            home = process.status()["home"]
            assert home["grid_w"] + home["sun_w"] == pytest.approx(home["house_w"] + home["cars_w"])
            assert (await ask(app, "GET", "/api/plan")).json["steps"] is None
            link.station.unplug(process.now())
            await link.settle()
            status, answer = await put(app, mode, {"mode": "charge"})
            assert (status, answer["error"]) == (400, "CS0/1: no car is plugged in here")

    run(test, tmp_path)
