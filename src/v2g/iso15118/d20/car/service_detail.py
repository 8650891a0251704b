"""ServiceDetail: the parameter set with the control mode that the car wants."""

from dataclasses import replace

from v2g.iso15118.car_session import Abandon, CarSession
from v2g.iso15118.d20.parameter_sets import mode_of, value_of
from v2g.iso15118.d20.table import Phase
from v2g.iso15118.d20.wire import header
from v2g.iso15118.service import Selection
from v2g.iso15118.vehicle import VehicleState
from v2g.kernel.fault import Fault
from v2g.messages.iso20.common import ParameterSet, ServiceDetailReq, ServiceDetailRes

_NEEDS_FROM_STATION = 2
"""Mobility needs mode: the station learns departure and energy from another source. This car states them itself."""


def request(session: CarSession, vehicle: VehicleState) -> ServiceDetailReq:
    return ServiceDetailReq(header(session, vehicle), ServiceID=int(session.intent.service))


def take(response: ServiceDetailRes, asked: ServiceDetailReq, session: CarSession, vehicle: VehicleState) -> CarSession:
    service, mode = session.intent.service, session.intent.mode
    if response.ServiceID != service:
        raise Abandon(
            f"the station details service {response.ServiceID}, asked for was {int(service)}",
            Fault.SEQUENCE_ERROR,
            in_order=False,
        )
    fitting = [each for each in response.ServiceParameterList.ParameterSet if mode_of(each) is mode]
    if not fitting:
        raise Abandon(f"the station offers {service.name} without {mode.name.lower()} control", Fault.REQUEST_REFUSED)
    chosen = min(fitting, key=_needs_from_station)
    nominal_v = float(value_of(chosen, "EVSENominalVoltage") or session.nominal_v)
    selection = Selection(service, chosen.ParameterSetID, mode)
    return replace(session, selection=selection, nominal_v=nominal_v).to(Phase.SERVICE_SELECTION)


def _needs_from_station(parameter_set: ParameterSet) -> bool:
    return any(
        each.Name == "MobilityNeedsMode" and each.intValue == _NEEDS_FROM_STATION for each in parameter_set.Parameter
    )
