"""CurrentDemand: the car asks for a current, the station moves it within the limits of both sides, never backwards."""

from dataclasses import replace
from typing import Any

from v2g.iso15118.d2.dialect import Dialect, body, stated
from v2g.iso15118.d2.station.car_limits import newer
from v2g.iso15118.d2.station.metering import metered
from v2g.iso15118.d2.station.schedule import TUPLE_ID
from v2g.iso15118.d2.station.session_setup import evse_id
from v2g.iso15118.d2.station.status import dc_status
from v2g.iso15118.d2.table import Phase
from v2g.iso15118.numbers import MOST_A, MOST_V, why_not
from v2g.iso15118.session import Refusal, Reply, Session
from v2g.iso15118.view import Demand, Stage, StationView
from v2g.messages.iso2 import ResponseCode

_AT_LIMIT = 0.99
"""A value within 1 % of its limit has reached it."""


def answer(to: Dialect, request: Any, session: Session, view: StationView) -> Reply:
    asked, selected = body(request), session.selected
    limits = newer(asked, session.car.limits)
    if (reason := why_not(limits, dc=True)) is not None:
        raise Refusal(ResponseCode.FAILED, reason)
    current_a = max(stated(asked.EVTargetCurrent, MOST_A), 0.0)
    demand = Demand(
        Stage.ENERGY,
        selected.service,
        selected.mode,
        voltage_v=stated(asked.EVTargetVoltage, MOST_V),
        wish_w=current_a * max(view.voltage_v, 0.0),  # our own measurement, not the car's word
    )
    car = replace(session.car, limits=limits, soc_percent=asked.DC_EVStatus.EVRESSSOC)
    session = replace(session, car=car, demand=demand)
    own = session.within_promise(view.limits)
    reading, signs, session = _metered(to, session, view)
    response = to.messages.CurrentDemandRes(
        ResponseCode=to.messages.ResponseCode.OK,
        DC_EVSEStatus=dc_status(to, session, view),
        EVSEPresentVoltage=to.shown(view.voltage_v, "V"),
        EVSEPresentCurrent=to.shown(view.current_a, "A"),
        EVSECurrentLimitAchieved=own.charge_a > 0 and view.current_a >= _AT_LIMIT * own.charge_a,
        EVSEVoltageLimitAchieved=view.voltage_v >= _AT_LIMIT * own.voltage_max_v,
        EVSEPowerLimitAchieved=view.limited,
        EVSEMaximumVoltageLimit=to.limit(own.voltage_max_v, "V"),
        EVSEMaximumCurrentLimit=to.limit(own.charge_a, "A"),
        EVSEMaximumPowerLimit=to.limit(own.charge_w, "W"),
        **reading,
    )
    following = Phase.RECEIPT if signs else Phase.DC_CHARGE_LOOP
    return Reply(to.message(session.session_id, response), following, session)


def _metered(to: Dialect, session: Session, view: StationView) -> tuple[dict[str, Any], bool, Session]:
    """What DIN does not have; whether the car has to sign it."""
    if not to.renegotiates:
        return {}, False, session
    info, signs, session = metered(session, view)
    said = {
        "EVSEID": evse_id(to, session),
        "SAScheduleTupleID": TUPLE_ID,
        "MeterInfo": info,
        "ReceiptRequired": signs,
    }
    return said, signs, session
