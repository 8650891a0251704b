"""A machine's clock that somebody sets while the process runs."""

from v2g.io.clock_steps import STEP_S, ClockSteps


class Machine:
    """Its two clocks."""

    wall_s, up_s = 1_800_000_000.0, 50.0

    def passes(self, seconds: float, *, drift: float = 0.0) -> None:
        self.wall_s += seconds * (1 + drift)
        self.up_s += seconds


def test_only_a_clock_that_is_set_makes_a_step() -> None:
    machine = Machine()
    steps = ClockSteps(lambda: machine.wall_s, lambda: machine.up_s)
    for _ in range(1000):
        machine.passes(5.0, drift=5e-4)  # the most that the kernel slews
        assert steps.look() == 0.0
    machine.wall_s -= 3600.0
    machine.passes(5.0)
    assert steps.look() == -3600.0
    assert steps.look() == 0.0
    machine.wall_s += STEP_S / 2
    assert steps.look() == 0.0
    assert (steps.count, steps.last_s, steps.at_s) == (1, -3600.0, 1_800_001_407)


def test_the_clocks_of_this_machine_agree() -> None:
    steps = ClockSteps()
    assert steps.look() == 0.0
