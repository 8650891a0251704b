"""What the car knows of one session. All values are immutable."""

from dataclasses import dataclass, replace

from v2g.exi.facets import Type
from v2g.iso15118.d20.evcc.schedule import Schedule
from v2g.iso15118.d20.table import Phase
from v2g.iso15118.d20.wire import NO_SESSION
from v2g.iso15118.service import Selection
from v2g.iso15118.vehicle import Command, Intent, VehicleState
from v2g.iso15118.view import Limits, Meter, Stop
from v2g.kernel.errors import V2GError
from v2g.kernel.fault import Fault
from v2g.messages.iso20.types import EvseNotification, EVSEStatus, MessageHeader, MeterInfo


@dataclass(frozen=True, slots=True)
class Paused:
    """What the car keeps of a paused session, to take it up again at the same station."""

    session_id: bytes
    station: bytes
    """SHA-512 of the station's certificate: only there is the session id named again."""
    selection: Selection


@dataclass(frozen=True, slots=True)
class Stopping:
    """The session is being ended in order, and why."""

    kind: Stop
    reason: str
    fault: Fault | None = None
    """None where ending is what everybody wanted."""


@dataclass(frozen=True, slots=True)
class Report:
    """What the station said of the energy transfer last."""

    voltage_v: float = 0.0
    current_a: float = 0.0
    power_w: float = 0.0
    meter: Meter | None = None


@dataclass(frozen=True, slots=True)
class Session:
    """The state of a session. `take` of an exchange returns a changed copy."""

    intent: Intent
    station: bytes | None = None
    """SHA-512 of the station's certificate; None without TLS."""
    paused: Paused | None = None
    """A session to be taken up again, if this is its station."""
    phase: Phase = Phase.SESSION_SETUP
    session_id: bytes = NO_SESSION
    resumed: bool = False
    selection: Selection | None = None
    limits: Limits = Limits()
    """The station's, as it said last."""
    schedule: Schedule | None = None
    renegotiate: bool = False
    """The station wants a new schedule, or the old one is over."""
    command: Command = Command()
    report: Report = Report()
    stop: Stopping | None = None
    tries: int = 0
    """Requests in this phase that were answered without leading on."""
    ready: bool = False
    """The present phase has done what it is for: voltages match and the contactor is closed, or nothing is welded."""
    loops: int = 0
    """Charge-loop requests answered so far."""

    @property
    def resumable(self) -> Paused | None:
        """The paused session, where this station proved to be the one that it was paused at."""
        paused = self.paused
        return paused if paused is not None and self.station is not None and self.station == paused.station else None

    def header(self, vehicle: VehicleState) -> MessageHeader:
        """The header of a request."""
        return MessageHeader(SessionID=self.session_id, TimeStamp=vehicle.unix_s)

    def to(self, phase: Phase) -> "Session":
        """This session, in the phase that follows."""
        return replace(self, phase=phase, tries=0, ready=False)

    def again(self) -> "Session":
        """This session, with the same request to come again."""
        return replace(self, tries=self.tries + 1)

    def heeding(self, status: EVSEStatus | None) -> "Session":
        """What the station's notification makes of this session."""
        match None if status is None else status.EVSENotification:
            case EvseNotification.Terminate if self.stop is None:
                return replace(self, stop=Stopping(Stop.TERMINATE, "the station asked to end"))
            case EvseNotification.Pause if self.stop is None:
                return replace(self, stop=Stopping(Stop.PAUSE, "the station asked to pause"))
            case EvseNotification.ScheduleRenegotiation if self.schedule is not None:
                return replace(self, renegotiate=True)
        return self

    @property
    def selected(self) -> Selection:
        """The selection; only phases after ServiceDetail ask for it."""
        assert self.selection is not None, "nothing asks for the selection before ServiceDetail"
        return self.selection

    @property
    def bidirectional(self) -> bool:
        """Whether the selected service may feed the grid."""
        return self.intent.service.bidirectional

    def own_limits(self, vehicle: VehicleState) -> Limits:
        """What the vehicle can do now: a battery at its maximum takes nothing, one at its minimum gives nothing."""
        intent = self.intent
        limits = intent.limits
        if vehicle.soc >= intent.soc_max:
            limits = replace(limits, charge_w=0.0, charge_a=0.0, charge_min_w=0.0, charge_min_a=0.0)
        if vehicle.soc <= intent.soc_min or not self.bidirectional:
            limits = replace(limits, discharge_w=0.0, discharge_a=0.0, discharge_min_w=0.0, discharge_min_a=0.0)
        return limits

    def wish_w(self, vehicle: VehicleState) -> float:
        """Scheduled mode: the power that the car would like, within its own limits."""
        limits, wish_w = self.own_limits(vehicle), self.intent.wish_w
        return limits.charge_w if wish_w is None else min(max(wish_w, -limits.discharge_w), limits.charge_w)

    def scheduled_w(self, vehicle: VehicleState) -> float:
        """What of that the schedule allows now; nothing without a schedule."""
        return 0.0 if self.schedule is None else self.schedule.power_w(self.wish_w(vehicle), vehicle.unix_s)

    @property
    def wants_meter(self) -> bool:
        """Whether this turn of the charge loop asks for the meter."""
        return self.loops % self.intent.meter_every == 0

    def meter_in(self, info: MeterInfo | None) -> Meter | None:
        """The meter's reading, or the earlier one where the station gave none."""
        if info is None:
            return self.report.meter
        return Meter(info.MeterID, info.ChargedEnergyReadingWh, info.BPT_DischargedEnergyReadingWh or 0)


class Abandon(V2GError):
    """The car does not go on.

    `in_order`: by stopping and SessionStop; otherwise at once, for the station broke the rules.
    """

    def __init__(self, reason: str, fault: Fault, *, in_order: bool = True) -> None:
        super().__init__(reason)
        self.reason = reason
        self.fault = fault
        self.in_order = in_order


def wrong_flavour(found: Type, wanted: type[Type]) -> Abandon:
    """The response speaks of another service or control mode than the selected one."""
    return Abandon(
        f"the station answers with {type(found).__name__} where the selected service wants {wanted.__name__}",
        Fault.SEQUENCE_ERROR,
        in_order=False,
    )
