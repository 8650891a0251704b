"""TLS contexts: built once from files, used for every connection.

pyOpenSSL's public API sets the suites, the versions, the certificates and the names in CertificateRequest; it does not
set groups and signature algorithms. Those two go through the functions of OpenSSL that the library binds and carries
(`SSL_CTX_set1_curves_list`, `SSL_CTX_set1_sigalgs_list`). `TlsChannel` does not rely on that alone: it looks at what
was negotiated and refuses a connection outside the profile.
"""

import os
from datetime import UTC, datetime
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.hazmat.bindings.openssl.binding import Binding
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from OpenSSL import SSL, crypto

from v2g.kernel import regular_file
from v2g.pki import revocation
from v2g.pki.certificate import LONGEST_OCTETS, Certificate, Unreadable, of
from v2g.pki.chain import Reason, validity_fault, verify_chain
from v2g.pki.profile import Policy, Revocation
from v2g.pki.profile import Role as PkiRole
from v2g.pki.revocation import BadEvidence, Status
from v2g.tls.files import TlsFiles, certificates, own_certificates, private_key
from v2g.tls.hello import ClientHello
from v2g.tls.profile import ISO15118_20, STATION_DOMAINS, Profile, Role, TlsError
from v2g.tls.trusted_ca_keys import name_roots

if TYPE_CHECKING:  # loaded for a key on a token
    from v2g.tls.token import Token, TokenConnection

_X509_NAME = 2
_UNKNOWN_ISSUER = 20
"""X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY"""
_REVOKED, _OTHER_PURPOSE, _REJECTED, _STATUS_UNKNOWN = 23, 26, 28, 36
"""X509_V_ERR_CERT_REVOKED, INVALID_PURPOSE, CERT_REJECTED, UNHANDLED_CRITICAL_CRL_EXTENSION: OpenSSL makes the alert of
them."""
_ALERTS = {
    Reason.SELF_SIGNED: "unknown_ca",
    Reason.UNKNOWN_ROOT: "unknown_ca",
    Reason.WRONG_PROFILE: "unsupported_certificate",
    Reason.WRONG_ROLE: "unsupported_certificate",
    Reason.EXPIRED: "certificate_expired",
    Reason.REVOKED: "certificate_revoked",
    Reason.REVOCATION_UNKNOWN: "certificate_unknown",
}
"""The alert for each verdict of `verify_chain`, which judges at a station whose key is on a token."""
_MOST_AUTHORITIES = 4
"""Between the peer's leaf and a root."""


class Evidence:
    """What happened during one set-up, to explain its failure."""

    def __init__(self) -> None:
        self.alert: int | None = None
        self.alert_received = False
        self.refusal: str | None = None
        self.path: dict[int, Certificate] = {}
        """The peer's chain as far as it was judged; 0 is the leaf."""

    def note_alert(self, alert: int, received: bool) -> None:
        """Keep an alert that was sent or received."""
        self.alert, self.alert_received = alert, received


