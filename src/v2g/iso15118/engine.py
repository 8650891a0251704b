"""What both sides of every edition share: decoding, sending, moving, ending."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from typing import Generic, TypeVar

from v2g.exi.facets import Type
from v2g.iso15118.event import Moved, Received, Sent, Step
from v2g.kernel.errors import V2GError
from v2g.kernel.fault import Fault
from v2g.messages import ExiError, decode, encode
from v2g.v2gtp.framing import PayloadType

P = TypeVar("P")
M = TypeVar("M", bound=Type)


@dataclass(frozen=True, slots=True)
class End(Generic[P]):
    """How a conversation ended. Without a fault it ended in order."""

    fault: Fault | None
    reason: str
    paused: P | None = None
    """What this side keeps of it, to take it up again."""


class Unacceptable(V2GError):
    """What came ends the conversation: it cannot be read, or nobody asked for it."""

    fault: Fault

    def __init__(self, fault: Fault, reason: str) -> None:
        super().__init__(reason)
        self.fault = fault
        self.reason = reason


def take_in(step: Step, protocol: str, payload: bytes, others: Mapping[int, str] | None = None) -> Type:
    """The message in a payload. Raises `Unacceptable` if it cannot be decoded, and names the payload type (`others`:
    message sets by payload type) under which it could have been.

    The standard would have such a message ignored [V2G20-440], [V2G20-445]. It ends the session here, in the safe
    state and with its own code: the peer waits for an answer that cannot come, and would only give up later.
    """
    deviations: list[ExiError] = []
    try:
        message: Type = decode(protocol, payload, deviations=deviations)
    except ExiError as error:
        reason = f"{protocol}: {error}{_under_another_type(protocol, payload, others or {})}"
        raise Unacceptable(Fault.EXI_DECODE, reason) from None
    step.events.append(Received(message, payload, protocol, tuple(map(str, deviations))))
    return message


def _under_another_type(protocol: str, payload: bytes, others: Mapping[int, str]) -> str:
    for payload_type, other in others.items():
        if other != protocol:
            with suppress(ExiError):
                name = type(decode(other, payload, strict=True)).__name__
                return f"; under payload type 0x{payload_type:04X} it is {name}"
    return ""


def handshake(step: Step, payload_type: int, payload: bytes, wanted: type[M]) -> M:
    """The message of SupportedAppProtocol that is due. Raises `Unacceptable` for anything else."""
    if payload_type != PayloadType.EXI:
        raise Unacceptable(Fault.SEQUENCE_ERROR, f"payload type 0x{payload_type:04X} instead of {wanted.__name__}")
    message = take_in(step, "sap", payload)
    if not isinstance(message, wanted):
        raise Unacceptable(Fault.SEQUENCE_ERROR, f"{type(message).__name__} instead of {wanted.__name__}")
    return message


def paired(request: str) -> str:
    """The name of the response to a request."""
    return request.removesuffix("Req") + "Res"


def send(step: Step, protocol: str, payload_type: int, message: Type) -> None:
    """Send a message of this side."""
    payload = encode(protocol, message)
    step.send.append((payload_type, payload))
    step.events.append(Sent(message, payload, protocol))


def move(step: Step, before: Enum, after: Enum) -> None:
    """The conversation is in another phase from now on."""
    step.events.append(Moved(before.name, after.name))
