"""Runs the demonstration of a depot: `v2g depot` in a process of its own, its stations in this one, two minutes."""

import asyncio
import json
import sys
import time
import urllib.request
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from v2g.bench.depot.fleet import Fleet
from v2g.bench.depot.scene import CAPACITY_W, FEEDERS, FLOOR_SOC, Place, configured, places
from v2g.io.carrier import Endpoint
from v2g.kernel.errors import V2GError
from v2g.kernel.units import kw

SECONDS, COUNT = 120.0, 60
SETTLES_S, LOST_AT = 12.0, 0.5
"""When the signal begins, and after which share of the rest the vehicles vanish."""
LOST = 12
FULL_SCALE_HZ, NOMINAL_HZ = 0.03, 60.0
START_S = 20.0
LINE_S = 5.0
FLOOR_BAND = 0.002


class DemoError(V2GError):
    """The demonstration cannot begin."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One second. Powers as they flow, whatever anybody knows of them."""

    time_s: float
    requested_w: float
    delivered_w: float
    frequency_hz: float
    changed: int
    feeders_w: dict[str, float]
    below_floor: int


@dataclass
class Performance:
    """What happened."""

    samples: list[Sample] = field(default_factory=list)
    lost_s: float | None = None
    explained: list[str] = field(default_factory=list)
    orders: int = 0
    sessions: list[dict[str, Any]] = field(default_factory=list)
    measured_wh: tuple[float, float] = (0.0, 0.0)
    """What the batteries took and gave, of vehicles that left with a word."""
    booked_wh: tuple[float, float] = (0.0, 0.0)
    log: str = ""


async def perform(
    folder: Path, say: Callable[[str], None], signal_hz: list[float], seconds: float = SECONDS, count: int = COUNT
) -> Performance:
    """Run it in `folder`. `signal_hz`: the grid's frequency each second. Raises `DemoError`."""
    all_places, done = places(count), Performance()
    file = configured(folder, all_places)
    async with AsyncExitStack() as stack:
        depot = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "v2g", "depot", "--config", str(file), stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        stack.push_async_callback(_end, depot)
        lines = _Lines(depot)
        stack.callback(lines.task.cancel)
        url, api = await lines.found("stations connect at "), await lines.found("its REST interface is at ")
        page = await lines.found("the operator's page is at ")
        say(f"the depot listens: stations connect at {url}; open {page} in a browser to watch")
        fleet = Fleet({each.id: _station(each, url, folder) for each in all_places})
        show = _Show(fleet, all_places, api, done, say)
        fleet.stepped = show.look
        running = asyncio.create_task(fleet.run())
        stack.callback(running.cancel)
        await show.run(signal_hz, seconds)
        done.log = "\n".join(lines.taken)
    return done


def _station(place: Place, url: str, folder: Path) -> Any:
    secret = (folder / f"{place.id}.password").read_text()
    return place.station(), Endpoint(url, place.id, 1, secret), f"ocpp{place.version}"


async def _end(process: asyncio.subprocess.Process) -> None:
    with suppress(ProcessLookupError):
        process.terminate()
    await process.wait()


