"""The station's half of ISO 15118-20: its answers, its timers, what identifies a session."""

from functools import cache

from msgspec.structs import replace

from v2g.exi.facets import Type
from v2g.exi.least import least
from v2g.iso15118.d20 import timeouts
from v2g.iso15118.d20.edition import D20
from v2g.iso15118.d20.station import (
    ac_charge_loop,
    ac_charge_parameter_discovery,
    authorization,
    authorization_setup,
    certificate_installation,
    dc_cable_check,
    dc_charge_loop,
    dc_charge_parameter_discovery,
    dc_pre_charge,
    dc_welding_detection,
    metering_confirmation,
    power_delivery,
    schedule_exchange,
    service_detail,
    service_discovery,
    service_selection,
    session_setup,
    session_stop,
)
from v2g.iso15118.d20.table import DC, Phase
from v2g.iso15118.d20.wire import NO_SESSION, PROTOCOLS, header, payload_type
from v2g.iso15118.engine import paired
from v2g.iso15118.paused import Paused, binding
from v2g.iso15118.session import Code, Refusal, Session
from v2g.iso15118.sides import StationSide
from v2g.iso15118.view import Offer, StationView
from v2g.kernel.fault import Fault
from v2g.messages import PROTOCOLS as MODULES
from v2g.messages import codec
from v2g.messages.iso20.types import ResponseCode, V2GRequest


def _open(offer: Offer, peer: bytes | None, paused: Paused | None) -> Session:
    return Session(offer, Phase.SESSION_SETUP, NO_SESSION, peer, paused)


def _check(request: Type, session: Session) -> None:
    name = D20.name_of(request)
    if not isinstance(request, V2GRequest):
        raise Refusal(Code.SEQUENCE_ERROR, f"{name} is no request of a car", Fault.SEQUENCE_ERROR)
    if name != "SessionSetupReq" and request.Header.SessionID != session.session_id:
        reason = f"{name} carries session {request.Header.SessionID.hex().upper()}"
        raise Refusal(Code.UNKNOWN_SESSION, reason, Fault.UNKNOWN_SESSION)
    selection = session.selection
    if selection is not None and DC.get(name) is False:  # AC has three message sets with the same names
        due = PROTOCOLS[payload_type(name, selection.service)]
        if not type(request).__module__.endswith(f".{MODULES[due][0]}"):
            reason = f"{name} of {type(request).__module__}, {selection.service.name} has those of {due}"
            raise Refusal(Code.SEQUENCE_ERROR, reason, Fault.SEQUENCE_ERROR)


def _refuse(request: Type, session: Session, view: StationView, refusal: Refusal) -> Type | None:
    """Of the type paired with the request, schema-conform, and saying nothing [V2G20-736]."""
    response = _least_response(type(request))
    if response is None:
        return None
    return replace(response, Header=header(session, view), ResponseCode=ResponseCode(refusal.code.value))


@cache
def _least_response(kind: type[Type]) -> Type | None:
    """The least response to this kind of request, answered by this station or not. Shared: do not change it."""
    for message_set in D20.message_sets.values():
        schema = codec(message_set).schema
        for cls in schema.classes:
            if (cls.__module__, cls.__name__) == (kind.__module__, paired(kind.__name__)):
                return least(schema, cls)
    return None


def _pause(session: Session) -> Paused | None:
    """Without TLS nothing could prove that the same car comes back."""
    if session.peer is None or session.selection is None or session.session_id == NO_SESSION:
        return None
    proof = binding(session.session_id, session.peer)
    return Paused(
        D20.name,
        session.session_id,
        proof,
        session.selection,
        session.offered,
        session.car,
        bool(session.by_contract),
        session.chain,
        session.schedule_id,
    )


STATION = StationSide(
    edition=D20,
    answers={
        "SessionSetupReq": session_setup.answer,
        "AuthorizationSetupReq": authorization_setup.answer,
        "AuthorizationReq": authorization.answer,
        "CertificateInstallationReq": certificate_installation.answer,
        "ServiceDiscoveryReq": service_discovery.answer,
        "ServiceDetailReq": service_detail.answer,
        "ServiceSelectionReq": service_selection.answer,
        "AC_ChargeParameterDiscoveryReq": ac_charge_parameter_discovery.answer,
        "DC_ChargeParameterDiscoveryReq": dc_charge_parameter_discovery.answer,
        "ScheduleExchangeReq": schedule_exchange.answer,
        "DC_CableCheckReq": dc_cable_check.answer,
        "DC_PreChargeReq": dc_pre_charge.answer,
        "PowerDeliveryReq": power_delivery.answer,
        "AC_ChargeLoopReq": ac_charge_loop.answer,
        "DC_ChargeLoopReq": dc_charge_loop.answer,
        "MeteringConfirmationReq": metering_confirmation.answer,
        "DC_WeldingDetectionReq": dc_welding_detection.answer,
        "SessionStopReq": session_stop.answer,
    },
    open=_open,
    check=_check,
    refuse=_refuse,
    pause=_pause,
    phase_limits={
        Phase.CHARGE_PARAMETERS: (timeouts.STATION_ONGOING_S, Fault.SEQUENCE_TIMEOUT),
        Phase.AUTHORIZATION: (timeouts.STATION_ONGOING_S, Fault.AUTHORIZATION),
        Phase.SCHEDULE_EXCHANGE: (timeouts.STATION_ONGOING_S, Fault.SEQUENCE_TIMEOUT),
        # The car gives up first, and then ends the session in order.
        Phase.CABLE_CHECK: (timeouts.CABLE_CHECK_S + timeouts.DEFAULT_MESSAGE_S, Fault.CABLE_CHECK),
        Phase.PRECHARGING: (timeouts.PRECHARGE_S + timeouts.DEFAULT_MESSAGE_S, Fault.PRECHARGE),
        Phase.PRECHARGED: (timeouts.STATION_ONGOING_S, Fault.SEQUENCE_TIMEOUT),
        Phase.POWER_DELIVERY: (timeouts.STATION_ONGOING_S, Fault.SEQUENCE_TIMEOUT),
    },
    silence_faults={
        Phase.SESSION_SETUP: Fault.COMMUNICATION_SETUP_TIMEOUT,
        Phase.SERVICE_DISCOVERY: Fault.SERVICE_DISCOVERY_TIMEOUT,
        Phase.SERVICE_DETAIL: Fault.SERVICE_DISCOVERY_TIMEOUT,
        Phase.SERVICE_SELECTION: Fault.SERVICE_DISCOVERY_TIMEOUT,
    },
)
