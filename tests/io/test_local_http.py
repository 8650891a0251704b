"""The local API in memory: a real station answers, no socket between. Fuzzed against its own description."""

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.csms.asgi import ask
from tests.station.scene import OUTLET

from v2g.io.commands import read
from v2g.io.control_client import ControlClient, Gone, Refused
from v2g.io.home_assistant import discovery, node
from v2g.io.http_application import Readers
from v2g.io.local_access import BURST, Door, Program, door
from v2g.io.local_http import LocalHttp
from v2g.io.local_mqtt import asked
from v2g.io.local_openapi import described
from v2g.io.local_station import COMMANDS_BURST, LocalStation
from v2g.io.tokens import read_secret
from v2g.kernel.errors import V2GError
from v2g.station import command
from v2g.station.config.settings import ApiToken, LocalApi, Settings
from v2g.station.snapshot import explain
from v2g.station.station import Station

TOKEN = {"authorization": "Bearer a-token-of-sixteen"}
OTHER = {"authorization": "Bearer another-token-of-16"}
ALL = Program("house", ("read", "steer", "authorise"))


class Clock:
    """Goes on by itself, so that no rate is exceeded."""

    def __init__(self, turn_s: float = 1.0) -> None:
        self.now, self.turn_s = 0.0, turn_s

    def __call__(self) -> float:
        self.now += self.turn_s
        return self.now


class Daemon(ControlClient):
    """The station without a process around it: commands are read as from the control socket."""

    def __init__(self) -> None:
        super().__init__(Path("/nowhere"))
        self.station = Station(Settings(evses=(OUTLET,)))
        self.gone = False
        self.asked = 0

    async def ask(self, asked: msgspec.Struct) -> Any:
        self.asked += 1
        if self.gone:
            raise Gone("the daemon does not answer")
        try:
            asked_again: Any = read(msgspec.json.encode(asked), command.Any)
            done = self.station.obey(asked_again, 100.0, 1_000)
        except V2GError as error:
            raise Refused(str(error)) from error
        answer = done.result if done.explains is None else [explain(done.explains, 100.0)]
        return msgspec.json.decode(msgspec.json.encode(answer))


def api(clock: Clock | None = None, *, near: bool = True) -> tuple[LocalHttp, Daemon]:
    daemon, clock = Daemon(), clock or Clock()
    programs = {"a-token-of-sixteen": ALL, "another-token-of-16": Program("evcc", ("read", "steer"))}
    door = Door(clock, programs, near=near)
    return LocalHttp(LocalStation(daemon, clock), door), daemon


@pytest.mark.parametrize("examples", [8, pytest.param(300, marks=pytest.mark.proof)])
def test_schemathesis_finds_no_fault_in_what_the_description_says(examples: int) -> None:
    schemathesis = pytest.importorskip("schemathesis")
    from hypothesis import HealthCheck, Phase, given, settings

    http, _ = api()
    schema = schemathesis.openapi.from_dict(described("1"))
    schema.app = http.app
    found = 0
    for each in schema.get_all_operations():
        operation = each.ok()
        if operation.path == "/api/events":  # it never ends
            continue
        found += 1

        @settings(max_examples=examples, deadline=None, database=None, phases=[Phase.generate], derandomize=True,
                  suppress_health_check=list(HealthCheck))  # fmt: skip
        @given(case=operation.as_strategy())
        def check(case: Any) -> None:
            case.headers = {**(case.headers or {}), **TOKEN, "host": "localhost"}
            case.call_and_validate(app=http.app)

        check()
    assert found == 15


def test_an_integer_may_have_a_point() -> None:
    http, daemon = api()
    answer = asyncio.run(ask(http.app, "PUT", "/api/evses/1/minimum-soc", {"percent": 40.0}, TOKEN))
    assert answer.status == 200
    assert daemon.station.evses[1].local.order.min_soc_percent == 40


@pytest.mark.parametrize("evse", ["0", "2", "9" * 30])
def test_an_evse_that_is_not_there(evse: str) -> None:
    http, _ = api()
    answer = asyncio.run(ask(http.app, "POST", f"/api/evses/{evse}/stop", headers=TOKEN))
    assert (answer.status, answer.json) == (404, {"error": f"there is no EVSE {int(evse)}, only 1"})


def test_no_body_says_who_asks() -> None:
    http, _ = api()
    body = {"power_w": 0, "for_s": 1, "by": "somebody else"}
    answer = asyncio.run(ask(http.app, "PUT", "/api/evses/1/set-point", body, TOKEN))
    assert (answer.status, answer.json) == (400, {"error": "by does not belong here"})


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("DELETE", "/api/evses/1/minimum-soc", 405), ("POST", "/api/station", 405), ("GET", "/api/nothing", 404)],
)
def test_what_is_not_there_is_refused_in_json_too(method: str, path: str, status: int) -> None:
    http, _ = api()
    answer = asyncio.run(ask(http.app, method, path, headers=TOKEN))
    assert answer.status == status
    assert answer.json["error"].endswith("; see /api/openapi.json")


@pytest.mark.parametrize("content", [b'{"a":' + b"[" * 60_000, b'{"a":"\xff"}', b'{"\xff":1}'])
def test_what_is_no_json_is_refused(content: bytes) -> None:
    http, _ = api()
    answer = asyncio.run(ask(http.app, "PUT", "/api/evses/1/set-point", content, TOKEN))
    assert answer.status == 400


def test_many_clients_cost_the_daemon_one_question_a_second() -> None:
    http, daemon = api(Clock(0.001))

    async def poll() -> list[int]:
        return [(await ask(http.app, "GET", "/api/station", headers=TOKEN)).status for _ in range(100)]

    assert set(asyncio.run(poll())) == {200}
    assert daemon.asked == 2  # status and explanation


