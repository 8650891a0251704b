"""Sorts certificates and keys that somebody wants installed into the files of the store, after checking all of them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from v2g.kernel import regular_file
from v2g.kernel.errors import V2GError
from v2g.pki.certificate import Certificate, Unreadable, read_pem
from v2g.pki.chain import MOST_SENT, validity_fault, verify_chain
from v2g.pki.profile import POLICIES, Anchor, Role
from v2g.pki.store import ISO2, Store

STEMS = {
    "CPO": ("secc", "cpo", Role.STATION),
    "PE": ("secc", "cpo", Role.PRIVATE_STATION),
    "EV": ("vehicle", "oem", Role.VEHICLE),
    "OEM": ("oem_prov", "oem", Role.PROVISIONING),
    "MO": ("contract", "mo", Role.CONTRACT),
    "CPS": ("cps", "cps", Role.PROVISIONING_SERVICE),
}
"""Domain component of a leaf -> how its files begin, those of its chain, and its role."""


class NotInstalled(V2GError):
    """Nothing was written; the text says what is wrong with which certificate or key."""


@dataclass
class Plan:
    """What to write, below the store's directory."""

    public: dict[str, bytes] = field(default_factory=dict)
    private: dict[str, bytes] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    """A line for each certificate: what it is, and until when it is valid."""


def plan(contents: Sequence[bytes], store: Store, at_s: float, *, trust: bool = False) -> Plan:
    """Sort the PEM contents of some files. `trust`: take roots, too; the directory's own are replaced by none of them,
    they come beside. Raises `NotInstalled`."""
    try:
        certificates = list(dict.fromkeys(each for content in contents for each in read_pem(content)))
    except Unreadable as error:
        raise NotInstalled(f"one of the files {error}") from error
    leaves = [each for each in certificates if not each.is_authority]
    roots = [each for each in certificates if each.is_authority and each.self_issued]
    others = [each for each in certificates if each.is_authority and not each.self_issued]
    if roots and not trust:
        names = ", ".join(each.subject for each in roots)
        raise NotInstalled(f"{names}: a root; whoever installs it trusts all below it: say --trust if that is meant")
    if not leaves and not roots:
        raise NotInstalled("there is no leaf among the files, and no root; name the files of both")
    made = Plan()
    for root in roots:
        _plan_root(root, store, at_s, made)
    for leaf in leaves:
        _plan_leaf(leaf, others, roots, contents, store, at_s, made)
    return made


def _plan_root(root: Certificate, store: Store, at_s: float, made: Plan) -> None:
    if not root.issued_by(root):
        raise NotInstalled(f"{root.subject} is not signed by itself")
    if (fault := validity_fault(root, at_s)) is not None:
        raise NotInstalled(f"{root.subject} {fault}")
    if root.domain not in {anchor.value for anchor in Anchor}:
        known = ", ".join(anchor.value for anchor in Anchor)
        raise NotInstalled(f"{root.subject} does not say whose root it is: its DC is {root.domain}, not one of {known}")
    digest = root.parsed.fingerprint(SHA256())[:6].hex()
    made.public[f"{root.domain.lower()}_root_{digest}.pem"] = root.pem
    made.notes.append(_note(root, "a root that is trusted from now on"))


def _plan_leaf(
    leaf: Certificate,
    others: Sequence[Certificate],
    roots: Sequence[Certificate],
    contents: Sequence[bytes],
    store: Store,
    at_s: float,
    made: Plan,
) -> None:
    if leaf.domain not in STEMS:
        raise NotInstalled(f"{leaf.subject} does not say what it is for: its DC is {leaf.domain}")
    stem, chain_stem, role = STEMS[leaf.domain]
    anchors = [*store.roots_for(role), *(root for root in roots if root.domain in {a.value for a in role.anchors})]
    known = [*others, *store.authorities][:MOST_SENT]
    verdict = verify_chain(leaf, known, anchors, role, at_s, POLICIES["interop-p256"], store.evidence)
    if not verdict.good:
        raise NotInstalled(f"{verdict.text} ({verdict.reason.name})")
    key = _key_of(leaf, contents)
    if key is None:
        raise NotInstalled(f"the key of {leaf.subject} is not among the files, or has a password")
    place = f"{ISO2}/" if leaf.key_kind == "secp256r1" and role is Role.STATION and _has_newer(store) else ""
    made.public[f"{place}{stem}_cert.pem"] = leaf.pem
    made.public[f"{place}{chain_stem}_chain.pem"] = b"".join(each.pem for each in verdict.path[1:-1])
    made.private[f"{place}{stem}_key.pem"] = key
    made.notes.append(_note(leaf, role.noun))


def _has_newer(store: Store) -> bool:
    """Whether the directory itself has a leaf for ISO 15118-20."""
    try:
        return read_pem(regular_file.read(store.directory / "secc_cert.pem"))[0].key_kind != "secp256r1"
    except (OSError, IndexError, Unreadable):
        return False


def _key_of(leaf: Certificate, contents: Iterable[bytes]) -> bytes | None:
    wanted = leaf.parsed.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    for content in contents:
        if b"PRIVATE KEY-----" not in content:
            continue
        try:
            key = load_pem_private_key(content, None)
        except (ValueError, TypeError):
            continue
        if key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) == wanted:
            return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return None


def _note(certificate: Certificate, what: str) -> str:
    until = certificate.parsed.not_valid_after_utc
    return f"{certificate.subject}: {what}, {certificate.key_kind}, valid until {until:%Y-%m-%d}"
