"""The contactor module in virtual time: delay, watchdog, mechanical faults, log."""

import pytest

from v2g.bench.sim.contactor import MECHANICAL_DELAY_S, WATCHDOG_S, ContactorModule, Stuck
from v2g.power.registers.port import Table


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


class Bench:
    """A module, its clock and the log of its movements."""

    def __init__(self, stuck: Stuck | None = None) -> None:
        self.clock = Clock()
        self.movements: list[tuple[float, bool, str]] = []
        self.module = ContactorModule(self.clock, stuck=stuck, log=lambda *entry: self.movements.append(entry))

    def write(self, closed: bool) -> None:
        self.module.unit.write(Table.COIL, 0, [int(closed)])

    def feedback(self) -> tuple[bool, bool]:
        closed, driven = self.module.unit.read(Table.DISCRETE, 0, 2)
        return bool(closed), bool(driven)

    def wait(self, seconds: float) -> None:
        self.clock.now += seconds
        self.module.advance(self.clock.now)


def test_the_contacts_follow_the_coil_after_the_mechanical_delay() -> None:
    bench = Bench()
    bench.write(True)
    assert bench.feedback() == (False, True)
    bench.wait(MECHANICAL_DELAY_S)
    assert bench.feedback() == (True, True)
    bench.write(False)
    assert bench.feedback() == (True, False)
    bench.wait(MECHANICAL_DELAY_S)
    assert bench.feedback() == (False, False)
    assert [(closed, cause) for _, closed, cause in bench.movements] == [(True, "command"), (False, "command")]
    assert bench.movements[1][0] - bench.movements[0][0] == pytest.approx(MECHANICAL_DELAY_S)


def test_silence_opens() -> None:
    bench = Bench()
    for _ in range(10):
        bench.write(True)
        bench.wait(WATCHDOG_S * 0.9)
    assert bench.feedback() == (True, True)
    bench.wait(WATCHDOG_S * 0.2)
    assert bench.feedback() == (True, False)
    bench.wait(MECHANICAL_DELAY_S)
    assert bench.feedback() == (False, False)
    assert bench.movements[-1][2] == "watchdog"


def test_a_repeated_command_changes_nothing() -> None:
    bench = Bench()
    bench.write(True)
    bench.wait(MECHANICAL_DELAY_S / 2)
    bench.write(True)
    bench.wait(MECHANICAL_DELAY_S / 2)
    assert bench.feedback() == (True, True)


@pytest.mark.parametrize(
    ("stuck", "at_rest", "commanded_closed", "commanded_open"),
    [
        (Stuck.OPEN, False, False, False),
        (Stuck.CLOSED, False, True, True),
        (Stuck.WELDED, True, True, True),
    ],
)
def test_mechanical_faults(stuck: Stuck, at_rest: bool, commanded_closed: bool, commanded_open: bool) -> None:
    bench = Bench(stuck)
    bench.wait(1.0)
    assert bench.feedback() == (at_rest, False)
    bench.write(True)
    bench.wait(0.1)
    assert bench.feedback() == (commanded_closed, True)
    bench.write(False)
    bench.wait(0.1)
    assert bench.feedback() == (commanded_open, False)
