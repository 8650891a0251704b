"""Decrypts the TLS connections of a capture if their secrets are known.

A record is protected under a key and its record number. After a loss neither is certain, but the record's tag proves a
guess. So the next numbers and keys are tried, for each direction separately; if the capture lacks the handshake, the
secrets in the key log are tried.
"""

import re
from collections import deque
from collections.abc import Iterator
from enum import IntEnum
from typing import NamedTuple

from v2g.capture.keylog import KeyLog
from v2g.capture.packet import Endpoint
from v2g.capture.tcp import Chunk
from v2g.capture.tls_record import SUITES, Protection12, Protection13, Suite, TlsRecordError, protections_12
from v2g.tls.alert import ALERTS

MOST_WAITING = 4 * 1024 * 1024
"""Bytes of records that may wait for their secrets in one connection."""
MOST_TRIES = 100_000
"""Failed guesses after which a direction is given up."""
MOST_TRIES_OF_ALL = 1_000_000
"""Failed guesses, over all connections, after which no more are made."""
SEARCHED = 1024
"""Record numbers to try if the capture begins within a connection."""
_MOST_FAILURES = 32
"""Unreadable records in a row after which a direction is given up."""
_LEAST_RECORD, _LARGEST_BODY = 22, (1 << 14) + 2048


class _Content(IntEnum):
    CHANGE_CIPHER = 20
    ALERT = 21
    HANDSHAKE = 22
    DATA = 23


_HEADER_SIZE = 5
_HEADER = re.compile(rb"[\x14-\x17]\x03[\x00-\x04]", re.DOTALL)
_CLIENT_HELLO, _SERVER_HELLO, _FINISHED, _KEY_UPDATE = 1, 2, 20, 24
_ENCRYPT_THEN_MAC, _SUPPORTED_VERSIONS = 22, 43
_TLS_1_2, _TLS_1_3 = 0x0303, 0x0304
_SUITES_1_3 = (0x1302, 0x1303, 0x1301)
_RETRY = bytes.fromhex("CF21AD74E59A6111BE1D8C021E65B891C2A211167ABB8C5E079E09E2C8A8339C")
"""The server random of a HelloRetryRequest."""
_STAGES = ("HANDSHAKE_TRAFFIC_SECRET", "TRAFFIC_SECRET_0")
"""The secrets that one direction of TLS 1.3 uses one after the other, as a key log names them."""

Protection = Protection12 | Protection13


class Alarm(NamedTuple):
    """A TLS alert, or something else about the connection that is worth a finding."""

    packet: int
    time: float
    source: Endpoint
    destination: Endpoint
    text: str


class _Record(NamedTuple):
    chunk: Chunk
    """The one that completes the record, without its data."""
    header: bytes
    body: bytes


class _Gap(NamedTuple):
    chunk: Chunk
    """The chunk after the gap; `missing` counts the bytes that are missing or were skipped."""


class _Guess(NamedTuple):
    """Keys that may be in force, and what follows if they are."""

    protection: Protection
    stage: int
    first: int
    last: int
    """The record numbers to try."""
    suite: int
    client_random: bytes
    from_client: bool


def is_tls(data: bytes) -> bool:
    """Whether a stream that begins with these bytes carries TLS records."""
    return len(data) >= 3 and data[0] in tuple(_Content) and data[1] == 3 and data[2] <= 4


