"""ServiceDiscovery: the services that this station has, this car may use, and, if it says so, supports."""

from dataclasses import replace

from v2g.iso15118.d20.table import Phase
from v2g.iso15118.d20.wire import header
from v2g.iso15118.session import Refusal, Reply, Session
from v2g.iso15118.view import StationView
from v2g.messages.iso20.common import Service, ServiceDiscoveryReq, ServiceDiscoveryRes, ServiceList
from v2g.messages.iso20.types import ResponseCode


def answer(request: ServiceDiscoveryReq, session: Session, view: StationView) -> Reply:
    # No discharge without authorisation: a car that may not discharge is not offered the bidirectional services.
    permitted = [each for each in session.offer.services if view.may_discharge or not each.bidirectional]
    wanted = request.SupportedServiceIDs
    offered = [each for each in permitted if wanted is None or each in wanted.ServiceID]
    if not offered:
        # An empty list cannot be written in the schema; the car could select nothing anyhow.
        raise Refusal(
            ResponseCode.FAILED_NoEnergyTransferServiceSelected,
            f"the car supports services {wanted.ServiceID if wanted else []}, "
            f"the station has {[int(each) for each in permitted]}",
        )
    response = ServiceDiscoveryRes(
        Header=header(session, view),
        ResponseCode=ResponseCode.OK,
        ServiceRenegotiationSupported=False,
        EnergyTransferServiceList=ServiceList([Service(ServiceID=int(each), FreeService=False) for each in offered]),
    )
    return Reply(response, Phase.SERVICE_DETAIL, replace(session, offered=tuple(offered)))
