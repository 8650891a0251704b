"""A ClientHello, read before OpenSSL sees it: what the car offers decides which certificate the station shows.

OpenSSL's Python binding shows none of this to its user, and cannot choose between certificates by it. So the channel
reads the first message by itself (RFC 8446, 4.1.2; RFC 5246, 7.4.1.2) and then hands the same bytes to the context of
its choice. Nothing here is trusted: the handshake covers the message with its Finished.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from cryptography.x509 import SubjectKeyIdentifier

from v2g.pki.certificate import Certificate

TLS_1_2, TLS_1_3 = 0x0303, 0x0304
_HANDSHAKE, _CLIENT_HELLO = 22, 1
_LONGEST_RECORD = 1 << 14
LONGEST = 1 << 16
"""Octets of a ClientHello that is still read."""

_STATUS_REQUEST, _GROUPS, _SIGNATURES, _ALPN = 5, 10, 13, 16
_TRUSTED_CA_KEYS, _STATUS_REQUEST_V2, _VERSIONS, _AUTHORITIES = 3, 17, 43, 47
# RFC 6066, 6: the kinds of an entry of trusted_ca_keys
_PRE_AGREED, _KEY_SHA1, _NAME, _CERTIFICATE_SHA1 = range(4)


class NotAHello(Exception):
    """These bytes are no ClientHello: OpenSSL will say what is wrong with them."""


@dataclass(frozen=True, slots=True)
class Named:
    """A root that the car says it trusts: by one of its names."""

    kind: int
    value: bytes = b""

    def means(self, root: Certificate) -> bool:
        """Whether it is this root."""
        match self.kind:
            case 0:  # both sides know already
                return True
            case 1:
                return SubjectKeyIdentifier.from_public_key(root.public_key).digest == self.value
            case 2:
                return root.parsed.subject.public_bytes() == self.value
            case 3:
                return hashlib.sha1(root.der, usedforsecurity=False).digest() == self.value
        return False


@dataclass(frozen=True, slots=True)
class ClientHello:
    """What a car offers."""

    versions: frozenset[int]
    suites: frozenset[int] = frozenset()
    groups: frozenset[int] = frozenset()
    signatures: frozenset[int] = frozenset()
    named: tuple[Named, ...] = ()
    """The roots that it trusts, from `trusted_ca_keys` and `certificate_authorities`; empty: it does not say."""
    protocols: frozenset[bytes] = field(default=frozenset())
    """Of ALPN."""
    wants_status: bool = False
    """Whether it asks for an OCSP response."""
    wants_all_statuses: bool = False
    """Whether it asks for one for each certificate (`status_request_v2`, RFC 6961)."""


def read(data: bytes) -> ClientHello | None:
    """Read the first octets of a connection; None: more are needed. Raises `NotAHello`."""
    message = _message(data)
    if message is None:
        return None
    try:
        return _read(memoryview(message))
    except (IndexError, ValueError) as error:
        raise NotAHello(str(error)) from error


def _message(data: bytes) -> bytes | None:
    """The handshake message, put together from its records."""
    joined, at = bytearray(), 0
    while True:
        header = data[at : at + 5]
        if header and (header[0] != _HANDSHAKE or (len(header) > 1 and header[1] != 3)):
            raise NotAHello("no handshake record")
        if len(header) < 5:
            return None
        length = int.from_bytes(header[3:5])
        if not 0 < length <= _LONGEST_RECORD or len(data) > LONGEST:
            raise NotAHello("a record of impossible length")
        joined += data[at + 5 : at + 5 + length]
        if joined and joined[0] != _CLIENT_HELLO:
            raise NotAHello("the first message is no ClientHello")
        if len(joined) >= 4:
            end = 4 + int.from_bytes(joined[1:4])
            if end > LONGEST:
                raise NotAHello("a ClientHello of impossible length")
            if len(joined) >= end:
                return bytes(joined[4:end])
        at += 5 + length
        if at > len(data):
            return None


class _Reader:
    def __init__(self, data: memoryview) -> None:
        self.data, self.at = data, 0

    def take(self, count: int) -> memoryview:
        taken = self.data[self.at : self.at + count]
        if len(taken) < count:
            raise ValueError("it ends too early")
        self.at += count
        return taken

    def number(self, octets: int) -> int:
        return int.from_bytes(self.take(octets))

    def vector(self, octets: int) -> "_Reader":
        """A run of octets with its length in front."""
        return _Reader(self.take(self.number(octets)))

    def __bool__(self) -> bool:
        return self.at < len(self.data)


def _read(message: memoryview) -> ClientHello:
    reader = _Reader(message)
    legacy = reader.number(2)
    reader.take(32)  # random
    reader.vector(1)  # session id
    suites = _numbers(reader.vector(2))
    reader.vector(1)  # compression
    extensions: dict[int, memoryview] = {}
    if reader:
        listed = reader.vector(2)
        while listed:
            kind = listed.number(2)
            extensions[kind] = listed.vector(2).data
    versions = frozenset({legacy})
    if _VERSIONS in extensions:
        versions = _numbers(_Reader(extensions[_VERSIONS]).vector(1))
    return ClientHello(
        versions,
        suites,
        _listed(extensions, _GROUPS),
        _listed(extensions, _SIGNATURES),
        (*_trusted(extensions.get(_TRUSTED_CA_KEYS)), *_authorities(extensions.get(_AUTHORITIES))),
        frozenset(_protocols(extensions.get(_ALPN))),
        _STATUS_REQUEST in extensions,
        _STATUS_REQUEST_V2 in extensions,
    )


def _numbers(reader: _Reader) -> frozenset[int]:
    found = set()
    while reader:
        found.add(reader.number(2))
    return frozenset(found)


def _listed(extensions: dict[int, memoryview], kind: int) -> frozenset[int]:
    return _numbers(_Reader(extensions[kind]).vector(2)) if kind in extensions else frozenset()


def _protocols(content: memoryview | None) -> Iterator[bytes]:
    if content is not None:
        listed = _Reader(content).vector(2)
        while listed:
            yield bytes(listed.vector(1).data)


def _authorities(content: memoryview | None) -> Iterator[Named]:
    if content is not None:
        listed = _Reader(content).vector(2)
        while listed:
            yield Named(_NAME, bytes(listed.vector(2).data))


def _trusted(content: memoryview | None) -> Iterator[Named]:
    if content is None:
        return
    listed = _Reader(content).vector(2)
    while listed:
        kind = listed.number(1)
        if kind in (_KEY_SHA1, _CERTIFICATE_SHA1):
            yield Named(kind, bytes(listed.take(20)))
        elif kind == _NAME:
            yield Named(kind, bytes(listed.vector(2).data))
        elif kind == _PRE_AGREED:
            yield Named(kind)
        else:
            raise ValueError(f"trusted_ca_keys has an entry of unknown kind {kind}")
