"""The local control socket: a user who may write to it may ask the daemon for its status and give it orders.

JSON lines over a Unix socket, one answer for each line:

    {"command": "stop", "evse": 1}
    {"result": {"asked": [1]}}   or   {"error": "there is no EVSE 1, only 2"}

The form `{"command": "stop", "arguments": {"evse": 1}}` means the same.
"""

import asyncio
import inspect
import os
import socket
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from v2g.io.commands import NotACommand, read
from v2g.kernel.errors import V2GError

_CREDENTIALS = struct.Struct("3i")
"""Process, user and group id (SO_PEERCRED)."""

LONGEST_LINE = 65_536
MOST_OF_ONE_USER = 8
"""Connections of one user of this machine. One more takes the place of that which has been silent longest."""
MOST_CONNECTIONS = 64
MOST_WAITING = 16
"""Connections that wait to be accepted."""
CROWDED_S = 0.02
"""Until a client tries again, if too many wait."""
IDLE_S = 60.0
"""A client that says nothing, or takes no answer, for this long is disconnected."""

asked_by: ContextVar[int] = ContextVar("asked_by")
"""While a handler runs: the user id of who asked."""

Handler = Callable[[Any], Any]
"""Takes a command; returns what JSON can hold, or an awaitable of it. Raises `V2GError` to refuse."""


class ControlError(V2GError):
    """The control socket cannot be used, or the daemon refused the command."""


async def serve(path: Path, mode: int, commands: Any, handle: Handler) -> None:
    """Serve until cancelled; the socket is removed then.

    `mode`: its permissions. `commands`: a union of structs that are tagged by `command`; what does not fit one of them
    is answered with the reason and never reaches `handle`.

    Raises `ControlError` if the socket cannot be had, for example because another daemon uses it.
    """
    service = _Service(commands, handle)
    with _bound(path, mode) as bound:
        # As many connections as may wait are accepted in one turn of the loop.
        server = await asyncio.start_unix_server(service.converse, sock=bound, limit=LONGEST_LINE, backlog=MOST_WAITING)
        try:
            await asyncio.Event().wait()  # until cancelled
        finally:
            server.close()
            await service.close()


