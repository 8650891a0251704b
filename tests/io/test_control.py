"""The control socket, with real clients on both sides."""

import asyncio
import json
import os
import re
import select
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, asynccontextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, get_args

import msgspec
import pytest
from msgspec import Meta, Struct
from tests.io.jumping_loop import JumpingLoop, run_ahead

from v2g.io.commands import NotACommand, read
from v2g.io.control import IDLE_S, LONGEST_LINE, MOST_OF_ONE_USER, ControlError, request, serve
from v2g.kernel.errors import V2GError
from v2g.station.command import Command, Stop


class Double(Struct, frozen=True, forbid_unknown_fields=True, tag_field="command", tag="double"):
    number: Annotated[int, Meta(ge=0, le=1000)]


class Slowly(Struct, frozen=True, tag_field="command", tag="slowly"):
    pass


class Refuse(Struct, frozen=True, tag_field="command", tag="refuse"):
    pass


class Fail(Struct, frozen=True, tag_field="command", tag="fail"):
    pass


class Odd(Struct, frozen=True, tag_field="command", tag="odd"):
    pass


Commands = Double | Slowly | Refuse | Fail | Odd


async def obey(command: Commands) -> object:
    match command:
        case Double(number):
            return 2 * number
        case Slowly():
            await asyncio.sleep(0)
            return ["done"]
        case Refuse():
            raise V2GError("not now; try later")
        case Fail():
            raise ZeroDivisionError("secret detail")
        case Odd():
            return object()


@asynccontextmanager
async def served(path: Path, mode: int = 0o660) -> AsyncIterator[None]:
    """A server at `path` that accepts connections: it binds and listens before it first waits."""
    task = asyncio.create_task(serve(path, mode, Commands, obey))
    await asyncio.sleep(0)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def ask(path: Path, command: Struct) -> object:
    """A request from another thread, to a server in this one."""

    async def both() -> object:
        async with served(path):
            return await asyncio.to_thread(request, path, command)

    return asyncio.run(both())


def say(path: Path, *lines: bytes) -> list[dict[str, object]]:
    """The answers to raw lines on one connection."""

    async def both() -> list[dict[str, object]]:
        async with served(path), asyncio.timeout(5):
            reader, writer = await asyncio.open_unix_connection(path)
            writer.write(b"".join(lines))
            writer.write_eof()
            answers = (await reader.read()).splitlines()
            writer.close()
            return [json.loads(answer) for answer in answers]

    return asyncio.run(both())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run" / "control.sock"


def test_a_command_is_answered(path: Path) -> None:
    assert ask(path, Double(21)) == 42
    assert ask(path, Slowly()) == ["done"]


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (Refuse(), "^refuse: not now; try later$"),
        (Fail(), "^fail: internal failure; see the daemon's output$"),
        (Odd(), "^odd: internal failure; see the daemon's output$"),
    ],
)
def test_what_cannot_be_done_is_reported(path: Path, command: Commands, expected: str) -> None:
    with pytest.raises(ControlError, match=expected):
        ask(path, command)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b'{"command": "double"}', "double: number is missing; give a whole number from 0 to 1000"),
        (b'{"command": "double", "numbr": 1, "number": 1}', "double: there is no argument 'numbr', only number"),
        (b'{"command": "double", "number": "1"}', 'double: number is "1"; give a whole number from 0 to 1000'),
        (b'{"command": "double", "number": 1001}', "double: number is 1001; give a whole number from 0 to 1000"),
        (b'{"command": "double", "number": [1]}', "double: number is [1]; give a whole number from 0 to 1000"),
        (b'{"command": "double", "number": {"a": {"b": 1}}}', 'double: number is {"a":{"b":1}}; give a whole number'),
        (b'{"command": "halve"}', "there is no command 'halve', only double, slowly, refuse, fail, odd"),
        (b'{"command": "double", "arguments": 3}', "double: give the arguments beside the name, such as"),
        (b'{"command": "double", "number": 1, "arguments": {"number": 2}}', "double: give the arguments beside"),
        (b'{"command": "slowly", "arguments": {"command": "fail"}}', "slowly: give the arguments beside the name"),
        (b"status", "not a command: JSON is malformed"),
        (b"{}", "not a command: its name is missing"),
        (b"[1]", "not a command: its name is missing"),
        (b'{"command": 1}', "not a command: its name is missing"),
        (b"\xff", "not a command: "),
        (b"[" * 60_000, "not a command: "),
    ],
)
def test_a_bad_line_is_explained_and_the_next_is_served(path: Path, line: bytes, expected: str) -> None:
    bad, good = say(path, line + b"\n", b'{"command": "double", "arguments": {"number": 4}}\n')
    assert str(bad["error"]).startswith(expected)
    assert good == {"result": 8}


