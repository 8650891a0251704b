"""What the station's conversation sees of the world, and what it wants of it.

`StationView` comes in as a snapshot with every call; `Demand` goes out as a level. Both are values: nothing waits.
Sign everywhere: positive charges the vehicle, negative feeds the grid. Limits of either direction are magnitudes >= 0.
"""

from dataclasses import dataclass
from enum import Enum, auto
from math import inf

from v2g.iso15118.contract import Contracts, Flaw, Prices, Provisioning
from v2g.iso15118.der import DerSettings
from v2g.iso15118.service import ControlMode, Service


class Authorization(Enum):
    """The answer to "may this car use this station?"; external identification (EIM)."""

    PENDING = auto()
    ACCEPTED = auto()
    REJECTED = auto()


class Check(Enum):
    """Progress of the station's cable check."""

    IDLE = auto()
    ONGOING = auto()
    PASSED = auto()
    FAILED = auto()


class Stop(Enum):
    """What the station wants of the session."""

    NONE = auto()
    PAUSE = auto()
    TERMINATE = auto()


@dataclass(frozen=True, slots=True)
class Limits:
    """What one side can do, at its output. Zero means: not at all."""

    charge_w: float = 0.0
    discharge_w: float = 0.0
    charge_a: float = 0.0
    discharge_a: float = 0.0
    voltage_min_v: float = 0.0
    voltage_max_v: float = 0.0
    charge_min_w: float = 0.0
    discharge_min_w: float = 0.0
    charge_min_a: float = 0.0
    discharge_min_a: float = 0.0

    def within(self, bound: "Limits") -> "Limits":
        """These limits, held to those of `bound`: no maximum above, no minimum below."""
        return Limits(
            charge_w=min(self.charge_w, bound.charge_w),
            discharge_w=min(self.discharge_w, bound.discharge_w),
            charge_a=min(self.charge_a, bound.charge_a),
            discharge_a=min(self.discharge_a, bound.discharge_a),
            voltage_min_v=max(self.voltage_min_v, bound.voltage_min_v),
            voltage_max_v=min(self.voltage_max_v, bound.voltage_max_v),
            charge_min_w=max(self.charge_min_w, bound.charge_min_w),
            discharge_min_w=max(self.discharge_min_w, bound.discharge_min_w),
            charge_min_a=max(self.charge_min_a, bound.charge_min_a),
            discharge_min_a=max(self.discharge_min_a, bound.discharge_min_a),
        )


@dataclass(frozen=True, slots=True)
class Meter:
    """One reading of the energy meter, as the car may ask for it."""

    meter_id: str
    charged_wh: int
    discharged_wh: int
    total_wh: int = 0
    """The meter's own reading of what was charged, whatever the session."""
    signature: bytes | None = None
    """The meter's own signature of it, if it makes one."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A piece of the power schedule that the station offers; limits of each direction hold for `duration_s`."""

    duration_s: int
    charge_w: float
    discharge_w: float


