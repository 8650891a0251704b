"""The grid operator's test at a running depot, in real time."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from math import inf, nan
from pathlib import Path
from secrets import token_hex

from v2g.depot.prequalification import BY, HOLDS_S, Sample, Trial
from v2g.io.control import ControlError
from v2g.io.control_client import ControlClient, Gone
from v2g.run.depot import Regulate, Withdraw

EVERY_S = 1.0
GONE_S = 30.0
"""A depot that answers nothing for so long has failed the test: it is not played to its end."""


async def live(trial: Trial, socket: Path, progress: Callable[[float], None]) -> list[Sample]:
    """At the depot behind a control socket. Raises `ControlError` if it refuses an order, is not there when the test
    begins, or answers nothing for `GONE_S`; one that is silent for less leaves gaps. `progress` is called with the
    share of the test that is over."""
    client, loop = ControlClient(socket), asyncio.get_running_loop()
    samples: list[Sample] = []
    by = f"{BY} {token_hex(3)}"  # another test at the same time is refused, and does not end this one
    try:
        begins_s, answered_s = loop.time(), -inf
        while (time_s := loop.time() - begins_s) < trial.seconds:
            signal_pu, power_w = trial.signal_pu(time_s), nan
            order = Regulate(by, signal_pu, trial.capacity_w, trial.baseline_w, HOLDS_S)
            try:
                power_w = float((await client.ask(order)).get("delivered_w", nan))
                answered_s = time_s
            except Gone:
                if time_s - answered_s > GONE_S:
                    raise
            samples.append(Sample(time_s, signal_pu, power_w))
            progress(time_s / trial.seconds)
            await asyncio.sleep(max(0.0, begins_s + len(samples) * EVERY_S - loop.time()))
    finally:
        with suppress(ControlError):  # it lapses by itself
            await client.ask(Withdraw(by))
        client.close()
    return samples
