"""The heat of one EVSE: sensors in, a bound on the power and the pump's speed out."""

from collections.abc import Iterator

from v2g.power.inverter import InverterRating
from v2g.station.power.limits import Bound
from v2g.station.readings import Readings
from v2g.thermal.limiter import Allowance, Measured, ThermalLimiter, ThermalReadings
from v2g.thermal.settings import ThermalSettings

INVERTER_ONLY = ThermalSettings(contactor=None, coolant=None, ambient=None)
"""Where nothing is configured: the inverter tells the temperature of its power module."""


class Heat:
    """What the temperatures leave of the rating."""

    def __init__(self, settings: ThermalSettings, rating: InverterRating) -> None:
        self._ramps = settings is not INVERTER_ONLY  # without a coolant there is nothing to follow
        self._limiter = ThermalLimiter(
            settings, charge_w=rating.charge_power_max_w, discharge_w=rating.discharge_power_max_w
        )
        self.allowance: Allowance | None = None
        self._charged_w = self._discharged_w = 0.0
        """What either direction carried of late: a short interruption has not cooled anything."""

    def step(self, readings: Readings, now: float) -> None:
        """Take fresh readings."""
        inverter, safety = readings.inverter, readings.safety

        def sensor(name: str) -> Measured | None:
            value = None if safety is None else getattr(safety, name)
            return None if safety is None or value is None else Measured(safety.time_s, value)

        self.allowance = self._limiter.step(
            ThermalReadings(
                module=None if inverter is None else Measured(inverter.time_s, inverter.temperature_c),
                contactor=sensor("contactor_c"),
                coolant=sensor("coolant_c"),
                ambient=sensor("ambient_c"),
                flow=sensor("flow"),
                loss_w=0.0 if inverter is None else inverter.ac_power_w - inverter.power_w,
                current_a=0.0 if inverter is None else inverter.current_a,
            ),
            now,
        )

    @property
    def bound(self) -> Bound:
        """What the temperatures leave."""
        allowance = self.allowance
        if allowance is None:
            return Bound("heat", 0.0, 0.0, "no temperature is known")
        return Bound("heat", allowance.charge_w, allowance.discharge_w, allowance.why or "")

    def bounds(self, before_w: float, dt_s: float) -> Iterator[Bound]:
        """Of the power, and of how fast it may leave zero from `before_w`, `dt_s` ago."""
        yield self.bound
        if self._ramps and self.allowance is not None:
            rise_w = self.allowance.ramp_w_per_s * dt_s
            self._charged_w = max(before_w, self._charged_w - rise_w, 0.0)
            self._discharged_w = max(-before_w, self._discharged_w - rise_w, 0.0)
            charge_w, discharge_w = self._charged_w + rise_w, self._discharged_w + rise_w
            yield Bound("heat ramp", charge_w, discharge_w, "it follows the coolant")
