"""DER controls (block R) as settings of the grid code, and what the back end hears of grid functions at work (R05).

Units that OCPP leaves open: voltages of EnterService are in V, frequencies in Hz. A trip curve has Hz or % of the
nominal voltage as x and seconds as y (scenario 3 of R04); with the unit PctEffectiveV it is the other way round. The
other curves have % of the nominal voltage, or of the rated power (fed: positive), as x.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from v2g.grid.adjustments import Layer, Party, lasting
from v2g.grid.settings import GridCode, SettingsError, Value
from v2g.iso15118.view import Stage
from v2g.ocpp import v21
from v2g.ocpp.base import given
from v2g.ocpp.der_controls import Control, Type
from v2g.station.config.settings import EvseSettings
from v2g.station.evse import Evse
from v2g.station.safety.grid_guard import GridGuard
from v2g.station.safety.grid_guard import load as load_code

Changes = dict[str, Value]
TRIPS: dict[Type, tuple[str, ...]] = {
    "HVMustTrip": ("ov1", "ov2"),
    "LVMustTrip": ("uv1", "uv2"),
    "HFMustTrip": ("of1", "of2"),
    "LFMustTrip": ("uf1", "uf2"),
}
"""Elements of a grid code, the one nearest to the nominal value first."""
REACTIVE: dict[Type, str] = {
    "VoltVar": "volt_var",
    "WattVar": "watt_var",
    "FixedVar": "constant_var",
    "FixedPFAbsorb": "constant_power_factor",
    "FixedPFInject": "constant_power_factor",
}
"""Of these an inverter follows one at a time: the one with the lowest priority number."""


class Unfit(Exception):
    """The control asks for what this station cannot do. The text says what."""


@dataclass(frozen=True, slots=True)
class Plant:
    """What a control is applied to."""

    code: GridCode
    """As it is configured, without any control."""
    settings: EvseSettings

    @property
    def nominal_v(self) -> float:
        return float(self.settings.nominal_voltage_v)

    @classmethod
    def of(cls, settings: EvseSettings) -> "Plant | None":
        """That of an EVSE; None if it may not feed, or if its settings are not the back end's to change."""
        if settings.grid_code is None or Party.BACK_END not in settings.grid_code.adjustable_by:
            return None
        return cls(load_code(settings.grid_code, settings.nominal_hz), settings)


def changes_of(control: Control, plant: Plant) -> Changes:
    """The control as settings of the grid code. Raises `Unfit`."""
    return _FOR[control.type](control, plant)


def why_not(control: Control, plants: list[Plant]) -> str | None:
    """Why a control cannot be followed, or None."""
    for plant in plants:
        try:
            plant.code.with_settings(changes_of(control, plant))
        except (Unfit, SettingsError, ZeroDivisionError) as error:
            return str(error)
    return None


def settings_in_force(in_force: Mapping[Type, Control], plant: Plant) -> Changes:
    """All controls of an instant as settings. Of those of reactive power only one counts. Raises `Unfit`."""
    reactive = sorted(
        (each for each in in_force.values() if each.type in REACTIVE), key=lambda each: each.setting.priority
    )
    chosen = reactive[0].type if reactive else None
    found: Changes = {}
    for type, control in in_force.items():
        if type in REACTIVE and REACTIVE[type] != REACTIVE[chosen or type]:
            continue
        found |= changes_of(control, plant)
    return found


