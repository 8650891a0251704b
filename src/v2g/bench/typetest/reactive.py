"""Reactive power: each mode along its curve, its response, locks, references, and the change of modes (IEEE 1547.1-2020
5.14)."""

from collections.abc import Iterator, Mapping
from math import exp, sqrt

from v2g.bench.typetest import accuracy
from v2g.bench.typetest.bands import continuous
from v2g.bench.typetest.case import Case, Subject, room_pu
from v2g.bench.typetest.check import Check, Point, Quantity, Responds, Settles, Stays
from v2g.bench.typetest.course import Course
from v2g.bench.typetest.sequence import SEEN_S, SETTLED, Sequence, alone, interpolated, middles
from v2g.bench.typetest.standard import Standard, Value

_VISIBLE_PU = 0.1
"""A shorter way is lost in the accuracy: no response time is taken from it."""
_IMBALANCED = {"A": (1.08, 0.91, 0.91), "B": (0.90, 1.08, 1.08)}
"""IEEE 1547.1-2020, table 24; UL1741SB."""
_SLOW_S = 20.0
"""With a longer response time the middles between the points are left out."""
_NEARLY_FULL = 0.95
"""Of the apparent power: a power factor is tested where active power has no need to yield."""
_PROBE_PU = 0.012
"""The islanding probe comes on top; its share of the active power at most."""


def cases(subject: Subject) -> Iterator[Case]:
    """Every mode."""
    yield from _volt_var(subject)
    yield from _watt_var(subject)
    yield from _constant_power_factor(subject)
    yield from _constant_var(subject)
    yield from _changes(subject)


def responding(
    quantity: Quantity, from_pu: float, to_pu: float, response_s: float, cycle_s: float, *, soon: bool = False
) -> tuple[Check, ...]:
    """The final value, and the response time if the step is large enough to see it. `soon`: no matter how soon."""
    settled_s = SETTLED * response_s
    checks: tuple[Check, ...] = (
        Settles(quantity, settled_s, settled_s + SEEN_S, to_pu, accuracy.POWER_PU), Stays(settled_s + SEEN_S),
    )  # fmt: skip
    if abs(to_pu - from_pu) >= _VISIBLE_PU:
        checks += (Responds(quantity, response_s + cycle_s, 0.0 if soon else 0.6 * response_s),)
    return checks


def _case(
    subject: Subject, name: str, table: str, course: Course, to_pu: float, power_pu: float,
    settings: Mapping[str, Value], adjusted: Mapping[str, Value], tests: tuple[str, ...],
) -> Case:  # fmt: skip
    standard = subject.standard
    response_s = standard.number(f"{table}.response_s")
    checks = responding("fed_var_pu", 0.0, to_pu, response_s, accuracy.time_s(standard))
    source = next(each.source for name, each in standard.figures.items() if name.startswith(f"{table}."))
    return Case(
        f"{table.replace('_', '-')}/{name}", source, course, checks, SETTLED * response_s + SEEN_S, power_pu,
        (*tests, f"{table}.response_s"), settings, adjusted,
    )  # fmt: skip


# Volt-var


def volt_var_curve(standard: Standard) -> list[tuple[float, float]]:
    return [(standard.number(f"volt_var.v{n}_pu"), standard.number(f"volt_var.q{n}_pu")) for n in (1, 2, 3, 4)]


_CURVE = tuple(f"volt_var.{letter}{number}_pu" for number in (1, 2, 3, 4) for letter in "vq")
_UNLOCKED: dict[str, Value] = {"volt_var.lock_in_pu": 0.0}


def _unlocked(standard: Standard, mode: str) -> dict[str, Value]:
    """Always active, where a code lets the mode rest."""
    return {f"{mode}.lock_in_pu": 0.0} if standard.figures[f"{mode}.lock_in_pu"].high else {}


