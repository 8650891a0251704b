"""ServiceSelection: one offered energy service with one of its parameter sets."""

from dataclasses import replace

from v2g.iso15118.d20.table import Phase
from v2g.iso15118.d20.wire import header
from v2g.iso15118.service import Selection, Service
from v2g.iso15118.session import Refusal, Reply, Session
from v2g.iso15118.view import StationView
from v2g.messages.iso20.common import ServiceSelectionReq, ServiceSelectionRes
from v2g.messages.iso20.types import ResponseCode


def answer(request: ServiceSelectionReq, session: Session, view: StationView) -> Reply:
    chosen, modes = request.SelectedEnergyTransferService, session.offer.modes
    if chosen.ServiceID not in session.offered:
        raise Refusal(
            ResponseCode.FAILED_NoEnergyTransferServiceSelected,
            f"service {chosen.ServiceID} was not offered, only {[int(each) for each in session.offered]}",
        )
    if not 1 <= chosen.ParameterSetID <= len(modes):
        raise Refusal(
            ResponseCode.FAILED_ServiceSelectionInvalid,  # [V2G20-433], [V2G20-467]
            f"service {chosen.ServiceID} has parameter sets 1 to {len(modes)}, not {chosen.ParameterSetID}",
        )
    if request.SelectedVASList is not None:
        raise Refusal(ResponseCode.FAILED_ServiceSelectionInvalid, "no value-added service was offered")
    selection = Selection(Service(chosen.ServiceID), chosen.ParameterSetID, modes[chosen.ParameterSetID - 1])
    return Reply(
        ServiceSelectionRes(Header=header(session, view), ResponseCode=ResponseCode.OK),
        Phase.CHARGE_PARAMETERS,
        replace(session, selection=selection),
    )