class GridSettings:
    """Applies the controls in force to the EVSEs; what a control has changed goes back when it ends."""

    def __init__(self, evses: Mapping[int, Evse]) -> None:
        self.plants = {id: plant for id, evse in evses.items() if (plant := Plant.of(evse.settings)) is not None}
        self.supported: tuple[Type, ...] = tuple(_FOR) if self.plants else ()
        self._evses = evses
        self._applied: dict[int, tuple[GridGuard, Mapping[Type, Control], Mapping[Party, Layer]]] = {}
        """For each EVSE the controls that were applied, and what other parties had set then."""
        self.refused: dict[int, Mapping[Type, str]] = {id: {} for id in self.plants}
        """For each EVSE the controls that are in force and cannot be followed, and why not."""

    def apply(self, in_force: Mapping[Type, Control]) -> list[str]:
        """Follow these controls from now on. Returns what went wrong, for the log."""
        troubles = []
        for id, plant in self.plants.items():
            guard = self._evses[id].guard
            if guard is None:
                continue
            layers = guard.adjustments.layers
            others: Mapping[Party, Layer] = {each: layers[each] for each in layers if each is not Party.BACK_END}
            state = guard, dict(in_force), others
            if state != self._applied.get(id):
                self._applied[id] = state
                self.refused[id] = _follow(guard, in_force, plant)
                troubles += [f"DER control at EVSE {id}: {why}" for why in self.refused[id].values()]
        return troubles


def _follow(guard: GridGuard, in_force: Mapping[Type, Control], plant: Plant) -> dict[Type, str]:
    """These controls and no others; one that cannot be followed takes no other with it. Returns which are not, and why.

    The configuration may be another one than when a control was accepted, and another party may contradict it.
    """
    if _try(guard, in_force, plant) is None:
        return {}
    guard.give_up(Party.BACK_END)
    followed: dict[Type, Control] = {}
    refused: dict[Type, str] = {}
    for type, control in sorted(in_force.items(), key=lambda each: each[1].setting.priority):
        why = _try(guard, {**followed, type: control}, plant)
        if why is None:
            followed[type] = control
        else:
            refused[type] = f"{type} {control.id} is not followed: {why}"
    return refused


def _try(guard: GridGuard, controls: Mapping[Type, Control], plant: Plant) -> str | None:
    """Why these controls cannot be followed together; then nothing has changed."""
    try:
        guard.adjust_only(lasting(settings_in_force(controls, plant), "OCPP"), Party.BACK_END)
    except (Unfit, SettingsError, ZeroDivisionError) as error:
        return str(error)
    return None


# Each type as settings


def _curve(control: Control) -> v21.DERCurveType:
    assert isinstance(control.setting, v21.DERCurveType)
    return control.setting


def _points(curve: v21.DERCurveType, unit: str, *counts: int) -> list[tuple[float, float]]:
    if curve.yUnit != unit:
        raise Unfit(f"the unit of y is {unit} here, not {curve.yUnit}")
    if len(curve.curveData) not in counts:
        raise Unfit(f"the curve has {' or '.join(map(str, counts))} points here, not {len(curve.curveData)}")
    return sorted((point.x / 100.0, point.y / 100.0) for point in curve.curveData)


def _response(curve: v21.DERCurveType, function: str) -> Changes:
    time_s = given(curve.responseTime, None)
    return {} if time_s is None else {f"{function}.response_s": time_s}


def _trip(control: Control, plant: Plant) -> Changes:
    curve, kind = _curve(control), control.type
    names = [name for name in TRIPS[kind] if f"trip.{name}.delay_s" in plant.code.settings]
    points = [(point.x, point.y) for point in curve.curveData]
    if curve.yUnit == "PctEffectiveV":
        points = [(y, x) for x, y in points]
    elif curve.yUnit != "Not_Applicable":
        raise Unfit(f"the unit of y is Not_Applicable or PctEffectiveV here, not {curve.yUnit}")
    if len(points) > len(names):
        raise Unfit(f"{kind} has at most {len(names)} points here, not {len(points)}")
    points.sort(reverse=kind.startswith("L"))
    changes: Changes = {}
    for name, (value, delay_s) in zip(names, points, strict=False):
        volts = kind[1] == "V"
        changes[f"trip.{name}.threshold_{'pu' if volts else 'hz'}"] = value / 100.0 if volts else value
        changes[f"trip.{name}.delay_s"] = delay_s
    return changes