def _volt_var(subject: Subject) -> Iterator[Case]:
    standard = subject.standard
    mode: dict[str, Value] = {**alone(standard), "reactive.mode": "volt_var"}
    knots = volt_var_curve(standard)
    for volts_pu in (knots[0][0], knots[-1][0]):
        if _operates(standard, volts_pu):
            yield _case(
                subject, f"{volts_pu:.3f}-pu", "volt_var", subject.course().voltage(volts_pu),
                interpolated(volts_pu, knots), -0.5, mode, {}, _CURVE,
            )  # fmt: skip
    for name, changes in _volt_var_curves(subject).items():
        yield _volt_var_walk(subject, name, mode, changes)
    yield _volt_var_walk(subject, "as-set-charging", mode, {}, 0.5)
    if subject.phases == 3:
        yield _imbalance(subject, mode)
    yield from _reference(subject, mode)
    yield from _volt_var_lock(subject, mode)


def _operates(standard: Standard, volts_pu: float) -> bool:
    band = continuous(standard.voltage)
    return band.low < volts_pu < band.high


def _volt_var_curves(subject: Subject) -> dict[str, dict[str, Value]]:
    """The curve as it is set; in IEEE 1547.1 also characteristics 2 and 3, with their references and response times."""
    curves: dict[str, dict[str, Value]] = {"as-set": {}}
    if subject.standard.number("volt_var.least_distance_pu"):
        most_pu = subject.reactive_max_pu
        second, third = (most_pu, most_pu / 2, most_pu / 2, -most_pu), (most_pu, -most_pu / 2, -most_pu / 2, -most_pu)
        curves["characteristic-2"] = _volt_var_points(1.05, (0.83, 0.99, 1.02, 1.05), second, 1.0)
        curves["characteristic-3"] = _volt_var_points(0.95, (0.95, 0.98, 1.01, 1.15), third, 90.0)
    return curves


def _volt_var_points(
    reference_pu: float, volts: tuple[float, ...], fed: tuple[float, ...], response_s: float
) -> dict[str, Value]:
    """`volts` for a reference of 1, shares of the rated reactive power fed (tables 26 and 27; UL1741SB)."""
    points: dict[str, Value] = {"volt_var.reference_pu": reference_pu, "volt_var.response_s": response_s}
    for number, (volts_pu, fed_pu) in enumerate(zip(volts, fed, strict=True), 1):
        points |= {f"volt_var.v{number}_pu": volts_pu, f"volt_var.q{number}_pu": fed_pu}
    return points


def _volt_var_walk(
    subject: Subject, name: str, mode: dict[str, Value], changes: dict[str, Value], power_pu: float = -0.5
) -> Case:
    standard, sequence = subject.standard.with_settings(changes), Sequence(subject)
    knots, reference_pu = volt_var_curve(standard), standard.number("volt_var.reference_pu")
    band = continuous(standard.voltage)
    slow = standard.number("volt_var.response_s") > _SLOW_S
    volts = [x + reference_pu - 1 for x in ([x for x, _ in knots] if slow else middles(knots))]
    volts = sorted({min(max(each, band.low + 0.005), band.high - 0.005) for each in volts})
    for volts_pu in volts:
        sequence.course.voltage(volts_pu)
        sequence.settle(standard.number("volt_var.response_s"))
        fed_pu = interpolated(volts_pu - reference_pu + 1, knots)
        sequence.expect("fed_var_pu", fed_pu, Point(f"volt-var, {name}", "V, pu", volts_pu))
        if power_pu < 0:
            sequence.expect("power_pu", power_pu)
    settings = {**mode, **changes, **_unlocked(standard, "volt_var")}
    tests = (*_CURVE, "volt_var.reference_pu")
    return sequence.case(
        f"volt-var/walk-{name}", "IEEE 1547.1-2020 5.14.4, tables 25 to 27; UL1741SB", power_pu, tests=tests,
        settings=settings,
    )  # fmt: skip


def _imbalance(subject: Subject, mode: dict[str, Value]) -> Case:
    """The mean of the phases counts."""
    standard, sequence = subject.standard, Sequence(subject)
    for volts in _IMBALANCED.values():
        sequence.course.voltages(*volts)
        sequence.settle(standard.number("volt_var.response_s"))
        sequence.expect("fed_var_pu", interpolated(sum(volts) / 3, volt_var_curve(standard)))
        sequence.course.voltage(1.0)
        sequence.settle(standard.number("volt_var.response_s"))
    return sequence.case(
        "volt-var/imbalance", "IEEE 1547.1-2020 5.14.6, table 24; UL1741SB", -0.5, tests=_CURVE,
        settings={**mode, **_unlocked(standard, "volt_var")},
    )  # fmt: skip


