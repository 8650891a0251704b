"""The key of a network of power-line modems, and the network id that follows from it."""

import hashlib
import secrets
from dataclasses import dataclass, field
from typing import Self

NMK_SIZE, NID_SIZE = 16, 7


@dataclass(frozen=True, slots=True)
class NetworkKey:
    """Whoever has the key is in the network. It never appears in a text."""

    nmk: bytes = field(repr=False)
    """Network membership key, 16 octets."""
    nid: bytes
    """Network id, 7 octets. A peer's may be any."""

    @classmethod
    def of(cls, nmk: bytes) -> Self:
        """The key with the id that belongs to it."""
        return cls(nmk, network_id(nmk))

    @classmethod
    def fresh(cls) -> Self:
        """A new key: 128 random bits."""
        return cls.of(secrets.token_bytes(NMK_SIZE))


def network_id(nmk: bytes) -> bytes:
    """The 7 octets of the network id (HomePlug AV 4.4.3.1): SHA-256 five times over the key, without salt (PBKDF1).

    Its first 52 bits are taken; the security level 0 (simple connect) fills the last octet from above.
    """
    digest = nmk
    for _ in range(5):
        digest = hashlib.sha256(digest).digest()
    return digest[: NID_SIZE - 1] + bytes((digest[NID_SIZE - 1] >> 4,))
