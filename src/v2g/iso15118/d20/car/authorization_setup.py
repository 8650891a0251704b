"""AuthorizationSetup: does the station take what this car identifies itself by?"""

from dataclasses import replace

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
    services, contract = response.AuthorizationServices, response.PnC_ASResAuthorizationMode
    if not session.intent.by_contract:
        if Authorization.EIM not in services:
            raise Abandon("the station takes contracts (PnC) only, this car has none", Fault.AUTHORIZATION)
        return session.to(Phase.AUTHORIZATION)
    if not session.secure:
        raise Abandon("a contract pays over TLS only", Fault.AUTHORIZATION)
    if Authorization.PnC not in services or contract is None:
        raise Abandon("the station takes no contracts (PnC)", Fault.AUTHORIZATION)
    if session.needs_contract and not response.CertificateInstallationService:
        raise Abandon("the car needs a contract certificate, and the station brings none", Fault.AUTHORIZATION)
    return replace(session, challenge=contract.GenChallenge).to(Phase.AUTHORIZATION)
