"""Authorization, by external identification or by a contract.

A car that is refused is not failed: it gets Finished with a warning and may try again [V2G20-2219], [V2G20-2230]. Only
a signature that is none ends the session.
"""

from dataclasses import replace

from v2g.iso15118.contract import Flaw, common_name, plain_emaid
from v2g.iso15118.d20.certificate_chain import chain_of
from v2g.iso15118.d20.edition import D20
from v2g.iso15118.d20.station.signed import check_signature
from v2g.iso15118.d20.table import Phase
from v2g.iso15118.d20.wire import header
from v2g.iso15118.session import Reply, Session
from v2g.iso15118.view import Authorization as Verdict
from v2g.iso15118.view import StationView
from v2g.messages.iso20.common import Authorization, AuthorizationReq, AuthorizationRes, PnC_AReqAuthorizationMode
from v2g.messages.iso20.types import Processing, ResponseCode

WARNINGS = {
    Flaw.CHAIN: ResponseCode.WARNING_CertificateValidationError,
    Flaw.AUTHORITY: ResponseCode.WARNING_CertificateValidationError,
    Flaw.CONTENT: ResponseCode.WARNING_CertificateValidationError,
    Flaw.EXPIRED: ResponseCode.WARNING_CertificateExpired,
    Flaw.NOT_YET_VALID: ResponseCode.WARNING_CertificateNotYetValid,
    Flaw.REVOKED: ResponseCode.WARNING_CertificateRevoked,
    Flaw.UNKNOWN: ResponseCode.WARNING_CertificateValidationError,
    Flaw.CANCELED: ResponseCode.WARNING_GeneralPnCAuthorizationError,
    Flaw.NOT_ALLOWED: ResponseCode.WARNING_GeneralPnCAuthorizationError,
}
"""What is wrong with a contract, in this edition's codes."""


def answer(request: AuthorizationReq, session: Session, view: StationView) -> Reply:
    contract, external = request.PnC_AReqAuthorizationMode, request.EIM_AReqAuthorizationMode
    if request.SelectedAuthorizationService is Authorization.PnC and contract is not None and session.offer.contracts:
        return _by_contract(request, contract, session, view)
    if request.SelectedAuthorizationService is not Authorization.EIM or external is None:
        return _finished(ResponseCode.WARNING_AuthorizationSelectionInvalid, session, view)
    # A verdict before the car has said how it pays, or about its contract, is none about this car.
    decided = session.identified and not session.by_contract
    car = replace(session.car, contract="", contract_doubt="")  # one that it has shown before pays nothing
    session = replace(session, by_contract=False, chain=(), car=car)
    if decided and view.authorization is Verdict.ACCEPTED:
        return _finished(ResponseCode.OK, session, view)
    if decided and view.authorization is Verdict.REJECTED:
        return _finished(ResponseCode.WARNING_EIMAuthorizationFailure, session, view)
    return _reply(ResponseCode.OK, Processing.Ongoing_WaitingForCustomerInteraction, session, view)


def _by_contract(
    request: AuthorizationReq, asked: PnC_AReqAuthorizationMode, session: Session, view: StationView
) -> Reply:
    """The chain, the challenge [V2G20-2565], the signature; then whoever decides about cars."""
    contracts, chain = session.offer.contracts, chain_of(asked.ContractCertificateChain)
    assert contracts is not None, "asked for by the caller"
    judged = contracts.judge(chain, D20.name, view.unix_s)
    if judged.flaw is not None:
        return _warned(WARNINGS[judged.flaw], judged.reason, session, view)
    if asked.GenChallenge != session.challenge:
        reason = "GenChallenge is not the one of AuthorizationSetupRes"
        return _warned(ResponseCode.WARNING_ChallengeInvalid, reason, session, view)
    check_signature(request.Header, "PnC_AReqAuthorizationMode", asked, chain[0], ResponseCode.FAILED_SignatureError)
    if judged.pending:
        return _reply(ResponseCode.OK, Processing.Ongoing, session, view)
    emaid = plain_emaid(common_name(chain[0]))
    car = replace(session.car, contract=emaid, contract_doubt=judged.doubt)
    session = replace(session, by_contract=True, chain=chain, car=car)
    if view.contract != emaid or view.authorization is Verdict.PENDING:  # an earlier verdict was about another car
        return _reply(ResponseCode.OK, Processing.Ongoing, session, view)
    if view.authorization is Verdict.REJECTED:
        reason = f"contract {emaid} may not be used here"
        return _warned(WARNINGS[view.flaw or Flaw.NOT_ALLOWED], reason, session, view)
    code = ResponseCode.OK_CertificateExpiresSoon if judged.expires_soon else ResponseCode.OK
    return _finished(code, session, view)


def _warned(code: ResponseCode, reason: str, session: Session, view: StationView) -> Reply:
    return replace(_finished(code, session, view), warning=f"{code.value}: {reason}")


def _finished(code: ResponseCode, session: Session, view: StationView) -> Reply:
    return _reply(code, Processing.Finished, session, view)


def _reply(code: ResponseCode, processing: Processing, session: Session, view: StationView) -> Reply:
    lets_in = processing is Processing.Finished and not code.startswith("WARNING")
    return Reply(
        AuthorizationRes(Header=header(session, view), ResponseCode=code, EVSEProcessing=processing),
        Phase.SERVICE_DISCOVERY if lets_in else Phase.AUTHORIZATION,
        session,
    )
