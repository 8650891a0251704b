"""`v2g daemon` with `sunspec:` in its configuration: a client beside it steers a car, and the station says who did."""

import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sunspec2.modbus.client as sunspec
from tests.broker import free_port
from tests.interop.process import Process
from tests.interop.station import V2G, station
from tests.languages.station_bench import point, read, write

pytestmark = pytest.mark.alone
WITHIN_S = 120.0


def eventually(act: Callable[[], Any]) -> Any:
    """What `act` returns once that is true."""
    until_s = time.monotonic() + WITHIN_S
    while time.monotonic() < until_s:
        try:
            if found := act():
                return found
        except Exception as error:
            last: object = error
        else:
            last = "not yet"
    raise AssertionError(last)


def state(device: sunspec.SunSpecModbusClientDeviceTCP) -> int:
    read(device, 701)
    return int(point(device, 701, "InvSt"))


def test_a_client_steers_a_car_at_a_running_station(tmp_path: Path) -> None:
    port = free_port()
    beside = {"sunspec": {"listen": f"127.0.0.1:{port}", "writers": ["127.0.0.1"]}}
    with station(None, tmp_path, services=["DC_BPT"], trace_level="info", beside=beside) as ours:
        device = sunspec.SunSpecModbusClientDeviceTCP(1, "127.0.0.1", port, timeout=5)
        eventually(lambda: device.connect() or device.scan(connect=False) or device.models)
        words = ["--host", "::1", "--port", str(ours.port), "--battery", ours.plant_address, "--no-tls", "--json"]
        with Process([*V2G, "ev", *words, "--duration", "60"]):

            def feeds() -> bool:
                read(device, 701)
                return bool(point(device, 701, "W") > 1_500)

            eventually(lambda: state(device) in (3, 4))
            write(device, 704, WSetMod=1, WSet=2_000, WSetRvrtTms=30, WSetEna=1)
            eventually(feeds)
            socket = ["--socket", str(tmp_path / "control.sock")]
            said = json.loads(subprocess.check_output([*V2G, "explain", *socket, "--json"]))
            assert said[0]["wished_by"] == "SunSpec client 127.0.0.1", said
            assert said[0]["power_w"] < -1_500
        device.disconnect()
