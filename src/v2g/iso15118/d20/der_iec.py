"""The grid code in the elements of AC_DER_IEC, and what a car reads in them.

Amendment 1 is not public. Its schema fixes the elements; what they do not say is chosen here and holds on both sides:
a slope is in per cent of the power reference for each hertz, reactive power is a magnitude with its excitation
(over-excited feeds reactive power), `Fstop` ends the response where it began, and ride-through begins where continuous
operation ends. The bits of DERControlFunctions are those of EVerest's libiso15118.
"""

from enum import IntFlag, auto

from v2g.iso15118.d20.numbers import shown
from v2g.iso15118.der import Curve, DerRating, DerSettings, Entry, FrequencyWatt, Point, Reactive, Stage, Trips
from v2g.messages.iso20 import ac_der_iec as iec
from v2g.messages.iso20.types import RationalNumber

_W, _V, _VAR = iec.CurveDataPointsUnit.W, iec.CurveDataPointsUnit.V, iec.CurveDataPointsUnit.var
_REFERENCE = iec.PowerReference.MaximumDischargePower


class Function(IntFlag):
    """DERControlFunctions: what a parameter set of the service demands of the car."""

    OVER_FREQUENCY_WATT = auto()
    UNDER_FREQUENCY_WATT = auto()
    VOLT_WATT = auto()
    VOLT_VAR = auto()
    WATT_VAR = auto()
    WATT_COS_PHI = auto()
    DSO_Q_SETPOINT = auto()
    DSO_COS_PHI_SETPOINT = auto()
    DC_INJECTION = auto()
    ZERO_CURRENT = auto()
    OVER_VOLTAGE_RIDE_THROUGH = auto()
    UNDER_VOLTAGE_RIDE_THROUGH = auto()


_REACTIVE: dict[Reactive, Function] = {
    "volt_var": Function.VOLT_VAR,
    "watt_var": Function.WATT_VAR,
    "constant_power_factor": Function.WATT_COS_PHI,
    "constant_var": Function.DSO_Q_SETPOINT,
}


def functions(settings: DerSettings) -> Function:
    """What a car must be able to do for these settings."""
    demanded = _REACTIVE[settings.reactive]
    demanded |= Function.OVER_VOLTAGE_RIDE_THROUGH | Function.UNDER_VOLTAGE_RIDE_THROUGH
    for function, wanted in (
        (Function.OVER_FREQUENCY_WATT, settings.over_frequency is not None),
        (Function.UNDER_FREQUENCY_WATT, settings.under_frequency is not None),
        (Function.VOLT_WATT, settings.volt_watt is not None),
        (Function.ZERO_CURRENT, settings.ceases_below_pu is not None or settings.ceases_above_pu is not None),
    ):
        if wanted:
            demanded |= function
    return demanded


def control(settings: DerSettings, rating: DerRating) -> iec.DERControl:
    """The settings as the station sends them."""
    volts = settings.nominal_v
    ceases = settings.ceases_below_pu is not None or settings.ceases_above_pu is not None
    return iec.DERControl(
        OvervoltageFaultRideThrough=_ride_through(settings.highest_pu, settings.over_voltage, volts),
        UndervoltageFaultRideThrough=_ride_through(settings.lowest_pu, settings.under_voltage, volts),
        ZeroCurrent=_zero_current(settings) if ceases else None,
        ReactivePowerSupport=_reactive(settings, rating),
        ActivePowerSupport=_active(settings),
    )


def q_setpoint(settings: DerSettings, rating: DerRating) -> iec.DSOQSetpoint | None:
    """Constant reactive power travels in the charge loop; positive is drawn, as every power there."""
    if settings.reactive != "constant_var":
        return None
    return iec.DSOQSetpoint(
        shown(-settings.constant_var_pu * rating.apparent_va),
        PT1ResponseReactivePower=True,
        StepResponseTimeConstantReactivePower=shown(settings.reactive_response_s),
    )


