"""The control socket, with real clients on both sides."""

import asyncio
import json
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from msgspec import Struct

from v2g.io.control import LONGEST_LINE, MOST_CONNECTIONS, ControlError, request, serve
from v2g.kernel.errors import V2GError


class Double(Struct, frozen=True, forbid_unknown_fields=True, tag_field="command", tag="double"):
    number: int


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
        (b'{"command": "double"}', "missing required field `number`"),
        (b'{"command": "double", "numbr": 1, "number": 1}', "unknown field `numbr`"),
        (b'{"command": "double", "number": "1"}', "Expected `int`, got `str` - at `$.number`"),
        (b'{"command": "halve"}', "Invalid value 'halve'"),
    ],
)
def test_a_wrong_argument_is_named(path: Path, line: bytes, expected: str) -> None:
    (answer,) = say(path, line + b"\n")
    assert expected in str(answer["error"])


@pytest.mark.parametrize(
    "line",
    [
        b"status\n",
        b"{}\n",
        b"[1]\n",
        b'{"command": 1}\n',
        b'{"command": "double", "x": 1}\n',
        b"\xff\n",
        b"[" * 60_000 + b"\n",
    ],
)
def test_bad_lines_get_an_error_and_the_next_is_served(path: Path, line: bytes) -> None:
    bad, good = say(path, line, b'{"command": "double", "arguments": {"number": 4}}\n')
    assert str(bad["error"]).startswith("not a command: ")
    assert good == {"result": 8}


def test_an_endless_line_ends_the_connection(path: Path) -> None:
    assert say(path, b"x" * (3 * LONGEST_LINE)) == [{"error": f"a line is longer than {LONGEST_LINE} bytes"}]


def test_connections_are_limited_and_come_free_again(path: Path) -> None:
    async def scenario() -> None:
        async with served(path), asyncio.timeout(5):
            line = b'{"command": "double", "arguments": {"number": 1}}\n'
            clients = []
            for number in range(MOST_CONNECTIONS + 1):
                reader, writer = await asyncio.open_unix_connection(path)
                writer.write(line)
                clients.append((reader, writer))
                expected = b"result" if number < MOST_CONNECTIONS else b"too many connections"
                assert expected in await reader.readline()
            for reader, writer in clients:
                writer.write_eof()
                assert await reader.read() == b""
                writer.close()
            assert await asyncio.to_thread(request, path, Double(3)) == 6

    asyncio.run(scenario())


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
def test_who_has_no_permission_is_told_the_group() -> None:
    with TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as listener:
        path = Path(folder, "control.sock")
        path.parent.chmod(0o755)
        listener.bind(str(path))
        listener.listen()
        path.chmod(0o660)
        code = (
            "import grp, os, sys; from pathlib import Path; from v2g.io.control import request, ControlError\n"
            "from v2g.station.command import Status\n"
            "os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
            "try: request(Path(sys.argv[1]), Status())\n"
            "except ControlError as error: print(error)"
        )
        run = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    assert run.stdout == f"no permission for {path}; use sudo, or join its group: usermod -aG root $USER\n"
