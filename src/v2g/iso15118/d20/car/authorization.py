"""Authorization by external means: asked again while the station waits, and a few times after a refusal.

As long as the station waits for a person, so does the car.
"""

from dataclasses import replace

from v2g.iso15118.car_session import Abandon, CarSession
from v2g.iso15118.d20.table import Phase
from v2g.iso15118.d20.wire import header
from v2g.iso15118.vehicle import VehicleState
from v2g.kernel.fault import Fault
from v2g.messages.iso20.common import Authorization, AuthorizationReq, AuthorizationRes, EIM_AReqAuthorizationMode
from v2g.messages.iso20.types import Processing

TRIES = 3
"""A warning keeps the phase, so that the car can try again [V2G20-2219]."""


def request(session: CarSession, vehicle: VehicleState) -> AuthorizationReq:
    return AuthorizationReq(
        header(session, vehicle),
        SelectedAuthorizationService=Authorization.EIM,
        EIM_AReqAuthorizationMode=EIM_AReqAuthorizationMode(),
    )


def take(response: AuthorizationRes, asked: AuthorizationReq, session: CarSession, vehicle: VehicleState) -> CarSession:
    if response.EVSEProcessing is not Processing.Finished:
        waits = response.EVSEProcessing is Processing.Ongoing_WaitingForCustomerInteraction
        return replace(session, waits_for_person=waits)
    if not response.ResponseCode.startswith("WARNING"):
        return session.to(Phase.SERVICE_DISCOVERY)
    if session.tries + 1 >= TRIES:
        raise Abandon(f"not authorised: {response.ResponseCode} in {TRIES} tries", Fault.AUTHORIZATION)
    return session.again()
