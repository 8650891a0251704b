"""The car's half of ISO 15118-20: its exchanges, its timers, and what it asks next."""

from collections.abc import Mapping
from typing import Any

from v2g.iso15118.car_session import Abandon, CarPaused, CarSession
from v2g.iso15118.d20 import timeouts
from v2g.iso15118.d20.car import (
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
from v2g.iso15118.d20.edition import D20
from v2g.iso15118.d20.table import Phase
from v2g.iso15118.d20.wire import NO_SESSION
from v2g.iso15118.sides import CarSide
from v2g.iso15118.vehicle import Intent
from v2g.kernel.fault import Fault

_PHASE_LIMIT: Mapping[Phase, tuple[float, Fault]] = {
    Phase.AUTHORIZATION: (timeouts.CAR_ONGOING_S, Fault.AUTHORIZATION),
    Phase.CHARGE_PARAMETERS: (timeouts.CAR_ONGOING_S, Fault.SEQUENCE_TIMEOUT),
    Phase.SCHEDULE_EXCHANGE: (timeouts.CAR_ONGOING_S, Fault.SEQUENCE_TIMEOUT),
    Phase.CABLE_CHECK: (timeouts.CABLE_CHECK_S, Fault.CABLE_CHECK),
    Phase.PRECHARGING: (timeouts.PRECHARGE_S, Fault.PRECHARGE),
}
"""How long the car lets a phase go on."""


def _open(intent: Intent, station: bytes | None, paused: CarPaused | None) -> CarSession:
    return CarSession(intent, Phase.SESSION_SETUP, station, paused, NO_SESSION)


def _check(response: Any, request: str, session: CarSession) -> None:
    """The session id first [V2G20-752], then the response code (clause 8.6)."""
    name, session_id = type(response).__name__, response.Header.SessionID
    if request != "SessionSetupReq" and session_id != session.session_id:
        reason = f"{name} carries session {session_id.hex().upper()}"
        raise Abandon(reason, Fault.UNKNOWN_SESSION, in_order=False)
    if response.ResponseCode.startswith("FAILED"):
        raise Abandon(f"{name} says {response.ResponseCode.value}", Fault.REQUEST_REFUSED, in_order=False)


def _choose(session: CarSession) -> str:
    """The request that comes next: on the way to power, or, once the session is being ended, the shortest way out."""
    phase = session.phase
    if session.stop is not None:
        if phase is Phase.CHARGE_LOOP or (phase is Phase.POWER_DELIVERY and session.loops):
            return "PowerDeliveryReq"
        # Before power has begun, SessionStop is the way out of every phase [V2G20-2644].
        if phase not in (Phase.SESSION_SETUP, Phase.STARTED, Phase.WELDING_DETECTION):
            return "SessionStopReq"
    if phase is Phase.AUTHORIZATION and session.needs_contract:
        return "CertificateInstallationReq"
    if phase is Phase.CHARGE_LOOP and session.renegotiate:
        return "PowerDeliveryReq"
    if phase is Phase.CHARGE_LOOP and session.confirms and session.reading is not None:
        return "MeteringConfirmationReq"
    if phase is Phase.WELDING_DETECTION and session.ready:
        return "SessionStopReq"
    return next(iter(D20.admitted(phase, session.intent.service.dc)))


CAR = CarSide(
    edition=D20,
    exchanges={
        "SessionSetupReq": (session_setup.request, session_setup.take),
        "AuthorizationSetupReq": (authorization_setup.request, authorization_setup.take),
        "AuthorizationReq": (authorization.request, authorization.take),
        "CertificateInstallationReq": (certificate_installation.request, certificate_installation.take),
        "ServiceDiscoveryReq": (service_discovery.request, service_discovery.take),
        "ServiceDetailReq": (service_detail.request, service_detail.take),
        "ServiceSelectionReq": (service_selection.request, service_selection.take),
        "AC_ChargeParameterDiscoveryReq": (ac_charge_parameter_discovery.request, ac_charge_parameter_discovery.take),
        "DC_ChargeParameterDiscoveryReq": (dc_charge_parameter_discovery.request, dc_charge_parameter_discovery.take),
        "ScheduleExchangeReq": (schedule_exchange.request, schedule_exchange.take),
        "DC_CableCheckReq": (dc_cable_check.request, dc_cable_check.take),
        "DC_PreChargeReq": (dc_pre_charge.request, dc_pre_charge.take),
        "PowerDeliveryReq": (power_delivery.request, power_delivery.take),
        "AC_ChargeLoopReq": (ac_charge_loop.request, ac_charge_loop.take),
        "DC_ChargeLoopReq": (dc_charge_loop.request, dc_charge_loop.take),
        "MeteringConfirmationReq": (metering_confirmation.request, metering_confirmation.take),
        "DC_WeldingDetectionReq": (dc_welding_detection.request, dc_welding_detection.take),
        "SessionStopReq": (session_stop.request, session_stop.take),
    },
    open=_open,
    check=_check,
    choose=_choose,
    energy=frozenset({Phase.STARTED, Phase.CHARGE_LOOP}),
    ready=frozenset(
        {
            Phase.SCHEDULE_EXCHANGE,
            Phase.CABLE_CHECK,
            Phase.PRECHARGE,
            Phase.PRECHARGING,
            Phase.PRECHARGED,
            Phase.POWER_DELIVERY,
            Phase.STARTED,
            Phase.CHARGE_LOOP,
        }
    ),
    phase_limits=_PHASE_LIMIT,
    poll_s=0.1,
    loop_turnaround_s=timeouts.CAR_CHARGE_LOOP_TURNAROUND_S,
    pause=lambda session: session.station,  # without TLS nothing proves that it is the same station
)
