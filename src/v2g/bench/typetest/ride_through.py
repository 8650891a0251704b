"""Ride-through: what the station must stay in, how it behaves meanwhile, and how soon it is back.

IEEE 1547.1-2020 5.4.4 to 5.4.7 and 5.5.3 to 5.5.5.
"""

from cmath import phase, rect
from collections.abc import Iterator
from dataclasses import replace
from math import degrees, isfinite, radians

from v2g.bench.typetest import accuracy
from v2g.bench.typetest.bands import continuous, ridden_hz, soonest_trip_s, trips_by_s
from v2g.bench.typetest.case import Case, Subject
from v2g.bench.typetest.check import (
    NO_POWER_PU,
    RESTORED,
    Check,
    Enters,
    Idle,
    Keeps,
    Restores,
    Settles,
    Stays,
    Trips,
    Within,
)
from v2g.bench.typetest.course import Course
from v2g.bench.typetest.standard import Band, Standard, Value
from v2g.bench.typetest.trip import DIRECTIONS

MOMENTARY_S, CEASE_S, ZERO_CURRENT_S = 0.083, 0.16, 0.1
"""To no power: IEEE 1547-2018 6.4.2 in momentary cessation and in cease to energize (OpenDER `MC_RESP_T`,
`NP_CTE_RESP_T`); VDE-AR-N 4105 5.7.3 below 10 % of the current (general knowledge)."""
_ZERO_CURRENT_PU = 0.5
"""Below this inverters may go to zero current (EN 50549-1 4.7.4, general knowledge)."""
_LONG_S = 100.0
"""A longer stay is tested in one direction of power only, and so are single phases."""
_ECHO_CYCLES = 5
"""Averaging window in cycles of a sensing unit; a phase jump appears as a false frequency for this long."""
_BACK_S = 1.5
_RETURNS_S = 12.0
"""Longer than a car takes to its power."""
_RENEGOTIATES_S, _RAMP_PU_PER_S = 11.0, 0.05
"""Longer than a car takes to choose its service again; a slow ramp."""
_SAMPLES_S = 0.03
"""Readings of the sensing unit make a disturbance look this much longer than it is."""


def cases(subject: Subject) -> Iterator[Case]:
    """Every band of voltage and frequency, dips in a row, rates of change of frequency, jumps of phase."""
    for direction, power_pu in DIRECTIONS.items():
        for case in (*_voltages(subject), *_frequencies(subject), *_rocof(subject), *_jumps(subject)):
            if power_pu < 0 or (case.lasts_s < _LONG_S and "-l" not in case.name):
                yield replace(case, name=f"{case.name}/{direction}", power_pu=power_pu)
    yield from _in_a_row(subject)
    yield from _relapses(subject)
    yield from _renegotiated(subject)


def _disturbing(subject: Subject) -> Iterator[Band]:
    undisturbed = continuous(subject.standard.voltage)
    for band in subject.standard.voltage:
        if band is not undisturbed and band.mode != "undefined":
            yield band


def _voltages(subject: Subject) -> Iterator[Case]:
    for band in _disturbing(subject):
        for value_pu in _within(band, accuracy.VOLTAGE_PU):
            for suffix, phases in subject.phase_sets.items():
                yield _voltage(subject, band, value_pu, phases, suffix)


def _within(band: Band, margin: float) -> tuple[float, ...]:
    """Just inside both edges of a band."""
    return (band.low + margin, band.high - margin) if isfinite(band.high) else (band.low + margin,)


def _stays_s(subject: Subject, band: Band, value_pu: float) -> float:
    """How long the band demands to stay, or up to the trip."""
    quantity = "lowest_voltage" if value_pu < 1 else "highest_voltage"
    trip_s = soonest_trip_s(subject.standard, quantity, value_pu)
    stay_s = band.stays_s(value_pu)
    if trip_s <= stay_s + _SAMPLES_S:  # as near to the trip as the readings allow
        return trip_s - _SAMPLES_S
    return stay_s


