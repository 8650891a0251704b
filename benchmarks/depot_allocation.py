"""How long it takes to share a power among a depot's chargers: on the tree with phases alone, and as a whole step.

The tree has four transformers and a feeder for 20 chargers; a third of the chargers are on one phase. Within the limits
a request is shared that no node stands against, at the limits one that several nodes do.
"""

from collections.abc import Callable
from time import thread_time

import numpy as np
from benchmarks.figure import Figure, Setting
from msgspec.structs import replace

from v2g.depot.allocation import Network, fill
from v2g.depot.controller import Controller
from v2g.depot.request import PowerRequest
from v2g.depot.tree import Node, Tree
from v2g.depot.view import Charger, Needs, Site, Source, Vehicle

SIZES = {50: 0.1, 500: 0.3, 5000: 2.0}
"""Chargers -> what one allocation may take, in ms."""
NOW = 1_800_000_000.0


def measure(setting: Setting) -> list[Figure]:
    figures = []
    for chargers, limit_ms in SIZES.items():
        network, caps_w, weights = _network(chargers)
        for name, each_w, limit in (("within_limits", 1_000.0, limit_ms), ("at_limits", 2_800.0, None)):
            limits_w = network.discharge_w
            ms = _best_ms(lambda: fill(network, caps_w, weights, chargers * each_w, limits_w), 50)  # noqa: B023
            figures.append(Figure(f"depot_{chargers}_share_{name}", "ms", ms, limit=limit))
        figures.append(Figure(f"depot_{chargers}_step", "ms", _step_ms(chargers)))
    return figures


def _best_ms(work: Callable[[], object], rounds: int) -> float:
    """The fastest round: what the work takes, and not what else the machine did."""
    best_s = float("inf")
    for _ in range(rounds):
        begins_s = thread_time()
        work()
        best_s = min(best_s, thread_time() - begins_s)
    return best_s * 1e3


def _tree(chargers: int) -> Tree:
    feeders = max(4, chargers // 20)
    transformers = [
        Node(
            name=f"T{number}", parent="site", max_discharge_w=chargers / 4 * 3e3,
            max_phase_discharge_w=chargers / 4 * 1e3,
        )
        for number in range(4)
    ]  # fmt: skip
    cables = [
        Node(name=f"F{number}", parent=f"T{number % 4}", max_discharge_w=80e3, max_phase_discharge_w=28e3)
        for number in range(feeders)
    ]
    return Tree([Node(name="site"), *transformers, *cables])


def _charger(number: int, chargers: int, soc_pu: float) -> Charger:
    return Charger(
        id=f"CS-{number:04}/1",
        node=f"F{number % max(4, chargers // 20)}",
        phases="123" if number % 3 else "123"[number // 3 % 3],
        max_charge_w=15e3,
        max_discharge_w=15e3,
        vehicle=Vehicle(
            id=f"car {number}",
            capacity_wh=60e3,
            soc_pu=soc_pu,
            soc_unix_s=NOW,
            needs=Needs(source=Source.FLEET_LIST, min_soc_pu=0.2),
        ),
        measured_w=0.0,
        measured_unix_s=NOW,
    )


def _network(chargers: int) -> tuple[Network, np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    all_of_them = [_charger(number, chargers, 0.5) for number in range(chargers)]
    network = Network(_tree(chargers), [each.node for each in all_of_them], [each.phases for each in all_of_them])
    return network, random.uniform(0, 15e3, chargers), random.uniform(0.01, 1.0, chargers)


def _step_ms(chargers: int) -> float:
    """A whole step of the controller, at a request that moves. Since the step before half of the chargers have been
    measured, at what they were set to."""
    random = np.random.default_rng(0)
    seen = {
        (each := _charger(number, chargers, float(random.uniform(0.25, 0.9)))).id: each for number in range(chargers)
    }
    tree, controller, best_s = _tree(chargers), Controller(), float("inf")
    powers_w = dict[str, float]()
    for cycle in range(30):
        now = NOW + 2.0 * cycle
        for number, (id, each) in enumerate(list(seen.items())):
            if number % 2 == cycle % 2:
                seen[id] = replace(each, measured_w=powers_w.get(id, 0.0), measured_unix_s=now)
        request = PowerRequest(by="EMS", power_w=-chargers * (1_000.0 + 100.0 * (cycle % 4)))
        site = Site(tree=tree, chargers=seen, requests=(request,))
        begins_s = thread_time()
        dispatch = controller.step(site, now)
        if cycle > 1:
            best_s = min(best_s, thread_time() - begins_s)
        powers_w = dispatch.setpoints.powers_w
    return best_s * 1e3
