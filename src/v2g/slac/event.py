"""What happens in the matching of a car and a station, as values."""

from dataclasses import dataclass, field
from enum import StrEnum

from v2g.slac.attenuation import Attenuation
from v2g.slac.key import NetworkKey


def mac_text(mac: bytes) -> str:
    """`00:B0:52:00:00:01`."""
    return mac.hex(":").upper()


@dataclass(frozen=True, slots=True)
class Match:
    """One car, one station, one network."""

    car: bytes
    """MAC of the car: the one that its later packets must come from."""
    station: bytes
    run_id: bytes
    key: NetworkKey
    attenuation: Attenuation


class Danger(StrEnum):
    """What an alarm is about."""

    MALFORMED = "malformed frame"
    SPOOFED = "spoofed address"
    FLOOD = "too many requests"
    SECOND_CAR = "second car"
    SECOND_STATION = "second station"
    CROSSTALK = "crosstalk"


@dataclass(frozen=True, slots=True)
class Began:
    """A car asks who is there, and was answered."""

    car: bytes
    run_id: bytes


@dataclass(frozen=True, slots=True)
class Sounded:
    """The station has measured the car's sounds (station), or has told the car of it (car)."""

    peer: bytes
    attenuation: Attenuation


@dataclass(frozen=True, slots=True)
class Ended:
    """One run of one car came to no match. The reason names the timer where one expired."""

    car: bytes
    run_id: bytes
    reason: str


@dataclass(frozen=True, slots=True)
class Joining:
    """The car has the key; the link is awaited."""

    match: Match


@dataclass(frozen=True, slots=True)
class Matched:
    """The link is up (D-LINK_READY)."""

    match: Match


@dataclass(frozen=True, slots=True)
class Unmatched:
    """The matching as a whole has failed. It begins anew only when told."""

    reason: str


@dataclass(frozen=True, slots=True)
class LeftUnmatched:
    """A car has gone without a match. One for each visit, about the nearest car that tried."""

    car: bytes
    attempts: int
    attenuation_db: float | None
    """The least mean of its attempts; None: no sound of it was measured."""
    reason: str
    """Why its last attempt failed."""

    def again(self, attenuation_db: float | None, reason: str) -> "LeftUnmatched":
        """With one more attempt of the same car."""
        measured = [each for each in (self.attenuation_db, attenuation_db) if each is not None]
        return LeftUnmatched(self.car, self.attempts + 1, min(measured, default=None), reason)

    @property
    def text(self) -> str:
        """For a person."""
        heard = "none measured" if self.attenuation_db is None else f"{self.attenuation_db:.1f} dB"
        tries = f"{self.attempts} attempt{'' if self.attempts == 1 else 's'}"
        return f"car {mac_text(self.car)}: {tries}, best attenuation {heard}, the last ended: {self.reason}"


@dataclass(frozen=True, slots=True)
class LinkLost:
    """The link of a match is gone (D-LINK_ERROR); the network is left."""

    match: Match
    reason: str


@dataclass(frozen=True, slots=True)
class Toggle:
    """The car shall toggle its control pilot (B, C, B) so often, at once, each state for TP_EV_vald_state_duration."""

    count: int


@dataclass(frozen=True, slots=True)
class ModemFound:
    """The modem at the own end of the cable has said what it is."""

    vendor: str
    version: str


@dataclass(frozen=True, slots=True)
class KeySet:
    """The own modem took the key."""

    key: NetworkKey


@dataclass(frozen=True, slots=True)
class ModemFailed:
    """The own modem does not do what it is asked for. It is asked again and again."""

    reason: str


@dataclass(frozen=True, slots=True)
class LinkUp:
    """The own modem has a link to another one."""


@dataclass(frozen=True, slots=True)
class LinkDown:
    """The own modem has no link any more."""

    reason: str


@dataclass(frozen=True, slots=True)
class Level:
    """The own modem says how strong it hears the other one: at least so much below what was sent."""

    level_db: int


@dataclass(frozen=True, slots=True)
class SignalWeak:
    """The link is there, but may soon be lost: look at connectors, cable and chokes."""

    signal_dbm: float
    weakest_dbm: float


@dataclass(frozen=True, slots=True)
class SignalTooWeak:
    """The signal has been weak for so long that the session should end in order before the link drops."""

    signal_dbm: float
    weakest_dbm: float
    for_s: float

    @property
    def text(self) -> str:
        """For a person."""
        return f"the signal is {self.signal_dbm:.1f} dBm, below {self.weakest_dbm:g} dBm for {self.for_s:g} s"


@dataclass(frozen=True, slots=True)
class SignalBack:
    """The signal is strong enough again."""

    signal_dbm: float


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something that no honest station or car does, or that two of them on one line do to each other."""

    danger: Danger
    source: bytes
    """MAC that it came from."""
    text: str


Event = (
    Began
    | Sounded
    | Ended
    | Joining
    | Matched
    | Unmatched
    | LeftUnmatched
    | LinkLost
    | Toggle
    | ModemFound
    | KeySet
    | ModemFailed
    | LinkUp
    | LinkDown
    | Level
    | SignalWeak
    | SignalTooWeak
    | SignalBack
    | Alarm
)


@dataclass(slots=True)
class Step:
    """What a call brings about: frames to send, in order, and what there is to tell."""

    send: list[bytes] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)

    def add(self, other: "Step") -> None:
        """Take over all of another."""
        self.send += other.send
        self.events += other.events


def describe(event: Event) -> tuple[str, bool]:
    """One line about an event, and whether it is a warning. No key is in it."""
    match event:
        case Began(car, run_id):
            return f"matching: car {mac_text(car)} begins, run id {run_id.hex().upper()}", False
        case Sounded(peer, attenuation):
            heard = f"{attenuation.mean_db:.1f} dB, {attenuation.sounds} sounds"
            return f"matching: attenuation to {mac_text(peer)} {heard}", False
        case Ended(car, run_id, reason):
            return f"matching: run {run_id.hex().upper()} of {mac_text(car)} ends: {reason}", False
        case Joining(match):
            return f"matching: car {mac_text(match.car)} and station {mac_text(match.station)} share a key", False
        case Matched(match):
            return f"link up: car {mac_text(match.car)}, {match.attenuation.mean_db:.1f} dB", False
        case Unmatched(reason):
            return f"no match: {reason}", True
        case LeftUnmatched():
            return f"no match: {event.text}", True
        case LinkLost(match, reason):
            return f"link lost: car {mac_text(match.car)}: {reason}", True
        case Toggle(count):
            return f"validation: toggle the control pilot {count} times", False
        case ModemFound(vendor, version):
            return f"modem: {vendor} {version}", False
        case KeySet(key):
            return f"modem: new key, network id {key.nid.hex().upper()}", False
        case ModemFailed(reason):
            return reason, True
        case LinkUp():
            return "modem: link up", False
        case LinkDown(reason):
            return f"modem: {reason}", True
        case Level(level_db):
            return f"modem: level {level_db} dB", False
        case SignalWeak(signal_dbm, weakest_dbm):
            remedy = "look at connectors, cable shield and ferrite chokes"
            return f"signal attenuation: {signal_dbm:.1f} dBm, below {weakest_dbm:g} dBm; {remedy}", True
        case SignalTooWeak():
            return f"signal attenuation: {event.text}", True
        case SignalBack(signal_dbm):
            return f"signal attenuation: back at {signal_dbm:.1f} dBm", False
        case Alarm(danger, _, text):
            return f"alarm: {danger}: {text}", True
