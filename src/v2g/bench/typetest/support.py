"""Grid support: points on each curve once settled, and how soon 90 % of the way is made.

IEEE 1547.1-2020 5.13 to 5.16.
Expected values are worked out from the settings here, apart from the station's own functions.
"""

from collections.abc import Iterator
from itertools import pairwise
from math import sqrt

from v2g.bench.typetest import accuracy
from v2g.bench.typetest.bands import continuous
from v2g.bench.typetest.case import Case, Subject
from v2g.bench.typetest.check import Check, Quantity, Responds, Settles, Stays
from v2g.bench.typetest.course import Course
from v2g.grid.ride_through import Mode
from v2g.grid.settings import GridCode, Value

_SETTLED = 3.0
"""Response times after which 99.9 % of the way is made."""
_VISIBLE_PU = 0.1
"""A shorter way is lost in the accuracy: no response time is taken from it."""


def cases(subject: Subject) -> Iterator[Case]:
    """Every function of the code, switched on if it is off by default."""
    yield from _droop(subject)
    yield from _volt_var(subject)
    yield from _volt_watt(subject)
    yield from _watt_var(subject)
    yield from _constant_power_factor(subject)
    yield from _constant_var(subject)
    yield from _active_power_limit(subject)


def _source(code: GridCode, table: str) -> str:
    return next(setting.source for name, setting in code.settings.items() if name.startswith(f"{table}."))


def _responding(
    code: GridCode, quantity: Quantity, from_pu: float, to_pu: float, response_s: float
) -> tuple[Check, ...]:
    """The final value, and the response time if the step is large enough to see it."""
    settled_s = _SETTLED * response_s
    checks: tuple[Check, ...] = (Settles(quantity, settled_s, settled_s + 1.0, to_pu, accuracy.POWER_PU),)
    if abs(to_pu - from_pu) >= _VISIBLE_PU:
        checks += (Responds(quantity, response_s + accuracy.time_s(code, response_s)),)
    return checks


def _case(
    name: str, code: GridCode, table: str, course: Course, checks: tuple[Check, ...], response_s: float,
    power_pu: float, settings: dict[str, Value] | None = None, adjusted: dict[str, Value] | None = None,
) -> Case:  # fmt: skip
    lasts_s = _SETTLED * response_s + 1.0
    return Case(
        f"{table.replace('_', '-')}/{name}", _source(code, table), course, (*checks, Stays(lasts_s)), lasts_s, power_pu,
        settings=settings or {}, adjusted=adjusted or {},
    )  # fmt: skip


# Frequency droop


def _droop(subject: Subject) -> Iterator[Case]:
    """From a quarter of the rated power against what the frequency asks for, so that the response goes across zero."""
    code, settings = subject.code, subject.code.frequency_droop
    bands = [band for band in code.ride_through.frequency if band.mode in (Mode.CONTINUOUS, Mode.MANDATORY)]
    nominal_hz = code.nominal_hz
    for side, deadband_hz, droop, edge_hz, before_pu in (
        ("over", settings.over_deadband_hz, settings.over_droop, max(band.high for band in bands), -0.25),
        ("under", settings.under_deadband_hz, settings.under_droop, min(band.low for band in bands), 0.25),
    ):
        outwards = 1.0 if side == "over" else -1.0
        reach_hz = abs(edge_hz - nominal_hz) - deadband_hz - accuracy.FREQUENCY_HZ
        for name, beyond_hz in (
            ("deadband", -0.2 * deadband_hz),
            *((f"{s:.0%}", s * reach_hz) for s in (0.3, 0.6, 1.0)),
        ):
            hz = nominal_hz + outwards * (deadband_hz + beyond_hz)
            change_pu = outwards * max(beyond_hz, 0.0) / (nominal_hz * droop)
            after_pu = min(max(before_pu + change_pu, -1.0), 1.0)
            course = subject.course().frequency(hz, code.ride_through.rocof_hz_per_s)
            response_s = course.end.time_s + settings.response_s  # from when the frequency is there
            yield _case(
                f"{side}/{name}-{hz:.2f}-hz", code, "frequency_droop", course,
                _responding(code, "power_pu", before_pu, after_pu, response_s), response_s, before_pu,
            )  # fmt: skip


# Reactive power


def _volt_var(subject: Subject) -> Iterator[Case]:
    code, curve = subject.code, subject.code.volt_var
    knots = [
        (curve.v1_pu, curve.q1_pu), (curve.v2_pu, curve.q2_pu), (curve.v3_pu, curve.q3_pu), (curve.v4_pu, curve.q4_pu),
    ]  # fmt: skip
    for volts_pu, fed_pu in _points(knots):
        yield _case(
            f"{volts_pu:.3f}-pu", code, "volt_var", subject.course().voltage(volts_pu),
            _responding(code, "fed_var_pu", 0.0, fed_pu, curve.response_s), curve.response_s,
            -0.5, {"reactive.mode": "volt_var"},
        )  # fmt: skip


def _points(knots: list[tuple[float, float]]) -> Iterator[tuple[float, float]]:
    """The knots of a curve and the middles between them, each once."""
    points = set(knots)
    for (x0, y0), (x1, y1) in pairwise(knots):
        if x1 > x0:
            points.add(((x0 + x1) / 2, (y0 + y1) / 2))
    yield from sorted(points)


