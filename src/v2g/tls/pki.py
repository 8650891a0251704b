"""A complete certificate hierarchy for tests: makes it, and explains one.

    V2G root ─ CPO sub-CA 1 ─ CPO sub-CA 2 ─ station (SECC)
             └ (cross-certificate of MO sub-CA 1)
    OEM root ─ OEM sub-CA 1 ─ OEM sub-CA 2 ┬ vehicle
                                           └ OEM provisioning
    MO root  ─ MO sub-CA 1 ─ MO sub-CA 2 ─ contract

A contract may be anchored at a V2G root or at an operator's own. Here it is both: MO sub-CA 1 has one
certificate from the MO root and a second one, for the same key, from the V2G root. `v2g_root.pem` holds the V2G root
and, below it, the second certificate and MO sub-CA 2, because `openssl verify` takes intermediates from nowhere else
when it is given nothing but `-CAfile`. So

    openssl verify -CAfile v2g_root.pem contract_cert.pem

ends at the V2G root, as it says. For the two helpers this grants no trust: neither is self-signed, and TLS contexts
take only self-signed certificates of that file as anchors.

Extensions follow what public code says about Annex F of ISO 15118-2 and Annex B of ISO 15118-20 (the texts
themselves are not public): critical basic constraints with path lengths 1 and 0 below the root, critical key usage
(keyCertSign; digitalSignature and keyAgreement in leaves), critical extended key usage serverAuth for the station
and clientAuth for the vehicle, key identifiers, the role in DC. Everything lies in one directory, the authorities'
keys too: good for a bench, wrong for the field.
"""

import os
import stat
from datetime import datetime, timedelta
from grp import getgrnam
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from OpenSSL import crypto

from v2g.kernel.errors import V2GError
from v2g.tls.context import common_name, key_type, name, validity_fault

EVCCID = "ZZZV123456789ABCDEF9"
"""WMI ZZZ (assigned to nobody), V for vehicle, serial number, check digit (ISO 15118-20 Annex C)."""
EMAID = "XXV2GC00000001"
SECC_ID = "SECC-1"

EXPIRY_WARNING = timedelta(days=30)

CURVES: dict[str, tuple[ec.EllipticCurve, hashes.SHA512 | hashes.SHA256]] = {
    "p521": (ec.SECP521R1(), hashes.SHA512()),
    "p256": (ec.SECP256R1(), hashes.SHA256()),
}
"""p521 is what ISO 15118-20 requires, p256 what the profile `interop-p256` takes as well."""


class PkiError(V2GError):
    """The hierarchy cannot be written or read. Names the file or directory, and the remedy."""


class Node(NamedTuple):
    """One certificate of the hierarchy. `stem` names its file, `issuer` the stem of its issuer."""

    stem: str
    issuer: str
    common_name: str
    domain: str
    days: int
    purpose: str
    path_length: int | None = None
    """How many authorities may follow below it; None for a leaf."""
    key_of: str | None = None
    """The node whose key this one has; None: a key of its own."""
    extended_usage: x509.ObjectIdentifier | None = None

    @property
    def certificate_file(self) -> str:
        return f"{self.stem}.pem"

    @property
    def key_file(self) -> str:
        return f"{(self.key_of or self.stem).removesuffix('_cert')}_key.pem"


_SUB_1 = "Intermediate authority"
_SUB_2 = "Issuing authority"

