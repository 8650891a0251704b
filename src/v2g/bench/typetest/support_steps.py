"""Grid support, step by step: each function by its formula, for an inverter of a few watts, so that nothing is too
little to be seen, and with another rating in each direction."""

from collections.abc import Callable, Iterator, Mapping
from itertools import product
from math import exp, inf, log, nan

from v2g.bench.typetest.active import highest_pu, volt_watt_curve
from v2g.bench.typetest.case import Inspection, Subject, inspections
from v2g.bench.typetest.check import Finding
from v2g.bench.typetest.sequence import alone, interpolated
from v2g.bench.typetest.standard import Standard, Value
from v2g.bench.typetest.stepwise import about, same
from v2g.grid.capability import Rating
from v2g.grid.protection import Cause, State, Verdict
from v2g.grid.response import OpenLoopResponse
from v2g.grid.sample import GridSample
from v2g.grid.support import GridLimit, GridSupport, Support

RATED_VA, CHARGE_W, DISCHARGE_W, MOST_VAR = 12.0, 7.0, 10.0, 8.0
RATING = Rating(RATED_VA, CHARGE_W, DISCHARGE_W, MOST_VAR)
_SOURCE = "IEEE 1547-2018 3.1, 4.6.2, 5.2 to 5.4, 6.5.2.7; EN 50549-1 4.6, 4.7, 4.10"
_SPENT_PU, _NOTHING_PU = 0.005, 0.01
"""What is left of a droop when its disturbance is over; less than this is no power before a disturbance: half of the
accuracy of a power, and all of it."""
STEP_S = 0.5
_RUN = Verdict(State.RUN, "", "", None, 1.0)
_WAIT = Verdict(State.WAIT, "waits", "enter service", Cause.SERVICE, 0.0, load=True)
_GRID_WAITS = ("grid protection, enter service", "waits")
_CEASE = Verdict(State.CEASE, "ceases", "momentary cessation", Cause.VOLTAGE)
_TRIP = Verdict(State.TRIP, "tripped", "uv2", Cause.VOLTAGE)


def cases(subject: Subject) -> Iterator[Inspection]:
    """Each function."""
    judges = {
        "calm": _calm, "nothing": _nothing, "ramp": _ramp, "service": _service, "droop-response": _droop_response,
        "droop-and-wish": _droop_and_wish, "droop-of-a-car-that-comes": _comes, "droop-ends": _droop_ends,
        "volt-watt": _volt_watt, "active-power-limit": _limit, "set-points-too-late": _too_late,
    }  # fmt: skip
    return inspections("stepwise/support", _SOURCE, subject, judges)


class Supported:
    """Grid support, and its inputs."""

    def __init__(
        self, subject: Subject, changes: Mapping[str, Value] | None = None, *, later: bool = False, lot: float = 0.5,
        rating: Rating = RATING,
    ) -> None:  # fmt: skip
        quick: dict[str, Value] = {
            **alone(subject.standard), "islanding.probe_enabled": False,
            "ramp_rate.pu_per_s": subject.standard.figures["ramp_rate.pu_per_s"].high, **(changes or {}),
        }  # fmt: skip
        code = subject.code if later else subject.code.with_settings(quick)
        self.support = GridSupport(code, rating, lambda: lot)
        if later:
            self.support.adjust(quick)
        self.standard, self.phases = subject.standard.with_settings(quick), subject.phases

    def step(
        self, wish_w: float, volts: float | tuple[float, ...] = 1.0, hz: float | None = None, dt_s: float = STEP_S, *,
        verdict: Verdict | None = _RUN, power_w: float | None = None,
    ) -> Support:  # fmt: skip
        volts = volts if isinstance(volts, tuple) else (volts,) * self.phases
        hz = self.standard.nominal_hz if hz is None else hz
        return self.support.step(GridSample(0.0, 0, volts, hz, power_w=power_w), wish_w, dt_s, verdict)

    def run(self, count: int, wish_w: float, **more: float) -> Support:
        for _ in range(count):
            found = self.step(wish_w, **more)  # type: ignore[arg-type]
        return found


