"""What has happened at an EVSE since the process began, as numbers that only grow: for `v2g.run.metrics`."""

from collections import Counter

from v2g.iso15118.event import Faulted
from v2g.kernel.distribution import Distribution
from v2g.kernel.fault import Fault
from v2g.station.event import Broke, Event, GridVerdict, SafeStateReached, SessionEnded, StrangerRefused
from v2g.station.visit import Visit


class Tally:
    """Of one EVSE."""

    def __init__(self, visit: Visit) -> None:
        """`visit`: the one that is there."""
        self.sessions: Counter[str] = Counter()
        """By how they ended: `completed`, `paused`, `failed`."""
        self.faults: Counter[Fault] = Counter()
        self.trips: Counter[str] = Counter()
        """Of the grid protection, by its element."""
        self.refused = 0
        """Connections and searches of strangers."""
        self.safe_after = Distribution()
        """From a fault until the contactor was seen open, without current."""
        self.responses: dict[str, Distribution] = {}
        """By message: from its last octet to the answer."""
        self._visit = visit
        self._charged_wh = self._discharged_wh = 0.0
        self._limited_s: Counter[str] = Counter()

    def take(self, event: Event, visit: Visit) -> None:
        """Something has happened, in this visit."""
        if visit is not self._visit:  # each begins with an event: nothing of the former one is lost
            self._charged_wh, self._discharged_wh = self.energy_wh
            self._limited_s = self.limited_s
            self._visit = visit
        match event:
            case SessionEnded(paused=paused):
                self.sessions["paused" if paused else "failed" if visit.report.fault else "completed"] += 1
            case Faulted(fault=fault) | Broke(fault=fault):
                self.faults[fault] += 1
            case GridVerdict(trips=True, element=element):
                self.trips[element] += 1
            case StrangerRefused():
                self.refused += 1
            case SafeStateReached(took_s=took_s):
                self.safe_after.add(took_s)

    def responded(self, message: str, took_s: float) -> None:
        """The station has answered a message."""
        known = self.responses.get(message)
        if known is None:
            known = self.responses[message] = Distribution()
        known.add(took_s)

    @property
    def energy_wh(self) -> tuple[float, float]:
        """Charged and discharged, at the meter, in all visits."""
        report = self._visit.report
        return self._charged_wh + report.charged_wh, self._discharged_wh + report.discharged_wh

    @property
    def limited_s(self) -> Counter[str]:
        """Seconds for which each limit held the power below the wish, in all visits."""
        return self._limited_s + Counter(self._visit.decider.limited_s)
