"""What the car knows of one session, whatever its edition. All values are immutable."""

from dataclasses import dataclass, replace
from enum import Enum

from v2g.exi.facets import Type
from v2g.iso15118.contract import Credential
from v2g.iso15118.der import DerRating, DerSettings
from v2g.iso15118.schedule import Schedule
from v2g.iso15118.service import Selection
from v2g.iso15118.vehicle import Command, Intent, VehicleState
from v2g.iso15118.view import Limits, Meter, Stop
from v2g.kernel.errors import V2GError
from v2g.kernel.fault import Fault

PRECHARGE_TOLERANCE_V = 20.0
"""IEC 61851-23: the largest difference at which the contactor may close."""


@dataclass(frozen=True, slots=True)
class CarPaused:
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
    """None if ending is what everybody wanted."""
    renegotiates: bool = False
    """The session goes on: SessionStop leads back to the choice of a service."""


@dataclass(frozen=True, slots=True)
class Report:
    """What the station said of the energy transfer last."""

    voltage_v: float = 0.0
    current_a: float = 0.0
    power_w: float = 0.0
    meter: Meter | None = None


@dataclass(frozen=True, slots=True)
class CarSession:
    """The state of a session. `take` of an exchange returns a changed copy."""

    intent: Intent
    phase: Enum
    station: bytes | None = None
    """SHA-512 of the station's certificate; None without TLS."""
    paused: CarPaused | None = None
    """A session to be taken up again, if this is its station."""
    session_id: bytes = b""
    resumed: bool = False
    selection: Selection | None = None
    energy_mode: str = ""
    """ISO 15118-2 and DIN: the energy transfer mode that the car asks for, by its name."""
    limits: Limits = Limits()
    """The station's, as it said last."""
    schedule: Schedule | None = None
    der: DerSettings | None = None
    """The grid code's settings that the station gave, which the on-board charger has taken over."""
    der_rating: DerRating | None = None
    """What they are shares of."""
    nominal_v: float = 230.0
    """As the service's parameter set states it."""
    renegotiate: bool = False
    """The station wants a new schedule, or the old one is over."""
    renegotiable: bool = False
    """Whether the station can choose the service again with the car [V2G20-1931]."""
    waits_for_person: bool = False
    """The station waits for somebody to present a card or the like: that may take as long as it takes."""
    command: Command = Command()
    report: Report = Report()
    drawing: bool = False
    """PowerDelivery(Start) was sent, and Stop was not: S2 is closed in AC."""
    stop: Stopping | None = None
    tries: int = 0
    """Requests in this phase that were answered without leading on."""
    ready: bool = False
    """The present phase has done what it is for: voltages match and the contactor is closed, or nothing is welded."""
    loops: int = 0
    """Charge-loop requests answered since the service was selected."""
    secure: bool = False
    """The connection has TLS: only then a contract is spoken of."""
    contract: Credential | None = None
    """The contract that the car pays by: its own, or the one that it was given in this session."""
    certificates: tuple[int, int] | None = None
    """The number of the station's certificate service, and the parameter set that the car wants of it; 0: not known
    yet. None: not needed, or not offered."""
    challenge: bytes = b""
    """What the car has to sign to prove its contract."""
    proved: bool = False
    """It has."""
    confirms: bool = False
    """ISO 15118-20: the station wants the reading confirmed (MeteringConfirmation)."""
    reading: Type | None = None
    """Of the meter, as the station's message had it last: what a receipt repeats."""
    tariff: Type | None = None
    """What energy costs, as the station has stated it; with a contract only if its operator has signed it."""

    @property
    def needs_contract(self) -> bool:
        """Whether the car has to ask for a contract, or for its successor, before it can pay."""
        intent = self.intent
        first = intent.contract is None and intent.provisioning is not None
        return (first or intent.renews) and self.contract is intent.contract

    @property
    def resumable(self) -> CarPaused | None:
        """The paused session, if this station proved to be the one that it was paused at [V2G20-2539]."""
        paused = self.paused
        return paused if paused is not None and self.station is not None and self.station == paused.station else None

    def to(self, phase: Enum) -> "CarSession":
        """This session, in the phase that follows."""
        return replace(self, phase=phase, tries=0, ready=False, waits_for_person=False)

    def again(self) -> "CarSession":
        """This session, with the same request to come again."""
        return replace(self, tries=self.tries + 1)

    @property
    def selected(self) -> Selection:
        """The selection; only phases after ServiceDetail ask for it."""
        assert self.selection is not None, "nothing asks for the selection before ServiceDetail"
        return self.selection

    @property
    def bidirectional(self) -> bool:
        """Whether the selected service may feed the grid, or the car asks for it by a negative current."""
        return self.intent.service.bidirectional or self.intent.negative_current

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

    def target_a(self, vehicle: VehicleState) -> float:
        """DC: the current that schedule, car and station allow, towards the car's wish. Positive charges."""
        voltage_v = max(vehicle.battery_voltage_v, 1.0)
        own, station = self.own_limits(vehicle), self.limits
        charge_a = min(own.charge_a, station.charge_a, own.charge_w / voltage_v, station.charge_w / voltage_v)
        discharge_a = min(
            own.discharge_a, station.discharge_a, own.discharge_w / voltage_v, station.discharge_w / voltage_v
        )
        # A station's negative limit allows nothing; it does not turn the direction round.
        return min(max(self.scheduled_w(vehicle) / voltage_v, -max(discharge_a, 0.0)), max(charge_a, 0.0))

    @property
    def wants_meter(self) -> bool:
        """Whether this turn of the charge loop asks for the meter."""
        return self.loops % self.intent.meter_every == 0


class Abandon(V2GError):
    """The car does not go on.

    `in_order`: by stopping and SessionStop; otherwise at once, for the station broke the rules.
    """

    fault: Fault

    def __init__(self, reason: str, fault: Fault, *, in_order: bool = True) -> None:
        super().__init__(reason)
        self.reason = reason
        self.fault = fault
        self.in_order = in_order
