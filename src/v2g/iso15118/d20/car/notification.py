"""What the station's EVSEStatus and MeterInfo mean to the car."""

from dataclasses import replace

from v2g.exi.facets import Type
from v2g.iso15118.car_session import Abandon, CarSession, Stopping
from v2g.iso15118.view import Meter, Stop
from v2g.kernel.fault import Fault
from v2g.messages.iso20.types import EvseNotification, EVSEStatus, MeterInfo


def heeding(session: CarSession, status: EVSEStatus | None) -> CarSession:
    """What the station's notification makes of this session."""
    match None if status is None else status.EVSENotification:
        case EvseNotification.Terminate if session.stop is None:
            return replace(session, stop=Stopping(Stop.TERMINATE, "the station asked to end"))
        case EvseNotification.Pause if session.stop is None:
            return replace(session, stop=Stopping(Stop.PAUSE, "the station asked to pause"))
        case EvseNotification.ScheduleRenegotiation:
            return replace(session, renegotiate=True)
        case EvseNotification.MeteringConfirmation if session.contract is not None:
            return replace(session, confirms=True)
        # [V2G20-1964]; a station that said that it cannot is not followed [V2G20-1965].
        case EvseNotification.ServiceRenegotiation if session.stop is None and session.renegotiable:
            return replace(session, stop=Stopping(Stop.TERMINATE, "a service is chosen again", renegotiates=True))
    return session


def meter_in(session: CarSession, info: MeterInfo | None) -> Meter | None:
    """The meter's reading, or the earlier one if the station gave none."""
    if info is None:
        return session.report.meter
    return Meter(info.MeterID, info.ChargedEnergyReadingWh, info.BPT_DischargedEnergyReadingWh or 0)


def wrong_flavour(found: Type, wanted: type[Type]) -> Abandon:
    """The response speaks of another service or control mode than the selected one."""
    return Abandon(
        f"the station answers with {type(found).__name__}, the selected service demands {wanted.__name__}",
        Fault.SEQUENCE_ERROR,
        in_order=False,
    )
