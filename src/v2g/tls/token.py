"""A station's key on a PKCS#11 token: a smart card, an HSM, or a TPM behind tpm2-pkcs11. The key never leaves it.

The OpenSSL that comes with Python's `cryptography` is built without loadable modules, so it cannot reach a token, and
Python's `ssl` loads keys from files only. GnuTLS speaks PKCS#11 by itself: with a `key_uri` a station speaks TLS
through the system's libgnutls (Debian: libgnutls30), loaded at run time. Everything else is as with a key in a file:
the same profile, the same ClientHello, the same judgement of the car's chain.

`TokenConnection` has those methods of `OpenSSL.SSL.Connection` that a channel uses, with the same errors.
"""

import ctypes
from collections.abc import Callable
from ctypes import POINTER, Structure, byref, c_char_p, c_int, c_size_t, c_ssize_t, c_uint, c_void_p
from functools import cache
from pathlib import Path
from typing import Any

from cryptography import x509
from OpenSSL import SSL

from v2g.pki.certificate import Certificate
from v2g.tls.alert import ALERTS
from v2g.tls.profile import Profile, TlsError

_AGAIN, _INTERRUPTED, _ALERT_WARNING, _ALERT_FATAL = -28, -52, -16, -12
_REHANDSHAKE, _CERTIFICATE_ERROR, _NO_CERTIFICATE = -37, -43, (-49, -112)
_FATAL = 2
_NUMBERS = {name: number for number, name in ALERTS.items()}
_SERVER, _NO_TICKETS, _NONBLOCK = 1, 1 << 8, 1 << 3
_DER, _PEM = 0, 1
_CREDENTIALS_CERTIFICATE, _REQUIRE, _SHUT_WRITE = 1, 2, 1
_VERSIONS = {4: "TLSv1.2", 5: "TLSv1.3"}
_READ_SIZE = 1 << 14

_PRIORITIES = {
    "TLSv1.3": "NONE:+VERS-TLS1.3:+CTYPE-X509:+COMP-NULL:+ECDHE-ECDSA:+AEAD:%SERVER_PRECEDENCE",
    "TLSv1.2": "NONE:+VERS-TLS1.2:+CTYPE-X509:+COMP-NULL:+ECDHE-ECDSA:+SHA256:%SERVER_PRECEDENCE",
}
_NAMES = {
    "TLS_AES_256_GCM_SHA384": "AES-256-GCM",
    "TLS_CHACHA20_POLY1305_SHA256": "CHACHA20-POLY1305",
    "ECDHE-ECDSA-AES128-SHA256": "AES-128-CBC",
    "secp521r1": "GROUP-SECP521R1",
    "x448": "GROUP-X448",
    "secp256r1": "GROUP-SECP256R1",
    "ecdsa_secp521r1_sha512": "SIGN-ECDSA-SECP521R1-SHA512",
    "ed448": "SIGN-EDDSA-ED448",
    "ecdsa_secp256r1_sha256": "SIGN-ECDSA-SHA256:+SIGN-ECDSA-SECP256R1-SHA256",
}
"""OpenSSL's names of suites, groups and signature algorithms -> GnuTLS's."""
_OLDER_SUITE = "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256"


class _Datum(Structure):
    _fields_ = [("data", c_void_p), ("size", c_uint)]


class _Pcert(Structure):
    _fields_ = [("pubkey", c_void_p), ("cert", _Datum), ("type", c_int)]


_TRANSPORT = ctypes.CFUNCTYPE(c_ssize_t, c_void_p, c_void_p, c_size_t)
_VERIFY = ctypes.CFUNCTYPE(c_int, c_void_p)

Judge = Callable[[tuple[bytes, ...]], str | None]
"""Takes a peer's chain (DER, the leaf first); returns the name of the alert that refuses it, None if it passes."""


@cache
def _library() -> Any:
    try:
        library = ctypes.CDLL("libgnutls.so.30")
    except OSError as error:
        raise TlsError(f"a key on a token needs libgnutls: {error}; install it (Debian: libgnutls30)") from error
    for name in ("gnutls_strerror", "gnutls_ciphersuite_get", "gnutls_group_get_name"):
        getattr(library, name).restype = c_char_p
    library.gnutls_certificate_get_peers.restype = POINTER(_Datum)
    for name in ("gnutls_record_recv", "gnutls_record_send"):
        getattr(library, name).restype = c_ssize_t
    return library


