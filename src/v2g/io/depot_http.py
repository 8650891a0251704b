"""The REST interface of a depot: JSON over HTTP, a stream of events, a description in OpenAPI; the operator's page.

Who may ask for what is decided by the `Gate` before each request.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from v2g.console.access import Gate
from v2g.console.answers import IN_JSON, as_json, read, refusal, refused
from v2g.console.driver import Drivers
from v2g.console.pages import Pages
from v2g.depot.history import Record, span_of
from v2g.depot.ledger import Account, Decided
from v2g.depot.needs import StatedNeeds, by_driver
from v2g.depot.shown import COLUMNS
from v2g.depot.view import Measurements, Needs
from v2g.io import http_application
from v2g.io.depot_openapi import described
from v2g.io.http_application import Readers, event
from v2g.kernel.durations import DAY_S
from v2g.kernel.errors import V2GError

MOST_STREAMS, MOST_STREAMS_EACH = 64, 16
FRAME_S = 1.0
LATEST_S = 1e11


class Depot(Protocol):
    """What the interface shows and asks. Whatever is refused raises `V2GError` with the reason."""

    def now(self) -> float: ...
    def status(self) -> dict[str, Any]: ...
    def rows(self) -> Mapping[str, tuple[Any, ...]]: ...
    def charger(self, id: str) -> dict[str, Any] | None: ...
    def explained(self, of: str = "") -> dict[str, list[str]]: ...
    def requests(self) -> Sequence[Any]: ...
    def request(self, by: str, document: dict[str, Any]) -> None: ...
    def withdraw(self, by: str) -> bool: ...
    def measured(self, measurements: Measurements) -> None: ...
    def need(self, charger: str, needs: Needs | None) -> None: ...
    def visit(self, charger: str) -> str | None: ...
    def driver_view(self, charger: str) -> dict[str, Any]: ...
    def pause(self, charger: str, paused: bool) -> None: ...
    def end(self, charger: str) -> None: ...
    async def accounts(self, from_s: float, until_s: float) -> list[Account]: ...
    async def decisions(self, from_s: float, until_s: float, charger: str = "") -> list[Decided]: ...
    async def history(self, from_s: float, until_s: float) -> list[Record]: ...
    def curve(self, charger: str) -> tuple[list[float], list[float | None]]: ...


class Api:
    """The application."""

    def __init__(
        self, depot: Depot, gate: Gate, codes: Mapping[str, str] | None = None, first: str = "index.html"
    ) -> None:
        """`codes`: by EVSE, of the drivers' pages; without any there are none. `first`: the page at `/`."""
        self._depot, self._gate = depot, gate
        self.stream = Stream(depot)
        place = "/api/chargers/{station}/{evse:int}"
        self.routes = [
            Route("/api/openapi.json", self._answering(self._described)),
            Route("/api/site", self._answering(self._site)),
            Route("/api/chargers", self._answering(self._chargers)),
            Route(place, self._answering(self._charger)),
            Route(f"{place}/needs", self._answering(self._needs), methods=["PUT", "DELETE"]),
            *(Route(f"{place}/{what}", self._answering(self._act(what)), methods=["POST"])
              for what in ("pause", "resume", "stop")),
            Route("/api/explain", self._answering(self._explain)),
            Route("/api/request", self._answering(self._request), methods=["GET", "PUT", "DELETE"]),
            Route("/api/measurements", self._answering(self._measured), methods=["PUT"]),
            Route("/api/sessions", self._answering(self._sessions)),
            Route("/api/decisions", self._answering(self._decisions)),
            Route("/api/history", self._answering(self._history)),
            Route(f"{place}/curve", self._answering(self._curve)),
            Route("/api/events", self._events),
        ]  # fmt: skip
        pages = Pages(gate, first)
        drivers = Drivers(gate, depot, codes, pages.file("driver.html")).routes if codes else []
        self.app = Starlette(routes=[*self.routes, *pages.routes, *drivers], exception_handlers=IN_JSON)

    def _answering(self, answer: Callable[[Request], Awaitable[Any]]) -> Callable[[Request], Awaitable[Response]]:
        async def respond(request: Request) -> Response:
            if (found := self._gate.refused(request)) is not None:
                return refusal(found)
            try:
                return as_json(await answer(request))
            except V2GError as error:
                return refused(error)

        return respond

    async def _described(self, request: Request) -> Any:
        return described(version("v2g"))

    async def _site(self, request: Request) -> Any:
        return self._depot.status()

    async def _chargers(self, request: Request) -> Any:
        return [self._depot.charger(id) for id in self._depot.rows()]

    async def _charger(self, request: Request) -> Any:
        found = self._depot.charger(id_of(request))
        if found is None:
            raise V2GError(f"there is no charger {id_of(request)}; GET /api/chargers lists them")
        return found

    async def _needs(self, request: Request) -> Any:
        if request.method == "DELETE":
            self._depot.need(id_of(request), None)
            return {}
        self._depot.need(id_of(request), by_driver(await read(request, StatedNeeds), self._depot.now()))
        return {}

    def _act(self, what: str) -> Callable[[Request], Awaitable[Any]]:
        async def act(request: Request) -> Any:
            if what == "stop":
                self._depot.end(id_of(request))
            else:
                self._depot.pause(id_of(request), what == "pause")
            return {}

        return act

    async def _explain(self, request: Request) -> Any:
        return self._depot.explained(request.query_params.get("of", ""))

    async def _request(self, request: Request) -> Any:
        if request.method == "GET":
            return list(self._depot.requests())
        if request.method == "DELETE":
            by = request.query_params.get("by", "EMS")
            if not self._depot.withdraw(by):
                raise V2GError(f"there is no request by {by}; GET /api/request lists them")
            return {}
        document: dict[str, Any] = await read(request, dict[str, Any])
        self._depot.request(str(document.pop("by", "EMS"))[:64], document)
        return {}

    async def _measured(self, request: Request) -> Any:
        self._depot.measured(await read(request, Measurements))
        return {}

    async def _sessions(self, request: Request) -> Any:
        return await self._depot.accounts(*self._time(request))

    async def _decisions(self, request: Request) -> Any:
        return await self._depot.decisions(*self._time(request), request.query_params.get("charger", ""))

    async def _history(self, request: Request) -> Any:
        from_s, until_s = self._time(request)
        records = await self._depot.history(from_s, until_s)
        columns = list(zip(*records, strict=True)) or [()] * len(Record._fields)
        return dict(zip(Record._fields, columns, strict=True)) | {"span_s": span_of(from_s, until_s)}

    async def _curve(self, request: Request) -> Any:
        at_s, power_w = self._depot.curve(id_of(request))
        return {"at_s": at_s, "power_w": power_w}

    def _time(self, request: Request) -> tuple[float, float]:
        now = self._depot.now()
        try:
            from_s = float(request.query_params.get("from", now - DAY_S))
            until_s = float(request.query_params.get("until", now + 1))
        except ValueError as error:
            raise V2GError(f"from, until: {error}; write Unix seconds") from error
        if not 0.0 <= from_s <= until_s <= LATEST_S:
            raise V2GError("from, until: no time; write Unix seconds, the earlier one first")
        return from_s, until_s

    async def _events(self, request: Request) -> Response:
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
    """One frame a second for all clients together: all chargers as columns first, then what has changed."""

    def __init__(self, depot: Depot) -> None:
        super().__init__(self._begin)
        self._depot = depot
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
        before, self._rows = self._rows, self._depot.rows()
        whole = list(before) != list(self._rows)
        frame = self._whole() if whole else self._delta(before)
        self.offer(frame)

    def _begin(self) -> bytes:
        if self.clients == 1:  # nobody has kept them up to date
            self._rows = self._depot.rows()
        return self._whole()

    def _whole(self) -> bytes:
        columns = list(zip(*self._rows.values(), strict=True)) or [()] * len(COLUMNS)
        return event("frame", {"columns": dict(zip(COLUMNS, columns, strict=True)), "site": self._depot.status()})

    def _delta(self, before: Mapping[str, tuple[Any, ...]]) -> bytes:
        changed = [(index, row) for index, (id, row) in enumerate(self._rows.items()) if before[id] is not row]
        columns = list(zip(*(row for _, row in changed), strict=True)) or [()] * len(COLUMNS)
        fields = {"index": [index for index, _ in changed]} | dict(zip(COLUMNS, columns, strict=True))
        return event("delta", {"columns": fields, "site": self._depot.status()})


async def serve(
    api: Api, host: str, port: int, ready: Callable[[str], None], tls: tuple[Path, Path] | None = None
) -> None:
    """Serve until cancelled. `ready` gets the address. `tls`: certificate and key. Raises `HttpError`."""
    streaming = asyncio.create_task(api.stream.run())
    try:
        await http_application.serve(api.app, host, port, ready, tls, "http.listen")
    finally:
        streaming.cancel()


def id_of(request: Request) -> str:
    """Which charger a path names."""
    return f"{request.path_params['station']}/{request.path_params['evse']}"
