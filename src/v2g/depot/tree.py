"""The feeder tree of a site: which limits the power passes on its way to a charger."""

from collections.abc import Iterable, Iterator
from math import inf

from msgspec import Struct

from v2g.depot.transformer import Transformer
from v2g.kernel.errors import V2GError

PHASES = (1, 2, 3)


class TreeError(V2GError):
    """The nodes do not form a tree, or a limit of theirs is none."""


class Node(Struct, frozen=True, kw_only=True):
    """A transformer, a busbar, a cable, an inverter that several EVSEs share: whatever limits the sum behind it.

    Limits are magnitudes for each direction and hold for the sum of one direction alone: what some vehicles charge does
    not make room for others to discharge more, as either may end at any moment.
    """

    name: str
    parent: str | None = None
    """None for the root, of which there is one."""
    max_charge_w: float = inf
    max_discharge_w: float = inf
    max_phase_charge_w: float = inf
    """For each phase alone."""
    max_phase_discharge_w: float = inf
    transformer: Transformer | None = None
    """If it is one: its temperature is a limit too, which moves."""


class Tree:
    """The nodes, checked: one root, every parent known, no cycle. Parents come before their children."""

    def __init__(self, nodes: Iterable[Node]) -> None:
        """Raises `TreeError`, which names the node."""
        nodes = list(nodes)
        named = {node.name: node for node in nodes}
        if len(named) < len(nodes):
            names = [node.name for node in nodes]
            raise TreeError(f"node {next(name for name in names if names.count(name) > 1)!r} is there twice")
        for node in nodes:
            if node.parent is not None and node.parent not in named:
                raise TreeError(f"node {node.name!r}: there is no node {node.parent!r} to be its parent")
            for limit in _limits(node):
                if not limit >= 0:  # also what is not a number
                    raise TreeError(f"node {node.name!r}: a limit of {limit} W; give a magnitude of 0 or more")
        roots = [node for node in nodes if node.parent is None]
        if len(roots) != 1:
            raise TreeError(f"there are {len(roots)} nodes without a parent; exactly one is the root")
        children: dict[str, list[Node]] = {node.name: [] for node in nodes}
        for node in nodes:
            if node.parent is not None:
                children[node.parent].append(node)
        self.nodes: tuple[Node, ...] = tuple(_depth_first(roots[0], children))
        if len(self.nodes) < len(nodes):
            reached = {node.name for node in self.nodes}
            raise TreeError(f"node {next(name for name in named if name not in reached)!r} is its own ancestor")
        self.by_name = {node.name: node for node in self.nodes}

    @property
    def root(self) -> Node:
        return self.nodes[0]

    def path(self, name: str) -> Iterator[Node]:
        """From the node up to the root. Raises KeyError for an unknown name."""
        node: Node | None = self.by_name[name]
        while node is not None:
            yield node
            node = None if node.parent is None else self.by_name[node.parent]


class Room(Struct, frozen=True):
    """What a node leaves to all chargers behind it just now: as the sum, and in each phase. Magnitudes."""

    charge_w: tuple[float, float, float, float]
    discharge_w: tuple[float, float, float, float]


def flat(name: str = "site", *, max_charge_w: float = inf, max_discharge_w: float = inf) -> Tree:
    """A site without feeders: one node."""
    return Tree([Node(name=name, max_charge_w=max_charge_w, max_discharge_w=max_discharge_w)])


def _limits(node: Node) -> tuple[float, ...]:
    return (node.max_charge_w, node.max_discharge_w, node.max_phase_charge_w, node.max_phase_discharge_w)


def _depth_first(root: Node, children: dict[str, list[Node]]) -> Iterator[Node]:
    waiting = [root]
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(reversed(children[node.name]))
