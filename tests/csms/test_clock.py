"""A depot whose machine gets another time while it runs."""

import pytest
from tests.csms.site import SAFE_W, SILENCE
from tests.csms.test_gateway import steered

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
