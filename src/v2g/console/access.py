"""Who may use a depot's interface, and for what: people with a password, programs with a token, this machine.

A viewer may look; an operator may also ask, pause and stop. A person signs in once and gets a cookie, which a page of
another origin can neither read nor send along. Passwords are kept as Argon2id hashes, in lines `NAME:ROLE:HASH`.

Whoever has a credential of its own asks in its own name, and nobody else does.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from hmac import compare_digest
from http import HTTPStatus
from pathlib import Path
from secrets import token_urlsafe

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from starlette.requests import Request

from v2g.console.requests import BURST, LOOPBACK, REQUESTS_PER_S, Refusal, Refused, strange, too_soon
from v2g.kernel import regular_file
from v2g.kernel.errors import V2GError
from v2g.kernel.rate import Rates

COOKIE = "v2g_session"
SESSION_S = 12 * 3600.0
MOST_SESSIONS = 1000
ATTEMPTS, ATTEMPTS_S = 5, 60.0
"""Failed sign-ins of one address, and of one name at addresses where nobody has signed in, in this time; further ones
are refused unseen."""
MOST_REMEMBERED = 10_000
"""Addresses and names whose failures are remembered."""
MOST_WAITING = 50
"""Sign-ins that wait for others to be verified."""
LONGEST_PASSWORD = 1024
NAMELESS = "EMS"
"""Who asks without a name."""
_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
"""19 MiB, the least that OWASP's cheat sheet on password storage names for Argon2id."""
_NOBODY = "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$DTHNEk6S6NL5/0b3oSxYxHhO0OdnNVj5TGwPuzkrPxQ"
"""Verified for names that nobody has: how long an answer takes must not reveal which names exist."""


class Role(StrEnum):
    """What a person may do."""

    VIEWER = "viewer"
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class User:
    """A person or a program."""

    name: str
    role: Role
    hash: str = ""
    shared: bool = False
    """Several may have the same credential, or none: the name says nothing."""


class SignInRefused(V2GError):
    """The text says why; it does not say whether the name exists."""


def read_users(file: Path) -> dict[str, User]:
    """By name. Raises `V2GError` with the line and the remedy."""
    try:
        lines = regular_file.entries(file)
    except OSError as error:
        raise V2GError(
            f"{file}: {error.strerror}; `v2g depot user NAME --role operator --file {file}` makes it"
        ) from error
    users = dict[str, User]()
    for number, line in lines:
        name, _, rest = line.partition(":")
        role, _, hashed = rest.partition(":")
        try:
            _HASHER.check_needs_rehash(hashed)
            users[name] = User(name, Role(role), hashed)
        except (ValueError, InvalidHashError) as error:
            raise V2GError(f"{file}:{number}: not NAME:ROLE:HASH; `v2g depot user NAME --role operator`") from error
    return users


def hashed(name: str, role: Role, password: str) -> str:
    """The line of a person."""
    return f"{name}:{role}:{_HASHER.hash(password)}"


class Turns:
    """One after the other, the latest first: a flood waits for itself, and whoever comes meanwhile hardly waits for it.
    Those from an address at which somebody has signed in come before all others."""

    def __init__(self) -> None:
        self._busy = False
        self._waiting: dict[bool, list[asyncio.Future[None]]] = {True: [], False: []}

    @asynccontextmanager
    async def turn(self, *, known: bool) -> AsyncIterator[None]:
        """`known`: somebody has signed in at this address. Raises `SignInRefused` for whoever has waited longest if too
        many wait."""
        if self._busy:
            waiting, mine = self._waiting[known], asyncio.get_running_loop().create_future()
            waiting.append(mine)
            if len(waiting) > MOST_WAITING and not (oldest := waiting.pop(0)).done():
                oldest.set_exception(SignInRefused("too many sign in at this moment; try again"))
            try:
                await mine
            except asyncio.CancelledError:
                if not mine.cancelled():  # it was its turn
                    self._next()
                raise
        self._busy = True
        try:
            yield
        finally:
            self._next()

    def _next(self) -> None:
        self._busy = False
        for waiting in (self._waiting[True], self._waiting[False]):
            while waiting and not self._busy:
                if not (latest := waiting.pop()).done():  # whoever has hung up is done
                    latest.set_result(None)
                    self._busy = True