def _volt_var(control: Control, plant: Plant) -> Changes:
    curve, most_pu = _curve(control), plant.code.capability.inject_pu
    changes: Changes = {"reactive.mode": "volt_var"}
    for number, (voltage_pu, share) in enumerate(_points(curve, "PctMaxVar", 4), 1):
        changes[f"volt_var.v{number}_pu"] = voltage_pu
        changes[f"volt_var.q{number}_pu"] = share * most_pu
    params = given(curve.reactivePowerParams, None)
    if params is not None:
        if (reference := given(params.vRef, None)) is not None:
            changes["volt_var.reference_pu"] = reference / 100.0
        if (autonomous := given(params.autonomousVRefEnable, None)) is not None:
            changes["volt_var.autonomous"] = autonomous
        if (time_s := given(params.autonomousVRefTimeConstant, None)) is not None:
            changes["volt_var.reference_time_s"] = time_s
    return changes | _response(curve, "volt_var")


def _volt_watt(control: Control, plant: Plant) -> Changes:
    curve = _curve(control)
    (v1, p1), (v2, p2) = _points(curve, "PctMaxW", 2)
    return {
        "volt_watt.enabled": True,
        "volt_watt.v1_pu": v1,
        "volt_watt.p1_pu": p1,
        "volt_watt.v2_pu": v2,
        "volt_watt.p2_pu": p2,
    } | _response(curve, "volt_watt")


def _watt_var(control: Control, plant: Plant) -> Changes:
    curve, most_pu = _curve(control), plant.code.capability.inject_pu
    points = _points(curve, "PctMaxVar", 3, 6)
    fed, drawn = [each for each in points if each[0] >= 0], [each for each in reversed(points) if each[0] < 0]
    if len(fed) not in (0, 3) or len(drawn) not in (0, 3):
        raise Unfit("the curve has 3 points for each direction of power")
    changes: Changes = {"reactive.mode": "watt_var"}
    for side, part in (("fed", fed), ("drawn", drawn)):
        for number, (power_pu, share) in enumerate(part, 1):
            changes[f"watt_var.{side}_p{number}_pu"] = power_pu
            changes[f"watt_var.{side}_q{number}_pu"] = share * most_pu
    return changes | _response(curve, "watt_var")


def _freq_droop(control: Control, plant: Plant) -> Changes:
    droop, nominal_hz = control.setting, plant.code.nominal_hz
    assert isinstance(droop, v21.FreqDroopType)
    return {
        "frequency_droop.over_enabled": True,
        "frequency_droop.over_deadband_hz": droop.overFreq - nominal_hz,
        "frequency_droop.over_droop": droop.overDroop,
        "frequency_droop.under_enabled": True,
        "frequency_droop.under_deadband_hz": nominal_hz - droop.underFreq,
        "frequency_droop.under_droop": droop.underDroop,
        "frequency_droop.response_s": droop.responseTime,
    }


def _fixed_pf(control: Control, plant: Plant) -> Changes:
    fixed = control.setting
    assert isinstance(fixed, v21.FixedPFType)
    which = "drawn_" if control.type == "FixedPFAbsorb" else ""
    return {
        "reactive.mode": "constant_power_factor",
        f"constant_power_factor.{which}power_factor": fixed.displacement,
        f"constant_power_factor.{which}excitation": "absorbing" if fixed.excitation else "injecting",
    }


def _fixed_var(control: Control, plant: Plant) -> Changes:
    fixed = control.setting
    assert isinstance(fixed, v21.FixedVarType)
    if fixed.unit != "PctMaxVar":
        raise Unfit(f"the unit is PctMaxVar here, not {fixed.unit}")
    injected_pu = fixed.setpoint / 100.0 * plant.code.capability.inject_pu
    return {"reactive.mode": "constant_var", "constant_var.injected_pu": injected_pu}


