"""Active power: volt-watt, the operator's limit, the ramp of the dispatcher's wish (IEEE 1547.1-2020 5.13, 5.14.9)."""

from collections.abc import Iterator

from v2g.bench.typetest import accuracy
from v2g.bench.typetest.bands import continuous
from v2g.bench.typetest.case import Case, Subject
from v2g.bench.typetest.check import Point, Within
from v2g.bench.typetest.frequency import droop_pu
from v2g.bench.typetest.reactive import responding
from v2g.bench.typetest.sequence import SEEN_S, SETTLED, Sequence, alone, interpolated
from v2g.bench.typetest.standard import Standard, Value

_VOLT_WATT = ("volt_watt.v1_pu", "volt_watt.p1_pu", "volt_watt.v2_pu", "volt_watt.p2_pu")
_STANDBY_PU = 0.01
"""What the inverter itself consumes, if nothing else flows."""


def cases(subject: Subject) -> Iterator[Case]:
    """Each function by itself, and the limit together with frequency and voltage."""
    yield from _volt_watt(subject)
    yield from _limit(subject)
    yield from _limit_with_others(subject)
    yield _with_losses(subject)
    yield from _ramp(subject)


# Volt-watt


def volt_watt_curve(standard: Standard) -> list[tuple[float, float]]:
    v1, p1, v2, p2 = (standard.number(name) for name in _VOLT_WATT)
    return [(v1, p1), (v2, p2)]


def highest_pu(standard: Standard) -> float:
    """The highest voltage at which power may flow for as long as a response is watched."""
    high_pu = continuous(standard.voltage).high
    lasts_s = SETTLED * standard.number("volt_watt.response_s")
    beyond = [b for b in standard.voltage if b.low == high_pu and b.mode == "mandatory" and b.stay_s > lasts_s + 2]
    return beyond[0].high if beyond else high_pu


def _curves(subject: Subject) -> dict[str, dict[str, Value]]:
    """The curve as it is set, with P2 at both ends; in IEEE 1547.1 also characteristics 2 and 3."""
    figures = subject.standard.figures
    curves: dict[str, dict[str, Value]] = {"as-set": {}, "p2-0.2": {"volt_watt.p2_pu": 0.2}}
    if figures["volt_watt.p2_pu"].low < 0:
        for number, v1_pu, response_s in ((2, 1.05, 60.0), (3, 1.09, 0.5)):
            curves[f"characteristic-{number}"] = {
                "volt_watt.v1_pu": v1_pu, "volt_watt.p2_pu": -1.0, "volt_watt.response_s": response_s,
            }  # fmt: skip
    return curves


def _volt_watt(subject: Subject) -> Iterator[Case]:
    source = "IEEE 1547.1-2020 5.14.9, tables 31 to 33; UL1741SB"
    enabled: dict[str, Value] = {**alone(subject.standard), "volt_watt.enabled": True}
    for name, changes in _curves(subject).items():
        standard = subject.standard.with_settings(changes)
        knots, most_pu = volt_watt_curve(standard), highest_pu(standard) - accuracy.VOLTAGE_PU
        (v1_pu, _), (v2_pu, _) = knots
        volts = [v1_pu - 0.01, v1_pu + 0.005, 0.7 * v1_pu + 0.3 * v2_pu, 0.3 * v1_pu + 0.7 * v2_pu, v2_pu - 0.002]
        volts = sorted({min(each, most_pu) for each in volts})
        for power_pu in (-1.0, -0.4, 1.0) if name == "as-set" else (-1.0,):
            sequence = Sequence(subject)
            for volts_pu in (*volts, volts[-2]):
                sequence.course.voltage(volts_pu)
                sequence.settle(standard.number("volt_watt.response_s"))
                limit_pu = interpolated(volts_pu, knots)
                point = Point(f"volt-watt, {name}", "V, pu", volts_pu) if power_pu == -1.0 else None
                sequence.expect("power_pu", max(power_pu, -limit_pu), point)
            yield sequence.case(
                f"volt-watt/walk-{name}/{power_pu:+.1f}-pu", source, power_pu, tests=_VOLT_WATT,
                settings={**enabled, **changes},
            )  # fmt: skip
    yield from _volt_watt_response(subject, enabled)


