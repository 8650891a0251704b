"""SECC discovery (SDP): how a car finds the station's address and port (ISO 15118-2 7.10.1; the same in ISO 15118-20).

The car sends a request to ff02::1, UDP port 15118; the station answers with the address and port of its
TCP server and with the security that this server has.
"""

from enum import IntEnum
from ipaddress import IPv6Address
from typing import NamedTuple, Self

from v2g.kernel.errors import V2GError
from v2g.v2gtp.framing import HEADER, FrameReader, FramingError, PayloadType, pack

PORT = 15118
MULTICAST = IPv6Address("ff02::1")

INTERVAL_S = 0.25
TRIES = 50


_NOT_FOR_A_STATION = (
    PayloadType.SDP_RESPONSE,
    PayloadType.SDP_REQUEST_WIRELESS,
    PayloadType.SDP_RESPONSE_WIRELESS,
)


class SdpError(V2GError):
    """A datagram that must be ignored, or a search that found no station; the text says why."""


class Security(IntEnum):
    TLS = 0x00
    NONE = 0x10


class Transport(IntEnum):
    TCP = 0x00
    RESERVED_FOR_UDP = 0x10


class SdpRequest(NamedTuple):
    security: Security = Security.TLS
    transport: Transport = Transport.TCP

    def pack(self) -> bytes:
        """The datagram, V2GTP header included."""
        return pack(PayloadType.SDP_REQUEST, bytes(self))

    @classmethod
    def unpack(cls, datagram: bytes) -> Self:
        """Raises SdpError."""
        payload = _payload(datagram, PayloadType.SDP_REQUEST, size=2)
        return cls(*_flags(payload))


class SdpResponse(NamedTuple):
    address: IPv6Address
    port: int
    security: Security = Security.TLS
    transport: Transport = Transport.TCP

    def pack(self) -> bytes:
        """The datagram, V2GTP header included."""
        endpoint = self.address.packed + self.port.to_bytes(2)
        return pack(PayloadType.SDP_RESPONSE, endpoint + bytes((self.security, self.transport)))

    @classmethod
    def unpack(cls, datagram: bytes) -> Self:
        """Raises SdpError, also when nobody can listen at the address and port that it names."""
        payload = _payload(datagram, PayloadType.SDP_RESPONSE, size=20)
        address, port = IPv6Address(payload[:16]), int.from_bytes(payload[16:18])
        if address.is_unspecified or address.is_multicast or port == 0:
            raise SdpError(f"SDP response names [{address}]:{port}, where nobody can listen")
        return cls(address, port, *_flags(payload[18:]))


def answer(datagram: bytes, offer: SdpResponse, plain: SdpResponse | None = None) -> bytes | None:
    """The station's answer: `offer`, which states the TCP server as it is, whatever security the car asked for. A car
    that asks for no TLS gets `plain`, if the station has a server without TLS besides.

    A station with TLS answers "TLS" to a car that asked for none, and one that was configured without TLS answers "no
    TLS" to a car that asked for TLS. Then the car decides: it connects as offered, or does
    without high-level communication. A -20 car needs TLS and does not connect to a station without it.

    Returns None for a datagram that is sound but not meant for this station: another station's response, or
    discovery over wireless. Raises SdpError with the reason for a malformed one; the station does not answer those.
    """
    if int.from_bytes(datagram[2:4]) in _NOT_FOR_A_STATION:
        return None
    request = SdpRequest.unpack(datagram)
    if request.transport != Transport.TCP:
        raise SdpError("SDP request asks for UDP, which both standards reserve; only TCP is served")
    unprotected = plain is not None and request.security is Security.NONE
    return plain.pack() if plain is not None and unprotected else offer.pack()


class Search:
    """The car's search: one request every 250 ms, 50 times.

    The shell multicasts what `expire` returns, whenever `next_deadline` has come, and hands every datagram to
    `receive` until that returns the station.
    """

    def __init__(self, now: float, security: Security = Security.TLS, tries: int = TRIES) -> None:
        self._request = SdpRequest(security)
        self._tries = tries
        self._sent = 0
        self._deadline: float | None = now
        self._last_refusal = ""

    def next_deadline(self) -> float | None:
        """When `expire` is due, in the clock of `now`; None once the search has ended."""
        return self._deadline

    def expire(self, now: float) -> bytes | None:
        """Returns the request to multicast, or None before its time. Raises SdpError when all tries have failed."""
        if self._deadline is None or now < self._deadline:
            return None
        if self._sent == self._tries:
            self._deadline = None
            reason = self._last_refusal or "check the cable, the interface and that the station listens on it"
            raise SdpError(f"no station found with {self._tries} SDP requests: {reason}")
        self._sent += 1
        self._deadline = now + INTERVAL_S
        return self._request.pack()

    def receive(self, datagram: bytes) -> SdpResponse | None:
        """Returns the station, which ends the search, or None for a late answer after its end.

        Raises SdpError for a datagram that is refused, and goes on searching. An answer with another security than was
        asked for is refused: accepting it would let anyone on the cable disable TLS.
        """
        if self._deadline is None:
            return None
        try:
            response = SdpResponse.unpack(datagram)
            if response.security != self._request.security:
                asked, offered = self._request.security.name, response.security.name
                raise SdpError(f"station offers security {offered} instead of {asked}")
            if response.transport != Transport.TCP:
                raise SdpError("station offers UDP, which both standards reserve")
        except SdpError as refusal:
            self._last_refusal = str(refusal)
            raise
        self._deadline = None
        return response


def _payload(datagram: bytes, expected: PayloadType, size: int) -> bytes:
    if len(datagram) != HEADER.size + size:
        raise SdpError(f"{expected.name} datagram has {len(datagram)} bytes instead of {HEADER.size + size}")
    try:
        payload = FrameReader(limit=size, admitted=(expected,)).feed(datagram)[0].payload
    except FramingError as error:
        raise SdpError(f"{expected.name} datagram refused: {error}") from error
    if len(payload) != size:
        raise SdpError(f"{expected.name} datagram announces {len(payload)} payload bytes and carries {size}")
    return payload


def _flags(payload: bytes) -> tuple[Security, Transport]:
    try:
        return Security(payload[0]), Transport(payload[1])
    except ValueError as error:
        raise SdpError(f"SDP flags {payload.hex(' ')}: {error}") from error
