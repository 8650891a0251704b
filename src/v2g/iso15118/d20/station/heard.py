"""What the elements of a request add to what is known of the car."""

from dataclasses import replace
from typing import Any

import msgspec

from v2g.iso15118.car import CarState
from v2g.iso15118.d20.numbers import stated
from v2g.iso15118.numbers import MOST
from v2g.messages.iso20.types import DisplayParameters, RationalNumber


def heard(
    car: CarState, needs: msgspec.Struct | None, display: DisplayParameters | None = None, **others: Any
) -> CarState:
    """The car as a control mode, of ScheduleExchangeReq or of the charge loop, and `display` describe it.

    What they leave out stays as it was; `others` are fields that the caller knows.
    """
    said: dict[str, Any] = {
        field: stated(value, MOST) if isinstance(value, RationalNumber) else value
        for field, element in _NEEDS
        if (value := getattr(needs, element, None)) is not None
    }
    if display is not None:
        said |= {field: value for field, element in _DISPLAYED if (value := getattr(display, element)) is not None}
    return replace(car, **said, **others)


_NEEDS = (
    ("departure_s", "DepartureTime"),
    ("soc_min_percent", "MinimumSOC"),
    ("soc_target_percent", "TargetSOC"),
    ("energy_target_wh", "EVTargetEnergyRequest"),
    ("energy_max_wh", "EVMaximumEnergyRequest"),
    ("energy_min_wh", "EVMinimumEnergyRequest"),
    ("v2x_max_wh", "EVMaximumV2XEnergyRequest"),
    ("v2x_min_wh", "EVMinimumV2XEnergyRequest"),
)
_DISPLAYED = (
    ("soc_percent", "PresentSOC"),
    ("soc_min_percent", "MinimumSOC"),
    ("soc_target_percent", "TargetSOC"),
)
