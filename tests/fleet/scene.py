"""A small fleet for the tests."""

from collections.abc import Mapping

from msgspec.structs import replace

from v2g.depot.flexibility import Band, Flexibility
from v2g.depot.request import PowerRequest
from v2g.depot.tree import Node, Tree
from v2g.fleet.controller import Dispatch
from v2g.fleet.view import Aggregate, DepotState, Place

NOW = 1_800_000_000.0
TREE = Tree([
    Node(name="grid"),
    Node(name="north", parent="grid", max_charge_w=800e3, max_discharge_w=500e3),
    Node(name="south", parent="grid", max_charge_w=2e6, max_discharge_w=2e6),
])  # fmt: skip


def flexibility(least_w: float = -400e3, most_w: float = 600e3, above_wh: float = 800e3) -> Flexibility:
    """The same for each time."""
    bands = tuple(Band(each, least_w, most_w) for each in (60.0, 900.0))
    return Flexibility(bands=bands, above_floor_wh=above_wh, to_full_wh=1e6)


def depot(id: str, node: str = "south", *, heard_s: float = NOW, cost: float = 0.0, **changes: object) -> DepotState:
    """One of many; `changes`: of its aggregate."""
    place = Place(id=id, node=node, max_charge_w=1e6, max_discharge_w=1e6, cost=cost)
    aggregate = replace(Aggregate(depot=id, unix_s=heard_s, power_w=0.0, flexibility=flexibility()), **changes)
    return DepotState(place=place, aggregate=aggregate, heard_unix_s=heard_s)


def states(*depots: DepotState) -> dict[str, DepotState]:
    """By id."""
    return {each.id: each for each in depots}


def asking(power_w: float, by: str = "TSO") -> tuple[PowerRequest, ...]:
    """A request."""
    return (PowerRequest(by=by, power_w=power_w),)


def answered(before: Mapping[str, DepotState], dispatch: Dispatch) -> dict[str, DepotState]:
    """All depots have taken what was sent, and do it."""
    after = dict(before)
    for id, setpoint in dispatch.send.items():
        aggregate = before[id].aggregate
        assert aggregate is not None
        holds = setpoint.until_unix_s > aggregate.unix_s
        after[id] = replace(
            before[id],
            accepted=setpoint,
            pending=(),
            aggregate=replace(
                aggregate,
                power_w=setpoint.power_w if holds else 0.0,
                setpoint_w=setpoint.power_w if holds else None,
                setpoint_number=setpoint.number if holds else 0,
            ),
        )
    return after


def later(before: Mapping[str, DepotState], seconds: float) -> dict[str, DepotState]:
    """All are heard of again."""

    def moved(state: DepotState) -> DepotState:
        aggregate = state.aggregate
        if aggregate is not None:
            aggregate = replace(aggregate, unix_s=aggregate.unix_s + seconds)
        return replace(state, heard_unix_s=state.heard_unix_s + seconds, aggregate=aggregate)

    return {id: moved(each) for id, each in before.items()}
