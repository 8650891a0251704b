"""One TLS connection on memory buffers: ciphertext in, plaintext out, and the reverse. No socket, no clock.

A connection whose set-up fails ends there; nothing in this package falls back to plain text.
"""

import hashlib
from typing import TYPE_CHECKING, NamedTuple

from OpenSSL import SSL

from v2g.pki.certificate import Certificate, Unreadable, of
from v2g.tls import hello
from v2g.tls.alert import ALERTS
from v2g.tls.choice import TlsChoice
from v2g.tls.context import Evidence, TlsContext
from v2g.tls.profile import PROBE, Probed, Role, TlsError

if TYPE_CHECKING:  # loaded for a key on a token
    from v2g.tls.token import TokenConnection

_READ_SIZE = 1 << 16


class Negotiated(NamedTuple):
    version: str
    suite: str
    group: str


class TlsChannel:
    """One side of one connection.

    The shell sends what `outgoing` holds after every call, also after an exception (the alert for the peer), and
    limits the time of the set-up. A vehicle's channel has its ClientHello ready from the start. In TLS 1.3 the
    vehicle finishes first: a later `receive` reports that the station refused its certificate.
    """

    def __init__(self, context: TlsContext | TlsChoice) -> None:
        self._choice = context
        self._context = context.pick(None)
        self._evidence = Evidence()
        self._failure: TlsError | None = None
        self._first = bytearray()
        """A station's: what came before the ClientHello was complete."""
        self._connection: SSL.Connection | TokenConnection | None = None
        self.probe = False
        """Whether the peer says that it is no car, but `v2g pki verify`."""
        self.handshaking = True
        """Whether the set-up is still under way; before its end there is no plaintext in either direction."""
        self.closed = False
        """Whether the peer has closed in order. The end of the TCP stream without this is a broken connection."""
        self.negotiated: Negotiated | None = None
        if context.role is Role.VEHICLE:
            connection = self._context.open(self._evidence)
            assert isinstance(connection, SSL.Connection)
            connection.set_connect_state()
            connection.request_ocsp()
            self._connection = connection
            self.receive(b"")

    @property
    def mutual(self) -> bool:
        """Whether the peer has to prove itself: it has, once the set-up is done."""
        return self._context.profile.mutual or self._context.role is Role.VEHICLE

    def receive(self, ciphertext: bytes) -> bytes:
        """Takes bytes of the TCP stream, cut anywhere, and returns the plaintext that they complete (often none).

        Raises TlsError, then and at every later call, when the set-up fails or the stream is corrupt; what the same
        call had decrypted before is dropped.
        """
        if self._failure is not None:
            raise self._failure.with_traceback(None)
        if self.closed:
            return b""
        try:
            connection = self._connection or self._choose(ciphertext)
            if connection is None:
                return b""
            if ciphertext:
                connection.bio_write(ciphertext if not self._first else bytes(self._first))
                self._first.clear()
            if self.handshaking:
                connection.do_handshake()
                self._check_negotiated(connection)
                self.handshaking = False
            return self._read(connection)
        except SSL.WantReadError:
            return b""
        except SSL.Error as error:
            self._failure = self._explain(error)
            raise self._failure from error
        except TlsError as error:
            self._failure = error
            raise

    def send(self, plaintext: bytes) -> None:
        """Encrypts into `outgoing`. Raises TlsError during the set-up and after a failure."""
        if self._failure is not None:
            raise self._failure.with_traceback(None)
        if self.handshaking:
            raise TlsError("nothing can be sent before the TLS set-up is done")
        assert self._connection is not None
        self._connection.sendall(plaintext)

    def outgoing(self) -> bytes:
        """Returns, and forgets, the bytes to be sent to the peer."""
        chunks: list[bytes] = []
        while self._connection is not None:
            try:
                chunks.append(self._connection.bio_read(_READ_SIZE))
            except SSL.WantReadError:
                break
        return b"".join(chunks)

    def close(self) -> None:
        """Ends the stream in order: close_notify is in `outgoing`."""
        if self._connection is not None and not self.handshaking and self._failure is None:
            self._connection.shutdown()

    @property
    def authorities(self) -> tuple[str, ...]:
        """The roots that the station named in its CertificateRequest, on a vehicle's channel after the set-up."""
        named = self._connection.get_client_ca_list() if isinstance(self._connection, SSL.Connection) else []
        return tuple(f"{each.CN or ''}" for each in named)

    @property
    def peer_certificate_der(self) -> bytes:
        """The peer's leaf. Raises TlsError before the set-up is done."""
        return self._peer_certificate().der

    @property
    def peer_common_name(self) -> str:
        """The CN of the peer's leaf: of a vehicle certificate, its EVCCID ([V2G20-2598])."""
        return self._peer_certificate().common_name

    @property
    def peer_ends_s(self) -> float:
        """When the peer's leaf ends, Unix time."""
        return self._peer_certificate().not_after_s

    @property
    def peer_fingerprint(self) -> bytes:
        """SHA-512 of the peer's leaf: 64 bytes."""
        return hashlib.sha512(self.peer_certificate_der).digest()

    def _peer_certificate(self) -> Certificate:
        connection = None if self.handshaking else self._connection
        certificate = None if connection is None else connection.get_peer_certificate(as_cryptography=True)
        if certificate is None:
            raise TlsError("the peer's certificate is known once the TLS set-up is done")
        try:
            return of(certificate)
        except Unreadable as error:
            raise TlsError(f"the peer's certificate is refused: {error}") from error

    def _choose(self, ciphertext: bytes) -> "SSL.Connection | TokenConnection | None":
        """A station waits for the ClientHello, and picks the context by it; None: it is not complete."""
        self._first += ciphertext
        try:
            found = hello.read(bytes(self._first))
            if found is None:
                return None
            self.probe = PROBE in found.protocols
        except hello.NotAHello:
            found = None
        self._context = self._choice.pick(found)
        self._connection = self._context.open(self._evidence)
        if isinstance(self._connection, SSL.Connection):
            self._connection.set_accept_state()
        return self._connection

    def _read(self, connection: "SSL.Connection | TokenConnection") -> bytes:
        chunks = []
        while True:
            try:
                chunks.append(connection.recv(_READ_SIZE))
            except SSL.WantReadError:
                break
            except SSL.ZeroReturnError:
                self.closed = True
                break
        return b"".join(chunks)

    def _check_negotiated(self, connection: "SSL.Connection | TokenConnection") -> None:
        profile = self._context.profile
        version = connection.get_protocol_version_name()
        suite = connection.get_cipher_name() or "none"
        group = connection.get_group_name() or "none"
        if version != profile.version or suite not in profile.suites or group not in profile.groups:
            raise TlsError(f"{version} with {suite} and {group} is outside profile {profile.name}")
        self.negotiated = Negotiated(version, suite, group)
        if self.probe:
            raise Probed("somebody looked at the station's certificates with `v2g pki verify`")

    def _explain(self, error: SSL.Error) -> TlsError:
        if self.probe:
            return Probed("somebody looked at the station's certificates with `v2g pki verify`")
        evidence, peer = self._evidence, self._context.role.peer.value
        alert = None if evidence.alert is None else ALERTS.get(evidence.alert, str(evidence.alert))
        if evidence.refusal is not None:
            return TlsError(evidence.refusal, alert)
        if evidence.alert_received:
            return TlsError(f"the {peer} ended TLS: {self._advice(alert)}", alert)
        reasons = [reason for *_, reason in error.args[0]] if error.args and isinstance(error.args[0], list) else []
        for reason in reasons:
            if reason in _REASONS:
                return TlsError(_REASONS[reason].format(peer=peer, profile=self._context.profile), alert)
        return TlsError(f"TLS with the {peer} failed: {', '.join(reasons) or error}", alert)

    def _advice(self, alert: str | None) -> str:
        own, profile = self._context.files.certificate, self._context.profile
        match alert:
            case "unknown_ca":
                return f"it does not trust the issuer of {own}; give it that root, or present a chain to one it has"
            case "bad_certificate" | "certificate_unknown" | "unsupported_certificate" | "certificate_revoked":
                return f"it does not accept {own}; `v2g pki show` explains that certificate"
            case "certificate_expired":
                return f"{own}, or an issuer of it, is expired by its clock; renew it, or set the clock"
            case "certificate_required":
                return f"it requires a certificate and got none; {own} is below none of the roots that it names"
            case "handshake_failure" | "illegal_parameter":
                return f"it shares no suite, group or signature algorithm with profile {profile.name}"
            case "protocol_version":
                return f"it does not speak {profile.spoken}"
            case "bad_certificate_status_response":
                return f"it does not accept the OCSP response about {own}"
        return "see the alert"


