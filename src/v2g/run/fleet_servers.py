"""A fleet's servers: on this machine, for a bench; or their files, for machines of their own."""

import asyncio
import re
import ssl
from collections.abc import Callable, Sequence
from contextlib import suppress
from ipaddress import IPv6Address
from pathlib import Path
from secrets import token_urlsafe
from typing import NamedTuple

from msgspec import Struct

from v2g.fleet.configuration import FleetConfiguration
from v2g.io.depot_configuration import password
from v2g.io.fleet_nats import Access
from v2g.io.nats_server import (
    Hub,
    NatsError,
    Server,
    Tls,
    User,
    cluster,
    depot_user,
    hub_text,
    operator_user,
    viewer_user,
)

_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?")
FIRST_S, LONGEST_S = 1.0, 60.0
"""Until a server that has ended is started again."""
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
    """Servers for a configuration. Who has no password file gets one in `folder`. Raises `V2GError`."""
    settings = configuration.servers
    own = _user(settings.user, settings.password_file, folder)
    system = _user(settings.system_user, settings.system_password_file, folder)
    users = (own, *users_of(configuration, folder))
    servers = cluster(folder, ports, {configuration.fleet: users}, system, token_urlsafe(24))
    urls = tuple(f"nats://127.0.0.1:{port}" for port, _, _ in ports)
    leaves = tuple(f"127.0.0.1:{port}" for _, port, _ in ports)
    return Embedded(
        servers, Access(servers=urls, user=own.name, password=own.password),
        Access(servers=urls, user=system.name, password=system.password), leaves,
    )  # fmt: skip


class Place(NamedTuple):
    """What is alike on every machine of a server."""

    store: Path
    port: int
    tls: Tls | None


async def keep(server: Server, report: Callable[[str], None], first_s: float = FIRST_S) -> None:
    """For ever: start a server again that has ended. Between two starts it waits twice as long each time, up to a
    minute; once a server has run for that long, `first_s` again."""
    loop, wait_s = asyncio.get_running_loop(), first_s
    while True:
        began_s = loop.time()
        await server.ended()
        if loop.time() - began_s > LONGEST_S:
            wait_s = first_s
        report(f"nats-server {server.name} has ended ({server.said()}); it is started again in {wait_s:g} s")
        await asyncio.sleep(wait_s)
        wait_s = min(2.0 * wait_s, LONGEST_S)
        try:
            await server.start()
            report(f"nats-server {server.name} runs again")
        except (NatsError, OSError) as error:
            report(str(error))


def deployed(configuration: FleetConfiguration, folder: Path, hosts: Sequence[str], place: Place) -> dict[str, str]:
    """The files of servers on machines of their own: name -> text, with passwords in it. Passwords that are missing are
    made. Raises `V2GError`."""
    hosts = [_host(each) for each in hosts]
    if len(set(hosts)) < len(hosts):
        raise NatsError("two servers have the same host; give each one of its own")
    settings, port = configuration.servers, place.port
    own = _user(settings.user, settings.password_file, folder)
    system = _user(settings.system_user, settings.system_password_file, folder)
    secret = _user("cluster", None, folder).password
    accounts = {configuration.fleet: (own, *users_of(configuration, folder))}
    routes = tuple(f"{host}:{port + CLUSTER}" for host in hosts) if len(hosts) > 1 else ()
    hubs = [
        Hub(
            name=f"hub-{number}", store=place.store, host="0.0.0.0", port=port, leaf_port=port + LEAF,  # noqa: S104
            cluster_port=port + CLUSTER, routes=routes, accounts=accounts, system=system, secret=secret, tls=place.tls,
        )
        for number in range(1, len(hosts) + 1)
    ]  # fmt: skip
    return {f"{each.name}.conf": hub_text(each) for each in hubs}


def _host(text: str) -> str:
    """As it stands in an address. Raises `NatsError`."""
    with suppress(ValueError):
        return f"[{IPv6Address(text.strip('[]'))}]"
    if _HOST.fullmatch(text) is None:
        raise NatsError(f"{text!r} is no host; give a name or an address without a port, such as hub-1.example.com")
    return text.lower()


def users_of(configuration: FleetConfiguration, folder: Path) -> list[User]:
    """Depots and people, with their rights. Passwords that are missing are made, in `folder` if no file is named.
    Raises `V2GError`."""
    found = [depot_user(each.id, _password(each.id, each.password_file, folder)) for each in configuration.depots]
    for person in configuration.people:
        user = operator_user if person.role == "operator" else viewer_user
        found.append(user(person.name, _password(person.name, person.password_file, folder)))
    return found


def _user(name: str, file: Path | None, folder: Path) -> User:
    return User(name=name, password=_password(name, file, folder))


def _password(name: str, file: Path | None, folder: Path) -> str:
    file = file or folder / f"{name}.password"
    try:
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch(mode=0o600)
            file.write_text(f"{token_urlsafe(24)}\n")
    except OSError as error:
        raise NatsError(f"{file}: {error.strerror}; let this user write there") from error
    return password(file)


def access_of(configuration: FleetConfiguration, *, system: bool = False) -> Access:
    """Of the fleet's process to its servers; `system`: of the doctor. Raises `V2GError`."""
    servers = configuration.servers
    user, file = servers.user, servers.password_file
    if system:
        user, file = servers.system_user, servers.system_password_file
    name = "system_password_file" if system else "password_file"
    if file is None:
        raise NatsError(f"servers.{name}: missing; `v2g fleet servers` makes it, `--embedded` needs none")
    return Access(servers=servers.urls, user=user, password=password(file), tls=tls_of(configuration))


def tls_of(configuration: FleetConfiguration) -> ssl.SSLContext | None:
    """To check the servers' certificates; None if they are asked in clear. Raises `NatsError`."""
    servers = configuration.servers
    if not any(each.startswith("tls:") for each in servers.urls):
        return None
    try:
        return ssl.create_default_context(cafile=None if servers.roots is None else str(servers.roots))
    except OSError as error:
        raise NatsError(f"servers.roots: {servers.roots}: {error.strerror or error}; give a PEM file") from error


def ports_from(first: int, nodes: int) -> list[tuple[int, int, int]]:
    """Client, leaf and cluster port of each server."""
    return [(first + n, first + n + LEAF, first + n + CLUSTER) for n in range(nodes)]


__all__ = ["Embedded", "Place", "access_of", "deployed", "embedded", "keep", "ports_from", "tls_of", "users_of"]
