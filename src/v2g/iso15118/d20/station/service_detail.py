"""ServiceDetail: the parameter sets of a service that was offered."""

from dataclasses import replace

from v2g.iso15118.d20 import der_iec
from v2g.iso15118.d20.parameter_sets import parameter_sets
from v2g.iso15118.d20.station import value_added
from v2g.iso15118.d20.table import Phase
from v2g.iso15118.d20.wire import header
from v2g.iso15118.service import Service
from v2g.iso15118.session import Refusal, Reply, Session
from v2g.iso15118.view import StationView
from v2g.messages.iso20.common import ParameterSet, ServiceDetailReq, ServiceDetailRes, ServiceParameterList
from v2g.messages.iso20.types import ResponseCode


def answer(request: ServiceDetailReq, session: Session, view: StationView) -> Reply:
    asked, offered = request.ServiceID, (*session.offered, *session.added)
    if asked not in offered:
        raise Refusal(
            ResponseCode.FAILED_ServiceIDInvalid,  # [V2G20-425], [V2G20-464]
            f"service {asked} was not offered, only {[int(each) for each in offered]}",
        )
    sets = value_added.parameter_sets(session.offer)[asked] if asked in session.added else _energy(asked, session, view)
    response = ServiceDetailRes(
        Header=header(session, view),
        ResponseCode=ResponseCode.OK,
        ServiceID=asked,
        ServiceParameterList=ServiceParameterList(sets),
    )
    return Reply(response, Phase.SERVICE_SELECTION, replace(session, detailed=(*session.detailed, asked)))


def _energy(number: int, session: Session, view: StationView) -> list[ParameterSet]:
    service, offer = Service(number), session.offer
    functions = None
    if service is Service.AC_DER_IEC and view.der is not None:
        functions = int(der_iec.functions(view.der))
    return parameter_sets(
        service, offer.modes, offer.nominal_voltage_v, price_levels=offer.price_levels, functions=functions
    )