@dataclass(frozen=True, slots=True)
class StationView:
    """The station at one instant. The defaults are what nothing is known of: no permission follows from them."""

    unix_s: int
    """Wall-clock time for the messages' time stamps, seconds since 1970 UTC."""
    authorization: Authorization = Authorization.PENDING
    contract: str = ""
    """The contract (eMAID) that `authorization` is about; empty: it is about a car without one."""
    flaw: Flaw | None = None
    """What is wrong with that contract, if it was rejected and somebody has said so."""
    may_discharge: bool = False
    """Whether this car is authorised to feed the grid."""
    limits: Limits = Limits()
    """What the station allows now; the engine never lets it rise above what the charge parameters promised."""
    lasting: Limits | None = None
    """What the station allows in the best of circumstances: what the charge parameters promise for the
    session; None: `limits`."""
    cable_check: Check = Check.IDLE
    asks_energy: bool | None = None
    """Whether the control pilot is in state C or D; None without one."""
    contactor_closed: bool | None = None
    """The contactor's feedback; None when unknown."""
    voltage_v: float = 0.0
    current_a: float = 0.0
    current_gone: bool = False
    """Whether the current is known to be so low that a contactor may open."""
    power_w: float = 0.0
    metered_w: float | None = None
    """What the meter measures at the grid's side, positive into the car; None: not known."""
    measured_s: float = -inf
    """When inverter and meter were both read, monotonic: the older of the two."""
    commanded_w: float = 0.0
    """The inverter's set-point, positive into the car."""
    target_w: float | None = None
    """Active power that the car has to hold to; None while it follows a schedule of its own (0 in dynamic control)."""
    target_var: float | None = None
    """Reactive power that an AC car has to draw; None if it is given no target."""
    limited: bool = False
    """Whether a limit of the station's side holds the power below what was asked for."""
    stop: Stop = Stop.NONE
    pause_in_s: float = 60.0
    """How long the car that is asked to pause may still take to begin."""
    renegotiate: bool = False
    """The schedule that the car follows no longer fits what the station allows."""
    choose_again: bool = False
    """What the car was given with its choice of a service no longer holds: the grid code for its inverter."""
    meter: Meter | None = None
    schedule: tuple[Slot, ...] = ()
    """The power that the station can promise from now on; empty while it is not known yet."""
    der: DerSettings | None = None
    """The grid code for the inverter of an AC car; None without a grid code."""


class Stage(Enum):
    """How far the conversation wants the power path to be."""

    OFF = auto()
    """No power, contactor open: the safe state."""
    CABLE_CHECK = auto()
    """Contactor closed for the insulation test at the test voltage."""
    PRECHARGE = auto()
    """Contactor closed, output at the car's voltage, current held near zero."""
    READY = auto()
    """Contactor closed, no power."""
    ENERGY = auto()
    """Contactor closed, power as decided."""


@dataclass(frozen=True, slots=True)
class Demand:
    """What the conversation wants of the power path now. A level: saying it again changes nothing."""

    stage: Stage = Stage.OFF
    service: Service | None = None
    mode: ControlMode | None = None
    voltage_v: float = 0.0
    """The car's target voltage, for pre-charge and for DC energy transfer; 0 if the car named none."""
    wish_w: float | None = None
    """The car's own wish in scheduled mode (target current times voltage); None if the station decides."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What a station offers to every car. Fixed for the life of a conversation."""

    evse_id: str
    services: tuple[Service, ...]
    """In the order of preference."""
    modes: tuple[ControlMode, ...] = (ControlMode.DYNAMIC, ControlMode.SCHEDULED)
    """In the order of preference."""
    nominal_voltage_v: int = 230
    nominal_frequency_hz: float = 50.0
    phases: int = 3
    """Phases wired to the AC outlet."""
    pause_allowed: bool = True
    precharge_tolerance_v: float | None = 20.0
    """How near to the car's target the output must be before energy transfer; None leaves that to the car."""
    price_levels: bool = False
    """Whether schedules carry a price schedule of one level: some cars accept none without prices."""
    ramp_w_per_s: float | None = None
    contracts: Contracts | None = None
    """Who judges contracts; None: no Plug & Charge, as on any connection without TLS."""
    provisioning: Provisioning | None = None
    """Who brings a car its contract; None: nobody."""
    prices: Prices | None = None
    """What energy costs; None: no tariffs."""
    receipts_s: float | None = None
    """Have a car with a contract sign the meter's reading this often; None: never."""
    negative_current: frozenset[str] = frozenset()
    """Contracts with which a car of ISO 15118-2 may ask for a negative current, without separators."""
    negative_current_unproved: frozenset[str] = frozenset()
    """EVCCIDs with which a car of ISO 15118-2 or DIN without a contract may, without separators."""
    internet: tuple[int, ...] = ()
    """The parameter sets of the internet service that the site has, by their numbers in Table 107 of ISO 15118-2."""
