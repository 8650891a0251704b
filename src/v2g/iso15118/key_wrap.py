"""How the key of a contract travels to the car: encrypted for the key of a certificate that the car holds.

A fresh key of the sender and the car's own give a shared secret (ECDH); a key derived of that encrypts. ISO 15118-2:
P-256, SHA-256, AES-128-CBC of the 32 octets of the private key, after 16 octets of initialisation vector [V2G2-818].
ISO 15118-20: P-521 or X448, SHA-512, AES-256-GCM with 12 octets of initialisation vector before and a tag of 16 after
[V2G20-2497], [V2G20-2500]. What is authenticated besides there: the PCID and the contract's key identifier
[V2G20-2492]. The other parameters of the derivation in -20 are those of -2 in our reading: the text is not public. Nor
is it how the 57 octets of a key on Ed448 fit into the 56 that can be carried: here the last one is 0.
"""

import secrets
from typing import TYPE_CHECKING, Any

from v2g.iso15118 import curve448
from v2g.iso15118.contract import Credential, certificate_of, common_name, key_of, plain_emaid
from v2g.kernel.errors import V2GError
from v2g.messages.iso20.common import EcdhCurve

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

    from v2g.iso15118.signature import PrivateKey
    from v2g.messages.iso20.common import SignedInstallationData

_OTHER_INFO = b"\x01UV"
"""Algorithm 1, from U to V."""
_VECTOR, _NONCE = 16, 12
"""Octets before what is encrypted: with CBC, with GCM."""
_P521_OCTETS, _DH_OCTETS = 66, 133
"""Of a private key; of the sender's public key, which is shorter with X448: zeros go before it."""


class WrongKey(V2GError):
    """It cannot be decrypted with this key, or is not the key of the certificate."""


def wrap_p256(key: "EllipticCurvePrivateKey", car: bytes) -> tuple[bytes, bytes]:
    """The contract's key encrypted for the holder of the certificate `car`, and the sender's public key, as ISO 15118-2
    has them. Raises `WrongKey`."""
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    receiver = key_of(car)
    if not isinstance(receiver, ec.EllipticCurvePublicKey) or receiver.curve.name != "secp256r1":
        raise WrongKey("the car's certificate has no key of P-256")
    own = ec.generate_private_key(ec.SECP256R1())
    vector = secrets.token_bytes(_VECTOR)
    encryptor = _cbc(_derived(own.exchange(ec.ECDH(), receiver), 16, "SHA256"), vector).encryptor()
    secret = key.private_numbers().private_value.to_bytes(32, "big")
    public = own.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return vector + encryptor.update(secret) + encryptor.finalize(), public


def unwrap_p256(encrypted: bytes, sender: bytes, own: "PrivateKey", certificate: bytes) -> "EllipticCurvePrivateKey":
    """The key of `certificate` (DER), encrypted for `own` by the holder of the public key `sender`. Raises `WrongKey`,
    and `ValueError` for a certificate that is none."""
    from cryptography.hazmat.primitives.asymmetric import ec

    if not isinstance(own, ec.EllipticCurvePrivateKey):
        raise WrongKey("the car's own key is of no curve that ISO 15118-2 knows")
    try:
        public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), sender)
        decryptor = _cbc(_derived(own.exchange(ec.ECDH(), public), 16, "SHA256"), encrypted[:_VECTOR]).decryptor()
        secret = decryptor.update(encrypted[_VECTOR:]) + decryptor.finalize()
        key = ec.derive_private_key(int.from_bytes(secret, "big"), ec.SECP256R1())
    except ValueError as error:
        raise WrongKey(f"its key cannot be decrypted: {error}") from None
    if key.public_key() != key_of(certificate):
        raise WrongKey("its key is not the one of its certificate")
    return key


