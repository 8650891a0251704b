"""CertificateInstallation: a contract for the car, which others make.

The station proves that the car signed the request, has it answered (`Provisioning`), and hands the answer on. A car
that gets none is warned, and may go on by another way of payment.
"""

from functools import cache

from msgspec.structs import replace

from v2g.exi.least import least
from v2g.iso15118.contract import Flaw, Unprovisioned, validity
from v2g.iso15118.d20.certificate_chain import chain_of
from v2g.iso15118.d20.station.authorization import WARNINGS
from v2g.iso15118.d20.station.signed import check_signature
from v2g.iso15118.d20.table import Phase
from v2g.iso15118.d20.wire import header
from v2g.iso15118.session import Refusal, Reply, Session, Wait
from v2g.iso15118.view import StationView
from v2g.kernel.fault import Fault
from v2g.messages import ExiError, codec, decode, encode
from v2g.messages.iso20.common import CertificateInstallationReq, CertificateInstallationRes
from v2g.messages.iso20.types import ResponseCode

FETCHED_WITHIN_S = 4.5
"""How long the car waits for its contract: its own timer is 5 s."""
_SILENT = Refusal(
    ResponseCode.FAILED, f"nobody has brought a contract within {FETCHED_WITHIN_S:g} s", Fault.AUTHORIZATION
)
_SET = "iso20-common"


def answer(request: CertificateInstallationReq, session: Session, view: StationView) -> Reply | Wait:
    shown = request.OEMProvisioningCertificateChain
    check_signature(
        request.Header,
        "OEMProvisioningCertificateChain",
        shown,
        chain_of(shown)[0],
        ResponseCode.FAILED_SignatureError,
    )
    try:
        valid = validity(chain_of(shown)[0])
    except ValueError as error:
        reason = f"the car's provisioning certificate cannot be read: {error}"
        return _warned(ResponseCode.WARNING_CertificateValidationError, reason, session, view)
    if not valid.begins_s <= view.unix_s <= valid.ends_s:
        reason = f"the car's provisioning certificate is valid from {valid.days}"
        early = view.unix_s < valid.begins_s
        code = ResponseCode.WARNING_CertificateNotYetValid if early else ResponseCode.WARNING_CertificateExpired
        return _warned(code, reason, session, view)
    provisioning = session.offer.provisioning
    if provisioning is None:
        code = ResponseCode.WARNING_NoCertificateAvailable
        return _warned(code, "this station brings no contracts", session, view)
    try:
        brought = provisioning.fetch(encode(_SET, request), "Install", _SET)
        if brought is None:
            return Wait(session, FETCHED_WITHIN_S, _SILENT)
        response = decode(_SET, brought)
        encode(_SET, response)  # it is read with more tolerance than it could be handed on
    except Unprovisioned as error:
        return _warned(_code(error.flaw), error.reason, session, view)
    except ExiError as error:
        reason = f"the contract that was brought cannot be read: {error}"
        raise Refusal(ResponseCode.FAILED, reason, Fault.AUTHORIZATION) from None
    if not isinstance(response, CertificateInstallationRes) or response.ResponseCode.startswith("FAILED"):
        raise Refusal(ResponseCode.FAILED, "the provisioning service brought no contract", Fault.AUTHORIZATION)
    signature = response.Header.Signature
    own = replace(header(session, view), Signature=signature)
    return Reply(replace(response, Header=own), Phase.AUTHORIZATION, session)


def _code(flaw: Flaw | None) -> ResponseCode:
    return ResponseCode.WARNING_NoContractMatchingPCIDFound if flaw is None else WARNINGS[flaw]


def _warned(code: ResponseCode, reason: str, session: Session, view: StationView) -> Reply:
    response = replace(_nothing(), Header=header(session, view), ResponseCode=code)
    return Reply(response, Phase.AUTHORIZATION, session, f"{code.value}: {reason}")


@cache
def _nothing() -> CertificateInstallationRes:
    """The least response that the schema admits. Shared: do not change it."""
    response = least(codec(_SET).schema, CertificateInstallationRes)
    assert isinstance(response, CertificateInstallationRes)
    return response
