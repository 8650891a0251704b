"""A depot as `v2g depot` runs it, and a crowd of simple stations beside it in another process."""

import json
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.broker import free_port
from tests.certificates import certified
from tests.interop.process import Process
from tests.interop.station import START_S, V2G

CHARGE_W = 7_000
SERVED_S = 180.0
ROOT = Path(__file__).parents[1]


class Crowd:
    """Both processes. The depot can be killed and started again."""

    def __init__(self, folder: Path, count: int, *, tls: bool, meter_s: float) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.count, self._folder, self._tls, self._meter_s = count, folder, tls, meter_s
        self._port, self.http = free_port(), f"http://127.0.0.1:{free_port()}"
        (folder / "password").write_text("correct horse battery")
        if tls:
            certified(folder)
        (folder / "depot.yaml").write_text(json.dumps(self._configuration()))
        names = [f"CS{number:04}" for number in range(count)]
        rows = [f"{name},password,{CHARGE_W},{CHARGE_W}" for name in names]
        (folder / "stations.csv").write_text("\n".join(["id,password_file,charge_w,discharge_w", *rows]))
        rows = [f"bus {name},EV{name},60000,0.2" for name in names]
        (folder / "fleet.csv").write_text("\n".join(["id,tokens,capacity_wh,floor_soc", *rows]))
        self.depot = self._start()
        self.stations: Process | None = None
        self._told = 0

    def _configuration(self) -> dict[str, Any]:
        files = {"certificate": "root.pem", "private_key": "key.pem"} if self._tls else {}
        return {
            "feeders": [{"id": "site", "charge_w": 2 * CHARGE_W * self.count}],
            "station_list": "stations.csv",
            "fleet": "fleet.csv",
            "connect": {"listen": f"127.0.0.1:{self._port}", "security_profile": 2 if self._tls else 1} | files,
            "silence": {"meter_s": 10, "stale_s": 300, "setpoint_s": 300, "offline_s": 30},
            "request": {"power_w": 0},
            "http": {"listen": self.http.removeprefix("http://")},
            "control": {"socket": "depot.sock"},
            "ledger": "depot.db",
        }  # fmt: skip

    def _start(self) -> Process:
        depot = Process([*V2G, "depot", "--config", str(self._folder / "depot.yaml")], afresh=True)
        if depot.wait_for("REST interface", START_S + self.count / 100) is None:
            raise RuntimeError(depot.output)
        return depot

    def connect(self) -> dict[str, Any]:
        """Let all stations come at once, until they are served."""
        command = [sys.executable, "-m", "benchmarks.depot_stations", "--port", str(self._port)]
        command += ["--count", str(self.count), "--password", str(self._folder / "password")]
        command += ["--meter-s", str(self._meter_s)]
        command += ["--roots", str(self._folder / "root.pem")] if self._tls else []
        self.stations = Process(command, directory=ROOT)
        return self.told("served", SERVED_S)

    def kill(self) -> None:
        """As a power failure does."""
        self.depot.child.kill()
        self.depot.wait(START_S)

    def again(self) -> None:
        """Start the depot in the place of the one that was killed."""
        self.depot = self._start()
        self.ready_s = time.monotonic()

    def told(self, what: str, within_s: float) -> dict[str, Any]:
        """The next report of the stations of this kind."""
        assert self.stations is not None
        deadline_s = time.monotonic() + within_s
        while time.monotonic() < deadline_s:
            lines = self.stations.lines
            while self._told < len(lines):
                line, self._told = lines[self._told], self._told + 1
                if line.startswith("{"):
                    found: dict[str, Any] = json.loads(line)
                    if found["what"] == what:
                        return found
                else:
                    raise RuntimeError(line)
            time.sleep(0.01)
        raise RuntimeError(
            f"no {what} within {within_s:g} s:\n{self.stations.output[-2000:]}\n{self.depot.output[-2000:]}"
        )

    def ask(self, power_w: float) -> None:
        """What the site shall do."""
        self._http("PUT", "/api/request", {"power_w": power_w, "for_s": 3600})

    def site(self) -> dict[str, Any]:
        """The site in few numbers."""
        return self._http("GET", "/api/site")

    def _http(self, method: str, path: str, document: object = None) -> dict[str, Any]:
        content = None if document is None else json.dumps(document).encode()
        asked = urllib.request.Request(self.http + path, content, {"Content-Type": "application/json"}, method=method)
        with urllib.request.urlopen(asked, timeout=60) as answer:
            found: dict[str, Any] = json.load(answer)
        return found

    def close(self) -> None:
        """End both."""
        if self.stations is not None:
            self.stations.stop()
        self.depot.stop()


@contextmanager
def crowd(folder: Path, count: int, *, tls: bool = False, meter_s: float = 0.0) -> Iterator[Crowd]:
    """`meter_s`: how often each station measures; 0: never."""
    running = Crowd(folder, count, tls=tls, meter_s=meter_s)
    try:
        yield running
    finally:
        running.close()