def _call(name: str, *arguments: Any) -> int:
    result: int = getattr(_library(), name)(*arguments)
    if result < 0:
        raise TlsError(f"{name.removeprefix('gnutls_').replace('_', ' ')}: {_text(result)}")
    return result


def _text(result: int) -> str:
    text: bytes = _library().gnutls_strerror(result)
    return text.decode()


def _datum(content: bytes) -> tuple[_Datum, Any]:
    """A datum, and the memory that it points to, which must outlive it."""
    memory = ctypes.create_string_buffer(content, len(content))
    return _Datum(ctypes.cast(memory, c_void_p), len(content)), memory


class Token:
    """The key on a token with the chain that goes with it: makes connections of a station."""

    def __init__(
        self, uri: str, module: Path | None, chain: tuple[Certificate, ...], roots: list[Certificate], profile: Profile
    ) -> None:
        """`uri`: RFC 7512, with the PIN in `pin-value` or, better, in a file (`pin-source`). `module`: the token's
        library; the system's configured ones if left out. `roots`: named to peers. Raises `TlsError`."""
        self._profile, self.staple = profile, b""
        self._credentials, key = c_void_p(), c_void_p()
        if module is not None:
            _call("gnutls_pkcs11_add_provider", str(module).encode(), None)
        _call("gnutls_certificate_allocate_credentials", byref(self._credentials))
        _call("gnutls_privkey_init", byref(key))
        try:
            _call("gnutls_privkey_import_url", key, uri.encode(), 0)
            self._use(chain, key)
        except TlsError as error:
            where = uri.partition("?")[0]  # what follows may hold the PIN
            raise TlsError(f"the key {where} cannot be used: {error}; `p11tool --list-all` shows the token") from error
        for root in roots:
            pem, _memory = _datum(root.pem)
            _call("gnutls_certificate_set_x509_trust_mem", self._credentials, byref(pem), _PEM)

    def _use(self, chain: tuple[Certificate, ...], key: c_void_p) -> None:
        certificates = (_Pcert * len(chain))()
        for place, certificate in zip(certificates, chain, strict=True):
            der, _memory = _datum(certificate.der)
            _call("gnutls_pcert_import_x509_raw", byref(place), byref(der), _DER, 0)
        _call("gnutls_certificate_set_key", self._credentials, None, 0, certificates, len(chain), key)

    def open(self, judge: Judge, alert: Callable[[int, bool], None], staple: bytes) -> "TokenConnection":
        """A connection that has just been accepted. `alert` is called for each one, with whether it was received."""
        if staple and staple != self.staple:
            der, _memory = _datum(staple)
            _call("gnutls_certificate_set_ocsp_status_request_mem", self._credentials, byref(der), 0, _DER)
            self.staple = staple
        return TokenConnection(self._credentials, self._profile, judge, alert)


