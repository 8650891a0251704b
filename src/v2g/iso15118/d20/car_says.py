"""What the elements of ISO 15118-20 add to what is known of the car."""

from dataclasses import replace
from typing import Any

import msgspec

from v2g.iso15118.car import CarState
from v2g.iso15118.d20.numbers import MOST, stated
from v2g.messages.iso20.types import DisplayParameters, RationalNumber


def with_needs(car: CarState, needs: msgspec.Struct | None) -> CarState:
    """The car as a control mode of ScheduleExchangeReq or of a charge-loop request describes it."""
    said: dict[str, Any] = {
        field: stated(value, MOST) if isinstance(value, RationalNumber) else value
        for field, element in _ELEMENTS
        if (value := getattr(needs, element, None)) is not None
    }
    return replace(car, **said) if said else car


def with_display(car: CarState, display: DisplayParameters | None) -> CarState:
    """The car with the states of charge of `display`."""
    if display is None:
        return car
    return replace(
        car,
        soc_percent=car.soc_percent if display.PresentSOC is None else display.PresentSOC,
        soc_min_percent=car.soc_min_percent if display.MinimumSOC is None else display.MinimumSOC,
        soc_target_percent=car.soc_target_percent if display.TargetSOC is None else display.TargetSOC,
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
