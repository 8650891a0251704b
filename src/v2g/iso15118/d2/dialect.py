"""What ISO 15118-2 and DIN SPEC 70121 say alike in words of their own: the message set, and how to write in it.

Most messages of the two have the same elements. Their functions in `d2` are written once and take a `Dialect`.
"""

from dataclasses import dataclass
from math import copysign
from typing import Any

from v2g.exi.facets import Type
from v2g.iso15118.edition import Edition
from v2g.iso15118.numbers import MOST, held

NO_SESSION = bytes(8)
"""The session id of a request that asks for a new session."""


@dataclass(frozen=True, slots=True, eq=False)
class Dialect:
    """One of the two."""

    edition: Edition
    messages: Any
    """The module of its message set; both modules name most classes alike."""
    renegotiates: bool
    """Whether a session can take a new schedule without an end."""

    def message(self, session_id: bytes, body: Type, signature: Type | None = None) -> Type:
        """A message with this body, and the signature of elements in it."""
        header = self.messages.MessageHeader(session_id, Signature=signature)
        made: Type = self.messages.V2G_Message(header, self.messages.Body(BodyElement=body))
        return made

    def shown(self, value: float, unit: str) -> Any:
        """A measured value, to the nearest; held to what has room."""
        return self.messages.PhysicalValue.of(held(value, MOST), self.messages.UnitSymbol(unit))

    def limit(self, value: float, unit: str) -> Any:
        """A limit or a target, towards zero: rounded up, it would promise what is not there."""
        exact = held(value, MOST)
        nearest = self.shown(exact, unit)
        if abs(nearest.value) <= abs(exact):
            return nearest
        return self.messages.PhysicalValue(nearest.Multiplier, nearest.Unit, nearest.Value - int(copysign(1, exact)))


def body(message: Any) -> Any:
    """The element in the body of a message."""
    return message.Body.BodyElement


def stated(value: Any, most: float, before: float = 0.0) -> float:
    """What a peer states, with its sign, held to a magnitude of `most`; `before` if it leaves the element out."""
    return before if value is None else held(value.value, most)
