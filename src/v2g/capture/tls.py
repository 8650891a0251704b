"""Follows the TLS connections of a capture and gives their plain bytes, where the secrets are known."""

from collections import deque
from collections.abc import Iterator
from enum import IntEnum
from typing import NamedTuple

from v2g.capture.keylog import KeyLog
from v2g.capture.packet import Endpoint
from v2g.capture.tcp import Chunk
from v2g.capture.tls_record import SUITES, Protection12, Protection13, Suite, TlsRecordError, protections_12

ALERTS = {
    10: "unexpected_message",
    20: "bad_record_mac",
    22: "record_overflow",
    40: "handshake_failure",
    42: "bad_certificate",
    43: "unsupported_certificate",
    44: "certificate_revoked",
    45: "certificate_expired",
    46: "certificate_unknown",
    47: "illegal_parameter",
    48: "unknown_ca",
    49: "access_denied",
    50: "decode_error",
    51: "decrypt_error",
    70: "protocol_version",
    71: "insufficient_security",
    80: "internal_error",
    86: "inappropriate_fallback",
    109: "missing_extension",
    110: "unsupported_extension",
    112: "unrecognized_name",
    113: "bad_certificate_status_response",
    116: "certificate_required",
    120: "no_application_protocol",
}
"""The alerts that tell of a failure."""


class _Content(IntEnum):
    CHANGE_CIPHER = 20
    ALERT = 21
    HANDSHAKE = 22
    DATA = 23


_CLIENT_HELLO, _SERVER_HELLO, _FINISHED, _KEY_UPDATE = 1, 2, 20, 24
_ENCRYPT_THEN_MAC, _SUPPORTED_VERSIONS = 22, 43
_TLS_1_2, _TLS_1_3 = 0x0303, 0x0304
_RETRY = bytes.fromhex("CF21AD74E59A6111BE1D8C021E65B891C2A211167ABB8C5E079E09E2C8A8339C")
"""The server random of a HelloRetryRequest."""


class Alarm(NamedTuple):
    """A TLS alert, or something else about the connection that is worth a finding."""

    packet: int
    time: float
    source: Endpoint
    destination: Endpoint
    text: str


class _Record(NamedTuple):
    chunk: Chunk
    """The one that completes the record."""
    header: bytes
    body: bytes


def is_tls(data: bytes) -> bool:
    """Whether a stream that begins with these bytes carries TLS records."""
    return len(data) >= 3 and data[0] in tuple(_Content) and data[1] == 3 and data[2] <= 4


