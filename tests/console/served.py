"""A depot or a house behind its page, in a loop of its own in a thread: the browser's driver needs the test's."""

import asyncio
import shutil
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from datetime import UTC, datetime
from math import pi, sin
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace
from tests.csms.site import car, configured
from tests.csms.test_api import Link
from tests.fleet.bench import bench

from v2g.bench.depot.station import LightCar, LightStation
from v2g.console.access import Gate, Role, hashed, read_users
from v2g.depot.configuration import Control, EvsePlace, FleetVehicle, StationPlace
from v2g.depot.forecast import LoadProfile
from v2g.depot.plan import STEP_S, start_of
from v2g.depot.site.configuration import Connected, ControlBox, HouseBattery, SiteConfiguration, Tariff
from v2g.depot.view import Measurements
from v2g.io import http_interface
from v2g.io.depot_http import Api
from v2g.io.fleet_http import FleetApi
from v2g.io.http_interface import Interface
from v2g.io.site_http import House, SiteApi, Stored
from v2g.io.site_prices import fetched
from v2g.run.depot import DepotProcess, open_ledger
from v2g.run.site import SiteProcess

if TYPE_CHECKING:
    from playwright.sync_api import Page

PASSWORD = "correct horse battery"
MARKUP = "<img src=x onerror=alert(1)>"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
CODES = {"CS0/1": "a" * 16, "CS1/1": "b" * 16}
UNNAMED = """[...document.querySelectorAll("input, select, button")].filter(
    (each) => !(each.labels?.length || each.ariaLabel || each.textContent.trim())).length"""
SUN_W, LOAD_W, STORE_W, EXPORT_W = 5_200.0, 900.0, 600.0, 5_000.0


