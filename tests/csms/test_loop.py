"""The depot of the demonstration in virtual time: controller, gateway, frames, stations, batteries, a meter."""

from itertools import pairwise
from math import sqrt

import pytest
from tests.csms.site import Depot

from v2g.bench.depot.scene import CAPACITY_W, CYCLE_S, FEEDERS, FLOOR_SOC, Place, places, recorded_hz
from v2g.depot.configuration import Configuration, EvsePlace, Feeder, FleetVehicle, Silence, StationPlace
from v2g.depot.controller import Controller, Settings
from v2g.depot.request import RegulationRequest
from v2g.depot.response import Dynamics
from v2g.depot.view import Meter, Site
from v2g.io.depot_configuration import tree_of
from v2g.run.depot import LATENCY_S

SECONDS, BEGINS_S, LOST_S = 60, 10, 35
"""Of the signal; what is judged begins after a while; when twelve vehicles vanish."""


def configuration(all_places: list[Place]) -> Configuration:
    return Configuration(
        feeders=(
            Feeder(id="site", charge_w=sum(FEEDERS.values())),
            *(Feeder(id=name, parent="site", charge_w=limit_w) for name, limit_w in FEEDERS.items()),
        ),
        stations=tuple(
            StationPlace(id=each.id, evses=(EvsePlace(feeder=each.feeder, charge_w=15_000, discharge_w=15_000),))
            for each in all_places
        ),
        vehicles=tuple(
            FleetVehicle(id=f"van {each.id}", tokens=(each.car.evcc_id,), floor_soc=FLOOR_SOC) for each in all_places
        ),
        silence=Silence(safe_w=0.0, setpoint_s=20, offline_s=20, meter_s=2),
    )


class Loop(Depot):
    """With a controller, whose cycle comes by time and at events."""

    def __init__(self, count: int) -> None:
        self.places = places(count)
        super().__init__(
            made=configuration(self.places),
            stations={each.id: each.station() for each in self.places},
            versions={each.id: f"ocpp{each.version}" for each in self.places},
        )
        self.controller = Controller(Settings(cycle_s=CYCLE_S, dynamics=Dynamics(latency_s=LATENCY_S)))
        self.tree = tree_of(self.configuration)
        self.meter: Meter | None = None
        self.request: RegulationRequest | None = None

    @property
    def site_w(self) -> float:
        return sum(each.power_w for each in self.stations.values())

    def control(self) -> None:
        requests = () if self.request is None else (self.request,)
        site = Site(
            tree=self.tree, chargers=self.gateway.chargers(self.now), requests=requests, meter=self.meter,
            frequency_hz=None,
        )  # fmt: skip
        if not self.gateway.urgent and not self.controller.due(site, self.now):
            return
        self.gateway.urgent = False
        dispatch = self.controller.step(site, self.now)
        self.wanted_w = {id: each.power_w for id, each in dispatch.setpoints.items()}


def test_the_site_follows_its_request_and_makes_up_for_those_who_vanish() -> None:
    loop, samples, below = Loop(60), list[tuple[float, float]](), 0
    loop.run(3.0)
    for place in loop.places:
        loop.stations[place.id].plug_in(place.car, loop.now, loop.now)
    loop.run(5.0)
    for second, hz in zip(range(SECONDS), recorded_hz(), strict=False):
        share = max(0.0, min(1.0, 0.5 - 0.5 * (hz - 60.0) / 0.03))
        loop.request = RegulationRequest(by="grid operator", signal_pu=share, capacity_w=CAPACITY_W)
        loop.meter = Meter(loop.site_w, loop.now)
        if second == LOST_S:
            for number, place in enumerate([each for each in loop.places if each.discharges][:24:2]):
                if number % 2:
                    loop.stations[place.id].unplug(loop.now)
                else:
                    loop.stations[place.id].silent = True
        loop.run(1.0)
        samples.append((-share * CAPACITY_W, loop.site_w))
        for station in loop.stations.values():
            battery = station.battery
            if battery is not None and battery.soc_pu < FLOOR_SOC and station.power_w < -1:
                below += 1
    late = list(pairwise(samples[BEGINS_S:]))
    nrmse = sqrt(sum((after[1] - before[0]) ** 2 for before, after in late) / len(late)) / CAPACITY_W
    assert below == 0
    assert nrmse <= 0.06
    assert samples[-1][1] == pytest.approx(samples[-2][0], abs=0.03 * CAPACITY_W)
