"""PaymentDetails: the car shows its contract, and gets a challenge to sign with the contract's key."""

from dataclasses import replace

from v2g.iso15118.contract import CHALLENGE_OCTETS, common_name, plain_emaid
from v2g.iso15118.d2.certificate_chain import chain_of
from v2g.iso15118.d2.dialect import Dialect, body
from v2g.iso15118.d2.station.contract_chain import judge
from v2g.iso15118.d2.table import Phase
from v2g.iso15118.session import Refusal, Reply, Session, Wait
from v2g.iso15118.view import StationView
from v2g.kernel import chance
from v2g.kernel.fault import Fault
from v2g.messages.iso2 import PaymentDetailsRes, ResponseCode, V2G_Message

_COMPARED = 14
"""Characters of an eMAID without its check digit, which may be left out."""


def answer(to: Dialect, request: V2G_Message, session: Session, view: StationView) -> Reply | Wait:
    asked = body(request)
    chain = chain_of(asked.ContractSignatureCertChain)
    judged = judge(to, chain, session, view)
    if isinstance(judged, Wait):
        return judged
    check_emaid(asked.eMAID, chain[0])
    # 128 bits of the system's generator, another one each time: a signature of an earlier session proves nothing
    # [V2G2-697], [V2G2-698].
    challenge = chance.octets(CHALLENGE_OCTETS)
    session = replace(session, chain=chain, doubt=judged.doubt, challenge=challenge)
    response = PaymentDetailsRes(
        ResponseCode=ResponseCode.OK_CertificateExpiresSoon if judged.expires_soon else ResponseCode.OK,
        GenChallenge=challenge,
        EVSETimeStamp=view.unix_s,
    )
    return Reply(to.message(session.session_id, response), Phase.AUTHORIZATION, session)


def check_emaid(stated: str, certificate: bytes) -> None:
    """Raise `Refusal` if the car names another contract than its certificate does."""
    try:
        proved = common_name(certificate)
    except ValueError as error:
        raise Refusal(ResponseCode.FAILED_CertChainError, f"no certificate: {error}", Fault.AUTHORIZATION) from None
    if plain_emaid(stated)[:_COMPARED] != plain_emaid(proved)[:_COMPARED]:
        reason = f"the car names contract {stated}, its certificate {proved}"
        raise Refusal(ResponseCode.FAILED_NoCertificateAvailable, reason, Fault.AUTHORIZATION)
