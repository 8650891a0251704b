"""The REST interface of a fleet, and its page.

Who may ask for what is decided by the `Gate` before each request. What is asked for here ranks with what comes over the
servers: the latest holds.
"""

from typing import Any, Protocol

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Route

from v2g.console.access import Gate
from v2g.console.answers import IN_JSON
from v2g.console.pages import Pages
from v2g.fleet.shown import COLUMNS
from v2g.io.http_interface import Interface, Steered
from v2g.kernel.errors import V2GError


class Fleet(Steered, Protocol):
    """What the interface shows and asks. Whatever is refused raises `V2GError` with the reason."""

    def depot(self, id: str) -> dict[str, Any] | None: ...
    def course(self) -> dict[str, list[float | None]]: ...


class FleetApi(Interface):
    """The application."""

    def __init__(self, fleet: Fleet, gate: Gate) -> None:
        super().__init__(fleet, gate, COLUMNS)
        self._fleet = fleet
        routes = [
            Route("/api/fleet", self.answering(self._status)),
            Route("/api/depots", self.answering(self._depots)),
            Route("/api/depots/{depot}", self.answering(self._depot)),
            Route("/api/request", self.answering(self.request), methods=["GET", "PUT", "DELETE"]),
            Route("/api/course", self.answering(self._course)),
            Route("/api/events", self.events),
        ]
        self.app = Starlette(routes=[*routes, *Pages(gate, "fleet.html").routes], exception_handlers=IN_JSON)

    async def _status(self, request: Request) -> Any:
        return self._fleet.status()

    async def _depots(self, request: Request) -> Any:
        return [dict(zip(COLUMNS, row, strict=True)) for row in self._fleet.rows().values()]

    async def _depot(self, request: Request) -> Any:
        id = request.path_params["depot"]
        found = self._fleet.depot(id)
        if found is None:
            raise V2GError(f"there is no depot {id}; GET /api/depots lists them")
        return found

    async def _course(self, request: Request) -> Any:
        return self._fleet.course()
