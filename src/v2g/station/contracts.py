"""Which contracts the station trusts: the port of the conversation over `v2g.pki`."""

from collections.abc import Callable, Mapping, Sequence

from v2g.iso15118.contract import Flaw, Judgement
from v2g.pki.chain import Reason, Verdict
from v2g.pki.profile import Policy, Role
from v2g.pki.revocation import Status

Judge = Callable[[bytes, Sequence[bytes], Role, float, Policy], Verdict | None]
"""Leaf, authorities, role, Unix time and policy; None while somebody is asked whether a certificate was revoked."""

_FLAWS = {
    Reason.OVERSIZED: Flaw.CHAIN,
    Reason.MALFORMED: Flaw.CHAIN,
    Reason.SELF_SIGNED: Flaw.CHAIN,
    Reason.UNKNOWN_ROOT: Flaw.CHAIN,
    Reason.BAD_SIGNATURE: Flaw.CHAIN,
    Reason.WRONG_AUTHORITY: Flaw.CHAIN,
    Reason.WRONG_PROFILE: Flaw.CONTENT,
    Reason.WRONG_ROLE: Flaw.CONTENT,
    Reason.NOT_YET_VALID: Flaw.NOT_YET_VALID,
    Reason.EXPIRED: Flaw.EXPIRED,
    Reason.REVOKED: Flaw.REVOKED,
    Reason.REVOCATION_UNKNOWN: Flaw.UNKNOWN,
}
_DATES = (Reason.NOT_YET_VALID, Reason.EXPIRED)


class TrustedChains:
    """Chains of one role."""

    def __init__(self, role: Role, judge: Judge, policies: Mapping[str, Policy], *, doubts: bool = True) -> None:
        """`policies`: by the edition's name, what it demands of certificates. `doubts`: a chain of which nobody says
        whether it was revoked is not enough to feed the grid; False if that is not looked at."""
        self._role, self._judge, self._policies, self._doubts = role, judge, policies, doubts

    def judge(self, chain: tuple[bytes, ...], edition: str, unix_s: int) -> Judgement:
        """What is known of a chain, DER, the leaf first."""
        leaf, *authorities = chain
        verdict = self._judge(leaf, authorities, self._role, float(unix_s), self._policies[edition])
        if verdict is None:
            return Judgement(pending=True, reason="an OCSP responder has not answered yet")
        if not verdict.good:
            flaw = Flaw.AUTHORITY if verdict.depth and verdict.reason in _DATES else _FLAWS[verdict.reason]
            return Judgement(flaw, verdict.text, rootless=verdict.reason is Reason.UNKNOWN_ROOT)
        unknown = self._doubts and verdict.revocation is Status.UNKNOWN
        return Judgement(
            expires_soon=verdict.ends_soon(unix_s),
            doubt="nobody says whether its contract was revoked" if unknown else "",
            path=tuple(each.der for each in verdict.path),
        )
