"""What must hold in every step of every run, whatever goes wrong. Judged is the plant itself, not what is measured.

| invariant | limit |
|---|---|
| energy flows only in the energy phase of a healthy session | `OFF_S`; `TRIP_OPEN_S` while no command arrives |
| ... of a car that is plugged in and has closed S2 | open after `PILOT_OPEN_S`; `TRIP_OPEN_S` without a reading |
| ... of a matched car, where there are modems | `TRIP_OPEN_S` |
| ... of a car that asks for it | its edition's time, `SILENT_S` on DC, and `OFF_S` after its last charge-loop request |
| on AC nothing flows before the charge loop, nor while the schedule is renegotiated | `FOLLOWS_S` |
| the contactor is open after each mishap that demands it | its kind's limit (`v2g.bench.mishaps.catalogue`) |
| ... and after each fault that the station found | `OPENED_S` |
| no discharge without authorisation, grid code and a bidirectional service, or a listed car's negative current | none |
| ... of such a car no more than `PROOF_W`, until it can have proved its sign | `PROVES_S` |
| power and current within the bounds of EV, station, inverter, duty cycle | `TOLERANCE` of each, `SLACK_W`, `SLACK_A` |
| ... of a car that takes or feeds more than it may | `FOLLOWS_S`, `RENEGOTIATES_S`; `FEEDS_S` without permission |
| a limit of site or operator that has fallen holds at the plant's own meter | `LIMIT_HOLDS`, `LIMIT_SLACK_W` |
| no number leaves the EVSE that is beyond what it can do | none |
| between charging and discharging the current rests | `DWELL_S` |
| a session that did not complete has a fault in the trace | at its end |
| a session to which only what is honest happened completes, without any fault | at its end |
| a session ends | `SESSION_ENDS_S` after its last message |
| the station's software does not fail | no exception, no fault INTERNAL |

"Flows": at least 1 A at the inverter or 250 W at the on-board charger, with the contactor closed.

Allowances, if the hardware obeys nobody: a welded contactor may stay closed, but must be reported; while the inverter
ignores its commands the current ends when the contactor opens (`TRIP_OPEN_S`); while an instrument shows a wrong
current, voltage or power, the bounds that rest on it, and the rest between two directions, are not judged; after a
bit error in what the car states its bounds are not judged. A car on AC converts by itself: what it takes in spite of
everything is seen at the meter alone, if that shows the truth, and only beyond `OVER_CURRENT` and `NO_POWER_W`; when it
turns is its own affair.
"""

from dataclasses import dataclass
from math import copysign, inf

from v2g.bench.mishaps.catalogue import CATALOGUE, PILOT_OPEN_S, TRIP_OPEN_S
from v2g.bench.mishaps.rig import Rig, StationLimit
from v2g.bench.sim.contactor import MECHANICAL_DELAY_S
from v2g.bench.sim.pilot import Cable
from v2g.bench.sim.world import POLL_S, STEP_S
from v2g.iso15118.edition import body_name
from v2g.iso15118.event import Faulted, Received
from v2g.iso15118.service import ControlMode
from v2g.iso15118.sign_proof import PROOF_TURNS, PROOF_W
from v2g.iso15118.station import StationConversation, longest_silence_s, silence
from v2g.iso15118.timeouts import SETUP_S
from v2g.iso15118.view import Stage
from v2g.kernel.fault import Fault
from v2g.pilot.state import READY
from v2g.pilot.timing import FOLLOW_S
from v2g.power.contactor import SWITCHES_WITHIN_S
from v2g.power.inverter import NO_CURRENT_A, OFF_WITHIN_S
from v2g.power.meter import NO_POWER_W
from v2g.station.event import Broke
from v2g.station.power.sources.reversal import DWELL_S
from v2g.station.power.sources.silence import SILENT_S
from v2g.station.power_path import BREAK_S
from v2g.station.safety.supervisor import OVER_CURRENT
from v2g.station.timeouts import CAR_FOLLOWS_S, FEEDS_S, FOLLOWS_S, RENEGOTIATES_S

