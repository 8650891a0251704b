"""Authorization, by external means or by the key of the contract: asked again while the station waits.

After a refusal a car without a contract tries again a few times; one with a contract would only say the same again. As
long as the station waits for a person, so does the car.
"""

from dataclasses import replace

from v2g.iso15118.car_session import Abandon, CarSession
from v2g.iso15118.contract import Credential
from v2g.iso15118.d20.certificate_chain import contract_chain
from v2g.iso15118.d20.table import Phase
from v2g.iso15118.d20.wire import header
from v2g.iso15118.vehicle import VehicleState
from v2g.kernel.fault import Fault
from v2g.messages.iso20.common import (
    Authorization,
    AuthorizationReq,
    AuthorizationRes,
    EIM_AReqAuthorizationMode,
    PnC_AReqAuthorizationMode,
)
from v2g.messages.iso20.types import Processing

TRIES = 3
"""A warning keeps the phase, so that the car can try again [V2G20-2219]."""
SIGNED_ID = "id1"
"""Of the signed element; each message has its own."""


def request(session: CarSession, vehicle: VehicleState) -> AuthorizationReq:
    if session.contract is not None:
        return _signed(session.contract, session, vehicle)
    return AuthorizationReq(
        header(session, vehicle),
        SelectedAuthorizationService=Authorization.EIM,
        EIM_AReqAuthorizationMode=EIM_AReqAuthorizationMode(),
    )


def _signed(contract: Credential, session: CarSession, vehicle: VehicleState) -> AuthorizationReq:
    from v2g.iso15118.signature import sign

    mode = PnC_AReqAuthorizationMode(session.challenge, contract_chain(contract.chain), SIGNED_ID)
    head = header(session, vehicle)
    head.Signature = sign("iso20-common", [("PnC_AReqAuthorizationMode", mode)], contract.key)
    return AuthorizationReq(head, SelectedAuthorizationService=Authorization.PnC, PnC_AReqAuthorizationMode=mode)


def take(response: AuthorizationRes, asked: AuthorizationReq, session: CarSession, vehicle: VehicleState) -> CarSession:
    if response.EVSEProcessing is not Processing.Finished:
        waits = response.EVSEProcessing is Processing.Ongoing_WaitingForCustomerInteraction
        return replace(session, waits_for_person=waits)
    if not response.ResponseCode.startswith("WARNING"):
        return session.to(Phase.SERVICE_DISCOVERY)
    tries = 1 if session.contract is not None else TRIES
    if session.tries + 1 >= tries:
        times = "" if tries == 1 else f" in {tries} tries"
        raise Abandon(f"not authorised: {response.ResponseCode}{times}", Fault.AUTHORIZATION)
    return session.again()
