"""The station's side of the matching (ISO 15118-3 A.9), sans-IO: frames and time in, frames and events out.

    KEYING -> UNMATCHED -> MATCHING -> JOINING -> MATCHED
       ^         ^            |           |          |
       |         +------------+           |          |      TT_EVSE_SLAC_init
       +----------------------------------+----------+      TT_match_join, link lost, unplugged: a new key

Within MATCHING each car that asks has a run of its own, known by MAC and run id together. `STAGES` says what each stage
of a run waits for, how long, and what then. The attenuation is what the station's modem measures of each sound
(CM_ATTEN_PROFILE.IND). Without it there is no match.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from v2g.slac import mme
from v2g.slac.attenuation import Attenuation
from v2g.slac.constant_fields import FROM_CAR, wrong_field
from v2g.slac.constants import (
    C_EV_MATCH_MNBC,
    C_EV_MATCH_RETRY,
    C_EV_MATCH_SIGNALATTN_DIRECT_DB,
    C_EVSE_MATCH_PARALLEL,
    TP_EVSE_AVG_ATTEN_CALC_S,
    TT_EVSE_MATCH_MNBC_S,
    TT_EVSE_MATCH_SESSION_S,
    TT_EVSE_SLAC_INIT_S,
    TT_EVSE_VALD_TOGGLE_MAX_S,
    TT_MATCH_JOIN_S,
    TT_MATCH_RESPONSE_S,
    TT_MATCH_SEQUENCE_S,
)
from v2g.slac.event import (
    Began,
    Danger,
    Ended,
    Event,
    Joining,
    KeySet,
    LeftUnmatched,
    Level,
    LinkDown,
    LinkLost,
    LinkUp,
    Match,
    Matched,
    Sounded,
    Step,
    Unmatched,
)
from v2g.slac.key import NetworkKey
from v2g.slac.matching import Matching, MatchingSettings
from v2g.slac.mme import Frame, Mme, Validation

LATE_SOUNDS_S = TP_EVSE_AVG_ATTEN_CALC_S / 2
"""After the window of the sounds, for profiles that are still on their way."""
MOST_REQUESTS, REQUESTS_WITHIN_S = 40, 10.0
"""Answered CM_SLAC_PARM.REQ of all cars together. An honest car sends at most 3 in each of some 8 attempts."""
REMEMBERED_RUNS = 64
MOST_VALIDATIONS = 1 + C_EV_MATCH_RETRY
"""Of one run."""


class Phase(StrEnum):
    """Of the station as a whole."""

    KEYING = "the modem gets a new key"
    UNMATCHED = "no matching"
    MATCHING = "waiting for cars"
    JOINING = "a car has the key"
    MATCHED = "the link is up"


class Stage(StrEnum):
    """Of one car's run: what the station waits for."""

    ANNOUNCEMENT = "CM_START_ATTEN_CHAR.IND"
    SOUNDS = "CM_MNBC_SOUND.IND"
    RECEIPT = "CM_ATTEN_CHAR.RSP"
    CHOICE = "CM_SLAC_MATCH.REQ"
    AGREED = "CM_VALIDATE.REQ, the second"
    TOGGLES = "BCB toggles"
    VALIDATED = "CM_SLAC_MATCH.REQ after the validation"


class Wait(NamedTuple):
    """How a stage waits."""

    timer: str
    """The standard's name."""
    seconds: float
    repeats: int
    """How often the station repeats its last message when the timer expires. Then the stage is over."""
    admits: tuple[type[Mme], ...]
    """The car's messages that are heard meanwhile; others are ignored."""


