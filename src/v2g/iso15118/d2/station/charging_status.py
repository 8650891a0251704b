"""ChargingStatus: the inverter is in the car and follows EVSEMaxCurrent; the station holds the contactor."""

from dataclasses import replace

from v2g.iso15118.d2.dialect import Dialect
from v2g.iso15118.d2.station.metering import metered
from v2g.iso15118.d2.station.schedule import phase_current_a
from v2g.iso15118.d2.station.session_setup import evse_id
from v2g.iso15118.d2.station.status import ac_status
from v2g.iso15118.d2.table import Phase
from v2g.iso15118.session import Reply, Session
from v2g.iso15118.view import Demand, Stage, StationView
from v2g.messages.iso2 import ChargingStatusRes, ResponseCode, V2G_Message


def answer(to: Dialect, request: V2G_Message, session: Session, view: StationView) -> Reply:
    selected = session.selected
    # The car does not say what it takes: it wants all that it can, and what is allowed decides.
    wish_w = session.car.limits.charge_w
    session = replace(session, demand=Demand(Stage.ENERGY, selected.service, selected.mode, wish_w=wish_w))
    allowed = session.within_promise(view.limits)
    power_w = allowed.charge_w if view.target_w is None else min(allowed.charge_w, max(view.target_w, 0.0))
    info, signs, session = metered(session, view)
    response = ChargingStatusRes(
        ResponseCode=ResponseCode.OK,
        EVSEID=evse_id(to, session),
        SAScheduleTupleID=session.tuple_id,
        EVSEMaxCurrent=to.limit(phase_current_a(power_w, allowed.charge_a, session.offer), "A"),
        MeterInfo=info,
        ReceiptRequired=signs,  # always present
        AC_EVSEStatus=ac_status(to, session, view),
    )
    following = Phase.RECEIPT if signs else Phase.AC_CHARGE_LOOP
    return Reply(to.message(session.session_id, response), following, session)
