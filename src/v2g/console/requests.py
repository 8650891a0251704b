"""What every request is held to, whoever serves it: a rate for each client, no page of another origin."""

from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import urlsplit

from starlette.requests import Request

LOOPBACK = ("127.0.0.1", "::1", "localhost")
REQUESTS_PER_S, BURST = 20.0, 100.0
"""Of one client."""
MOST_REMEMBERED = 10_000
"""Clients whose rate is remembered."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request is not answered."""

    status: HTTPStatus
    text: str


class Bucket:
    """What a client may still ask: refilled as time passes."""

    __slots__ = ("_burst", "_per_s", "left", "seen_s")

    def __init__(self, now: float, per_s: float = REQUESTS_PER_S, burst: float = BURST) -> None:
        self.left, self.seen_s = burst, now
        self._per_s, self._burst = per_s, burst

    def take(self, now: float) -> bool:
        """Whether one more request is within the rate."""
        self.left = min(self._burst, self.left + (now - self.seen_s) * self._per_s)
        self.seen_s = now
        if self.left < 1.0:
            return False
        self.left -= 1.0
        return True


class Rates:
    """A bucket for each address."""

    def __init__(self, per_s: float = REQUESTS_PER_S, burst: float = BURST) -> None:
        self._per_s, self._burst = per_s, burst
        self._buckets: dict[str, Bucket] = {}

    def refused(self, request: Request, now: float) -> Refusal | None:
        """Why a request comes too soon, or None. `now`: monotonic seconds."""
        address = "" if request.client is None else request.client.host
        if address not in self._buckets:
            if len(self._buckets) > MOST_REMEMBERED:
                self._buckets.clear()
            self._buckets[address] = Bucket(now, self._per_s, self._burst)
        if self._buckets[address].take(now):
            return None
        return Refusal(HTTPStatus.TOO_MANY_REQUESTS, f"more than {self._per_s:g} requests a second; slow down")


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
