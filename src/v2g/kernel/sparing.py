"""A log that a flood of one and the same message does not fill."""

from collections.abc import Callable
from math import inf

QUIET_S = 60.0
"""A text that has not come for so long is passed on again."""
MOST = 10_000


class Sparing:
    """Passes each text on once, however often it comes and however many others come between."""

    def __init__(self, report: Callable[[str], None], clock: Callable[[], float]) -> None:
        """`clock`: seconds."""
        self._report, self._clock = report, clock
        self._came_s: dict[str, float] = {}
        """When each came last, the oldest first."""

    def __call__(self, text: str) -> None:
        now = self._clock()
        before_s = self._came_s.pop(text, -inf)
        self._came_s[text] = now
        if len(self._came_s) > MOST:
            del self._came_s[next(iter(self._came_s))]
        if now - before_s > QUIET_S:
            self._report(text)
