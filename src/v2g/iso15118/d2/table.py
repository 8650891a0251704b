"""The phases of an ISO 15118-2 session and its timers, as data.

Read like `v2g.iso15118.d20.table`: a phase names the requests it admits, and for each the phases that may follow a
response that is not FAILED. Whatever is not in the table is answered with FAILED_SequenceError [V2G2-459]. Other than
in ISO 15118-20 a FAILED response does not end the session by itself.

How a session runs through it:

- *Set-up*: SESSION_SETUP, SERVICE_DISCOVERY, SERVICE (details as often as the car likes, then the choice of service and
  payment). A contract leads over CONTRACT (certificate installation or update, then its details), external payment
  straight to AUTHORIZATION (again while Ongoing).
- *Parameters*: CHARGE_PARAMETERS (again while Ongoing). AC goes to POWER_DELIVERY, DC to CABLE_CHECK (again while
  Ongoing) and PRECHARGE; once PRECHARGED it may repeat that or ask for power.
- *Energy*: AC_CHARGE_LOOP or DC_CHARGE_LOOP until PowerDelivery(Stop). A response with ReceiptRequired leads to RECEIPT
  first. PowerDelivery(Renegotiate) leads back to CHARGE_PARAMETERS, in DC through cable check and pre-charge again
  [V2G2-565], [V2G2-582]. SessionStop is not admitted while energy flows.
- *End*: DC measures for welded contactors in WELDING_DETECTION, if it likes, then SessionStop; AC stops from STOPPING.
- ENDED admits nothing.
"""

from collections.abc import Mapping
from enum import Enum, auto


class Phase(Enum):
    """What the station waits for."""

    SESSION_SETUP = auto()
    SERVICE_DISCOVERY = auto()
    SERVICE = auto()
    CONTRACT = auto()
    AUTHORIZATION = auto()
    CHARGE_PARAMETERS = auto()
    CABLE_CHECK = auto()
    PRECHARGE = auto()
    PRECHARGED = auto()
    POWER_DELIVERY = auto()
    AC_CHARGE_LOOP = auto()
    DC_CHARGE_LOOP = auto()
    RECEIPT = auto()
    WELDING_DETECTION = auto()
    STOPPING = auto()
    ENDED = auto()


P = Phase
_STOP = {"SessionStopReq": frozenset({P.ENDED})}


def _row(*, stop: bool = True, **requests: set[Phase]) -> dict[str, frozenset[Phase]]:
    admitted = {name: frozenset(following) for name, following in requests.items()}
    return admitted | _STOP if stop else admitted


TABLE: Mapping[Phase, Mapping[str, frozenset[Phase]]] = {
    P.SESSION_SETUP: _row(SessionSetupReq={P.SERVICE_DISCOVERY}, stop=False),
    P.SERVICE_DISCOVERY: _row(ServiceDiscoveryReq={P.SERVICE}),
    P.SERVICE: _row(
        ServiceDetailReq={P.SERVICE},
        PaymentServiceSelectionReq={P.CONTRACT, P.AUTHORIZATION},
    ),
    P.CONTRACT: _row(
        CertificateInstallationReq={P.CONTRACT},
        CertificateUpdateReq={P.CONTRACT},
        PaymentDetailsReq={P.AUTHORIZATION},
    ),
    P.AUTHORIZATION: _row(AuthorizationReq={P.AUTHORIZATION, P.CHARGE_PARAMETERS}),
    P.CHARGE_PARAMETERS: _row(ChargeParameterDiscoveryReq={P.CHARGE_PARAMETERS, P.CABLE_CHECK, P.POWER_DELIVERY}),
    P.CABLE_CHECK: _row(CableCheckReq={P.CABLE_CHECK, P.PRECHARGE}),
    P.PRECHARGE: _row(PreChargeReq={P.PRECHARGED}),
    P.PRECHARGED: _row(
        PreChargeReq={P.PRECHARGED},
        PowerDeliveryReq={P.DC_CHARGE_LOOP, P.CHARGE_PARAMETERS, P.WELDING_DETECTION},
    ),
    P.POWER_DELIVERY: _row(PowerDeliveryReq={P.AC_CHARGE_LOOP, P.CHARGE_PARAMETERS, P.STOPPING}),
    P.AC_CHARGE_LOOP: _row(
        ChargingStatusReq={P.AC_CHARGE_LOOP, P.RECEIPT},
        PowerDeliveryReq={P.AC_CHARGE_LOOP, P.CHARGE_PARAMETERS, P.STOPPING},
        stop=False,
    ),
    P.DC_CHARGE_LOOP: _row(
        CurrentDemandReq={P.DC_CHARGE_LOOP, P.RECEIPT},
        PowerDeliveryReq={P.DC_CHARGE_LOOP, P.CHARGE_PARAMETERS, P.WELDING_DETECTION},
        stop=False,
    ),
    P.RECEIPT: _row(MeteringReceiptReq={P.AC_CHARGE_LOOP, P.DC_CHARGE_LOOP}, stop=False),
    P.WELDING_DETECTION: _row(WeldingDetectionReq={P.WELDING_DETECTION}),
    P.STOPPING: _row(),
    P.ENDED: {},
}
"""Phase -> request -> phases that may follow an answer that is not FAILED."""

SEQUENCE_S = 60.0
"""How long the station waits for the next request."""

DEFAULT_MESSAGE_S = 2.0
MESSAGE_S = {
    "ServiceDetailReq": 5.0,
    "CertificateInstallationReq": 5.0,
    "CertificateUpdateReq": 5.0,
    "PaymentDetailsReq": 5.0,
    "PowerDeliveryReq": 5.0,
    "CurrentDemandReq": 0.25,
}
"""How long the car waits for the response, by request."""

REPEAT_S = {
    "AuthorizationReq": 60.0,
    "ChargeParameterDiscoveryReq": 60.0,
    "CableCheckReq": 40.0,
    "PreChargeReq": 7.0,
}
"""How long the car goes on repeating a request until the station is ready."""
