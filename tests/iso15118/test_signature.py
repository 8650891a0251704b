"""XML signatures over EXI fragments: what we sign verifies, nothing else does, and what others signed does."""

from copy import deepcopy
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from msgspec.structs import replace
from tests.iso15118.credentials import new_key

from v2g.iso15118.signature import Part, SignatureInvalid, sign, verify
from v2g.messages import encode_fragment
from v2g.messages.iso2 import AuthorizationReq
from v2g.messages.iso20.common import ContractCertificateChain, PnC_AReqAuthorizationMode, SubCertificates
from v2g.messages.xmldsig import Signature

ISO2 = AuthorizationReq(bytes(range(16)), "id1")
ISO20 = PnC_AReqAuthorizationMode(
    bytes(range(16)), ContractCertificateChain(b"leaf", SubCertificates([b"authority"])), "id1"
)
KINDS = [
    ("p256", "iso2", ("AuthorizationReq", ISO2)),
    ("p521", "iso20-common", ("PnC_AReqAuthorizationMode", ISO20)),
    ("ed448", "iso20-common", ("PnC_AReqAuthorizationMode", ISO20)),
]
EVERY = pytest.mark.parametrize(("kind", "protocol", "part"), KINDS, ids=[kind for kind, *_ in KINDS])


@EVERY
def test_what_is_signed_verifies_also_after_the_wire(kind: str, protocol: str, part: Part) -> None:
    key = new_key(kind)
    signature = sign(protocol, [part], key)
    carried = decode_signature(encode_fragment("xmldsig", "Signature", signature))
    verify(protocol, carried, [part], key.public_key())


def decode_signature(octets: bytes) -> Signature:
    from v2g.messages import decode_fragment

    name, value = decode_fragment("xmldsig", octets, strict=True)
    assert name == "Signature"
    assert isinstance(value, Signature)
    return value


@EVERY
def test_nothing_else_verifies(kind: str, protocol: str, part: Part) -> None:
    key, (name, value) = new_key(kind), part
    signature = sign(protocol, [part], key)

    def refused(reason: str, other: Signature | None, parts: list[Part] = [part], by: Any = key) -> None:  # noqa: B006
        with pytest.raises(SignatureInvalid, match=reason):
            verify(protocol, other, parts, by.public_key())

    refused("no signature", None)
    refused("not made by the key", signature, by=new_key(kind))
    refused("not what was signed", signature, [(name, replace(value, GenChallenge=bytes(16)))])
    refused("refers to #id1, not to #id2", signature, [(name, replace(value, Id="id2"))])
    refused("refers to", signature, [part, part])
    refused("signed by", signature, by=new_key("p521" if kind != "p521" else "p256"))

    def changed(**fields: Any) -> Signature:
        return replace(signature, SignedInfo=replace(signature.SignedInfo, **fields))

    [reference] = signature.SignedInfo.Reference
    refused("refers to", changed(Reference=[reference, reference]))
    refused("refers to", changed(Reference=[replace(reference, URI=None)]))
    refused("at most 4", changed(Reference=[reference] * 5))
    refused("not what was signed", changed(Reference=[replace(reference, DigestValue=b"")]))
    other_digest = deepcopy(reference)
    other_digest.DigestMethod.Algorithm = "http://www.w3.org/2000/09/xmldsig#sha1"
    refused("digested by", changed(Reference=[other_digest]))
    other_form = deepcopy(reference)
    assert other_form.Transforms is not None
    other_form.Transforms.Transform[0].Algorithm = "http://www.w3.org/TR/xslt"
    refused("transformed otherwise", changed(Reference=[other_form]))
    odd = deepcopy(signature)
    odd.SignedInfo.CanonicalizationMethod.Algorithm = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
    refused("canonicalized by", odd)
    for value_ in (b"", signature.SignatureValue.value[:-1], bytes(len(signature.SignatureValue.value))):
        broken = deepcopy(signature)
        broken.SignatureValue.value = value_
        refused("not made by the key", broken)


def test_a_signed_info_of_the_whole_message_set_verifies_too() -> None:
    """Some stacks may take its fragment from there: it has one octet more."""
    from v2g.iso15118 import signature as module

    key, part = ec.generate_private_key(ec.SECP256R1()), ("AuthorizationReq", ISO2)
    made = sign("iso2", [part], key)
    octets = encode_fragment("iso2", "SignedInfo", made.SignedInfo)
    assert octets != encode_fragment("xmldsig", "SignedInfo", made.SignedInfo)
    made.SignatureValue.value = module._sign(key, module.P256, octets)
    verify("iso2", made, [part], key.public_key())


def test_a_key_that_no_edition_knows_signs_and_proves_nothing() -> None:
    for key in (rsa.generate_private_key(65537, 2048), ec.generate_private_key(ec.SECP384R1())):
        with pytest.raises(SignatureInvalid, match="signs no message"):
            sign("iso2", [("AuthorizationReq", ISO2)], key)  # type: ignore[arg-type]
