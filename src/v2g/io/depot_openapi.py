"""The REST interface of a depot, described in OpenAPI 3.1: what `GET /api/openapi.json` answers."""

from typing import Any

import msgspec

from v2g.depot.ledger import Account, Decided
from v2g.depot.request import DroopShare, LimitRequest, PowerRequest, PriceRequest, RegulationRequest, ScheduleRequest
from v2g.depot.shown import COLUMNS, STATES

REQUESTS = (PowerRequest, ScheduleRequest, RegulationRequest, DroopShare, PriceRequest, LimitRequest)
_NUMBER, _TEXT, _BOOL = {"type": ["number", "null"]}, {"type": ["string", "null"]}, {"type": "boolean"}
_AT = "#/components/schemas"
_CHARGER = "/api/chargers/{station}/{evse}"
PLACE = [
    {"name": "station", "in": "path", "required": True, "schema": {"type": "string", "pattern": "^[^/]+$"}},
    {"name": "evse", "in": "path", "required": True, "schema": {"type": "integer", "minimum": 0}},
]


def described(version: str) -> dict[str, Any]:
    """The document. `version`: of this package."""
    _, schemas = msgspec.json.schema_components([*REQUESTS, Account, Decided], ref_template=f"{_AT}/{{name}}")
    schemas |= _shown() | {
        "Request": {"oneOf": [{"$ref": f"#/components/schemas/{each.__name__}"} for each in REQUESTS]}
    }
    for each in REQUESTS:  # as an EMS writes them: with a duration, and without what the depot adds
        schema = schemas[each.__name__]
        schema["properties"]["for_s"] = {"type": "number", "description": "how long it holds without being renewed"}
        schema["required"] = [name for name in schema["required"] if name != "by"]
    return {
        "openapi": "3.1.0",
        "info": {"title": "v2g depot", "version": version, "description": "Powers in W; positive charges vehicles."},
        "paths": _paths(),
        "components": {
            "schemas": schemas,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{}, {"token": []}],
    }  # fmt: skip


def _paths() -> dict[str, Any]:
    time = [_query("from", "Unix seconds"), _query("until", "Unix seconds")]
    return {
        "/api/site": {"get": _operation("The site in few numbers", _ref("Site"))},
        "/api/chargers": {"get": _operation("All chargers", _list(_ref("Charger")))},
        _CHARGER: {"parameters": PLACE, "get": _operation("One charger", _ref("Charger"))},
        f"{_CHARGER}/needs": {
            "parameters": PLACE,
            "put": _operation("What its driver needs; they end with the visit", None, _ref("DriverNeeds")),
            "delete": _operation("Forget what its driver needs", None),
        },
        f"{_CHARGER}/pause": {"parameters": PLACE, "post": _operation("Let no energy flow until it is resumed", None)},
        f"{_CHARGER}/resume": {"parameters": PLACE, "post": _operation("Let energy flow again", None)},
        f"{_CHARGER}/stop": {"parameters": PLACE, "post": _operation("End the vehicle's transaction", None)},
        "/api/explain": {
            "get": _operation(
                "Why each charger has its power", {"type": "object", "additionalProperties": _list({"type": "string"})},
                parameters=[_query("of", "a charger or a vehicle; all if left out", "string")],
            )
        },
        "/api/request": {
            "get": _operation("What is asked of the site, the request that holds first", _list({"type": "object"})),
            "put": _operation("Ask the site for something", None, _ref("Request")),
            "delete": _operation(
                "Withdraw a request", None, parameters=[_query("by", "whose; left out: that of who asks", "string")]
            ),
        },
        "/api/measurements": {"put": _operation("What is measured at the site", None, _ref("Measurements"))},
        "/api/sessions": {"get": _operation("Transactions, their energies", _list(_ref("Account")), parameters=time)},
        "/api/decisions": {
            "get": _operation(
                "What was decided, and why", _list(_ref("Decided")),
                parameters=[*time, _query("charger", "one charger; all if left out", "string")],
            )
        },
        "/api/history": {
            "get": _operation(
                "What was asked of the site and delivered: each cycle of the last hour, else means over `span_s`",
                _columns({"delivered_w": _NUMBER, "requested_w": _NUMBER, "frequency_hz": _NUMBER})
                | {"required": ["span_s", "at_s", "delivered_w", "requested_w", "frequency_hz"]},
                parameters=time,
            )
        },
        f"{_CHARGER}/curve": {
            "parameters": PLACE,
            "get": _operation("Its measured power of the last day, a mean for each minute",
                              _columns({"power_w": _NUMBER})),
        },
        "/api/events": {
            "get": {
                "summary": "Server-sent events: `frame` with all chargers as columns, then each second `delta` with "
                           "the rows that have changed, by their index",
                "responses": {"200": {"description": "the stream", "content": {"text/event-stream": {}}}},
            }
        },
    }  # fmt: skip