_MATCH, _VALIDATE = mme.CM_SLAC_MATCH_REQ, mme.CM_VALIDATE_REQ
STAGES: Mapping[Stage, Wait] = {
    Stage.ANNOUNCEMENT: Wait("TT_match_sequence", TT_MATCH_SEQUENCE_S, 0, (mme.CM_START_ATTEN_CHAR_IND,)),
    Stage.SOUNDS: Wait("TT_EVSE_match_MNBC", TT_EVSE_MATCH_MNBC_S + LATE_SOUNDS_S, 0, ()),
    Stage.RECEIPT: Wait(
        "TT_match_response", TT_MATCH_RESPONSE_S, C_EV_MATCH_RETRY, (mme.CM_ATTEN_CHAR_RSP, _VALIDATE, _MATCH)
    ),
    Stage.CHOICE: Wait("TT_EVSE_match_session", TT_EVSE_MATCH_SESSION_S, 0, (_VALIDATE, _MATCH)),
    Stage.AGREED: Wait("TT_match_sequence", TT_MATCH_SEQUENCE_S, C_EV_MATCH_RETRY, (_VALIDATE, _MATCH)),
    Stage.TOGGLES: Wait("TT_EVSE_vald_toggle", TT_EVSE_VALD_TOGGLE_MAX_S, 0, ()),
    Stage.VALIDATED: Wait("TT_match_sequence", TT_MATCH_SEQUENCE_S, 0, (_MATCH,)),
}
"""SOUNDS ends early with the last sound, TOGGLES after the time that the car asks for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StationMatchingSettings(MatchingSettings):
    """What differs between stations. `margin_db`: a car is refused while another one is heard better by this much."""

    init_s: float = TT_EVSE_SLAC_INIT_S
    """TT_EVSE_SLAC_init."""
    reference_db: float = 0.0
    """AttnRx: the loss between the plug and the modem, in the station."""
    validation_required: bool = True
    """The answer to a car that wants to validate where no control pilot is measured: the validation failed. False: no
    validation is required, for a station that cannot be mistaken for another one."""


@dataclass(slots=True)
class _Run:
    """One car's way through the matching."""

    car: bytes
    run_id: bytes
    stage: Stage = Stage.ANNOUNCEMENT
    deadline: float = 0.0
    repeats: int = 0
    said: bytes = b""
    """The station's last frame, to be repeated."""
    profiles: list[bytes] = field(default_factory=list)
    attenuation: Attenuation | None = None
    session_deadline: float = 0.0
    """Of TT_EVSE_match_session."""
    validations: int = 0
    toggles_before: int = 0

    def enter(self, stage: Stage, now: float, said: bytes = b"") -> None:
        """Wait as `STAGES` says."""
        self.stage, self.repeats, self.said = stage, 0, said
        self.deadline = now + STAGES[stage].seconds

    def await_choice(self, now: float) -> None:
        """TT_EVSE_match_session goes on, but leaves time to choose after a validation that failed."""
        self.stage, self.repeats = Stage.CHOICE, 0
        self.deadline = max(self.session_deadline, now + TT_MATCH_SEQUENCE_S)


