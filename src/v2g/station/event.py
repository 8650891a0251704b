"""What happened at an EVSE, as values. `v2g.station.text` turns them into a person's language."""

from dataclasses import dataclass

from v2g.iso15118.event import Event as ConversationEvent
from v2g.iso15118.view import Stop
from v2g.kernel.fault import Fault
from v2g.pilot.station import PilotEvent
from v2g.slac.event import Event as LineEvent
from v2g.station.access import Identity, Verdict
from v2g.station.power.limits import Bound, Decision


@dataclass(frozen=True, slots=True)
class Judged:
    """Somebody has decided whether this car may use the station."""

    identity: Identity
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class InverterJudged:
    """What the inverter of an AC car has answered to the grid code's settings."""

    lacking: str
    """Why it may not feed; empty if it may."""


@dataclass(frozen=True, slots=True)
class NamesDiffer:
    """The car states another name than its certificate."""

    identity: Identity


@dataclass(frozen=True, slots=True)
class SessionEnded:
    """The conversation is over. Energies at the meter."""

    paused: bool
    charged_wh: float
    discharged_wh: float
    messages: int


@dataclass(frozen=True, slots=True)
class Decided:
    """Another wish or another limit decides from now on."""

    decision: Decision


@dataclass(frozen=True, slots=True)
class PromiseBroken:
    """The station allows less than the schedule that the car follows."""

    bound: Bound
    direction: float
    promised_w: float
    allowed_w: float
    renegotiates: bool
    """The car is asked to renegotiate; otherwise the limits in the responses of the charge loop are enough."""


@dataclass(frozen=True, slots=True)
class AskedToStop:
    """The station wants the session paused or ended."""

    kind: Stop


@dataclass(frozen=True, slots=True)
class SafeStateReached:
    """No power, contactor open, as measured, this long after the fault."""

    took_s: float


@dataclass(frozen=True, slots=True)
class GridVerdict:
    """The grid protection changed its mind."""

    state: str
    element: str
    why: str
    trips: bool


@dataclass(frozen=True, slots=True)
class PilotHappened:
    """Something happened at the control pilot."""

    event: PilotEvent


@dataclass(frozen=True, slots=True)
class LineHappened:
    """Something happened on the power line."""

    event: LineEvent


@dataclass(frozen=True, slots=True)
class Deviates:
    """A message of the car does not fit its schema, or is longer than its state allows."""

    message: str
    deviation: str


@dataclass(frozen=True, slots=True)
class KnownDeviation:
    """A deviation of this kind of car that the quirk table knows."""

    text: str


@dataclass(frozen=True, slots=True)
class Broke:
    """A fault that breaks no session off: none is under way, or it is ended in order."""

    fault: Fault
    reason: str


@dataclass(frozen=True, slots=True)
class Listening:
    """Cars can connect from now on."""

    address: str
    security: str
    services: str


@dataclass(frozen=True, slots=True)
class CarArrived:
    """A car has opened a connection, and is listened to."""

    peer: str
    tls: bool


@dataclass(frozen=True, slots=True)
class StrangerRefused:
    """Somebody without a session here was refused: a connection, a search, a TLS set-up. Never part of a session."""

    peer: str
    reason: str
    fault: Fault | None = None


@dataclass(frozen=True, slots=True)
class Commanded:
    """A device gets another order."""

    device: str
    order: str


@dataclass(frozen=True, slots=True)
class DeviceFailed:
    """A device does not do its part. The text names it, the place and the remedy."""

    text: str


@dataclass(frozen=True, slots=True)
class DeviceBack:
    """It does again."""

    device: str


@dataclass(frozen=True, slots=True)
class DeviceOdd:
    """A device departs from its standard in a way that does not matter to the station."""

    text: str


@dataclass(frozen=True, slots=True)
class Stalled:
    """The process was late in looking at its hardware."""

    text: str


@dataclass(frozen=True, slots=True)
class SlowestResponse:
    """The station's slowest response of a session."""

    message: str
    took_s: float
    owed_s: float


@dataclass(frozen=True, slots=True)
class OperatorAsked:
    """A command of the operator."""

    text: str


@dataclass(frozen=True, slots=True)
class RestartWaits:
    """A restart that was asked for does not happen yet although no car is in session."""

    text: str


@dataclass(frozen=True, slots=True)
class LocalOrderEnded:
    """What a client of the local API asked for holds no more."""

    text: str


@dataclass(frozen=True, slots=True)
class LocalApiReported:
    """Something happened to the process of the local API."""

    text: str


@dataclass(frozen=True, slots=True)
class LeftBehind:
    """What a process that ended in the middle of something has left."""

    stage: str
    since: str
    session: str
    evcc_id: str
    contactor_before: str
    """`open`, `closed` or `not known`."""
    safe_after_s: float | None
    """Until the contactor was seen open; None if that was not seen."""


@dataclass(frozen=True, slots=True)
class NotRecorded:
    """The recording for `v2g replay` has a gap."""

    text: str


@dataclass(frozen=True, slots=True)
class PhasesChange:
    """The car is about to get another number of phases, or has it from now on."""

    text: str


@dataclass(frozen=True, slots=True)
class CardShown:
    """Somebody has shown a card to the reader."""

    text: str
    ends: bool = False
    """It is that of the session, which is to end."""


@dataclass(frozen=True, slots=True)
class NotKept:
    """What must survive a restart cannot be read or written."""

    text: str


@dataclass(frozen=True, slots=True)
class BackEndReported:
    """Something happened between station and back end."""

    text: str


@dataclass(frozen=True, slots=True)
class DiscoveryHeard:
    """The station's searches for itself are no longer heard, or are again: whether cars can find it."""

    text: str


@dataclass(frozen=True, slots=True)
class NotWatched:
    """The metrics cannot be had where the configuration says."""

    text: str


@dataclass(frozen=True, slots=True)
class ClockSet:
    """Somebody has set the machine's clock, positive forward."""

    by_s: float


@dataclass(frozen=True, slots=True)
class CertificatesReported:
    """The station's certificates end soon, were read again, or cannot be used."""

    text: str


Event = (
    ConversationEvent
    | Judged
    | InverterJudged
    | NamesDiffer
    | SessionEnded
    | Decided
    | PromiseBroken
    | AskedToStop
    | SafeStateReached
    | GridVerdict
    | PhasesChange
    | CardShown
    | PilotHappened
    | LineHappened
    | Deviates
    | KnownDeviation
    | Broke
    | Listening
    | CarArrived
    | StrangerRefused
    | Commanded
    | DeviceFailed
    | DeviceBack
    | DeviceOdd
    | Stalled
    | SlowestResponse
    | OperatorAsked
    | LocalOrderEnded
    | LocalApiReported
    | LeftBehind
    | NotKept
    | NotRecorded
    | RestartWaits
    | BackEndReported
    | NotWatched
    | DiscoveryHeard
    | ClockSet
    | CertificatesReported
)