def _volt_watt_response(subject: Subject, enabled: dict[str, Value]) -> Iterator[Case]:
    standard, knots = subject.standard, volt_watt_curve(subject.standard)
    volts_pu = min(knots[1][0], highest_pu(standard)) - accuracy.VOLTAGE_PU
    limit_pu, response_s = interpolated(volts_pu, knots), standard.number("volt_watt.response_s")
    tests = (*_VOLT_WATT, "volt_watt.response_s")
    source = standard.figures["volt_watt.response_s"].source
    if limit_pu < 0.9:
        checks = responding("power_pu", -1.0, -limit_pu, response_s, accuracy.time_s(standard))
        yield Case(
            "volt-watt/response", source, subject.course().voltage(volts_pu), checks, SETTLED * response_s + SEEN_S,
            -1.0, tests, settings=enabled,
        )  # fmt: skip
    sequence = Sequence(subject)
    sequence.course.voltage(volts_pu)
    sequence.settle(response_s)
    sequence.expect("power_pu", -1.0)
    off: dict[str, Value] = {**enabled, "volt_watt.enabled": False}
    yield sequence.case("volt-watt/off", source, -1.0, tests=("volt_watt.enabled",), settings=off)


# The operator's limit of active power


def _limit(subject: Subject) -> Iterator[Case]:
    """It binds feeding, after its response time, and not charging; switched off, it binds nothing."""
    standard = subject.standard
    response_s, source = standard.number("active_power_limit.response_s"), "IEEE 1547.1-2020 5.13; UL1741SB"
    tests = ("active_power_limit.fed_pu", "active_power_limit.response_s")
    for fed_pu in (0.66, 0.33, 0.0):
        changes: dict[str, Value] = {"active_power_limit.enabled": True, "active_power_limit.fed_pu": fed_pu}
        checks = responding("power_pu", -0.9, -fed_pu, response_s, accuracy.time_s(standard))
        lasts_s = SETTLED * response_s + SEEN_S
        if fed_pu:
            yield Case(
                f"active-power-limit/{fed_pu:.0%}", source, subject.course(), checks, lasts_s, -0.9, tests,
                adjusted=changes,
            )  # fmt: skip
        else:
            sequence = Sequence(subject)
            sequence.settle(response_s)
            sequence.expect("power_pu", 0.0, tolerance_pu=_STANDBY_PU)
            yield sequence.case("active-power-limit/0%", source, -0.9, tests=tests, adjusted=changes)
    for name, power_pu, enabled in (("charging", 0.9, True), ("off", -0.9, False)):
        sequence = Sequence(subject)
        sequence.settle(response_s)
        sequence.expect("power_pu", power_pu)
        yield sequence.case(
            f"active-power-limit/{name}", source, power_pu, tests=("active_power_limit.enabled",),
            adjusted={"active_power_limit.enabled": enabled, "active_power_limit.fed_pu": 0.3},
        )  # fmt: skip


