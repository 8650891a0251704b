"""A car that does not talk (IEC 61851-1): it takes what the duty cycle allows, and never gives."""

from collections.abc import Iterator

from v2g.iso15118.service import Service
from v2g.power.meter import MeterReading
from v2g.station.config.settings import EvseSettings
from v2g.station.power.limits import Bound, Wish
from v2g.station.power.situation import Situation
from v2g.station.power.source import Source


class DutyCycle(Source):
    def wish(self, situation: Situation) -> Wish | None:
        if not follows(situation):
            return None
        return Wish(_most_w(situation), "the duty cycle")

    def bounds(self, situation: Situation) -> Iterator[Bound]:
        if follows(situation):
            yield Bound("largest duty cycle", charge_w=_most_w(situation))
            yield Bound("the car does not talk", discharge_w=0.0)


def follows(situation: Situation) -> bool:
    """Whether the car follows the duty cycle: energy may flow, and no control mode was agreed on."""
    return situation.energy and situation.service is Service.AC and situation.demand.mode is None


def _most_w(situation: Situation) -> float:
    """What the largest duty cycle allows: `fallback_a` on each phase."""
    pilot = situation.settings.pilot
    most_a = 0.0 if pilot is None or pilot.fallback_a is None else pilot.fallback_a
    return most_a * volts_times_phases(situation.settings, situation.readings.meter)


def volts_times_phases(settings: EvseSettings, meter: MeterReading | None) -> float:
    """Watts that each ampere on each phase lets flow: at the measured voltage if that is above the nominal one."""
    nominal_v = float(settings.nominal_voltage_v * settings.phases)
    return nominal_v if meter is None else max(nominal_v, sum(meter.voltages_v[: settings.phases]))
