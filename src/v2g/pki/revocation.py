"""What is known of revoked certificates: OCSP responses and revocation lists, each verified when it is taken in.

Fetching them is not done here: `Evidence.request` is what to post to a responder, `add_ocsp` and `add_crl` take what
came back.
"""

from dataclasses import dataclass
from enum import Enum

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import ocsp
from cryptography.x509.oid import CRLEntryExtensionOID

from v2g.kernel.errors import V2GError
from v2g.pki.certificate import Certificate, of
from v2g.pki.profile import OCSP_SIGNING

OLDEST_S = 7 * 86_400.0
"""A response that does not say until when it holds, holds for a week ([V2G20-1021], [V2G2-649])."""
SKEW_S = 300.0
"""By which the clocks of responder and station may differ."""
LONGEST_OCTETS = 1 << 20
"""Of a response or a list."""
MOST_KEPT = 2_000
"""OCSP responses; beyond, the oldest is forgotten."""


class Status(Enum):
    """Of a certificate."""

    GOOD = "good"
    REVOKED = "revoked"
    UNKNOWN = "unknown"


class BadEvidence(V2GError):
    """A response or a list that proves nothing: broken, not signed by who may, or too old."""


@dataclass(frozen=True, slots=True)
class Found:
    """What is known of one certificate."""

    status: Status
    text: str
    """Where from, or why nothing is known."""
    until_s: float = 0.0
    """How long it holds, Unix time."""
    from_s: float = 0.0
    """Of a responder's answer: since when it holds (`thisUpdate`), Unix time."""


@dataclass(frozen=True, slots=True)
class _List:
    serials: dict[int, str]
    from_s: float
    until_s: float


class Evidence:
    """OCSP responses and revocation lists of one station. Only what was verified is in it."""

    def __init__(self) -> None:
        self._answers: dict[tuple[bytes, int], Found] = {}
        self._lists: dict[bytes, _List] = {}

    def status(self, certificate: Certificate, issuer: Certificate, at_s: float) -> Found:
        """What is known of a certificate at a time. What is revoked stays so, however old that knowledge is."""
        answer, found = self._answers.get((issuer.der, certificate.serial)), self._lists.get(issuer.der)
        if found is not None and (why := found.serials.get(certificate.serial)) is not None:
            return Found(Status.REVOKED, f"{why} (revocation list)", found.until_s)
        if answer is not None and (at_s <= answer.until_s + SKEW_S or answer.status is Status.REVOKED):
            return answer
        if found is None:
            old = "no OCSP response and no revocation list" if answer is None else "the OCSP response is too old"
            return Found(Status.UNKNOWN, f"{old} of {issuer.common_name}")
        if at_s > found.until_s + SKEW_S:
            return Found(Status.UNKNOWN, f"the revocation list of {issuer.common_name} is too old")
        return Found(Status.GOOD, "not in the revocation list", found.until_s)

    def add_ocsp(self, der: bytes, certificate: Certificate, issuer: Certificate, at_s: float) -> Found:
        """Take a responder's answer about a certificate; returns what is known then. Somebody may repeat an older
        answer: it replaces none, and a revoked certificate stays so.

        Raises `BadEvidence`."""
        found = read_ocsp(der, certificate, issuer, at_s)
        before = self._answers.pop((issuer.der, certificate.serial), None)
        if before is not None:
            found = _stronger(before, found)
        while len(self._answers) >= MOST_KEPT:
            del self._answers[next(iter(self._answers))]
        self._answers[issuer.der, certificate.serial] = found
        return found

    def keep(self, former: "Evidence") -> None:
        """Keep what was known before: files that are read again say nothing about what a responder has said, and one
        that is broken or gone makes no revoked certificate valid."""
        for about, before in former._answers.items():
            self._answers[about] = _stronger(before, self._answers.get(about, before))
        for issuer, known in former._lists.items():
            taken = self._lists.get(issuer)
            if taken is None or taken.from_s < known.from_s:
                self._lists[issuer] = known

    def add_crl(self, content: bytes, issuer: Certificate, at_s: float) -> None:
        """Take the revocation list of an authority, DER or PEM. Raises `BadEvidence`."""
        taken = _read_crl(content, issuer, at_s)
        known = self._lists.get(issuer.der)
        if known is None or taken.from_s >= known.from_s:  # an older list could bring a revoked one back
            self._lists[issuer.der] = taken


def _stronger(known: Found, new: Found) -> Found:
    """Which of two answers about a certificate counts: that it was revoked, or else the later one."""
    return known if known.status is Status.REVOKED or known.from_s > new.from_s else new


def request(certificate: Certificate, issuer: Certificate) -> bytes:
    """What to post to the responder that a certificate names (`Certificate.ocsp_urls`)."""
    builder = ocsp.OCSPRequestBuilder().add_certificate(certificate.parsed, issuer.parsed, hashes.SHA256())
    return builder.build().public_bytes(Encoding.DER)


