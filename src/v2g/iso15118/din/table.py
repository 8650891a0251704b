"""The phases of a DIN SPEC 70121 session and its timers, as data.

Read like `v2g.iso15118.d20.table`. DIN has DC charging and external payment only: no ServiceDetail, no contract, no
receipts, no renegotiation. A FAILED response does not end the session by itself.

SESSION_SETUP, SERVICE_DISCOVERY, PAYMENT, AUTHORIZATION, CHARGE_PARAMETERS and CABLE_CHECK (these three again while
Ongoing), PRECHARGE, and once PRECHARGED that again or PowerDelivery; CHARGE_LOOP until PowerDelivery with
ReadyToChargeState false, then WELDING_DETECTION if the car likes, and SessionStop. ENDED admits nothing.
"""

from collections.abc import Mapping
from enum import Enum, auto


class Phase(Enum):
    """What the station waits for."""

    SESSION_SETUP = auto()
    SERVICE_DISCOVERY = auto()
    PAYMENT = auto()
    AUTHORIZATION = auto()
    CHARGE_PARAMETERS = auto()
    CABLE_CHECK = auto()
    PRECHARGE = auto()
    PRECHARGED = auto()
    CHARGE_LOOP = auto()
    WELDING_DETECTION = auto()
    ENDED = auto()


P = Phase
_STOP = {"SessionStopReq": frozenset({P.ENDED})}


def _row(*, stop: bool = True, **requests: set[Phase]) -> dict[str, frozenset[Phase]]:
    admitted = {name: frozenset(following) for name, following in requests.items()}
    return admitted | _STOP if stop else admitted


TABLE: Mapping[Phase, Mapping[str, frozenset[Phase]]] = {
    P.SESSION_SETUP: _row(SessionSetupReq={P.SERVICE_DISCOVERY}, stop=False),
    P.SERVICE_DISCOVERY: _row(ServiceDiscoveryReq={P.PAYMENT}),
    P.PAYMENT: _row(ServicePaymentSelectionReq={P.AUTHORIZATION}),
    P.AUTHORIZATION: _row(ContractAuthenticationReq={P.AUTHORIZATION, P.CHARGE_PARAMETERS}),
    P.CHARGE_PARAMETERS: _row(ChargeParameterDiscoveryReq={P.CHARGE_PARAMETERS, P.CABLE_CHECK}),
    P.CABLE_CHECK: _row(CableCheckReq={P.CABLE_CHECK, P.PRECHARGE}),
    P.PRECHARGE: _row(PreChargeReq={P.PRECHARGED}),
    P.PRECHARGED: _row(PreChargeReq={P.PRECHARGED}, PowerDeliveryReq={P.CHARGE_LOOP, P.WELDING_DETECTION}),
    P.CHARGE_LOOP: _row(
        CurrentDemandReq={P.CHARGE_LOOP},
        PowerDeliveryReq={P.CHARGE_LOOP, P.WELDING_DETECTION},
        stop=False,
    ),
    P.WELDING_DETECTION: _row(WeldingDetectionReq={P.WELDING_DETECTION}),
    P.ENDED: {},
}
"""Phase -> request -> phases that may follow an answer that is not FAILED."""

SEQUENCE_S = 60.0
"""How long the station waits for the next request."""

DEFAULT_MESSAGE_S = 2.0
MESSAGE_S = {"CurrentDemandReq": 0.25}
"""How long the car waits for the response, by request. PowerDelivery has the usual 2 s here, not the 5 s of -2."""

REPEAT_S = {
    "ContractAuthenticationReq": 60.0,
    "ChargeParameterDiscoveryReq": 60.0,
    "CableCheckReq": 40.0,
    "PreChargeReq": 7.0,
}
"""How long the car goes on repeating a request until the station is ready."""
