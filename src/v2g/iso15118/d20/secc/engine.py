"""The station's side of an ISO 15118-20 session: checks requests against the table, asks for answers, keeps the timers.

The engine does once what every message needs: session id, sequence, paired refusals, headers, deadlines. It waits for
nothing and reads no clock: `now` is monotonic seconds, `plant` the world at that instant.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from v2g.exi.facets import Type
from v2g.iso15118.d20 import timeouts
from v2g.iso15118.d20.secc.answers import (
    ac_charge_loop,
    ac_charge_parameter_discovery,
    authorization,
    authorization_setup,
    dc_cable_check,
    dc_charge_loop,
    dc_charge_parameter_discovery,
    dc_pre_charge,
    dc_welding_detection,
    power_delivery,
    schedule_exchange,
    service_detail,
    service_discovery,
    service_selection,
    session_setup,
    session_stop,
)
from v2g.iso15118.d20.secc.refusal import paired_response
from v2g.iso15118.d20.secc.session import Paused, Refusal, Reply, Session, Wait
from v2g.iso15118.d20.table import TABLE, Phase
from v2g.iso15118.d20.wire import NO_SESSION, PROTOCOLS
from v2g.iso15118.event import Faulted, Moved, Received, Sent, Step
from v2g.iso15118.view import Demand, Offer, StationView
from v2g.kernel.fault import Fault
from v2g.messages import ExiError, decode, encode
from v2g.messages.iso20.types import ResponseCode

Answer = Callable[[Any, Session, StationView], Reply | Wait]

ANSWERS: Mapping[str, Answer] = {
    "SessionSetupReq": session_setup.answer,
    "AuthorizationSetupReq": authorization_setup.answer,
    "AuthorizationReq": authorization.answer,
    "ServiceDiscoveryReq": service_discovery.answer,
    "ServiceDetailReq": service_detail.answer,
    "ServiceSelectionReq": service_selection.answer,
    "AC_ChargeParameterDiscoveryReq": ac_charge_parameter_discovery.answer,
    "DC_ChargeParameterDiscoveryReq": dc_charge_parameter_discovery.answer,
    "ScheduleExchangeReq": schedule_exchange.answer,
    "DC_CableCheckReq": dc_cable_check.answer,
    "DC_PreChargeReq": dc_pre_charge.answer,
    "PowerDeliveryReq": power_delivery.answer,
    "AC_ChargeLoopReq": ac_charge_loop.answer,
    "DC_ChargeLoopReq": dc_charge_loop.answer,
    "DC_WeldingDetectionReq": dc_welding_detection.answer,
    "SessionStopReq": session_stop.answer,
}

_PHASE_LIMIT_S = {
    Phase.AUTHORIZATION: timeouts.STATION_ONGOING_S,
    Phase.SCHEDULE_EXCHANGE: timeouts.STATION_ONGOING_S,
    # The car gives up first, and then ends the session in order.
    Phase.CABLE_CHECK: timeouts.CABLE_CHECK_S + timeouts.DEFAULT_MESSAGE_S,
    Phase.PRECHARGED: timeouts.PRECHARGE_S + timeouts.DEFAULT_MESSAGE_S,
}
"""How long a phase may go on being answered with "not yet"."""

_LIMIT_FAULT = {
    Phase.AUTHORIZATION: Fault.AUTHORIZATION,
    Phase.CABLE_CHECK: Fault.CABLE_CHECK,
    Phase.PRECHARGED: Fault.PRECHARGE,
}

_TIMEOUT_FAULT = {
    Phase.SESSION_SETUP: Fault.COMMUNICATION_SETUP_TIMEOUT,
    Phase.SERVICE_DISCOVERY: Fault.SERVICE_DISCOVERY_TIMEOUT,
    Phase.SERVICE_DETAIL: Fault.SERVICE_DISCOVERY_TIMEOUT,
    Phase.SERVICE_SELECTION: Fault.SERVICE_DISCOVERY_TIMEOUT,
    Phase.CHARGE_LOOP: Fault.CHARGE_LOOP_TIMEOUT,
}


@dataclass(frozen=True, slots=True)
class End:
    """How a session ended. Without a fault it ended with SessionStop OK."""

    fault: Fault | None
    reason: str
    paused: Paused | None = None


@dataclass(frozen=True, slots=True)
class _Pending:
    request: Type
    payload_type: int
    until: float
    overdue: Refusal


class Secc:
    """One session, from SessionSetup to its end."""

    def __init__(
        self,
        offer: Offer,
        *,
        setup_deadline: float,
        peer: bytes | None = None,
        paused: Paused | None = None,
        sequence: timeouts.SequenceTimeouts = timeouts.STANDARD,
    ) -> None:
        """`setup_deadline`: when SessionSetup must have come. `peer`: SHA-512 of the vehicle certificate, with TLS."""
        self.session = Session(offer, peer=peer, paused=paused)
        self.end: End | None = None
        self._sequence = sequence
        self._deadline: float | None = setup_deadline
        self._phase_since = 0.0
        self._pending: _Pending | None = None
        self._failure: Refusal | None = None

    @property
    def phase(self) -> Phase:
        return self.session.phase

    @property
    def demand(self) -> Demand:
        """What the session wants of the power path now."""
        return self.session.demand

    @property
    def waits(self) -> bool:
        """Whether an answer waits for the plant."""
        return self._pending is not None

    def next_deadline(self) -> float | None:
        """When `expire` must be called; None after the end."""
        return self._pending.until if self._pending else self._deadline

    def receive(self, payload_type: int, payload: bytes, now: float, view: StationView) -> Step:
        """Take one payload. Never raises on what a car may send: bad input ends the session in the safe state."""
        step = Step()
        protocol = PROTOCOLS.get(payload_type)
        if self.end is not None:
            return step
        if protocol is None:
            self._finish(
                step, Fault.FRAMING, f"payload type 0x{payload_type:04X} does not belong to an ISO 15118-20 session"
            )
            return step
        deviations: list[ExiError] = []
        try:
            request = decode(protocol, payload, deviations=deviations)
        except ExiError as error:
            self._finish(step, Fault.EXI_DECODE, f"{protocol}: {error}")
            return step
        step.events.append(Received(request, payload, protocol, tuple(map(str, deviations))))
        self._deadline = None
        try:
            self._check(request)
            if self._failure is not None:
                raise self._failure
            if self._pending is not None:
                raise Refusal(
                    ResponseCode.FAILED_SequenceError,
                    f"{type(request).__name__} before the answer to {type(self._pending.request).__name__}",
                    Fault.SEQUENCE_ERROR,
                )
            self._answer(step, request, payload_type, now, view)
        except Refusal as refusal:
            self._refuse(step, request, payload_type, refusal, view)
        return step

    def renew(self, now: float, view: StationView) -> Step:
        """The plant changed: give an answer that was waiting for it."""
        step, pending = Step(), self._pending
        if pending is not None:
            try:
                self._answer(step, pending.request, pending.payload_type, now, view)
            except Refusal as refusal:
                self._refuse(step, pending.request, pending.payload_type, refusal, view)
        return step

    def expire(self, now: float, view: StationView) -> Step:
        """A deadline has passed: refuse what waited too long, or end the session of a car that fell silent."""
        step, deadline = Step(), self.next_deadline()
        if deadline is None or now < deadline:
            return step
        if self._pending is not None:
            pending = self._pending
            self._refuse(step, pending.request, pending.payload_type, pending.overdue, view)
        elif self._failure is not None:
            self._finish(step, self._failure.fault, self._failure.reason)
        else:
            fault = _TIMEOUT_FAULT.get(self.phase, Fault.SEQUENCE_TIMEOUT)
            self._finish(step, fault, f"no request in time while waiting in {self.phase.name}")  # [V2G20-443]
        return step

    def fail(self, fault: Fault, reason: str, now: float, view: StationView) -> Step:
        """The station cannot go on: no more demand from now on, and the next request is answered with FAILED.

        So the car learns of it in the protocol's own way. A car that asks nothing more is left after two seconds.
        """
        step = Step()
        if self.end is None and self._failure is None:
            self._failure = Refusal(ResponseCode.FAILED, reason, fault)
            self.session = replace(self.session, demand=Demand())
            if self._pending is not None:
                pending, self._pending = self._pending, None
                self._refuse(step, pending.request, pending.payload_type, self._failure, view)
            else:
                self._deadline = min(now + timeouts.DEFAULT_MESSAGE_S, self._deadline or now)
        return step

    def abort(self, fault: Fault, reason: str) -> Step:
        """End the session from outside: the connection is gone, or the station cannot go on."""
        step = Step()
        if self.end is None:
            self._finish(step, fault, reason)
        return step

    def _check(self, request: Type) -> None:
        """What holds for every request: the session id first [V2G20-460], then the sequence."""
        name = type(request).__name__
        session_id = getattr(request, "Header").SessionID  # noqa: B009 - every request has one, the base type does not
        if name != "SessionSetupReq" and session_id != self.session.session_id:
            raise Refusal(
                ResponseCode.FAILED_UnknownSession,
                f"{name} carries session {session_id.hex().upper()}",
                Fault.UNKNOWN_SESSION,
            )
        admitted = TABLE[self.phase]
        wrong_kind = name.startswith(("AC_", "DC_")) and name[:2] != self._kind
        if name not in admitted or wrong_kind:
            names = ", ".join(
                each for each in admitted if not each.startswith(("AC_", "DC_")) or each[:2] == self._kind
            )
            raise Refusal(
                ResponseCode.FAILED_SequenceError,
                f"{name} in {self.phase.name}, which admits {names}",
                Fault.SEQUENCE_ERROR,
            )

    @property
    def _kind(self) -> str:
        selection = self.session.selection
        return "" if selection is None else "DC" if selection.service.dc else "AC"

    def _answer(self, step: Step, request: Type, payload_type: int, now: float, view: StationView) -> None:
        name = type(request).__name__
        outcome = ANSWERS[name](request, self.session, view)
        self.session = outcome.session
        if isinstance(outcome, Wait):
            if self._pending is None:
                self._pending = _Pending(request, payload_type, now + outcome.budget_s, outcome.overdue)
            return
        self._pending = None
        before, after = self.phase, outcome.following
        assert after in TABLE[before][name], f"{name} leads from {before.name} to {after.name}, which the table denies"
        limit_s = _PHASE_LIMIT_S.get(before)
        if after is before and limit_s is not None and now - self._phase_since > limit_s:
            raise Refusal(
                ResponseCode.FAILED,
                f"{before.name} lasted over {limit_s:g} s",
                _LIMIT_FAULT.get(before, Fault.SEQUENCE_TIMEOUT),
            )
        self._send(step, outcome.response, payload_type)
        if after is not before:
            self._phase_since = now
            self.session = replace(self.session, phase=after)
            step.events.append(Moved(before.name, after.name))
        if after is Phase.ENDED:
            self._end(None, "SessionStop", self._pause() if self.session.pausing else None)
        else:
            charging = name.endswith("ChargeLoopReq")
            self._deadline = now + (self._sequence.charge_loop_s if charging else self._sequence.sequence_s)

    def _refuse(self, step: Step, request: Type, payload_type: int, refusal: Refusal, view: StationView) -> None:
        """The paired response with its FAILED code; it ends the session for both sides (clause 8.6)."""
        self._send(step, paired_response(request, self.session.header(view), refusal.code), payload_type)
        self._finish(step, refusal.fault, f"{refusal.code.value}: {refusal.reason}")

    def _send(self, step: Step, response: Type, payload_type: int) -> None:
        protocol = PROTOCOLS[payload_type]
        payload = encode(protocol, response)
        step.send.append((payload_type, payload))
        step.events.append(Sent(response, payload, protocol))

    def _finish(self, step: Step, fault: Fault, reason: str) -> None:
        step.events.append(Faulted(fault, reason))
        step.events.append(Moved(self.phase.name, Phase.ENDED.name))
        self.session = replace(self.session, demand=Demand(), phase=Phase.ENDED)
        self._end(fault, reason)

    def _end(self, fault: Fault | None, reason: str, paused: Paused | None = None) -> None:
        self._deadline = self._pending = None
        self.end = End(fault, reason, paused)

    def _pause(self) -> Paused | None:
        """What to keep for a resume; without TLS nothing could prove that the same car comes back."""
        session = self.session
        if session.peer is None or session.selection is None or session.session_id == NO_SESSION:
            return None
        return Paused(
            session_id=session.session_id,
            binding=session_setup.binding(session.session_id, session.peer),
            selection=session.selection,
            offered=session.offered,
            car=session.car,
        )
