"""The control socket, with real clients on both sides."""

import asyncio
import json
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from v2g.io.control import LONGEST_LINE, MOST_CONNECTIONS, ControlError, Handler, request, serve
from v2g.kernel.errors import V2GError


def double(number: int) -> int:
    return 2 * number


async def slowly() -> list[str]:
    await asyncio.sleep(0)
    return ["done"]


def refuse() -> None:
    raise V2GError("not now; try later")


def fail() -> None:
    raise ZeroDivisionError("secret detail")


HANDLERS: Mapping[str, Handler] = {"double": double, "slowly": slowly, "refuse": refuse, "fail": fail, "odd": object}


@asynccontextmanager
async def served(path: Path, mode: int = 0o660) -> AsyncIterator[None]:
    """A server at `path` that accepts connections: it binds and listens before it first waits."""
    task = asyncio.create_task(serve(path, mode, HANDLERS))
    await asyncio.sleep(0)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def ask(path: Path, command: str, **arguments: Any) -> object:
    """A request from another thread, to a server in this one."""

    async def both() -> object:
        async with served(path):
            return await asyncio.to_thread(partial(request, path, command, **arguments))

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
    assert ask(path, "double", number=21) == 42
    assert ask(path, "slowly") == ["done"]


@pytest.mark.parametrize(
    ("command", "arguments", "expected"),
    [
        ("refuse", {}, "^refuse: not now; try later$"),
        ("fail", {}, "^fail: internal failure; see the daemon's output$"),
        ("odd", {}, "^odd: internal failure; see the daemon's output$"),
        ("double", {}, "^double: missing a required argument: 'number'$"),
        ("double", {"numbr": 1}, "^double: "),
        ("halve", {}, "^there is no command 'halve', only double, slowly, refuse, fail, odd$"),
    ],
)
def test_what_cannot_be_done_is_said(path: Path, command: str, arguments: dict[str, object], expected: str) -> None:
    with pytest.raises(ControlError, match=expected):
        ask(path, command, **arguments)


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
    assert str(bad["error"]).startswith("not a request: ")
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
            assert await asyncio.to_thread(request, path, "double", number=3) == 6

    asyncio.run(scenario())


def test_permissions_are_those_asked_for(path: Path) -> None:
    async def seen(mode: int) -> int:
        async with served(path, mode):
            return (await asyncio.to_thread(path.stat)).st_mode & 0o777

    assert [asyncio.run(seen(mode)) for mode in (0o600, 0o660, 0o666)] == [0o600, 0o660, 0o666]


def test_the_socket_is_removed_at_the_end(path: Path) -> None:
    ask(path, "slowly")
    assert not path.exists()
    with pytest.raises(ControlError, match=r"^no daemon listens at .*; start it \(systemctl start v2g-daemon\), or"):
        request(path, "status")


def test_the_socket_of_a_dead_daemon_is_replaced(path: Path) -> None:
    path.parent.mkdir()
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    with pytest.raises(ControlError, match=r"^no daemon listens at "):
        request(path, "status")
    assert ask(path, "double", number=1) == 2


def test_the_socket_of_a_living_daemon_is_left_alone(path: Path) -> None:
    async def scenario() -> None:
        async with served(path):
            with pytest.raises(ControlError, match="another daemon listens there; stop it"):
                await serve(path, 0o660, {})
            assert await asyncio.to_thread(request, path, "double", number=1) == 2

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
        asyncio.run(serve(path, 0o660, {}))
    assert path.read_text() == "precious"


def test_a_place_that_cannot_hold_a_socket_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for place in (tmp_path / "file" / "control.sock", tmp_path / ("x" * 120)):
        with pytest.raises(ControlError, match=r"^control socket .*; let this user write there, or set control"):
            asyncio.run(serve(place, 0o660, {}))
    with pytest.raises(ControlError, match="name another with --socket"):
        request(tmp_path / ("x" * 120), "status")


def test_what_is_no_daemon_is_recognised(path: Path) -> None:
    path.parent.mkdir()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        with pytest.raises(ControlError, match=r"^the daemon at .* does not answer"):
            request(path, "status", timeout_s=0.05)
    path.unlink()
    code = (
        "import socket, sys; s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(); print(flush=True)\n"
        "c, _ = s.accept(); c.recv(100); c.sendall(b'HTTP/1.1 400 Bad Request\\r\\n')"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        with pytest.raises(ControlError, match="is no v2g daemon; name its socket with --socket"):
            request(path, "status")


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
            "os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
            "try: request(Path(sys.argv[1]), 'status')\n"
            "except ControlError as error: print(error)"
        )
        run = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    assert run.stdout == f"no permission for {path}; use sudo, or join its group: usermod -aG root $USER\n"
