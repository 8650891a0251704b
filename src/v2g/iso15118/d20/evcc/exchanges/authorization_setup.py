"""AuthorizationSetup: the car identifies itself by external means (EIM) only."""

from v2g.iso15118.d20.evcc.session import Abandon, Session
from v2g.iso15118.d20.table import Phase
from v2g.iso15118.vehicle import VehicleState
from v2g.kernel.fault import Fault
from v2g.messages.iso20.common import Authorization, AuthorizationSetupReq, AuthorizationSetupRes


def request(session: Session, vehicle: VehicleState) -> AuthorizationSetupReq:
    return AuthorizationSetupReq(session.header(vehicle))


def take(
    response: AuthorizationSetupRes, asked: AuthorizationSetupReq, session: Session, vehicle: VehicleState
) -> Session:
    if Authorization.EIM not in response.AuthorizationServices:
        raise Abandon("the station takes contracts (PnC) only, this car has none", Fault.AUTHORIZATION)
    return session.to(Phase.AUTHORIZATION)
