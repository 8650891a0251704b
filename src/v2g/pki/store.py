"""The directory of certificates, `/etc/ssl/v2g`: which file holds what, and what of it can be trusted now.

v2g_root.pem  oem_root.pem  mo_root.pem  pe_root.pem    roots; a file may hold several, and `oem_root_2.pem`, ... more
secc_cert.pem secc_key.pem  cpo_chain.pem               the station's leaf, its key, the authorities above it
contract_cert.pem           mo_chain.pem                a car's contract (benches)
crl/*                                                   revocation lists, PEM or DER
iso2/                                                   the same once more with keys on P-256, for ISO 15118-2
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from v2g.kernel import regular_file
from v2g.pki.certificate import Certificate, Unreadable, read_pem
from v2g.pki.chain import validity_fault
from v2g.pki.profile import Anchor, Role
from v2g.pki.revocation import BadEvidence, Evidence

DIRECTORY = Path("/etc/ssl/v2g")
ISO2 = "iso2"
"""Directory within the store with what ISO 15118-2 needs besides."""
LISTS = "crl"
LARGEST_OCTETS = 1 << 20
"""Of a file."""


@dataclass(frozen=True)
class Store:
    """What a directory held when it was read."""

    directory: Path
    roots: Mapping[Anchor, tuple[Certificate, ...]]
    """Self-signed ones that are valid now."""
    authorities: tuple[Certificate, ...] = ()
    """The others of the roots' files and chains: they grant no trust."""
    problems: tuple[str, ...] = ()
    """A line for each file or root that was left out, with the remedy."""
    evidence: Evidence = field(default_factory=Evidence)

    def roots_for(self, role: Role) -> tuple[Certificate, ...]:
        """The roots that may stand above a leaf of this role."""
        return tuple(root for anchor in role.anchors for root in self.roots.get(anchor, ()))


def load(
    directory: Path, at_s: float, *, others: Mapping[Anchor, Path] | None = None, more: Sequence[Path] = ()
) -> Store:
    """Read the roots and revocation lists of a store. Never raises: what cannot be used is in `problems`.

    `others`: files outside the directory that hold the roots of an anchor instead. `more`: directories like it, whose
    roots are trusted as well.
    """
    roots: dict[Anchor, list[Certificate]] = {anchor: [] for anchor in Anchor}
    authorities: list[Certificate] = []
    problems: list[str] = []
    places = [place for each in (directory, *more) for place in (each, *_below(each))]
    for place in places:
        _listed(place, problems)
        for anchor in Anchor:
            named = (others or {}).get(anchor)
            files = root_files(place, anchor) if named is None else [named]
            for certificate in _all(files, problems):
                _sort_in(certificate, roots[anchor], authorities, at_s, problems)
        authorities += _all(sorted(place.glob("*_chain.pem")), problems)
    authorities = list(dict.fromkeys(authorities))
    issuers = [*authorities, *(root for each in roots.values() for root in each)]
    evidence = _evidence([place / LISTS for place in places], issuers, at_s, problems)
    found = {anchor: tuple(dict.fromkeys(each)) for anchor, each in roots.items()}
    return Store(directory, found, tuple(authorities), tuple(dict.fromkeys(problems)), evidence)


def _below(directory: Path) -> list[Path]:
    """Directories that hold the same once more, such as `iso2`."""
    try:
        return sorted(each for each in directory.iterdir() if each.is_dir() and each.name != LISTS)
    except OSError:
        return []


def root_files(directory: Path, anchor: Anchor) -> list[Path]:
    """The files with the roots of an anchor: `v2g_root.pem`, and others that begin like it."""
    found = sorted(directory.glob(f"{anchor.value.lower()}_root*.pem"))
    return [file for file in found if not file.name.endswith("_key.pem")]


def stamp(paths: Iterable[Path]) -> tuple[object, ...]:
    """Changes when one of the files, or a file in one of the directories, does."""
    seen: list[object] = []
    for path in paths:
        try:
            status = path.stat()
            seen.append((str(path), status.st_mtime_ns, status.st_size, status.st_ino))
            if path.is_dir():
                seen.append(stamp(sorted(each for each in path.iterdir() if each.suffix != ".new")))
        except OSError:
            seen.append((str(path), None))
    return tuple(seen)


def _sort_in(
    certificate: Certificate,
    roots: list[Certificate],
    authorities: list[Certificate],
    at_s: float,
    problems: list[str],
) -> None:
    if not (certificate.self_issued and certificate.issued_by(certificate)):
        authorities.append(certificate)
    elif (fault := validity_fault(certificate, at_s)) is not None:
        problems.append(f"the root {certificate.subject} {fault}; renew it, or set the clock")
    else:
        roots.append(certificate)


def _all(files: Iterable[Path], problems: list[str]) -> Iterable[Certificate]:
    for file in files:
        if (content := _content(file, problems)) is None:
            continue
        try:
            yield from read_pem(content)
        except Unreadable as error:
            problems.append(f"{file} {error}; replace it")


def _evidence(places: list[Path], issuers: list[Certificate], at_s: float, problems: list[str]) -> Evidence:
    evidence = Evidence()
    for place in places:
        for file in _listed(place, problems):
            if (content := _content(file, problems)) is None:
                continue
            reason = "no authority in the store signed it"
            for issuer in issuers:
                try:
                    evidence.add_crl(content, issuer, at_s)
                    break
                except BadEvidence as error:
                    reason = str(error) if len(issuers) == 1 else reason
            else:
                problems.append(f"{file} is no revocation list that counts: {reason}")
    return evidence


def _listed(place: Path, problems: list[str]) -> list[Path]:
    """What is in a directory; nothing if it is not there."""
    try:
        return sorted(place.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        problems.append(f"{place} is left out: {error.strerror}; let this user read it")
        return []


def _content(file: Path, problems: list[str]) -> bytes | None:
    try:
        regular_file.check(file)
        with file.open("rb") as opened:
            content = opened.read(LARGEST_OCTETS + 1)
    except OSError as error:
        problems.append(f"{file}: {error.strerror}")
        return None
    if len(content) > LARGEST_OCTETS:
        problems.append(f"{file} is longer than {LARGEST_OCTETS} octets; replace it")
        return None
    return content
