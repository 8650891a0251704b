"""What the REST interfaces of depots and fleets have in common: who may ask, requests for power, the live stream."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from v2g.console.access import Gate
from v2g.console.answers import as_json, read, refusal, refused
from v2g.depot.configuration import Http
from v2g.io import http_application
from v2g.io.http_application import Readers, event
from v2g.kernel.errors import V2GError

MOST_STREAMS, MOST_STREAMS_EACH = 64, 16
FRAME_S = 1.0


class Steered(Protocol):
    """What is shown and asked. Whatever is refused raises `V2GError` with the reason."""

    def status(self) -> dict[str, Any]: ...
    def rows(self) -> Mapping[str, tuple[Any, ...]]: ...
    def requests(self) -> Sequence[Any]: ...
    def request(self, by: str, document: dict[str, Any]) -> None: ...
    def withdraw(self, by: str) -> bool: ...
    async def why_not_kept(self) -> str | None: ...


class Interface:
    """An application: `app`."""

    app: Starlette

    def __init__(self, shown: Steered, gate: Gate, columns: Sequence[str]) -> None:
        """`columns`: of the rows that are shown."""
        self._shown, self._gate = shown, gate
        self.stream = Stream(shown, columns)

    def answering(self, answer: Callable[[Request], Awaitable[Any]]) -> Callable[[Request], Awaitable[Response]]:
        """What answers a request in JSON, if the gate lets it through."""

        async def respond(request: Request) -> Response:
            if (found := self._gate.refused(request)) is not None:
                return refusal(found)
            try:
                return as_json(await answer(request))
            except V2GError as error:
                return refused(error)

        return respond

    async def request(self, request: Request) -> Any:
        """Of power: list, put, withdraw."""
        if request.method == "GET":
            return list(self._shown.requests())
        if request.method == "DELETE":
            by = self._gate.asker(request, request.query_params.get("by"))
            if not self._shown.withdraw(by):
                raise V2GError(f"there is no request by {by}; GET /api/request lists them")
            return {}
        document: dict[str, Any] = await read(request, dict[str, Any])
        self._shown.request(self._gate.asker(request, document.pop("by", None)), document)
        return await self.warned()

    async def warned(self) -> dict[str, str]:
        """What to know of something that holds from now on: that it is not on the disk, if it is not."""
        why = await self._shown.why_not_kept()
        return {} if why is None else {"warning": f"it holds, but no restart finds it: {why}"}

    async def events(self, request: Request) -> Response:
        """The live stream."""
        if (found := self._gate.refused(request)) is not None:
            return refusal(found)
        if self.stream.clients >= MOST_STREAMS:
            return as_json({"error": f"{MOST_STREAMS} clients read the stream already"}, 503)
        user = self._gate.user(request)
        who = "" if user is None else user.name
        if self.stream.read_by(who) >= MOST_STREAMS_EACH:  # one person must not shut out the others
            return as_json(
                {"error": f"{who or 'this machine'} reads {MOST_STREAMS_EACH} streams already; end one"}, 503
            )
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(self.stream.read(who), media_type="text/event-stream", headers=headers)


class Stream(Readers):
    """One frame a second for all clients together: all rows as columns first, then what has changed."""

    def __init__(self, shown: Steered, columns: Sequence[str]) -> None:
        super().__init__(self._begin)
        self._shown, self._columns = shown, columns
        self._rows: Mapping[str, tuple[Any, ...]] = {}

    async def run(self) -> None:
        """Make the frames, as long as somebody reads them."""
        while True:
            await asyncio.sleep(FRAME_S)
            if self.clients:
                with suppress(Exception):  # one bad row must not end the stream of everybody
                    self.tick()

    def tick(self) -> None:
        """The next frame, for everybody."""
        before, self._rows = self._rows, self._shown.rows()
        whole = list(before) != list(self._rows)
        frame = self._whole() if whole else self._delta(before)
        self.offer(frame)

    def _begin(self) -> bytes:
        if self.clients == 1:  # nobody has kept them up to date
            self._rows = self._shown.rows()
        return self._whole()

    def _whole(self) -> bytes:
        columns = list(zip(*self._rows.values(), strict=True)) or [()] * len(self._columns)
        return event("frame", {"columns": dict(zip(self._columns, columns, strict=True)), "site": self._shown.status()})

    def _delta(self, before: Mapping[str, tuple[Any, ...]]) -> bytes:
        changed = [
            (index, row)
            for index, (id, row) in enumerate(self._rows.items())
            if before[id] is not row and before[id] != row
        ]
        columns = list(zip(*(row for _, row in changed), strict=True)) or [()] * len(self._columns)
        fields = {"index": [index for index, _ in changed]} | dict(zip(self._columns, columns, strict=True))
        return event("delta", {"columns": fields, "site": self._shown.status()})


def serve_as(http: Http, api: Interface, ready: Callable[[str], None]) -> Coroutine[Any, Any, None]:
    """Serve by the configuration, as `serve` does."""
    host, _, port = http.listen.rpartition(":")
    tls = (http.certificate, http.private_key) if http.certificate and http.private_key else None
    return serve(api, host.strip("[]"), int(port), ready, tls)


async def serve(
    api: Interface, host: str, port: int, ready: Callable[[str], None], tls: tuple[Path, Path] | None = None
) -> None:
    """Serve until cancelled. `ready` gets the address. `tls`: certificate and key. Raises `HttpError`."""
    streaming = asyncio.create_task(api.stream.run())
    try:
        await http_application.serve(api.app, host, port, ready, tls, "http.listen")
    finally:
        streaming.cancel()