def power_is(what: str, support: Support, wanted_w: float) -> Finding:
    return about(f"{what}, W", support.power_w, wanted_w)


def var_is(what: str, support: Support, fed_var: float) -> Finding:
    return about(f"{what}, var fed", -support.reactive_var, fed_var)


def names_of(support: Support) -> list[str]:
    return [limit.source for limit in support.limits]


def lagged(before: float, target: float, response_s: float, passed_s: float) -> float:
    """90 % of a step in the response time."""
    return target if response_s <= 0 else target + (before - target) * exp(-log(10) * passed_s / response_s)


def _calm(subject: Subject) -> tuple[Finding, ...]:
    """What is wished for, to the rating of each direction, and nothing else."""
    supported, findings = Supported(subject), list[Finding]()
    for wish_w, power_w in ((5.0, 5.0), (-5.0, -5.0), (100.0, CHARGE_W), (-100.0, -DISCHARGE_W), (0.0, 0.0)):
        supported.run(5, 0.0)
        support = supported.run(3, wish_w)
        findings.append(power_is(f"{wish_w:g} W", support, power_w))
        findings.append(var_is(f"{wish_w:g} W", support, 0.0))
        said = support.wished_by, names_of(support), support.droop, support.wish_w
        findings.append(same("by", said, ("dispatch", ["inverter rating"], None, wish_w)))
    by_itself = [supported.step(-5.0, verdict=None) for _ in range(3)][-1]
    return (*findings, power_is("without a verdict", by_itself, -5.0))


def _nothing(subject: Subject) -> tuple[Finding, ...]:
    """Without a permission, a measurement, a voltage or a wish nothing flows; after a trip it begins at nothing, after
    a cessation where it was."""
    floor_pu, findings = subject.standard.number("measurement.frequency_floor_pu"), list[Finding]()
    slow: dict[str, Value] = {"ramp_rate.pu_per_s": 0.05}
    faults: dict[str, Callable[[Supported], Support]] = {
        "tripped": lambda each: each.step(-5.0, verdict=_TRIP),
        "ceased": lambda each: each.step(-5.0, verdict=_CEASE),
        "no measurement": lambda each: each.support.step(None, -5.0, STEP_S, _RUN),
        "not a frequency": lambda each: each.step(-5.0, hz=nan, verdict=None),
        "no voltage": lambda each: each.step(-5.0, floor_pu - 1e-3),
        "no wish": lambda each: each.step(nan),
    }  # fmt: skip
    for (name, fault), (wish_w, rated_w) in product(faults.items(), ((-5.0, DISCHARGE_W), (5.0, CHARGE_W))):
        supported, sign = Supported(subject, slow), wish_w / 5.0
        supported.run(10, wish_w)
        before_w = supported.step(wish_w).power_w
        support = fault(supported)
        zero = support.power_w, support.reactive_var, [(each.charge_w, each.discharge_w) for each in support.limits]
        findings.append(same(name, zero, (0.0, 0.0, [(0.0, 0.0)])))
        findings.append(same("still wished", support.wish_w, 0.0 if name == "no wish" else -5.0))
        again_w = supported.step(wish_w).power_w
        wanted_w = before_w if name == "ceased" else 0.0
        findings.append(about(f"{name}, then", again_w, wanted_w + sign * 0.05 * rated_w * STEP_S))
    low = Supported(subject)
    if subject.phases == 3:
        low.run(3, -5.0)
        findings.append(power_is("one phase without a voltage", low.step(-5.0, (1.0, 1.0, 0.0)), -5.0))
    return tuple(findings)


