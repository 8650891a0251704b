"""A fleet of 2 000 depots with 100 000 chargers on a cluster of three servers, all on this machine: set-points to all
depots until all have acknowledged them, aggregates each second, entries that are on the disks of servers and database.

`python -m benchmarks.fleet_scale --depots 2000 --seconds 60`. Depots share connections (`--connections`), and are
simulated in one process (`v2g.bench.fleet.crowd`). Prints what each process costs.
"""

import argparse
import asyncio
import json
import os
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from tests.csms.test_ledger import Server

from v2g.bench.fleet.crowd import Crowd
from v2g.bench.fleet.stage import OPERATOR, free_ports
from v2g.io import fleet_nats
from v2g.io.nats_server import User, cluster
from v2g.run.fleet import open_reader
from v2g.run.fleet_servers import users_of

TICK_S, CHANGES_S = 0.05, 3.0
DRAINS_S = 120.0
CPU_TICKS = os.sysconf("SC_CLK_TCK")
PAGE_KIB = os.sysconf("SC_PAGE_SIZE") // 1024


class Cost:
    """Processor time and memory of processes, by name."""

    def __init__(self, pids: dict[str, list[int]]) -> None:
        self._pids = pids
        self._began = {name: self._cpu_s(name) for name in pids}
        self._began_s = time.monotonic()
        self.most_mib: dict[str, float] = dict.fromkeys(pids, 0.0)

    def _cpu_s(self, name: str) -> float:
        fields = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in self._pids[name]]
        return sum(int(each[11]) + int(each[12]) for each in fields) / CPU_TICKS

    def look(self) -> None:
        for name, pids in self._pids.items():
            kib = sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE_KIB for pid in pids)
            self.most_mib[name] = max(self.most_mib[name], kib / 1024)

    def lines(self) -> list[str]:
        """Share of a core, and memory."""
        passed_s = time.monotonic() - self._began_s
        return [
            f"{name:12} {(self._cpu_s(name) - self._began[name]) / passed_s:5.2f} cores  {self.most_mib[name]:6.0f} MiB"
            for name in self._pids
        ]


