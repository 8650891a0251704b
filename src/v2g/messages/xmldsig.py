"""XML Signature (W3C xmldsig-core, http://www.w3.org/2000/09/xmldsig#), as far as its schema goes.

Classes without `@element` that are named `...Item`, `PGPKey`, `PGPPacket`, `DSAPrimes` and `DSAGeneration` are the
schema's nested groups; they have no element of their own.
"""

from __future__ import annotations

from typing import Annotated

import v2g.messages.xmldsig as ds
from v2g.exi.facets import (
    ATTRIBUTE,
    CHOICE,
    CONTENT,
    GROUP,
    ID,
    REF,
    REQUIRED,
    Base64Binary,
    Integer,
    Occurs,
    Type,
    Wildcard,
    element,
)

NAMESPACE = "http://www.w3.org/2000/09/xmldsig#"

CryptoBinary = Base64Binary
DigestValue = Base64Binary
HMACOutputLength = Integer

SIMPLE_ELEMENTS = {"DigestValue": DigestValue, "KeyName": str, "MgmtData": str}
"""The global elements of simple type."""


@element
class Signature(Type):
    SignedInfo: Annotated[ds.SignedInfo, REF]
    SignatureValue: Annotated[ds.SignatureValue, REF]
    KeyInfo: Annotated[ds.KeyInfo | None, REF] = None
    Object: Annotated[list[ds.Object], REF, Occurs(0, None)] = []
    Id: ID | None = None


@element
class SignatureValue(Type):
    value: Annotated[Base64Binary, CONTENT]
    Id: ID | None = None


@element
class SignedInfo(Type):
    CanonicalizationMethod: Annotated[ds.CanonicalizationMethod, REF]
    SignatureMethod: Annotated[ds.SignatureMethod, REF]
    Reference: Annotated[list[ds.Reference], REF, Occurs(1, None)]
    Id: ID | None = None


@element
class CanonicalizationMethod(Type):
    __mixed__ = True
    any: Annotated[list[Wildcard], Occurs(0, None)] = []
    Algorithm: Annotated[str, ATTRIBUTE] = REQUIRED


@element
class SignatureMethod(Type):
    __mixed__ = True
    HMACOutputLength: ds.HMACOutputLength | None = None
    any: Annotated[list[Wildcard], Occurs(0, None)] = []
    Algorithm: Annotated[str, ATTRIBUTE] = REQUIRED


@element
class Reference(Type):
    Transforms: Annotated[ds.Transforms | None, REF] = None
    DigestMethod: Annotated[ds.DigestMethod, REF] = REQUIRED
    DigestValue: Annotated[ds.DigestValue, REF] = REQUIRED
    Id: ID | None = None
    URI: Annotated[str | None, ATTRIBUTE] = None
    Type: Annotated[str | None, ATTRIBUTE] = None


@element
class Transforms(Type):
    Transform: Annotated[list[ds.Transform], REF, Occurs(1, None)]


@element
class Transform(Type):
    __mixed__ = True
    # In the schema a repeated choice of XPath and wildcard: the same as long as no wildcard is met.
    XPath: Annotated[list[str], Occurs(0, None)] = []
    any: Annotated[list[Wildcard], Occurs(0, None)] = []
    Algorithm: Annotated[str, ATTRIBUTE] = REQUIRED


@element
class DigestMethod(Type):
    __mixed__ = True
    any: Annotated[list[Wildcard], Occurs(0, None)] = []
    Algorithm: Annotated[str, ATTRIBUTE] = REQUIRED


@element
class KeyInfo(Type):
    __mixed__ = True
    items: Annotated[list[KeyInfoItem], GROUP, Occurs(1, None)]
    Id: ID | None = None


