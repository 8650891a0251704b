"""The phases of an ISO 15118-20 session, as data.

A session is in one phase at a time. A phase names the requests it admits, and for each request the phases that may
follow once the response is out. Whatever is not in the table is answered with FAILED_SequenceError in the response type
paired with the request, and a FAILED response ends the session (clause 8.6).

Four readers share this table: the station's engine asserts every transition against it, the car's engine walks it, the
checker of captures judges with it, and `tools/draw_table.py` draws it into the documentation. So it holds nothing but
names.

How a session runs through it:

- *Set-up*: SESSION_SETUP, AUTHORIZATION_SETUP, AUTHORIZATION (again while Ongoing or after a WARNING, which keeps the
  phase so that the car can retry). A resumed session jumps from SESSION_SETUP to CHARGE_PARAMETERS, for its
  authorization and its service stay valid [V2G20-1032], [V2G20-1844].
- *Service*: SERVICE_DISCOVERY, SERVICE_DETAIL (at least one), SERVICE_SELECTION.
- *Parameters*: CHARGE_PARAMETERS, SCHEDULE_EXCHANGE (again while Ongoing).
- *DC only*: CABLE_CHECK (again while Ongoing) and PRECHARGE; once PRECHARGED it may repeat that or ask for power. AC
  goes to POWER_DELIVERY at once.
- *Energy*: CHARGE_LOOP until PowerDelivery(Stop). PowerDelivery(ScheduleRenegotiation) leads back to
  SCHEDULE_EXCHANGE with the contactor closed and no power, and from there to POWER_DELIVERY.
- *End*: DC measures for welded contactors in WELDING_DETECTION, then SessionStop; AC stops from STOPPING. SessionStop
  is admitted in every phase between SessionSetup and power, so that either side can leave.
- ENDED admits nothing.
"""

from collections.abc import Mapping
from enum import Enum, auto

from v2g.iso15118.edition import Table, row


class Phase(Enum):
    """What the station waits for."""

    SESSION_SETUP = auto()
    AUTHORIZATION_SETUP = auto()
    AUTHORIZATION = auto()
    SERVICE_DISCOVERY = auto()
    SERVICE_DETAIL = auto()
    SERVICE_SELECTION = auto()
    CHARGE_PARAMETERS = auto()
    SCHEDULE_EXCHANGE = auto()
    CABLE_CHECK = auto()
    PRECHARGE = auto()
    PRECHARGED = auto()
    POWER_DELIVERY = auto()
    CHARGE_LOOP = auto()
    WELDING_DETECTION = auto()
    STOPPING = auto()
    ENDED = auto()


P = Phase

TABLE: Table = {
    P.SESSION_SETUP: row(
        SessionSetupReq={P.AUTHORIZATION_SETUP, P.CHARGE_PARAMETERS},
    ),
    P.AUTHORIZATION_SETUP: row(P.ENDED, AuthorizationSetupReq={P.AUTHORIZATION}),
    P.AUTHORIZATION: row(P.ENDED, AuthorizationReq={P.AUTHORIZATION, P.SERVICE_DISCOVERY}),
    P.SERVICE_DISCOVERY: row(P.ENDED, ServiceDiscoveryReq={P.SERVICE_DETAIL}),
    P.SERVICE_DETAIL: row(P.ENDED, ServiceDetailReq={P.SERVICE_SELECTION}),
    P.SERVICE_SELECTION: row(
        P.ENDED,
        ServiceDetailReq={P.SERVICE_SELECTION},
        ServiceSelectionReq={P.CHARGE_PARAMETERS},
    ),
    P.CHARGE_PARAMETERS: row(
        P.ENDED,
        AC_ChargeParameterDiscoveryReq={P.SCHEDULE_EXCHANGE},
        DC_ChargeParameterDiscoveryReq={P.SCHEDULE_EXCHANGE},
    ),
    P.SCHEDULE_EXCHANGE: row(P.ENDED, ScheduleExchangeReq={P.SCHEDULE_EXCHANGE, P.CABLE_CHECK, P.POWER_DELIVERY}),
    P.CABLE_CHECK: row(P.ENDED, DC_CableCheckReq={P.CABLE_CHECK, P.PRECHARGE}),
    P.PRECHARGE: row(P.ENDED, DC_PreChargeReq={P.PRECHARGED}),
    P.PRECHARGED: row(
        P.ENDED,
        DC_PreChargeReq={P.PRECHARGED},
        PowerDeliveryReq={P.PRECHARGED, P.CHARGE_LOOP, P.WELDING_DETECTION},
    ),
    P.POWER_DELIVERY: row(
        P.ENDED,
        PowerDeliveryReq={P.POWER_DELIVERY, P.CHARGE_LOOP, P.STOPPING, P.WELDING_DETECTION},
    ),
    P.CHARGE_LOOP: row(
        AC_ChargeLoopReq={P.CHARGE_LOOP},
        DC_ChargeLoopReq={P.CHARGE_LOOP},
        PowerDeliveryReq={P.CHARGE_LOOP, P.SCHEDULE_EXCHANGE, P.STOPPING, P.WELDING_DETECTION},
    ),
    P.WELDING_DETECTION: row(P.ENDED, DC_WeldingDetectionReq={P.WELDING_DETECTION}),
    P.STOPPING: row(P.ENDED),
    P.ENDED: {},
}
"""Phase -> request -> phases that may follow an answer that is not FAILED. A FAILED answer always leads to ENDED."""

DC: Mapping[str, bool] = {
    "AC_ChargeParameterDiscoveryReq": False,
    "AC_ChargeLoopReq": False,
    "DC_ChargeParameterDiscoveryReq": True,
    "DC_CableCheckReq": True,
    "DC_PreChargeReq": True,
    "DC_ChargeLoopReq": True,
    "DC_WeldingDetectionReq": True,
}
"""The requests of one kind of service only: whether that is DC, otherwise AC."""
