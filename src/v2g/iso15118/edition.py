"""An edition of the protocol, as data: what both sides of it, the judge of captures and the documentation share.

The engines (`station_engine`, `car_engine`) are the same for all editions. Whether a refusal ends the session is data
too: a FAILED code ends a session of ISO 15118-20 for both sides (clause 8.6), not one of ISO 15118-2.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from v2g.exi.facets import Type
from v2g.iso15118.sap import Protocol
from v2g.iso15118.service import Service
from v2g.v2gtp.framing import PayloadType

Row = Mapping[str, frozenset[Any]]
"""Request -> phases that may follow an answer that refuses nothing."""
Table = dict[Any, Row]
"""Phase -> its row. The first phase is the first of a session; the last one, which admits nothing, is its end."""


def row(*ends: Enum, **requests: set[Any]) -> Row:
    """A row of a table. `ends`: the phases that may follow SessionStop; without any, the phase does not admit it."""
    admitted = {name: frozenset(following) for name, following in requests.items()}
    return admitted | {"SessionStopReq": frozenset(ends)} if ends else admitted


@dataclass(frozen=True, slots=True)
class Choice:
    """An element that decides which of the phases in the table may follow. A value not named decides nothing."""

    side: str
    """`request` or `response`"""
    element: str
    phases: Mapping[Any, frozenset[Any]]


def choice(side: str, element: str, **phases: set[Any]) -> Choice:
    """A choice by the names of an enumeration."""
    return Choice(side, element, {value: frozenset(following) for value, following in phases.items()})


@dataclass(frozen=True, slots=True)
class Silence:
    """How long the station waits for the next request. A timeout belongs to a state, not to a message."""

    sequence_s: float
    """As long as no energy may flow."""
    energy_s: float
    """While energy may flow: counted from the last response to a request of the energy transfer itself, whatever else
    the car sends."""


def root_name(message: Type) -> str:
    """The name of a message that is the root of its document."""
    return type(message).__name__


def body_name(message: Type) -> str:
    """The name of a message of any edition: in ISO 15118-2 and DIN that of the element in its body, if it has one."""
    element = getattr(getattr(message, "Body", None), "BodyElement", None)
    return root_name(message if element is None else element)


def exi_payload(request: str, service: Service) -> PayloadType:
    """ISO 15118-2 and DIN have one payload type for all messages."""
    return PayloadType.EXI


@dataclass(frozen=True, slots=True)
class Edition:
    """What an edition says; times in seconds."""

    name: str
    protocols: tuple[Protocol, ...]
    """What is offered and chosen in SupportedAppProtocol, in the station's order of preference."""
    message_sets: Mapping[int, str]
    """V2GTP payload type -> message set."""
    payload_type: Callable[[str, Service], int]
    """The payload type of a request, and of its response, by the request's name and the service of the session."""
    table: Table
    dc: Mapping[str, bool]
    """Requests that only sessions of one kind admit: whether that is DC, otherwise AC."""
    choices: Mapping[str, tuple[Choice, ...]]
    """By request: what decides where it leads, one after the other."""
    energy: frozenset[str]
    """The requests of the energy transfer itself."""
    silence: Mapping[str, Silence]
    """By the name of the timing: `standard`, `relaxed`."""
    message_s: Mapping[str, float]
    """How long the car waits for the response to a request, if that is not `default_message_s`."""
    default_message_s: float
    performance_s: Mapping[str, float]
    """How soon the station owes the response to a request, if that is not `default_performance_s`."""
    default_performance_s: float
    repeat_s: Mapping[str, float]
    """How long the car goes on repeating a request until the station is ready."""
    failed_ends: bool
    """Whether a FAILED response ends the session."""
    dc_limits_bind: bool = False
    """Whether in DC the responses of the charge loop state a lower limit, and no schedule is renegotiated for it."""
    plain: bool = False
    """Whether a session may do without TLS, as with external identification in ISO 15118-2 and always in DIN."""
    tls: bool = True
    """Whether there is TLS in it at all."""
    name_of: Callable[[Type], str] = root_name
    """The name of a message."""

    @property
    def first(self) -> Enum:
        """The phase in which a session begins."""
        phase: Enum = next(iter(self.table))
        return phase

    @property
    def bidirectional(self) -> bool:
        """Whether it has services that feed the grid."""
        return any(each.bidirectional for each in self.protocols)

    @property
    def ended(self) -> Enum:
        """The phase in which it is over."""
        phase: Enum = next(reversed(self.table))
        return phase

    def admitted(self, phase: Enum, dc: bool | None) -> Row:
        """The requests of a phase, in a session of DC, of AC, or (None) of neither yet."""
        return {name: after for name, after in self.table[phase].items() if name not in self.dc or self.dc[name] is dc}

    def response_s(self, request: str) -> float:
        """How long the car waits for the response to a request."""
        return self.message_s.get(request, self.default_message_s)
