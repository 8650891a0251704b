"""The car's side of the matching (ISO 15118-3 A.9), sans-IO: frames and time in, frames and events out.

    IDLE -> ASKING -> SOUNDING -> RESULTS -> [VALIDATING] -> CHOOSING -> JOINING -> MATCHED
              ^  TT_matching_rate                  |             |          |
              +------------------------------------+-------------+----------+   a run that fails

All stations that hear the car answer. The one with the least attenuation is the one at the other end of the cable.
"""

import secrets
from collections import deque
from dataclasses import dataclass
from enum import StrEnum
from math import ceil

from v2g.slac import mme
from v2g.slac.attenuation import Attenuation
from v2g.slac.constant_fields import FROM_STATION, wrong_field
from v2g.slac.constants import (
    C_CONN_MAX_MATCH,
    C_EV_MATCH_RETRY,
    C_EV_MATCH_SIGNALATTN_DIRECT_DB,
    C_EV_START_ATTEN_CHAR_INDS,
    TP_EV_BATCH_MSG_INTERVAL_S,
    TP_EV_VALD_STATE_S,
    TP_MATCH_SEQUENCE_S,
    TT_EV_ATTEN_RESULTS_S,
    TT_MATCH_JOIN_S,
    TT_MATCH_RESPONSE_S,
    TT_MATCH_SEQUENCE_S,
    TT_MATCHING_RATE_S,
    TT_MATCHING_REPETITION_S,
)
from v2g.slac.event import (
    Began,
    Danger,
    Ended,
    Joining,
    KeySet,
    Level,
    LinkDown,
    LinkLost,
    LinkUp,
    Match,
    Matched,
    Sounded,
    Step,
    Toggle,
    Unmatched,
)
from v2g.slac.key import NetworkKey
from v2g.slac.matching import Matching, MatchingSettings
from v2g.slac.mme import BROADCAST, Frame, Mme, Validation

MOST_STATIONS = 10
"""Listened to in one run."""
MOST_TOGGLES = 3
"""BCB toggles of one validation (C_EV_vald_nb_toggles: 1 to 3)."""
LONGEST_WINDOW_S = 1.0
"""Of announcements and sounds; TT_EV_atten_results must leave the station time to answer."""


class Phase(StrEnum):
    """Where the car is in the matching."""

    IDLE = "not matching"
    ASKING = "CM_SLAC_PARM"
    SOUNDING = "CM_MNBC_SOUND"
    RESULTS = "CM_ATTEN_CHAR"
    VALIDATING = "CM_VALIDATE"
    CHOOSING = "CM_SLAC_MATCH"
    JOINING = "the modem gets the key"
    MATCHED = "the link is up"
    PAUSING = "before the next attempt"


@dataclass(frozen=True, slots=True, kw_only=True)
class CarMatchingSettings(MatchingSettings):
    """What differs between cars.

    `margin_db`: the next best station must be weaker by this much, or the best one is only potentially found.
    """

    direct_db: float = C_EV_MATCH_SIGNALATTN_DIRECT_DB
    """Up to here a station is found."""
    indirect_db: float = 30.0
    """Up to here it is potentially found. The standard's 20 dB is too strict: cars in use match with 26 dB."""
    validates: bool = False
    """Whether a station that is potentially found is validated: that needs a control pilot. Otherwise it is taken."""


