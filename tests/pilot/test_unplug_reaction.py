"""Sudden unplugging while energy is permitted, with pilot and contactor as processes: the contacts open in time."""

import asyncio
import time
from pathlib import Path
from statistics import median

import pytest
from tests.contract.bench import until
from tests.contract.simulators import simulator

from v2g.bench.sim.pilot import OPERATOR_UNIT, PILOT_UNIT, Cable, PilotOperator
from v2g.io.modbus import ModbusConnection
from v2g.pilot.station import Permission, Signal, StationPilot
from v2g.pilot.timing import UNPLUG_S
from v2g.power.drivers.register_map import RegisterContactor
from v2g.power.drivers.register_pilot import RegisterPilot

pytestmark = pytest.mark.alone

POLL_S = 0.02
TIMES = 5


def test_the_contacts_are_open_100_ms_after_unplugging(tmp_path: Path) -> None:
    log = tmp_path / "contactor.log"

    async def test() -> list[float]:
        line = ModbusConnection(device.host, device.port)
        driver = RegisterPilot(line.unit(PILOT_UNIT, "control pilot"))
        hand = PilotOperator(line.unit(OPERATOR_UNIT, "operator"))
        contactor = RegisterContactor(ModbusConnection(module.host, module.port).unit(1, "contactor"))
        pilot = StationPilot()
        pilot.want(Signal.DIGITAL)

        async def closed() -> bool:
            pilot.step(await driver.read(), time.monotonic())
            await contactor.command(closed=pilot.permission is Permission.CLOSE)
            await driver.command(pilot.duty)
            return (await contactor.read()).closed

        unplugged_s = []
        for _ in range(TIMES):
            await hand.act(Cable.SOUND, wants_energy=True)
            await until(closed, lambda is_closed: is_closed, 5.0, period_s=POLL_S)
            unplugged_s.append(time.monotonic())
            await hand.act(Cable.UNPLUGGED)
            await until(closed, lambda is_closed: not is_closed, 1.0, period_s=POLL_S)
        return unplugged_s

    with simulator("pilot") as device, simulator("contactor", "--log", str(log)) as module:
        unplugged_s = asyncio.run(test())
    opened_s = [float(line.split()[0]) for line in log.read_text().splitlines() if line.split()[1] == "open"]
    reactions_s = [opened - unplugged for unplugged, opened in zip(unplugged_s, opened_s, strict=True)]
    assert median(reactions_s) < UNPLUG_S, reactions_s
