"""How the key of a contract travels to the car: encrypted for the key of a certificate that the car holds.

A fresh key of the sender and the car's own give a shared secret (ECDH); a key derived of that encrypts. ISO 15118-2:
P-256, SHA-256, AES-128-CBC of the 32 octets of the private key, after 16 octets of initialisation vector [V2G2-818].
ISO 15118-20: P-521 or X448, SHA-512, AES-256-GCM with 12 octets of initialisation vector before and a tag of 16 after.
What is authenticated besides there: the PCID and the contract's key identifier. The other parameters of the derivation
in -20 are those of -2 in our reading: the text is not public.
"""

import secrets
from typing import TYPE_CHECKING, Any

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
    ISO 15118-20 has them. Raises `WrongKey` for kinds of keys that go together with no curve."""
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    public = key_of(car)
    if not isinstance(public, ec.EllipticCurvePublicKey) or public.curve.name != "secp521r1":
        raise WrongKey("the car's certificate has no key of P-521")
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.curve.name != "secp521r1":
        raise WrongKey("the contract's key is none of P-521")
    own = ec.generate_private_key(ec.SECP521R1())
    vector = secrets.token_bytes(_NONCE)
    secret = key.private_numbers().private_value.to_bytes(66, "big")
    session_key = _derived(own.exchange(ec.ECDH(), public), 32, "SHA512")
    encrypted = vector + AESGCM(session_key).encrypt(vector, secret, authenticated(car, contract))
    return {
        "ECDHCurve": EcdhCurve.SECP521,
        "DHPublicKey": own.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint),
        "SECP521_EncryptedPrivateKey": encrypted,
    }


def unwrap(data: "SignedInstallationData", own: Credential) -> "PrivateKey":
    """The contract's key in SignedInstallationData, encrypted for the car's credential. Raises `WrongKey`, and
    `ValueError` for a certificate that is none."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    encrypted, contract = data.SECP521_EncryptedPrivateKey, data.ContractCertificateChain.Certificate
    if data.ECDHCurve is not EcdhCurve.SECP521 or encrypted is None:
        raise WrongKey(f"its key is encrypted for {data.ECDHCurve.value}, which this car's certificate has not")
    if not isinstance(own.key, ec.EllipticCurvePrivateKey):
        raise WrongKey("the car's own key is none of P-521")
    try:
        public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP521R1(), data.DHPublicKey)
        session_key = _derived(own.key.exchange(ec.ECDH(), public), 32, "SHA512")
        vector, sealed = encrypted[:_NONCE], encrypted[_NONCE:]
        secret = AESGCM(session_key).decrypt(vector, sealed, authenticated(own.chain[0], contract))
        key = ec.derive_private_key(int.from_bytes(secret, "big"), ec.SECP521R1())
    except InvalidTag:
        raise WrongKey("its key was encrypted for somebody else, or changed") from None
    except ValueError as error:
        raise WrongKey(f"its key cannot be decrypted: {error}") from None
    if key.public_key() != key_of(contract):
        raise WrongKey("its key is not the one of its certificate")
    return key


def authenticated(car: bytes, contract: bytes) -> bytes:
    """The PCID of the certificate that asks, and the contract's key identifier in hexadecimal."""
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
