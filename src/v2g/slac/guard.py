"""Opens frames, and refuses those that no honest peer sends with an alarm. The alarms are limited in number."""

from v2g.slac.event import Alarm, Danger, Event, mac_text
from v2g.slac.mme import BROADCAST, Frame, MmeError

LONGEST_FRAME = 1518
QUIET_S = 10.0
"""The same alarm about the same sender is raised once in this time."""
MOST_ALARMS = 32
"""At most this many different alarms in that time; others are dropped."""


class Guard:
    """For one interface."""

    def __init__(self, mac: bytes) -> None:
        self._mac = mac
        self._raised: dict[tuple[Danger, bytes], float] = {}

    def open(self, data: bytes, now: float) -> tuple[Frame | None, list[Event]]:
        """The frame; None for one that is not for this host, or not to be trusted."""
        source, destination = data[6:12], data[:6]
        if destination not in (self._mac, BROADCAST):
            return None, []
        if len(data) > LONGEST_FRAME:
            return None, self.alarm(Danger.MALFORMED, source, f"a frame of {len(data)} octets", now)
        try:
            frame = Frame.unpack(data)
        except MmeError as error:
            return None, self.alarm(Danger.MALFORMED, source, str(error), now)
        if source == self._mac or source[0] & 1:
            name = frame.message.name if frame.message else f"type 0x{frame.mmtype:04X}"
            whose = "this host's address" if source == self._mac else "a group address"
            return None, self.alarm(Danger.SPOOFED, source, f"{name} from {whose}", now)
        return frame, []

    def alarm(self, danger: Danger, source: bytes, text: str, now: float) -> list[Event]:
        """The alarm, or nothing if it has just been raised."""
        self._raised = {key: raised_s for key, raised_s in self._raised.items() if now - raised_s < QUIET_S}
        if (danger, source) in self._raised or len(self._raised) >= MOST_ALARMS:
            return []
        self._raised[danger, source] = now
        return [Alarm(danger, source, f"{mac_text(source)}: {text}")]
