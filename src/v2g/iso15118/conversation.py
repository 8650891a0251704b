"""The station's side of a connection: the handshake, then the engine of the protocol that it picked."""

from dataclasses import replace

from v2g.iso15118 import sap
from v2g.iso15118.d20 import timeouts
from v2g.iso15118.d20.secc.engine import End, Secc
from v2g.iso15118.d20.secc.session import Paused
from v2g.iso15118.event import Faulted, Received, Sent, Step
from v2g.iso15118.view import Demand, Offer, StationView
from v2g.kernel.fault import Fault
from v2g.messages import ExiError, decode, encode
from v2g.messages.sap import supportedAppProtocolReq
from v2g.v2gtp.framing import PayloadType


class Conversation:
    """One connection of one car, from its first byte on. Same calls as the engine behind it."""

    def __init__(
        self,
        offer: Offer,
        now: float,
        *,
        peer: bytes | None = None,
        paused: Paused | None = None,
        sequence: timeouts.SequenceTimeouts = timeouts.STANDARD,
    ) -> None:
        """`now`: when the connection was accepted. `peer`: SHA-512 of the vehicle certificate, with TLS."""
        self.secc: Secc | None = None
        self._offer = offer
        self._peer, self._paused, self._sequence = peer, paused, sequence
        self._deadline: float | None = now + timeouts.SETUP_S
        self._end: End | None = None

    @property
    def end(self) -> End | None:
        """How the conversation ended; None while it goes on."""
        return self._end if self.secc is None else self.secc.end

    @property
    def demand(self) -> Demand:
        """What the conversation wants of the power path now."""
        return Demand() if self.secc is None else self.secc.demand

    @property
    def phase(self) -> str:
        """The phase's name, for the trace and the operator."""
        return "SUPPORTED_APP_PROTOCOL" if self.secc is None else self.secc.phase.name

    @property
    def waits(self) -> bool:
        """Whether an answer waits for the plant, which `renew` may then give."""
        return self.secc is not None and self.secc.waits

    def next_deadline(self) -> float | None:
        """When `expire` must be called; None after the end."""
        return self._deadline if self.secc is None else self.secc.next_deadline()

    def receive(self, payload_type: int, payload: bytes, now: float, view: StationView) -> Step:
        """Take one payload of the car."""
        if self.secc is not None:
            return self.secc.receive(payload_type, payload, now, view)
        step = Step()
        if self._end is not None:
            return step
        if payload_type != PayloadType.EXI:
            return self.abort(Fault.SEQUENCE_ERROR, f"payload type 0x{payload_type:04X} before the handshake")
        deviations: list[ExiError] = []
        try:
            request = decode("sap", payload, deviations=deviations)
        except ExiError as error:
            return self.abort(Fault.EXI_DECODE, f"sap: {error}")
        step.events.append(Received(request, payload, "sap", tuple(map(str, deviations))))
        if not isinstance(request, supportedAppProtocolReq):
            return self.abort(Fault.SEQUENCE_ERROR, f"{type(request).__name__} from a car", step)
        response, protocol = sap.negotiate(request, self._spoken())
        answer = encode("sap", response)
        step.send.append((PayloadType.EXI, answer))
        step.events.append(Sent(response, answer, "sap"))
        if protocol is None:
            asked = ", ".join(entry.ProtocolNamespace for entry in request.AppProtocol)
            spoken = ", ".join(each.namespace for each in self._spoken())
            return self.abort(Fault.NO_COMMON_PROTOCOL, f"the car speaks {asked}; the station speaks {spoken}", step)
        assert self._deadline is not None
        services = tuple(each for each in self._offer.services if each.protocol == protocol.name)
        self.secc = Secc(
            replace(self._offer, services=services),
            setup_deadline=self._deadline,
            peer=self._peer,
            paused=self._paused,
            sequence=self._sequence,
        )
        return step

    def renew(self, now: float, view: StationView) -> Step:
        """The plant changed."""
        return Step() if self.secc is None else self.secc.renew(now, view)

    def expire(self, now: float, view: StationView) -> Step:
        """A deadline has passed."""
        if self.secc is not None:
            return self.secc.expire(now, view)
        if self._deadline is None or now < self._deadline:
            return Step()
        return self.abort(Fault.COMMUNICATION_SETUP_TIMEOUT, "no SupportedAppProtocolReq in time")

    def fail(self, fault: Fault, reason: str, now: float, view: StationView) -> Step:
        """The station cannot go on: nothing is demanded any more, and the car is told with its next request."""
        if self.secc is not None:
            return self.secc.fail(fault, reason, now, view)
        return self.abort(fault, reason)

    def abort(self, fault: Fault, reason: str, step: Step | None = None) -> Step:
        """End the conversation from outside; `step` collects what is said of it."""
        if self.secc is not None:
            return self.secc.abort(fault, reason)
        step = step or Step()
        if self._end is None:
            self._deadline = None
            self._end = End(fault, reason)
            step.events.append(Faulted(fault, reason))
        return step

    def _spoken(self) -> list[sap.Protocol]:
        """A station without AC services does not speak the AC message set, and the other way round."""
        names = {each.protocol for each in self._offer.services}
        return [each for each in (sap.ISO20_DC, sap.ISO20_AC) if each.name in names]
