"""What every control pilot owes (`v2g.power.pilot`): the one behind registers, and the one in sysfs."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest
from tests.contract.bench import until
from tests.contract.simulators import Simulator, simulator
from tests.pilot.board import Board
from tests.stopwatch import within

from v2g.bench.sim.pilot import OPERATOR_UNIT, PILOT_UNIT, Cable, PilotOperator
from v2g.io.modbus import ModbusConnection
from v2g.pilot.state import find
from v2g.power.drivers.pwm_sysfs import SysfsPilot
from v2g.power.drivers.register_pilot import RegisterPilot
from v2g.power.errors import Unreachable
from v2g.power.pilot import LOST_WITHIN_S, SENDS_WITHIN_S, SILENT_F_WITHIN_S, Pilot, PilotReading


class Subject(Protocol):
    """A pilot under test and the hand at its cable."""

    def start(self) -> Pilot:
        """The driver, inside the event loop."""
        ...

    async def plug(self, cable: Cable) -> None:
        """Puts the cable into a state."""
        ...

    async def reading(self, pilot: Pilot) -> PilotReading:
        """Measures, after the hardware has done its part."""
        ...

    def lose(self) -> None:
        """The device is gone."""
        ...


class Process:
    """A microcontroller in a process of its own."""

    def __init__(self, process: Simulator) -> None:
        self.process = process

    def start(self) -> Pilot:
        connection = ModbusConnection(self.process.host, self.process.port)
        self.operator = PilotOperator(connection.unit(OPERATOR_UNIT, "operator"))
        return RegisterPilot(connection.unit(PILOT_UNIT, "control pilot"))

    async def plug(self, cable: Cable) -> None:
        await self.operator.act(cable)

    async def reading(self, pilot: Pilot) -> PilotReading:
        return await pilot.read()

    def lose(self) -> None:
        self.process.kill()


class Files:
    """A board with its files."""

    def __init__(self, folder: Path) -> None:
        self.board = Board(folder)

    def start(self) -> Pilot:
        return SysfsPilot(self.board.settings)

    async def plug(self, cable: Cable) -> None:
        self.board.cable = cable

    async def reading(self, pilot: Pilot) -> PilotReading:
        self.board.update()
        return await pilot.read()

    def lose(self) -> None:
        for folder in (self.board.chip, self.board.adc):
            folder.rename(folder.with_name(f"{folder.name}-gone"))


@pytest.fixture(params=["registers", "sysfs"])
def subject(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Subject]:
    if request.param == "sysfs":
        yield Files(tmp_path)
    else:
        with simulator("pilot") as process:
            yield Process(process)


def run(subject: Subject, test: Callable[[Pilot], Coroutine[Any, Any, None]]) -> None:
    async def limited() -> None:
        async with asyncio.timeout(60):
            await test(subject.start())

    asyncio.run(limited())


def test_what_is_commanded_is_measured_on_the_line_in_time(subject: Subject) -> None:
    async def test(pilot: Pilot) -> None:
        for duty, high_v, low_v in [(0.05, 12, -12), (0.5, 12, -12), (1, 12, 12), (0, -12, -12), (0.1, 12, -12)]:
            await pilot.command(duty)
            sent_s = time.monotonic()
            with within(SENDS_WITHIN_S):
                reading = await subject.reading(pilot)
            assert reading.duty == pytest.approx(duty, abs=1e-3)
            assert sent_s <= reading.time_s <= time.monotonic()
            assert reading.high_v == pytest.approx(high_v, abs=0.05)
            assert reading.low_v == pytest.approx(low_v, abs=0.05)

    run(subject, test)


def test_the_cable_is_seen(subject: Subject) -> None:
    async def test(pilot: Pilot) -> None:
        found = []
        for cable, duty in [
            (Cable.UNPLUGGED, 1),
            (Cable.SOUND, 1),
            (Cable.SOUND, 0.05),
            (Cable.NO_DIODE, 0.05),
            (Cable.SHORTED, 0.05),
            (Cable.SOUND, 0),
        ]:
            await subject.plug(cable)
            await pilot.command(duty)
            finding = find(await subject.reading(pilot))
            found.append((finding.name, finding.flaw is None))
        assert found == [("A1", True), ("B1", True), ("B2", True), ("B2", False), ("E", True), ("F", True)]

    run(subject, test)


def test_repeating_a_command_changes_nothing(subject: Subject) -> None:
    async def test(pilot: Pilot) -> None:
        readings = []
        for _ in range(20):
            await pilot.command(0.05)
            reading = await subject.reading(pilot)
            readings.append((reading.high_v, reading.low_v, reading.duty))
        assert len(set(readings)) == 1

    run(subject, test)


def test_repeated_commands_keep_the_signal_up(subject: Subject) -> None:
    async def test(pilot: Pilot) -> None:
        started_s = time.monotonic()

        async def sample() -> float:
            await pilot.command(0.05)
            return (await subject.reading(pilot)).duty

        def lasts(duty: float) -> bool:
            assert duty == pytest.approx(0.05)
            return time.monotonic() - started_s > SILENT_F_WITHIN_S

        await until(sample, lasts, 2.0)

    run(subject, test)


@pytest.mark.parametrize("duty", [-0.01, 1.01, float("nan")])
def test_no_duty_cycle_is_refused(subject: Subject, duty: float) -> None:
    async def test(pilot: Pilot) -> None:
        with pytest.raises(ValueError, match="0 to 1"):
            await pilot.command(duty)

    run(subject, test)


def test_a_lost_device_raises_in_time_from_every_method(subject: Subject) -> None:
    async def test(pilot: Pilot) -> None:
        await pilot.command(0.05)
        subject.lose()
        for call in (pilot.read, lambda: pilot.command(0.5)):
            with within(LOST_WITHIN_S), pytest.raises(Unreachable, match=r"^control pilot at .*: .*; "):
                await call()

    run(subject, test)


def test_silence_sends_state_f() -> None:
    """Of a generator that outlives this process."""
    with simulator("pilot", "--plugged-in") as process:
        subject = Process(process)

        async def test(pilot: Pilot) -> None:
            await pilot.command(0.05)
            assert find(await pilot.read()).name == "B2"
            reading = await until(pilot.read, lambda reading: reading.duty == 0, SILENT_F_WITHIN_S)
            assert find(reading).name == "F"

        run(subject, test)