OFF_S = OFF_WITHIN_S + STEP_S
"""From the end of the station's permission to no current: what the inverter takes, and when orders are given."""
TOLERANCE = 0.03
SLACK_W, SLACK_A = 200.0, 0.6
"""Of what control holds: the voltage moves with the current, and is measured every 0.1 s."""
LIMIT_HOLDS, LIMIT_SLACK_W = 1.02, 100.0
"""Of a limit at the meter; the slack is what an inverter loses at rest."""
DC_FOLLOWS_S = 1.0
"""How long the station's own inverter may take to a limit that fell."""
LOWERED_S = CAR_FOLLOWS_S + 0.5
"""How long a limit of the car that was lowered may be exceeded: until its next request, and through the ramp."""
SESSION_ENDS_S = longest_silence_s() + SETUP_S + 5.0
OPENED_S = BREAK_S + MECHANICAL_DELAY_S
"""From the fault that the station found to the open contactor."""
METERED_S = 2 * POLL_S + OPENED_S
"""From what the meter shows for too long to the open contactor."""
SILENT_DEAF_S = 1.5 + METERED_S
"""From the silence of a DC car to the open contactor if the inverter follows nothing any more: what it may take to hold
a set-point, and its ramp."""
TOLD_S = SWITCHES_WITHIN_S + 3 * POLL_S
"""By when a welded contactor is reported."""
PROVES_S = 0.9 * (PROOF_TURNS - 1) * POLL_S
"""The least time in which `PROOF_TURNS` measurements in a row can show a car's sign."""
_LOOP = ("ChargeLoopReq", "CurrentDemandReq", "ChargingStatusReq")
_MISLEADING = {
    "inverter frozen",
    "inverter voltage wrong",
    "inverter current wrong",
    "meter frozen",
    "meter wrong",
    "meter shows the impossible",
}
_UNHEARD = {"commands lost", "station restarted", "inverter deaf", "contactor deaf", "contactor silent"}
"""The station's orders do not reach the hardware."""
_UNREAD = {
    "pilot silent",
    "pilot deaf",
    "pilot noisy",
    "commands lost",
    "station restarted",
    "contactor deaf",
    "contactor silent",
}
"""The station does not see the pilot, or the old state in the noise, or cannot open the contactor itself."""
_UNTOLD = {
    "station restarted",
    "commands lost",
    "contactor silent",
    "contactor feedback frozen",
    "contactor feedback contrary",
}
"""The station does not see the contactor."""


@dataclass(frozen=True, slots=True)
class Violation:
    """An invariant that did not hold."""

    at_s: float
    what: str


@dataclass(slots=True)
class Struck:
    """A mishap that is there, or was."""

    kind: str
    at_s: float
    limit_s: float
    """By when the contactor must be open; infinite where the session may go on."""
    closed: bool
    """Whether the contactor was closed then."""
    until_s: float = inf
    opened_s: float | None = None
    """How long the contactor took to open."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A session that is over."""

    begun_s: float
    at_s: float
    completed: bool
    faults: tuple[Fault, ...]