def _reference(subject: Subject, mode: dict[str, Value]) -> Iterator[Case]:
    """5.14.5: the reference follows the voltage with its time constant, as far as its limits."""
    standard = subject.standard
    if len(standard.figures["volt_var.autonomous"].choices) < 2 or standard.nominal_hz < 55:
        return
    time_s, knots = standard.number("volt_var.reference_time_s"), volt_var_curve(standard)
    low_pu = standard.number("volt_var.lowest_reference_pu")
    high_pu = standard.number("volt_var.highest_reference_pu")
    source = "IEEE 1547.1-2020 5.14.5; UL1741SB, OpenDER"
    tests = ("volt_var.autonomous", "volt_var.reference_time_s", "volt_var.lowest_reference_pu",
             "volt_var.highest_reference_pu")  # fmt: skip
    for name, volts_pu in (("high", 1.06), ("beyond-high", 1.095), ("beyond-low", 0.89)):
        sequence = Sequence(subject)
        sequence.course.voltage(volts_pu)
        for at_s in (30.0, 0.5 * time_s, 1.5 * time_s):
            sequence.course.hold(at_s - sequence.now_s)
            followed_pu = volts_pu + (1 - volts_pu) * exp(-(at_s - 0.5 * SEEN_S) / time_s)
            reference_pu = min(max(followed_pu, low_pu), high_pu)
            fed_pu = interpolated(volts_pu - reference_pu + 1, knots)
            sequence.expect("fed_var_pu", fed_pu, tolerance_pu=0.015)
        yield sequence.case(
            f"volt-var/reference-{name}", source, -0.5, tests=tests, settings={**mode, "volt_var.autonomous": True},
        )  # fmt: skip


def _volt_var_lock(subject: Subject, mode: dict[str, Value]) -> Iterator[Case]:
    """Active from one power on, down to another (EN 50549-1 4.7.2.3.4)."""
    standard, sequence = subject.standard, Sequence(subject)
    if standard.figures["volt_var.lock_in_pu"].high <= 0:
        return
    lock_in_pu, lock_out_pu, volts_pu = 0.4, 0.1, standard.number("volt_var.v4_pu")
    if not _operates(standard, volts_pu):
        return
    fed_pu = interpolated(volts_pu, volt_var_curve(standard))
    sequence.course.voltage(volts_pu)
    for power_pu, active in ((-0.3, False), (-0.5, True), (-0.2, True), (-0.05, False), (-0.3, False)):
        sequence.wish(power_pu)
        sequence.settle(standard.number("volt_var.response_s"))
        sequence.expect("fed_var_pu", fed_pu if active else 0.0)
    changes: dict[str, Value] = {"volt_var.lock_in_pu": lock_in_pu, "volt_var.lock_out_pu": lock_out_pu}
    yield sequence.case(
        "volt-var/lock", "EN 50549-1 4.7.2.3.4; RPI p. 46", -0.3, tests=tuple(changes), settings={**mode, **changes}
    )  # fmt: skip


# Watt-var


def watt_curve(standard: Standard) -> list[tuple[float, float]]:
    """Active power fed, negative while charging; reactive power fed."""
    sides = (("drawn", 3), ("drawn", 2), ("drawn", 1), ("fed", 1), ("fed", 2), ("fed", 3))
    return [
        (standard.number(f"watt_var.{side}_p{number}_pu"), standard.number(f"watt_var.{side}_q{number}_pu"))
        for side, number in sides
    ]


_WATT_CURVE = tuple(
    f"watt_var.{side}_{letter}{number}_pu" for side in ("fed", "drawn") for number in (1, 2, 3) for letter in "pq"
)