class TlsContext:
    """One side's certificate, trust anchors and profile. Use `station_context` or `vehicle_context` to make one."""

    def __init__(self, role: Role, files: TlsFiles, profile: Profile, now: datetime, key_log: Path | None) -> None:
        self.role = role
        self.files = files
        self.profile = profile
        self.roots_text = ", ".join(root.name for root in files.roots)
        self.staple, self.staple_until_s = b"", inf
        """The OCSP response about the leaf of this side, for peers that ask for one, and how long it holds (Unix time);
        empty: there is none."""
        self.known = revocation.Evidence()
        """What is known of the peers' revoked certificates."""
        self.revocation = Revocation.PREFER
        """What follows if nothing is known of a peer's certificate."""
        self.ssl = SSL.Context(SSL.TLS_METHOD)
        self._restrict()
        self._token: Token | None = None
        self.own: tuple[Certificate, ...] = ()
        """This side's leaf and the authorities that are sent with it."""
        self._error = 0
        """OpenSSL's number for what is wrong with the certificate that was judged last."""
        self.valid_until: datetime | None = None
        """When the first of these certificates ends; None without one."""
        if profile.mutual or role is Role.STATION:
            self._load_own(now)
        self.own_roots = tuple(
            root for path in files.own_roots for root in certificates(path) if root.self_issued and self._is_above(root)
        )
        """Roots above this side's chain."""
        if profile.mutual or role is Role.VEHICLE:
            self._load_roots(now)
            self._verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT)
        self.ssl.set_info_callback(_note_alert)
        if role is Role.STATION:
            self.ssl.set_ocsp_server_callback(lambda connection, data: self._stapled)
        else:
            self.ssl.set_ocsp_client_callback(self._judge_staple)
        if key_log is not None:
            self._log_keys(key_log)

    def pick(self, hello: ClientHello | None) -> "TlsContext":
        """The context for a car that offers this."""
        return self

    def open(self, evidence: "Evidence") -> "SSL.Connection | TokenConnection":
        """A connection of this side; `evidence` collects what happens."""
        if self._token is not None:
            return self._token.open(
                lambda chain: self._judge_chain(chain, evidence), evidence.note_alert, self._stapled
            )
        connection = SSL.Connection(self.ssl, None)
        connection.set_app_data(evidence)
        return connection

    @property
    def _stapled(self) -> bytes:
        """The response as long as it holds: with one that is too old, cars refuse what they accept with none."""
        return self.staple if datetime.now(UTC).timestamp() <= self.staple_until_s else b""

    @property
    def expired(self) -> bool:
        """Whether one of these certificates has ended since it was loaded."""
        return self.valid_until is not None and self.valid_until < datetime.now(UTC)

    def named_by(self, hello: ClientHello) -> bool:
        """Whether the car names a root above this side's chain as one that it trusts."""
        above = self.own[-1].parsed.issuer.public_bytes() if self.own else b""
        return any(
            any(named.means(root) for root in self.own_roots) or (named.kind == _X509_NAME and named.value == above)
            for named in hello.named
        )

    def _restrict(self) -> None:
        version = {"TLSv1.2": SSL.TLS1_2_VERSION, "TLSv1.3": SSL.TLS1_3_VERSION}[self.profile.version]
        self.ssl.set_min_proto_version(version)
        self.ssl.set_max_proto_version(version)
        if version == SSL.TLS1_3_VERSION:
            self.ssl.set_tls13_ciphersuites(":".join(self.profile.suites).encode())
        else:
            self.ssl.set_cipher_list(":".join(self.profile.suites).encode())
        # Every connection proves both certificates again: no resumption. The station's order of preference decides.
        self.ssl.set_options(SSL.OP_NO_TICKET | SSL.OP_CIPHER_SERVER_PREFERENCE | SSL.OP_NO_RENEGOTIATION)
        self.ssl.set_session_cache_mode(SSL.SESS_CACHE_OFF)
        groups = ":".join(self.profile.groups).encode()
        algorithms = ":".join(self.profile.signature_algorithms).encode()
        lib, handle = Binding.lib, self.ssl._context
        if not (lib.SSL_CTX_set1_curves_list(handle, groups) and lib.SSL_CTX_set1_sigalgs_list(handle, algorithms)):
            raise TlsError(f"this OpenSSL does not know all groups and signature algorithms of {self.profile.name}")

    def _load_own(self, now: datetime) -> None:
        files, own = self.files, own_certificates(self.files)
        for path, certificate in own:
            if (fault := self._key_fault(certificate)) is not None:
                raise TlsError(f"{path}: {certificate.subject} {fault}; choose other certificates or another profile")
            if (fault := validity_fault(certificate, now.timestamp())) is not None:
                raise TlsError(f"{path}: {certificate.subject} {fault}; renew it, or set the clock")
        self.own = tuple(certificate for _, certificate in own)
        self.valid_until = datetime.fromtimestamp(min(each.not_after_s for each in self.own), UTC)
        self.ssl.use_certificate(self.own[0].parsed)
        for certificate in self.own[1:]:
            self.ssl.add_extra_chain_cert(certificate.parsed)
        if files.key_uri is not None:
            from v2g.tls.token import Token  # loads another TLS library

            roots = [each for path in files.roots for each in certificates(path)] if self.profile.mutual else []
            self._token = Token(files.key_uri, files.pkcs11_module, self.own, roots, self.profile)
            return
        key = private_key(files)
        encoding = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        if key.public_key().public_bytes(*encoding) != self.own[0].parsed.public_key().public_bytes(*encoding):
            raise TlsError(f"{files.private_key} is not the key of {files.certificate}")
        self.ssl.use_privatekey(key)

    def _is_above(self, root: Certificate) -> bool:
        return bool(self.own) and self.own[-1].issued_by(root)

    def _load_roots(self, now: datetime) -> None:
        anchors = [each for path in self.files.roots for each in certificates(path) if each.self_issued]
        valid = [anchor for anchor in anchors if validity_fault(anchor, now.timestamp()) is None]
        if not valid:
            faults = "; ".join(f"{anchor.subject} {validity_fault(anchor, now.timestamp())}" for anchor in anchors)
            raise TlsError(
                f"no valid root certificate in {self.roots_text or 'an empty list of roots'}: {faults or '-'}"
            )
        self._anchors = valid
        store = self.ssl.get_cert_store()
        assert store is not None
        for anchor in valid:
            store.add_cert(crypto.X509.from_cryptography(anchor.parsed))
            # certificate_authorities in CertificateRequest ([V2G20-2401]): the car picks the chain that fits.
            self.ssl.add_client_ca(anchor.parsed)
        if self.role is Role.VEHICLE and self.profile.version == "TLSv1.2":
            self._named_roots = name_roots(self.ssl, valid)

    def _log_keys(self, path: Path) -> None:
        try:
            regular_file.check(path)
            log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        except OSError as error:
            raise TlsError(f"key log {path}: {error.strerror}") from error

        def append(connection: SSL.Connection, line: bytes) -> None:
            os.write(log, line + b"\n")

        self.ssl.set_keylog_callback(append)

    def _verify(self, mode: int) -> None:
        """Judge every certificate of the peer. pyOpenSSL passes no reason on; without one OpenSSL sends the alert of
        an internal error to a car whose certificate was revoked."""
        self.ssl.set_verify(mode, self._judge)
        self.ssl.set_verify_depth(_MOST_AUTHORITIES)
        assert self.ssl._verify_helper is not None
        asked, lib = self.ssl._verify_helper.callback, Binding.lib

        def verify(ok: int, store: object) -> int:
            passes: int = asked(ok, store)
            if not passes:
                lib.X509_STORE_CTX_set_error(store, self._error)
            return passes

        self._callback = Binding.ffi.callback("int (*)(int, X509_STORE_CTX *)", verify)
        lib.SSL_CTX_set_verify(self.ssl._context, mode, self._callback)

    def _judge(self, connection: SSL.Connection, seen: crypto.X509, error: int, depth: int, ok: int) -> bool:
        """OpenSSL calls this for every certificate of the peer, root first: does it pass?"""
        evidence: Evidence = connection.get_app_data()
        peer = self.role.peer.value
        try:
            certificate = of(seen.to_cryptography())
        except (Unreadable, ValueError) as unreadable:
            evidence.refusal, self._error = f"the {peer}'s certificate is refused: {unreadable}", _REJECTED
            return False
        evidence.path[depth] = certificate
        found = self._fault(evidence.path, depth) if ok else (self._chain_fault(certificate, error), error)
        if found is None:
            return True
        refusal, self._error = found
        evidence.refusal = f"the {peer}'s certificate is refused: {certificate.subject} {refusal}"
        return False

    def _fault(self, path: dict[int, Certificate], depth: int) -> tuple[str, int] | None:
        """What stands against a certificate of which OpenSSL finds nothing wrong, and OpenSSL's number for it."""
        if (text := self._profile_fault(path[depth], is_leaf=depth == 0)) is not None:
            return text, _OTHER_PURPOSE
        return self._revocation_fault(path) if depth == 0 else None

    def _judge_chain(self, sent: tuple[bytes, ...], evidence: "Evidence") -> str | None:
        """The same for a whole chain, at a station whose key is on a token: the alert, or None if it passes."""
        policy = Policy(self.profile.name, self.profile.key_types, _MOST_AUTHORITIES, LONGEST_OCTETS, self.revocation)
        now_s = datetime.now(UTC).timestamp()
        verdict = verify_chain(sent[0], sent[1:], self._anchors, PkiRole.VEHICLE, now_s, policy, self.known)
        refusal = verdict.text
        if verdict.reason is Reason.UNKNOWN_ROOT and verdict.leaf is not None:
            refusal = f"{verdict.leaf.subject} {self._chain_fault(verdict.leaf, _UNKNOWN_ISSUER)}"
        if not verdict.good:
            evidence.refusal = f"the {self.role.peer.value}'s certificate is refused: {refusal}"
        return None if verdict.good else _ALERTS.get(verdict.reason, "bad_certificate")

    def _revocation_fault(self, path: dict[int, Certificate]) -> tuple[str, int] | None:
        """The fault, and OpenSSL's number for it.

        A station knows what it has fetched before; a vehicle asks the station itself for its staple.
        """
        if self.revocation is Revocation.IGNORE or self.role is Role.VEHICLE:
            return None
        now_s = datetime.now(UTC).timestamp()
        for depth in range(len(path) - 1):
            if depth + 1 not in path:
                continue
            found = self.known.status(path[depth], path[depth + 1], now_s)
            if found.status is Status.REVOKED:
                return f"or an authority above it was revoked: {path[depth].subject}, {found.text}", _REVOKED
            if found.status is Status.UNKNOWN and self.revocation is Revocation.REQUIRE:
                return f"may be revoked, and nobody says so: {found.text}", _STATUS_UNKNOWN
        return None

    def _judge_staple(self, connection: SSL.Connection, response: bytes, data: object) -> bool:
        """A vehicle looks at the OCSP response that came with the station's certificate ([V2G20-2409], [V2G2-875])."""
        evidence: Evidence = connection.get_app_data()
        if self.revocation is Revocation.IGNORE or (not response and self.revocation is Revocation.PREFER):
            return True
        leaf, issuer = evidence.path.get(0), evidence.path.get(1)
        if not response or leaf is None or issuer is None:
            evidence.refusal = "the station's certificate is refused: no OCSP response came with it"
            return False
        try:
            found = revocation.read_ocsp(response, leaf, issuer, datetime.now(UTC).timestamp())
        except BadEvidence as error:
            evidence.refusal = f"the station's certificate is refused: {error}"
            return False
        if found.status is not Status.GOOD:
            evidence.refusal = f"the station's certificate is refused: its OCSP status is {found.status.value}"
        return found.status is Status.GOOD

    def _key_fault(self, certificate: Certificate) -> str | None:
        if certificate.key_kind in self.profile.key_types:
            return None
        demanded = " or ".join(sorted(self.profile.key_types))
        return f"has a {certificate.key_kind} key, profile {self.profile.name} requires {demanded}"

    def _profile_fault(self, certificate: Certificate, is_leaf: bool) -> str | None:
        if (fault := self._key_fault(certificate)) is not None:
            return fault
        if is_leaf:
            domain = certificate.domain
            admitted = self.profile.vehicle_domains if self.role is Role.STATION else STATION_DOMAINS
            if domain not in admitted:
                return f"was issued for {domain or 'no role'} (domain component), not for a {self.role.peer.value}"
        return None

    def _chain_fault(self, certificate: Certificate, error: int) -> str:
        if error in (9, 10):  # X509_V_ERR_CERT_NOT_YET_VALID, X509_V_ERR_CERT_HAS_EXPIRED
            begin, end = (
                f"{datetime.fromtimestamp(each, UTC):%Y-%m-%d %H:%M}"
                for each in (certificate.not_before_s, certificate.not_after_s)
            )
            return f"is valid from {begin} to {end} UTC only; renew it, or set the clock"
        if error in (18, 19, 20, 21):  # self-signed leaf, foreign root, no issuer, issuer unknown
            return f"was not issued under {self.roots_text}; configure its root, or present its intermediates"
        text: bytes = Binding.ffi.string(Binding.lib.X509_verify_cert_error_string(error))
        return f"fails the check: {text.decode()}"


