"""The grid code in the elements of AC_DER_SAE (SAE J3072), and what a car reads in them.

Amendment 1 is not public. Its schema fixes the elements; what they do not say is chosen here and holds on both sides:
a trip curve has one point for each element, its delay over its threshold; a droop factor is the change of frequency per
unit that changes the power by its rating; reactive power in curves is positive when fed into the grid. The bits of
SupportedModes and EnabledModes are those of EVerest's libiso15118.
"""

from dataclasses import replace
from enum import IntFlag

from v2g.iso15118.d20.numbers import shown
from v2g.iso15118.der import CarDer, Curve, DerRating, DerSettings, Entry, FrequencyWatt, Reactive, Stage, Trips
from v2g.messages.iso20 import ac_der_sae as sae

_S, _V, _HZ, _W, _VAR = sae.DerUnit.s, sae.DerUnit.V, sae.DerUnit.Hz, sae.DerUnit.W, sae.DerUnit.var


class Mode(IntFlag):
    """SupportedModes and EnabledModes."""

    CHARGE = 1 << 0
    DISCHARGE = 1 << 1
    ENTER_SERVICE = 1 << 3
    POWER_FACTOR_UNDER_EXCITED = 1 << 4
    POWER_FACTOR_OVER_EXCITED = 1 << 5
    CONSTANT_VAR = 1 << 6
    CONSTANT_WATT = 1 << 7
    FREQUENCY_DROOP = 1 << 8
    HIGH_FREQUENCY_MUST_TRIP = 1 << 11
    HIGH_VOLTAGE_CESSATION = 1 << 13
    HIGH_VOLTAGE_MUST_TRIP = 1 << 14
    LOW_FREQUENCY_MUST_TRIP = 1 << 16
    LOW_VOLTAGE_CESSATION = 1 << 18
    LOW_VOLTAGE_MUST_TRIP = 1 << 19
    LIMIT_DISCHARGE = 1 << 20
    TARGET_VAR = 1 << 21
    TARGET_WATT = 1 << 22
    VOLT_VAR = 1 << 23
    VOLT_WATT = 1 << 24
    WATT_VAR = 1 << 26


KNOWN = sum(Mode)
"""Other bits mean nothing here."""
ECHOED = Mode(KNOWN) & ~(Mode.CHARGE | Mode.DISCHARGE | Mode.TARGET_VAR | Mode.TARGET_WATT)
"""Modes that the station enables one by one, so that the car's EnabledModes must show them."""


def demanded(settings: DerSettings) -> Mode:
    """What a car must be able to do for these settings."""
    return enabled(settings) | Mode.CHARGE | Mode.DISCHARGE | Mode.TARGET_VAR | Mode.TARGET_WATT


def enabled(settings: DerSettings) -> Mode:
    """What the settings enable."""
    modes = Mode.ENTER_SERVICE | Mode.HIGH_FREQUENCY_MUST_TRIP | Mode.LOW_FREQUENCY_MUST_TRIP
    modes |= Mode.HIGH_VOLTAGE_MUST_TRIP | Mode.LOW_VOLTAGE_MUST_TRIP | _reactive_mode(settings)
    for mode, wanted in (
        (Mode.FREQUENCY_DROOP, settings.over_frequency is not None or settings.under_frequency is not None),
        (Mode.VOLT_WATT, settings.volt_watt is not None),
        (Mode.LIMIT_DISCHARGE, settings.fed_pu < 1.0),
        (Mode.HIGH_VOLTAGE_CESSATION, settings.ceases_above_pu is not None),
        (Mode.LOW_VOLTAGE_CESSATION, settings.ceases_below_pu is not None),
    ):
        if wanted:
            modes |= mode
    return modes


def _reactive_mode(settings: DerSettings) -> Mode:
    match settings.reactive:
        case "volt_var":
            return Mode.VOLT_VAR
        case "watt_var":
            return Mode.WATT_VAR
        case "constant_var":
            return Mode.CONSTANT_VAR
        case "constant_power_factor":
            return Mode.POWER_FACTOR_OVER_EXCITED if settings.injecting else Mode.POWER_FACTOR_UNDER_EXCITED


