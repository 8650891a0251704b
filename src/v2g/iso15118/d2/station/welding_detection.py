"""WeldingDetection: the station is off and open; the car looks for a voltage that should not be there."""

from typing import Any

from v2g.iso15118 import power_path
from v2g.iso15118.d2.dialect import Dialect
from v2g.iso15118.d2.station.status import dc_status
from v2g.iso15118.d2.table import Phase
from v2g.iso15118.session import Reply, Session, Wait
from v2g.iso15118.view import StationView


def answer(to: Dialect, request: Any, session: Session, view: StationView) -> Reply | Wait:
    if (wait := power_path.awaits_rest(session, view)) is not None:
        return wait
    response = to.messages.WeldingDetectionRes(
        ResponseCode=to.messages.ResponseCode.OK,
        DC_EVSEStatus=dc_status(to, session, view),
        EVSEPresentVoltage=to.shown(view.voltage_v, "V"),
    )
    return Reply(to.message(session.session_id, response), Phase.WELDING_DETECTION, session)
