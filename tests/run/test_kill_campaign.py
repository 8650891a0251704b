"""Two hundred kills of station, back end and broker, at any moment of one run of transactions, as real processes.

For `make proof`; `tests/station/back_end/test_kills.py` is the short form.
"""

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from random import Random

import pytest
from tests import broker as brokers
from tests.interop.process import Process
from tests.interop.station import START_S, V2G, configuration, hardware, v2g
from tests.interop.test_cut import SAFE_WITHIN_S, Observer

from v2g.bench.ledger import Account, Ledger
from v2g.bench.sim.plant import METER_UNIT
from v2g.bench.sim.plant_model import PlantSettings
from v2g.io.control import request
from v2g.io.modbus import ModbusConnection
from v2g.power.drivers.register_map import RegisterMeter
from v2g.power.errors import Unreachable
from v2g.power.meter import MeterReading
from v2g.station.command import Ocpp

pytestmark = [pytest.mark.proof, pytest.mark.timeout(3600)]
KILLS = int(os.environ.get("V2G_KILLS", "200"))
SEED = int(os.environ.get("V2G_SEED", "13"))
MOMENTS_S = (0.1, 4.0)
"""The moment of a kill is the input here: no event stands for "at any time"."""
SETTLES_S = 120.0
STALLS, STALLED_S = 4, 0.6
"""Before every fourth kill the devices stand still for as long: their readings become stale."""
BOOKED_WH = 0.01
"""Below the meter's resolution."""
STANDBY_W = PlantSettings().standby_loss_w
_COMM = "OCPPCommCtrlr"
PROMPT = [
    (_COMM, "RetryBackOffWaitMinimum", "1"),
    (_COMM, "RetryBackOffRandomRange", "0"),
    (_COMM, "RetryBackOffRepeatTimes", "0"),
    ("SampledDataCtrlr", "TxUpdatedInterval", "1"),
]
"""A station that comes back at once, and says much."""


class Scene:
    """All processes; those of the hardware are never killed."""

    def __init__(self, stack: ExitStack, folder: Path, *, mqtt: bool) -> None:
        self._stack, self._folder = stack, folder
        self.plant, plant_address, _, contactor_address, grid = stack.enter_context(hardware(None))
        self.plant_address = plant_address
        self.port, listen = brokers.free_port(), brokers.free_port()
        self.broker = stack.enter_context(brokers.broker(folder)) if mqtt else None
        place = f"mqtt://127.0.0.1:{self.broker.port}/cs" if self.broker else f"ws://127.0.0.1:{listen}"
        (folder / "password").write_text("correct horse battery")
        settings = configuration(
            folder, plant_address, contactor_address, grid, services=["DC_BPT"], modes=["dynamic"], pki=None,
            dispatch=[{"power_w": 9000}],
        )  # fmt: skip
        settings["ocpp"] = {
            "url": place, "identity": "CS1", "security_profile": 1, "password_file": str(folder / "password"),
            "store": str(folder / "ocpp.db"), "authorize": "station",
        }  # fmt: skip
        (folder / "config.yaml").write_text(json.dumps(settings))
        rows = [
            {"component": {"name": component}, "variable": {"name": name}, "attributeValue": value}
            for component, name, value in PROMPT
        ]
        (folder / "calls").write_text(f"SetVariables {json.dumps({'setVariableData': rows})}\n")
        where = ["--broker", place] if mqtt else ["--listen", f"127.0.0.1:{listen}"]
        self._csms_command = v2g(
            None, "csms", *where, "--setpoint=9000", "--setpoint=-8000@3", "--send", str(folder / "calls"),
            "--ledger", str(folder / "ledger.db"),
        )  # fmt: skip
        command = [sys.executable, "-m", "tests.interop.observer", contactor_address, plant_address]
        self.observer = Observer(stack.enter_context(Process(command)))
        self.csms, self.daemon = self._start_csms(), self._start_daemon()
        self.car: Process | None = None

    def kill_station(self) -> None:
        """It is safe in its time, and its next process serves again."""
        self.daemon.child.kill()
        killed_s = time.monotonic()
        took_s = self.observer.safe_s(killed_s) - killed_s
        assert took_s <= SAFE_WITHIN_S, f"power off and contactor open only after {took_s:.2f} s"
        self.daemon.wait(START_S)
        self.daemon = self._start_daemon()

    def kill_back_end(self) -> None:
        self.csms.child.kill()
        self.csms.wait(START_S)
        self.csms = self._start_csms()

    def stall(self) -> None:
        """Meter and inverter answer nobody for a moment, as on a machine under load: the session ends by that."""
        self.plant.signal(signal.SIGSTOP)
        time.sleep(STALLED_S)
        self.plant.signal(signal.SIGCONT)

    def kill_broker(self) -> None:
        assert self.broker is not None
        self.broker.kill()
        self.broker.start_again()

    def serve(self) -> None:
        """A car is here, or comes."""
        if self.car is not None and self.car.child.poll() is None:
            return
        place = ["--host", "::1", "--port", str(self.port), "--no-tls", "--battery", self.plant_address]
        self.car = self._stack.enter_context(Process([*V2G, "ev", *place, "--json", "--duration", "6"]))

    def shown(self, what: str) -> object:
        return request(self._folder / "control.sock", Ocpp(show=what))  # type: ignore[arg-type]

    def settle(self, done: Callable[[], bool]) -> None:
        deadline = time.monotonic() + SETTLES_S
        while not done():
            assert time.monotonic() < deadline, (self.shown("status"), self.shown("queue"))
            time.sleep(0.2)

    async def meter(self) -> MeterReading:
        """Its reading, however long a machine with too much to do takes to answer."""
        host, _, port = self.plant_address.rpartition(":")
        meter = RegisterMeter(ModbusConnection(host.strip("[]"), int(port)).unit(METER_UNIT, "meter"))
        async with asyncio.timeout(SETTLES_S):
            while True:
                with suppress(Unreachable):
                    return await meter.read()

    def _start_csms(self) -> Process:
        process = self._stack.enter_context(Process(self._csms_command))
        assert process.wait_for("listening on|at the broker", START_S), process.output
        return process

    def _start_daemon(self) -> Process:
        command = v2g(
            None, "daemon", "--config", str(self._folder / "config.yaml"), "--port", str(self.port), "--no-tls"
        )
        process = self._stack.enter_context(Process(command))
        assert process.wait_for("listens on ", START_S), process.output
        return process


