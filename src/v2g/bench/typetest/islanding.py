"""Unintentional islanding: alone with a matched load, the station is gone within 2 s (IEEE 1547.1-2020 5.10).

The load is a parallel RLC circuit of quality factor 1, matched to what the station feeds, its reactive power off the
match by up to 5 % and its active power by up to 10 % to both sides; the station feeds all, two thirds and a third of
its rated power, and its inverter follows set-points at once or as late as the station can bear. Beside that, each of
the passive elements alone.
"""

from collections.abc import Iterator
from dataclasses import replace

from v2g.bench.typetest import accuracy
from v2g.bench.typetest.bands import ridden_hz
from v2g.bench.typetest.case import Case, Load, Subject
from v2g.bench.typetest.check import NO_POWER_PU, Settles, Stays, Trips, Within
from v2g.bench.typetest.standard import Value
from v2g.bench.typetest.trip import DIRECTIONS

CLEARS_S = 2.0
"""IEEE 1547-2018 8.1.1; IEC 62116 (which EN 50549-1 4.9.4 names) demands the same (general knowledge)."""
SOURCE = "IEEE 1547-2018 8.1.1; EN 50549-1 4.9.4"
_POWERS_PU = (-0.95, -0.66, -0.33)
_REACTIVE = (0.95, 0.97, 0.98, 0.99, 1.0, 1.01, 1.02, 1.03, 1.05)
_ACTIVE = (0.9, 0.95, 0.98, 1.02, 1.05, 1.1)
_LATE_S = 0.1
_TRIAL_PU = 0.12
"""The tenth of the rated power that may be fed before the delay is known, and what it overshoots."""
_DRIFT_HZ_PER_S = 0.05
_TOO_SHORT_S = 0.06
"""By so much the rate over the window is beyond the setting for less than the delay: at a rate of r times the setting
it is so from 1/r of the window on until 1 - 1/r of it have passed since the end."""
_REACTS_S = 0.08
"""Readings, the verdict and the contactor."""


def cases(subject: Subject) -> Iterator[Case]:
    """Every power with every match; late set-points; the passive elements."""
    for power_pu in _POWERS_PU:
        for reactive in _REACTIVE:
            yield _island(subject, f"{-power_pu:.0%}-fed/{reactive:.0%}-reactive", power_pu, Load(reactive))
        for active in _ACTIVE:
            yield _island(subject, f"{-power_pu:.0%}-fed/{active:.0%}-active", power_pu, Load(active=active))
        for reactive in (0.98, 1.0, 1.02):
            late = _island(subject, f"{-power_pu:.0%}-fed/late-{reactive:.0%}-reactive", power_pu, Load(reactive))
            yield replace(late, late_s=_LATE_S)
    yield _unnoticed(subject)
    yield from _following(subject)
    yield from _set_points(subject)
    for direction, power_pu in DIRECTIONS.items():
        for case in (*_rocof(subject), *_vector_shift(subject), *_dead(subject)):
            yield replace(case, name=f"{case.name}/{direction}", power_pu=power_pu)


def _island(subject: Subject, name: str, power_pu: float, load: Load) -> Case:
    return Case(
        f"islanding/{name}", SOURCE, subject.course(), (Trips(0.0, CLEARS_S),), CLEARS_S + 1.0, power_pu=power_pu,
        island=load, tests=("islanding.probe_gain", "islanding.probe_limit"),
    )  # fmt: skip


def _unnoticed(subject: Subject) -> Case:
    """On a sound grid the probe is no more than its kick, in both directions."""
    standard, power_pu = subject.standard, -0.9
    kick_pu = standard.number("islanding.probe_kick") * -power_pu * 1.02
    return Case(
        "islanding/probe-on-a-sound-grid", "this station: what the probe does to a grid", subject.course(),
        (Within("fed_var_pu", 0.0, 10.0, -kick_pu, kick_pu), Stays(10.0)), 10.5, power_pu=power_pu,
        tests=("islanding.probe_kick",),
    )  # fmt: skip


