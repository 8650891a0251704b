"""A house with one charger, as its two meters show it: Modbus servers of the house's meter and of the station's, with a
car that takes what it likes while the station's contactor is closed."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager, suppress
from pathlib import Path
from time import monotonic

from tests.certificates import certified
from tests.interop.process import Process
from tests.interop.station import START_S, V2G
from tests.run.test_back_end import PASSWORD

from v2g.bench.sim.modbus_server import Unit, listen
from v2g.io.modbus import ModbusConnection
from v2g.power.drivers.register_map import RegisterContactor
from v2g.power.errors import PowerError
from v2g.power.quantity import Value
from v2g.power.registers.map import shipped

LOOK_S, NOMINAL_V = 0.02, 230.0
LONGEST_S = 120.0


class LateHouse:
    """Positive is drawn. What is above `limit_w` in a phase is counted, as a meter of the grid operator would."""

    def __init__(self, limit_w: float) -> None:
        self.limit_w = limit_w
        self.house_w = (300.0, 300.0, 300.0)
        self.wants_w = 11_000.0
        """What the car takes, whatever its station says."""
        self.closed = False
        self.as_read: Callable[[float, int], float] = lambda power_w, phase: power_w
        """What the house's meter makes of a phase's power."""
        self.over_s: list[float] = []
        """How long each excess has lasted."""
        self._reads = 0
        self._since: float | None = None
        self._looked = asyncio.Condition()

    @property
    def car_w(self) -> float:
        """What the car takes."""
        return self.wants_w if self.closed else 0.0

    @property
    def phases_w(self) -> list[float]:
        """At the connection."""
        return [each_w + self.car_w / 3 for each_w in self.house_w]

    @property
    def over(self) -> bool:
        """Whether the limit is exceeded."""
        return max(self.phases_w) > self.limit_w

    def connection(self) -> dict[str, Value]:
        """What the house's meter shows."""
        self._reads += 1
        voltage_v = NOMINAL_V + 0.1 * (self._reads % 7)
        powers_w = [self.as_read(each_w, phase) for phase, each_w in enumerate(self.phases_w, 1)]
        return {
            name: value
            for phase, power_w in enumerate(powers_w, 1)
            for name, value in ((f"power_l{phase}_w", power_w), (f"current_l{phase}_a", abs(power_w) / voltage_v),
                                (f"voltage_l{phase}_v", voltage_v))
        }  # fmt: skip

    def plug(self) -> dict[str, Value]:
        """What the station's meter shows."""
        return {"power_w": self.car_w, "voltage_l1_v": NOMINAL_V, "voltage_l2_v": NOMINAL_V, "voltage_l3_v": NOMINAL_V}

    async def run(self, contactor: tuple[str, int]) -> None:
        """Follow the contactor until cancelled."""
        feedback = RegisterContactor(ModbusConnection(*contactor).unit(1, "contactor"))
        while True:
            with suppress(PowerError):
                self.closed = (await feedback.read()).closed
            if self.over and self._since is None:
                self._since = monotonic()
            elif not self.over and self._since is not None:
                self.over_s.append(monotonic() - self._since)
                self._since = None
            async with self._looked:
                self._looked.notify_all()
            await asyncio.sleep(LOOK_S)

    async def until(self, holds: Callable[[], bool], longest_s: float = LONGEST_S) -> None:
        """Something holds."""
        async with asyncio.timeout(longest_s), self._looked:
            await self._looked.wait_for(holds)


SITE = """
connection: {{fuse_a: {fuse_a}, export_w: 0}}
meter: {{model: eastron-sdm630, address: "modbus://127.0.0.1:{meter}?unit=1", silent_charge_a: 6}}
stations:
  - {{id: CS1, password_file: password, evses: [{{charge_w: 11000}}]}}
connect: {{listen: "127.0.0.1:0", certificate: root.pem, private_key: key.pem}}
http: {{listen: "127.0.0.1:0"}}
control: {{socket: site.sock}}
ledger: site.db
"""
FUSE_A, MARGIN_A = 20.0, 1.0


@asynccontextmanager
async def charging(folder: Path) -> AsyncIterator[tuple[LateHouse, Process, Process]]:
    """A house, its site and its station, each a process; with a car that does not talk, and charges."""
    certified(folder)
    (folder / "password").write_text(PASSWORD)
    house = LateHouse(FUSE_A * NOMINAL_V)
    units = {1: Unit(shipped("house_eastron_sdm630"), house.connection), 2: Unit(shipped("meter"), house.plug)}
    server, meter = await listen(units, "127.0.0.1", 0)
    (folder / "site.yaml").write_text(SITE.format(fuse_a=FUSE_A, meter=meter))
    with ExitStack() as stack:
        stack.callback(server.close)

        async def start(pattern: str, *words: str) -> tuple[Process, str]:
            process = stack.enter_context(Process([*V2G, *words]))
            line = await asyncio.to_thread(process.wait_for, pattern, START_S)
            assert line is not None, process.output
            return process, line.rpartition(":")[2]

        site, port = await start(
            r"stations connect at wss://127.0.0.1:\d+", "depot", "--site", "--config", str(folder / "site.yaml")
        )
        _, contactor = await start("listening on", "sim", "contactor", "--listen", "127.0.0.1:0")
        _, pilot = await start(
            "listening on", "sim", "pilot", "--plugged-in", "--wants-energy", "--listen", "127.0.0.1:0"
        )
        evse = {
            "services": ["AC"], "access": {"grant": "everyone"},
            "pilot": {"device": {"address": f"modbus://127.0.0.1:{pilot}"}, "fallback_a": 16, "digital_s": 3,
                      "retries": 0},
            "contactor": {"address": f"modbus://127.0.0.1:{contactor}"},
            "meter": {"address": f"modbus://127.0.0.1:{meter}?unit=2"},
        }  # fmt: skip
        ocpp = {
            "url": f"wss://127.0.0.1:{port}/ocpp", "identity": "CS1", "password_file": str(folder / "password"),
            "roots": str(folder / "root.pem"), "store": str(folder / "ocpp.db"),
            "authorize": "station",
        }  # fmt: skip
        settings = {
            "evses": [evse], "ocpp": ocpp, "control": {"socket": str(folder / "control.sock")},
            "kept": str(folder / "kept.json"), "trace": {"file": str(folder / "trace.log"), "level": "debug"},
        }  # fmt: skip
        (folder / "config.yaml").write_text(json.dumps(settings))
        looking = asyncio.create_task(house.run(("127.0.0.1", int(contactor))))
        station, _ = await start(
            "listens on", "daemon", "--config", str(folder / "config.yaml"), "--port", "0", "--no-tls"
        )
        try:
            yield house, site, station
        finally:
            looking.cancel()