def _ramp(subject: Subject) -> tuple[Finding, ...]:
    """So much of the rated power of the direction in a second, up; down at once; the other direction from nothing."""
    findings, rate = list[Finding](), 0.1
    for later in (False, True):
        for wish_w, rated_w in ((6.0, CHARGE_W), (-6.0, DISCHARGE_W)):
            sign, step_w = wish_w / 6.0, rate * rated_w * STEP_S
            supported = Supported(subject, {"ramp_rate.pu_per_s": rate}, later=later)
            for number in (1, 2, 3):
                support = supported.step(wish_w)
                findings.append(power_is("up", support, sign * number * step_w))
                findings.append(same("by", names_of(support), ["inverter rating", "ramp rate"]))
            findings.append(power_is("down", supported.step(0.1 * wish_w), 0.1 * wish_w))
            findings.append(power_is("up again", supported.step(wish_w), 0.1 * wish_w + sign * step_w))
            other_w = -sign * rate * (CHARGE_W + DISCHARGE_W - rated_w) * STEP_S
            findings.append(power_is("to the other side", supported.step(-wish_w), other_w))
            supported.support.hold(sign * 4.0)
            findings.append(power_is("from where it was held", supported.step(wish_w), sign * (4.0 + step_w)))
    return tuple(findings)


def _service(subject: Subject) -> tuple[Finding, ...]:
    """Before service begins the station is a load at most; then it feeds its share, and the ramp begins at nothing."""
    findings = list[Finding]()
    supported = Supported(subject, {"ramp_rate.pu_per_s": 0.1})
    waits = [supported.step(-5.0, verdict=_WAIT) for _ in range(20)][-1]
    findings.append(power_is("waits", waits, 0.0))
    findings.append(power_is("then", supported.step(-5.0), -0.1 * DISCHARGE_W * STEP_S))
    findings.append(same("by", [(each.source, each.detail) for each in waits.limits][1], _GRID_WAITS))
    slow = Supported(subject, {"ramp_rate.pu_per_s": 0.02})
    for number in range(1, 4):
        drawn_w = number * 0.02 * CHARGE_W * STEP_S
        findings.append(power_is("charging on a ramp", slow.step(5.0, verdict=_WAIT), drawn_w))
    charging = Supported(subject)
    findings.append(power_is("charges", [charging.step(5.0, verdict=_WAIT) for _ in range(3)][-1], 5.0))
    findings.append(power_is("goes on", charging.step(5.0), 5.0))
    high_hz = subject.standard.nominal_hz + 0.9
    fresh = Supported(subject)
    fresh.step(0.0)
    drawn = [fresh.step(0.0, hz=high_hz, verdict=_WAIT) for _ in range(20)][-1]
    findings.append(power_is("a high frequency makes it draw nothing", drawn, 0.0))
    share = Verdict(State.RUN, "entering service", "", None, 0.3)
    support = [supported.step(-9.0, verdict=share) for _ in range(20)][-1]
    findings.append(power_is("a share of 0.3", support, -0.3 * DISCHARGE_W))
    ramp = [each.detail for each in support.limits if each.source == "enter service ramp"]
    findings.append(same("by", ramp, [""]))
    findings.append(power_is("charging is not bound", supported.run(20, 5.0), 5.0))
    held = Supported(subject)
    held.support.held = (GridLimit("another", discharge_w=2.0),)
    findings.append(power_is("what else stands against it", held.run(3, -5.0), -2.0))
    return tuple(findings)


# Frequency


def _on(standard: Standard) -> dict[str, Value]:
    sides: dict[str, Value] = {f"frequency_droop.{side}_enabled": True for side in ("over", "under")}
    quick = standard.figures["frequency_droop.recovery_pu_per_s"]
    return sides | ({"frequency_droop.recovery_pu_per_s": 0.0} if quick.low <= 0 <= quick.high else {})


def _hz(standard: Standard, side: str, change_pu: float) -> float:
    """A frequency that asks for such a change of power in the end."""
    deadband_hz, droop = (standard.number(f"frequency_droop.{side}_{key}") for key in ("deadband_hz", "droop"))
    beyond_hz = deadband_hz + change_pu * standard.nominal_hz * droop
    return standard.nominal_hz + (beyond_hz if side == "over" else -beyond_hz)


def _rated_w(side: str) -> float:
    return CHARGE_W if side == "over" else -DISCHARGE_W


def _ends(standard: Standard, side: str) -> tuple[dict[str, Value], ...]:
    """As they are, and this side at an end of its ranges, so that the sides differ."""
    names = [f"frequency_droop.{side}_{key}" for key in ("deadband_hz", "droop")]
    return {}, {name: standard.figures[name].low for name in names}