def _voltage(subject: Subject, band: Band, value_pu: float, phases: tuple[int, ...], suffix: str) -> Case:
    standard = subject.standard
    course, checks = subject.course().voltage(value_pu, phases), list[Check]()
    if band.mode == "cease":
        trip_s = soonest_trip_s(standard, "lowest_voltage" if value_pu < 1 else "highest_voltage", value_pu)
        lasts_s = min(trip_s, 1.0)
        course.hold(lasts_s)
        checks.append(Idle(CEASE_S, lasts_s))
    else:
        lasts_s = _stays_s(subject, band, value_pu)
        course.hold(lasts_s).voltage(1.0)
        restore_s = standard.number("momentary_cessation.restore_s") + _RESTORE_MARGIN_S
        if band.mode != "momentary_cessation":
            restore_s = _blind_s(standard, value_pu, restore_s)
        checks += [Stays(lasts_s + _BACK_S), Restores(lasts_s, restore_s)]
    if band.mode == "momentary_cessation":
        ceases_s = MOMENTARY_S if standard.number("measurement.reaction_s") else ZERO_CURRENT_S
        if lasts_s > ceases_s:
            checks.append(Idle(ceases_s, lasts_s))
    elif band.mode == "mandatory" and value_pu >= _ZERO_CURRENT_PU:
        checks.append(Keeps(0.0, lasts_s, RESTORED * min(value_pu, 1.0)))
    name = f"ride-through/{value_pu:.3f}-pu{suffix}/{band.mode.replace('_', '-')}"
    source = f"{band.source}, {band.low:g} to {band.high:g} pu"
    return Case(
        name, source, course, tuple(checks), lasts_s + _BACK_S, tests=("momentary_cessation.restore_s",)
    )  # fmt: skip


_RESTORE_MARGIN_S = 0.2
"""Up to the first reading of a sound grid, and for the inverter's ramp."""


def _blind_s(standard: Standard, value_pu: float, otherwise_s: float) -> float:
    """What a code gives for the way back, if the voltage was too low to hold anything."""
    if value_pu >= standard.number("measurement.frequency_floor_pu"):
        return otherwise_s
    return standard.figures["momentary_cessation.restore_s"].high


def _frequencies(subject: Subject) -> Iterator[Case]:
    """The outer edge of each band, entered and left at a rate that must be ridden through too."""
    standard = subject.standard
    nominal_hz, rate = standard.nominal_hz, standard.number("ride_through.rocof_hz_per_s")
    for band in (band for band in standard.frequency if band.mode == "mandatory"):
        low = band.high < nominal_hz
        value_hz = band.low + accuracy.FREQUENCY_HZ if low else band.high - accuracy.FREQUENCY_HZ
        edge_hz = band.high if low else band.low
        reached_s = abs(value_hz - edge_hz) / rate
        trip_s = soonest_trip_s(standard, "frequency", value_hz) - _SAMPLES_S
        stay_s = min(band.stays_s(value_hz), trip_s)
        way_s = abs(edge_hz - nominal_hz) / rate
        course = subject.course(-way_s).frequency(value_hz, rate).hold(stay_s - 2 * reached_s)
        course.frequency(nominal_hz, rate)
        yield Case(
            f"ride-through/{value_hz:.2f}-hz/mandatory", f"{band.source}, {band.low:g} to {band.high:g} Hz",
            course, (Stays(stay_s + _BACK_S),), stay_s + _BACK_S,
        )  # fmt: skip


