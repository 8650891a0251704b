"""The grid as one of the station's sources of limits: what becomes of its support at the vehicle's side of the
inverter, who may command reactive power and until when, where a ramp begins. Decision by decision, in no session."""

from collections.abc import Iterator, Mapping
from typing import Any

from v2g.bench.typetest.case import Inspection, Subject, inspections
from v2g.bench.typetest.check import Finding
from v2g.bench.typetest.guard_steps import Guarded, rating_of
from v2g.bench.typetest.running import evse_of
from v2g.bench.typetest.standard import Value
from v2g.bench.typetest.stepwise import about, same
from v2g.iso15118.car import CarState
from v2g.iso15118.der import CarDer, DerRating
from v2g.iso15118.service import Service
from v2g.iso15118.view import Demand, Stage
from v2g.power.inverter import InverterReading, InverterState
from v2g.station.power.limits import Bound, Decision, Holds, Wish
from v2g.station.power.situation import BackEndOrder, Injection, Situation
from v2g.station.power.sources.grid import Grid
from v2g.station.readings import Readings

_SOURCE = "this station: what is fed, and why not (docs/grid-codes.md)"
_STEP_S, _RATE = 0.1, 0.5
_CHARGE_W, _DISCHARGE_W = 7_000.0, 10_000.0
_LOSS_W, _FLOWS_W = 1_200.0, -10_000.0
"""What the station's inverter loses, and at which power."""
_LATE_S = 0.2
_DISPATCH = "dispatch"


def cases(subject: Subject) -> Iterator[Inspection]:
    """Each for itself."""
    judges = {
        "before-energy": _before, "begins": _begins, "losses": _losses, "droop": _droop, "reactive-power": _reactive,
        "by-command": _commanded, "decided": _decided,
    }  # fmt: skip
    return inspections("stepwise/source", _SOURCE, subject, judges)


class _Deciding:
    """The source under test, its guard, and the situations in which it is asked."""

    def __init__(self, subject: Subject, changes: Mapping[str, Value] | None = None, *, enters: bool = True) -> None:
        self.unit = Guarded(subject, {"ramp_rate.pu_per_s": _RATE, **(changes or {})})
        self._evse, self.source = evse_of(subject), Grid()
        self.der: DerRating | None = None
        """Of an AC car."""
        self.lost_w = 0.0
        if enters:
            self.unit.enter()

    def situation(self, service: Service = Service.DC_BPT, stage: Stage = Stage.ENERGY, **more: Any) -> Situation:
        inverter = InverterReading(
            self.unit.now, InverterState.ON, frozenset(), 400.0, _FLOWS_W / 400.0, _FLOWS_W, _FLOWS_W + self.lost_w,
            0.0, 30.0,
        )  # fmt: skip
        der = None if self.der is None else CarDer(self.der, self.unit.guard.der, accepted=True)
        return Situation(
            self.unit.now, self._evse, Demand(stage, service), service, CarState(der=der), Readings(inverter=inverter),
            rating_of() if service.dc else None, self.unit.guard, None, **more,
        )  # fmt: skip

    def wish(self, wish_w: float, hz: float | None = None, **more: Any) -> tuple[Wish, dict[str, Bound], Situation]:
        """What becomes of a wish in the next moment, and the bounds by their sources."""
        self.unit.look(self.unit.readings(hz=hz))
        situation = self.situation(**more)
        became = self.source.reshape(Wish(wish_w, _DISPATCH), situation)
        return became, {each.source: each for each in self.source.bounds(situation)}, situation

    def power_w(self, wish_w: float, **more: Any) -> float:
        """The wish within the bounds."""
        became, bounds, _ = self.wish(wish_w, **more)
        charge_w = min(each.charge_w for each in bounds.values())
        return min(max(became.power_w, -min(each.discharge_w for each in bounds.values())), charge_w)


def _before(subject: Subject) -> tuple[Finding, ...]:
    """Before energy may flow the wish is left alone, and what would stand against it is shown."""
    findings, zero = list[Finding](), (0.0, 0.0)
    unknown = _Deciding(subject, enters=False)
    situation = unknown.situation(stage=Stage.OFF)
    became = unknown.source.reshape(Wish(-5_000.0, _DISPATCH), situation)
    bounds = [
        (each.source, each.charge_w, each.discharge_w, bool(each.detail)) for each in unknown.source.bounds(situation)
    ]
    findings.append(same("no measurement", bounds, [("grid protection", *zero, True)]))
    findings.append(same("the wish", became, Wish(-5_000.0, _DISPATCH)))
    for changes, named in (({}, []), ({"islanding.probe_enabled": False}, ["islanding probe"])):
        became, found, _ = _Deciding(subject, changes).wish(-5_000.0, stage=Stage.OFF)
        findings.append(same("refused", list(found), named))
        findings += [
            same("only feeding", (each.charge_w > 1e9, each.discharge_w), (True, 0.0)) for each in found.values()
        ]
        findings.append(same("the wish", became, Wish(-5_000.0, _DISPATCH)))
    nobody = Situation(0.0, evse_of(subject), Demand(), None, CarState(), Readings(), None, None, None, begins=True)
    source = Grid()
    findings.append(same("no grid code", source.reshape(Wish(1.0, "x"), nobody), Wish(1.0, "x")))
    source.decided(Decision(), nobody)
    return (*findings, same("no bounds", list(source.bounds(nobody)), []))


