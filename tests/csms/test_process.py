"""The depot as a user starts it, with a daemon of ours and a car: over `wss`, from boot to the ledger."""

import asyncio
import json
import sqlite3
import time
from pathlib import Path

import pytest
from tests.certificates import certified
from tests.interop.process import Process
from tests.interop.station import START_S, V2G
from tests.run.test_back_end import PASSWORD
from tests.run.test_back_end_and_car import daemon

from v2g.io.control import request
from v2g.run.depot import Audit, Explain, Status

pytestmark = pytest.mark.alone
SESSION_S, POLL_S = 60.0, 0.1
CONFIGURATION = """
feeders:
  - {id: T1, charge_w: 20000}
stations:
  - {id: CS1, password_file: password, evses: [{charge_w: 11000, discharge_w: 10000}]}
vehicles:
  - {id: bus 7, tokens: [ZZZV123456789ABCDEF9], capacity_wh: 60000, floor_soc: 0.1}
connect: {listen: "127.0.0.1:0", certificate: root.pem, private_key: key.pem}
silence: {safe_w: 2000, meter_s: 1, setpoint_s: 10}
request: {power_w: -4000}
http: {listen: "127.0.0.1:0"}
control: {socket: depot.sock}
ledger: depot.db
"""


def ended(ledger: Path) -> None:
    """Waits for the end of the transaction, which comes after that of the session."""
    with sqlite3.connect(ledger) as reading:
        while not reading.execute("SELECT 1 FROM event WHERE kind = 'Ended'").fetchall():
            time.sleep(POLL_S)


def test_a_station_of_ours_feeds_what_the_site_is_asked_for(tmp_path: Path) -> None:
    asyncio.run(_fed(tmp_path))


async def _fed(folder: Path) -> None:
    certified(folder)
    (folder / "password").write_text(PASSWORD)
    (folder / "depot.yaml").write_text(CONFIGURATION)
    with Process([*V2G, "depot", "--config", str(folder / "depot.yaml")]) as depot:
        line = await asyncio.to_thread(depot.wait_for, r"stations connect at wss://127.0.0.1:\d+", START_S)
        assert line is not None, depot.output
        port = int(line.rpartition(":")[2])
        async with daemon(folder, port) as (place, battery):
            car = ["--host", "::1", "--port", place, "--pki", str(folder / "pki"), "--battery", battery, "--json"]
            with Process([*V2G, "ev", *car, "--duration", "5"]) as running:
                assert await asyncio.to_thread(running.wait, SESSION_S) == 0, running.output + depot.output
            outcome = json.loads(running.output)
            assert outcome["energy_discharged_wh"] > 1, depot.output
            status = await asyncio.to_thread(request, folder / "depot.sock", Status())
            assert status["requested_w"] == -4_000
            explained = await asyncio.to_thread(request, folder / "depot.sock", Explain("CS1/1"))
            assert explained["CS1/1"]
            (audited,) = await asyncio.to_thread(request, folder / "depot.sock", Audit(0.0, 1e12, "bus 7"))
            assert audited["discharged_wh"] > 1
            assert audited["missing_events"] == 0
            assert any("request by configuration" in each["why"] for each in audited["decisions"])
            await asyncio.to_thread(ended, folder / "depot.db")
    with sqlite3.connect(folder / "depot.db") as ledger:
        rows = ledger.execute("SELECT seq, kind, vehicle, export_wh FROM event ORDER BY seq").fetchall()
        assert [row[0] for row in rows] == list(range(len(rows)))
        assert [row[1] for row in rows if row[1] != "Updated"] == ["Started", "Ended"]
        assert {row[2] for row in rows} == {"bus 7"}
        assert rows[-1][3] - rows[0][3] > 1
        assert ledger.execute("SELECT value FROM kept WHERE kind = 'ledger' AND key = 'ran_s'").fetchone() == (b"0",)
        bindings = {each for (each,) in ledger.execute("SELECT binding FROM decided")}
        assert "request by configuration" in bindings
