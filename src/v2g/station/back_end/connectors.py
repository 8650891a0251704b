"""The status of each EVSE's connector, and what the back end knows of it (G01). No clock, no sockets."""

from collections.abc import Callable, Iterator, Mapping

from v2g.ocpp import v21
from v2g.ocpp.schedule import timestamp
from v2g.station.back_end.authorizer import BackEndAuthorizer
from v2g.station.back_end.transactions import Tracker
from v2g.station.evse import Evse


class Connectors:
    """Of a station: each EVSE has one."""

    def __init__(
        self, evses: Mapping[int, Evse], authorizers: Mapping[int, BackEndAuthorizer], trackers: Mapping[int, Tracker]
    ) -> None:
        self.reserved: Callable[[int], bool] = lambda id: False
        """Whether an EVSE is kept for somebody."""
        self._evses, self._authorizers, self._trackers = evses, authorizers, trackers
        self._reported: dict[int, str] = {}

    def status(self, id: int, now: float) -> v21.ConnectorStatusEnumType:
        """Of the connector of an EVSE."""
        status = self.own_status(id, now)
        return "Reserved" if status == "Available" and self.reserved(id) else status

    def own_status(self, id: int, now: float) -> v21.ConnectorStatusEnumType:
        """The same, whether it is reserved or not."""
        tracker, authorizer = self._trackers[id], self._authorizers[id]
        if tracker.running is None and (authorizer.held or not authorizer.operative):
            return "Unavailable"
        if tracker.running is not None or tracker.connected:
            return "Occupied"
        return "Available" if self._evses[id].why_not_ready(now) is None else "Faulted"

    def report_again(self) -> None:
        """The back end is to hear each status, whatever it knows."""
        self._reported.clear()

    def news(self, now: float, unix_s: int, *, faults: bool) -> Iterator[v21.StatusNotificationRequest]:
        """What the back end does not know yet. `faults`: whether one that is faulted is reported."""
        for id in self._evses:
            status = self.status(id, now)
            if self._reported.get(id) == status or (status == "Faulted" and not faults):
                continue
            self._reported[id] = status
            yield v21.StatusNotificationRequest(
                timestamp=timestamp(unix_s), connectorStatus=status, evseId=id, connectorId=1
            )