class Gate:
    """Stands before every request."""

    def __init__(
        self,
        clock: Callable[[], float],
        *,
        token: str | None = None,
        programs: Mapping[str, str] | None = None,
        users: Mapping[str, User] | None = None,
        proxy_header: str | None = None,
        others: Collection[str] = (),
    ) -> None:
        """`clock`: monotonic seconds. `token`: of all programs that have none of their own; `programs`: the tokens of
        those that have, by name. `proxy_header`: names the person that a proxy on this machine has signed in. `others`:
        who asks elsewhere with a credential. With neither tokens nor users it serves this machine only."""
        self._clock, self._users, self._header = clock, dict(users or {}), proxy_header
        self._tokens = [(each, User(name, Role.OPERATOR)) for name, each in (programs or {}).items()]
        self._tokens += [] if token is None else [(token, User("token", Role.OPERATOR, shared=True))]
        self.owned = {*self._users, *(programs or {}), *others}
        """The names of all that have a credential of their own."""
        self._sessions: dict[bytes, tuple[User, float]] = {}
        self._failures: dict[str, list[float]] = {}
        self._rates = Rates(REQUESTS_PER_S, BURST)
        self._verifying = Turns()
        self._known = dict[str, None]()
        """Addresses at which somebody has signed in, the latest ones."""

    @property
    def open(self) -> bool:
        """Whether this machine is served without any proof."""
        return not self._tokens and not self._users

    @property
    def has_users(self) -> bool:
        """Whether people can sign in."""
        return bool(self._users)

    def refused(self, request: Request) -> Refusal | None:
        """Why a request is not answered, or None."""
        if (found := self.refused_to_all(request)) is not None:
            return found
        user = self.user(request)
        if user is None:
            remedy = "sign in, or send a token" if self._users else "a token is needed"
            return Refusal(HTTPStatus.UNAUTHORIZED, f"{remedy}: Authorization: Bearer ...")
        if user.role is not Role.OPERATOR and request.method not in ("GET", "HEAD"):
            return Refusal(HTTPStatus.FORBIDDEN, f"{user.name} may look only; an operator may do this")
        return None

    def refused_to_all(self, request: Request) -> Refusal | None:
        """Why a request is not answered, whoever asks; None if that depends."""
        return too_soon(request, self._rates, self._clock()) or self.strange(request)

    def strange(self, request: Request) -> Refusal | None:
        """Why a request is not what a page of this depot or a program sends: a page of somebody else made it."""
        return strange(request, "set http.token_file or http.users_file" if self.open else None)

    def user(self, request: Request) -> User | None:
        """Who asks, if that is proved."""
        authorization = request.headers.get("authorization", "")
        if self._tokens and authorization.startswith("Bearer "):
            given = authorization.removeprefix("Bearer ").encode()
            found = [user for token, user in self._tokens if compare_digest(given, token.encode())]
            return found[0] if found else None
        if self._header is not None and request.client is not None and request.client.host in LOOPBACK:
            return self._users.get(request.headers.get(self._header, ""))
        known = self._sessions.get(_key(request.cookies.get(COOKIE, "")))
        if known is not None and self._clock() < known[1]:
            return known[0]
        return User("", Role.OPERATOR, shared=True) if self.open else None

    def asker(self, request: Request, by: object) -> str:
        """In whose name an admitted request asks. `by`: the name that it states, or None. What was asked in a name that
        has no credential, anybody may withdraw. Raises `Refused`."""
        user = self.user(request)
        if by is not None and not isinstance(by, str):
            raise Refused(HTTPStatus.BAD_REQUEST, "by: must be a name")
        if user is not None and user.shared:
            name = NAMELESS if by is None else by
            if name in self.owned:
                text = f"by: {name} has a password or a token; ask with that one, or in another name"
                raise Refused(HTTPStatus.FORBIDDEN, text)
            return name
        name = "" if user is None else user.name
        if by not in (None, name) and (request.method != "DELETE" or by in self.owned):
            raise Refused(HTTPStatus.FORBIDDEN, f"by: {name} asks as {name} only; leave it out")
        return name if by is None else by

    async def sign_in(self, name: str, password: str, address: str) -> tuple[User, str]:
        """The person, and the value of the cookie. Raises `SignInRefused`."""
        self._check_attempts(name, address)
        user = self._users.get(name)
        async with self._verifying.turn(known=address in self._known):  # each takes memory and a processor for a while
            self._check_attempts(name, address)  # of those that have waited here together
            right = len(password) <= LONGEST_PASSWORD and await asyncio.to_thread(
                _verified, _NOBODY if user is None else user.hash, password
            )
            if user is None or not right:
                for each in (f"name {name}", f"address {address}"):
                    self._failures.setdefault(each, []).append(self._clock())
                raise SignInRefused("name or password is wrong")
        value, now = token_urlsafe(32), self._clock()
        self._sessions = {key: each for key, each in self._sessions.items() if each[1] > now}
        while len(self._sessions) >= MOST_SESSIONS:
            del self._sessions[next(iter(self._sessions))]
        self._sessions[_key(value)] = user, now + SESSION_S
        self._known.pop(address, None)
        while len(self._known) >= MOST_SESSIONS:
            del self._known[next(iter(self._known))]
        self._known[address] = None
        return user, value

    def sign_out(self, request: Request) -> None:
        """Its cookie is worth nothing from now on."""
        self._sessions.pop(_key(request.cookies.get(COOKIE, "")), None)

    def _check_attempts(self, name: str, address: str) -> None:
        now = self._clock()
        if len(self._failures) > MOST_REMEMBERED:
            self._failures = {key: recent for key, each in self._failures.items() if (recent := _recent(each, now))}
        # Whoever guesses elsewhere keeps nobody out at an address at which somebody has signed in.
        names = () if address in self._known else (f"name {name}",)
        for key in (*names, f"address {address}"):
            recent = self._failures[key] = _recent(self._failures.get(key, []), now)
            if len(recent) >= ATTEMPTS:
                raise SignInRefused(f"too many wrong passwords; try again in {ATTEMPTS_S:.0f} s")
            if not recent:
                del self._failures[key]


def _recent(failures: Iterable[float], now: float) -> list[float]:
    return [at for at in failures if now - at < ATTEMPTS_S]


def _verified(hashed: str, password: str) -> bool:
    try:
        return _HASHER.verify(hashed, password)
    except VerificationError:
        return False


def _key(cookie: str) -> bytes:
    """Sessions are found by this: whoever reads the memory of the process later has no cookie."""
    return sha256(cookie.encode()).digest()
