"""Keys of Ed448, which sign, as keys of X448, which agree on a secret: both curves are one, up to an isogeny.

ISO 15118-20 has a contract's key encrypted for the certificate of a car, whose key signs; so the key to agree with is
derived from it. RFC 7748, 4.2 has the map, RFC 8032, 5.2.5 the scalar.
"""

from hashlib import shake_256

from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PrivateKey, Ed448PublicKey
from cryptography.hazmat.primitives.asymmetric.x448 import X448PrivateKey, X448PublicKey

OCTETS = 56
_PRIME, _D = 2**448 - 2**224 - 1, -39081


def private(key: Ed448PrivateKey) -> X448PrivateKey:
    """The same scalar, on the other curve."""
    return X448PrivateKey.from_private_bytes(shake_256(key.private_bytes_raw()).digest(OCTETS + 1)[:OCTETS])


def public(key: Ed448PublicKey) -> X448PublicKey:
    """The point with u = y^2 / x^2. Raises `ValueError` for the points without one."""
    y2 = int.from_bytes(key.public_bytes_raw()[:OCTETS], "little") ** 2 % _PRIME
    u = y2 * (_D * y2 - 1) * pow(y2 - 1, -1, _PRIME) % _PRIME  # x^2 = (y^2 - 1) / (d y^2 - 1)
    return X448PublicKey.from_public_bytes(u.to_bytes(OCTETS, "little"))