def read_ocsp(der: bytes, certificate: Certificate, issuer: Certificate, at_s: float) -> Found:
    """What a responder's answer says of a certificate. Raises `BadEvidence`."""
    if len(der) > LONGEST_OCTETS:
        raise BadEvidence(f"an OCSP response of {len(der)} octets is longer than {LONGEST_OCTETS}")
    try:
        response = ocsp.load_der_ocsp_response(der)
        if response.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
            raise BadEvidence(f"the OCSP responder answers {response.response_status.name}")
        if not any(_signed(response, key) for key in _responders(response, issuer, at_s)):
            raise BadEvidence(f"the OCSP response is signed by nobody who may sign for {issuer.common_name}")
        for single in response.responses:
            if single.serial_number == certificate.serial and _about(single, issuer):
                return _answer(single, at_s)
    except BadEvidence:
        raise
    except Exception as error:  # the parser has errors of many kinds
        raise BadEvidence(f"not an OCSP response that can be read: {error}") from error
    raise BadEvidence(f"the OCSP response is not about {certificate.subject}")


def _answer(single: ocsp.OCSPSingleResponse, at_s: float) -> Found:
    from_s = single.this_update_utc.timestamp()
    until_s = from_s + OLDEST_S if single.next_update_utc is None else single.next_update_utc.timestamp()
    if from_s > at_s + SKEW_S:
        raise BadEvidence("the OCSP response is of the future; set the clock")
    if until_s + SKEW_S < at_s:
        raise BadEvidence("the OCSP response is too old")
    match single.certificate_status:
        case ocsp.OCSPCertStatus.GOOD:
            return Found(Status.GOOD, "by its OCSP responder", until_s, from_s)
        case ocsp.OCSPCertStatus.REVOKED:
            why = single.revocation_reason
            return Found(Status.REVOKED, f"{why.value if why else 'no reason given'} (OCSP)", until_s, from_s)
    return Found(Status.UNKNOWN, "its OCSP responder does not know it", until_s, from_s)


def _about(single: ocsp.OCSPSingleResponse, issuer: Certificate) -> bool:
    digest = hashes.Hash(single.hash_algorithm)
    digest.update(_key_bits(issuer))
    return digest.finalize() == single.issuer_key_hash


def _key_bits(certificate: Certificate) -> bytes:
    """The key as its BIT STRING has it."""
    key = certificate.public_key
    if isinstance(key, ec.EllipticCurvePublicKey):
        return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    if isinstance(key, Ed448PublicKey):
        return key.public_bytes(Encoding.Raw, PublicFormat.Raw)
    return key.public_bytes(Encoding.DER, PublicFormat.PKCS1)


def _responders(response: ocsp.OCSPResponse, issuer: Certificate, at_s: float) -> list[Certificate]:
    """The authority itself, and its delegates (RFC 6960, 4.2.2.2)."""
    delegates = []
    for parsed in response.certificates[:2]:
        each = of(parsed)
        may_sign = each.extended_usage is not None and OCSP_SIGNING in each.extended_usage
        if may_sign and each.not_before_s <= at_s <= each.not_after_s and each.issued_by(issuer):
            delegates.append(each)
    return [*delegates, issuer]


def _signed(response: ocsp.OCSPResponse, responder: Certificate) -> bool:
    key, digest = responder.public_key, response.signature_hash_algorithm
    try:
        if isinstance(key, ec.EllipticCurvePublicKey) and digest is not None:
            key.verify(response.signature, response.tbs_response_bytes, ec.ECDSA(digest))
        elif isinstance(key, Ed448PublicKey):
            key.verify(response.signature, response.tbs_response_bytes)
        else:
            return False
    except InvalidSignature:
        return False
    return True


def _read_crl(content: bytes, issuer: Certificate, at_s: float) -> _List:
    if len(content) > LONGEST_OCTETS:
        raise BadEvidence(f"a revocation list of {len(content)} octets is longer than {LONGEST_OCTETS}")
    try:
        pem = b"-----BEGIN X509 CRL-----" in content
        crl = x509.load_pem_x509_crl(content) if pem else x509.load_der_x509_crl(content)
        if crl.issuer != issuer.parsed.subject:
            raise BadEvidence(f"the revocation list is not of {issuer.subject}")
        key = issuer.public_key
        if not isinstance(key, ec.EllipticCurvePublicKey | Ed448PublicKey) or not crl.is_signature_valid(key):
            raise BadEvidence(f"the revocation list is not signed by {issuer.subject}")
        if unknown := [each.oid.dotted_string for each in crl.extensions if each.critical]:
            raise BadEvidence(f"the revocation list covers a part only: {', '.join(unknown)}")
        from_s = crl.last_update_utc.timestamp()
        until_s = from_s + OLDEST_S if crl.next_update_utc is None else crl.next_update_utc.timestamp()
        if from_s > at_s + SKEW_S:
            raise BadEvidence("the revocation list is of the future; set the clock")
        return _List({each.serial_number: _why(each) for each in crl}, from_s, until_s)
    except BadEvidence:
        raise
    except Exception as error:
        raise BadEvidence(f"not a revocation list that can be read: {error}") from error


def _why(revoked: x509.RevokedCertificate) -> str:
    for extension in revoked.extensions:
        if extension.oid == CRLEntryExtensionOID.CRL_REASON and isinstance(extension.value, x509.CRLReason):
            return str(extension.value.reason.value)
    return "no reason given"