def _watt_var(subject: Subject) -> Iterator[Case]:
    standard = subject.standard
    mode: dict[str, Value] = {**alone(standard), "reactive.mode": "watt_var"}
    source = "IEEE 1547.1-2020 5.14.7, tables 28 to 30; UL1741SB"
    for name, changes in _watt_var_curves(subject).items():
        changed, sequence = standard.with_settings(changes), Sequence(subject)
        knots = watt_curve(changed)
        powers = [each for each in middles(knots) if each**2 + interpolated(each, knots) ** 2 <= 0.97]
        for fed_pu in sorted({*powers, -0.9, 0.9}):
            sequence.wish(-fed_pu)
            sequence.course.hold(3.0)  # on the ramp, and a rest at zero
            sequence.settle(standard.number("watt_var.response_s"))
            point = Point(f"watt-var, {name}", "P fed, pu", fed_pu)
            sequence.expect("fed_var_pu", interpolated(fed_pu, knots), point, tolerance_pu=_PROBE_PU)
        settings = {**mode, **_unlocked(standard, "watt_var"), **changes}
        yield sequence.case(f"watt-var/walk-{name}", source, 0.5, tests=_WATT_CURVE, settings=settings)
    if standard.figures["watt_var.lock_in_pu"].high > 0:
        sequence = Sequence(subject)
        fed_var_pu = interpolated(0.9, watt_curve(standard))
        for volts_pu, active in ((1.0, False), (1.035, False), (1.045, True), (1.025, True), (1.015, False)):
            sequence.course.voltage(volts_pu)
            sequence.settle(standard.number("watt_var.response_s"))
            sequence.expect("fed_var_pu", fed_var_pu if active else 0.0, tolerance_pu=_PROBE_PU)
        changes = {"watt_var.lock_in_pu": 1.04, "watt_var.lock_out_pu": 1.02}
        yield sequence.case(
            "watt-var/lock", "EN 50549-1 4.7.2.3.4; SOLIVIA p. 91", -0.9, tests=tuple(changes),
            settings={**mode, **changes},
        )  # fmt: skip


def _watt_var_curves(subject: Subject) -> dict[str, dict[str, Value]]:
    """The curve as it is set; in IEEE 1547.1 also characteristics 2 and 3."""
    curves: dict[str, dict[str, Value]] = {"as-set": {}}
    if not subject.standard.number("volt_var.least_distance_pu"):
        return curves
    most_pu = subject.standard.number("capability.absorb_pu")
    half_pu = 0.13 if most_pu < 0.3 else 0.22
    curves["characteristic-2"] = {
        "watt_var.fed_q1_pu": -half_pu, "watt_var.fed_q2_pu": -half_pu,
        "watt_var.drawn_q1_pu": 0.22, "watt_var.drawn_q2_pu": 0.22,
    }  # fmt: skip
    curves["characteristic-3"] = {"watt_var.fed_q2_pu": -most_pu, "watt_var.drawn_q2_pu": 0.44}
    return curves


# Constant power factor, constant reactive power


def _constant_power_factor(subject: Subject) -> Iterator[Case]:
    """Each direction has its own power factor; that of the other one is at its least, on the other side."""
    mode = alone(subject.standard)
    least = subject.standard.figures["constant_power_factor.power_factor"].low
    most_pu = min(0.85, _NEARLY_FULL * least)
    for power_pu, factor in ((-most_pu, least), (-0.5, least), (-0.5, 0.95), (0.5, least), (0.5, 0.95)):
        magnitude_pu = abs(power_pu) * sqrt(1 / factor**2 - 1)
        for excitation, other, fed_pu in (
            ("injecting", "absorbing", magnitude_pu), ("absorbing", "injecting", -magnitude_pu),
        ):  # fmt: skip
            ours, theirs = ("drawn_", "") if power_pu > 0 else ("", "drawn_")
            changes: dict[str, Value] = {
                f"constant_power_factor.{ours}power_factor": factor,
                f"constant_power_factor.{ours}excitation": excitation,
                f"constant_power_factor.{theirs}power_factor": least,
                f"constant_power_factor.{theirs}excitation": other,
            }
            yield _case(
                subject, f"{excitation}-{factor:g}/{power_pu:+.2f}-pu", "constant_power_factor", subject.course(),
                fed_pu, power_pu, mode, changes, tuple(changes)[:2],
            )  # fmt: skip


