"""DER controls for a vehicle's own inverter (R02, R03): it gets them with the grid code, also while it feeds."""

from typing import Any

import pytest
from msgspec import structs
from tests.ocpp.messages import judge

from v2g.bench.conformance.r import control
from v2g.bench.conformance.stand import CAR, SETTINGS, Stand, _Place
from v2g.bench.conformance.tester import Tester as BackEnd
from v2g.bench.sim.world import World
from v2g.iso15118.service import ControlMode, Service
from v2g.iso15118.vehicle import Intent
from v2g.ocpp import v21
from v2g.station.access import ListAuthorizer
from v2g.station.back_end.authorizer import BackEndAuthorizer

AC = structs.replace(SETTINGS, services=("AC_DER_IEC", "AC_BPT", "AC"), inverter=None, isolation=None)
TRANSFERS: tuple[v21.EnergyTransferModeEnumType, ...] = ("AC_three_phase", "AC_BPT_DER")


class AcStand(Stand):
    """An EVSE with AC: the inverter is the car's."""

    def _place(self, id: int) -> _Place:
        authorizer = BackEndAuthorizer(ListAuthorizer(AC.access), asks=True, unproved=True)
        intent = Intent("NOBODY", Service.AC_DER_IEC, ControlMode.DYNAMIC, CAR, duration_s=600.0)
        return _Place(World(AC, intent, authorizer=authorizer, soc=0.5), authorizer)


@pytest.fixture
def tester() -> BackEnd:
    tester = BackEnd(AcStand(), judge=lambda *said: judge(*said[:2])(said[2]))
    tester.booted()
    accepted = v21.IdTokenInfoType(status="Accepted")
    tester.answers["Authorize"] = v21.AuthorizeResponse(idTokenInfo=accepted, allowedEnergyTransfer=TRANSFERS)
    return tester


def given(tester: BackEnd) -> Any:
    """The settings that the car's inverter has."""
    inverter = tester.link.evse(1).car.der  # type: ignore[attr-defined]
    assert inverter.accepted
    return inverter.given


def test_the_inverter_of_the_vehicle_follows_the_controls(tester: BackEnd) -> None:
    tester.check("SetDERControl", **control(tester, "A", "VoltWatt"))
    tester.link.plug_in(1, tester.car, service=Service.AC_DER_IEC)
    transaction = tester.await_("TransactionEvent", 60, eventType="Started").transactionInfo.transactionId
    needs = tester.await_("NotifyEVChargingNeeds", 30).chargingNeeds
    assert needs.requestedEnergyTransfer == "AC_BPT_DER"
    assert needs.derChargingParameters.maxDischargeApparentPower == 10_000
    assert tester.get("ACDERCtrlr", "ModesSupported", evse=1) == ""
    tester.run(10.0)
    assert given(tester).volt_watt is not None
    period = {"startPeriod": 0, "operationMode": "CentralSetpoint", "setpoint": -9_000.0}
    schedule = {"id": 1, "chargingRateUnit": "W", "chargingSchedulePeriod": [period]}
    profile = {
        "id": 1, "stackLevel": 0, "chargingProfilePurpose": "TxProfile", "chargingProfileKind": "Relative",
        "transactionId": transaction, "chargingSchedule": [schedule],
    }  # fmt: skip
    tester.check("SetChargingProfile", evseId=1, chargingProfile=profile)
    tester.run(15.0)
    before_w = tester.link.power_w(1)
    assert before_w < -7_000
    tester.check("SetDERControl", **control(tester, "B", "LimitMaxDischarge"))
    tester.run(40.0)
    assert given(tester).fed_pu == 0.2, "the service was chosen again, with the limit"
    assert tester.link.power_w(1) > before_w + 1_000
    tester.check("ClearDERControl", isDefault=True)
    tester.run(40.0)
    assert (given(tester).fed_pu, given(tester).volt_watt) == (1.0, None)