def _enter_service(control: Control, plant: Plant) -> Changes:
    entry = control.setting
    assert isinstance(entry, v21.EnterServiceType)
    changes: Changes = {
        "enter_service.lowest_pu": entry.lowVoltage / plant.nominal_v,
        "enter_service.highest_pu": entry.highVoltage / plant.nominal_v,
        "enter_service.lowest_hz": entry.lowFreq,
        "enter_service.highest_hz": entry.highFreq,
    }
    for name, value in (("delay_s", entry.delay), ("random_delay_s", entry.randomDelay), ("ramp_s", entry.rampRate)):
        if (seconds := given(value, None)) is not None:
            changes[f"enter_service.{name}"] = seconds
    return _reconnecting(changes, plant)


def _reconnecting(changes: Changes, plant: Plant) -> Changes:
    """The same for the way back after a trip, if the grid code has figures of its own for that: OCPP has one set."""
    again = {f"reconnection.{name.removeprefix('enter_service.')}": value for name, value in changes.items()}
    return changes | {name: value for name, value in again.items() if name in plant.code.settings}


def _gradients(control: Control, plant: Plant) -> Changes:
    gradient = control.setting
    assert isinstance(gradient, v21.GradientType)
    changes: Changes = {}
    if gradient.softGradient:
        changes = _reconnecting({"enter_service.ramp_s": gradient.softGradient}, plant)
    if gradient.gradient:
        changes["ramp_rate.pu_per_s"] = 1.0 / gradient.gradient
    return changes


def _limit(control: Control, plant: Plant) -> Changes:
    limit = control.setting
    assert isinstance(limit, v21.LimitMaxDischargeType)
    percent = given(limit.pctMaxDischargePower, None)
    if percent is None or given(limit.powerMonitoringMustTrip, None) is not None:
        raise Unfit("pctMaxDischargePower is needed, and powerMonitoringMustTrip cannot be followed")
    return {"active_power_limit.enabled": True, "active_power_limit.fed_pu": percent / 100.0}


_FOR: dict[Type, Callable[[Control, Plant], Changes]] = {
    "EnterService": _enter_service,
    "FixedPFAbsorb": _fixed_pf,
    "FixedPFInject": _fixed_pf,
    "FixedVar": _fixed_var,
    "FreqDroop": _freq_droop,
    "Gradients": _gradients,
    "LimitMaxDischarge": _limit,
    "HVMustTrip": _trip,
    "LVMustTrip": _trip,
    "HFMustTrip": _trip,
    "LFMustTrip": _trip,
    "VoltVar": _volt_var,
    "VoltWatt": _volt_watt,
    "WattVar": _watt_var,
}


# Alarms

_SOURCES: dict[str, tuple[Type, v21.GridEventFaultEnumType | None]] = {
    "volt-watt": ("VoltWatt", "OverVoltage"),
    "active power limit": ("LimitMaxDischarge", None),
    "enter service ramp": ("EnterService", None),
    "ov": ("HVMustTrip", "OverVoltage"),
    "uv": ("LVMustTrip", "UnderVoltage"),
    "of": ("HFMustTrip", "OverFrequency"),
    "uf": ("LFMustTrip", "UnderFrequency"),
}
Alarm = tuple[Type, v21.GridEventFaultEnumType | None]


def alarm_of(evse: Evse) -> Alarm | None:
    """The DER function that makes this EVSE do something else than it was asked for, and what the grid did (R05)."""
    guard, decision = evse.guard, evse.decision
    if guard is None:
        return None
    if guard.trip is not None and evse.visit.busy:
        return _SOURCES.get(guard.verdict.element[:2])
    if evse.demand.stage is not Stage.ENERGY:
        return None
    if decision.wished_by == "frequency droop":
        over = guard.sample is not None and guard.sample.frequency_hz > guard.code.nominal_hz
        return "FreqDroop", "OverFrequency" if over else "UnderFrequency"
    return None if decision.binding is None else _SOURCES.get(decision.binding.source)
