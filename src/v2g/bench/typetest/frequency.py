"""Frequency droop: power by frequency, across zero, and the way back (IEEE 1547.1-2020 5.15)."""

from collections.abc import Iterator
from math import exp, log

from v2g.bench.typetest import accuracy
from v2g.bench.typetest.bands import ridden_hz
from v2g.bench.typetest.case import Case, Subject
from v2g.bench.typetest.check import Check, Point, Responds, Settles, Stays
from v2g.bench.typetest.sequence import SEEN_S, SETTLED, Sequence
from v2g.bench.typetest.standard import Standard, Value

_BEFORE_PU = {"over": -0.25, "under": 0.25}
"""Against what the frequency asks for, so that the response goes across zero."""
_LOOKS = (0.25, 0.5, 0.75, 1.0)
"""Of the way back, so that all of it is looked at closely."""
_SOURCE = "IEEE 1547.1-2020 5.15; UL1741SB"


def cases(subject: Subject) -> Iterator[Case]:
    """Steps on both sides; both characteristics; what the dispatcher may wish meanwhile; the way back."""
    for side in _BEFORE_PU:
        yield from _steps(subject, side)
        yield _walk(subject, side, "as-set", {})
        yield _walk(subject, side, "narrowest", _narrowest(subject) | _on(subject, side))
        yield _walk(subject, side, "widest", _widest(subject) | _on(subject, side))
        yield _off(subject, side)
        yield from _wishes(subject, side)
        yield from _recovery(subject, side)


def droop_pu(standard: Standard, hz: float) -> float:
    """The settled change of power, per unit of the rated power; positive draws more."""
    deviation_hz = hz - standard.nominal_hz
    side = "over" if deviation_hz > 0 else "under"
    beyond_hz = abs(deviation_hz) - standard.number(f"frequency_droop.{side}_deadband_hz")
    if beyond_hz <= 0 or not standard.number(f"frequency_droop.{side}_enabled"):
        return 0.0
    change_pu = beyond_hz / (standard.nominal_hz * standard.number(f"frequency_droop.{side}_droop"))
    return change_pu if side == "over" else -change_pu


def _on(subject: Subject, side: str) -> dict[str, Value]:
    """Switched on, if the code has this side off."""
    name = f"frequency_droop.{side}_enabled"
    return {} if subject.standard.number(name) else {name: True}


def _after_pu(standard: Standard, before_pu: float, hz: float) -> float:
    return min(max(before_pu + droop_pu(standard, hz), -1.0), 1.0)


def _tests(side: str) -> tuple[str, ...]:
    names = (f"{side}_enabled", f"{side}_deadband_hz", f"{side}_droop", "response_s")
    return tuple(f"frequency_droop.{name}" for name in names)


def _reach_hz(subject: Subject, side: str, lasts_s: float = 0.0) -> float:
    """How far the frequency may go while the station stays for this long."""
    low_hz, high_hz = ridden_hz(subject.standard, lasts_s)
    edge_hz = high_hz if side == "over" else low_hz
    return abs(edge_hz - subject.standard.nominal_hz) - accuracy.FREQUENCY_HZ


def _hz(subject: Subject, side: str, beyond_hz: float) -> float:
    return subject.standard.nominal_hz + (beyond_hz if side == "over" else -beyond_hz)


def _steps(subject: Subject, side: str) -> Iterator[Case]:
    """From the nominal frequency to some point, at the rate that must be ridden through: final value, response time."""
    changes = _on(subject, side)
    standard, before_pu = subject.standard.with_settings(changes), _BEFORE_PU[side]
    response_s = standard.number("frequency_droop.response_s")
    deadband_hz = standard.number(f"frequency_droop.{side}_deadband_hz")
    for share in (0.3, 0.6, 1.0):
        hz = _hz(subject, side, deadband_hz + share * (_reach_hz(subject, side) - deadband_hz))
        after_pu = _after_pu(standard, before_pu, hz)
        course = subject.course().frequency(hz, standard.number("ride_through.rocof_hz_per_s"))
        by_s = course.end.time_s + response_s
        settled_s = course.end.time_s + SETTLED * response_s
        checks: tuple[Check, ...] = (
            Settles("power_pu", settled_s, settled_s + SEEN_S, after_pu, accuracy.POWER_PU),
            Stays(settled_s + SEEN_S),
        )
        if abs(before_pu + droop_pu(standard, hz)) < 1:  # at the rating the response is cut short
            checks += (Responds("power_pu", by_s + 0.4, 0.6 * response_s),)  # across zero the current rests
        yield Case(
            f"frequency-droop/{side}/{share:.0%}-{hz:.2f}-hz", _SOURCE, course, checks, settled_s + SEEN_S, before_pu,
            _tests(side), adjusted=changes,
        )  # fmt: skip


