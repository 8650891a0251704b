"""What the station knows of one session, and what an answer returns. All values are immutable."""

from dataclasses import dataclass

from v2g.exi.facets import Type
from v2g.iso15118.car import CarState
from v2g.iso15118.d20.table import Phase
from v2g.iso15118.d20.wire import NO_SESSION
from v2g.iso15118.service import Selection, Service
from v2g.iso15118.view import Demand, Limits, Offer, Slot, StationView
from v2g.kernel.errors import V2GError
from v2g.kernel.fault import Fault
from v2g.messages.iso20.types import MessageHeader, ResponseCode


@dataclass(frozen=True, slots=True)
class Paused:
    """What is kept of a paused session, so that the same car can take it up again."""

    session_id: bytes
    binding: bytes
    """SHA-512(SessionID || SHA-512(vehicle certificate)) [V2G20-2630]: the id alone is no proof of identity."""
    selection: Selection
    offered: tuple[Service, ...]
    car: CarState


@dataclass(frozen=True, slots=True)
class Session:
    """The state of a session. An answer returns a changed copy."""

    offer: Offer
    session_id: bytes = NO_SESSION
    peer: bytes | None = None
    """SHA-512 of the vehicle certificate; None without TLS."""
    paused: Paused | None = None
    """A session that this car may resume."""
    car: CarState = CarState()
    offered: tuple[Service, ...] = ()
    """The services named in ServiceDiscoveryRes, hence the only ones that may be selected."""
    selection: Selection | None = None
    promised: Limits | None = None
    """The limits of ChargeParameterDiscoveryRes, never to be exceeded later [V2G20-2654], [V2G20-2655]."""
    schedule: tuple[Slot, ...] = ()
    """The schedule offered in ScheduleExchangeRes."""
    schedule_from_s: int = 0
    """Start of that schedule, seconds since 1970 UTC."""
    phase: Phase = Phase.SESSION_SETUP
    demand: Demand = Demand()
    pausing: bool = False
    """The session ended with Pause, not with Terminate."""

    def header(self, view: StationView) -> MessageHeader:
        """The header of a response."""
        return MessageHeader(SessionID=self.session_id, TimeStamp=view.unix_s)

    def within_promise(self, limits: Limits) -> Limits:
        """The limits of now, never above what ChargeParameterDiscoveryRes promised."""
        return limits if self.promised is None else limits.within(self.promised)

    @property
    def selected(self) -> Selection:
        """The selection; only phases after ServiceSelection ask for it."""
        assert self.selection is not None, "the table admits no such request before ServiceSelection"
        return self.selection


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: the response, the phase that follows, and the session as it is from then on."""

    response: Type
    following: Phase
    session: Session


@dataclass(frozen=True, slots=True)
class Wait:
    """No answer yet: ask again when the plant changes.

    For PowerDelivery, whose response has no `Ongoing`. The session (with its demand) holds at once.
    """

    session: Session
    budget_s: float
    """How long the engine may wait, from the request on; then it refuses with `overdue`."""
    overdue: "Refusal"


class Refusal(V2GError):
    """The request is understood and refused: the engine answers with the paired response and this code [V2G2-459].

    In ISO 15118-20 a FAILED code ends the session for both sides (clause 8.6).
    """

    def __init__(self, code: ResponseCode, reason: str, fault: Fault = Fault.REQUEST_REFUSED) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason
        self.fault = fault