class CarMatching(Matching):
    """The matching of one car. The shell says when matching is wanted."""

    def __init__(self, mac: bytes, settings: CarMatchingSettings | None = None) -> None:
        """`mac`: of the interface to the modem."""
        self._settings = settings or CarMatchingSettings()
        super().__init__(mac, self._settings)
        self.phase = Phase.IDLE
        self._deadline: float | None = None
        """Of what the phase waits for."""
        self._run_id = b""
        self._attempts = 0
        self._repetition_deadline = 0.0
        self._repeats = 0
        self._sounding: mme.CM_SLAC_PARM_CNF | None = None
        """How the first station that answered wants to be sounded; the others hear the same."""
        self._answered: set[bytes] = set()
        self._sounds: deque[Mme] = deque()
        self._results_deadline = 0.0
        self._heard: dict[bytes, Attenuation] = {}
        """What each station has measured."""
        self._candidates: list[bytes] = []
        """Best first."""
        self._toggles = 0
        """Of the validation: 0 in its first exchange."""

    def begin_matching(self, now: float) -> Step:
        """The cable is in, and the control pilot in B: the matching begins."""
        step = self.modem.identify(now)
        step.add(self._start(now))
        return step

    def end_matching(self, now: float) -> Step:
        """The cable is out, or the control pilot is in E or F: the network is left."""
        was = self.match
        self._rest(Phase.IDLE)
        return self.modem.set_key(NetworkKey.fresh(), now) if was is not None else Step()

    def _expire(self, now: float) -> Step:
        step = Step()
        while self._deadline is not None and now >= self._deadline:
            step.add(self._expired(now))
        return step

    def _deadlines(self) -> list[float | None]:
        return [self._deadline]

    def _start(self, now: float) -> Step:
        """The first of several attempts."""
        self._attempts, self._repetition_deadline = 0, now + TT_MATCHING_REPETITION_S
        return self._attempt(now)

    def _attempt(self, now: float) -> Step:
        self._rest(Phase.ASKING)
        self._run_id = secrets.token_bytes(8)
        self._attempts += 1
        step = self._ask(now)
        step.events.append(Began(self._mac, self._run_id))
        return step

    def _rest(self, phase: Phase) -> None:
        """Forget all of the present run."""
        self.phase, self.match, self._deadline, self._repeats = phase, None, None, 0
        self._sounding, self._answered, self._heard, self._candidates = None, set(), {}, []
        self._sounds.clear()
        self._toggles = 0
        self._leave_link()

    def _expired(self, now: float) -> Step:
        match self.phase:
            case Phase.ASKING if self._sounding is not None:
                return self._announce(self._sounding, now)
            case Phase.ASKING:
                return self._repeat("no station answers CM_SLAC_PARM.REQ", now)
            case Phase.SOUNDING:
                return self._sound(now)
            case Phase.RESULTS:
                return self._decide(now)
            case Phase.VALIDATING if self._toggles or self._repeats == C_EV_MATCH_RETRY:
                return self._next_candidate(now)  # toggled again, another station could count
            case Phase.VALIDATING:
                self._repeats += 1
                return self._validate(now)
            case Phase.CHOOSING:
                return self._repeat("the station does not answer CM_SLAC_MATCH.REQ", now)
            case Phase.JOINING:
                return self._failed(f"no link within {TT_MATCH_JOIN_S:g} s after the key (TT_match_join)", now)
        return self._attempt(now)

    def _repeat(self, problem: str, now: float) -> Step:
        """TT_match_response has expired."""
        if self._repeats == C_EV_MATCH_RETRY:
            return self._failed(f"{problem} within TT_match_response, asked {self._repeats + 1} times", now)
        self._repeats += 1
        return self._choose(now) if self.phase is Phase.CHOOSING else self._ask(now)

    def _failed(self, reason: str, now: float) -> Step:
        """The run came to no match; another one begins after TT_matching_rate while TT_matching_repetition lasts."""
        step = Step(events=[Ended(self._mac, self._run_id, reason)])
        if self.match is not None:
            step.add(self.modem.set_key(NetworkKey.fresh(), now))
        next_s = now + TT_MATCHING_RATE_S
        if self._attempts < C_CONN_MAX_MATCH or next_s < self._repetition_deadline:
            self._rest(Phase.PAUSING)
            self._deadline = next_s
        else:
            self._rest(Phase.IDLE)
            step.events.append(Unmatched(f"{self._attempts} attempts, the last: {reason}"))
        return step

    # What the car sends.

    def _ask(self, now: float) -> Step:
        self._deadline = now + TT_MATCH_RESPONSE_S
        return self._send(BROADCAST, mme.CM_SLAC_PARM_REQ(run_id=self._run_id))

    def _announce(self, wanted: mme.CM_SLAC_PARM_CNF, now: float) -> Step:
        announcement = mme.CM_START_ATTEN_CHAR_IND(
            num_sounds=wanted.num_sounds, timeout=wanted.timeout, forwarding_sta=self._mac, run_id=self._run_id
        )
        self._sounds.extend([announcement] * C_EV_START_ATTEN_CHAR_INDS)
        for remaining in reversed(range(wanted.num_sounds)):
            random = secrets.token_bytes(16)
            self._sounds.append(mme.CM_MNBC_SOUND_IND(remaining_sounds=remaining, run_id=self._run_id, random=random))
        self.phase, self._results_deadline = Phase.SOUNDING, now + TT_EV_ATTEN_RESULTS_S
        return self._sound(now)

    def _sound(self, now: float) -> Step:
        step = self._send(BROADCAST, self._sounds.popleft())
        self._deadline = now + TP_EV_BATCH_MSG_INTERVAL_S
        if not self._sounds:
            self.phase, self._deadline = Phase.RESULTS, self._results_deadline
            step.add(self._decide_early(now))
        return step

    def _decide_early(self, now: float) -> Step:
        """Once all stations that answered have reported what they heard."""
        return self._decide(now) if self._answered <= self._heard.keys() else Step()

    def _decide(self, now: float) -> Step:
        heard = {station: found.mean_db for station, found in self._heard.items()}
        if not heard:
            return self._failed("no station has measured the sounds within TT_EV_atten_results", now)
        near = [station for station, mean_db in heard.items() if mean_db <= self._settings.indirect_db]
        self._candidates = sorted(near, key=heard.__getitem__)
        if not self._candidates:
            least = f"{min(heard.values()):.1f} dB at least"
            return self._failed(f"no station is near: {least}, {self._settings.indirect_db:g} dB are allowed", now)
        best, *others = self._candidates
        clear = all(heard[other] - heard[best] >= self._settings.margin_db for other in others)
        direct = heard[best] <= self._settings.direct_db
        if self._settings.validates and not (clear and direct):
            self.phase = Phase.VALIDATING
            return self._validate(now)
        missing = self._answered - heard.keys()  # the station at the other end of the cable may be among them
        if missing and not direct and self._attempts < C_CONN_MAX_MATCH:
            return self._failed("a station that answered has not reported what it measured", now)
        return self._begin_choosing(now)

    def _validate(self, now: float) -> Step:
        """First with timer 0, for the agreement, then with the time that the toggles take."""
        window_s = self._toggles * 2 * TP_EV_VALD_STATE_S
        timer = ceil(window_s / 0.1)
        self._deadline = now + (timer + 1) * 0.1 + TT_MATCH_RESPONSE_S
        step = self._send(self._candidates[0], mme.CM_VALIDATE_REQ(timer=timer, result=Validation.READY))
        if self._toggles:
            step.events.append(Toggle(self._toggles))
        return step

    def _begin_choosing(self, now: float) -> Step:
        self.phase, self._repeats = Phase.CHOOSING, 0
        return self._choose(now)

    def _choose(self, now: float) -> Step:
        self._deadline = now + TT_MATCH_RESPONSE_S
        station = self._candidates[0]
        return self._send(station, mme.CM_SLAC_MATCH_REQ(pev_mac=self._mac, evse_mac=station, run_id=self._run_id))

    def _send(self, destination: bytes, message: Mme) -> Step:
        return Step(send=[self._frame(destination, message)])

    # What stations send.

    def _of_peer(self, frame: Frame, now: float) -> Step:
        message = frame.message
        fields = None if message is None else FROM_STATION.get(type(message))
        if message is None or fields is None or getattr(message, "run_id", self._run_id) != self._run_id:
            return Step()
        if isinstance(message, mme.CM_ATTEN_CHAR_IND) and message.private:
            return Step()
        if (wrong := wrong_field(message, fields, car=self._mac, station=frame.source)) is not None:
            return self._alarm(wrong[0], frame.source, wrong[1], now)
        match message:
            case mme.CM_SLAC_PARM_CNF():
                return self._answer(frame.source, message, now)
            case mme.CM_ATTEN_CHAR_IND():
                return self._result(frame.source, message, now)
            case mme.CM_VALIDATE_CNF() if self.phase is Phase.VALIDATING:
                return self._validated(frame.source, message, now)
            case mme.CM_SLAC_MATCH_CNF() if self.phase is Phase.CHOOSING:
                return self._confirmed(frame.source, message, now)
        return Step()

    def _answer(self, station: bytes, message: mme.CM_SLAC_PARM_CNF, now: float) -> Step:
        takes_s = TP_EV_BATCH_MSG_INTERVAL_S * (C_EV_START_ATTEN_CHAR_INDS + message.num_sounds - 1)
        feasible = takes_s <= min(0.1 * message.timeout, LONGEST_WINDOW_S)
        if self.phase not in (Phase.ASKING, Phase.SOUNDING) or not feasible or len(self._answered) >= MOST_STATIONS:
            return Step()
        self._answered.add(station)
        if self.phase is Phase.ASKING and self._sounding is None:
            assert self._deadline is not None
            self._sounding = message
            self._deadline = min(self._deadline, now + TP_MATCH_SEQUENCE_S)
        return Step()

    def _result(self, station: bytes, message: mme.CM_ATTEN_CHAR_IND, now: float) -> Step:
        awaited = self.phase in (Phase.SOUNDING, Phase.RESULTS)
        if station not in self._heard and (not awaited or len(self._heard) >= MOST_STATIONS):
            return Step()
        step = self._send(station, mme.CM_ATTEN_CHAR_RSP(source_address=self._mac, run_id=self._run_id))
        if station in self._heard:
            return step  # the receipt was lost
        self._heard[station] = Attenuation(tuple(map(float, message.attenuations_db)), message.num_sounds)
        step.events.append(Sounded(station, self._heard[station]))
        if self.phase is Phase.RESULTS:
            step.add(self._decide_early(now))
        return step

    def _validated(self, station: bytes, message: mme.CM_VALIDATE_CNF, now: float) -> Step:
        if station != self._candidates[0]:
            return self._alarm(Danger.SECOND_STATION, station, "CM_VALIDATE.CNF without a request", now)
        if self._toggles:
            if message.result == Validation.READY:
                return Step()  # the answer to the first request, repeated
            counted = message.result == Validation.SUCCESS and message.toggle_num == self._toggles
            return self._begin_choosing(now) if counted else self._next_candidate(now)
        if message.toggle_num:
            return Step()  # there were none yet: as if not received
        match message.result:
            case Validation.READY:
                self._toggles, self._repeats = 1 + secrets.randbelow(MOST_TOGGLES), 0
                return self._validate(now)
            case Validation.NOT_READY:
                self._deadline = now + TT_MATCH_SEQUENCE_S
                return Step()
            case Validation.NOT_REQUIRED:
                return self._begin_choosing(now)
        return self._next_candidate(now)

    def _next_candidate(self, now: float) -> Step:
        """The first one is at another cable, or does not validate."""
        del self._candidates[0]
        self._toggles = self._repeats = 0
        if not self._candidates:
            return self._failed("no station has seen the toggles of the control pilot", now)
        return self._validate(now)

    def _confirmed(self, station: bytes, message: mme.CM_SLAC_MATCH_CNF, now: float) -> Step:
        if station != self._candidates[0]:
            return self._alarm(Danger.SECOND_STATION, station, "CM_SLAC_MATCH.CNF without a request", now)
        key = NetworkKey(message.nmk, message.nid)  # stations in use take any network id for their key
        self.match = Match(self._mac, station, self._run_id, key, self._heard[station])
        self.phase, self._deadline = Phase.JOINING, now + TT_MATCH_JOIN_S
        step = Step(events=[Joining(self.match)])
        step.add(self.modem.set_key(key, now))
        return step

    def _of_modem(self, step: Step, now: float) -> Step:
        result = Step(send=step.send)
        for event in step.events:
            match event:
                case LinkUp() if self.match is not None:
                    self.phase, self._deadline = Phase.MATCHED, None
                    result.events.append(Matched(self.match))
                    result.events += self.quality.sample(now, self.match.attenuation.mean_db)
                    result.add(self._amplitudes.begin(self.match.station, now))
                case Level(level_db):
                    result.events += self.quality.sample(now, -level_db)
                case LinkDown(reason) if self.match is not None:
                    result.events.append(LinkLost(self.match, reason))
                    result.add(self.modem.set_key(NetworkKey.fresh(), now))
                    result.add(self._start(now))
                case KeySet(key):
                    result.events.append(event)
                    if self.match is not None and key == self.match.key:
                        result.add(self.modem.watch(now))
                case _:
                    result.events.append(event)
        return result