def _narrowest(subject: Subject) -> dict[str, Value]:
    """Characteristic 2 of IEEE 1547.1: deadband, droop and response time at the lower ends of their ranges."""
    return _at_an_end(subject, highest=False)


def _widest(subject: Subject) -> dict[str, Value]:
    return _at_an_end(subject, highest=True)


def _at_an_end(subject: Subject, *, highest: bool) -> dict[str, Value]:
    figures = subject.standard.figures
    names = {f"frequency_droop.{side}_{what}" for side in _BEFORE_PU for what in ("deadband_hz", "droop")}
    return {
        name: figures[name].high if highest else figures[name].low for name in {*names, "frequency_droop.response_s"}
    }


def _walk(subject: Subject, side: str, name: str, changes: dict[str, Value]) -> Case:
    """Steps h and i of 5.15: just inside and outside the deadband, a little and far beyond it, and back.

    At the rated power the active power yields to the push of the islanding probe while the frequency moves: each step
    waits until that is over.
    """
    standard, sequence = subject.standard.with_settings(changes), Sequence(subject)
    settle_s = max(standard.number("frequency_droop.response_s"), standard.number("islanding.probe_washout_s"))
    deadband_hz = standard.number(f"frequency_droop.{side}_deadband_hz")
    before_pu, rate = 0.5 * _BEFORE_PU[side], standard.number("ride_through.rocof_hz_per_s")
    small_hz = 0.05 * standard.nominal_hz * standard.number(f"frequency_droop.{side}_droop")
    reach_hz = _reach_hz(subject, side, SETTLED * settle_s)
    steps = (deadband_hz - 0.01, deadband_hz + 0.01, deadband_hz + small_hz, 0.5 * (deadband_hz + reach_hz), reach_hz)
    beyond = tuple(each for each in steps if 0 < each <= reach_hz)
    for each_hz in (*beyond, *reversed(beyond[1:-1])):
        hz = _hz(subject, side, each_hz)
        sequence.course.frequency(hz, rate)
        sequence.settle(settle_s)
        point = Point(f"frequency droop, {name}", "Hz", hz)
        sequence.expect("power_pu", _after_pu(standard, before_pu, hz), point)
    return sequence.case(
        f"frequency-droop/{side}/walk-{name}", _SOURCE, before_pu, tests=_tests(side), adjusted=changes
    )  # fmt: skip


def _off(subject: Subject, side: str) -> Case:
    """Switched off, the frequency moves nothing."""
    sequence, before_pu = Sequence(subject), _BEFORE_PU[side]
    sequence.course.frequency(_hz(subject, side, _reach_hz(subject, side)), 0.5)
    sequence.settle(subject.standard.number("frequency_droop.response_s"))
    sequence.expect("power_pu", before_pu)
    changes: dict[str, Value] = {f"frequency_droop.{side}_enabled": False}
    return sequence.case(f"frequency-droop/{side}/off", _SOURCE, before_pu, tests=_tests(side), adjusted=changes)


