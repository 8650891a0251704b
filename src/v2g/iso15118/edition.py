"""An edition of the protocol, as data. The engines (`station_engine`, `car_engine`) are the same for all.

What an edition brings: its phase table, its message sets, its timers, and a function for each message and side. Whether
a refusal ends the session is data too: a FAILED code ends a session of ISO 15118-20 for both sides (clause 8.6), not
one of ISO 15118-2.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from v2g.exi.facets import Type
from v2g.iso15118.car_session import CarSession
from v2g.iso15118.paused import Paused
from v2g.iso15118.sap import Protocol
from v2g.iso15118.session import Refusal, Reply, Session, Wait
from v2g.iso15118.vehicle import Intent, VehicleState
from v2g.iso15118.view import Offer, StationView
from v2g.kernel.fault import Fault

Table = Mapping[Any, Mapping[str, frozenset[Any]]]
"""Phase -> request -> phases that may follow an answer that refuses nothing."""
Answer = Callable[[Any, Session, StationView], Reply | Wait]
Ask = Callable[[CarSession, VehicleState], Type]
Take = Callable[[Any, Any, CarSession, VehicleState], CarSession]


@dataclass(frozen=True, slots=True)
class Edition:
    """What both sides share."""

    name: str
    protocols: tuple[Protocol, ...]
    """What is offered and chosen in SupportedAppProtocol, in the station's order of preference."""
    message_sets: Mapping[int, str]
    """V2GTP payload type -> message set."""
    table: Table
    first: Enum
    ended: Enum
    dc: Mapping[str, bool]
    """Requests that only sessions of one kind admit: whether that is DC, otherwise AC."""
    payload_type: Callable[[str], int]
    """The payload type of a request, by its name."""
    message_s: Callable[[str], float]
    """How long the car waits for the response to a request, by its name."""
    failed_ends: bool

    def admitted(self, phase: Enum, dc: bool | None) -> dict[str, frozenset[Any]]:
        """The requests of a phase, in a session of DC, of AC, or (None) of neither yet."""
        row = self.table[phase]
        return {name: after for name, after in row.items() if name not in self.dc or self.dc[name] is dc}


@dataclass(frozen=True, slots=True)
class Silence:
    """How long the station waits for the next request. A timeout belongs to a state, not to a message."""

    sequence_s: float
    """As long as no energy may flow."""
    energy_s: float
    """While energy may flow: counted from the last response to a request of the energy transfer itself, whatever else
    the car sends."""


@dataclass(frozen=True, slots=True)
class StationSide:
    """The station's half of an edition."""

    edition: Edition
    answers: Mapping[str, Answer]
    open: Callable[[Offer, bytes | None, Paused | None], Session]
    """A session that has just begun; the fingerprint of the car's certificate, and a session that it may resume."""
    check: Callable[[Type, Session], None]
    """What holds for every request before the sequence: raises `Refusal` for that of another session."""
    refuse: Callable[[Type, Session, StationView, Refusal], Type | None]
    """The response paired with the request, with the refusal's code; None if there is none."""
    pause: Callable[[Session], Paused | None]
    """What to keep of a session that was paused."""
    energy: frozenset[str]
    """The requests of the energy transfer itself."""
    silence: Mapping[str, Silence]
    """By the name of the timing: `standard`, `relaxed`."""
    phase_limits: Mapping[Any, tuple[float, Fault]]
    """How long a phase may go on without leading on, and what it is called then."""
    silence_faults: Mapping[Any, Fault] = field(default_factory=dict)
    """What silence is called in a phase; elsewhere a timeout of the sequence."""


@dataclass(frozen=True, slots=True)
class CarSide:
    """The car's half of an edition."""

    edition: Edition
    exchanges: Mapping[str, tuple[Ask, Take]]
    open: Callable[[Intent, bytes | None, Any], CarSession]
    check: Callable[[Any, str, CarSession], None]
    """What holds for every response to the named request: raises `Abandon`."""
    choose: Callable[[CarSession], str]
    """The request that comes next."""
    energy: frozenset[Any]
    """Phases in which energy is transferred."""
    ready: frozenset[Any]
    """Phases in which the car has closed S2: from before the cable check on, until it has stopped."""
    phase_limits: Mapping[Any, tuple[float, Fault]]
    """How long the car lets a phase go on."""
    poll_s: float
    """Between two requests of the same kind while the station is not ready."""
    loop_turnaround_s: float
    """From one request of the energy transfer to the next, at most."""
