"""The gateway with light stations: steering, silence, restarts, the ledger, who may discharge."""

import pytest
from tests.csms.site import SAFE_W, SILENCE, Depot, SlowLedger, car

from v2g.bench.depot.station import LightCar
from v2g.csms.gateway import Gateway, RefusedError
from v2g.depot.configuration import FleetVehicle
from v2g.depot.view import Needs, Source
from v2g.ocpp.version import Subprotocol

ID = "CS0/1"


def steered(power_w: float = -5_000.0, **changes: object) -> Depot:
    """A depot whose one car feeds the grid."""
    depot = Depot(**changes)  # type: ignore[arg-type]
    depot.plug()
    depot.wanted_w = {ID: power_w}
    depot.run(20.0)
    assert depot.power_w() == pytest.approx(power_w, abs=10)
    return depot


def test_before_it_is_steered_a_station_charges_with_the_safe_power() -> None:
    depot = Depot()
    depot.plug()
    depot.run(10.0)
    assert depot.power_w() == pytest.approx(SAFE_W, abs=10)


def test_a_set_point_that_changes_is_an_update_of_the_one_profile() -> None:
    depot = steered()
    profiles = [each.profile.id for each in depot.stations["CS0"].profiles.installed]
    for power_w in (-10_000.0, 0.0, 9_000.0, -1.0):
        depot.wanted_w[ID] = power_w
        depot.run(10.0)
        assert depot.power_w() == pytest.approx(power_w, abs=10)
    assert [each.profile.id for each in depot.stations["CS0"].profiles.installed] == profiles


def test_without_a_controller_the_set_point_lapses_in_its_time() -> None:
    depot = steered()
    depot.alive = False
    silent_s = depot.now
    depot.run(60.0, until=lambda: depot.power_w() >= 0)
    assert depot.now - silent_s <= SILENCE.setpoint_s + 1
    depot.run(10.0)
    assert depot.power_w() == pytest.approx(SAFE_W, abs=10)
    depot.alive = True
    depot.run(6.0)
    assert depot.power_w() == pytest.approx(-5_000, abs=50)


def test_without_a_connection_the_set_point_lapses_in_its_time() -> None:
    depot = steered()
    depot.cut("CS0")
    cut_s = depot.now
    assert not depot.charger().online
    depot.run(60.0, until=lambda: depot.power_w() >= 0)
    assert depot.now - cut_s <= SILENCE.offline_s + 2
    depot.run(10.0)
    assert depot.power_w() == pytest.approx(SAFE_W, abs=10)
    depot.link("CS0")
    depot.run(8.0)
    assert depot.power_w() == pytest.approx(-5_000, abs=50)


def test_another_controller_takes_up_where_the_first_one_was() -> None:
    depot = steered()
    before, events = depot.charger(), len(depot.ledger.entries)
    depot.restart()
    after = depot.charger()
    assert after.vehicle == before.vehicle
    assert (after.measured_w, after.charge_only) == (before.measured_w, "")
    for _ in range(20):
        depot.run(0.5)
        assert depot.power_w() <= -4_900, "the power must not move"
    assert len(depot.ledger.entries) > events


def test_an_event_is_answered_once_the_ledger_has_it() -> None:
    ledger = SlowLedger()
    depot = steered(ledger=ledger)
    ledger.held = True
    depot.run(6.0)
    assert depot.stations["CS0"].waiting > 0, "its event must wait for the disk"
    ledger.held = False
    depot.run(6.0)
    assert depot.stations["CS0"].waiting == 0


def test_events_reach_the_ledger_once_however_often_the_controller_dies() -> None:
    depot = steered()
    station = depot.stations["CS0"]
    for second in range(10):
        depot.run(1.0 + 0.5 * (second % 3))
        depot.restart()
    depot.run(5.0)
    station.unplug(depot.now)
    depot.run(5.0)
    entries = sorted(depot.ledger.entries.values(), key=lambda each: each.seq)
    assert [each.seq for each in entries] == list(range(len(entries)))
    assert [each.kind for each in entries if each.kind != "Updated"] == ["Started", "Ended"]
    assert entries[-1].export_wh == pytest.approx(station.export_wh)
    assert entries[-1].import_wh == pytest.approx(station.import_wh)
    assert {each.vehicle for each in entries} == {"van 0"}
    assert depot.charger().vehicle is None


def test_what_a_station_could_not_deliver_revives_no_transaction() -> None:
    depot = steered()
    first = depot.gateway.evses[ID].transaction
    assert first is not None
    depot.cut("CS0")
    depot.stations["CS0"].unplug(depot.now)
    depot.stations["CS0"].plug_in(car(), depot.now, depot.now)
    depot.run(3.0)
    depot.link("CS0")
    depot.run(5.0)
    second = depot.gateway.evses[ID].transaction
    assert second is not None
    assert second.id != first.id
    assert {each.transaction for each in depot.ledger.entries.values()} == {first.id, second.id}
    assert first.id in depot.gateway.stations["CS0"].kept.ended


