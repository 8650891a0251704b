"""PaymentDetails: the car's contract."""

from dataclasses import replace
from typing import Any

from v2g.exi.facets import Type
from v2g.iso15118.car_session import CarSession
from v2g.iso15118.contract import plain_emaid
from v2g.iso15118.d2.certificate_chain import chain_element
from v2g.iso15118.d2.dialect import Dialect, body
from v2g.iso15118.d2.table import Phase
from v2g.iso15118.vehicle import VehicleState
from v2g.messages.iso2 import PaymentDetailsReq


def request(to: Dialect, session: CarSession, vehicle: VehicleState) -> Type:
    contract = session.contract
    assert contract is not None, "without one the car asks for one first"
    details = PaymentDetailsReq(plain_emaid(contract.name), chain_element(contract.chain))
    return to.message(session.session_id, details)


def take(to: Dialect, response: Any, asked: Any, session: CarSession, vehicle: VehicleState) -> CarSession:
    return replace(session, challenge=body(response).GenChallenge).to(Phase.AUTHORIZATION)
