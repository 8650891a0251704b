"""Gives up calls that do not return, with one timer for all: one for each would cost as much as a short call."""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any, TypeVar

_T = TypeVar("_T")


@dataclass(slots=True, eq=False)
class _Call:
    task: asyncio.Task[Any]
    due_s: float
    given_up: bool = False


class Patience:
    """Waits for each call at most `limit_s`, as `asyncio.timeout` does."""

    def __init__(self, limit_s: float) -> None:
        self._limit_s = limit_s
        self._calls: dict[_Call, None] = {}
        """Under way, oldest first."""
        self._timer: asyncio.TimerHandle | None = None

    async def of(self, work: Awaitable[_T]) -> _T:
        """The result of `work`. Raises `TimeoutError` if it has been given up, and what it raises."""
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None
        cancelling = task.cancelling()
        call = _Call(task, loop.time() + self._limit_s)
        self._calls[call] = None
        if self._timer is None:
            self._timer = loop.call_at(call.due_s, self._look)
        try:
            return await work
        except asyncio.CancelledError as error:
            if call.given_up and task.cancelling() - 1 <= cancelling:
                raise TimeoutError from error
            raise
        finally:
            del self._calls[call]
            if call.given_up:
                task.uncancel()

    def _look(self) -> None:
        """Give up what is due, and look again when the next one is."""
        self._timer, loop = None, asyncio.get_running_loop()
        now = loop.time()
        for call in self._calls:
            if call.due_s > now:
                self._timer = loop.call_at(call.due_s, self._look)
                return
            if not call.given_up:
                call.given_up = True
                call.task.cancel()