def names(modes: Mode) -> str:
    """For a person."""
    return ", ".join(str(mode.name).lower().replace("_", " ") for mode in Mode if mode in modes)


def control(settings: DerSettings, rating: DerRating) -> sae.DERControlCPDRes:
    """The settings as the station sends them."""
    entry, volts = settings.entry, settings.nominal_v
    return sae.DERControlCPDRes(
        VoltageTrip=sae.VoltageTrip(
            _trip_curve(settings.over_voltage, _V, volts),
            _trip_curve(settings.under_voltage, _V, volts),
            OverVoltageMomentaryCessationTripCurve=_cessation(settings.ceases_above_pu, volts),
            UnderVoltageMomentaryCessationTripCurve=_cessation(settings.ceases_below_pu, volts),
        ),
        FrequencyTrip=sae.FrequencyTrip(
            _trip_curve(settings.over_frequency_trip, _HZ, 1.0), _trip_curve(settings.under_frequency_trip, _HZ, 1.0)
        ),
        EnterServiceCPDRes=sae.EnterServiceCPDRes(
            entry.permitted,
            EnterServiceVoltageHigh=shown(entry.highest_pu * volts),
            EnterServiceVoltageLow=shown(entry.lowest_pu * volts),
            EnterServiceFrequencyHigh=shown(entry.highest_hz),
            EnterServiceFrequencyLow=shown(entry.lowest_hz),
            EnterServiceDelay=shown(entry.delay_s),
            EnterServiceRampTime=shown(entry.ramp_s),
        ),
        ReactivePowerSupportCPDRes=_reactive(settings, rating),
        ActivePowerSupportCPDRes=_active(settings, rating),
    )


def unchanged(settings: DerSettings) -> sae.DERControlCLRes:
    """In the charge loop: nothing but the permission, for the settings are those of charge parameter discovery."""
    return sae.DERControlCLRes(EnterServiceCLRes=sae.EnterServiceCLRes(settings.entry.permitted))


def settings_of(mode: sae.DER_AC_CPDResEnergyTransferMode, rating: DerRating) -> DerSettings:
    """What a car reads."""
    der, volts = mode.DERControlCPDRes, mode.GridLimits.GridNominalVoltage.value
    hertz = mode.GridLimits.GridNominalFrequency.value
    reactive, active, entry = der.ReactivePowerSupportCPDRes, der.ActivePowerSupportCPDRes, der.EnterServiceCPDRes
    trip, factor, volt_watt = der.VoltageTrip, reactive.ConstantPowerFactor, active.VoltWatt
    name: Reactive = "constant_power_factor"
    if reactive.VoltVar.Enable:
        name = "volt_var"
    elif reactive.WattVar.Enable:
        name = "watt_var"
    elif reactive.ConstantVar.Enable:
        name = "constant_var"
    va = max(rating.apparent_va, 1.0)
    response_s = reactive.VoltVar.OpenLoopResponseTime.value
    watt_var_s = 0.0 if reactive.WattVar.OpenLoopResponseTime is None else reactive.WattVar.OpenLoopResponseTime.value
    over, under = active.FrequencyDroop.OverFrequencyDroop, active.FrequencyDroop.UnderFrequencyDroop
    limit, watts = active.LimitMaxDischargePower, max(rating.discharge_w, 1.0)
    return DerSettings(
        nominal_v=volts,
        nominal_hz=hertz,
        reactive=name,
        volt_var=_curve_of(reactive.VoltVar.CurveDataPoints, volts, va, response_s),
        watt_var=_curve_of(reactive.WattVar.CurveDataPoints, watts, va, watt_var_s),
        power_factor=factor.PowerFactorValue.value,
        injecting=factor.PowerFactorExcitation is sae.PowerFactorExcitation.OverExcited,
        constant_var_pu=reactive.ConstantVar.VarSetpoint.value / va,
        reactive_response_s=0.0,
        reactive_pu=0.0,
        over_frequency=_droop_of(over, hertz, 1.0) if active.FrequencyDroop.Enable else None,
        under_frequency=_droop_of(under, hertz, -1.0) if active.FrequencyDroop.Enable else None,
        volt_watt=(
            _curve_of(volt_watt.CurveDataPoints, volts, watts, volt_watt.OpenLoopResponseTime.value)
            if volt_watt.Enable
            else None
        ),
        fed_pu=limit.PercentageValue / 100 if limit.Enable else 1.0,
        over_voltage=_trips_of(trip.OverVoltageMustTripCurve, volts),
        under_voltage=_trips_of(trip.UnderVoltageMustTripCurve, volts),
        over_frequency_trip=_trips_of(der.FrequencyTrip.OverFrequencyMustTripCurve, 1.0),
        under_frequency_trip=_trips_of(der.FrequencyTrip.UnderFrequencyMustTripCurve, 1.0),
        lowest_pu=mode.GridLimits.GridMinimumVoltage.value / volts,
        highest_pu=mode.GridLimits.GridMaximumVoltage.value / volts,
        ceases_below_pu=_cessation_of(trip.UnderVoltageMomentaryCessationTripCurve, volts),
        ceases_above_pu=_cessation_of(trip.OverVoltageMomentaryCessationTripCurve, volts),
        entry=Entry(
            entry.PermitService,
            entry.EnterServiceVoltageLow.value / volts,
            entry.EnterServiceVoltageHigh.value / volts,
            entry.EnterServiceFrequencyLow.value,
            entry.EnterServiceFrequencyHigh.value,
            0.0 if entry.EnterServiceDelay is None else entry.EnterServiceDelay.value,
            0.0 if entry.EnterServiceRampTime is None else entry.EnterServiceRampTime.value,
        ),
    )


