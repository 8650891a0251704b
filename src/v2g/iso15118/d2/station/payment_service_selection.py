"""PaymentServiceSelection, in DIN ServicePaymentSelection: the charge service, others if the car likes, and payment."""

from dataclasses import replace
from typing import Any

from v2g.iso15118.d2.dialect import Dialect, body
from v2g.iso15118.d2.station.service_discovery import CHARGE_SERVICE, payments
from v2g.iso15118.d2.station.value_added import parameter_sets
from v2g.iso15118.d2.table import Phase
from v2g.iso15118.session import Refusal, Reply, Session
from v2g.iso15118.view import StationView
from v2g.messages.iso2 import PaymentOption, ResponseCode


def answer(to: Dialect, request: Any, session: Session, view: StationView) -> Reply:
    chosen = body(request)
    selected = chosen.SelectedServiceList.SelectedService
    services = [each.ServiceID for each in selected]
    if CHARGE_SERVICE not in services:  # [V2G2-804]; DIN has no code of its own for it
        code = ResponseCode.FAILED_NoChargeServiceSelected if to.renegotiates else _INVALID
        raise Refusal(code, f"the charge service {CHARGE_SERVICE} is not among {services}")
    _check_added(to, selected, session)
    offered = [each.value for each in payments(session)] if to.renegotiates else [_EXTERNAL]
    payment = chosen.SelectedPaymentOption.value
    if payment not in offered:  # [V2G2-465]
        reason = f"payment by {payment} was not offered, only {', '.join(offered)}"
        raise Refusal(ResponseCode.FAILED_PaymentSelectionInvalid, reason)
    kind = getattr(to.messages, "PaymentServiceSelectionRes" if to.renegotiates else "ServicePaymentSelectionRes")
    response = kind(ResponseCode=to.messages.ResponseCode.OK)
    session = replace(session, by_contract=payment != _EXTERNAL)
    following = Phase.CONTRACT if session.by_contract else Phase.AUTHORIZATION
    return Reply(to.message(session.session_id, response), following, session)


def _check_added(to: Dialect, selected: list[Any], session: Session) -> None:
    """Raise `Refusal` for a value-added service, or a parameter set of one, that was not offered."""
    added = parameter_sets(session.offer) if to.renegotiates else {}
    for each in selected:
        if each.ServiceID == CHARGE_SERVICE:
            continue
        if each.ServiceID not in added:
            raise Refusal(_INVALID, f"service {each.ServiceID} was not offered, only {[CHARGE_SERVICE, *added]}")
        numbers = [known.ParameterSetID for known in added[each.ServiceID]]
        if each.ParameterSetID is not None and each.ParameterSetID not in numbers:
            raise Refusal(_INVALID, f"service {each.ServiceID} has parameter sets {numbers}, not {each.ParameterSetID}")


_EXTERNAL = PaymentOption.ExternalPayment.value
_INVALID = ResponseCode.FAILED_ServiceSelectionInvalid  # [V2G2-467], [V2G-DC-396]
