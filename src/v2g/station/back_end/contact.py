"""Whether the back end is there. An open connection alone does not show it: a broker, a proxy or a process that hangs
holds one as well. What shows it is an answer or a call of a back end that has accepted the station."""

from math import inf

from v2g.ocpp.store import Store

MISSED = 2
"""Calls in a row without any sign of life after which the connection is given up."""
QUIET_S = 60.0
"""After how long a silence the back end is asked for a sign of life while its order discharges a car."""
ASK_S = 10.0
"""Between questions whether it is there: one that answers them with errors is not flooded."""
KEEP_S = 60.0
"""Between the times of contact that are kept over a restart."""
DIGITS = 15
"""Of a time that can be meant."""
_KIND, _KEY = "contact", "unix"


class Contact:
    """When the back end was there last, over connections and restarts of the process."""

    def __init__(self, store: Store) -> None:
        self.spoken = False
        """Whether a message of a back end has come over this connection."""
        self._store = store
        self._away_since: float | None = -inf
        self._heard_s, self._asked_s, self._kept_s, self._missed = -inf, -inf, -inf, 0

    def began(self, now: float, unix_s: float) -> None:
        """The process looks for the first time. The contact that its predecessor kept is as old as the clock says;
        none, or one of the future, is beyond any limit."""
        kept = self._store.found.get((_KIND, _KEY), b"").decode(errors="replace")
        age_s = unix_s - int(kept) if kept.isdecimal() and len(kept) <= DIGITS else inf
        if self._away_since == -inf and age_s >= 0:
            self._away_since = now - age_s

    @property
    def doubtful(self) -> bool:
        """Whether a call has had no response, and no frame has come since."""
        return self._missed > 0

    @property
    def lost(self) -> bool:
        """Whether the connection is open and the back end is not there: connect again."""
        return self._missed >= MISSED

    def asks(self, now: float, *, discharges: bool) -> bool:
        """Whether to ask for a sign of life now, at most once in `ASK_S`. `discharges`: by an order of the back end."""
        wanted = self._away_since is not None or (discharges and now >= self._heard_s + QUIET_S)
        if not wanted or now < self._asked_s + ASK_S:
            return False
        self._asked_s = now
        return True

    def away_s(self, now: float) -> float:
        """How long the back end has been away."""
        return 0.0 if self._away_since is None else now - self._away_since

    def opened(self) -> None:
        """There is a new connection."""
        self.spoken, self._missed, self._asked_s = False, 0, -inf

    def heard(self, now: float) -> None:
        """A frame came."""
        self._heard_s, self._missed = now, 0

    def missed(self) -> None:
        """A call has had no response in time."""
        self._missed += 1

    def there(self, now: float) -> float | None:
        """The back end has answered or called. Returns how long it had been away, None if it was not."""
        away_s = None if self._away_since is None else now - self._away_since
        self._away_since = None
        return away_s

    def gone(self, now: float) -> None:
        """The connection is lost, or the back end does not accept the station."""
        if self._away_since is None:
            self._away_since = now

    def keep(self, unix_s: int) -> None:
        """Remember over a restart, about once a minute, that the back end is there."""
        if self._away_since is None and abs(unix_s - self._kept_s) >= KEEP_S:
            self._kept_s = unix_s
            self._store.put(_KIND, _KEY, str(unix_s).encode())


class Clock:
    """Notices a clock that is set back."""

    LEAST_S = 2.0

    def __init__(self) -> None:
        self._ahead_s = -inf
        """What the clock is ahead of the monotonic time."""

    def set_back_s(self, now: float, unix_s: float) -> float:
        """By how much the clock has been set back since the last look; 0 if it has not."""
        back_s = self._ahead_s - (unix_s - now)
        if 0.0 <= back_s < self.LEAST_S:
            return 0.0
        self._ahead_s = unix_s - now
        return max(0.0, back_s)