class StationMatching(Matching):
    """The matching at one EVSE. The shell says when matching is wanted."""

    def __init__(self, mac: bytes, settings: StationMatchingSettings | None = None) -> None:
        """`mac`: of the interface to the modem."""
        self._settings = settings or StationMatchingSettings()
        super().__init__(mac, self._settings)
        self.phase = Phase.UNMATCHED
        self.pilot_toggles: int | None = None
        """BCB toggles of the car so far, kept up to date by the shell. None: the control pilot is not measured."""
        self._wanted = False
        self._runs: dict[bytes, _Run] = {}
        """By MAC of the car: a profile names the car alone."""
        self._init_deadline: float | None = None
        self._join_deadline: float | None = None
        self._given_away = True
        """Whether a car has got the present key, or there is none."""
        self._confirmation = b""
        self._requests: deque[float] = deque(maxlen=MOST_REQUESTS)
        self._past: deque[tuple[bytes, bytes]] = deque(maxlen=REMEMBERED_RUNS)
        """Cars and run ids of runs that are over."""
        self._unmatched: LeftUnmatched | None = None
        """The nearest car among those that have not matched since matching is wanted."""

    def start(self, now: float) -> Step:
        """The station comes up: the modem is asked what it is and gets a key."""
        step = self.modem.identify(now)
        step.add(self._leave(now))
        return step

    def begin_matching(self, now: float) -> Step:
        """A car is plugged in (control pilot in B, C or D), or is awaited again: TT_EVSE_SLAC_init runs."""
        self._wanted = True
        if self.phase in (Phase.UNMATCHED, Phase.MATCHING):
            self._await_cars(now)
        return Step()

    def end_matching(self, now: float) -> Step:
        """The car has gone (control pilot in A): the network is left, within TP_match_leave."""
        self._wanted = False
        step = self._leave(now, "unplugged")
        if self._unmatched is not None:
            step.events.append(self._unmatched)
        self._unmatched = None
        return step

    def _expire(self, now: float) -> Step:
        step = Step()
        for run in list(self._runs.values()):
            if now >= run.deadline:
                step.add(self._run_expired(run, now))
        if self._init_deadline is not None and now >= self._init_deadline:
            self._init_deadline, self.phase = None, Phase.UNMATCHED
            asked, within = "no car has sent CM_SLAC_PARM.REQ", f"within {self._settings.init_s:g} s"
            if self._unmatched is not None:
                asked = f"{self._unmatched.text}; it has not asked again"
            self._unmatched = None
            step.events.append(Unmatched(f"{asked} {within} (TT_EVSE_SLAC_init)"))
        if self._join_deadline is not None and now >= self._join_deadline:
            step.add(self._leave(now, f"no link within {TT_MATCH_JOIN_S:g} s after the key (TT_match_join)"))
        return step

    def _deadlines(self) -> list[float | None]:
        return [self._init_deadline, self._join_deadline, *(run.deadline for run in self._runs.values())]

    # What cars and other stations send.

    def _of_peer(self, frame: Frame, now: float) -> Step:
        message = frame.message
        if message is None:
            return Step()
        fields = FROM_CAR.get(type(message))
        if fields is not None and (wrong := wrong_field(message, fields, car=frame.source, station=self._mac)):
            return self._alarm(wrong[0], frame.source, wrong[1], now)
        match message:
            case mme.CM_ATTEN_PROFILE_IND():
                return self._measured(frame, message, now)
            case mme.CM_SLAC_PARM_CNF() | mme.CM_ATTEN_CHAR_IND() | mme.CM_SLAC_MATCH_CNF():
                text = f"{message.name}, which only a station sends: another one is on this line"
                return self._alarm(Danger.SECOND_STATION, frame.source, text, now)
            case _ if fields is None:
                return Step()
        if (
            self.match is not None
            and frame.source != self.match.car
            and isinstance(message, mme.CM_SLAC_PARM_REQ | _MATCH)
        ):
            return self._alarm(Danger.SECOND_CAR, frame.source, f"{message.name} while another car is matched", now)
        match message:
            case mme.CM_SLAC_PARM_REQ(run_id=run_id):
                return self._asked(frame.source, run_id, now)
            case mme.CM_SLAC_MATCH_REQ(run_id=run_id) if self.match is not None:
                lost = self.phase is Phase.JOINING and run_id == self.match.run_id
                return Step(send=[self._confirmation] if lost else [])
        run = self._runs.get(frame.source)
        if run is None or getattr(message, "run_id", run.run_id) != run.run_id:
            return Step()
        return self._of_run(run, message, now) if type(message) in STAGES[run.stage].admits else Step()

    def _of_run(self, run: _Run, message: Mme, now: float) -> Step:
        """A message that the stage of its run admits."""
        match message:
            case mme.CM_START_ATTEN_CHAR_IND():
                run.enter(Stage.SOUNDS, now)
                run.session_deadline = now + TT_EVSE_MATCH_MNBC_S + TT_EVSE_MATCH_SESSION_S
            case mme.CM_ATTEN_CHAR_RSP():
                run.await_choice(now)
            case mme.CM_VALIDATE_REQ():
                return self._validate(run, message, now)
            case mme.CM_SLAC_MATCH_REQ():
                return self._chosen(run, now)
        return Step()

    def _asked(self, car: bytes, run_id: bytes, now: float) -> Step:
        """CM_SLAC_PARM.REQ."""
        if self.phase is Phase.JOINING and (car, run_id) not in self._past:
            return self._leave(now, "the car has begun again")  # it will ask again
        if self.phase is not Phase.MATCHING:
            return Step()
        run = self._runs.get(car)
        if run is not None and run.run_id == run_id and run.stage is Stage.SOUNDS:
            return Step()  # late
        if len(self._requests) == MOST_REQUESTS and now - self._requests[0] < REQUESTS_WITHIN_S:
            text = f"more than {MOST_REQUESTS} CM_SLAC_PARM.REQ in {REQUESTS_WITHIN_S:g} s"
            return self._alarm(Danger.FLOOD, car, text, now)
        if run is None and len(self._runs) >= C_EVSE_MATCH_PARALLEL:
            return self._alarm(Danger.FLOOD, car, f"more than {C_EVSE_MATCH_PARALLEL} cars at once", now)
        step = Step()
        if run is not None and run.run_id == run_id and run.stage is Stage.ANNOUNCEMENT:
            if run.repeats == C_EV_MATCH_RETRY:
                return Step()
            run.repeats, run.deadline = run.repeats + 1, now + TT_MATCH_SEQUENCE_S
        else:
            if run is not None:
                step.events.append(self._end(run, "the car has begun again"))
            run = self._runs[car] = _Run(car, run_id)
            run.enter(Stage.ANNOUNCEMENT, now)
            step.events.append(Began(car, run_id))
        self._requests.append(now)
        self._init_deadline = None
        window = round(TT_EVSE_MATCH_MNBC_S / 0.1)
        answer = mme.CM_SLAC_PARM_CNF(num_sounds=C_EV_MATCH_MNBC, timeout=window, forwarding_sta=car, run_id=run_id)
        step.send.append(self._frame(car, answer))
        return step

    def _measured(self, frame: Frame, message: mme.CM_ATTEN_PROFILE_IND, now: float) -> Step:
        if frame.source != self.modem.address:
            text = "CM_ATTEN_PROFILE.IND that is not of the station's modem"
            return self._alarm(Danger.SPOOFED, frame.source, text, now)
        run = self._runs.get(message.pev_mac)
        if run is None or run.stage is not Stage.SOUNDS:
            return Step()
        groups = message.attenuations_db
        if not groups or (run.profiles and len(groups) != len(run.profiles[0])):
            return self._alarm(Danger.MALFORMED, frame.source, f"CM_ATTEN_PROFILE.IND with {len(groups)} groups", now)
        run.profiles.append(groups)
        return self._sounded(run, now) if len(run.profiles) == C_EV_MATCH_MNBC else Step()

    def _sounded(self, run: _Run, now: float) -> Step:
        """The sounds are over: report what arrived of them."""
        if not run.profiles:
            reason = "the modem has measured no sound: no CM_ATTEN_PROFILE.IND within TT_EVSE_match_MNBC"
            return self._failed(run, reason, now)
        run.attenuation = Attenuation.mean_of(run.profiles, self._settings.reference_db)
        octets = run.attenuation.octets()
        report = mme.CM_ATTEN_CHAR_IND(
            source_address=run.car,
            run_id=run.run_id,
            num_sounds=run.attenuation.sounds,
            num_groups=len(octets),
            attenuations_db=octets,
        )
        run.enter(Stage.RECEIPT, now, self._frame(run.car, report))
        return Step(send=[run.said], events=[Sounded(run.car, run.attenuation)])

    # Validation: first the two agree (timer 0), then the car toggles its control pilot and the station counts.

    def _validate(self, run: _Run, message: mme.CM_VALIDATE_REQ, now: float) -> Step:
        window_s = 0.1 * (message.timer + 1)
        agreed = run.stage is Stage.AGREED
        if message.result != Validation.READY:
            return self._failed(run, f"CM_VALIDATE.REQ with result {message.result}", now) if agreed else Step()
        if self.pilot_toggles is None:
            required = self._settings.validation_required
            return self._refuse(run, Validation.FAILURE if required else Validation.NOT_REQUIRED, now)
        if message.timer == 0:
            busy = (Stage.AGREED, Stage.TOGGLES)
            if any(other.stage in busy for other in self._runs.values() if other is not run):
                return self._refuse(run, Validation.NOT_READY, now)
            run.validations += 1
            if run.validations > MOST_VALIDATIONS:
                return self._failed(run, f"more than {MOST_VALIDATIONS} validations", now)
            run.enter(Stage.AGREED, now, self._validation(run, Validation.READY))
            return Step(send=[run.said])
        if not agreed:
            return Step()
        if window_s > TT_EVSE_VALD_TOGGLE_MAX_S:
            return self._refuse(run, Validation.FAILURE, now)
        run.enter(Stage.TOGGLES, now)
        run.deadline, run.toggles_before = now + window_s, self.pilot_toggles
        return Step()

    def _counted(self, run: _Run, now: float) -> Step:
        """The time for toggles is over."""
        toggles = (self.pilot_toggles or 0) - run.toggles_before
        if toggles <= 0:
            return self._refuse(run, Validation.FAILURE, now)
        run.enter(Stage.VALIDATED, now)
        return Step(send=[self._validation(run, Validation.SUCCESS, toggles)])

    def _refuse(self, run: _Run, result: Validation, now: float) -> Step:
        """There is no validation, or it has failed. The car may choose all the same."""
        run.await_choice(now)
        return Step(send=[self._validation(run, result)])

    def _validation(self, run: _Run, result: Validation, toggles: int = 0) -> bytes:
        return self._frame(run.car, mme.CM_VALIDATE_CNF(toggle_num=min(toggles, 255), result=result))

    # The choice.

    def _chosen(self, run: _Run, now: float) -> Step:
        key, attenuation = self.modem.key, run.attenuation
        if attenuation is None or key is None:
            return Step()
        far = attenuation.mean_db > C_EV_MATCH_SIGNALATTN_DIRECT_DB
        if far and any(other.attenuation is None for other in self._runs.values()):
            return Step()  # it asks again; by then the other car, perhaps the one at this cable, is measured
        for other in self._runs.values():
            if other.attenuation is not None and (
                other.attenuation.mean_db + self._settings.margin_db <= attenuation.mean_db
            ):
                text = f"chooses this station with {attenuation.mean_db:.1f} dB"
                nearer = f"another car is heard with {other.attenuation.mean_db:.1f} dB"
                return self._alarm(Danger.CROSSTALK, run.car, f"{text}, while {nearer}", now)
        return self._confirm(run, Match(run.car, self._mac, run.run_id, key, attenuation), now)

    def _confirm(self, run: _Run, match: Match, now: float) -> Step:
        confirmation = mme.CM_SLAC_MATCH_CNF(
            pev_mac=match.car, evse_mac=self._mac, run_id=match.run_id, nid=match.key.nid, nmk=match.key.nmk
        )
        self._confirmation = self._frame(match.car, confirmation)
        self._remember(run)
        others = [self._ended(other, "another car has chosen") for other in list(self._runs.values())]
        step = Step(send=[self._confirmation], events=[*others, Joining(match)])
        self.phase, self.match, self._given_away = Phase.JOINING, match, True
        self._init_deadline, self._join_deadline = None, now + TT_MATCH_JOIN_S
        step.add(self.modem.watch(now))
        return step

    def _run_expired(self, run: _Run, now: float) -> Step:
        wait = STAGES[run.stage]
        match run.stage:
            case Stage.SOUNDS:
                return self._sounded(run, now)
            case Stage.TOGGLES:
                return self._counted(run, now)
        if run.said and run.repeats < wait.repeats:
            run.repeats, run.deadline = run.repeats + 1, now + wait.seconds
            return Step(send=[run.said])
        return self._failed(run, f"no {run.stage} within {wait.timer}", now)

    def _of_modem(self, step: Step, now: float) -> Step:
        result = Step(send=step.send)
        for event in step.events:
            match event:
                case LinkUp() if self.match is not None:
                    self.phase, self._join_deadline, self._unmatched = Phase.MATCHED, None, None
                    result.events.append(Matched(self.match))
                    result.events += self.quality.sample(now, self.match.attenuation.mean_db)
                    result.add(self._amplitudes.begin(self.match.car, now))
                case Level(level_db):
                    result.events += self.quality.sample(now, -level_db)
                case LinkDown(reason) if self.match is not None:
                    result.events.append(LinkLost(self.match, reason))
                    result.add(self._leave(now))
                case _:
                    result.events.append(event)
                    if isinstance(event, KeySet):
                        self._given_away = False
                        self._rest(now)
        return result

    # The end of a run, and of a network.

    def _leave(self, now: float, reason: str = "") -> Step:
        """Leave the network: what is under way ends, and a key that a car has got is replaced."""
        step = Step(events=[self._end(run, f"{reason} while {run.stage} was due") for run in list(self._runs.values())])
        if self.match is not None and reason:
            step.events.append(Ended(self.match.car, self.match.run_id, reason))
            if self.phase is Phase.JOINING:
                self._note(self.match.car, self.match.attenuation, reason)
        self.match, self._join_deadline, self._init_deadline = None, None, None
        self._leave_link()
        if self._given_away:
            self.phase = Phase.KEYING
            step.add(self.modem.set_key(NetworkKey.fresh(), now))
        elif self.phase is not Phase.KEYING:
            self._rest(now)
        return step

    def _rest(self, now: float) -> None:
        """The modem has a key that nobody knows."""
        self.phase = Phase.UNMATCHED
        if self._wanted:
            self._await_cars(now)

    def _await_cars(self, now: float) -> None:
        self.phase = Phase.MATCHING
        self._init_deadline = None if self._runs else now + self._settings.init_s

    def _failed(self, run: _Run, reason: str, now: float) -> Step:
        """A run is over; another one may follow."""
        step = Step(events=[self._end(run, reason)])
        if not self._runs:
            self._await_cars(now)
        return step

    def _end(self, run: _Run, reason: str) -> Event:
        """A run came to no match, and its car may leave without one."""
        self._note(run.car, run.attenuation, reason)
        return self._ended(run, reason)

    def _ended(self, run: _Run, reason: str) -> Event:
        self._remember(run)
        return Ended(run.car, run.run_id, reason)

    def _remember(self, run: _Run) -> None:
        del self._runs[run.car]
        self._past.append((run.car, run.run_id))

    def _note(self, car: bytes, attenuation: Attenuation | None, reason: str) -> None:
        """Keep the nearest car: others that are heard are plugged in elsewhere."""
        mean_db = None if attenuation is None else attenuation.mean_db
        before = self._unmatched
        if before is not None and before.car == car:
            self._unmatched = before.again(mean_db, reason)
        elif (
            before is None or before.attenuation_db is None or (mean_db is not None and mean_db < before.attenuation_db)
        ):
            self._unmatched = LeftUnmatched(car, 1, mean_db, reason)
