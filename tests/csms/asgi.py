"""Asks an ASGI application without a socket."""

import asyncio
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    content: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.content)


def content_of(body: Any) -> bytes:
    """What is sent."""
    if isinstance(body, bytes):
        return body
    return b"" if body is None else json.dumps(body).encode()


async def ask(
    app: Any, method: str, url: str, body: Any = None, headers: dict[str, str] | None = None, parts: int = 0
) -> Answer:
    """`body`: what becomes JSON, or bytes as they are.

    `parts`: the client goes away after this many parts of the answer; 0: it stays."""
    address = urlsplit(url)
    fields = {"host": "127.0.0.1:8080"} | ({"content-type": "application/json"} if body is not None else {})
    fields |= headers or {}
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "path": address.path,
        "raw_path": address.path.encode(), "query_string": address.query.encode(), "scheme": "http",
        "headers": [(name.encode(), value.encode()) for name, value in fields.items()],
    }  # fmt: skip
    sent, left, content = False, asyncio.Event(), b""
    found: dict[str, Any] = {}
    heard = 0

    async def receive() -> dict[str, Any]:
        nonlocal sent
        if not sent:
            sent = True
            return {"type": "http.request", "body": content_of(body)}
        await left.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        nonlocal content, heard
        if message["type"] == "http.response.start":
            found["status"] = message["status"]
            found["headers"] = {name.decode(): value.decode() for name, value in message["headers"]}
        else:
            content += message.get("body", b"")
            heard += 1
            if parts and heard >= parts:
                left.set()

    await app(scope, receive, send)
    return Answer(found["status"], found["headers"], content)
