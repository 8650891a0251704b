"""Each check on recordings made by hand: what it lets pass, and what not."""

import pytest

from v2g.bench.typetest.check import Check, Enters, Idle, Keeps, Responds, Restores, Sample, Settles, Stays, Trips


def recording(
    power: dict[float, float], opens_s: float = 99.0, reactive: dict[float, float] | None = None
) -> list[Sample]:
    """10 s in steps of 0.1 s from -1 s on; the values hold from their times on."""

    def held(course: dict[float, float], time_s: float) -> float:
        return next((value for at_s, value in reversed(course.items()) if time_s >= at_s - 1e-6), 0.0)

    times = [index / 10 for index in range(-10, 101)]
    return [Sample(t, 60.0, (1.0,), held(power, t), held(reactive or {}, t), t < opens_s - 1e-6) for t in times]


@pytest.mark.parametrize(
    ("check", "power", "opens_s", "passes"),
    [
        (Trips(0.5, 2.0), {-1: -0.9, 1.0: 0.0}, 1.0, True),
        (Trips(0.5, 2.0), {-1: -0.9, 0.3: 0.0}, 0.3, False),
        (Trips(0.5, 2.0), {-1: -0.9, 3.0: 0.0}, 1.0, False),
        (Trips(0.5, 2.0), {-1: -0.9, 1.0: 0.0}, 99.0, False),
        (Stays(5.0), {-1: -0.9}, 6.0, True),
        (Stays(5.0), {-1: -0.9}, 4.0, False),
        (Idle(0.2, 5.0), {-1: -0.9, 0.2: 0.01}, 99.0, True),
        (Idle(0.2, 5.0), {-1: -0.9, 0.4: 0.0}, 99.0, False),
        (Keeps(0.0, 5.0, 0.8), {-1: -0.9, 1.0: -0.73}, 99.0, True),
        (Keeps(0.0, 5.0, 0.8), {-1: -0.9, 1.0: -0.7}, 99.0, False),
        (Keeps(0.0, 5.0, 0.8), {-1: -0.9, 1.0: 0.9}, 99.0, False),
        (Restores(5.0, 0.4), {-1: -0.9, 0.0: 0.0, 5.3: -0.8}, 99.0, True),
        (Restores(5.0, 0.4), {-1: -0.9, 0.0: 0.0, 5.6: -0.8}, 99.0, False),
        (Restores(5.0, 0.4), {-1: -0.9, 0.0: 0.0}, 99.0, False),
        (Restores(5.0, 0.4), {-1: 0.9, 0.0: 0.0, 5.1: 0.9}, 99.0, True),
        (Settles("power_pu", 8.0, 9.0, 0.5, 0.05), {-1: -0.9, 1.0: 0.54}, 99.0, True),
        (Settles("power_pu", 8.0, 9.0, 0.5, 0.05), {-1: -0.9, 1.0: 0.56}, 99.0, False),
        (Responds("power_pu", 2.0), {-1: 0.0, 1.0: 0.5, 1.9: 0.95, 4.0: 1.0}, 99.0, True),
        (Responds("power_pu", 2.0), {-1: 0.0, 1.0: 0.5, 2.2: 0.95, 4.0: 1.0}, 99.0, False),
        (Enters(2.0, 3.0, 4.0), {-1: 0.0, 5.5: -0.5}, 99.0, True),
        (Enters(2.0, 3.0, 4.0), {-1: 0.0, 4.9: -0.5}, 99.0, False),
        (Enters(2.0, 3.0, 4.0), {-1: 0.0}, 99.0, False),
    ],
)
def test_power_and_contactor(check: Check, power: dict[float, float], opens_s: float, passes: bool) -> None:
    assert check.judge(recording(power, opens_s)).passed is passes
    assert all(mark.from_s <= mark.to_s for mark in check.marks())


def test_reactive_power_has_checks_of_its_own() -> None:
    course = recording({-1: -0.5}, reactive={1.0: 0.44})
    assert Settles("fed_var_pu", 8.0, 9.0, 0.44, 0.05).judge(course).passed
    assert Responds("fed_var_pu", 1.1).judge(course).passed
    assert not Responds("fed_var_pu", 0.9).judge(course).passed