HIERARCHY = (
    Node("v2g_root", "v2g_root", "V2G Root CA", "V2G", 14600, "Vehicles trust every station below it.", 2),
    Node("cpo_sub_ca1", "v2g_root", "CPO Sub-CA 1", "V2G", 1460, f"{_SUB_1} of the charge point operator.", 1),
    Node("cpo_sub_ca2", "cpo_sub_ca1", "CPO Sub-CA 2", "V2G", 730, f"{_SUB_2} of the charge point operator.", 0),
    Node(
        "secc_cert",
        "cpo_sub_ca2",
        SECC_ID,
        "CPO",
        90,
        "The station proves itself with it in TLS; its chain is cpo_chain.pem.",
        extended_usage=ExtendedKeyUsageOID.SERVER_AUTH,
    ),
    Node("oem_root", "oem_root", "OEM Root CA", "OEM", 14600, "The station trusts every vehicle below it.", 2),
    Node("oem_sub_ca1", "oem_root", "OEM Sub-CA 1", "OEM", 1460, f"{_SUB_1} of the vehicle manufacturer.", 1),
    Node("oem_sub_ca2", "oem_sub_ca1", "OEM Sub-CA 2", "OEM", 1460, f"{_SUB_2} of the vehicle manufacturer.", 0),
    Node(
        "vehicle_cert",
        "oem_sub_ca2",
        EVCCID,
        "EV",
        1460,
        "The vehicle proves itself with it in TLS (CN is its EVCCID); its chain is oem_chain.pem.",
        extended_usage=ExtendedKeyUsageOID.CLIENT_AUTH,
    ),
    Node("oem_prov_cert", "oem_sub_ca2", EVCCID, "OEM", 1460, "With it a vehicle asks for a contract certificate."),
    Node("mo_root", "mo_root", "MO Root CA", "MO", 3650, "Anchor of the mobility operator's contracts.", 2),
    Node("mo_sub_ca1", "mo_root", "MO Sub-CA 1", "MO", 1460, f"{_SUB_1} of the mobility operator.", 1),
    Node(
        "mo_sub_ca1_cross",
        "v2g_root",
        "MO Sub-CA 1",
        "MO",
        1460,
        "The same authority, certified by the V2G root: contracts verify there, too.",
        1,
        key_of="mo_sub_ca1",
    ),
    Node("mo_sub_ca2", "mo_sub_ca1", "MO Sub-CA 2", "MO", 1460, f"{_SUB_2} of the mobility operator.", 0),
    Node(
        "contract_cert",
        "mo_sub_ca2",
        EMAID,
        "MO",
        730,
        "The vehicle's charging contract for Plug & Charge (CN is the eMAID); its chain is mo_chain.pem.",
    ),
)

BUNDLES = {
    "v2g_root.pem": ("v2g_root", "mo_sub_ca1_cross", "mo_sub_ca2"),
    "cpo_chain.pem": ("cpo_sub_ca2", "cpo_sub_ca1"),
    "oem_chain.pem": ("oem_sub_ca2", "oem_sub_ca1"),
    "mo_chain.pem": ("mo_sub_ca2", "mo_sub_ca1"),
}
"""Files with several certificates: chains to be sent, and the root with what `openssl verify` needs below it."""


def create(
    directory: Path, *, curve: str = "p521", now: datetime, force: bool = False, group: str | None = None
) -> None:
    """Writes the hierarchy: keys with mode 0600 into a directory with mode 0700. `curve` is a key of CURVES.

    `group` may read the directory, and of the keys those that a station and a vehicle use. Raises PkiError when the
    directory is in use, or if there is no such group; `force` overwrites an earlier hierarchy, nothing else.
    """
    gid = None if group is None else _gid(group)
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if any(directory.iterdir()):
            if not (directory / "v2g_root.pem").exists():
                raise PkiError(f"{directory} is in use and holds no certificate hierarchy; choose another directory")
            if not force:
                raise PkiError(f"{directory} holds a certificate hierarchy already; --force replaces it")
        directory.chmod(0o700)
        _write_all(directory, *CURVES[curve], now)
        if gid is not None:
            _share(directory, gid)
    except OSError as error:
        raise PkiError(f"{error.filename or directory}: {error.strerror}") from error


def _gid(group: str) -> int:
    try:
        return getgrnam(group).gr_gid
    except KeyError as error:
        raise PkiError(f"there is no group {group!r}; make it with groupadd --system {group}") from error