def _droop_response(subject: Subject) -> tuple[Finding, ...]:
    """From the power before, which is measured or else commanded, by its share of the rated power; nothing inside the
    deadband; off, nothing."""
    findings = list[Finding]()
    for response_s in (0.0, 0.5, 1.0, 4.0):
        moved = OpenLoopResponse(0.2).step(1.0, response_s, STEP_S)
        findings.append(about(f"a response of {response_s:g} s", moved, lagged(0.2, 1.0, response_s, STEP_S)))
    for side in ("over", "under"):
        for ends in _ends(subject.standard, side):
            on = _on(subject.standard) | ends
            standard = subject.standard.with_settings(on)
            response_s, hz = standard.number("frequency_droop.response_s"), _hz(standard, side, 0.4)
            before_w = 2.0 if side == "under" else -2.0
            for measured_w in (None, 0.8 * before_w):
                supported = Supported(subject, on, later=measured_w is None)
                supported.run(4, before_w)
                from_w = before_w if measured_w is None else measured_w
                for number in (1, 2, 6):
                    count = {1: 1, 2: 1, 6: 4}[number]
                    for _ in range(count):
                        support = supported.step(before_w, hz=hz, power_w=measured_w)
                    change_pu = lagged(0.0, 0.4, response_s, number * STEP_S)
                    findings.append(power_is(f"{hz:.3f} Hz", support, from_w + _rated_w(side) * change_pu))
                findings.append(same("by", support.wished_by, "frequency droop"))
            inside = Supported(subject, on)
            inside.run(4, before_w)
            for _ in range(9):
                support = inside.step(before_w, hz=_hz(standard, side, -1e-4))
            findings.append(power_is("inside the deadband", support, before_w))
            findings.append(same("no droop", support.droop, None))
            off = Supported(subject, on | {f"frequency_droop.{side}_enabled": False})
            off.run(4, before_w)
            for _ in range(9):
                support = off.step(before_w, hz=hz)
            findings.append(power_is("switched off", support, before_w))
    return tuple(findings)


def _droop_and_wish(subject: Subject) -> tuple[Finding, ...]:
    """A wish against the grid is held back, one that helps more is let through; the rest is reported as a limit."""
    findings, on = list[Finding](), _on(subject.standard)
    standard = subject.standard.with_settings(on)
    for side, sign in (("over", 1.0), ("under", -1.0)):
        hz = _hz(standard, side, 0.3)
        demanded_w = sign * -2.0 + 0.3 * _rated_w(side)
        for wish_w in (sign * -4.0, sign * -2.0, demanded_w, sign * 5.0):
            supported = Supported(subject, on)
            supported.run(4, sign * -2.0)
            for _ in range(200):
                support = supported.step(sign * -2.0, hz=hz, power_w=sign * -2.0)
            for _ in range(4):
                support = supported.step(wish_w, hz=hz, power_w=demanded_w)
            helps = sign * wish_w > sign * demanded_w
            findings.append(power_is(f"{hz:.2f} Hz, {wish_w:g} W", support, wish_w if helps else demanded_w))
            left = inf if support.droop is None else support.droop.discharge_w if sign > 0 else support.droop.charge_w
            findings.append(about("leaves", left, max(-sign * demanded_w, 0.0)))
            other = 0.0 if support.droop is None else support.droop.charge_w if sign > 0 else support.droop.discharge_w
            findings.append(same("and the other direction", other, inf))
        held = Supported(subject, on)
        held.run(4, sign * 6.0)
        support = held.step(sign * 6.0, hz=hz, power_w=sign * 1.0)
        change_pu = lagged(0.0, 0.3, standard.number("frequency_droop.response_s"), STEP_S)
        wanted_w = sign * 1.0 + change_pu * _rated_w(side)
        findings.append(power_is("what could not be done before either", support, wanted_w))
    return tuple(findings)


