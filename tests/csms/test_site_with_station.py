"""A site as a user starts it, with a daemon of ours and a car: in the evening the car covers the house, and no more."""

import asyncio
import json
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from tests.certificates import certified
from tests.interop.process import Process
from tests.interop.station import START_S, V2G
from tests.run.test_back_end import PASSWORD
from tests.run.test_back_end_and_car import daemon

pytestmark = pytest.mark.alone
SESSION_S, EVERY_S = 120.0, 0.2
HOUSE_W = 1_500.0
CONFIGURATION = """
connection: {fuse_a: 35, export_w: 0}
stations:
  - {id: CS1, password_file: password, evses: [{charge_w: 11000, discharge_w: 10000}]}
vehicles:
  - {id: our car, tokens: [ZZZV123456789ABCDEF9], capacity_wh: 60000, floor_soc: 0.1, target_soc: 0.1}
evening: {start: "00:00", end: "23:59"}
connect: {listen: "127.0.0.1:0", certificate: root.pem, private_key: key.pem}
silence: {meter_s: 1, setpoint_s: 10}
http: {listen: "127.0.0.1:0"}
control: {socket: site.sock}
ledger: site.db
"""


def test_the_car_covers_the_house_in_the_evening(tmp_path: Path) -> None:
    asyncio.run(_covered(tmp_path))


async def _covered(folder: Path) -> None:
    certified(folder)
    (folder / "password").write_text(PASSWORD)
    (folder / "site.yaml").write_text(CONFIGURATION)
    with Process([*V2G, "depot", "--site", "--config", str(folder / "site.yaml")]) as site:
        line = await asyncio.to_thread(site.wait_for, r"stations connect at wss://127.0.0.1:\d+", START_S)
        assert line is not None, site.output
        at = await asyncio.to_thread(site.wait_for, r"REST interface is at http://127.0.0.1:\d+/api", START_S)
        assert at is not None, site.output
        seen: list[float] = []
        house = asyncio.create_task(_house(at.split()[-1], seen))
        async with daemon(folder, int(line.rpartition(":")[2])) as (place, battery):
            car = ["--host", "::1", "--port", place, "--pki", str(folder / "pki"), "--battery", battery, "--json"]
            with Process([*V2G, "ev", *car, "--duration", "600"]) as running:
                await asyncio.wait_for(house, SESSION_S)
                assert running.child.poll() is None, running.output + site.output
        assert -HOUSE_W - 300.0 <= min(seen) <= -HOUSE_W / 2, "it gives what the house draws"


async def _house(at: str, seen: list[float]) -> None:
    """The meter at the connection: the house, and what the station says of its own power; until the car feeds."""
    while min(seen, default=0.0) > -HOUSE_W / 2:
        chargers = await asyncio.to_thread(_ask, "GET", f"{at}/chargers")
        car_w = float(chargers[0].get("measured_w") or 0.0)
        seen.append(car_w)
        third_w = (HOUSE_W + car_w) / 3
        await asyncio.to_thread(_ask, "PUT", f"{at}/house", {"powers_w": [third_w] * 3})
        await asyncio.sleep(EVERY_S)


def _ask(method: str, url: str, body: Any = None) -> Any:
    content = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, content, {"Content-Type": "application/json"}, method=method)
    with urllib.request.urlopen(request, timeout=10.0) as answer:
        return json.load(answer)
