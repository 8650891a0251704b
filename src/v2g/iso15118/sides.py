"""What an edition brings for each side: a function for each message, and what the engine cannot know.

A function is pure: all that it needs comes in, and what it returns says all that follows.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from v2g.exi.facets import Type
from v2g.iso15118.car_session import CarSession
from v2g.iso15118.edition import Edition
from v2g.iso15118.paused import Paused
from v2g.iso15118.session import Refusal, Reply, Session, Wait
from v2g.iso15118.vehicle import Intent, VehicleState
from v2g.iso15118.view import Offer, StationView
from v2g.kernel.fault import Fault

Answer = Callable[[Any, Session, StationView], Reply | Wait]
Ask = Callable[[CarSession, VehicleState], Type]
Take = Callable[[Any, Any, CarSession, VehicleState], CarSession]


@dataclass(frozen=True, slots=True)
class StationSide:
    """The station's half of an edition."""

    edition: Edition
    answers: Mapping[str, Answer]
    open: Callable[[Offer, bytes | None, Paused | None], Session]
    """A session that has just begun; the fingerprint of the car's certificate, and a session that it may resume."""
    check: Callable[[Type, Session], None]
    """What holds for every message before the sequence: raises `Refusal` for one that is no request, or that is of
    another session."""
    refuse: Callable[[Type, Session, StationView, Refusal], Type | None]
    """The response paired with the request, with the refusal's code; None if there is none."""
    pause: Callable[[Session], Paused | None]
    """What to keep of a session that was paused."""
    phase_limits: Mapping[Any, tuple[float, Fault]]
    """How long a phase may go on without leading on, and what it is called then."""
    silence_faults: Mapping[Any, Fault] = field(default_factory=dict)
    """What silence is called in a phase without energy; elsewhere a timeout of the sequence."""
    quiet: frozenset[Any] = frozenset()
    """Phases whose limit closes the connection without another response."""
    refusal_ends: bool = True
    """Whether a refused request ends the session, in the safe state. An edition that lets a session go on after some
    refusals does not oblige the station to."""


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
    """DC: phases in which the car has closed S2, from before the cable check on, until it has stopped. In AC it is
    closed from PowerDelivery(Start) to PowerDelivery(Stop)."""
    phase_limits: Mapping[Any, tuple[float, Fault]]
    """How long the car lets a phase go on."""
    poll_s: float
    """Between two requests of the same kind while the station is not ready."""
    loop_turnaround_s: float
    """From one request of the energy transfer to the next, at most."""
    pause: Callable[[CarSession], bytes | None]
    """What identifies the station of a paused session; None if it cannot be taken up again."""
