"""The station's grid code as settings for the inverter of an AC car (`v2g.iso15118.der`)."""

from v2g.grid.element import Quantity
from v2g.grid.ride_through import Mode
from v2g.grid.settings import GridCode
from v2g.iso15118.der import Curve, DerSettings, Entry, FrequencyWatt, Stage, Trips

_CATEGORIES = {"ieee1547-cat1": "I", "ieee1547-cat2": "II", "ieee1547-cat3": "III"}
_VOLTAGES = (Quantity.LOWEST_VOLTAGE, Quantity.HIGHEST_VOLTAGE)
"""A car measures these as the station does. The ten-minute mean stays with the station."""


def der_settings(code: GridCode, nominal_v: float) -> DerSettings:
    """What a car is given of `code`. The functions that no message carries stay with the station alone."""
    droop, volt_watt, factor, entry = (
        code.frequency_droop,
        code.volt_watt,
        code.constant_power_factor,
        code.enter_service,
    )
    continuous = next(band for band in code.ride_through.voltage if band.mode is Mode.CONTINUOUS)
    ceasing = [band for band in code.ride_through.voltage if band.mode.ceases]
    below = [band.high for band in ceasing if band.high <= continuous.low]
    above = [band.low for band in ceasing if band.low >= continuous.high]
    return DerSettings(
        nominal_v=nominal_v,
        nominal_hz=code.nominal_hz,
        reactive=code.reactive.mode,
        volt_var=_volt_var(code),
        watt_var=_watt_var(code),
        power_factor=factor.power_factor,
        injecting=factor.excitation == "injecting",
        constant_var_pu=code.constant_var.injected_pu,
        reactive_response_s=factor.response_s,
        reactive_pu=max(code.capability.inject_pu, code.capability.absorb_pu),
        over_frequency=(
            FrequencyWatt(
                code.nominal_hz + droop.over_deadband_hz, 1 / (droop.over_droop * code.nominal_hz), droop.response_s
            )
            if droop.over_enabled
            else None
        ),
        under_frequency=(
            FrequencyWatt(
                code.nominal_hz - droop.under_deadband_hz, 1 / (droop.under_droop * code.nominal_hz), droop.response_s
            )
            if droop.under_enabled
            else None
        ),
        volt_watt=(
            Curve(((volt_watt.v1_pu, volt_watt.p1_pu), (volt_watt.v2_pu, volt_watt.p2_pu)), volt_watt.response_s)
            if volt_watt.enabled
            else None
        ),
        fed_pu=code.active_power_limit.settled_pu(),
        over_voltage=_trips(code, _VOLTAGES, "over", 2.0),
        under_voltage=_trips(code, _VOLTAGES, "under", 0.0),
        over_frequency_trip=_trips(code, (Quantity.FREQUENCY,), "over", 2 * code.nominal_hz),
        under_frequency_trip=_trips(code, (Quantity.FREQUENCY,), "under", 0.0),
        lowest_pu=continuous.low,
        highest_pu=continuous.high,
        ceases_below_pu=max(below, default=None),
        ceases_above_pu=min(above, default=None),
        entry=Entry(
            entry.permitted,
            entry.lowest_pu,
            entry.highest_pu,
            entry.lowest_hz,
            entry.highest_hz,
            entry.delay_s,
            entry.ramp_s,
        ),
        category=_CATEGORIES.get(code.name, ""),
        normal_category=code.variant.upper() if code.name in _CATEGORIES else "",
    )


def _volt_var(code: GridCode) -> Curve:
    """Around the reference voltage, as it is set."""
    curve = code.volt_var
    voltages = [v - 1.0 + curve.reference_pu for v in (curve.v1_pu, curve.v2_pu, curve.v3_pu, curve.v4_pu)]
    reactive = (curve.q1_pu, curve.q2_pu, curve.q3_pu, curve.q4_pu)
    return Curve(tuple(zip(voltages, reactive, strict=True)), curve.response_s)


def _watt_var(code: GridCode) -> Curve:
    curve = code.watt_var
    return Curve(
        (
            (curve.drawn_p3_pu, curve.drawn_q3_pu),
            (curve.drawn_p2_pu, curve.drawn_q2_pu),
            (curve.drawn_p1_pu, curve.drawn_q1_pu),
            (curve.fed_p1_pu, curve.fed_q1_pu),
            (curve.fed_p2_pu, curve.fed_q2_pu),
            (curve.fed_p3_pu, curve.fed_q3_pu),
        ),
        curve.response_s,
    )


def _trips(code: GridCode, quantities: tuple[Quantity, ...], side: str, never: float) -> Trips:
    """`never`: what is named if the code trips on no such element."""
    found = [
        Stage(each.threshold, each.delay_s) for each in code.trip if _is(each.quantity, quantities, each.side, side)
    ]
    return Trips(tuple(sorted(dict.fromkeys(found), key=lambda stage: stage.delay_s)) or (Stage(never, 1000.0),))


def _is(quantity: Quantity, among: tuple[Quantity, ...], its_side: str, side: str) -> bool:
    return quantity in among and its_side == side