def station_context(
    files: TlsFiles, profile: Profile = ISO15118_20, *, now: datetime, key_log: Path | None = None
) -> TlsContext:
    """The station's context: it demands a vehicle certificate issued under `files.roots`, if the profile is mutual.

    `now` (with time zone) is the time at which the station's certificates and roots must be valid; expired ones among
    several roots are left out. `key_log` appends the secrets of every connection to a file, for Wireshark; leave it out
    in the field. Raises TlsError, which names the file.
    """
    return TlsContext(Role.STATION, files, profile, now, key_log)


def vehicle_context(
    files: TlsFiles, profile: Profile = ISO15118_20, *, now: datetime, key_log: Path | None = None
) -> TlsContext:
    """The vehicle's context: it demands a certificate for stations (DC=CPO) issued under `files.roots`.

    Arguments and errors are those of `station_context`. If the profile is not mutual, only the roots are read.
    """
    return TlsContext(Role.VEHICLE, files, profile, now, key_log)


def _note_alert(connection: SSL.Connection, where: int, value: int) -> None:
    if where & SSL.SSL_CB_ALERT and value & 0xFF:  # 0 is close_notify
        evidence: Evidence = connection.get_app_data()
        evidence.note_alert(value & 0xFF, where == SSL.SSL_CB_READ_ALERT)
