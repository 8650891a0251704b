"""Whether the meter of an AC EVSE still measures. With DC the inverter contradicts one that does not.

A frozen meter answers with the same values again and again. Three things contradict it: the contactor is open and it
shows power; it shows power and its counters stand still; the car states another power than before, and not one of the
meter's values has moved.
"""

from v2g.kernel.fault import Fault
from v2g.kernel.units import kw, signed_kw
from v2g.power.meter import MOST_STEP_WH, NO_POWER_W, MeterReading
from v2g.station.readings import Readings
from v2g.station.timeouts import FOLLOWS_S

_LONGEST_S = 1.0
"""Between readings; a longer gap counts for nothing."""


class MeterWatch:
    """Follows the readings of one meter."""

    def __init__(self, moves_w: float) -> None:
        """`moves_w`: by how much the car's stated power must change to count."""
        self._moves_w = moves_w
        self._last: MeterReading | None = None
        self._same_s = self._open_s = self._uncounted_wh = 0.0
        """How long the same values have come; power with an open contactor; energy that no counter has counted."""
        self._stated_w: float | None = None
        """What the car stated when the values had been the same for a while."""
        self._moved_s = 0.0
        """How long it has stated another power since."""
        self._frozen = False

    def step(self, readings: Readings, stated_w: float | None) -> tuple[Fault, str] | None:
        """The latest readings, and the power that the car states; why the meter is not believed, or None."""
        meter, last = readings.meter, self._last
        if meter is None or (last is not None and meter.time_s <= last.time_s):
            return self._found(meter)
        dt_s = 0.0 if last is None else min(meter.time_s - last.time_s, _LONGEST_S)
        self._last = meter
        flows = abs(meter.power_w) > NO_POWER_W
        self._open_s = self._open_s + dt_s if flows and readings.seen_open else 0.0
        counts = last is None or (meter.import_wh, meter.export_wh) != (last.import_wh, last.export_wh)
        self._uncounted_wh = 0.0 if counts else self._uncounted_wh + abs(meter.power_w) * dt_s / 3600
        if last is None or _values(meter) != _values(last):
            self._same_s, self._moved_s, self._stated_w, self._frozen = 0.0, 0.0, None, False
            return self._found(meter)
        self._same_s += dt_s
        if stated_w is None or self._same_s < FOLLOWS_S:
            self._stated_w, self._moved_s = None, 0.0
        elif self._stated_w is None:
            self._stated_w = stated_w
        else:
            moved = abs(stated_w - self._stated_w) > self._moves_w
            self._moved_s = self._moved_s + dt_s if moved else 0.0
            self._frozen = self._frozen or self._moved_s > FOLLOWS_S
        return self._found(meter)

    def _found(self, meter: MeterReading | None) -> tuple[Fault, str] | None:
        if meter is None:
            return None
        if self._open_s > FOLLOWS_S:
            return Fault.METER_LOST, f"the meter shows {signed_kw(meter.power_w)}, and the contactor is open"
        if self._uncounted_wh > MOST_STEP_WH:
            return Fault.METER_LOST, f"the meter shows {signed_kw(meter.power_w)}, and its counters stand still"
        if self._frozen:
            shown = kw(abs(meter.power_w))
            return Fault.METER_LOST, f"the meter has shown {shown} unchanged while the power of the car has changed"
        return None


def _values(reading: MeterReading) -> tuple[object, ...]:
    return (
        reading.power_w, reading.reactive_var, reading.import_wh, reading.export_wh,
        reading.voltages_v, reading.frequency_hz,
    )  # fmt: skip
