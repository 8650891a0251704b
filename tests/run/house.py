"""Programs of a house at a station's local API: plain HTTP, one evcc and one OpenEMS would use, and MQTT."""

import json
import queue
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any

import requests
from paho.mqtt.client import Client, MQTTMessage, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.subscribeoptions import SubscribeOptions
from tests.broker import free_port

START_S = 120.0


def token(folder: Path, name: str, *rights: str) -> dict[str, Any]:
    """An entry of `local_api.tokens`, and its file."""
    file = folder / f"{name}.token"
    file.write_text(f"{name}-secret-of-at-least-sixteen")
    file.chmod(0o640)
    return {"name": name, "file": str(file), "rights": list(rights)}


class House:
    """A program with a token."""

    def __init__(self, url: str, token: str | None = None) -> None:
        self.url, self.session = url, requests.Session()
        if token is not None:
            self.session.headers["Authorization"] = f"Bearer {token}-secret-of-at-least-sixteen"

    def ask(self, method: str, path: str, document: Any = None) -> tuple[int, Any]:
        """The status, and what the answer says."""
        answer = self.session.request(method, f"{self.url}/api{path}", json=document, timeout=30)
        return answer.status_code, answer.json()

    def evse(self) -> dict[str, Any]:
        """EVSE 1."""
        status, found = self.ask("GET", "/evses/1")
        assert status == 200, found
        assert isinstance(found, dict)
        return found

    def until(self, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The first state of the stream of events in which something holds."""
        for state in self.states():
            if holds(state["evses"][0]):
                found: dict[str, Any] = state["evses"][0]
                return found
        raise AssertionError("the stream has ended")

    def states(self) -> Iterator[dict[str, Any]]:
        """The stream of events."""
        with self.session.get(f"{self.url}/api/events", stream=True, timeout=60) as stream:
            assert stream.headers["Content-Type"].startswith("text/event-stream")
            for line in stream.iter_lines(chunk_size=1):
                if line.startswith(b"data: "):
                    content = json.loads(line.removeprefix(b"data: "))
                    if "evses" in content:
                        yield content


def listens(house: House) -> House:
    """Waits until the API is there."""
    while True:
        try:
            if house.ask("GET", "/station")[0] == 200:
                return house
        except requests.ConnectionError:
            continue


class Mqtt:
    """A client of the broker that sees everything."""

    def __init__(self, port: int, *topics: str) -> None:
        self.latest: dict[str, bytes] = {}
        self.retained: dict[str, bytes] = {}
        self._news: queue.Queue[str] = queue.Queue()
        self.client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTv5)
        self.client.on_message = self._arrived
        self.client.connect("127.0.0.1", port)
        for topic in topics:
            self.client.subscribe(topic, options=SubscribeOptions(qos=1, retainAsPublished=True))
        self.client.loop_start()

    def _arrived(self, _: Client, __: Any, message: MQTTMessage) -> None:
        self.latest[message.topic] = bytes(message.payload)
        if message.retain:
            self.retained[message.topic] = bytes(message.payload)
        self._news.put(message.topic)

    def until(self, topic: str, holds: Callable[[Any], bool] = lambda _: True) -> Any:
        """What a topic says, as JSON or text, once it holds."""
        by_s = monotonic() + START_S
        while True:
            if topic in self.latest:
                text = self.latest[topic].decode()
                said = json.loads(text) if text[:1] in ("{", "[") else text
                if holds(said):
                    return said
            self._news.get(timeout=max(by_s - monotonic(), 0.0))

    def say(self, topic: str, content: Any) -> None:
        """Publish; JSON unless it is text."""
        self.client.publish(topic, content if isinstance(content, str) else json.dumps(content), qos=1)

    def close(self) -> None:
        """Leave."""
        self.client.disconnect()
        self.client.loop_stop()


@contextmanager
def listening(port: int, *topics: str) -> Iterator[Mqtt]:
    """A client for as long as a test needs it."""
    client = Mqtt(port, *topics)
    try:
        yield client
    finally:
        client.close()


__all__ = ["House", "Mqtt", "free_port", "listening", "listens", "token"]
