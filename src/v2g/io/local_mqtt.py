"""The local API of a station over MQTT 5, with discovery for Home Assistant. See docs/local-api.md.

    <prefix>/availability           retained: `online` or `offline`, the latter also as last will
    <prefix>/evse/<id>/state        retained: the EVSE as over HTTP, when it has changed and every few seconds
    <prefix>/evse/<id>/set/<what>   what is asked: JSON as over HTTP, or the bare value that Home Assistant sends
    <prefix>/evse/<id>/answer       {} once that is taken, {"error": "..."} if it is not

A retained command is left out: how old it is, nobody can say. No session outlives its connection, so a command that the
station did not hear in time never reaches it.
"""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from importlib.metadata import version
from typing import Any

import msgspec

from v2g.io.carrier import BackEndError, Endpoint
from v2g.io.home_assistant import discovery, node
from v2g.io.local_station import KINDS, LocalStation
from v2g.io.mqtt import OFFLINE, ONLINE, Broker, open_broker
from v2g.io.tokens import read_secret
from v2g.kernel.errors import V2GError
from v2g.kernel.rate import Bucket
from v2g.station.config.settings import ApiBroker, Right

AGAIN_S = 5.0
"""Before the next attempt to reach the broker."""
ALIVE_S = 10.0
"""The state is published at least this often."""
LONGEST = 4096
WEEK_S = 604_800.0
COMMANDS_PER_S, BURST = 5.0, 30.0
"""Further ones are dropped without an answer."""
BY = "MQTT (local API)"


class LocalMqtt:
    """The station at a broker."""

    def __init__(self, station: LocalStation, settings: ApiBroker, report: Callable[[str], None]) -> None:
        self._station, self._settings, self._report = station, settings, report
        self._published: dict[str, str] = {}
        self._bucket = Bucket(time.monotonic(), COMMANDS_PER_S, BURST)

    async def keep(self) -> None:
        """Be there for ever; connects again when the broker is lost. The same reason is reported once."""
        said = ""
        while True:
            try:
                await self._serve()
            except BackEndError as error:
                if str(error) != said:
                    said = str(error)
                    self._report(f"MQTT: {said}")
            await asyncio.sleep(AGAIN_S)

    async def _serve(self) -> None:
        prefix, settings = self._settings.prefix, self._settings
        broker = await open_broker(self._endpoint(), f"v2g {prefix}", f"{prefix}/availability")
        self._published = {}
        showing = asyncio.create_task(self._show(broker))
        try:
            await broker.subscribe(f"{prefix}/evse/+/set/+", retained=False)
            if settings.discovery is not None:
                await broker.subscribe(f"{settings.discovery}/status", retained=False)
            self._report(f"at the broker {settings.url}, topics {prefix}/...")
            while True:
                await self._arrived(broker, *await broker.receive())
        finally:
            showing.cancel()
            await broker.close()

    def _endpoint(self) -> Endpoint:
        settings = self._settings
        try:
            secret = None if settings.password_file is None else read_secret(settings.password_file, least=1)
        except V2GError as error:
            raise BackEndError(str(error)) from error
        profile = 2 if settings.url.startswith("mqtts") else 1
        return Endpoint(settings.url, settings.user or "", profile, secret, settings.roots)

    async def _show(self, broker: Broker) -> None:
        published_s = 0.0
        while True:
            now = time.monotonic()
            if now - published_s >= ALIVE_S:
                published_s, self._published = now, {}
            await self._publish(broker)
            with suppress(TimeoutError):
                async with asyncio.timeout(1.0):
                    await self._station.changed.wait()

    async def _publish(self, broker: Broker) -> None:
        prefix, settings = self._settings.prefix, self._settings
        try:
            evses = (await self._station.shown())["evses"]
        except V2GError:
            self._say(broker, f"{prefix}/availability", OFFLINE)
            return
        for evse in evses:
            if settings.discovery is not None:
                topic = f"{settings.discovery}/device/{node(evse)}/config"
                self._say(broker, topic, _json(discovery(prefix, evse, version("v2g"), settings.rights)))
            self._say(broker, f"{prefix}/evse/{evse['evse']}/state", _json(evse))
        self._say(broker, f"{prefix}/availability", ONLINE)

    def _say(self, broker: Broker, topic: str, text: str) -> None:
        """Publish what has changed."""
        if self._published.get(topic) != text:
            self._published[topic] = text
            broker.publish(topic, text, retain=True)

    async def _arrived(self, broker: Broker, topic: str, text: bytes) -> None:
        if topic == f"{self._settings.discovery}/status":  # Home Assistant has started
            self._published = {}
            return
        if not self._bucket.take(time.monotonic()):
            return
        *_, number, _, what = topic.removeprefix(f"{self._settings.prefix}/").split("/")
        answer: dict[str, str] = {"command": what}
        try:
            await self._obey(int(number) if number.isdecimal() and len(number) < 8 else -1, what, text)
        except V2GError as error:
            answer["error"] = str(error)
        broker.publish(f"{self._settings.prefix}/evse/{number}/answer", _json(answer))

    async def _obey(self, evse: int, what: str, text: bytes) -> None:
        if len(text) > LONGEST:
            raise V2GError(f"longer than {LONGEST} bytes")
        kind = {"enabled": "mode", "release": "set-point"}.get(what, what)
        if kind not in KINDS and kind != "stop":
            there_are = ", ".join([*KINDS, "enabled", "release", "stop"])
            raise V2GError(f"there is no command {what[:40]!r}, only {there_are}")
        right: Right = "authorise" if kind == "authorise" else "steer"
        if right not in self._settings.rights:
            raise V2GError(f"over the broker nobody may {right}; see local_api.mqtt.rights")
        if what == "release":
            await self._station.release("set-point", evse, BY)
            return
        document = asked(what, text, self._settings.valid_s)
        expires_s = document.pop("expires_unix_s", None)
        if expires_s is not None and not (isinstance(expires_s, int | float) and time.time() <= expires_s):
            raise V2GError("the command has expired")
        if document.pop("release", False) is True:
            await self._station.release(kind, evse, BY)
            return
        await self._station.ask(kind, evse, document, BY)


def asked(what: str, text: bytes, valid_s: float) -> dict[str, Any]:
    """The document as over HTTP. `text`: that, or the bare value that Home Assistant sends. Raises `V2GError`."""
    said = text.decode("utf-8", "replace").strip()
    if said.startswith("{"):
        try:
            found: dict[str, Any] = msgspec.json.decode(text, type=dict[str, Any])
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise V2GError(f"no JSON: {error}") from error
        return found
    match what:
        case "set-point":
            return {"power_w": _number(said), "for_s": valid_s}
        case "limit":
            return {"charge_w": _number(said), "for_s": valid_s}
        case "minimum-soc":
            return {"percent": round(_number(said))}
        case "mode":
            return {"mode": said} | ({"for_s": valid_s} if said in ("charge", "discharge", "pause") else {})
        case "phases":
            return {"release": True} if said == "auto" else {"phases": round(_number(said)), "for_s": valid_s}
        case "enabled":
            if said not in ("ON", "OFF"):
                raise V2GError("write ON or OFF")
            return {"mode": "auto"} if said == "ON" else {"mode": "pause", "for_s": WEEK_S}
        case "authorise" | "stop":
            return {}
    raise V2GError(f"{what} needs JSON, as over HTTP")


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError as error:
        raise V2GError(f"{text[:40]!r} is no number") from error
    if not abs(value) <= 1e9:
        raise V2GError(f"{text[:40]} is out of range")
    return value


def _json(content: object) -> str:
    return msgspec.json.encode(content).decode()
