"""What the station knows of one session, and what an answer returns. All values are immutable."""

from dataclasses import dataclass
from enum import Enum, StrEnum

from v2g.exi.facets import Type
from v2g.iso15118.car import CarState
from v2g.iso15118.paused import Paused
from v2g.iso15118.service import Selection, Service
from v2g.iso15118.sign_proof import SignProof
from v2g.iso15118.view import Demand, Limits, Offer, Slot
from v2g.kernel.errors import V2GError
from v2g.kernel.fault import Fault


@dataclass(frozen=True, slots=True)
class Session:
    """The state of a session. An answer returns a changed copy."""

    offer: Offer
    phase: Enum
    session_id: bytes
    peer: bytes | None = None
    """SHA-512 of the vehicle certificate; None without TLS."""
    paused: Paused | None = None
    """A session that this car may resume."""
    car: CarState = CarState()
    resumed: Selection | None = None
    """ISO 15118-2: what the session had selected before it was paused. It is offered that again."""
    returned: bool = False
    """ISO 15118-20: it was taken up again after a pause, and nobody has let the car in since."""
    offered: tuple[Service, ...] = ()
    """The services that the car was offered."""
    added: tuple[int, ...] = ()
    """ISO 15118-20: the value-added services that it was offered."""
    detailed: tuple[int, ...] = ()
    """Those of which it has been given the parameter sets: only these may be selected [V2G20-1216]."""
    selection: Selection | None = None
    promised: Limits | None = None
    """The limits of charge parameter discovery, never to be exceeded later [V2G20-2654], [V2G20-2655]."""
    schedule: tuple[Slot, ...] = ()
    """The schedule that the car was offered."""
    schedule_from_s: int = 0
    """Start of that schedule, seconds since 1970 UTC."""
    schedule_id: int = 0
    """The number of that schedule; 0 before the first."""
    tuples: tuple[int, ...] = (1,)
    """The numbers under which the car was offered that schedule, each with a tariff of its own."""
    tuple_id: int = 1
    """ISO 15118-2: the one that the car has chosen."""
    demand: Demand = Demand()
    metered: bool = False
    """The car has had a reading of the meter."""
    by_contract: bool | None = None
    """Whether the car pays by a contract (Plug & Charge); None: it has not said so yet."""
    chain: tuple[bytes, ...] = ()
    """Its contract's certificates, DER, the leaf first: checked, but not yet proved to be the car's."""
    doubt: str = ""
    """Why they are not enough to feed the grid."""
    challenge: bytes = b""
    """What the car has to sign, with the key of that leaf."""
    reading: Type | None = None
    """Of the meter, as the car was given it last: what its receipt has to repeat."""
    confirms: bool = False
    """ISO 15118-20: the car is asked to confirm that reading (MeteringConfirmation)."""
    receipt_s: int = 0
    """When a receipt was asked for last, seconds since 1970 UTC; 0: not yet."""
    proof: SignProof = SignProof()
    """ISO 15118-2 and DIN: whether the car means a negative current as one."""
    pausing: bool = False
    """The session ended with a pause."""

    def within_promise(self, limits: Limits) -> Limits:
        """The limits of now, never beyond what charge parameter discovery promised."""
        return limits if self.promised is None else limits.within(self.promised)

    @property
    def identified(self) -> bool:
        """Whether the car has shown all that it has to show of who it is: its name, with which it gets the session's
        id. One that may pay by a contract has to say first how it pays, and then to prove its contract."""
        if not any(self.session_id):
            return False
        if self.offer.contracts is None or self.by_contract is False:
            return True
        return bool(self.by_contract and self.car.contract)

    @property
    def selected(self) -> Selection:
        """The selection; only phases after it ask for it."""
        assert self.selection is not None, "the table admits no such request before a service is selected"
        return self.selection


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: the response, the phase that follows, and the session as it is from then on."""

    response: Type
    following: Enum
    session: Session
    warning: str = ""
    """Why the car does not get what it asked for although the session goes on; for the trace."""


@dataclass(frozen=True, slots=True)
class Wait:
    """No answer yet: ask again when the view changes.

    For requests whose response cannot say `Ongoing`. The session (with its demand) holds at once.
    """

    session: Session
    budget_s: float
    """How long the engine may wait, from the request on; then it refuses with `overdue`."""
    overdue: "Refusal"


class Code(StrEnum):
    """Response codes that every edition has."""

    FAILED = "FAILED"
    SEQUENCE_ERROR = "FAILED_SequenceError"
    UNKNOWN_SESSION = "FAILED_UnknownSession"
    CONTACTOR = "FAILED_ContactorError"
    NOT_APPLIED = "FAILED_PowerDeliveryNotApplied"


class Refusal(V2GError):
    """The request is understood and refused: the engine answers with the paired response and this code [V2G2-459]."""

    fault: Fault

    def __init__(self, code: StrEnum, reason: str, fault: Fault = Fault.REQUEST_REFUSED) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason
        self.fault = fault
