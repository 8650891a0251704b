"""What runs the grid code of an EVSE, reading by reading: what it makes of its devices' readings, what it reports, what
binds feeding, and what stands against it. Without a session."""

from collections.abc import Callable, Iterator
from itertools import pairwise
from math import isclose, sqrt

from msgspec import structs

from v2g.bench.typetest.case import Inspection, Subject, inspections
from v2g.bench.typetest.check import Finding
from v2g.bench.typetest.running import guarded
from v2g.bench.typetest.standard import Value
from v2g.bench.typetest.stepwise import about, same
from v2g.grid.adjustments import Party, lasting
from v2g.grid.protection import State
from v2g.grid.support import Support
from v2g.iso15118.der import DerRating
from v2g.kernel.fault import Fault
from v2g.power.grid_sensor import GridReading
from v2g.power.inverter import InverterRating
from v2g.power.meter import MeterReading
from v2g.station.config.settings import Capability
from v2g.station.event import Event
from v2g.station.kept import KeptEvse
from v2g.station.readings import Readings

_SOURCE = "this station: what is fed, and why not (docs/grid-codes.md)"
_NOMINAL_V, _STEP_S, _METER_STALE_S = 230.0, 0.1, 0.35
_IN_USE_S = 1.0
_TRIAL, _MOVES = 0.1, 16
"""Share of the rated power that is fed before the delay of set-points is known; the moves after which that ends."""
_LATE_S = 0.2
_CHARGE_W, _DISCHARGE_W, _MOST_VAR = 7_000.0, 10_000.0, 4_000.0


def cases(subject: Subject) -> Iterator[Inspection]:
    """Each for itself."""
    judges = {
        "readings": _readings, "reports": _reports, "faults": _faults, "ramp": _ramp, "limits": _limits,
        "follows": _follows, "set-points": _set_points, "set-points-of-a-car": _of_a_car,
        "never-follows": _never, "reactive-power-by-command": _commanded, "for-a-car": _for_a_car,
    }  # fmt: skip
    return inspections("stepwise/guard", _SOURCE, subject, judges)


class Guarded:
    """A guard, its devices and its clock. Set-points are followed late, and shown by the meter."""

    def __init__(self, subject: Subject, changes: dict[str, Value] | None = None) -> None:
        self.guard, _ = guarded(subject, KeptEvse(), capability=Capability(charge_w=6_000.0, discharge_w=5_000.0))
        figures = subject.figures.figures
        self.enters_s = max(figures["enter_service.delay_s"].low, 5.0)
        prompt: dict[str, Value] = {
            "enter_service.delay_s": self.enters_s, "enter_service.ramp_s": figures["enter_service.ramp_s"].low,
        }  # fmt: skip
        self.guard.adjust({**prompt, "ramp_rate.pu_per_s": figures["ramp_rate.pu_per_s"].high, **(changes or {})})
        self.now, self.nominal_hz = 100.0, subject.standard.nominal_hz
        self._orders = [(0.0, 0.0, 0.0)]
        self.follows = True

    def readings(self, volts: float = _NOMINAL_V, hz: float | None = None) -> Readings:
        """Sound ones, of this moment."""
        _, power_w, drawn_var = next(each for each in reversed(self._orders) if each[0] <= self.now - _LATE_S + 1e-6)
        shown = (power_w, drawn_var) if self.follows else (0.0, 0.0)
        grid = GridReading(self.now, round(self.now * 100), hz or self.nominal_hz, (volts,) * 3)
        return Readings(grid=grid, meter=MeterReading(self.now, 0.0, 0.0, *shown, (volts,) * 3, self.nominal_hz))

    def look(self, readings: Readings | None = None, dt_s: float = _STEP_S) -> list[Event]:
        """The reports of the next moment."""
        self.now = round(self.now + dt_s, 6)
        return self.guard.look(self.readings() if readings is None else readings, self.now, 0.0)

    def enter(self) -> None:
        """In service from here on, at full power."""
        for _ in range(round(self.enters_s / _STEP_S) + 2):
            self.look()

    def command(self, power_w: float, drawn_var: float) -> None:
        self.obey(power_w, drawn_var)
        self.guard.commanded(power_w, drawn_var, self.now)

    def obey(self, power_w: float, drawn_var: float) -> None:
        """What is commanded from now on, which the meter shows later."""
        self._orders.append((self.now, power_w, drawn_var))

    def support(self, wish_w: float, seconds: float = _STEP_S, fed_var: float | None = None) -> list[Support]:
        """What is granted in some time, and obeyed."""
        given = list[Support]()
        for _ in range(round(seconds / _STEP_S)):
            self.look()
            given.append(self.guard.support(wish_w, self.now, fed_var))
            self.command(given[-1].power_w, given[-1].reactive_var)
        return given


