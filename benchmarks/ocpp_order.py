"""From a back end's order to the inverter: UpdateDynamicSchedule leaves the back end, the set-point's register changes.

The daemon, its hardware and the car are processes of their own; the register is read from outside, again and again.
"""

import asyncio
import json
import tempfile
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from pathlib import Path
from statistics import quantiles
from time import perf_counter
from typing import Any

from benchmarks import processes
from benchmarks.figure import Figure, Setting
from tests.interop.process import Process
from tests.interop.station import START_S, V2G, configuration, hardware, v2g
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from v2g.bench.sim.plant import INVERTER_UNIT
from v2g.io.modbus import ModbusConnection
from v2g.power.errors import Unreachable
from v2g.power.registers.port import Table

LIMIT_MS, LIMIT_MIB = 20.0, 75.0
ORDERS, SETTLES_S, WITHIN_S = 100, 0.25, 60.0
SETPOINT = 0x4006
"""`power_set_w` of the shipped inverter's registers."""
POWERS_W = (-3_000, -5_000)


def measure(setting: Setting) -> list[Figure]:
    """The 99th percentile over a hundred orders, and the daemon's memory after them."""
    took_ms, resident_mib = asyncio.run(_orders(Path(tempfile.mkdtemp(dir=setting.folder))))
    cuts = quantiles(took_ms, n=100)
    return [
        Figure("ocpp_order_to_set_point_p50", "ms", cuts[49]),
        Figure("ocpp_order_to_set_point_p99", "ms", cuts[98], limit=LIMIT_MS),
        Figure("resident_with_ocpp", "mib", resident_mib, limit=LIMIT_MIB),
    ]


class BackEnd:
    """The shortest back end that a station accepts."""

    def __init__(self) -> None:
        self.started = asyncio.get_running_loop().create_future()
        self._connection: ServerConnection | None = None
        self._number = 0

    async def serve(self, connection: ServerConnection) -> None:
        self._connection = connection
        with suppress(ConnectionClosed):
            async for frame in connection:
                kind, id, *rest = json.loads(frame)
                if kind == 2:
                    await connection.send(json.dumps([3, id, self._answer(*rest)]))

    async def order(self, action: str, request: dict[str, Any]) -> None:
        assert self._connection is not None
        self._number += 1
        await self._connection.send(json.dumps([2, str(self._number), action, request]))

    def _answer(self, action: str, said: dict[str, Any]) -> dict[str, Any]:
        now = datetime.now(UTC).isoformat()
        match action:
            case "BootNotification":
                return {"currentTime": now, "interval": 300, "status": "Accepted"}
            case "TransactionEvent" if said["eventType"] == "Started":
                self.started.set_result(said["transactionInfo"]["transactionId"])
            case "NotifyEVChargingNeeds":
                return {"status": "Accepted"}
        return {}


async def _orders(folder: Path) -> tuple[list[float], float]:
    back_end = BackEnd()
    async with serve(back_end.serve, "127.0.0.1", 0, subprotocols=[Subprotocol("ocpp2.1")]) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        with ExitStack() as stack:
            _, plant, _, contactor, grid = await asyncio.to_thread(stack.enter_context, hardware(None))
            daemon, place = await asyncio.to_thread(_start, stack, folder, (plant, contactor, grid), port)
            car = ["--host", "::1", "--port", place, "--no-tls", "--battery", plant]
            stack.enter_context(Process([*V2G, "ev", *car, "--json", "--duration", "600"]))
            host, _, number = plant.rpartition(":")
            registers = ModbusConnection(host.strip("[]"), int(number)).unit(INVERTER_UNIT, "inverter")
            async with asyncio.timeout(WITHIN_S):
                transaction = await back_end.started
                await back_end.order("SetChargingProfile", _profile(transaction))
                while await _set_w(registers) > POWERS_W[0] / 2:  # the inverter's losses are part of it
                    pass
            async with asyncio.timeout(WITHIN_S + ORDERS):
                found = [await _took_ms(back_end, registers, POWERS_W[(index + 1) % 2]) for index in range(ORDERS)]
            return found, processes.resident_mib(daemon.child.pid)


async def _took_ms(back_end: BackEnd, registers: Any, power_w: int) -> float:
    before = await _set_w(registers)
    begun_s = perf_counter()
    await back_end.order("UpdateDynamicSchedule", {"chargingProfileId": 1, "scheduleUpdate": {"setpoint": power_w}})
    while await _set_w(registers) == before:
        pass
    took_s = perf_counter() - begun_s
    await asyncio.sleep(SETTLES_S)
    return took_s * 1000


async def _set_w(registers: Any) -> int:
    while True:
        with suppress(Unreachable):  # of a machine with too much to do
            high, low = await registers.read(Table.HOLDING, SETPOINT, 2)
            raw = high << 16 | low
            return int(raw - (raw >> 31 << 32))


def _start(stack: ExitStack, folder: Path, devices: tuple[str, str, str], port: int) -> tuple[Process, str]:
    """The daemon, and its port for cars."""
    settings = configuration(folder, *devices, services=["DC_BPT"], modes=["dynamic"], pki=None)
    (folder / "password").write_text("correct horse battery")
    settings["ocpp"] = {
        "url": f"ws://127.0.0.1:{port}", "identity": "CS1", "security_profile": 1, "authorize": "station",
        "password_file": str(folder / "password"), "store": str(folder / "ocpp.db"),
    }  # fmt: skip
    (folder / "config.yaml").write_text(json.dumps(settings))
    command = v2g(None, "daemon", "--config", str(folder / "config.yaml"), "--port", "0", "--no-tls")
    daemon = stack.enter_context(Process(command))
    line = daemon.wait_for(r"listens on \[.*\]:\d+", START_S)
    assert line is not None, daemon.output
    processes.run_first(daemon.child.pid)
    return daemon, line.partition("]:")[2].split()[0].rstrip(",")


def _profile(transaction: str) -> dict[str, Any]:
    period = {"startPeriod": 0, "operationMode": "CentralSetpoint", "setpoint": POWERS_W[0]}
    schedule = {"id": 1, "chargingRateUnit": "W", "chargingSchedulePeriod": [period]}
    profile = {
        "id": 1, "stackLevel": 0, "chargingProfilePurpose": "TxProfile", "chargingProfileKind": "Dynamic",
        "transactionId": transaction, "chargingSchedule": [schedule],
    }  # fmt: skip
    return {"evseId": 1, "chargingProfile": profile}
