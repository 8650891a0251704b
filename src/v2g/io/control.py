"""The local control socket: who may write to it may ask the daemon for its status and give it orders.

JSON lines over a Unix socket, one answer for each line:

    {"command": "stop", "evse": 1}
    {"result": {"asked": [1]}}   or   {"error": "there is no EVSE 1, only 2"}

The form `{"command": "stop", "arguments": {"evse": 1}}` means the same.
"""

import asyncio
import inspect
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from v2g.kernel.errors import V2GError

LONGEST_LINE = 65_536
MOST_CONNECTIONS = 8
IDLE_S = 60.0
"""A client that says nothing for this long is disconnected."""

Handler = Callable[[Any], Any]
"""Takes a command; returns what JSON can hold, or an awaitable of it. Raises `V2GError` to refuse."""


class ControlError(V2GError):
    """The control socket cannot be used, or the daemon refused the command."""


async def serve(path: Path, mode: int, commands: Any, handle: Handler) -> None:
    """Serve until cancelled; the socket is removed then.

    `mode`: its permissions. `commands`: a union of tagged structs.

    Raises `ControlError` when the socket cannot be had, for example because another daemon uses it.
    """
    conversations: set[asyncio.Task[Any]] = set()

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        conversations.add(task)
        try:
            await _converse(reader, writer, commands, handle, full=len(conversations) > MOST_CONNECTIONS)
        finally:
            conversations.discard(task)
            writer.close()

    with _bound(path, mode) as bound:
        server = await asyncio.start_unix_server(converse, sock=bound, limit=LONGEST_LINE)
        try:
            await asyncio.Event().wait()  # until cancelled
        finally:
            server.close()
            for task in conversations:
                task.cancel()
            await asyncio.gather(*conversations, return_exceptions=True)


def request(path: Path, command: msgspec.Struct, *, timeout_s: float = 5.0) -> Any:
    """Send a command to the daemon behind the socket and return its result. Raises `ControlError`."""
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(timeout_s)
            connection.connect(str(path))
            connection.sendall(msgspec.json.encode(command) + b"\n")
            with connection.makefile("rb") as stream:
                answer = stream.readline()
    except (FileNotFoundError, ConnectionRefusedError) as error:
        remedy = "start it (systemctl start v2g-daemon), or name its socket with --socket"
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


def _group_remedy(path: Path) -> str:
    try:
        return f"use sudo, or join its group: usermod -aG {path.group()} $USER"
    except (OSError, KeyError):
        return "use sudo"


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


async def _converse(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, commands: Any, handle: Handler, *, full: bool
) -> None:
    try:
        while True:
            async with asyncio.timeout(IDLE_S):
                line = await reader.readline()
            if not line:
                return
            writer.write(_error("too many connections; close one") if full else await _answer(line, commands, handle))
            await writer.drain()
            if full:
                return
    except ValueError:  # from readline
        writer.write(_error(f"a line is longer than {LONGEST_LINE} bytes"))
    except (TimeoutError, ConnectionError):
        return


async def _answer(line: bytes, commands: Any, handle: Handler) -> bytes:
    try:
        asked = msgspec.json.decode(line)
        if isinstance(asked, dict) and isinstance(asked.get("arguments"), dict):
            asked |= asked.pop("arguments")
        if isinstance(asked, dict) and "connector" in asked:
            asked.setdefault("evse", asked.pop("connector"))
        command = msgspec.convert(asked, commands)
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError, RecursionError) as error:
        return _error(f'not a command: {error}; say for example {{"command": "status"}}')
    name = command.__struct_config__.tag
    try:
        result = handle(command)
        return msgspec.json.encode({"result": await result if inspect.isawaitable(result) else result}) + b"\n"
    except V2GError as error:
        return _error(f"{name}: {error}")
    except Exception as error:  # a defect of a handler must not end the daemon; asyncio's handler reports it
        asyncio.get_running_loop().call_exception_handler({"message": f"command {name}", "exception": error})
        return _error(f"{name}: internal failure; see the daemon's output")


def _error(text: str) -> bytes:
    return msgspec.json.encode({"error": text}) + b"\n"