def _comes(subject: Subject) -> tuple[Finding, ...]:
    """A car that comes during a disturbance had no power: the rated one counts. With some power before, that counts."""
    findings, on = list[Finding](), _on(subject.standard)
    standard = subject.standard.with_settings(on)
    response_s = standard.number("frequency_droop.response_s")
    change_pu = lagged(0.0, 0.3, response_s, STEP_S)
    for side, sign, full_w in (("over", 1.0, -DISCHARGE_W), ("under", -1.0, CHARGE_W)):
        for before_w in (
            0.0,
            0.95 * _NOTHING_PU * RATED_VA,
            -0.95 * _NOTHING_PU * RATED_VA,
            1.05 * _NOTHING_PU * RATED_VA,
        ):
            supported = Supported(subject, on)
            support = supported.step(-sign * 100.0, hz=_hz(standard, side, 0.3), power_w=before_w)
            nothing = abs(before_w) <= _NOTHING_PU * RATED_VA
            wanted_w = (full_w if nothing else before_w) + change_pu * _rated_w(side)
            findings.append(power_is(f"{before_w:g} W before", support, wanted_w))
        helping = Supported(subject, on).step(sign * 3.0, hz=_hz(standard, side, 0.3), power_w=0.0)
        findings.append(power_is("helps", helping, sign * 3.0))
    return tuple(findings)


def _droop_ends(subject: Subject) -> tuple[Finding, ...]:
    """Back inside the deadband the response fades, and is over when next to nothing is left; or it goes on a gradient,
    while the frequency is where it may. Then the wish holds at once, and the next disturbance begins from there."""
    on, findings = _on(subject.standard), list[Finding]()
    standard = subject.standard.with_settings(on)
    fades = standard.number("frequency_droop.recovery_pu_per_s") <= 0
    response_s = standard.number("frequency_droop.response_s")
    for side, sign in (("over", 1.0), ("under", -1.0)):
        supported = Supported(subject, on)
        supported.run(4, sign * -2.0)
        for _ in range(400):
            supported.step(sign * -2.0, hz=_hz(standard, side, 0.3), power_w=sign * -2.0)
        left, dt_s = 0.3, 0.01 * response_s
        while fades and left > 0:
            left = lagged(left, 0.0, response_s, dt_s)
            left = left if left > _SPENT_PU else 0.0
            support = supported.step(sign * -2.0, dt_s=dt_s, power_w=sign * -2.0)
            wanted = sign * -2.0 + left * _rated_w(side), "frequency droop" if left else "dispatch"
            found = support.power_w, support.wished_by
            if abs(found[0] - wanted[0]) > 1e-6 or found[1] != wanted[1]:
                findings.append(same("fades", found, wanted))
        if fades:
            findings.append(power_is("is over", supported.step(sign * -3.0), sign * -3.0))
            again = supported.step(sign * -3.0, hz=_hz(standard, side, 0.3), power_w=sign * -1.0)
            wanted_w = sign * -1.0 + lagged(0.0, 0.3, response_s, STEP_S) * _rated_w(side)
            findings.append(power_is("and begins again", again, wanted_w))
        findings += _then_ramps(subject, side, sign)
    return (*findings, *_recovery(subject))


def _then_ramps(subject: Subject, side: str, sign: float) -> Iterator[Finding]:
    """What was wished for meanwhile is reached on the ramp, from the power of the droop on."""
    changes = _on(subject.standard) | {"ramp_rate.pu_per_s": 0.02}
    standard, wish_w = subject.standard.with_settings(changes), sign * -6.0
    if standard.number("frequency_droop.recovery_pu_per_s") > 0:
        return
    supported = Supported(subject, changes)
    supported.support.hold(sign * -1.0)
    supported.run(1, sign * -1.0)
    for _ in range(300):
        supported.step(wish_w, hz=_hz(standard, side, 0.3), power_w=sign * -1.0)
    step_w, before_w = 0.02 * (DISCHARGE_W if sign > 0 else CHARGE_W) * STEP_S, sign * -1.0
    for _ in range(1000):
        support = supported.step(wish_w)
        if support.wished_by == "dispatch":
            break
        before_w = support.power_w
    yield about("then on the ramp, W", support.power_w, before_w - sign * step_w)