def _following(subject: Subject) -> Iterator[Case]:
    """A frequency that rises slowly is followed by reactive power that makes it rise more, and the other way round: the
    gain times what the frequency has changed within the time constant, and the kick. The gain is that of set-points
    that arrive at once, and up to that of the slowest if the station could not measure how late they are."""
    standard, power_pu = subject.standard, 0.9
    number = {key: standard.number(f"islanding.probe_{key}") for key in ("gain", "slow_gain", "kick")}
    changed = _DRIFT_HZ_PER_S * standard.number("islanding.probe_washout_s") / standard.nominal_hz
    least_pu = 0.87 * power_pu * (number["gain"] * changed + number["kick"])
    most_pu = 1.05 * power_pu * (number["slow_gain"] * changed + number["kick"])
    lasts_s = 5 * standard.number("islanding.probe_washout_s")
    calm: dict[str, Value] = {"frequency_droop.over_enabled": False, "frequency_droop.under_enabled": False}
    tests = ("islanding.probe_gain", "islanding.probe_washout_s")
    for name, sign in (("rising", 1), ("falling", -1)):
        course = subject.course().frequency(standard.nominal_hz + sign * _DRIFT_HZ_PER_S * lasts_s, _DRIFT_HZ_PER_S)
        low, high = sorted((-sign * least_pu, -sign * most_pu))
        drawn = Within("fed_var_pu", lasts_s - 1.0, lasts_s, low, high)
        yield Case(
            f"islanding/probe-follows-{name}", "this station: positive feedback on frequency", course,
            (drawn, Stays(lasts_s)), lasts_s + 0.1, -power_pu, tests, adjusted=calm,
        )  # fmt: skip


def _set_points(subject: Subject) -> Iterator[Case]:
    """Of set-points that arrive too late nothing is fed, and no more than a trial before that is known; nor of those
    whose delay cannot be measured, or not any more."""
    standard = subject.standard
    prompt: dict[str, Value] = {
        f"enter_service.{name}": standard.figures[f"enter_service.{name}"].low for name in ("delay_s", "ramp_s")
    }
    since_s = 3.0 + standard.figures["enter_service.delay_s"].low + 6.0
    tests, source = ("islanding.probe_slowest_s",), "this station: an unknown delay is not a permission"
    slowest_s = standard.number("islanding.probe_slowest_s")
    for name, late_s, tried_s in (("too-late", slowest_s + 0.05, 4.0), ("unknown", 1.5, 28.0)):
        ends_s = since_s + tried_s + 6.0
        little = Within("power_pu", 0.0, ends_s, -_TRIAL_PU, 1.0)
        nothing = Within("power_pu", since_s + tried_s, ends_s, -NO_POWER_PU, 1.0)
        yield Case(
            f"islanding/set-points-{name}", source, subject.course(), (little, nothing), ends_s + 0.5,
            tests=tests, settings=prompt, cold=True, plugs_s=(3.0,), late_s=late_s,
        )  # fmt: skip
    follows, closely = (Settles("power_pu", 4.2, 5.0, -0.9, 0.02),), subject.course()
    for _ in range(7):
        closely.hold(0.6)
    yield Case(
        "islanding/set-points-in-time", source, closely, follows, 5.5, late_s=slowest_s - 0.15, tests=tests,
        wishes=((0.5, -0.5, None), (2.0, -0.9, None)),
    )  # fmt: skip
    moves = tuple((0.1 + 1.1 * number, -0.3 if number % 2 else -0.9, None) for number in range(14))
    little = Within("power_pu", 10.0, 15.0, -_TRIAL_PU, 0.1)
    yield Case(
        "islanding/set-points-no-longer-followed", source, subject.course(), (little, Stays(15.0)), 15.5, late_s=1.5,
        wishes=moves, tests=tests,
    )  # fmt: skip


def _rocof(subject: Subject) -> Iterator[Case]:
    """A rate just above the setting trips after its window and delay; one just below, and a faster but shorter one, do
    not. The frequency stays where no other element acts."""
    standard = subject.standard
    low_hz, high_hz = ridden_hz(standard)
    rate, delay_s = standard.number("islanding.rocof_hz_per_s"), standard.number("islanding.rocof_delay_s")
    window_s = standard.number("measurement.rocof_window_s")
    needs_s = window_s + delay_s
    calm = standard.number("ride_through.rocof_hz_per_s")
    tests = ("islanding.rocof_hz_per_s", "islanding.rocof_delay_s", "measurement.rocof_window_s")
    for name, from_hz, to_hz in (("falling", high_hz, low_hz), ("rising", low_hz, high_hz)):
        outwards = -1 if name == "falling" else 1
        span_hz = abs(to_hz - from_hz) - 2 * accuracy.FREQUENCY_HZ
        begins_hz = from_hz + outwards * accuracy.FREQUENCY_HZ
        takes_s = abs(begins_hz - standard.nominal_hz) / calm
        for kind, factor, lasts_s in (
            ("beyond", 1.02, needs_s + 0.1), ("inside", 0.98, needs_s + 0.1),
            ("short", 1.1, delay_s - _TOO_SHORT_S - window_s + 2 * window_s / 1.1),
        ):  # fmt: skip
            lasts_s = min(lasts_s, span_hz / rate / factor)
            course = subject.course(-takes_s - 2).frequency(begins_hz, calm).hold(2.0)
            course.frequency(begins_hz + outwards * rate * factor * lasts_s, rate * factor)
            if kind != "beyond":  # the window forgets, and only then the frequency goes on
                course.hold(window_s).frequency(standard.nominal_hz, calm)
            sooner_s = needs_s - window_s * (1 - 1 / factor) - 0.08
            if kind == "short":
                yield _twice(subject, name, begins_hz, outwards * rate * factor, lasts_s)
            ends_s = lasts_s + window_s + 1.0
            check = Trips(sooner_s, needs_s + _REACTS_S) if kind == "beyond" else Stays(ends_s)
            if kind == "beyond" and lasts_s < needs_s:
                continue
            yield Case(f"islanding/rocof-{kind}-{name}", SOURCE, course, (check,), ends_s, tests=tests)


