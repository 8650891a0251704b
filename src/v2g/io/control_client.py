"""One lasting connection to a daemon's control socket, for a process that asks again and again."""

import asyncio
from pathlib import Path
from typing import Any

import msgspec

from v2g.io.control import ControlError

WITHIN_S = 5.0
MOST_WAITING = 32
LONGEST_ANSWER = 4 << 20


class Gone(ControlError):
    """The daemon cannot be asked just now."""


class Refused(ControlError):
    """The daemon does not do what was asked; says why."""


class ControlClient:
    """Asks one thing after the other. A connection that was lost is made again."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stream: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._gate = asyncio.Lock()
        self._waiting = 0

    async def ask(self, command: msgspec.Struct) -> Any:
        """What the daemon answers. Raises `Refused` with its reason if it refuses, `Gone` if it does not answer."""
        if self._waiting >= MOST_WAITING:
            raise Gone("too many commands wait for the daemon; ask again")
        self._waiting += 1
        try:
            async with self._gate:
                return await self._asked(msgspec.json.encode(command) + b"\n")
        finally:
            self._waiting -= 1

    async def _asked(self, line: bytes) -> Any:
        for attempt in (1, 2):  # a connection that has been silent may have been closed
            fresh = self._stream is None
            try:
                async with asyncio.timeout(WITHIN_S):
                    answer = await self._exchange(line)
            except (FileNotFoundError, ConnectionRefusedError) as error:
                self.close()
                raise Gone(f"no daemon listens at {self._path}; start it, or name its socket with --socket") from error
            except (OSError, TimeoutError, ValueError) as error:
                self.close()
                raise Gone(f"the daemon at {self._path} does not answer; see its trace") from error
            except BaseException:  # what was asked is still to be answered there: no other may read that
                self.close()
                raise
            if answer.endswith(b"\n"):
                return _result(answer)
            self.close()
            if fresh or attempt == 2:
                break
        raise Gone(f"the daemon at {self._path} has closed the connection; see its trace")

    async def _exchange(self, line: bytes) -> bytes:
        if self._stream is None:
            self._stream = await asyncio.open_unix_connection(str(self._path), limit=LONGEST_ANSWER)
        reader, writer = self._stream
        try:
            writer.write(line)
            await writer.drain()
            return await reader.readline()
        except (ConnectionResetError, BrokenPipeError):
            return b""

    def close(self) -> None:
        """End the connection."""
        if self._stream is not None:
            self._stream[1].close()
            self._stream = None


def _result(answer: bytes) -> Any:
    reply = msgspec.json.decode(answer, type=dict[str, Any])
    if "error" in reply:
        raise Refused(str(reply["error"]).partition(": ")[2] or str(reply["error"]))
    return reply.get("result")
