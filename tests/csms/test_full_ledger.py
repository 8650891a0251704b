"""The ledger on a full disk: nothing is lost or doubled, people see it, and no charger gets more than it had."""

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from tests.csms.asgi import ask as http
from tests.csms.site import car
from tests.csms.test_relay_links import held, site, until

from v2g.console.access import Gate
from v2g.io.depot_http import Api
from v2g.run import depot_metrics
from v2g.run.depot import DepotProcess

pytestmark = [
    pytest.mark.alone,
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root to mount a file system"),
]
HELD_W, MORE_W, LESS_W = -5_000.0, -9_000.0, -2_000.0
CYCLES = 4
"""In which a set-point would have left long ago."""


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small file system in memory."""
    folder = tmp_path / "disk"
    folder.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "none", folder], capture_output=True)
    if made.returncode:
        pytest.skip(f"mount: {made.stderr.decode()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def fill(disk: Path) -> Path:
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while file.write(b"\0" * 4096):
            pass
    return filler


def ask(process: DepotProcess, power_w: float) -> None:
    process.withdraw("EMS")
    process.request("EMS", {"power_w": power_w, "for_s": 600})


def watched(process: DepotProcess) -> depot_metrics.Seen:
    now = process.now()
    return depot_metrics.seen(process.site, process.dispatch, now, now, 1.0, process.ledger, 1)


def test_a_ledger_on_a_full_disk_loses_and_doubles_nothing_and_gives_nobody_more(tmp_path: Path, disk: Path) -> None:
    async def run(folder: Path) -> None:
        async with site(folder, None, ledger=str(disk / "depot.db")) as (station, _, process):
            await until(lambda: station.waiting == 0)
            station.plug_in(car(), time.monotonic(), time.time())
            ask(process, HELD_W)
            await until(lambda: abs(station.power_w - HELD_W) < 200)

            api = Api(process, Gate(time.monotonic)).app
            document = {"by": "EMS", "power_w": HELD_W, "for_s": 600}
            assert (await http(api, "PUT", "/api/request", document)).json == {}
            filler = fill(disk)
            ask(process, MORE_W)
            warning = (await http(api, "PUT", "/api/request", document | {"power_w": MORE_W})).json["warning"]
            assert "no restart finds it" in warning
            await until(lambda: process.status()["trouble"] is not None)
            assert "free some space" in process.status()["trouble"]
            assert any("free some space" in each for each in watched(process).missing)
            assert watched(process).ledger_waiting > 0
            first, most_w = process.cycles, 0.0

            def cycled() -> bool:
                nonlocal most_w
                most_w = min(most_w, station.power_w)
                return process.cycles > first + CYCLES

            await until(cycled)
            assert most_w > HELD_W - 300  # and what it holds it may go on holding
            assert station.power_w < HELD_W + 300
            ask(process, LESS_W)
            await until(lambda: abs(station.power_w - LESS_W) < 200)  # less needs no disk
            station.unplug(time.time())
            first = process.cycles
            await until(lambda: process.cycles > first + CYCLES)
            assert station.waiting > 0  # what is not on the disk has no answer

            filler.unlink()
            await until(lambda: station.waiting == 0 and process.ledger.trouble is None)
            assert watched(process).ledger_trouble is None
            [account] = await process.accounts(0.0, 1e12)
            assert account.ended
            assert account.missing == 0

    held(run, tmp_path)
