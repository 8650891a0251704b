"""What is measured around the chargers, and how long that holds."""

from tests.depot.scene import NOW

from v2g.depot.surroundings import AMBIENT_S, FREQUENCY_S, Surroundings
from v2g.depot.view import Measurements


def test_readings_hold_for_their_time() -> None:
    around = Surroundings("site", 15.0)
    assert (around.ambient_c(NOW), around.frequency_hz(NOW), around.loads_w) == (15.0, None, {})
    around.take(Measurements(meter_w=9_000.0, other_load_w=6_000.0, frequency_hz=49.9, ambient_c=31.0), NOW)
    assert (around.ambient_c(NOW), around.frequency_hz(NOW)) == (31.0, 49.9)
    assert around.frequency_hz(NOW + FREQUENCY_S + 1) is None
    assert around.ambient_c(NOW + AMBIENT_S + 1) == 15.0
    assert around.loads_w == {"site": (2_000.0, 2_000.0, 2_000.0)}
    around.take(Measurements(frequency_hz=50.0), NOW + 60)
    assert around.meter is not None
    assert around.meter.unix_s == NOW
