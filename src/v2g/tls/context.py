"""TLS contexts: built once from files, used for every connection.

pyOpenSSL's public API sets the suites of TLS 1.3, the versions, the certificates and the names in CertificateRequest;
it does not set groups and signature algorithms. Those two go through the functions of OpenSSL that the library
binds and carries (`SSL_CTX_set1_curves_list`, `SSL_CTX_set1_sigalgs_list`). `TlsChannel` does not rely on that
alone: it looks at what was negotiated and refuses a connection outside the profile.
"""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.bindings.openssl.binding import Binding
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from cryptography.x509.oid import NameOID
from OpenSSL import SSL, crypto

from v2g.tls.profile import ISO15118_20, STATION_DOMAIN, Profile, Role, TlsError


class TlsFiles(NamedTuple):
    """PEM files of one side. `roots` are the peer's: OEM roots at the station, V2G roots in the vehicle."""

    certificate: Path
    """The leaf; intermediates may follow it."""
    private_key: Path
    roots: tuple[Path, ...]
    """Only their self-signed certificates are trust anchors."""
    chain: Path | None = None
    """Intermediates that are sent after the leaf. It may repeat what `certificate` holds."""
    password_file: Path | None = None
    """First line: the password of the private key."""


class Evidence:
    """What happened during one set-up, to explain its failure."""

    def __init__(self) -> None:
        self.alert: int | None = None
        self.alert_received = False
        self.refusal: str | None = None


