"""EVSEStatus: how the station asks the car to pause, to end, to choose again, to take a new schedule, or to confirm the
meter.
"""

from math import ceil

from v2g.iso15118.d20.timeouts import PAUSE_WITHIN_S
from v2g.iso15118.view import StationView, Stop
from v2g.messages.iso20.types import EvseNotification, EVSEStatus

_NOTIFICATIONS = {Stop.PAUSE: EvseNotification.Pause, Stop.TERMINATE: EvseNotification.Terminate}


def evse_status(view: StationView, *, confirms: bool = False) -> EVSEStatus | None:
    """The notification, for as long as the station wants it [V2G20-1402]; None while it wants nothing. `confirms`: the
    car shall confirm the meter's reading; everything else goes before."""
    wanted = _NOTIFICATIONS.get(view.stop)
    if wanted is None and view.choose_again:
        wanted = EvseNotification.ServiceRenegotiation
    if wanted is None and view.renegotiate:
        wanted = EvseNotification.ScheduleRenegotiation
    if wanted is None and confirms:
        wanted = EvseNotification.MeteringConfirmation
    if wanted is None:
        return None
    # It counts down while the car does not begin [V2G20-3318]; what is left counts from the first notification on.
    delay_s = min(PAUSE_WITHIN_S, ceil(view.pause_in_s)) if wanted is EvseNotification.Pause else 0
    return EVSEStatus(NotificationMaxDelay=delay_s, EVSENotification=wanted)