def _share(directory: Path, gid: int) -> None:
    for path, mode in ((directory, 0o750), (directory / "secc_key.pem", 0o640), (directory / "vehicle_key.pem", 0o640)):
        os.chown(path, -1, gid)
        path.chmod(mode)


def _write_all(directory: Path, curve: ec.EllipticCurve, digest: hashes.SHA512 | hashes.SHA256, now: datetime) -> None:
    keys = {node.stem: ec.generate_private_key(curve) for node in HIERARCHY if node.key_of is None}
    nodes = {node.stem: node for node in HIERARCHY}
    pem: dict[str, bytes] = {}
    for node in HIERARCHY:
        certificate = _issue(node, nodes[node.issuer], keys, digest, now)
        pem[node.stem] = certificate.public_bytes(Encoding.PEM)
    for stem, key in keys.items():
        encoded = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        _write(directory / nodes[stem].key_file, encoded, 0o600)
    for node in HIERARCHY:
        _write(directory / node.certificate_file, pem[node.stem], 0o644)
    for file, stems in BUNDLES.items():
        _write(directory / file, b"".join(pem[stem] for stem in stems), 0o644)


def _issue(
    node: Node,
    issuer: Node,
    keys: dict[str, ec.EllipticCurvePrivateKey],
    digest: hashes.SHA512 | hashes.SHA256,
    now: datetime,
) -> x509.Certificate:
    key, issuer_key = keys[node.key_of or node.stem], keys[issuer.stem]
    is_authority = node.path_length is not None
    builder = (
        x509.CertificateBuilder()
        .subject_name(_subject(node))
        .issuer_name(_subject(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))  # the clocks of station and vehicle differ
        .not_valid_after(now + timedelta(days=node.days))
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=node.path_length), critical=True)
        .add_extension(
            x509.KeyUsage(
                digital_signature=not is_authority,
                content_commitment=False,
                key_encipherment=False,
                data_encipherment=False,
                key_agreement=not is_authority,
                key_cert_sign=is_authority,
                crl_sign=False,
                encipher_only=False,
                decipher_only=False,
            ),
            critical=True,
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
    )
    if node.extended_usage is not None:
        builder = builder.add_extension(x509.ExtendedKeyUsage([node.extended_usage]), critical=True)
    return builder.sign(issuer_key, digest)


def _subject(node: Node) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, node.common_name),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "v2g test"),
            x509.NameAttribute(NameOID.DOMAIN_COMPONENT, node.domain),
        ]
    )


def _write(path: Path, content: bytes, mode: int) -> None:
    # A new file, so that the mode holds from the first byte on and no link is followed.
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(content)


class Explanation(NamedTuple):
    """One certificate of a directory, explained."""

    files: list[str]
    """The files that hold it; the one named after it comes first."""
    subject: str
    issuer: str
    purpose: str
    key_type: str
    not_before: str
    not_after: str
    days_left: int
    chain: list[str]
    """Common names from the issuer up to the root; empty for a root, and if there is no valid chain to one."""
    key_file: str | None
    key_mode: str | None
    problems: list[str]
    """What must be corrected."""


