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
    """MAC of the car. Its later packets must come from there."""
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
    """A run begins: a car has asked, and was answered."""

    car: bytes
    run_id: bytes


@dataclass(frozen=True, slots=True)
class Sounded:
    """The attenuation is known: measured (at the station), or reported by the station (at the car)."""

    peer: bytes
    attenuation: Attenuation


@dataclass(frozen=True, slots=True)
class Ended:
    """One run of one car came to no match. The reason names the timer that expired, if one did."""

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
    """The matching as a whole has failed. It begins again only with `begin_matching`."""

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
    """The car must make `count` BCB toggles now, with TP_EV_vald_state_duration in each state."""

    count: int


@dataclass(frozen=True, slots=True)
class ModemFound:
    """The modem has said what it is."""

    vendor: str
    version: str


@dataclass(frozen=True, slots=True)
class KeySet:
    """The modem has taken the key."""

    key: NetworkKey


@dataclass(frozen=True, slots=True)
class ModemFailed:
    """The modem does not do what it is asked to. It is asked again every second."""

    reason: str


@dataclass(frozen=True, slots=True)
class LinkUp:
    """The modem has a link to another one."""


@dataclass(frozen=True, slots=True)
class LinkDown:
    """The modem has no link any more."""

    reason: str


@dataclass(frozen=True, slots=True)
class Level:
    """How strong the modem hears the other one: at least this far below what was sent."""

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
    """The sender's MAC."""
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
    """The result of a call: frames to send, in order, and what happened."""

    send: list[bytes] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)

    def add(self, other: "Step") -> None:
        """Append another step."""
        self.send += other.send
        self.events += other.events


def describe(event: Event) -> tuple[str, bool]:
    """One line for a person, and whether it is a warning. It contains no key."""
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
            return f"validation: toggle the control pilot {count} time{'' if count == 1 else 's'}", False
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