def rating_of(charge_w: float = _CHARGE_W, discharge_w: float = _DISCHARGE_W) -> InverterRating:
    return InverterRating(
        voltage_min_v=150.0, voltage_max_v=1000.0, charge_current_max_a=60.0, discharge_current_max_a=60.0,
        charge_power_max_w=charge_w, discharge_power_max_w=discharge_w, reactive_max_var=_MOST_VAR,
    )  # fmt: skip


def _near(found: tuple[float, ...], wanted: tuple[float, ...]) -> bool:
    return len(found) == len(wanted) and all(isclose(a, b, abs_tol=1e-9) for a, b in zip(found, wanted, strict=True))


def _readings(subject: Subject) -> tuple[Finding, ...]:
    """Per unit of the nominal voltage, between phases of root three times that; what a unit does not measure is not
    made up; the meter's power, as long as it can be believed. Another reading of the meter alone counts too."""
    unit, findings = Guarded(subject), list[Finding]()
    full = GridReading(
        unit.now + _STEP_S, 7, unit.nominal_hz + 0.01, (225.4, 231.15, 234.6), 0.3, -4.0,
        line_voltages_v=(0.97 * 230 * sqrt(3), 1.01 * 230 * sqrt(3), 230 * sqrt(3)),
    )  # fmt: skip
    unit.look(Readings(grid=full))
    seen, phases = unit.guard.sample, subject.phases
    assert seen is not None
    findings.append(same("per unit", _near(seen.voltages_pu, (0.98, 1.005, 1.02)[:phases]), True))
    lines = (0.97, 1.01, 1.0) if phases == 3 else ()
    findings.append(same("between phases", _near(seen.line_voltages_pu, lines), True))
    said = seen.time_s, seen.sequence, seen.frequency_hz, seen.rocof_hz_per_s, seen.phase_jump_deg, seen.power_w
    findings.append(same("the rest", said, (full.time_s, 7, full.frequency_hz, 0.3, -4.0, None)))
    for old_s, power_w in ((_METER_STALE_S - 0.01, -4_000.0), (_METER_STALE_S + 0.01, None)):
        grid = GridReading(unit.now + _STEP_S, 8, unit.nominal_hz, (_NOMINAL_V,) * 3)
        meter = MeterReading(unit.now + _STEP_S - old_s, 0.0, 0.0, -4_000.0, 300.0, (230.0,) * 3, 50.0)
        unit.look(Readings(grid=grid, meter=meter))
        seen = unit.guard.sample
        assert seen is not None
        little = seen.rocof_hz_per_s, seen.phase_jump_deg, seen.line_voltages_pu, seen.power_w
        findings.append(same(f"a meter's reading {old_s:g} s old", little, (None, 0.0, (), power_w)))
    newer = MeterReading(unit.now, 0.0, 0.0, -3_000.0, 300.0, (230.0,) * 3, 50.0)
    unit.look(Readings(grid=grid, meter=newer), 0.05)
    findings.append(same("another one of the meter alone", unit.guard.sample and unit.guard.sample.power_w, -3_000.0))
    unit.look(Readings())
    findings.append(same("no reading", (unit.guard.sample, unit.guard.verdict.state), (None, State.TRIP)))
    return tuple(findings)


