"""The phases of an ISO 15118-20 session, as data.

A session is in one phase at a time. A phase names the requests it admits, and for each request the phases that may
follow once the response is out. Whatever is not in the table is answered with FAILED_SequenceError in the response type
paired with the request, and a FAILED response ends the session (clause 8.6).

Four readers share this table: the station's engine asserts every transition against it, the car's engine walks it, the
checker of captures judges with it, and `tools/draw_table.py` draws it into the documentation. So it holds nothing but
names. A car that goes on asks the first request of the row that its service admits.

How a session runs through it:

- *Set-up*: SESSION_SETUP, AUTHORIZATION_SETUP, AUTHORIZATION (again while Ongoing or after a WARNING, which keeps the
  phase so that the car can retry; before that a car may be given its contract by CertificateInstallation). A resumed
  session jumps from SESSION_SETUP to CHARGE_PARAMETERS, for its service stays valid and it
  authorises itself no second time [V2G20-1032], [V2G20-1844]; whether it is let in is decided again while
  SCHEDULE_EXCHANGE is Ongoing.
- *Service*: SERVICE_DISCOVERY, SERVICE_DETAIL (at least one), SERVICE_SELECTION.
- *Parameters*: CHARGE_PARAMETERS (in AC_DER_IEC and AC_DER_SAE again while the car says Ongoing: it takes over the
  grid code's settings), SCHEDULE_EXCHANGE (again while Ongoing).
- *DC only*: CABLE_CHECK (again while Ongoing), then PRECHARGE and, while the car says Ongoing [V2G20-2005],
  PRECHARGING; PRECHARGED is left by PowerDelivery only [V2G20-2006]. PRECHARGING admits that too: Josev's car says
  Finished only if it had to wait for the voltage. AC goes to POWER_DELIVERY at once.
- *Energy*: after PowerDelivery(Start) the session is STARTED: at least one request of the charge loop is due
  [V2G20-2009], [V2G20-2010]. CHARGE_LOOP then goes on until PowerDelivery(Stop)
  [V2G20-2012], [V2G20-2013]. In between the car confirms the meter's reading if the station asks for that
  (MeteringConfirmation). PowerDelivery(ScheduleRenegotiation)
  leads back to SCHEDULE_EXCHANGE with the contactor closed and no power, and from there to POWER_DELIVERY. A
  PowerDelivery that is Ongoing changes nothing [V2G20-2007].
- *End*: DC measures for welded contactors in WELDING_DETECTION, then SessionStop; AC stops from STOPPING. If the
  service is renegotiated, SessionStop leads to SERVICE_DISCOVERY. SessionStop is admitted in every phase between
  SessionSetup and power, so that either side can leave [V2G20-2644], [V2G20-2645].
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
    PRECHARGING = auto()
    PRECHARGED = auto()
    POWER_DELIVERY = auto()
    STARTED = auto()
    CHARGE_LOOP = auto()
    WELDING_DETECTION = auto()
    STOPPING = auto()
    ENDED = auto()


P = Phase

TABLE: Table = {
    P.SESSION_SETUP: row(SessionSetupReq={P.AUTHORIZATION_SETUP, P.CHARGE_PARAMETERS}),
    P.AUTHORIZATION_SETUP: row(P.ENDED, AuthorizationSetupReq={P.AUTHORIZATION}),
    P.AUTHORIZATION: row(
        P.ENDED,
        AuthorizationReq={P.AUTHORIZATION, P.SERVICE_DISCOVERY},
        CertificateInstallationReq={P.AUTHORIZATION},
    ),
    P.SERVICE_DISCOVERY: row(P.ENDED, ServiceDiscoveryReq={P.SERVICE_DETAIL}),
    P.SERVICE_DETAIL: row(P.ENDED, ServiceDetailReq={P.SERVICE_SELECTION}),
    P.SERVICE_SELECTION: row(
        P.ENDED,
        ServiceSelectionReq={P.CHARGE_PARAMETERS},
        ServiceDetailReq={P.SERVICE_SELECTION},
    ),
    P.CHARGE_PARAMETERS: row(
        P.ENDED,
        AC_ChargeParameterDiscoveryReq={P.CHARGE_PARAMETERS, P.SCHEDULE_EXCHANGE},
        DC_ChargeParameterDiscoveryReq={P.SCHEDULE_EXCHANGE},
    ),
    P.SCHEDULE_EXCHANGE: row(P.ENDED, ScheduleExchangeReq={P.SCHEDULE_EXCHANGE, P.CABLE_CHECK, P.POWER_DELIVERY}),
    P.CABLE_CHECK: row(P.ENDED, DC_CableCheckReq={P.CABLE_CHECK, P.PRECHARGE}),
    P.PRECHARGE: row(P.ENDED, DC_PreChargeReq={P.PRECHARGING, P.PRECHARGED}),
    P.PRECHARGING: row(
        P.ENDED,
        DC_PreChargeReq={P.PRECHARGING, P.PRECHARGED},
        PowerDeliveryReq={P.PRECHARGED, P.STARTED, P.WELDING_DETECTION},
    ),
    P.PRECHARGED: row(P.ENDED, PowerDeliveryReq={P.PRECHARGED, P.STARTED, P.WELDING_DETECTION}),
    P.POWER_DELIVERY: row(
        P.ENDED,
        PowerDeliveryReq={P.POWER_DELIVERY, P.STARTED, P.STOPPING, P.WELDING_DETECTION},
    ),
    P.STARTED: row(
        AC_ChargeLoopReq={P.CHARGE_LOOP},
        DC_ChargeLoopReq={P.CHARGE_LOOP},
    ),
    P.CHARGE_LOOP: row(
        AC_ChargeLoopReq={P.CHARGE_LOOP},
        DC_ChargeLoopReq={P.CHARGE_LOOP},
        MeteringConfirmationReq={P.CHARGE_LOOP},
        PowerDeliveryReq={P.CHARGE_LOOP, P.STARTED, P.SCHEDULE_EXCHANGE, P.STOPPING, P.WELDING_DETECTION},
    ),
    P.WELDING_DETECTION: row(P.ENDED, P.SERVICE_DISCOVERY, DC_WeldingDetectionReq={P.WELDING_DETECTION}),
    P.STOPPING: row(P.ENDED, P.SERVICE_DISCOVERY),
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