def _in_a_row(subject: Subject) -> Iterator[Case]:
    """As many dips as may come in a row, and as many swells; their timers must not add up, nor count as relapses."""
    standard = subject.standard
    count, pause_s = round(standard.number("disturbances_in_a_row")), standard.number("between_disturbances_s")
    for name, bands in (
        ("dips", [band for band in _disturbing(subject) if band.high < 1 and band.stay_s]),
        ("swells", [band for band in _disturbing(subject) if band.low > 1 and band.stay_s]),
    ):
        for band in bands:
            value_pu = (band.low + band.high) / 2
            stay_s = _stays_s(subject, band, value_pu)
            course = subject.course()
            for _ in range(count):
                course.voltage(value_pu).hold(stay_s).voltage(1.0).hold(pause_s)
            ends_s = course.end.time_s
            restore_s = 2 * MOMENTARY_S + _RESTORE_MARGIN_S
            if band.mode != "momentary_cessation":
                restore_s = _blind_s(standard, value_pu, restore_s)
            checks = (Stays(ends_s), Restores(ends_s - pause_s, restore_s))
            yield Case(
                f"ride-through/{name}-in-a-row/{value_pu:.3f}-pu", f"IEEE 1547.1-2020 5.4.4, table 17; {band.source}",
                course, checks, ends_s, tests=("momentary_cessation.most_relapses",),
            )  # fmt: skip


def _relapses(subject: Subject) -> Iterator[Case]:
    """On a weak grid the station's own power moves the voltage out of its band: it must not go on like this for ever.

    With one relapse more than is permitted the station trips, however far apart they are within what counts as a
    relapse; with as many, with longer cessations, or with longer pauses it stays.
    """
    standard = subject.standard
    bands = [band for band in _disturbing(subject) if band.mode == "momentary_cessation" and band.stay_s >= 1]
    if not bands:
        return
    value_pu = (bands[-1].low + bands[-1].high) / 2
    most, relapse_s = (
        round(standard.number("momentary_cessation.most_relapses")), standard.number("momentary_cessation.relapse_s"),
    )  # fmt: skip
    within_s = standard.number("momentary_cessation.relapse_within_s")
    tests = tuple(f"momentary_cessation.{name}" for name in ("most_relapses", "relapse_s", "relapse_within_s"))
    source = "this station: no limit cycle of momentary cessation"

    def course(times: int, out_s: float, in_s: float) -> Course:
        cycling = subject.course()
        for _ in range(times):
            cycling.voltage(value_pu).hold(out_s).voltage(1.0).hold(in_s)
        return cycling

    quick_s, restore_s = 0.6 * relapse_s, standard.number("momentary_cessation.restore_s")
    last_s = (most + 1) * 2 * quick_s
    trips = Trips(last_s - 0.02, trips_by_s(standard, last_s) + 0.1)
    slow_s = within_s + restore_s  # the pause counts from the station's return
    late_s = (most + 1) * (quick_s + slow_s - 0.2)
    cycles: dict[str, tuple[Course, Check]] = {
        "one-too-many": (course(most + 2, quick_s, quick_s), trips),
        "as-many-as-permitted": (course(most + 1, quick_s, quick_s), Stays(last_s + 1)),
        "long": (course(most + 3, relapse_s + 0.1 - restore_s / 2, quick_s), Stays(last_s + 4)),
        "slow": (course(most + 2, quick_s, slow_s - 0.2), Trips(late_s - 0.02, trips_by_s(standard, late_s) + 0.1)),
        "apart": (course(most + 3, quick_s, slow_s + 0.2), Stays((most + 3) * (quick_s + slow_s))),
    }
    for name, (cycling, check) in cycles.items():
        lasts_s = max(cycling.end.time_s, last_s) + 0.5
        yield Case(f"ride-through/relapses/{name}", source, cycling, (check,), lasts_s, tests=tests)
    table = standard.back
    delay_s = max(_RETURNS_S, standard.figures[f"{table}.delay_s"].low)
    prompt: dict[str, Value] = {
        f"{table}.delay_s": delay_s,
        f"{table}.ramp_s": standard.figures[f"{table}.ramp_s"].low,
    }
    since_s = last_s + quick_s
    returns = Enters(since_s, delay_s - _SAMPLES_S, delay_s + 1.5)
    yield Case(
        "ride-through/relapses/returns", source, course(most + 2, quick_s, quick_s), (returns,), since_s + delay_s + 3,
        tests=tests, adjusted=prompt, plugs_s=(since_s + 0.1,),
    )  # fmt: skip


