"""ServiceDiscovery: the services that this station has and this car may use.

What the car says it supports filters value-added services only [V2G20-1249].
"""

from dataclasses import replace

from v2g.iso15118.d20.station import value_added
from v2g.iso15118.d20.table import Phase
from v2g.iso15118.d20.wire import header
from v2g.iso15118.session import Refusal, Reply, Session
from v2g.iso15118.view import StationView
from v2g.kernel.fault import Fault
from v2g.messages.iso20.common import Service, ServiceDiscoveryReq, ServiceDiscoveryRes, ServiceList
from v2g.messages.iso20.types import ResponseCode


def answer(request: ServiceDiscoveryReq, session: Session, view: StationView) -> Reply:
    # No discharge without authorisation: a car that may not discharge is not offered the bidirectional services.
    offered = [each for each in session.offer.services if view.may_discharge or not each.bidirectional]
    if not offered:
        # An empty list cannot be written in the schema; the car could select nothing anyhow.
        raise Refusal(ResponseCode.FAILED, "there is no service that this car may use", Fault.AUTHORIZATION)
    added = value_added.listed(session.offer, request)
    response = ServiceDiscoveryRes(
        Header=header(session, view),
        ResponseCode=ResponseCode.OK,
        ServiceRenegotiationSupported=True,  # [V2G20-1931]
        EnergyTransferServiceList=ServiceList([Service(ServiceID=int(each), FreeService=False) for each in offered]),
        VASList=value_added.service_list(added),
    )
    return Reply(response, Phase.SERVICE_DETAIL, replace(session, offered=tuple(offered), added=added))
