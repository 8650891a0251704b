"""A fleet's servers on this machine: for a bench, a demonstration, and fleets of one machine."""

from pathlib import Path
from secrets import token_urlsafe

from msgspec import Struct

from v2g.fleet.configuration import FleetConfiguration
from v2g.io.depot_configuration import password
from v2g.io.fleet_nats import Access
from v2g.io.nats_server import Server, User, cluster, depot_user, operator_user, viewer_user

LEAF, CLUSTER = 3_200, 2_000
"""From a server's port for clients to its other ones: 4222, 7422, 6222."""


class Embedded(Struct, frozen=True):
    """Servers that are not started yet, and how to reach them."""

    servers: list[Server]
    access: Access
    """Of the fleet's process."""
    system: Access
    leaves: tuple[str, ...]
    """Where depots connect."""


def embedded(configuration: FleetConfiguration, folder: Path, ports: list[tuple[int, int, int]]) -> Embedded:
    """Servers for a configuration. A depot without a password gets one, in `folder`. Raises `V2GError`."""
    folder.mkdir(parents=True, exist_ok=True)
    own, system = User(name="fleet", password=token_urlsafe(24)), User(name="system", password=token_urlsafe(24))
    users = (own, *users_of(configuration, folder))
    servers = cluster(folder, ports, {configuration.fleet: users}, system, token_urlsafe(24))
    urls = tuple(f"nats://127.0.0.1:{port}" for port, _, _ in ports)
    leaves = tuple(f"127.0.0.1:{port}" for _, port, _ in ports)
    return Embedded(
        servers, Access(servers=urls, user=own.name, password=own.password),
        Access(servers=urls, user=system.name, password=system.password), leaves,
    )  # fmt: skip


def users_of(configuration: FleetConfiguration, folder: Path | None = None) -> list[User]:
    """Depots and people, with their rights. `folder`: for passwords of depots that have none. Raises `V2GError`."""
    found = []
    for depot in configuration.depots:
        file = depot.password_file
        if file is None and folder is not None:
            file = folder / f"{depot.id}.password"
            if not file.exists():
                file.touch(mode=0o600)
                file.write_text(token_urlsafe(24))
        if file is not None:
            found.append(depot_user(depot.id, password(file)))
    for person in configuration.people:
        user = operator_user if person.role == "operator" else viewer_user
        found.append(user(person.name, password(person.password_file)))
    return found


def ports_from(first: int, nodes: int) -> list[tuple[int, int, int]]:
    """Client, leaf and cluster port of each server."""
    return [(first + n, first + n + LEAF, first + n + CLUSTER) for n in range(nodes)]


__all__ = ["Embedded", "embedded", "ports_from", "users_of"]
