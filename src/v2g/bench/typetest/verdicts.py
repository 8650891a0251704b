"""The protection, sample by sample: islands, cessation, and what is no measurement."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import inf, nan
from typing import Any

from v2g.bench.typetest.case import Inspection, Subject, inspections
from v2g.bench.typetest.check import Finding
from v2g.bench.typetest.standard import Band, Standard, Value
from v2g.bench.typetest.stepwise import READ_S, SLACK_S, SLOW_S, Stepped, about, due, same
from v2g.grid.protection import Cause, Protection, State, Verdict
from v2g.grid.sample import GridSample

_SOURCE = "this station: an unknown is not a permission; IEEE 1547-2018 4.10, 6.4.2, 8.1.1"
LITTLE = 1e-4
"""Beyond an edge."""
_LOT = 0.25
"""Of the random delay."""
_DOUBTED, _CLEARS_S, _SECOND_S, _AGAIN_S = 8, 60.0, 0.015, 0.15
"""Single samples that are passed over, the time that clears them; how soon a second one trips, and how long the same
one may be the latest (docs/grid-codes.md: "a trip at the second sample in a row")."""


def cases(subject: Subject) -> Iterator[Inspection]:
    """Each for itself."""
    judges = {
        "rocof": _rocof, "rocof-after-a-gap": _rocof_gap, "dead-grid": _dead, "vector-shift": _vector_shift,
        "cessation": _cessation, "relapses": _relapses, "no-measurement": _no_measurement, "doubt": _doubt,
        "doubt-clears": _doubt_clears,
    }  # fmt: skip
    return inspections("stepwise", _SOURCE, subject, judges)


def untested(why: str) -> tuple[Finding, ...]:
    return (Finding(True, why, "not tested"),)


# Islands


def _only_rocof(standard: Standard) -> dict[str, Value]:
    """Every frequency element as wide and as slow as its ranges allow."""
    changes: dict[str, Value] = {}
    for each in (each for each in standard.elements if each.quantity == "frequency"):
        threshold, delay = (standard.figures[f"trip.{each.name}.{key}"] for key in ("threshold_hz", "delay_s"))
        changes[f"trip.{each.name}.threshold_hz"] = threshold.high if each.side == "over" else threshold.low
        changes[f"trip.{each.name}.delay_s"] = delay.high
    return changes


def samples_s(seconds: float) -> float:
    """The time of the first sample that is not before."""
    return READ_S * -(-round(seconds / READ_S, 6) // 1)


def _rocof(subject: Subject) -> tuple[Finding, ...]:
    """A little more than the setting trips with the sample that is due, a little less never; the timer starts over;
    what the sensing unit says comes first; set in operation too."""
    standard, findings = subject.standard, list[Finding]()
    rate_figure, delay_figure = (standard.figures[f"islanding.rocof_{key}"] for key in ("hz_per_s", "delay_s"))
    window_figure = standard.figures["measurement.rocof_window_s"]
    rates = {standard.number("islanding.rocof_hz_per_s"), rate_figure.low}
    for rate, delay_s, window_s, later in (
        (max(rates), standard.number("islanding.rocof_delay_s"), standard.number("measurement.rocof_window_s"), False),
        (min(rates), delay_figure.low, window_figure.high, True),
    ):
        changes = _only_rocof(standard) | {
            "islanding.rocof_hz_per_s": rate, "islanding.rocof_delay_s": delay_s,
            "measurement.rocof_window_s": window_s,
        }  # fmt: skip
        trips_s = samples_s(window_s) - READ_S + samples_s(delay_s)
        changed, half_hz = standard.with_settings(changes), 0.51 * rate * (trips_s + 0.1)
        ends_hz = (standard.nominal_hz - half_hz, standard.nominal_hz + half_hz)
        if any(due(changed, (1.0,) * subject.phases, hz, 3.0, READ_S)[1] for hz in ends_hz):
            continue
        for sign in (1.0, -1.0):
            for factor, wanted_s in ((1 + LITTLE, trips_s), (1 - LITTLE, inf)):
                hz, begun = standard.nominal_hz - sign * half_hz, Stepped(subject, changes, later=later)
                begun.run(window_s + 0.1, 1.0, hz)
                took_s = _ramp(begun, hz, sign * rate * factor, trips_s + 0.1)
                findings.append(about(f"{sign * rate * factor:.4f} Hz/s", took_s, wanted_s))
        findings += _said(subject, changes, later)
    off = Stepped(subject, {"islanding.rocof_enabled": False})
    said = [off.step(rocof=100.0).state for _ in range(100)]
    return (*findings, same("switched off", State.TRIP in said, False))


def _said(subject: Subject, changes: Mapping[str, Value], later: bool) -> Iterator[Finding]:
    """The rate that the sensing unit measures itself; it is not judged at a low voltage."""
    standard = subject.standard.with_settings(changes)
    rate, delay_s = standard.number("islanding.rocof_hz_per_s"), standard.number("islanding.rocof_delay_s")
    floor_pu = standard.number("measurement.frequency_floor_pu")
    for sign in (1.0, -1.0):
        stepped = Stepped(subject, changes, later=later)
        stepped.run(0.2)
        states = [stepped.step(rocof=sign * rate * 1.01).state for _ in range(round(samples_s(delay_s) / READ_S) - 1)]
        states.append(stepped.step(rocof=sign * rate * 0.99).state)
        states += [stepped.step(rocof=sign * rate * 1.01).state for _ in range(round(samples_s(delay_s) / READ_S))]
        yield same("as measured, starts over", (State.TRIP in states[:-1], states[-1]), (False, State.TRIP))
        first = Stepped(subject, changes, later=later)
        states = [first.step(rocof=sign * rate * 1.01).state for _ in range(round(samples_s(delay_s) / READ_S) + 1)]
        yield same("from the first sample on", (State.TRIP in states[:-1], states[-1]), (False, State.TRIP))
    slow = {**changes, **_slow_undervoltage(standard)}
    low = (floor_pu - 0.01,) * subject.phases
    lasts_s = min(due(standard.with_settings(slow), low, standard.nominal_hz, 2.0, READ_S)[0] - 0.1, 1.0)
    stepped = Stepped(subject, slow, later=later)
    stepped.run(0.2)
    blind = [stepped.step(floor_pu - 0.01, rocof=10 * rate).element for _ in range(round(lasts_s / READ_S))]
    yield same("not at a low voltage", "rocof" in blind, False)


def _ramp(stepped: Stepped, from_hz: float, hz_per_s: float, lasts_s: float) -> float:
    """After how long it trips."""
    hz = from_hz
    for number in range(1, round(lasts_s / READ_S) + 1):
        hz += hz_per_s * READ_S
        if stepped.step(1.0, hz).state is State.TRIP:
            return number * READ_S
    return inf


def _rocof_gap(subject: Subject) -> tuple[Finding, ...]:
    """The frequency has moved while it could not be measured: that is no rate of change. Nor is the first sample."""
    standard = subject.standard
    rate, delay_s = (standard.figures[f"islanding.rocof_{key}"].low for key in ("hz_per_s", "delay_s"))
    window, moved_hz = standard.figures["measurement.rocof_window_s"], 1.9
    window_s = min(READ_S * (0.9 * moved_hz / rate // READ_S), window.high)
    if window_s < max(window.low, delay_s + 0.15):
        return untested("a window or a rate that shows nothing")
    changes = _only_rocof(standard) | {
        "islanding.rocof_delay_s": delay_s, "measurement.rocof_window_s": window_s, "islanding.rocof_hz_per_s": rate,
    }  # fmt: skip
    floor_pu = standard.number("measurement.frequency_floor_pu")
    findings = list[Finding]()
    for fault in ("low voltage", "no measurement"):
        stepped = Stepped(subject, changes)
        stepped.run(window_s + 0.1)
        if fault == "low voltage":
            stepped.run(0.1, floor_pu - 0.01, standard.nominal_hz - moved_hz)
        else:
            stepped.protection.step(None, stepped.now)
        after = stepped.run(window_s, 1.0, standard.nominal_hz - moved_hz)
        findings.append(same(f"after {fault}", State.TRIP in {each.state for each in after}, False))
    stepped = Stepped(subject, changes)
    verdicts = [stepped.step(1.0, standard.nominal_hz + 0.001 * number) for number in range(round(window_s / READ_S))]
    findings.append(same("before the window is full", State.TRIP in {each.state for each in verdicts}, False))
    return tuple(findings)


def _slow_undervoltage(standard: Standard) -> dict[str, Value]:
    names = [f"trip.{each.name}.delay_s" for each in standard.elements if each.quantity == "lowest_voltage"]
    return {name: standard.figures[name].high for name in names}


def _dead(subject: Subject) -> tuple[Finding, ...]:
    """Just below the setting for its delay, just above never, one live phase never; a live sample starts it over."""
    standard, findings = subject.standard, list[Finding]()
    pu_figure, delay_figure = (standard.figures[f"islanding.dead_{key}"] for key in ("pu", "delay_s"))
    for dead_pu, delay_s, later in (
        (standard.number("islanding.dead_pu"), standard.number("islanding.dead_delay_s"), False),
        (pu_figure.high, delay_figure.low, True),
    ):
        changes = _slow_undervoltage(standard) | {"islanding.dead_pu": dead_pu, "islanding.dead_delay_s": delay_s}
        below, above = (dead_pu - LITTLE,) * subject.phases, (dead_pu + LITTLE,) * subject.phases
        if due(standard.with_settings(changes), below, standard.nominal_hz, delay_s + 0.5, READ_S)[0] < inf:
            continue
        stepped = Stepped(subject, changes, later=later)
        stepped.run(0.2)
        stepped.run(samples_s(delay_s) - READ_S, below)
        took_s, _ = stepped.trips(READ_S)
        findings.append(about("starts over", took_s, inf))
        took_s, verdict = stepped.trips(delay_s + 0.3, below)
        findings.append(about("no voltage", took_s, samples_s(delay_s)))
        findings.append(same("because of", (verdict.element, verdict.cause), ("dead_grid", Cause.ISLANDING)))
        first = Stepped(subject, changes, later=later)
        took_s, _ = first.trips(delay_s + 0.3, below)
        findings.append(about("from the first sample on", took_s, samples_s(delay_s) + READ_S))
        for volts in (above, (0.0, 0.0, above[0])[: subject.phases]) if subject.phases == 3 else (above,):
            stepped = Stepped(subject, changes, later=later)
            took_s, _ = stepped.trips(delay_s + 0.3, volts)
            findings.append(about(f"{volts} pu", took_s, inf))
    return tuple(findings) or untested("the elements of undervoltage are faster")


def _vector_shift(subject: Subject) -> tuple[Finding, ...]:
    """A jump beyond the setting trips at once, to both sides; off, none does."""
    standard = subject.standard
    name = "islanding.vector_shift_deg" if subject.phases == 3 else "islanding.single_phase_vector_shift_deg"
    figure, findings = standard.figures[name], list[Finding]()
    for enabled in standard.figures["islanding.vector_shift_enabled"].choices:
        for degrees, later in ((standard.number(name), False), (figure.high, True)):
            changes: dict[str, Value] = {"islanding.vector_shift_enabled": enabled, name: degrees}
            for jump_deg, beyond in ((1, True), (-1, True), (1, False), (-1, False)):
                stepped = Stepped(subject, changes, later=later)
                stepped.run(0.2)
                verdict = stepped.step(jump_deg=jump_deg * (degrees + (0.01 if beyond else -0.01)))
                wanted = ("vector_shift", State.TRIP) if beyond and enabled else ("", State.RUN)
                findings.append(same(f"{jump_deg * degrees:g} degrees", (verdict.element, verdict.state), wanted))
    return tuple(findings)


# Momentary cessation


def _ceasing(subject: Subject) -> tuple[Band, float] | None:
    """A band of momentary cessation, and a voltage in it."""
    bands = [b for b in subject.standard.voltage if b.mode == "momentary_cessation" and b.stay_s >= 1.0]
    return (bands[-1], (bands[-1].low + bands[-1].high) / 2) if bands else None


def _cessation(subject: Subject) -> tuple[Finding, ...]:
    """Nothing flows with the first sample; it is back with the sample that is due, not a load before that."""
    found, name, findings = _ceasing(subject), "momentary_cessation.restore_s", list[Finding]()
    if found is None:
        return untested("no momentary cessation")
    figure = subject.standard.figures[name]
    for restore_s, later in ((subject.standard.number(name), False), (figure.high, True)):
        stepped = Stepped(subject, {name: restore_s}, later=later)
        first = stepped.run(0.2)
        verdicts = stepped.run(0.3, found[1])
        said = {(each.state, each.cause, each.may_charge) for each in verdicts}
        findings.append(same("at rest", {each.state for each in first}, {State.RUN}))
        findings.append(same("in the band", said, {(State.CEASE, Cause.VOLTAGE, False)}))
        back = stepped.run(restore_s + 0.1)
        late = next((number for number, each in enumerate(back, 1) if each.state is State.RUN), 0)
        findings.append(about("back after", late * READ_S, max(samples_s(restore_s), READ_S)))
        findings.append(same("until then", {each.state for each in back[: late - 1]} <= {State.CEASE}, True))
    waiting = Stepped(subject, {name: figure.high}, in_service=False)
    loads = [verdict.load for verdict in (*waiting.run(0.1), *waiting.run(0.1, found[1]), *waiting.run(0.1))]
    findings.append(same("a load", loads, [True] * 5 + [False] * 10))
    return tuple(findings)


def _relapses(subject: Subject) -> tuple[Finding, ...]:
    """As many as are permitted and one more, each as long and as soon after the one before as still counts; after a
    trip they count from nothing."""
    found, standard = _ceasing(subject), subject.standard
    if found is None:
        return untested("no momentary cessation")
    table, volts, findings = "momentary_cessation", found[1], list[Finding]()
    prompt = {f"{name}.{key}_s": standard.figures[f"{name}.{key}_s"].low
              for name in {"enter_service", standard.back} for key in ("delay", "ramp")}  # fmt: skip
    for most, relapse_s, within_s, later in (
        (standard.number(f"{table}.most_relapses"), standard.number(f"{table}.relapse_s"), 2.0, False),
        (standard.figures[f"{table}.most_relapses"].low, 0.3, 1.0, True),
    ):
        changes: dict[str, Value] = {
            f"{table}.most_relapses": most, f"{table}.relapse_s": relapse_s, f"{table}.relapse_within_s": within_s,
            f"{table}.restore_s": 0.1, **prompt,
        }  # fmt: skip
        for longer_s, later_s in ((0.0, 0.0), (READ_S, 0.0), (0.0, READ_S)):
            out_s, in_s = relapse_s - 0.1 + READ_S + longer_s, within_s + 0.1 - READ_S + later_s
            stepped, counts = Stepped(subject, changes, later=later), list[float]()
            stepped.run(0.2)
            for _ in range(2):
                counts.append(_cycles(stepped, volts, out_s, in_s, round(most) + 4))
                stepped.run(standard.figures[f"{standard.back}.delay_s"].low + 1.0)
                stepped.run(standard.figures[f"{standard.back}.ramp_s"].low + 1.0)
            wanted = inf if longer_s or later_s else most + 2
            findings.append(same(f"cessations of {out_s:g} s, {in_s:g} s apart", counts, [wanted, wanted]))
    return tuple(findings)


def _cycles(stepped: Stepped, volts: float, out_s: float, in_s: float, most: int) -> float:
    """With which cessation it trips."""
    for number in range(1, most + 1):
        if State.TRIP in {each.state for each in stepped.run(out_s, volts)}:
            return number
        stepped.run(in_s)
    return inf


# What is no measurement


@dataclass
class _Unit:
    """A sensing unit whose samples are given."""

    subject: Subject
    protection: Protection
    now: float = 0.0
    count: int = 0

    def sample(self, dt_s: float = READ_S, **more: Any) -> GridSample:
        self.count, self.now = self.count + 1, self.now + dt_s
        usual: dict[str, Any] = {
            "time_s": self.now, "sequence": self.count, "voltages_pu": (1.0,) * self.subject.phases,
            "frequency_hz": self.subject.standard.nominal_hz,
        }  # fmt: skip
        return GridSample(**{**usual, **more})

    def good(self, seconds: float, dt_s: float = READ_S) -> list[Verdict]:
        return [self.protection.step(self.sample(dt_s), self.now) for _ in range(round(seconds / dt_s))]

    def bad(self, dt_s: float = READ_S) -> Verdict:
        return self.protection.step(self.sample(dt_s, frequency_hz=0.0), self.now)


def _unit(subject: Subject, *, lasts_s: float = 0.2, changes: Mapping[str, Value] | None = None) -> _Unit:
    code = subject.code.with_settings(changes or {})
    unit = _Unit(subject, Protection(code, subject.phases, in_service=True, draw=lambda: _LOT))
    unit.good(lasts_s)
    return unit


TRIPPED = (State.TRIP, "measurement", Cause.MEASUREMENT, False)
PASSED_OVER = (State.CEASE, "measurement", Cause.MEASUREMENT, False)


def said_of(verdict: Verdict) -> tuple[State, str, Cause | None, bool]:
    return verdict.state, verdict.element, verdict.cause, verdict.may_charge


def _no_measurement(subject: Subject) -> tuple[Finding, ...]:
    """None, too old, from the future, frozen, out of order, with too few voltages: a trip. What cannot be: no power."""
    standard, findings = subject.standard, list[Finding]()
    unit = _unit(subject)
    none = unit.protection.step(None, unit.now)
    findings.append(same("none", (*said_of(none), bool(none.why)), (*TRIPPED, True)))
    for stale_s, changes in ((standard.number("measurement.stale_s"), {}), (0.25, {"measurement.stale_s": 0.25})):
        for early_s, lost in ((-1e-3, False), (1e-3, True)):
            for sign in (1.0, -1.0):
                unit = _unit(subject)
                unit.protection.adjust(changes)
                sample = unit.sample()
                verdict = unit.protection.step(sample, unit.now + sign * (stale_s + early_s))
                findings.append(same(f"{sign * stale_s:g} s old", verdict.state is State.TRIP, lost))
    unit, frozen_s = _unit(subject), standard.number("measurement.frozen_s")
    states = [unit.protection.step(unit.sample(sequence=7), unit.now) for _ in range(round(frozen_s / READ_S) + 3)]
    tripped = next((number for number, each in enumerate(states) if each.state is State.TRIP), 0)
    findings.append(same("frozen", tripped, int((frozen_s + SLACK_S) // READ_S) + 1))
    unit = _unit(subject)
    older = unit.sample(time_s=unit.now - 1e-3)
    findings.append(same("older than before", said_of(unit.protection.step(older, unit.now)), TRIPPED))
    unit = _unit(subject)
    few = unit.sample(voltages_pu=(1.0, 1.0))
    findings.append(same("two voltages", said_of(unit.protection.step(few, unit.now)), TRIPPED))
    return (*findings, *_impossible(subject))


def _impossible(subject: Subject) -> Iterator[Finding]:
    standard, phases = subject.standard, subject.phases
    low_hz, high_hz = (standard.number(f"measurement.{end}_hz") for end in ("lowest", "highest"))
    most_pu, floor_pu = (standard.number(f"measurement.{key}_pu") for key in ("highest", "frequency_floor"))
    others = (1.0,) * (phases - 1)
    wrong: dict[str, dict[str, Any]] = {
        "frequency": {"frequency_hz": nan}, "too low": {"frequency_hz": low_hz - 1e-3},
        "too high": {"frequency_hz": high_hz + 1e-3}, "voltage": {"voltages_pu": (nan, *others)},
        "too much": {"voltages_pu": (*others, most_pu + 1e-3)}, "negative": {"voltages_pu": (*others, -1e-3)},
        "no voltage": {"voltages_pu": ()}, "power": {"power_w": nan}, "reactive power": {"reactive_var": inf},
        "rate": {"rocof_hz_per_s": nan}, "jump": {"phase_jump_deg": -inf},
        "between phases": {"line_voltages_pu": (nan, 1.0, 1.0)},
        "impossible between phases": {"line_voltages_pu": (1.0, most_pu + 1e-3, 1.0)},
        "just measurable": {"frequency_hz": nan, "voltages_pu": (floor_pu,) * phases},
    }  # fmt: skip
    for name, more in wrong.items():
        unit = _unit(subject)
        yield same(name, said_of(unit.protection.step(unit.sample(**more), unit.now)), PASSED_OVER)
    right: dict[str, dict[str, Any]] = {
        "lowest": {"frequency_hz": low_hz}, "highest": {"frequency_hz": high_hz},
        "most": {"voltages_pu": (*others, most_pu)}, "nothing": {"voltages_pu": (*others, 0.0)},
        "powers": {"power_w": -1e4, "reactive_var": 1e4},
        "not measurable": {"frequency_hz": nan, "voltages_pu": (floor_pu - 1e-3,) * phases},
    }  # fmt: skip
    for name, more in right.items():
        unit = _unit(subject, changes={"islanding.rocof_enabled": False})
        yield same(name, unit.protection.step(unit.sample(**more), unit.now).cause is Cause.MEASUREMENT, False)


def _doubt(subject: Subject) -> tuple[Finding, ...]:
    """One sample that cannot be believed is no trip, a second one is; not while the station is not in operation."""
    findings = list[Finding]()
    for second_s, tripped in ((_SECOND_S - 1e-3, False), (_SECOND_S + 1e-3, True)):
        unit = _unit(subject)
        findings.append(same("the first", said_of(unit.bad()), PASSED_OVER))
        findings.append(same(f"another, {second_s:g} s later", unit.bad(second_s).state is State.TRIP, tripped))
    for again_s, tripped in ((_AGAIN_S - 1e-3, False), (_AGAIN_S + 1e-3, True)):
        unit = _unit(subject)
        sample = unit.sample(frequency_hz=0.0)
        states = [unit.protection.step(sample, unit.now + late_s).state for late_s in (0.0, 0.01, again_s)]
        findings.append(same(f"the same, {again_s:g} s later", states[-1] is State.TRIP, tripped))
        findings.append(same("until then", states[:2], [State.CEASE, State.CEASE]))
    unit = _unit(subject)
    unit.bad()
    findings.append(same("after it", [each.state for each in unit.good(0.04)], [State.RUN, State.RUN]))
    findings.append(same("another one then", said_of(unit.bad()), PASSED_OVER))
    fresh = _Unit(subject, Protection(subject.code, subject.phases, in_service=True))
    findings.append(same("the very first sample", said_of(fresh.bad()), TRIPPED))
    unit, stale_s = _unit(subject), subject.standard.number("measurement.stale_s")
    findings.append(same("after a long silence", said_of(unit.bad(stale_s + 0.01)), TRIPPED))
    unit = _unit(subject)
    unit.protection.step(None, unit.now)
    findings.append(same("while tripped", unit.bad().state, State.TRIP))
    return tuple(findings)


def _doubt_clears(subject: Subject) -> tuple[Finding, ...]:
    """Eight single ones are passed over, the ninth trips, and until a minute without any the unit is not believed."""
    findings = list[Finding]()
    for pause_s, wanted in ((_CLEARS_S - 0.5, _DOUBTED - 3), (_CLEARS_S + 0.5, _DOUBTED + 1)):
        unit = _unit(subject)
        _doubted(unit, 4)
        unit.good(pause_s, SLOW_S)
        findings.append(same(f"four, {pause_s:g} s, then trips with", _doubted(unit, 12), wanted))
    unit = _unit(subject)
    _doubted(unit, 8)
    unit.good(_CLEARS_S - 0.1, SLOW_S)
    late = unit.bad(0.2)  # the minute is over with this one
    findings.append(same("just after a minute", said_of(late), PASSED_OVER))
    unit.good(0.04)
    findings.append(same("counted from then", _doubted(unit, 12), _DOUBTED))
    unit = _unit(subject)
    _doubted(unit, 9)
    soon = [said_of(each) for each in unit.good(_CLEARS_S - 0.2, SLOW_S)]
    findings.append(same("not believed for a minute", set(soon), {TRIPPED}))
    findings.append(same("then", [each.state for each in unit.good(0.5, SLOW_S)][-1], State.WAIT))
    back = unit.good(_back_s(subject), SLOW_S)[-1].state
    findings.append(same("and in operation again", back, State.RUN))
    findings.append(same("counted from nothing", _doubted(unit, 12), _DOUBTED + 1))
    return tuple(findings)


def _back_s(subject: Subject) -> float:
    return subject.standard.number(f"{subject.standard.back}.delay_s") + 1.0


def _doubted(unit: _Unit, most: int) -> int:
    """Number of the single sample with which it trips; 0 if none does."""
    for number in range(1, most + 1):
        if unit.bad().state is State.TRIP:
            return number
        unit.good(0.04)
    return 0
