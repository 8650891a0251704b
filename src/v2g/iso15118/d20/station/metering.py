"""MeterInfo: the energy of this session [V2G20-902], if the car asks for it [V2G20-1082], and at the first turn of the
charge loop without being asked [V2G20-1833]."""

from v2g.iso15118.d20.table import Phase
from v2g.iso15118.session import Session
from v2g.iso15118.view import StationView
from v2g.messages.iso20.ac import AC_ChargeLoopReq
from v2g.messages.iso20.dc import DC_ChargeLoopReq
from v2g.messages.iso20.types import MeterInfo


def meter_info(request: AC_ChargeLoopReq | DC_ChargeLoopReq, session: Session, view: StationView) -> MeterInfo | None:
    """The reading; None if it is not due, or if there is none, for nothing may be made up."""
    meter, due = view.meter, request.MeterInfoRequested or session.phase is Phase.STARTED
    if meter is None or not due:
        return None
    return MeterInfo(
        MeterID=meter.meter_id,
        ChargedEnergyReadingWh=meter.charged_wh,
        BPT_DischargedEnergyReadingWh=meter.discharged_wh,
    )
