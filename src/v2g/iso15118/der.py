"""What an AC car that feeds the grid must do by itself: the grid code's functions, as both sides of a session see them.

With AC the inverter is the car's. A service of Amendment 1 (AC_DER_IEC, AC_DER_SAE) hands the grid code's settings to
it. They are values here, free of either variant's elements: voltages per unit of `nominal_v`, active power per unit of
the rated power in its direction, reactive power per unit of the apparent power. Reactive power has the grid codes'
sign: positive is fed into the grid.
"""

from dataclasses import dataclass
from typing import Literal

Point = tuple[float, float]
Reactive = Literal["volt_var", "watt_var", "constant_power_factor", "constant_var"]


@dataclass(frozen=True, slots=True)
class Curve:
    """A piecewise linear function, and its open-loop response time (to 90 %)."""

    points: tuple[Point, ...]
    response_s: float


@dataclass(frozen=True, slots=True)
class FrequencyWatt:
    """Active power by frequency: from `start_hz` on, `per_hz` of the rated power for each hertz."""

    start_hz: float
    per_hz: float
    response_s: float


@dataclass(frozen=True, slots=True)
class Stage:
    """A trip element: beyond the threshold (pu of the nominal voltage, or Hz) for this long."""

    threshold: float
    delay_s: float


@dataclass(frozen=True, slots=True)
class Trips:
    """The trip elements of one quantity on one side, the quickest first."""

    stages: tuple[Stage, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """When the inverter may feed again."""

    permitted: bool
    lowest_pu: float
    highest_pu: float
    lowest_hz: float
    highest_hz: float
    delay_s: float
    ramp_s: float


@dataclass(frozen=True, slots=True)
class DerRating:
    """What car and station can do together. Magnitudes."""

    charge_w: float
    discharge_w: float
    reactive_max_var: float

    @property
    def apparent_va(self) -> float:
        """The base of reactive power."""
        return max(self.charge_w, self.discharge_w)


@dataclass(frozen=True, slots=True)
class DerSettings:
    """The grid code for the inverter in a car. What a variant cannot carry is None or empty at the car's side."""

    nominal_v: float
    nominal_hz: float
    reactive: Reactive
    """The one reactive function in force."""
    volt_var: Curve
    watt_var: Curve
    """Over the power that is fed; negative while charging."""
    power_factor: float
    injecting: bool
    """At the constant power factor: whether reactive power is fed or drawn."""
    constant_var_pu: float
    reactive_response_s: float
    """Of constant power factor and constant reactive power."""
    reactive_pu: float
    """How much reactive power the code demands of the inverter, in either direction."""
    over_frequency: FrequencyWatt | None
    under_frequency: FrequencyWatt | None
    volt_watt: Curve | None
    """How much may be fed; None if the function is off."""
    fed_pu: float
    """The operator's limit of what is fed."""
    over_voltage: Trips
    under_voltage: Trips
    over_frequency_trip: Trips
    under_frequency_trip: Trips
    lowest_pu: float
    """Continuous operation ends here: below it begins riding through, or tripping."""
    highest_pu: float
    ceases_below_pu: float | None
    """Momentary cessation: exchange nothing, and stay."""
    ceases_above_pu: float | None
    entry: Entry
    category: str = ""
    """IEEE 1547: the abnormal operating performance category, `I`, `II` or `III`; empty for other codes."""
    normal_category: str = ""
    """IEEE 1547: the normal operating performance category, `A` or `B`."""


@dataclass(frozen=True, slots=True)
class CarDer:
    """What is known of the inverter of a car in a session of Amendment 1."""

    rating: DerRating
    given: DerSettings
    """The settings that it was given."""
    lacking: str = ""
    """Why its answer is not right; empty if it is."""
    accepted: bool = False
    """It has gone on with these settings."""

    @property
    def why_not(self) -> str | None:
        """Why it is not known to do what the grid code demands, or None."""
        if self.lacking:
            return self.lacking
        return None if self.accepted else "the car has not accepted the grid code's settings yet"


def reactive_pu(settings: DerSettings, voltage_v: float, power_w: float, rating: DerRating) -> float:
    """The settled reactive power fed, per unit of the apparent power. `power_w`: positive charges."""
    rated_w = rating.charge_w if power_w > 0 else rating.discharge_w
    match settings.reactive:
        case "volt_var":
            return interpolate(voltage_v / settings.nominal_v, settings.volt_var.points)
        case "watt_var":
            return interpolate(-power_w / max(rated_w, 1.0), settings.watt_var.points)
        case "constant_var":
            return settings.constant_var_pu
        case "constant_power_factor":
            factor = (1 / settings.power_factor**2 - 1) ** 0.5
            share = abs(power_w) / max(rating.apparent_va, 1.0) * factor
            return float(share if settings.injecting else -share)


def interpolate(x: float, points: tuple[Point, ...]) -> float:
    """The value of a curve; constant before its first and after its last point."""
    before = points[0]
    for after in points:
        if x <= after[0]:
            span = after[0] - before[0]
            return after[1] if span <= 0 else before[1] + (after[1] - before[1]) * (x - before[0]) / span
        before = after
    return points[-1][1]
