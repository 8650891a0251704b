"""Reactive power and the islanding probe, step by step: each by its formula, for an inverter of a few watts."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from math import exp, sqrt

from v2g.bench.typetest.bands import continuous
from v2g.bench.typetest.case import Inspection, Subject, inspections
from v2g.bench.typetest.check import Finding
from v2g.bench.typetest.reactive import volt_var_curve, watt_curve
from v2g.bench.typetest.sequence import interpolated
from v2g.bench.typetest.standard import Value
from v2g.bench.typetest.stepwise import about, same
from v2g.bench.typetest.support_steps import (
    CHARGE_W,
    DISCHARGE_W,
    MOST_VAR,
    RATED_VA,
    RATING,
    STEP_S,
    Supported,
    lagged,
    names_of,
    power_is,
    var_is,
)  # fmt: skip
from v2g.grid.capability import Rating, active_w

_SOURCE = 'IEEE 1547-2018 5.2, 5.3, 8.1; EN 50549-1 4.7; docs/grid-codes.md, "Islanding"'


def cases(subject: Subject) -> Iterator[Inspection]:
    """Each mode, what yields, and the probe."""
    judges = {
        "modes": _modes, "power-factor": _power_factor, "locks": _locks, "reference": _reference,
        "transition": _transition, "capability": _capability, "apparent-power": _apparent, "probe": _probe,
        "probe-push": _push,
    }  # fmt: skip
    return inspections("stepwise/support", _SOURCE, subject, judges)


def _mode(subject: Subject, mode: str) -> dict[str, Value]:
    free = {f"{mode}.lock_in_pu": 0.0} if mode in ("volt_var", "watt_var") else {}
    return {"reactive.mode": mode, **free}


def _modes(subject: Subject) -> tuple[Finding, ...]:
    """Volt-var by the mean voltage, watt-var by the share of the direction's rated power, constant reactive power: with
    their response times."""
    standard, findings, band = subject.standard, list[Finding](), continuous(subject.standard.voltage)
    for volts_pu in (band.low, 0.93, 0.99, 1.03, 1.06, band.high):
        volts = (volts_pu + 0.02, volts_pu, volts_pu - 0.02) if subject.phases == 3 else (volts_pu,)
        fed_pu, response_s = (
            interpolated(volts_pu, volt_var_curve(standard)),
            standard.number("volt_var.response_s"),
        )
        supported = Supported(subject, _mode(subject, "volt_var"))
        for passed in (1, 2, 3):
            fed_var = lagged(0.0, fed_pu, response_s, passed * STEP_S) * RATED_VA
            findings.append(var_is(f"volt-var, {volts_pu:.3f} pu", supported.step(-5.0, volts), fed_var))
    for power_w in (-9.0, -6.0, -3.0, 3.0, 4.5, 6.0):
        share = -power_w / (CHARGE_W if power_w > 0 else DISCHARGE_W)
        fed_pu, response_s = interpolated(share, watt_curve(standard)), standard.number("watt_var.response_s")
        supported = Supported(subject, _mode(subject, "watt_var"))
        for passed in (1, 2, 3):
            fed_var = lagged(0.0, fed_pu, response_s, passed * STEP_S) * RATED_VA
            findings.append(var_is(f"watt-var, {power_w:g} W", supported.step(power_w), fed_var))
    for fed_pu in (-0.3, 0.2):
        response_s = standard.number("constant_var.response_s")
        changes = {**_mode(subject, "constant_var"), "constant_var.injected_pu": fed_pu}
        supported = Supported(subject, changes)
        for passed in (1, 2, 3):
            fed_var = lagged(0.0, fed_pu, response_s, passed * STEP_S) * RATED_VA
            findings.append(var_is("constant", supported.step(-5.0), fed_var))
    return tuple(findings)


def _power_factor(subject: Subject) -> tuple[Finding, ...]:
    """Of each direction, to its side, with the response time."""
    table, findings = "constant_power_factor", list[Finding]()
    response_s = subject.standard.number(f"{table}.response_s")
    for fed_side, drawn_side in (("injecting", "absorbing"), ("absorbing", "injecting")):
        changes: dict[str, Value] = {
            f"{table}.power_factor": 0.95, f"{table}.drawn_power_factor": 0.98, f"{table}.excitation": fed_side,
            f"{table}.drawn_excitation": drawn_side, "reactive.mode": table,
        }  # fmt: skip
        for power_w, factor, side in ((-5.0, 0.95, fed_side), (5.0, 0.98, drawn_side)):
            supported = Supported(subject, changes)
            target_var = abs(power_w) * sqrt(1 / factor**2 - 1) * (1 if side == "injecting" else -1)
            for passed in (1, 2, 3):
                fed_var = lagged(0.0, target_var, response_s, passed * STEP_S)
                findings.append(var_is(f"{power_w:g} W at {factor:g}", supported.step(power_w), fed_var))
    return tuple(findings)


def _locks(subject: Subject) -> tuple[Finding, ...]:
    """Active from one value on, down to another, and not again before the first."""
    standard, findings = subject.standard, list[Finding]()
    if standard.figures["volt_var.lock_in_pu"].high >= 0.4:
        mode = {**_mode(subject, "volt_var"), "volt_var.lock_in_pu": 0.4, "volt_var.lock_out_pu": 0.2}
        volts_pu = standard.number("volt_var.v4_pu")
        fed_var = interpolated(volts_pu, volt_var_curve(standard)) * RATED_VA
        supported = Supported(subject, mode)
        for share, active in ((0.3, False), (0.41, True), (0.21, True), (0.19, False), (0.3, False), (0.41, True)):
            for rated_w in (-DISCHARGE_W, CHARGE_W):
                support = supported.run(300, share * rated_w, volts=volts_pu)
                findings.append(var_is(f"share {share:g}", support, fed_var if active else 0.0))
    if standard.figures["watt_var.lock_in_pu"].high >= 1.04:
        mode = {**_mode(subject, "watt_var"), "watt_var.lock_in_pu": 1.04, "watt_var.lock_out_pu": 1.02}
        fed_var = interpolated(0.9, watt_curve(standard)) * RATED_VA
        supported = Supported(subject, mode)
        for volts_pu, active in ((1.03, False), (1.041, True), (1.021, True), (1.019, False), (1.03, False)):
            volts = (volts_pu + 0.03, volts_pu, volts_pu - 0.03) if subject.phases == 3 else (volts_pu,)
            for _ in range(300):
                support = supported.step(-0.9 * DISCHARGE_W, volts)
            findings.append(var_is(f"{volts_pu:g} pu", support, fed_var if active else 0.0))
    return tuple(findings) or (Finding(True, "no locks in this code", "not tested"),)


def _reference(subject: Subject) -> tuple[Finding, ...]:
    """The reference follows the mean voltage with its time constant, within its limits; set, it is where it is set."""
    standard, findings, most_s = subject.standard, list[Finding](), 4000.0
    mode, knots = _mode(subject, "volt_var"), volt_var_curve(standard)
    reference = standard.figures["volt_var.reference_pu"]
    supported = Supported(subject, {**mode, "volt_var.reference_pu": reference.high}, later=True)
    support = supported.run(3, -5.0, volts=1.03, dt_s=most_s)
    findings.append(var_is("as it is set", support, interpolated(1.03 - reference.high + 1, knots) * RATED_VA))
    if len(standard.figures["volt_var.autonomous"].choices) < 2:
        return tuple(findings)
    time_s = standard.number("volt_var.reference_time_s")
    low_pu, high_pu = (standard.number(f"volt_var.{end}_reference_pu") for end in ("lowest", "highest"))
    for mean_pu in (1.04, 1.09, 0.96, 0.90):
        supported = Supported(subject, {**mode, "volt_var.autonomous": True})
        volts = (mean_pu + 0.02, mean_pu, mean_pu - 0.02) if subject.phases == 3 else (mean_pu,)
        for number in range(1, 5):
            support = supported.step(-5.0, volts, dt_s=0.5 * time_s)
            followed_pu = mean_pu + (1 - mean_pu) * exp(-0.5 * number)
            at_pu = mean_pu - min(max(followed_pu, low_pu), high_pu) + 1
            findings.append(var_is(f"{mean_pu:g} pu", support, interpolated(at_pu, knots) * RATED_VA))
    return tuple(findings)


def _transition(subject: Subject) -> tuple[Finding, ...]:
    """From one mode to the next in a line, from where it is; a change on the way begins from there."""
    findings, transition_s = list[Finding](), subject.standard.number("reactive.transition_s")
    supported = Supported(subject, {
        "reactive.mode": "constant_power_factor", "constant_var.injected_pu": 0.3, "constant_var.response_s": 0.0,
        "constant_power_factor.response_s": 0.0, "constant_power_factor.power_factor": 0.95,
        "constant_power_factor.excitation": "absorbing",
    })  # fmt: skip
    resting_var = -5.0 * sqrt(1 / 0.95**2 - 1)
    findings.append(var_is("before", supported.step(-5.0), resting_var))
    supported.support.adjust({"reactive.mode": "constant_var"})
    target_var, passed_s = 0.3 * RATED_VA, 0.0
    for share in (0.25, 0.5, 0.75):
        support = supported.step(-5.0, dt_s=share * transition_s - passed_s)
        passed_s = share * transition_s
        findings.append(var_is(f"after {share:.0%}", support, resting_var + share * (target_var - resting_var)))
    from_var = -support.reactive_var
    supported.support.adjust({"reactive.mode": "constant_power_factor"})
    for share in (0.5, 1.0, 1.5):
        support = supported.step(-5.0, dt_s=0.5 * transition_s)
        wanted_var = from_var + min(share, 1.0) * (resting_var - from_var)
        findings.append(var_is(f"back, after {share:.0%}", support, wanted_var))
    sudden: dict[str, Value] = {
        "reactive.mode": "constant_var",
        "constant_var.injected_pu": 0.3,
        "constant_var.response_s": 0.0,
    }
    early = Supported(subject, sudden, later=True).step(-5.0, dt_s=0.25 * transition_s)
    findings.append(var_is("changed before the first step, after 25%", early, 0.25 * target_var))
    return tuple(findings)


def _capability(subject: Subject) -> tuple[Finding, ...]:
    """What a category demands at each active power, and what the inverter can beside that: the larger of the two."""
    standard, capability, findings = subject.standard, subject.code.capability, list[Finding]()
    rating = RATING
    shares = {0.5: 0.5 / CHARGE_W, -0.5: -0.5 / DISCHARGE_W, 0.0: 0.0}
    findings += [about(f"share of {power_w:g} W", rating.share(power_w), share) for power_w, share in shares.items()]
    one_way = Rating(RATED_VA, CHARGE_W, 0.0, MOST_VAR)
    findings.append(about("share of a direction that there is not", one_way.share(0.0), 0.0, 0.0))
    none_pu, full_pu = (standard.number(f"capability.{key}_pu") for key in ("none_below", "full_from"))
    for drawn, key in ((True, "absorb"), (False, "inject")):
        most_pu = standard.number(f"capability.{key}_pu")
        for rated_w in (CHARGE_W, -DISCHARGE_W):
            for share in (0.0, none_pu - 1e-3, none_pu + 1e-3, (none_pu + full_pu) / 2, full_pu + 0.1, 1.0):
                demanded_pu = 0.0 if share < none_pu else most_pu * min(share / full_pu, 1.0)
                found_var = capability.demanded_var(drawn, share * rated_w, rating)
                findings.append(about(f"{key} at {share * rated_w:g} W", found_var, demanded_pu * RATED_VA))
        for power_w in (-1.001 * RATED_VA, -RATED_VA, -11.5, -10.0, -1.0, 6.5):
            room_var = sqrt(max(RATED_VA**2 - power_w**2, 0.0))
            demanded_var = capability.demanded_var(drawn, power_w, rating)
            most_var = min(max(room_var, demanded_var), MOST_VAR)
            for wanted_var in (20.0, 1.0):
                sign = 1 if drawn else -1
                found_var = capability.reactive_var(sign * wanted_var, power_w, rating)
                findings.append(about(f"{wanted_var:g} var", found_var, sign * min(wanted_var, most_var)))
    uneven = replace(capability, inject_pu=0.04, absorb_pu=0.02)
    for wanted_var, drawn_pu in ((-0.9, -0.04), (0.9, 0.02)):
        found_var = uneven.reactive_var(wanted_var, -RATED_VA, rating)
        findings.append(about("unlike in each direction, var", found_var, drawn_pu * RATED_VA))
    beside = {0.0: RATED_VA, 0.6 * RATED_VA: 0.8 * RATED_VA, RATED_VA: 0.0, 1.001 * RATED_VA: 0.0}
    findings += [about(f"power beside {var:g} var", active_w(var, rating), left_w) for var, left_w in beside.items()]
    return tuple(findings)


def _apparent(subject: Subject) -> tuple[Finding, ...]:
    """Active power yields to what the category demands, in both directions."""
    findings, table = list[Finding](), "constant_var"
    for fed_pu in (-1.0, 1.0):
        limited = subject.standard.figures[f"{table}.injected_pu"]
        fed_pu = min(max(fed_pu, limited.low), limited.high)
        changes: dict[str, Value] = {
            "reactive.mode": table, f"{table}.injected_pu": fed_pu, f"{table}.response_s": 0.0,
        }  # fmt: skip
        key = "inject" if fed_pu > 0 else "absorb"
        for wish_w in (-20.0, -4.0, 20.0):
            support = Supported(subject, changes).run(3, wish_w)
            held_w = min(max(wish_w, -DISCHARGE_W), CHARGE_W)
            most_var = max(sqrt(RATED_VA**2 - held_w**2), subject.standard.number(f"capability.{key}_pu") * RATED_VA)
            fed_var = min(max(fed_pu * RATED_VA, -min(most_var, MOST_VAR)), min(most_var, MOST_VAR))
            room_w = sqrt(max(RATED_VA**2 - fed_var**2, 0.0))
            findings.append(var_is(f"{wish_w:g} W", support, fed_var))
            findings.append(power_is(f"{fed_var:.3g} var", support, min(max(held_w, -room_w), room_w)))
            named = "apparent power" in names_of(support)
            findings.append(same("named", named, room_w < max(CHARGE_W, DISCHARGE_W)))
            short = abs(fed_var - fed_pu * RATED_VA) > 1e-9
            findings.append(same("not all of it", "capability" in support.reactive_by, short))
        turned = Rating(RATED_VA, DISCHARGE_W, CHARGE_W, MOST_VAR)  # charges more than it feeds
        room_w = sqrt(RATED_VA**2 - min(abs(fed_pu) * RATED_VA, MOST_VAR) ** 2)
        named = "apparent power" in names_of(Supported(subject, changes, rating=turned).run(3, 1.0))
        findings.append(same("named for the larger direction", named, room_w < DISCHARGE_W))
    return tuple(findings)


# The islanding probe


_KICK_UNEVEN = 0.3


def _probing(
    subject: Subject, delay_s: float | None, lot: float = 0.5, changes: Mapping[str, Value] | None = None
) -> Supported:
    supported = Supported(subject, {"islanding.probe_enabled": True, **(changes or {})}, lot=lot)
    supported.support.delay_s = delay_s
    return supported


def _probe(subject: Subject) -> tuple[Finding, ...]:
    """While feeding, a kick to both sides in turn; with a change of frequency a feedback that grows with the delay of
    set-points, on the side of the change; nothing while charging."""
    numbers = {key: subject.standard.number(f"islanding.probe_{key}") for key in (
        "gain", "slow_gain", "slowest_s", "kick", "kick_s", "follow", "push", "washout_s")}  # fmt: skip
    nominal_hz, findings, dt_s = subject.standard.nominal_hz, list[Finding](), 0.02
    for lot, side in ((0.45, -1.0), (0.55, 1.0)):
        first = _probing(subject, 0.0, lot).step(-8.0, dt_s=dt_s, power_w=-6.0)
        findings.append(about("its first side, var drawn", first.reactive_var, side * 6.0 * numbers["kick"]))
    for lot, factor in ((0.5, 1.0), (1.0, 1 + _KICK_UNEVEN), (0.0, 1 - _KICK_UNEVEN)):
        supported, sides = _probing(subject, 0.0, lot), list[float]()
        for _ in range(150):
            sides.append(-supported.step(-8.0, dt_s=dt_s, power_w=-6.0).reactive_var / 6.0)
        findings.append(about("a kick", max(map(abs, sides)), numbers["kick"]))
        findings.append(about("always", min(map(abs, sides)), numbers["kick"]))
        turns = [number for number in range(1, 150) if sides[number] != sides[number - 1]]
        lasts = [turns[0] + 1, turns[2] - turns[1]]
        wanted = [-(-round(each * numbers["kick_s"] / dt_s, 6) // 1) for each in (1.0, factor)]
        findings.append(same("steps to the first turn, and to another", lasts, wanted))
    for delay_s, gain in (
        (0.0, numbers["gain"]), (None, numbers["slow_gain"]),
        (0.5 * numbers["slowest_s"], (numbers["gain"] + numbers["slow_gain"]) / 2),
    ):  # fmt: skip
        for sign in (1.0, -1.0):
            supported = _probing(subject, delay_s)
            supported.step(-8.0, dt_s=dt_s, power_w=-6.0)
            usual_hz, moved_hz = nominal_hz, nominal_hz * (1 + sign * 0.8 * numbers["push"] / gain)
            keep = exp(-dt_s / numbers["washout_s"])
            for _ in range(30):
                share = gain * (moved_hz / usual_hz - 1) + sign * numbers["kick"]
                usual_hz = keep * usual_hz + (1 - keep) * moved_hz
                drawn_var = supported.step(-8.0, hz=moved_hz, dt_s=dt_s, power_w=-6.0).reactive_var
            findings.append(about("a feedback, var drawn", drawn_var, 6.0 * share))
            calm_hz = usual_hz * (1 - sign * 1.5 * numbers["follow"])
            other_var = supported.step(-8.0, hz=calm_hz, dt_s=dt_s, power_w=-6.0).reactive_var
            share = gain * (calm_hz / usual_hz - 1) - sign * numbers["kick"]
            findings.append(about("the kick follows", other_var, 6.0 * share))
    charging = _probing(subject, 0.0)
    findings.append(var_is("charging", charging.step(5.0, hz=nominal_hz + 0.1, power_w=5.0), 0.0))
    charging.step(-8.0, hz=nominal_hz + 0.1, dt_s=dt_s, power_w=-6.0)
    again = charging.step(-8.0, hz=nominal_hz + 0.1, dt_s=dt_s, power_w=-6.0)
    findings.append(about("forgets while charging", abs(again.reactive_var), 6.0 * numbers["kick"]))
    for sign in (1.0, -1.0):
        narrow = _probing(subject, 0.0, changes={"islanding.probe_limit": 0.02, "islanding.probe_push": 0.44})
        narrow.step(-8.0, dt_s=dt_s, power_w=-6.0)
        held = narrow.step(-8.0, hz=nominal_hz * (1 + sign * 0.1 / numbers["gain"]), dt_s=dt_s, power_w=-6.0)
        findings.append(about("held to its limit, var drawn", held.reactive_var, sign * 6.0 * 0.02))
        findings.append(same("named", "islanding probe" in held.reactive_by, True))
    findings.append(same("not named", "islanding probe" in charging.step(5.0, power_w=5.0).reactive_by, False))
    commanded = _probing(subject, 0.0)
    commanded.run(3, -8.0)
    found_var = abs(commanded.step(-8.0, dt_s=dt_s).reactive_var)
    findings.append(about("of what is commanded, if nothing is measured", found_var, 8.0 * numbers["kick"]))
    return tuple(findings)


def _push(subject: Subject) -> tuple[Finding, ...]:
    """From a clear change on the largest reactive power is drawn for its time, to whichever side the change was, with
    the strength of what was fed lately."""
    numbers = {key: subject.standard.number(f"islanding.probe_{key}") for key in (
        "gain", "limit", "kick", "push", "push_s", "washout_s")}  # fmt: skip
    nominal_hz, findings, dt_s = subject.standard.nominal_hz, list[Finding](), 0.02
    keep = exp(-dt_s / numbers["washout_s"])
    for sign in (1.0, -1.0):
        supported = _probing(subject, 0.0)
        supported.step(-8.0, dt_s=dt_s, power_w=-6.0)
        begun_hz = nominal_hz * (1 + sign * 1.02 * numbers["push"] / numbers["gain"])
        below_hz = nominal_hz * (1 + sign * 0.98 * numbers["push"] / numbers["gain"])
        calm = supported.step(-8.0, hz=below_hz, dt_s=dt_s, power_w=-6.0).reactive_var
        findings.append(same("no push yet", abs(calm) < 0.9 * 6.0 * numbers["limit"], True))
        supported = _probing(subject, 0.0)
        supported.step(-8.0, dt_s=dt_s, power_w=-6.0)
        drawn, strength_w = list[float](), 6.0
        for number in range(round(numbers["push_s"] / dt_s) + 2):
            power_w = -6.0 if number < 5 else -3.0
            strength_w = max(-power_w, keep * strength_w)
            hz = begun_hz if number == 0 else nominal_hz
            drawn.append(supported.step(-8.0, hz=hz, dt_s=dt_s, power_w=power_w).reactive_var)
            if number < round(numbers["push_s"] / dt_s) - 1:
                findings.append(about("a push, var drawn", drawn[-1], numbers["limit"] * strength_w))
        findings.append(same("no longer", abs(drawn[-1]) < 0.9 * 3.0 * numbers["limit"], True))
        supported.step(5.0, power_w=5.0)
        ended = supported.step(-8.0, dt_s=dt_s, power_w=-6.0).reactive_var
        findings.append(about("after charging", abs(ended), 6.0 * numbers["kick"]))
    return tuple(findings)
