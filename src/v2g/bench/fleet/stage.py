"""A fleet on this machine: servers, `v2g fleet` in a process, and simulated depots with servers of their own."""

import asyncio
import json
import socket
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

from msgspec import Struct

from v2g.bench.fleet.depot import RATING_W, SimulatedDepot
from v2g.fleet.configuration import FleetConfiguration, NetworkNode
from v2g.io import fleet_nats
from v2g.io.depot_configuration import password
from v2g.io.fleet_configuration import load
from v2g.kernel.errors import V2GError
from v2g.run.fleet_member import FleetMember, Link, leaf_of
from v2g.run.fleet_servers import Embedded, embedded

START_S, TICK_S = 60.0, 0.1
OPERATOR = "tso"


class StageError(V2GError):
    """The bench cannot begin."""


class Scene(Struct, frozen=True, kw_only=True):
    """What there is."""

    regions: tuple[NetworkNode, ...] = ()
    """Below the node `grid`; depots are behind them in turn."""
    depots: int = 20
    chargers: int = 50
    nodes: int = 3
    ledger: str = "fleet.db"
    validity_s: float = 15.0
    span_s: float = 15.0
    """Of an entry, so that there are some in two minutes."""
    seed: int = 1


def free_ports(count: int) -> list[int]:
    """Ports of this machine that nobody uses just now."""
    with ExitStack() as stack:
        found = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in found:
            each.bind(("127.0.0.1", 0))
        return [int(each.getsockname()[1]) for each in found]


