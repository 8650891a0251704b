"""Explains the certificates of a directory to a person: what each is for, its chain, its key, what is wrong."""

import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from v2g.kernel import regular_file
from v2g.pki.certificate import Certificate, Unreadable, read_pem
from v2g.pki.chain import SOON_S, validity_fault
from v2g.pki.hierarchy import HIERARCHY, Node, PkiError

EXPIRY_WARNING = timedelta(seconds=SOON_S)
_MOST_AUTHORITIES = 8


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
        files = {path.name: regular_file.read(path) for path in sorted(directory.iterdir()) if path.suffix == ".pem"}
        modes = {file: stat.S_IMODE((directory / file).stat().st_mode) for file in files}
    except OSError as error:
        raise PkiError(f"{error.filename or directory}: {error.strerror}") from error
    keys: dict[bytes, str] = {}
    places: dict[Certificate, list[str]] = {}
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
        key_file = keys.get(_public_bytes(certificate.parsed.public_key()))
        chain, problems = _chain(certificate, list(places), now)
        problems = [*_validity_problems(certificate, now), *problems]
        if key_file is None and node is not None and node.key_file in files:
            problems.append(f"{node.key_file} is not the key of this certificate, or is encrypted")
        if key_file is not None and modes[key_file] & 0o037:
            problems.append(f"{key_file} has mode {modes[key_file]:04o}; chmod 600 it, or 640 for a group")
        explanation = Explanation(
            files=sorted(names, key=lambda file: (node is None or file != node.certificate_file, file)),
            subject=certificate.subject,
            issuer=certificate.issuer,
            purpose=node.purpose if node else _guess_purpose(certificate),
            key_type=certificate.key_kind,
            not_before=datetime.fromtimestamp(certificate.not_before_s, UTC).isoformat(),
            not_after=datetime.fromtimestamp(certificate.not_after_s, UTC).isoformat(),
            days_left=int((certificate.not_after_s - now.timestamp()) // 86_400),
            chain=chain,
            key_file=key_file,
            key_mode=f"{modes[key_file]:04o}" if key_file else None,
            problems=problems,
        )
        found.append((HIERARCHY.index(node) if node else len(HIERARCHY), names, explanation))
    return [explanation for *_, explanation in sorted(found, key=lambda item: item[:2])]


def _certificates(path: Path, content: bytes) -> list[Certificate]:
    try:
        return read_pem(content)
    except Unreadable as error:
        raise PkiError(f"{path} {error}") from error


def _public_half(file: str, content: bytes) -> dict[bytes, str]:
    try:
        return {_public_bytes(load_pem_private_key(content, None).public_key()): file}
    except (ValueError, TypeError):  # broken, or encrypted: then it cannot be matched
        return {}


def _public_bytes(key: PublicKeyTypes) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _node(certificate: Certificate, files: dict[str, bytes]) -> Node | None:
    """The node whose file has this certificate in the first place."""
    pem = certificate.pem.strip()
    return next((node for node in HIERARCHY if files.get(node.certificate_file, b"").startswith(pem)), None)


def _guess_purpose(certificate: Certificate) -> str:
    if not certificate.is_authority:
        return "Leaf: identifies one party."
    return "Root authority." if certificate.self_issued else "Intermediate authority."


def _validity_problems(certificate: Certificate, now: datetime) -> list[str]:
    at_s = now.timestamp()
    if (fault := validity_fault(certificate, at_s)) is not None:
        return [fault]
    left_s = certificate.not_after_s - at_s
    return [f"expires in {int(left_s // 86_400)} days"] if left_s < SOON_S else []


def _chain(certificate: Certificate, known: list[Certificate], now: datetime) -> tuple[list[str], list[str]]:
    """Returns the names above `certificate` up to its root, and what is wrong with that chain."""
    roots = [each for each in known if each.self_issued and each.issued_by(each)]
    if certificate in roots:
        return [], []
    waiting: list[tuple[Certificate, ...]] = [(certificate,)]
    problem, reached, missing = "", 0, certificate.issuer
    while waiting:
        path = waiting.pop(0)
        if not problem and len(path) > reached:
            reached, missing = len(path), path[-1].issuer
        for each in known:
            if each in path or not path[-1].issued_by(each):
                continue
            if (fault := validity_fault(each, now.timestamp())) is not None:
                problem = f"no valid chain: {each.subject} {fault}"
            elif not each.is_authority or (each.path_length is not None and each.path_length < len(path) - 1):
                problem = f"no valid chain: {each.subject} may not issue {path[-1].subject}"
            elif each in roots:
                return [above.common_name for above in (*path[1:], each)], []
            elif len(path) < _MOST_AUTHORITIES:
                waiting.append((*path, each))
    return [], [problem or f"no valid chain: {missing} is not here"]
