"""What the EVSE and its cable may carry: `capability` in the configuration."""

from collections.abc import Iterator

from v2g.station.config.settings import Capability as Own
from v2g.station.power.limits import Bound, Holds
from v2g.station.power.situation import Situation
from v2g.station.power.source import Source


class Capability(Source):
    """Power always, current at the voltage of the moment."""

    def __init__(self) -> None:
        self._own: Own | None = None
        self._powers: tuple[Bound, ...] = ()
        """Of this capability: made once."""

    def bounds(self, situation: Situation) -> Iterator[Bound]:
        own, inverter = situation.settings.capability, situation.readings.inverter
        if own is not self._own:
            self._own, self._powers = (
                own,
                (
                    Bound("station charge power", charge_w=own.charge_w, holds=Holds.ALWAYS),
                    Bound("station discharge power", discharge_w=own.discharge_w, holds=Holds.ALWAYS),
                ),
            )
        yield from self._powers
        if situation.dc and situation.energy:
            volts = 0.0 if inverter is None else inverter.voltage_v
            yield Bound("station charge current", own.charge_a * volts, holds=Holds.AT_ONCE)
            yield Bound("station discharge current", discharge_w=own.discharge_a * volts, holds=Holds.AT_ONCE)