class Checker:
    """Judges a rig after every step."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.violations: list[Violation] = []
        """The first one of each invariant."""
        self.struck: list[Struck] = []
        self.sessions: list[Ended] = []
        self.faults: list[Faulted | Broke] = []
        self._said: set[str] = set()
        self._permitted_s = self._drawing_s = self._matched_s = self._heard_s = self._begun_s = 0.0
        self._messages = self._events = self._known = self._faults_before = 0
        self._flowed: tuple[float, float] = (0.0, -inf)
        """Direction and time of the last energy."""
        self._conversation: StationConversation | None = None
        self._over = True
        """The present conversation has ended and is in `sessions`."""
        self._welded_s: float | None = None
        self._dc = rig.settings.inverter is not None
        self._asked_s = -inf
        """The last charge-loop request; of a car that does not talk, the last moment at which it may draw."""
        self._since_s: dict[str, float] = {}
        """Since when something is exceeded that may be for some time."""
        self._slack_s = STEP_S
        """What the world's clock cannot distinguish."""
        self._tripped_s = inf
        """When the present session failed."""
        self._fed_s = inf
        """When the present car first gave energy."""
        self._mends = False
        """A car that does not talk gets its energy back with what took it away."""

    def begin(self, kind: str, closed: bool) -> Struck:
        """A mishap has just happened; the contactor was `closed` before it."""
        world, limit_s = self.rig.world, CATALOGUE[kind].opens(self.rig)
        struck = Struck(kind, world.now, inf if limit_s is None else limit_s, closed)
        self.struck.append(struck)
        return struck

    def violate(self, invariant: str, what: str) -> None:
        if invariant not in self._said:
            self._said.add(invariant)
            self.violations.append(Violation(self.rig.world.now, what))

    def check(self, step_s: float) -> None:
        """Judge the present instant, `step_s` after the one before."""
        self._slack_s = step_s + STEP_S / 2
        world = self.rig.world
        plant, closed = world.plant, world.contactor.closed
        self._follow_trace()
        self._follow_session()
        self._follow_cable()
        self._check_contactor(closed)
        amps, watts = plant.current_a, plant.charger_power_w
        self._check_orders()
        for name, limit in self.rig.limits.items():
            self._check_limit(name, limit)
        if not closed:
            self._since_s.clear()
        self._check_rest(closed, watts)
        if closed and (abs(amps) >= NO_CURRENT_A or abs(watts) >= NO_POWER_W):
            self._check_permission()
            for each in self.struck:
                if CATALOGUE[each.kind].no_energy and each.until_s == inf:
                    self.violate(each.kind, f"energy flows in spite of: {each.kind}")
            self._check_bounds(amps, watts)
            self._check_direction(copysign(1.0, amps or watts))

    def _wrong(self, kinds: set[str]) -> bool:
        """Whether one of these mishaps is there, or was a moment ago."""
        oldest_s = self.rig.world.now - TRIP_OPEN_S
        return any(each.kind in kinds and each.until_s >= oldest_s for each in self.struck)

    def _follow_trace(self) -> None:
        events, self._known = self.rig.world.events, len(self.faults)
        for _, event in events[self._events :]:
            if isinstance(event, Faulted | Broke):
                self.faults.append(event)
                mends = isinstance(event, Broke) and self.rig.world.faults.mute
                self._mends = mends and (self._mends or self._tripped_s == inf)
                self._tripped_s = min(self._tripped_s, self.rig.world.now)
                if event.fault is Fault.INTERNAL:
                    self.violate("internal", f"fault INTERNAL: {event.reason}")
            elif isinstance(event, Received) and body_name(event.message).endswith(_LOOP):
                self._asked_s = self.rig.world.now
        self._events = len(events)

    def _follow_session(self) -> None:
        world = self.rig.world
        now, evse, conversation = world.now, world.evse, world.evse.visit.conversation
        if evse.visit.report.messages != self._messages:
            self._messages, self._heard_s = evse.visit.report.messages, now
        if conversation is not self._conversation:
            self._end_session()
            self._conversation, self._over = conversation, conversation is None
            self._begun_s = self._heard_s = now
            self._fed_s = inf
            self._tripped_s = now if len(self.faults) > self._known else inf
            self._faults_before = self._known  # it may have failed within the step
        stage, down = evse.demand.stage, world.faults.down
        if conversation is None and world.faults.mute and stage is Stage.ENERGY and not down:
            self._permitted_s = self._asked_s = now
        if conversation is None or self._over:
            return
        if conversation.end is not None:
            self._end_session()
        elif now - self._heard_s > SESSION_ENDS_S and not down:
            self.violate("hangs", f"the session hangs in {conversation.phase}")
        elif not down and stage is Stage.ENERGY:
            self._permitted_s = now
        elif not down and stage is Stage.READY and not self._dc:
            self._permitted_s = self._asked_s = now  # the car is only asked to rest: `_check_rest`

    def _end_session(self) -> None:
        """A session is over: it completed, or the trace says why not."""
        if self._over or self._conversation is None:
            return
        self._over = True
        end = self._conversation.end
        completed = end is not None and end.fault is None
        faults = tuple(each.fault for each in self.faults[self._faults_before :])
        self.sessions.append(Ended(self._begun_s, self.rig.world.now, completed, faults))
        if not completed and not faults and not self._wrong({"station restarted"}):
            self.violate("untold", "the session did not complete, and no fault is in the trace")

    def _follow_cable(self) -> None:
        now, cable = self.rig.world.now, self.rig.world.cable
        if cable is None or (cable.pilot.cable is Cable.SOUND and cable.pilot.vehicle.state in READY):
            self._drawing_s = now
        if cable is None or cable.pair is None or cable.pair.evse.match is not None:
            self._matched_s = now

    def _check_contactor(self, closed: bool) -> None:
        world, welded = self.rig.world, self.rig.welded
        now = world.now
        self._check_weld(closed and not world.contactor.driven)
        if not closed and self._mends:
            self._tripped_s = inf
        least_s = TRIP_OPEN_S if self._wrong(_UNREAD) else PILOT_OPEN_S
        unheard_s = max((each.at_s for each in self.struck if each.kind in _UNHEARD), default=-inf)
        for each in self.struck:
            if each.until_s < now:
                continue
            took_s = now - each.at_s
            if not closed and each.closed and each.opened_s is None:
                each.opened_s = took_s
            limit_s = max(each.limit_s, least_s, unheard_s + TRIP_OPEN_S - each.at_s)
            if closed and not welded and took_s > limit_s + self._slack_s:
                self.violate(each.kind, f"the contactor is closed {took_s:.2f} s after: {each.kind}")
        if closed and not welded and now - self._tripped_s > OPENED_S + 2 * self._slack_s and not self._wrong(_UNHEARD):
            self.violate("trip", f"the contactor is closed {now - self._tripped_s:.2f} s after the fault")
        if closed and not welded and now - self._drawing_s > least_s + self._slack_s:
            self.violate("pilot", f"the contactor is closed {now - self._drawing_s:.2f} s after the car left state C")

    def _check_weld(self, contradicts: bool) -> None:
        now = self.rig.world.now
        if not contradicts:
            self._welded_s = None
        elif self._welded_s is None:
            self._welded_s = now
        elif now - self._welded_s > TOLD_S and not self._wrong(_UNTOLD) and not self._told():
            self.violate("weld", "the contactor is welded, and no fault is in the trace")

    def _told(self) -> bool:
        return any(each.fault is Fault.CONTACTOR for each in self.faults)

    def _check_permission(self) -> None:
        now, unheard = self.rig.world.now, self._wrong(_UNHEARD)
        if self.rig.welded and (unheard or self.rig.settings.inverter is None):
            return  # nobody but the hardware's own protection can stop it
        if now - self._permitted_s > (TRIP_OPEN_S if unheard else OFF_S) + self._slack_s:
            self.violate("permission", f"energy flows {now - self._permitted_s:.2f} s after the station's permission")
        if now - self._matched_s > TRIP_OPEN_S + self._slack_s:
            self.violate("match", f"energy flows {now - self._matched_s:.2f} s after the car's match")
        silent_s = now - self._asked_s
        off_s = OFF_S if not unheard else SILENT_DEAF_S if self._wrong({"inverter deaf"}) else TRIP_OPEN_S
        if silent_s > self._silence_s + off_s + self._slack_s:
            self.violate("silence", f"energy flows {silent_s:.2f} s after the car's last charge-loop request")

    @property
    def _silence_s(self) -> float:
        """How long energy may flow without a charge-loop request: as the edition says, and no longer than `SILENT_S`
        through an inverter of the station that it would leave alone for a minute."""
        edition_s = silence(self.rig.edition).energy_s
        return min(edition_s, SILENT_S) if self._dc else edition_s

    @property
    def _stage(self) -> Stage:
        return self.rig.world.evse.demand.stage

    @property
    def _follows_s(self) -> float:
        """How long whoever converts may take to a lower limit."""
        if self._dc:
            return DC_FOLLOWS_S
        scheduled = self.rig.intent.mode is ControlMode.SCHEDULED and not self.rig.world.faults.mute
        return RENEGOTIATES_S if scheduled else FOLLOWS_S

    @property
    def _unsaid(self) -> bool:
        """Whether nothing tells the station what the car allows, although the car does the converting."""
        return self.rig.world.faults.mute or (self.rig.world.faults.hung and not self._dc)

    def _lasts(self, name: str, *, beyond: bool) -> float:
        """For how long `beyond` has held, and could be seen at the meter and ended."""
        if not beyond or self._wrong(_MISLEADING | _UNHEARD):
            self._since_s.pop(name, None)
            return 0.0
        return self.rig.world.now - self._since_s.setdefault(name, self.rig.world.now)

    def _check_rest(self, closed: bool, watts: float) -> None:
        """On AC the contactor is closed before the first request of the charge loop, and while it is renegotiated."""
        beyond = closed and abs(watts) >= NO_POWER_W and self._stage is Stage.READY and not self._dc
        lasted_s = self._lasts("rest", beyond=beyond)
        if lasted_s > FOLLOWS_S + METERED_S + self._slack_s:
            self.violate("rest", f"a car on AC moves {watts:.0f} W for {lasted_s:.2f} s outside of the charge loop")

    def _check_orders(self) -> None:
        own, inverter = self.rig.settings.capability, self.rig.world.orders.inverter
        volts = 0 <= inverter.minimum_voltage_v <= own.voltage_max_v and 0 <= inverter.voltage_v <= own.voltage_max_v
        if not (volts and -own.discharge_w <= inverter.power_w <= own.charge_w):
            self.violate("orders", f"the inverter is commanded beyond what the EVSE can do: {inverter}")

    def _check_limit(self, name: str, limit: StationLimit) -> None:
        plant, now = self.rig.world.plant, self.rig.world.now
        metered_w = plant.ac_power_w + plant.charger_power_w
        power_w = plant.power_w if limit.at_the_car and self._dc else metered_w
        most_w, flows_w = limit.of(power_w), abs(power_w)
        passed_on_s = FOLLOW_S if self.rig.world.faults.mute else 0.0  # a duty cycle holds for a while
        due = now - limit.since_s > passed_on_s + self._follows_s + POLL_S + self._slack_s
        lasting_s, beyond = 0.0, flows_w > most_w * LIMIT_HOLDS + LIMIT_SLACK_W
        if self.rig.greedy:
            beyond, lasting_s = flows_w > most_w * OVER_CURRENT + NO_POWER_W, passed_on_s + self._follows_s + METERED_S
        lasts_s = self._lasts(name, beyond=beyond)
        if due and beyond and lasts_s >= lasting_s and not self._wrong(_MISLEADING | _UNHEARD):
            self.violate("limit", f"the meter shows {power_w:.0f} W, the {name} limit is {most_w:.0f} W")

    def _check_bounds(self, amps: float, watts: float) -> None:
        evse, plant = self.rig.settings, self.rig.world.plant
        own, rating = evse.capability, plant.settings.rating
        heard_s = SILENT_S + OFF_S if self.rig.world.faults.hung else LOWERED_S  # what it lowers then nobody hears
        car = self.rig.car_limits(heard_s + self._slack_s)
        direct = amps != 0.0
        power_w = abs(plant.power_w if direct else watts)
        bounds: tuple[tuple[str, float, float], ...]
        if (amps or watts) > 0:
            bounds = (("EV", car.charge_w, car.charge_a), ("station", own.charge_w, own.charge_a))
            inverter = ("inverter", rating.charge_power_max_w, rating.charge_current_max_a)
        else:
            bounds = (("EV", car.discharge_w, car.discharge_a), ("station", own.discharge_w, own.discharge_a))
            inverter = ("inverter", rating.discharge_power_max_w, rating.discharge_current_max_a)
        self._check_discharge(feeds=(amps or watts) < 0)
        if (amps or watts) < 0:
            self._check_proof(power_w)
        if self.rig.world.faults.mute and evse.pilot is not None and evse.pilot.fallback_a is not None:
            most_w = evse.pilot.fallback_a * sum(self.rig.grid.voltages_v[: evse.phases])
            bounds = (*bounds, ("duty cycle", most_w, inf))
        for whose, most_w, most_a in (*bounds, inverter):
            if whose == "EV" and (self.rig.corrupted or self.rig.greedy or self._unsaid):
                continue
            if self.rig.greedy:
                unstoppable = self.rig.welded and not self._dc
                beyond = power_w > most_w * OVER_CURRENT + NO_POWER_W and not unstoppable
                lasts_s = self._lasts(whose, beyond=beyond)
                beyond = lasts_s > self._follows_s + METERED_S + self._slack_s
            else:
                beyond = power_w > most_w * (1 + TOLERANCE) + SLACK_W
            if beyond:
                self.violate("power", f"{power_w:.0f} W, the {whose} allows {most_w:.0f} W")
            if direct and abs(amps) > most_a * (1 + TOLERANCE) + SLACK_A and not self._wrong(_MISLEADING):
                self.violate("current", f"{abs(amps):.1f} A, the {whose} allows {most_a:.1f} A")

    def _check_discharge(self, *, feeds: bool) -> None:
        evse, service = self.rig.settings, self.rig.intent.service
        listed = self.rig.intent.negative_current and bool(evse.access.negative_current_unproved)
        bidirectional = service.bidirectional and (service.dc or evse.bench_ac_bpt)
        allowed = evse.may_feed and (bidirectional or listed)
        lasts_s = self._lasts("discharge", beyond=feeds and not allowed)
        excused = self.rig.greedy and (self.rig.welded or lasts_s <= FEEDS_S + METERED_S + self._slack_s)
        if feeds and not allowed and not excused:
            self.violate("discharge", "the vehicle is discharged without authorisation, grid code or service for it")

    def _check_proof(self, power_w: float) -> None:
        """What a car of before ISO 15118-20 gives before it has proved that it means it."""
        now = self.rig.world.now
        self._fed_s = min(self._fed_s, now)
        soon = self.rig.intent.negative_current and now - self._fed_s < PROVES_S
        if soon and power_w > PROOF_W * (1 + TOLERANCE) + SLACK_W and not self._wrong(_MISLEADING):
            self.violate("proof", f"{power_w:.0f} W out of a car {now - self._fed_s:.2f} s after its first current")

    def judge_honest(self) -> None:
        """The first car's session is over, and nothing that was wrong has been mended yet."""
        if self.rig.world.faults.mute or not all(CATALOGUE[each.kind].honest for each in self.struck):
            return
        if self.faults or not any(each.completed for each in self.sessions):
            why = self.faults[0].reason if self.faults else "without a fault"
            self.violate("honest", f"nothing is wrong, and the session does not complete: {why}")

    def _check_direction(self, direction: float) -> None:
        now = self.rig.world.now
        before, last_s = self._flowed
        if (
            before * direction < 0
            and now - last_s < DWELL_S - STEP_S / 2
            and not self._wrong(_MISLEADING)
            and not self.rig.greedy
        ):
            self.violate("dwell", f"the direction turned after {now - last_s:.2f} s, due are {DWELL_S:g} s")
        self._flowed = direction, now
