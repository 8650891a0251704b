"""PowerDelivery: start, stop, or back to the charge parameters.

A renegotiation in DC goes through cable check and pre-charge again, with the contactor open in between [V2G2-582]. In
AC the contactor stays closed, and no power is allowed until it is started again.
"""

from dataclasses import replace
from enum import Enum
from typing import Any

from v2g.iso15118 import power_path
from v2g.iso15118.d2.dialect import Dialect, body
from v2g.iso15118.d2.station.schedule import TUPLE_ID, check_profile
from v2g.iso15118.d2.station.status import ac_status, dc_status
from v2g.iso15118.d2.table import Phase
from v2g.iso15118.session import Code, Refusal, Reply, Session, Wait
from v2g.iso15118.view import Stage, StationView
from v2g.kernel.fault import Fault
from v2g.messages.iso2 import ChargeProgress

_LOOPS = (Phase.AC_CHARGE_LOOP, Phase.DC_CHARGE_LOOP)


def answer(to: Dialect, request: Any, session: Session, view: StationView) -> Reply | Wait:
    asked = body(request)
    outcome: Session | Wait
    match _progress(to, asked):
        case ChargeProgress.Start:
            if session.phase in _LOOPS:  # [V2G2-812]
                raise Refusal(Code.FAILED, "energy transfer has begun already", Fault.SEQUENCE_ERROR)
            profile = asked.ChargingProfile
            named = asked if to.renegotiates else profile
            chosen = None if named is None else named.SAScheduleTupleID
            check_profile(profile, chosen, session)
            session = replace(session, tuple_id=chosen or TUPLE_ID)
            outcome, following = power_path.start(session, view), Phase.STARTED
        case ChargeProgress.Stop:
            outcome = power_path.stop(session, view)
            following = Phase.WELDING_DETECTION if session.selected.service.dc else Phase.STOPPING
        case ChargeProgress.Renegotiate:
            outcome, following = _renegotiate(session, view), Phase.CHARGE_PARAMETERS
    return outcome if isinstance(outcome, Wait) else _reply(to, following, outcome, view)


def _progress(to: Dialect, asked: Any) -> ChargeProgress:
    if to.renegotiates:
        progress: ChargeProgress = asked.ChargeProgress
        return progress
    return ChargeProgress.Start if asked.ReadyToChargeState else ChargeProgress.Stop


def _renegotiate(session: Session, view: StationView) -> Session | Wait:
    if session.phase not in _LOOPS:  # [V2G2-812]
        reason = "there is no energy transfer whose schedule could change"
        raise Refusal(Code.FAILED, reason, Fault.SEQUENCE_ERROR)
    if session.selected.service.dc:
        return power_path.stop(session, view)
    return replace(session, demand=replace(session.demand, stage=Stage.READY, wish_w=None))


def _reply(to: Dialect, following: Enum, session: Session, view: StationView) -> Reply:
    """The status is that of the phase that follows: a station that renegotiates has not shut down."""
    status = dc_status if session.selected.service.dc else ac_status
    response = to.messages.PowerDeliveryRes(
        ResponseCode=to.messages.ResponseCode.OK, EVSEStatus=status(to, replace(session, phase=following), view)
    )
    return Reply(to.message(session.session_id, response), following, session)