class TokenConnection:
    """One connection on memory buffers."""

    def __init__(
        self, credentials: c_void_p, profile: Profile, judge: Judge, alert: Callable[[int, bool], None]
    ) -> None:
        self._incoming, self._outgoing = bytearray(), bytearray()
        self._judge, self._alert = judge, alert
        self._refused = 0
        """The alert that says why the peer's certificate does not pass."""
        self._session = c_void_p()
        self._credentials = credentials  # must outlive the session
        _call("gnutls_init", byref(self._session), _SERVER | _NO_TICKETS | _NONBLOCK)
        priority = ":".join([_PRIORITIES[profile.version], *(f"+{_NAMES[each]}" for each in _named(profile))])
        _call("gnutls_priority_set_direct", self._session, priority.encode(), None)
        _call("gnutls_credentials_set", self._session, _CREDENTIALS_CERTIFICATE, credentials)
        if profile.mutual:
            _library().gnutls_certificate_server_set_request(self._session, _REQUIRE)
        self._callbacks = _TRANSPORT(self._push), _TRANSPORT(self._pull), _VERIFY(self._verify)
        push, pull, verify = self._callbacks
        _library().gnutls_transport_set_push_function(self._session, push)
        _library().gnutls_transport_set_pull_function(self._session, pull)
        if profile.mutual:
            _library().gnutls_session_set_verify_function(self._session, verify)

    def __del__(self) -> None:
        if self._session:
            _library().gnutls_deinit(self._session)
            self._session = c_void_p()

    def bio_write(self, data: bytes) -> int:
        """Takes ciphertext from the peer."""
        self._incoming += data
        return len(data)

    def bio_read(self, size: int) -> bytes:
        """Ciphertext for the peer. Raises WantReadError if there is none."""
        if not self._outgoing:
            raise SSL.WantReadError
        taken = bytes(self._outgoing[:size])
        del self._outgoing[:size]
        return taken

    def do_handshake(self) -> None:
        """One step, or more. Raises WantReadError until it is done."""
        self._checked(lambda: int(_library().gnutls_handshake(self._session)))

    def recv(self, size: int) -> bytes:
        """Plaintext. Raises WantReadError, and ZeroReturnError after the peer's end."""
        buffer = ctypes.create_string_buffer(min(size, _READ_SIZE))
        count = self._checked(lambda: int(_library().gnutls_record_recv(self._session, buffer, len(buffer))))
        if count == 0:
            raise SSL.ZeroReturnError
        return buffer.raw[:count]

    def sendall(self, data: bytes) -> int:
        """Encrypts."""
        sent = 0
        while sent < len(data):
            piece = data[sent : sent + _READ_SIZE]
            sent += self._checked(
                lambda piece=piece: int(_library().gnutls_record_send(self._session, piece, c_size_t(len(piece))))  # type: ignore[misc]
            )
        return sent

    def shutdown(self) -> bool:
        """Says that nothing follows."""
        _library().gnutls_bye(self._session, _SHUT_WRITE)
        return False

    def get_protocol_version_name(self) -> str:
        """As OpenSSL names it."""
        return _VERSIONS.get(_library().gnutls_protocol_get_version(self._session), "another version")

    def get_cipher_name(self) -> str | None:
        """As OpenSSL names it."""
        name: bytes | None = _library().gnutls_ciphersuite_get(self._session)
        text = "none" if name is None else name.decode()
        return "ECDHE-ECDSA-AES128-SHA256" if text == _OLDER_SUITE else text

    def get_group_name(self) -> str | None:
        """As OpenSSL names it."""
        name: bytes | None = _library().gnutls_group_get_name(_library().gnutls_group_get(self._session))
        return None if name is None else name.decode().lower()

    def get_peer_certificate(self, *, as_cryptography: bool) -> x509.Certificate | None:
        """The peer's leaf."""
        chain = self._peers()
        return x509.load_der_x509_certificate(chain[0]) if chain else None

    def _peers(self) -> tuple[bytes, ...]:
        count = c_uint(0)
        listed = _library().gnutls_certificate_get_peers(self._session, byref(count))
        return tuple(ctypes.string_at(listed[i].data, listed[i].size) for i in range(count.value)) if listed else ()

    def _checked(self, act: Callable[[], int]) -> int:
        while True:
            result = act()
            if result >= 0:
                return result
            if result in (_INTERRUPTED, _ALERT_WARNING, _REHANDSHAKE):
                continue
            if result == _AGAIN:
                raise SSL.WantReadError
            if result == _ALERT_FATAL:
                self._alert(_library().gnutls_alert_get(self._session), True)
            else:
                level = c_int(0)
                alert = self._refused or _library().gnutls_error_to_alert(result, byref(level))
                _library().gnutls_alert_send(self._session, _FATAL, alert)
                self._alert(alert, False)
            if result in _NO_CERTIFICATE:
                raise SSL.Error([("", "", "peer did not return a certificate")])
            raise SSL.Error([("", "", _text(result))])

    # Called by GnuTLS

    def _push(self, _pointer: int | None, data: int, size: int) -> int:
        self._outgoing += ctypes.string_at(data, size)
        return size

    def _pull(self, _pointer: int | None, buffer: int, size: int) -> int:
        if not self._incoming:
            _library().gnutls_transport_set_errno(self._session, 11)  # EAGAIN
            return -1
        taken = bytes(self._incoming[:size])
        del self._incoming[: len(taken)]
        ctypes.memmove(buffer, taken, len(taken))
        return len(taken)

    def _verify(self, _session: int) -> int:
        try:
            alert = self._judge(self._peers())
        except Exception:  # GnuTLS cannot carry it further: whatever it was, the peer does not pass
            return _CERTIFICATE_ERROR
        self._refused = 0 if alert is None else _NUMBERS[alert]
        return _CERTIFICATE_ERROR if self._refused else 0


def _named(profile: Profile) -> list[str]:
    names = [*profile.suites, *profile.groups, *profile.signature_algorithms]
    return list(dict.fromkeys(name for name in names if name in _NAMES))
