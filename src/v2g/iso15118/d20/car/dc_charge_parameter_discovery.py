"""DC_ChargeParameterDiscovery: the limits of both sides. Discharge limits are positive magnitudes."""

from dataclasses import replace

from v2g.iso15118.car_session import Abandon, CarSession
from v2g.iso15118.d20.car.notification import wrong_flavour
from v2g.iso15118.d20.numbers import limit
from v2g.iso15118.d20.table import Phase
from v2g.iso15118.d20.wire import header
from v2g.iso15118.vehicle import VehicleState
from v2g.iso15118.view import Limits
from v2g.kernel.fault import Fault
from v2g.messages.iso20.dc import (
    BPT_DC_CPDReqEnergyTransferMode,
    BPT_DC_CPDResEnergyTransferMode,
    DC_ChargeParameterDiscoveryReq,
    DC_ChargeParameterDiscoveryRes,
    DC_CPDReqEnergyTransferMode,
    DC_CPDResEnergyTransferMode,
)


def request(session: CarSession, vehicle: VehicleState) -> DC_ChargeParameterDiscoveryReq:
    limits = session.intent.limits
    elements = {
        "EVMaximumChargePower": limit(limits.charge_w),
        "EVMinimumChargePower": limit(limits.charge_min_w),
        "EVMaximumChargeCurrent": limit(limits.charge_a),
        "EVMinimumChargeCurrent": limit(limits.charge_min_a),
        "EVMaximumVoltage": limit(limits.voltage_max_v),
        "EVMinimumVoltage": limit(limits.voltage_min_v),
    }
    target_soc = round(session.intent.soc_target * 100)
    mode: DC_CPDReqEnergyTransferMode
    if session.bidirectional:
        mode = BPT_DC_CPDReqEnergyTransferMode(
            **elements,
            TargetSOC=target_soc,
            EVMaximumDischargePower=limit(limits.discharge_w),
            EVMinimumDischargePower=limit(limits.discharge_min_w),
            EVMaximumDischargeCurrent=limit(limits.discharge_a),
            EVMinimumDischargeCurrent=limit(limits.discharge_min_a),
        )
    else:
        mode = DC_CPDReqEnergyTransferMode(**elements, TargetSOC=target_soc)
    return DC_ChargeParameterDiscoveryReq(header(session, vehicle), mode)


def take(
    response: DC_ChargeParameterDiscoveryRes,
    asked: DC_ChargeParameterDiscoveryReq,
    session: CarSession,
    vehicle: VehicleState,
) -> CarSession:
    mode = response.DC_CPDResEnergyTransferMode
    wanted = BPT_DC_CPDResEnergyTransferMode if session.bidirectional else DC_CPDResEnergyTransferMode
    if type(mode) is not wanted:
        raise wrong_flavour(mode, wanted)
    limits = Limits(
        charge_w=mode.EVSEMaximumChargePower.value,
        charge_a=mode.EVSEMaximumChargeCurrent.value,
        charge_min_w=mode.EVSEMinimumChargePower.value,
        charge_min_a=mode.EVSEMinimumChargeCurrent.value,
        voltage_min_v=mode.EVSEMinimumVoltage.value,
        voltage_max_v=mode.EVSEMaximumVoltage.value,
    )
    if isinstance(mode, BPT_DC_CPDResEnergyTransferMode):
        limits = replace(
            limits,
            discharge_w=abs(mode.EVSEMaximumDischargePower.value),
            discharge_a=abs(mode.EVSEMaximumDischargeCurrent.value),
            discharge_min_w=abs(mode.EVSEMinimumDischargePower.value),
            discharge_min_a=abs(mode.EVSEMinimumDischargeCurrent.value),
        )
    if not limits.voltage_min_v <= vehicle.battery_voltage_v <= limits.voltage_max_v:
        raise Abandon(
            f"the battery has {vehicle.battery_voltage_v:.0f} V, the station gives {limits.voltage_min_v:g} to "
            f"{limits.voltage_max_v:g} V",
            Fault.REQUEST_REFUSED,
        )
    return replace(session, limits=limits).to(Phase.SCHEDULE_EXCHANGE)
