"""AC_DER_IEC and AC_DER_SAE at the car: it states its inverter, takes over the grid code's settings, and says so."""

from dataclasses import replace
from typing import Any

from v2g.iso15118.car_session import CarSession
from v2g.iso15118.d20 import der_iec, der_sae
from v2g.iso15118.d20.ac_power import total_w
from v2g.iso15118.d20.car import needs
from v2g.iso15118.d20.car.notification import wrong_flavour
from v2g.iso15118.d20.numbers import limit, shown
from v2g.iso15118.d20.table import Phase
from v2g.iso15118.d20.wire import header
from v2g.iso15118.der import DerRating
from v2g.iso15118.service import ControlMode, Service
from v2g.iso15118.vehicle import VehicleState
from v2g.iso15118.view import Limits
from v2g.messages.iso20 import ac_der_iec as iec
from v2g.messages.iso20 import ac_der_sae as sae
from v2g.messages.iso20.types import Processing

DiscoveryReq = iec.AC_ChargeParameterDiscoveryReq | sae.AC_ChargeParameterDiscoveryReq
LoopReq = iec.AC_ChargeLoopReq | sae.AC_ChargeLoopReq
_CERTIFIED_S = 1_650_000_000
"""J3072CertificationDate, seconds since 1970 UTC."""


def module(session: CarSession) -> Any:
    """The message set of the wanted service."""
    return iec if session.intent.service is Service.AC_DER_IEC else sae


def discovery(session: CarSession, vehicle: VehicleState) -> DiscoveryReq:
    """Ongoing until the settings have been taken over."""
    limits = session.intent.limits
    elements: dict[str, Any] = {
        "EVMaximumChargePower": limit(limits.charge_w),
        "EVMinimumChargePower": limit(limits.charge_min_w),
        "EVProcessing": Processing.Ongoing if session.der is None else Processing.Finished,
        "EVMaximumDischargePower": limit(limits.discharge_w),
        "EVMinimumDischargePower": limit(limits.discharge_min_w),
    }
    if session.intent.service is Service.AC_DER_IEC:
        most_var = limit(session.intent.reactive_max_var)
        reactive = iec.EVReactivePowerLimits(most_var, EVMaximumDischargeReactivePower=most_var)
        mode = iec.DER_AC_CPDReqEnergyTransferMode(**elements, EVReactivePowerLimits=reactive)
        return iec.AC_ChargeParameterDiscoveryReq(header(session, vehicle), mode)
    return sae.AC_ChargeParameterDiscoveryReq(
        header(session, vehicle),
        sae.DER_AC_CPDReqEnergyTransferMode(**elements, **_nameplate(session, vehicle), EnabledModes=enabled(session)),
    )


def enabled(session: CarSession) -> int:
    """EnabledModes: what the settings enable; nothing before there are any."""
    return 0 if session.der is None else int(der_sae.enabled(session.der))


def take_settings(response: Any, session: CarSession) -> CarSession:
    """Take the settings over with the first response, and go on after the second."""
    mode, set_of = response.AC_CPDResEnergyTransferMode, module(session)
    if not isinstance(mode, set_of.DER_AC_CPDResEnergyTransferMode):
        raise wrong_flavour(mode, set_of.DER_AC_CPDResEnergyTransferMode)
    own = session.intent
    charge = mode.EVSENominalChargePower or mode.EVSEMaximumChargePower
    discharge = mode.EVSENominalDischargePower or mode.EVSEMaximumDischargePower
    rating = DerRating(charge.value, abs(discharge.value), own.reactive_max_var)
    limits = Limits(
        charge_w=total_w(mode, "EVSEMaximumChargePower"),
        charge_min_w=total_w(mode, "EVSEMinimumChargePower"),
        discharge_w=abs(total_w(mode, "EVSEMaximumDischargePower")),
    )
    settings = (
        der_iec.settings_of(mode, session.nominal_v, rating) if set_of is iec else der_sae.settings_of(mode, rating)
    )
    first = session.der is None
    session = replace(session, limits=limits, der=settings, der_rating=rating)
    return session.again() if first else session.to(Phase.SCHEDULE_EXCHANGE)


