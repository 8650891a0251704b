"""The car's side of a connection: the handshake, then the engine with the edition that was agreed on."""

from functools import partial

from v2g.exi.facets import Type
from v2g.iso15118.car_engine import CarEngine
from v2g.iso15118.car_session import CarPaused, CarSession, Report
from v2g.iso15118.d2.car.side import CAR as D2
from v2g.iso15118.d20.car.side import CAR as D20
from v2g.iso15118.din.car import CAR as DIN
from v2g.iso15118.engine import End, Unacceptable, handshake, send
from v2g.iso15118.event import Step
from v2g.iso15118.sides import CarSide
from v2g.iso15118.timeouts import HANDSHAKE_S
from v2g.iso15118.vehicle import Command, Intent, VehicleState
from v2g.kernel.fault import Fault
from v2g.messages.sap import AppProtocol, ResponseCode, supportedAppProtocolReq, supportedAppProtocolRes
from v2g.v2gtp.framing import PayloadType

SIDES: dict[str, CarSide] = {side.edition.name: side for side in (D20, D2, DIN)}
"""The editions that a car may speak, by name."""


class CarConversation:
    """One connection of a car, from its first byte on."""

    def __init__(
        self,
        intent: Intent,
        *,
        setup_deadline: float,
        station: bytes | None = None,
        paused: CarPaused | None = None,
        secure: bool | None = None,
    ) -> None:
        """`setup_deadline`: 20 s after discovery began. `station`: SHA-512 of the station's certificate, with TLS.
        `secure`: the connection has TLS; if left out, it has if there is such a certificate."""
        self._offered = [
            (protocol, side)
            for side in map(SIDES.__getitem__, intent.editions)
            for protocol in side.edition.protocols
            if protocol.carries(intent.service)
        ]
        assert self._offered, f"none of {intent.editions} carries {intent.service.name}"
        self._open = partial(
            CarEngine,
            intent=intent,
            setup_deadline=setup_deadline,
            station=station,
            paused=paused,
            secure=station is not None if secure is None else secure,
        )
        _, preferred = self._offered[0]
        self.engine = self._open(preferred)
        self._setup_deadline = setup_deadline
        self._asked_at: float | None = None
        self._until: float | None = None
        self._agreed = False

    @property
    def session(self) -> CarSession:
        """What the car knows."""
        return self.engine.session

    @session.setter
    def session(self, session: CarSession) -> None:
        self.engine.session = session

    @property
    def end(self) -> End[CarPaused] | None:
        """How the conversation ended; None while it goes on."""
        return self.engine.end

    @property
    def phase(self) -> object:
        """The phase of the session."""
        return self.engine.phase

    @property
    def command(self) -> Command:
        """What the conversation wants of the vehicle now."""
        return self.engine.command

    def transfers(self, response: Type) -> bool:
        """Whether a response belongs to the energy transfer itself."""
        edition = self.engine.side.edition
        return edition.name_of(response).removesuffix("Res") + "Req" in edition.energy

    @property
    def report(self) -> Report:
        """What the station reported of the energy transfer last."""
        return self.engine.report

    def next_deadline(self) -> float | None:
        """When `expire` must be called; None after the end."""
        return self.engine.next_deadline() if self._agreed else self._until

    def start(self, now: float, vehicle: VehicleState) -> Step:
        """Offer the protocols that carry the service which the car wants, the preferred one first."""
        step = Step()
        entries = [
            AppProtocol(protocol.namespace, protocol.major, protocol.minor, SchemaID=number, Priority=number)
            for number, (protocol, _) in enumerate(self._offered, start=1)
        ]
        send(step, "sap", PayloadType.EXI, supportedAppProtocolReq(entries))
        self._asked_at = now
        self._until = min(now + HANDSHAKE_S, max(self._setup_deadline, now))
        return step

    def receive(self, payload_type: int, payload: bytes, now: float, vehicle: VehicleState) -> Step:
        """Take one payload of the station. Never raises on what a station may send."""
        if self._agreed:
            return self.engine.receive(payload_type, payload, now, vehicle)
        step = Step()
        if self.end is not None:
            return step
        if self._until is None:
            return self._fail(step, Fault.SEQUENCE_ERROR, "the station sent a message that nobody asked for")
        try:
            response = handshake(step, payload_type, payload, supportedAppProtocolRes)
        except Unacceptable as error:
            return self._fail(step, error.fault, error.reason)
        chosen = response.SchemaID
        if response.ResponseCode is ResponseCode.Failed_NoNegotiation or not _among(chosen, len(self._offered)):
            spoken = ", ".join(protocol.namespace for protocol, _ in self._offered)
            reason = f"the station does not speak {spoken}: {response.ResponseCode.value}"
            return self._fail(step, Fault.NO_COMMON_PROTOCOL, reason)
        assert chosen is not None
        side = self._offered[chosen - 1][1]
        if side is not self.engine.side:
            self.engine = self._open(side)
        self._agreed, self._until = True, None
        begun = self.engine.start(now, vehicle)
        step.send += begun.send
        step.events += begun.events
        return step

    def expire(self, now: float, vehicle: VehicleState) -> Step:
        """A deadline has passed: ask what is due, or give up on a station that fell silent."""
        if self._agreed:
            return self.engine.expire(now, vehicle)
        step = Step()
        if self._until is not None and self._asked_at is not None and now >= self._until:
            waited = f"no answer to supportedAppProtocolReq within {self._until - self._asked_at:g} s"
            self._fail(step, Fault.COMMUNICATION_SETUP_TIMEOUT, waited)
        return step

    def abort(self, fault: Fault, reason: str) -> Step:
        """End the session from outside: the connection is gone."""
        self._until = None
        return self.engine.abort(fault, reason)

    def _fail(self, step: Step, fault: Fault, reason: str) -> Step:
        aborted = self.abort(fault, reason)
        step.events += aborted.events
        return step


def _among(schema_id: int | None, count: int) -> bool:
    return schema_id is not None and 1 <= schema_id <= count
