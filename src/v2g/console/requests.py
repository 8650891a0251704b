"""What every request is held to, whoever serves it: a rate for each client, no page of another origin."""

from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import urlsplit

from starlette.requests import Request

from v2g.kernel.errors import V2GError
from v2g.kernel.rate import Rates

LOOPBACK = ("127.0.0.1", "::1", "localhost")
REQUESTS_PER_S, BURST = 20.0, 100.0
"""Of one client."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request is not answered."""

    status: HTTPStatus
    text: str


class Refused(V2GError):
    """A request cannot be taken; says why."""

    def __init__(self, status: HTTPStatus, text: str) -> None:
        super().__init__(text)
        self.status = status


def too_soon(request: Request, rates: Rates, now: float) -> Refusal | None:
    """Why a request comes too soon after others of its address, or None. `now`: monotonic seconds."""
    if rates.take("" if request.client is None else request.client.host, now):
        return None
    return Refusal(HTTPStatus.TOO_MANY_REQUESTS, f"more than {rates.per_s:g} requests a second; slow down")


def strange(request: Request, remedy: str | None) -> Refusal | None:
    """Why a request is not what a page of this process or a program sends: a page of somebody else made it.

    `remedy`: how to serve other names than those of this machine; None if others are served."""
    host = request.headers.get("host", "")
    if remedy is not None and _name(host) not in LOOPBACK:
        return Refusal(HTTPStatus.FORBIDDEN, f"{host} is not a name of this machine; {remedy}")
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != host:
        return Refusal(HTTPStatus.FORBIDDEN, "a page of another origin may not ask")
    return None


def _name(host: str) -> str | None:
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None