def loop(session: CarSession, vehicle: VehicleState) -> LoopReq:
    """A request of the charge loop."""
    set_of: Any = module(session)
    limits = session.own_limits(vehicle)
    scheduled = session.intent.mode is ControlMode.SCHEDULED
    elements: dict[str, Any] = {
        **needs.energies(session, vehicle),
        "EVMaximumChargePower": limit(limits.charge_w),
        "EVMinimumChargePower": limit(limits.charge_min_w),
        "EVPresentActivePower": shown(vehicle.power_w),
        "EVPresentReactivePower": shown(present_var(session, vehicle)),
        "EVMaximumDischargePower": limit(limits.discharge_w),
        "EVMinimumDischargePower": limit(limits.discharge_min_w),
    }
    if not scheduled:
        elements |= {"DepartureTime": needs.departure_s(session, vehicle), **needs.v2x_energies(session, vehicle)}
    elements |= {"GridEventCondition": 0} if set_of is iec else _condition(session, vehicle, scheduled=scheduled)
    kind = set_of.DER_Scheduled_AC_CLReqControlMode if scheduled else set_of.DER_Dynamic_AC_CLReqControlMode
    request: LoopReq = set_of.AC_ChargeLoopReq(
        header(session, vehicle),
        DisplayParameters=needs.display(session, vehicle),
        MeterInfoRequested=session.wants_meter,
        CLReqControlMode=kind(**elements),
    )
    return request


def expected(session: CarSession) -> type[Any]:
    """The control mode of the response."""
    set_of = module(session)
    scheduled = session.intent.mode is ControlMode.SCHEDULED
    kind: type[Any] = set_of.DER_Scheduled_AC_CLResControlMode if scheduled else set_of.DER_Dynamic_AC_CLResControlMode
    return kind


def present_var(session: CarSession, vehicle: VehicleState) -> float:
    """What the charger draws; what was asked of it if the vehicle does not measure that."""
    return (session.command.charger_var or 0.0) if vehicle.reactive_var is None else vehicle.reactive_var


def _condition(session: CarSession, vehicle: VehicleState, *, scheduled: bool) -> dict[str, Any]:
    """How the inverter is just now."""
    durations = {} if scheduled else dict.fromkeys(_DURATIONS, 0)
    return {
        "EVPresentVoltage": shown(vehicle.grid_v),
        "EVPresentFrequency": shown(vehicle.grid_hz),
        "DEROperationalState": sae.DerOperationalState.On,
        "DERConnectionStatus": sae.DerConnectionStatus.Connected,
        "EVUpdateTime": vehicle.unix_s,
        "DERAlarmStatus": 0,
        "EnabledModes": enabled(session),
        **durations,
    }


_DURATIONS = ("EVMinimumChargingDuration", "EVDurationMaximumChargeRate", "EVDurationMaximumDischargeRate")


def _nameplate(session: CarSession, vehicle: VehicleState) -> dict[str, Any]:
    """What the inverter is built for, and certified for."""
    intent = session.intent
    limits, most_var = intent.limits, limit(intent.reactive_max_var)
    va, watts = limit(max(limits.charge_w, limits.discharge_w)), limit(limits.discharge_w)
    volts = session.nominal_v
    return {
        "EVApparentPowerLimits": sae.EVApparentPowerLimits(
            va,
            EVMaximumApparentPowerDuringChargingAndVarInjection=va,
            EVMaximumApparentPowerDuringDischargingAndVarAbsorption=va,
            EVMaximumApparentPowerDuringDischargingAndVarInjection=va,
        ),
        "EVReactivePowerLimits": sae.EVReactivePowerLimits(
            most_var,
            EVMaximumVarInjectionDuringCharging=most_var,
            EVMaximumVarAbsorptionDuringDischarging=most_var,
            EVMaximumVarInjectionDuringDischarging=most_var,
            EVReactiveSusceptance=shown(0.0),
        ),
        "EVExcitationLimits": sae.EVExcitationLimits(
            shown(0.9),
            EVSpecifiedOverExcitedDischargePower=watts,
            EVSpecifiedUnderExcitedPowerFactor=shown(0.9),
            EVSpecifiedUnderExcitedDischargePower=watts,
        ),
        "EVInverterDetails": sae.EVInverterDetails(
            "1", EVInverterManufacturer="v2g", EVInverterModel="simulated", EVInverterSerialNumber=intent.evcc_id[:32]
        ),
        "IEEE1547NormalCategory": sae.Ieee1547NormalCategory.CategoryB,
        "IEEE1547AbnormalCategory": sae.Ieee1547AbnormalCategory.CategoryIII,
        "EVNominalVoltage": shown(volts),
        "EVMaximumVoltage": shown(1.2 * volts),
        "EVMinimumVoltage": shown(0.5 * volts),
        "EVNominalVoltageOffset": shown(0.0),
        "J3072Certified": True,
        "J3072CertificationDate": _CERTIFIED_S,
        "EVUseableWattHours": int(vehicle.capacity_wh),
        "EVUpdateTime": vehicle.unix_s,
        "SupportedModes": int(der_sae.Mode(der_sae.KNOWN)),
    }
