"""Many light stations in one process, each with a connection of its own to a depot."""

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import suppress

from v2g.bench.depot.station import LightStation
from v2g.io.carrier import BackEndError, Endpoint, Link
from v2g.ocpp.version import version

STEP_S = 0.25
AGAIN_S = 1.0
"""Before the next attempt to connect."""


class Fleet:
    """Connects the stations, and lets their time pass."""

    def __init__(self, stations: Mapping[str, tuple[LightStation, Endpoint, str]]) -> None:
        """`stations`: by identity, with where each connects and the version that it speaks."""
        self.stations = {id: station for id, (station, _, _) in stations.items()}
        self._places = {id: (endpoint, spoken) for id, (_, endpoint, spoken) in stations.items()}
        self._links: dict[str, Link] = {}
        self.stepped: Callable[[], None] = lambda: None
        """Called after each step of time."""
        self.keep: Callable[[str], None] = lambda id: None
        """Called for a station before anything that it has done leaves the process."""

    @property
    def online(self) -> int:
        """How many are connected."""
        return len(self._links)

    @property
    def power_w(self) -> float:
        """What flows to all of them together."""
        return sum(each.power_w for each in self.stations.values())

    async def run(self) -> None:
        """Until it is cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for id in self.stations:
                tasks.create_task(self._keep(id))
            await self._tick()

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(STEP_S)
            for id, station in self.stations.items():
                station.step(time.monotonic(), time.time())
                await self._send(id)
            self.stepped()

    async def _keep(self, id: str) -> None:
        """One station's connection, made again whenever it is lost."""
        from v2g.io.back_end import connect

        station, (endpoint, spoken) = self.stations[id], self._places[id]
        while True:
            with suppress(BackEndError):
                link = await connect(endpoint, (spoken,), None)
                self._links[id] = link
                station.connected(version(link.subprotocol), time.monotonic())
                try:
                    while True:
                        frame = await link.receive()
                        station.receive(frame, time.monotonic(), time.time())
                        await self._send(id)
                finally:
                    del self._links[id]
                    station.disconnected(time.monotonic())
                    await link.close()
            await asyncio.sleep(AGAIN_S)

    async def _send(self, id: str) -> None:
        link = self._links.get(id)
        frames = self.stations[id].outgoing if link is not None else []
        self.keep(id)
        for frame in frames:
            with suppress(BackEndError):  # the reader notices too
                await link.send(frame)  # type: ignore[union-attr]
