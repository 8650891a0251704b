"""`trusted_ca_keys` (RFC 6066, 6): a car of ISO 15118-2 names the roots that it trusts in its ClientHello [V2G2-651].

OpenSSL does not know the extension, so it goes through the function for extensions of one's own, which the library
carries and binds. It belongs to TLS 1.2. `certificate_authorities`, its successor in TLS 1.3, is one that OpenSSL keeps
to itself; its binding in Python sets it for stations only.
"""

import hashlib
from collections.abc import Sequence

from cryptography.hazmat.bindings.openssl.binding import Binding
from OpenSSL import SSL

from v2g.pki.certificate import Certificate
from v2g.tls.profile import TlsError

_EXTENSION, _CERTIFICATE_SHA1 = 3, 3
_SIGNATURE = "int(SSL *, unsigned int, unsigned char **, size_t *, int *, void *)"


def content_of(roots: Sequence[Certificate]) -> bytes:
    """The extension's content: each root by the SHA-1 of its certificate, as [V2G2-651] wants it."""
    entries = [bytes((_CERTIFICATE_SHA1,)) + hashlib.sha1(each.der, usedforsecurity=False).digest() for each in roots]
    joined = b"".join(entries)
    return len(joined).to_bytes(2) + joined


def name_roots(context: SSL.Context, roots: Sequence[Certificate]) -> object:
    """Have connections of a car name these roots. Keep what is returned as long as the context. Raises `TlsError`."""
    ffi, lib, content = Binding.ffi, Binding.lib, content_of(roots)
    memory = ffi.new("unsigned char[]", content)

    def add(_connection: object, _kind: int, out: list[object], size: list[int], _alert: object, _own: object) -> int:
        out[0], size[0] = memory, len(content)
        return 1

    callback = ffi.callback(_SIGNATURE, add)
    null = ffi.NULL
    if lib.SSL_CTX_add_client_custom_ext(context._context, _EXTENSION, callback, null, null, null, null) != 1:
        raise TlsError("this OpenSSL takes no trusted_ca_keys")
    return memory, callback
