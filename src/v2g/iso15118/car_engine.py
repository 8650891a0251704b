"""The car's side of a session of any edition: walks the table, asks, judges each response, keeps the timers.

Like the station's engine it waits for nothing and reads no clock: `now` is monotonic seconds, `vehicle` the vehicle at
that instant. One request is under way at a time; between two in the same phase it keeps a pace.
"""

from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from v2g.exi.facets import Type
from v2g.iso15118.car_session import Abandon, CarPaused, CarSession, Report, Stopping
from v2g.iso15118.engine import End, Unacceptable, move, paired, send, take_in
from v2g.iso15118.event import Faulted, Step
from v2g.iso15118.sides import CarSide
from v2g.iso15118.vehicle import Command, Intent, VehicleState
from v2g.iso15118.view import Stop
from v2g.kernel.fault import Fault

NOTHING_W = 100.0
"""Power below this is measuring noise, not charging or discharging."""


@dataclass(frozen=True, slots=True)
class _Asked:
    request: Type
    payload_type: int
    sent: float
    until: float


class CarEngine:
    """One session, from its first request to its end."""

    def __init__(
        self,
        side: CarSide,
        intent: Intent,
        *,
        setup_deadline: float,
        station: bytes | None = None,
        paused: CarPaused | None = None,
        secure: bool = False,
    ) -> None:
        """`setup_deadline`: 20 s after discovery began. `station`: SHA-512 of the station's certificate, with TLS.
        `secure`: the connection has TLS."""
        self.side = side
        self.session = replace(side.open(intent, station, paused), secure=secure, contract=intent.contract)
        self._commanded: tuple[CarSession | None, Command] = (None, Command())
        self.end: End[CarPaused] | None = None
        self._setup_deadline = setup_deadline
        self._asked: _Asked | None = None
        self._ask_at: float | None = None
        self._phase_since = 0.0
        self._energy_until: float | None = None

    @property
    def phase(self) -> Enum:
        return self.session.phase

    @property
    def command(self) -> Command:
        """What the session wants of the vehicle now."""
        session, command = self._commanded
        if session is not self.session:
            session = self.session
            ready = session.phase in self.side.ready if session.intent.service.dc else session.drawing
            command = replace(session.command, ready=ready)
            self._commanded = session, command  # asked for many times in each state
        return command

    @property
    def report(self) -> Report:
        """What the station said of the energy transfer last."""
        return self.session.report

    def next_deadline(self) -> float | None:
        """When `expire` must be called; None after the end."""
        return self._asked.until if self._asked is not None else self._ask_at

    def start(self, now: float, vehicle: VehicleState) -> Step:
        """Send the first request."""
        step = Step()
        self._ask(step, now, vehicle)
        return step

    def receive(self, payload_type: int, payload: bytes, now: float, vehicle: VehicleState) -> Step:
        """Take one payload. Never raises on what a station may send: bad input ends the session, contactor open."""
        step = Step()
        if self.end is not None:
            return step
        try:
            asked, response = self._awaited(step, payload_type, payload)
        except Unacceptable as error:
            self._finish(step, error.fault, error.reason)
            return step
        self._asked = None
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
        name = self.side.edition.name_of(self._asked.request)
        waited = f"no answer to {name} within {self._asked.until - self._asked.sent:g} s"
        stop = self.session.stop
        if stop is not None and stop.fault is not None:
            waited += f", while the car was ending the session: {stop.reason}"
        if self.phase is self.side.edition.first:
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

    def _awaited(self, step: Step, payload_type: int, payload: bytes) -> tuple[_Asked, Type]:
        """The request under way, and the response to it. Raises `Unacceptable` for anything else."""
        asked, edition = self._asked, self.side.edition
        if asked is None:
            raise Unacceptable(Fault.SEQUENCE_ERROR, "the station sent a message that nobody asked for")
        wanted = paired(edition.name_of(asked.request))
        if payload_type != asked.payload_type:
            raise Unacceptable(Fault.SEQUENCE_ERROR, f"payload type 0x{payload_type:04X} instead of {wanted}")
        response = take_in(step, edition.message_sets[payload_type], payload)
        name = edition.name_of(response)
        if name != wanted:
            raise Unacceptable(Fault.SEQUENCE_ERROR, f"{name} instead of {wanted}")
        return asked, response

    def _take(self, step: Step, response: Any, asked: _Asked, now: float, vehicle: VehicleState) -> None:
        name, before = self.side.edition.name_of(asked.request), self.phase
        try:
            self.side.check(response, name, self.session)
            _, take = self.side.exchanges[name]
            self.session = take(response, asked.request, self.session, vehicle)
        except Abandon as abandon:
            if not abandon.in_order:
                first = self.session.stop  # why it was being ended says more than what came of it
                fault = abandon.fault if first is None or first.fault is None else first.fault
                reason = abandon.reason if first is None or first.fault is None else f"{first.reason}; {abandon.reason}"
                self._finish(step, fault, reason)
                return
            self._stop(Stopping(Stop.TERMINATE, abandon.reason, abandon.fault))
        after = self.phase
        if self.session.waits_for_person:
            self._phase_since = now
        if after is before:
            self._ask_at = self._pace(asked, now)
            return
        assert after in self.side.edition.table[before][name], (
            f"{name} leads from {before.name} to {after.name}, which the table denies"
        )
        self._phase_since = now
        move(step, before, after)
        if after is self.side.edition.ended:
            self._end(step)
            return
        duration_s = self.session.intent.duration_s
        if after in self.side.energy and duration_s is not None and self._energy_until is None:
            self._energy_until = now + duration_s
        if self.side.choose(self.session) == name:
            self._ask_at = self._pace(asked, now)
        else:
            self._ask(step, now, vehicle)

    def _pace(self, asked: _Asked, now: float) -> float:
        """When to ask again in the same phase."""
        if self.phase not in self.side.energy:
            return now + self.side.poll_s
        interval_s = min(self.session.intent.loop_interval_s, self.side.loop_turnaround_s)
        return max(now, asked.sent + interval_s)

    def _ask(self, step: Step, now: float, vehicle: VehicleState) -> None:
        self._consider(now, vehicle)
        name = self.side.choose(self.session)
        assert name in self.side.edition.table[self.phase], f"{name} in {self.phase.name}, which the table denies"
        if name == "SessionStopReq":
            self.session = replace(self.session, command=Command(), drawing=False)
        elif name not in self.side.edition.energy and self.session.command.charger_w:
            # No current is drawn any more when PowerDelivery is sent [V2G20-1310].
            self.session = replace(self.session, command=replace(self.session.command, charger_w=0.0, charger_var=None))
        if name == "PowerDeliveryReq":  # state C from Start on, also in a renegotiation; state B from Stop on
            # [V2G20-1617], [V2G20-847] to [V2G20-849], [V2G2-847] to [V2G2-849]
            self.session = replace(self.session, drawing=self.session.stop is None)
        ask, _ = self.side.exchanges[name]
        payload_type = self.side.edition.payload_type(name, self.session.intent.service)
        self._send(step, ask(self.session, vehicle), payload_type, now)

    def _consider(self, now: float, vehicle: VehicleState) -> None:
        """Is there a reason to end the session, or to ask for a new schedule?"""
        if self.session.stop is not None and not self.session.stop.renegotiates:
            return
        intent = self.session.intent
        own_end = Stop.PAUSE if intent.pause else Stop.TERMINATE
        limit = self.side.phase_limits.get(self.phase)
        if vehicle.fault:
            self._stop(Stopping(Stop.TERMINATE, vehicle.fault, Fault.INTERNAL))
        elif limit is not None and now - self._phase_since > limit[0]:
            self._stop(Stopping(Stop.TERMINATE, f"{self.phase.name} lasted over {limit[0]:g} s", limit[1]))
        elif vehicle.stop is not Stop.NONE:
            self._stop(Stopping(vehicle.stop, "the driver ended it"))
        elif self.phase not in self.side.energy:
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
        """End in order; a fault outweighs the wish that was there before, and any wish that of a new service."""
        before = self.session.stop
        if before is None or before.renegotiates or stopping.fault is not None:
            self.session = replace(self.session, stop=stopping)

    def _send(self, step: Step, request: Type, payload_type: int, now: float) -> None:
        edition = self.side.edition
        send(step, edition.message_sets[payload_type], payload_type, request)
        until = now + edition.response_s(edition.name_of(request)) * self.session.intent.patience
        if self.phase is self.side.edition.first:
            until = min(until, max(self._setup_deadline, now))
        self._asked, self._ask_at = _Asked(request, payload_type, now, until), None

    def _finish(self, step: Step, fault: Fault, reason: str) -> None:
        """End at once, in the safe state."""
        step.events.append(Faulted(fault, reason))
        move(step, self.phase, self.side.edition.ended)
        self.session = replace(self.session, command=Command(), drawing=False, phase=self.side.edition.ended)
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
        station = self.side.pause(session)
        if stop.kind is Stop.PAUSE and station is not None and session.selection is not None:
            paused = CarPaused(session.session_id, station, session.selection)
        self.end = End(stop.fault, stop.reason, paused)
