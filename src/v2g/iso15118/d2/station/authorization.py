"""Authorization, by external means or by a contract.

External: the car waits until something positive is known, also if refused [V2G2-854]. By contract: the first request is
signed with the contract's key, over the challenge that PaymentDetails gave; repetitions are empty [V2G2-684]. Only then
is the contract's number the car's, and whoever decides about cars is asked about it.
"""

from dataclasses import replace
from typing import Any

from v2g.iso15118.contract import Flaw, common_name, key_of, plain_emaid
from v2g.iso15118.d2.dialect import Dialect, body
from v2g.iso15118.d2.station.contract_chain import CODES
from v2g.iso15118.d2.table import Phase
from v2g.iso15118.session import Refusal, Reply, Session
from v2g.iso15118.view import Authorization, StationView
from v2g.kernel.fault import Fault
from v2g.messages.iso2 import AuthorizationRes, EVSEProcessing, ResponseCode, V2G_Message


def answer(to: Dialect, request: V2G_Message, session: Session, view: StationView) -> Reply:
    waiting = EVSEProcessing.Ongoing_WaitingForCustomerInteraction
    accepted = view.authorization is Authorization.ACCEPTED
    if session.by_contract:
        session, waiting = _still_good(to, _proved(request, session), view), EVSEProcessing.Ongoing
        judged = view.contract == session.car.contract  # an earlier verdict was about a car without a contract
        if judged and view.authorization is Authorization.REJECTED:
            reason = f"contract {session.car.contract} may not be used here"
            raise Refusal(CODES[view.flaw or Flaw.NOT_ALLOWED], reason, Fault.AUTHORIZATION)
        accepted = accepted and judged
    response = AuthorizationRes(
        ResponseCode=ResponseCode.OK, EVSEProcessing=EVSEProcessing.Finished if accepted else waiting
    )
    following = Phase.CHARGE_PARAMETERS if accepted else Phase.AUTHORIZATION
    return Reply(to.message(session.session_id, response), following, session)


def _proved(request: V2G_Message, session: Session) -> Session:
    """The session, in which the car has proved its contract. Raises `Refusal`."""
    asked = body(request)
    challenge = asked.GenChallenge
    if challenge is None and asked.Id is None and session.car.contract:
        return session  # asked again
    if challenge != session.challenge:  # [V2G2-475]
        reason = "GenChallenge is not the one of PaymentDetailsRes"
        raise Refusal(ResponseCode.FAILED_ChallengeInvalid, reason, Fault.AUTHORIZATION)
    check_signature(request, asked, session.chain[0], "AuthorizationReq", ResponseCode.FAILED_SignatureError)
    emaid = plain_emaid(common_name(session.chain[0]))
    return replace(session, car=replace(session.car, contract=emaid, contract_doubt=session.doubt))


def _still_good(to: Dialect, session: Session, view: StationView) -> Session:
    """The session with what is known of its contract by now: a responder may have answered since PaymentDetails, when
    nobody could wait for it any longer. Raises `Refusal`."""
    contracts = session.offer.contracts
    assert contracts is not None, "without them no contract is offered as payment"
    judged = contracts.judge(session.chain, to.edition.name, view.unix_s)
    if judged.flaw is not None:
        raise Refusal(CODES[judged.flaw], judged.reason, Fault.AUTHORIZATION)
    if judged.pending:
        return session
    return replace(session, doubt=judged.doubt, car=replace(session.car, contract_doubt=judged.doubt))


def check_signature(
    request: V2G_Message,
    asked: Any,
    certificate: bytes,
    element: str,
    code: ResponseCode,
    unreadable: ResponseCode | None = None,
) -> None:
    """Raise `Refusal` with `code` unless the key of `certificate` has signed the request's body; with `unreadable` if
    that is no certificate."""
    from v2g.iso15118.signature import SignatureInvalid, verify

    if asked.Id is None:
        raise Refusal(code, f"{element} has no Id, so nothing can sign it", Fault.AUTHORIZATION)
    try:
        verify("iso2", request.Header.Signature, [(element, asked)], key_of(certificate))
    except SignatureInvalid as error:
        raise Refusal(code, f"{element}: {error}", Fault.AUTHORIZATION) from None
    except ValueError as error:
        raise Refusal(unreadable or code, f"{element} shows no certificate: {error}", Fault.AUTHORIZATION) from None