def _columns(values: dict[str, Any]) -> dict[str, Any]:
    """Lists of equal length, by the time of each entry."""
    columns = {name: _list(each) for name, each in ({"at_s": {"type": "number"}} | values).items()}
    return {"type": "object", "properties": columns | {"span_s": {"type": "number"}}}


def _shown() -> dict[str, Any]:
    charger = {
        "id": {"type": "string"}, "node": {"type": "string"}, "phases": {"type": "string"},
        "state": {"enum": list(STATES)},
        "online": _BOOL, "charge_only": _TEXT, "max_charge_w": _NUMBER, "max_discharge_w": _NUMBER,
        "measured_w": _NUMBER, "measured_s_ago": _NUMBER, "setpoint_w": _NUMBER, "binding": _TEXT,
        "vehicle": {"type": ["object", "null"]}, "needs": {"type": ["object", "null"]}, "safe_w": _NUMBER,
        "safe_after_s": _NUMBER, "accepted_w": _NUMBER, "refusal": _TEXT, "why": _TEXT,
    }  # fmt: skip
    site = {
        "name": {"type": "string"}, "unix_s": _NUMBER, "chargers": {"type": "integer"}, "online": {"type": "integer"},
        "vehicles": {"type": "integer"}, "frequency_hz": _NUMBER, "requested_w": _NUMBER, "requested_by": _TEXT,
        "commanded_w": _NUMBER, "delivered_w": _NUMBER, "short_w": _NUMBER, "reserve_w": _NUMBER,
        "charge_room_w": _NUMBER, "discharge_room_w": _NUMBER, "charging": {"type": "integer"},
        "discharging": {"type": "integer"}, "changed": {"type": "integer"},
        "notices": _list({"type": "object"}), "more_notices": {"type": "integer"}, "cycles": {"type": "integer"},
        "unacknowledged": {"type": "integer"}, "acknowledged": {"type": "integer"},
        "acknowledged_s": {"type": "number"},
        "trouble": _TEXT,
    }  # fmt: skip
    needs = {
        "departure_unix_s": _NUMBER, "energy_wh": _NUMBER, "target_soc_pu": _NUMBER, "min_soc_pu": _NUMBER,
        "feeds": {"type": ["boolean", "null"]},
    }  # fmt: skip
    measurements = {"meter_w": _NUMBER, "other_load_w": _NUMBER, "frequency_hz": _NUMBER, "ambient_c": _NUMBER}
    return {
        "Measurements": {"type": "object", "properties": measurements, "additionalProperties": False},
        "Site": {"type": "object", "properties": site, "required": ["name", "unix_s", "chargers"],
                 "additionalProperties": False},
        "Charger": {"type": "object", "properties": charger, "required": list(charger), "additionalProperties": False},
        "DriverNeeds": {"type": "object", "properties": needs, "additionalProperties": False},
        "Frame": {"type": "object", "properties": {"columns": {"type": "object", "required": list(COLUMNS)}}},
        "Error": {"type": "object", "properties": {"error": {"type": "string"}}, "required": ["error"]},
    }  # fmt: skip


def _operation(
    summary: str,
    answer: dict[str, Any] | None,
    body: dict[str, Any] | None = None,
    parameters: list[dict[str, Any]] | None = None,
) -> dict[str, Any]:
    good: dict[str, Any] = {"description": "done"}
    if answer is not None:
        good["content"] = {"application/json": {"schema": answer}}
    found: dict[str, Any] = {
        "summary": summary,
        "responses": {
            "200": good,
            "400": {"description": "why not", "content": {"application/json": {"schema": _ref("Error")}}},
            "404": {"description": "no such path", "content": {"application/json": {"schema": _ref("Error")}}},
        },
    }
    if body is not None:
        wrong = {"application/json": {"schema": _ref("Error")}}
        found["responses"] |= {
            "413": {"description": "the body is too long", "content": wrong},
            "415": {"description": "the body is no JSON", "content": wrong},
        }
        found["requestBody"] = {"required": True, "content": {"application/json": {"schema": body}}}
    if parameters:
        found["parameters"] = parameters
    return found


def _query(name: str, description: str, kind: str = "number") -> dict[str, Any]:
    return {"name": name, "in": "query", "description": description, "schema": {"type": kind}}


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": f"{_AT}/{name}"}


def _list(of: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": of}
