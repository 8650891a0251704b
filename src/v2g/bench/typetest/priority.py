"""Priority of responses: frequency, voltage and the operator's limit together with each mode of reactive power
(IEEE 1547.1-2020 5.16, tables 38 and 39, as UL1741SB quotes them)."""

from collections.abc import Iterator
from math import sqrt
from typing import NamedTuple

from v2g.bench.typetest.active import highest_pu, volt_watt_curve
from v2g.bench.typetest.bands import continuous
from v2g.bench.typetest.case import Case, Subject, room_pu
from v2g.bench.typetest.reactive import volt_var_curve
from v2g.bench.typetest.sequence import Sequence, interpolated
from v2g.bench.typetest.standard import Value


class _Step(NamedTuple):
    volts_pu: float
    hz: float
    fed_pu: float
    volt_var: float
    """Injected reactive power with each of these modes; for category A and B."""
    watt_var: tuple[float, float]


STEPS = (
    _Step(1.00, 60.00, 0.5, 0.0, (0.0, 0.0)),
    _Step(1.09, 60.00, 0.4, -1.0, (0.0, 0.0)),
    _Step(1.09, 60.33, 0.3, -1.0, (0.0, 0.0)),
    _Step(1.09, 60.00, 0.4, -1.0, (0.0, 0.0)),
    _Step(1.09, 59.36, 0.4, -1.0, (0.0, 0.0)),
    _Step(1.00, 59.36, 0.6, 0.0, (-0.05, -0.09)),
    _Step(1.00, 60.00, 0.5, 0.0, (0.0, 0.0)),
    _Step(1.00, 59.36, 0.7, 0.0, (-0.10, -0.18)),
)
"""Tables 38 and 39: voltage, frequency, active power fed; with volt-var nothing or all that the category demands."""
_ABSORBED_PU = (0.225, 0.44)
"""By volt-var at 1.09 pu: table 38 says 0.25 for category A, its curve 0.225, and that is within the accuracy."""
_MODES = ("volt_var", "constant_var", "constant_power_factor", "watt_var")
_TOLERANCE_PU = 0.015
"""The tables round to 0.01."""


def cases(subject: Subject) -> Iterator[Case]:
    """Each mode, in a code that has the tables: with its figures as they stand in the standard."""
    standard = subject.standard
    if standard.figures["reactive.mode"].value == "volt_var" and standard.number("volt_watt.enabled"):
        yield _together(subject)
    if not standard.number("volt_var.least_distance_pu") or standard.nominal_hz != 60:
        return
    category = 0 if standard.number("capability.absorb_pu") < 0.4 else 1
    for mode in _MODES:
        yield _of(subject, mode, category)


def _together(subject: Subject) -> Case:
    """Volt-var and volt-watt as a code has both of them on: reactive power comes first, and the active power has what
    volt-watt and the apparent power leave."""
    standard, sequence = subject.standard, Sequence(subject)
    var_knots, watt_knots = volt_var_curve(standard), volt_watt_curve(standard)
    band = continuous(standard.voltage)
    volts = (band.low + 0.005, 1.0, (var_knots[2][0] + var_knots[3][0]) / 2, highest_pu(standard) - 0.005)
    for volts_pu in volts:
        sequence.course.voltage(volts_pu)
        sequence.settle(max(standard.number(f"{name}.response_s") for name in ("volt_var", "volt_watt")))
        fed_var_pu, limit_pu = interpolated(volts_pu, var_knots), interpolated(volts_pu, watt_knots)
        sequence.expect("fed_var_pu", fed_var_pu)
        sequence.expect("power_pu", -min(limit_pu, room_pu(fed_var_pu)))
    return sequence.case(
        "priority/volt-var-and-volt-watt", "IEEE 1547-2018 5.2; AS/NZS 4777.2 3.3.2.1, general knowledge", -1.0,
        tests=("reactive.mode", "volt_watt.enabled"),
    )  # fmt: skip


_CURVES = (
    ((0.90, 0.25), (1.0, 0.0), (1.0, 0.0), (1.10, -0.25)),
    ((0.92, 0.44), (0.98, 0.0), (1.02, 0.0), (1.08, -0.44)),
)
"""Volt-var of categories A and B, for which the tables hold: voltage and injected reactive power."""


def _of(subject: Subject, mode: str, category: int) -> Case:
    standard, sequence = subject.standard, Sequence(subject)
    settle_s = max(standard.number(f"{name}.response_s") for name in (mode, "volt_watt", "frequency_droop"))
    sequence.course.hold(standard.number("reactive.transition_s"))
    sequence.settle(standard.number("active_power_limit.response_s"))
    for step in STEPS:
        sequence.course.voltage(step.volts_pu)
        sequence.course.frequency(step.hz, standard.number("ride_through.rocof_hz_per_s"))
        sequence.settle(settle_s)
        sequence.expect("power_pu", -step.fed_pu, tolerance_pu=_TOLERANCE_PU)
        fed_var_pu = {
            "volt_var": step.volt_var * _ABSORBED_PU[category],
            "constant_var": 0.44,
            "constant_power_factor": step.fed_pu * sqrt(1 / 0.9**2 - 1),
            "watt_var": step.watt_var[category],
        }[mode]
        sequence.expect("fed_var_pu", fed_var_pu, tolerance_pu=_TOLERANCE_PU)
    changes: dict[str, Value] = {
        "reactive.mode": mode, "volt_watt.enabled": True, "volt_watt.p2_pu": 0.2,
        "constant_var.injected_pu": 0.44, "constant_power_factor.power_factor": 0.9,
        "constant_power_factor.excitation": "injecting",
    }  # fmt: skip
    for number, (volts_pu, fed_pu) in enumerate(_CURVES[category], 1):
        changes |= {f"volt_var.v{number}_pu": volts_pu, f"volt_var.q{number}_pu": fed_pu}
    limit: dict[str, Value] = {"active_power_limit.enabled": True, "active_power_limit.fed_pu": 0.5}
    return sequence.case(
        f"priority/{mode.replace('_', '-')}", "IEEE 1547.1-2020 5.16, tables 38 and 39; UL1741SB", -1.0,
        tests=("reactive.mode", "active_power_limit.fed_pu", "volt_watt.p2_pu"), adjusted={**changes, **limit},
    )  # fmt: skip
