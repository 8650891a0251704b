"""JSON in and out: the body of a request, and the response to one."""

import asyncio
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ExceptionHandler

from v2g.console.requests import Refusal, Refused
from v2g.kernel.errors import V2GError

LONGEST_BODY = 65_536
WITHIN_S = 10.0
"""For a body to come."""


class BodyError(Refused):
    """The body of a request cannot be taken; says why."""


async def read(request: Request, kind: Any, longest: int = LONGEST_BODY) -> Any:
    """The body of a request as `kind`, if it comes in time. Raises `BodyError`.

    Only JSON is taken: a form of another site's page cannot send that unasked.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise BodyError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "send JSON, with Content-Type: application/json")
    content = b""
    try:
        async with asyncio.timeout(WITHIN_S):
            async for part in request.stream():
                content += part
                if len(content) > longest:
                    raise BodyError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"longer than {longest} bytes")
    except TimeoutError as error:
        raise BodyError(HTTPStatus.REQUEST_TIMEOUT, f"the body took longer than {WITHIN_S:g} s") from error
    except ClientDisconnect as error:
        raise BodyError(HTTPStatus.BAD_REQUEST, "the client has hung up") from error
    try:
        return msgspec.json.decode(content, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        text = f"not what is expected here: {error}; see /api/openapi.json"
        raise BodyError(HTTPStatus.BAD_REQUEST, text) from error


def as_json(content: object, status: int = HTTPStatus.OK) -> Response:
    """A response with what JSON can hold."""
    return Response(msgspec.json.encode(content), status, media_type="application/json")


def refusal(found: Refusal) -> Response:
    """Why a request is not answered."""
    response = as_json({"error": found.text}, found.status)
    if found.status == HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


async def no_such_way(request: Request, error: Exception) -> Response:
    """What Starlette refuses by itself: a path that is not there, a method that a path does not have."""
    assert isinstance(error, HTTPException)
    text = f"{request.method} {request.url.path[:200]}: {error.detail}; see /api/openapi.json"
    response = as_json({"error": text}, error.status_code)
    response.headers.update(error.headers or {})
    return response


IN_JSON: Mapping[Any, ExceptionHandler] = {HTTPException: no_such_way}
"""For an application of which every answer is JSON."""


def refused(error: V2GError) -> Response:
    """What the depot, the body of the request, or its asker stands against."""
    return as_json({"error": str(error)}, error.status if isinstance(error, Refused) else HTTPStatus.BAD_REQUEST)
