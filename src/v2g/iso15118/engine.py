"""What both sides of every edition share: decoding, sending, moving, ending."""

from dataclasses import dataclass
from enum import Enum
from typing import Generic, TypeVar

from v2g.exi.facets import Type
from v2g.iso15118.event import Faulted, Moved, Received, Sent, Step
from v2g.kernel.fault import Fault
from v2g.messages import ExiError, decode, encode

P = TypeVar("P")


@dataclass(frozen=True, slots=True)
class End(Generic[P]):
    """How a conversation ended. Without a fault it ended in order."""

    fault: Fault | None
    reason: str
    paused: P | None = None
    """What this side keeps of it, to take it up again."""


def take_in(step: Step, protocol: str, payload: bytes) -> Type | None:
    """The message in a payload; None if it cannot be decoded, with the reason among the events (as a fault)."""
    deviations: list[ExiError] = []
    try:
        message: Type = decode(protocol, payload, deviations=deviations)
    except ExiError as error:
        step.events.append(Faulted(Fault.EXI_DECODE, f"{protocol}: {error}"))
        return None
    step.events.append(Received(message, payload, protocol, tuple(map(str, deviations))))
    return message


def send(step: Step, protocol: str, payload_type: int, message: Type) -> None:
    """Send a message of this side."""
    payload = encode(protocol, message)
    step.send.append((payload_type, payload))
    step.events.append(Sent(message, payload, protocol))


def move(step: Step, before: Enum, after: Enum) -> None:
    """The conversation is in another phase from now on."""
    step.events.append(Moved(before.name, after.name))