class TlsContext:
    """One side's certificate, trust anchors and profile. Use `station_context` or `vehicle_context` to make one."""

    def __init__(self, role: Role, files: TlsFiles, profile: Profile, now: datetime, key_log: Path | None) -> None:
        self.role = role
        self.files = files
        self.profile = profile
        self.roots_text = ", ".join(root.name for root in files.roots)
        self.ssl = SSL.Context(SSL.TLS_METHOD)
        self._restrict()
        self._load_own(now)
        self._load_roots(now)
        mode = SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT
        self.ssl.set_verify(mode, self._judge)
        self.ssl.set_info_callback(_note_alert)
        if key_log is not None:
            self._log_keys(key_log)

    def _restrict(self) -> None:
        self.ssl.set_min_proto_version(SSL.TLS1_3_VERSION)
        self.ssl.set_max_proto_version(SSL.TLS1_3_VERSION)
        self.ssl.set_tls13_ciphersuites(":".join(self.profile.suites).encode())
        # Every connection proves both certificates again: no resumption. The station's order of preference decides.
        self.ssl.set_options(SSL.OP_NO_TICKET | SSL.OP_CIPHER_SERVER_PREFERENCE)
        self.ssl.set_session_cache_mode(SSL.SESS_CACHE_OFF)
        groups = ":".join(self.profile.groups).encode()
        algorithms = ":".join(self.profile.signature_algorithms).encode()
        lib, handle = Binding.lib, self.ssl._context
        if not (lib.SSL_CTX_set1_curves_list(handle, groups) and lib.SSL_CTX_set1_sigalgs_list(handle, algorithms)):
            raise TlsError(f"this OpenSSL does not know all groups and signature algorithms of {self.profile.name}")

    def _load_own(self, now: datetime) -> None:
        files = self.files
        own = [(files.certificate, certificate) for certificate in _certificates(files.certificate)]
        if files.chain is not None:
            own += [(files.chain, certificate) for certificate in _certificates(files.chain)]
        for path, certificate in own:
            if (fault := self._key_fault(certificate)) is not None:
                raise TlsError(f"{path}: {name(certificate)} {fault}; choose other certificates or another profile")
            if (fault := validity_fault(certificate, now)) is not None:
                raise TlsError(f"{path}: {name(certificate)} {fault}; renew it, or set the clock")
        self.valid_until = min(certificate.not_valid_after_utc for _, certificate in own)
        """When the first of the station's (or the vehicle's) own certificates ends."""
        leaf, *intermediates = dict.fromkeys(certificate for _, certificate in own)  # each is sent once
        private_key = _private_key(files)
        encoding = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        if private_key.public_key().public_bytes(*encoding) != leaf.public_key().public_bytes(*encoding):
            raise TlsError(f"{files.private_key} is not the key of {files.certificate}")
        self.ssl.use_certificate(leaf)
        self.ssl.use_privatekey(private_key)
        for certificate in intermediates:
            self.ssl.add_extra_chain_cert(certificate)

    def _load_roots(self, now: datetime) -> None:
        anchors = [c for path in self.files.roots for c in _certificates(path) if c.issuer == c.subject]
        valid = [anchor for anchor in anchors if validity_fault(anchor, now) is None]
        if not valid:
            faults = "; ".join(f"{name(anchor)} {validity_fault(anchor, now)}" for anchor in anchors)
            raise TlsError(
                f"no valid root certificate in {self.roots_text or 'an empty list of roots'}: {faults or '-'}"
            )
        store = self.ssl.get_cert_store()
        assert store is not None
        for anchor in valid:
            store.add_cert(crypto.X509.from_cryptography(anchor))
            # certificate_authorities in CertificateRequest ([V2G20-2401]): the car picks the chain that fits.
            self.ssl.add_client_ca(anchor)

    def _log_keys(self, path: Path) -> None:
        try:
            log = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        except OSError as error:
            raise TlsError(f"key log {path}: {error.strerror}") from error

        def append(connection: SSL.Connection, line: bytes) -> None:
            os.write(log, line + b"\n")

        self.ssl.set_keylog_callback(append)

    def _judge(self, connection: SSL.Connection, seen: crypto.X509, error: int, depth: int, ok: int) -> bool:
        """OpenSSL calls this for every certificate of the peer, root first: does it pass?"""
        certificate = seen.to_cryptography()
        refusal = self._profile_fault(certificate, is_leaf=depth == 0) if ok else self._chain_fault(certificate, error)
        if refusal is None:
            return True
        evidence: Evidence = connection.get_app_data()
        evidence.refusal = f"the {self.role.peer.value}'s certificate is refused: {name(certificate)} {refusal}"
        return False

    def _key_fault(self, certificate: x509.Certificate) -> str | None:
        found = key_type(certificate)
        if found in self.profile.key_types:
            return None
        demanded = " or ".join(sorted(self.profile.key_types))
        return f"has a {found} key, profile {self.profile.name} requires {demanded}"

    def _profile_fault(self, certificate: x509.Certificate, is_leaf: bool) -> str | None:
        if (fault := self._key_fault(certificate)) is not None:
            return fault
        if is_leaf:
            domain = domain_component(certificate)
            admitted = self.profile.vehicle_domains if self.role is Role.STATION else {STATION_DOMAIN}
            if domain not in admitted:
                return f"was issued for {domain or 'no role'} (domain component), not for a {self.role.peer.value}"
        return None

    def _chain_fault(self, certificate: x509.Certificate, error: int) -> str:
        if error in (9, 10):  # X509_V_ERR_CERT_NOT_YET_VALID, X509_V_ERR_CERT_HAS_EXPIRED
            begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
            return f"is valid from {begin:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC only; renew it, or set the clock"
        if error in (18, 19, 20, 21):  # self-signed leaf, foreign root, no issuer, issuer unknown
            return f"was not issued under {self.roots_text}; configure its root, or present its intermediates"
        text: bytes = Binding.ffi.string(Binding.lib.X509_verify_cert_error_string(error))
        return f"fails the check: {text.decode()}"


def station_context(
    files: TlsFiles, profile: Profile = ISO15118_20, *, now: datetime, key_log: Path | None = None
) -> TlsContext:
    """The station's context: it demands a vehicle certificate issued under `files.roots`.

    `now` (with time zone) is the time at which the station's certificates and roots must be valid; expired ones among
    several roots are left out. `key_log` appends the secrets of every connection to a file, for Wireshark; leave it out
    in the field. Raises TlsError, which names the file.
    """
    return TlsContext(Role.STATION, files, profile, now, key_log)


