"""A station that follows a real day of grid frequency, second by second, in virtual time."""

from collections.abc import Callable
from itertools import pairwise

from msgspec.structs import replace

from v2g.grid import settings
from v2g.grid.capability import Rating
from v2g.grid.protection import Protection, State
from v2g.grid.sample import GridSample
from v2g.grid.settings import GridCode, Value
from v2g.grid.support import GridSupport

RATING = Rating(apparent_va=11_000, charge_w=11_000, discharge_w=11_000, reactive_max_var=5_000)


NARROWEST: dict[str, Value] = {
    "frequency_droop.over_deadband_hz": 0.017,
    "frequency_droop.under_deadband_hz": 0.017,
    "frequency_droop.over_droop": 0.02,
    "frequency_droop.under_droop": 0.02,
    "frequency_droop.response_s": 1.0,
}


def test_droop_through_a_day(frequency_day: list[float], record_property: Callable[[str, object], None]) -> None:
    """In service all day; energy both ways; the power changes its sign no more often than the deviation does."""
    code = settings.load("ieee1547-cat3").with_settings({"measurement.stale_s": 1.0, "measurement.frozen_s": 1.0})
    protection = Protection(code, in_service=True)
    stations = {"defaults": Station(code), "narrowest": Station(code.with_settings(NARROWEST))}
    for second, per_unit in enumerate(frequency_day):
        sample = GridSample(float(second), second, (1.0, 1.0, 1.0), per_unit * code.nominal_hz)
        assert protection.step(sample, float(second)).state is State.RUN
        for station in stations.values():
            station.step(sample)
    crossings = sum((before > 1) != (after > 1) for before, after in pairwise(frequency_day))
    assert len(frequency_day) == 86_400
    for name, station in stations.items():
        record_property(name, str(station))
        assert 0 < station.changes_of_sign <= crossings
    assert min(stations["defaults"].taken_wh, stations["defaults"].given_wh) > 0.5
    assert min(stations["narrowest"].taken_wh, stations["narrowest"].given_wh) > 200


class Station:
    """Follows the droop, with nothing else to do."""

    def __init__(self, code: GridCode) -> None:
        self._support = GridSupport(code, RATING)
        self._power_w = self._last_w = 0.0
        self.taken_wh = self.given_wh = 0.0
        self.changes_of_sign = 0

    def step(self, sample: GridSample) -> None:
        self._power_w = self._support.step(replace(sample, power_w=self._power_w), 0.0, 1.0).power_w
        self.changes_of_sign += self._power_w * self._last_w < 0
        self._last_w = self._power_w or self._last_w
        self.taken_wh += max(self._power_w, 0.0) / 3600
        self.given_wh -= min(self._power_w, 0.0) / 3600

    def __str__(self) -> str:
        return f"{self.taken_wh:.0f} Wh taken, {self.given_wh:.0f} Wh given, {self.changes_of_sign} changes of sign"