class Served:
    """Whatever is served; `url` is its page's."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._ready = folder, Future[str]()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))
        self._ended: asyncio.Event
        self._thread.start()
        self.url = self._ready.result(30)

    def end(self) -> None:
        self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join()

    async def _run(self) -> None:
        self._loop, self._ended = asyncio.get_running_loop(), asyncio.Event()
        process, link, work = await self._made()
        tasks = [asyncio.create_task(each) for each in work]
        try:
            while not self._ended.is_set():
                self._step(process, link)
                process.step()
                await link.settle()
                await asyncio.wait([asyncio.create_task(self._ended.wait())], timeout=0.2)
        finally:
            for each in tasks:
                each.cancel()
            await process.ledger.close()

    async def _made(self) -> tuple[Any, Link, list[Coroutine[Any, Any, None]]]:
        raise AssertionError("of a subclass")

    def _step(self, process: Any, link: Link) -> None:
        """What is measured now."""

    def _gate(self) -> Gate:
        users = self._folder / "users"
        users.write_text("\n".join(hashed(role, role, PASSWORD) for role in Role))
        return Gate(monotonic, users=read_users(users))

    def _serving(self, api: Interface) -> Coroutine[Any, Any, None]:
        return http_interface.serve(api, "127.0.0.1", 0, self._ready.set_result)


class ServedDepot(Served):
    """Stations of which one is connected, and has a car."""

    def __init__(self, folder: Path, stations: int) -> None:
        self._stations = stations
        super().__init__(folder)

    async def _made(self) -> tuple[Any, Link, list[Coroutine[Any, Any, None]]]:
        fleet = (FleetVehicle(id=MARKUP, tokens=("EV0",), floor_soc=0.3),)
        control, ledger = Control(socket=self._folder / "depot.sock"), str(self._folder / "depot.db")
        configuration = replace(configured(self._stations), ledger=ledger, control=control, vehicles=fleet)
        process = DepotProcess(configuration, await open_ledger(configuration.ledger), lambda line: None)
        station = LightStation("CS0")
        link = Link(process, station)
        await link.settle()
        station.plug_in(car(), process.now(), process.now())
        return process, link, [self._serving(Api(process, self._gate(), CODES))]

    def _step(self, process: Any, link: Link) -> None:
        process.measured(Measurements(frequency_hz=50.0))


class ServedFleet(Served):
    """Two depots of four chargers that have joined over servers of their own."""

    async def _run(self) -> None:
        self._loop, self._ended = asyncio.get_running_loop(), asyncio.Event()
        async with bench(self._folder, ["harbour", "airport"]) as scene:
            await scene.until(lambda: all(each.aggregate for each in scene.fleet.states.values()), "all are heard of")
            serving = asyncio.create_task(self._serving(FleetApi(scene.fleet, self._gate())))
            await self._ended.wait()
            serving.cancel()


class ServedHome(Served):
    """A house with sun, a battery that charges, prices of the day and a car."""

    control_box: ControlBox | None = None

    async def _made(self) -> tuple[Any, Link, list[Coroutine[Any, Any, None]]]:
        prices = self._folder / "prices.csv"
        settings = SiteConfiguration(
            connection=Connected(fuse_a=35, export_w=EXPORT_W),
            battery=HouseBattery(),
            tariff=Tariff(source=str(prices)),
            stations=(StationPlace(id="CS0", evses=(EvsePlace(charge_w=11_000, discharge_w=11_000),)),),
            vehicles=(FleetVehicle(id="Our car", tokens=("EV0",), floor_soc=0.3, target_soc=0.8),),
            ledger=str(self._folder / "site.db"),
            control=Control(socket=self._folder / "site.sock"),
            control_box=self.control_box,
        )
        process = SiteProcess(settings, await open_ledger(settings.ledger), lambda line: None)
        now = process.now()
        prices.write_text(_prices(now))
        process._prices = fetched(settings.tariff)
        process._plan._load = _usual(now)
        station = LightStation("CS0")
        link = Link(process, station)
        await link.settle()
        station.plug_in(LightCar("EV0", 60_000, 0.62, departure_s=16 * 3600.0), now, now)
        return (
            process,
            link,
            [self._serving(SiteApi(process, self._gate(), CODES)), process._plan.serve(process.accounts)],
        )

    def _step(self, process: Any, link: Link) -> None:
        third_w = (LOAD_W - SUN_W + STORE_W + link.station.power_w) / 3.0
        process.battery_read(Stored(power_w=STORE_W, soc_pu=0.985))
        process.sun_read(SUN_W)
        process.house_read(House(powers_w=(third_w, third_w, third_w)))


def _prices(now: float) -> str:
    """Of two days: dear in the evening, cheap at night."""
    rows = []
    for number in range(192):
        at_s = start_of(now) + (number - 2) * STEP_S
        hour = at_s % 86_400.0 / 3600.0
        buy = 0.28 + 0.09 * sin((hour - 14.0) / 12.0 * pi) + 0.03 * sin((hour - 6.0) / 6.0 * pi)
        rows.append(f"{datetime.fromtimestamp(at_s, UTC).isoformat()},{buy:.4f},{0.6 * buy:.4f}")
    return "from,buy_per_kwh,sell_per_kwh\n" + "\n".join(rows)


def _usual(now: float) -> LoadProfile:
    """What the house has drawn, less its sun, on the days before."""
    found = LoadProfile()
    for number in range(14 * 96, 0, -1):
        at_s = start_of(now) - number * STEP_S
        hour = at_s % 86_400.0 / 3600.0
        sun_w = 6_000.0 * max(sin((hour - 6.0) / 14.0 * pi), 0.0)
        found.add(at_s, 500.0 + (1_400.0 if 17.0 <= hour < 22.0 else 0.0) - sun_w)
    return found


def fits(page: "Page") -> bool:
    """Whether nothing has to be scrolled to the side."""
    return bool(page.evaluate("document.scrollingElement.scrollWidth <= innerWidth"))


def signed_in(page: "Page", name: Role, heading: str) -> None:
    """Through the form, until the page is there."""
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("heading", name=heading).wait_for()
