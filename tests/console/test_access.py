"""Who gets in, who may do what, and what a page of somebody else can do."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from tests.csms.asgi import Answer, ask

from v2g.console.access import (
    ATTEMPTS,
    ATTEMPTS_S,
    MOST_WAITING,
    SESSION_S,
    Gate,
    Role,
    SignInRefused,
    User,
    hashed,
    read_users,
)
from v2g.console.answers import refusal
from v2g.console.pages import Pages
from v2g.console.requests import BURST
from v2g.kernel.errors import V2GError

PASSWORD = "correct horse battery"
OWN = {"origin": "http://127.0.0.1:8080"}


@pytest.fixture(scope="module")
def users(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, User]:
    file = tmp_path_factory.mktemp("users") / "users"
    lines = [hashed("ann", Role.OPERATOR, PASSWORD), "# a comment", "", hashed("bob", Role.VIEWER, PASSWORD)]
    file.write_text("\n".join(lines))
    return read_users(file)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class Site:
    """The gate before something that may be looked at and changed."""

    def __init__(self, users: Mapping[str, User] | None, token: str | None = None, header: str | None = None) -> None:
        self.clock = Clock()
        self.gate = Gate(self.clock, token=token, users=users, proxy_header=header)
        thing = Route("/api/thing", self._answer, methods=["GET", "PUT"])
        self.app = Starlette(routes=[thing, *Pages(self.gate).routes])

    async def _answer(self, request: Request) -> Response:
        found = self.gate.refused(request)
        return Response(b"{}") if found is None else refusal(found)

    async def sign_in(self, name: str, password: str = PASSWORD, **headers: str) -> Answer:
        return await ask(self.app, "POST", "/session", {"name": name, "password": password}, headers=OWN | headers)

    async def thing(self, method: str = "GET", **headers: str) -> int:
        return (await ask(self.app, method, "/api/thing", headers=headers)).status


def run(test: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(test())  # type: ignore[arg-type]


def cookie(answer: Answer) -> str:
    assert answer.status == 200
    return answer.headers["set-cookie"].partition(";")[0]


def test_a_person_signs_in_looks_and_signs_out(users: Mapping[str, User]) -> None:
    async def test() -> None:
        site = Site(users)
        assert await site.thing() == 401
        answer = await site.sign_in("bob")
        assert answer.json == {"name": "bob", "role": "viewer", "users": True}
        attributes = answer.headers["set-cookie"].lower()
        assert "httponly" in attributes
        assert "samesite=strict" in attributes
        assert [await site.thing(method, cookie=cookie(answer)) for method in ("GET", "PUT")] == [200, 403]
        operator = cookie(await site.sign_in("ann"))
        assert await site.thing("PUT", cookie=operator) == 200
        assert (await ask(site.app, "GET", "/session", headers={"cookie": operator})).json["role"] == "operator"
        await ask(site.app, "DELETE", "/session", headers={"cookie": operator})
        assert await site.thing(cookie=operator) == 401

    run(test)


def test_a_session_ends_by_itself(users: Mapping[str, User]) -> None:
    async def test() -> None:
        site = Site(users)
        ann = cookie(await site.sign_in("ann"))
        site.clock.now = SESSION_S - 1
        assert await site.thing(cookie=ann) == 200
        site.clock.now = SESSION_S
        assert await site.thing(cookie=ann) == 401

    run(test)


def test_guessing_is_slow_for_a_name_and_for_an_address(users: Mapping[str, User]) -> None:
    async def test() -> None:
        site = Site(users)
        for _ in range(ATTEMPTS):
            assert (await site.sign_in("ann", "wrong")).json["error"] == "name or password is wrong"
        assert "too many" in (await site.sign_in("ann")).json["error"]
        assert "too many" in (await site.sign_in("bob")).json["error"]  # from the same address
        site.clock.now = ATTEMPTS_S
        assert (await site.sign_in("ann")).status == 200

    run(test)


def test_guessing_at_once_is_no_faster(users: Mapping[str, User]) -> None:
    async def test() -> None:
        site = Site(users)
        answers = await asyncio.gather(*(site.sign_in("ann", f"guess {number}") for number in range(3 * ATTEMPTS)))
        assert sum(each.json["error"] == "name or password is wrong" for each in answers) == ATTEMPTS

    run(test)


def test_who_floods_waits_for_itself(users: Mapping[str, User]) -> None:
    async def test() -> None:
        gate, ended = Gate(Clock(), users=users), list[str]()

        async def attempt(name: str, password: str, address: str) -> str:
            try:
                await gate.sign_in(name, password, address)
                said = "in"
            except SignInRefused as error:
                said = str(error)
            ended.append(address)
            return said

        assert await attempt("ann", PASSWORD, "office") == "in"
        flood = [
            asyncio.create_task(attempt("ann", "wrong", f"10.0.0.{number}")) for number in range(MOST_WAITING + 10)
        ]
        await asyncio.sleep(0)
        for gone in flood[20:30]:
            gone.cancel()
        known = [attempt("ann", PASSWORD, "office"), attempt("bob", PASSWORD, "home")]
        assert await asyncio.gather(*known) == ["in", "in"]
        verified = ended[1 : ended.index("home") + 1]
        assert [each for each in verified if not each.startswith("10.")] == ["office", "home"]
        answers = await asyncio.gather(*flood, return_exceptions=True)
        assert answers.count("name or password is wrong") == ATTEMPTS, "then ann is guessed too often"
        assert answers.count("too many sign in at this moment; try again") >= 9
        assert await attempt("ann", PASSWORD, "office") == "in"
        assert "too many wrong passwords" in await attempt("ann", PASSWORD, "elsewhere")

    run(test)


def test_a_name_that_nobody_has_is_answered_like_a_wrong_password(users: Mapping[str, User]) -> None:
    async def test() -> None:
        site = Site(users)
        unknown, wrong = await site.sign_in("eve"), await site.sign_in("ann", "wrong")
        assert (unknown.status, unknown.json) == (wrong.status, wrong.json)

    run(test)


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        ({"name": "ann", "password": PASSWORD}, {"origin": "https://evil.example.com"}, 403),
        ({"name": "ann", "password": PASSWORD}, {"content-type": "text/plain"}, 415),
        ({"name": "ann"}, {}, 400),
        (["ann"], {}, 400),
        ({"name": "ann", "password": "x" * 5000}, {}, 413),
        ({"name": "ann", "password": PASSWORD, "role": "operator"}, {}, 400),
    ],
)
def test_what_is_no_sign_in_is_refused(
    users: Mapping[str, User], body: Any, headers: dict[str, str], status: int
) -> None:
    async def test() -> None:
        site = Site(users)
        assert (await ask(site.app, "POST", "/session", body, headers=headers)).status == status

    run(test)


def test_a_page_of_another_origin_can_do_nothing_even_with_the_cookie(users: Mapping[str, User]) -> None:
    async def test() -> None:
        site = Site(users)
        ann = cookie(await site.sign_in("ann"))
        assert await site.thing("PUT", cookie=ann, origin="https://evil.example.com") == 403
        assert await site.thing("PUT", cookie=ann, origin="null") == 403
        assert await site.thing("PUT", cookie=ann, **OWN) == 200

    run(test)


def test_a_client_that_floods_is_slowed_down(users: Mapping[str, User]) -> None:
    async def test() -> None:
        site = Site(None)
        found = [await site.thing() for _ in range(int(BURST) + 5)]
        assert found == [200] * int(BURST) + [429] * 5
        site.clock.now = 1.0
        assert await site.thing() == 200

    run(test)


def test_without_any_secret_only_this_machine_is_served() -> None:
    async def test() -> None:
        site = Site(None)
        assert await site.thing(host="localhost:8080") == 200
        assert await site.thing(host="depot.example.com") == 403  # a name that somebody else pointed here

    run(test)


def test_a_token_is_for_programs(users: Mapping[str, User]) -> None:
    async def test() -> None:
        site = Site(users, token="secret")
        assert await site.thing("PUT", authorization="Bearer secret") == 200
        assert await site.thing("PUT", authorization="Bearer other") == 401
        assert await site.thing() == 401

    run(test)


def test_a_proxy_names_people_of_the_list_only(users: Mapping[str, User]) -> None:
    async def test() -> None:
        site = Site(users, header="X-Remote-User")

        async def asked(name: str, client: str) -> int:
            async def from_there(scope: Any, receive: Any, send: Any) -> None:
                await site.app({**scope, "client": (client, 1)}, receive, send)

            return (await ask(from_there, "PUT", "/api/thing", headers={"x-remote-user": name})).status

        assert [await asked(name, "127.0.0.1") for name in ("ann", "bob", "eve")] == [200, 403, 401]
        assert await asked("ann", "192.0.2.7") == 401  # not from the proxy

    run(test)


ARGON2 = "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaA"


@pytest.mark.parametrize("line", ["ann", "ann:operator:secret", f"ann:chief:{ARGON2}"])
def test_a_wrong_line_of_the_users_is_named(tmp_path: Path, line: str) -> None:
    file = tmp_path / "users"
    file.write_text(f"# people\n{line}\n")
    with pytest.raises(V2GError, match=r"users:2: not NAME:ROLE:HASH"):
        read_users(file)
    with pytest.raises(V2GError, match="nobody: No such file"):
        read_users(tmp_path / "nobody")


def test_the_page_allows_nothing_from_anywhere_else() -> None:
    async def test() -> None:
        site = Site(None)
        page = await ask(site.app, "GET", "/")
        assert b"<main" in page.content
        assert "default-src 'none'" in page.headers["content-security-policy"]
        script = await ask(site.app, "GET", "/app.js")
        again = await ask(site.app, "GET", "/app.js", headers={"if-none-match": script.headers["etag"]})
        assert (again.status, again.content) == (304, b"")
        assert msgspec.json.decode((await ask(site.app, "GET", "/session")).content)["role"] == "operator"

    run(test)