def _twice(subject: Subject, name: str, begins_hz: float, hz_per_s: float, lasts_s: float) -> Case:
    """Two short changes in a row: the timer starts over with the second."""
    standard = subject.standard
    window_s, calm = standard.number("measurement.rocof_window_s"), standard.number("ride_through.rocof_hz_per_s")
    course = subject.course(-abs(begins_hz - standard.nominal_hz) / calm - 2).frequency(begins_hz, calm).hold(2.0)
    for _ in range(2):
        course.frequency(begins_hz + hz_per_s * lasts_s, abs(hz_per_s)).hold(window_s)
        course.frequency(begins_hz, calm).hold(window_s)
    ends_s = course.end.time_s
    tests = ("islanding.rocof_hz_per_s", "islanding.rocof_delay_s")
    return Case(f"islanding/rocof-twice-{name}", SOURCE, course, (Stays(ends_s),), ends_s, tests=tests)


def _vector_shift(subject: Subject) -> Iterator[Case]:
    """A jump just beyond the setting trips, one just inside does not; switched off, none does."""
    standard = subject.standard
    setting = "islanding.vector_shift_deg" if subject.phases == 3 else "islanding.single_phase_vector_shift_deg"
    course = subject.course().jump(2 * standard.number(setting), 0.0, 0.1)
    yield Case("islanding/vector-shift-off", SOURCE, course, (Stays(1.0),), 1.5, tests=(setting,))
    if True not in standard.figures["islanding.vector_shift_enabled"].choices:
        return
    settings: dict[str, Value] = {"islanding.vector_shift_enabled": True}
    for name, sign, beyond in (("ahead", 1, True), ("back", -1, True), ("ahead", 1, False), ("back", -1, False)):
        jump_deg = sign * (standard.number(setting) + (0.5 if beyond else -0.5))
        course = subject.course().jump(jump_deg, 0.0, 0.1)
        check = Trips(0.0, _REACTS_S) if beyond else Stays(1.0)
        kind = "beyond" if beyond else "inside"
        yield Case(
            f"islanding/vector-shift-{kind}-{name}", SOURCE, course, (check,), 1.5, adjusted=settings, tests=(setting,),
        )  # fmt: skip


def _dead(subject: Subject) -> Iterator[Case]:
    """No voltage at all, with every undervoltage element as slow as it can be; one live phase is no dead grid."""
    standard = subject.standard
    slow: dict[str, Value] = {
        f"trip.{each.name}.delay_s": standard.figures[f"trip.{each.name}.delay_s"].high
        for each in standard.elements
        if each.quantity == "lowest_voltage"
    }
    dead_pu, dead_s = standard.number("islanding.dead_pu"), standard.number("islanding.dead_delay_s")
    if min(standard.figures[name].high for name in slow) <= dead_s + 0.5:
        return
    tests = ("islanding.dead_pu", "islanding.dead_delay_s")
    dead, alive = subject.course().voltage(dead_pu - 0.005), subject.course().voltage(dead_pu + 0.005).hold(dead_s)
    trips, stays = Trips(dead_s - 0.05, dead_s + _REACTS_S), Stays(dead_s + 0.3)
    yield Case("islanding/dead-grid", SOURCE, dead, (trips,), dead_s + 0.5, adjusted=slow, tests=tests)
    yield Case("islanding/almost-dead-grid", SOURCE, alive, (stays,), dead_s + 0.4, adjusted=slow, tests=tests)
    if subject.phases == 3:
        course = subject.course().voltages(0.0, 0.0, 1.0).hold(dead_s)  # a point: looked at closely
        yield Case("islanding/one-live-phase", SOURCE, course, (stays,), dead_s + 0.4, adjusted=slow, tests=tests)
    broken = subject.course().voltage(0.0).hold(0.7 * dead_s).voltage(1.0).hold(0.2).voltage(0.0).hold(0.7 * dead_s)
    stays = Stays(1.4 * dead_s + 0.2)
    yield Case("islanding/dead-twice", SOURCE, broken.voltage(1.0), (stays,), 1.4 * dead_s + 0.3, adjusted=slow)
