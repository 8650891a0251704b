"""Does a chain of certificates hold? One function, without clock, files or network.

The verdict says what is wrong by a closed list of reasons; each edition has response codes for them. A peer chooses
what it sends, so the work is bounded: `MOST_SENT` certificates, `MOST_SIGNATURES` signatures.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum, auto

from v2g.pki.certificate import Certificate, Unreadable, read
from v2g.pki.contract import emaid
from v2g.pki.profile import Policy, Revocation, Role
from v2g.pki.revocation import Evidence, Status

MOST_SENT = 10
MOST_SIGNATURES = 24
SOON_S = 30 * 86_400.0
"""A certificate that ends within this time is to be renewed."""


class Reason(Enum):
    """What is wrong with a chain, in the order in which it is looked for."""

    NONE = auto()
    """Nothing."""
    OVERSIZED = auto()
    MALFORMED = auto()
    """Not a certificate, or one that cannot be judged."""
    SELF_SIGNED = auto()
    """The leaf vouches for itself."""
    UNKNOWN_ROOT = auto()
    """It leads to no root that is trusted, or an authority in between is missing."""
    BAD_SIGNATURE = auto()
    """It names an authority that did not sign it."""
    WRONG_AUTHORITY = auto()
    """A certificate above the leaf is none of an authority, or its path length forbids what is below."""
    WRONG_PROFILE = auto()
    """A key, a length or an extension that the policy does not admit."""
    WRONG_ROLE = auto()
    """The leaf was issued for something else."""
    NOT_YET_VALID = auto()
    EXPIRED = auto()
    REVOKED = auto()
    REVOCATION_UNKNOWN = auto()
    """Nobody says whether it was revoked, and the policy requires that somebody does."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of a chain."""

    reason: Reason
    text: str = ""
    """For a person: which certificate, and what is wrong with it."""
    leaf: Certificate | None = None
    """None if it cannot be read."""
    path: tuple[Certificate, ...] = ()
    """Leaf first, root last; empty if there is no path to a root."""
    depth: int = 0
    """Which of the path is at fault: 0 the leaf, above it the authorities."""
    revocation: Status = Status.UNKNOWN
    """`GOOD` only if every certificate below the root is known to be good."""
    ends_s: float = 0.0
    """When the first certificate of the path ends, Unix time."""

    @property
    def good(self) -> bool:
        """Whether the chain holds. The rest of the verdict may still deny a right, such as `revocation`."""
        return self.reason is Reason.NONE

    @property
    def contract_id(self) -> str | None:
        """The eMAID of the leaf; None if it has none or the chain does not hold."""
        return emaid(self.leaf) if self.good and self.leaf is not None else None

    def ends_soon(self, at_s: float) -> bool:
        """Whether the chain holds for less than `SOON_S` from now on."""
        return self.good and self.ends_s - at_s < SOON_S


class _Flaw(Exception):
    def __init__(self, reason: Reason, text: str, depth: int = 0) -> None:
        super().__init__(text)
        self.reason, self.text, self.depth = reason, text, depth


def verify_chain(
    leaf: bytes | Certificate,
    intermediates: Sequence[bytes | Certificate],
    roots: Sequence[Certificate],
    role: Role,
    at_s: float,
    policy: Policy,
    evidence: Evidence | None = None,
) -> Verdict:
    """Judge a chain for a role at a time (Unix, seconds). Never raises on what a peer may send.

    `intermediates` in any order, the leaf or a root among them does not matter; `roots`: those trusted for the role,
    `Store.roots_for` has them. `evidence`: what is known of revoked certificates.
    """
    own: Certificate | None = None
    try:
        own = _readable(leaf, "the leaf", policy)
        if len(intermediates) > MOST_SENT:
            raise _Flaw(Reason.OVERSIZED, f"{len(intermediates)} certificates came with the leaf; at most {MOST_SENT}")
        others = [_readable(each, "an authority", policy) for each in intermediates]
        paths = list(_paths(own, others, roots, policy.most_authorities))
        if not paths:
            raise _no_path(own, others, roots)
    except _Flaw as flaw:
        return Verdict(flaw.reason, flaw.text, own, depth=flaw.depth)
    verdicts = (_judge(path, role, at_s, policy, evidence or Evidence()) for path in paths)
    first: Verdict | None = None
    for verdict in verdicts:
        if verdict.good:
            return verdict
        first = first or verdict
    assert first is not None
    return first


def validity_fault(certificate: Certificate, at_s: float) -> str | None:
    """Says since when a certificate is expired, or from when on it is valid; None within its validity."""
    if at_s > certificate.not_after_s:
        return f"expired on {_day(certificate.not_after_s)} UTC"
    if at_s < certificate.not_before_s:
        return f"is valid only from {_day(certificate.not_before_s)} UTC, now is {_day(at_s)}"
    return None


def _day(unix_s: float) -> str:
    return f"{datetime.fromtimestamp(unix_s, UTC):%Y-%m-%d %H:%M}"


def _readable(given: bytes | Certificate, what: str, policy: Policy) -> Certificate:
    if isinstance(given, Certificate):
        return given
    if len(given) > policy.longest_octets:
        longest = f"{policy.name} admits {policy.longest_octets}"
        raise _Flaw(Reason.OVERSIZED, f"the certificate of {what} has {len(given)} octets; {longest}")
    try:
        return read(given)
    except Unreadable as error:
        reason = Reason.OVERSIZED if error.oversized else Reason.MALFORMED
        raise _Flaw(reason, f"the certificate of {what}: {error}") from error


