"""What the inverter can do, as it reports it (DC)."""

from collections.abc import Iterator

from v2g.power.inverter import InverterRating
from v2g.station.power.limits import Bound, Holds
from v2g.station.power.situation import Situation
from v2g.station.power.source import Source


class Rating(Source):
    def __init__(self) -> None:
        self._of: InverterRating | None = None
        self._powers: tuple[Bound, ...] = ()
        """Of this rating: made once."""

    def bounds(self, situation: Situation) -> Iterator[Bound]:
        rating, service, inverter = situation.rating, situation.service, situation.readings.inverter
        if situation.settings.inverter is None or (service is not None and not service.dc):
            return
        if rating is None:
            yield Bound("inverter rating unknown", 0.0, 0.0, holds=Holds.ALWAYS)
            return
        if rating is not self._of:
            self._of, self._powers = (
                rating,
                (
                    Bound("inverter charge power", charge_w=rating.charge_power_max_w, holds=Holds.ALWAYS),
                    Bound("inverter discharge power", discharge_w=rating.discharge_power_max_w, holds=Holds.ALWAYS),
                ),
            )
        yield from self._powers
        if situation.energy:
            volts = 0.0 if inverter is None else inverter.voltage_v
            charge_w, discharge_w = rating.charge_current_max_a * volts, rating.discharge_current_max_a * volts
            yield Bound("inverter charge current", charge_w, holds=Holds.AT_ONCE)
            yield Bound("inverter discharge current", discharge_w=discharge_w, holds=Holds.AT_ONCE)
