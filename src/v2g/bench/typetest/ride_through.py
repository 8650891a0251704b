"""Ride-through: what the station must stay in, how it behaves meanwhile, and how soon it is back.

IEEE 1547.1-2020 5.4.4 to 5.4.7 and 5.5.3 to 5.5.5.
"""

from cmath import phase, rect
from collections.abc import Iterator
from dataclasses import replace
from math import degrees, isfinite, radians

from v2g.bench.typetest import accuracy
from v2g.bench.typetest.bands import continuous, soonest_trip_s
from v2g.bench.typetest.case import Case, Subject
from v2g.bench.typetest.check import RESTORED, Check, Idle, Keeps, Restores, Stays
from v2g.bench.typetest.trip import DIRECTIONS
from v2g.grid.element import Quantity
from v2g.grid.ride_through import Band, Mode

MOMENTARY_S, CEASE_S, ZERO_CURRENT_S = 0.083, 0.16, 0.1
"""To no power: IEEE 1547-2018 6.4.2 in momentary cessation and in cease to energize (OpenDER `MC_RESP_T`,
`NP_CTE_RESP_T`); VDE-AR-N 4105 5.7.3 below 10 % of the current (general knowledge)."""
_ZERO_CURRENT_PU = 0.5
"""Below this inverters may go to zero current (EN 50549-1 4.7.4, general knowledge)."""
_LONG_S = 600.0
"""A longer stay is tested in one direction of power only."""
_ECHO_CYCLES = 5
"""Averaging window in cycles of a sensing unit; a phase jump appears as a false frequency for this long."""
_BACK_S = 3.0


def cases(subject: Subject) -> Iterator[Case]:
    """Every band of voltage and frequency, rates of change of frequency, jumps of phase."""
    for direction, power_pu in DIRECTIONS.items():
        for case in (*_voltages(subject), *_frequencies(subject), *_rocof(subject), *_jumps(subject)):
            if power_pu > 0 and case.lasts_s > _LONG_S:
                continue
            yield replace(case, name=f"{case.name}/{direction}", power_pu=power_pu)


def _voltages(subject: Subject) -> Iterator[Case]:
    ride = subject.code.ride_through
    undisturbed = continuous(ride.voltage)
    for band in (band for band in ride.voltage if band is not undisturbed and band.mode is not Mode.UNDEFINED):
        for value_pu in _within(band, accuracy.VOLTAGE_PU):
            for suffix, phases in subject.phase_sets.items():
                yield _voltage(subject, band, value_pu, phases, suffix)


def _within(band: Band, margin: float) -> tuple[float, ...]:
    """Just inside both edges of a band, or in the middle of a narrow one."""
    if not isfinite(band.high):
        return (band.low + margin,)
    low, high = band.low + margin, band.high - margin
    return (low, high) if high - low > margin else ((band.low + band.high) / 2,)


def _voltage(subject: Subject, band: Band, value_pu: float, phases: tuple[int, ...], suffix: str) -> Case:
    code = subject.code
    quantity = Quantity.LOWEST_VOLTAGE if value_pu < 1 else Quantity.HIGHEST_VOLTAGE
    trip_s = soonest_trip_s(code, quantity, value_pu)
    stay_s = band.must_stay_s(value_pu)
    course, checks = subject.course().voltage(value_pu, phases), list[Check]()
    if band.mode is Mode.CEASE:
        course.hold(trip_s)
        checks.append(Idle(CEASE_S, trip_s))
    else:
        stay_s = min(stay_s, trip_s - code.measurement.reaction_s)
        course.hold(stay_s).voltage(1.0)
        checks += [Stays(stay_s + _BACK_S), Restores(stay_s, code.settings["momentary_cessation.restore_s"].high)]
    if band.mode is Mode.MOMENTARY_CESSATION:
        ceases_s = MOMENTARY_S if code.measurement.reaction_s else ZERO_CURRENT_S
        if stay_s > ceases_s:
            checks.append(Idle(ceases_s, stay_s))
    elif band.mode is Mode.MANDATORY and value_pu >= _ZERO_CURRENT_PU:
        checks.append(Keeps(0.0, stay_s, RESTORED * min(value_pu, 1.0)))
    name = f"ride-through/{value_pu:.3f}-pu{suffix}/{band.mode.name.lower().replace('_', '-')}"
    source = f"{subject.code.sources['voltage']}, {band.low:g} to {band.high:g} pu"
    return Case(name, source, course, tuple(checks), (trip_s if band.mode is Mode.CEASE else stay_s) + _BACK_S)