def _paths(
    leaf: Certificate, others: Sequence[Certificate], roots: Sequence[Certificate], most_authorities: int
) -> Iterator[tuple[Certificate, ...]]:
    """Every way from the leaf to a root, each signature on it checked once."""
    checked: dict[tuple[bytes, bytes], bool] = {}

    def signed(by: Certificate, below: Certificate) -> bool:
        if by.parsed.subject != below.parsed.issuer:
            return False
        pair = below.der, by.der
        if pair not in checked:
            checked[pair] = len(checked) < MOST_SIGNATURES and below.issued_by(by)
        return checked[pair]

    waiting: list[tuple[Certificate, ...]] = [(leaf,)]
    while waiting:
        path = waiting.pop(0)
        for root in roots:
            if root not in path and signed(root, path[-1]):
                yield (*path, root)
        if len(path) <= most_authorities:
            waiting += [(*path, each) for each in others if each not in path and signed(each, path[-1])]


def _no_path(leaf: Certificate, others: Sequence[Certificate], roots: Sequence[Certificate]) -> _Flaw:
    if leaf.self_issued:
        return _Flaw(Reason.SELF_SIGNED, f"{leaf.subject} vouches for itself, and is no root that is trusted")
    named = [each for each in (*others, *roots) if each.parsed.subject == leaf.parsed.issuer]
    if named and not any(leaf.issued_by(each) for each in named[:MOST_SENT]):
        return _Flaw(Reason.BAD_SIGNATURE, f"{leaf.subject} names {leaf.issuer} as its issuer, which did not sign it")
    known = ", ".join(sorted({root.common_name for root in roots})) or "none"
    return _Flaw(
        Reason.UNKNOWN_ROOT, f"{leaf.subject}, issued by {leaf.issuer}, leads to no root that is trusted ({known})"
    )


def _judge(path: tuple[Certificate, ...], role: Role, at_s: float, policy: Policy, evidence: Evidence) -> Verdict:
    leaf, ends_s = path[0], min(each.not_after_s for each in path)
    try:
        for depth, each in enumerate(path):
            _check_profile(each, depth, len(path), policy)
        _check_role(leaf, role)
        for depth, each in enumerate(path):
            if (fault := validity_fault(each, at_s)) is not None:
                early = at_s < each.not_before_s
                raise _Flaw(Reason.NOT_YET_VALID if early else Reason.EXPIRED, f"{each.subject} {fault}", depth)
        revocation = _check_revocation(path, at_s, policy, evidence)
    except _Flaw as flaw:
        return Verdict(flaw.reason, flaw.text, leaf, path, flaw.depth, ends_s=ends_s)
    return Verdict(Reason.NONE, "", leaf, path, revocation=revocation, ends_s=ends_s)


def _check_profile(each: Certificate, depth: int, length: int, policy: Policy) -> None:
    if each.key_kind not in policy.key_kinds:
        required = " or ".join(sorted(policy.key_kinds))
        text = f"{each.subject} has a {each.key_kind} key; {policy.name} requires {required}"
        raise _Flaw(Reason.WRONG_PROFILE, text, depth)
    if each.unknown_critical:
        unknown = ", ".join(each.unknown_critical)
        raise _Flaw(
            Reason.WRONG_PROFILE, f"{each.subject} has critical extensions of unknown meaning: {unknown}", depth
        )
    if depth == 0:
        return
    if not each.is_authority or (each.usage is not None and "key_cert_sign" not in each.usage):
        raise _Flaw(Reason.WRONG_AUTHORITY, f"{each.subject} issued a certificate and is no authority", depth)
    if each.path_length is not None and depth - 1 > each.path_length:
        text = f"{each.subject} admits {each.path_length} authorities below it; there are {depth - 1}"
        raise _Flaw(Reason.WRONG_AUTHORITY, text, depth)


def _check_role(leaf: Certificate, role: Role) -> None:
    holder = role.value
    if leaf.is_authority:
        raise _Flaw(Reason.WRONG_ROLE, f"{leaf.subject} is an authority, not {holder.noun}")
    if leaf.domain not in holder.domains:
        raise _Flaw(
            Reason.WRONG_ROLE,
            f"{leaf.subject} was issued for {leaf.domain or 'no role'} (domain component), not for {holder.noun}",
        )
    wanted = holder.extended_usage
    if wanted is not None and leaf.extended_usage is not None and wanted not in leaf.extended_usage:
        raise _Flaw(Reason.WRONG_ROLE, f"the extended key usage of {leaf.subject} does not admit {holder.noun}")
    if leaf.usage is not None and "digital_signature" not in leaf.usage:
        raise _Flaw(Reason.WRONG_ROLE, f"{leaf.subject} may not sign (key usage)")
    if role is Role.CONTRACT and emaid(leaf) is None:
        raise _Flaw(Reason.WRONG_ROLE, f"{leaf.subject} names no contract: its common name is no eMAID")


def _check_revocation(path: tuple[Certificate, ...], at_s: float, policy: Policy, evidence: Evidence) -> Status:
    if policy.revocation is Revocation.IGNORE:
        return Status.UNKNOWN
    overall = Status.GOOD
    for depth in reversed(range(len(path) - 1)):  # an authority that was revoked can say nothing of those below it
        found = evidence.status(path[depth], path[depth + 1], at_s)
        if found.status is Status.REVOKED:
            raise _Flaw(Reason.REVOKED, f"{path[depth].subject} was revoked: {found.text}", depth)
        if found.status is Status.UNKNOWN:
            overall = Status.UNKNOWN
            if policy.revocation is Revocation.REQUIRE:
                text = f"whether {path[depth].subject} was revoked is not known: {found.text}"
                raise _Flaw(Reason.REVOCATION_UNKNOWN, text, depth)
    return overall
