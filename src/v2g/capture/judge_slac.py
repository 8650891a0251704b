"""Says what is wrong in the matching of car and station over the power line (ISO 15118-3, with its timers' names).

The frames have no sequence numbers, so a message that the capture lost looks like one that was never sent. Missing
messages are listed once for each run, and nobody is blamed for them.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from v2g.capture.record import Record
from v2g.slac import constants

START, SOUND, RESULT = "CM_START_ATTEN_CHAR.IND", "CM_MNBC_SOUND.IND", "CM_ATTEN_CHAR.IND"
SOUNDS = "number of sounds"
REQUEST, ANSWER, END = "CM_SLAC_PARM.REQ", "CM_SLAC_PARM.CNF", "CM_SLAC_MATCH.CNF"
STEPS: dict[str, tuple[str, float, str]] = {
    ANSWER: (REQUEST, constants.TT_MATCH_RESPONSE_S, "TT_match_response"),
    START: (ANSWER, constants.TT_MATCH_SEQUENCE_S, "TT_match_sequence"),
    SOUND: (START, constants.TT_MATCH_SEQUENCE_S, "TT_match_sequence"),
    RESULT: (START, constants.TT_EV_ATTEN_RESULTS_S, "TT_EV_atten_results"),
    "CM_ATTEN_CHAR.RSP": (RESULT, constants.TT_MATCH_RESPONSE_S, "TT_match_response"),
    "CM_SLAC_MATCH.REQ": ("CM_ATTEN_CHAR.RSP", constants.TT_EVSE_MATCH_SESSION_S, "TT_EVSE_match_session"),
    END: ("CM_SLAC_MATCH.REQ", constants.TT_MATCH_RESPONSE_S, "TT_match_response"),
}
"""Message -> the one that goes before it, and how long after that it may come at most."""

CAR_FIELDS = {ANSWER: "forwarding_sta", RESULT: "source_address", END: "pev_mac"}
"""Where the messages of a station name the car. All others of the matching are sent by the car."""
MOST_RUNS = 4096


@dataclass
class _Run:
    """One attempt of one car. Some cars keep their run id for every attempt; some makers give all cars the same one."""

    car: str
    run_id: str
    first: Record
    latest: Record
    times: dict[str, float] = field(default_factory=dict)
    """When each message was last seen, of an announcement when it was first seen."""
    announced: dict[str, int] = field(default_factory=dict)
    sounds: int = 0
    judged: set[str] = field(default_factory=set)
    missing: set[str] = field(default_factory=set)
    """Messages that must precede others and are not in the capture."""
    asked: "_Run | None" = None
    """The run whose request was answered with this run's id."""
    is_linked: bool = False
    """Whether car and station talked over the line afterwards."""

    def is_over(self, name: str, time: float) -> bool:
        """Whether this message begins another attempt."""
        if name == REQUEST:
            return bool(self.times.keys() - {REQUEST, ANSWER})
        return name == START and time - self.times.get(START, time) > constants.TT_EV_ATTEN_RESULTS_S

    def awaits_answer(self, time: float) -> bool:
        """Whether the car's request is unanswered and its timeout has not passed."""
        asked = self.times.get(REQUEST, time)
        return ANSWER not in self.times and 0 <= time - asked <= constants.TT_MATCH_RESPONSE_S

    @property
    def is_of_car(self) -> bool:
        """Whether the car itself has used the run id."""
        return bool(self.times.keys() - CAR_FIELDS.keys())