def _reports(subject: Subject) -> tuple[Finding, ...]:
    """A report when the state or the element is another one, and no other; of a trip as such. The same reading is
    looked at again when it has become too old."""
    unit, stale_s = Guarded(subject), subject.standard.number("measurement.stale_s")
    said = [_said(unit.look()) for _ in range(10)]
    findings = [same("while it waits", said, [[("wait", "enter service", False)], *[[]] * 9])]
    before = [_said(unit.look(unit.readings())) for _ in range(round(unit.enters_s / _STEP_S) + 1)]
    findings.append(same("in service", [each for each in before if each], [[("run", "", False)]]))
    last = unit.readings()
    unit.guard.look(last, unit.now, 0.0)
    early = _said(unit.look(last, stale_s - 0.01))
    late = _said(unit.look(last, 0.02))
    findings.append(same("the same reading", (early, late), ([], [("trip", "measurement", True)])))
    return tuple(findings)


def _said(events: list[Event]) -> list[tuple[object, ...]]:
    return [tuple(getattr(each, key, None) for key in ("state", "element", "trips")) for each in events]


def _faults(subject: Subject) -> tuple[Finding, ...]:
    """An island, a grid that is out of its limits, and one that is not known have each a fault of their own; in service
    there is none."""
    rocof, findings = 10 * subject.standard.number("islanding.rocof_hz_per_s"), list[Finding]()
    faults = {"voltage": Fault.GRID, "silence": Fault.GRID_SENSOR_LOST, "island": Fault.ISLANDING}
    if not subject.standard.number("islanding.rocof_enabled"):
        del faults["island"]
    for name, fault in faults.items():
        unit = Guarded(subject)
        unit.enter()
        findings.append(same("in service", unit.guard.trip, None))
        for number in range(100):
            readings = unit.readings(330.0 if name == "voltage" else _NOMINAL_V)
            if name == "island":
                grid = GridReading(unit.now, 20_000 + number, unit.nominal_hz, (_NOMINAL_V,) * 3, rocof)
                readings = Readings(grid=grid)
            unit.look(Readings() if name == "silence" else readings, 0.02)
        trip = unit.guard.trip
        found = None if trip is None else trip[0]
        findings.append(same(name, found, fault))
        named = trip is not None and unit.guard.verdict.element in trip[1] and unit.guard.verdict.why in trip[1]
        findings.append(same("names element and reason", named, True))
    return tuple(findings)


