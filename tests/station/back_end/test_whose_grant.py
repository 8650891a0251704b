"""What a back end grants, forbids or brings is for one car: the next one at the EVSE gets none of it."""

from dataclasses import dataclass, replace

import pytest
from tests.station.back_end.test_charging_station import CAR, TIME, Bench, profile
from tests.station.scene import INTENT

from v2g.ocpp import v21
from v2g.ocpp.base import Message
from v2g.ocpp.rpc import Requested
from v2g.station.access import Answer, Identity

OTHER = "WMIV1234567890ABCDEY"
BLOCKED = v21.AuthorizeResponse(idTokenInfo=v21.IdTokenInfoType(status="Blocked"))
CHARGES_ONLY = v21.AuthorizeResponse(idTokenInfo=v21.IdTokenInfoType(status="Accepted"), allowedEnergyTransfer=("DC",))


@dataclass
class SlowBench(Bench):
    """Its back end keeps the answer to the first question to itself until it is let go."""

    kept_back: str = ""

    def _hear(self, frame: str) -> None:
        match self.back_end.receive(frame):
            case Requested(id, "Authorize", request) if not self.kept_back:
                self.heard.append(("Authorize", request))
                self.kept_back = id
            case Requested(id, action, request):
                self.heard.append((action, request))
                self.back_end.answer(id, self.answers.get(action) or self._usual(action))

    def let_go(self, answer: Message) -> None:
        """The answer that was kept back arrives."""
        self.back_end.answer(self.kept_back, answer)
        self._speak()


def asked(bench: Bench) -> list[str]:
    return [each.idToken.idToken for _, each in bench.heard if isinstance(each, v21.AuthorizeRequest)]


def accepted() -> Message:
    return v21.AuthorizeResponse(idTokenInfo=v21.IdTokenInfoType(status="Accepted"))


def leave(bench: Bench) -> None:
    bench.world.unplug()
    bench.run(3.0)


@pytest.mark.parametrize("late", [True, False], ids=["before the next car", "after it has come"])
def test_an_answer_about_a_car_that_has_left_is_not_for_the_next_one(late: bool) -> None:
    bench = SlowBench(answers={"Authorize": BLOCKED})
    bench.run(3.0)
    bench.world.plug_in()
    bench.run(60.0, until=lambda: bool(bench.kept_back))
    leave(bench)
    if late:
        bench.let_go(accepted())
    bench.world.plug_in(intent=replace(INTENT, evcc_id=OTHER))
    bench.run(0.5)
    if not late:
        bench.let_go(accepted())
    bench.run(40.0)
    assert asked(bench) == [CAR, OTHER]
    assert not any(closed for _, closed in bench.world.switched)
    assert not bench.events()


def start_with_discharge() -> v21.RequestStartTransactionRequest:
    order = {"operationMode": "CentralSetpoint", "limit": 10_000, "dischargeLimit": -5_000, "setpoint": -4_000}
    brought = profile(order, "TxProfile")
    assert isinstance(brought, v21.SetChargingProfileRequest)
    return v21.RequestStartTransactionRequest(
        idToken=v21.IdTokenType(idToken="APP-1", type="Central"), remoteStartId=1, evseId=1,
        chargingProfile=brought.chargingProfile,
    )  # fmt: skip


def test_the_profile_of_a_remote_start_that_has_lapsed_is_not_for_the_next_car() -> None:
    bench = Bench()
    bench.run(1.0)
    assert bench.ask("RequestStartTransaction", start_with_discharge()).status == "Accepted"
    bench.run(61.0)
    bench.charge(10.0)
    assert asked(bench) == [CAR]
    assert bench.world.plant.import_wh > 0.0
    assert bench.world.plant.export_wh == 0.0


def test_the_profile_of_a_remote_start_that_is_refused_is_not_for_the_next_car() -> None:
    bench = Bench()
    bench.run(1.0)
    until = TIME.replace(year=2027)
    token = v21.IdTokenType(idToken=CAR, type="EVCCID")
    bench.ask("ReserveNow", v21.ReserveNowRequest(id=1, expiryDateTime=until, idToken=token, evseId=1))
    assert bench.ask("RequestStartTransaction", start_with_discharge()).status == "Rejected"
    bench.charge(10.0)
    assert bench.world.plant.export_wh == 0.0


def test_a_remote_start_whose_profile_discharges_is_followed() -> None:
    bench = Bench()
    bench.run(1.0)
    bench.ask("RequestStartTransaction", start_with_discharge())
    bench.charge(10.0)
    assert bench.world.evse.decision.power_w < 0.0


def test_an_evse_taken_out_of_service_serves_no_car_that_was_announced() -> None:
    bench = Bench()
    bench.run(1.0)
    start = plain_start()
    bench.ask("RequestStartTransaction", start)
    bench.ask(
        "ChangeAvailability",
        v21.ChangeAvailabilityRequest(operationalStatus="Inoperative", evse=v21.EVSEType(id=1)),
    )
    bench.charge(10.0)
    assert not bench.events()
    assert not any(closed for _, closed in bench.world.switched)


def plain_start() -> v21.RequestStartTransactionRequest:
    return v21.RequestStartTransactionRequest(
        idToken=v21.IdTokenType(idToken="APP-1", type="Central"), remoteStartId=1, evseId=1
    )


@pytest.mark.parametrize("between", ["nothing", "restart"])
def test_a_car_that_may_only_charge_may_only_charge_the_next_time_as_well(between: str) -> None:
    """The second time the cache answers for the back end."""
    bench = Bench(answers={"Authorize": CHARGES_ONLY})
    order = {"operationMode": "CentralSetpoint", "limit": 10_000, "dischargeLimit": -5_000, "setpoint": -4_000}
    bench.run(1.0)
    assert bench.ask("SetChargingProfile", profile(order, "TxDefaultProfile")).status == "Accepted"
    for _ in range(2):
        bench.charge(10.0)
        assert bench.world.evse.demand.stage.name == "ENERGY"
        assert bench.world.evse.decision.power_w >= 0.0
        leave(bench)
        bench.run(15.0)
        if between == "restart":
            bench.cut()
            bench.start()
            bench.link()
    assert len(asked(bench)) == 1
    assert bench.world.plant.export_wh == 0.0


def test_what_is_refused_is_a_token_and_not_the_car_that_showed_it() -> None:
    bench = Bench(answers={"Authorize": BLOCKED})
    bench.run(3.0)
    by_contract, without = Identity(OTHER, OTHER, "DE8AAC1B2C3D4E5"), Identity(OTHER, OTHER)

    def answer(identity: Identity) -> Answer:
        bench.authorizer.judge(identity, bench.world.now)
        bench.run(1.0)
        return bench.authorizer.judge(identity, bench.world.now).answer

    assert answer(by_contract) is Answer.REFUSED
    bench.answers.clear()
    assert answer(without) is Answer.GRANTED
    assert asked(bench) == ["DE8AAC1B2C3D4E5", OTHER]