class SlacJudge:
    """Takes the management messages in their order."""

    def __init__(self) -> None:
        self._runs: dict[tuple[str, str], _Run] = {}
        self._latest: dict[str, _Run] = {}
        """The latest run of each car."""
        self._over: list[_Run] = []

    def judge(self, record: Record) -> None:
        """Add what is wrong with this message."""
        name, content, time = str(record.message), record.content, record.time or 0.0
        if name != REQUEST and name not in STEPS:
            return
        run = self._run(record, name, time)
        if name in STEPS:
            _judge_step(run, record)
        run.latest = record
        if name == START:
            run.times.setdefault(START, time)
        else:
            run.times[name] = time
        run.sounds += name == SOUND
        if name == ANSWER:
            run.announced = {key: content[key] for key in ("num_sounds", "timeout")}

    def link(self) -> None:
        """Note that a car and a station talk over the line: the latest run of each car may have succeeded."""
        for run in self._latest.values():
            run.is_linked = True
        self._latest.clear()

    def flush(self, end: float | None = None) -> Iterator[Record]:
        """The findings about whole runs. `end`: the time of the last packet, if it is known."""
        for run in sorted([*self._over, *self._runs.values()], key=lambda each: each.latest.packet):
            latest_s = run.latest.time
            is_over = end is None or latest_s is None or end - latest_s > constants.TT_EV_ATTEN_RESULTS_S
            yield from _judge_run(run, is_over=is_over)

    def _run(self, record: Record, name: str, time: float) -> _Run:
        """The run to which a message belongs."""
        car, run_id = _car(record, name), str(record.content.get("run_id"))
        run = self._runs.get((car, run_id))
        if run is None or run.is_over(name, time):
            if run is not None:
                self._over = [*self._over[1 - MOST_RUNS :], run]
            before, run = self._latest.get(car), _Run(car, run_id, record, record)
            if before is not None and name == ANSWER and before.awaits_answer(time):
                run.asked = before
            if len(self._runs) >= MOST_RUNS:
                del self._runs[next(iter(self._runs))]
            self._runs[car, run_id] = run
        if name not in CAR_FIELDS or car not in self._latest:
            self._latest[car] = run
        return run


def _car(record: Record, name: str) -> str:
    """The MAC of the car that a message is about."""
    if name not in CAR_FIELDS:
        return record.source
    if record.destination not in ("", "ff:ff:ff:ff:ff:ff"):
        return record.destination
    return bytes.fromhex(record.content[CAR_FIELDS[name]]).hex(":")


def _judge_step(run: _Run, record: Record) -> None:
    name, content = str(record.message), record.content
    before, limit_s, timer = STEPS[name]
    if name not in run.judged or name == "CM_ATTEN_CHAR.RSP":
        run.judged.add(name)
        if name == RESULT and not run.sounds:
            run.missing.add(SOUND)
        if before not in run.times:
            run.missing.add(before)
        elif (taken_s := (record.time or 0.0) - run.times[before]) > limit_s:
            text = f"{name} came {1000 * taken_s:.0f} ms after {before}"
            record.find("slac timing", f"{text}, at most {1000 * limit_s:.0f} ms are allowed ({timer})")
        if name == START:
            for key, expected in run.announced.items():
                if content[key] != expected:
                    text = f"the car announces {key} {content[key]}, the station's CM_SLAC_PARM.CNF says {expected}"
                    record.find("slac parameters", f"{text}; some stations ignore the car then")
    sounds = run.announced.get("num_sounds")
    if name == RESULT and sounds is not None and content["num_sounds"] < sounds:
        text = f"the station heard {content['num_sounds']} of {sounds} sounds"
        record.find("sounds", f"{text}; look for noise on the line and at the modems")
        run.judged.add(SOUNDS)
    if name == SOUND and RESULT in run.times and SOUNDS not in run.judged:
        run.judged.add(SOUNDS)
        text = f"the station has reported the attenuation after {run.sounds} sounds, before the car sent this one"
        record.find("sounds", f"{text}; look whether it waits for the end of its window")
    if content.get("result"):
        record.find("slac result", f"{name} carries the result {content['result']} instead of 0")


def _judge_run(run: _Run, *, is_over: bool) -> Iterator[Record]:
    whose = f"the matching of {run.car} with run id {run.run_id}"
    if run.asked is not None and ANSWER not in run.asked.times and not run.is_of_car:
        text = f"the station answers with run id {run.run_id} the car that has asked with {run.asked.run_id}"
        yield run.first.remark("run id", f"{text}; look where the station took it from")
        return
    if run.missing:
        missing = [name for name in (REQUEST, *STEPS) if name in run.missing]
        text = f"the capture lacks {', '.join(missing)} of {whose}"
        yield run.latest.remark("slac incomplete", f"{text}; they were not captured, or not sent")
    if END not in run.times and is_over and not run.is_linked:
        latest = run.latest
        text = f"{whose} ends after {latest.message}"
        yield latest.remark("unmatched", f"{text}; look at what the other side should have sent next")