def _begins(subject: Subject) -> tuple[Finding, ...]:
    """With the first energy support begins; after a renegotiation it goes on, from no power. It begins again only with
    an inverter of which nothing was known."""
    findings = list[Finding]()
    for wish_w, rated_w in ((6_000.0, _CHARGE_W), (-6_000.0, _DISCHARGE_W)):
        deciding, step_w = _Deciding(subject), wish_w / 6_000.0 * _RATE * _STEP_S * rated_w
        first = deciding.power_w(wish_w, begins=True)
        findings.append(about("at first", abs(first), 0.0, abs(step_w)))
        drawn = [deciding.power_w(abs(wish_w)) for _ in range(5)]
        findings.append(same("rises", drawn == sorted(drawn) and drawn[-1] > drawn[0], True))
        again = deciding.power_w(abs(wish_w), begins=True)
        findings.append(about("after a renegotiation", again, _RATE * _STEP_S * _CHARGE_W, 1e-3))
    unknown, known = dict[str, Any](service=Service.AC_BPT), dict[str, Any](service=Service.AC_DER_IEC)
    deciding = _Deciding(subject)
    knows = list[bool]()
    for more, rating in (
        (unknown, None),
        (unknown, None),
        (known, DerRating(4_000.0, 3_000.0, 2_000.0)),
        (unknown, None),
    ):
        deciding.der = rating
        for _ in range(3):
            deciding.wish(2_000.0, begins=True, **more)
        knows.append(deciding.unit.guard.knows_inverter)
    findings.append(same("knows the inverter", knows, [False, False, True, True]))
    support = deciding.unit.guard.support(5_000.0, deciding.unit.now)
    findings.append(same("its rating", support.limits[0].charge_w, 4_000.0))
    return tuple(findings)


def _losses(subject: Subject) -> tuple[Finding, ...]:
    """The grid's limits count at its side of the inverter: at the vehicle's side the losses come on top of what is fed,
    and off what is drawn. What belongs to one set-point is said to."""
    deciding = _Deciding(subject)
    deciding.lost_w = _LOSS_W
    deciding.wish(0.0, begins=True)
    became, bounds, _ = deciding.wish(-5_000.0)
    rating = bounds["inverter rating"]
    findings = [
        same("the wish", became, Wish(-5_000.0, _DISPATCH)),
        same("rating", (rating.charge_w, rating.discharge_w), (_CHARGE_W - _LOSS_W, _DISCHARGE_W + _LOSS_W)),
        about("ramp", bounds["ramp rate"].discharge_w, _RATE * _STEP_S * _DISCHARGE_W + _LOSS_W, 1e-3),
    ]
    holds = {name: each.holds for name, each in bounds.items()}
    wanted = {"inverter rating": Holds.FOR_NOW, "ramp rate": Holds.AT_ONCE, "set-point delay": Holds.AT_ONCE}
    findings.append(same("holds", {name: holds.get(name) for name in wanted}, wanted))
    deciding.lost_w = 0.0
    charging = deciding.wish(3_000.0)[1]["ramp rate"]
    return (*findings, about("ramp of another direction", charging.charge_w, _RATE * _STEP_S * _CHARGE_W, 1e-3))


def _droop(subject: Subject) -> tuple[Finding, ...]:
    """What the droop wishes takes the place of the wish, at the vehicle's side of the inverter, while energy flows;
    what it leaves to others is a bound."""
    on: dict[str, Value] = {"frequency_droop.over_enabled": True, "frequency_droop.under_enabled": True}
    findings, high_hz = list[Finding](), 0.95
    for stage in (Stage.ENERGY, Stage.READY):
        deciding = _Deciding(subject, on)
        deciding.lost_w = _LOSS_W
        deciding.wish(-3_000.0, begins=True)
        for _ in range(20):
            deciding.wish(-3_000.0)
        hz = deciding.unit.nominal_hz + high_hz
        became, bounds, situation = deciding.wish(-3_000.0, hz=hz, stage=stage)
        wants = deciding.unit.guard.support(-3_000.0 + situation.loss_w, deciding.unit.now)
        findings.append(same("bounds", "frequency droop" in bounds, True))
        wished = Wish(wants.wish_w - situation.loss_w, "frequency droop")
        findings.append(same("wished", became, wished if stage is Stage.ENERGY else Wish(-3_000.0, _DISPATCH)))
    return tuple(findings)


