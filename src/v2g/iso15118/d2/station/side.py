"""The station's half of ISO 15118-2, and what DIN SPEC 70121 has in common with it."""

from collections.abc import Callable, Mapping
from dataclasses import replace as replaced
from functools import cache, partial
from typing import Any

from msgspec.structs import replace

from v2g.exi.facets import Type
from v2g.exi.least import least
from v2g.iso15118.d2 import timeouts
from v2g.iso15118.d2.dialect import NO_SESSION, Dialect, body
from v2g.iso15118.d2.iso2 import ISO2
from v2g.iso15118.d2.station import (
    authorization,
    cable_check,
    certificates,
    charge_parameter_discovery,
    charging_status,
    current_demand,
    metering_receipt,
    payment_details,
    payment_service_selection,
    power_delivery,
    pre_charge,
    service_detail,
    service_discovery,
    session_setup,
    session_stop,
    welding_detection,
)
from v2g.iso15118.d2.station.session_setup import evse_id
from v2g.iso15118.d2.station.status import ac_status, dc_status
from v2g.iso15118.d2.table import Phase
from v2g.iso15118.engine import paired
from v2g.iso15118.paused import Paused, binding
from v2g.iso15118.service import Service
from v2g.iso15118.session import Code, Refusal, Reply, Session, Wait
from v2g.iso15118.sides import StationSide
from v2g.iso15118.view import Offer, StationView
from v2g.kernel.fault import Fault
from v2g.messages import codec

SpokenAnswer = Callable[[Dialect, Any, Session, StationView], Reply | Wait]


def side(to: Dialect, answers: Mapping[str, SpokenAnswer], quiet: frozenset[Phase] = frozenset()) -> StationSide:
    """The station's half of an edition, with the function for each of its requests."""
    return StationSide(
        edition=to.edition,
        answers={name: partial(answer, to) for name, answer in answers.items()},
        open=_open,
        check=partial(_check, to),
        refuse=partial(_refuse, to),
        pause=partial(_pause, to),
        phase_limits={
            Phase.AUTHORIZATION: (timeouts.STATION_ONGOING_S, Fault.AUTHORIZATION),
            Phase.CHARGE_PARAMETERS: (timeouts.STATION_ONGOING_S, Fault.SEQUENCE_TIMEOUT),
            # The car gives up first, and then ends the session in order.
            Phase.CABLE_CHECK: (timeouts.CABLE_CHECK_S + timeouts.DEFAULT_MESSAGE_S, Fault.CABLE_CHECK),
            Phase.PRECHARGED: (timeouts.PRECHARGE_S + timeouts.DEFAULT_MESSAGE_S, Fault.PRECHARGE),
        },
        silence_faults={
            Phase.SESSION_SETUP: Fault.COMMUNICATION_SETUP_TIMEOUT,
            Phase.SERVICE_DISCOVERY: Fault.SERVICE_DISCOVERY_TIMEOUT,
            Phase.SERVICE: Fault.SERVICE_DISCOVERY_TIMEOUT,
        },
        quiet=quiet,
    )


def _open(offer: Offer, peer: bytes | None, paused: Paused | None) -> Session:
    return Session(offer, Phase.SESSION_SETUP, NO_SESSION, peer, paused)


def _check(to: Dialect, request: Any, session: Session) -> None:
    name = to.edition.name_of(request)
    if not isinstance(request, to.messages.V2G_Message) or not name.endswith("Req"):
        raise Refusal(Code.SEQUENCE_ERROR, f"{name} is no request of a car", Fault.SEQUENCE_ERROR)
    if name != "SessionSetupReq" and request.Header.SessionID != session.session_id:  # [V2G2-460], [V2G-DC-391]
        reason = f"{name} carries session {request.Header.SessionID.hex().upper()}"
        raise Refusal(Code.UNKNOWN_SESSION, reason, Fault.UNKNOWN_SESSION)


def _refuse(to: Dialect, request: Any, session: Session, view: StationView, refusal: Refusal) -> Type | None:
    """Of the type paired with the request, and schema-conform [V2G2-538]."""
    if not isinstance(request, to.messages.V2G_Message) or body(request) is None:
        return None
    response = _least_response(to, type(body(request)).__name__)
    if response is None:
        return None
    codes, code = to.messages.ResponseCode, refusal.code.value
    said: dict[str, object] = {"ResponseCode": codes(code) if code in list(codes) else codes.FAILED}
    fault = refusal.fault
    for field in response.__struct_fields__:
        if field == "EVSEID":
            said[field] = evse_id(to, session)
        elif field in ("DC_EVSEStatus", "EVSEStatus") and _dc(session):
            said[field] = dc_status(to, session, view, fault=fault)
        elif field in ("AC_EVSEStatus", "EVSEStatus"):
            said[field] = ac_status(to, session, view, fault=fault)
        elif field == "DC_EVSEStatus":
            said[field] = dc_status(to, session, view, fault=fault)
    return to.message(session.session_id, replace(response, **said))


def _dc(session: Session) -> bool:
    return session.selection is not None and session.selection.service.dc


@cache
def _least_response(to: Dialect, request: str) -> Any:
    """The least response to this request, answered by this station or not. Shared: do not change it."""
    [message_set] = to.edition.message_sets.values()
    schema = codec(message_set).schema
    kind = getattr(to.messages, paired(request), None)
    return None if kind is None or not request.endswith("Req") else least(schema, kind)


def _pause(to: Dialect, session: Session) -> Paused | None:
    selection = session.selection
    if selection is None or session.session_id == NO_SESSION:
        return None
    if selection.service is Service.DC_BPT:  # whether it may ask for a negative current is decided again
        selection = replaced(selection, service=Service.DC)
    proof = b"" if session.peer is None else binding(session.session_id, session.peer)
    return Paused(
        to.edition.name,
        session.session_id,
        proof,
        selection,
        session.offer.services,
        session.car,
        bool(session.by_contract),
    )


STATION = side(
    ISO2,
    {
        "SessionSetupReq": session_setup.answer,
        "ServiceDiscoveryReq": service_discovery.answer,
        "ServiceDetailReq": service_detail.answer,
        "PaymentServiceSelectionReq": payment_service_selection.answer,
        "CertificateInstallationReq": certificates.install,
        "CertificateUpdateReq": certificates.update,
        "PaymentDetailsReq": payment_details.answer,
        "AuthorizationReq": authorization.answer,
        "ChargeParameterDiscoveryReq": charge_parameter_discovery.answer,
        "CableCheckReq": cable_check.answer,
        "PreChargeReq": pre_charge.answer,
        "PowerDeliveryReq": power_delivery.answer,
        "ChargingStatusReq": charging_status.answer,
        "CurrentDemandReq": current_demand.answer,
        "MeteringReceiptReq": metering_receipt.answer,
        "WeldingDetectionReq": welding_detection.answer,
        "SessionStopReq": session_stop.answer,
    },
    # A car that nobody lets in is never refused by a code: in the end the connection is closed [V2G2-854].
    quiet=frozenset({Phase.AUTHORIZATION}),
)
