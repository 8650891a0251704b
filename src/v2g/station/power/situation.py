"""What a decision rests on: one EVSE, its car and its devices at one instant."""

from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from v2g.iso15118.car import CarState
from v2g.iso15118.service import Service
from v2g.iso15118.view import Demand, Stage, Stop
from v2g.kernel.within import NEVER, Within
from v2g.power.inverter import InverterRating
from v2g.station.config.settings import EvseSettings
from v2g.station.power.limits import Bound
from v2g.station.readings import Readings

if TYPE_CHECKING:  # loaded once the station listens
    from v2g.station.safety.grid_guard import GridGuard
    from v2g.station.safety.heat import Heat


MOST_LOSS, IDLE_LOSS_W = 0.1, 300.0
"""No inverter loses more; a measurement that says so is not believed."""


@dataclass(frozen=True, slots=True)
class Injection:
    """A power that the operator wants in the place of the plan's."""

    power_w: float
    """Positive charges the vehicle."""
    fed_var: float | None = None
    """Reactive power fed into the grid, in the place of the grid code's reactive mode; None leaves that."""
    until_s: float = inf
    """Monotonic time at which the plan takes over again."""


@dataclass(frozen=True, slots=True)
class OperatorLimits:
    """Magnitudes that the operator set; they hold until they are set again."""

    charge_w: float = inf
    discharge_w: float = inf
    lost: str = ""
    """Why it is not known what was set. Then nothing is fed, and charging has the limits of the configuration."""

    @property
    def remedy(self) -> str:
        """What is lost and what to do about it, for a person; empty if nothing is."""
        return f"{self.lost}; set it again: modbus_write --address 0x4001" if self.lost else ""


@dataclass(frozen=True, slots=True)
class BackEndOrder:
    """What a back end asks of the EVSE, at the meter. Magnitudes but for the set-point."""

    charge_w: float = inf
    discharge_w: float = 0.0
    """0: no order to discharge."""
    setpoint_w: float | None = None
    """Positive charges the vehicle."""
    charge_by: str = ""
    """The profile that limits charging; empty if none does."""
    by: str = ""
    """The profile that gives the set-point."""
    until_s: float = inf
    """Monotonic time at which it lapses unless it is renewed."""
    fed_var: float | None = None
    """Reactive power fed into the grid, in the place of the grid code's reactive mode; None leaves that."""
    phases: int | None = None
    """On how many phases it counts, if the back end says so (`numberPhases`); otherwise on all that are wired."""
    within: Within = NEVER
    """The times in which the car must have followed, or the contactor opens."""


@dataclass(frozen=True, slots=True)
class LocalOrder:
    """What clients of the local API ask of the EVSE, at the meter. `v2g.station.local` ends each part in time.

    `..._by` is who asks, as a person reads it."""

    setpoint_w: float | None = None
    """Positive charges the vehicle."""
    setpoint_by: str = ""
    grid_setpoint_w: float | None = None
    """What a grid operator's system asks for, which holds over `setpoint_w`."""
    grid_setpoint_by: str = ""
    charge_w: float = inf
    charge_a: float = inf
    """On each phase."""
    discharge_w: float = inf
    limit_by: str = ""
    mode: Literal["auto", "charge", "discharge", "pause"] = "auto"
    mode_by: str = ""
    min_soc_percent: int = 0
    """0: nobody set one."""
    min_soc_by: str = ""
    departure_s: float | None = None
    """Monotonic time."""
    need_wh: float | None = None
    """What the car needs until then; None if that is not known."""
    departure_by: str = ""
    phases: int | None = None
    """One or three; None: nobody asks."""
    phases_by: str = ""

    @property
    def power_w(self) -> float | None:
        """The set-point that holds."""
        return self.setpoint_w if self.grid_setpoint_w is None else self.grid_setpoint_w

    @property
    def power_by(self) -> str:
        return self.setpoint_by if self.grid_setpoint_w is None else self.grid_setpoint_by


NOT_KNOWN = BackEndOrder(until_s=-inf)
"""Before the back end's side of the station has begun: no power."""


class Situation(Struct):
    """One instant. The decider fills in what its sources need of each other: `wish_w` and what follows it."""

    now: float
    """Monotonic seconds."""
    settings: EvseSettings
    demand: Demand
    service: Service | None
    """The service that the car has selected, from the selection on; None before."""
    car: CarState
    readings: Readings
    """Fresh ones only."""
    rating: InverterRating | None
    guard: "GridGuard | None"
    heat: "Heat | None"
    stop: Stop = Stop.NONE
    site: Bound | None = None
    """This EVSE's share of the site's limit."""
    operator: OperatorLimits = OperatorLimits()
    injection: Injection | None = None
    back_end: BackEndOrder | None = None
    """None at a station without a back end."""
    local: LocalOrder = LocalOrder()
    begins: bool = False
    """Energy may flow from now on, and could not a moment ago."""
    energy_s: float = 0.0
    """Since energy transfer began."""
    dt_s: float = 0.0
    """Since the decision before, and what that was."""
    before_w: float = 0.0
    wish_w: float = 0.0
    """The wish that the bounds are asked about."""
    reactive: tuple[float, str] = (0.0, "")
    """Reactive power in var, positive as drawn, and who wants it."""
    certificate: str | None = None
    """Common name of the vehicle certificate that the car has proved to hold."""
    charges_only: str = ""
    """Why the car, as the one that it is, may not feed the grid; empty if it may."""
    silent_s: float = 0.0
    """Since the last request of a car that talks."""
    wired: int = 3
    """Phases of the EVSE, of which `settings.phases` are in use."""
    on_s: float = inf
    """Since the contactor closed; infinite while it is open."""
    resting: bool = False
    """The current rests between two directions."""
    energy: bool = False
    """Whether energy may flow. This and what follows is computed, whatever is given; every source asks."""
    dc: bool = False
    """Whether the station converts; otherwise the inverter is in the car."""
    loss_w: float = 0.0
    """What the station's inverter loses just now; nothing if the vehicle's own one converts. Meter and grid are at the
    other side of it than the set-point."""

    def __post_init__(self) -> None:
        self.energy = self.demand.stage is Stage.ENERGY
        self.dc = self.service is not None and self.service.dc
        self.loss_w = self._lost_w()

    def _lost_w(self) -> float:
        inverter = self.readings.inverter
        if inverter is None or not self.dc:
            return 0.0
        lost_w = max(inverter.ac_power_w - inverter.power_w, 0.0)
        return min(lost_w, MOST_LOSS * abs(inverter.power_w) + IDLE_LOSS_W)
