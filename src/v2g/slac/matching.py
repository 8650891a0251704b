"""What the matching of a car and that of a station share: a modem, the quality of its link, and who may speak."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

from v2g.slac.amplitude import AmplitudeExchange
from v2g.slac.event import Danger, Match, Step
from v2g.slac.guard import Guard
from v2g.slac.mme import Frame, Mme
from v2g.slac.modem import Modem
from v2g.slac.quality import WEAKEST_DBM, Quality


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchingSettings:
    """The settings of both sides."""

    margin_db: float = 3.0
    """Two attenuations count as different if they are at least this far apart."""
    amplitudes: tuple[int, ...] = ()
    """How loud the other side should send on each carrier, 0 to 15, requested with the link up. Empty: no request."""
    weakest_dbm: float = WEAKEST_DBM
    """Warn below this signal level."""
    modem: bytes | None = None
    """MAC of this side's modem. None: learned from its first answer."""


class Matching(ABC):
    """One side. The shell hands over frames and keeps the time: `expire` is due at `next_deadline`."""

    def __init__(self, mac: bytes, settings: MatchingSettings) -> None:
        """`mac`: of the interface to the modem."""
        self.match: Match | None = None
        """From CM_SLAC_MATCH.CNF until the network is left."""
        self.modem = Modem(mac, settings.modem)
        self.quality = Quality(settings.weakest_dbm)
        self._mac = mac
        self._guard = Guard(mac)
        self._amplitudes = AmplitudeExchange(mac, settings.amplitudes)

    def receive(self, data: bytes, now: float) -> Step:
        """A frame from the interface, from its destination address on."""
        frame, alarms = self._guard.open(data, now)
        step = Step(events=alarms)
        if frame is not None:
            step.add(self._of_modem(self.modem.receive(frame, now), now))
            step.add(self._amplitudes.receive(frame, self.modem.address, now))
            step.add(self._of_peer(frame, now))
        return step

    def expire(self, now: float) -> Step:
        """Time has passed."""
        step = self._of_modem(self.modem.expire(now), now)
        step.add(self._amplitudes.expire(now))
        step.events += self.quality.expire(now)
        step.add(self._expire(now))
        return step

    def next_deadline(self) -> float | None:
        """When `expire` is due; None while nothing is awaited."""
        own = (self.modem.next_deadline(), self._amplitudes.next_deadline(), self.quality.next_deadline())
        return min((each for each in (*own, *self._deadlines()) if each is not None), default=None)

    def _alarm(self, danger: Danger, source: bytes, text: str, now: float) -> Step:
        return Step(events=self._guard.alarm(danger, source, text, now))

    def _leave_link(self) -> None:
        """The link is gone, or not wanted any more."""
        self._amplitudes.end()
        self.quality.end()
        self.modem.unwatch()

    def _frame(self, destination: bytes, message: Mme) -> bytes:
        return Frame.of(destination, self._mac, message).pack()

    @abstractmethod
    def _of_modem(self, step: Step, now: float) -> Step:
        """What follows from a step of the modem."""

    @abstractmethod
    def _of_peer(self, frame: Frame, now: float) -> Step:
        """What follows from a frame of another side."""

    @abstractmethod
    def _expire(self, now: float) -> Step:
        """Deal with the deadlines of this side that have passed."""

    @abstractmethod
    def _deadlines(self) -> list[float | None]:
        """Those of this side."""