def between(accounts: list[Account], meter: MeterReading) -> list[str]:
    """What was fed while no transaction ran: after each one, until the next one or now."""
    found, ends = [], [*(each.first_wh[1] for each in accounts[1:]), meter.export_wh]
    for each, next_wh in zip(accounts, ends, strict=True):
        if next_wh - each.last_wh[1] > BOOKED_WH:
            found.append(f"{next_wh - each.last_wh[1]:.3f} Wh were fed after {each}")
    return found


@pytest.mark.parametrize("carrier", ["websocket", pytest.param("mqtt", marks=brokers.needed)])
def test_what_the_back_end_has_adds_up_to_the_meter(carrier: str, tmp_path: Path) -> None:
    random, begun_s = Random(SEED), time.monotonic()
    with ExitStack() as stack:
        scene = Scene(stack, tmp_path, mqtt=carrier == "mqtt")
        kinds = [scene.kill_station, scene.kill_back_end, *([scene.kill_broker] if scene.broker else [])]
        for number in range(KILLS):
            scene.serve()
            time.sleep(random.uniform(*MOMENTS_S))
            if number % STALLS == STALLS - 1:
                scene.stall()
                time.sleep(random.uniform(*MOMENTS_S) / STALLS)
            random.choice(kinds)()
        scene.serve()
        assert scene.car is not None
        assert scene.car.wait(SETTLES_S) is not None
        ledger = Ledger(tmp_path / "ledger.db")
        scene.settle(lambda: scene.shown("queue") == [] and all(each.ended for each in ledger.accounts()))
        meter, took_s = asyncio.run(scene.meter()), time.monotonic() - begun_s
        accounts = ledger.accounts()
        sums = [sum(each.last_wh[index] - each.first_wh[index] for each in accounts) for index in (0, 1)]
        events = sum(each.events for each in accounts)
        print(f"{carrier}: {KILLS} kills, {len(accounts)} transactions, {events} events, {ledger.repeats()} came again")
        print(f"charged {sums[0]:.2f} Wh of {meter.import_wh:.2f} Wh at the meter")
        print(f"fed {sums[1]:.2f} Wh of {meter.export_wh:.2f} Wh at the meter")
        for text in between(accounts, meter):
            print(text)
        assert {(each.begun, each.ended, each.missing) for each in accounts} == {(1, 1, 0)}, accounts
        assert ledger.contradictions() == 0
        assert sums[1] == pytest.approx(meter.export_wh, abs=0.5)
        between_wh = meter.import_wh - sums[0]  # what the inverter draws while no transaction runs
        assert -0.5 <= between_wh <= STANDBY_W * took_s / 3600 + 0.5
        assert min(sums) > 1
