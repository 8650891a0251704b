"""A station that follows a real day of grid frequency, second by second, in virtual time."""

import csv
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from v2g.grid import settings
from v2g.grid.capability import Rating
from v2g.grid.protection import Protection, State
from v2g.grid.sample import GridSample
from v2g.grid.settings import Value
from v2g.grid.support import GridSupport

RATING = Rating(apparent_va=11_000, charge_w=11_000, discharge_w=11_000, reactive_max_var=5_000)


@pytest.fixture(scope="module")
def day(shared: Path) -> list[float]:
    """Per unit of the nominal frequency, one for each second."""
    path = shared / "data/grid_60hz_1s_day.csv"
    if not path.exists():
        pytest.skip(f"no {path}")
    with path.open() as file:
        return [float(row[1]) for row in csv.reader(file)]


NARROWEST: dict[str, Value] = {
    "frequency_droop.over_deadband_hz": 0.017,
    "frequency_droop.under_deadband_hz": 0.017,
    "frequency_droop.over_droop": 0.02,
    "frequency_droop.under_droop": 0.02,
    "frequency_droop.response_s": 1.0,
}


@pytest.mark.parametrize(
    ("changes", "least_wh"), [({}, 0.5), (NARROWEST, 200.0)], ids=["defaults", "narrowest deadband"]
)
def test_droop_through_a_day(
    day: list[float],
    changes: dict[str, Value],
    least_wh: float,
    record_property: Callable[[str, object], None],
) -> None:
    """In service all day; energy both ways; the power changes its sign no more often than the deviation does."""
    code = settings.load("ieee1547-cat3").with_settings({"measurement.stale_s": 1.0, "measurement.frozen_s": 1.0})
    code = code.with_settings(changes)
    protection, support = Protection(code, in_service=True), GridSupport(code, RATING)
    taken_wh = given_wh = power_w = 0.0
    signs: list[bool] = []
    crossings = 0
    for second, per_unit in enumerate(day):
        frequency_hz = per_unit * code.nominal_hz
        sample = GridSample(float(second), second, (1.0, 1.0, 1.0), frequency_hz, power_w=power_w)
        assert protection.step(sample, float(second)).state is State.RUN
        power_w = support.step(sample, 0.0, 1.0).power_w
        crossings += second > 0 and (per_unit > 1) != (day[second - 1] > 1)
        if power_w:
            signs.append(power_w > 0)
        taken_wh += max(power_w, 0.0) / 3600
        given_wh -= min(power_w, 0.0) / 3600
    changed = sum(before != after for before, after in pairwise(signs))
    record_property("droop", f"{taken_wh:.0f} Wh taken, {given_wh:.0f} Wh given, {changed} changes of sign")
    assert len(day) == 86_400
    assert min(taken_wh, given_wh) >= least_wh
    assert 0 < changed <= crossings
