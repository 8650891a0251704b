"""Measurement: without a grid that is known, the station is gone at once."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from math import inf, nan

from v2g.bench.typetest.bands import soonest_trip_s, trips_by_s
from v2g.bench.typetest.case import Case, Subject
from v2g.bench.typetest.check import Check, Enters, Restores, Stays, Trips
from v2g.bench.typetest.course import Course
from v2g.bench.typetest.standard import Value
from v2g.bench.typetest.trip import DIRECTIONS
from v2g.power.grid_sensor import GridReading

_REACTION_S = 0.06
"""To look at a reading, and to open the contactor."""
_DOUBT_S = 0.1
"""The same, for readings that cannot be believed: one of them is no trip, a second one is."""
_ONE_READING_S, _APART_S = 0.018, 0.52
_PASSED_OVER, _CLEARS_S = 8, 60.0
"""The number of single readings that cannot be believed and do not trip; the time without any after which they are
forgotten."""
_SOURCE = "this station: an unknown is not a permission"


def cases(subject: Subject) -> Iterator[Case]:
    """A sensing unit that is silent, that is frozen, or says what cannot be."""
    for direction, power_pu in DIRECTIONS.items():
        for case in (*_faults(subject), *_limits(subject)):
            yield replace(case, name=f"measurement/{case.name}/{direction}", power_pu=power_pu)
    yield from _single(subject)


def _faults(subject: Subject) -> Iterator[Case]:
    standard, course = subject.standard, subject.course
    stale_s, frozen_s = standard.number("measurement.stale_s"), standard.number("measurement.frozen_s")
    gone = Trips(stale_s - 0.03, stale_s + _REACTION_S)
    stuck, wrong = Trips(frozen_s - 0.03, frozen_s + _REACTION_S), Trips(0.0, _DOUBT_S)
    yield Case("silent", _SOURCE, course(), (gone,), 2.0, sensor="silent", tests=("measurement.stale_s",))
    yield Case("frozen", _SOURCE, course(), (stuck,), 2.0, sensor="frozen", tests=("measurement.frozen_s",))
    once = course().frequency(0.0).hold(_ONE_READING_S).frequency(standard.nominal_hz)
    yield Case("one-reading", _SOURCE, once, (Stays(2.0), Restores(0.0, 1.0)), 2.5)
    lies: dict[str, Callable[[GridReading], GridReading]] = {
        "frequency-no-number": lambda reading: replace(reading, frequency_hz=nan),
        "frequency-zero": lambda reading: replace(reading, frequency_hz=0.0),
        "voltage-no-number": lambda reading: replace(reading, voltages_v=(nan, 230.0, 230.0)),
        "voltage-infinite": lambda reading: replace(reading, voltages_v=(inf, 230.0, 230.0)),
        "voltage-negative": lambda reading: replace(reading, voltages_v=(-230.0, 230.0, 230.0)),
        "rocof-no-number": lambda reading: replace(reading, rocof_hz_per_s=nan),
        "phase-jump-no-number": lambda reading: replace(reading, phase_jump_deg=nan),
        "line-voltage-no-number": lambda reading: replace(reading, line_voltages_v=(nan, 398.0, 398.0)),
        "older-than-before": lambda reading: replace(reading, time_s=reading.time_s - 0.3),
    }
    if subject.phases == 1:
        del lies["line-voltage-no-number"]
    for name, lie in lies.items():
        yield Case(name, _SOURCE, course(), (wrong,), 1.0, lies=lie)


def _single(subject: Subject) -> Iterator[Case]:
    """Readings that cannot be believed, one at a time: as many as are passed over, one too many, and what a minute of
    sound ones clears. After that the way back into service begins."""
    standard = subject.standard

    def course(*batches: int, pause_s: float = 0.0) -> Course:
        reading = subject.course().hold(_APART_S / 2 - 0.005)  # whenever the unit is read, one reading is wrong
        for number, count in enumerate(batches):
            reading.hold(pause_s if number else 0.0)
            for _ in range(count):
                reading.frequency(0.0).hold(_ONE_READING_S).frequency(standard.nominal_hz)
                reading.hold(_APART_S - _ONE_READING_S)
        return reading

    half, short_s = _PASSED_OVER // 2, _CLEARS_S - 1.0
    last_s = (_PASSED_OVER + 0.5) * _APART_S
    trips = Trips(last_s - 0.02, last_s + _REACTION_S)
    soon_s, again_s = last_s + short_s, last_s + half * _APART_S + _CLEARS_S
    cases: dict[str, tuple[Course, Check]] = {
        "as-many-as-are-passed-over": (course(_PASSED_OVER), Stays(last_s)),
        "one-too-many": (course(_PASSED_OVER + 2), trips),
        "cleared-by-a-minute": (course(half, _PASSED_OVER, pause_s=_CLEARS_S), Stays(again_s)),
        "not-cleared-before": (course(half, _PASSED_OVER, pause_s=short_s), Trips(soon_s - 0.02, soon_s + _REACTION_S)),
    }
    for name, (reading, check) in cases.items():
        lasts_s = reading.end.time_s + 0.5
        yield Case(f"measurement/single-readings/{name}", _SOURCE, reading, (check,), lasts_s)
    delay_s = max(12.0, standard.figures[f"{standard.back}.delay_s"].low)
    ramp_s = standard.figures[f"{standard.back}.ramp_s"].low
    prompt: dict[str, Value] = {f"{standard.back}.delay_s": delay_s, f"{standard.back}.ramp_s": ramp_s}
    since_s = last_s + _CLEARS_S
    returns = Enters(since_s, delay_s - 0.1, delay_s + 1.5 + 0.03 * ramp_s)
    yield Case(
        "measurement/single-readings/returns", _SOURCE, course(_PASSED_OVER + 1), (returns,), since_s + delay_s + 4.0,
        adjusted=prompt, plugs_s=(since_s + 0.1,),
    )  # fmt: skip


def _limits(subject: Subject) -> Iterator[Case]:
    """Just beyond what a sensing unit may say; just below the voltage at which frequency counts, any frequency."""
    standard, wrong = subject.standard, Trips(0.0, _DOUBT_S)
    high_v = 230.0 * standard.number("measurement.highest_pu")
    for name, lie in {
        "voltage-impossible": lambda reading: replace(reading, voltages_v=(high_v + 1, high_v + 1, high_v + 1)),
        "frequency-too-low": lambda reading: replace(
            reading, frequency_hz=standard.number("measurement.lowest_hz") - 0.1
        ),
        "frequency-too-high": lambda reading: replace(
            reading, frequency_hz=standard.number("measurement.highest_hz") + 0.1
        ),
    }.items():
        yield Case(name, _SOURCE, subject.course(), (wrong,), 1.0, lies=lie)
    floor_pu = standard.number("measurement.frequency_floor_pu")
    fast = min(
        (each.delay_s for each in standard.elements if each.quantity == "lowest_voltage" and each.beyond(floor_pu)),
        default=inf,
    )
    stay_s = fast - standard.number("measurement.reaction_s") - 0.05
    blind = subject.course().voltage(floor_pu - 0.01).frequency(standard.nominal_hz + 8.0).hold(stay_s)
    blind.frequency(standard.nominal_hz).voltage(1.0)
    source = standard.figures["measurement.frequency_floor_pu"].source
    tests = ("measurement.frequency_floor_pu",)
    yield Case("frequency-below-the-floor", source, blind, (Stays(stay_s + 0.4),), stay_s + 0.5, tests=tests)
    window = subject.course().voltage(floor_pu + 0.01).frequency(standard.nominal_hz + 8.0)
    soonest_s = soonest_trip_s(standard, "frequency", standard.nominal_hz + 8.0)
    if fast > soonest_s + 0.1:
        trips = Trips(0.05, trips_by_s(standard, soonest_s))
        yield Case("frequency-above-the-floor", source, window, (trips,), soonest_s + 0.8, tests=tests)