class KeyInfoItem(Type):
    KeyName: Annotated[str | None, REF, CHOICE] = None
    KeyValue: Annotated[ds.KeyValue | None, REF, CHOICE] = None
    RetrievalMethod: Annotated[ds.RetrievalMethod | None, REF, CHOICE] = None
    X509Data: Annotated[ds.X509Data | None, REF, CHOICE] = None
    PGPData: Annotated[ds.PGPData | None, REF, CHOICE] = None
    SPKIData: Annotated[ds.SPKIData | None, REF, CHOICE] = None
    MgmtData: Annotated[str | None, REF, CHOICE] = None
    any: Annotated[Wildcard | None, CHOICE] = None


@element
class KeyValue(Type):
    __mixed__ = True
    DSAKeyValue: Annotated[ds.DSAKeyValue | None, REF, CHOICE] = None
    RSAKeyValue: Annotated[ds.RSAKeyValue | None, REF, CHOICE] = None
    any: Annotated[Wildcard | None, CHOICE] = None


@element
class RetrievalMethod(Type):
    Transforms: Annotated[ds.Transforms | None, REF] = None
    URI: Annotated[str | None, ATTRIBUTE] = None
    Type: Annotated[str | None, ATTRIBUTE] = None


@element
class X509Data(Type):
    items: Annotated[list[X509DataItem], GROUP, Occurs(1, None)]


class X509DataItem(Type):
    X509IssuerSerial: Annotated[ds.X509IssuerSerial | None, CHOICE] = None
    X509SKI: Annotated[Base64Binary | None, CHOICE] = None
    X509SubjectName: Annotated[str | None, CHOICE] = None
    X509Certificate: Annotated[Base64Binary | None, CHOICE] = None
    X509CRL: Annotated[Base64Binary | None, CHOICE] = None
    any: Annotated[Wildcard | None, CHOICE] = None


class X509IssuerSerial(Type):
    X509IssuerName: str
    X509SerialNumber: Integer


@element
class PGPData(Type):
    key: Annotated[PGPKey | None, GROUP, CHOICE] = None
    packet: Annotated[PGPPacket | None, GROUP, CHOICE] = None


class PGPKey(Type):
    PGPKeyID: Base64Binary
    PGPKeyPacket: Base64Binary | None = None
    any: Annotated[list[Wildcard], Occurs(0, None)] = []


class PGPPacket(Type):
    PGPKeyPacket: Base64Binary
    any: Annotated[list[Wildcard], Occurs(0, None)] = []


@element
class SPKIData(Type):
    items: Annotated[list[SPKIDataItem], GROUP, Occurs(1, None)]


class SPKIDataItem(Type):
    SPKISexp: Base64Binary
    any: Wildcard | None = None


@element
class Object(Type):
    __mixed__ = True
    any: Annotated[list[Wildcard], Occurs(0, None)] = []
    Id: ID | None = None
    MimeType: Annotated[str | None, ATTRIBUTE] = None
    Encoding: Annotated[str | None, ATTRIBUTE] = None


@element
class Manifest(Type):
    Reference: Annotated[list[ds.Reference], REF, Occurs(1, None)]
    Id: ID | None = None


@element
class SignatureProperties(Type):
    SignatureProperty: Annotated[list[ds.SignatureProperty], REF, Occurs(1, None)]
    Id: ID | None = None


@element
class SignatureProperty(Type):
    __mixed__ = True
    any: Annotated[list[Wildcard], Occurs(1, None)]
    Target: Annotated[str, ATTRIBUTE]
    Id: ID | None = None


@element
class DSAKeyValue(Type):
    primes: Annotated[DSAPrimes | None, GROUP] = None
    G: CryptoBinary | None = None
    Y: CryptoBinary = REQUIRED
    J: CryptoBinary | None = None
    generation: Annotated[DSAGeneration | None, GROUP] = None


class DSAPrimes(Type):
    P: CryptoBinary
    Q: CryptoBinary


class DSAGeneration(Type):
    Seed: CryptoBinary
    PgenCounter: CryptoBinary


@element
class RSAKeyValue(Type):
    Modulus: CryptoBinary
    Exponent: CryptoBinary
