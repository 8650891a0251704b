"""CurrentDemand: the car asks for a current, the station moves it within the limits of both sides.

Never backwards, but for a car that is listed for it (SAE J2847/2): then its negative target is the limit of what it
gives, at low power until its sign is proved.
"""

from dataclasses import replace
from typing import Any

from v2g.iso15118.d2.dialect import Dialect, body, stated
from v2g.iso15118.d2.station.car_limits import newer
from v2g.iso15118.d2.station.metering import metered
from v2g.iso15118.d2.station.session_setup import evse_id
from v2g.iso15118.d2.station.status import dc_status
from v2g.iso15118.d2.table import Phase
from v2g.iso15118.numbers import MOST_A, MOST_V, why_not
from v2g.iso15118.session import Refusal, Reply, Session
from v2g.iso15118.sign_proof import Flow, SignProof
from v2g.iso15118.view import Demand, Limits, Stage, StationView
from v2g.messages.iso2 import ResponseCode

_AT_LIMIT = 0.99
"""A value within 1 % of its limit has reached it."""


def answer(to: Dialect, request: Any, session: Session, view: StationView) -> Reply:
    asked, selected = body(request), session.selected
    limits = newer(asked, session.car.limits)
    if (reason := why_not(limits, dc=True)) is not None:
        raise Refusal(ResponseCode.FAILED, reason)
    target_a = stated(asked.EVTargetCurrent, MOST_A)
    volts = max(view.voltage_v, 0.0)  # our own measurement, not the car's word
    proof = _proof(asked, target_a, session, view)
    given_w = min(max(-target_a, 0.0) * volts, proof.most_w) if selected.service.bidirectional else 0.0
    limits = replace(limits, discharge_w=given_w, discharge_a=given_w / volts if volts else 0.0)
    demand = Demand(
        Stage.ENERGY,
        selected.service,
        selected.mode,
        voltage_v=stated(asked.EVTargetVoltage, MOST_V),
        wish_w=target_a * volts if target_a > 0 else -given_w + 0.0,
    )
    car = replace(session.car, limits=limits, soc_percent=asked.DC_EVStatus.EVRESSSOC)
    failed = "" if session.proof.failed else proof.failed
    session = replace(session, car=car, demand=demand, proof=proof)
    own = session.within_promise(view.limits)
    reading, signs, session = _metered(to, session, view)
    response = to.messages.CurrentDemandRes(
        ResponseCode=to.messages.ResponseCode.OK,
        DC_EVSEStatus=dc_status(to, session, view),
        EVSEPresentVoltage=to.shown(view.voltage_v, "V"),
        EVSEPresentCurrent=to.shown(view.current_a, "A"),
        EVSECurrentLimitAchieved=_at_limit(own, view.current_a),
        EVSEVoltageLimitAchieved=view.voltage_v >= _AT_LIMIT * own.voltage_max_v,
        EVSEPowerLimitAchieved=view.limited,
        EVSEMaximumVoltageLimit=to.limit(own.voltage_max_v, "V"),
        EVSEMaximumCurrentLimit=to.limit(own.charge_a, "A"),
        EVSEMaximumPowerLimit=to.limit(own.charge_w, "W"),
        **reading,
    )
    following = Phase.RECEIPT if signs else Phase.DC_CHARGE_LOOP
    warning = f"the car is not discharged by its negative current: {failed}" if failed else ""
    return Reply(to.message(session.session_id, response), following, session, warning)


def _proof(asked: Any, target_a: float, session: Session, view: StationView) -> SignProof:
    if not session.selected.service.bidirectional:
        return session.proof
    error = asked.DC_EVStatus.EVErrorCode.value
    flow = Flow(view.measured_s, view.commanded_w, view.current_a, view.metered_w, view.voltage_v)
    return session.proof.after(target_a, flow, "" if error == "NO_ERROR" else error)


def _at_limit(own: Limits, current_a: float) -> bool:
    most_a = own.charge_a if current_a > 0 else own.discharge_a
    return most_a > 0 and abs(current_a) >= _AT_LIMIT * most_a


def _metered(to: Dialect, session: Session, view: StationView) -> tuple[dict[str, Any], bool, Session]:
    """What DIN does not have; whether the car has to sign it."""
    if not to.renegotiates:
        return {}, False, session
    info, signs, session = metered(session, view)
    said = {
        "EVSEID": evse_id(to, session),
        "SAScheduleTupleID": session.tuple_id,
        "MeterInfo": info,
        "ReceiptRequired": signs,
    }
    return said, signs, session
