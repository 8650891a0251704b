"""A depot whose machine gets another time while it runs."""

from math import inf

import pytest
from tests.csms.site import SAFE_W, SILENCE
from tests.csms.test_gateway import steered

from v2g.csms.gateway import Gateway
from v2g.io.steady_clock import SteadyClock
from v2g.run.depot import CLOCK_S, clock_trouble


class Machine:
    """Its two clocks."""

    def __init__(self) -> None:
        self.unix_s, self.up_s = 1_800_000_000.0, 50.0

    def clock(self) -> SteadyClock:
        return SteadyClock(lambda: self.unix_s, lambda: self.up_s)

    def passes(self, seconds: float) -> None:
        self.unix_s += seconds
        self.up_s += seconds


@pytest.mark.parametrize("step_s", [3_600.0, -3_600.0, 1e9])
def test_a_clock_that_is_set_moves_no_time_limit_and_is_named(step_s: float) -> None:
    machine = Machine()
    clock = machine.clock()
    before_s = clock.now()
    machine.unix_s += step_s
    machine.passes(10.0)
    assert clock.now() - before_s == pytest.approx(10.0, abs=0.2)
    assert clock.late_s == pytest.approx(step_s, abs=1.0)
    assert "restart the depot" in clock_trouble(clock.late_s)


def test_a_clock_that_is_nearly_right_is_no_trouble() -> None:
    machine = Machine()
    clock = machine.clock()
    machine.unix_s += CLOCK_S - 1
    assert clock_trouble(clock.late_s) == ""


@pytest.mark.parametrize("step_s", [200.0, -200.0])
def test_a_set_point_does_not_begin_later_because_the_clock_was_set(step_s: float) -> None:
    depot = steered(9_000.0, subprotocol="ocpp2.0.1")
    depot.ahead_s = step_s  # the station has not asked for the time since
    depot.run(SILENCE.setpoint_s + 3.0)
    assert depot.power_w() == pytest.approx(9_000.0 if step_s > 0 else SAFE_W, abs=10)
    depot.alive = False
    depot.cut("CS0")
    depot.run(SILENCE.setpoint_s + 3.0)
    for _ in range(30):
        depot.run(10.0)
        assert depot.power_w() <= SAFE_W + 10.0


def test_what_was_measured_before_a_restart_is_not_new_because_the_clock_was_set_back() -> None:
    depot = steered(-10_000.0)
    depot.run(30.0)
    station = depot.stations["CS0"]
    depot.cut("CS0")
    depot.now -= 3_600.0
    station.__setstate__(station.__getstate__() | {"_metered_s": depot.now, "_beat_s": depot.now, "_then": depot.now,
                                                   "_offline_since": depot.now})  # fmt: skip
    depot.gateway = Gateway(depot.configuration, depot.ledger)
    before = depot.charger()
    assert before.measured_unix_s == -inf
    assert before.vehicle is not None
    assert before.vehicle.soc_pu is None  # so nothing is discharged until it is known again
    depot.link("CS0")
    depot.wanted_w = {"CS0/1": 4_000.0}
    depot.run(20.0)
    after = depot.charger()
    assert after.measured_w == pytest.approx(4_000.0, abs=10)
    assert depot.now - SILENCE.meter_s <= after.measured_unix_s <= depot.now
    assert after.vehicle is not None
    assert after.vehicle.soc_unix_s == after.measured_unix_s
