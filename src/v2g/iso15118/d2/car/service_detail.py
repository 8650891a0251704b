"""ServiceDetail, of the certificate service: can it install a contract, or renew one?"""

from dataclasses import replace
from typing import Any

from v2g.exi.facets import Type
from v2g.iso15118.car_session import Abandon, CarSession
from v2g.iso15118.d2.dialect import Dialect, body
from v2g.iso15118.d2.table import Phase
from v2g.iso15118.vehicle import VehicleState
from v2g.kernel.fault import Fault


def request(to: Dialect, session: CarSession, vehicle: VehicleState) -> Type:
    assert session.certificates is not None, "no other service is asked for"
    return to.message(session.session_id, to.messages.ServiceDetailReq(session.certificates[0]))


def take(to: Dialect, response: Any, asked: Any, session: CarSession, vehicle: VehicleState) -> CarSession:
    said, wanted = body(response), "Installation" if session.contract is None else "Update"
    sets = [] if said.ServiceParameterList is None else said.ServiceParameterList.ParameterSet
    for each in sets:
        if any(parameter.stringValue == wanted for parameter in each.Parameter):
            return replace(session, certificates=(said.ServiceID, each.ParameterSetID)).to(Phase.SERVICE)
    raise Abandon(f"the station's certificate service offers no {wanted.lower()}", Fault.AUTHORIZATION)