VALUES: tuple[Any, ...] = (1, 0, -1, 2**70, 1.5, 1e134, True, None, "1", "1000", "x", "", [], [1], {}, {"a": 1})


@pytest.mark.parametrize("kind", get_args(Command))
def test_no_argument_of_the_station_is_taken_with_a_wrong_type(kind: Any) -> None:
    """Whatever the value, the command is made or the argument named."""
    fields = msgspec.structs.fields(kind)
    sound: dict[str, Any] = {"address": 1, "value": 1, "changes": {}, "power_w": 1, "for_s": 1, "percent": 1, "in_s": 1}
    sound |= {"mode": "charge", "part": "limit", "phases": 1}
    for field in fields:
        for value in VALUES:
            asked = {each.name: sound[each.name] for each in fields if each.required} | {field.name: value}
            command, complaint = outcome(asked | {"command": kind.__struct_config__.tag})
            if command is None:
                assert re.fullmatch(rf"\w+: {field.name} is .*; give (.+)", complaint), (asked, complaint)
            else:
                assert getattr(command, field.name) == (tuple(value) if isinstance(value, list) else value)
                assert not isinstance(value, bool) or field.type is bool


def outcome(asked: dict[str, Any]) -> tuple[Struct | None, str]:
    """The command, or why there is none."""
    try:
        return read(json.dumps(asked).encode(), Command), ""
    except NotACommand as error:
        return None, str(error)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_numbers_are_finite(number: str) -> None:
    with pytest.raises(NotACommand):
        read(b'{"command": "inject", "mode": "idle", "power_w": %s}' % number.encode(), Command)


@pytest.mark.parametrize(
    "line",
    [
        b'{"command": "stop", "evse": 2}',
        b'{"command": "stop", "arguments": {"evse": 2}}',
        b'{"command": "stop", "connector": 2}',
        b'{"command": "stop", "arguments": {"connector": 2}}',
    ],
)
def test_older_forms_of_a_command_are_understood(line: bytes) -> None:
    assert read(line, Command) == Stop(evse=2)


def test_an_endless_line_ends_the_connection(path: Path) -> None:
    assert say(path, b"x" * (3 * LONGEST_LINE)) == [{"error": f"a line is longer than {LONGEST_LINE} bytes"}]


def test_idle_connections_make_room_for_new_ones(path: Path) -> None:
    async def scenario() -> None:
        async with served(path), asyncio.timeout(20):
            line = b'{"command": "double", "arguments": {"number": 1}}\n'
            clients = []
            for _ in range(MOST_OF_ONE_USER + 3):
                reader, writer = await asyncio.open_unix_connection(path)
                writer.write(line)
                assert b"result" in await reader.readline()
                clients.append((reader, writer))
            for reader, _ in clients[:3]:  # those that have been silent longest
                assert await reader.read() == b""
            for reader, writer in clients[3:]:
                writer.write(line)
                assert b"result" in await reader.readline()
            for _, writer in clients:
                writer.close()

    asyncio.run(scenario())


def test_a_user_who_holds_hundreds_of_connections_shuts_nobody_out(path: Path) -> None:
    async def scenario() -> None:
        async with served(path), asyncio.timeout(20):
            held = []
            for _ in range(300):
                held.append(await asyncio.open_unix_connection(path))
                held[-1][1].write(b'{"command": ')
            assert await asyncio.to_thread(request, path, Double(3)) == 6
            for _, writer in held:
                writer.close()

    asyncio.run(scenario())


