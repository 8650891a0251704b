"""What the station's EVSEStatus means to the car, and the car's own DC_EVStatus."""

from dataclasses import replace
from typing import Any

from v2g.iso15118.car_session import CarSession, Stopping
from v2g.iso15118.d2.dialect import Dialect
from v2g.iso15118.vehicle import VehicleState
from v2g.iso15118.view import Stop
from v2g.kernel.fault import Fault

_BROKEN = {
    "EVSE_EmergencyShutdown": Fault.EMERGENCY_STOP,
    "EVSE_Malfunction": Fault.INVERTER_FAULT,
    "EVSE_UtilityInterruptEvent": Fault.GRID,
}
"""They come with the response code OK, and end the energy transfer all the same."""


def dc_ev_status(to: Dialect, session: CarSession, vehicle: VehicleState) -> Any:
    """The car's state."""
    errors = to.messages.DC_EVErrorCode
    return to.messages.DC_EVStatus(
        EVReady=not vehicle.fault,
        EVErrorCode=errors.FAILED_EVRESSMalfunction if vehicle.fault else errors.NO_ERROR,
        EVRESSSOC=int(vehicle.soc * 100),
    )


def heeding(to: Dialect, session: CarSession, status: Any) -> CarSession:
    """What the station's status makes of this session: at once without current if the station is broken."""
    code = getattr(status, "EVSEStatusCode", None)
    fault = None if code is None else _BROKEN.get(code.value)
    if getattr(status, "RCD", False):
        fault, code = Fault.RESIDUAL_CURRENT, "a residual current"
    if fault is not None:
        if session.stop is None or session.stop.fault is None:
            session = replace(session, stop=Stopping(Stop.TERMINATE, f"the station reports {code}", fault))
        return replace(session, command=replace(session.command, charger_w=0.0, target_a=0.0))
    notifications = to.messages.EVSENotification
    asks = status.EVSENotification is notifications.StopCharging
    if (asks or (code is not None and code.value == "EVSE_Shutdown")) and session.stop is None:
        return replace(session, stop=Stopping(Stop.TERMINATE, "the station asked to end"))
    if to.renegotiates and status.EVSENotification is notifications.ReNegotiation:
        return replace(session, renegotiate=True)
    return session
