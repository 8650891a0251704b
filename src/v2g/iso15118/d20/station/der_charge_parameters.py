"""AC_ChargeParameterDiscovery of AC_DER_IEC and AC_DER_SAE: the car is given the grid code's settings.

A car may say Ongoing while it takes them over, and asks again [Amendment 1]. What it cannot do is no reason to end the
session: it charges, and `CarDer.lacking` keeps it from feeding.
"""

from dataclasses import replace
from typing import Any

from v2g.iso15118.d20 import der_iec, der_sae
from v2g.iso15118.d20.ac_power import total_w
from v2g.iso15118.d20.numbers import limit, shown
from v2g.iso15118.d20.table import Phase
from v2g.iso15118.d20.wire import header
from v2g.iso15118.der import CarDer, DerRating, DerSettings
from v2g.iso15118.numbers import why_not
from v2g.iso15118.session import Refusal, Reply, Session
from v2g.iso15118.view import Limits, StationView
from v2g.kernel.units import kvar
from v2g.messages.iso20 import ac_der_iec as iec
from v2g.messages.iso20 import ac_der_sae as sae
from v2g.messages.iso20.types import Processing, ResponseCode

Request = iec.AC_ChargeParameterDiscoveryReq | sae.AC_ChargeParameterDiscoveryReq
Response = iec.AC_ChargeParameterDiscoveryRes | sae.AC_ChargeParameterDiscoveryRes
Wanted = iec.DER_AC_CPDReqEnergyTransferMode | sae.DER_AC_CPDReqEnergyTransferMode
_ENOUGH = 0.99
"""Of the reactive power that the code demands: numbers are rounded on the way."""


def answer(request: Request, session: Session, view: StationView) -> Reply:
    mode, service = request.AC_CPDReqEnergyTransferMode, session.selected.service
    if not isinstance(mode, Wanted):
        raise Refusal(
            ResponseCode.FAILED_WrongChargeParameter,
            f"{type(mode).__name__} does not fit the selected service {service.name}",
        )
    settings = view.der
    if settings is None:
        raise Refusal(ResponseCode.FAILED, "the station has no grid code for the car's inverter")
    car, own = car_limits(mode), view.lasting or view.limits
    if (reason := why_not(car, dc=False)) is not None:
        raise Refusal(ResponseCode.FAILED_WrongChargeParameter, reason)
    rating = DerRating(min(own.charge_w, car.charge_w), min(own.discharge_w, car.discharge_w), reactive_var(mode))
    inverter = judge(mode, settings, rating, session.car.der)
    finished = mode.EVProcessing is Processing.Finished
    session = replace(session, car=replace(session.car, limits=car, der=inverter), promised=own)
    build = _iec if isinstance(mode, iec.DER_AC_CPDReqEnergyTransferMode) else _sae
    response = build(session, view, own, inverter)
    return Reply(response, Phase.SCHEDULE_EXCHANGE if finished else Phase.CHARGE_PARAMETERS, session)


def judge(mode: Wanted, settings: DerSettings, rating: DerRating, before: CarDer | None) -> CarDer:
    """What the car's request says of its inverter. `before`: what it was given in an earlier request."""
    demanded_var = settings.reactive_pu * rating.apparent_va
    if rating.reactive_max_var < demanded_var * _ENOUGH:
        has, wants = kvar(rating.reactive_max_var), kvar(demanded_var)
        return CarDer(rating, settings, f"the car has {has} of reactive power, the grid code demands {wants}")
    finished = mode.EVProcessing is Processing.Finished
    if isinstance(mode, iec.DER_AC_CPDReqEnergyTransferMode):
        # It selected a parameter set with DERControlFunctions, and goes on after it was given the settings.
        return CarDer(rating, settings, accepted=finished)
    missing = der_sae.demanded(settings) & ~der_sae.Mode(mode.SupportedModes & der_sae.KNOWN)
    if missing:
        return CarDer(rating, settings, f"the car does not support {der_sae.names(missing)}")
    if not mode.J3072Certified:
        return CarDer(rating, settings, "the car is not certified by SAE J3072")
    if (lower := _lower_category(mode, settings)) is not None:
        return CarDer(rating, settings, lower)
    if not finished or before is None or before.given != settings:
        return CarDer(rating, settings)
    return der_sae.echoed(CarDer(rating, settings), mode.EnabledModes)


