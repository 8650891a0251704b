"""ServiceDetail: the parameter sets of a service that was offered."""

from dataclasses import replace

from v2g.iso15118.d20 import der_iec
from v2g.iso15118.d20.parameter_sets import parameter_sets
from v2g.iso15118.d20.table import Phase
from v2g.iso15118.d20.wire import header
from v2g.iso15118.service import Service
from v2g.iso15118.session import Refusal, Reply, Session
from v2g.iso15118.view import StationView
from v2g.messages.iso20.common import ServiceDetailReq, ServiceDetailRes, ServiceParameterList
from v2g.messages.iso20.types import ResponseCode


def answer(request: ServiceDetailReq, session: Session, view: StationView) -> Reply:
    if request.ServiceID not in session.offered:
        raise Refusal(
            ResponseCode.FAILED_ServiceIDInvalid,  # [V2G20-425], [V2G20-464]
            f"service {request.ServiceID} was not offered, only {[int(each) for each in session.offered]}",
        )
    service, offer = Service(request.ServiceID), session.offer
    functions = None
    if service is Service.AC_DER_IEC and view.der is not None:
        functions = int(der_iec.functions(view.der))
    response = ServiceDetailRes(
        Header=header(session, view),
        ResponseCode=ResponseCode.OK,
        ServiceID=request.ServiceID,
        ServiceParameterList=ServiceParameterList(
            parameter_sets(
                service,
                offer.modes,
                offer.nominal_voltage_v,
                price_levels=offer.price_levels,
                functions=functions,
            )
        ),
    )
    return Reply(response, Phase.SERVICE_SELECTION, replace(session, detailed=(*session.detailed, service)))
