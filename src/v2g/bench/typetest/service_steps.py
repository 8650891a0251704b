"""The way into service, sample by sample: delay, ramp, window, permission, and the way back after a trip."""

from collections.abc import Iterator
from math import inf
from typing import NamedTuple

from v2g.bench.typetest.bands import continuous, window_hz
from v2g.bench.typetest.case import Inspection, Subject, inspections
from v2g.bench.typetest.check import Finding
from v2g.bench.typetest.standard import Value
from v2g.bench.typetest.stepwise import READ_S, SLACK_S, SLOW_S, Stepped, about, same
from v2g.bench.typetest.verdicts import LITTLE, PASSED_OVER, said_of, samples_s, untested
from v2g.grid.protection import Cause, State, Verdict
from v2g.grid.sample import GridSample

_SOURCE = "IEEE 1547-2018 4.10; EN 50549-1 4.10; this station: charging is a load"
_LOT = 0.25
"""Of the random delay."""


def cases(subject: Subject) -> Iterator[Inspection]:
    """Each for itself."""
    judges = {
        "entering": _entering, "window": _entry_window, "gap": _entry_gap, "permission": _permission,
        "way-back": _way_back, "short-interruption": _short_interruption, "two-in-a-row": _two_in_a_row,
        "no-short-interruption": _no_short_interruption, "reason": _reason, "load": _load,
    }  # fmt: skip
    return inspections("stepwise/service", _SOURCE, subject, judges)


def _settings(subject: Subject, delay_s: float, ramp_s: float, random_s: float = 0.0) -> dict[str, Value]:
    """The same for a start and for the way back, as far as their ranges allow."""
    figures, changes = subject.standard.figures, dict[str, Value]()
    for table in {"enter_service", subject.standard.back}:
        for key, value in (("delay_s", delay_s), ("ramp_s", ramp_s), ("random_delay_s", random_s)):
            figure = figures[f"{table}.{key}"]
            changes[f"{table}.{key}"] = min(max(value, figure.low), figure.high)
    return changes


def _enters(stepped: Stepped, within_s: float, volts: float | tuple[float, ...] = 1.0) -> tuple[float, Verdict]:
    """After how long, from the first sample on."""
    begun_s = stepped.now + SLOW_S
    while stepped.now - begun_s < within_s:
        verdict = stepped.step(volts, dt_s=SLOW_S)
        if verdict.state is State.RUN:
            return stepped.now - begun_s, verdict
    return inf, verdict


def _entering(subject: Subject) -> tuple[Finding, ...]:
    """After delay and lot to the sample; the ramp from nothing, standing still while nobody is there."""
    findings = list[Finding]()
    for wished in ((7.0, 20.0, 0.0), (3.0, 0.0, 8.0), (5.0, 1.0, 0.0), (0.0, 0.0, 0.0)):
        changes = _settings(subject, *wished)
        delay_s, ramp_s, random_s = (changes[f"enter_service.{key}_s"] for key in ("delay", "ramp", "random_delay"))
        assert not isinstance(delay_s, str)
        assert not isinstance(ramp_s, str)
        assert not isinstance(random_s, str)
        if ramp_s and random_s:
            continue
        for later in (False, True):
            stepped = Stepped(subject, changes, later=later, in_service=False, lot=_LOT)
            took_s, verdict = _enters(stepped, delay_s + random_s + 1.0)
            findings.append(about("enters after", took_s, delay_s + _LOT * random_s, SLACK_S))
            findings.append(about("share at once", verdict.share, 0.0 if ramp_s else 1.0, 0.0))
            for _ in range(5):
                stepped.step(dt_s=SLOW_S, in_use=False)
            share = stepped.step(dt_s=SLOW_S).share
            findings.append(about("share soon after", share, min(SLOW_S / ramp_s, 1.0) if ramp_s else 1.0))
            shares = [each.share for each in stepped.run(ramp_s / 2 - SLOW_S, dt_s=SLOW_S)] or [share]
            findings.append(about("share in the middle", shares[-1], 0.5 if ramp_s > 2 else shares[-1], 0.02))
            findings.append(about("share at last", stepped.run(ramp_s + 1.0, dt_s=SLOW_S)[-1].share, 1.0, 0.0))
            waits = Stepped(subject, changes, in_service=False, lot=_LOT).step(dt_s=SLOW_S)
            findings.append(about("share before", waits.share if delay_s + random_s else 0.0, 0.0, 0.0))
    return tuple(findings)


