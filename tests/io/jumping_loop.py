"""An event loop whose clock a test can put forward, instead of waiting."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any


class JumpingLoop(asyncio.SelectorEventLoop):
    """Its time is the real one and `ahead_s`."""

    ahead_s = 0.0

    def time(self) -> float:
        return super().time() + self.ahead_s


def run_ahead(scenario: Callable[[JumpingLoop], Coroutine[Any, Any, None]]) -> None:
    """Run a scenario in such a loop, within a minute of its time."""
    loop = JumpingLoop()
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(asyncio.wait_for(scenario(loop), 100.0))
