"""One run: a car comes, things go wrong, what can be mended is mended, and the next car comes."""

from dataclasses import dataclass, field, replace
from math import inf
from pathlib import Path
from random import Random
from traceback import extract_tb

from v2g.bench.mishaps.catalogue import CATALOGUE, TRIP_OPEN_S
from v2g.bench.mishaps.invariants import Checker, Ended, Struck, Violation
from v2g.bench.mishaps.rig import Rig
from v2g.bench.mishaps.scenario import NEXT_ENERGY_S, After, Mishap, Scenario
from v2g.bench.sim.world import IDLE_STEP_S, STEP_S
from v2g.iso15118.event import Received, Sent
from v2g.iso15118.view import Stage
from v2g.kernel import chance
from v2g.station.event import Event
from v2g.station.text import describe

WAITS_S = 15.0
"""How long a driver waits for a car that does not begin to talk."""
READY_WITHIN_S = 30.0
"""How long the station may take to be ready again: grid codes demand 10 s of a sound grid."""
_CALM_STEP_S, _PASSING_STEP_S = 0.02, 0.05
_CLOSES_S = 0.1
"""A car whose session has ended closes its connection."""
_CLOSELY = (Stage.PRECHARGE, Stage.READY)


@dataclass(slots=True)
class Outcome:
    """What became of a run."""

    scenario: Scenario
    violations: list[Violation] = field(default_factory=list)
    struck: list[Struck] = field(default_factory=list)
    sessions: list[Ended] = field(default_factory=list)
    next_served: bool | None = None
    """None where there could be none: something is broken for good."""
    timeline: list[tuple[float, str]] = field(default_factory=list)
    lasted_s: float = 0.0
    """Of virtual time."""


def run(scenario: Scenario) -> Outcome:
    """Let a scenario happen."""
    before, chance.source = chance.source, Random(scenario.seed).randbytes  # noqa: S311 - session ids, delays
    try:
        return Course(scenario).run()
    finally:
        chance.source = before


