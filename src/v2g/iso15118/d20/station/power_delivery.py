"""PowerDelivery: start, stop, standby, or back to the schedule.

Its response knows no `Ongoing`, so if the hardware needs a moment the answer is `Wait`. A station that wants the
session to end starts power all the same: the response carries the notification, and the car then ends in order.
"""

from dataclasses import replace
from enum import Enum

from v2g.iso15118 import power_path
from v2g.iso15118.d20.station.profile import check_profile
from v2g.iso15118.d20.station.status import evse_status
from v2g.iso15118.d20.table import Phase
from v2g.iso15118.d20.wire import header
from v2g.iso15118.session import Code, Refusal, Reply, Session, Wait
from v2g.iso15118.view import Stage, StationView
from v2g.kernel.fault import Fault
from v2g.messages.iso20.common import ChargeProgress, PowerDeliveryReq, PowerDeliveryRes
from v2g.messages.iso20.types import Processing, ResponseCode


def answer(request: PowerDeliveryReq, session: Session, view: StationView) -> Reply | Wait:
    if request.EVProcessing is not Processing.Finished:  # the rest of the request does not count yet [V2G20-2007]
        return _reply(ResponseCode.OK, _here(session), session, view)
    match request.ChargeProgress:
        case ChargeProgress.Start:
            return _start(request, session, view)
        case ChargeProgress.Stop:
            return _stop(session, view)
        case ChargeProgress.Standby:
            return _reply(ResponseCode.WARNING_StandbyNotAllowed, _here(session), session, view)
        case ChargeProgress.ScheduleRenegotiation:
            return _renegotiate(session, view)


def _start(request: PowerDeliveryReq, session: Session, view: StationView) -> Reply | Wait:
    check_profile(request.EVPowerProfile, session)
    if session.phase is Phase.CHARGE_LOOP:  # energy is flowing already
        return _reply(ResponseCode.OK, Phase.STARTED, session, view)
    started = power_path.start(session, view)
    return started if isinstance(started, Wait) else _reply(ResponseCode.OK, Phase.STARTED, started, view)


def _stop(session: Session, view: StationView) -> Reply | Wait:
    stopped = power_path.stop(session, view)
    if isinstance(stopped, Wait):
        return stopped
    following = Phase.WELDING_DETECTION if session.selected.service.dc else Phase.STOPPING
    return _reply(ResponseCode.OK, following, stopped, view)


def _renegotiate(session: Session, view: StationView) -> Reply:
    if session.phase is not Phase.CHARGE_LOOP:  # [V2G20-2018]
        reason = "there is no energy transfer whose schedule could change"
        raise Refusal(Code.SEQUENCE_ERROR, reason, Fault.SEQUENCE_ERROR)
    ready = replace(session.demand, stage=Stage.READY, wish_w=None)
    return _reply(ResponseCode.OK, Phase.SCHEDULE_EXCHANGE, replace(session, demand=ready), view)


def _here(session: Session) -> Enum:
    """The phase that waits for the next PowerDelivery."""
    return Phase.PRECHARGED if session.phase is Phase.PRECHARGING else session.phase


def _reply(code: ResponseCode, following: Enum, session: Session, view: StationView) -> Reply:
    return Reply(
        PowerDeliveryRes(Header=header(session, view), ResponseCode=code, EVSEStatus=evse_status(view)),
        following,
        session,
    )
