"""A contract's certificates: is the chain good, and which code says what is wrong with it?"""

from v2g.iso15118.contract import Flaw, Judgement
from v2g.iso15118.d2.dialect import Dialect
from v2g.iso15118.session import Refusal, Session, Wait
from v2g.iso15118.view import StationView
from v2g.kernel.fault import Fault
from v2g.messages.iso2 import ResponseCode

KNOWN_WITHIN_S = 1.4
"""How long a car waits for what others know of its contract: some give PaymentDetails no more than 2 s."""

CODES = {
    Flaw.CHAIN: ResponseCode.FAILED_CertChainError,
    Flaw.AUTHORITY: ResponseCode.FAILED_CertificateNotAllowedAtThisEVSE,
    Flaw.CONTENT: ResponseCode.FAILED_CertificateNotAllowedAtThisEVSE,
    Flaw.EXPIRED: ResponseCode.FAILED_CertificateExpired,
    Flaw.NOT_YET_VALID: ResponseCode.FAILED_CertificateExpired,  # [V2G2-824]
    Flaw.REVOKED: ResponseCode.FAILED_CertificateRevoked,
    Flaw.UNKNOWN: ResponseCode.FAILED_CertificateNotAllowedAtThisEVSE,
    Flaw.CANCELED: ResponseCode.FAILED_ContractCanceled,
    Flaw.NOT_ALLOWED: ResponseCode.FAILED_CertificateNotAllowedAtThisEVSE,
}


def judge(to: Dialect, chain: tuple[bytes, ...], session: Session, view: StationView) -> Judgement | Wait:
    """What is known of a chain that has no flaw. Raises `Refusal` for one that has."""
    contracts = session.offer.contracts
    if contracts is None:
        raise Refusal(ResponseCode.FAILED_PaymentSelectionInvalid, "this connection takes no contracts")
    judged = contracts.judge(chain, to.edition.name, view.unix_s)
    if judged.pending:
        late = f"nobody said within {KNOWN_WITHIN_S:g} s whether the contract is revoked: {judged.reason}"
        return Wait(session, KNOWN_WITHIN_S, Refusal(CODES[Flaw.UNKNOWN], late, Fault.AUTHORIZATION))
    if judged.flaw is not None:
        raise Refusal(CODES[judged.flaw], judged.reason, Fault.AUTHORIZATION)
    return judged
