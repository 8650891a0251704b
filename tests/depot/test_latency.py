"""Each station's own latency, as it is measured, is what the controller counts with."""

import numpy as np
import pytest
from tests.csms.site import Depot

from v2g.depot.response import Dynamics, Response


def test_each_charger_begins_after_its_own_latency() -> None:
    response = Response(Dynamics(latency_s=1.0, lag_s=0.0, ramp_pu_per_s=10.0), np.full(3, 10_000.0), 100.0)
    response.command(np.full(3, 5_000.0), 100.0, np.array([0.2, np.nan, 2.0]))
    assert response.under_way_w == 15_000.0
    for at_s, powers_w in ((100.1, [0, 0, 0]), (100.5, [5e3, 0, 0]), (101.5, [5e3, 5e3, 0]), (102.5, [5e3] * 3)):
        response.advance(at_s)
        assert response.power_w.tolist() == powers_w
    assert response.under_way_w == 0.0


def test_an_earlier_set_point_does_not_come_back_when_a_station_becomes_faster() -> None:
    response = Response(Dynamics(lag_s=0.0, ramp_pu_per_s=10.0), np.full(1, 10_000.0), 100.0)
    response.command(np.array([5_000.0]), 100.0, np.array([2.0]))
    response.command(np.array([1_000.0]), 101.0, np.array([0.2]))
    response.advance(101.5)
    assert response.power_w.tolist() == [1_000.0]
    response.advance(105.0)
    assert response.power_w.tolist() == [1_000.0]


def test_the_gateway_measures_how_long_a_station_takes() -> None:
    depot = Depot()
    depot.plug()
    depot.wanted_w = {"CS0/1": -4_000.0}
    depot.run(5.0)
    assert depot.charger().latency_s == 0.0  # the answer comes in the same step
    for number in range(20):
        depot.linked.discard("CS0")  # frames wait
        depot.wanted_w = {"CS0/1": -5_000.0 - 100.0 * (number % 2)}
        depot.run(1.0)
        depot.linked.add("CS0")
        depot.run(2.0)
    assert depot.charger().latency_s == pytest.approx(1.0, abs=0.15)
    depot.gateway.disconnected("CS0")
    assert depot.charger().latency_s == pytest.approx(1.0, abs=0.15)
