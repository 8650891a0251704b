"""EVSEStatus: how the station asks the car to end or to take a new schedule, and what state it is in itself."""

from typing import Any

from v2g.iso15118.d2.dialect import Dialect
from v2g.iso15118.d2.table import Phase
from v2g.iso15118.session import Session
from v2g.iso15118.view import Stage, StationView, Stop
from v2g.kernel.fault import Fault

_TESTED = {
    Phase.PRECHARGE,
    Phase.PRECHARGED,
    Phase.STARTED,
    Phase.DC_CHARGE_LOOP,
    Phase.RECEIPT,
    Phase.WELDING_DETECTION,
}
_BY_CAR = {Fault.SEQUENCE_ERROR, Fault.UNKNOWN_SESSION, Fault.REQUEST_REFUSED, Fault.AUTHORIZATION}
"""The station itself is well."""
_STATUS = {
    **dict.fromkeys((Fault.GRID, Fault.ISLANDING), "EVSE_UtilityInterruptEvent"),
    **dict.fromkeys(
        (Fault.PILOT, Fault.UNPLUGGED, Fault.RESIDUAL_CURRENT, Fault.DOOR, Fault.EMERGENCY_STOP),
        "EVSE_EmergencyShutdown",
    ),
    **dict.fromkeys(
        (Fault.INVERTER_FAULT, Fault.OVER_CURRENT, Fault.OVER_VOLTAGE, Fault.OVER_TEMPERATURE), "EVSE_Shutdown"
    ),
}
"""The status code for a fault, as the operator's catalogue has it; any other is a malfunction."""


def dc_status(
    to: Dialect, session: Session, view: StationView, *, tested: bool = False, fault: Fault | None = None
) -> Any:
    """DC. `tested`: the insulation just has been; `fault`: why the request is refused."""
    levels, phase = to.messages.IsolationLevel, session.phase
    isolation = levels.Valid if tested or phase in _TESTED else levels.Invalid
    return to.messages.DC_EVSEStatus(
        NotificationMaxDelay=0,
        EVSENotification=_notification(to, session, view),
        EVSEIsolationStatus=levels.Fault if fault is Fault.CABLE_CHECK else isolation,
        EVSEStatusCode=_code(to, session, view, tested=tested, fault=fault),
    )


def ac_status(to: Dialect, session: Session, view: StationView, *, fault: Fault | None = None) -> Any:
    """AC. DIN has it too, although nobody charges AC by it."""
    stated = {"NotificationMaxDelay": 0, "EVSENotification": _notification(to, session, view)}
    if "PowerSwitchClosed" in to.messages.AC_EVSEStatus.__struct_fields__:
        stated["PowerSwitchClosed"] = bool(view.contactor_closed)
    return to.messages.AC_EVSEStatus(**stated, RCD=fault is Fault.RESIDUAL_CURRENT)


def _code(to: Dialect, session: Session, view: StationView, *, tested: bool, fault: Fault | None) -> Any:
    codes = to.messages.DC_EVSEStatusCode
    if fault in _BY_CAR:
        return codes.EVSE_Ready
    if fault is not None:
        return codes[_STATUS.get(fault, "EVSE_Malfunction")]
    stopped = session.phase in (Phase.STARTED, Phase.DC_CHARGE_LOOP) and session.demand.stage is Stage.OFF
    if view.stop is not Stop.NONE or stopped or session.phase is Phase.WELDING_DETECTION:
        return codes.EVSE_Shutdown
    if session.phase is Phase.CABLE_CHECK and not tested:
        return codes.EVSE_IsolationMonitoringActive
    return codes.EVSE_Ready


def _notification(to: Dialect, session: Session, view: StationView) -> Any:
    notifications = to.messages.EVSENotification
    if view.stop is not Stop.NONE:
        return notifications.StopCharging
    if to.renegotiates and view.renegotiate and _worth_it(session, view):
        return notifications.ReNegotiation
    return notifications.None_


def _worth_it(session: Session, view: StationView) -> bool:
    """In DC a new schedule costs another cable check. A lower limit binds by CurrentDemandRes alone."""
    if session.selection is None or not session.selection.service.dc:
        return True
    elapsed_s = view.unix_s - session.schedule_from_s
    for slot in session.schedule:
        if elapsed_s < slot.duration_s:
            return view.limits.charge_w > slot.charge_w
        elapsed_s -= slot.duration_s
    return False
