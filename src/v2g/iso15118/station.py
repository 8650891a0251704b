"""The station's side of a connection: the handshake, then the engine with the edition that it picked."""

from dataclasses import replace
from hmac import compare_digest

from v2g.iso15118 import sap, station_engine
from v2g.iso15118.car import CarState
from v2g.iso15118.d2.station.side import STATION as D2
from v2g.iso15118.d20 import timeouts
from v2g.iso15118.d20.station.side import STATION as D20
from v2g.iso15118.din.station.side import STATION as DIN
from v2g.iso15118.edition import Silence
from v2g.iso15118.engine import End, Unacceptable, handshake, send
from v2g.iso15118.event import Faulted, Step
from v2g.iso15118.paused import Paused, binding
from v2g.iso15118.service import Selection, Service
from v2g.iso15118.session import Code, Refusal
from v2g.iso15118.sides import StationSide
from v2g.iso15118.station_engine import StationEngine
from v2g.iso15118.timeouts import SETUP_S
from v2g.iso15118.view import Demand, Offer, Slot, StationView
from v2g.kernel.fault import Fault
from v2g.messages.sap import supportedAppProtocolReq
from v2g.v2gtp.framing import PayloadType

SIDES: tuple[StationSide, ...] = (D20, D2, DIN)
"""The editions that a station speaks, in its order of preference."""
LEARNS_WITHIN_S = station_engine.LEARNS_WITHIN_S
"""How long the station waits for the next request of a car that has to learn of a failure."""
SILENCE, RELAXED_SILENCE = D20.edition.silence["standard"], D20.edition.silence["relaxed"]
PAUSE_WITHIN_S = timeouts.PAUSE_WITHIN_S
"""How long a car that is asked to pause may take to begin."""
ONGOING_S, CABLE_CHECK_S, PRECHARGE_S = timeouts.STATION_ONGOING_S, timeouts.CABLE_CHECK_S, timeouts.PRECHARGE_S
"""How long a car is kept waiting, at most: for authorisation and schedule, for the cable check, for pre-charge."""