_NOT_TLS = "the {peer} sent bytes that are not TLS; both sides must agree on TLS (SDP security flag)"
_NO_GROUP = "the {peer} offers none of the groups {profile.groups} of profile {profile.name}"
_NO_SIGNATURE = (
    "the {peer} shares no signature algorithm of {profile.signature_algorithms}; "
    "profile {profile.name} requires keys of {profile.key_types}"
)

# OpenSSL's reasons that a user can do something about.
_REASONS = {
    "peer did not return a certificate": (
        "the {peer} presented no certificate: it has none, or none that profile {profile.name} admits and that was "
        "issued below a root that the station named"
    ),
    "unsupported protocol": "the {peer} does not offer {profile.spoken}",
    "wrong ssl version": "the {peer} does not offer {profile.spoken}",
    "no shared cipher": "the {peer} offers none of the suites {profile.suites} of profile {profile.name}",
    "no suitable groups": _NO_GROUP,
    "no suitable key share": _NO_GROUP,
    "no shared groups": _NO_GROUP,
    "no suitable signature algorithm": _NO_SIGNATURE,
    "no shared signature algorithms": _NO_SIGNATURE,
    "wrong signature type": _NO_SIGNATURE,
    "wrong curve": _NO_SIGNATURE,
    "wrong version number": _NOT_TLS,
    "http request": _NOT_TLS,
    "https proxy request": _NOT_TLS,
    "packet length too long": _NOT_TLS,
    "not on record boundary": _NOT_TLS,
    "unexpected message": _NOT_TLS,
    "decryption failed or bad record mac": "a TLS record from the {peer} was altered in transit",
}