async def measured(folder: Path, depots: int, chargers: int, entries: int, connections: int, seconds: float) -> bool:
    names = [f"d{number:05}" for number in range(depots)]
    ports = [(a, b, c) for a, b, c in zip(*[iter(free_ports(9))] * 3, strict=True)]
    (folder / "servers").mkdir()
    listed = "".join(f"{name},{RATED_W * chargers:.0f},{RATED_W * chargers:.0f}\n" for name in names)
    (folder / "depots.csv").write_text("id,charge_w,discharge_w\n" + listed)
    database = Server(folder / "database")
    document = {
        "fleet": "scale", "depot_list": "depots.csv", "ledger": database.place,
        "servers": {"urls": [f"nats://127.0.0.1:{port}" for port, _, _ in ports],
                    "password_file": "servers/fleet.password"},
        "people": [{"name": OPERATOR, "role": "operator", "password_file": f"servers/{OPERATOR}.password"}],
        "control": {"socket": str(folder / "fleet.sock")},
    }  # fmt: skip
    (folder / "servers" / "fleet.password").write_text("fleet-of-a-bench-only")
    (folder / "fleet.yaml").write_text(json.dumps(document))
    from v2g.io.fleet_configuration import load

    configuration, _ = load(folder / "fleet.yaml")
    own = User(name="fleet", password="fleet-of-a-bench-only")
    everybody = User(name="crowd", password="crowd-of-a-bench-only")
    users = (own, everybody, *users_of(configuration, folder / "servers"))
    servers = cluster(folder / "hubs", ports, {"scale": users}, User(name="system", password="s" * 16), "c" * 16)
    urls = configuration.servers.urls
    async with AsyncExitStack() as stack:
        stack.callback(database.close)
        for each in servers:
            stack.push_async_callback(each.stop)
        await asyncio.gather(*(each.start() for each in servers))
        fleet = await asyncio.create_subprocess_exec(
            ".venv/bin/python", "-m", "v2g", "fleet", "--config", str(folder / "fleet.yaml"), stdout=-1, stderr=-2,
        )  # fmt: skip
        stack.callback(fleet.kill)
        assert fleet.stdout is not None
        while b"are heard" not in (line := await fleet.stdout.readline()):
            print(line.decode(), end="")
        clients = []
        for number in range(connections):
            rotated = urls[number % 3 :] + urls[: number % 3]
            access = fleet_nats.Access(servers=rotated, user="crowd", password=everybody.password)
            clients.append(await fleet_nats.connect(access, f"crowd {number}"))
            stack.push_async_callback(clients[-1].close)
        secret = (folder / "servers" / f"{OPERATOR}.password").read_text().strip()
        operator = await fleet_nats.connect(fleet_nats.Access(servers=urls, user=OPERATOR, password=secret), "tso")
        stack.push_async_callback(operator.close)
        crowd = Crowd(names, chargers, entries)
        await crowd.join(clients)
        reading = asyncio.create_task(_read(fleet.stdout))
        pids = {
            "servers": [each.pid for each in servers], "fleet": [fleet.pid], "crowd": [os.getpid()],
            "database": database_pids(folder),
        }  # fmt: skip
        await crowd.run(5.0)  # all are heard of
        begun = crowd.entries, crowd.aggregates
        cost, reached, began_s = Cost(pids), list[float](), time.monotonic()
        asking = asyncio.create_task(_ask(operator, crowd, cost, reached))
        await crowd.run(seconds)
        asking.cancel()
        passed_s = time.monotonic() - began_s
        lines = cost.lines()
        made, spoken = crowd.entries - begun[0], crowd.aggregates - begun[1]
        await crowd.stored_all()
        drained_s = time.monotonic()
        ledger = await open_reader(database.place)
        count = 0
        while count < crowd.entries and time.monotonic() - drained_s < DRAINS_S:
            count = (await ledger._read("SELECT count(*) FROM entry", ()))[0][0]
            await asyncio.sleep(0.2)
        lag_s = time.monotonic() - drained_s
        gaps = sum([len(await ledger.gaps(name, 0.0, 1e12)) for name in names[:: max(1, depots // 50)]])
        await ledger.close()
        reading.cancel()
        reached.sort()
        p99 = reached[min(len(reached) - 1, int(0.99 * len(reached)))] if reached else float("nan")
        print(f"{depots} depots, {depots * chargers} chargers, {connections} connections, {passed_s:.0f} s")
        if reached:
            print(f"set-points to all: median {reached[len(reached) // 2]:.3f} s, p99 {p99:.3f} s of {len(reached)}")
        print(f"aggregates {spoken / passed_s:.0f}/s, entries {made / passed_s:.0f}/s; {crowd.entries} made, "
              f"{crowd.stored} on the disks of the servers, {crowd.lost} not answered, {count} in the database "
              f"{lag_s:.1f} s after the last one, {gaps} gaps")  # fmt: skip
        print("\n".join(lines))
        return bool(reached) and p99 <= 1.0 and count == crowd.entries and gaps == 0


RATED_W = 11_000.0


def database_pids(folder: Path) -> list[int]:
    """Of the server and its children."""
    first = int((folder / "database" / "data" / "postmaster.pid").read_text().splitlines()[0])
    return [first, *map(int, Path(f"/proc/{first}/task/{first}/children").read_text().split())]


async def _read(stream: asyncio.StreamReader) -> None:
    async for line in stream:
        print("fleet:", line.decode()[:150], end="")


async def _ask(operator: Any, crowd: Crowd, cost: Cost, reached: list[float]) -> None:
    """Another power each few seconds; until every depot has it."""
    power_w = -0.2 * RATED_W * crowd.chargers * len(crowd.names)
    while True:
        power_w = -power_w * 1.01
        began_s = time.monotonic()
        request = {"power_w": power_w, "for_s": 60}
        await operator.request(f"fleet.request.{OPERATOR}", json.dumps(request).encode(), timeout=30)
        while float(crowd.arrived_s.min()) < began_s and time.monotonic() - began_s < 30.0:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
        reached.append(time.monotonic() - began_s)
        cost.look()
        await asyncio.sleep(CHANGES_S)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--depots", type=int, default=2_000)
    parser.add_argument("--chargers", type=int, default=50)
    parser.add_argument("--entries", type=int, default=5, help="of a depot in a second")
    parser.add_argument("--connections", type=int, default=40)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--priority", type=int, default=0, help="beside other work, such as -10")
    args = parser.parse_args()
    os.setpriority(os.PRIO_PROCESS, 0, args.priority)
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        good = asyncio.run(
            measured(Path(folder), args.depots, args.chargers, args.entries, args.connections, args.seconds)
        )
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main())
