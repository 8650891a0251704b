"""What the car's conversation sees of the vehicle, and what it wants of it.

`VehicleState` comes in as a snapshot with every call; `Command` goes out as a level. Positive charges the vehicle.
"""

from dataclasses import dataclass
from typing import Protocol

from v2g.iso15118.contract import Contracts, Credential
from v2g.iso15118.der import DerRating, DerSettings
from v2g.iso15118.service import ControlMode, Service
from v2g.iso15118.view import Limits, Stop


@dataclass(frozen=True, slots=True)
class VehicleState:
    """The vehicle at one instant."""

    unix_s: int
    """Wall-clock time for the messages' time stamps, seconds since 1970 UTC."""
    soc: float
    """State of charge of the battery, 0 to 1."""
    capacity_wh: float
    battery_voltage_v: float
    inlet_voltage_v: float = 0.0
    """DC, on the station's side of the vehicle's contactor."""
    power_w: float = 0.0
    """What flows into the vehicle as it measures it itself: DC at the battery, AC at the on-board charger."""
    reactive_var: float | None = None
    """What the on-board charger draws; None if the vehicle does not measure it."""
    grid_v: float = 0.0
    """Phase to neutral, at the on-board charger; 0 if the vehicle does not measure it."""
    grid_hz: float = 0.0
    contactor_closed: bool = False
    stop: Stop = Stop.NONE
    """What the driver wants."""
    fault: str = ""
    """Why the vehicle cannot go on; empty while it can. The session is then ended in order."""


@dataclass(frozen=True, slots=True)
class Command:
    """What the conversation wants of the vehicle now. A level: saying it again changes nothing."""

    contactor_closed: bool = False
    charger_w: float = 0.0
    """Set-point of the on-board charger, AC."""
    charger_var: float | None = None
    """Reactive power for it to draw; None: it follows `der`, or draws none."""
    der: DerSettings | None = None
    """The station's grid code, which the charger follows by itself."""
    der_rating: DerRating | None = None
    target_a: float = 0.0
    """DC in scheduled mode: the current that the station is asked for; otherwise the station decides."""
    target_v: float = 0.0
    """DC: the voltage that the station is asked for."""
    ready: bool = False
    """Switch S2 of the control pilot closed: state C, the vehicle takes energy."""


class Vehicle(Protocol):
    """Port of the vehicle's own hardware: battery, contactor, on-board charger. Nothing here waits.

    Obligations:

    - `state` is as new as the hardware allows; one that is no longer known to be true has its `fault` set.
    - `obey` is a level and holds until the next call; a vehicle that is left alone opens its contactor.
    """

    def state(self) -> VehicleState:
        """The latest snapshot; `stop` is left to the driver."""
        ...

    def obey(self, command: Command) -> None:
        """Make the hardware so."""
        ...

    def observe(self, current_a: float, now: float) -> None:
        """The station measured this current (DC, positive charges) at this monotonic time."""
        ...


@dataclass(frozen=True, slots=True)
class Intent:
    """What the car is and what its driver wants. Fixed for the life of a conversation."""

    evcc_id: str
    service: Service
    mode: ControlMode
    limits: Limits
    """Of battery and on-board charger."""
    editions: tuple[str, ...] = ("ISO 15118-20",)
    """Those that the car speaks, by name, in its order of preference."""
    soc_min: float = 0.1
    """The battery is not discharged below this."""
    soc_target: float = 0.8
    soc_max: float = 1.0
    """The battery is not charged above this."""
    departure_unix_s: int | None = None
    """None: in a day."""
    reactive_max_var: float = 5_000.0
    """Of an on-board charger that feeds the grid."""
    wish_w: float | None = None
    """Scheduled mode: the power to use if the schedule allows it, negative to feed the grid; None: charge fully."""
    negative_current: bool = False
    """ISO 15118-2 and DIN, DC: ask for a negative current to feed the grid (SAE J2847/2). A station that does not know
    of it gives none."""
    duration_s: float | None = None
    """How long energy is transferred; None: until the battery or somebody ends it."""
    pause: bool = False
    """End with a pause if the car ends it by itself."""
    loop_interval_s: float = 0.1
    """From one charge-loop request to the next; at most `timeouts.CAR_CHARGE_LOOP_TURNAROUND_S`."""
    patience: float = 1.0
    """Factor on how long the car waits for each response: more than 1 for slow stations on a bench only."""
    meter_every: int = 10
    """Ask for the meter once in this number of charge-loop requests."""
    contract: Credential | None = None
    """Pay by this contract (Plug & Charge); None: by external means, unless `provisioning` is there."""
    provisioning: Credential | None = None
    """The certificate of the car's maker. With it the car asks for a contract if it has none."""
    renews: bool = False
    """Ask for the contract's successor before paying by it."""
    roots: tuple[bytes, ...] = ()
    """The V2G roots that the car knows, DER: named when it asks for a contract."""
    trust: Contracts | None = None
    """Who judges the chains of provisioning services; without, no contract is taken from any."""
    believe_precharge: bool = False
    """Close the contactor whatever voltage the station reports after pre-charge. Only for stations on a bench that
    report none: on a real cable the inrush current welds the contactor."""

    @property
    def by_contract(self) -> bool:
        """Whether the car pays by a contract, which it has or asks for."""
        return self.contract is not None or self.provisioning is not None