def _points(points: tuple[tuple[float, float], ...]) -> sae.CurveDataPointsList:
    return sae.CurveDataPointsList([sae.DataTuple(shown(x), shown(y)) for x, y in points])


def _trip_curve(trips: Trips, unit: sae.DerUnit, base: float) -> sae.DERCurve:
    """A curve has at least two points: a single element is named twice."""
    points = tuple((stage.delay_s, stage.threshold * base) for stage in trips.stages)
    points = points if len(points) > 1 else points * 2
    return sae.DERCurve(True, xUnit=_S, yUnit=unit, CurveDataPoints=_points(points))


def _trips_of(curve: sae.DERCurve, base: float) -> Trips:
    found = [Stage(p.yValue.value / base, p.xValue.value) for p in curve.CurveDataPoints.CurveDataPoint]
    return Trips(tuple(dict.fromkeys(found)) if curve.Enable else ())


def _cessation(limit_pu: float | None, volts: float) -> sae.DERCurve | None:
    """At once, as long as the voltage is beyond the limit."""
    if limit_pu is None:
        return None
    points = ((0.0, limit_pu * volts), (1000.0, limit_pu * volts))
    return sae.DERCurve(True, xUnit=_S, yUnit=_V, CurveDataPoints=_points(points))


def _cessation_of(curve: sae.DERCurve | None, volts: float) -> float | None:
    return None if curve is None or not curve.Enable else curve.CurveDataPoints.CurveDataPoint[0].yValue.value / volts


def _curve_of(points: sae.CurveDataPointsList, x_base: float, y_base: float, response_s: float) -> Curve:
    read = tuple((p.xValue.value / x_base, p.yValue.value / y_base) for p in points.CurveDataPoint)
    return Curve(read, response_s)