def _reactive(subject: Subject) -> tuple[Finding, ...]:
    """The reactive power is handed on while energy flows, to an inverter that is known."""
    findings = list[Finding]()
    ways: dict[str, tuple[dict[str, Any], DerRating | None, bool]] = {
        "the station's": ({}, None, True), "before energy": ({"stage": Stage.READY}, None, False),
        "an unknown car's": ({"service": Service.AC_BPT}, None, False),
        "a car's": ({"service": Service.AC_DER_IEC}, DerRating(4_000.0, 3_000.0, 2_000.0), True),
        "a car's, before energy": (
            {"service": Service.AC_DER_IEC, "stage": Stage.READY}, DerRating(4_000.0, 3_000.0, 2_000.0), False,
        ),
    }  # fmt: skip
    for name, (more, rating, given) in ways.items():
        deciding = _Deciding(subject)
        deciding.der = rating
        deciding.wish(0.0, begins=True, **more)
        injection = Injection(-2_000.0, 1_000.0)
        for _ in range(3):
            _, _, situation = deciding.wish(-2_000.0, injection=injection, **more)
        findings.append(same(name, (situation.reactive[0] < 0, bool(situation.reactive[1])), (given, given)))
    return tuple(findings)


def _commanded(subject: Subject) -> tuple[Finding, ...]:
    """The operator's reactive power holds over the back end's, that until its time, both over the mode's; what the back
    end asks for is held to what the code admits."""
    figures, findings = subject.figures.figures, list[Finding]()
    most_var = figures["constant_var.injected_pu"].high * _DISCHARGE_W
    quick: dict[str, Value] = {"islanding.probe_kick": figures["islanding.probe_kick"].low}
    settles_s = 0.0
    for name, times in (("constant_var.response_s", 3), ("reactive.transition_s", 1)):
        quick[name] = figures[name].low
        settles_s += times * figures[name].low
    ways: dict[str, tuple[dict[str, Any], float | None]] = {
        "the operator's": ({"injection": Injection(0.0, 1_000.0)}, 1_000.0),
        "over the back end's": (
            {"injection": Injection(0.0, 1_000.0), "back_end": BackEndOrder(fed_var=-500.0)}, 1_000.0,
        ),
        "the operator's power alone": ({"injection": Injection(0.0), "back_end": BackEndOrder(fed_var=-500.0)}, None),
        "the back end's": ({"back_end": BackEndOrder(fed_var=-1_500.0)}, -1_500.0),
        "more than is admitted": ({"back_end": BackEndOrder(fed_var=1e6)}, min(most_var, 4_000.0)),
        "no order": ({"back_end": BackEndOrder()}, None),
        "nobody": ({}, None),
    }  # fmt: skip
    for name, (more, fed_var) in ways.items():
        deciding = _Deciding(subject, quick)
        deciding.wish(0.0, begins=True)
        for _ in range(5 if fed_var is None else round(settles_s / 0.3) + 5):
            deciding.unit.look(dt_s=0.2)
            _, _, situation = deciding.wish(0.0, **more)
        drawn_var, by = situation.reactive
        findings.append(same(f"{name}, by command", "constant reactive power" in by, fed_var is not None))
        if fed_var is not None:
            findings.append(about(name, -drawn_var, fed_var, 5.0))
    for late_s, holds in ((0.0, True), (0.01, False)):
        deciding = _Deciding(subject)
        deciding.wish(0.0, begins=True)
        order = BackEndOrder(fed_var=500.0, until_s=round(deciding.unit.now + _STEP_S - late_s, 6))
        _, _, situation = deciding.wish(0.0, back_end=order)
        findings.append(same("until its time", "constant reactive power" in situation.reactive[1], holds))
    return tuple(findings)


def _decided(subject: Subject) -> tuple[Finding, ...]:
    """The set-point counts at the grid's side, which shows how late it is followed; after a rest the ramp begins at no
    power."""
    deciding = _Deciding(subject)
    deciding.lost_w = _LOSS_W
    deciding.wish(0.0, begins=True)
    for number in range(80):
        _, _, situation = deciding.wish(0.0)
        power_w = _FLOWS_W if number % 14 < 7 else 0.2 * _FLOWS_W
        deciding.source.decided(Decision(power_w, reactive_var=300.0 * (number % 3)), situation)
        deciding.unit.obey(power_w + _LOSS_W, 300.0 * (number % 3))
    known_s = deciding.unit.guard.status().set_point_delay_s
    findings = [about("as late as it is", -1.0 if known_s is None else known_s, _LATE_S, 0.051)]
    for wish_w, rated_w in ((6_000.0, _CHARGE_W), (-6_000.0, _DISCHARGE_W)):
        for resting in (False, True):
            deciding.lost_w = 0.0
            for _ in range(5):
                deciding.power_w(wish_w)
            before_w = deciding.power_w(wish_w)
            situation = deciding.situation(resting=resting)
            deciding.source.decided(Decision(before_w), situation)
            after_w, sign = deciding.power_w(wish_w), wish_w / 6_000.0
            wanted_w = (0.0 if resting else before_w) + sign * _RATE * _STEP_S * rated_w
            findings.append(about(f"resting: {resting}", after_w, wanted_w, 1e-3))
    return tuple(findings)
