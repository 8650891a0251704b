"""ServiceDiscovery: a way to pay, an energy transfer mode that the car has, and a contract if it needs one."""

from dataclasses import replace
from typing import Any

from v2g.exi.facets import Type
from v2g.iso15118.car_session import Abandon, CarSession
from v2g.iso15118.d2.dialect import Dialect, body
from v2g.iso15118.d2.table import Phase
from v2g.iso15118.service import ControlMode, Selection
from v2g.iso15118.vehicle import VehicleState
from v2g.kernel.fault import Fault
from v2g.messages.iso2 import ServiceCategory

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
    _check_payment(to, payments, session)
    service, offered = session.intent.service, [each.value for each in modes]
    fitting = [each for each in _WANTED[service.dc] if each in offered]
    if not fitting:
        reason = f"the station does not offer {service.name} to this car, only {', '.join(offered)}"
        raise Abandon(reason, Fault.REQUEST_REFUSED)
    selection = Selection(service, service_id, ControlMode.SCHEDULED)
    session = replace(session, selection=selection, energy_mode=fitting[0], certificates=_certificates(said, session))
    return session.to(Phase.SERVICE)


def _check_payment(to: Dialect, payments: list[Any], session: CarSession) -> None:
    options = to.messages.PaymentOption
    if not session.intent.by_contract:
        if options.ExternalPayment not in payments:
            raise Abandon("the station takes contracts (PnC) only, this car has none", Fault.AUTHORIZATION)
    elif not (session.secure and to.renegotiates):
        raise Abandon("a contract pays over TLS and in ISO 15118-2 or -20 only", Fault.AUTHORIZATION)
    elif options.Contract not in payments:
        raise Abandon("the station takes no contracts (PnC)", Fault.AUTHORIZATION)


def _certificates(said: Any, session: CarSession) -> tuple[int, int] | None:
    """The service that brings a contract, if the car needs one."""
    if not session.needs_contract:
        return None
    services = [] if said.ServiceList is None else said.ServiceList.Service
    found = [each.ServiceID for each in services if each.ServiceCategory is ServiceCategory.ContractCertificate]
    if not found:
        raise Abandon("the car needs a contract certificate, and the station brings none", Fault.AUTHORIZATION)
    return found[0], 0
