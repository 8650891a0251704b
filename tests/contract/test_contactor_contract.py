"""What every contactor owes (`v2g.power.contactor`): the remote I/O module, and the one inside the plant."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from tests.contract.bench import CARRIERS, UNITS, Wired, line_for, until
from tests.contract.simulators import Simulator, simulator
from tests.stopwatch import within

from v2g.power.contactor import (
    LOST_WITHIN_S,
    SILENT_OPEN_WITHIN_S,
    SWITCHES_WITHIN_S,
    Contactor,
    ContactorFault,
    ContactorReading,
)
from v2g.power.errors import Unreachable

pytestmark = pytest.mark.alone  # devices have a time in which to answer


@dataclass(frozen=True)
class Subject:
    """A contactor under test."""

    process: Simulator
    unit: int = 1
    carrier: str = "tcp"

    def run(self, test: Callable[[Contactor], Coroutine[Any, Any, None]]) -> None:
        async def limited() -> None:
            wired = Wired(CARRIERS[self.carrier], self.process)
            try:
                async with asyncio.timeout(60):
                    await test(wired.driver("contactor", unit=self.unit))
            finally:
                wired.close()

        asyncio.run(limited())


@pytest.fixture(params=["in the plant", *CARRIERS])
def subject(request: pytest.FixtureRequest) -> Iterator[Subject]:
    if request.param == "in the plant":
        with simulator("plant") as process:
            yield Subject(process, UNITS["contactor"])
    else:
        with simulator("contactor", line=line_for(CARRIERS[request.param])) as process:
            yield Subject(process, carrier=request.param)


async def hold(
    contactor: Contactor, closed: bool, holds: Callable[[ContactorReading], bool], within_s: float
) -> ContactorReading:
    async def sample() -> ContactorReading:
        await contactor.command(closed=closed)
        return await contactor.read()

    return await until(sample, holds, within_s, period_s=0.005)


def test_the_feedback_follows_the_command_in_time(subject: Subject) -> None:
    async def test(contactor: Contactor) -> None:
        reading = await contactor.read()
        assert (reading.closed, reading.commanded, reading.fault) == (False, False, None)
        await hold(contactor, True, lambda reading: reading.closed, SWITCHES_WITHIN_S)
        await hold(contactor, False, lambda reading: not reading.closed, SWITCHES_WITHIN_S)
        await hold(contactor, True, lambda reading: reading.closed, SWITCHES_WITHIN_S)
        reading = await contactor.read()
        assert (reading.closed, reading.commanded, reading.fault) == (True, True, None)

    subject.run(test)


def test_commands_keep_it_closed_and_silence_opens_it(subject: Subject) -> None:
    async def test(contactor: Contactor) -> None:
        await hold(contactor, True, lambda reading: reading.closed, SWITCHES_WITHIN_S)
        started_s = time.monotonic()

        def stays_closed(reading: ContactorReading) -> bool:
            assert reading.closed
            return time.monotonic() - started_s > SILENT_OPEN_WITHIN_S

        await hold(contactor, True, stays_closed, 2.0)
        reading = await until(contactor.read, lambda reading: not reading.closed, SILENT_OPEN_WITHIN_S)
        assert (reading.commanded, reading.fault) == (False, None)

    subject.run(test)


@pytest.mark.parametrize(
    ("stuck", "command", "fault"),
    [("open", True, ContactorFault.DOES_NOT_CLOSE), ("welded", False, ContactorFault.WELDED)],
)
def test_a_contradicting_feedback_is_a_fault(stuck: str, command: bool, fault: ContactorFault) -> None:
    async def test(contactor: Contactor) -> None:
        reading = await hold(contactor, command, lambda reading: reading.fault is not None, 2 * SWITCHES_WITHIN_S)
        assert (reading.fault, reading.closed) == (fault, not command)

    with simulator("contactor", "--stuck", stuck) as process:
        Subject(process).run(test)


def test_a_contactor_that_welds_is_found_on_opening() -> None:
    async def test(contactor: Contactor) -> None:
        await hold(contactor, True, lambda reading: reading.closed and reading.fault is None, SWITCHES_WITHIN_S)
        await hold(contactor, False, lambda reading: reading.fault is ContactorFault.WELDED, 2 * SWITCHES_WITHIN_S)

    with simulator("contactor", "--stuck", "closed") as process:
        Subject(process).run(test)


@pytest.mark.parametrize("how", ["killed", "frozen"])
def test_a_lost_device_raises_in_time_from_every_method(subject: Subject, how: str) -> None:
    async def test(contactor: Contactor) -> None:
        await contactor.command(closed=False)
        if how == "killed":
            subject.process.kill()
        else:
            subject.process.freeze()
        for call in (contactor.read, lambda: contactor.command(closed=True)):
            with within(LOST_WITHIN_S), pytest.raises(Unreachable, match=r"^contactor at ."):
                await call()

    subject.run(test)
