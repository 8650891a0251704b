"""How many lines strangers may cause in the trace: enough to see what they try, too few to fill a disk."""

from collections.abc import Hashable, Iterator
from dataclasses import dataclass

MOST, PERIOD_S = 10, 60.0
"""Lines of one kind in one period; the others are counted."""


@dataclass(slots=True)
class _Period:
    since_s: float
    seen: int = 0


class StrangerLimit:
    """Counts by kind, so that many of one kind hide none of another."""

    def __init__(self) -> None:
        self._periods: dict[Hashable, _Period] = {}

    def admits(self, kind: Hashable, now_s: float) -> bool:
        """Whether one more line of this kind may be written."""
        period = self._periods.setdefault(kind, _Period(now_s))
        period.seen += 1
        return period.seen <= MOST

    def over(self, now_s: float) -> Iterator[tuple[Hashable, int]]:
        """The periods that have ended by now: the kind, and how many lines were not written."""
        ended = [kind for kind, period in self._periods.items() if not 0 <= now_s - period.since_s < PERIOD_S]
        return self._end(ended)

    def all(self) -> Iterator[tuple[Hashable, int]]:
        """As `over`, for all periods: nothing more comes."""
        return self._end(list(self._periods))

    def _end(self, kinds: list[Hashable]) -> Iterator[tuple[Hashable, int]]:
        for kind in kinds:
            hidden = self._periods.pop(kind).seen - MOST
            if hidden > 0:
                yield kind, hidden
