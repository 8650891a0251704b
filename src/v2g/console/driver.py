"""The driver's page of the vehicle at an EVSE, found by the EVSE's code: no sign-in.

What a driver states ends with the visit. Each change carries the ticket of the visit, which the page gets with what it
shows: a page that is left open cannot change what the next vehicle needs. There is no cookie, so no page of somebody
else can send anything in a driver's name.
"""

from collections.abc import Awaitable, Callable, Mapping
from hashlib import sha256
from hmac import compare_digest, new
from http import HTTPStatus
from typing import Any, Protocol

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from v2g.console.access import Gate
from v2g.console.answers import as_json, read, refusal, refused
from v2g.console.requests import Refusal
from v2g.depot.needs import StatedNeeds, by_driver
from v2g.depot.view import Needs
from v2g.kernel.errors import V2GError
from v2g.kernel.rate import Bucket

LONGEST_BODY = 1024
CHANGES, CHANGES_PER_S = 10.0, 0.2
"""Of one visit's needs: at once, and in the long run. Each makes the depot plan again."""


class Visits(Protocol):
    """What the page shows and changes."""

    def now(self) -> float:
        """Unix time."""
        ...

    def visit(self, charger: str) -> str | None:
        """The transaction there; None if no vehicle is there."""
        ...

    def driver_view(self, charger: str) -> dict[str, Any]:
        """What a driver may see of it, as what JSON can hold."""
        ...

    def need(self, charger: str, needs: Needs | None) -> None:
        """A driver states needs, or takes them back. Raises `V2GError`."""
        ...


class _Asked(StatedNeeds, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the page sends."""

    ticket: str


class _Withdrawn(Struct, frozen=True, forbid_unknown_fields=True):
    ticket: str


class Drivers:
    """The routes."""

    def __init__(self, gate: Gate, visits: Visits, codes: Mapping[str, str], page: Callable[[Request], Any]) -> None:
        """`codes`: by EVSE. `page`: answers with the page's file."""
        self._gate, self._visits, self._page = gate, visits, page
        self._evses = {sha256(code.encode()).digest(): evse for evse, code in codes.items()}
        self._changes: dict[str, Bucket] = {}
        self.routes = [
            Route("/e/{code}", self._answering(self._file)),
            Route("/e/{code}/visit", self._answering(self._visit)),
            Route("/e/{code}/needs", self._answering(self._needs), methods=["PUT", "DELETE"]),
        ]

    def _answering(
        self, answer: Callable[[Request, str], Awaitable[Response]]
    ) -> Callable[[Request], Awaitable[Response]]:
        async def respond(request: Request) -> Response:
            if (found := self._gate.refused_to_all(request)) is not None:
                return refusal(found)
            # Found by its digest: how long that takes says nothing of the codes.
            evse = self._evses.get(sha256(request.path_params["code"].encode()).digest())
            if evse is None and answer != self._file:
                text = "there is no such code; scan the one on the charger again"
                return refusal(Refusal(HTTPStatus.NOT_FOUND, text))
            try:
                return await answer(request, evse or "")
            except V2GError as error:
                return refused(error)

        return respond

    async def _file(self, request: Request, evse: str) -> Response:
        """The same for every code: the page asks, and says whether there is one."""
        response: Response = await self._page(request)
        return response

    async def _visit(self, request: Request, evse: str) -> Response:
        visit = self._visits.visit(evse)
        ticket = None if visit is None else _ticket(request.path_params["code"], visit)
        response = as_json(self._visits.driver_view(evse) | {"ticket": ticket})
        response.headers["Cache-Control"] = "no-store"
        return response

    async def _needs(self, request: Request, evse: str) -> Response:
        asked: _Asked | _Withdrawn = await read(
            request, _Withdrawn if request.method == "DELETE" else _Asked, LONGEST_BODY
        )
        visit = self._visits.visit(evse)
        if visit is None:
            raise V2GError("no vehicle is plugged in here")
        if not compare_digest(asked.ticket.encode(), _ticket(request.path_params["code"], visit).encode()):
            text = "this page is of an earlier visit; scan the code again"
            return refusal(Refusal(HTTPStatus.CONFLICT, text))
        if not self._may_change(evse):
            return refusal(Refusal(HTTPStatus.TOO_MANY_REQUESTS, "too many changes; try again in some seconds"))
        self._visits.need(evse, by_driver(asked, self._visits.now()) if isinstance(asked, _Asked) else None)
        return as_json({})

    def _may_change(self, evse: str) -> bool:
        now = self._visits.now()
        return self._changes.setdefault(evse, Bucket(now, CHANGES_PER_S, CHANGES)).take(now)


def _ticket(code: str, visit: str) -> str:
    """Proves to have seen the page during this visit."""
    return new(code.encode(), visit.encode(), sha256).hexdigest()[:32]
