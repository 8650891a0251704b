"""The local API of a station over HTTP: JSON, a stream of events, a description in OpenAPI. See docs/local-api.md."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from http import HTTPStatus
from importlib.metadata import version
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from v2g.console.answers import IN_JSON, as_json, read, refusal, refused
from v2g.console.requests import Refusal
from v2g.io.control_client import Gone, Refused
from v2g.io.http_application import Readers, event
from v2g.io.local_access import Door
from v2g.io.local_openapi import described
from v2g.io.local_station import KINDS, LocalStation, NoSuchEvse, TooMany
from v2g.kernel.errors import V2GError
from v2g.station.config.settings import Right

MOST_STREAMS, MOST_STREAMS_EACH = 64, 16
ANSWERS_S = 15.0
"""A request is answered by then, however many wait for a daemon that does not answer."""
ALIVE_S = 15.0
"""At least this often something is sent."""
_STATUSES = {
    Gone: HTTPStatus.SERVICE_UNAVAILABLE,
    TooMany: HTTPStatus.TOO_MANY_REQUESTS,
    NoSuchEvse: HTTPStatus.NOT_FOUND,
    Refused: HTTPStatus.CONFLICT,
}
_NO_STORE = {"Cache-Control": "no-store"}


class LocalHttp:
    """The application."""

    def __init__(self, station: LocalStation, door: Door, answers_s: float = ANSWERS_S) -> None:
        self._station, self._door, self._answers_s = station, door, answers_s
        self._frame = b": no state yet\n\n"
        self.readers = Readers(lambda: self._frame)
        place = "/api/evses/{evse:int}"
        self.app = Starlette(routes=[
            Route("/api/openapi.json", self._answering("read", self._described)),
            Route("/api/station", self._answering("read", self._whole)),
            Route(place, self._answering("read", self._evse)),
            *(Route(f"{place}/{kind}", self._answering("steer", self._steer(kind)),
                    methods=["PUT"] if ends is None else ["PUT", "DELETE"])
              for kind, (_, ends) in KINDS.items() if kind != "authorise"),
            Route(f"{place}/authorise", self._answering("authorise", self._act("authorise")), methods=["POST"]),
            Route(f"{place}/stop", self._answering("steer", self._act("stop")), methods=["POST"]),
            Route("/api/events", self._events),
        ], exception_handlers=IN_JSON)  # fmt: skip

    async def run(self) -> None:
        """Send events, as long as somebody reads them."""
        silent_s = 0.0
        while True:
            self._station.changed.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(1.0):
                    await self._station.changed.wait()
            if not self.readers.clients:
                continue
            frame = await self._state()
            silent_s = 0.0 if frame != self._frame else silent_s + 1.0
            if frame != self._frame or silent_s >= ALIVE_S:
                self._frame, silent_s = frame, 0.0
                self.readers.offer(frame)

    async def _state(self) -> bytes:
        try:
            return event("state", await self._station.shown())
        except V2GError as error:
            return event("gone", {"error": str(error)})

    def _answering(self, right: Right, answer: Callable[[Request], Awaitable[Any]]) -> Any:
        async def respond(request: Request) -> Response:
            if (found := self._door.refused(request, right)) is not None:
                return refusal(found)
            try:
                async with asyncio.timeout(self._answers_s):
                    response = as_json(await answer(request))
            except TimeoutError:
                text = "the daemon does not answer in time; see its trace"
                return refusal(Refusal(HTTPStatus.SERVICE_UNAVAILABLE, text))
            except V2GError as error:
                status = next((each for kind, each in _STATUSES.items() if isinstance(error, kind)), None)
                return refused(error) if status is None else refusal(Refusal(status, str(error)))
            response.headers.update(_NO_STORE)
            return response

        return respond

    async def _described(self, request: Request) -> Any:
        return described(version("v2g"))

    async def _whole(self, request: Request) -> Any:
        return await self._station.shown()

    async def _evse(self, request: Request) -> Any:
        return await self._station.evse(_evse(request))

    def _steer(self, kind: str) -> Callable[[Request], Awaitable[Any]]:
        async def steer(request: Request) -> Any:
            if request.method == "DELETE":
                return await self._station.release(kind, _evse(request), self._by(request))
            document: dict[str, Any] = await read(request, dict[str, Any])
            return await self._station.ask(kind, _evse(request), document, self._by(request))

        return steer

    def _act(self, kind: str) -> Callable[[Request], Awaitable[Any]]:
        async def act(request: Request) -> Any:
            return await self._station.ask(kind, _evse(request), {}, self._by(request))

        return act

    def _by(self, request: Request) -> str:
        program = self._door.program(request)
        return "" if program is None else f"{program.name} (local API)"

    async def _events(self, request: Request) -> Response:
        if (found := self._door.refused(request, "read")) is not None:
            return refusal(found)
        who = self._by(request)
        if self.readers.clients >= MOST_STREAMS or self.readers.read_by(who) >= MOST_STREAMS_EACH:
            most = f"{MOST_STREAMS} streams are read already, or {MOST_STREAMS_EACH} by one program; end one"
            return refusal(Refusal(HTTPStatus.TOO_MANY_REQUESTS, most))
        if not self.readers.clients:
            self._frame = await self._state()
        headers = _NO_STORE | {"X-Accel-Buffering": "no"}
        return StreamingResponse(self.readers.read(who), media_type="text/event-stream", headers=headers)


def _evse(request: Request) -> int:
    return int(request.path_params["evse"])