def test_connections_that_make_room_leave_no_traceback(path: Path) -> None:
    """A crowd of them would fill the pipe behind the daemon's output, and the daemon would wait for its reader."""
    complaints: list[dict[str, Any]] = []

    async def scenario() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
        async with served(path), asyncio.timeout(20):
            held = [await asyncio.open_unix_connection(path) for _ in range(3 * MOST_OF_ONE_USER)]
            assert await asyncio.to_thread(request, path, Double(3)) == 6
            for _, writer in held:
                writer.close()
        await asyncio.sleep(0)

    asyncio.run(scenario())
    assert complaints == []


def test_a_client_waits_for_its_turn_in_a_crowd(path: Path) -> None:
    path.parent.mkdir()
    with socket.socket(socket.AF_UNIX) as listening, ExitStack() as crowd, ThreadPoolExecutor(1) as thread:
        listening.bind(str(path))
        listening.listen(1)
        with suppress(BlockingIOError):
            while True:
                waiting = crowd.enter_context(socket.socket(socket.AF_UNIX))
                waiting.setblocking(False)
                waiting.connect(str(path))
        with pytest.raises(ControlError, match="does not answer"):
            request(path, Double(3), timeout_s=0.05)
        answer = thread.submit(request, path, Double(3))
        while True:
            accepted, _ = listening.accept()
            with accepted:
                accepted.settimeout(0.2)
                with suppress(TimeoutError):
                    if accepted.recv(100):
                        accepted.sendall(b'{"result": 6}\n')
                        break
        assert answer.result(5) == 6


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_the_connections_of_one_user_do_not_touch_those_of_another(path: Path) -> None:
    code = (
        "import os, socket, sys\n"
        "os.setgid(65534); os.setuid(65534)\n"
        "held = []\n"
        "for _ in range(50):\n"
        "    held.append(socket.socket(socket.AF_UNIX)); held[-1].connect(sys.argv[1])\n"
        'held[-1].sendall(b\'{"command": "double", "number": 2}\\n\'); print(held[-1].recv(100), flush=True)\n'
    )

    async def scenario(path: Path) -> None:
        async with served(path, 0o666), asyncio.timeout(20):
            reader, writer = await asyncio.open_unix_connection(path)
            crowd = await asyncio.create_subprocess_exec(
                sys.executable, "-c", code, str(path), stdout=asyncio.subprocess.PIPE
            )
            assert b'"result":4' in (await crowd.communicate())[0]
            writer.write(b'{"command": "double", "number": 1}\n')
            assert await reader.readline() == b'{"result":2}\n'
            writer.close()

    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        asyncio.run(scenario(Path(folder, "control.sock")))


def test_a_burst_of_commands_leaves_the_loop_to_others(path: Path) -> None:
    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        turns = 0
        over = False

        def count() -> None:
            nonlocal turns
            turns += 1
            if not over:
                loop.call_soon(count)

        async with served(path), asyncio.timeout(20):
            burst = []
            for _ in range(4):
                reader, writer = await asyncio.open_unix_connection(path)
                writer.write(b'{"command": "double", "number": 1}\n' * 250)
                writer.write_eof()
                burst.append((reader, writer))
            loop.call_soon(count)
            for reader, writer in burst:
                assert (await reader.read()).count(b"result") == 250
                writer.close()
        over = True
        assert turns >= 1000

    asyncio.run(scenario())


def test_a_client_that_takes_no_answers_is_disconnected(path: Path) -> None:
    async def scenario(loop: JumpingLoop) -> None:
        async with served(path), asyncio.timeout(100 + IDLE_S):
            with socket.socket(socket.AF_UNIX) as deaf:
                deaf.setblocking(False)
                await loop.sock_connect(deaf, str(path))
                with suppress(TimeoutError):
                    while True:  # until the daemon takes no more, because nobody takes its answers
                        async with asyncio.timeout(1.0):
                            await loop.sock_sendall(deaf, b'{"command": "double", "number": 1}\n' * 100)
                loop.ahead_s = IDLE_S + 1
                hung_up = select.poll()
                hung_up.register(deaf, select.POLLRDHUP)
                assert await asyncio.to_thread(hung_up.poll, 30_000)

    run_ahead(scenario)


