"""What every connector lock owes (`v2g.power.lock`)."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from tests.contract.bench import CARRIERS, Wired, line_for, until
from tests.contract.simulators import Simulator, simulator
from tests.stopwatch import within

from v2g.power.errors import Unreachable
from v2g.power.lock import LOST_WITHIN_S, MOVES_WITHIN_S, ConnectorLock, LockFault, LockReading

pytestmark = pytest.mark.alone  # devices have a time in which to answer


@pytest.fixture(params=["tcp", "serial"])
def carrier(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def run(process: Simulator, test: Callable[[ConnectorLock], Coroutine[Any, Any, None]], carrier: str = "tcp") -> None:
    async def limited() -> None:
        wired = Wired(CARRIERS[carrier], process)
        try:
            async with asyncio.timeout(60):
                await test(wired.driver("lock", device="connector lock"))
        finally:
            wired.close()

    asyncio.run(limited())


async def hold(lock: ConnectorLock, locked: bool, holds: Callable[[LockReading], bool], within_s: float) -> LockReading:
    async def sample() -> LockReading:
        await lock.command(locked=locked)
        return await lock.read()

    return await until(sample, holds, within_s, period_s=0.01)


def test_the_bolt_follows_the_command_in_time_and_is_never_taken_for_locked_on_its_way(carrier: str) -> None:
    async def test(lock: ConnectorLock) -> None:
        before_s = time.monotonic()
        reading = await lock.read()
        assert before_s <= reading.time_s <= time.monotonic()
        assert (reading.locked, reading.commanded, reading.fault) == (False, False, None)
        await lock.command(locked=True)
        reading = await lock.read()
        assert (reading.locked, reading.commanded, reading.fault) == (False, True, None)
        await hold(lock, True, lambda reading: reading.locked, MOVES_WITHIN_S)
        await lock.command(locked=False)
        reading = await lock.read()
        assert (reading.locked, reading.commanded, reading.fault) == (False, False, None)
        await hold(lock, False, lambda reading: not reading.locked and reading.fault is None, MOVES_WITHIN_S)

    with simulator("lock", line=line_for(CARRIERS[carrier])) as process:
        run(process, test, carrier)


def test_silence_holds_the_plug() -> None:
    async def test(lock: ConnectorLock) -> None:
        await hold(lock, True, lambda reading: reading.locked, MOVES_WITHIN_S)
        silent_s = time.monotonic()

        def stays_locked(reading: LockReading) -> bool:
            assert (reading.locked, reading.commanded, reading.fault) == (True, True, None)
            return time.monotonic() - silent_s > 2 * MOVES_WITHIN_S

        await until(lock.read, stays_locked, 3 * MOVES_WITHIN_S)

    with simulator("lock") as process:
        run(process, test)


@pytest.mark.parametrize(
    ("options", "command", "fault"),
    [
        (["--broken", "jammed"], True, LockFault.DOES_NOT_LOCK),
        (["--broken", "jammed", "--locked"], False, LockFault.DOES_NOT_UNLOCK),
        (["--broken", "feedback-lost"], True, LockFault.FEEDBACK_LOST),
        (["--broken", "feedback-lost", "--locked"], False, LockFault.FEEDBACK_LOST),
        (["--broken", "slow"], True, LockFault.FEEDBACK_LOST),
    ],
)
def test_a_feedback_that_does_not_follow_is_a_fault(options: list[str], command: bool, fault: LockFault) -> None:
    async def test(lock: ConnectorLock) -> None:
        begun_s = time.monotonic()
        reading = await hold(lock, command, lambda reading: reading.fault is not None, 1.2 * MOVES_WITHIN_S)
        assert time.monotonic() - begun_s > MOVES_WITHIN_S
        assert (reading.fault, reading.locked) == (fault, fault is LockFault.DOES_NOT_UNLOCK)

    with simulator("lock", *options) as process:
        run(process, test)


def test_a_slow_bolt_that_arrives_is_no_fault_any_more() -> None:
    async def test(lock: ConnectorLock) -> None:
        await hold(lock, True, lambda reading: reading.fault is not None, 1.2 * MOVES_WITHIN_S)
        await hold(lock, True, lambda reading: reading.locked and reading.fault is None, 2 * MOVES_WITHIN_S)

    with simulator("lock", "--broken", "slow") as process:
        run(process, test)


@pytest.mark.parametrize("how", ["killed", "frozen"])
def test_a_lost_device_raises_in_time_from_every_method(carrier: str, how: str) -> None:
    async def test(lock: ConnectorLock) -> None:
        await lock.command(locked=True)
        if how == "killed":
            process.kill()
        else:
            process.freeze()
        for call in (lock.read, lambda: lock.command(locked=False)):
            with within(LOST_WITHIN_S), pytest.raises(Unreachable, match=r"^connector lock at .*"):
                await call()

    with simulator("lock", line=line_for(CARRIERS[carrier])) as process:
        run(process, test, carrier)
