"""A reset that waits until nothing stands against it. No clock, no sockets."""

from collections.abc import Callable

DELIVER_S = 60.0
"""How long it waits at most for the queue: a back end that is away gets it from the next process."""
LOOKS_S = 5.0
"""Between two looks whether the next process would start."""


class PendingReset:
    """Of the whole station."""

    def __init__(self) -> None:
        self.why = ""
        """Why the process is to end once no transaction runs; empty if it is not."""
        self.why_not_start: Callable[[], str] = lambda: ""
        """Why the next process would not start with the configuration as it is; empty if it would."""
        self._said = ""
        self._idle_since = self._looks_at = 0.0

    @property
    def waits(self) -> str:
        """Why the process is to end, and what that waits for; empty if it is not."""
        waits_for = (
            "until no transaction runs" if not self._said else f"the station would not start again: {self._said}"
        )
        return self.why and f"{self.why}; it waits: {waits_for}"

    def step(self, now: float, *, idle: bool, queued: bool) -> tuple[bool, list[str]]:
        """Whether the process should end now, and lines for the log. `idle`: no car and no firmware stands against it;
        `queued`: something waits for the back end."""
        if not (self.why and idle):
            self._idle_since = now  # from then on nothing but the queue stands against it
            return False, []
        if (queued and now < self._idle_since + DELIVER_S) or now < self._looks_at:
            return False, []
        before, self._said, self._looks_at = self._said, self.why_not_start(), now + LOOKS_S
        is_news = self._said not in ("", before)
        line = f"the reset waits, as the station would not start again: {self._said}"
        return not self._said, [line] if is_news else []