def _frequencies(subject: Subject) -> Iterator[Case]:
    """The outer edge of each band, entered and left at a rate that must be ridden through too."""
    code = subject.code
    nominal_hz, rate = code.nominal_hz, code.ride_through.rocof_hz_per_s
    for band in code.ride_through.frequency:
        if band.mode is not Mode.MANDATORY:
            continue
        low = band.high < nominal_hz
        value_hz = band.low + accuracy.FREQUENCY_HZ if low else band.high - accuracy.FREQUENCY_HZ
        edge_hz = band.high if low else band.low
        reached_s = abs(value_hz - edge_hz) / rate
        trip_s = soonest_trip_s(code, Quantity.FREQUENCY, value_hz) - code.measurement.reaction_s
        stay_s = min(band.must_stay_s(value_hz), trip_s)
        way_s = abs(edge_hz - nominal_hz) / rate
        course = subject.course(-way_s).frequency(value_hz, rate).hold(stay_s - 2 * reached_s)
        course.frequency(nominal_hz, rate)
        yield Case(
            f"ride-through/{value_hz:.2f}-hz/mandatory",
            f"{subject.code.sources['frequency']}, {band.low:g} to {band.high:g} Hz",
            course, (Stays(stay_s + _BACK_S),), stay_s + _BACK_S,
        )  # fmt: skip


def _rocof(subject: Subject) -> Iterator[Case]:
    """From the nominal frequency to the end of what must be ridden through, and back, at the full rate."""
    code = subject.code
    rate, nominal_hz = code.ride_through.rocof_hz_per_s, code.nominal_hz
    bands = [band for band in code.ride_through.frequency if band.mode in (Mode.CONTINUOUS, Mode.MANDATORY)]
    source = code.settings["ride_through.rocof_hz_per_s"].source
    for name, edge_hz in (
        ("falling", min(band.low for band in bands) + accuracy.FREQUENCY_HZ),
        ("rising", max(band.high for band in bands) - accuracy.FREQUENCY_HZ),
    ):
        course = subject.course().frequency(edge_hz, rate).hold(1.0).frequency(nominal_hz, rate)
        back_s = course.end.time_s
        settled_s = 3 * code.frequency_droop.response_s
        checks = (Stays(back_s + settled_s), Restores(back_s, settled_s))
        yield Case(f"ride-through/rocof-{name}", source, course, checks, back_s + settled_s + 1.0)


def _jumps(subject: Subject) -> Iterator[Case]:
    """With vector-shift protection, if the station has it, switched on at its default."""
    ride = subject.code.ride_through
    one_deg = ride.single_phase_jump_deg
    moved_deg = degrees(phase(2 + rect(1.0, radians(one_deg))))  # of the positive sequence, by a jump of one phase
    jumps = {"phase-jump": one_deg}
    if subject.phases == 3:
        jumps = {"phase-jump": ride.phase_jump_deg, "phase-jump-one-phase": moved_deg}
    for name, jump_deg in jumps.items():
        for sign, way in ((1, "ahead"), (-1, "back")):
            echo_s = _ECHO_CYCLES / subject.code.nominal_hz
            course = subject.course().jump(sign * jump_deg, sign * jump_deg / 360 / echo_s, echo_s)
            yield Case(
                f"ride-through/{name}-{way}", subject.code.settings["ride_through.phase_jump_deg"].source,
                course, (Stays(_BACK_S), Restores(0.0, _BACK_S)), _BACK_S + 1.0,
                settings={"islanding.vector_shift_enabled": True},
            )  # fmt: skip
