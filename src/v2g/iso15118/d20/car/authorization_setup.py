"""AuthorizationSetup: the car identifies itself by external means (EIM) only."""

from v2g.iso15118.car_session import Abandon, CarSession
from v2g.iso15118.d20.table import Phase
from v2g.iso15118.d20.wire import header
from v2g.iso15118.vehicle import VehicleState
from v2g.kernel.fault import Fault
from v2g.messages.iso20.common import Authorization, AuthorizationSetupReq, AuthorizationSetupRes


def request(session: CarSession, vehicle: VehicleState) -> AuthorizationSetupReq:
    return AuthorizationSetupReq(header(session, vehicle))


def take(
    response: AuthorizationSetupRes, asked: AuthorizationSetupReq, session: CarSession, vehicle: VehicleState
) -> CarSession:
    if Authorization.EIM not in response.AuthorizationServices:
        raise Abandon("the station takes contracts (PnC) only, this car has none", Fault.AUTHORIZATION)
    return session.to(Phase.AUTHORIZATION)
