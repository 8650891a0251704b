"""Looks at the certificates that a station shows, as a car would see them, and goes.

It offers what cars offer, proves nothing, and says by the ALPN protocol `v2g-pki-verify` that it is no car: a station
of this project then logs no fault. Blocks: for commands.
"""

import re
import socket
from typing import NamedTuple

from cryptography.hazmat.bindings.openssl.binding import Binding
from cryptography.hazmat.primitives.serialization import Encoding
from OpenSSL import SSL

from v2g.kernel.errors import V2GError
from v2g.tls.profile import INTEROP_P256, ISO15118_2, PROBE

TIMEOUT_S = 10.0
_ENDPOINT = re.compile(r"\[(?P<v6>[^\]]+)\]:(?P<port6>\d+)|(?P<host>[^:\[\]]+):(?P<port>\d+)")
PROFILES = {"TLS 1.3": INTEROP_P256, "TLS 1.2": ISO15118_2}


class Unseen(V2GError):
    """The endpoint shows no certificates; the text says why."""


class Seen(NamedTuple):
    """What a station showed."""

    suite: str
    group: str
    chain: tuple[bytes, ...]
    """DER, the leaf first."""
    staple: bytes
    """The OCSP response that came with it; empty without one."""


def parse_endpoint(text: str) -> tuple[str, int] | None:
    """Host and port of `[fe80::1%eth0]:15118` or `host:15118`; None if it is none."""
    found = _ENDPOINT.fullmatch(text)
    return None if found is None else (found["v6"] or found["host"], int(found["port6"] or found["port"]))


def look(host: str, port: int, version: str) -> Seen:
    """Connect with `TLS 1.3` or `TLS 1.2`. Raises `Unseen`."""
    staples: list[bytes] = []
    context = _context(version, staples)
    connection = SSL.Connection(context, None)
    connection.request_ocsp()
    connection.set_connect_state()
    try:
        with socket.create_connection((host, port), TIMEOUT_S) as stream:
            _shake_hands(connection, stream)
    except (OSError, UnicodeError) as error:
        raise Unseen(f"no connection to [{host}]:{port}: {getattr(error, 'strerror', None) or error}") from error
    except SSL.Error as error:
        reasons = [reason for *_, reason in error.args[0]] if error.args and isinstance(error.args[0], list) else []
        raise Unseen(f"no {version} with [{host}]:{port}: {', '.join(reasons) or error}") from error
    chain = connection.get_peer_cert_chain(as_cryptography=True) or []
    return Seen(
        connection.get_cipher_name() or "none",
        connection.get_group_name() or "none",
        tuple(each.public_bytes(Encoding.DER) for each in chain),
        b"".join(staples),
    )


def _context(version: str, staples: list[bytes]) -> SSL.Context:
    profile = PROFILES[version]
    context = SSL.Context(SSL.TLS_METHOD)
    number = SSL.TLS1_3_VERSION if version == "TLS 1.3" else SSL.TLS1_2_VERSION
    context.set_min_proto_version(number)
    context.set_max_proto_version(number)
    if number == SSL.TLS1_3_VERSION:
        context.set_tls13_ciphersuites(":".join(profile.suites).encode())
    else:
        context.set_cipher_list(":".join(profile.suites).encode())
    Binding.lib.SSL_CTX_set1_curves_list(context._context, ":".join(profile.groups).encode())
    Binding.lib.SSL_CTX_set1_sigalgs_list(context._context, ":".join(profile.signature_algorithms).encode())
    context.set_verify(SSL.VERIFY_NONE, lambda *arguments: True)  # all that is shown is judged afterwards
    context.set_alpn_protos([PROBE])

    def keep(connection: SSL.Connection, response: bytes, data: object) -> bool:
        staples.append(response)
        return True

    context.set_ocsp_client_callback(keep)
    return context


def _shake_hands(connection: SSL.Connection, stream: socket.socket) -> None:
    stream.settimeout(TIMEOUT_S)
    while True:
        try:
            connection.do_handshake()
            stream.sendall(_outgoing(connection))
            return
        except SSL.WantReadError:
            stream.sendall(_outgoing(connection))
            data = stream.recv(1 << 16)
            if not data:
                raise OSError("it closed the connection during the TLS set-up") from None
            connection.bio_write(data)


def _outgoing(connection: SSL.Connection) -> bytes:
    chunks = []
    while True:
        try:
            chunks.append(connection.bio_read(1 << 16))
        except SSL.WantReadError:
            return b"".join(chunks)