def _watt_var(subject: Subject) -> Iterator[Case]:
    """In both directions, as far as the apparent power leaves both: there is a session for each power."""
    code, curve = subject.code, subject.code.watt_var
    fed = [(curve.fed_p1_pu, curve.fed_q1_pu), (curve.fed_p2_pu, curve.fed_q2_pu), (curve.fed_p3_pu, curve.fed_q3_pu)]
    drawn = [
        (curve.drawn_p3_pu, curve.drawn_q3_pu),
        (curve.drawn_p2_pu, curve.drawn_q2_pu),
        (curve.drawn_p1_pu, curve.drawn_q1_pu),
    ]
    for fed_pu, fed_var_pu in (*_points(drawn), *_points(fed)):
        if fed_pu**2 + fed_var_pu**2 > 1.0:
            continue
        yield _case(
            f"{fed_pu:+.2f}-fed", code, "watt_var", subject.course(),
            (Settles("fed_var_pu", 0.0, 2.0, fed_var_pu, accuracy.POWER_PU),), curve.response_s,
            -fed_pu, {"reactive.mode": "watt_var"},
        )  # fmt: skip


def _constant_power_factor(subject: Subject) -> Iterator[Case]:
    code, settings = subject.code, subject.code.constant_power_factor
    factor = code.settings["constant_power_factor.power_factor"].low
    for power_pu in (-0.9, -0.5, 0.5):
        magnitude_pu = abs(power_pu) * sqrt(1 / factor**2 - 1)
        for excitation, fed_pu in (("injecting", magnitude_pu), ("absorbing", -magnitude_pu)):
            most_pu = code.capability.inject_pu if fed_pu > 0 else code.capability.absorb_pu
            if magnitude_pu > most_pu:
                continue
            prefix = "constant_power_factor.drawn_" if power_pu > 0 else "constant_power_factor."
            changes: dict[str, Value] = {f"{prefix}power_factor": factor, f"{prefix}excitation": excitation}
            yield _case(
                f"{excitation}/{power_pu:+.1f}-pu", code, "constant_power_factor", subject.course(),
                _responding(code, "fed_var_pu", 0.0, fed_pu, settings.response_s), settings.response_s,
                power_pu, adjusted=changes,
            )  # fmt: skip


def _constant_var(subject: Subject) -> Iterator[Case]:
    code, capability = subject.code, subject.code.capability
    for fed_pu in (-capability.absorb_pu, -capability.absorb_pu / 2, capability.inject_pu / 2, capability.inject_pu):
        yield _case(
            f"{fed_pu:+.3f}-pu", code, "constant_var", subject.course(),
            _responding(code, "fed_var_pu", 0.0, fed_pu, code.constant_var.response_s), code.constant_var.response_s,
            -0.5, {"reactive.mode": "constant_var"}, {"constant_var.injected_pu": fed_pu},
        )  # fmt: skip


# Active power


def _volt_watt(subject: Subject) -> Iterator[Case]:
    """Feeding is held to the curve as far as no protection acts there; charging is not."""
    code, curve = subject.code, subject.code.volt_watt
    before_pu, settings = -1.0, {"volt_watt.enabled": True}
    for volts_pu, limit_pu in _points([(curve.v1_pu, curve.p1_pu), (curve.v2_pu, curve.p2_pu)]):
        reached_pu = min(volts_pu, _highest_pu(code) - accuracy.VOLTAGE_PU)
        if reached_pu < curve.v1_pu:
            continue
        limit_pu = curve.p1_pu + (curve.p2_pu - curve.p1_pu) * (reached_pu - curve.v1_pu) / (curve.v2_pu - curve.v1_pu)
        for power_pu, after_pu in ((before_pu, max(before_pu, -limit_pu)), (-before_pu, -before_pu)):
            way = "discharging" if power_pu < 0 else "charging"
            checks: tuple[Check, ...] = _responding(code, "power_pu", power_pu, after_pu, curve.response_s)
            yield _case(
                f"{reached_pu:.3f}-pu/{way}", code, "volt_watt", subject.course().voltage(reached_pu), checks,
                curve.response_s, power_pu, dict(settings),
            )  # fmt: skip


def _highest_pu(code: GridCode) -> float:
    """The highest voltage at which power may flow for as long as a response is watched."""
    high_pu = continuous(code.ride_through.voltage).high
    for band in code.ride_through.voltage:
        if band.low == high_pu and band.mode is Mode.MANDATORY and band.stay_s > _SETTLED * code.volt_watt.response_s:
            return band.high
    return high_pu


def _active_power_limit(subject: Subject) -> Iterator[Case]:
    code = subject.code
    most_s = code.settings["active_power_limit.response_s"].high
    for fed_pu in (0.5, 0.2, 0.0):
        changes: dict[str, Value] = {"active_power_limit.enabled": True, "active_power_limit.fed_pu": fed_pu}
        yield _case(
            f"{fed_pu:.0%}", code, "active_power_limit", subject.course(),
            _responding(code, "power_pu", -0.9, -fed_pu, most_s), most_s, -0.9, adjusted=changes,
        )  # fmt: skip
