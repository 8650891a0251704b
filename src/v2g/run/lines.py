"""Lines for the trace, without a flood of them."""

from collections.abc import Sequence


class Lines:
    """What a person should know of the back end, without a flood of it: the trace has a disk to itself to fill."""

    MOST, WITHIN_S = 50, 10.0

    def __init__(self) -> None:
        self._since_s, self._taken, self._dropped = float("-inf"), 0, 0

    def take(self, lines: Sequence[str], now: float) -> list[str]:
        """The lines to report, at most `MOST` in `WITHIN_S`; how many were left out comes with the first one after."""
        taken = []
        if now - self._since_s >= self.WITHIN_S and (lines or self._dropped):
            if self._dropped:
                taken.append(f"{self._dropped} more lines were left out")
            self._since_s, self._taken, self._dropped = now, 0, 0
        room = max(0, self.MOST - self._taken)
        self._taken += min(room, len(lines))
        self._dropped += max(0, len(lines) - room)
        return taken + list(lines[:room])
