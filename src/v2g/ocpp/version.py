"""The versions of OCPP, by their WebSocket subprotocols.

Whoever is above speaks the types of 2.1. What a 2.0.1 peer says is checked against 2.0.1 and read as 2.1, which added
fields and took none away. What goes to it is written as 2.0.1: without the fields that it does not have.
"""

from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal

import msgspec
from msgspec import Raw, UnsetType

from v2g.kernel.errors import V2GError
from v2g.ocpp.base import Message, convert, decoder, encode

Subprotocol = Literal["ocpp2.1", "ocpp2.0.1", "ocpp1.6"]
SUBPROTOCOLS: tuple[Subprotocol, ...] = ("ocpp2.1", "ocpp2.0.1")
"""Those of the 2.x, the better one first; `version16.py` has 1.6."""

_TRANSFERS = {"DC_BPT": "DC", "AC_BPT": "AC_three_phase", "AC_BPT_DER": "AC_three_phase"}
REPLACED: dict[str, dict[str, str]] = {
    "triggerReason": {
        "OperationModeChanged": "ChargingStateChanged",
        "LimitSet": "ChargingRateChanged",
        "RunningCost": "MeterValuePeriodic",
        "TariffChanged": "ChargingRateChanged",
    },
    "stoppedReason": {"SoCLimitReached": "EnergyLimitReached", "ReqEnergyTransferRejected": "Other"},
    "type": {"EVCCID": "Central"},
    "requestedEnergyTransfer": _TRANSFERS,
}
"""By field: words of 2.1 and what comes closest to them in 2.0.1."""
_CODES = (
    ("Object missing required field", "OccurrenceConstraintViolation"),
    ("Expected `array` of length", "OccurrenceConstraintViolation"),
    ("Object contains unknown field", "FormatViolation"),
    ("Expected `str` of length", "PropertyConstraintViolation"),
    ("Expected `int` ", "PropertyConstraintViolation"),
    ("Expected `float` ", "PropertyConstraintViolation"),
    ("Expected `datetime` ", "PropertyConstraintViolation"),
    ("Invalid ", "PropertyConstraintViolation"),
    ("customData ", "PropertyConstraintViolation"),
    ("Expected ", "TypeConstraintViolation"),
)


