"""Keeps the station connected to its back end: WebSocket, store, the charging station in between."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from importlib.metadata import version as version_of
from typing import TYPE_CHECKING, Any

from v2g.kernel.errors import V2GError
from v2g.station.access import authorizer_of
from v2g.station.config.settings import Ocpp, Settings
from v2g.station.evse import Evse

if TYPE_CHECKING:  # loaded if there is a back end
    from v2g.io.sqlite_store import SqliteStore
    from v2g.io.websocket import Connection, Endpoint
    from v2g.station.back_end.charging_station import ChargingStation

LOOK_S = 0.1
"""Between looks at the EVSEs."""
PASSWORD_LENGTHS = range(16, 65)


class BackEndRunner:
    """The back end's side of one process. `run` lasts until it is cancelled."""

    def __init__(self, settings: Settings, ocpp: Ocpp) -> None:
        from v2g.station.back_end.authorizer import BackEndAuthorizer

        self._ocpp = ocpp
        asks = ocpp.authorize == "back_end"
        self.authorizers = {
            each.id: BackEndAuthorizer(authorizer_of(each.access), asks=asks, unproved=each.access.unproved)
            for each in settings.evses
        }
        self._station: ChargingStation | None = None
        self._connected_to = ""
        self._trouble = ""
        self._outgoing = asyncio.Event()

    async def run(
        self, evses: dict[int, Evse], heed: Callable[[], None], report: Callable[[str], None], end: Callable[[], None]
    ) -> None:
        """Serve the back end. `heed`: the EVSEs decide again. `end`: the process is to end.

        Raises `BackEndError` for a configuration that cannot be used.
        """
        from v2g.ocpp.store import Memory
        from v2g.station.back_end.blocks import BLOCKS
        from v2g.station.back_end.charging_station import Card, ChargingStation
        from v2g.station.back_end.requests import HANDLERS

        ocpp, loop = self._ocpp, asyncio.get_running_loop()
        news = asyncio.Event()
        store = _store(ocpp, lambda: _wake(loop, news))
        card = Card(ocpp.vendor, ocpp.model, version_of("v2g"), ocpp.serial)
        station = self._station = ChargingStation(
            card, evses, self.authorizers, store or Memory(), HANDLERS, ocpp.url, BLOCKS
        )
        endpoint = _endpoint(ocpp)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._look(station, store, news, report, end))
                tasks.create_task(self._connect(station, endpoint, news, heed, report))
        finally:
            if store is not None:
                store.close()

    def shown(self, what: str) -> Any:
        """For `v2g ocpp`."""
        station = self._station
        if station is None:
            raise V2GError("the station is still starting; ask again")
        match what:
            case "queue":
                return station.outbox.listed()
            case "variables":
                return station.model.listed()
            case "profiles":
                from v2g.ocpp.base import encode

                return [
                    {"evse": each.evse, "name": each.name, "profile": encode(each.profile).decode()}
                    for each in station.profiles.installed
                ]
        return {
            "url": self._ocpp.url,
            "identity": self._ocpp.identity,
            "connected": self._connected_to or "no",
            "registered": station.registered or "no",
            "trouble": self._trouble,
            "waiting": len(station.outbox),
            "transactions": {str(id): running.id for id, running in station.running.items()},
        }

    async def _look(
        self,
        station: "ChargingStation",
        store: "SqliteStore | None",
        news: asyncio.Event,
        report: Callable[[str], None],
        end: Callable[[], None],
    ) -> None:
        """Look at the EVSEs again and again. A defect here must not end the station: the orders lapse instead."""
        loop, said = asyncio.get_running_loop(), ""
        while True:
            try:
                station.step(loop.time(), int(time.time()))
            except Exception as error:
                if repr(error) != said:
                    said = repr(error)
                    report(f"the back end's side of the station failed: {said}")
            for text in station.log:
                report(f"OCPP: {text}")
            station.log.clear()
            if store is not None and store.trouble is not None:
                report(store.trouble)
                store.trouble = None
            if station.reset is not None:
                await asyncio.sleep(LOOK_S)  # for the answer to go out
                report(station.reset)
                end()
                return
            self._outgoing.set()
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S):
                    await news.wait()
            news.clear()

    async def _connect(
        self,
        station: "ChargingStation",
        endpoint: "Endpoint",
        news: asyncio.Event,
        heed: Callable[[], None],
        report: Callable[[str], None],
    ) -> None:
        """Connect, serve, and connect again for ever. The same reason is reported once."""
        from v2g.io.websocket import BackEndError, BackOff, connect
        from v2g.ocpp.version import Subprotocol, version

        loop, waits, number = asyncio.get_running_loop(), None, station.model.number
        subprotocols: dict[str, Subprotocol] = {"2.1": "ocpp2.1", "2.0.1": "ocpp2.0.1"}
        offered = {str(subprotocols[each]): subprotocols[each] for each in self._ocpp.versions}
        while True:
            waits = waits or BackOff(
                number("OCPPCommCtrlr", "RetryBackOffWaitMinimum"),
                int(number("OCPPCommCtrlr", "RetryBackOffRandomRange")),
                int(number("OCPPCommCtrlr", "RetryBackOffRepeatTimes")),
            )
            try:
                connection = await connect(endpoint, tuple(offered))
                waits, self._trouble, self._connected_to = None, "", connection.subprotocol
                report(f"connected to the back end {endpoint.url} ({connection.subprotocol})")
                station.connected(version(offered[connection.subprotocol]), loop.time())
                try:
                    async with asyncio.TaskGroup() as tasks:
                        sending = tasks.create_task(self._send(station, connection))
                        await self._receive(station, connection, news, heed)
                        sending.cancel()
                finally:
                    self._connected_to = ""
                    station.disconnected(loop.time())
                    await connection.close()
            except* BackEndError as group:
                reason = str(group.exceptions[0])
                if reason != self._trouble:
                    self._trouble = reason
                    report(reason)
            await asyncio.sleep(3.0 if waits is None else waits.next_s())

    async def _receive(
        self, station: "ChargingStation", connection: "Connection", news: asyncio.Event, heed: Callable[[], None]
    ) -> None:
        loop = asyncio.get_running_loop()
        while True:
            frame = await connection.receive()
            try:
                station.receive(frame, loop.time(), int(time.time()))
            except Exception as error:  # a defect here must not end the station
                station.log.append(f"a frame could not be handled: {error!r}")
            heed()
            self._outgoing.set()
            news.set()

    async def _send(self, station: "ChargingStation", connection: "Connection") -> None:
        while True:
            self._outgoing.clear()
            for frame in station.outgoing:
                await connection.send(frame)
            await self._outgoing.wait()


def _wake(loop: asyncio.AbstractEventLoop, news: asyncio.Event) -> None:
    """Called in the store's thread."""
    with suppress(RuntimeError):  # the loop has ended
        loop.call_soon_threadsafe(news.set)


def _store(ocpp: Ocpp, wake: Callable[[], None]) -> "SqliteStore | None":
    if ocpp.store is None:
        return None
    from v2g.io.sqlite_store import SqliteStore

    return SqliteStore(ocpp.store, wake)


def _endpoint(ocpp: Ocpp) -> "Endpoint":
    from v2g.io.websocket import BackEndError, Endpoint

    password = None
    if ocpp.password_file is not None:
        try:
            password = ocpp.password_file.read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            raise BackEndError(f"ocpp.password_file {ocpp.password_file}: {error}; write the password there") from error
        if len(password) not in PASSWORD_LENGTHS:
            length = f"{PASSWORD_LENGTHS[0]} to {PASSWORD_LENGTHS[-1]} characters"
            raise BackEndError(f"ocpp.password_file {ocpp.password_file}: the password has {length}; write one such")
    return Endpoint(
        ocpp.url, ocpp.identity, ocpp.security_profile, password, ocpp.roots, ocpp.certificate, ocpp.private_key
    )
