"""What `v2g pki verify`, `issue`, `install` and `watch` do."""

import argparse
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from v2g.io.tls_probe import PROFILES, Seen, Unseen, look, parse_endpoint
from v2g.kernel import regular_file
from v2g.pki import issue as authority
from v2g.pki import revocation, store
from v2g.pki.certificate import Certificate, Unreadable, read, read_pem
from v2g.pki.chain import SOON_S, Verdict, verify_chain
from v2g.pki.hierarchy import PkiError, write
from v2g.pki.install import STEMS, NotInstalled, plan
from v2g.pki.profile import POLICIES, Role
from v2g.pki.revocation import BadEvidence, Status

_ISSUERS = {
    "station": "cpo_sub_ca2",
    "private-station": "pe_root",
    "vehicle": "oem_sub_ca2",
    "provisioning": "oem_sub_ca2",
    "contract": "mo_sub_ca2",
    "provisioning-service": "cps_sub_ca2",
}
_STEMS = {
    "station": "secc",
    "private-station": "pe_secc",
    "vehicle": "vehicle",
    "provisioning": "oem_prov",
    "contract": "contract",
    "provisioning-service": "cps",
}


def verify(args: argparse.Namespace) -> int:
    """Returns 0 if what the station shows, or the file, holds."""
    if (endpoint := parse_endpoint(args.target)) is not None and not Path(args.target).exists():
        return _verify_station(args, *endpoint)
    return _verify_file(args, Path(args.target))


def _verify_station(args: argparse.Namespace, host: str, port: int) -> int:
    good, seen_any = True, False
    for version in PROFILES:
        try:
            seen = look(host, port, version)
        except Unseen as error:
            print(f"{version}: {error}")
            continue
        seen_any = True
        print(f"{version}: {seen.suite}, {seen.group}")
        good = _judge(seen, args) and good
    return 0 if good and seen_any else 1


def _judge(seen: Seen, args: argparse.Namespace) -> bool:
    now_s = time.time()
    held = store.load(args.directory, now_s)
    verdicts = [
        verify_chain(
            seen.chain[0], seen.chain[1:], held.roots_for(role), role, now_s, POLICIES["interop-p256"], held.evidence
        )
        for role in (Role.STATION, Role.PRIVATE_STATION)
        if seen.chain
    ]
    verdict = next((each for each in verdicts if each.good), verdicts[0] if verdicts else None)
    if verdict is None:
        print("  PROBLEM  it shows no certificate")
        return False
    stapled = _staple(seen, verdict, now_s)
    _print(verdict, seen.chain, now_s)
    print(f"  OCSP     {stapled.text if stapled else 'no response came with it'}")
    status = stapled.status if stapled else Status.UNKNOWN
    return verdict.good and status is not Status.REVOKED and (status is Status.GOOD or not args.require_ocsp)


def _staple(seen: Seen, verdict: Verdict, now_s: float) -> revocation.Found | None:
    if not seen.staple or len(verdict.path) < 2:
        return None
    try:
        return revocation.read_ocsp(seen.staple, verdict.path[0], verdict.path[1], now_s)
    except BadEvidence as error:
        return revocation.Found(Status.UNKNOWN, f"PROBLEM: {error}")


