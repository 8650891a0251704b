"""The grid operator's test at a simulated depot in virtual time, with the controller's own code."""

from collections.abc import Callable

import numpy as np

from v2g.depot.prequalification import BY, HOLDS_S, Sample, Trial
from v2g.depot.request import RegulationRequest
from v2g.depot.simulate.plant import Car, Physics, Plant
from v2g.depot.simulate.regulation import BEGINS_S, Scene, site_of
from v2g.depot.simulate.strategy import Ours
from v2g.depot.view import Site


def simulated(
    trial: Trial, progress: Callable[[float], None], *, chargers: int, leaving_per_h: float, seed: int
) -> list[Sample]:
    """At a depot of `chargers` of 15 kW behind three transformers. Each has a vehicle when the test begins;
    `leaving_per_h` of them leave in an hour. `progress` is called with the share of the test that is over."""
    scene, random = Scene(chargers=chargers, lost=0), np.random.default_rng(seed)
    tree, all_chargers = site_of(scene)
    plant = Plant(tree, all_chargers, Physics(), BEGINS_S)
    for number, charger in enumerate(all_chargers, 1):
        soc_pu = float(random.uniform(0.4, 0.7))
        plant.plug_in(charger.id, Car(id=f"car {number}", capacity_wh=60_000.0, soc_pu=soc_pu, floor_pu=0.2))
    leaving = random.permutation([each.id for each in all_chargers]).tolist()
    strategy, samples = Ours(), []
    for second in range(round(trial.seconds)):
        signal_pu = trial.signal_pu(second)
        request = RegulationRequest(
            by=BY, signal_pu=signal_pu, capacity_w=trial.capacity_w, baseline_w=trial.baseline_w,
            until_unix_s=plant.now + HOLDS_S,
        )  # fmt: skip
        if leaving and random.uniform() < leaving_per_h / 3600.0:
            plant.unplug(leaving.pop())
        site = Site(tree=plant.tree, chargers=plant.chargers, requests=(request,), meter=plant.meter)
        samples.append(Sample(second, signal_pu, float(plant.power_w.sum())))
        if strategy.due(site, plant.now):
            plant.command(strategy.step(site, plant.now))
        plant.advance(1.0)
        progress(second / trial.seconds)
    return samples
