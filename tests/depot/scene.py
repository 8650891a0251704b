"""A small depot for the tests."""

from msgspec.structs import replace

from v2g.depot.request import PowerRequest
from v2g.depot.tree import Node, Tree
from v2g.depot.view import Charger, Needs, Site, Source, Vehicle

NOW = 1_800_000_000.0
TREE = Tree([
    Node(name="site"),
    Node(name="T1", parent="site", max_charge_w=40_000, max_discharge_w=30_000),
    Node(name="T2", parent="site", max_charge_w=100_000, max_discharge_w=100_000),
])  # fmt: skip
VEHICLE = Vehicle(
    id="car",
    capacity_wh=60_000,
    soc_pu=0.7,
    soc_unix_s=NOW,
    needs=Needs(source=Source.DRIVER, min_soc_pu=0.4, target_soc_pu=0.6, departure_unix_s=NOW + 8 * 3600),
)
CHARGER = Charger(
    id="CS-1/1", node="T1", max_charge_w=15_000, max_discharge_w=15_000, vehicle=VEHICLE, measured_w=0.0,
    measured_unix_s=NOW,
)  # fmt: skip


def charger(number: int, node: str = "T1", soc_pu: float | None = 0.7, **changes: object) -> Charger:
    """One of many."""
    return replace(
        CHARGER,
        id=f"CS-{number}/1",
        node=node,
        **{"vehicle": replace(VEHICLE, id=f"car {number}", soc_pu=soc_pu), **changes},
    )


def site(*chargers: Charger, power_w: float | None = None, tree: Tree = TREE) -> Site:
    """A site that is asked for `power_w`."""
    requests = () if power_w is None else (PowerRequest(by="EMS", power_w=power_w),)
    return Site(tree=tree, chargers={each.id: each for each in chargers}, requests=requests)
