"""Entering service: not outside the window, not before the delay, then on a ramp or after a random delay.

IEEE 1547.1-2020 5.6. Before it enters, the station exchanges nothing; a car may wait in session.
"""

from collections.abc import Iterator

from v2g.bench.typetest import accuracy
from v2g.bench.typetest.case import Case, Subject
from v2g.bench.typetest.check import Check, Enters, Idle, Settles
from v2g.bench.typetest.course import Course
from v2g.grid.settings import Value

_PLUG_S = 3.0
_DELAY_S = 10.0
"""Short, if the case does not test the delay itself."""
_LATE_S = 1.0
"""The standards set no latest time to enter service; later than this is not what the setting says."""
_AWAY_S = 30.0


def cases(subject: Subject) -> Iterator[Case]:
    """The window's four edges, the delay and the ramp as set, after a trip, and the random delay."""
    yield from _edges(subject)
    yield _start(subject)
    yield from _after_trip(subject)
    yield from _random_delay(subject)


def _entry(subject: Subject, since_s: float, delay_s: float, ramp_s: float, random_s: float = 0.0) -> tuple[Check, ...]:
    by_s = delay_s + random_s + accuracy.time_s(subject.code, delay_s) + 0.05 * ramp_s + _LATE_S
    return Idle(0.0, since_s + delay_s), Enters(since_s, delay_s, by_s)


def _source(subject: Subject, name: str) -> str:
    return subject.code.settings[f"enter_service.{name}"].source


def _edges(subject: Subject) -> Iterator[Case]:
    """A car comes while the grid is outside, and again once it is inside."""
    code, entry = subject.code, subject.code.enter_service
    ramp_s = code.settings["enter_service.ramp_s"].low
    nominal = subject.course
    edges: dict[str, tuple[Course, str]] = {
        "low-voltage": (nominal().voltage(entry.lowest_pu - accuracy.VOLTAGE_PU), "lowest_pu"),
        "high-voltage": (nominal().voltage(entry.highest_pu + accuracy.VOLTAGE_PU), "highest_pu"),
        "low-frequency": (nominal().frequency(entry.lowest_hz - accuracy.FREQUENCY_HZ), "lowest_hz"),
        "high-frequency": (nominal().frequency(entry.highest_hz + accuracy.FREQUENCY_HZ), "highest_hz"),
    }
    for name, (course, setting) in edges.items():
        course.hold(_AWAY_S).voltage(1.0).frequency(code.nominal_hz, code.ride_through.rocof_hz_per_s)
        yield Case(
            f"enter-service/outside-{name}", _source(subject, setting), course,
            _entry(subject, _AWAY_S, _DELAY_S, ramp_s), _AWAY_S + _DELAY_S + 3.0,
            settings={"enter_service.delay_s": _DELAY_S}, cold=True, plugs_s=(_PLUG_S, _AWAY_S),
        )  # fmt: skip


def _start(subject: Subject) -> Case:
    """With the code's own delay and ramp, from the station's start on."""
    entry = subject.code.enter_service
    delay_s, ramp_s = entry.delay_s, entry.ramp_s
    checks = _entry(subject, 0.0, delay_s, ramp_s)
    for share in (0.25, 0.5, 0.75):
        at_s = delay_s + share * ramp_s
        checks += (Settles("power_pu", at_s - 1.0, at_s + 1.0, -share, accuracy.POWER_PU),)
    settings: dict[str, Value] = {"enter_service.delay_s": delay_s, "enter_service.ramp_s": ramp_s}
    return Case(
        "enter-service/delay-and-ramp", _source(subject, "ramp_s"), subject.course(), checks, delay_s + ramp_s + 5.0,
        power_pu=-1.0, settings=settings, cold=True, plugs_s=(_PLUG_S,),
    )  # fmt: skip


def _after_trip(subject: Subject) -> Iterator[Case]:
    """Tripped by a voltage that no code allows; the next car comes as soon as the voltage is back."""
    code, entry = subject.code, subject.code.enter_service
    away_s = 5.0
    changes: dict[str, Value] = {"enter_service.delay_s": entry.delay_s, "enter_service.ramp_s": entry.ramp_s}
    for name, pu in (("over-voltage", 1.3), ("dead-grid", 0.0)):
        course = subject.course().voltage(pu).hold(away_s).voltage(1.0)
        checks = (Idle(away_s / 2, away_s + entry.delay_s), *_entry(subject, away_s, entry.delay_s, entry.ramp_s)[1:])
        yield Case(
            f"enter-service/after-{name}", code.settings["enter_service.delay_s"].source, course, checks,
            away_s + entry.delay_s + 0.05 * entry.ramp_s + 5.0, adjusted=changes, plugs_s=(away_s + 0.1,),
        )  # fmt: skip


def _random_delay(subject: Subject) -> Iterator[Case]:
    """For a code that allows one, in the place of the ramp."""
    entry, random_s = subject.code.settings, 20.0
    if entry["enter_service.ramp_s"].low > 0 or entry["enter_service.random_delay_s"].high < random_s:
        return
    settings: dict[str, Value] = {"enter_service.delay_s": _DELAY_S, "enter_service.random_delay_s": random_s}
    yield Case(
        "enter-service/random-delay", _source(subject, "random_delay_s"), subject.course(),
        _entry(subject, 0.0, _DELAY_S, 0.0, random_s), _DELAY_S + random_s + 3.0,
        settings=settings, cold=True, plugs_s=(_PLUG_S,),
    )  # fmt: skip
