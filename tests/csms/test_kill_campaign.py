"""A depot whose controller is killed again and again, and stopped for a while, with real sockets and a real disk: the
ledger has what the meters show, nothing is lost or doubled, and every charger is where it should be afterwards."""

import asyncio
import os
import signal
import time
from pathlib import Path

import pytest
from tests.csms.site import car
from tests.csms.test_peers import PASSWORD, WITHIN_S, configuration, reached
from tests.interop.process import Process
from tests.interop.station import START_S, V2G

from v2g.bench.depot.fleet import Fleet
from v2g.bench.depot.station import LightStation
from v2g.io.carrier import Endpoint
from v2g.io.depot_ledger import SqliteLedger

STATIONS = 3
SEED = 7
STOPPED_S = 30.0


@pytest.mark.alone
def test_three_kills(tmp_path: Path) -> None:
    asyncio.run(_killed(tmp_path, 3, stopped_s=0.0))


@pytest.mark.proof
def test_200_kills_and_a_controller_that_stands_still(tmp_path: Path) -> None:
    asyncio.run(_killed(tmp_path, 200, stopped_s=STOPPED_S))


async def _killed(folder: Path, kills: int, stopped_s: float) -> None:
    from random import Random

    from tests.broker import free_port

    random, port = Random(SEED), free_port()
    file = configuration(
        folder,
        connect={"listen": f"127.0.0.1:{port}"},
        silence={"meter_s": 1, "stale_s": 60, "setpoint_s": 10, "offline_s": 10},
    )
    stations = {f"CS{n}": LightStation(f"CS{n}") for n in range(STATIONS)}
    fleet = Fleet(
        {id: (each, Endpoint(f"ws://127.0.0.1:{port}", id, 1, PASSWORD), "ocpp2.1") for id, each in stations.items()}
    )
    running = asyncio.create_task(fleet.run())
    depot = await started(file)
    for number, station in enumerate(stations.values()):
        station.plug_in(car(number), time.monotonic(), time.time())
    await reached(fleet, lambda: abs(fleet.power_w + 9_000) < 300)
    for _ in range(kills):
        steps = random.randrange(1, 12)
        await stepped(fleet, steps)
        depot.child.kill()
        await asyncio.to_thread(depot.wait, WITHIN_S)
        depot = await started(file)
        await reached(fleet, lambda: fleet.online == STATIONS)
    await reached(fleet, lambda: abs(fleet.power_w + 9_000) < 300)
    if stopped_s:
        os.kill(depot.child.pid, signal.SIGSTOP)
        stopped_at = time.monotonic()
        await reached(fleet, lambda: time.monotonic() - stopped_at >= stopped_s)
        assert fleet.power_w >= -1.0, "silence must be safe"
        os.kill(depot.child.pid, signal.SIGCONT)
        await reached(fleet, lambda: abs(fleet.power_w + 9_000) < 300)
    for station in stations.values():
        station.unplug(time.time())
    await reached(fleet, lambda: not any(each.waiting for each in stations.values()))
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    depot.stop()
    ledger = SqliteLedger(folder / "depot.db")
    accounts = await ledger.accounts(0.0, 1e12)
    await ledger.close()
    assert len(accounts) == STATIONS
    for account in accounts:
        station = stations[account.station]
        assert (account.ended, account.missing) == (True, 0)
        assert account.discharged_wh == pytest.approx(station.export_wh)
        assert account.charged_wh == pytest.approx(station.import_wh)


async def started(file: Path) -> Process:
    process = Process([*V2G, "depot", "--config", str(file)])
    assert await asyncio.to_thread(process.wait_for, "stations connect at", START_S) is not None, process.output
    return process


async def stepped(fleet: Fleet, steps: int) -> None:
    """Let the stations' time pass."""
    left = asyncio.Semaphore(0)
    fleet.stepped = left.release
    for _ in range(steps):
        await left.acquire()