def test_permissions_are_those_asked_for(path: Path) -> None:
    async def seen(mode: int) -> int:
        async with served(path, mode):
            return (await asyncio.to_thread(path.stat)).st_mode & 0o777

    assert [asyncio.run(seen(mode)) for mode in (0o600, 0o660, 0o666)] == [0o600, 0o660, 0o666]


def test_the_socket_is_removed_at_the_end(path: Path) -> None:
    ask(path, Slowly())
    assert not path.exists()
    with pytest.raises(ControlError, match=r"^no daemon listens at .*; start it \(systemctl start v2g-daemon\), or"):
        request(path, Slowly())


def test_the_socket_of_a_dead_daemon_is_replaced(path: Path) -> None:
    path.parent.mkdir()
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    with pytest.raises(ControlError, match=r"^no daemon listens at "):
        request(path, Slowly())
    assert ask(path, Double(1)) == 2


def test_the_socket_of_a_living_daemon_is_left_alone(path: Path) -> None:
    async def scenario() -> None:
        async with served(path):
            with pytest.raises(ControlError, match="another daemon listens there; stop it"):
                await serve(path, 0o660, Commands, obey)
            assert await asyncio.to_thread(request, path, Double(1)) == 2

    asyncio.run(scenario())


def test_a_socket_that_another_daemon_put_in_place_is_not_removed(path: Path) -> None:
    async def scenario() -> None:
        async with served(path):
            await asyncio.to_thread(path.unlink)
            await asyncio.to_thread(path.touch)

    asyncio.run(scenario())
    assert path.exists()


def test_other_files_are_not_removed(path: Path) -> None:
    path.parent.mkdir()
    path.write_text("precious")
    with pytest.raises(ControlError, match="this is another kind of file; remove it"):
        asyncio.run(serve(path, 0o660, Commands, obey))
    assert path.read_text() == "precious"


def test_a_place_that_cannot_hold_a_socket_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for place in (tmp_path / "file" / "control.sock", tmp_path / ("x" * 120)):
        with pytest.raises(ControlError, match=r"^control socket .*; let this user write there, or set control"):
            asyncio.run(serve(place, 0o660, Commands, obey))
    with pytest.raises(ControlError, match="name another with --socket"):
        request(tmp_path / ("x" * 120), Slowly())


def test_what_is_no_daemon_is_recognised(path: Path) -> None:
    path.parent.mkdir()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        with pytest.raises(ControlError, match=r"^the daemon at .* does not answer"):
            request(path, Slowly(), timeout_s=0.05)
    path.unlink()
    code = (
        "import socket, sys; s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(); print(flush=True)\n"
        "c, _ = s.accept(); c.recv(100); c.sendall(b'HTTP/1.1 400 Bad Request\\r\\n')"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        with pytest.raises(ControlError, match="is no v2g daemon; name its socket with --socket"):
            request(path, Slowly())


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody without permission")
@pytest.mark.parametrize(
    ("group", "remedy"), [(1, "use sudo, or join its group: usermod -aG daemon $USER"), (0, "use sudo")]
)
def test_who_has_no_permission_is_told_the_group_unless_it_is_that_of_root(group: int, remedy: str) -> None:
    with TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as listener:
        path = Path(folder, "control.sock")
        path.parent.chmod(0o755)
        listener.bind(str(path))
        listener.listen()
        path.chmod(0o660)
        os.chown(path, 0, group)
        code = (
            "import grp, os, sys; from pathlib import Path; from v2g.io.control import request, ControlError\n"
            "from v2g.station.command import Status\n"
            "os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
            "try: request(Path(sys.argv[1]), Status())\n"
            "except ControlError as error: print(error)"
        )
        run = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    assert run.stdout == f"no permission for {path}; {remedy}\n"
