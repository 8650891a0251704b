"""What happened in a conversation: values for the trace, in the order in which it happened."""

from dataclasses import dataclass, field

from v2g.exi.facets import Type
from v2g.kernel.fault import Fault


@dataclass(frozen=True, slots=True)
class Received:
    """A message of the peer, decoded."""

    message: Type
    payload: bytes
    protocol: str
    deviations: tuple[str, ...] = ()
    """What a strict decoder would have refused."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A message of our own."""

    message: Type
    payload: bytes
    protocol: str


@dataclass(frozen=True, slots=True)
class Moved:
    """The conversation went from one phase to another."""

    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Faulted:
    """Something ended the conversation before its time."""

    fault: Fault
    reason: str


@dataclass(frozen=True, slots=True)
class Warned:
    """The station does not do what the car asked for, and the session goes on."""

    reason: str


Event = Received | Sent | Moved | Faulted | Warned


@dataclass(slots=True)
class Step:
    """What a call of a conversation brings about: payloads to send, in order, and events for the trace."""

    send: list[tuple[int, bytes]] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