def _entry_window(subject: Subject) -> tuple[Finding, ...]:
    """Each edge belongs to the window; just beyond, on one phase too, the delay does not begin; a moment outside starts
    it over. With no delay too."""
    standard, findings = subject.standard, list[Finding]()
    for changes in (_settings(subject, 2.0, 0.0), _settings(subject, 0.0, 0.0)):
        delay_s = changes["enter_service.delay_s"]
        assert not isinstance(delay_s, str)
        for key, outwards in (("lowest_pu", -1), ("highest_pu", 1), ("lowest_hz", -1), ("highest_hz", 1)):
            edge, band = standard.number(f"enter_service.{key}"), continuous(
                standard.voltage if key.endswith("pu") else standard.frequency
            )  # fmt: skip
            beyond = edge + outwards * LITTLE
            if not band.low < beyond < band.high:
                continue
            for value, enters in ((edge, True), (beyond, False)):
                stepped = Stepped(subject, changes, in_service=False, lot=_LOT)
                volts = (*(1.0,) * (subject.phases - 1), value) if key.endswith("pu") else (1.0,) * subject.phases
                hz = value if key.endswith("hz") else standard.nominal_hz
                verdicts = stepped.run(delay_s + 1.0, volts, hz, SLOW_S)
                findings.append(same(f"{key} {value:g}", verdicts[-1].state is State.RUN, enters))
                findings.append(same("with a reason", bool(verdicts[-1].why) or enters, True))
                if not enters and delay_s:
                    stepped.run(delay_s / 2, dt_s=SLOW_S)
                    stepped.step(volts, hz, SLOW_S)
                    took_s, _ = _enters(stepped, delay_s + 1.0)
                    findings.append(about("starts over", took_s + SLOW_S, delay_s))
    return tuple(findings)


def _entry_gap(subject: Subject) -> tuple[Finding, ...]:
    """A grid that nobody watched for longer than a measurement counts was not sound; for less it was."""
    findings, changes = list[Finding](), _settings(subject, 5.0, 0.0)
    delay_s, stale_s = changes["enter_service.delay_s"], subject.standard.number("measurement.stale_s")
    assert not isinstance(delay_s, str)
    for gap_s, counts in ((stale_s - 0.01, True), (stale_s + 0.01, False)):
        stepped = Stepped(subject, changes, in_service=False, lot=_LOT)
        stepped.run(2.0)
        stepped.step(dt_s=gap_s)
        before_s = 2.0 - READ_S + gap_s if counts else 0.0
        states = stepped.run(delay_s + 0.5)
        entered = next((number for number, each in enumerate(states, 1) if each.state is State.RUN), 0)
        findings.append(about("enters after", entered * READ_S, samples_s(delay_s - before_s)))
    stepped = Stepped(subject, changes, in_service=False, lot=_LOT)
    stepped.run(2.0)
    lost = stepped.protection.step(None, stepped.now)
    states = stepped.run(delay_s + 0.5)
    entered = next((number for number, each in enumerate(states, 1) if each.state is State.RUN), 0)
    findings.append(same("no measurement", lost.state, State.TRIP))
    findings.append(about("then enters after", entered * READ_S, samples_s(delay_s) + READ_S))
    return tuple(findings)


def _permission(subject: Subject) -> tuple[Finding, ...]:
    """Without it the station is gone and does not come, and it is the reason, whatever tripped before."""
    name, findings = "enter_service.permitted", list[Finding]()
    stepped = Stepped(subject, _settings(subject, 1.0, 0.0))
    stepped.run(0.2)
    stepped.protection.adjust({name: False})
    wanted = (State.TRIP, "permit service", Cause.SERVICE, False)
    findings.append(same("withdrawn", said_of(stepped.step()), wanted))
    stepped.run(0.4, 1.5)
    findings.append(same("after a disturbance", said_of(stepped.run(0.1)[-1]), wanted))
    before = Stepped(subject, {name: False}, in_service=False)
    findings.append(same("from the start", {said_of(each) for each in before.run(2.0)}, {wanted}))
    tripped = Stepped(subject)
    tripped.run(0.2)
    tripped.trips(5.0, 1.5)
    tripped.protection.adjust({name: False})
    findings.append(same("after a trip", said_of(tripped.step()), wanted))
    return tuple(findings)


