"""PowerDelivery: start, stop, standby, or back to the schedule.

Its response knows no `Ongoing`, so if the hardware needs a moment the answer is `Wait`. A station that wants the
session to end starts power all the same: the response carries the notification, and the car then ends in order.
"""

from dataclasses import replace
from enum import Enum

from v2g.iso15118.d20.station.profile import check_profile
from v2g.iso15118.d20.station.status import evse_status
from v2g.iso15118.d20.table import Phase
from v2g.iso15118.d20.timeouts import CONTACTOR_S
from v2g.iso15118.d20.wire import header
from v2g.iso15118.session import Code, Refusal, Reply, Session, Wait
from v2g.iso15118.view import Demand, Stage, StationView
from v2g.kernel.fault import Fault
from v2g.messages.iso20.common import ChargeProgress, PowerDeliveryReq, PowerDeliveryRes
from v2g.messages.iso20.types import Processing, ResponseCode

_CONTACTOR_OPEN = Refusal(ResponseCode.FAILED_ContactorError, "the contactor did not close in time", Fault.CONTACTOR)
_CONTACTOR_CLOSED = Refusal(ResponseCode.FAILED_ContactorError, "the contactor did not open in time", Fault.CONTACTOR)
_STILL_CURRENT = Refusal(ResponseCode.FAILED, "the current did not fall to zero in time", Fault.INVERTER_FAULT)


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
    service, wanted = session.selected.service, session.demand
    if service.dc:
        if not view.contactor_closed:
            raise Refusal(ResponseCode.FAILED_ContactorError, "the contactor is not closed", Fault.CONTACTOR)
        tolerance_v = session.offer.precharge_tolerance_v
        away_v = abs(view.voltage_v - wanted.voltage_v)
        if wanted.stage is Stage.PRECHARGE and tolerance_v is not None and away_v > tolerance_v:
            raise Refusal(
                ResponseCode.FAILED_PowerDeliveryNotApplied,
                f"pre-charge stands at {view.voltage_v:.0f} V, not at {wanted.voltage_v:.0f} V",
                Fault.PRECHARGE,
            )
    elif not view.contactor_closed:
        ready = Demand(Stage.READY, service, session.selected.mode)
        return Wait(replace(session, demand=ready), CONTACTOR_S, _CONTACTOR_OPEN)
    # Power follows the first charge-loop request: until then the contactor is closed and nothing flows.
    ready = replace(wanted, stage=Stage.READY, service=service, mode=session.selected.mode, wish_w=None)
    return _reply(ResponseCode.OK, Phase.STARTED, replace(session, demand=ready), view)


def _stop(session: Session, view: StationView) -> Reply | Wait:
    session = replace(session, demand=Demand())
    if session.selected.service.dc:
        if not view.current_gone:
            return Wait(session, CONTACTOR_S, _STILL_CURRENT)
        return _reply(ResponseCode.OK, Phase.WELDING_DETECTION, session, view)
    if view.contactor_closed is not False:
        return Wait(session, CONTACTOR_S, _CONTACTOR_CLOSED)
    return _reply(ResponseCode.OK, Phase.STOPPING, session, view)


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
