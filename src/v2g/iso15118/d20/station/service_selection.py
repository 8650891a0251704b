"""ServiceSelection: one offered energy service with one of its parameter sets, and value-added services with theirs.

Each pair must have been given to the car in this session; any other is FAILED_ServiceSelectionInvalid [V2G20-433],
[V2G20-467]. A selection without an energy service [V2G20-1618] cannot be written in the schema.
"""

from dataclasses import replace

from v2g.iso15118.d20.station import value_added
from v2g.iso15118.d20.table import Phase
from v2g.iso15118.d20.wire import header
from v2g.iso15118.service import Selection, Service
from v2g.iso15118.session import Refusal, Reply, Session
from v2g.iso15118.view import StationView
from v2g.messages.iso20.common import ServiceSelectionReq, ServiceSelectionRes
from v2g.messages.iso20.types import ResponseCode


def answer(request: ServiceSelectionReq, session: Session, view: StationView) -> Reply:
    chosen, modes = request.SelectedEnergyTransferService, session.offer.modes
    why: str | None
    if chosen.ServiceID not in session.detailed:
        why = f"service {chosen.ServiceID} was not detailed, only {[int(each) for each in session.detailed]}"
    elif not 1 <= chosen.ParameterSetID <= len(modes):
        why = f"service {chosen.ServiceID} has parameter sets 1 to {len(modes)}, not {chosen.ParameterSetID}"
    else:
        why = value_added.why_not(request.SelectedVASList, session.offer, session.detailed)
    if why is not None:
        raise Refusal(ResponseCode.FAILED_ServiceSelectionInvalid, why)
    selection = Selection(Service(chosen.ServiceID), chosen.ParameterSetID, modes[chosen.ParameterSetID - 1])
    return Reply(
        ServiceSelectionRes(Header=header(session, view), ResponseCode=ResponseCode.OK),
        Phase.CHARGE_PARAMETERS,
        replace(session, selection=selection),
    )
