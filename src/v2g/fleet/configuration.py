"""What the configuration file of a fleet says: its servers, its depots and the network between them, its ledger."""

from math import inf
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta, Struct

from v2g.depot.configuration import Control, Http, Metrics, Standing
from v2g.depot.tree import Node, Tree
from v2g.depot.value_types import Member, Name, Power
from v2g.fleet.view import Place

GigaPower = Annotated[float, Meta(ge=0, le=1_000_000_000)]
"""A magnitude in W."""


class NetworkNode(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A node of the network between the depots: what it can carry each way. The first one is the whole of it."""

    id: Name
    """For the `parent` and `node` of others."""
    parent: Name | None = None
    """The node above it; None for the first one."""
    charge_w: GigaPower | None = None
    """The most that the depots behind it draw; without it nothing limits them."""
    discharge_w: GigaPower | None = None
    """The most that they feed."""


class DepotPlace(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A depot that may join."""

    id: Member
    """As it names itself, and its user at the servers."""
    node: Name | None = None
    """Where it is connected; the first node if left out."""
    charge_w: Power
    """Of its connection: what it draws at most, whatever happens there."""
    discharge_w: Power = 0.0
    """What it feeds at most."""
    cost: Annotated[float, Meta(ge=-1000, le=1000)] = 0.0
    """Of a kWh from it, beside other depots; the cheapest are asked first."""
    password_file: Path | None = None
    """Of its user; `--embedded` and `v2g fleet servers` make it if it is missing."""
    page: Annotated[str, Meta(pattern=r"^https?://[^\s<>\"]+$", max_length=500)] | None = None
    """Where its own page is, for the fleet's."""


class Servers(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The NATS servers of the fleet."""

    urls: Annotated[tuple[Annotated[str, Meta(pattern=r"^(nats|tls)://[^\s@]+$")], ...], Meta(min_length=1)] = (
        "nats://127.0.0.1:4222",
    )
    """`nats://` in clear, on one machine only; `tls://` otherwise."""
    user: Member = "fleet"
    """As the servers know this process."""
    password_file: Path | None = None
    """Of that user; `--embedded` needs none."""
    roots: Path | None = None
    """Of the servers' certificates, PEM; those of this machine if left out."""
    replicas: Annotated[int, Meta(ge=1, le=5)] = 3
    """On how many servers each entry is before it counts as stored."""
    system_user: Member = "system"
    """Of the system account, for `v2g fleet doctor`."""
    system_password_file: Path | None = None
    """Of that user."""


class Person(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Somebody, or a program, that uses the fleet over its servers."""

    name: Member
    """The user at the servers; its requests are in this name."""
    role: Literal["viewer", "operator"] = "viewer"
    """viewer: sees the depots; operator: may also ask for power."""
    password_file: Path
    """Of that user; made as that of a depot."""


class FleetConfiguration(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The whole file."""

    fleet: Member
    """For people, and the account at the servers: fleets with different names see nothing of each other."""
    servers: Servers = Servers()
    nodes: Annotated[tuple[NetworkNode, ...], Meta(min_length=1)] = (NetworkNode(id="grid"),)
    """The network between the depots; the first one is all of it."""
    depots: tuple[DepotPlace, ...] = ()
    """All that may join."""
    depot_list: Path | None = None
    """A CSV file with more depots, in columns named as the fields of `depots`."""
    people: tuple[Person, ...] = ()
    """Who else may connect to the servers."""
    request: Standing = Standing()
    """What the fleet does when nobody asks for anything."""
    ledger: Annotated[str, Meta(min_length=1, description="a file, or postgresql://...")] = "/var/lib/v2g/fleet.db"
    """The file of the SQLite database, or the address of a PostgreSQL one."""
    http: Http | None = None
    """The page and its REST interface; without it there is none."""
    metrics: Metrics | None = None
    """Numbers for Prometheus; without it there are none."""
    control: Control = Control(socket=Path("/run/v2g/fleet.sock"))
    """The local socket for `v2g fleet status` and the like."""
    cycle_s: Annotated[float, Meta(ge=0.2, le=60)] = 1.0
    """How often the controller decides, if nothing happens."""
    validity_s: Annotated[float, Meta(ge=3, le=110)] = 15.0
    """How long a set-point holds at a depot that hears nothing more."""


def tree_of(configuration: FleetConfiguration) -> Tree:
    """The network as the controller knows it. Raises `TreeError`."""
    return Tree(_node(each) for each in configuration.nodes)


def _node(node: NetworkNode) -> Node:
    charge_w = inf if node.charge_w is None else node.charge_w
    discharge_w = inf if node.discharge_w is None else node.discharge_w
    return Node(name=node.id, parent=node.parent, max_charge_w=charge_w, max_discharge_w=discharge_w)


def places_of(configuration: FleetConfiguration) -> list[Place]:
    """The depots as the controller knows them."""
    first = configuration.nodes[0].id
    return [
        Place(id=each.id, node=each.node or first, max_charge_w=each.charge_w, max_discharge_w=each.discharge_w,
              cost=each.cost)
        for each in configuration.depots
    ]  # fmt: skip