class Stage:
    """All of it. `start`, then use `depots`, `members`, `servers`, `say` and `status`; `close` at the end."""

    def __init__(self, folder: Path, scene: Scene) -> None:
        self.folder, self.scene = folder, scene
        self.names = [f"depot-{number:02}" for number in range(1, scene.depots + 1)]
        self.file = folder / "fleet.yaml"
        page, *ports = free_ports(1 + 3 * scene.nodes + scene.depots)
        self._page = f"127.0.0.1:{page}"
        self._hub_ports = [(a, b, c) for a, b, c in zip(*[iter(ports[: 3 * scene.nodes])] * 3, strict=True)]
        self._leaf_ports = dict(zip(self.names, ports[3 * scene.nodes :], strict=True))
        self.configuration = self._configured()
        self.servers: Embedded = embedded(self.configuration, folder / "servers", self._hub_ports)
        self.depots = {name: SimulatedDepot(name, scene.chargers, time.time, scene.seed) for name in self.names}
        self.members: dict[str, FleetMember] = {}
        self.lines: list[str] = []
        """Of the fleet's process."""
        self._tasks: dict[str, asyncio.Task[Any]] = {}
        self.fleet: asyncio.subprocess.Process | None = None
        self._client: Any = None

    def _configured(self) -> FleetConfiguration:
        scene, power_w = self.scene, RATING_W * self.scene.chargers
        regions = [each.id for each in scene.regions] or ["grid"]
        (self.folder / "servers").mkdir(parents=True)
        document = {
            "fleet": "bench",
            "nodes": [{"id": "grid"}, *({"id": each.id, "parent": "grid", "charge_w": each.charge_w,
                                         "discharge_w": each.discharge_w} for each in scene.regions)],
            "servers": {"urls": [f"nats://127.0.0.1:{port}" for port, _, _ in self._hub_ports],
                        "replicas": scene.nodes, "password_file": "servers/fleet.password",
                        "system_password_file": "servers/system.password"},
            "depots": [{"id": name, "node": regions[number % len(regions)], "charge_w": power_w,
                        "discharge_w": power_w} for number, name in enumerate(self.names)],
            "people": [{"name": OPERATOR, "role": "operator", "password_file": f"servers/{OPERATOR}.password"}],
            "validity_s": scene.validity_s, "ledger": scene.ledger,
            "http": {"listen": self._page},
            "control": {"socket": str((self.folder / "fleet.sock").resolve())},
        }  # fmt: skip
        for user in ("fleet", "system"):
            (self.folder / "servers" / f"{user}.password").write_text(f"{user}-of-a-bench-only")
        self.file.write_text(json.dumps(document, indent=1))
        return load(self.file)[0]

    async def start(self) -> None:
        """Servers, fleet, depots. Raises `V2GError`."""
        await asyncio.gather(*(each.start() for each in self.servers.servers))
        await self.start_fleet()
        for name in self.names:
            self.join(name)
        self._tasks["physics"] = asyncio.create_task(self._physics())
        self._client = await fleet_nats.connect(self._access(OPERATOR), OPERATOR)

    @property
    def page(self) -> str:
        """Where the fleet's page is."""
        return f"http://{self._page}"

    async def start_fleet(self) -> None:
        """The fleet's process. Raises `StageError`."""
        self.fleet = process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "v2g", "fleet", "--config", str(self.file), stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        ready = asyncio.Event()
        self._tasks["lines"] = asyncio.create_task(self._read(process, ready))
        try:
            async with asyncio.timeout(START_S):
                await ready.wait()
        except TimeoutError:
            raise StageError("the fleet did not start: " + " | ".join(self.lines[-5:])) from None
        if process.returncode is not None:
            raise StageError("the fleet did not start: " + " | ".join(self.lines[-5:]))

    async def _read(self, process: asyncio.subprocess.Process, ready: asyncio.Event) -> None:
        assert process.stdout is not None
        async for line in process.stdout:
            text = line.decode("utf-8", "replace").rstrip()
            self.lines.append(text)
            if "are heard" in text:
                ready.set()
        await process.wait()
        ready.set()

    def join(self, name: str) -> None:
        """A depot starts its server, and joins."""
        folder = self.folder / name
        secret = password(self.folder / "servers" / f"{name}.password")
        leaf = leaf_of(name, self.servers.leaves, self._leaf_ports[name], folder / "store", secret, None)
        depot = self.depots[name]
        self.members[name] = FleetMember(
            name, depot, Link(leaf=leaf, folder=folder), lambda text: None, depot.kept or None, span_s=self.scene.span_s
        )
        self._tasks[name] = asyncio.create_task(self.members[name].run())

    def _access(self, user: str) -> fleet_nats.Access:
        secret = password(self.folder / "servers" / f"{user}.password")
        return fleet_nats.Access(servers=self.servers.access.servers, user=user, password=secret)

    async def _physics(self) -> None:
        """Depots take turns, so that none has its cycle with all others."""
        names = self.names
        while True:
            for number, name in enumerate(names):
                self.depots[name].step()
                if number % 5 == 4:
                    await asyncio.sleep(TICK_S * 5 / len(names))
            await asyncio.sleep(TICK_S * (len(names) % 5) / len(names))

    async def say(self, kind: str, document: dict[str, Any]) -> bool:
        """A request, its end or a measurement of the operator; whether the fleet has taken it."""
        try:
            answer = await self._client.request(f"fleet.{kind}.{OPERATOR}", json.dumps(document).encode(), timeout=2.0)
        except fleet_nats.TROUBLES:
            return False
        return "result" in json.loads(answer.data)

    async def status(self) -> dict[str, Any]:
        """Of the fleet's process, with its depots."""
        from v2g.io.control import request
        from v2g.run.fleet import Status

        found: dict[str, Any] = await asyncio.to_thread(request, self.configuration.control.socket, Status())
        return found

    def power_w(self, names: Sequence[str] | None = None) -> float:
        """As it flows, whatever anybody knows of it."""
        return sum(float(self.depots[each].plant.power_w.sum()) for each in names or self.names)

    async def until(self, reached: Callable[[], bool], what: str, patience_s: float = START_S) -> None:
        """Wait for many processes. Raises `StageError`."""
        try:
            async with asyncio.timeout(patience_s):
                while not reached():  # noqa: ASYNC110
                    await asyncio.sleep(TICK_S)
        except TimeoutError:
            raise StageError(f"not reached: {what}; is the machine overloaded? {self.lines[-5:]}") from None

    async def close(self) -> None:
        """End all processes."""
        if self._client is not None:
            with suppress(*fleet_nats.TROUBLES):
                await self._client.close()
        if self.fleet is not None and self.fleet.returncode is None:
            self.fleet.terminate()
            await self.fleet.wait()
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        await asyncio.gather(*(each.stop() for each in self.servers.servers))
