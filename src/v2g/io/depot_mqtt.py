"""A depot at MQTT brokers: stations that come over one (docs/ocpp.md), and requests to the site over another.

Requests, under the prefix that the broker's address names:

    <prefix>/request/<by>     what is asked, as over HTTP; empty: withdrawn
    <prefix>/measurements     what is measured at the site, as over HTTP
    <prefix>/answer/<by>      {} once a request is taken, {"error": "..."} if it is not
    <prefix>/site             the site in few numbers, every few seconds

A retained request is left out: how old it is, nobody can say.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Protocol
from urllib.parse import quote, unquote, urlsplit

import msgspec

from v2g.depot.configuration import Broker as Place
from v2g.depot.view import Measurements
from v2g.io.carrier import BackEndError, Endpoint
from v2g.io.depot_configuration import password
from v2g.io.mqtt import ONLINE, Broker, Topics, open_broker
from v2g.io.station_server import Stations
from v2g.kernel.errors import V2GError
from v2g.ocpp.version import SUBPROTOCOLS

AGAIN_S = 3.0
"""Before the next attempt to reach a broker."""
SITE_S = 2.0
LASTS_S = 10
"""A frame that the broker could not deliver for so long is of an earlier time: it must not come later."""
LONGEST = 65_536


class Asked(Protocol):
    """Who takes requests. Whatever is refused raises `V2GError` with the reason."""

    def request_by_mqtt(self, by: str, document: dict[str, Any]) -> None: ...
    def withdraw_by_mqtt(self, by: str) -> bool: ...
    def measured(self, measurements: Measurements) -> None: ...
    def status(self) -> dict[str, Any]: ...


async def keep(serve: Callable[[], Any], report: Callable[[str], None]) -> None:
    """Serve at a broker for ever; connects again when it is lost. The same reason is reported once."""
    said = ""
    while True:
        try:
            await serve()
        except BackEndError as error:
            if str(error) != said:
                said = str(error)
                report(said)
        await asyncio.sleep(AGAIN_S)


def endpoint_of(place: Place) -> Endpoint:
    """Raises `BackEndError` for a file that cannot be read."""
    try:
        secret = None if place.password_file is None else password(place.password_file)
    except V2GError as error:
        raise BackEndError(str(error)) from error
    secure = place.url.startswith("mqtts://")
    return Endpoint(place.url, place.user, 2 if secure else 1, secret, place.roots)


class StationsAtBroker:
    """The stations that connect over a broker, which checks who they are."""

    def __init__(self, stations: Stations, place: Place, report: Callable[[str], None]) -> None:
        self._stations, self._place, self._report = stations, place, report
        self._topics, self._here = Topics(place.url), set[str]()

    async def serve(self) -> None:
        """Until the broker is lost. Raises `BackEndError`."""
        topics = self._topics
        broker = await open_broker(endpoint_of(self._place), "v2g depot stations", topics.csms)
        try:
            await broker.subscribe(topics.state("+").replace("%2B", "+"))
            await broker.subscribe(f"{topics.prefix}/in/+/+", retained=False)
            broker.publish(topics.csms, f"{ONLINE} {' '.join(SUBPROTOCOLS)}", retain=True)
            self._report(f"stations connect at the broker {self._place.url}")
            while True:
                self._arrived(broker, *await broker.receive())
        finally:
            for station in list(self._here):
                self._gone(station)
            await broker.close()

    def _arrived(self, broker: Broker, topic: str, text: bytes) -> None:
        *_, direction, between, name = topic.split("/")
        station = unquote(name)
        if not self._stations.knows(station):
            return
        if direction == "state":
            word, *versions = text.decode("utf-8", "replace").split() or [""]
            self._gone(station)  # what it says next belongs to a new connection
            if word == ONLINE and versions:
                self._come(broker, station, versions[0])
            return
        if station not in self._here:
            self._come(broker, station, between)
        if station in self._here:
            self._stations.heard(station, text)

    def _come(self, broker: Broker, station: str, subprotocol: str) -> None:
        if subprotocol not in SUBPROTOCOLS:
            self._report(f"{station} speaks {subprotocol[:20]}, which is none of {', '.join(SUBPROTOCOLS)}")
            return
        self._here.add(station)
        out = self._topics.frames("out", subprotocol, station)
        self._stations.connected(
            station, subprotocol, lambda frame: broker.publish(out, frame, lasts_s=LASTS_S), lambda: self._gone(station)
        )

    def _gone(self, station: str) -> None:
        if station in self._here:
            self._here.discard(station)
            self._stations.disconnected(station)


class RequestsAtBroker:
    """Requests to the site over a broker."""

    def __init__(self, asked: Asked, place: Place, report: Callable[[str], None]) -> None:
        self._asked, self._place, self._report = asked, place, report
        self._prefix = urlsplit(place.url).path.strip("/") or "depot"

    async def serve(self) -> None:
        """Until the broker is lost. Raises `BackEndError`."""
        state = f"{self._prefix}/state"
        broker = await open_broker(endpoint_of(self._place), "v2g depot requests", state)
        try:
            for each in ("request/+", "measurements"):
                await broker.subscribe(f"{self._prefix}/{each}", retained=False)
            broker.publish(state, ONLINE, retain=True)
            self._report(f"requests come from the broker {self._place.url}")
            showing = asyncio.create_task(self._show(broker))
            try:
                while True:
                    self.arrived(broker, *await broker.receive())
            finally:
                showing.cancel()
        finally:
            await broker.close()

    async def _show(self, broker: Broker) -> None:
        while True:
            broker.publish(f"{self._prefix}/site", msgspec.json.encode(self._asked.status()).decode())
            await asyncio.sleep(SITE_S)

    def arrived(self, broker: Broker, topic: str, text: bytes) -> None:
        """A message; what it asks for is answered."""
        *_, kind, last = topic.split("/")
        by = unquote(last) if kind == "request" else "measurements"
        answer: dict[str, str] = {}
        try:
            if len(text) > LONGEST:
                raise V2GError(f"longer than {LONGEST} bytes")
            if kind != "request":
                self._asked.measured(msgspec.json.decode(text, type=Measurements))
            elif not text:
                self._asked.withdraw_by_mqtt(by)
            else:
                document = msgspec.json.decode(text, type=dict[str, Any])
                self._asked.request_by_mqtt(by, {name: each for name, each in document.items() if name != "by"})
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            answer = {"error": f"not what is expected here: {error}"}
        except V2GError as error:
            answer = {"error": str(error)}
        broker.publish(f"{self._prefix}/answer/{quote(by, safe='')}", msgspec.json.encode(answer).decode())
