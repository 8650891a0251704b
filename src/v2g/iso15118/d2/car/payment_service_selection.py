"""PaymentServiceSelection, in DIN ServicePaymentSelection: the charge service, what brings a contract, and payment."""

from typing import Any

from v2g.exi.facets import Type
from v2g.iso15118.car_session import CarSession
from v2g.iso15118.d2.dialect import Dialect
from v2g.iso15118.d2.table import Phase
from v2g.iso15118.vehicle import VehicleState


def request(to: Dialect, session: CarSession, vehicle: VehicleState) -> Type:
    messages, options = to.messages, to.messages.PaymentOption
    kind = messages.PaymentServiceSelectionReq if to.renegotiates else messages.ServicePaymentSelectionReq
    services = [messages.SelectedService(ServiceID=session.selected.parameter_set)]
    if session.certificates is not None:
        number, parameter_set = session.certificates
        services.append(messages.SelectedService(number, parameter_set))
    payment = options.Contract if session.intent.by_contract else options.ExternalPayment
    chosen = kind(SelectedPaymentOption=payment, SelectedServiceList=messages.SelectedServiceList(services))
    return to.message(session.session_id, chosen)


def take(to: Dialect, response: Any, asked: Any, session: CarSession, vehicle: VehicleState) -> CarSession:
    return session.to(Phase.CONTRACT if session.intent.by_contract else Phase.AUTHORIZATION)
