"""Says what is wrong in the matching of car and station over the power line (ISO 15118-3, with its timers' names)."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from v2g.capture.record import Record

RESPONSE_S = 0.2
"""TT_match_response"""
SEQUENCE_S = 0.4
"""TT_match_sequence"""
RESULTS_S = 1.2
"""TT_EV_atten_results"""
SESSION_S = 10.0
"""TT_EVSE_match_session"""

START = "CM_START_ATTEN_CHAR.IND"
STEPS: dict[str, tuple[str, float, str]] = {
    "CM_SLAC_PARM.CNF": ("CM_SLAC_PARM.REQ", RESPONSE_S, "TT_match_response"),
    START: ("CM_SLAC_PARM.CNF", SEQUENCE_S, "TT_match_sequence"),
    "CM_MNBC_SOUND.IND": (START, SEQUENCE_S, "TT_match_sequence"),
    "CM_ATTEN_CHAR.IND": (START, RESULTS_S, "TT_EV_atten_results"),
    "CM_ATTEN_CHAR.RSP": ("CM_ATTEN_CHAR.IND", RESPONSE_S, "TT_match_response"),
    "CM_SLAC_MATCH.REQ": ("CM_ATTEN_CHAR.RSP", SESSION_S, "TT_EVSE_match_session"),
    "CM_SLAC_MATCH.CNF": ("CM_SLAC_MATCH.REQ", RESPONSE_S, "TT_match_response"),
}
"""Message -> the one that goes before it, and how long after that it may come at most."""


@dataclass
class _Matching:
    """One run of a car."""

    run_id: str
    latest: Record
    times: dict[str, float] = field(default_factory=dict)
    """When each message was last seen, of an announcement when it was first seen."""
    announced: dict[str, int] = field(default_factory=dict)
    sounds: int = 0
    judged: set[str] = field(default_factory=set)


class SlacJudge:
    """Takes the management messages in their order."""

    def __init__(self) -> None:
        self._matchings: dict[str, _Matching] = {}

    def judge(self, record: Record) -> None:
        """Add what is wrong with this message."""
        name, content = str(record.message), record.content
        run_id = str(content.get("run_id"))
        if name == "CM_SLAC_PARM.REQ":
            if run_id not in self._matchings:
                self._matchings[run_id] = _Matching(run_id, record)
        elif name not in STEPS:
            return
        elif run_id not in self._matchings:
            if self._matchings:
                record.find("run id", f"{name} carries the run id {run_id}, which no car has announced")
            self._matchings[run_id] = _Matching(run_id, record)
        matching = self._matchings[run_id]
        if name in STEPS:
            self._judge_step(matching, record)
        matching.latest = record
        time = record.time or 0.0
        if name == START:
            matching.times.setdefault(START, time)
        else:
            matching.times[name] = time
        matching.sounds += name == "CM_MNBC_SOUND.IND"
        if name == "CM_SLAC_PARM.CNF":
            matching.announced = {key: content[key] for key in ("num_sounds", "timeout")}

    def flush(self) -> Iterator[Record]:
        """What is wrong with runs that came to no end."""
        for matching in self._matchings.values():
            if "CM_SLAC_MATCH.CNF" not in matching.times:
                latest = matching.latest
                text = f"the matching with run id {matching.run_id} ends after {latest.message}"
                yield latest.remark("unmatched", f"{text}; look at what the other side should have sent next")

    def _judge_step(self, matching: _Matching, record: Record) -> None:
        name, content = str(record.message), record.content
        before, limit_s, timer = STEPS[name]
        if name not in matching.judged or name == "CM_ATTEN_CHAR.RSP":
            matching.judged.add(name)
            if before not in matching.times:
                if matching.times:
                    record.find("slac sequence", f"{name} without {before} before it")
            elif (taken_s := (record.time or 0.0) - matching.times[before]) > limit_s:
                text = f"{name} came {1000 * taken_s:.0f} ms after {before}"
                record.find("slac timing", f"{text}, at most {1000 * limit_s:.0f} ms are allowed ({timer})")
            if name == START:
                for key, expected in matching.announced.items():
                    if content[key] != expected:
                        text = f"the car announces {key} {content[key]}, the station's CM_SLAC_PARM.CNF says {expected}"
                        record.find("slac parameters", f"{text}; some stations ignore the car then")
        sounds = matching.announced.get("num_sounds")
        if name == "CM_ATTEN_CHAR.IND" and sounds is not None:
            if content["num_sounds"] < sounds:
                text = f"the station heard {content['num_sounds']} of {sounds} sounds"
                record.find("sounds", f"{text}; look for noise on the line and at the modems")
            elif matching.sounds < sounds:
                text = f"the station reports after {matching.sounds} of {sounds} sounds"
                record.find("sounds", f"{text}; look whether it waits for the end of its window")
        if content.get("result"):
            record.find("slac result", f"{name} carries the result {content['result']} instead of 0")
