"""XML Signatures over EXI fragments: how messages of ISO 15118 are signed (ISO 15118-2 7.9.2.4.2, ISO 15118-20 7.9).

Each signed element is encoded as an EXI fragment and digested; the digests stand in SignedInfo, whose own EXI fragment
is what the key signs. Stacks in the field take SignedInfo from the schema of XML Signature alone; some may take it
from the whole message set. We write the former and accept both.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256, sha512
from typing import TYPE_CHECKING, Any

from v2g.exi import ExiError
from v2g.kernel.errors import V2GError
from v2g.messages import encode_fragment
from v2g.messages.xmldsig import (
    CanonicalizationMethod,
    DigestMethod,
    Reference,
    Signature,
    SignatureMethod,
    SignatureValue,
    SignedInfo,
    Transform,
    Transforms,
)

if TYPE_CHECKING:  # a station without Plug & Charge does not load it
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PrivateKey
    from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

    PrivateKey = EllipticCurvePrivateKey | Ed448PrivateKey

CANONICAL_EXI = "http://www.w3.org/TR/canonical-exi/"
MOST_REFERENCES = 4
"""[V2G2-909]"""
_SHA512 = "http://www.w3.org/2001/04/xmlenc#sha512"
_DIGESTS = {"http://www.w3.org/2001/04/xmlenc#sha256": sha256, _SHA512: sha512}


class SignatureInvalid(V2GError):
    """The signature does not prove what it should. The text says why."""


@dataclass(frozen=True, slots=True)
class Suite:
    """One kind of key with the algorithms that go with it."""

    key: str
    """Name of the curve."""
    method: str
    digest: str
    octets: int = 0
    """ECDSA: of each of the two numbers that the value consists of."""


P256 = Suite(
    "secp256r1",
    "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256",
    "http://www.w3.org/2001/04/xmlenc#sha256",
    octets=32,
)
"""ISO 15118-2."""
P521 = Suite("secp521r1", "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha512", _SHA512, octets=66)
"""ISO 15118-20."""
ED448 = Suite("ed448", "http://www.w3.org/2021/04/xmldsig-more#eddsa-ed448", _SHA512)
"""ISO 15118-20, the second choice. The name of its digest is not public; SHA-512 is our reading."""
_SUITES = {suite.key: suite for suite in (P256, P521, ED448)}

Part = tuple[str, Any]
"""A signed element: its name, and its value, which has an `Id`."""


def warm() -> None:
    """Have libraries and codec ready before the first car pays by a contract: that costs a tenth of a second once."""
    from cryptography.hazmat.primitives.asymmetric import ec

    from v2g.messages.iso2 import AuthorizationReq
    from v2g.messages.iso20.common import ContractCertificateChain, PnC_AReqAuthorizationMode, SubCertificates

    chain = ContractCertificateChain(b"", SubCertificates([b""]))
    signed: tuple[tuple[ec.EllipticCurve, str, Any], ...] = (
        (ec.SECP256R1(), "iso2", AuthorizationReq(bytes(16), "id1")),
        (ec.SECP521R1(), "iso20-common", PnC_AReqAuthorizationMode(bytes(16), chain, "id1")),
    )
    for curve, protocol, value in signed:
        key, parts = ec.generate_private_key(curve), [(type(value).__name__, value)]
        verify(protocol, sign(protocol, parts, key), parts, key.public_key())


def sign(protocol: str, parts: Iterable[Part], key: PrivateKey) -> Signature:
    """The signature of these elements of a message set, for the header of their message. Raises `SignatureInvalid` for
    a key of another kind than those above, `ExiError` for an element that the schema forbids."""
    suite = _suite_of(key.public_key())
    references = [
        Reference(
            URI=f"#{value.Id}",
            Transforms=Transforms([Transform(Algorithm=CANONICAL_EXI)]),
            DigestMethod=DigestMethod(Algorithm=suite.digest),
            DigestValue=_DIGESTS[suite.digest](encode_fragment(protocol, element, value)).digest(),
        )
        for element, value in parts
    ]
    info = SignedInfo(
        CanonicalizationMethod(Algorithm=CANONICAL_EXI), SignatureMethod(Algorithm=suite.method), references
    )
    value = _sign(key, suite, encode_fragment("xmldsig", "SignedInfo", info))
    return Signature(info, SignatureValue(value))


def verify(protocol: str, signature: Signature | None, parts: Iterable[Part], key: PublicKeyTypes) -> None:
    """Check that `key` has signed exactly these elements. Raises `SignatureInvalid`."""
    if signature is None:
        raise SignatureInvalid("there is no signature")
    suite, info = _suite_of(key), signature.SignedInfo
    if info.SignatureMethod.Algorithm != suite.method:
        raise SignatureInvalid(f"signed by {info.SignatureMethod.Algorithm}, the certificate's key is {suite.key}")
    if info.CanonicalizationMethod.Algorithm != CANONICAL_EXI:
        raise SignatureInvalid(f"SignedInfo is canonicalized by {info.CanonicalizationMethod.Algorithm}")
    _check_references(protocol, info.Reference, list(parts), suite)
    _check_value(protocol, signature, key, suite)


def _check_references(protocol: str, references: list[Reference], parts: list[Part], suite: Suite) -> None:
    if len(references) > MOST_REFERENCES:
        raise SignatureInvalid(f"{len(references)} references, at most {MOST_REFERENCES} are admitted")
    by_id = {reference.URI: reference for reference in references}
    wanted = {f"#{value.Id}": (element, value) for element, value in parts}
    if len(by_id) != len(references) or len(wanted) != len(parts) or by_id.keys() != wanted.keys():
        raise SignatureInvalid(f"it refers to {', '.join(map(str, by_id))}, not to {', '.join(wanted)}")
    for uri, (element, value) in wanted.items():
        reference = by_id[uri]
        transforms = [] if reference.Transforms is None else reference.Transforms.Transform
        if any(each.Algorithm != CANONICAL_EXI for each in transforms) or len(transforms) > 1:  # [V2G2-767]
            raise SignatureInvalid(f"{element} is transformed otherwise than into canonical EXI")
        if reference.DigestMethod.Algorithm != suite.digest:
            raise SignatureInvalid(f"{element} is digested by {reference.DigestMethod.Algorithm}, not {suite.digest}")
        try:
            digest = _DIGESTS[suite.digest](encode_fragment(protocol, element, value)).digest()
        except ExiError as error:
            raise SignatureInvalid(f"{element} cannot be digested: {error}") from None
        if not hmac.compare_digest(digest, reference.DigestValue):
            raise SignatureInvalid(f"{element} is not what was signed")


def _check_value(protocol: str, signature: Signature, key: PublicKeyTypes, suite: Suite) -> None:
    from cryptography.exceptions import InvalidSignature

    value = signature.SignatureValue.value
    for grammar in ("xmldsig", protocol):
        try:
            _verify(key, suite, value, encode_fragment(grammar, "SignedInfo", signature.SignedInfo))
        except InvalidSignature:
            continue
        except ExiError as error:
            raise SignatureInvalid(f"SignedInfo cannot be encoded: {error}") from None
        return
    raise SignatureInvalid("it was not made by the key of the certificate")


def _suite_of(key: PublicKeyTypes) -> Suite:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
    from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PublicKey

    name = type(key).__name__
    if isinstance(key, EllipticCurvePublicKey):
        name = key.curve.name
    elif isinstance(key, Ed448PublicKey):
        name = ED448.key
    if name not in _SUITES:
        raise SignatureInvalid(f"a key of {name} signs no message of ISO 15118")
    return _SUITES[name]


def _hash(suite: Suite) -> Any:
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
    from cryptography.hazmat.primitives.hashes import SHA256, SHA512

    return ECDSA(SHA256() if suite is P256 else SHA512())


def _sign(key: PrivateKey, suite: Suite, data: bytes) -> bytes:
    """In the form of XML Signature: both numbers of ECDSA in full length, one after the other."""
    if not suite.octets:
        made: bytes = key.sign(data)  # type: ignore[call-arg]  # Ed448
        return made
    from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

    r, s = decode_dss_signature(key.sign(data, _hash(suite)))  # type: ignore[call-arg]  # ECDSA
    return r.to_bytes(suite.octets, "big") + s.to_bytes(suite.octets, "big")


def _verify(key: Any, suite: Suite, value: bytes, data: bytes) -> None:
    """Raises `InvalidSignature`."""
    if not suite.octets:
        key.verify(value, data)
        return
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

    if len(value) != 2 * suite.octets:
        raise InvalidSignature
    r, s = (int.from_bytes(half, "big") for half in (value[: suite.octets], value[suite.octets :]))
    key.verify(encode_dss_signature(r, s), data, _hash(suite))
