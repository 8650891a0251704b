"""DC_WeldingDetection: the station is off and open; the car looks for a voltage that should not be there."""

from v2g.iso15118.d20.numbers import shown
from v2g.iso15118.d20.table import Phase
from v2g.iso15118.d20.wire import header
from v2g.iso15118.session import Reply, Session
from v2g.iso15118.view import StationView
from v2g.messages.iso20.dc import DC_WeldingDetectionReq, DC_WeldingDetectionRes
from v2g.messages.iso20.types import ResponseCode


def answer(request: DC_WeldingDetectionReq, session: Session, view: StationView) -> Reply:
    response = DC_WeldingDetectionRes(
        Header=header(session, view),
        ResponseCode=ResponseCode.OK,
        EVSEPresentVoltage=shown(view.voltage_v),
    )
    return Reply(response, Phase.WELDING_DETECTION, session)