def _recovery(subject: Subject) -> Iterator[Finding]:
    figures, name = subject.standard.figures, "frequency_droop.recovery_pu_per_s"
    if figures[name].high <= 0:
        return
    high, low = (figures[f"frequency_droop.recovery_{end}_hz"] for end in ("high", "low"))
    for high_hz, low_hz in ((high.low, low.high), (high.value, low.value)):
        assert not isinstance(high_hz, str)
        assert not isinstance(low_hz, str)
        yield from _recovers(subject, high_hz, low_hz)


def _recovers(subject: Subject, high_hz: float, low_hz: float) -> Iterator[Finding]:
    """With these edges of the frequencies at which it may."""
    name, most_pu = "frequency_droop.recovery_pu_per_s", 0.303
    rate = min(0.02, subject.standard.figures[name].high)
    changes = _on(subject.standard) | {
        name: rate, "frequency_droop.recovery_high_hz": high_hz, "frequency_droop.recovery_low_hz": low_hz,
    }  # fmt: skip
    standard = subject.standard.with_settings(changes)
    for side, sign in (("over", 1.0), ("under", -1.0)):
        edge_hz, beyond_hz = (high_hz if side == "over" else low_hz), _hz(standard, side, most_pu)
        supported, left = Supported(subject, changes), most_pu
        supported.run(4, sign * -2.0)
        for _ in range(400):
            supported.step(sign * -2.0, hz=beyond_hz, power_w=sign * -2.0)
        if abs(edge_hz + sign * 1e-3 - standard.nominal_hz) < standard.number(f"frequency_droop.{side}_deadband_hz"):
            waits = supported.step(sign * -2.0, hz=edge_hz + sign * 1e-3, power_w=sign * -2.0)
            yield power_is("waits", waits, sign * -2.0 + left * _rated_w(side))
        inside_hz = min(edge_hz, standard.nominal_hz) if side == "under" else max(edge_hz, standard.nominal_hz)
        if abs(inside_hz - standard.nominal_hz) > standard.number(f"frequency_droop.{side}_deadband_hz"):
            inside_hz = standard.nominal_hz
        while left > 0:
            left = max(left - rate * STEP_S, 0.0)
            support = supported.step(sign * -2.0, hz=inside_hz, power_w=sign * -2.0)
            yield power_is("on its gradient", support, sign * -2.0 + left * _rated_w(side))
        yield power_is("then the wish holds", supported.step(sign * -3.0, hz=inside_hz), sign * -3.0)
        again = supported.step(sign * -3.0, hz=beyond_hz, power_w=sign * -1.0)
        more_pu = lagged(0.0, most_pu, standard.number("frequency_droop.response_s"), STEP_S)
        yield power_is("and begins again", again, sign * -1.0 + more_pu * _rated_w(side))


# Voltage, and the operator's limit


