"""Costly work that strangers can cause, spread over the turns of the event loop."""

import asyncio
from collections import deque
from collections.abc import Callable


class Turns:
    """Does one piece of work in each turn of the loop, in the order in which they were added.

    Between two pieces the loop serves everything else that is ready, so a crowd of them delays nobody by more than one.
    """

    def __init__(self) -> None:
        self._waiting: deque[Callable[[], None]] = deque()

    def add(self, work: Callable[[], None]) -> None:
        """Do `work` in a later turn of the running loop."""
        self._waiting.append(work)
        if len(self._waiting) == 1:
            asyncio.get_running_loop().call_soon(self._next)

    def _next(self) -> None:
        work = self._waiting.popleft()
        if self._waiting:
            asyncio.get_running_loop().call_soon(self._next)
        work()
