"""NATS servers for a fleet and its depots: their configuration, and a process of each for as long as it is needed.

A hub is one of the servers of a fleet, a leaf that of a depot, with a JetStream domain of its own: the depot goes on
without the fleet. Both write to the disk before they answer (`sync_interval: always`); the default of two minutes would
lose what was acknowledged.
"""

import asyncio
import json
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from enum import Enum
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

from msgspec import Struct

from v2g.kernel import regular_file
from v2g.kernel.errors import V2GError

STARTS_S, ENDS_S = 20.0, 5.0
SYSTEM = "SYS"
PROGRAM = "nats-server"
ALIVE = "2s"
"""Between two signs of life of each connection: after two that are missed it counts as lost."""
MOST_PAYLOAD_B = 1 << 20
FULL_B, FULL_LEAF_B = 1 << 30, 1 << 26
"""Of a stream of hubs and of a depot: a full one refuses, and the depot keeps what it has."""
_FATAL = "[FTL] "
"""Before what ends a server, in its log."""


class NatsError(V2GError):
    """A server cannot be started, reached, or used."""


class User(Struct, frozen=True, kw_only=True):
    """Who may connect, and what for. No subjects: everything of the account."""

    name: str
    password: str
    publish: tuple[str, ...] | None = None
    subscribe: tuple[str, ...] | None = None


class Tls(Struct, frozen=True, kw_only=True):
    """PEM files of a server."""

    certificate: Path
    private_key: Path
    roots: Path | None = None
    """Of the other servers, and of clients that show a certificate."""


class Hub(Struct, frozen=True, kw_only=True):
    """One server of a fleet."""

    name: str
    store: Path
    host: str = "127.0.0.1"
    port: int
    leaf_port: int
    cluster_port: int
    routes: tuple[str, ...] = ()
    """`host:port` of the cluster ports of all servers; empty for a server of its own."""
    accounts: Mapping[str, tuple[User, ...]]
    """By tenant: who may connect. Nobody of one tenant sees anything of another."""
    system: User
    secret: str = ""
    """Between the servers."""
    tls: Tls | None = None


class Leaf(Struct, frozen=True, kw_only=True):
    """The server of a depot."""

    name: str
    store: Path
    port: int
    hubs: tuple[str, ...]
    """`host:port` of the leaf ports of the fleet's servers."""
    user: str
    password: str
    secret: str
    """Of the depot's own process at it."""
    roots: Path | None = None
    """Of the hubs' certificates; TLS is used if they are given."""


def depot_user(depot: str, password: str) -> User:
    """What a depot may do: publish its own aggregates, entries and answers, and hear its own set-points."""
    return User(
        name=depot,
        password=password,
        publish=(f"fleet.aggregate.{depot}", f"fleet.ledger.{depot}", f"fleet.answer.{depot}.>"),
        subscribe=(f"fleet.setpoint.{depot}", f"_INBOX.{depot}.>"),
    )


def operator_user(name: str, password: str) -> User:
    """Who may ask the fleet for power, and see its depots."""
    return User(
        name=name,
        password=password,
        publish=tuple(f"fleet.{each}.{name}" for each in ("request", "withdraw", "measure")),
        subscribe=("fleet.aggregate.*", f"_INBOX.{name}.>"),
    )


def viewer_user(name: str, password: str) -> User:
    """Who may see the depots, and nothing else."""
    return User(name=name, password=password, publish=(), subscribe=("fleet.aggregate.*", f"_INBOX.{name}.>"))


def hub_text(hub: Hub) -> str:
    """The configuration file of a hub. It has passwords in it."""
    system = {"users": [{"user": hub.system.name, "password": hub.system.password}]}
    accounts = {
        name: {"jetstream": "enabled", "users": [_user(each) for each in users]} for name, users in hub.accounts.items()
    }
    document: dict[str, object] = {
        "server_name": hub.name,
        "listen": f"{hub.host}:{hub.port}",
        "jetstream": {"store_dir": str(hub.store), "domain": "hub", "sync_interval": "always"},
        "leafnodes": {"listen": f"{hub.host}:{hub.leaf_port}", **_tls(hub.tls)},
        "accounts": {SYSTEM: system, **accounts},
        "system_account": SYSTEM,
        "ping_interval": ALIVE,
        "ping_max": 2,
        "max_payload": MOST_PAYLOAD_B,
        "write_deadline": "2s",
        **_tls(hub.tls),
    }
    if hub.routes:
        document["cluster"] = {
            "name": "fleet",
            "listen": f"{hub.host}:{hub.cluster_port}",
            "routes": [f"nats://fleet:{hub.secret}@{each}" for each in hub.routes],
            "authorization": {"user": "fleet", "password": hub.secret, "timeout": 5},
            **_tls(hub.tls),
        }
    return json.dumps(document, indent=1)


def leaf_text(leaf: Leaf) -> str:
    """The configuration file of a depot's server. It has the depot's password in it."""
    scheme = "nats-leaf" if leaf.roots is None else "tls"
    remote: dict[str, object] = {
        "urls": [f"{scheme}://{leaf.user}:{quote(leaf.password, safe='')}@{each}" for each in leaf.hubs],
    }
    if leaf.roots is not None:
        remote["tls"] = {"ca_file": str(leaf.roots)}
    document = {
        "server_name": leaf.name,
        "listen": f"127.0.0.1:{leaf.port}",
        "authorization": {"user": leaf.user, "password": leaf.secret},
        "jetstream": {"store_dir": str(leaf.store), "domain": leaf.name, "sync_interval": "always"},
        "leafnodes": {"reconnect": "1s", "remotes": [remote]},
        "ping_interval": ALIVE,
        "ping_max": 2,
        "max_payload": MOST_PAYLOAD_B,
    }
    return json.dumps(document, indent=1)


