"""The station's certificates while it runs: loads them, notices when they change, renews OCSP responses, warns.

Whatever fails here leaves the station with what it had: a broken file in the directory ends no session and no process.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from msgspec.structs import replace as changed

from v2g.io.http_fetch import Unfetched, fetch
from v2g.kernel import regular_file
from v2g.kernel.errors import V2GError
from v2g.pki import store
from v2g.pki.certificate import Certificate
from v2g.pki.chain import SOON_S, Verdict, verify_chain
from v2g.pki.profile import POLICIES, Anchor, Policy, Revocation, Role
from v2g.pki.revocation import BadEvidence, Evidence, Status, request
from v2g.station.config.settings import Tls
from v2g.tls.channel import TlsChannel
from v2g.tls.choice import TlsChoice
from v2g.tls.context import TlsContext, station_context
from v2g.tls.files import TlsFiles, certificates
from v2g.tls.profile import INTEROP_P256, PROFILES, Profile, TlsError
from v2g.tls.profile import ISO15118_2 as TLS_OF_ISO15118_2

LOOK_S = 5.0
"""Between looks at the files."""
RENEW_S = 12 * 3600.0
"""How old the station's OCSP response may get; the standards allow a week ([V2G20-1021], [V2G2-649])."""
RETRY_S = 600.0
"""After a responder did not answer."""
WARN_EVERY_S = 24 * 3600.0
MOST_QUESTIONS = 16
"""Questions to responders under way at a time."""


