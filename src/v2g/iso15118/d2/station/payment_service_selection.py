"""PaymentServiceSelection, in DIN ServicePaymentSelection: the charge service, and external payment."""

from typing import Any

from v2g.iso15118.d2.dialect import Dialect, body
from v2g.iso15118.d2.station.service_discovery import CHARGE_SERVICE
from v2g.iso15118.d2.table import Phase
from v2g.iso15118.session import Refusal, Reply, Session
from v2g.iso15118.view import StationView
from v2g.messages.iso2 import ResponseCode


def answer(to: Dialect, request: Any, session: Session, view: StationView) -> Reply:
    chosen = body(request)
    services = [each.ServiceID for each in chosen.SelectedServiceList.SelectedService]
    if CHARGE_SERVICE not in services:  # [V2G2-804]; DIN has no code of its own for it
        code = ResponseCode.FAILED_NoChargeServiceSelected if to.renegotiates else _INVALID
        raise Refusal(code, f"the charge service {CHARGE_SERVICE} is not among {services}")
    if set(services) != {CHARGE_SERVICE}:
        raise Refusal(_INVALID, f"services {services}, only {CHARGE_SERVICE} was offered")
    if chosen.SelectedPaymentOption is not to.messages.PaymentOption.ExternalPayment:  # [V2G2-465]
        reason = f"payment by {chosen.SelectedPaymentOption.value} was not offered"
        raise Refusal(ResponseCode.FAILED_PaymentSelectionInvalid, reason)
    kind = getattr(to.messages, "PaymentServiceSelectionRes" if to.renegotiates else "ServicePaymentSelectionRes")
    response = kind(ResponseCode=to.messages.ResponseCode.OK)
    return Reply(to.message(session.session_id, response), Phase.AUTHORIZATION, session)


_INVALID = ResponseCode.FAILED_ServiceSelectionInvalid  # [V2G2-467], [V2G-DC-396]
