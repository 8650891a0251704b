"""The process of a site is killed, or stands still, while a car feeds its house: the car rests in the stated time, and
feeds again once the site is back."""

import asyncio
import json
import os
import signal
import urllib.request
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from tests.broker import free_port
from tests.certificates import certified
from tests.console.served import CHROMIUM
from tests.csms.test_site_with_station import CONFIGURATION, HOUSE_W
from tests.interop.process import Process
from tests.interop.station import START_S, V2G
from tests.run.test_back_end import PASSWORD
from tests.run.test_back_end_and_car import daemon
from tests.stopwatch import Stopwatch

from v2g.io.control_client import ControlClient, Gone
from v2g.station import command

pytestmark = [pytest.mark.alone, pytest.mark.proof, pytest.mark.timeout(600)]
EVERY_S, LONGEST_S = 0.2, 180.0
SAFE_S = 10.0 + 5.0
"""`silence.setpoint_s`, and what a station and its car take to follow."""


class House:
    """A meter that counts the house and the car, and brings that to the site if it is there."""

    def __init__(self, at: str, station: Path) -> None:
        self._at, self._client = at, ControlClient(station)
        self.page = at.removesuffix("/api")
        self.car_w, self._looked = 0.0, asyncio.Event()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            with suppress(Gone):
                status = await self._client.ask(command.Status())
                self.car_w = float(status["evses"][0].get("meter_w") or 0.0)
            with suppress(OSError):
                await asyncio.to_thread(self._put, (HOUSE_W + self.car_w) / 3)
            self._looked.set()
            await asyncio.sleep(EVERY_S)

    def _put(self, third_w: float) -> None:
        body, head = json.dumps({"powers_w": [third_w] * 3}).encode(), {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{self._at}/house", body, head, method="PUT")
        with urllib.request.urlopen(request, timeout=2.0) as answer:
            answer.read()

    async def until(self, holds: Callable[[float], bool]) -> None:
        """The car's power fulfils something."""
        async with asyncio.timeout(LONGEST_S):
            while not holds(self.car_w):
                self._looked.clear()
                await self._looked.wait()


@asynccontextmanager
async def feeding(folder: Path) -> AsyncIterator[tuple[House, Process, Callable[[], Process], Process]]:
    """A house, its site, what starts the site again, and a car that feeds."""
    certified(folder)
    (folder / "password").write_text(PASSWORD)
    stations, http = free_port(), free_port()
    text = CONFIGURATION
    for what, port in (("connect", stations), ("http", http)):
        text = text.replace(f'{what}: {{listen: "127.0.0.1:0"', f'{what}: {{listen: "127.0.0.1:{port}"')
    (folder / "site.yaml").write_text(text)
    begun = list[Process]()

    def start() -> Process:
        begun.append(Process([*V2G, "depot", "--site", "--config", str(folder / "site.yaml")]))
        return begun[-1]

    try:
        site = start()
        assert await asyncio.to_thread(site.wait_for, "REST interface is at", START_S), site.output
        async with daemon(folder, stations) as (place, battery):
            house = House(f"http://127.0.0.1:{http}/api", folder / "control.sock")
            running = asyncio.create_task(house.run())
            words = ["--host", "::1", "--port", place, "--pki", str(folder / "pki"), "--battery", battery, "--json"]
            with Process([*V2G, "ev", *words, "--duration", "900"]) as car:
                await house.until(feeds)
                yield house, site, start, car
            running.cancel()
    finally:
        for each in begun:
            each.__exit__(None, None, None)


def feeds(power_w: float) -> bool:
    return -HOUSE_W - 300.0 <= power_w <= -HOUSE_W / 2


def rests(power_w: float) -> bool:
    return abs(power_w) < 100.0


def test_a_killed_site_leaves_the_car_at_rest_and_goes_on_as_before(tmp_path: Path) -> None:
    async def run() -> None:
        async with feeding(tmp_path) as (house, site, start, car):
            watch = Stopwatch()
            os.kill(site.child.pid, signal.SIGKILL)
            await house.until(rests)
            assert watch.elapsed_s <= SAFE_S
            again = start()
            await house.until(feeds)
            assert car.child.poll() is None, car.output + again.output

    asyncio.run(run())


def test_a_site_that_stands_still_leaves_the_car_at_rest_and_goes_on_as_before(tmp_path: Path) -> None:
    async def run() -> None:
        async with feeding(tmp_path) as (house, site, _, car):
            watch = Stopwatch()
            os.kill(site.child.pid, signal.SIGSTOP)
            try:
                await house.until(rests)
                assert watch.elapsed_s <= SAFE_S
            finally:
                os.kill(site.child.pid, signal.SIGCONT)
            await house.until(feeds)
            assert car.child.poll() is None, car.output + site.output

    asyncio.run(run())


def test_the_buttons_of_the_page_steer_the_car(tmp_path: Path) -> None:
    """In a browser, with a car that charges, feeds and rests."""
    api = pytest.importorskip("playwright.async_api")
    if CHROMIUM is None:
        pytest.skip("needs chromium")

    async def run() -> None:
        async with feeding(tmp_path) as (house, site, _, car), api.async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
            page = await browser.new_page(viewport={"width": 390, "height": 900})
            page.set_default_timeout(1000.0 * LONGEST_S)
            await page.goto(house.page)
            await page.get_by_label("Charged by then").fill("95")  # it has more than what the list of vehicles wants
            await page.keyboard.press("Enter")
            await page.get_by_text("Done: your car is planned with that.").wait_for()
            for name, said, holds in (
                ("Charge now", "charges now", lambda power_w: power_w > 3_000.0),
                ("Pause", "is paused", rests),
                ("Feed", "feeds now", feeds),
            ):
                await page.get_by_role("group", name="What the car does").get_by_role("button", name=name).click()
                dialog = page.get_by_role("dialog")
                await dialog.get_by_role("button", name=name).click()
                await page.get_by_text(said, exact=True).wait_for()
                await house.until(holds)
            assert car.child.poll() is None, car.output + site.output
            await browser.close()

    asyncio.run(run())
