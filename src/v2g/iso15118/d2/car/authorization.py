"""Authorization, in DIN ContractAuthentication: by external means, or by the key of the contract.

The first request that proves a contract is signed, its repetitions are empty [V2G2-684]. As long as the station waits
for a person, so does the car [V2G2-845]; otherwise for 60 s.
"""

from dataclasses import replace
from typing import Any

from v2g.exi.facets import Type
from v2g.iso15118.car_session import CarSession
from v2g.iso15118.d2.dialect import Dialect, body
from v2g.iso15118.d2.table import Phase
from v2g.iso15118.vehicle import VehicleState

SIGNED_ID = "id1"
"""Of the signed element; each message has its own."""


def request(to: Dialect, session: CarSession, vehicle: VehicleState) -> Type:
    if not to.renegotiates:
        return to.message(session.session_id, to.messages.ContractAuthenticationReq())
    kind = to.messages.AuthorizationReq
    if session.contract is None or session.proved:
        return to.message(session.session_id, kind())
    from v2g.iso15118.signature import sign

    signed = kind(session.challenge, SIGNED_ID)
    signature = sign("iso2", [("AuthorizationReq", signed)], session.contract.key)
    return to.message(session.session_id, signed, signature)


def take(to: Dialect, response: Any, asked: Any, session: CarSession, vehicle: VehicleState) -> CarSession:
    processing = body(response).EVSEProcessing
    session = replace(session, proved=session.contract is not None)
    if processing is to.messages.EVSEProcessing.Finished:
        return session.to(Phase.CHARGE_PARAMETERS)
    return replace(session, waits_for_person=processing.value == "Ongoing_WaitingForCustomerInteraction")
