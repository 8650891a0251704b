"""What a car tells of itself in the course of a session: for the decision on power, the operator and the trace."""

from dataclasses import dataclass, replace
from typing import Any

import msgspec

from v2g.iso15118.d20.plant import Limits
from v2g.messages.iso20.types import DisplayParameters, RationalNumber


@dataclass(frozen=True, slots=True)
class CarState:
    """The latest of each figure; None where the car never said. Energies: what the battery can still take."""

    evcc_id: str = ""
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

    def with_needs(self, needs: msgspec.Struct | None) -> "CarState":
        """Take over what a control mode of ScheduleExchangeReq or of a charge-loop request says."""
        said: dict[str, Any] = {
            field: value.value if isinstance(value, RationalNumber) else value
            for field, element in _ELEMENTS
            if (value := getattr(needs, element, None)) is not None
        }
        return replace(self, **said) if said else self

    def with_display(self, display: DisplayParameters | None) -> "CarState":
        """Take over the state of charge."""
        if display is None:
            return self
        return replace(
            self,
            soc_percent=self.soc_percent if display.PresentSOC is None else display.PresentSOC,
            soc_min_percent=self.soc_min_percent if display.MinimumSOC is None else display.MinimumSOC,
            soc_target_percent=self.soc_target_percent if display.TargetSOC is None else display.TargetSOC,
        )


_ELEMENTS = (
    ("departure_s", "DepartureTime"),
    ("soc_min_percent", "MinimumSOC"),
    ("soc_target_percent", "TargetSOC"),
    ("energy_target_wh", "EVTargetEnergyRequest"),
    ("energy_max_wh", "EVMaximumEnergyRequest"),
    ("energy_min_wh", "EVMinimumEnergyRequest"),
    ("v2x_max_wh", "EVMaximumV2XEnergyRequest"),
    ("v2x_min_wh", "EVMinimumV2XEnergyRequest"),
)
