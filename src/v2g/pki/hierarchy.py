"""A complete certificate hierarchy for tests.

    V2G root ─ CPO sub-CA 1 ─ CPO sub-CA 2 ─ station (SECC)
             ├ CPS sub-CA 1 ─ CPS sub-CA 2 ─ provisioning service
             └ (cross-certificate of MO sub-CA 1)
    OEM root ─ OEM sub-CA 1 ─ OEM sub-CA 2 ┬ vehicle
                                           └ OEM provisioning
    MO root  ─ MO sub-CA 1 ─ MO sub-CA 2 ─ contract
    PE root  ─ station of a private environment

A contract may be anchored at a V2G root or at an operator's own. Here it is both: MO sub-CA 1 has one
certificate from the MO root and a second one, for the same key, from the V2G root. `v2g_root.pem` holds the V2G root
and, below it, the second certificate and MO sub-CA 2, because `openssl verify` takes intermediates from nowhere else
when it is given nothing but `-CAfile`. So

    openssl verify -CAfile v2g_root.pem contract_cert.pem

ends at the V2G root, as it says. For the two helpers this grants no trust: neither is self-signed, and only self-signed
certificates of that file are anchors.

A station that serves both ISO 15118-2 and ISO 15118-20 has two such hierarchies: keys on P-521 for the latter, and in
the directory `iso2` below, under the same names, keys on P-256 for the former. The authorities' keys lie there, too:
good for a bench, wrong for the field.
"""

import os
from datetime import datetime
from grp import getgrnam
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from v2g.kernel.errors import V2GError
from v2g.pki import issue
from v2g.pki.profile import CLIENT_AUTH, SERVER_AUTH
from v2g.pki.store import ISO2

EVCCID = "ZZZV123456789ABCDEF9"
"""WMI ZZZ (assigned to nobody), V for vehicle, serial number, check digit (ISO 15118-20 Annex C)."""
EMAID = "XXV2GC00000001"
SECC_ID = "SECC-1"


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
    extended_usage: str | None = None

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
        extended_usage=SERVER_AUTH,
    ),
    Node("cps_sub_ca1", "v2g_root", "CPS Sub-CA 1", "V2G", 1460, f"{_SUB_1} of the provisioning service.", 1),
    Node("cps_sub_ca2", "cps_sub_ca1", "CPS Sub-CA 2", "V2G", 730, f"{_SUB_2} of the provisioning service.", 0),
    Node("cps_cert", "cps_sub_ca2", "CPS-1", "CPS", 730, "Signs the contracts that vehicles install."),
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
        extended_usage=CLIENT_AUTH,
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
    Node("pe_root", "pe_root", "PE Root CA", "PE", 3650, "Anchor of the stations of a private environment.", 1),
    Node(
        "pe_secc_cert",
        "pe_root",
        SECC_ID,
        "PE",
        365,
        "A station of a private environment proves itself with it in TLS.",
        extended_usage=SERVER_AUTH,
    ),
)

BUNDLES = {
    "v2g_root.pem": ("v2g_root", "mo_sub_ca1_cross", "mo_sub_ca2"),
    "cpo_chain.pem": ("cpo_sub_ca2", "cpo_sub_ca1"),
    "cps_chain.pem": ("cps_sub_ca2", "cps_sub_ca1"),
    "oem_chain.pem": ("oem_sub_ca2", "oem_sub_ca1"),
    "mo_chain.pem": ("mo_sub_ca2", "mo_sub_ca1"),
}
"""Files with several certificates: chains to be sent, and the root with what `openssl verify` needs below it."""


def create(
    directory: Path,
    *,
    curve: str = "p521",
    now: datetime,
    force: bool = False,
    group: str | None = None,
    both: bool = False,
    ocsp_url: str | None = None,
) -> None:
    """Writes the hierarchy: keys with mode 0600 into a directory with mode 0700. `curve` is one of `issue.CURVES`.

    `both`: a second one with keys on P-256 in `iso2` below, for ISO 15118-2. `group` may read the directory, and of the
    keys those that a station and a vehicle use. `ocsp_url`: what all certificates but roots name as their responder.
    Raises PkiError when the directory is in use, or if there is no such group; `force` overwrites an earlier hierarchy,
    nothing else.
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
        _write_all(directory, curve, now, ocsp_url)
        if gid is not None:
            _share(directory, gid)
    except OSError as error:
        raise PkiError(f"{error.filename or directory}: {error.strerror}") from error
    if both:
        create(directory / ISO2, curve="p256", now=now, force=force, group=group, ocsp_url=ocsp_url)


def _gid(group: str) -> int:
    try:
        return getgrnam(group).gr_gid
    except KeyError as error:
        raise PkiError(f"there is no group {group!r}; make it with groupadd --system {group}") from error


def _share(directory: Path, gid: int) -> None:
    for path, mode in ((directory, 0o750), (directory / "secc_key.pem", 0o640), (directory / "vehicle_key.pem", 0o640)):
        os.chown(path, -1, gid)
        path.chmod(mode)


def _write_all(directory: Path, curve: str, now: datetime, ocsp_url: str | None) -> None:
    keys = {node.stem: issue.make_key(curve) for node in HIERARCHY if node.key_of is None}
    nodes = {node.stem: node for node in HIERARCHY}
    pem: dict[str, bytes] = {}
    for node in HIERARCHY:
        issuer = nodes[node.issuer]
        responder = None if node is issuer else ocsp_url
        certificate = _issue(node, issuer, keys, now, responder)
        pem[node.stem] = certificate.public_bytes(Encoding.PEM)
    for stem, key in keys.items():
        encoded = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        write(directory / nodes[stem].key_file, encoded, 0o600)
    for node in HIERARCHY:
        write(directory / node.certificate_file, pem[node.stem], 0o644)
    for file, stems in BUNDLES.items():
        write(directory / file, b"".join(pem[stem] for stem in stems), 0o644)


def _issue(
    node: Node, issuer: Node, keys: dict[str, issue.PrivateKey], now: datetime, ocsp_url: str | None
) -> x509.Certificate:
    order = issue.Order(
        issue.name(node.common_name, node.domain),
        keys[node.key_of or node.stem].public_key(),
        node.days,
        node.path_length,
        node.extended_usage,
        ocsp_url,
    )
    return issue.issue(order, issue.name(issuer.common_name, issuer.domain), keys[issuer.stem], now)


def write(path: Path, content: bytes, mode: int) -> None:
    """Replace a file. Whoever opens it sees the old content or the new one, and the mode holds from the start."""
    beside = path.with_name(f".{path.name}.new")
    beside.unlink(missing_ok=True)
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