def _volt_watt(subject: Subject) -> tuple[Finding, ...]:
    """The mean of the phases on the curve, from all of the power on, with the response time; drawing if P2 is below
    nothing; charging is not bound."""
    findings, standard = list[Finding](), subject.standard
    enabled: dict[str, Value] = {"volt_watt.enabled": True}
    curves = [enabled, {**enabled, "volt_watt.p2_pu": max(standard.figures["volt_watt.p2_pu"].low, -0.5)}]
    for number, changes in enumerate(curves):
        changed = standard.with_settings(changes)
        knots, response_s = volt_watt_curve(changed), changed.number("volt_watt.response_s")
        step_s = response_s / 2 or STEP_S
        for volts_pu in (knots[0][0] - 0.01, (knots[0][0] + knots[1][0]) / 2, knots[1][0] + 0.01):
            volts = (volts_pu + 0.02, volts_pu, volts_pu - 0.02) if subject.phases == 3 else (volts_pu,)
            target_pu, limit_pu = interpolated(volts_pu, knots), 1.0
            feeding, drawing = (Supported(subject, changes, later=bool(number)) for _ in range(2))
            for passed in range(1, 7):
                limit_pu = lagged(1.0, target_pu, response_s, passed * step_s)
                least_w = max(-limit_pu * CHARGE_W, 0.0) if limit_pu < 0 else -limit_pu * DISCHARGE_W
                findings.append(
                    power_is(f"{volts_pu:.3f} pu", feeding.step(-9.9, volts, dt_s=step_s), max(-9.9, least_w))
                )
                findings.append(
                    power_is("charging", drawing.step(2.0, volts, dt_s=step_s), max(2.0, -limit_pu * CHARGE_W))
                )
    (v1_pu, p1_pu), (v2_pu, p2_pu) = knots
    for left_pu in (0.05, -0.05):  # just before it must draw, and just after
        if not p2_pu < left_pu:
            continue
        volts_pu = v1_pu + (v2_pu - v1_pu) * (p1_pu - left_pu) / (p1_pu - p2_pu)
        settled = Supported(subject, changes).run(2, -9.9, volts=volts_pu, dt_s=30 * response_s)
        rated_w = DISCHARGE_W if left_pu > 0 else CHARGE_W
        findings.append(power_is(f"{left_pu:g} of the rated power left", settled, -left_pu * rated_w))
    if p2_pu < 0:  # a wish for more goes on from what is drawn
        high_pu, rate = v2_pu + 0.01, 0.1
        made = Supported(subject, {**changes, "ramp_rate.pu_per_s": rate})
        made.run(2, 0.0, volts=high_pu, dt_s=30 * response_s)
        wanted_w = (rate * STEP_S - p2_pu) * CHARGE_W
        findings.append(power_is("a wish beyond what it must draw", made.step(6.0, high_pu), wanted_w))
    off = Supported(subject, {"volt_watt.enabled": False})
    return (*findings, power_is("off", off.run(3, -9.0, volts=highest_pu(standard)), -9.0))


def _limit(subject: Subject) -> tuple[Finding, ...]:
    """A share of the rated power fed, with the response time; what a low frequency asks for comes on top; charging is
    free."""
    standard, findings = subject.standard, list[Finding]()
    changes: dict[str, Value] = {"active_power_limit.enabled": True, "active_power_limit.fed_pu": 0.4}
    response_s = standard.number("active_power_limit.response_s")
    for later in (False, True):
        supported = Supported(subject, changes | _on(standard), later=later)
        for passed in range(1, 5):
            limit_pu = lagged(1.0, 0.4, response_s, passed * STEP_S)
            support = supported.step(-9.9)
            findings.append(power_is("limited", support, -min(9.9, limit_pu * DISCHARGE_W)))
        findings.append(power_is("charging", supported.run(3, 6.5), 6.5))
    supported = Supported(subject, changes | _on(standard))
    supported.run(400, -9.9)
    hz, after_s = _hz(standard.with_settings(_on(standard)), "under", 0.3), 2 * STEP_S
    supported.step(-9.9, hz=hz)
    support = supported.step(-9.9, hz=hz)
    more_pu = lagged(0.0, 0.3, standard.number("frequency_droop.response_s"), after_s)
    findings.append(power_is("low frequency", support, -(0.4 + more_pu) * DISCHARGE_W))
    off = Supported(subject, changes | {"active_power_limit.enabled": False})
    return (*findings, power_is("off", off.run(3, -9.9), -9.9))


def _too_late(subject: Subject) -> tuple[Finding, ...]:
    """From the slowest set-points on nothing is fed; without the probe that is another's matter."""
    slowest_s, findings = subject.standard.number("islanding.probe_slowest_s"), list[Finding]()
    for delay_s, enabled, power_w in (
        (None, True, -5.0), (slowest_s - 1e-3, True, -5.0), (slowest_s, True, 0.0), (slowest_s, False, -5.0),
    ):  # fmt: skip
        supported = Supported(subject, {"islanding.probe_enabled": enabled})
        supported.support.delay_s = delay_s
        findings.append(power_is(f"{delay_s} s", supported.run(3, -5.0), power_w))
        findings.append(power_is("charging", supported.run(3, 5.0), 5.0))
    return tuple(findings)
