"""The car's half of ISO 15118-2, and what DIN SPEC 70121 has in common with it."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from v2g.iso15118.car_session import Abandon, CarPaused, CarSession
from v2g.iso15118.d2 import timeouts
from v2g.iso15118.d2.car import (
    authorization,
    cable_check,
    certificates,
    charge_parameter_discovery,
    charging_status,
    current_demand,
    metering,
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
from v2g.iso15118.d2.dialect import NO_SESSION, Dialect, body
from v2g.iso15118.d2.iso2 import ISO2
from v2g.iso15118.d2.table import Phase
from v2g.iso15118.sides import CarSide
from v2g.iso15118.vehicle import Intent
from v2g.kernel.fault import Fault

_LOOPS = frozenset({Phase.AC_CHARGE_LOOP, Phase.DC_CHARGE_LOOP})
_PHASE_LIMIT: Mapping[Phase, tuple[float, Fault]] = {
    Phase.AUTHORIZATION: (60.0, Fault.AUTHORIZATION),
    Phase.CHARGE_PARAMETERS: (60.0, Fault.SEQUENCE_TIMEOUT),
    Phase.CABLE_CHECK: (timeouts.CABLE_CHECK_S, Fault.CABLE_CHECK),
    Phase.PRECHARGED: (timeouts.PRECHARGE_S, Fault.PRECHARGE),
}


def side(to: Dialect, exchanges: Mapping[str, Any]) -> CarSide:
    """The car's half of an edition, with the module for each of its requests."""
    return CarSide(
        edition=to.edition,
        exchanges={name: (partial(each.request, to), partial(each.take, to)) for name, each in exchanges.items()},
        open=_open,
        check=partial(_check, to),
        choose=partial(_choose, to),
        energy=_LOOPS | {Phase.STARTED, Phase.RECEIPT},
        ready=_LOOPS
        | {
            Phase.CABLE_CHECK,
            Phase.PRECHARGE,
            Phase.PRECHARGED,
            Phase.POWER_DELIVERY,
            Phase.STARTED,
            Phase.RECEIPT,
        },
        phase_limits=_PHASE_LIMIT,
        poll_s=0.1,
        loop_turnaround_s=0.25,
        pause=lambda session: (session.station or b"") if to.renegotiates else None,
    )


def _open(intent: Intent, station: bytes | None, paused: CarPaused | None) -> CarSession:
    return CarSession(intent, Phase.SESSION_SETUP, station, paused, NO_SESSION)


def _check(to: Dialect, response: Any, request: str, session: CarSession) -> None:
    """The session id first, then the response code: the car goes on after none that is FAILED."""
    name, session_id = to.edition.name_of(response), response.Header.SessionID
    if request != "SessionSetupReq" and session_id != session.session_id:
        reason = f"{name} carries session {session_id.hex().upper()}"
        raise Abandon(reason, Fault.UNKNOWN_SESSION, in_order=False)
    code = body(response).ResponseCode.value
    if code.startswith("FAILED"):
        raise Abandon(f"{name} says {code}", Fault.REQUEST_REFUSED, in_order=False)


def _choose(to: Dialect, session: CarSession) -> str:
    """The request that comes next: on the way to power, or, once the session is being ended, the shortest way out."""
    phase = session.phase
    if session.stop is not None:
        # After a renegotiation in AC the contactor is still closed.
        if phase in _LOOPS or (phase is Phase.POWER_DELIVERY and session.loops):
            return "PowerDeliveryReq"
        if phase not in (Phase.SESSION_SETUP, Phase.STARTED, Phase.RECEIPT, Phase.WELDING_DETECTION):
            return "SessionStopReq"
    if phase in _LOOPS and session.renegotiate and to.renegotiates:
        return "PowerDeliveryReq"
    if phase is Phase.WELDING_DETECTION and session.ready:
        return "SessionStopReq"
    if phase is Phase.PRECHARGED and session.ready:
        return "PowerDeliveryReq"
    if phase is Phase.SERVICE and to.renegotiates:
        detailed = session.certificates is None or session.certificates[1] != 0
        return "PaymentServiceSelectionReq" if detailed else "ServiceDetailReq"
    if phase is Phase.CONTRACT:
        if session.needs_contract:
            return "CertificateInstallationReq" if session.contract is None else "CertificateUpdateReq"
        return "PaymentDetailsReq"
    return next(iter(to.edition.admitted(phase, session.intent.service.dc)))


CAR = side(
    ISO2,
    {
        "SessionSetupReq": session_setup,
        "ServiceDiscoveryReq": service_discovery,
        "ServiceDetailReq": service_detail,
        "PaymentServiceSelectionReq": payment_service_selection,
        "CertificateInstallationReq": certificates,
        "CertificateUpdateReq": certificates,
        "PaymentDetailsReq": payment_details,
        "AuthorizationReq": authorization,
        "ChargeParameterDiscoveryReq": charge_parameter_discovery,
        "CableCheckReq": cable_check,
        "PreChargeReq": pre_charge,
        "PowerDeliveryReq": power_delivery,
        "ChargingStatusReq": charging_status,
        "CurrentDemandReq": current_demand,
        "MeteringReceiptReq": metering,
        "WeldingDetectionReq": welding_detection,
        "SessionStopReq": session_stop,
    },
)
