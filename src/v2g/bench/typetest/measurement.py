"""Measurement: without a grid that is known, the station is gone at once; and what it makes of a waveform is accurate
(IEEE 1547-2018, table 3)."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from math import inf, nan, sin, sqrt, tau

from v2g.bench.typetest.bands import soonest_trip_s, trips_by_s
from v2g.bench.typetest.case import Case, Inspection, Subject
from v2g.bench.typetest.check import Check, Enters, Finding, Restores, Stays, Trips
from v2g.bench.typetest.course import Course
from v2g.bench.typetest.standard import Value
from v2g.bench.typetest.trip import DIRECTIONS
from v2g.grid.waveform import LineVoltage, WaveformEstimate, WaveformEstimator
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
_TABLE_3 = "IEEE 1547-2018 table 3; UL1741SB"
_RATE_HZ = 6_000.0


def cases(subject: Subject) -> Iterator[Case | Inspection]:
    """A sensing unit that is silent, that is frozen, or says what cannot be; and waveforms."""
    for direction, power_pu in DIRECTIONS.items():
        for case in (*_faults(subject), *_limits(subject)):
            yield replace(case, name=f"measurement/{case.name}/{direction}", power_pu=power_pu)
    yield from _single(subject)
    yield from _waveforms(subject)


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


# What the station makes of samples of the voltage


def _waveforms(subject: Subject) -> Iterator[Inspection]:
    nominal_hz = subject.standard.nominal_hz
    for offset_hz in (-3.0, -0.5, 0.0, 0.5, 3.0):
        judge = partial(_steady, nominal_hz, nominal_hz + offset_hz)
        yield Inspection(f"measurement/waveform/{nominal_hz + offset_hz:g}-hz", _TABLE_3, judge)
    for volts_pu in (0.0, 0.3, 0.5, 1.2):
        yield Inspection(f"measurement/waveform/{volts_pu:g}-pu", _TABLE_3, partial(_level, nominal_hz, volts_pu))
    for jump_deg in (-60.0, -20.0, 20.0, 60.0):
        judge = partial(_jump, nominal_hz, jump_deg)
        yield Inspection(f"measurement/waveform/jump-of-{jump_deg:g}-degrees", _TABLE_3, judge)
    yield Inspection("measurement/waveform/step-of-frequency", _TABLE_3, partial(_frequency_step, nominal_hz))
    yield Inspection("measurement/waveform/start-and-gap", _TABLE_3, partial(_start_and_gap, nominal_hz))
    yield Inspection("measurement/waveform/between-phases", _TABLE_3, partial(_between_phases, nominal_hz))
    yield Inspection("measurement/waveform/long-run", _TABLE_3, partial(_long_run, nominal_hz))


class _Source:
    """A voltage with 5 % each of the 3rd and 5th harmonic."""

    def __init__(self, nominal_hz: float) -> None:
        self.estimator = WaveformEstimator(_RATE_HZ, nominal_hz, 230.0)
        self._turns = 0.1

    def run(self, hz: float, seconds: float, volts_pu: float = 1.0, jump_deg: float = 0.0) -> WaveformEstimate | None:
        """The estimate after some time of this voltage."""
        self._turns += jump_deg / 360
        for _ in range(round(seconds * _RATE_HZ)):
            self._turns += hz / _RATE_HZ
            angle = tau * self._turns
            harmonics = 0.05 * sin(3 * angle) + 0.05 * sin(5 * angle)
            self.estimator.feed(230.0 * sqrt(2) * volts_pu * (sin(angle) + harmonics))
        return self.estimator.estimate()


def _value(estimate: WaveformEstimate | None, name: str) -> float:
    value: float = nan if estimate is None else getattr(estimate, name)
    return value


def _about(what: str, measured: float, expected: float, tolerance: float, unit: str) -> Finding:
    alike = abs(measured - expected) <= tolerance  # a value that is no number is not
    return Finding(
        alike, f"{what} {expected:.6g} {unit} within {tolerance:g}", f"{measured:.6g} {unit}", f"1e-6 {unit}"
    )


_RMS = sqrt(1 + 0.05**2 + 0.05**2)


def _steady(nominal_hz: float, hz: float) -> tuple[Finding, ...]:
    found = _Source(nominal_hz).run(hz, 0.5)
    return (
        _about("frequency", _value(found, "frequency_hz"), hz, 0.01, "Hz"),
        _about("voltage", _value(found, "voltage_pu"), _RMS, 0.01, "pu"),
        _about("phase jump", _value(found, "phase_jump_deg"), 0.0, 0.0, "degrees"),
    )


def _level(nominal_hz: float, volts_pu: float) -> tuple[Finding, ...]:
    """Without a voltage there is no frequency: it counts as nominal."""
    hz = nominal_hz + 1.0 if volts_pu else nominal_hz
    source = _Source(nominal_hz)
    source.run(hz, 0.3)
    found = source.run(hz, 0.3, volts_pu)
    return (
        _about("voltage", _value(found, "voltage_pu"), _RMS * volts_pu, 0.01, "pu"),
        _about("frequency", _value(found, "frequency_hz"), hz, 0.01, "Hz"),
    )


def _jump(nominal_hz: float, jump_deg: float) -> tuple[Finding, ...]:
    """A jump is seen in full within its window, and forgotten after it."""
    source = _Source(nominal_hz)
    source.run(nominal_hz + 0.5, 0.4)
    seen = [source.run(nominal_hz + 0.5, 0.005, jump_deg=jump_deg if first else 0.0) for first in [True] + 29 * [False]]
    largest = max((_value(each, "phase_jump_deg") for each in seen), key=abs)
    after = source.run(nominal_hz + 0.5, 0.2)
    return (
        _about("phase jump", largest, jump_deg, 0.05 * abs(jump_deg), "degrees"),
        _about("phase jump afterwards", _value(after, "phase_jump_deg"), 0.0, 0.0, "degrees"),
        _about("frequency afterwards", _value(after, "frequency_hz"), nominal_hz + 0.5, 0.01, "Hz"),
    )


def _frequency_step(nominal_hz: float) -> tuple[Finding, ...]:
    source = _Source(nominal_hz)
    source.run(nominal_hz, 0.3)
    found = source.run(nominal_hz - 1.0, 5.2 / nominal_hz)
    return (_about("frequency after 5 cycles", _value(found, "frequency_hz"), nominal_hz - 1.0, 0.1, "Hz"),)


def _start_and_gap(nominal_hz: float) -> tuple[Finding, ...]:
    """Nothing is said before five cycles, at the start and after a sample that is no number."""
    source = _Source(nominal_hz)
    early = source.run(nominal_hz, 4.5 / nominal_hz)
    first = source.run(nominal_hz, 1.0 / nominal_hz)
    source.estimator.feed(nan)
    gap = source.run(nominal_hz, 4.5 / nominal_hz)
    again = source.run(nominal_hz, 1.0 / nominal_hz)
    said = [estimate is not None for estimate in (early, first, gap, again)]
    try:
        WaveformEstimator(nominal_hz * 15, nominal_hz)
        coarse = "accepted"
    except ValueError:
        coarse = "refused"
    return (
        Finding(said == [False, True, False, True], "silent for 5 cycles, then again after a gap", str(said)),
        Finding(coarse == "refused", "refuses 15 samples a cycle", coarse),
    )


def _between_phases(nominal_hz: float) -> tuple[Finding, ...]:
    line, turns = LineVoltage(_RATE_HZ, nominal_hz), 0.0
    for _ in range(round(0.3 * _RATE_HZ)):
        turns += nominal_hz / _RATE_HZ
        line.feed(230.0 * sqrt(2) * (sin(tau * turns) - sin(tau * turns - tau / 3)))
    first_v = line.voltage
    for _ in range(round(2.1 * _RATE_HZ / nominal_hz)):
        turns += nominal_hz / _RATE_HZ
        line.feed(115.0 * sqrt(2) * (sin(tau * turns) - sin(tau * turns - tau / 3)))
    half_v = line.voltage
    line.reset()
    return (
        _about("voltage", first_v, 230.0 * sqrt(3), 0.5, "V"),
        _about("two cycles after a step", half_v, 115.0 * sqrt(3), 1.0, "V"),
        _about("voltage after a reset", line.voltage, 0.0, 0.0, "V"),
    )


def _long_run(nominal_hz: float) -> tuple[Finding, ...]:
    found = _Source(nominal_hz).run(nominal_hz + 0.2, 4.0)
    return (
        _about("frequency", _value(found, "frequency_hz"), nominal_hz + 0.2, 0.01, "Hz"),
        _about("voltage", _value(found, "voltage_pu"), _RMS, 0.01, "pu"),
    )
