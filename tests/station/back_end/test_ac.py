"""An AC outlet and its back end: one phase by a profile, a car that does not talk."""

import dataclasses

from msgspec import UNSET
from msgspec.structs import replace
from tests.station.back_end.test_charging_station import Bench, ask_for, profile
from tests.station.test_mute_car import EVSE
from tests.station.test_phase_switch import SWITCHING

from v2g.bench.sim.world import NOWHERE
from v2g.iso15118.view import Stop
from v2g.kernel.fault import Fault
from v2g.ocpp import v21
from v2g.power.card_reader import CardReading
from v2g.station.config.settings import PhaseSwitching

TOKEN = v21.IdTokenType(idToken="APP-1", type="Central")


def bench() -> Bench:
    """A car that does not talk charges on three phases."""
    settings = replace(SWITCHING, phase_switching=PhaseSwitching(pause_s=3.0, every_s=0.0))
    found = Bench(settings=settings, asks=False)
    found.world.faults.mute = True
    found.run(3.0)
    found.world.plug_in()
    found.run(12.0)
    assert found.world.contactor.closed
    return found


def test_a_profile_brings_the_car_to_one_phase_and_the_back_end_hears_of_it() -> None:
    with_car = bench()
    switches = with_car.ask(
        "GetVariables",
        v21.GetVariablesRequest(getVariableData=(ask_for("SmartChargingCtrlr", "ACPhaseSwitchingSupported", 1),)),
    )
    assert switches.getVariableResult[0].attributeValue == "true"
    limit = {"limit": 2_300.0, "numberPhases": 1, "phaseToUse": 1}
    with_profile = profile(limit, "TxProfile", transaction=with_car.transaction)
    assert with_car.ask("SetChargingProfile", with_profile).status == "Accepted"
    with_car.run(30.0)
    assert with_car.world.phases == 1
    assert 2_200.0 < with_car.world.plant.charger_power_w <= 2_300.0
    used = [each.numberOfPhasesUsed for each in with_car.events() if each.numberOfPhasesUsed is not UNSET]
    assert used == [3, 1]
    assert len({each.transactionInfo.transactionId for each in with_car.events()}) == 1, "it is one transaction"


def test_a_card_is_asked_about_and_begins_the_transaction() -> None:
    bench = Bench(settings=replace(EVSE, reader=NOWHERE))
    bench.world.faults.mute = True
    shown = CardReading(0.0)
    bench.world.as_read = lambda readings: replace(readings, reader=dataclasses.replace(shown, time_s=bench.world.now))
    bench.run(3.0)
    bench.world.plug_in()
    bench.run(6.0)
    assert not bench.world.contactor.closed
    shown = CardReading(0.0, "04A2B3C4", 1)
    bench.run(8.0)
    assert bench.world.contactor.closed
    asked = next(each for _, each in bench.heard if isinstance(each, v21.AuthorizeRequest))
    assert asked.idToken == v21.IdTokenType(idToken="04A2B3C4", type="ISO14443")
    assert bench.events()[0].idToken == asked.idToken
    shown = CardReading(0.0, "04A2B3C4", 2)
    bench.run(40.0, until=lambda: bench.events()[-1].eventType == "Ended")
    assert bench.events()[-1].transactionInfo.stoppedReason == "Local"


def test_a_car_that_does_not_talk_is_suspended_while_its_limit_is_nothing() -> None:
    """As a depot must know who waits for power: it may be offered none from the start, and again later."""
    bench = Bench(settings=EVSE, asks=False)
    bench.world.faults.mute = True
    bench.run(3.0)
    nothing, enough = ({"limit": limit_w} for limit_w in (0.0, 11_000.0))
    assert bench.ask("SetChargingProfile", profile(nothing, "TxDefaultProfile")).status == "Accepted"
    bench.world.plug_in()
    for count in (1, 2):
        bench.run(30.0)
        assert not bench.world.contactor.closed
        assert bench.events()[-1].transactionInfo.chargingState == "SuspendedEVSE"
        assert bench.ask("SetChargingProfile", profile(enough, "TxDefaultProfile")).status == "Accepted"
        bench.run(20.0)
        assert bench.world.contactor.closed
        if count == 1:
            assert bench.ask("SetChargingProfile", profile(nothing, "TxDefaultProfile")).status == "Accepted"


def test_a_remote_start_lets_a_car_that_does_not_talk_begin_again() -> None:
    with_car = bench()
    for count in (1, 2):
        before = with_car.transaction
        stop = v21.RequestStopTransactionRequest(transactionId=with_car.transaction)
        assert with_car.ask("RequestStopTransaction", stop).status == "Accepted"
        with_car.run(15.0)
        assert not with_car.world.contactor.closed
        assert with_car.events()[-1].transactionInfo.stoppedReason == "Remote"
        start = v21.RequestStartTransactionRequest(idToken=TOKEN, remoteStartId=count, evseId=1)
        assert with_car.ask("RequestStartTransaction", start).status == "Accepted"
        with_car.run(15.0)
        assert with_car.world.contactor.closed
        assert with_car.transaction != before


def test_a_remote_start_lifts_no_fault_of_a_car_that_does_not_talk() -> None:
    with_car = bench()
    evse = with_car.world.evse
    evse.visit.trip = Fault.OVER_CURRENT, "more flows than may"
    evse.stop(Stop.TERMINATE, with_car.world.now)
    with_car.run(40.0)
    start = v21.RequestStartTransactionRequest(idToken=TOKEN, remoteStartId=1, evseId=1)
    with_car.ask("RequestStartTransaction", start)
    with_car.run(15.0)
    assert not with_car.world.contactor.closed