class StationConversation:
    """One connection of one car, from its first byte on."""

    def __init__(
        self,
        offer: Offer,
        now: float,
        *,
        peer: bytes | None = None,
        paused: Paused | None = None,
        timing: str = "standard",
        plain: bool = False,
        secure: bool | None = None,
    ) -> None:
        """`now`: when the connection was accepted. `peer`: SHA-512 of the vehicle certificate, with TLS. `plain`: the
        station has TLS, and this connection does without: only editions that admit that are spoken. `secure`: this
        connection has TLS; if left out, it has if there is such a certificate."""
        if not (peer is not None if secure is None else secure):  # [V2G2-828]
            offer = replace(offer, contracts=None, provisioning=None)
        self.engine: StationEngine | None = None
        self._offer, self._peer, self._paused, self._timing = offer, peer, paused, timing
        self._plain = plain
        self._deadline: float | None = now + SETUP_S
        self._end: End[Paused] | None = None

    @property
    def end(self) -> End[Paused] | None:
        """How the conversation ended; None while it goes on."""
        return self._end if self.engine is None else self.engine.end

    @property
    def demand(self) -> Demand:
        """What the car wants of the power path now."""
        return Demand() if self.engine is None else self.engine.demand

    @property
    def phase(self) -> str:
        """The phase's name, for the trace and the operator."""
        return "SUPPORTED_APP_PROTOCOL" if self.engine is None else self.engine.session.phase.name

    @property
    def waits(self) -> bool:
        """Whether an answer waits for the station, which `renew` may then give."""
        return self.engine is not None and self.engine.waits

    @property
    def awaits_authorization(self) -> bool:
        """Whether the car waits to be let in, for the first time or again after a pause."""
        return self.phase == "AUTHORIZATION" or (self.engine is not None and self.engine.session.returned)

    @property
    def car(self) -> CarState:
        """What the car has stated about itself."""
        return CarState() if self.engine is None else self.engine.session.car

    @property
    def identified(self) -> bool:
        """Whether the car has shown all that it has to show of who it is."""
        return self.engine is not None and self.engine.session.identified

    @property
    def returning(self) -> CarState | None:
        """What is known of a car that has not named itself yet, but proved that it is the one of the paused session."""
        paused, peer = self._paused, self._peer
        if paused is None or peer is None or any(self.session_id):
            return None
        return paused.car if compare_digest(paused.binding, binding(paused.session_id, peer)) else None

    @property
    def session_id(self) -> bytes:
        """Empty before there is one."""
        return b"" if self.engine is None else self.engine.session.session_id

    @property
    def selection(self) -> Selection | None:
        """The service that the car selected."""
        return None if self.engine is None else self.engine.session.selection

    @property
    def service(self) -> Service | None:
        """Of the selection."""
        selection = self.selection
        return None if selection is None else selection.service

    @property
    def schedule(self) -> tuple[Slot, ...]:
        """The schedule that the car follows; empty without one."""
        return () if self.engine is None else self.engine.session.schedule

    @property
    def bidirectional(self) -> bool:
        """Whether the edition has services that feed the grid; if not, a car feeds by a negative current only."""
        return self.engine is None or self.engine.side.edition.bidirectional

    @property
    def renegotiates(self) -> bool:
        """Whether the car is asked for another schedule if less is allowed than its own has."""
        service, engine = self.service, self.engine
        if service is None or engine is None:
            return False
        return not (service.dc and engine.side.edition.dc_limits_bind)

    def next_deadline(self) -> float | None:
        """When `expire` must be called; None after the end."""
        return self._deadline if self.engine is None else self.engine.next_deadline()

    def receive(self, payload_type: int, payload: bytes, now: float, view: StationView) -> Step:
        """Take one payload of the car."""
        if self.engine is not None:
            return self.engine.receive(payload_type, payload, now, view)
        return self.greet(payload_type, payload)

    def greet(self, payload_type: int, payload: bytes) -> Step:
        """Take the first payload, which names what the car speaks; it is answered whatever state the station is in."""
        step = Step()
        if self._end is not None:
            return step
        try:
            request = handshake(step, payload_type, payload, supportedAppProtocolReq)
        except Unacceptable as error:
            return self.abort(error.fault, error.reason, step)
        spoken = self._spoken()
        response, protocol = sap.negotiate(request, list(spoken))
        send(step, "sap", PayloadType.EXI, response)
        if protocol is None:
            asked = ", ".join(entry.ProtocolNamespace for entry in request.AppProtocol)
            known = ", ".join(each.namespace for each in spoken)
            return self.abort(Fault.NO_COMMON_PROTOCOL, f"the car speaks {asked}; the station speaks {known}", step)
        assert self._deadline is not None
        side = spoken[protocol]
        offer = replace(self._offer, services=tuple(each for each in self._offer.services if protocol.carries(each)))
        if self._plain and side.edition.tls:  # it could have had TLS
            offer = replace(offer, negative_current_unproved=frozenset())
        paused = self._paused if self._paused is not None and self._paused.edition == side.edition.name else None
        self.engine = StationEngine(
            side,
            offer,
            setup_deadline=self._deadline,
            peer=self._peer,
            paused=paused,
            timing=self._timing,
        )
        return step

    def renew(self, now: float, view: StationView) -> Step:
        """The station changed."""
        return Step() if self.engine is None else self.engine.renew(now, view)

    def expire(self, now: float, view: StationView) -> Step:
        """A deadline has passed."""
        if self.engine is not None:
            return self.engine.expire(now, view)
        if self._deadline is None or now < self._deadline:
            return Step()
        return self.abort(Fault.COMMUNICATION_SETUP_TIMEOUT, "no SupportedAppProtocolReq in time")

    def fail(self, fault: Fault, reason: str, now: float, view: StationView) -> Step:
        """The station cannot go on: nothing is demanded any more, and the car learns of it with its next request."""
        if self.engine is not None:
            return self.engine.fail(Refusal(Code.FAILED, reason, fault), now, view)
        return self.abort(fault, reason)

    def abort(self, fault: Fault, reason: str, step: Step | None = None) -> Step:
        """End the conversation from outside; `step` collects what happens."""
        if self.engine is not None:
            return self.engine.abort(fault, reason)
        step = step or Step()
        if self._end is None:
            self._deadline = None
            self._end = End(fault, reason)
            step.events.append(Faulted(fault, reason))
        return step

    def _spoken(self) -> dict[sap.Protocol, StationSide]:
        """A station without AC services speaks no protocol that carries AC only, and the other way round."""
        return {
            protocol: side
            for side in SIDES
            if side.edition.plain or not self._plain
            for protocol in side.edition.protocols
            if any(protocol.carries(service) for service in self._offer.services)
        }


def owed_s(message: str) -> float:
    """How soon the station owes a response, by its name; measured, and no error criterion."""
    request = message.removesuffix("Res") + "Req"
    owed = [
        side.edition.performance_s.get(request, side.edition.default_performance_s)
        for side in SIDES
        if request in side.answers
    ]
    return min(owed, default=D20.edition.default_performance_s)


def silence(edition: str, timing: str = "standard") -> Silence:
    """How long a car of this edition may be silent."""
    return next(side.edition.silence[timing] for side in SIDES if side.edition.name == edition)


def longest_silence_s(timing: str = "standard") -> float:
    """How long a silent car may keep a conversation, at most, in any edition."""
    return max(SETUP_S, *(side.edition.silence[timing].sequence_s for side in SIDES))


def warm() -> None:
    """Have codec and tables ready before the first car asks."""
    from importlib import import_module

    from v2g.messages import PROTOCOLS
    from v2g.messages import warm as warm_up

    warm_up("sap")
    for side in SIDES:
        for protocol in side.edition.message_sets.values():
            module = import_module(f"v2g.messages.{PROTOCOLS[protocol][0]}")
            names = [name for name in side.answers if hasattr(module, name)]
            root = [module.V2G_Message] if hasattr(module, "V2G_Message") else []
            warm_up(protocol, *root, *(getattr(module, name) for name in names), writing=False)
            responses = (getattr(module, name.removesuffix("Req") + "Res") for name in names)
            warm_up(protocol, *root, *responses, reading=False)
