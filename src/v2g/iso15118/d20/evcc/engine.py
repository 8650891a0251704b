"""The car's side of an ISO 15118-20 session: walks the table, asks, judges each response, keeps the timers.

Like the station's engine it waits for nothing and reads no clock: `now` is monotonic seconds, `vehicle` the vehicle at
that instant. One request is under way at a time; between two in the same phase it keeps a pace.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from v2g.exi.facets import Type
from v2g.iso15118 import sap
from v2g.iso15118.d20 import timeouts
from v2g.iso15118.d20.evcc.exchanges import (
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
from v2g.iso15118.d20.evcc.session import Abandon, Paused, Report, Session, Stopping
from v2g.iso15118.d20.table import TABLE, Phase
from v2g.iso15118.d20.wire import PROTOCOLS
from v2g.iso15118.event import Faulted, Moved, Received, Sent, Step
from v2g.iso15118.vehicle import Command, Intent, VehicleState
from v2g.iso15118.view import Stop
from v2g.kernel.fault import Fault
from v2g.messages import ExiError, decode, encode
from v2g.messages.sap import AppProtocol, supportedAppProtocolReq, supportedAppProtocolRes
from v2g.messages.sap import ResponseCode as SapCode
from v2g.v2gtp.framing import PayloadType

Ask = Callable[[Session, VehicleState], Type]
Take = Callable[[Any, Any, Session, VehicleState], Session]

EXCHANGES: Mapping[str, tuple[Ask, Take]] = {
    "SessionSetupReq": (session_setup.request, session_setup.take),
    "AuthorizationSetupReq": (authorization_setup.request, authorization_setup.take),
    "AuthorizationReq": (authorization.request, authorization.take),
    "ServiceDiscoveryReq": (service_discovery.request, service_discovery.take),
    "ServiceDetailReq": (service_detail.request, service_detail.take),
    "ServiceSelectionReq": (service_selection.request, service_selection.take),
    "AC_ChargeParameterDiscoveryReq": (ac_charge_parameter_discovery.request, ac_charge_parameter_discovery.take),
    "DC_ChargeParameterDiscoveryReq": (dc_charge_parameter_discovery.request, dc_charge_parameter_discovery.take),
    "ScheduleExchangeReq": (schedule_exchange.request, schedule_exchange.take),
    "DC_CableCheckReq": (dc_cable_check.request, dc_cable_check.take),
    "DC_PreChargeReq": (dc_pre_charge.request, dc_pre_charge.take),
    "PowerDeliveryReq": (power_delivery.request, power_delivery.take),
    "AC_ChargeLoopReq": (ac_charge_loop.request, ac_charge_loop.take),
    "DC_ChargeLoopReq": (dc_charge_loop.request, dc_charge_loop.take),
    "DC_WeldingDetectionReq": (dc_welding_detection.request, dc_welding_detection.take),
    "SessionStopReq": (session_stop.request, session_stop.take),
}

PAYLOAD_TYPES = {"AC_": PayloadType.AC, "DC_": PayloadType.DC}
"""Of messages by the start of their name; all others are common ones."""
POLL_S = 0.1
"""Between two requests of the same kind while the station is not ready."""
NOTHING_W = 100.0
"""Power below this is measuring noise, not charging or discharging."""

_ORDINARY = {
    Phase.SESSION_SETUP: "SessionSetupReq",
    Phase.AUTHORIZATION_SETUP: "AuthorizationSetupReq",
    Phase.AUTHORIZATION: "AuthorizationReq",
    Phase.SERVICE_DISCOVERY: "ServiceDiscoveryReq",
    Phase.SERVICE_DETAIL: "ServiceDetailReq",
    Phase.SERVICE_SELECTION: "ServiceSelectionReq",
    Phase.CHARGE_PARAMETERS: "{kind}_ChargeParameterDiscoveryReq",
    Phase.SCHEDULE_EXCHANGE: "ScheduleExchangeReq",
    Phase.CABLE_CHECK: "DC_CableCheckReq",
    Phase.PRECHARGE: "DC_PreChargeReq",
    Phase.PRECHARGED: "DC_PreChargeReq",
    Phase.POWER_DELIVERY: "PowerDeliveryReq",
    Phase.CHARGE_LOOP: "{kind}_ChargeLoopReq",
    Phase.WELDING_DETECTION: "DC_WeldingDetectionReq",
    Phase.STOPPING: "SessionStopReq",
}
"""What a car that goes on asks in each phase."""

_PHASE_LIMIT: Mapping[Phase, tuple[float, Fault]] = {
    Phase.AUTHORIZATION: (timeouts.CAR_ONGOING_S, Fault.AUTHORIZATION),
    Phase.SCHEDULE_EXCHANGE: (timeouts.CAR_ONGOING_S, Fault.SEQUENCE_TIMEOUT),
    Phase.CABLE_CHECK: (timeouts.CABLE_CHECK_S, Fault.CABLE_CHECK),
    Phase.PRECHARGED: (timeouts.PRECHARGE_S, Fault.PRECHARGE),
}
"""How long the car lets a phase go on."""


@dataclass(frozen=True, slots=True)
class End:
    """How a session ended. Without a fault it ended with SessionStop OK, for `reason`."""

    fault: Fault | None
    reason: str
    paused: Paused | None = None


@dataclass(frozen=True, slots=True)
class _Asked:
    request: Type
    payload_type: int
    sent: float
    until: float


_READY = {
    Phase.SCHEDULE_EXCHANGE,
    Phase.CABLE_CHECK,
    Phase.PRECHARGE,
    Phase.PRECHARGED,
    Phase.POWER_DELIVERY,
    Phase.CHARGE_LOOP,
}
"""When the car has closed S2: from before the cable check on, until it has stopped."""


class Evcc:
    """One session, from the protocol handshake to its end."""

    def __init__(
        self,
        intent: Intent,
        *,
        setup_deadline: float,
        station: bytes | None = None,
        paused: Paused | None = None,
    ) -> None:
        """`setup_deadline`: 20 s after discovery began. `station`: SHA-512 of the station's certificate, with TLS."""
        self.session = Session(intent, station=station, paused=paused)
        self.end: End | None = None
        self._setup_deadline = setup_deadline
        self._asked: _Asked | None = None
        self._ask_at: float | None = None
        self._phase_since = 0.0
        self._energy_until: float | None = None

    @property
    def phase(self) -> Phase:
        return self.session.phase

    @property
    def command(self) -> Command:
        """What the session wants of the vehicle now."""
        return replace(self.session.command, ready=self.session.phase in _READY)

    @property
    def report(self) -> Report:
        """What the station said of the energy transfer last."""
        return self.session.report

    def next_deadline(self) -> float | None:
        """When `expire` must be called; None after the end."""
        return self._asked.until if self._asked is not None else self._ask_at

    def start(self, now: float, vehicle: VehicleState) -> Step:
        """Offer the one protocol that has the service which the car wants."""
        step = Step()
        spoken = self._spoken
        entry = AppProtocol(spoken.namespace, spoken.major, spoken.minor, SchemaID=1, Priority=1)
        self._send(step, supportedAppProtocolReq([entry]), PayloadType.EXI, now)
        return step

    def receive(self, payload_type: int, payload: bytes, now: float, vehicle: VehicleState) -> Step:
        """Take one payload. Never raises on what a station may send: bad input ends the session, contactor open."""
        step, asked = Step(), self._asked
        if self.end is not None:
            return step
        if asked is None:
            self._finish(step, Fault.SEQUENCE_ERROR, "the station sent a message that nobody asked for")
            return step
        protocol = "sap" if asked.payload_type == PayloadType.EXI else PROTOCOLS[asked.payload_type]
        wanted = type(asked.request).__name__.removesuffix("Req") + "Res"
        if payload_type != asked.payload_type:
            self._finish(step, Fault.SEQUENCE_ERROR, f"payload type 0x{payload_type:04X} instead of {wanted}")
            return step
        try:
            response = decode(protocol, payload)
        except ExiError as error:
            self._finish(step, Fault.EXI_DECODE, f"{protocol}: {error}")
            return step
        step.events.append(Received(response, payload, protocol))
        self._asked = None
        if type(response).__name__ != wanted:
            self._finish(step, Fault.SEQUENCE_ERROR, f"{type(response).__name__} instead of {wanted}")
        elif isinstance(response, supportedAppProtocolRes):
            self._take_handshake(step, response, now, vehicle)
        else:
            self._take(step, response, asked, now, vehicle)
        return step

    def expire(self, now: float, vehicle: VehicleState) -> Step:
        """A deadline has passed: ask what is due, or give up on a station that fell silent."""
        step, deadline = Step(), self.next_deadline()
        if deadline is None or now < deadline:
            return step
        if self._asked is None:
            self._ask(step, now, vehicle)
            return step
        name = type(self._asked.request).__name__
        waited = f"no answer to {name} within {self._asked.until - self._asked.sent:g} s"
        if self.phase is Phase.SESSION_SETUP:
            self._finish(step, Fault.COMMUNICATION_SETUP_TIMEOUT, waited)
        else:
            self._finish(step, Fault.SEQUENCE_TIMEOUT, waited)
        return step

    def abort(self, fault: Fault, reason: str) -> Step:
        """End the session from outside: the connection is gone."""
        step = Step()
        if self.end is None:
            self._finish(step, fault, reason)
        return step

    @property
    def _spoken(self) -> sap.Protocol:
        return sap.ISO20_DC if self.session.intent.service.dc else sap.ISO20_AC

    def _take_handshake(self, step: Step, response: supportedAppProtocolRes, now: float, vehicle: VehicleState) -> None:
        if response.ResponseCode is SapCode.Failed_NoNegotiation or response.SchemaID != 1:
            reason = f"the station does not speak {self._spoken.namespace}: {response.ResponseCode.value}"
            self._finish(step, Fault.NO_COMMON_PROTOCOL, reason)
        else:
            self._ask(step, now, vehicle)

    def _take(self, step: Step, response: Any, asked: _Asked, now: float, vehicle: VehicleState) -> None:
        name, before = type(asked.request).__name__, self.phase
        try:
            self._check(response, name)
            _, take = EXCHANGES[name]
            self.session = take(response, asked.request, self.session, vehicle)
        except Abandon as abandon:
            if not abandon.in_order:
                self._finish(step, abandon.fault, abandon.reason)
                return
            self._stop(Stopping(Stop.TERMINATE, abandon.reason, abandon.fault))
        after = self.phase
        if after is before:
            self._ask_at = self._pace(asked, now)
            return
        assert after in TABLE[before][name], f"{name} leads from {before.name} to {after.name}, which the table denies"
        self._phase_since = now
        step.events.append(Moved(before.name, after.name))
        if after is Phase.ENDED:
            self._end(step)
            return
        duration_s = self.session.intent.duration_s
        if after is Phase.CHARGE_LOOP and duration_s is not None and self._energy_until is None:
            self._energy_until = now + duration_s
        if _choose(self.session) == name:
            self._ask_at = self._pace(asked, now)
        else:
            self._ask(step, now, vehicle)

    def _check(self, response: Any, name: str) -> None:
        """What holds for every response: the session id first [V2G20-2539], then the response code (clause 8.6)."""
        session_id = response.Header.SessionID
        if name != "SessionSetupReq" and session_id != self.session.session_id:
            raise Abandon(
                f"{type(response).__name__} carries session {session_id.hex().upper()}",
                Fault.UNKNOWN_SESSION,
                in_order=False,
            )
        code = response.ResponseCode
        if code.startswith("FAILED"):
            raise Abandon(f"{type(response).__name__} says {code.value}", Fault.REQUEST_REFUSED, in_order=False)

    def _pace(self, asked: _Asked, now: float) -> float:
        """When to ask again in the same phase."""
        if self.phase is not Phase.CHARGE_LOOP:
            return now + POLL_S
        interval_s = min(self.session.intent.loop_interval_s, timeouts.CAR_CHARGE_LOOP_TURNAROUND_S)
        return max(now, asked.sent + interval_s)

    def _ask(self, step: Step, now: float, vehicle: VehicleState) -> None:
        self._consider(now, vehicle)
        name = _choose(self.session)
        assert name in TABLE[self.phase], f"{name} in {self.phase.name}, which the table denies"
        if name == "PowerDeliveryReq" and self.session.command.charger_w:
            self.session = replace(self.session, command=replace(self.session.command, charger_w=0.0, charger_var=0.0))
        ask, _ = EXCHANGES[name]
        self._send(step, ask(self.session, vehicle), PAYLOAD_TYPES.get(name[:3], PayloadType.MAIN), now)

    def _consider(self, now: float, vehicle: VehicleState) -> None:
        """Is there a reason to end the session, or to ask for a new schedule?"""
        if self.session.stop is not None:
            return
        intent = self.session.intent
        own_end = Stop.PAUSE if intent.pause else Stop.TERMINATE
        limit = _PHASE_LIMIT.get(self.phase)
        if vehicle.fault:
            self._stop(Stopping(Stop.TERMINATE, vehicle.fault, Fault.INTERNAL))
        elif limit is not None and now - self._phase_since > limit[0]:
            self._stop(Stopping(Stop.TERMINATE, f"{self.phase.name} lasted over {limit[0]:g} s", limit[1]))
        elif vehicle.stop is not Stop.NONE:
            self._stop(Stopping(vehicle.stop, "the driver ended it"))
        elif self.phase is not Phase.CHARGE_LOOP:
            return
        elif self._energy_until is not None and now >= self._energy_until:
            self._stop(Stopping(own_end, "the duration is over"))
        elif vehicle.soc >= intent.soc_max and (vehicle.power_w > NOTHING_W or not intent.service.bidirectional):
            self._stop(Stopping(own_end, f"the battery is at its maximum of {intent.soc_max:.0%}"))
        elif vehicle.soc <= intent.soc_min and vehicle.power_w < -NOTHING_W:
            self._stop(Stopping(own_end, f"the battery is at its minimum of {intent.soc_min:.0%}"))
        elif self.session.schedule is not None and vehicle.unix_s >= self.session.schedule.end_s:
            self.session = replace(self.session, renegotiate=True)

    def _stop(self, stopping: Stopping) -> None:
        """End in order; a fault outweighs the wish that was there before."""
        if self.session.stop is None or stopping.fault is not None:
            self.session = replace(self.session, stop=stopping)

    def _send(self, step: Step, request: Type, payload_type: int, now: float) -> None:
        protocol = "sap" if payload_type == PayloadType.EXI else PROTOCOLS[payload_type]
        payload = encode(protocol, request)
        step.send.append((payload_type, payload))
        step.events.append(Sent(request, payload, protocol))
        until = now + timeouts.MESSAGE_S.get(type(request).__name__, timeouts.DEFAULT_MESSAGE_S)
        if self.phase is Phase.SESSION_SETUP:
            until = min(until, max(self._setup_deadline, now))
        self._asked, self._ask_at = _Asked(request, payload_type, now, until), None

    def _finish(self, step: Step, fault: Fault, reason: str) -> None:
        """End at once, in the safe state."""
        step.events.append(Faulted(fault, reason))
        step.events.append(Moved(self.phase.name, Phase.ENDED.name))
        self.session = replace(self.session, command=Command(), phase=Phase.ENDED)
        self._asked = self._ask_at = None
        self.end = End(fault, reason)

    def _end(self, step: Step) -> None:
        """SessionStop was answered with OK."""
        session = self.session
        stop = session.stop or Stopping(Stop.TERMINATE, "ended")
        if stop.fault is not None:
            step.events.append(Faulted(stop.fault, stop.reason))
        self._asked = self._ask_at = None
        paused = None
        if stop.kind is Stop.PAUSE and session.station is not None and session.selection is not None:
            paused = Paused(session.session_id, session.station, session.selection)
        self.end = End(stop.fault, stop.reason, paused)


def _choose(session: Session) -> str:
    """The request that comes next: on the way to power, or, once the session is being ended, the shortest way out."""
    phase = session.phase
    if session.stop is not None:
        if phase in (Phase.PRECHARGED, Phase.POWER_DELIVERY, Phase.CHARGE_LOOP):
            return "PowerDeliveryReq"
        if phase not in (Phase.SESSION_SETUP, Phase.WELDING_DETECTION):
            return "SessionStopReq"
    if phase is Phase.PRECHARGED and session.ready:
        return "PowerDeliveryReq"
    if phase is Phase.CHARGE_LOOP and session.renegotiate:
        return "PowerDeliveryReq"
    if phase is Phase.WELDING_DETECTION and session.ready:
        return "SessionStopReq"
    return _ORDINARY[phase].format(kind="DC" if session.intent.service.dc else "AC")