def test_floods_are_slowed_down() -> None:
    http, _ = api(Clock(1e-6))

    async def flood(method: str, path: str, body: Any, most: float) -> list[int]:
        return [(await ask(http.app, method, path, body, TOKEN)).status for _ in range(int(most) + 2)]

    mode = {"mode": "auto"}
    commands = asyncio.run(flood("PUT", "/api/evses/1/mode", mode, COMMANDS_BURST))
    assert commands == [200] * int(COMMANDS_BURST) + [429] * 2
    other = asyncio.run(ask(http.app, "PUT", "/api/evses/1/mode", mode, OTHER))
    assert other.status == 200, "it has not asked for anything yet"
    left = int(BURST - COMMANDS_BURST) - 3
    assert asyncio.run(flood("GET", "/api/station", None, left))[-2:] == [429, 429]


def test_a_daemon_that_is_gone_is_said_to_be() -> None:
    http, daemon = api()
    daemon.gone = True
    assert asyncio.run(ask(http.app, "GET", "/api/station", headers=TOKEN)).status == 503


class Stalled(Daemon):
    """It takes what is asked, and says nothing."""

    async def ask(self, asked: msgspec.Struct) -> Any:
        return await asyncio.Event().wait()


def test_every_request_is_answered_while_the_daemon_stands_still() -> None:
    clock = Clock()
    door = Door(clock, {"a-token-of-sixteen": ALL}, near=True)
    http = LocalHttp(LocalStation(Stalled(), clock), door, answers_s=0.01)

    async def all_of_them() -> list[int]:
        answers = await asyncio.gather(*(ask(http.app, "GET", "/api/station", headers=TOKEN) for _ in range(20)))
        return [each.status for each in answers]

    assert asyncio.run(all_of_them()) == [503] * 20


def test_without_a_token_others_get_nothing() -> None:
    http, _ = api(near=False)
    for headers in ({}, {"authorization": "Bearer wrong"}, {"authorization": "Basic a-token-of-sixteen"}):
        assert asyncio.run(ask(http.app, "GET", "/api/station", headers=headers)).status == 401


def test_a_reader_that_is_too_slow_starts_again() -> None:
    async def test() -> None:
        readers = Readers(lambda: b"whole")
        slow = readers.read("x")
        assert await anext(slow) == b"whole"
        for index in range(20):
            readers.offer(b"%d" % index)
        assert [await anext(slow) for _ in range(5)] == [b"0", b"1", b"2", b"3", b"4"]
        assert await anext(slow) == b"whole"
        assert (readers.clients, readers.read_by("x"), readers.read_by("y")) == (1, 1, 0)

    asyncio.run(test())


@pytest.mark.parametrize(
    ("what", "text", "found"),
    [
        ("set-point", b"-3000", {"power_w": -3000.0, "for_s": 60.0}),
        ("limit", b"5e3", {"charge_w": 5000.0, "for_s": 60.0}),
        ("minimum-soc", b"40.0", {"percent": 40}),
        ("mode", b"discharge", {"mode": "discharge", "for_s": 60.0}),
        ("mode", b"auto", {"mode": "auto"}),
        ("enabled", b"OFF", {"mode": "pause", "for_s": 604_800.0}),
        ("stop", b"PRESS", {}),
        ("departure", b'{"in_s": 5}', {"in_s": 5}),
    ],
)
def test_bare_values_of_home_assistant(what: str, text: bytes, found: dict[str, Any]) -> None:
    assert asked(what, text, 60.0) == found


@pytest.mark.parametrize(
    ("what", "text"),
    [("set-point", b"nan"), ("set-point", b""), ("limit", b"1e99"), ("minimum-soc", b"inf"), ("enabled", b"on"),
     ("departure", b"5"), ("mode", b"{"), ("mode", b'{"a":' * 3000), ("set-point", b"\xff\xfe")],
)  # fmt: skip
def test_garbage_is_refused(what: str, text: bytes) -> None:
    with pytest.raises(V2GError):
        asked(what, text, 60.0)


def test_a_broker_that_may_only_read_is_offered_no_controls() -> None:
    evse = {"evse": 1, "evse_id": "DE*V2G*E1"}
    assert node(evse) == "v2g_DE_V2G_E1"
    kinds = {each["platform"] for each in discovery("v2g", evse, "1", ("read",))["components"].values()}
    assert kinds == {"sensor", "binary_sensor"}


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    file = tmp_path / "token"
    file.write_text("0123456789abcdef\n")
    file.chmod(0o640)
    return file


def test_a_token_stands_in_a_file_that_others_cannot_read(secret: Path) -> None:
    assert read_secret(secret) == "0123456789abcdef"
    secret.chmod(0o644)
    with pytest.raises(V2GError, match="chmod 640"):
        read_secret(secret)
    secret.chmod(0o640)
    secret.write_text("short")
    with pytest.raises(V2GError, match="openssl rand"):
        read_secret(secret)
    with pytest.raises(V2GError, match="openssl rand"):
        read_secret(secret.with_name("missing"))


def test_two_tokens_of_one_secret_are_refused(secret: Path) -> None:
    secret.with_name("other").write_text(secret.read_text())
    secret.with_name("other").chmod(0o640)
    tokens = (ApiToken(name="a", file=secret), ApiToken(name="b", file=secret.with_name("other")))
    assert door(LocalApi(tokens=tokens[:1]), Clock())
    with pytest.raises(V2GError, match=r"local_api.tokens\[1\].file: .*other holds the token of a too; make another"):
        door(LocalApi(tokens=tokens), Clock())
