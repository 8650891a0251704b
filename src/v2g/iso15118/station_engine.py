"""The station's side of a session of any edition: checks requests against the table, answers, keeps the timers.

The engine does once what every message needs: session id, sequence, paired refusals, deadlines. It waits for nothing
and reads no clock: `now` is monotonic seconds, `view` the station at that instant.
"""

from dataclasses import dataclass, replace

from v2g.exi.facets import Type
from v2g.iso15118.engine import End, Unacceptable, move, send, take_in
from v2g.iso15118.event import Faulted, Step, Warned
from v2g.iso15118.paused import Paused
from v2g.iso15118.session import Code, Refusal, Reply, Session, Wait
from v2g.iso15118.sides import StationSide
from v2g.iso15118.view import Demand, Offer, Stage, StationView
from v2g.kernel.fault import Fault

JUDGED_EVERY_S = 60.0
"""How often a contract is judged again while energy flows."""
LEARNS_WITHIN_S = 2.0
"""How long the station waits for the next request of a car that has to learn of a failure."""


@dataclass(frozen=True, slots=True)
class _Pending:
    request: Type
    payload_type: int
    until: float
    overdue: Refusal


class StationEngine:
    """One session, from its first request to its end."""

    def __init__(
        self,
        side: StationSide,
        offer: Offer,
        *,
        setup_deadline: float,
        peer: bytes | None = None,
        paused: Paused | None = None,
        timing: str = "standard",
    ) -> None:
        """`setup_deadline`: when the first request must have come. `peer`: SHA-512 of the vehicle certificate."""
        self.side = side
        self.session: Session = side.open(offer, peer, paused)
        self.end: End[Paused] | None = None
        self._silence = side.edition.silence[timing]
        self._deadline: float | None = setup_deadline
        self._phase_since = 0.0
        self._pending: _Pending | None = None
        self._judged_s = float("-inf")
        self._doubts = False
        """Whether the contract was good when the car showed it, and is no longer."""
        self._failure: Refusal | None = None
        """Why the session ends with the next refusal, whatever the edition says of refusals."""

    @property
    def demand(self) -> Demand:
        """What the session wants of the power path now."""
        return self.session.demand

    @property
    def waits(self) -> bool:
        """Whether an answer waits for the station."""
        return self._pending is not None

    def next_deadline(self) -> float | None:
        """When `expire` must be called; None after the end."""
        return self._pending.until if self._pending else self._deadline

    def receive(self, payload_type: int, payload: bytes, now: float, view: StationView) -> Step:
        """Take one payload. Never raises on what a car may send: bad input ends the session in the safe state."""
        step, edition = Step(), self.side.edition
        if self.end is not None:
            return step
        protocol = edition.message_sets.get(payload_type)
        if protocol is None:
            reason = f"payload type 0x{payload_type:04X} does not belong to a session of {edition.name}"
            self._finish(step, Fault.FRAMING, reason)
            return step
        try:
            request = take_in(step, protocol, payload, edition.message_sets)
        except Unacceptable as error:
            self._finish(step, error.fault, error.reason)
            return step
        try:
            self._check(request)
            self._judge_again(now, view)
            self._answer(step, request, payload_type, now, view)
        except Refusal as refusal:
            self._refuse(step, request, payload_type, refusal, now, view)
        return step

    def renew(self, now: float, view: StationView) -> Step:
        """The station changed: give an answer that was waiting for it."""
        step, pending = Step(), self._pending
        if pending is not None:
            try:
                self._answer(step, pending.request, pending.payload_type, now, view)
            except Refusal as refusal:
                self._refuse(step, pending.request, pending.payload_type, refusal, now, view)
        return step

    def expire(self, now: float, view: StationView) -> Step:
        """A deadline has passed: refuse what waited too long, or end the session of a car that fell silent."""
        step, deadline = Step(), self.next_deadline()
        if deadline is None or now < deadline:
            return step
        if self._pending is not None:
            pending, self._failure = self._pending, self._pending.overdue
            self._refuse(step, pending.request, pending.payload_type, pending.overdue, now, view)
        elif self._failure is not None:
            self._finish(step, self._failure.fault, self._failure.reason)
        else:
            phase, fault = self.session.phase, Fault.CHARGE_LOOP_TIMEOUT
            if self.demand.stage is not Stage.ENERGY:
                fault = self.side.silence_faults.get(phase, Fault.SEQUENCE_TIMEOUT)
            self._finish(step, fault, f"no request in time while waiting in {phase.name}")  # [V2G20-443]
        return step

    def fail(self, refusal: Refusal, now: float, view: StationView) -> Step:
        """The station cannot go on: no more demand from now on, and the next request is refused.

        So the car learns of it in the protocol's own way. A car that asks nothing more is left after two seconds.
        """
        step = Step()
        if self.end is None and self._failure is None:
            self._failure = refusal
            self.session = replace(self.session, demand=Demand())
            if self._pending is not None:
                pending, self._pending = self._pending, None
                self._refuse(step, pending.request, pending.payload_type, refusal, now, view)
            else:
                self._deadline = min(now + LEARNS_WITHIN_S, self._deadline or now)
        return step

    def abort(self, fault: Fault, reason: str) -> Step:
        """End the session from outside: the connection is gone, or the station cannot go on."""
        step = Step()
        if self.end is None:
            self._finish(step, fault, reason)
        return step

    def _check(self, request: Type) -> None:
        """What holds for every request: its session first [V2G20-460], then the sequence."""
        edition, phase = self.side.edition, self.session.phase
        name = edition.name_of(request)
        self.side.check(request, self.session)
        selection = self.session.selection
        admitted = edition.admitted(phase, None if selection is None else selection.service.dc)
        if name not in admitted:
            reason = f"{name} in {phase.name}, which admits {', '.join(admitted)}"
            raise Refusal(Code.SEQUENCE_ERROR, reason, Fault.SEQUENCE_ERROR)
        if self._failure is not None:
            raise self._failure
        if self._pending is not None:
            pending = edition.name_of(self._pending.request)
            raise Refusal(Code.SEQUENCE_ERROR, f"{name} before the answer to {pending}", Fault.SEQUENCE_ERROR)

    def _judge_again(self, now: float, view: StationView) -> None:
        """A contract that was good when the car showed it may have expired since, or been revoked: it pays on for the
        session that it began, and is not enough to feed the grid any more. While a responder is asked, nothing changes.
        """
        session, car, contracts = self.session, self.session.car, self.session.offer.contracts
        if contracts is None or not car.contract or session.demand.stage is not Stage.ENERGY:
            return
        if now - self._judged_s < JUDGED_EVERY_S:
            return
        if car.contract_doubt and not self._doubts:
            return  # it never was enough
        self._judged_s = now
        judged = contracts.judge(session.chain, self.side.edition.name, view.unix_s)
        if not judged.pending:
            doubt = f"its contract is no longer good: {judged.reason}" if judged.flaw else judged.doubt
            self.session, self._doubts = replace(session, car=replace(car, contract_doubt=doubt)), bool(doubt)

    def _answer(self, step: Step, request: Type, payload_type: int, now: float, view: StationView) -> None:
        edition = self.side.edition
        name = edition.name_of(request)
        energy_before = self.session.demand.stage is Stage.ENERGY
        outcome = self.side.answers[name](request, self.session, view)
        self.session = outcome.session
        if isinstance(outcome, Wait):
            if self._pending is None:
                self._pending = _Pending(request, payload_type, now + outcome.budget_s, outcome.overdue)
            return
        self._pending = None
        before, after = self.session.phase, outcome.following
        assert after in edition.table[before][name], (
            f"{name} leads from {before.name} to {after.name}, which the table denies"
        )
        limit = self.side.phase_limits.get(before)
        if after is before and limit is not None and now - self._phase_since > limit[0]:
            fault = Fault.AUTHORIZATION if self.session.returned else limit[1]
            self._failure = Refusal(Code.FAILED, f"{before.name} lasted over {limit[0]:g} s", fault)
            if before not in self.side.quiet:
                raise self._failure
            self._finish(step, self._failure.fault, self._failure.reason)
            return
        send(step, edition.message_sets[payload_type], payload_type, outcome.response)
        if outcome.warning:
            step.events.append(Warned(outcome.warning))
        self._go_on(step, outcome, name, now, energy_before=energy_before)

    def _go_on(self, step: Step, outcome: Reply, name: str, now: float, *, energy_before: bool) -> None:
        before, after = self.session.phase, outcome.following
        if after is not before:
            self._phase_since = now
            self.session = replace(self.session, phase=after)
            move(step, before, after)
        stage = self.session.demand.stage
        if after is self.side.edition.ended:
            self._end(None, "SessionStop", self.side.pause(self.session) if self.session.pausing else None)
        elif name in self.side.edition.energy:
            self._deadline = now + self._silence.energy_s
        elif stage is Stage.ENERGY and energy_before:
            pass  # only the energy transfer's own requests keep the energy flowing
        elif after is not before or stage is not Stage.READY or self._deadline is None:
            self._deadline = now + self._silence.sequence_s
        # A request that leads nowhere does not keep a contactor closed either: then the deadline stays.

    def _refuse(
        self, step: Step, request: Type, payload_type: int, refusal: Refusal, now: float, view: StationView
    ) -> None:
        """The paired response with its code. If the edition says so, it ends the session for both sides."""
        edition = self.side.edition
        response = self.side.refuse(request, self.session, view, refusal)
        if response is not None:
            send(step, edition.message_sets[payload_type], payload_type, response)
        if self.side.refusal_ends or response is None or refusal is self._failure:
            self._finish(step, refusal.fault, f"{refusal.code.value}: {refusal.reason}")
        else:
            self._pending = None
            self._deadline = self._deadline or now + self._silence.sequence_s

    def _finish(self, step: Step, fault: Fault, reason: str) -> None:
        step.events.append(Faulted(fault, reason))
        move(step, self.session.phase, self.side.edition.ended)
        self.session = replace(self.session, demand=Demand(), phase=self.side.edition.ended)
        self._end(fault, reason)

    def _end(self, fault: Fault | None, reason: str, paused: Paused | None = None) -> None:
        self._deadline = self._pending = None
        self.end = End(fault, reason, paused)
