"""The files of the page, and signing in and out."""

from collections.abc import Awaitable, Callable
from hashlib import sha256
from http import HTTPStatus
from importlib.resources import files

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from v2g.console.access import COOKIE, SESSION_S, Gate, SignInRefused
from v2g.console.answers import BodyError, as_json, read, refusal, refused
from v2g.console.requests import Refusal

LONGEST_SIGN_IN = 4096
BUILT = files("v2g.console").joinpath("built")
MEDIA_TYPES = {
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "css": "text/css; charset=utf-8",
}
SECURE = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
"""Nothing from anywhere else, and no scripts in the page itself."""


class SignIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of a person."""

    name: str
    password: str


class Pages:
    """The routes."""

    def __init__(self, gate: Gate, first: str = "index.html") -> None:
        """`first`: the page at `/`. If that is another one, the operator's is at `/depot`."""
        self._gate = gate
        parts = [each.name for each in BUILT.iterdir() if each.name.endswith((".js", ".css"))]
        self.routes = [
            Route("/", self.file(first)),
            *([] if first == "index.html" else [Route("/depot", self.file("index.html"))]),
            # Each page names its parts relative to itself.
            *(Route(f"{place}{name}", self.file(name)) for place in ("/", "/e/") for name in parts),
            Route("/session", self._answering(self._session), methods=["GET", "POST", "DELETE"]),
        ]

    def file(self, name: str) -> Callable[[Request], Awaitable[Response]]:
        """Answers with a file of `built/`."""
        content = BUILT.joinpath(name).read_bytes()
        media_type = MEDIA_TYPES[name.rpartition(".")[2]]
        etag = f'"{sha256(content).hexdigest()[:16]}"'

        async def answer(request: Request) -> Response:
            headers = {"ETag": etag, "Cache-Control": "no-cache", **SECURE}
            if request.headers.get("if-none-match") == etag:
                return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
            return Response(content, media_type=media_type, headers=headers)

        return answer

    def _answering(self, answer: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
        async def respond(request: Request) -> Response:
            strange = self._gate.strange(request)
            return await answer(request) if strange is None else refusal(strange)

        return respond

    async def _session(self, request: Request) -> Response:
        if request.method == "DELETE":
            self._gate.sign_out(request)
            response = as_json({})
            response.delete_cookie(COOKIE, httponly=True, samesite="strict")
            return response
        if request.method == "GET":
            user = self._gate.user(request)
            known = {"name": "", "role": ""} if user is None else {"name": user.name, "role": user.role}
            return as_json(known | {"users": self._gate.has_users})
        return await self._sign_in(request)

    async def _sign_in(self, request: Request) -> Response:
        try:
            stated: SignIn = await read(request, SignIn, LONGEST_SIGN_IN)
        except BodyError as error:
            return refused(error)
        address = "" if request.client is None else request.client.host
        try:
            user, cookie = await self._gate.sign_in(stated.name, stated.password, address)
        except SignInRefused as error:
            return refusal(Refusal(HTTPStatus.FORBIDDEN, str(error)))
        response = as_json({"name": user.name, "role": user.role, "users": True})
        response.set_cookie(
            COOKIE, cookie, max_age=int(SESSION_S), httponly=True, samesite="strict",
            secure=request.url.scheme == "https",
        )  # fmt: skip
        return response