def _way_back(subject: Subject) -> tuple[Finding, ...]:
    """After a trip from service its own settings hold until service begins; after one before that, those of a start."""
    standard, findings = subject.standard, list[Finding]()
    if standard.back == "enter_service":
        return untested("the way back is that of a start")
    figures = standard.figures
    start_s = max(figures["enter_service.delay_s"].low, 4.0)
    back_s = max(figures["reconnection.delay_s"].low, start_s + 5.0)
    changes = _settings(subject, start_s, 0.0) | {"reconnection.delay_s": back_s}
    stepped = Stepped(subject, changes, in_service=False, lot=_LOT)
    stepped.run(1.0)
    stepped.trips(5.0, 1.5)
    findings.append(about("tripped while it waited", _enters(stepped, start_s + back_s)[0] + SLOW_S, start_s, 0.11))
    for _ in range(2):
        stepped.run(1.0)
        stepped.trips(5.0, 1.5)
        stepped.run(1.0)
        stepped.trips(5.0, 1.5)  # once more on the way back
        findings.append(about("tripped from service", _enters(stepped, 30.0 + back_s)[0] + SLOW_S, back_s, 0.11))
    ramp = figures["enter_service.ramp_s"]
    stepped.protection.adjust({"enter_service.ramp_s": min(ramp.high, 100.0)})
    share = stepped.step().share
    findings.append(Finding(share < 0.5 or ramp.high < 10, "then the settings of a start hold", f"{share:.3f}"))
    return tuple(findings)


class _Interruption(NamedTuple):
    """What a code says of a short interruption, and settings under which the full delay is soon over."""

    changes: dict[str, Value]
    most_s: float
    """The longest that is a short one."""
    short_s: float
    """The delay after it; the full one for a code that knows none."""
    full_s: float


def _interruption(subject: Subject) -> _Interruption:
    standard, changes = subject.standard, _settings(subject, 12.0, 0.0)
    full_s = changes[f"{standard.back}.delay_s"]
    assert not isinstance(full_s, str)
    if "reconnection.short_delay_s" not in standard.figures:
        return _Interruption(changes, 3.0, full_s, full_s)
    most_s, short_s = (standard.number(f"reconnection.short_{key}_s") for key in ("interruption", "delay"))
    return _Interruption(changes, most_s, short_s if most_s else full_s, full_s)


def _returns_s(stepped: Stepped, out_s: float, volts: float = 1.3, hz: float | None = None) -> float:
    """The delay after a trip whose cause is over `out_s` after it."""
    stepped.trips(5.0, volts, hz)
    stepped.run(out_s - SLOW_S, volts, hz, SLOW_S)
    return _enters(stepped, 80.0)[0] + SLOW_S


def _short_interruption(subject: Subject) -> tuple[Finding, ...]:
    """After one of the longest time, by voltage (none at all, too) or frequency, the short delay; after one that is 0.1
    s longer, the full one. What counts is the time until the grid is in the window to stay."""
    changes, most_s, short_s, full_s = _interruption(subject)
    changes["islanding.rocof_enabled"] = False  # a frequency does not jump
    high_hz = window_hz(subject.standard)[1] + 1.0
    findings = list[Finding]()
    for volts, hz in ((1.3, None), (0.0, None), (1.0, high_hz)):
        for out_s, wanted_s in ((most_s, short_s), (most_s + 0.1, full_s)):
            took_s = _returns_s(Stepped(subject, changes, lot=0.0), out_s, volts, hz)
            findings.append(about(f"{volts:g} pu, {out_s:g} s", took_s, wanted_s, 0.11))
    outside_hz = subject.standard.number(f"{subject.standard.back}.highest_hz") + 0.05
    for outside_s, wanted_s in ((0.8, short_s), (1.0, full_s)):
        stepped = Stepped(subject, changes, lot=0.0)
        stepped.trips(5.0, 1.3)
        stepped.run(most_s - 1.0, dt_s=SLOW_S)
        stepped.run(outside_s, hz=outside_hz, dt_s=SLOW_S)
        findings.append(about(f"outside the window, {outside_s:g} s", _enters(stepped, 80.0)[0], wanted_s, 0.11))
    for name, value in (("interruption", 0.0), ("delay", 60.0)):
        if f"reconnection.short_{name}_s" in subject.standard.figures:
            stepped = Stepped(subject, changes | {f"reconnection.short_{name}_s": value}, later=True, lot=0.0)
            findings.append(about(f"{name} {value:g} s", _returns_s(stepped, 1.0), full_s, 0.11))
    return tuple(findings)


def _two_in_a_row(subject: Subject) -> tuple[Finding, ...]:
    """Before the station has been in service for the full delay, the next interruption is not a short one."""
    changes, _, short_s, full_s = _interruption(subject)
    stepped, findings = Stepped(subject, changes, lot=0.0), list[Finding]()
    for served_s, wanted_s in ((1.0, short_s), (full_s - 1.0, full_s), (full_s - 1.0, full_s), (full_s + 1.0, short_s)):
        stepped.run(served_s, dt_s=SLOW_S)
        findings.append(about(f"after {served_s:g} s in service", _returns_s(stepped, 1.0), wanted_s, 0.11))
    return tuple(findings)


