"""What a depot speaks with its stations by: their frames reach the gateway or the relay, and its own reach them."""

import time
from collections.abc import Callable, Sequence
from functools import partial

from v2g.csms.gateway import Gateway
from v2g.io.depot_ledger import SqliteLedger
from v2g.io.depot_postgres import PostgresLedger
from v2g.io.station_server import Link
from v2g.io.turns import Turns
from v2g.run.depot_relay import DepotRelay

TOGETHER = 100
"""Stations that are spoken to in one turn of the loop: the first ones answer while the last ones are spoken to."""
FLUSH_S = 5.0
"""How long somebody waits for the disk who has to know what is on it."""


class DepotLinks:
    """All stations' links (`v2g.io.station_server.Stations`)."""

    def __init__(
        self, gateway: Gateway, relay: DepotRelay | None, ledger: SqliteLedger | PostgresLedger,
        now: Callable[[], float], report: Callable[[str], None], guarded: Callable[[Callable[[], None]], None],
        urge: Callable[[], None],
    ) -> None:  # fmt: skip
        """`guarded` calls what must not end the process, `urge` wakes the controller."""
        self._gateway, self._relay, self._ledger = gateway, relay, ledger
        self._now, self._report, self._guarded, self._urge = now, report, guarded, urge
        self._links: dict[str, Link] = {}
        self._turns = Turns()

    def knows(self, station: str) -> bool:
        """Whether it is configured."""
        return station in self._gateway.stations

    def connected(self, station: str, subprotocol: str, send: Callable[[str], None], close: Callable[[], None]) -> None:
        """A station has connected."""
        if self._relay is not None:
            self._relay.connected(station, subprotocol, send, close)
            return
        self._links[station] = Link(send, close)
        self._gateway.connected(station, subprotocol, self._now())
        self._gateway.speak(station, self._now(), time.time())
        self._send(station)

    def heard(self, station: str, frame: str | bytes) -> None:
        """A frame of a station. A defect in its handling must not end the process."""
        gateway = self._gateway
        try:
            if self._relay is not None:
                self._relay.heard(station, frame)
            else:
                gateway.receive(station, frame, self._now(), time.time())
        except Exception as error:
            gateway.line(station, f"a frame of {station} could not be handled: {error!r}", self._now())
        self._send(station)
        while gateway.expelled:
            link = self._links.get(gateway.expelled.pop())
            if link is not None:
                link.close()
        if gateway.urgent:
            self._urge()

    async def settled(self) -> None:
        """Once what stations have reported so far is on the disk, and answered."""
        await self._ledger.flushed(FLUSH_S)
        self.committed()

    def disconnected(self, station: str) -> None:
        """It is gone."""
        self._links.pop(station, None)
        if self._relay is not None:
            self._relay.disconnected(station)
        else:
            self._gateway.disconnected(station)
        self._urge()

    def committed(self) -> None:
        """The ledger has written: what has waited for it is due."""
        if self._relay is not None:
            self.flush()
        else:
            self._speak_to(self._gateway.committed())

    def flush(self) -> None:
        """Send everybody what is due, and report what there is to report."""
        if self._relay is not None:
            self._relay.step()
        else:
            self._gateway.committed()
            self._speak_to(list(self._gateway.stations))
        while self._gateway.lines:
            self._report(self._gateway.lines.popleft())

    def _speak_to(self, stations: Sequence[str]) -> None:
        """Send stations what is due: to the first ones at once, to others in turns."""
        self._speak(stations[:TOGETHER])
        for begin in range(TOGETHER, len(stations), TOGETHER):
            self._turns.add(partial(self._guarded, partial(self._speak, stations[begin : begin + TOGETHER])))

    def _speak(self, stations: Sequence[str]) -> None:
        now, unix_s = self._now(), time.time()
        for station in stations:
            self._gateway.speak(station, now, unix_s)
            self._send(station)

    def _send(self, station: str) -> None:
        if self._relay is not None:  # has sent it
            return
        link = self._links.get(station)
        for frame in self._gateway.taken(station):
            if link is not None:
                link.send(frame)
