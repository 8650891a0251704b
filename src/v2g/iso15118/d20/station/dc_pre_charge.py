"""DC_PreCharge: the station brings its output to the car's voltage before the car closes its own contactors."""

from v2g.iso15118 import power_path
from v2g.iso15118.d20.numbers import shown, stated
from v2g.iso15118.d20.table import Phase
from v2g.iso15118.d20.wire import header
from v2g.iso15118.numbers import MOST
from v2g.iso15118.session import Reply, Session
from v2g.iso15118.view import StationView
from v2g.messages.iso20.dc import DC_PreChargeReq, DC_PreChargeRes
from v2g.messages.iso20.types import Processing, ResponseCode


def answer(request: DC_PreChargeReq, session: Session, view: StationView) -> Reply:
    session = power_path.precharge(session, view, stated(request.EVTargetVoltage, MOST))
    response = DC_PreChargeRes(
        Header=header(session, view),
        ResponseCode=ResponseCode.OK,
        EVSEPresentVoltage=shown(view.voltage_v),
    )
    finished = request.EVProcessing is Processing.Finished
    return Reply(response, Phase.PRECHARGED if finished else Phase.PRECHARGING, session)
