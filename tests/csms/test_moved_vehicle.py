"""A vehicle that is unplugged at one EVSE and plugged in at another one."""

from tests.csms.site import Depot, car

from v2g.depot.view import Needs, Source


def test_what_was_stated_for_a_visit_ends_with_it_and_what_the_list_states_goes_along() -> None:
    depot = Depot(2)
    depot.plug()
    depot.gateway.need("CS0/1", Needs(source=Source.DRIVER, min_soc_pu=0.6, feeds=False))
    depot.gateway.pause("CS0/1", True)
    before = depot.charger()
    assert before.charge_only == "its driver lets nothing be fed"
    assert before.vehicle is not None
    assert before.vehicle.needs is not None
    assert before.vehicle.needs.min_soc_pu == 0.6
    assert not before.ready

    depot.stations["CS0"].unplug(depot.now)
    depot.run(4.0)
    depot.plug("CS1", car(0, 0.5))
    here, there = depot.charger("CS1/1"), depot.charger("CS0/1")
    assert there.vehicle is None
    assert here.vehicle is not None
    assert here.vehicle.id == "van 0"
    assert here.vehicle.needs is not None
    assert (here.vehicle.needs.min_soc_pu, here.vehicle.needs.floor_by) == (0.3, Source.FLEET_LIST)
    assert (here.charge_only, here.ready) == ("", True)
    assert here.vehicle.soc_pu is not None
    assert abs(here.vehicle.soc_pu - 0.5) < 0.02  # as its new station states it
    sessions = {(each.station, each.transaction): each.vehicle for each in depot.ledger.entries.values()}
    assert sorted(station for station, _ in sessions) == ["CS0", "CS1"]
    assert set(sessions.values()) == {"van 0"}


def test_a_vehicle_that_left_a_station_without_a_connection_keeps_its_old_place_until_that_says_so() -> None:
    depot = Depot(2)
    depot.plug()
    depot.wanted_w = {"CS0/1": -5_000.0}
    depot.run(4.0)
    first = depot.gateway.visit("CS0/1")
    depot.cut("CS0")
    depot.stations["CS0"].unplug(depot.now)
    depot.plug("CS1", car(0))
    assert depot.gateway.visit("CS0/1") == first
    assert not depot.charger().online
    assert depot.charger("CS1/1").online
    depot.link("CS0")
    depot.run(4.0)
    assert depot.gateway.visit("CS0/1") is None
    vehicle = depot.charger("CS1/1").vehicle
    assert vehicle is not None
    assert vehicle.id == "van 0"
