"""Authorization, in DIN ContractAuthentication, by external means.

As long as the station waits for a person, so does the car [V2G2-845]; otherwise for 60 s.
"""

from dataclasses import replace
from typing import Any

from v2g.exi.facets import Type
from v2g.iso15118.car_session import CarSession
from v2g.iso15118.d2.dialect import Dialect, body
from v2g.iso15118.d2.table import Phase
from v2g.iso15118.vehicle import VehicleState


def request(to: Dialect, session: CarSession, vehicle: VehicleState) -> Type:
    kind = to.messages.AuthorizationReq if to.renegotiates else to.messages.ContractAuthenticationReq
    return to.message(session.session_id, kind())


def take(to: Dialect, response: Any, asked: Any, session: CarSession, vehicle: VehicleState) -> CarSession:
    processing = body(response).EVSEProcessing
    if processing is to.messages.EVSEProcessing.Finished:
        return session.to(Phase.CHARGE_PARAMETERS)
    return replace(session, waits_for_person=processing.value == "Ongoing_WaitingForCustomerInteraction")