def _user(user: User) -> dict[str, object]:
    found: dict[str, object] = {"user": user.name, "password": user.password}
    if user.publish is not None or user.subscribe is not None:
        found["permissions"] = {
            "publish": {"allow": list(user.publish)} if user.publish else {"deny": ">"},
            "subscribe": {"allow": list(user.subscribe or ())} if user.subscribe else {"deny": ">"},
        }
    return found


def _tls(tls: Tls | None) -> dict[str, object]:
    if tls is None:
        return {}
    found: dict[str, object] = {"cert_file": str(tls.certificate), "key_file": str(tls.private_key), "timeout": 5}
    if tls.roots is not None:
        found["ca_file"] = str(tls.roots)
    return {"tls": found}


def program() -> str:
    """Where the server is: installed with its client, beside this Python, or on the path. Raises `NatsError`."""
    places = [Path(sys.executable).parent]
    if (client := find_spec("nats")) is not None and client.origin is not None:
        places.insert(0, Path(client.origin).parents[1] / "bin")  # of a directory that is no environment
    for each in places:
        if (each / PROGRAM).exists():
            return str(each / PROGRAM)
    found = shutil.which(PROGRAM)
    if found is None:
        raise NatsError(f"{PROGRAM} is missing; pip install 'v2g[fleet]' or the Debian package v2g-fleet brings it")
    return found


class Link(Enum):
    """What a leaf's server says of its link to the hubs."""

    UP = "Leafnode connection created"
    LOST = "Leafnode connection closed"
    REFUSED = "Leafnode Error 'Authorization Violation'"


class Server:
    """A process of one server. It ends with this process, however that ends."""

    def __init__(self, name: str, text: str, folder: Path, linked: Callable[[Link], None] = lambda link: None) -> None:
        """`text`: its configuration, which is written to `folder`. `linked`: how a leaf's link changes."""
        self._linked = linked
        self.name, self._folder = name, folder
        self._file = folder / f"{name}.conf"
        self._text = text
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None
        self.lines: list[str] = []

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    async def start(self) -> None:
        """Start it, and wait until it listens. Raises `NatsError`."""
        self._write()
        self._process = await asyncio.create_subprocess_exec(
            program(), "-c", str(self._file), stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
            stdin=asyncio.subprocess.DEVNULL, preexec_fn=_end_with_parent,
        )  # fmt: skip
        ready = asyncio.Event()
        self._reading = asyncio.create_task(self._read(self._process, ready))
        try:
            async with asyncio.timeout(STARTS_S):
                await ready.wait()
        except TimeoutError:
            await self.stop()
        if self._process is None or self._process.returncode is not None:
            raise NatsError(f"nats-server {self.name} did not start: {self._why()}")

    def _why(self) -> str:
        """Why it ended; the same text for the same reason."""
        fatal = next((each for each in reversed(self.lines) if _FATAL in each), None)
        if fatal is None:
            return self.said()
        why = fatal.partition(_FATAL)[2]
        if "address already in use" in why:
            why += "; end who has that port, or name another one (of a depot: member_of.port)"
        return why

    def said(self) -> str:
        """Its last lines."""
        return " | ".join(self.lines[-4:])

    def _write(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        with regular_file.written(self._file, 0o600) as file:
            file.write(self._text)

    async def _read(self, process: asyncio.subprocess.Process, ready: asyncio.Event) -> None:
        assert process.stderr is not None
        async for line in process.stderr:
            text = line.decode("utf-8", "replace").rstrip()
            self.lines.append(text)
            del self.lines[:-200]
            if "Server is ready" in text:
                ready.set()
            for link in Link:
                if link.value in text:
                    self._linked(link)
        await process.wait()
        ready.set()

    async def stop(self) -> None:
        """End it in order; at once if that takes too long."""
        process, self._process = self._process, None
        if process is not None:
            with suppress(ProcessLookupError):
                process.terminate()
            try:
                async with asyncio.timeout(ENDS_S):
                    await process.wait()
            except TimeoutError:
                with suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        if self._reading is not None:
            await self._reading

    async def ended(self) -> None:
        """Wait until it has ended by itself."""
        if self._process is not None:
            await self._process.wait()

    async def kill(self) -> None:
        """As a power failure does."""
        assert self._process is not None
        self._process.kill()
        await self._process.wait()
        if self._reading is not None:
            await self._reading


def _end_with_parent() -> None:
    """In the child: end if the parent does (prctl(2), PR_SET_PDEATHSIG)."""
    import ctypes
    import signal

    ctypes.CDLL(None).prctl(1, signal.SIGTERM)


def cluster(
    folder: Path, ports: Sequence[tuple[int, int, int]], accounts: Mapping[str, tuple[User, ...]], system: User,
    secret: str, tls: Tls | None = None,
) -> list[Server]:  # fmt: skip
    """Servers on this machine; `ports`: client, leaf and cluster port of each."""
    routes = tuple(f"127.0.0.1:{each[2]}" for each in ports) if len(ports) > 1 else ()
    servers = []
    for number, (port, leaf_port, cluster_port) in enumerate(ports, 1):
        name = f"hub-{number}"
        hub = Hub(
            name=name, store=folder / name, port=port, leaf_port=leaf_port, cluster_port=cluster_port, routes=routes,
            accounts=accounts, system=system, secret=secret, tls=tls,
        )  # fmt: skip
        servers.append(Server(name, hub_text(hub), folder))
    return servers