def _constant_var(subject: Subject) -> Iterator[Case]:
    """Both ends of what the inverter can; at full active power, which then yields; what an operator commands."""
    standard = subject.standard
    mode: dict[str, Value] = {**alone(standard), "reactive.mode": "constant_var"}
    name = "constant_var.injected_pu"
    high_pu = min(standard.figures[name].high, 0.45)
    for fed_pu in (-high_pu, -0.2, 0.2, high_pu):
        yield _case(
            subject, f"{fed_pu:+.3f}-pu", "constant_var", subject.course(), fed_pu, -0.5, mode, {name: fed_pu}, (name,)
        )  # fmt: skip
    response_s = standard.number("constant_var.response_s")
    for power_pu in (-1.0, 1.0):
        for fed_pu in (-high_pu, high_pu):
            sequence = Sequence(subject)
            sequence.settle(response_s)
            capable_pu = standard.number(f"capability.{'inject' if fed_pu > 0 else 'absorb'}_pu")
            kept_pu = min(max(fed_pu, -capable_pu), capable_pu)
            active_pu = room_pu(kept_pu) * (1 if power_pu > 0 else -1)
            sequence.expect("fed_var_pu", kept_pu)
            sequence.expect("power_pu", active_pu)
            yield sequence.case(
                f"constant-var/{fed_pu:+.2f}-at-full-power/{'charging' if power_pu > 0 else 'discharging'}",
                "IEEE 1547-2018 5.2: active power yields to what the category demands", power_pu,
                tests=("capability.inject_pu",),
                settings=mode, adjusted={name: fed_pu},
            )  # fmt: skip
    if standard.figures[name].high > subject.reactive_max_pu:
        sequence = Sequence(subject)
        sequence.settle(response_s)
        sequence.expect("fed_var_pu", subject.reactive_max_pu)
        yield sequence.case(
            "constant-var/more-than-the-inverter-can", "IEEE 1547-2018 5.3.5", -0.5, tests=(name,),
            settings=mode, adjusted={name: min(0.8, standard.figures[name].high)},
        )  # fmt: skip
    sequence = Sequence(subject)
    sequence.wish(-0.5, 0.3)
    sequence.course.hold(standard.number("reactive.transition_s"))
    sequence.settle(response_s)
    sequence.expect("fed_var_pu", 0.3)
    sequence.wish(-0.5)
    sequence.course.hold(standard.number("reactive.transition_s"))
    sequence.settle(response_s)
    sequence.expect("fed_var_pu", 0.0)
    yield sequence.case(
        "constant-var/by-command", "this station: grid_inject_cmd", -0.5, tests=(name,), settings=alone(standard)
    )


def _changes(subject: Subject) -> Iterator[Case]:
    """From one mode to another the reactive power moves on a ramp (IEEE 1547-2018 4.6.3)."""
    standard, fed_pu = subject.standard, 0.4
    transition_s = standard.number("reactive.transition_s")
    settings: dict[str, Value] = {**alone(standard), "constant_var.injected_pu": fed_pu, "constant_var.response_s": 0.0}
    settings |= {"constant_power_factor.response_s": 0.0}
    sequence = Sequence(subject)
    sequence.adjust({"reactive.mode": "constant_var"})
    for share in (0.25, 0.5, 0.75):
        sequence.course.hold(share * transition_s - sequence.now_s)
        sequence.expect("fed_var_pu", fed_pu * (share - 0.5 * SEEN_S / transition_s), tolerance_pu=0.02)
    sequence.course.hold(transition_s + 1.5 * SEEN_S - sequence.now_s)
    sequence.expect("fed_var_pu", fed_pu)
    sequence.adjust({"reactive.mode": "constant_power_factor"})
    sequence.course.hold(0.5 * transition_s)
    sequence.expect("fed_var_pu", fed_pu * (0.5 + 0.5 * SEEN_S / transition_s), tolerance_pu=0.02)
    yield sequence.case(
        "reactive/change-of-mode", "IEEE 1547-2018 4.6.3; OpenDER NP_MODE_TRANSITION_TIME", -0.5,
        tests=("reactive.mode", "reactive.transition_s"), settings=settings, closely=True,
    )  # fmt: skip
