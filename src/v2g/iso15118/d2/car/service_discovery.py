"""ServiceDiscovery: external payment, and an energy transfer mode that the car has."""

from dataclasses import replace
from typing import Any

from v2g.exi.facets import Type
from v2g.iso15118.car_session import Abandon, CarSession
from v2g.iso15118.d2.dialect import Dialect, body
from v2g.iso15118.d2.table import Phase
from v2g.iso15118.service import ControlMode, Selection
from v2g.iso15118.vehicle import VehicleState
from v2g.kernel.fault import Fault

_WANTED = {
    True: ("DC_extended", "DC_combo_core", "DC_unique", "DC_core"),
    False: ("AC_three_phase_core", "AC_single_phase_core"),
}
"""By whether it is DC, in the car's order of preference."""


def request(to: Dialect, session: CarSession, vehicle: VehicleState) -> Type:
    return to.message(session.session_id, to.messages.ServiceDiscoveryReq())


def take(to: Dialect, response: Any, asked: Any, session: CarSession, vehicle: VehicleState) -> CarSession:
    said = body(response)
    if to.renegotiates:
        payments, charge = said.PaymentOptionList.PaymentOption, said.ChargeService
        service_id, modes = charge.ServiceID, charge.SupportedEnergyTransferMode.EnergyTransferMode
    else:
        payments, charge = said.PaymentOptions.PaymentOption, said.ChargeService
        service_id, modes = charge.ServiceTag.ServiceID, [charge.EnergyTransferType]
    if to.messages.PaymentOption.ExternalPayment not in payments:
        raise Abandon("the station takes contracts (PnC) only, this car has none", Fault.AUTHORIZATION)
    service, offered = session.intent.service, [each.value for each in modes]
    fitting = [each for each in _WANTED[service.dc] if each in offered]
    if not fitting:
        reason = f"the station does not offer {service.name} to this car, only {', '.join(offered)}"
        raise Abandon(reason, Fault.REQUEST_REFUSED)
    selection = Selection(service, service_id, ControlMode.SCHEDULED)
    return replace(session, selection=selection, energy_mode=fitting[0]).to(Phase.SERVICE)
