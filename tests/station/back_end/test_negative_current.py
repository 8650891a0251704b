"""A back end orders a car of before ISO 15118-20 to discharge: no more than the car asks for, and only if listed."""

import pytest
from msgspec import structs
from tests.ocpp.messages import judge

from v2g.bench.conformance.stand import CAR, SETTINGS, Stand, _Place
from v2g.bench.conformance.tester import Tester as BackEnd
from v2g.bench.sim.world import World
from v2g.iso15118.service import ControlMode, Service
from v2g.iso15118.vehicle import Intent
from v2g.ocpp import v21
from v2g.station.access import ListAuthorizer
from v2g.station.back_end.authorizer import BackEndAuthorizer

EVCC_ID = "020000000001"
ACCESS = structs.replace(SETTINGS.access, bench_discharge=False)
LISTED = structs.replace(SETTINGS, access=structs.replace(ACCESS, negative_current_unproved=(EVCC_ID,)))
OTHERS = structs.replace(SETTINGS, access=structs.replace(ACCESS, negative_current_unproved=("020000000002",)))
ORDER_W, ASKED_W = -9_000.0, -5_000.0


class OneCar(Stand):
    """An EVSE for a car of ISO 15118-2."""

    def __init__(self, listed: bool) -> None:
        self._settings = LISTED if listed else OTHERS
        super().__init__()

    def _place(self, id: int) -> _Place:
        authorizer = BackEndAuthorizer(ListAuthorizer(self._settings.access), asks=True, unproved=True)
        intent = Intent(EVCC_ID, Service.DC, ControlMode.SCHEDULED, CAR, editions=("ISO 15118-2",))
        return _Place(World(self._settings, intent, authorizer=authorizer, soc=0.5), authorizer)


@pytest.mark.parametrize("negative", [True, False])
@pytest.mark.parametrize("listed", [True, False])
def test_an_order_to_discharge(listed: bool, negative: bool) -> None:
    tester = BackEnd(OneCar(listed), judge=lambda *said: judge(*said[:2])(said[2]))
    tester.booted()
    tester.answers["Authorize"] = v21.AuthorizeResponse(idTokenInfo=v21.IdTokenInfoType(status="Accepted"))
    tester.link.plug_in(
        1,
        EVCC_ID,
        service=Service.DC,
        mode=ControlMode.SCHEDULED,
        editions=("ISO 15118-2",),
        negative_current=negative,
        wish_w=ASKED_W if negative else 6_000.0,
        duration_s=60.0,
    )
    transaction = tester.await_("TransactionEvent", 60, eventType="Started").transactionInfo.transactionId
    period = {"startPeriod": 0, "operationMode": "CentralSetpoint", "setpoint": ORDER_W}
    schedule = {"id": 1, "chargingRateUnit": "W", "chargingSchedulePeriod": [period]}
    profile = {
        "id": 1, "stackLevel": 0, "chargingProfilePurpose": "TxProfile", "chargingProfileKind": "Relative",
        "transactionId": transaction, "chargingSchedule": [schedule],
    }  # fmt: skip
    tester.check("SetChargingProfile", evseId=1, chargingProfile=profile)
    seen_w = []
    for _ in range(60):
        tester.run(0.5)
        seen_w.append(tester.link.power_w(1))
    if listed and negative:
        assert 1.1 * ASKED_W < min(seen_w) < 0.8 * ASKED_W, "no more than the car asks for"
    else:
        assert min(seen_w) > -300.0