def settings_of(mode: iec.DER_AC_CPDResEnergyTransferMode, nominal_v: float, rating: DerRating) -> DerSettings:
    """What a car reads. What this variant does not carry (trip times, entering service) it has from its own approval.

    `nominal_v`: of the service's parameter set.
    """
    der = mode.DERControl
    active = der.ActivePowerSupport or iec.ActivePowerSupport()
    reactive = der.ReactivePowerSupport or iec.ReactivePowerSupport()
    zero, flat = der.ZeroCurrent, Curve(((0.0, 0.0), (1.0, 0.0)), 0.0)
    name: Reactive = "constant_var"
    volt_var = watt_var = flat
    factor, injecting, response_s = 1.0, False, 0.0
    if reactive.VoltVar is not None:
        name, volt_var = "volt_var", _curve_of(reactive.VoltVar, nominal_v, rating.apparent_va)
    elif reactive.WattVar is not None:
        name, watt_var = "watt_var", _curve_of(reactive.WattVar, rating.discharge_w, rating.apparent_va)
    elif reactive.WattCosPhi is not None:
        last = reactive.WattCosPhi.CurveDataPoints.CurveDataPoint[-1].yValue
        name, factor = "constant_power_factor", last.SetpointValue.value
        injecting = last.Excitation is iec.PowerFactorExcitation.OverExcited
        response_s = reactive.WattCosPhi.StepResponseTimeConstantReactivePower.value
    over, under = der.OvervoltageFaultRideThrough, der.UndervoltageFaultRideThrough
    return DerSettings(
        nominal_v=nominal_v,
        nominal_hz=mode.EVSENominalFrequency.value,
        reactive=name,
        volt_var=volt_var,
        watt_var=watt_var,
        power_factor=factor,
        injecting=injecting,
        constant_var_pu=0.0,
        reactive_response_s=response_s,
        reactive_pu=0.0,
        over_frequency=_frequency_watt_of(active.OverFrequencyWatt),
        under_frequency=_frequency_watt_of(active.UnderFrequencyWatt),
        volt_watt=None if active.VoltWatt is None else _volt_watt_of(active.VoltWatt, nominal_v),
        fed_pu=1.0,
        over_voltage=_trips_of(over, nominal_v),
        under_voltage=_trips_of(under, nominal_v),
        over_frequency_trip=Trips(()),
        under_frequency_trip=Trips(()),
        lowest_pu=0.0 if under is None else under.VoltageLimitStartFRT.value / nominal_v,
        highest_pu=2.0 if over is None else over.VoltageLimitStartFRT.value / nominal_v,
        ceases_below_pu=None if zero is None else _pu(zero.UnderVoltageLimit, nominal_v),
        ceases_above_pu=None if zero is None else _pu(zero.OverVoltageLimit, nominal_v),
        entry=Entry(True, 0.0, 2.0, 0.0, 100.0, 0.0, 0.0),
    )


def _pu(value: RationalNumber | None, base: float) -> float | None:
    return None if value is None else value.value / base


def _ride_through(starts_pu: float, trips: Trips, volts: float) -> iec.FaultRideThrough:
    return iec.FaultRideThrough(
        shown(starts_pu * volts),
        VoltageLimitStopFRT=shown(trips.stages[0].threshold * volts),
        VoltageRecoveryLimit=shown(starts_pu * volts),
        PT1ResponseActivePower=False,
        StepResponseTimeConstantActivePower=shown(0.0),
        PT1ResponseReactivePower=False,
        StepResponseTimeConstantReactivePower=shown(0.0),
    )


def _trips_of(found: iec.FaultRideThrough | None, volts: float) -> Trips:
    """The limits without their times, which this variant has no element for."""
    stop = None if found is None else found.VoltageLimitStopFRT
    return Trips(() if stop is None else (Stage(stop.value / volts, 0.0),))


def _zero_current(settings: DerSettings) -> iec.ZeroCurrent:
    volts, below, above = settings.nominal_v, settings.ceases_below_pu, settings.ceases_above_pu
    return iec.ZeroCurrent(
        OverVoltageLimit=None if above is None else shown(above * volts),
        UnderVoltageLimit=None if below is None else shown(below * volts),
        OverVoltageRecoveryLimit=None if above is None else shown(above * volts),
        UnderVoltageRecoveryLimit=None if below is None else shown(below * volts),
        PT1ResponseActivePower=False,
        StepResponseTimeConstantActivePower=shown(0.0),
        PT1ResponseReactivePower=False,
        StepResponseTimeConstantReactivePower=shown(0.0),
    )


