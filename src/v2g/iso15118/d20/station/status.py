"""EVSEStatus: how the station asks the car to pause or to end."""

from v2g.iso15118.view import StationView, Stop
from v2g.messages.iso20.types import EvseNotification, EVSEStatus

_NOTIFICATIONS = {Stop.PAUSE: EvseNotification.Pause, Stop.TERMINATE: EvseNotification.Terminate}


def evse_status(view: StationView) -> EVSEStatus | None:
    """The notification, at once (delay 0); None while the station wants nothing."""
    wanted = _NOTIFICATIONS.get(view.stop)
    if wanted is None and view.renegotiate:
        wanted = EvseNotification.ScheduleRenegotiation
    return None if wanted is None else EVSEStatus(NotificationMaxDelay=0, EVSENotification=wanted)
