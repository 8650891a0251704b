"""Opens the protected records of TLS 1.2 and 1.3, given their secrets (RFC 5246, 5288, 7366, 7905, 8446).

For reading captures only: the secrets are what somebody wrote down, nothing is negotiated here.
"""

import hmac
from typing import NamedTuple, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESCCM, AESGCM, ChaCha20Poly1305

from v2g.kernel.errors import V2GError


class TlsRecordError(V2GError):
    """Records of a kind that cannot be read here; the text says why."""


class Suite(NamedTuple):
    """How records are protected: the cipher, the size of its key, the hash of the key schedule and that of the MAC."""

    cipher: str
    key_size: int
    hash: str = "sha256"
    mac: str | None = None

    @property
    def iv_size(self) -> int:
        """Octets of the initialisation vector that the TLS 1.2 key schedule gives."""
        return {"cbc": 0, "chacha": 12}.get(self.cipher, 4)


_GCM_128, _GCM_256 = Suite("gcm", 16), Suite("gcm", 32, "sha384")
_CBC_128, _CBC_256 = Suite("cbc", 16, mac="sha256"), Suite("cbc", 32, "sha384", "sha384")
_CHACHA, _CCM = Suite("chacha", 32), Suite("ccm", 16)

SUITES = {
    **dict.fromkeys((0x1301, 0x009C, 0xC02B, 0xC02D, 0xC02F), _GCM_128),
    **dict.fromkeys((0x1302, 0x009D, 0xC02C, 0xC02E, 0xC030), _GCM_256),
    **dict.fromkeys((0x1303, 0xCCA8, 0xCCA9), _CHACHA),
    **dict.fromkeys((0x1304, 0xC0AC), _CCM),
    **dict.fromkeys((0x003C, 0xC023, 0xC025, 0xC027), _CBC_128),
    **dict.fromkeys((0xC024, 0xC026, 0xC028), _CBC_256),
    **dict.fromkeys((0x002F, 0xC004, 0xC009, 0xC013), Suite("cbc", 16, mac="sha1")),
    **dict.fromkeys((0x0035, 0xC005, 0xC00A, 0xC014), Suite("cbc", 32, mac="sha1")),
}
"""Those of ISO 15118-2 (0xC023, 0xC025), of ISO 15118-20 (0x1302, 0x1303), and their usual companions."""

_AEADS = {"gcm": AESGCM, "ccm": AESCCM, "chacha": ChaCha20Poly1305}


class Protection12:
    """One direction of a TLS 1.2 connection."""

    def __init__(self, suite: Suite, mac_key: bytes, key: bytes, iv: bytes, *, encrypt_then_mac: bool) -> None:
        self._suite, self._mac_key, self._key, self._iv = suite, mac_key, key, iv
        self._encrypt_then_mac = encrypt_then_mac

    def open(self, header: bytes, body: bytes, sequence: int) -> tuple[int, bytes] | None:
        """The content type and the plain octets of the record with this number; None if its tag proves another number
        or another key."""
        number = sequence.to_bytes(8)
        if self._suite.mac:
            plain = self._open_cbc(number + header[:3], body, self._suite.mac)
        else:
            nonce = self._iv
            if self._suite.cipher == "chacha":
                nonce = _xor(self._iv, sequence)
            else:
                nonce, body = self._iv + body[:8], body[8:]
            plain = _open_aead(self._suite, self._key, nonce, body, number + header[:3], length_in_header=True)
        return None if plain is None else (header[0], plain)

    def _open_cbc(self, head: bytes, body: bytes, mac: str) -> bytes | None:
        size = hmac.new(b"", digestmod=mac).digest_size
        tag, covered = b"", body
        if self._encrypt_then_mac:
            covered, tag = body[:-size], body[-size:]
        iv, encrypted = covered[:16], covered[16:]
        if not encrypted or len(encrypted) % 16:
            return None
        decryptor = Cipher(algorithms.AES(self._key), modes.CBC(iv)).decryptor()
        plain = decryptor.update(encrypted)
        plain = plain[: -plain[-1] - 1]
        if not self._encrypt_then_mac:
            plain, tag = plain[:-size], plain[-size:]
            covered = plain
        fits = hmac.digest(self._mac_key, head + len(covered).to_bytes(2) + covered, mac) == tag
        return plain if fits else None


class Protection13:
    """One direction of a TLS 1.3 connection, with one of its traffic secrets."""

    def __init__(self, suite: Suite, secret: bytes) -> None:
        self._suite, self._secret = suite, secret
        self._key = expand_label(suite.hash, secret, b"key", suite.key_size)
        self._iv = expand_label(suite.hash, secret, b"iv", 12)

    def open(self, header: bytes, body: bytes, sequence: int) -> tuple[int, bytes] | None:
        """The content type and the plain octets of the record with this number; None if its tag proves another number
        or another key."""
        plain = _open_aead(self._suite, self._key, _xor(self._iv, sequence), body, header)
        if plain is None:
            return None
        content = plain.rstrip(b"\0") or b"\0"
        return content[-1], content[:-1]

    def updated(self) -> Self:
        """After a KeyUpdate."""
        size = len(self._secret)
        return type(self)(self._suite, expand_label(self._suite.hash, self._secret, b"traffic upd", size))


def protections_12(
    suite: Suite, master: bytes, client_random: bytes, server_random: bytes, *, encrypt_then_mac: bool
) -> tuple[Protection12, Protection12]:
    """The client's and the server's direction of a TLS 1.2 connection with this master secret."""
    mac_size = hmac.new(b"", digestmod=suite.mac).digest_size if suite.mac else 0
    sizes = (mac_size, mac_size, suite.key_size, suite.key_size, suite.iv_size, suite.iv_size)
    block = _prf(suite.hash, master, b"key expansion" + server_random + client_random, sum(sizes))
    parts = [block[sum(sizes[:index]) :][:size] for index, size in enumerate(sizes)]
    client, server = (
        Protection12(suite, mac_key, key, iv, encrypt_then_mac=encrypt_then_mac)
        for mac_key, key, iv in (parts[::2], parts[1::2])
    )
    return client, server


def expand_label(hash_name: str, secret: bytes, label: bytes, size: int) -> bytes:
    """HKDF-Expand-Label of RFC 8446, 7.1, with an empty context."""
    label = b"tls13 " + label
    info = size.to_bytes(2) + bytes((len(label),)) + label + b"\0"
    output = block = b""
    for counter in range(1, 256):
        block = hmac.digest(secret, block + info + bytes((counter,)), hash_name)
        output += block
        if len(output) >= size:
            break
    return output[:size]


def _prf(hash_name: str, secret: bytes, seed: bytes, size: int) -> bytes:
    """P_hash of RFC 5246, 5; the seed begins with the label."""
    output, chain = b"", seed
    while len(output) < size:
        chain = hmac.digest(secret, chain, hash_name)
        output += hmac.digest(secret, chain + seed, hash_name)
    return output[:size]


def _open_aead(
    suite: Suite, key: bytes, nonce: bytes, body: bytes, associated: bytes, *, length_in_header: bool = False
) -> bytes | None:
    if len(body) < 16:
        return None
    if length_in_header:
        associated += (len(body) - 16).to_bytes(2)
    try:
        plain: bytes = _AEADS[suite.cipher](key).decrypt(nonce, body, associated)
    except InvalidTag:
        return None
    return plain


def _xor(iv: bytes, sequence: int) -> bytes:
    return (int.from_bytes(iv) ^ sequence).to_bytes(12)