class _Direction:
    """What one side sends."""

    def __init__(self) -> None:
        self.buffer = bytearray()
        self.in_step = True
        self.skipped = 0
        self.has_greeted = False
        """The capture has this side's hello, so record numbers are known except for known losses."""
        self.handshake = bytearray()
        self.is_protected = False
        """TLS 1.2: the side has sent ChangeCipherSpec."""
        self.protection: Protection | None = None
        self.stage = 0
        self.number = 0
        """Of the next record under this protection."""
        self.slack = 0
        """How many records may be missing before the next one."""
        self.has_opened = False
        self.failures = 0
        self.tries = 0
        self.why_not = ""
        """Why nothing more is tried."""
        self.unread = 0
        """Records with data that could not be read."""
        self.first_unread: Chunk | None = None

    def cut(self, chunk: Chunk) -> Iterator[_Record | _Gap]:
        """The records that a chunk completes, and the gaps between them."""
        bare = chunk._replace(data=b"", missing=0)
        if chunk.missing:
            yield _Gap(bare._replace(missing=chunk.missing + len(self.buffer) + self.skipped))
            self.buffer.clear()
            self.in_step, self.skipped = False, 0
        self.buffer += chunk.data
        while self._find():
            if self.skipped:
                yield _Gap(bare._replace(missing=self.skipped))
                self.skipped = 0
            end = _HEADER_SIZE + int.from_bytes(self.buffer[3:5])
            if len(self.buffer) < end:
                return
            yield _Record(bare, bytes(self.buffer[:_HEADER_SIZE]), bytes(self.buffer[_HEADER_SIZE:end]))
            del self.buffer[:end]

    def _find(self) -> bool:
        """Move to the next record header; false if the buffer has none."""
        if len(self.buffer) < _HEADER_SIZE:
            return False
        if self.in_step and self._has_header(0):
            return True
        for match in _HEADER.finditer(bytes(self.buffer)):
            if self._has_header(match.start()):
                self._skip(match.start())
                self.in_step = True
                return True
        self._skip(len(self.buffer) - _HEADER_SIZE + 1)
        self.in_step = False
        return False

    def _has_header(self, place: int) -> bool:
        head = self.buffer[place : place + _HEADER_SIZE]
        return len(head) == _HEADER_SIZE and is_tls(bytes(head)) and int.from_bytes(head[3:]) <= _LARGEST_BODY

    def _skip(self, size: int) -> None:
        del self.buffer[:size]
        self.skipped += size

    def lose(self, size: int) -> None:
        """Note that bytes of this side are missing."""
        self.slack = min(self.slack + size // _LEAST_RECORD + 1, SEARCHED)
        self.handshake.clear()

    def advance(self, protection: Protection | None, stage: int) -> None:
        """Switch to new keys."""
        self.protection, self.stage, self.number = protection, stage, 0


class TlsReader:
    """One TLS connection. Records wait, in their order, until their secrets are known."""

    def __init__(self, secrets: KeyLog) -> None:
        self._secrets = secrets
        self._directions: dict[Endpoint, _Direction] = {}
        self._waiting: deque[_Record | _Gap] = deque()
        self._waiting_size = 0
        self._client: Endpoint | None = None
        self._client_random = self._server_random = b""
        self._version = self._suite = 0
        self._encrypt_then_mac = False

    def feed(self, chunk: Chunk) -> Iterator[Chunk | Alarm]:
        """The plain bytes that become readable, one chunk for each record; a chunk without data for a loss."""
        direction = self._directions.setdefault(chunk.source, _Direction())
        for item in direction.cut(chunk):
            self._waiting.append(item)
            self._waiting_size += _size(item)
        yield from self.retry(final=self._waiting_size > MOST_WAITING)

    def retry(self, *, final: bool = False) -> Iterator[Chunk | Alarm]:
        """The same for waiting records, after secrets were added. `final`: no more secrets will come."""
        while self._waiting:
            item = self._waiting[0]
            direction = self._directions[item.chunk.source]
            is_protected = isinstance(item, _Record) and self._is_protected(direction, item)
            if is_protected and not (final or direction.why_not or self._has_keys(item.chunk.source, direction)):
                return
            self._waiting.popleft()
            self._waiting_size -= _size(item)
            if isinstance(item, _Gap):
                direction.lose(item.chunk.missing)
                yield item.chunk
            else:
                yield from self._read(direction, item)

    def flush(self) -> Iterator[Chunk | Alarm]:
        """The same at the end, and an alarm that says how many records were not decrypted, and why."""
        yield from self.retry(final=True)
        unread: dict[str, list[_Direction]] = {}
        for source, direction in self._directions.items():
            if direction.unread:
                unread.setdefault(direction.why_not or self._why_not(source, direction), []).append(direction)
        for reason, directions in unread.items():
            first = min(each.first_unread for each in directions if each.first_unread is not None)
            count = sum(each.unread for each in directions)
            yield Alarm(*first[:4], f"{count} TLS records with data are not decrypted: {reason}")

    def _is_protected(self, direction: _Direction, record: _Record) -> bool:
        kind = record.header[0]
        return kind == _Content.DATA or (direction.is_protected and kind != _Content.CHANGE_CIPHER)

    def _has_keys(self, source: Endpoint, direction: _Direction) -> bool:
        if direction.protection is not None:
            return True
        try:
            return next(self._guesses(source, direction), None) is not None
        except TlsRecordError:
            return True

    def _read(self, direction: _Direction, record: _Record) -> Iterator[Chunk | Alarm]:
        chunk, header, body = record
        kind = int(header[0])
        if self._is_protected(direction, record):
            opened = self._open(direction, record)
            if opened is None:
                direction.lose(len(body))
                if kind == _Content.DATA:
                    direction.unread += 1
                    direction.first_unread = direction.first_unread or chunk
                    if direction.has_opened:
                        yield chunk._replace(missing=len(body))
                return
            kind, body = opened
        if kind == _Content.CHANGE_CIPHER:
            direction.is_protected |= self._version != _TLS_1_3
        elif kind == _Content.DATA and body:
            yield chunk._replace(data=body)
        elif kind == _Content.HANDSHAKE:
            self._shake(chunk, direction, body)
        elif kind == _Content.ALERT and len(body) == 2 and body[1] in ALERTS:
            yield Alarm(*chunk[:4], f"TLS alert {ALERTS[body[1]]} ({'fatal' if body[0] == 2 else 'warning'})")

    def _open(self, direction: _Direction, record: _Record) -> tuple[int, bytes] | None:
        """The record's content under the first guess that its tag proves; None if it proves none."""
        if direction.why_not:
            return None
        try:
            for guess in self._guesses(record.chunk.source, direction):
                for number in range(guess.first, guess.last + 1):
                    opened = guess.protection.open(record.header, record.body, number)
                    if opened is not None:
                        self._prove(record.chunk, direction, guess, number)
                        return opened
                    direction.tries += 1
                self._secrets.tries += guess.last - guess.first + 1
                if direction.tries > MOST_TRIES or self._secrets.tries > MOST_TRIES_OF_ALL:
                    break
        except TlsRecordError as error:
            direction.why_not = str(error)
            return None
        direction.failures += 1
        if direction.failures > _MOST_FAILURES or direction.tries > MOST_TRIES:
            direction.why_not = self._why_not(record.chunk.source, direction)
        return None

    def _prove(self, chunk: Chunk, direction: _Direction, guess: _Guess, number: int) -> None:
        """Adopt the guess, including what the capture lacks of the handshake."""
        if not direction.has_opened and guess.stage:
            direction.unread = min(direction.unread, number)  # the others were of the handshake
        direction.protection, direction.stage, direction.number = guess.protection, guess.stage, number + 1
        direction.slack = direction.failures = direction.tries = 0
        direction.has_opened = True
        if self._client is None:
            self._client = chunk.source if guess.from_client else chunk.destination
        if not self._version:
            self._version, self._suite = _TLS_1_3, guess.suite
        self._client_random = guess.client_random

    def _guesses(self, source: Endpoint, direction: _Direction) -> Iterator[_Guess]:
        """The keys that may protect the next record, likely ones first. Raises TlsRecordError for an unknown suite."""
        first, slack = direction.number, direction.slack
        known = direction.protection
        is_client = source == self._client
        if known is not None:
            yield _Guess(known, direction.stage, first, first + slack, self._suite, self._client_random, is_client)
            if not slack or not isinstance(known, Protection13):
                return
            if direction.stage == len(_STAGES) - 1:
                following = known.updated()
                yield _Guess(following, direction.stage, 0, slack, self._suite, self._client_random, is_client)
                return
        certain = bool(direction.has_greeted and self._client_random and self._version)
        last = slack if certain else max(slack, SEARCHED)
        begin = direction.stage + (known is not None)
        stages = range(begin, len(_STAGES) if slack or not certain else begin + 1)
        for client_random in self._possible_randoms():
            for from_client in (True, False) if self._client is None else (is_client,):
                for stage, suite, protection in self._keys(client_random, stages, from_client=from_client):
                    yield _Guess(protection, stage, 0, last, suite, client_random, from_client)

    def _possible_randoms(self) -> list[bytes]:
        if self._client_random:
            return [self._client_random]
        label = "CLIENT_RANDOM" if self._version == _TLS_1_2 else f"SERVER_{_STAGES[1]}"
        return list(self._secrets.client_randoms(label))

    def _keys(self, client_random: bytes, stages: range, *, from_client: bool) -> Iterator[tuple[int, int, Protection]]:
        """The keys of one direction: their stage, their suite and how they protect records."""
        if self._version == _TLS_1_2:
            master = self._secrets.get("CLIENT_RANDOM", client_random)
            if master is not None:
                suite, randoms = self._known_suite(self._suite), (client_random, self._server_random)
                both = protections_12(suite, master, *randoms, encrypt_then_mac=self._encrypt_then_mac)
                yield 0, self._suite, both[not from_client]
            return
        for stage in stages:
            secret = self._secrets.get(("CLIENT_" if from_client else "SERVER_") + _STAGES[stage], client_random)
            if secret is not None:
                for number in (self._suite,) if self._version else _SUITES_1_3:
                    yield stage, number, Protection13(self._known_suite(number), secret)

    def _known_suite(self, suite: int) -> Suite:
        if self._version not in (0, _TLS_1_2, _TLS_1_3) or suite not in SUITES:
            raise TlsRecordError(f"cipher suite 0x{suite:04X} of TLS version 0x{self._version:04X} cannot be read here")
        return SUITES[suite]

    def _why_not(self, source: Endpoint, direction: _Direction) -> str:
        side = "CLIENT" if source == self._client else "SERVER"
        labels = ("CLIENT_RANDOM", *(f"{side}_{stage}" for stage in _STAGES))
        known = [label for label in labels if self._secrets.get(label, self._client_random)]
        if self._version == _TLS_1_3 and self._client_random and labels[2] not in known and len(self._secrets):
            return f"the key log has no {labels[2]} for client random {self._client_random.hex()}"
        if direction.has_opened or (known and self._version):
            return "the secrets do not fit this connection"
        if known:
            return "the capture lacks the ServerHello, without which TLS 1.2 cannot be decrypted"
        if self._client_random:
            text = f"no secrets for client random {self._client_random.hex()}"
            others = f", only {len(self._secrets)} of other connections" if len(self._secrets) else ""
            return f"{text}{others}; give its key log with --keylog"
        text = "the capture begins after the handshake"
        if len(self._secrets):
            return f"{text}, and none of the {len(self._secrets)} secrets fits"
        return f"{text}; give its key log with --keylog"

    def _shake(self, chunk: Chunk, direction: _Direction, body: bytes) -> None:
        """Note what the handshake says about keys."""
        buffer = direction.handshake
        buffer += body
        while len(buffer) >= 4 and len(buffer) >= (end := 4 + int.from_bytes(buffer[1:4])):
            kind, message = buffer[0], bytes(buffer[4:end])
            del buffer[:end]
            direction.has_greeted |= kind in (_CLIENT_HELLO, _SERVER_HELLO)
            if kind == _CLIENT_HELLO:
                self._client, self._client_random = chunk.source, message[2:34]
            elif kind == _SERVER_HELLO and message[2:34] != _RETRY:
                self._client = self._client or chunk.destination
                self._server_hello(message)
            elif self._version == _TLS_1_3 and kind == _FINISHED:
                direction.advance(None, 1)
            elif self._version == _TLS_1_3 and kind == _KEY_UPDATE and isinstance(direction.protection, Protection13):
                direction.advance(direction.protection.updated(), direction.stage)

    def _server_hello(self, message: bytes) -> None:
        if len(message) < 38:
            return
        self._version, self._server_random = int.from_bytes(message[:2]), message[2:34]
        place = 35 + message[34]
        self._suite = int.from_bytes(message[place : place + 2])
        place += 5  # the suite, the compression method and the size of all extensions
        while place + 4 <= len(message):
            kind, size = int.from_bytes(message[place : place + 2]), int.from_bytes(message[place + 2 : place + 4])
            if kind == _SUPPORTED_VERSIONS:
                self._version = int.from_bytes(message[place + 4 : place + 6])
            self._encrypt_then_mac |= kind == _ENCRYPT_THEN_MAC
            place += 4 + size


def _size(item: _Record | _Gap) -> int:
    return len(item.body) if isinstance(item, _Record) else 0
