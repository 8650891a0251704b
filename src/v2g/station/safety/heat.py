"""The heat of one EVSE: sensors in, a bound on the power and the pump's speed out."""

from math import inf

from msgspec.structs import replace

from v2g.power.inverter import InverterRating
from v2g.station.config.settings import EvseSettings
from v2g.station.power.limits import Bound
from v2g.station.readings import Readings
from v2g.thermal.limiter import Allowance, Measured, ThermalLimiter, ThermalReadings
from v2g.thermal.settings import ThermalSettings

INVERTER_ONLY = ThermalSettings(contactor=None, coolant=None, ambient=None)
"""If nothing is configured: the inverter reports the temperature of its power module."""
EVERY_S = 0.1
"""Between steps of the model."""


class Heat:
    """What the temperatures leave of the rating."""

    def __init__(self, settings: ThermalSettings, charge_w: float, discharge_w: float) -> None:
        """`charge_w`, `discharge_w`: full power, of the inverter with DC, of the EVSE with AC."""
        self._ramps = settings is not INVERTER_ONLY  # without a coolant there is nothing to follow
        self.limiter = ThermalLimiter(settings, charge_w=charge_w, discharge_w=discharge_w)
        self.readings = ThermalReadings()
        """As they were taken last."""
        self.allowance: Allowance | None = None
        self._stepped_s = -inf
        self._charged_w = self._discharged_w = 0.0
        """Recent power in each direction: a short interruption has not cooled anything."""

    def step(self, readings: Readings, now: float, ac_a: float = 0.0) -> None:
        """Take fresh readings, if the model's next step is due. `ac_a`: current through the contactor of an AC EVSE."""
        if now - self._stepped_s < EVERY_S:
            return
        self._stepped_s = now
        inverter = readings.inverter

        def sensor(name: str) -> Measured | None:
            for source in (readings.temperatures, readings.safety):
                if source is not None and (value := getattr(source, name)) is not None:
                    return Measured(source.time_s, value)
            return None

        self.readings = ThermalReadings(
            module=None if inverter is None else Measured(inverter.time_s, inverter.temperature_c),
            contactor=sensor("contactor_c"),
            coolant=sensor("coolant_c"),
            ambient=sensor("ambient_c"),
            flow=sensor("flow"),
            loss_w=0.0 if inverter is None else inverter.ac_power_w - inverter.power_w,
            current_a=ac_a if inverter is None else inverter.current_a,
        )
        self.allowance = self.limiter.step(self.readings, now)

    @property
    def bound(self) -> Bound:
        """What the temperatures leave."""
        allowance = self.allowance
        if allowance is None:
            return Bound("heat", 0.0, 0.0, "no temperature is known")
        return Bound("heat", allowance.charge_w, allowance.discharge_w, allowance.why or "")

    def ramp(self, before_w: float, dt_s: float) -> Bound | None:
        """How fast the power may leave zero, from `before_w`, `dt_s` ago; None if nothing has to follow it."""
        if not self._ramps or self.allowance is None:
            return None
        rise_w = self.allowance.ramp_w_per_s * dt_s
        self._charged_w = max(before_w, self._charged_w - rise_w, 0.0)
        self._discharged_w = max(-before_w, self._discharged_w - rise_w, 0.0)
        return Bound("heat ramp", self._charged_w + rise_w, self._discharged_w + rise_w, "it follows the coolant")


def heat_of(settings: EvseSettings, rating: InverterRating | None) -> Heat | None:
    """The heat of an EVSE; None while nothing is known of it, or if nothing measures it."""
    if settings.inverter is not None:
        if rating is None:
            return None
        return Heat(settings.thermal or INVERTER_ONLY, rating.charge_power_max_w, rating.discharge_power_max_w)
    if settings.thermal is None:
        return None
    own = settings.capability
    return Heat(replace(settings.thermal, module=None), own.charge_w, own.discharge_w)