def _print(verdict: Verdict, chain: Sequence[bytes], now_s: float) -> None:
    path = verdict.path
    if not path:
        for der in chain:
            try:
                path = (*path, read(der))
            except Unreadable as error:
                print(f"  shown    {error}")
    for each in path:
        ends, days = datetime.fromtimestamp(each.not_after_s, UTC), int((each.not_after_s - now_s) // 86_400)
        print(f"  {each.subject}: {each.key_kind}, until {ends:%Y-%m-%d} ({days} days)")
    if verdict.contract_id is not None:
        print(f"  contract {verdict.contract_id}")
    print(f"  {'OK' if verdict.good else f'PROBLEM  {verdict.reason.name}: {verdict.text}'}")


def _verify_file(args: argparse.Namespace, file: Path) -> int:
    try:
        certificates = read_pem(regular_file.read(file))
    except OSError as error:
        raise PkiError(f"{file}: {error.strerror}; name a PEM file, or [ADDRESS]:PORT of a station") from error
    except Unreadable as error:
        print(f"{file}: MALFORMED: {error}")
        return 1
    if not certificates:
        raise PkiError(f"{file} holds no certificate")
    leaf, now_s = certificates[0], time.time()
    role = _role(args.role) if args.role else STEMS.get(leaf.domain or "EV", (None, None, Role.VEHICLE))[2]
    held = store.load(args.directory, now_s)
    others: list[bytes | Certificate] = [*certificates[1:], *held.authorities]
    named = [each for each in others if isinstance(each, Certificate) and each.key_kind == leaf.key_kind]
    verdict = verify_chain(leaf, named[:10], held.roots_for(role), role, now_s, POLICIES["interop-p256"], held.evidence)
    print(f"{file} as {role.noun}:")
    _print(verdict, [leaf.der], now_s)
    return 0 if verdict.good else 1


def issue(args: argparse.Namespace) -> int:
    """Writes a leaf below an authority of the directory, and its key unless a request has one."""
    directory: Path = args.directory
    stem, issuer_stem = args.stem or _STEMS[args.role], _ISSUERS[args.role]
    try:
        issuer = read_pem(regular_file.read(directory / f"{issuer_stem}.pem"))[0]
        issuer_key = load_pem_private_key(regular_file.read(directory / f"{issuer_stem}_key.pem"), None)
        request = None if args.request is None else x509.load_pem_x509_csr(regular_file.read(args.request))
    except OSError as error:
        raise PkiError(f"{error.filename}: {error.strerror}; `v2g pki init` makes the authorities") from error
    except ValueError as error:
        raise PkiError(f"an authority or the request cannot be read: {error}") from error
    assert isinstance(issuer_key, authority.PrivateKey)
    curve = {"secp521r1": "p521", "secp256r1": "p256", "ed448": "ed448"}[issuer.key_kind]
    key = authority.make_key(curve) if request is None else None
    public = key.public_key() if key is not None else request.public_key() if request is not None else None
    if not isinstance(public, authority.PublicKey) or (request is not None and not request.is_signature_valid):
        raise PkiError(f"{args.request} is not signed with an EC or Ed448 key of its own")
    order = authority.leaf(_role(args.role), args.name, public, args.days)
    order = authority.Order(order.subject, order.public_key, order.days, None, order.extended_usage, ocsp_url=args.ocsp)
    certificate = authority.issue(order, issuer.parsed.subject, issuer_key, datetime.now(UTC))
    write(directory / f"{stem}_cert.pem", certificate.public_bytes(Encoding.PEM), 0o644)
    if key is not None:
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        write(directory / f"{stem}_key.pem", pem, 0o600)
    print(f"{directory / f'{stem}_cert.pem'}: {', '.join(part.rfc4514_string() for part in certificate.subject)}")
    return 0


def install(args: argparse.Namespace) -> int:
    """Checks everything, then writes; nothing is written if something is wrong."""
    try:
        contents = [regular_file.read(file) for file in args.files]
    except OSError as error:
        raise NotInstalled(f"{error.filename}: {error.strerror}") from error
    now_s = time.time()
    made = plan(contents, store.load(args.directory, now_s), now_s, trust=args.trust)
    try:
        for (
            name,
            content,
        ) in made.private.items():  # first: a leaf never stands beside a key that is not its own for long
            _place(args.directory / name, content, 0o600)
        for name, content in made.public.items():
            _place(args.directory / name, content, 0o644)
    except OSError as error:
        raise NotInstalled(f"{error.filename}: {error.strerror}") from error
    print("\n".join(made.notes))
    return 0


def _place(path: Path, content: bytes, mode: int) -> None:
    """Keeps the owner, group and mode of a file that it replaces, and that file beside as `.old`."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    former = path.stat() if path.exists() else None
    if former is not None:
        write(path.with_name(f"{path.name}.old"), regular_file.read(path), former.st_mode & 0o777)
    write(path, content, mode if former is None else former.st_mode & 0o777)
    if former is not None:
        import os

        os.chown(path, former.st_uid, former.st_gid)


def watch(args: argparse.Namespace) -> int:
    """Returns 1 if something is to be reported, with `--once`; otherwise it goes on for ever."""
    while True:
        now_s = time.time()
        lines = list(_endings(args.directory, now_s, args.days * 86_400))
        print("\n".join(lines) or f"nothing in {args.directory} ends within {args.days:g} days", flush=True)
        if args.once:
            return 1 if lines else 0
        time.sleep(args.every * 3600)


def _endings(directory: Path, now_s: float, ahead_s: float = SOON_S) -> Sequence[str]:
    lines = list(store.load(directory, now_s).problems)
    files = sorted(file for file in directory.rglob("*.pem") if not file.name.endswith("_key.pem"))
    if not files:
        raise PkiError(f"{directory} holds no certificate (*.pem); `v2g pki init {directory}` makes a test hierarchy")
    for file in files:
        try:
            certificates = read_pem(regular_file.read(file))
        except (OSError, Unreadable) as error:
            lines.append(f"{file}: {error}")
            continue
        for each in certificates:
            if each.not_after_s - now_s < ahead_s:
                days = int((each.not_after_s - now_s) // 86_400)
                ends = f"expires in {days} days" if days >= 0 else f"expired {-days} days ago"
                lines.append(f"{file}: {each.subject} {ends}; renew it")
    return list(dict.fromkeys(lines))


def _role(name: str) -> Role:
    return Role[name.replace("-", "_").upper()]