def _wishes(subject: Subject, side: str) -> Iterator[Case]:
    """What the dispatcher wishes meanwhile: nothing against the grid; more help than is demanded is let through."""
    changes = _on(subject, side)
    standard, before_pu = subject.standard.with_settings(changes), _BEFORE_PU[side]
    hz = _hz(subject, side, 0.6 * _reach_hz(subject, side))
    after_pu = _after_pu(standard, before_pu, hz)
    against_pu, helping_pu = before_pu + 2 * (before_pu - after_pu), after_pu + 0.6 * (after_pu - before_pu)
    for name, wish_pu, expected_pu in (("against", against_pu, after_pu), ("helping", helping_pu, helping_pu)):
        wish_pu, expected_pu = (min(max(each, -1.0), 1.0) for each in (wish_pu, expected_pu))
        sequence = Sequence(subject)
        sequence.course.frequency(hz, standard.number("ride_through.rocof_hz_per_s"))
        sequence.settle(standard.number("frequency_droop.response_s"))
        sequence.wish(wish_pu)
        sequence.course.hold(4.0)
        sequence.expect("power_pu", expected_pu)
        yield sequence.case(
            f"frequency-droop/{side}/wish-{name}", _SOURCE, before_pu, tests=_tests(side), adjusted=changes
        )


def _recovery(subject: Subject, side: str) -> Iterator[Case]:
    """After a disturbance the power returns on a gradient, and only while the frequency is where it may. The frequency
    comes back at the rate that must be ridden through, and the response follows it up to the deadband."""
    on = _on(subject, side)
    standard, before_pu = subject.standard.with_settings(on), -0.5
    figures, rate_hz = standard.figures, standard.number("ride_through.rocof_hz_per_s")
    if figures["frequency_droop.recovery_pu_per_s"].high <= 0:
        return
    tests = tuple(f"frequency_droop.recovery_{name}" for name in ("pu_per_s", "low_hz", "high_hz"))
    deadband_hz = standard.number(f"frequency_droop.{side}_deadband_hz")
    far_hz = deadband_hz + 0.35 * standard.nominal_hz * standard.number(f"frequency_droop.{side}_droop")
    hz = _hz(subject, side, min(far_hz, _reach_hz(subject, side)))
    change_pu = _after_pu(standard, before_pu, hz) - before_pu
    left_pu = _left_pu(abs(change_pu), (abs(hz - standard.nominal_hz) - deadband_hz) / rate_hz, standard)
    names = "frequency_droop.recovery_high_hz", "frequency_droop.recovery_low_hz"
    window: dict[str, Value] = {names[0]: figures[names[0]].low, names[1]: figures[names[1]].high}
    for name, rate, waits in (
        ("as-set", standard.number(tests[0]), False),
        ("fast", 0.02, False),
        ("waits", 0.02, True),
    ):
        if not rate:
            continue
        sequence = Sequence(subject)
        changes: dict[str, Value] = {**on, tests[0]: rate, **(window if waits else {})}
        changed = standard.with_settings(changes)
        sequence.course.frequency(hz, rate_hz)
        sequence.settle(standard.number("frequency_droop.response_s"))
        sequence.expect("power_pu", before_pu + change_pu)
        for share in _LOOKS:
            sequence.course.frequency(hz + share * (_hz(subject, side, deadband_hz) - hz), rate_hz)
        if waits:
            sequence.course.frequency(_hz(subject, side, 0.1), rate_hz).hold(10.0)
            sequence.expect("power_pu", before_pu + (left_pu if change_pu > 0 else -left_pu))
        begins_hz = abs(changed.number(names[0 if side == "over" else 1]) - standard.nominal_hz)
        sequence.course.frequency(_hz(subject, side, min(begins_hz, deadband_hz)), rate_hz)
        begins_s = sequence.now_s
        sequence.course.frequency(standard.nominal_hz, rate_hz)
        takes_s = left_pu / rate
        for share in (0.5, 1.0):
            sequence.course.hold(begins_s + share * takes_s - sequence.now_s)
            mean_pu = max(left_pu * (1 - share) + 0.5 * rate * SEEN_S, 0.0)
            sequence.expect("power_pu", before_pu + (mean_pu if change_pu > 0 else -mean_pu))
        yield sequence.case(
            f"frequency-droop/{side}/recovery-{name}", _SOURCE, before_pu, tests=tests, adjusted=changes, closely=True
        )


def _left_pu(change_pu: float, takes_s: float, standard: Standard) -> float:
    """What is left of a settled response when its target has gone to zero in a line: a first-order lag that makes 90 %
    of a step in the response time follows a line by its time constant, once settled."""
    constant_s = standard.number("frequency_droop.response_s") / log(10)
    return change_pu * constant_s / takes_s * (1 - exp(-takes_s / constant_s))
