"""The phases of a DIN SPEC 70121 session, as data.

The phases are those of ISO 15118-2. DIN has DC charging and external payment only: no ServiceDetail, no contract, no
receipts, no renegotiation. A FAILED response does not end the session by itself.

SESSION_SETUP, SERVICE_DISCOVERY, SERVICE, AUTHORIZATION, CHARGE_PARAMETERS and CABLE_CHECK (these three again while
Ongoing), PRECHARGE, and once PRECHARGED that again or PowerDelivery, which leads to STARTED;
DC_CHARGE_LOOP until PowerDelivery with
ReadyToChargeState false, then WELDING_DETECTION if the car likes, and SessionStop. ENDED admits nothing.
"""

from collections.abc import Mapping

from v2g.iso15118.d2.table import Phase
from v2g.iso15118.edition import Table, row

P = Phase

TABLE: Table = {
    P.SESSION_SETUP: row(SessionSetupReq={P.SERVICE_DISCOVERY}),
    P.SERVICE_DISCOVERY: row(P.ENDED, ServiceDiscoveryReq={P.SERVICE}),
    P.SERVICE: row(P.ENDED, ServicePaymentSelectionReq={P.AUTHORIZATION}),
    P.AUTHORIZATION: row(P.ENDED, ContractAuthenticationReq={P.AUTHORIZATION, P.CHARGE_PARAMETERS}),
    P.CHARGE_PARAMETERS: row(P.ENDED, ChargeParameterDiscoveryReq={P.CHARGE_PARAMETERS, P.CABLE_CHECK}),
    P.CABLE_CHECK: row(P.ENDED, CableCheckReq={P.CABLE_CHECK, P.PRECHARGE}),
    P.PRECHARGE: row(P.ENDED, PreChargeReq={P.PRECHARGED}),
    P.PRECHARGED: row(P.ENDED, PreChargeReq={P.PRECHARGED}, PowerDeliveryReq={P.STARTED, P.WELDING_DETECTION}),
    P.STARTED: row(CurrentDemandReq={P.DC_CHARGE_LOOP}),
    P.DC_CHARGE_LOOP: row(CurrentDemandReq={P.DC_CHARGE_LOOP}, PowerDeliveryReq={P.WELDING_DETECTION}),
    P.WELDING_DETECTION: row(P.ENDED, WeldingDetectionReq={P.WELDING_DETECTION}),
    P.ENDED: {},
}
"""Phase -> request -> phases that may follow an answer that is not FAILED."""

DC: Mapping[str, bool] = {}
"""There is no other kind."""