class Invalid(V2GError):
    """A message does not fit its schema, or has none. `code` is OCPP's error code."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


@dataclass(frozen=True, slots=True)
class Called:
    """A call of the peer, as 2.1 has it."""

    action: str
    request: Message
    wire: str = ""
    """Its action in a version that names it otherwise, and what it said there."""
    asked: dict[str, Any] = field(default_factory=dict)


class Version:
    """Reads and writes the messages of one version."""

    subprotocol: Subprotocol
    is_21: bool
    replaces_rivals = False
    """Whether a charging profile takes the place of one with the same purpose and stack level."""

    def __init__(self, subprotocol: Subprotocol) -> None:
        from v2g.ocpp import v21

        self.subprotocol: Subprotocol = subprotocol
        self._latest: tuple[Message | None, bytes] = None, b""
        self.is_21 = subprotocol == "ocpp2.1"
        self._types: Any = v21
        self._wire: Any = v21
        if not self.is_21:
            from v2g.ocpp import v201

            self._wire = v201

    # As `Rpc` asks for it

    def write_call(self, action: str, request: Message) -> tuple[str, bytes]:
        """Our call: its action on the wire, and its payload. Raises `Invalid`."""
        if request is not self._latest[0]:  # the same goes to thousands of stations, one after the other
            self._latest = request, self.write(request)
        return action, self._latest[1]

    def read_answer(self, action: str, request: Message, payload: bytes | Raw) -> Message:
        """The response to our call. Raises `Invalid`."""
        return self.read_response(action, payload)

    def read_call(self, action: str, payload: bytes | Raw) -> Called:
        """A call of the peer. Raises `Invalid`."""
        return Called(action, self.read_request(action, payload))

    def write_answer(self, called: Called, response: Message) -> bytes:
        """Our response to a call of the peer. Raises `Invalid`."""
        return self.write(response)

    def sees_discharge(self, *, extension: bool) -> bool:
        """Whether a back end of this version can see a profile that discharges a vehicle. `extension`: by a limit below
        zero, which a station may take over 2.0.1; operation modes came with 2.1."""
        return self.is_21 or extension

    def code(self, code: str) -> str:
        """An error code as this version writes it."""
        return code

    # Messages

    def knows(self, action: str) -> bool:
        """Whether this version has such a request."""
        return action in self._wire.CALLS

    def read_request(self, action: str, payload: bytes | Raw) -> Message:
        """The request of that action. Raises `Invalid`."""
        if not self.knows(action):
            raise Invalid("NotImplemented", f"there is no action {action[:50]!r} in {self.subprotocol}")
        return self._read(self._wire.CALLS[action][0], self._types.CALLS[action][0], payload)

    def read_response(self, action: str, payload: bytes | Raw) -> Message:
        """The response to a request of that action. Raises `Invalid`."""
        return self._read(self._wire.CALLS[action][1], self._types.CALLS[action][1], payload)

    def read_sent(self, name: str, payload: bytes | Raw) -> Message:
        """A message without a response. Raises `Invalid`."""
        if name not in self._wire.SENDS:
            raise Invalid("NotImplemented", f"there is no message {name[:50]!r} in {self.subprotocol}")
        return self._read(self._wire.SENDS[name], self._types.SENDS[name], payload)

    def write(self, message: Message) -> bytes:
        """The message as JSON, checked. Raises `Invalid` if it does not fit this version."""
        kind = getattr(self._wire, type(message).__name__, None)
        if kind is None:
            raise Invalid("NotSupported", f"{self.subprotocol} has no {type(message).__name__}")
        written = encode(message if self.is_21 else _narrowed(message, self._wire))
        validated(kind, written)
        return written

    def _read(self, wire: type[Message], kind: type[Message], payload: bytes | Raw) -> Message:
        message = validated(wire, payload)
        return message if wire is kind else validated(kind, payload)


@cache
def version(subprotocol: str) -> Version:
    """The version with this subprotocol; its types are loaded once. Raises `KeyError` for one that is not known."""
    known: dict[str, Subprotocol] = {each: each for each in SUBPROTOCOLS}
    return Version(known[subprotocol])


_decoder = cache(decoder)


def validated(kind: type[Message], payload: bytes | Raw) -> Message:
    """A message of that type. Raises `Invalid` with the fitting error code."""
    try:
        message: Message = _decoder(kind).decode(payload)
    except msgspec.ValidationError as error:
        text = str(error)
        code = next((code for start, code in _CODES if text.startswith(start)), "FormatViolation")
        raise Invalid(code, f"{kind.__name__}: {text}") from error
    except (msgspec.DecodeError, RecursionError) as error:
        raise Invalid("FormatViolation", f"{kind.__name__}: {error}") from error
    return message


def _narrowed(value: Any, wire: Any, field: str = "") -> Any:
    """A value of 2.1 as 2.0.1 can say it in a field, as what JSON can hold."""
    if isinstance(value, msgspec.Struct):
        kind = getattr(wire, type(value).__name__, None)
        if kind is None:
            return msgspec.UNSET
        fields = ((name, getattr(value, name, msgspec.UNSET)) for name in kind.__struct_fields__)
        narrowed = {name: _narrowed(each, wire, name) for name, each in fields}
        return {name: each for name, each in narrowed.items() if not isinstance(each, UnsetType)}
    if isinstance(value, tuple):
        return [_narrowed(each, wire, field) for each in value]
    return REPLACED.get(field, {}).get(value, value) if isinstance(value, str) else value


def types_of(subprotocol: Subprotocol) -> Any:
    """The module with the wire types of a version, for tools and tests."""
    if subprotocol == "ocpp1.6":
        from v2g.ocpp import v16

        return v16
    return version(subprotocol)._wire


__all__ = ["SUBPROTOCOLS", "Called", "Invalid", "Subprotocol", "Version", "convert", "types_of", "validated", "version"]