def _renegotiated(subject: Subject) -> Iterator[Case]:
    """The car chooses its service again while the station ceases: once the voltage is back, the power begins at zero
    and rises at the ramp rate. Only within one stretch of energy does it come back at once."""
    bands = [b for b in _disturbing(subject) if b.mode == "momentary_cessation" and b.stay_s > _RENEGOTIATES_S]
    if not bands:
        return
    value_pu = (bands[-1].low + bands[-1].high) / 2
    course = subject.course().voltage(value_pu).hold(_RENEGOTIATES_S).voltage(1.0)
    late_s = _RENEGOTIATES_S + 6.0
    checks = (
        Within("power_pu", _RENEGOTIATES_S, _RENEGOTIATES_S + 1.0, -1.2 * _RAMP_PU_PER_S, NO_POWER_PU),
        Settles("power_pu", late_s, late_s + 0.5, -_RAMP_PU_PER_S * 6.25, _RAMP_PU_PER_S),
        Stays(0.3),
    )
    yield Case(
        "ride-through/renegotiated", "this station: the power begins at zero (EN 50549-1 4.10)", course, checks,
        late_s + 1.0, tests=("ramp_rate.pu_per_s",), adjusted={"ramp_rate.pu_per_s": _RAMP_PU_PER_S},
        renegotiates_s=(0.5,),
    )  # fmt: skip


def _rocof(subject: Subject) -> Iterator[Case]:
    """From the nominal frequency to the end of what must be ridden through, and back, at the full rate."""
    standard = subject.standard
    rate, nominal_hz = standard.number("ride_through.rocof_hz_per_s"), standard.nominal_hz
    low_hz, high_hz = ridden_hz(standard)
    recovery = standard.number("frequency_droop.recovery_pu_per_s")
    response_s = standard.number("frequency_droop.response_s")
    for name, edge_hz in (("falling", low_hz + accuracy.FREQUENCY_HZ), ("rising", high_hz - accuracy.FREQUENCY_HZ)):
        course = subject.course().frequency(edge_hz, rate).hold(1.0).frequency(nominal_hz, rate)
        back_s = course.end.time_s
        settled_s = 3 * response_s
        checks: tuple[Check, ...] = (Stays(back_s + settled_s),)
        if not recovery:
            checks += (Restores(back_s, settled_s),)
        yield Case(
            f"ride-through/rocof-{name}", standard.figures["ride_through.rocof_hz_per_s"].source, course, checks,
            back_s + settled_s + 1.0, tests=("ride_through.rocof_hz_per_s",),
        )  # fmt: skip


def _jumps(subject: Subject) -> Iterator[Case]:
    """Vector-shift protection is switched on if the code permits it: it stays at what must be ridden through."""
    standard = subject.standard
    one_deg = standard.number("ride_through.single_phase_jump_deg")
    moved_deg = degrees(phase(2 + rect(1.0, radians(one_deg))))  # of the positive sequence, by a jump of one phase
    jumps = {"phase-jump": one_deg}
    if subject.phases == 3:
        jumps = {"phase-jump": standard.number("ride_through.phase_jump_deg"), "phase-jump-one-phase": moved_deg}
    name = "islanding.vector_shift_enabled"
    settings: dict[str, Value] = {name: True} if True in standard.figures[name].choices else {}
    source = standard.figures["ride_through.phase_jump_deg"].source
    for name, jump_deg in jumps.items():
        for sign, way in ((1, "ahead"), (-1, "back")):
            echo_s = _ECHO_CYCLES / standard.nominal_hz
            course = subject.course().jump(sign * jump_deg, sign * jump_deg / 360 / echo_s, echo_s)
            yield Case(
                f"ride-through/{name}-{way}", source, course, (Stays(_BACK_S), Restores(0.0, _BACK_S)), _BACK_S + 1.0,
                adjusted=settings, tests=("ride_through.phase_jump_deg", "ride_through.single_phase_jump_deg"),
            )  # fmt: skip
