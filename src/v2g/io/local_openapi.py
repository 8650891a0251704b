"""The local API of a station, described in OpenAPI 3.1: what `GET /api/openapi.json` answers."""

from typing import Any

import msgspec

from v2g.io.local_station import KINDS

_AT = "#/components/schemas"
_NUMBER, _TEXT, _BOOL = {"type": ["number", "null"]}, {"type": ["string", "null"]}, {"type": "boolean"}
_EVSE = "/api/evses/{evse}"
_SUMMARIES = {
    "set-point": "A power at the meter, for a time",
    "limit": "The most that may flow, for a time",
    "mode": "What the EVSE does while there is no set-point",
    "minimum-soc": "No discharge at or below this state of charge",
    "departure": "When the car leaves, and what it needs by then",
    "phases": "On how many phases the car charges",
}


def described(version: str) -> dict[str, Any]:
    """The document. `version`: of this package."""
    _, schemas = msgspec.json.schema_components([kind for kind, _ in KINDS.values()], ref_template=f"{_AT}/{{name}}")
    for schema in schemas.values():  # who asks and for which EVSE is not in the body
        for name in ("command", "evse", "by"):
            schema["properties"].pop(name, None)
        schema["required"] = [name for name in schema["required"] if name != "command"]
        schema["additionalProperties"] = False
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "v2g station", "version": version,
            "description": "Powers in W at the meter; positive charges the vehicle, negative feeds the grid.",
        },
        "paths": _paths(),
        "components": {
            "schemas": schemas | _shown(),
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{}, {"token": []}],
    }  # fmt: skip


def _paths() -> dict[str, Any]:
    place = [{"name": "evse", "in": "path", "required": True, "schema": {"type": "integer", "minimum": 0}}]
    paths: dict[str, Any] = {
        "/api/station": {"get": _operation("The whole station", _ref("Station"))},
        _EVSE: {"parameters": place, "get": _operation("One EVSE", _ref("Evse"))},
        f"{_EVSE}/stop": {"parameters": place, "post": _operation("Ask the car to end its session", _ref("Asked"))},
        f"{_EVSE}/authorise": {
            "parameters": place,
            "post": _operation("Let the car in that waits, or that comes within a minute", _ref("Explanation")),
        },
        "/api/events": {
            "get": {
                "summary": "Server-sent events: `state` with the whole station when it has changed, `gone` without one",
                "responses": {
                    "200": {"description": "the stream", "content": {"text/event-stream": {}}}, **_refusals(),
                },
            }
        },
    }  # fmt: skip
    for kind, (command, ends) in KINDS.items():
        if kind == "authorise":
            continue
        operations: dict[str, Any] = {"parameters": place}
        operations["put"] = _operation(_SUMMARIES[kind], _ref("Explanation"), _ref(command.__name__))
        if ends is not None:
            operations["delete"] = _operation("End it before its time", _ref("Explanation"))
        paths[f"{_EVSE}/{kind}"] = operations
    return paths


def _shown() -> dict[str, Any]:
    watts = {"type": "number"}
    evse = {
        "evse": {"type": "integer"}, "evse_id": {"type": "string"}, "session": _TEXT, "service": _TEXT,
        "soc_percent": _NUMBER, "ready": _BOOL, "not_ready_because": _TEXT, "charged_wh": watts, "discharged_wh": watts,
        "import_wh": _NUMBER, "export_wh": _NUMBER, "wish_w": _NUMBER, "allowed_charge_w": watts,
        "allowed_discharge_w": watts, "limited_by": _TEXT, "awaits_authorisation": _BOOL, "fault": _TEXT,
        "status": {"enum": ["A", "B", "C", "F"]},
        "state": {"enum": ["free", "connected", "asks", "charging", "discharging", "idle", "unavailable"]},
        "enabled": _BOOL, "power_w": _NUMBER, "explanation": _TEXT, "wished_by": _TEXT, "set_point_w": _NUMBER,
        "mode": {"enum": ["auto", "charge", "discharge", "pause"]}, "charge_limit_w": _NUMBER,
        "charge_limit_a": _NUMBER, "discharge_limit_w": _NUMBER, "min_soc_percent": {"type": "integer"},
        "departure_unix_s": _NUMBER, "need_wh": _NUMBER,
        "phases": _NUMBER, "switches_phases": _BOOL, "phase_switch": _TEXT, "phases_asked": _NUMBER,
        "left_s": {"type": "object", "additionalProperties": _NUMBER}, "ended": {"type": "string"},
    }  # fmt: skip
    station = {"unix_s": {"type": "number"}, "evses": {"type": "array", "items": _ref("Evse")}}
    explanation = {
        "evse": {"type": "integer"}, "why": {"type": "string"}, "power_w": watts, "reactive_var": watts,
        "wish_w": watts, "wished_by": {"type": "string"}, "limited": _BOOL,
        "bounds": {"type": "array", "items": {"type": "object"}},
    }  # fmt: skip
    return {
        "Evse": _object(evse),
        "Station": _object(station),
        "Explanation": _object(explanation),
        "Asked": _object({"asked": {"type": "array", "items": {"type": "integer"}}}),
        "Error": _object({"error": {"type": "string"}}),
    }


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _operation(summary: str, answer: dict[str, Any], body: dict[str, Any] | None = None) -> dict[str, Any]:
    good = {"description": "done", "content": {"application/json": {"schema": answer}}}
    found: dict[str, Any] = {"summary": summary, "responses": {"200": good, **_refusals()}}
    if body is not None:
        found["requestBody"] = {"required": True, "content": {"application/json": {"schema": body}}}
    return found


def _refusals() -> dict[str, Any]:
    reasons = {
        "400": "not what is expected here", "401": "a token is needed", "403": "the token lacks the right",
        "404": "there is no such EVSE", "405": "another method", "408": "the body took too long",
        "409": "the station does not do this, and why",
        "413": "the body is too long", "415": "send JSON", "429": "too often", "503": "the daemon does not answer",
    }  # fmt: skip
    schema = {"application/json": {"schema": _ref("Error")}}
    return {code: {"description": why, "content": schema} for code, why in reasons.items()}


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": f"{_AT}/{name}"}