class TlsReader:
    """One TLS connection. Records wait, in their order, until their secrets are known."""

    def __init__(self, secrets: KeyLog) -> None:
        self._secrets = secrets
        self._buffers: dict[Endpoint, bytearray] = {}
        self._handshakes: dict[Endpoint, bytearray] = {}
        self._waiting: deque[_Record] = deque()
        self._protections: dict[Endpoint, Protection12 | Protection13] = {}
        self._prepared: tuple[Protection12, Protection12] | None = None
        self._labels: dict[Endpoint, str] = {}
        self._client: Endpoint | None = None
        self._client_random = self._server_random = b""
        self._version = self._suite = 0
        self._encrypt_then_mac = False
        self._obstacle = ""

    def feed(self, chunk: Chunk) -> Iterator[Chunk | Alarm]:
        """The plain bytes that become readable, in chunks as the records are."""
        if chunk.missing and not self._obstacle:
            self._obstacle = f"{chunk.missing} bytes before packet {chunk.packet} are missing in the capture"
        buffer = self._buffers.setdefault(chunk.source, bytearray())
        buffer += chunk.data
        while len(buffer) >= 5 and len(buffer) >= (end := 5 + int.from_bytes(buffer[3:5])):
            self._waiting.append(_Record(chunk, bytes(buffer[:5]), bytes(buffer[5:end])))
            del buffer[:end]
        yield from self.retry()

    def retry(self) -> Iterator[Chunk | Alarm]:
        """The same for what waited, after more secrets became known."""
        while self._waiting and not self._obstacle:
            try:
                if not self._unlock(self._waiting[0]):
                    return
                events = list(self._read(self._waiting[0]))
            except TlsRecordError as error:
                self._obstacle = str(error)
                return
            self._waiting.popleft()
            yield from events

    def flush(self) -> Alarm | None:
        """What could not be read, why, and what to do; None if there is nothing."""
        data = [record for record in self._waiting if record.header[0] == _Content.DATA]
        if not data:
            return None
        reason = self._obstacle or "the capture begins after the handshake"
        if not self._obstacle and self._client_random:
            reason = f"no secrets for client random {self._client_random.hex()}; give its key log with --keylog"
        text = f"{len(data)} TLS records with data are not decrypted: {reason}"
        return Alarm(*data[0].chunk[:4], text)

    def _unlock(self, record: _Record) -> bool:
        """Make the keys that the record needs, if it needs any; returns whether it can be read now."""
        source, kind = record.chunk.source, record.header[0]
        if source in self._protections:
            return True
        if self._version == _TLS_1_3:
            return kind != _Content.DATA or self._use_secret(source)
        if kind != _Content.CHANGE_CIPHER or self._prepared:
            return kind != _Content.DATA
        master = self._secrets.get("CLIENT_RANDOM", self._client_random)
        if master is not None:
            randoms = self._client_random, self._server_random
            suite = self._known_suite()
            self._prepared = protections_12(suite, master, *randoms, encrypt_then_mac=self._encrypt_then_mac)
        return master is not None

    def _use_secret(self, source: Endpoint) -> bool:
        """TLS 1.3: make the keys of one direction with the secret that is its next, if the key log has it."""
        label = self._labels.get(source, "HANDSHAKE_TRAFFIC_SECRET")
        secret = self._secrets.get(("CLIENT_" if source == self._client else "SERVER_") + label, self._client_random)
        if secret is not None:
            self._protections[source] = Protection13(self._known_suite(), secret)
        return secret is not None

    def _known_suite(self) -> Suite:
        if self._version not in (_TLS_1_2, _TLS_1_3) or self._suite not in SUITES:
            name = f"cipher suite 0x{self._suite:04X} of TLS version 0x{self._version:04X}"
            raise TlsRecordError(f"{name} cannot be read here")
        return SUITES[self._suite]

    def _read(self, record: _Record) -> Iterator[Chunk | Alarm]:
        chunk, header, body = record
        kind = header[0]
        if kind == _Content.CHANGE_CIPHER:
            if self._prepared:
                self._protections[chunk.source] = self._prepared[chunk.source != self._client]
            return
        protection = self._protections.get(chunk.source)
        if protection and (kind == _Content.DATA or self._version == _TLS_1_2):
            kind, body = protection.open(header, body)
        if kind == _Content.DATA and body:
            yield chunk._replace(data=body, missing=0)
        elif kind == _Content.HANDSHAKE:
            self._shake(chunk.source, body)
        elif kind == _Content.ALERT and len(body) == 2 and body[1] in ALERTS:
            yield Alarm(*chunk[:4], f"TLS alert {ALERTS[body[1]]} ({'fatal' if body[0] == 2 else 'warning'})")

    def _shake(self, source: Endpoint, body: bytes) -> None:
        """Take note of what the handshake says about keys."""
        buffer = self._handshakes.setdefault(source, bytearray())
        buffer += body
        while len(buffer) >= 4 and len(buffer) >= (end := 4 + int.from_bytes(buffer[1:4])):
            kind, message = buffer[0], bytes(buffer[4:end])
            del buffer[:end]
            if kind == _CLIENT_HELLO:
                self._client, self._client_random = source, message[2:34]
            elif kind == _SERVER_HELLO and message[2:34] != _RETRY:
                self._server_hello(message)
            elif self._version == _TLS_1_3 and kind == _FINISHED:
                del self._protections[source]
                self._labels[source] = "TRAFFIC_SECRET_0"
            elif self._version == _TLS_1_3 and kind == _KEY_UPDATE:
                protection = self._protections[source]
                assert isinstance(protection, Protection13)
                self._protections[source] = protection.updated()

    def _server_hello(self, message: bytes) -> None:
        if len(message) < 38:
            raise TlsRecordError("the ServerHello is damaged")
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