def explain(directory: Path, now: datetime) -> list[Explanation]:
    """Explains every certificate in the `*.pem` files of a directory, also of one that `create` did not make.

    Self-signed certificates found there are the anchors of the chain check, all other authorities its intermediates.
    Raises PkiError when there is no such directory, or nothing in it to explain.
    """
    try:
        files = {path.name: path.read_bytes() for path in sorted(directory.iterdir()) if path.suffix == ".pem"}
        modes = {file: stat.S_IMODE((directory / file).stat().st_mode) for file in files}
    except OSError as error:
        raise PkiError(f"{error.filename or directory}: {error.strerror}") from error
    keys: dict[bytes, str] = {}
    places: dict[x509.Certificate, list[str]] = {}
    for file, content in files.items():
        if b"PRIVATE KEY-----" in content:
            keys |= _public_half(file, content)
        for certificate in _certificates(directory / file, content):
            places.setdefault(certificate, []).append(file)
    if not places:
        raise PkiError(f"{directory} holds no certificate (*.pem); `v2g pki init {directory}` makes a test hierarchy")
    found = []
    for certificate, names in places.items():
        node = _node(certificate, files)
        key_file = keys.get(_public_bytes(certificate.public_key()))
        chain, problems = _chain(certificate, list(places), now)
        problems = [*_validity_problems(certificate, now), *problems]
        if key_file is None and node is not None and node.key_file in files:
            problems.append(f"{node.key_file} is not the key of this certificate, or is encrypted")
        if key_file is not None and modes[key_file] & 0o037:
            problems.append(f"{key_file} has mode {modes[key_file]:04o}; chmod 600 it, or 640 for a group")
        explanation = Explanation(
            files=sorted(names, key=lambda file: (node is None or file != node.certificate_file, file)),
            subject=name(certificate),
            issuer=", ".join(part.rfc4514_string() for part in certificate.issuer),
            purpose=node.purpose if node else _guess_purpose(certificate),
            key_type=key_type(certificate),
            not_before=certificate.not_valid_before_utc.isoformat(),
            not_after=certificate.not_valid_after_utc.isoformat(),
            days_left=(certificate.not_valid_after_utc - now).days,
            chain=chain,
            key_file=key_file,
            key_mode=f"{modes[key_file]:04o}" if key_file else None,
            problems=problems,
        )
        found.append((HIERARCHY.index(node) if node else len(HIERARCHY), names, explanation))
    return [explanation for *_, explanation in sorted(found, key=lambda item: item[:2])]


def _certificates(path: Path, content: bytes) -> list[x509.Certificate]:
    if b"BEGIN CERTIFICATE-----" not in content:
        return []
    try:
        return x509.load_pem_x509_certificates(content)
    except ValueError as error:
        raise PkiError(f"{path} holds a broken certificate: {error}") from error


def _public_half(file: str, content: bytes) -> dict[bytes, str]:
    try:
        return {_public_bytes(load_pem_private_key(content, None).public_key()): file}
    except (ValueError, TypeError):  # broken, or encrypted: then it cannot be matched
        return {}


def _public_bytes(key: PublicKeyTypes) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _node(certificate: x509.Certificate, files: dict[str, bytes]) -> Node | None:
    """The node whose file has this certificate in the first place."""
    pem = certificate.public_bytes(Encoding.PEM).strip()
    return next((node for node in HIERARCHY if files.get(node.certificate_file, b"").startswith(pem)), None)


def _guess_purpose(certificate: x509.Certificate) -> str:
    try:
        is_authority = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        is_authority = False
    if not is_authority:
        return "Leaf: identifies one party."
    return "Root authority." if certificate.issuer == certificate.subject else "Intermediate authority."


def _validity_problems(certificate: x509.Certificate, now: datetime) -> list[str]:
    if (fault := validity_fault(certificate, now)) is not None:
        return [fault]
    left = certificate.not_valid_after_utc - now
    return [f"expires in {left.days} days"] if left < EXPIRY_WARNING else []


def _chain(certificate: x509.Certificate, known: list[x509.Certificate], now: datetime) -> tuple[list[str], list[str]]:
    """Returns the names above `certificate` up to its root, and what is wrong with that chain."""
    store = crypto.X509Store()
    store.set_time(now)
    for other in known:
        if other.issuer == other.subject:
            store.add_cert(crypto.X509.from_cryptography(other))
    intermediates = [crypto.X509.from_cryptography(other) for other in known]
    context = crypto.X509StoreContext(store, crypto.X509.from_cryptography(certificate), intermediates)
    try:
        verified = context.get_verified_chain()
    except crypto.X509StoreContextError as error:
        culprit = error.certificate.to_cryptography()
        at_fault = "" if culprit == certificate else f" ({name(culprit)})"
        return [], [f"no valid chain: {error}{at_fault}"]
    return [common_name(link.to_cryptography()) for link in verified[1:]], []
