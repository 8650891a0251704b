"""What is measured around the chargers, and how long that holds: the site's meter, other load, frequency, ambient."""

from collections.abc import Mapping
from math import inf

from v2g.depot.view import Measurements, Meter
from v2g.kernel.durations import HOUR_S

FREQUENCY_S = 5.0
"""A frequency that is older is not known."""
AMBIENT_S = HOUR_S
"""So is a temperature of the air."""


class Surroundings:
    """The latest readings."""

    def __init__(self, root: str, ambient_c: float | None = None) -> None:
        """`root`: of the feeder tree, where the site's meter is. `ambient_c`: if nobody measures it."""
        self._root, self._usual_c = root, ambient_c
        self.meter: Meter | None = None
        self._frequency, self._ambient = (0.0, -inf), (0.0, -inf)

    def take(self, measurements: Measurements, now: float) -> None:
        """What was measured just now."""
        if measurements.meter_w is not None:
            self.meter = Meter(measurements.meter_w, now, measurements.other_load_w)
        if measurements.frequency_hz is not None:
            self._frequency = measurements.frequency_hz, now
        if measurements.ambient_c is not None:
            self._ambient = measurements.ambient_c, now

    def frequency_hz(self, now: float) -> float | None:
        """Of the grid."""
        return self._frequency[0] if now - self._frequency[1] <= FREQUENCY_S else None

    def ambient_c(self, now: float) -> float | None:
        """As measured, else as configured."""
        return self._ambient[0] if now - self._ambient[1] <= AMBIENT_S else self._usual_c

    @property
    def loads_w(self) -> Mapping[str, tuple[float, float, float]]:
        """The other load behind the site's meter, evenly on its phases; it holds until it is measured again.

        The controller does not count on it for more power once the meter is silent.
        """
        load_w = None if self.meter is None else self.meter.other_load_w
        return {self._root: (load_w / 3, load_w / 3, load_w / 3)} if load_w else {}
