"""How often somebody may ask: buckets that are refilled as time passes."""

MOST_REMEMBERED = 10_000
"""Addresses; one more, and all of them begin with a full bucket."""


class Bucket:
    """What one client may still ask."""

    __slots__ = ("_burst", "_left", "_per_s", "_seen_s")

    def __init__(self, now: float, per_s: float, burst: float) -> None:
        """`now`: monotonic seconds."""
        self._left, self._seen_s = burst, now
        self._per_s, self._burst = per_s, burst

    def take(self, now: float) -> bool:
        """Whether one more request is within the rate."""
        self._left = min(self._burst, self._left + (now - self._seen_s) * self._per_s)
        self._seen_s = now
        if self._left < 1.0:
            return False
        self._left -= 1.0
        return True


class Rates:
    """A bucket for each address."""

    def __init__(self, per_s: float, burst: float) -> None:
        self.per_s, self._burst = per_s, burst
        self._buckets: dict[str, Bucket] = {}

    def take(self, address: str, now: float) -> bool:
        """Whether one more request of this address is within its rate. `now`: monotonic seconds."""
        if address not in self._buckets:
            if len(self._buckets) >= MOST_REMEMBERED:
                self._buckets.clear()
            self._buckets[address] = Bucket(now, self.per_s, self._burst)
        return self._buckets[address].take(now)
