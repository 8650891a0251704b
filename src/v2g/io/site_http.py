"""The REST interface of a site: that of a depot, and what meters and a control box bring or ask."""

from collections.abc import Mapping
from typing import Annotated, Any, Protocol

import msgspec
from starlette.requests import Request
from starlette.routing import Route

from v2g.console.access import Gate
from v2g.console.answers import read
from v2g.depot.site.grid_limit import Limit
from v2g.depot.site.orders import Mode
from v2g.depot.site.reading import Phases
from v2g.io.depot_http import Api, Depot, id_of
from v2g.io.depot_openapi import PLACE


class House(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A reading of the house's meter; positive is drawn from the grid. One phase: 0 in the others."""

    powers_w: Phases
    currents_a: Phases | None = None
    voltages_v: Phases | None = None


class Stored(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A reading of the house's battery; positive charges it."""

    power_w: Annotated[float, msgspec.Meta(ge=-1e6, le=1e6)]
    soc_pu: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None


class Sun(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the sun gives, a magnitude. It is only shown."""

    power_w: Annotated[float, msgspec.Meta(ge=0, le=1e7)]


class Order(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a car shall follow."""

    mode: Mode


class Site(Depot, Protocol):
    """What the interface shows and asks beside a depot. Whatever is refused raises `V2GError`."""

    def house(self) -> dict[str, Any]: ...
    def house_read(self, reading: House) -> None: ...
    def battery_read(self, reading: Stored) -> None: ...
    def sun_read(self, power_w: float) -> None: ...
    def plan(self) -> dict[str, Any]: ...
    def order(self, charger: str, mode: Mode) -> None: ...
    def contacts_read(self, active: Mapping[str, bool]) -> None: ...
    def limited(self, limit: Limit) -> None: ...
    def heartbeat(self) -> None: ...
    def limits(self) -> dict[str, Any]: ...


class SiteApi(Api):
    """The application."""

    def __init__(self, site: Site, gate: Gate, codes: Mapping[str, str] | None = None) -> None:
        super().__init__(site, gate, codes, "home.html")
        self._of_site = site
        own = [
            Route("/api/house", self.answering(self._house), methods=["GET", "PUT"]),
            Route("/api/battery", self.answering(self._battery), methods=["PUT"]),
            Route("/api/sun", self.answering(self._sun), methods=["PUT"]),
            Route("/api/plan", self.answering(self._plan)),
            Route("/api/chargers/{station}/{evse:int}/mode", self.answering(self._mode), methods=["PUT"]),
            Route("/api/limit", self.answering(self._limit), methods=["GET", "PUT"]),
            Route("/api/limit/heartbeat", self.answering(self._beat), methods=["POST"]),
            Route("/api/limit/contacts", self.answering(self._contacts), methods=["PUT"]),
        ]
        self.routes = [*self.routes, *own]
        self.app.router.routes[0:0] = own

    async def _described(self, request: Request) -> Any:
        document = await super()._described(request)
        document["paths"] |= _PATHS
        document["components"]["schemas"]["Site"]["properties"] |= _STATUS
        _, schemas = msgspec.json.schema_components(
            [House, Stored, Sun, Order, Limit], ref_template="#/components/schemas/{name}"
        )
        document["components"]["schemas"] |= schemas
        return document

    async def _house(self, request: Request) -> Any:
        if request.method == "GET":
            return self._of_site.house()
        self._of_site.house_read(await read(request, House))
        return {}

    async def _battery(self, request: Request) -> Any:
        self._of_site.battery_read(await read(request, Stored))
        return {}

    async def _sun(self, request: Request) -> Any:
        sun: Sun = await read(request, Sun)
        self._of_site.sun_read(sun.power_w)
        return {}

    async def _plan(self, request: Request) -> Any:
        return self._of_site.plan()

    async def _mode(self, request: Request) -> Any:
        order: Order = await read(request, Order)
        self._of_site.order(id_of(request), order.mode)
        return {}

    async def _limit(self, request: Request) -> Any:
        if request.method == "PUT":
            self._of_site.limited(await read(request, Limit))
            return self._of_site.limits() | await self.warned()
        return self._of_site.limits()

    async def _beat(self, request: Request) -> Any:
        self._of_site.heartbeat()
        return self._of_site.limits()

    async def _contacts(self, request: Request) -> Any:
        self._of_site.contacts_read(await read(request, dict[str, bool]))
        return self._of_site.limits()


def _answers(summary: str, body: str = "") -> dict[str, Any]:
    shape = {"type": "object"}
    found: dict[str, Any] = {
        "summary": summary,
        "responses": {
            "200": {"description": "done", "content": {"application/json": {"schema": shape}}},
            "400": {"description": "refused, with the reason", "content": {"application/json": {"schema": shape}}},
            "404": {"description": "no such path", "content": {"application/json": {"schema": shape}}},
        },
    }
    if body:
        for code, why in (("413", "the body is too long"), ("415", "the body is no JSON")):
            found["responses"][code] = {"description": why, "content": {"application/json": {"schema": shape}}}
        schema = {"$ref": f"#/components/schemas/{body}"} if body != "object" else {
            "type": "object", "additionalProperties": {"type": "boolean"}
        }  # fmt: skip
        found["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    return found


_STATUS: dict[str, Any] = {name: {} for name in ("connection_w", "house_w", "limit_w", "limited_by", "home")}
"""Beside what a depot shows of itself."""
_PATHS = {
    "/api/house": {
        "get": _answers("What the house draws, and what it leaves its chargers"),
        "put": _answers("A reading of the house's meter", "House"),
    },
    "/api/battery": {"put": _answers("A reading of the house's battery", "Stored")},
    "/api/sun": {"put": _answers("What the sun gives just now", "Sun")},
    "/api/plan": {"get": _answers("The plan of a day ahead: prices, each car's power and state of charge")},
    "/api/chargers/{station}/{evse}/mode": {
        "parameters": PLACE,
        "put": _answers("What a car shall follow: its plan, or an order that ends by itself", "Order"),
    },
    "/api/limit": {
        "get": _answers("What the grid operator limits"),
        "put": _answers("A limit of the grid operator; counts as a heartbeat", "Limit"),
    },
    "/api/limit/heartbeat": {"post": _answers("The program that states limits is there")},
    "/api/limit/contacts": {"put": _answers("Which contacts of the control box are active", "object")},
}