def wrap(key: "PrivateKey", car: bytes, contract: bytes) -> dict[str, Any]:
    """The elements of SignedInstallationData that carry the contract's key to the holder of the certificate `car`, as
    ISO 15118-20 has them. Raises `WrongKey` unless both keys are of P-521, or both of Ed448."""
    from cryptography.hazmat.primitives.asymmetric import ec, ed448, x448
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    receiver, associated = key_of(car), authenticated(car, contract)
    if _of_p521(receiver) and _of_p521(key):
        own = ec.generate_private_key(ec.SECP521R1())
        secret = key.private_numbers().private_value.to_bytes(_P521_OCTETS, "big")  # type: ignore[union-attr]
        return {
            "ECDHCurve": EcdhCurve.SECP521,
            "DHPublicKey": own.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint),
            "SECP521_EncryptedPrivateKey": _seal(own.exchange(ec.ECDH(), receiver), secret, associated),  # type: ignore[arg-type]
        }
    if not isinstance(receiver, ed448.Ed448PublicKey) or not isinstance(key, ed448.Ed448PrivateKey):
        raise WrongKey("the keys of car and contract are not both of P-521 or both of Ed448")
    secret, last = key.private_bytes_raw()[:-1], key.private_bytes_raw()[-1]
    if last:
        raise WrongKey("the contract's key on Ed448 has 57 octets, of which 56 can be carried; its last one must be 0")
    other = x448.X448PrivateKey.generate()
    return {
        "ECDHCurve": EcdhCurve.X448,
        "DHPublicKey": other.public_key().public_bytes_raw().rjust(_DH_OCTETS, b"\0"),
        "X448_EncryptedPrivateKey": _seal(other.exchange(curve448.public(receiver)), secret, associated),
    }


def unwrap(data: "SignedInstallationData", own: Credential) -> "PrivateKey":
    """The contract's key in SignedInstallationData, encrypted for the car's credential. Raises `WrongKey`, and
    `ValueError` for a certificate that is none."""
    from cryptography.exceptions import InvalidTag

    contract = data.ContractCertificateChain.Certificate
    try:
        key = _opened(data, own, authenticated(own.chain[0], contract))
    except InvalidTag:
        raise WrongKey("its key was encrypted for somebody else, or changed") from None
    except ValueError as error:
        raise WrongKey(f"its key cannot be decrypted: {error}") from None
    if key.public_key() != key_of(contract):
        raise WrongKey("its key is not the one of its certificate")
    return key


def _opened(data: "SignedInstallationData", own: Credential, associated: bytes) -> "PrivateKey":
    from cryptography.hazmat.primitives.asymmetric import ec, ed448, x448

    if data.ECDHCurve is EcdhCurve.SECP521 and isinstance(own.key, ec.EllipticCurvePrivateKey):
        sender = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP521R1(), data.DHPublicKey)
        secret = _open(own.key.exchange(ec.ECDH(), sender), data.SECP521_EncryptedPrivateKey, associated)
        return ec.derive_private_key(int.from_bytes(secret, "big"), ec.SECP521R1())
    if data.ECDHCurve is EcdhCurve.X448 and isinstance(own.key, ed448.Ed448PrivateKey):
        other = x448.X448PublicKey.from_public_bytes(data.DHPublicKey[-curve448.OCTETS :])
        secret = _open(curve448.private(own.key).exchange(other), data.X448_EncryptedPrivateKey, associated)
        return ed448.Ed448PrivateKey.from_private_bytes(secret + b"\0")
    raise WrongKey(f"its key is encrypted for {data.ECDHCurve.value}, which goes with no key of this car")


def _of_p521(key: object) -> bool:
    return getattr(getattr(key, "curve", None), "name", "") == "secp521r1"


def _seal(shared: bytes, secret: bytes, associated: bytes) -> bytes:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = secrets.token_bytes(_NONCE)
    return nonce + AESGCM(_derived(shared, 32, "SHA512")).encrypt(nonce, secret, associated)


def _open(shared: bytes, sealed: bytes | None, associated: bytes) -> bytes:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    if sealed is None:
        raise WrongKey("its key is missing")
    return AESGCM(_derived(shared, 32, "SHA512")).decrypt(sealed[:_NONCE], sealed[_NONCE:], associated)


def authenticated(car: bytes, contract: bytes) -> bytes:
    """The PCID of the certificate that asks, and the contract's key identifier in hexadecimal [V2G20-2492]."""
    from cryptography.x509 import ExtensionNotFound, SubjectKeyIdentifier

    try:
        identifier = certificate_of(contract).extensions.get_extension_for_class(SubjectKeyIdentifier).value.digest
    except ExtensionNotFound:
        identifier = SubjectKeyIdentifier.from_public_key(certificate_of(contract).public_key()).digest
    return (plain_emaid(common_name(car)) + identifier.hex().upper()).encode()


def _derived(shared: bytes, octets: int, digest: str) -> bytes:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.kdf.concatkdf import ConcatKDFHash

    return ConcatKDFHash(getattr(hashes, digest)(), octets, _OTHER_INFO).derive(shared)


def _cbc(key: bytes, vector: bytes) -> Any:
    from cryptography.hazmat.primitives.ciphers import Cipher
    from cryptography.hazmat.primitives.ciphers.algorithms import AES
    from cryptography.hazmat.primitives.ciphers.modes import CBC

    return Cipher(AES(key), CBC(vector))
