"""Calls of the station that need not survive the connection: which one is next, and what becomes of each."""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from v2g.ocpp.base import Message

MOST_CALLS = 200
"""Of those that wait; the oldest that are not urgent are dropped."""
MOST_CROSSED = 5
"""Attempts, 1, 2, 4, 8 and 16 s apart, at a call that the back end does not hear because it is calling itself."""

Then = Callable[[Message | None, float], None]
"""What is done with a response; None if there is none."""


def nothing(response: Message | None, now: float) -> None:
    """For a call whose response matters to nobody."""


@dataclass(frozen=True, slots=True)
class Call:
    """A call. `then` is carried out once in any case: with its response, or with None if there will be none."""

    action: str
    request: Message
    then: Then = nothing
    urgent: bool = False
    crossed: int = 0
    """How often the back end refused it because it was calling itself."""
    not_before_s: float = float("-inf")


class Calls:
    """Those that wait, the most urgent first."""

    def __init__(self) -> None:
        self._waiting: deque[Call] = deque()

    def __len__(self) -> int:
        return len(self._waiting)

    def __iter__(self) -> Iterator[Call]:
        return iter(self._waiting)

    def add(self, call: Call, now: float) -> None:
        """One more; if there are too many, the oldest one that can be spared has no response."""
        if call.urgent:
            self._waiting.appendleft(call)
        else:
            self._waiting.append(call)
        if len(self._waiting) > MOST_CALLS:
            spared = next((each for each in self._waiting if not each.urgent), self._waiting[-1])
            self._waiting.remove(spared)
            spared.then(None, now)

    def take(self, now: float) -> Call | None:
        """The next one, if its time has come."""
        return self._waiting.popleft() if self._waiting and now >= self._waiting[0].not_before_s else None

    def crossed(self, call: Call, now: float) -> None:
        """The back end did not hear it while it was calling itself: once more, a little later."""
        self._waiting.appendleft(replace(call, crossed=call.crossed + 1, not_before_s=now + 2.0**call.crossed))

    def abandon(self, now: float) -> None:
        """The connection is gone: none of them has a response."""
        abandoned, self._waiting = self._waiting, deque()
        for each in abandoned:
            each.then(None, now)
