"""The grid-following inverter in a simulated AC car: follows its targets, and does what its grid code says by itself.

It is locked to the voltage: it feeds whatever grid there is, and an island too. Reactive power follows its target with
a first-order lag. Without a target it follows the curve of the grid code that the station gave it. It trips by the
elements that it was given, and feeds no more than volt-watt leaves.
"""

from dataclasses import dataclass
from math import exp

from v2g.iso15118.der import DerRating, DerSettings, Trips, interpolate, reactive_pu
from v2g.iso15118.vehicle import Command

LAG_S = 0.05
"""Time constant of its reactive power."""
_INSTANT_S = 1e-9


@dataclass(frozen=True, slots=True)
class Output:
    """Set-points of the on-board charger. Positive is drawn."""

    power_w: float
    reactive_var: float


class AcInverter:
    """One inverter. `obeys_var`: whether it does anything about reactive power, whatever the car says."""

    def __init__(self, reactive_max_var: float, *, obeys_var: bool = True) -> None:
        self.obeys_var = obeys_var
        self.tripped = ""
        """By which of its own elements; empty while it is in service."""
        self._most_var = reactive_max_var
        self._reactive_var = 0.0
        self._timers_s: dict[tuple[str, int], float] = {}

    def step(self, dt_s: float, command: Command, voltages_v: tuple[float, ...], frequency_hz: float) -> Output:
        """Let `dt_s` pass on this grid."""
        settings, rating = command.der, command.der_rating
        if not command.ready:
            self.tripped, self._timers_s = "", {}
        power_w, wanted_var = command.charger_w, command.charger_var or 0.0
        if settings is not None and rating is not None:
            self._protect(dt_s, settings, voltages_v, frequency_hz)
            power_w = max(power_w, -_most_fed_w(settings, rating, sum(voltages_v) / len(voltages_v)))
            if command.charger_var is None:
                volts = sum(voltages_v) / len(voltages_v)
                wanted_var = -reactive_pu(settings, volts, power_w, rating) * rating.apparent_va
        if self.tripped or not command.ready:
            power_w = wanted_var = 0.0
        if not self.obeys_var:
            wanted_var = 0.0
        wanted_var = min(max(wanted_var, -self._most_var), self._most_var)
        self._reactive_var += (wanted_var - self._reactive_var) * (1 - exp(-dt_s / LAG_S))
        return Output(power_w, 0.0 if self.tripped else self._reactive_var)

    def _protect(self, dt_s: float, settings: DerSettings, voltages_v: tuple[float, ...], frequency_hz: float) -> None:
        lowest, highest = min(voltages_v) / settings.nominal_v, max(voltages_v) / settings.nominal_v
        for name, trips, value, side in (
            ("over-voltage", settings.over_voltage, highest, 1.0),
            ("under-voltage", settings.under_voltage, lowest, -1.0),
            ("over-frequency", settings.over_frequency_trip, frequency_hz, 1.0),
            ("under-frequency", settings.under_frequency_trip, frequency_hz, -1.0),
        ):
            if self._trips(dt_s, name, trips, value, side) and not self.tripped:
                self.tripped = name

    def _trips(self, dt_s: float, name: str, trips: Trips, value: float, side: float) -> bool:
        tripped = False
        for number, stage in enumerate(trips.stages):
            beyond = side * value > side * stage.threshold
            elapsed_s = self._timers_s.get((name, number), 0.0) + dt_s if beyond else 0.0
            self._timers_s[name, number] = elapsed_s
            # AC_DER_IEC names limits without times: they are those of the vehicle's own approval.
            tripped |= stage.delay_s > 0 and elapsed_s > stage.delay_s + _INSTANT_S
        return tripped


def _most_fed_w(settings: DerSettings, rating: DerRating, volts: float) -> float:
    share = settings.fed_pu
    if settings.volt_watt is not None:
        share = min(share, max(interpolate(volts / settings.nominal_v, settings.volt_watt.points), 0.0))
    return share * rating.discharge_w