class Course:
    """A run under way. Whoever wants to sabotage it changes `rig.world` before `run`."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.rig = Rig(scenario.settings, scenario.intent, scenario.soc, Random(scenario.seed + 1))  # noqa: S311
        self.checker = Checker(self.rig)
        self.outcome = Outcome(scenario)
        self._ahead = list(scenario.mishaps)
        self._there: list[tuple[Mishap, Struck]] = []
        self._closed_s: float | None = None
        self._since_s: dict[After, float] = {}
        """When the car was plugged in, the contactor closed for energy, energy was first due."""
        self._close_until_s = 0.0

    def run(self) -> Outcome:
        """From the first reading to the end of the next car's session."""
        try:
            self._course()
        except Exception as error:  # whatever escapes from the EVSE is a violation, not the end of a campaign
            where = extract_tb(error.__traceback__)[-1]
            place = f"{Path(where.filename).name}:{where.lineno}"
            self.checker.violate("exception", f"{type(error).__name__}: {error} ({place})")
        outcome, checker, world = self.outcome, self.checker, self.rig.world
        outcome.violations, outcome.struck, outcome.sessions = checker.violations, checker.struck, checker.sessions
        outcome.lasted_s = world.now
        outcome.timeline += [(time, text) for time, event in world.events if (text := _text(event))]
        outcome.timeline += [(time, f"contactor {'closes' if closed else 'opens'}") for time, closed in world.switched]
        outcome.timeline += [(each.at_s, f"VIOLATION: {each.what}") for each in checker.violations]
        outcome.timeline.sort(key=lambda line: line[0])
        return outcome

    def _course(self) -> None:
        world = self.rig.world
        self._until_ready()
        self._say("the car is plugged in")
        self._since_s["plug"] = world.now
        world.plug_in()
        self._until_over(WAITS_S)
        self._pass(0.3)
        if world.contactor.closed:
            self._pass(TRIP_OPEN_S)  # every limit has passed then
        for mishap, struck in self._there:
            self._end(mishap, struck)
        self._there, self._ahead = [], []
        self.checker.judge_honest()
        self._leave()
        if world.contactor.closed:
            self._pass(1.0)  # it is welded, and will not be ready
        else:
            self._until_ready()
        welded = world.contactor.closed
        self._say("the next car is plugged in")
        served = len(self.checker.sessions)
        self.rig.another_car(replace(self.scenario.intent, duration_s=NEXT_ENERGY_S))
        world.plug_in(intent=self.rig.intent)
        begun_s = world.now
        self._until_over(WAITS_S)
        completed = any(each.completed for each in self.checker.sessions[served:])
        if completed and welded:
            self.checker.violate("next car", "a car is served at a welded contactor")
        elif not self.rig.welded:
            self.outcome.next_served = completed
            if not completed:
                self.checker.violate("next car", f"the next car is not served within {world.now - begun_s:.0f} s")
        self._pass(0.2)

    def _until_ready(self) -> None:
        """Idle until the station would take a car, and has seen the one before leave: state F hides that."""
        world, end_s = self.rig.world, self.rig.world.now + READY_WITHIN_S
        self._pass(0.2)
        while world.now < end_s and (world.evse.why_not_ready(world.now) is not None or not self._sees_no_car()):
            self._step(IDLE_STEP_S)

    def _sees_no_car(self) -> bool:
        plug = self.rig.world.evse.plug
        return plug is None or not plug.pilot.connected

    def _until_over(self, waits_s: float) -> None:
        """Until the car's session has ended on both sides; a car that does not come to talk leaves after a while."""
        world, since_s = self.rig.world, self.rig.world.now
        sessions = len(self.checker.sessions)
        while True:
            talks = world.evcc is not None and world.evcc.end is None and not world.faults.hung
            conversation = world.evse.visit.conversation
            busy = conversation is not None and conversation.end is None
            if len(self.checker.sessions) > sessions and not talks and not busy:
                return
            if not talks and not busy and world.now - since_s > waits_s:
                return
            if len(self.checker.violations) > 5 or world.now - since_s > 200.0:
                return
            self._step(self._pace(world.now - since_s))

    def _pace(self, waited_s: float) -> float:
        """Close steps where something happens, wide ones where everybody waits."""
        world = self.rig.world
        if world.now < self._close_until_s or (world.contactor.closed and world.evse.demand.stage in _CLOSELY):
            return STEP_S
        return _CALM_STEP_S if waited_s < WAITS_S or world.contactor.closed else IDLE_STEP_S

    def _pass(self, seconds: float) -> None:
        end_s = self.rig.world.now + seconds
        while self.rig.world.now < end_s - STEP_S / 2:
            self._step(STEP_S if self.rig.world.contactor.closed else _PASSING_STEP_S)

    def _step(self, step_s: float) -> None:
        world = self.rig.world
        self.rig.step(step_s)
        self.checker.check(step_s)
        self._close_connection()
        stage = world.evse.demand.stage
        if stage is Stage.READY or stage is Stage.ENERGY:
            self._since_s.setdefault("ready", world.now)
        if stage is Stage.ENERGY:
            self._since_s.setdefault("energy", world.now)
        for mishap in [each for each in self._ahead if world.now >= self._due_s(each)]:
            self._ahead.remove(mishap)
            self._strike(mishap)
        for each in [each for each in self._there if world.now >= each[1].at_s + each[0].lasts_s]:
            self._there.remove(each)
            self._end(*each)

    def _close_connection(self) -> None:
        """A car that is done closes its connection, and so does the station; the other side hears of it, if it can."""
        world = self.rig.world
        if world.evcc is None or world.evcc.end is None or world.faults.cut or world.faults.hung or world.faults.down:
            self._closed_s = None
        elif self._closed_s is None:
            self._closed_s = world.now
        elif world.now - self._closed_s >= _CLOSES_S:
            self._closed_s = None
            world.unplug()

    def _due_s(self, mishap: Mishap) -> float:
        return self._since_s.get(mishap.after, inf) + mishap.at_s

    def _strike(self, mishap: Mishap) -> None:
        world = self.rig.world
        self._say(f"MISHAP: {mishap.kind}")
        closed = world.contactor.closed
        CATALOGUE[mishap.kind].strike(self.rig, self.rig.random)
        self._there.append((mishap, self.checker.begin(mishap.kind, closed)))
        self._close_until_s = world.now + 1.0

    def _end(self, mishap: Mishap, struck: Struck) -> None:
        CATALOGUE[mishap.kind].clear(self.rig)
        struck.until_s = self.rig.world.now
        self._say(f"over: {mishap.kind}")

    def _leave(self) -> None:
        """The driver takes the car away."""
        world = self.rig.world
        self._say("the car leaves")
        if world.cable is not None:
            world.pull_out()
        elif world.evcc is not None:
            world.unplug()
        self._pass(0.2)

    def _say(self, what: str) -> None:
        self.outcome.timeline.append((self.rig.world.now, what))


def _text(event: Event) -> str:
    if isinstance(event, Received | Sent):
        return ""
    level, text = describe(event)
    return text if level == "INFO" else f"{level} {text}"
