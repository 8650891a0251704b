"""A small VTN of OpenADR 3, made from what its OpenAPI file (3.1.0) says: a process of its own,
`python -m tests.languages.vtn FOLDER`.

It speaks HTTPS to VENs, with the certificate in FOLDER, and HTTP to business logic; both addresses are its first line.
`/lie` makes it answer with something else.
"""

import asyncio
import re
import sys
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import fastjsonschema
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from tests.broker import free_port

CLIENTS = {
    "depot": ("a secret", "read_targets read_ven_objects write_reports"),
    "business": ("another", "read_all write_programs write_events"),
}
TOKEN_S = 31
"""A client that stops using a token half a minute before its end signs in again and again."""
_ID = re.compile(r"^[a-zA-Z0-9_-]{1,128}$")
_PERIOD = {"type": "object", "required": ["start"], "properties": {"start": {"type": "string"}}}
_VALUES = {"type": "object", "required": ["type", "values"], "properties": {"values": {"type": "array"}}}
_INTERVAL = {
    "type": "object",
    "required": ["id", "payloads"],
    "properties": {
        "id": {"type": "integer"}, "intervalPeriod": _PERIOD, "payloads": {"type": "array", "items": _VALUES}
    },
}  # fmt: skip
_RESOURCE = {
    "type": "object",
    "required": ["resourceName", "intervals"],
    "properties": {"intervals": {"type": "array", "items": _INTERVAL}},
}
SCHEMAS: dict[str, dict[str, Any]] = {
    "programs": {"type": "object", "required": ["programName"]},
    "events": {
        "type": "object",
        "required": ["programID", "intervals"],
        "properties": {"intervals": {"type": "array", "items": _INTERVAL}, "intervalPeriod": _PERIOD},
    },
    "reports": {
        "type": "object",
        "required": ["eventID", "clientName", "resources"],
        "properties": {
            "clientName": {"type": "string", "minLength": 1},
            "resources": {"type": "array", "items": _RESOURCE},
            "payloadDescriptors": {"type": "array", "items": {"type": "object", "required": ["payloadType"]}},
        },
    },
}
READS = {
    "programs": ("read_all", "read_targets"),
    "events": ("read_all", "read_targets"),
    "reports": ("read_all", "read_ven_objects"),
}


class Vtn:
    def __init__(self) -> None:
        self.kept: dict[str, dict[str, dict[str, Any]]] = {kind: {} for kind in SCHEMAS}
        self.tokens: dict[str, str] = {}
        self.numbers = count(1)
        self.lie = ""
        self.valid = {kind: fastjsonschema.compile(schema) for kind, schema in SCHEMAS.items()}
        routes = [
            Route("/lie", self.told, methods=["POST"]),
            Route("/auth/server", self.server),
            Route("/auth/token", self.token, methods=["POST"]),
        ]
        for kind in SCHEMAS:
            routes.append(Route(f"/{kind}", self.all_of(kind), methods=["GET", "POST"]))
            routes.append(Route(f"/{kind}/{{id}}", self.one_of(kind), methods=["GET", "PUT", "DELETE"]))
        self.app = Starlette(routes=routes)

    async def told(self, request: Request) -> Response:
        self.lie = (await request.body()).decode()
        if self.lie == "revoke":
            self.lie = ""
            self.tokens = {token: scope for token, scope in self.tokens.items() if "read_all" in scope}
        return JSONResponse({})

    async def server(self, request: Request) -> Response:
        return JSONResponse({"tokenURL": str(request.base_url) + "auth/token"})

    async def token(self, request: Request) -> Response:
        form = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
        secret, scope = CLIENTS.get(form.get("client_id", ""), ("", ""))
        if form.get("grant_type") != "client_credentials" or not secret or form.get("client_secret") != secret:
            return JSONResponse({"error": "invalid_client"}, 401)
        token = f"token-{next(self.numbers)}"
        self.tokens[token] = scope
        return JSONResponse({"access_token": token, "token_type": "Bearer", "expires_in": TOKEN_S, "scope": scope})

    def refused(self, request: Request, *scopes: str) -> Response | None:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if token not in self.tokens:
            return JSONResponse({"title": "who are you", "status": 401}, 401)
        if not set(scopes) & set(self.tokens[token].split()):
            return JSONResponse({"title": "you may not", "status": 403}, 403)
        return None

    def all_of(self, kind: str) -> Any:
        async def answer(request: Request) -> Response:
            if request.method == "POST":
                return self.refused(request, f"write_{kind}") or await self.made(kind, request)
            if (no := self.refused(request, *READS[kind])) is not None:
                return no
            if self.lie:
                return PlainTextResponse(self.lie)
            query = request.query_params
            skip, limit = int(query.get("skip", 0)), int(query.get("limit", 50))
            if skip < 0 or not 0 <= limit <= 50:
                return JSONResponse({"title": "skip, limit", "status": 400}, 400)
            found = [
                each
                for each in self.kept[kind].values()
                if all(query.get(name) in (None, each.get(name)) for name in ("programID", "eventID", "clientName"))
            ]
            return JSONResponse(found[skip : skip + limit])

        return answer

    def one_of(self, kind: str) -> Any:
        async def answer(request: Request) -> Response:
            scopes = READS[kind] if request.method == "GET" else (f"write_{kind}",)
            id = request.path_params["id"]
            if (no := self.refused(request, *scopes)) is not None:
                return no
            if id not in self.kept[kind] or not _ID.match(id):
                return JSONResponse({"title": f"no {kind} {id}", "status": 404}, 404)
            if request.method == "PUT":
                return await self.made(kind, request, id)
            if request.method == "DELETE":
                return JSONResponse(self.kept[kind].pop(id))
            return JSONResponse(self.kept[kind][id])

        return answer

    async def made(self, kind: str, request: Request, id: str = "") -> Response:
        try:
            document = await request.json()
            self.valid[kind](document)
        except ValueError as error:
            return JSONResponse({"title": str(error), "status": 400}, 400)
        same = [each for each in self.kept["reports"].values() if kind == "reports" and not id
                and all(each[name] == document[name] for name in ("eventID", "clientName"))]  # fmt: skip
        if same:
            return JSONResponse({"title": "there is one", "status": 409}, 409)
        at = datetime.now(UTC).isoformat()
        number = id or f"{kind[:-1]}-{next(self.numbers)}"
        self.kept[kind][number] = document | {
            "id": number, "createdDateTime": at, "modificationDateTime": at, "objectType": kind[:-1].upper(),
        }  # fmt: skip
        return JSONResponse(self.kept[kind][number], 200 if id else 201)


async def serve(folder: Path) -> None:
    app, ports = Vtn().app, (free_port(), free_port())
    quiet: dict[str, Any] = {"log_config": None, "access_log": False, "lifespan": "off"}
    tls: dict[str, Any] = {"ssl_certfile": folder / "root.pem", "ssl_keyfile": str(folder / "key.pem")}
    servers = [
        uvicorn.Server(uvicorn.Config(app, "127.0.0.1", ports[0], **quiet, **tls)),
        uvicorn.Server(uvicorn.Config(app, "127.0.0.1", ports[1], **quiet)),
    ]
    tasks = [asyncio.create_task(each.serve()) for each in servers]
    while not all(each.started for each in servers):  # noqa: ASYNC110 - it has no event
        await asyncio.sleep(0.01)
    print(f"https://127.0.0.1:{ports[0]} http://127.0.0.1:{ports[1]}", flush=True)
    await asyncio.gather(*tasks)


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1])))
