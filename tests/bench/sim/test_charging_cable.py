"""The simulated cable: a car that is pulled leaves its network, whatever the station sends at that moment."""

import pytest

from v2g.bench.sim.charging_cable import ChargingCable
from v2g.pilot.duty import DIGITAL, STEADY_LOW


@pytest.mark.parametrize("duty", [DIGITAL, STEADY_LOW], ids=["5 %", "state F"])
def test_a_pulled_car_leaves_its_network(duty: float) -> None:
    now = 0.0
    cable = ChargingCable(lambda: now, plc=True)

    def wait(seconds: float, duty: float) -> None:
        nonlocal now
        for _ in range(round(seconds / 0.02)):
            now += 0.02
            cable.advance(now, duty=duty, matching=True, wants_energy=False)

    cable.plug_in()
    wait(3.0, DIGITAL)
    assert cable.pair is not None
    assert cable.pair.matched
    station, car = cable.pair.modems
    key = car.nmk
    assert key == station.nmk
    wait(0.2, duty)
    cable.unplug()
    wait(0.2, duty)
    assert car.nmk != key
