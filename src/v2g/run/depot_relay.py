"""The links of relay mode: one to the CSMS for each station that is connected, opened and closed with it."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from v2g.csms.gateway import Gateway
from v2g.csms.relay import Away, Relay, RelayedStation
from v2g.depot.configuration import Configuration, Upstream
from v2g.io.carrier import BackEndError, BackOff, Endpoint
from v2g.io.depot_configuration import password
from v2g.io.station_server import Link
from v2g.io.websocket import Connection, connect

AGAIN_S, RANDOM_S, DOUBLINGS = 2.0, 3, 4
"""Before the CSMS is tried again: the first wait, its random part, and how often it is doubled."""
STEADY_S = 60.0
"""After a link that has stood for this long the first wait holds again; a CSMS that drops it sooner is asked later."""


class DepotRelay:
    """All stations' links to their CSMS."""

    def __init__(
        self, gateway: Gateway, configuration: Configuration, now: Callable[[], float], report: Callable[[str], None]
    ) -> None:
        """`report` gets lines for a person. Raises `V2GError` for a file that cannot be read."""
        assert configuration.upstream is not None
        self._upstream, self._now, self._report = configuration.upstream, now, report
        self._relay = Relay(gateway, Away(configuration.upstream.away))
        self._endpoints = {
            each.id: endpoint(configuration.upstream, each.id, each.password_file) for each in configuration.stations
        }
        self._stations: dict[str, Link] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._outgoing: dict[str, asyncio.Queue[str]] = {}
        self._subprotocols: dict[str, str] = {}
        self._said: dict[str, str] = {}

    def connected(self, station: str, subprotocol: str, send: Callable[[str], None], close: Callable[[], None]) -> None:
        """A station has connected: its link to the CSMS is opened."""
        self._stations[station], self._subprotocols[station] = Link(send, close), subprotocol
        self._outgoing.pop(station, None)
        self._relay.stations[station].station_connected(subprotocol, self._now())
        self._open(station)

    def heard(self, station: str, frame: str | bytes) -> None:
        """A frame of a station."""
        text = frame if isinstance(frame, str) else frame.decode("utf-8", "replace")
        self._relay.stations[station].from_station(text, self._now(), time.time())
        self.flush(station)

    def disconnected(self, station: str) -> None:
        """It is gone."""
        self._stations.pop(station, None)
        self._relay.stations[station].station_gone()
        self.flush(station)

    def step(self) -> None:
        """Time has passed, or the gateway has something to send."""
        self._relay.step(self._now(), time.time())
        for station in self._relay.stations:
            self.flush(station)

    async def close(self) -> None:
        """Close all links to the CSMS."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    def flush(self, station: str) -> None:
        """Send what is due on both links of a station, and close those that have to be."""
        middle = self._relay.stations[station]
        link, outgoing = self._stations.get(station), self._outgoing.get(station)
        down, middle.down = middle.down, []
        up, middle.up = middle.up, []
        if link is not None:
            for frame in down:
                link.send(frame)
        if outgoing is not None:
            for frame in up:
                outgoing.put_nowait(frame)
        if middle.close_down:
            middle.close_down = False
            if link is not None:
                link.close()
        if middle.close_up:
            middle.close_up = False
            self._outgoing.pop(station, None)
            if middle.attached:
                middle.csms_gone(self._now(), time.time())
            self._open(station)
            if middle.down or middle.close_down:
                self.flush(station)

    def _open(self, station: str) -> None:
        """Open the link to the CSMS in the place of the one before, if the station is there."""
        before = self._tasks.pop(station, None)
        if before is not None:
            before.cancel()
        if station in self._stations:
            self._tasks[station] = asyncio.create_task(self._keep(station, before))

    async def _keep(self, station: str, before: "asyncio.Task[None] | None") -> None:
        if before is not None:
            with suppress(asyncio.CancelledError, Exception):
                await before
        middle, wait = self._relay.stations[station], BackOff()
        while True:
            try:
                link = await connect(self._endpoints[station], (self._subprotocols[station],))
            except BackEndError as error:
                self._report_once(station, f"{station}: its CSMS is away: {error}")
                self._lost(station, middle)
            else:
                self._report_once(station, f"{station}: its link to the CSMS stands ({link.subprotocol})")
                began_s = self._now()
                await self._serve(station, middle, link)
                if self._now() - began_s >= STEADY_S:
                    wait.succeeded()
                self._report_once(station, f"{station}: its CSMS is away")
            await asyncio.sleep(wait.next_s(AGAIN_S, RANDOM_S, DOUBLINGS))

    async def _serve(self, station: str, middle: RelayedStation, link: Connection) -> None:
        outgoing = self._outgoing[station] = asyncio.Queue[str]()
        middle.csms_connected(self._now(), time.time())
        self.flush(station)
        sending = asyncio.create_task(_send(link, outgoing))
        try:
            while True:
                frame = await link.receive()
                try:
                    middle.from_csms(frame, self._now(), time.time())
                except Exception as error:  # a defect must not end the link
                    self._report(f"{station}: a frame of its CSMS could not be handled: {error!r}")
                self.flush(station)
        except BackEndError:
            pass
        finally:
            sending.cancel()
            if self._outgoing.get(station) is outgoing:  # nobody has taken its place
                del self._outgoing[station]
                self._lost(station, middle)
            await link.close()

    def _lost(self, station: str, middle: RelayedStation) -> None:
        middle.csms_gone(self._now(), time.time())
        self.flush(station)

    def _report_once(self, station: str, text: str) -> None:
        """The same line is reported once."""
        if self._said.get(station) != text:
            self._said[station] = text
            self._report(text)


async def _send(link: Connection, outgoing: "asyncio.Queue[str]") -> None:
    with suppress(BackEndError):
        while True:
            await link.send(await outgoing.get())


def endpoint(upstream: Upstream, identity: str, password_file: Path | None) -> Endpoint:
    """How the depot proves to the CSMS who a station, or the depot itself, is. Raises `V2GError`."""
    secret = None if password_file is None else password(password_file)
    return Endpoint(
        upstream.url, identity, upstream.security_profile, secret, upstream.roots, upstream.certificate,
        upstream.private_key,
    )  # fmt: skip
