"""MeteringConfirmation: the reading that the station gave, signed with the contract's key."""

from dataclasses import replace

from v2g.iso15118.car_session import CarSession
from v2g.iso15118.d20.car.authorization import SIGNED_ID
from v2g.iso15118.d20.table import Phase
from v2g.iso15118.d20.wire import header
from v2g.iso15118.service import ControlMode
from v2g.iso15118.vehicle import VehicleState
from v2g.messages.iso20.common import (
    Dynamic_SMDTControlMode,
    MeteringConfirmationReq,
    MeteringConfirmationRes,
    Scheduled_SMDTControlMode,
    SignedMeteringData,
)
from v2g.messages.iso20.types import MeterInfo


def request(session: CarSession, vehicle: VehicleState) -> MeteringConfirmationReq:
    from v2g.iso15118.signature import sign

    reading, contract, head = session.reading, session.contract, header(session, vehicle)
    assert isinstance(reading, MeterInfo), "the car confirms only what it was given"
    assert contract is not None, "without a contract nothing is confirmed"
    dynamic = session.selected.mode is ControlMode.DYNAMIC
    tuple_id = 1 if session.schedule is None else session.schedule.tuple_id
    data = SignedMeteringData(
        session.session_id,
        reading,
        Dynamic_SMDTControlMode=Dynamic_SMDTControlMode() if dynamic else None,
        Scheduled_SMDTControlMode=None if dynamic else Scheduled_SMDTControlMode(tuple_id),
        Id=SIGNED_ID,
    )
    head.Signature = sign("iso20-common", [("SignedMeteringData", data)], contract.key)
    return MeteringConfirmationReq(head, data)


def take(
    response: MeteringConfirmationRes, asked: MeteringConfirmationReq, session: CarSession, vehicle: VehicleState
) -> CarSession:
    return replace(session, confirms=False).to(Phase.CHARGE_LOOP)