def _reactive(settings: DerSettings, rating: DerRating) -> iec.ReactivePowerSupport | None:
    match settings.reactive:
        case "volt_var":
            curve = _curve(settings.volt_var, _V, settings.nominal_v, rating.apparent_va)
            return iec.ReactivePowerSupport(VoltVar=curve)
        case "watt_var":
            return iec.ReactivePowerSupport(
                WattVar=_curve(settings.watt_var, _W, rating.discharge_w, rating.apparent_va)
            )
        case "constant_power_factor":
            excitation = iec.PowerFactorExcitation.OverExcited if settings.injecting else _UNDER
            factor = iec.SetpointExcitation(shown(settings.power_factor), excitation)
            points = [iec.DataTuple(shown(power_w), factor) for power_w in (0.0, rating.discharge_w)]
            curve = _der_curve(_W, points, settings.reactive_response_s)
            return iec.ReactivePowerSupport(WattCosPhi=curve)
        case "constant_var":
            return None


_UNDER = iec.PowerFactorExcitation.UnderExcited


def _curve(curve: Curve, unit: iec.CurveDataPointsUnit, base: float, var: float) -> iec.DERCurve:
    points = [iec.DataTuple(shown(x * base), _fed(y * var)) for x, y in curve.points]
    return _der_curve(unit, points, curve.response_s)


def _der_curve(unit: iec.CurveDataPointsUnit, points: list[iec.DataTuple], response_s: float) -> iec.DERCurve:
    return iec.DERCurve(
        unit,
        _VAR,
        iec.CurveDataPointsList(points),
        PT1ResponseReactivePower=True,
        StepResponseTimeConstantReactivePower=shown(response_s),
    )


def _fed(fed_var: float) -> iec.SetpointExcitation:
    if not fed_var:
        return iec.SetpointExcitation(shown(0.0))
    return iec.SetpointExcitation(shown(abs(fed_var)), iec.PowerFactorExcitation.OverExcited if fed_var > 0 else _UNDER)


def _curve_of(curve: iec.DERCurve, base: float, var: float) -> Curve:
    points: list[Point] = []
    for point in curve.CurveDataPoints.CurveDataPoint:
        sign = -1.0 if point.yValue.Excitation is _UNDER else 1.0
        points.append((point.xValue.value / base, sign * point.yValue.SetpointValue.value / max(var, 1.0)))
    return Curve(tuple(points), curve.StepResponseTimeConstantReactivePower.value)


def _active(settings: DerSettings) -> iec.ActivePowerSupport:
    curve = settings.volt_watt
    volt_watt = None
    if curve is not None:
        volt_watt = iec.VoltWatt(
            _REFERENCE,
            shown(curve.points[0][0] * settings.nominal_v),
            shown(curve.points[-1][0] * settings.nominal_v),
            PT1ResponseActivePower=True,
            StepResponseTimeConstantActivePower=shown(curve.response_s),
        )
    return iec.ActivePowerSupport(
        UnderFrequencyWatt=_frequency_watt(settings.under_frequency),
        OverFrequencyWatt=_frequency_watt(settings.over_frequency),
        VoltWatt=volt_watt,
    )


def _volt_watt_of(found: iec.VoltWatt, volts: float) -> Curve:
    points = ((found.UStart.value / volts, 1.0), (found.UStop.value / volts, 0.0))
    return Curve(points, found.StepResponseTimeConstantActivePower.value)


def _frequency_watt(wanted: FrequencyWatt | None) -> iec.FrequencyWatt | None:
    if wanted is None:
        return None
    return iec.FrequencyWatt(
        shown(wanted.start_hz),
        shown(wanted.start_hz),
        Slope=shown(100 * wanted.per_hz),
        PowerReference=_REFERENCE,
        HysteresisControl=False,
        PT1ResponseActivePower=True,
        StepResponseTimeConstantActivePower=shown(wanted.response_s),
    )


def _frequency_watt_of(found: iec.FrequencyWatt | None) -> FrequencyWatt | None:
    if found is None:
        return None
    return FrequencyWatt(found.Fstart.value, found.Slope.value / 100, found.StepResponseTimeConstantActivePower.value)
