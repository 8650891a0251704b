"""The REST interface of a depot: JSON over HTTP, a stream of events, a description in OpenAPI; the operator's page.

Who may ask for what is decided by the `Gate` before each request.
"""

from collections.abc import Awaitable, Callable, Mapping
from importlib.metadata import version
from typing import Any, Protocol

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Route

from v2g.console.access import Gate
from v2g.console.answers import IN_JSON, read
from v2g.console.driver import Drivers
from v2g.console.pages import Pages
from v2g.depot.history import Record, span_of
from v2g.depot.ledger import Account, Decided
from v2g.depot.needs import StatedNeeds, by_driver
from v2g.depot.shown import COLUMNS
from v2g.depot.view import Measurements, Needs
from v2g.io.depot_openapi import described
from v2g.io.http_interface import Interface, Steered
from v2g.kernel.durations import DAY_S
from v2g.kernel.errors import V2GError

LATEST_S = 1e11


class Depot(Steered, Protocol):
    """What the interface shows and asks. Whatever is refused raises `V2GError` with the reason."""

    def now(self) -> float: ...
    def charger(self, id: str) -> dict[str, Any] | None: ...
    def explained(self, of: str = "") -> dict[str, list[str]]: ...
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


class Api(Interface):
    """The application."""

    def __init__(
        self, depot: Depot, gate: Gate, codes: Mapping[str, str] | None = None, first: str = "index.html"
    ) -> None:
        """`codes`: by EVSE, of the drivers' pages; without any there are none. `first`: the page at `/`."""
        super().__init__(depot, gate, COLUMNS)
        self._depot = depot
        place = "/api/chargers/{station}/{evse:int}"
        self.routes = [
            Route("/api/openapi.json", self.answering(self._described)),
            Route("/api/site", self.answering(self._site)),
            Route("/api/chargers", self.answering(self._chargers)),
            Route(place, self.answering(self._charger)),
            Route(f"{place}/needs", self.answering(self._needs), methods=["PUT", "DELETE"]),
            *(Route(f"{place}/{what}", self.answering(self._act(what)), methods=["POST"])
              for what in ("pause", "resume", "stop")),
            Route("/api/explain", self.answering(self._explain)),
            Route("/api/request", self.answering(self.request), methods=["GET", "PUT", "DELETE"]),
            Route("/api/measurements", self.answering(self._measured), methods=["PUT"]),
            Route("/api/sessions", self.answering(self._sessions)),
            Route("/api/decisions", self.answering(self._decisions)),
            Route("/api/history", self.answering(self._history)),
            Route(f"{place}/curve", self.answering(self._curve)),
            Route("/api/events", self.events),
        ]  # fmt: skip
        pages = Pages(gate, first)
        drivers = Drivers(gate, depot, codes, pages.file("driver.html")).routes if codes else []
        self.app = Starlette(routes=[*self.routes, *pages.routes, *drivers], exception_handlers=IN_JSON)

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


def id_of(request: Request) -> str:
    """Which charger a path names."""
    return f"{request.path_params['station']}/{request.path_params['evse']}"
