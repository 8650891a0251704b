"""PreCharge: the station brings its output to the car's voltage before the car closes its own contactors."""

from typing import Any

from v2g.iso15118 import power_path
from v2g.iso15118.d2.dialect import Dialect, body, stated
from v2g.iso15118.d2.station.status import dc_status
from v2g.iso15118.d2.table import Phase
from v2g.iso15118.numbers import MOST
from v2g.iso15118.session import Reply, Session
from v2g.iso15118.view import StationView


def answer(to: Dialect, request: Any, session: Session, view: StationView) -> Reply:
    session = power_path.precharge(session, view, stated(body(request).EVTargetVoltage, MOST))
    response = to.messages.PreChargeRes(
        ResponseCode=to.messages.ResponseCode.OK,
        DC_EVSEStatus=dc_status(to, session, view),
        EVSEPresentVoltage=to.shown(view.voltage_v, "V"),
    )
    return Reply(to.message(session.session_id, response), Phase.PRECHARGED, session)
