"""Frequency droop: power by frequency, across zero, and the way back (IEEE 1547.1-2020 5.15)."""

from collections.abc import Iterator

from v2g.bench.typetest import accuracy
from v2g.bench.typetest.bands import ridden_hz
from v2g.bench.typetest.case import Case, Subject
from v2g.bench.typetest.check import Check, Point, Responds, Settles, Stays
from v2g.bench.typetest.sequence import SEEN_S, SETTLED, Sequence
from v2g.bench.typetest.standard import Standard, Value

_BEFORE_PU = {"over": -0.25, "under": 0.25}
"""Against what the frequency asks for, so that the response goes across zero."""
_SOURCE = "IEEE 1547.1-2020 5.15; UL1741SB"


def cases(subject: Subject) -> Iterator[Case]:
    """Steps on both sides; both characteristics; what the dispatcher may wish meanwhile; the way back."""
    for side in _BEFORE_PU:
        yield from _steps(subject, side)
        yield _walk(subject, side, "as-set", {})
        yield _walk(subject, side, "narrowest", _narrowest(subject))
        yield _walk(subject, side, "widest", _widest(subject))
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


def _after_pu(standard: Standard, before_pu: float, hz: float) -> float:
    return min(max(before_pu + droop_pu(standard, hz), -1.0), 1.0)


def _tests(side: str) -> tuple[str, ...]:
    names = (f"{side}_enabled", f"{side}_deadband_hz", f"{side}_droop", "response_s")
    return tuple(f"frequency_droop.{name}" for name in names)


def _reach_hz(subject: Subject, side: str) -> float:
    low_hz, high_hz = ridden_hz(subject.standard)
    edge_hz = high_hz if side == "over" else low_hz
    return abs(edge_hz - subject.standard.nominal_hz) - accuracy.FREQUENCY_HZ


def _hz(subject: Subject, side: str, beyond_hz: float) -> float:
    return subject.standard.nominal_hz + (beyond_hz if side == "over" else -beyond_hz)


def _steps(subject: Subject, side: str) -> Iterator[Case]:
    """From the nominal frequency to some point, at the rate that must be ridden through: final value, response time."""
    standard, before_pu = subject.standard, _BEFORE_PU[side]
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
            _tests(side),
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
    """Steps h and i of 5.15: just inside and outside the deadband, a little and far beyond it, and back."""
    standard, sequence = subject.standard.with_settings(changes), Sequence(subject)
    deadband_hz = standard.number(f"frequency_droop.{side}_deadband_hz")
    before_pu, rate = 0.5 * _BEFORE_PU[side], standard.number("ride_through.rocof_hz_per_s")
    small_hz = 0.05 * standard.nominal_hz * standard.number(f"frequency_droop.{side}_droop")
    reach_hz = _reach_hz(subject, side)
    steps = (deadband_hz - 0.01, deadband_hz + 0.01, deadband_hz + small_hz, 0.5 * (deadband_hz + reach_hz), reach_hz)
    beyond = tuple(each for each in steps if 0 < each <= reach_hz)
    for each_hz in (*beyond, *reversed(beyond[1:-1])):
        hz = _hz(subject, side, each_hz)
        sequence.course.frequency(hz, rate)
        sequence.settle(standard.number("frequency_droop.response_s"))
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
    standard, before_pu = subject.standard, _BEFORE_PU[side]
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
        yield sequence.case(f"frequency-droop/{side}/wish-{name}", _SOURCE, before_pu, tests=_tests(side))


def _recovery(subject: Subject, side: str) -> Iterator[Case]:
    """After a disturbance the power returns on a gradient, and only while the frequency is where it may."""
    standard, before_pu = subject.standard, -0.5
    figures = standard.figures
    if figures["frequency_droop.recovery_pu_per_s"].high <= 0:
        return
    tests = tuple(f"frequency_droop.recovery_{name}" for name in ("pu_per_s", "low_hz", "high_hz"))
    deadband_hz = standard.number(f"frequency_droop.{side}_deadband_hz")
    far_hz = deadband_hz + 0.35 * standard.nominal_hz * standard.number(f"frequency_droop.{side}_droop")
    hz = _hz(subject, side, min(far_hz, _reach_hz(subject, side)))
    change_pu = _after_pu(standard, before_pu, hz) - before_pu
    narrow = figures["frequency_droop.recovery_high_hz"].low, figures["frequency_droop.recovery_low_hz"].high
    window: dict[str, Value] = {
        "frequency_droop.recovery_high_hz": narrow[0],
        "frequency_droop.recovery_low_hz": narrow[1],
    }
    for name, rate, waits in (
        ("as-set", standard.number(tests[0]), False),
        ("fast", 0.02, False),
        ("waits", 0.02, True),
    ):
        if not rate:
            continue
        sequence = Sequence(subject)
        sequence.course.frequency(hz, standard.number("ride_through.rocof_hz_per_s"))
        sequence.settle(standard.number("frequency_droop.response_s"))
        sequence.expect("power_pu", before_pu + change_pu)
        left_pu = abs(change_pu)
        if waits:
            sequence.course.frequency(_hz(subject, side, 0.1)).hold(10.0)
            sequence.expect("power_pu", before_pu + change_pu)
        sequence.course.frequency(standard.nominal_hz)
        takes_s = left_pu / rate
        for share in (0.5, 1.0):
            sequence.course.hold(0.5 * takes_s)
            mean_pu = max(left_pu * (1 - share) + 0.5 * rate * SEEN_S, 0.0)
            sequence.expect("power_pu", before_pu + (mean_pu if change_pu > 0 else -mean_pu))
        changes: dict[str, Value] = {tests[0]: rate, **(window if waits else {})}
        yield sequence.case(
            f"frequency-droop/{side}/recovery-{name}", _SOURCE, before_pu, tests=tests, adjusted=changes
        )
