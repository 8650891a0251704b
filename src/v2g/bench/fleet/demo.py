"""Runs the demonstration of a fleet: a frequency event is answered by a thousand chargers, a server dies on the way."""

import asyncio
import sqlite3
import time
from collections.abc import Callable
from contextlib import AsyncExitStack, closing
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from typing import Any

from v2g.bench.depot.scene import recorded_hz
from v2g.bench.fleet.depot import RATING_W
from v2g.bench.fleet.stage import Scene, Stage
from v2g.fleet.configuration import NetworkNode
from v2g.fleet.ledger import Total
from v2g.kernel.durations import HOUR_S
from v2g.kernel.units import kw
from v2g.run.fleet import open_reader

SECONDS = 120.0
NOMINAL_HZ = 60.0
DIP_HZ = -0.1
"""The event: a step of the frequency, for a while, on top of the recording."""
DIP_FROM, DIP_UNTIL, KILLED_AT = 0.25, 0.75, 0.5
"""As shares of the time."""
DEADBAND_HZ = 0.01
LINE_S, DRAINS_S = 5.0, 30.0


def scene_of(depots: int, chargers: int) -> Scene:
    """Four regions, of which the last one carries less than its depots could feed."""
    behind_w = RATING_W * chargers * max(1, depots // 4)
    shares = {"north": 0.6, "east": 0.6, "south": 0.6, "west": 0.1}
    regions = tuple(
        NetworkNode(id=name, parent="grid", charge_w=0.8 * behind_w, discharge_w=share * behind_w)
        for name, share in shares.items()
    )
    return Scene(regions=regions, depots=depots, chargers=chargers)


def droop_w_per_hz(scene: Scene) -> float:
    """The event asks for a fifth of all ratings."""
    return 0.2 * RATING_W * scene.chargers * scene.depots / (abs(DIP_HZ) - DEADBAND_HZ)


@dataclass(frozen=True, slots=True)
class Sample:
    """One second. Powers as they flow, whatever anybody knows of them."""

    time_s: float
    frequency_hz: float
    asked_w: float
    power_w: float
    regions_w: dict[str, float]
    servers: int
    following: int
    """Depots."""


@dataclass
class Performance:
    """What happened."""

    scene: Scene
    samples: list[Sample] = field(default_factory=list)
    dip_s: float = 0.0
    killed_s: float = 0.0
    acknowledged_s: list[float] = field(default_factory=list)
    fine: list[tuple[float, float]] = field(default_factory=list)
    """Time and power, ten times a second."""
    missing: int = 0
    """Entries that a depot has made and the ledger does not have."""
    entries: int = 0
    totals: list[Total] = field(default_factory=list)
    energy_wh: tuple[float, float] = (0.0, 0.0)
    """Charged and discharged as it flowed, while the depots booked."""
    why: list[str] = field(default_factory=list)
    log: str = ""


def asked_w(frequency_hz: float, per_hz: float) -> float:
    """What the droop asks for."""
    off_hz = frequency_hz - NOMINAL_HZ
    beyond_hz = max(abs(off_hz) - DEADBAND_HZ, 0.0)
    return beyond_hz * per_hz * (1.0 if off_hz > 0 else -1.0)


async def perform(
    folder: Path, say: Callable[[str], None], seconds: float = SECONDS, depots: int = 20, chargers: int = 50
) -> Performance:
    """Run it in `folder`. Raises `V2GError`."""
    scene = scene_of(depots, chargers)
    async with AsyncExitStack() as stack:
        stage = Stage(folder, scene)
        stack.push_async_callback(stage.close)
        show = _Show(stage, Performance(scene), say)
        stack.callback(show.watching.cancel)
        say(f"{scene.nodes} servers, the fleet, and {depots} depots with {chargers} chargers each start")
        await stage.start()
        await stage.until(lambda: all(each.server for each in stage.members.values()), "all depots have joined")
        say(f"the fleet's page is at {stage.page}")
        await show.run(seconds)
        return show.done


class _Show:
    """The course of the demonstration."""

    def __init__(self, stage: Stage, done: Performance, say: Callable[[str], None]) -> None:
        self._stage, self.done, self._say = stage, done, say
        self._per_hz = droop_w_per_hz(done.scene)
        self._alive = done.scene.nodes
        self._began_s = inf
        self.watching = asyncio.create_task(self._watch())
        """From the start on, as depots book from then on."""
        self._region = {each.id: each.node or "grid" for each in stage.configuration.depots}

    async def run(self, seconds: float) -> None:
        """Answer the frequency, lose a server, and look at the books."""
        stage, done = self._stage, self.done
        await stage.say("request", {"type": "droop", "w_per_hz": self._per_hz, "nominal_hz": NOMINAL_HZ,
                                    "deadband_hz": DEADBAND_HZ, "for_s": 3600, "default_w": 0.0})  # fmt: skip
        began_s, recording = time.monotonic(), recorded_hz()
        self._began_s = began_s
        killing: asyncio.Task[None] | None = None
        while (passed_s := time.monotonic() - began_s) < seconds:  # a busy machine leaves seconds out
            dips = DIP_FROM * seconds <= passed_s < DIP_UNTIL * seconds
            frequency_hz = recording[int(passed_s) % len(recording)] + (DIP_HZ if dips else 0.0)
            if dips and not done.dip_s:
                done.dip_s = passed_s
                self._say(f"the frequency falls by {-1000 * DIP_HZ:.0f} mHz")
            if killing is None and passed_s >= KILLED_AT * seconds and done.scene.nodes > 1:
                killing = asyncio.create_task(self._kill(passed_s))
            saying = asyncio.create_task(stage.say("measure", {"frequency_hz": frequency_hz}))
            await asyncio.sleep(max(0.0, int(passed_s) + 1 - (time.monotonic() - began_s)))
            await saying
            await self._sample(began_s, frequency_hz)
            if done.samples[-1].time_s // LINE_S > passed_s // LINE_S:
                self._say(self._line())
        await self._finish()
        if killing is not None:
            await killing

    async def _watch(self) -> None:
        """The power as it flows."""
        last_s, charged_wh, fed_wh = time.monotonic(), 0.0, 0.0
        while True:
            powers_w = [float(each) for depot in self._stage.depots.values() for each in depot.plant.power_w]
            now_s = time.monotonic()
            hours = (now_s - last_s) / HOUR_S
            charged_wh += sum(each for each in powers_w if each > 0) * hours
            fed_wh -= sum(each for each in powers_w if each < 0) * hours
            last_s = now_s
            self.done.energy_wh = charged_wh, fed_wh
            if now_s >= self._began_s:
                self.done.fine.append((now_s - self._began_s, sum(powers_w)))
            await asyncio.sleep(0.1)

    async def _kill(self, second: float) -> None:
        """The server that the fleet's process is connected to first, without a word."""
        server = self._stage.servers.servers[0]
        self.done.killed_s = second
        await server.kill()
        self._alive -= 1
        self._say(f"{server.name} is killed; {self._alive} servers are left")

    async def _sample(self, began_s: float, frequency_hz: float) -> None:
        stage = self._stage
        status = await stage.status()
        time_s = time.monotonic() - began_s
        if status["acknowledged_s"] is not None:
            self.done.acknowledged_s.append(status["acknowledged_s"])
        state = status["columns"].index("state")
        names = {region: [name for name, at in self._region.items() if at == region]
                 for region in dict.fromkeys(self._region.values())}  # fmt: skip
        self.done.samples.append(
            Sample(
                time_s, frequency_hz, asked_w(frequency_hz, self._per_hz), stage.power_w(),
                {region: stage.power_w(each) for region, each in names.items()}, self._alive,
                sum(row[state] == "follows" for row in status["rows"]),
            )
        )  # fmt: skip
        self._why(status)

    def _why(self, status: dict[str, Any]) -> None:
        """A sentence of each kind, while much is asked."""
        place = status["columns"].index("why")
        for row in status["rows"]:
            text = str(row[place])
            kind = text.partition("; ")[2]
            if text and len(self.done.why) < 8 and not any(kind == each.partition("; ")[2] for each in self.done.why):
                self.done.why.append(f"{row[0]}: {text}")

    def _line(self) -> str:
        sample = self.done.samples[-1]
        return (
            f"{sample.time_s:5.0f} s  {sample.frequency_hz:.3f} Hz  asked: {kw(sample.asked_w):>11}  measured: "
            f"{kw(sample.power_w):>11}  {sample.following} depots follow, {sample.servers} servers"
        )

    async def _finish(self) -> None:
        """The depots close their books; the ledger must have all of it, each entry once."""
        stage, done = self._stage, self.done
        await stage.say("withdraw", {})
        for member in stage.members.values():
            member.books.end()
        self.watching.cancel()
        self._say("the depots close their books")
        last = {name: each.books.last for name, each in stage.members.items()}
        with closing(sqlite3.connect(stage.configuration.ledger)) as database:

            def entered() -> bool:
                return set(last.items()) <= set(database.execute("SELECT depot, sequence FROM entry"))

            await stage.until(entered, "the last entry of each depot is in the ledger", DRAINS_S)
        ledger = await open_reader(stage.configuration.ledger)
        for name in stage.names:
            done.missing += len(await ledger.gaps(name, 0.0, 1e12))
            totals = await ledger.totals(name, 0.0, 1e12)
            done.totals += totals
            done.entries += sum(each.entries for each in totals)
        await ledger.close()
        done.log = "\n".join(stage.lines)
