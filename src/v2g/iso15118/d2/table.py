"""The phases of an ISO 15118-2 session, as data.

Read like `v2g.iso15118.d20.table`: a phase names the requests it admits, and for each the phases that may follow a
response that is not FAILED. Whatever is not in the table is answered with FAILED_SequenceError [V2G2-459]. Other than
in ISO 15118-20 a FAILED response does not end the session by itself.

How a session runs through it:

- *Set-up*: SESSION_SETUP, SERVICE_DISCOVERY, SERVICE (details as often as the car likes, then the choice of service and
  payment). A contract leads over CONTRACT (certificate installation or update, then its details), external payment
  straight to AUTHORIZATION (again while Ongoing).
- *Parameters*: CHARGE_PARAMETERS (again while Ongoing). AC goes to POWER_DELIVERY, DC to CABLE_CHECK (again while
  Ongoing) and PRECHARGE; once PRECHARGED it may repeat that or ask for power.
- *Energy*: after PowerDelivery(Start) the session is STARTED: one request of the charge loop is due. Then
  AC_CHARGE_LOOP or DC_CHARGE_LOOP until PowerDelivery(Stop). A response with ReceiptRequired leads to RECEIPT
  first. PowerDelivery(Renegotiate) leads back to CHARGE_PARAMETERS, in DC through cable check and pre-charge again
  [V2G2-565], [V2G2-582]. SessionStop is not admitted while energy flows.
- *End*: DC measures for welded contactors in WELDING_DETECTION, if it likes, then SessionStop; AC stops from STOPPING.
- ENDED admits nothing.
"""

from collections.abc import Mapping
from enum import Enum, auto

from v2g.iso15118.edition import Table, row


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
    STARTED = auto()
    AC_CHARGE_LOOP = auto()
    DC_CHARGE_LOOP = auto()
    RECEIPT = auto()
    WELDING_DETECTION = auto()
    STOPPING = auto()
    ENDED = auto()


P = Phase

TABLE: Table = {
    P.SESSION_SETUP: row(SessionSetupReq={P.SERVICE_DISCOVERY}),
    P.SERVICE_DISCOVERY: row(P.ENDED, ServiceDiscoveryReq={P.SERVICE}),
    P.SERVICE: row(
        P.ENDED,
        ServiceDetailReq={P.SERVICE},
        PaymentServiceSelectionReq={P.CONTRACT, P.AUTHORIZATION},
    ),
    P.CONTRACT: row(
        P.ENDED,
        CertificateInstallationReq={P.CONTRACT},
        CertificateUpdateReq={P.CONTRACT},
        PaymentDetailsReq={P.AUTHORIZATION},
    ),
    P.AUTHORIZATION: row(P.ENDED, AuthorizationReq={P.AUTHORIZATION, P.CHARGE_PARAMETERS}),
    P.CHARGE_PARAMETERS: row(
        P.ENDED, ChargeParameterDiscoveryReq={P.CHARGE_PARAMETERS, P.CABLE_CHECK, P.POWER_DELIVERY}
    ),
    P.CABLE_CHECK: row(P.ENDED, CableCheckReq={P.CABLE_CHECK, P.PRECHARGE}),
    P.PRECHARGE: row(P.ENDED, PreChargeReq={P.PRECHARGED}),
    P.PRECHARGED: row(
        P.ENDED,
        PreChargeReq={P.PRECHARGED},
        PowerDeliveryReq={P.STARTED, P.WELDING_DETECTION},
    ),
    P.POWER_DELIVERY: row(P.ENDED, PowerDeliveryReq={P.STARTED, P.STOPPING}),
    P.STARTED: row(
        ChargingStatusReq={P.AC_CHARGE_LOOP, P.RECEIPT},
        CurrentDemandReq={P.DC_CHARGE_LOOP, P.RECEIPT},
    ),
    P.AC_CHARGE_LOOP: row(
        ChargingStatusReq={P.AC_CHARGE_LOOP, P.RECEIPT},
        PowerDeliveryReq={P.CHARGE_PARAMETERS, P.STOPPING},
    ),
    P.DC_CHARGE_LOOP: row(
        CurrentDemandReq={P.DC_CHARGE_LOOP, P.RECEIPT},
        PowerDeliveryReq={P.CHARGE_PARAMETERS, P.WELDING_DETECTION},
    ),
    P.RECEIPT: row(MeteringReceiptReq={P.AC_CHARGE_LOOP, P.DC_CHARGE_LOOP}),
    P.WELDING_DETECTION: row(P.ENDED, WeldingDetectionReq={P.WELDING_DETECTION}),
    P.STOPPING: row(P.ENDED),
    P.ENDED: {},
}
"""Phase -> request -> phases that may follow an answer that is not FAILED."""

DC: Mapping[str, bool] = {
    "ChargingStatusReq": False,
    "CableCheckReq": True,
    "PreChargeReq": True,
    "CurrentDemandReq": True,
    "WeldingDetectionReq": True,
}
"""The requests of one kind of service only: whether that is DC, otherwise AC."""
