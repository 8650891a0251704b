"""PaymentServiceSelection, in DIN ServicePaymentSelection: the charge service, paid by external means."""

from typing import Any

from v2g.exi.facets import Type
from v2g.iso15118.car_session import CarSession
from v2g.iso15118.d2.dialect import Dialect
from v2g.iso15118.d2.table import Phase
from v2g.iso15118.vehicle import VehicleState


def request(to: Dialect, session: CarSession, vehicle: VehicleState) -> Type:
    messages = to.messages
    kind = messages.PaymentServiceSelectionReq if to.renegotiates else messages.ServicePaymentSelectionReq
    services = messages.SelectedServiceList([messages.SelectedService(ServiceID=session.selected.parameter_set)])
    chosen = kind(SelectedPaymentOption=messages.PaymentOption.ExternalPayment, SelectedServiceList=services)
    return to.message(session.session_id, chosen)


def take(to: Dialect, response: Any, asked: Any, session: CarSession, vehicle: VehicleState) -> CarSession:
    return session.to(Phase.AUTHORIZATION)
