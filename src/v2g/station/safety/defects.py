"""What the switching devices report of themselves, with or without a session."""

from v2g.kernel.fault import Fault
from v2g.station.event import Broke
from v2g.station.readings import Readings


class Defects:
    """Of contactor, CCID and connector lock. What breaks as a session ends trips nothing any more, but is reported."""

    def __init__(self) -> None:
        self.contactor: str | None = None
        """What the contactor reports now."""
        self._reported: dict[str, str | None] = {}

    def step(self, readings: Readings, trip: tuple[Fault, str] | None) -> list[Broke]:
        """What is new in fresh readings, and not what the session has failed for (`trip`)."""
        news = []
        for device, fault, reading in (
            ("contactor", Fault.CONTACTOR, readings.contactor),
            ("CCID", Fault.CONTACTOR, readings.ccid),
            ("connector lock", Fault.CONNECTOR_LOCK, readings.lock),
        ):
            found = None if reading is None else reading.fault
            known = found is self._reported.get(device) or (trip is not None and trip[0] is fault)
            if found is not None and not known:
                name = device if reading is None else getattr(reading, "name", device)
                news.append(Broke(fault, f"the {name if device == 'contactor' else device} reports {found}"))
            self._reported[device] = found
        self.contactor = self._reported["contactor"]
        return news
