"""CertificateInstallation and CertificateUpdate: a contract certificate for the car, which others make.

The station proves that the car signed the request, has it answered (`Provisioning`), and hands the answer on. Whether
the car's certificate is known, and what contract it gets, is not decided here.
"""

from dataclasses import replace
from typing import Any, Literal

from msgspec import structs

from v2g.iso15118.contract import Unprovisioned, validity
from v2g.iso15118.d2.certificate_chain import chain_of
from v2g.iso15118.d2.dialect import Dialect, body
from v2g.iso15118.d2.station.authorization import check_signature
from v2g.iso15118.d2.station.contract_chain import CODES, judge
from v2g.iso15118.d2.station.payment_details import check_emaid
from v2g.iso15118.d2.table import Phase
from v2g.iso15118.session import Refusal, Reply, Session, Wait
from v2g.iso15118.view import StationView
from v2g.kernel.fault import Fault
from v2g.messages import ExiError, decode, encode
from v2g.messages.iso2 import CertificateInstallationRes, CertificateUpdateRes, ResponseCode, V2G_Message

FETCHED_WITHIN_S = 4.5
"""How long the car waits for its contract: its own timer is 5 s."""
_SILENT = Refusal(
    ResponseCode.FAILED, f"nobody has brought a contract within {FETCHED_WITHIN_S:g} s", Fault.AUTHORIZATION
)


def install(to: Dialect, request: V2G_Message, session: Session, view: StationView) -> Reply | Wait:
    """CertificateInstallation, signed with the key of the certificate that the car's maker gave it."""
    asked = body(request)
    check_signature(
        request,
        asked,
        asked.OEMProvisioningCert,
        "CertificateInstallationReq",
        ResponseCode.FAILED_SignatureError,
        unreadable=ResponseCode.FAILED_CertChainError,
    )
    _check_validity(asked.OEMProvisioningCert, view.unix_s)
    return _fetched(request, "Install", CertificateInstallationRes, session)


def update(to: Dialect, request: V2G_Message, session: Session, view: StationView) -> Reply | Wait:
    """CertificateUpdate, signed with the key of the contract that is to be replaced."""
    asked = body(request)
    chain = chain_of(asked.ContractSignatureCertChain)
    judged = judge(to, chain, session, view)
    if isinstance(judged, Wait):
        return replace(judged, budget_s=FETCHED_WITHIN_S)
    check_signature(request, asked, chain[0], "CertificateUpdateReq", ResponseCode.FAILED_SignatureError)
    check_emaid(asked.eMAID, chain[0])
    return _fetched(request, "Update", CertificateUpdateRes, session)


def _check_validity(certificate: bytes, unix_s: int) -> None:
    try:
        valid = validity(certificate)
    except ValueError as error:
        reason = f"the car's provisioning certificate cannot be read: {error}"
        raise Refusal(ResponseCode.FAILED_CertChainError, reason, Fault.AUTHORIZATION) from None
    if not valid.begins_s <= unix_s <= valid.ends_s:
        reason = f"the car's provisioning certificate is valid from {valid.days}"
        raise Refusal(ResponseCode.FAILED_CertificateExpired, reason, Fault.AUTHORIZATION)


def _fetched(
    request: V2G_Message, action: Literal["Install", "Update"], kind: type[Any], session: Session
) -> Reply | Wait:
    """The answer that was brought, under this session's id."""
    provisioning = session.offer.provisioning
    if provisioning is None:
        raise Refusal(
            ResponseCode.FAILED_NoCertificateAvailable, "this station brings no contracts", Fault.AUTHORIZATION
        )
    try:
        brought = provisioning.fetch(encode("iso2", request), action, "iso2")
        if brought is None:
            return Wait(session, FETCHED_WITHIN_S, _SILENT)
        answer = decode("iso2", brought)
        encode("iso2", answer)  # it is read with more tolerance than it could be handed on
    except Unprovisioned as error:
        code = ResponseCode.FAILED_NoCertificateAvailable if error.flaw is None else CODES[error.flaw]
        raise Refusal(code, error.reason, Fault.AUTHORIZATION) from None
    except ExiError as error:
        reason = f"the contract that was brought cannot be read: {error}"
        raise Refusal(ResponseCode.FAILED, reason, Fault.AUTHORIZATION) from None
    if not isinstance(answer, V2G_Message) or not isinstance(body(answer), kind):
        reason = f"something else than {kind.__name__} was brought"
        raise Refusal(ResponseCode.FAILED, reason, Fault.AUTHORIZATION)
    code = body(answer).ResponseCode
    if code.value.startswith("FAILED"):
        raise Refusal(code, "the provisioning service refuses a contract", Fault.AUTHORIZATION)
    header = structs.replace(answer.Header, SessionID=session.session_id)
    return Reply(structs.replace(answer, Header=header), Phase.CONTRACT, session)