def _ramp(subject: Subject) -> tuple[Finding, ...]:
    """The ramp into service goes on while powers are decided, and for a second after the last of them."""
    ramp = subject.figures.figures["enter_service.ramp_s"]
    ramp_s = min(ramp.high, 50.0)
    if ramp_s < ramp.low or not ramp_s:
        return (Finding(True, "no ramp in this code", "not tested"),)
    unit = Guarded(subject, {"enter_service.ramp_s": ramp_s})
    unit.enter()
    nobody = unit.guard.verdict.share
    unit.guard.begin(rating_of(), unit.now)
    unit.support(-_DISCHARGE_W, 10.0)
    used = unit.guard.verdict.share
    for _ in range(round(3 * _IN_USE_S / 0.15)):
        unit.look(dt_s=0.15)
    counted_s = 0.15 * ((_IN_USE_S - 1e-6) // 0.15)
    return (
        about("nobody there", nobody, 0.0),
        about("in use", used, 10.0 / ramp_s, 1e-3),
        about("afterwards", unit.guard.verdict.share, (10.0 + counted_s) / ramp_s, 1e-3),
    )


def _limits(subject: Subject) -> tuple[Finding, ...]:
    """Of the station's inverter its rating, of a car that is not known what the EVSE can carry, of a known one its own:
    in each direction."""
    findings = list[Finding]()
    ratings: dict[str, tuple[InverterRating | DerRating | None, float, float]] = {
        "the station's": (rating_of(), _CHARGE_W, _DISCHARGE_W),
        "larger while charging": (rating_of(9_000.0, 3_000.0), 9_000.0, 3_000.0),
        "an unknown car's": (None, 6_000.0, 5_000.0),
        "a car's": (DerRating(4_000.0, 3_000.0, 2_000.0), 4_000.0, 3_000.0),
    }
    for name, (rating, charge_w, discharge_w) in ratings.items():
        unit = Guarded(subject)
        unit.enter()
        unit.guard.begin(rating, unit.now)
        limit = unit.support(0.0)[0].limits[0]
        findings.append(same(f"{name} inverter", (limit.charge_w, limit.discharge_w), (charge_w, discharge_w)))
        findings.append(same("known", unit.guard.knows_inverter, rating is not None))
        fed_var = unit.support(-2_000.0, 1.0)[-1].reactive_var
        findings.append(same("reactive power", fed_var != 0.0, rating is not None))
    return tuple(findings)


def _follows(subject: Subject) -> tuple[Finding, ...]:
    """What is running goes on with the settings that hold now, whoever changed them and however they went back: seen by
    how far the power comes from zero in a step of the ramp."""
    name, usual, unit = "ramp_rate.pu_per_s", 0.5, Guarded(subject, {"ramp_rate.pu_per_s": 0.5})
    unit.guard.hold(0.0)  # before energy may flow there is nothing to hold
    unit.enter()
    unit.guard.begin(rating_of(), unit.now)
    before = dict(unit.guard.adjustments.layers)
    ways: dict[str, tuple[Callable[[], object], float]] = {
        "at rest": (lambda: None, usual),
        "set": (lambda: unit.guard.adjust({name: 0.4}, Party.SUNSPEC), 0.4),
        "no others": (lambda: unit.guard.adjust_only(lasting({name: 0.3}), Party.SUNSPEC), 0.3),
        "as they were": (lambda: unit.guard.adopt(before), usual),
        "for a time": (lambda: unit.guard.adjust({name: 0.2}, Party.BACK_END, for_s=2.0), 0.2),
        "that is over": (lambda: unit.guard.expire(unit.now + 3.0, 0.0), usual),
        "another one": (lambda: unit.guard.adjust({name: 0.1}, Party.BACK_END), 0.1),
        "given up": (lambda: unit.guard.give_up(Party.BACK_END), usual),
    }
    findings = list[Finding]()
    for way, (change, rate) in ways.items():
        gone = change()
        findings.append(about(f"{way}, as it holds", unit.guard.code.ramp_rate.pu_per_s, rate, 0.0))
        unit.support(1.0)
        unit.guard.hold(0.0)
        findings.append(about(way, unit.support(_CHARGE_W)[0].power_w, rate * _STEP_S * _CHARGE_W, 1e-3))
    return (*findings, same("names", gone, (name,)))


def _set_points(subject: Subject) -> tuple[Finding, ...]:
    """Of the station's inverter the active power shows how late it follows; until then a trial is fed, once the grid
    permits feeding, and nothing more. What was measured can be forgotten."""
    unit, findings = Guarded(subject), list[Finding]()
    unit.look()
    unit.guard.begin(rating_of(), unit.now)
    waits = unit.support(-_DISCHARGE_W)[0]
    findings.append(same("while it waits the grid alone stands against it", _trials([waits]), []))
    unit.enter()
    unit.guard.begin(rating_of(), unit.now)
    unit.command(-1_000.0, 0.0)
    for _ in range(3):
        unit.look()
    meter = unit.readings().meter
    for _ in range(20):
        unit.look(structs.replace(unit.readings(), meter=meter), 0.01)
    findings.append(same("not by one reading of the meter", unit.guard.delay_known, False))
    unit.guard.begin(rating_of(), unit.now)
    findings.append(same("not known", (unit.guard.delay_known, unit.guard.status().set_point_delay_s), (False, None)))
    findings.append(same("a trial", set(_trials(unit.support(-_DISCHARGE_W, 6.0))), {_TRIAL * _DISCHARGE_W}))
    known = unit.guard.status().set_point_delay_s
    findings.append(same("then it is known", unit.guard.delay_known, True))
    findings.append(about("as late as it is", -1.0 if known is None else known, _LATE_S, 0.051))
    findings.append(same("nothing against feeding", unit.guard.refusal, None))
    unit.guard.measure_again()
    findings.append(same("forgotten", unit.guard.delay_known, False))
    return (*findings, same("a trial again", _trials(unit.support(-_DISCHARGE_W)), [_TRIAL * _DISCHARGE_W]))


def _trials(given: list[Support]) -> list[float]:
    """What may be fed in turn while the delay is not known."""
    return [each.discharge_w for support in given for each in support.limits if each.source == "set-point delay"]


def _of_a_car(subject: Subject) -> tuple[Finding, ...]:
    """Of a car's inverter the reactive power shows it, whatever the active power does; that stands not against feeding
    here."""
    unit, findings = Guarded(subject), list[Finding]()
    unit.enter()
    rating = DerRating(_CHARGE_W, _DISCHARGE_W, _MOST_VAR)
    findings.append(about("no trial without an inverter", unit.guard.trial_var(unit.now), 0.0, 0.0))
    unit.guard.begin(rating, unit.now)
    trials, sources = set[float](), set[str]()
    for number in range(60):
        unit.look()
        trial_var = unit.guard.trial_var(unit.now)
        trials.add(trial_var)
        sources |= {each.source for each in unit.guard.support(-5_000.0, unit.now).limits}
        unit.command(-5_000.0 if number % 7 else -3_000.0, trial_var)
    known = unit.guard.status().set_point_delay_s
    findings.append(same("trials", trials, {0.0, _TRIAL * _DISCHARGE_W}))
    findings.append(about("as late as it is", -1.0 if known is None else known, _LATE_S, 0.051))
    findings.append(same("stands against feeding", "set-point delay" in sources, False))
    return tuple(findings)


def _never(subject: Subject) -> tuple[Finding, ...]:
    """A power that the meter never shows: after the trial nothing is fed, and the reason is given."""
    unit = Guarded(subject)
    unit.enter()
    unit.guard.begin(rating_of(), unit.now)
    unit.follows = False
    before = unit.guard.refusal
    given = unit.support(-_DISCHARGE_W, 30.0)
    refusal = unit.guard.refusal
    why = "" if refusal is None else refusal.detail
    tried_w = _trials(given)
    moves = sum(a != b for a, b in pairwise(tried_w))
    return (
        same("at first", before, None),
        same("then", (refusal and refusal.discharge_w, bool(why)), (0.0, True)),
        same("reported", why in unit.guard.status().feeds_not, True),
        about("fed at last", min(each.discharge_w for each in given[-1].limits), 0.0, 0.0),
        same("moves of the trial", _MOVES - 2 <= moves <= _MOVES, True),
    )


def _commanded(subject: Subject) -> tuple[Finding, ...]:
    """Reactive power by command takes the place of the mode, whatever else is set meanwhile, and the mode returns."""
    quick: dict[str, Value] = {"islanding.probe_kick": subject.standard.figures["islanding.probe_kick"].low}
    unit, findings = Guarded(subject, quick), list[Finding]()
    unit.enter()
    unit.guard.begin(DerRating(_CHARGE_W, _DISCHARGE_W, _MOST_VAR), unit.now)
    settles_s = 3 * subject.standard.number("constant_var.response_s") + 1.0
    settles_s += subject.standard.number("reactive.transition_s")
    resting = unit.support(2_000.0, settles_s)[-1]
    for fed_var in (1_000.0, -1_500.0):
        given = unit.support(2_000.0, settles_s, fed_var)[-1]
        findings.append(about(f"{fed_var:g} var", -given.reactive_var, fed_var, 5.0))
    unit.guard.adjust({"active_power_limit.enabled": True})
    given = unit.support(2_000.0, settles_s, -1_500.0)[-1]
    findings.append(about("while another setting changes", -given.reactive_var, -1_500.0, 5.0))
    given = unit.support(2_000.0, settles_s)[-1]
    findings.append(about("then the mode's", -given.reactive_var, -resting.reactive_var, 10.0))
    findings.append(same("by", given.reactive_by, resting.reactive_by))
    return tuple(findings)


def _for_a_car(subject: Subject) -> tuple[Finding, ...]:
    """What a car is given is the code as it holds now."""
    unit = Guarded(subject)
    first, same_again = unit.guard.der, unit.guard.der
    unit.guard.adjust({"active_power_limit.enabled": True, "active_power_limit.fed_pu": 0.4})
    return (
        same("of the nominal voltage", (first.nominal_v, first.nominal_hz), (_NOMINAL_V, unit.nominal_hz)),
        same("unchanged", first is same_again, True),
        same("the limit", unit.guard.der.fed_pu, 0.4),
    )