class Credentials:
    """What a station proves itself with, and who it trusts."""

    def __init__(self, settings: Tls, brought: Path | None = None) -> None:
        """`brought`: a directory of certificates that the back end fills; its leaves come before those of the
        configuration, its roots stand beside them.

        Raises `TlsError`, which names the file, if the station cannot serve any car with what there is."""
        self._settings, self._brought = settings, brought
        self.problems: tuple[str, ...] = ()
        """A line for each file that is left out, with the remedy."""
        self._take(*self._read(), Evidence())
        self._seen = self._stamp()
        self._asked: dict[bytes, float] = {}
        """Certificates that a responder was asked about in vain, and when."""
        self._asking: dict[bytes, float] = {}
        """Those that one is being asked about, and since when."""
        self._questions: set[asyncio.Task[None]] = set()
        self._threads = ThreadPoolExecutor(MOST_QUESTIONS, "ocsp")
        """For them alone: responders that hang hold nobody else up."""
        self._hurry = asyncio.Event()

    def look_now(self) -> None:
        """Somebody says that the files may have changed: look at once."""
        self._hurry.set()

    def channel(self) -> TlsChannel:
        """For the next car."""
        return TlsChannel(self.choice)

    async def watch(self, report: Callable[[str], None], look_s: float = LOOK_S) -> None:
        """Look after the certificates until it is cancelled; `report` takes a line for the operator. `look_s`: between
        looks at the files."""
        warned_s = stapled_s = float("-inf")
        self._report_problems(report)
        while True:
            now_s = time.monotonic()
            if now_s - warned_s >= WARN_EVERY_S:
                warned_s = now_s
                for line in self.endings(time.time()):
                    report(line)
            if now_s - stapled_s >= RENEW_S:
                failure = await self.renew_staples()
                stapled_s = now_s if failure is None else now_s - RENEW_S + RETRY_S
                if failure is not None:
                    report(failure)
            with suppress(TimeoutError):
                async with asyncio.timeout(look_s):
                    await self._hurry.wait()
            self._hurry.clear()
            if await asyncio.to_thread(self._stamp) != self._seen:
                await self.reload(report)
                warned_s = stapled_s = float("-inf")

    async def reload(self, report: Callable[[str], None]) -> None:
        """Take the files as they are now. If they cannot be used, go on with the former ones.

        They are read in a thread: large revocation lists take longer than the hardware may go unwatched."""
        self._seen = await asyncio.to_thread(self._stamp)
        try:
            self._take(*await asyncio.to_thread(self._read), self.store.evidence)
        except V2GError as error:
            report(f"the certificates have changed and cannot be used; the former ones stay in force: {error}")
            return
        self._asked.clear()
        report(f"the certificates were read again from {self._settings.directory}; sessions go on")
        self._report_problems(report)

    def endings(self, at_s: float) -> list[str]:
        """A line for each certificate of the station's, and each root, that ends soon."""
        own = [each for context in self.choice.contexts for each in context.own]
        roots = [each for every in self.store.roots.values() for each in every]
        lines = []
        for each in dict.fromkeys([*own, *roots]):
            if each.not_after_s - at_s < SOON_S:
                days = int((each.not_after_s - at_s) // 86_400)
                ends = f"expires in {days} days" if days >= 0 else "has expired"
                lines.append(f"the certificate {each.subject} {ends}; renew it (`v2g pki install`)")
        return lines

    def judge(
        self, leaf: bytes, intermediates: Sequence[bytes], role: Role, at_s: float, policy: Policy | None = None
    ) -> Verdict | None:
        """Judge a chain that a car sent; None while an OCSP responder is asked: ask again.

        `policy`: that of the edition; by default one that admits the keys of all. Must be called in the loop.
        """
        policy = replace(policy or POLICIES["interop-p256"], revocation=Revocation(self._settings.revocation))
        roots = self.store.roots_for(role)
        verdict = verify_chain(leaf, intermediates, roots, role, at_s, policy, self.store.evidence)
        if verdict.path and verdict.revocation is Status.UNKNOWN and policy.revocation is not Revocation.IGNORE:
            unknown = [
                (each, issuer)
                for each, issuer in zip(verdict.path, verdict.path[1:], strict=False)
                if each.ocsp_urls and self.store.evidence.status(each, issuer, at_s).status is Status.UNKNOWN
            ]
            since_s = [self._ask(*pair) for pair in unknown]
            if any(time.monotonic() - each <= policy.known_within_s for each in since_s if each is not None):
                return None
        return verdict

    def _ask(self, certificate: Certificate, issuer: Certificate) -> float | None:
        """Since when a responder is being asked about a certificate; None if none is."""
        now_s, key = time.monotonic(), certificate.der
        if key in self._asking:
            return self._asking[key]
        if self._asked.get(key, float("-inf")) > now_s - RETRY_S or len(self._questions) >= MOST_QUESTIONS:
            return None
        self._asking[key] = now_s
        task = asyncio.get_running_loop().create_task(self._question(certificate, issuer))
        self._questions.add(task)
        task.add_done_callback(self._questions.discard)
        return now_s

    async def _question(self, certificate: Certificate, issuer: Certificate) -> None:
        loop, status = asyncio.get_running_loop(), Status.UNKNOWN
        try:
            asked = certificate.ocsp_urls[0], request(certificate, issuer)
            answer = await loop.run_in_executor(self._threads, fetch, *asked)
            status = self.store.evidence.add_ocsp(answer, certificate, issuer, time.time()).status
        except (Unfetched, BadEvidence):
            pass  # what follows is the policy's
        finally:
            if status is Status.UNKNOWN:
                self._asked[certificate.der] = time.monotonic()
            del self._asking[certificate.der]

    async def answered(self) -> None:
        """Wait for the responders that are being asked."""
        await asyncio.gather(*self._questions)

    async def renew_staples(self) -> str | None:
        """Fetch an OCSP response for each leaf of the station; returns why one could not be had."""
        failure = None
        for context in self.choice.contexts:
            leaf, issuer = context.own[0], _issuer(context)
            if issuer is None or not leaf.ocsp_urls or self._is_brought(context):
                continue  # the back end is asked about its own (M06)
            try:
                answer = await asyncio.to_thread(fetch, leaf.ocsp_urls[0], request(leaf, issuer))
                found = context.known.add_ocsp(answer, leaf, issuer, time.time())
            except (Unfetched, BadEvidence) as error:
                failure = f"no OCSP response for the station's own certificate; cars may refuse it: {error}"
                continue
            context.staple, context.staple_until_s = answer, found.until_s
            if found.status is not Status.GOOD:
                failure = f"the station's own certificate is {found.status.value} by its OCSP responder; renew it"
        return failure

    def _read(self) -> tuple[store.Store, list[TlsContext], list[str]]:
        """The files as they are now, the contexts made of them, and what is wrong. Raises `TlsError`."""
        now, settings = datetime.now(UTC), self._settings
        others = {} if settings.vehicle_roots is None else {Anchor.OEM: settings.vehicle_roots}
        more = () if self._brought is None else (self._brought,)
        loaded = store.load(settings.directory, now.timestamp(), others=others, more=more)
        contexts, problems = _contexts(settings, now, more)
        for context in contexts:
            context.known = loaded.evidence
            if self._is_brought(context):
                context.staple, context.staple_until_s = _staple(context, now.timestamp(), problems)
            context.revocation = Revocation(settings.revocation)
        return loaded, contexts, problems

    def _take(self, loaded: store.Store, contexts: list[TlsContext], problems: list[str], known: Evidence) -> None:
        """`known`: what was known of revoked certificates before."""
        loaded.evidence.keep(known)
        self.store, self.choice = loaded, TlsChoice(contexts)
        self.problems = (*loaded.problems, *problems)

    def _stamp(self) -> tuple[object, ...]:
        settings = self._settings
        named = [settings.certificate, settings.chain, settings.private_key, settings.vehicle_roots]
        places = [settings.directory, *_beside(settings.directory), settings.directory / store.LISTS]
        if self._brought is not None:
            places += [self._brought, *_beside(self._brought)]
        return store.stamp([*places, *(each for each in named if each is not None)])

    def _is_brought(self, context: TlsContext) -> bool:
        return self._brought is not None and self._brought in context.files.certificate.parents

    def _report_problems(self, report: Callable[[str], None]) -> None:
        for line in self.problems:
            report(line)


def check_own(settings: Tls) -> None:
    """Whether the station can prove itself with the files as they are now. Raises `TlsError`, which names the file."""
    _contexts(changed(settings, key_log=None), datetime.now(UTC), ())


def _contexts(settings: Tls, now: datetime, more: Sequence[Path]) -> tuple[list[TlsContext], list[str]]:
    """The station's TLS contexts, the preferred first: those of directories below `more`, the one that the
    configuration names, which must be good, and those of directories below its own. Of the others one that cannot be
    used is left out with a line."""
    directory, profile = settings.directory, PROFILES[settings.profile]
    roots = _vehicle_roots(settings, more)
    files = TlsFiles(
        certificate=settings.certificate or directory / "secc_cert.pem",
        private_key=settings.private_key or directory / "secc_key.pem",
        roots=roots,
        chain=settings.chain or (directory / "cpo_chain.pem" if settings.certificate is None else None),
        password_file=settings.password_file,
        own_roots=_own_roots(directory),
        key_uri=settings.key_uri,
        pkcs11_module=settings.pkcs11_module,
    )
    contexts, problems = [station_context(files, profile, now=now, key_log=settings.key_log)], []
    if profile is INTEROP_P256 and contexts[0].own[0].key_kind == "secp256r1":
        contexts.append(station_context(files, TLS_OF_ISO15118_2, now=now, key_log=settings.key_log))
    brought = [place for each in more for place in _beside(each)]
    for place in (*brought, *_beside(directory)):
        own = TlsFiles(
            place / "secc_cert.pem",
            place / "secc_key.pem",
            (*roots, *_existing(place / "oem_root.pem")),
            next(iter(_existing(place / "cpo_chain.pem")), None),
            own_roots=_own_roots(place),
        )
        try:
            found = _beside_contexts(own, profile, now, settings.key_log)
            contexts = [*found, *contexts] if place in brought else [*contexts, *found]
        except TlsError as error:
            problems.append(f"{place} is left out: {error}")
    return contexts, problems


def _beside_contexts(files: TlsFiles, profile: Profile, now: datetime, key_log: Path | None) -> list[TlsContext]:
    """A leaf with a P-256 key is for TLS 1.2, another for TLS 1.3; in the profile for interoperation both may be."""
    is_older = certificates(files.certificate)[0].key_kind == "secp256r1"
    profiles = [TLS_OF_ISO15118_2] if is_older else [profile]
    if is_older and profile is INTEROP_P256:
        profiles.append(profile)
    return [station_context(files, each, now=now, key_log=key_log) for each in profiles]


def _beside(directory: Path) -> list[Path]:
    """Directories below with further leaves of the station."""
    try:
        return sorted(each for each in directory.iterdir() if _existing(each / "secc_cert.pem"))
    except OSError:
        return []


def _vehicle_roots(settings: Tls, more: Sequence[Path]) -> tuple[Path, ...]:
    """The files with the roots of vehicles. One that cannot be read keeps no car of the others out."""
    first = settings.vehicle_roots or settings.directory / "oem_root.pem"
    places = () if settings.vehicle_roots is not None else (settings.directory, *more)
    return _usable([first, *(file for place in places for file in store.root_files(place, Anchor.OEM))]) or (first,)


def _own_roots(directory: Path) -> tuple[Path, ...]:
    """The files with roots that may stand above the station's own chain: public ones, and those of a private
    environment."""
    return _usable([file for anchor in (Anchor.V2G, Anchor.PE) for file in store.root_files(directory, anchor)])


def _usable(files: Sequence[Path]) -> tuple[Path, ...]:
    """Those that can be read; `store.load` names the others."""
    usable = []
    for file in dict.fromkeys(files):
        with suppress(TlsError):
            certificates(file)
            usable.append(file)
    return tuple(usable)


def _existing(path: Path) -> tuple[Path, ...]:
    try:
        return (path,) if path.is_file() else ()
    except OSError:  # this user may not look there; `store.load` names the directory
        return ()


def _issuer(context: TlsContext) -> Certificate | None:
    leaf = context.own[0]
    return next((each for each in (*context.own[1:], *context.own_roots) if leaf.issued_by(each)), None)


def _staple(context: TlsContext, at_s: float, problems: list[str]) -> tuple[bytes, float]:
    """The OCSP response that the back end has brought for a leaf, empty if there is none that can be used, and how long
    it holds."""
    file, leaf, issuer = context.files.certificate.with_name("secc_ocsp.der"), context.own[0], _issuer(context)
    if issuer is None or not file.is_file():
        return b"", 0.0
    try:
        answer = regular_file.read(file)
        found = context.known.add_ocsp(answer, leaf, issuer, at_s)
    except (OSError, BadEvidence) as error:
        problems.append(f"{file} is left out: {error}")
        return b"", 0.0
    if found.status is not Status.GOOD:
        problems.append(f"the station's own certificate is {found.status.value} by its OCSP responder; renew it")
    return answer, found.until_s