def _no_short_interruption(subject: Subject) -> tuple[Finding, ...]:
    """The full delay, however soon the grid is back: after an island or a mean of ten minutes, a second trip, a
    permission that was withdrawn, and a grid that nobody watched for a while."""
    standard, (changes, _, _, full_s) = subject.standard, _interruption(subject)
    findings, stale_s = list[Finding](), standard.number("measurement.stale_s")

    def tripped(back_s: float = 0.0) -> Stepped:
        stepped = Stepped(subject, changes, lot=0.0)
        stepped.trips(5.0, 1.3)
        stepped.run(0.2, 1.3)
        stepped.run(back_s)
        return stepped

    def waits(what: str, stepped: Stepped) -> None:
        findings.append(about(what, _enters(stepped, 80.0)[0], full_s, 0.21))

    island = Stepped(subject, changes | {"islanding.rocof_enabled": True}, lot=0.0)
    trip = [island.step(rocof=2 * standard.number("islanding.rocof_hz_per_s")) for _ in range(100)][-1]
    findings.append(same("an island", trip.element, "rocof"))
    waits("after an island", island)
    for mean in (each for each in standard.elements if each.quantity == "ten_minute_voltage"):
        stepped = Stepped(subject, changes, lot=0.0)
        _, trip = stepped.trips(700.0, mean.threshold + 1e-4, dt_s=SLOW_S)
        findings.append(same("a mean", trip.element, mean.name))
        stepped.run(3.0, dt_s=SLOW_S)
        waits("after a mean", stepped)
    for back_s in (0.0, 2.0):
        again = tripped(max(back_s, READ_S))
        again.trips(5.0, 1.3)
        waits(f"a second trip {back_s:g} s after the first", again)
        lost = tripped(back_s)
        lost.protection.step(None, lost.now)
        waits(f"no measurement {back_s:g} s after it", lost)
        gap = tripped(back_s)
        gap.step(1.0 if back_s else 1.3, dt_s=stale_s + 0.01)
        waits(f"a gap {back_s:g} s after it", gap)
        for name in {"enter_service.permitted", f"{standard.back}.permitted"}:
            withdrawn = tripped(back_s)
            withdrawn.protection.adjust({name: False})
            withdrawn.step(1.0 if back_s else 1.3)
            withdrawn.protection.adjust({name: True})
            waits(f"{name} withdrawn {back_s:g} s after it", withdrawn)
    return tuple(findings)


def _reason(subject: Subject) -> tuple[Finding, ...]:
    """The first element is named until service begins again; then what comes next. A reason is given for each."""
    standard, changes = subject.standard, _settings(subject, 1.0, 0.0)
    high_hz, findings = window_hz(standard)[1] + 1.0, list[Finding]()
    delay_s = changes[f"{standard.back}.delay_s"]
    assert not isinstance(delay_s, str)
    stepped = Stepped(subject, changes)
    stepped.run(0.2)
    _, first = stepped.trips(5.0, 1.5)
    both = stepped.run(3.0, 1.5, high_hz)[-1]
    findings.append(same("both", (both.element, both.cause), (first.element, Cause.VOLTAGE)))
    wait = stepped.step()
    findings.append(same("waits", (wait.state, wait.cause, bool(wait.why)), (State.WAIT, Cause.SERVICE, True)))
    stepped.run(delay_s + 1.0)
    _, second = stepped.trips(5.0, 1.0, high_hz)
    findings.append(same("the next one", second.cause, Cause.FREQUENCY))
    stepped.run(delay_s + 2.0)
    bad = GridSample(stepped.now + READ_S, -1, (1.0,) * subject.phases, 0.0)
    doubted = stepped.protection.step(bad, stepped.now + READ_S)
    findings.append(same("in service again, one sample that cannot be", said_of(doubted), PASSED_OVER))
    calm = Stepped(subject).run(0.1)[-1]
    findings.append(same("calm", (calm.state, calm.element, calm.why, calm.share), (State.RUN, "", "", 1.0)))
    return tuple(findings)


def _load(subject: Subject) -> tuple[Finding, ...]:
    """Before service begins charging is allowed in continuous operation, and nowhere else."""
    standard, findings = subject.standard, list[Finding]()
    for band in standard.voltage:
        value = (band.low + min(band.high, band.low + 0.1)) / 2
        verdict = Stepped(subject, in_service=False).step(value)
        said = verdict.state, verdict.load, verdict.may_charge, verdict.may_exchange
        calm = band.mode == "continuous"
        findings.append(same(f"{value:g} pu", said, (State.WAIT, calm, calm, False)))
    return tuple(findings)
