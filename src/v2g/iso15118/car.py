"""What a car states about itself during a session: for the decision on power, the operator and the trace."""

from dataclasses import dataclass

from v2g.iso15118.der import CarDer
from v2g.iso15118.view import Limits


@dataclass(frozen=True, slots=True)
class CarState:
    """The latest of each figure; None if the car never said. Energies: what the battery can still take."""

    evcc_id: str = ""
    contract: str = ""
    """The eMAID of the contract whose key the car has proved to hold; empty without one."""
    contract_doubt: str = ""
    """Why that is not enough to feed the grid."""
    limits: Limits = Limits()
    soc_percent: int | None = None
    soc_min_percent: int | None = None
    soc_target_percent: int | None = None
    departure_s: int | None = None
    """Seconds until the car leaves, counted from when it said so."""
    energy_target_wh: float | None = None
    energy_max_wh: float | None = None
    energy_min_wh: float | None = None
    v2x_max_wh: float | None = None
    v2x_min_wh: float | None = None
    """Positive: the car is below its V2X window by this energy and must not discharge."""
    der: CarDer | None = None
    """Its inverter, in a service that hands it the grid code's settings."""
    present_w: float | None = None
    """What it states to draw just now (AC); some cars state how much they feed without a sign."""
    turns: int = 0
    """Requests of the AC charge loop so far: each is answered with the targets of the moment."""