def _reactive(settings: DerSettings, rating: DerRating) -> sae.ReactivePowerSupportCPDRes:
    name, va, volts = settings.reactive, rating.apparent_va, settings.nominal_v
    excitation = sae.PowerFactorExcitation
    return sae.ReactivePowerSupportCPDRes(
        ConstantPowerFactor=sae.ConstantPowerFactor(
            name == "constant_power_factor",
            PowerFactorValue=shown(settings.power_factor),
            PowerFactorExcitation=excitation.OverExcited if settings.injecting else excitation.UnderExcited,
        ),
        VoltVar=sae.VoltVar(
            name == "volt_var",
            xUnit=_V,
            yUnit=_VAR,
            CurveDataPoints=_points(tuple((x * volts, y * va) for x, y in settings.volt_var.points)),
            OpenLoopResponseTime=shown(settings.volt_var.response_s),
            ReferenceVoltage=shown(volts),
            AutonomousReferenceVoltageAdjustmentEnable=False,
            ReferenceVoltageAdjustmentTimeConstant=300,
        ),
        WattVar=sae.WattVar(
            name == "watt_var",
            xUnit=_W,
            yUnit=_VAR,
            CurveDataPoints=_points(tuple((x * rating.discharge_w, y * va) for x, y in settings.watt_var.points)),
            OpenLoopResponseTime=shown(settings.watt_var.response_s),
        ),
        ConstantVar=sae.ConstantVar(
            name == "constant_var", VarSetpoint=shown(settings.constant_var_pu * va), Unit=_VAR
        ),
    )


def _active(settings: DerSettings, rating: DerRating) -> sae.ActivePowerSupportCPDRes:
    over, under, curve = settings.over_frequency, settings.under_frequency, settings.volt_watt
    volts, watts = settings.nominal_v, rating.discharge_w
    points = ((1.0, 1.0), (1.1, 1.0)) if curve is None else curve.points
    return sae.ActivePowerSupportCPDRes(
        FrequencyDroop=sae.FrequencyDroop(
            over is not None or under is not None,
            OverFrequencyDroop=_droop(over, settings.nominal_hz),
            UnderFrequencyDroop=_droop(under, settings.nominal_hz),
        ),
        VoltWatt=sae.VoltWatt(
            curve is not None,
            xUnit=_V,
            yUnit=_W,
            CurveDataPoints=_points(tuple((x * volts, y * watts) for x, y in points)),
            OpenLoopResponseTime=shown(0.0 if curve is None else curve.response_s),
        ),
        ConstantWatt=sae.ConstantWatt(False, WattSetpoint=shown(0.0), Unit=_W),
        LimitMaxDischargePower=sae.LimitMaxDischargePower(
            settings.fed_pu < 1.0, PercentageValue=round(100 * settings.fed_pu)
        ),
    )


def _droop(wanted: FrequencyWatt | None, nominal_hz: float) -> sae.FrequencyDroopSettings | None:
    if wanted is None:
        return None
    return sae.FrequencyDroopSettings(
        shown(abs(wanted.start_hz - nominal_hz)),
        shown(1 / (wanted.per_hz * nominal_hz)),
        PowerReference=sae.PowerReference.MaximumActivePower,
        OpenLoopResponseTime=shown(wanted.response_s),
    )


def _droop_of(found: sae.FrequencyDroopSettings | None, nominal_hz: float, side: float) -> FrequencyWatt | None:
    if found is None:
        return None
    per_hz = 1 / (max(found.DroopFactor.value, 0.001) * nominal_hz)
    return FrequencyWatt(nominal_hz + side * found.db.value, per_hz, found.OpenLoopResponseTime.value)


def echoed(inverter: CarDer, enabled_modes: int, alarms: int = 0) -> CarDer:
    """The car's answer, judged: it must have enabled what the station enabled, no more and no less."""
    due, shows = enabled(inverter.given) & ECHOED, Mode(enabled_modes & KNOWN) & ECHOED
    if alarms:
        return replace(inverter, lacking=f"the car's inverter raises alarm 0x{alarms:08X}", accepted=False)
    if missing := due & ~shows:
        return replace(inverter, lacking=f"the car has not enabled {names(missing)}", accepted=False)
    if more := shows & ~due:
        return replace(inverter, lacking=f"the car has enabled {names(more)}, which is off", accepted=False)
    return replace(inverter, accepted=True)
