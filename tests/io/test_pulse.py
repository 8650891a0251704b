"""How late the event loop is: a stopped process, a busy one, and one in time."""

import asyncio
import signal
import subprocess
import sys
import time
from threading import Event

import pytest
from tests.io.jumping_loop import JumpingLoop, run_ahead

from v2g.io.pulse import BEAT_S, LATE_S, Pulse

PROGRAM = """
import asyncio
from v2g.io.pulse import Pulse

async def run():
    pulse, seen = Pulse(), None
    print("ready", flush=True)
    while True:
        await asyncio.sleep(0.01)
        if (stall := pulse.check()) is not None and stall is not seen:
            seen = stall
            print(stall, stall.lasted_s, flush=True)

asyncio.run(run())
"""


def test_a_loop_in_time_has_no_stall() -> None:
    async def scenario(loop: JumpingLoop) -> None:
        pulse = Pulse()
        begun = loop.time()
        while loop.time() < begun + 4 * BEAT_S:
            await asyncio.sleep(0.01)
            loop.ahead_s += 0.02
        assert pulse.check() is None
        assert pulse.lag_s < LATE_S
        pulse.close()

    run_ahead(scenario)


@pytest.mark.alone
def test_time_in_which_the_process_did_not_run_is_told_from_time_in_which_it_was_busy() -> None:
    async def scenario(loop: JumpingLoop) -> None:
        pulse = Pulse()
        loop.ahead_s += 3.2 + BEAT_S
        stall = pulse.check()
        assert stall is not None
        assert str(stall).startswith("this process did not run for 3.2 s: it was stopped, or the machine")
        assert pulse.check() is stall, "everyone who asks hears of the same one"
        said = ""
        for _ in range(20):  # on a loaded machine, until it gets at least half of a processor
            begun = time.process_time()
            while time.process_time() - begun < 0.4:
                pass
            busy = pulse.check()
            assert busy is not None
            assert busy is not stall
            said = str(busy)
            if said.startswith("this process was busy with something else for 0."):
                break
        else:
            pytest.fail(said)
        pulse.close()

    run_ahead(scenario)


def test_the_timer_finds_a_stall_if_nobody_asks() -> None:
    async def scenario(loop: JumpingLoop) -> None:
        pulse = Pulse()
        loop.ahead_s += 1.0
        await asyncio.sleep(BEAT_S)
        assert pulse.last is not None
        assert 0.9 < pulse.last.lasted_s < 1.1
        pulse.close()

    run_ahead(scenario)


def test_a_process_that_was_stopped_knows_it() -> None:
    with subprocess.Popen([sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        child.send_signal(signal.SIGSTOP)
        Event().wait(0.6)  # the time that it does not run
        child.send_signal(signal.SIGCONT)
        line = child.stdout.readline()
        child.kill()
    assert line.startswith("this process did not run for 0."), line
    assert 0.4 < float(line.split()[-1]) < 5
