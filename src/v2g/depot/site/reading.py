"""What is measured in a house: at the meter of its connection, and at its battery."""

from math import isfinite, sqrt

from msgspec import Struct

Phases = tuple[float, float, float]

MOST_OF_FUSE = 20.0
"""No meter shows more than the main fuse by this factor: that would have blown it long ago."""
LEAST_V, MOST_V = 100.0, 300.0


class HouseReading(Struct, frozen=True, kw_only=True):
    """The meter at the connection. Positive is drawn from the grid. A house with one phase has 0 in the others."""

    unix_s: float
    powers_w: Phases
    currents_a: Phases | None = None
    """Magnitudes; None if the meter does not show them."""
    voltages_v: Phases | None = None
    """Phase to neutral."""

    def active_w(self, nominal_v: float) -> Phases:
        """Active power of each phase as it loads a fuse at nominal voltage: 2 kW at 200 V count as 2.3 kW at 230 V."""
        pairs = zip(self.powers_w, self.voltages_v or (nominal_v,) * 3, strict=True)
        first, second, third = (power_w * nominal_v / volts if volts else power_w for power_w, volts in pairs)
        return first, second, third

    def taken_w(self, nominal_v: float, fuse_w: float) -> Phases:
        """What a phase's reactive current takes of its fuse, for either direction of the active power.

        The rest of the current, which active power does not explain, counts as reactive. A current too low for the
        active power takes nothing: the power counts then."""
        if self.currents_a is None:
            return 0.0, 0.0, 0.0
        first, second, third = (
            fuse_w - sqrt(max(fuse_w**2 - max((amps * nominal_v) ** 2 - active_w**2, 0.0), 0.0))
            for amps, active_w in zip(self.currents_a, self.active_w(nominal_v), strict=True)
        )
        return first, second, third


class BatteryReading(Struct, frozen=True, kw_only=True):
    """The battery of the house. Positive charges it."""

    unix_s: float
    power_w: float
    soc_pu: float | None = None


def why_implausible(reading: HouseReading, fuse_a: float, nominal_v: float) -> str | None:
    """Why a reading cannot be true, or None. Such a reading counts as none."""
    most_a = MOST_OF_FUSE * fuse_a
    bounds = [("power_w", each, most_a * nominal_v) for each in reading.powers_w]
    bounds += [("current_a", each, most_a) for each in reading.currents_a or ()]
    for name, value, most in bounds:
        if not isfinite(value) or abs(value) > most:
            return f"{name} is {value:g}, plausible is at most {most:g}"
    for volts in reading.voltages_v or ():
        if volts and not LEAST_V <= volts <= MOST_V:  # 0: a phase that is not connected
            return f"voltage_v is {volts:g}, plausible is {LEAST_V:g} to {MOST_V:g}"
    return None
