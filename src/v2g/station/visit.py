"""All that belongs to one plugged-in car: made when it comes, gone when it leaves. It is also the transaction."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from v2g.iso15118.car import CarState
from v2g.iso15118.edition import body_name
from v2g.iso15118.event import Event as TalkEvent
from v2g.iso15118.event import Faulted, Received, Sent
from v2g.iso15118.service import Service
from v2g.iso15118.station import PAUSE_WITHIN_S, StationConversation
from v2g.iso15118.view import Demand, Stage, Stop
from v2g.kernel.fault import Fault
from v2g.pilot.state import State
from v2g.pilot.station import Happening, PilotEvent
from v2g.power.meter import MeterReading, counted_wh
from v2g.station.access import Answer, Identity, Verdict
from v2g.station.config.settings import Capability
from v2g.station.contacts import Contacts
from v2g.station.event import Deviates, Event, InverterJudged, PilotHappened, PromiseBroken, SessionEnded
from v2g.station.power.decider import Decider
from v2g.station.power.limits import Decision
from v2g.station.power.situation import Injection
from v2g.station.promise import Promise
from v2g.station.safety.cable_check import CableCheck
from v2g.station.timeouts import NOT_READY_S, STOP_S

if TYPE_CHECKING:  # loaded once the station listens
    from v2g.station.safety.plug import Plug

MOST_DEVIATIONS = 20
"""Report at most this many schema deviations per visit."""
REPORT_S = 1.0
"""Report the same wish and limit at most once per second; a new pair at once."""
Causes = tuple[str, str | None]
_GRID = (Fault.GRID, Fault.ISLANDING, Fault.GRID_SENSOR_LOST)


@dataclass(slots=True)
class Report:
    """The figures of a visit, for the operator."""

    session_id: str = ""
    evcc_id: str = ""
    service: str = ""
    mode: str = ""
    messages: int = 0
    last_message: str = ""
    charged_wh: float = 0.0
    discharged_wh: float = 0.0
    result: str = ""
    fault: str | None = None
    """Its code and the reason."""
    cause: Fault | None = None

    def follow(self, conversation: StationConversation) -> None:
        """Take over what the conversation knows by now."""
        named = any(conversation.session_id)  # before SessionSetup it is all zeros
        self.session_id = conversation.session_id.hex().upper() if named else ""
        self.evcc_id = conversation.car.evcc_id
        selection = conversation.selection
        if selection is not None:
            self.service, self.mode = selection.service.name, selection.mode.name.lower()

    def fail(self, fault: Fault, reason: str) -> None:
        """The visit ends with this fault."""
        self.result, self.fault, self.cause = "failed", f"{fault.code} {reason}", fault


@dataclass(slots=True)
class Visit:
    """One car at one EVSE."""

    decider: Decider
    conversation: StationConversation | None = None
    """None for a car that does not talk, and once the connection is gone."""
    since_s: float = float("-inf")
    """When the car connected, monotonic."""
    heard_s: float = float("-inf")
    """When its last request arrived, monotonic."""
    certificate: str | None = None
    """Common name of the vehicle certificate that the car has proved to hold."""
    certificate_ends_s: float | None = None
    """When that ends, Unix time."""
    doubt: str = ""
    """Why that certificate is enough to charge, and not to feed the grid; empty if it is enough for both."""
    verdict: Verdict | None = None
    judged: Identity | None = None
    """The identity that the verdict is about."""
    admitted: bool = False
    """It has been let in. A decision that is open again later ends no session; before, nothing is closed for it."""
    report: Report = field(default_factory=Report)
    promise: Promise = field(default_factory=Promise)
    injection: Injection | None = None
    """What the operator wants of this car."""
    let_in: str = ""
    """Who has let this car in by the local API; empty if nobody has."""
    card: str = ""
    """The card that was shown for this car; empty if none was."""
    check: CableCheck | None = None
    trip: tuple[Fault, str] | None = None
    """Why this car gets no energy any more."""
    ending: tuple[Fault, str] | None = None
    """The fault for which its session is ended in order."""
    stop: Stop = Stop.NONE
    stop_by_s: float = 0.0
    waits_since_s: float | None = None
    """Since when the car waits for hardware that is not ready."""
    draws: bool = False
    """A car that does not talk may draw what the duty cycle says."""
    winds_down: bool = False
    """It drew by the duty cycle until it talked, and is still to stop: power first, contactor next."""
    meter: MeterReading | None = None
    """The reading up to which energy has been counted."""
    deviations: set[str] = field(default_factory=set)
    woken: bool = False
    """It has been asked to return after a fault of the grid."""
    inverter: str | None = None
    """What was reported last of the car's inverter: why it may not feed; empty if it may."""
    causes: Causes | None = None
    """Who wished and what bound when that was reported last."""
    reported_s: dict[Causes, float] = field(default_factory=dict)
    """When each such pair was reported."""
    contacts: Contacts = field(default_factory=Contacts)

    def judge_certificate(self, unix_s: int) -> None:
        """It may expire during the session."""
        expired = self.certificate_ends_s is not None and unix_s > self.certificate_ends_s
        self.doubt = "its vehicle certificate has expired" if expired else ""

    def heard(self, now: float) -> None:
        """A request has arrived."""
        self.report.messages += 1
        self.heard_s = now

    def is_news(self, decision: Decision, now: float) -> bool:
        """Whether another wish or another limit decides, and that is to be reported."""
        causes = decision.wished_by, None if decision.binding is None else decision.binding.source
        if causes == self.causes or now - self.reported_s.get(causes, float("-inf")) < REPORT_S:
            return False
        self.causes = causes
        self.reported_s[causes] = now
        return True

    def take(self, events: Iterable[TalkEvent]) -> Iterator[Event]:
        """What its conversation has brought about, as it is reported. A fault trips the visit."""
        for event in events:
            if isinstance(event, Faulted):
                if self.trip is not None:
                    continue  # reported already, when it tripped
                self.trip = event.fault, event.reason
            elif isinstance(event, Sent):
                self.report.last_message = body_name(event.message)
            elif isinstance(event, Received):
                name = body_name(event.message)
                yield from (Deviates(name, each) for each in self._new_deviations(event.deviations))
            yield event

    def _new_deviations(self, found: Iterable[str]) -> Iterator[str]:
        """Each once: who looks after this car wants to know, not to read it ten times a second."""
        for deviation in found:
            if len(self.deviations) < MOST_DEVIATIONS and deviation not in self.deviations:
                self.deviations.add(deviation)
                yield deviation

    def follow(self, conversation: StationConversation) -> Iterator[InverterJudged]:
        """Take over what the conversation knows by now, and report what is new about the car's inverter."""
        self.report.follow(conversation)
        yield from self._judged_inverter(conversation.car)

    def ended(self, conversation: StationConversation) -> SessionEnded | None:
        """The end of its session, once."""
        end, report = conversation.end, self.report
        if end is None or report.result:
            return None
        fault = (self.ending or self.refusal) if end.fault is None else (end.fault, end.reason)
        report.result = "completed"
        if fault is not None:
            report.fail(*fault)
        return SessionEnded(end.paused is not None, report.charged_wh, report.discharged_wh, report.messages)

    def asked_back(self, plug: "Plug | None", *, in_service: bool) -> Iterator[PilotHappened]:
        """A car that lost its session to a fault of the grid is woken, once, when the station is in service again."""
        if self.woken or plug is None or self.busy or self.trip is None or self.trip[0] not in _GRID:
            return
        if in_service and plug.pilot.finding.state is State.B:
            self.woken = True
            plug.pilot.wake()
            yield PilotHappened(PilotEvent(Happening.WAKE, "the grid is back, the car is asked to return: state F"))

    def _judged_inverter(self, car: CarState) -> Iterator[InverterJudged]:
        """The verdict about the car's inverter, once it is there and each time that it is another one."""
        found = None if car.der is None or not (car.der.accepted or car.der.lacking) else car.der.lacking
        if found is not None and found != self.inverter:
            self.inverter = found
            yield InverterJudged(found)

    def asked_to_stop(self, kind: Stop, now: float) -> bool:
        """The station wants its session ended or paused. Whether that is new."""
        if self.stop in (kind, Stop.TERMINATE):
            return False
        stop_by_s = now + STOP_S + (PAUSE_WITHIN_S if kind is Stop.PAUSE else 0.0)
        self.stop_by_s = stop_by_s if self.stop is Stop.NONE else min(self.stop_by_s, stop_by_s)
        self.stop = kind
        return True

    def overdue(self, now: float) -> tuple[Fault, str] | None:
        """The fault, if it has not stopped in time although it was asked to."""
        if self.stop is Stop.NONE or now <= self.stop_by_s:
            return None
        late_s = STOP_S if self.stop is Stop.TERMINATE else STOP_S + PAUSE_WITHIN_S
        return Fault.SEQUENCE_TIMEOUT, f"the car did not stop within {late_s:g} s"

    @property
    def is_stopped(self) -> bool:
        """Whether nothing but a wish of the station keeps it from energy."""
        return self.stop is not Stop.NONE and self.trip is None

    def misses(self, missing: tuple[Fault, str] | None, now: float) -> tuple[Fault, str] | None:
        """What is `missing`, once a car has waited for it in authorisation for so long that its session should fail.
        For a contactor that rests it waits on: that is over before a car gives up, and loses its paused session."""
        waits = self.conversation is not None and self.conversation.awaits_authorization
        if missing is None or missing[0] is Fault.REQUEST_REFUSED or not waits:
            self.waits_since_s = None
            return None
        if self.waits_since_s is None:
            self.waits_since_s = now
        return missing if now - self.waits_since_s > NOT_READY_S else None

    def renegotiates(self, demand: Demand, decision: Decision, now: float) -> tuple[bool, list[PromiseBroken]]:
        """Whether the schedule that the car follows no longer fits what is allowed, and what is new about that."""
        conversation = self.conversation
        self.promise.given(() if conversation is None else conversation.schedule, now)
        if conversation is None or self.stop is not Stop.NONE or demand.stage is not Stage.ENERGY:
            return False, []
        before = {each.direction for each in self.promise.broken}
        wanted = self.promise.step(decision.allowed, now)
        asks = conversation.renegotiates
        new = [each for each in self.promise.broken if each.direction not in before]
        return wanted, [PromiseBroken(decision.allowed.of(each.direction), *each, asks) for each in new]

    def account(self, meter: MeterReading | None, capability: Capability, *, mute: bool) -> None:
        """Count the energy up to this reading, while there is a car. What a meter shows after a reset is not counted;
        what was, stays. `mute`: the car does not talk."""
        report = self.report
        if meter is None or (self.conversation is None and not mute):
            return
        if mute:
            report.service, report.mode = Service.AC.name, "duty cycle"
        if meter is self.meter:
            return  # the EVSE looks more often than the meter is read
        before, self.meter, rated_w = self.meter or meter, meter, max(capability.charge_w, capability.discharge_w)
        charged_wh = counted_wh("import_wh", before, meter, rated_w) or 0.0
        discharged_wh = counted_wh("export_wh", before, meter, rated_w) or 0.0
        report.charged_wh = round(report.charged_wh + charged_wh, 6)
        report.discharged_wh = round(report.discharged_wh + discharged_wh, 6)

    @property
    def refusal(self) -> tuple[Fault, str] | None:
        """Why the car may not use this EVSE; None if it may, or nobody knows yet."""
        refused = self.verdict is not None and self.verdict.answer is Answer.REFUSED
        return (Fault.AUTHORIZATION, self.verdict.reason) if self.verdict is not None and refused else None

    @property
    def charges_only(self) -> str:
        """Why this car may not feed the grid; empty if it may, or before energy flows as long as nobody has decided."""
        verdict = self.verdict
        if verdict is not None and verdict.answer is Answer.GRANTED:
            return verdict.charges_only
        flows = self.conversation is not None and self.conversation.demand.stage is Stage.ENERGY
        return "nobody lets it feed the grid any more" if flows else ""

    @property
    def busy(self) -> bool:
        """Whether a session is under way."""
        return self.conversation is not None and self.conversation.end is None
