"""Who may use a station's local API, and for what: programs with a token, and this machine, which may only read."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from hmac import compare_digest
from http import HTTPStatus

from starlette.requests import Request

from v2g.console.requests import Refusal, strange, too_soon
from v2g.io.tokens import read_tokens
from v2g.kernel.errors import V2GError
from v2g.kernel.rate import Rates
from v2g.station.config.settings import LocalApi, Right

REQUESTS_PER_S, BURST = 50.0, 200.0
"""Of one address: a house has many programs on one machine."""


@dataclass(frozen=True, slots=True)
class Program:
    """Who asks."""

    name: str
    rights: tuple[Right, ...]


NEIGHBOUR = Program("", ("read",))
"""A program of this machine without a token."""


class Door:
    """Stands before every request."""

    def __init__(self, clock: Callable[[], float], programs: Mapping[str, Program], *, near: bool) -> None:
        """`clock`: monotonic seconds. `programs`: by their token. `near`: only this machine reaches the address."""
        self._clock, self._near = clock, near
        self._programs = {sha256(token.encode()).digest(): each for token, each in programs.items()}
        self._rates = Rates(REQUESTS_PER_S, BURST)

    def refused(self, request: Request, right: Right) -> Refusal | None:
        """Why a request is not answered, or None."""
        if (hurried := too_soon(request, self._rates, self._clock())) is not None:
            return hurried
        program = self.program(request)
        remedy = "send a token" if program is NEIGHBOUR else None
        if (foreign := strange(request, remedy)) is not None:
            return foreign
        if program is None or (program is NEIGHBOUR and right != "read"):
            return Refusal(HTTPStatus.UNAUTHORIZED, "a token is needed: Authorization: Bearer ...")
        if right not in program.rights:
            return Refusal(HTTPStatus.FORBIDDEN, f"{program.name} has not the right to {right}; see local_api.tokens")
        return None

    def program(self, request: Request) -> Program | None:
        """Who asks, if that is proved."""
        authorization = request.headers.get("authorization")
        if authorization is None:
            return NEIGHBOUR if self._near else None
        kind, _, token = authorization.partition(" ")
        given = sha256(token.strip().encode()).digest()
        found = [each for known, each in self._programs.items() if compare_digest(known, given)]
        return found[0] if found and kind.lower() == "bearer" else None


def door(settings: LocalApi, clock: Callable[[], float]) -> Door:
    """As the configuration says. Raises `V2GError` for tokens that cannot be read, or are equal."""
    tokens, wrong = read_tokens(settings.tokens)
    if wrong:
        raise V2GError(f"local_api.{wrong[0]}")
    programs = {secret: Program(each.name, each.rights) for secret, each in tokens.items()}
    return Door(clock, programs, near=settings.near)