def _limit_with_others(subject: Subject) -> Iterator[Case]:
    """5.13, steps c to f: with the limit in force, low and high frequency, and high voltage."""
    standard = subject.standard
    nominal_hz, rate = standard.nominal_hz, standard.number("ride_through.rocof_hz_per_s")
    quick: dict[str, Value] = {"frequency_droop.recovery_pu_per_s": 0.0}
    settings: dict[str, Value] = {"volt_watt.enabled": True} | (
        quick if standard.figures["frequency_droop.recovery_pu_per_s"].high else {}
    )
    knots = volt_watt_curve(standard)
    high_pu = min(0.5 * (knots[0][0] + knots[1][0]), highest_pu(standard) - accuracy.VOLTAGE_PU)
    droop_s, watt_s = standard.number("frequency_droop.response_s"), standard.number("volt_watt.response_s")
    for limit_pu in (0.66, 0.33, 0.0):
        sequence = Sequence(subject)
        sequence.settle(standard.number("active_power_limit.response_s"))
        sequence.expect("power_pu", -limit_pu, tolerance_pu=_STANDBY_PU)
        for beyond_hz in (-1.0, 1.0):
            hz = nominal_hz + beyond_hz
            sequence.course.frequency(hz, rate)
            sequence.settle(droop_s)
            sequence.expect("power_pu", max(-limit_pu + droop_pu(standard, hz), -1.0))
            sequence.course.frequency(nominal_hz, rate)
            sequence.settle(droop_s)
            sequence.expect("power_pu", -limit_pu, tolerance_pu=_STANDBY_PU)
        sequence.course.voltage(high_pu)
        sequence.settle(watt_s)
        sequence.expect("power_pu", -min(limit_pu, interpolated(high_pu, knots)), tolerance_pu=_STANDBY_PU)
        yield sequence.case(
            f"active-power-limit/{limit_pu:.0%}-with-frequency-and-voltage", "IEEE 1547.1-2020 5.13; UL1741SB", -1.0,
            tests=("active_power_limit.fed_pu",), settings=settings,
            adjusted={"active_power_limit.enabled": True, "active_power_limit.fed_pu": limit_pu},
        )  # fmt: skip


def _with_losses(subject: Subject) -> Case:
    """What counts is the power at the connection point, on the other side of the inverter's losses."""
    standard, sequence = subject.standard, Sequence(subject)
    high_hz = standard.nominal_hz + standard.number("frequency_droop.over_deadband_hz") + 0.3
    sequence.settle(standard.number("active_power_limit.response_s"))
    sequence.expect("power_pu", -0.4)
    sequence.course.frequency(high_hz, standard.number("ride_through.rocof_hz_per_s"))
    sequence.settle(standard.number("frequency_droop.response_s"))
    sequence.expect("power_pu", -0.4 + droop_pu(standard, high_hz))
    return sequence.case(
        "active-power-limit/with-losses", "at the point of connection: IEEE 1547-2018 4.2", -0.6,
        tests=("active_power_limit.fed_pu",), converts="station with losses",
        adjusted={"active_power_limit.enabled": True, "active_power_limit.fed_pu": 0.4},
    )  # fmt: skip


# The ramp of the dispatcher's wish


def _ramp(subject: Subject) -> Iterator[Case]:
    """A larger power comes on the ramp, a smaller one at once; in both directions, and from one to the other."""
    rate = 0.05
    for direction, sign in (("discharging", -1.0), ("charging", 1.0)):
        sequence = Sequence(subject)
        sequence.course.hold(1.0)
        sequence.wish(sign * 0.8)
        for passed_s in (4.0, 4.0, 8.0):
            sequence.course.hold(passed_s)
            reached_pu = min(0.2 + rate * (sequence.now_s - 1.0 - 0.5 * SEEN_S), 0.8)
            sequence.expect("power_pu", sign * reached_pu, tolerance_pu=0.015)
        sequence.wish(sign * 0.2)
        sequence.course.hold(0.5)
        low, high = sorted((sign * 0.18, sign * 0.22))
        sequence.check(Within("power_pu", sequence.now_s - 0.1, sequence.now_s + 1.0, low, high))
        sequence.course.hold(1.5)
        sequence.wish(-sign * 0.2)
        sequence.course.hold(3.0)
        sequence.expect("power_pu", -sign * rate * (3.0 - 0.5 * SEEN_S - 0.3), tolerance_pu=0.03)
        yield sequence.case(
            f"ramp-rate/{direction}", subject.standard.figures["ramp_rate.pu_per_s"].source, sign * 0.2,
            tests=("ramp_rate.pu_per_s",), adjusted={"ramp_rate.pu_per_s": rate}, closely=True,
        )  # fmt: skip