class _Lines:
    """What the depot prints."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.taken: list[str] = []
        self._news = asyncio.Condition()
        self.task = asyncio.create_task(self._read(process))
        self._ended = False

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        async for line in process.stdout:
            async with self._news:
                self.taken.append(line.decode("utf-8", "replace").rstrip())
                self._news.notify_all()
        async with self._news:
            self._ended = True
            self._news.notify_all()

    async def found(self, start: str) -> str:
        """What stands behind these words. Raises `DemoError`."""

        def seen() -> str | None:
            return next((line[len(start) :] for line in self.taken if line.startswith(start)), None)

        try:
            async with asyncio.timeout(START_S), self._news:
                await self._news.wait_for(lambda: seen() is not None or self._ended)
        except TimeoutError:
            pass
        line = seen()
        if line is None:
            raise DemoError("the depot did not start: " + " | ".join(self.taken[-5:]))
        return line


class _Show:
    """The course of the demonstration."""

    def __init__(
        self, fleet: Fleet, all_places: list[Place], api: str, done: Performance, say: Callable[[str], None]
    ) -> None:
        self._fleet, self._places, self._api, self._done, self._say = fleet, all_places, api, done, say
        self._below: set[str] = set()
        """Vehicles that give energy below their floor, since the last sample."""

    def look(self) -> None:
        """After each step of the physics: who gives what he should keep?"""
        for id, station in self._fleet.stations.items():
            battery = station.battery
            if battery is not None and battery.soc_pu < FLOOR_SOC - FLOOR_BAND and station.power_w < -1:
                self._below.add(id)

    async def run(self, signal_hz: list[float], seconds: float) -> None:
        """Connect, plug in, follow, lose, unplug, and look at the books."""
        started_s, said_s = time.monotonic(), 0.0
        await self._until(lambda: self._fleet.online == len(self._places))
        self._say(f"{self._fleet.online} stations of OCPP 2.1 and 2.0.1 are connected; vehicles come, and charge")
        for place in self._places:
            self._fleet.stations[place.id].plug_in(place.car, time.monotonic(), time.time())
        second, begins_s = 0, started_s + SETTLES_S
        lost_s = SETTLES_S + LOST_AT * (seconds - SETTLES_S - 4)
        while (passed_s := time.monotonic() - started_s) < seconds - 4:
            if self._done.lost_s is None and passed_s >= lost_s:
                self._lose(passed_s)
            if passed_s >= SETTLES_S:
                if not second:
                    self._say("the grid operator begins to ask for power: negative is drawn, positive is fed")
                await self._second(second, signal_hz[second % len(signal_hz)], passed_s)
                second += 1
                if second > 1 and passed_s - said_s >= LINE_S:
                    said_s = passed_s
                    self._say(self._line())
            await asyncio.sleep(max(0.0, begins_s + second - time.monotonic()) if passed_s >= SETTLES_S else 0.25)
        found = await self._get("/explain")
        self._done.explained = _chosen(found)
        await self._finish()

    async def _second(self, second: int, frequency_hz: float, passed_s: float) -> None:
        share = max(0.0, min(1.0, 0.5 + 0.5 * (NOMINAL_HZ - frequency_hz) / FULL_SCALE_HZ))
        await self._put("/request", {"type": "regulation", "by": "grid operator", "signal_pu": share,
                                     "capacity_w": CAPACITY_W, "for_s": 10, "default_w": 0.0})  # fmt: skip
        await self._put("/measurements", {"meter_w": self._fleet.power_w, "frequency_hz": frequency_hz})
        site = await self._get("/site")
        feeders = dict.fromkeys(FEEDERS, 0.0)
        for place in self._places:
            feeders[place.feeder] += self._fleet.stations[place.id].power_w
        below, self._below = len(self._below), set()
        self._done.samples.append(
            Sample(passed_s, -share * CAPACITY_W, self._fleet.power_w, frequency_hz, site["changed"], feeders, below)
        )

    def _lose(self, passed_s: float) -> None:
        """Half of them are unplugged, of the other half nobody hears again."""
        here = [place.id for place in self._places if place.discharges][: 2 * LOST : 2]
        for index, id in enumerate(here):
            station = self._fleet.stations[id]
            if index % 2:
                station.unplug(time.time())
            else:
                station.silent = True
        self._done.lost_s = passed_s
        self._say(f"{len(here)} vehicles vanish: half of them are unplugged, half fall silent without a word")

    async def _finish(self) -> None:
        """The vehicles leave; the ledger has to say what their batteries took and gave."""
        now_s = time.time()
        speaking = [each for each in self._fleet.stations.values() if not each.silent]
        for station in speaking:
            station.unplug(now_s)
        await self._until(lambda: not any(each.waiting for each in speaking))
        self._done.orders = sum(each.orders for each in self._fleet.stations.values())
        self._done.sessions = await self._get("/sessions")
        self._done.measured_wh = sum(each.import_wh for each in speaking), sum(each.export_wh for each in speaking)
        ended = [each for each in self._done.sessions if each["ended"]]
        self._done.booked_wh = sum(each["charged_wh"] for each in ended), sum(each["discharged_wh"] for each in ended)

    def _line(self) -> str:
        samples = self._done.samples
        before, sample = samples[-2], samples[-1]
        vehicles = sum(each.battery is not None and not each.silent for each in self._fleet.stations.values())
        return (
            f"{sample.time_s:5.0f} s  {sample.frequency_hz:.3f} Hz  asked: {_way(before.requested_w)} (a second ago)  "
            f"measured: {_way(sample.delivered_w)}  {vehicles} vehicles, set-points changed: {sample.changed}"
        )

    async def _until(self, reached: Callable[[], bool]) -> None:
        for _ in range(int(START_S / 0.1)):
            if reached():
                return
            await asyncio.sleep(0.1)
        raise DemoError("the stations do not come to rest; is the machine overloaded?")

    async def _get(self, path: str) -> Any:
        return await asyncio.to_thread(_http, f"{self._api}{path}", None)

    async def _put(self, path: str, body: dict[str, Any]) -> None:
        await asyncio.to_thread(_http, f"{self._api}{path}", body)


def _way(power_w: float) -> str:
    """A power with its direction in a word; the site's, positive charges the vehicles."""
    return f"{'feed' if power_w < 0 else 'charge':6} {kw(abs(power_w)):>8}"


def _http(url: str, body: dict[str, Any] | None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    method = "GET" if body is None else "PUT"
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"}, method=method)  # noqa: S310
    with urllib.request.urlopen(request, timeout=START_S) as answer:  # noqa: S310
        return json.load(answer)


def _chosen(found: dict[str, list[str]]) -> list[str]:
    """One of each kind: what binds, up to five."""
    by_kind: dict[str, list[str]] = {}
    for lines in found.values():
        kind = lines[0].partition(", by: ")[2].partition(";")[0]
        by_kind.setdefault(kind, lines)
    return [line for lines in list(by_kind.values())[:5] for line in [lines[0], *(f"  {each}" for each in lines[1:])]]
