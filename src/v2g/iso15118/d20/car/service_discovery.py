"""ServiceDiscovery: is the service that the car wants among those on offer?"""

from dataclasses import replace

from v2g.iso15118.car_session import Abandon, CarSession
from v2g.iso15118.d20.table import Phase
from v2g.iso15118.d20.wire import header
from v2g.iso15118.service import Service
from v2g.iso15118.vehicle import VehicleState
from v2g.kernel.fault import Fault
from v2g.messages.iso20.common import ServiceDiscoveryReq, ServiceDiscoveryRes


def request(session: CarSession, vehicle: VehicleState) -> ServiceDiscoveryReq:
    # Unfiltered, so that a car which does not get its service can say what there was.
    return ServiceDiscoveryReq(header(session, vehicle))


def take(
    response: ServiceDiscoveryRes, asked: ServiceDiscoveryReq, session: CarSession, vehicle: VehicleState
) -> CarSession:
    offered = [each.ServiceID for each in response.EnergyTransferServiceList.Service]
    wanted = session.intent.service
    if wanted not in offered:
        names = ", ".join(Service(each).name if each in list(Service) else str(each) for each in offered)
        raise Abandon(f"the station does not offer {wanted.name} to this car, only {names}", Fault.REQUEST_REFUSED)
    renegotiable = response.ServiceRenegotiationSupported
    return replace(session, renegotiable=renegotiable).to(Phase.SERVICE_DETAIL)