def _lower_category(mode: sae.DER_AC_CPDReqEnergyTransferMode, settings: DerSettings) -> str | None:
    """IEEE 1547 numbers its categories in the order of what they demand."""
    abnormal = mode.IEEE1547AbnormalCategory.value.removeprefix("Category")
    normal = mode.IEEE1547NormalCategory.value.removeprefix("Category")
    if len(abnormal) < len(settings.category):
        return f"the car's abnormal operating performance category is {abnormal}, the grid code's {settings.category}"
    if normal < settings.normal_category:
        return (
            f"the car's normal operating performance category is {normal}, the grid code's {settings.normal_category}"
        )
    return None


def car_limits(mode: Wanted) -> Limits:
    """The car's limits over all phases."""
    return Limits(
        charge_w=total_w(mode, "EVMaximumChargePower"),
        charge_min_w=total_w(mode, "EVMinimumChargePower"),
        discharge_w=abs(total_w(mode, "EVMaximumDischargePower")),
        discharge_min_w=abs(total_w(mode, "EVMinimumDischargePower")),
    )


def reactive_var(mode: Wanted) -> float:
    """The reactive power that the car has in every quadrant; none if it does not say."""
    limits = mode.EVReactivePowerLimits
    if limits is None:
        return 0.0
    names = _IEC_VAR if isinstance(limits, iec.EVReactivePowerLimits) else _SAE_VAR
    return min(abs(total_w(limits, name)) for name in names)


_IEC_VAR = ("EVMaximumChargeReactivePower", "EVMaximumDischargeReactivePower")
_SAE_VAR = (
    "EVMaximumVarAbsorptionDuringCharging",
    "EVMaximumVarInjectionDuringCharging",
    "EVMaximumVarAbsorptionDuringDischarging",
    "EVMaximumVarInjectionDuringDischarging",
)


def _active(session: Session, view: StationView, own: Limits, rating: DerRating) -> dict[str, Any]:
    """What both variants say of active power and frequency."""
    ramp = session.offer.ramp_w_per_s
    return {
        "EVSEMaximumChargePower": limit(own.charge_w),
        "EVSEMinimumChargePower": limit(own.charge_min_w),
        "EVSENominalFrequency": shown(session.offer.nominal_frequency_hz),
        "EVSEPowerRampLimitation": None if ramp is None else limit(ramp),
        "EVSEPresentActivePower": shown(view.power_w),
        "EVSENominalChargePower": limit(rating.charge_w),
        "EVSENominalDischargePower": limit(rating.discharge_w),
        "EVSEMaximumDischargePower": limit(own.discharge_w),
    }


def _iec(session: Session, view: StationView, own: Limits, inverter: CarDer) -> iec.AC_ChargeParameterDiscoveryRes:
    rating = inverter.rating
    return iec.AC_ChargeParameterDiscoveryRes(
        Header=header(session, view),
        ResponseCode=ResponseCode.OK,
        AC_CPDResEnergyTransferMode=iec.DER_AC_CPDResEnergyTransferMode(
            **_active(session, view, own, rating),
            EVOperatingMode=iec.EvOperatingMode.GridFollowing,
            GridConnectionMode=iec.GridConnectionMode.GridConnected,
            DERControl=der_iec.control(inverter.given, rating),
        ),
    )


def _sae(session: Session, view: StationView, own: Limits, inverter: CarDer) -> sae.AC_ChargeParameterDiscoveryRes:
    rating, settings = inverter.rating, inverter.given
    most_var, volts = limit(rating.reactive_max_var), settings.nominal_v
    return sae.AC_ChargeParameterDiscoveryRes(
        Header=header(session, view),
        ResponseCode=ResponseCode.OK,
        AC_CPDResEnergyTransferMode=sae.DER_AC_CPDResEnergyTransferMode(
            **_active(session, view, own, rating),
            EVSEProcessing=Processing.Finished,
            DERControlCPDRes=der_sae.control(settings, rating),
            EVSEReactivePowerLimits=sae.EVSEReactivePowerLimits(
                most_var,
                EVSEMaximumVarInjectionDuringCharging=most_var,
                EVSEMaximumVarAbsorptionDuringDischarging=most_var,
                EVSEMaximumVarInjectionDuringDischarging=most_var,
            ),
            GridLimits=sae.GridLimits(
                shown(settings.nominal_hz),
                shown(volts),
                shown(0.0),
                GridMaximumVoltage=shown(settings.highest_pu * volts),
                GridMinimumVoltage=shown(settings.lowest_pu * volts),
            ),
            RequiredDEROperatingMode=sae.RequiredDEROperatingMode.GridFollowing,
            GridConnectionMode=sae.GridConnectionMode.GridConnected,
            EVSEUpdateTime=view.unix_s,
        ),
    )
