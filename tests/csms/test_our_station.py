"""Our own station at the depot: steered, left alone, discharged only if all is known."""

import pytest
from tests.csms.bench import ID, Bench

from v2g.kernel.within import NEVER, Within


def test_a_station_follows_its_set_point_both_ways() -> None:
    bench = Bench()
    bench.charge()
    assert bench.charger.charge_only == ""
    assert bench.charger.vehicle is not None
    assert bench.charger.vehicle.id == "bus 7"
    assert 1_000 < bench.power_w <= 1_500  # the bottom profile
    for wanted_w in (-4_000.0, 6_000.0, -3_000.0):
        bench.wanted_w = wanted_w
        bench.run(25.0)
        assert bench.power_w == pytest.approx(wanted_w, rel=0.1)
        assert bench.gateway.evses[ID].steered.accepted_w == wanted_w
        assert bench.charger.measured_w == pytest.approx(wanted_w, abs=500)
    assert bench.actions().count("SetChargingProfile") == 2  # the bottom one and the transaction's
    assert bench.charger.vehicle is not None
    assert bench.charger.vehicle.soc_pu is not None


def test_a_station_names_the_feeder_that_binds_at_its_depot() -> None:
    bench = Bench()
    bench.charge()
    bench.wanted_w, bench.binding = -4_000.0, "node T1"
    bench.run(8.0)
    assert bench.world.evse.decision.wished_by == "TxProfile 730001 (node T1)"
    bench.wanted_w, bench.binding = -3_000.0, ""
    bench.run(8.0)
    assert bench.world.evse.decision.wished_by == "TxProfile 730001"


def test_a_station_learns_at_once_in_which_time_its_car_must_have_followed() -> None:
    bench = Bench()
    bench.charge()
    bench.wanted_w = -4_000.0
    bench.run(8.0)

    def within() -> Within:
        assert bench.world.evse.back_end is not None
        return bench.world.evse.back_end.within

    assert within() == NEVER
    for stated in (Within(discharge_s=0.3), Within(0.3, 0.3)):
        bench.within = stated
        bench.run(2.5)
        assert within() == stated, "the set-point is the same"
    bench.wanted_w, bench.within = -3_000.0, Within(charge_s=0.3)
    bench.run(2.5)
    assert within() == Within(charge_s=0.3)
    bench.wanted_w, bench.within = -4_000.0, NEVER
    bench.run(2.5)
    assert within() == NEVER