def vehicle_context(
    files: TlsFiles, profile: Profile = ISO15118_20, *, now: datetime, key_log: Path | None = None
) -> TlsContext:
    """The vehicle's context: it demands a certificate for stations (DC=CPO) issued under `files.roots`.

    Arguments and errors are those of `station_context`.
    """
    return TlsContext(Role.VEHICLE, files, profile, now, key_log)


def key_type(certificate: x509.Certificate) -> str:
    """The curve of an EC key ("secp521r1"), or the algorithm of another key ("ed448")."""
    key = certificate.public_key()
    return (
        key.curve.name
        if isinstance(key, EllipticCurvePublicKey)
        else type(key).__name__.removesuffix("PublicKey").lower()
    )


def name(certificate: x509.Certificate) -> str:
    """The subject as in "CN=SECC-1, O=Operator, DC=CPO"."""
    return ", ".join(part.rfc4514_string() for part in certificate.subject)


def common_name(certificate: x509.Certificate) -> str:
    """The subject's CN; empty if there is none."""
    return _attribute(certificate, NameOID.COMMON_NAME) or ""


def domain_component(certificate: x509.Certificate) -> str | None:
    """The role that the subject's DC claims: CPO, EV, OEM, MO or CPS; None if there is no DC."""
    return _attribute(certificate, NameOID.DOMAIN_COMPONENT)


def _attribute(certificate: x509.Certificate, oid: x509.ObjectIdentifier) -> str | None:
    return next((str(attribute.value) for attribute in certificate.subject.get_attributes_for_oid(oid)), None)


def validity_fault(certificate: x509.Certificate, now: datetime) -> str | None:
    """Says since when the certificate is expired, or from when on it is valid; None within its validity."""
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if now > end:
        return f"expired on {end:%Y-%m-%d %H:%M} UTC"
    if now < begin:
        return f"is valid only from {begin:%Y-%m-%d %H:%M} UTC, now is {now.astimezone(UTC):%Y-%m-%d %H:%M}"
    return None


def _note_alert(connection: SSL.Connection, where: int, value: int) -> None:
    if where & SSL.SSL_CB_ALERT and value & 0xFF:  # 0 is close_notify
        evidence: Evidence = connection.get_app_data()
        evidence.alert, evidence.alert_received = value & 0xFF, where == SSL.SSL_CB_READ_ALERT


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        remedy = f"`v2g pki init {path.parent}` makes a test hierarchy"
        if isinstance(error, PermissionError):
            remedy = (
                f"let the user that runs this read it: chgrp v2g {path.parent} {path}; "
                f"chmod 750 {path.parent}; chmod 640 {path}"
            )
        raise TlsError(f"{path}: {error.strerror}; {remedy}") from error


def _certificates(path: Path) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(_read(path))
    except ValueError as error:
        raise TlsError(f"{path} holds no PEM certificate: {error}") from error


def _private_key(files: TlsFiles) -> EllipticCurvePrivateKey | Ed448PrivateKey:
    password = None
    if files.password_file is not None:
        password = _read(files.password_file).split(b"\n")[0].rstrip(b"\r")
    try:
        key = load_pem_private_key(_read(files.private_key), password)
    except TypeError as error:  # encrypted without a password, or the reverse
        raise TlsError(f"{files.private_key}: {error}; see password_file") from error
    except ValueError as error:
        hint = f"is the password in {files.password_file} right?" if files.password_file else "not a PEM private key"
        raise TlsError(f"{files.private_key} cannot be read: {hint}") from error
    if not isinstance(key, EllipticCurvePrivateKey | Ed448PrivateKey):
        raise TlsError(f"{files.private_key} is neither an EC nor an Ed448 key")
    return key