@pytest.mark.parametrize(("negative", "reason"), [(False, "DischargeByNegativeLimit"), (True, "")])
def test_a_station_of_2_0_1_charges_only_unless_it_says_otherwise(negative: bool, reason: str) -> None:
    depot = Depot(subprotocol="ocpp2.0.1")
    if not negative:
        depot.stations["CS0"].discharge_w = 0.0
        depot.cut("CS0")
        depot.link("CS0")
    depot.plug()
    depot.wanted_w = {ID: -5_000.0}
    depot.run(20.0)
    assert reason in depot.charger().charge_only
    assert bool(depot.charger().charge_only) is not negative
    assert depot.power_w() == pytest.approx(-5_000 if negative else 0, abs=10)
    depot.wanted_w = {ID: 4_000.0}
    depot.run(20.0)
    assert depot.power_w() == pytest.approx(4_000, abs=10)
    depot.alive = False  # also without Dynamic profiles silence is safe
    depot.run(SILENCE.setpoint_s + 5)
    assert depot.power_w() == pytest.approx(SAFE_W, abs=10)


@pytest.mark.parametrize("subprotocol", ["ocpp2.1", "ocpp2.0.1"])
def test_a_vehicle_that_nobody_knows_charges_only(subprotocol: Subprotocol) -> None:
    depot = Depot(subprotocol=subprotocol)
    depot.plug("CS0", LightCar("STRANGER", 60_000, 0.7))
    assert depot.charger().charge_only == "the fleet list does not let this vehicle discharge"
    vehicle = depot.charger().vehicle
    assert vehicle is not None
    assert (vehicle.id, vehicle.discharges) == ("STRANGER", False)


def test_a_vehicle_that_nobody_knows_is_refused_if_the_configuration_says_so() -> None:
    depot = Depot(unknown_vehicles="refuse")
    from v2g.ocpp import v21

    token = v21.IdTokenType(idToken="STRANGER", type="EVCCID")
    assert depot.gateway.fleet.authorized(token).idTokenInfo.status == "Unknown"
    known = depot.gateway.fleet.authorized(v21.IdTokenType(idToken="ev-0", type="EVCCID"))
    assert known.idTokenInfo.status == "Accepted"
    assert isinstance(known.allowedEnergyTransfer, tuple)
    assert "DC_BPT" in known.allowedEnergyTransfer


def test_a_vehicle_of_the_list_that_must_not_discharge() -> None:
    depot = Depot(vehicles=(FleetVehicle(id="van", tokens=("EV0",), floor_soc=0.3, discharge=False),))
    depot.plug()
    assert depot.charger().charge_only == "the fleet list does not let this vehicle discharge"


def test_needs_of_the_car_the_list_and_the_driver() -> None:
    depot = Depot()
    depot.plug("CS0", LightCar("EV0", 60_000, 0.7, departure_s=7_200.0, energy_wh=6_000.0))
    vehicle = depot.charger().vehicle
    assert vehicle is not None
    assert vehicle.capacity_wh == 60_000
    assert vehicle.needs is not None
    assert vehicle.needs.source is Source.FLEET_LIST
    assert vehicle.needs.min_soc_pu == 0.3
    assert vehicle.needs.energy_wh == 6_000
    assert vehicle.needs.departure_unix_s == pytest.approx(depot.now + 7_200, abs=10)
    depot.gateway.need(ID, Needs(source=Source.DRIVER, min_soc_pu=0.55, stated_unix_s=depot.now))
    vehicle = depot.charger().vehicle
    assert vehicle is not None
    assert vehicle.needs is not None
    assert (vehicle.needs.source, vehicle.needs.min_soc_pu) == (Source.DRIVER, 0.55)
    with pytest.raises(RefusedError, match="there is no charger CS7/1"):
        depot.gateway.need("CS7/1", None)


def test_what_an_operator_does() -> None:
    depot = steered()
    depot.gateway.pause(ID, True)
    assert not depot.charger().ready
    depot.gateway.pause(ID, False)
    assert depot.charger().ready
    depot.gateway.stop(ID)
    depot.run(3.0)
    assert depot.charger().vehicle is None
    with pytest.raises(RefusedError, match="no vehicle is charging here"):
        depot.gateway.pause(ID, True)


def test_what_was_kept_and_cannot_be_read_is_left_out() -> None:
    depot = steered()
    depot.ledger.kept["transaction", ID] = b"{"
    depot.ledger.kept["station", "CS0"] = b'{"abilities": 7}'
    gateway = Gateway(depot.configuration, depot.ledger)
    assert gateway.evses[ID].transaction is None
    assert sum("cannot be read" in line for line in gateway.lines) == 2
