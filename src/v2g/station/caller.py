"""Who connects while a car charges that does not talk.

Without a modem that may be anybody: nothing binds an address to the plug. So the car goes on charging until a first
message has been accepted.
"""

from dataclasses import dataclass

from v2g.iso15118.event import Faulted
from v2g.iso15118.event import Step as Talk
from v2g.iso15118.station import StationConversation
from v2g.station.event import Event, StrangerRefused

_NAME = "a connection"


@dataclass(frozen=True, slots=True)
class Caller:
    """A connection that has not said yet what it speaks."""

    conversation: StationConversation
    certificate: str | None
    """Common name of its vehicle certificate."""
    ends_s: float | None
    """When that ends, Unix time."""

    @property
    def accepted(self) -> bool:
        """Whether it speaks a protocol of the station: then it is the car."""
        return self.conversation.engine is not None

    def hear(self, payload_type: int, payload: bytes) -> tuple[Talk, list[Event]]:
        """Its first message: the answer, and what to report of one that is refused, which is no fault of the car."""
        talk = self.conversation.greet(payload_type, payload)
        return talk, [
            StrangerRefused(_NAME, each.reason, each.fault) if isinstance(each, Faulted) else each
            for each in talk.events
        ]

    def lost(self, reason: str) -> list[Event]:
        """It is gone before it has said anything."""
        return [] if self.conversation.end is not None else [StrangerRefused(_NAME, reason)]