def request(
    path: Path, command: msgspec.Struct, *, timeout_s: float = 5.0, start: str = "systemctl start v2g-daemon"
) -> Any:
    """Send a command to the daemon behind the socket and return its result. `start`: the command that starts it.

    Raises `ControlError`.
    """
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(timeout_s)
            _connect(connection, path, time.monotonic() + timeout_s)
            connection.sendall(msgspec.json.encode(command) + b"\n")
            with connection.makefile("rb") as stream:
                answer = stream.readline()
    except (FileNotFoundError, ConnectionRefusedError) as error:
        remedy = f"start it ({start}), or name its socket with --socket"
        raise ControlError(f"no daemon listens at {path}; {remedy}") from error
    except PermissionError as error:
        raise ControlError(f"no permission for {path}; {_group_remedy(path)}") from error
    except TimeoutError as error:
        raise ControlError(f"the daemon at {path} does not answer; see its trace, or restart it") from error
    except OSError as error:
        raise ControlError(f"control socket {path}: {error}; name another with --socket") from error
    try:
        reply = msgspec.json.decode(answer, type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise ControlError(f"what listens at {path} is no v2g daemon; name its socket with --socket") from error
    if "error" in reply:
        raise ControlError(str(reply["error"]))
    return reply.get("result")


def listener(path: Path) -> int | None:
    """The process behind a control socket; None if there is none that this user may ask."""
    with socket.socket(socket.AF_UNIX) as connection:
        try:
            connection.connect(str(path))
        except OSError:
            return None
        found: int = _CREDENTIALS.unpack(
            connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        )[0]
        return found


def _connect(connection: socket.socket, path: Path, until_s: float) -> None:
    """As the kernel does not wait for room among those who wait to be accepted, this does. Raises `OSError`."""
    while True:
        try:
            return connection.connect(str(path))
        except BlockingIOError:
            if time.monotonic() > until_s:
                raise TimeoutError from None
            time.sleep(CROWDED_S)


def _group_remedy(path: Path) -> str:
    try:
        group = path.group()
    except (OSError, KeyError):
        return "use sudo"
    return "use sudo" if group == "root" else f"use sudo, or join its group: usermod -aG {group} $USER"


@contextmanager
def _bound(path: Path, mode: int) -> Iterator[socket.socket]:
    """A socket with its permissions; it does not listen yet, so that nobody gets in before they hold."""
    bound = socket.socket(socket.AF_UNIX)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_stale(path)
        bound.bind(str(path))
        path.chmod(mode)
        own = path.stat()
    except OSError as error:
        bound.close()
        remedy = "let this user write there, or set control.socket in the configuration"
        raise ControlError(f"control socket {path}: {error.strerror or error}; {remedy}") from error
    except ControlError:
        bound.close()
        raise
    try:
        yield bound
    finally:
        bound.close()
        if path.exists() and os.path.samestat(path.stat(), own):  # else it is that of another daemon by now
            path.unlink()


def _remove_stale(path: Path) -> None:
    """Remove the socket of a daemon that died. Raises `ControlError` for that of a living one, and for other files."""
    if not path.is_socket():
        if path.exists():
            raise ControlError(f"control socket {path}: this is another kind of file; remove it")
        return
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
            return
    raise ControlError(f"control socket {path}: another daemon listens there; stop it, or set control.socket")


@dataclass(slots=True)
class _Client:
    task: asyncio.Task[Any]
    user: int
    since: float
    """When it last said something."""
    busy: bool = False


class _Service:
    """The connections of one control socket."""

    def __init__(self, commands: Any, handle: Handler) -> None:
        self._commands, self._handle = commands, handle
        self._clients: list[_Client] = []
        self._gate = asyncio.Lock()

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection until it ends."""
        task = asyncio.current_task()
        assert task is not None
        client = _Client(task, _user(writer), asyncio.get_running_loop().time())
        try:
            if self._make_room(client.user):
                self._clients.append(client)
                await self._answer_lines(client, reader, writer)
            else:
                writer.write(_error("too many commands are being carried out; wait for one of them"))
        except ValueError:  # from readline
            writer.write(_error(f"a line is longer than {LONGEST_LINE} bytes"))
        except (TimeoutError, ConnectionError, asyncio.CancelledError):
            pass  # asyncio would print a traceback for each connection that was cancelled
        finally:
            if client in self._clients:
                self._clients.remove(client)
            if writer.transport.get_write_buffer_size():  # it does not read
                writer.transport.abort()
            else:
                writer.close()

    async def close(self) -> None:
        """End all connections."""
        tasks = [client.task for client in self._clients]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _make_room(self, user: int) -> bool:
        """Whether there is room for one more client of `user`, if need be instead of that silent for longest."""
        rivals = [client for client in self._clients if client.user == user]
        if len(rivals) < MOST_OF_ONE_USER:
            rivals = self._clients
            if len(rivals) < MOST_CONNECTIONS:
                return True
        idle = [client for client in rivals if not client.busy]
        if not idle:
            return False
        idlest = min(idle, key=lambda client: client.since)
        self._clients.remove(idlest)
        idlest.task.cancel()
        return True

    async def _answer_lines(self, client: _Client, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        loop = asyncio.get_running_loop()
        while True:
            async with asyncio.timeout(IDLE_S):
                line = await reader.readline()
            if not line:
                return
            client.since, client.busy = loop.time(), True
            async with self._gate:  # one command in a turn of the loop, however many come at once
                await asyncio.sleep(0)
            asked_by.set(client.user)  # each connection has a task and a context of its own
            writer.write(await self._answer(line))
            client.busy = False
            async with asyncio.timeout(IDLE_S):
                await writer.drain()

    async def _answer(self, line: bytes) -> bytes:
        try:
            command = read(line, self._commands)
        except NotACommand as error:
            return _error(str(error))
        name = command.__struct_config__.tag
        try:
            result = self._handle(command)
            return msgspec.json.encode({"result": await result if inspect.isawaitable(result) else result}) + b"\n"
        except V2GError as error:
            return _error(f"{name}: {error}")
        except Exception as error:  # a defect of a handler must not end the daemon; asyncio's handler reports it
            asyncio.get_running_loop().call_exception_handler({"message": f"command {name}", "exception": error})
            return _error(f"{name}: internal failure; see the daemon's output")


def _user(writer: asyncio.StreamWriter) -> int:
    """The user id of the process at the other end."""
    credentials = writer.get_extra_info("socket").getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    user: int = _CREDENTIALS.unpack(credentials)[1]
    return user


def _error(text: str) -> bytes:
    return msgspec.json.encode({"error": text}) + b"\n"
