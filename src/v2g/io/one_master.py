"""The listener of a grid's language that serves one master at a time, of those who may.

A new connection takes the place of the one before, which may be dead without a word.
"""

import asyncio
import ssl
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import Protocol

from v2g.kernel.errors import V2GError
from v2g.kernel.sparing import Sparing

LOOK_S = 1.0
"""Between two looks for changes and for times that have passed."""
MOST_OCTETS = 4096


class ListenError(V2GError):
    """The address cannot be listened at."""


class Conversation(Protocol):
    """One connection of a master. Whatever a method raises closes it and is reported."""

    def receive(self, octets: bytes) -> bytes:
        """What is to be said after these octets."""
        ...

    def look(self) -> bytes:
        """What is to be said without being asked."""
        ...


@dataclass(frozen=True)
class Language:
    """What differs between the languages."""

    master: str
    """As a person calls it: "DNP3 master"."""
    section: str
    """Of the configuration, with `listen` and `masters`."""


class OneMaster:
    """Serves `listen` (`HOST:PORT`) to the masters of these addresses or networks."""

    def __init__(
        self,
        language: Language,
        listen: str,
        masters: Collection[str],
        report: Callable[[str], None],
        begin: Callable[[], Conversation],
    ) -> None:
        self._language, self._listen, self._masters, self._report = (
            language,
            listen,
            masters,
            Sparing(report, time.monotonic),
        )
        self._begin = begin
        self._active: tuple[asyncio.StreamWriter, Conversation] | None = None

    async def serve(self, tls: ssl.SSLContext | None, look: Callable[[], None] = lambda: None) -> None:
        """Serve until cancelled. `look` is called each second, also while nobody is connected. Raises `ListenError`."""
        host, _, port = self._listen.rpartition(":")
        try:
            server = await asyncio.start_server(self._converse, host.strip("[]"), int(port), ssl=tls, limit=MOST_OCTETS)
        except OSError as error:
            remedy = f"choose another with {self._language.section}.listen"
            raise ListenError(f"{self._listen}: {error.strerror or error}; {remedy}") from error
        self._report(f"the {self._language.master} connects at {host}:{server.sockets[0].getsockname()[1]}")
        try:
            while True:
                look()
                self._look()
                await asyncio.sleep(LOOK_S)
        finally:
            server.close()
            if self._active is not None:
                self._active[0].transport.abort()

    def _look(self) -> None:
        if self._active is None:
            return
        writer, conversation = self._active
        try:
            writer.write(conversation.look())
        except Exception as error:
            self._closed(writer, error)
            writer.transport.abort()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host = _host(writer)
        if not any(ip_address(host) in ip_network(each) for each in self._masters):
            section, master = self._language.section, self._language.master
            self._report(f"{host} is no {master} here; name it under {section}.masters")
            writer.transport.abort()
            return
        if self._active is not None:
            self._active[0].transport.abort()
        conversation = self._begin()
        self._active = writer, conversation
        try:
            while (octets := await reader.read(MOST_OCTETS)) and self._active == (writer, conversation):
                writer.write(conversation.receive(octets))
                await writer.drain()
        except OSError:
            pass  # gone
        except Exception as error:
            self._closed(writer, error)
        finally:
            if self._active == (writer, conversation):
                self._active = None
            with suppress(OSError):
                writer.transport.abort()

    def _closed(self, writer: asyncio.StreamWriter, error: Exception) -> None:
        why = str(error) if isinstance(error, V2GError) else repr(error)
        self._report(f"the link of the {self._language.master} {_host(writer)} is closed: {why}")


def _host(writer: asyncio.StreamWriter) -> str:
    return str(writer.get_extra_info("peername")[0]).partition("%")[0]
