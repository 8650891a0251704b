"""The station's side of the matching (ISO 15118-3 A.9), sans-IO: frames and time in, frames and events out.

    KEYING -> UNMATCHED -> MATCHING -> JOINING -> MATCHED
       ^         ^            |           |          |
       |         +------------+           |          |      TT_EVSE_SLAC_init
       +----------------------------------+----------+      TT_match_join, link lost, unplugged: a new key

Within MATCHING each car that asks has a run of its own:

    CM_SLAC_PARM.REQ -> CM_START_ATTEN_CHAR.IND x3 -> CM_MNBC_SOUND.IND x10 -> CM_ATTEN_CHAR.IND and .RSP
    -> CM_VALIDATE.REQ (if the car wants to) -> CM_SLAC_MATCH.REQ

The attenuation is what the own modem says of each sound (CM_ATTEN_PROFILE.IND). Without it there is no match.
"""

from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum

from v2g.slac import mme
from v2g.slac.amplitude import AmplitudeExchange
from v2g.slac.attenuation import Attenuation
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
from v2g.slac.guard import Guard
from v2g.slac.key import NetworkKey
from v2g.slac.mme import Frame, Mme, Validation
from v2g.slac.modem import Modem
from v2g.slac.quality import WEAKEST_DBM, Quality

LATE_SOUNDS_S = TP_EVSE_AVG_ATTEN_CALC_S / 2
"""After the window of the sounds, for profiles that are still on their way."""
MOST_REQUESTS, REQUESTS_WITHIN_S = 40, 10.0
"""Answered CM_SLAC_PARM.REQ of all cars together. An honest car sends at most 3 in each of some 8 attempts."""
REMEMBERED_RUNS = 64


class Phase(StrEnum):
    """Of the station as a whole."""

    KEYING = "the modem gets a new key"
    UNMATCHED = "no matching"
    MATCHING = "waiting for cars"
    JOINING = "a car has the key"
    MATCHED = "the link is up"


class Stage(StrEnum):
    """Of one car's run: what is waited for."""

    ANNOUNCEMENT = "CM_START_ATTEN_CHAR.IND"
    SOUNDS = "CM_MNBC_SOUND.IND"
    RECEIPT = "CM_ATTEN_CHAR.RSP"
    CHOICE = "CM_SLAC_MATCH.REQ"
    TOGGLES = "toggles of the control pilot"


@dataclass(frozen=True, slots=True)
class StationMatchingSettings:
    """What differs between stations."""

    init_s: float = TT_EVSE_SLAC_INIT_S
    """TT_EVSE_SLAC_init."""
    reference_db: float = 0.0
    """AttnRx: what the receiver takes away between the plug and the modem."""
    validation_required: bool = True
    """Whether a car that wants to validate is told that it failed where no control pilot is measured. False: it is told
    that none is required, for a station that no other one can be mistaken for."""
    margin_db: float = 3.0
    """A car is refused while another one is heard better by so much: it is plugged in elsewhere."""
    amplitudes: tuple[int, ...] = ()
    """How loud the car shall send on each carrier, 0 to 15; it is told once the link is up. Empty: not at all."""
    weakest_dbm: float = WEAKEST_DBM
    """Below this a signal is told to be weak."""
    modem: bytes | None = None
    """MAC of the own modem; learned where it is not given."""


@dataclass(slots=True)
class _Run:
    """One car's way through the matching."""

    car: bytes
    run_id: bytes
    deadline: float
    stage: Stage = Stage.ANNOUNCEMENT
    repeats: int = 0
    profiles: list[bytes] = field(default_factory=list)
    attenuation: Attenuation | None = None
    session_deadline: float = 0.0
    toggles_before: int = 0


class StationMatching:
    """The matching at one EVSE. The shell says when a car is plugged in, hands over frames and keeps the time."""

    def __init__(self, mac: bytes, settings: StationMatchingSettings | None = None) -> None:
        """`mac`: of the interface to the modem."""
        self.phase = Phase.UNMATCHED
        self.match: Match | None = None
        """From CM_SLAC_MATCH.CNF until the network is left."""
        self.pilot_toggles: int | None = None
        """How many rising edges B to C the control pilot has had: a count that the shell keeps up to date. None: it is
        not measured."""
        self._mac, self._settings = mac, settings or StationMatchingSettings()
        self.modem = Modem(mac, self._settings.modem)
        self.quality = Quality(self._settings.weakest_dbm)
        self._guard = Guard(mac)
        self._amplitudes = AmplitudeExchange(mac, self._settings.amplitudes)
        self._plugged = False
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

    def start(self, now: float) -> Step:
        """The station comes up: the modem is asked what it is and gets a key."""
        step = self.modem.identify(now)
        step.add(self._leave(now))
        return step

    def begin_matching(self, now: float) -> Step:
        """A car is plugged in (control pilot in B, C or D), or is waited for once more: TT_EVSE_SLAC_init runs."""
        self._plugged = True
        if self.phase in (Phase.UNMATCHED, Phase.MATCHING):
            self._await_cars(now)
        return Step()

    def end_matching(self, now: float) -> Step:
        """The control pilot is in A: the network is left, within TP_match_leave."""
        self._plugged = False
        return self._leave(now, "unplugged")

    def receive(self, data: bytes, now: float) -> Step:
        """A frame from the interface, from its destination address on."""
        frame, alarms = self._guard.open(data, now)
        step = Step(events=alarms)
        if frame is not None:
            step.add(self._of_modem(self.modem.receive(frame, now), now))
            step.add(self._amplitudes.receive(frame, self.modem.address, now))
            step.add(self._of_car(frame, now))
        return step

    def expire(self, now: float) -> Step:
        """Time has passed: to be called at `next_deadline`, or later."""
        step = self._of_modem(self.modem.expire(now), now)
        step.add(self._amplitudes.expire(now))
        for run in list(self._runs.values()):
            if now >= run.deadline:
                step.add(self._run_expired(run, now))
        if self._init_deadline is not None and now >= self._init_deadline:
            self._init_deadline, self.phase = None, Phase.UNMATCHED
            text = f"no car has sent CM_SLAC_PARM.REQ within {self._settings.init_s:g} s (TT_EVSE_SLAC_init)"
            step.events.append(Unmatched(text))
        if self._join_deadline is not None and now >= self._join_deadline:
            step.add(self._leave(now, f"no link within {TT_MATCH_JOIN_S:g} s after the key (TT_match_join)"))
        return step

    def next_deadline(self) -> float | None:
        """When `expire` is to be called; None while nothing is awaited."""
        own = (self.modem.next_deadline(), self._amplitudes.next_deadline(), self._init_deadline, self._join_deadline)
        deadlines = [*own, *(run.deadline for run in self._runs.values())]
        return min((each for each in deadlines if each is not None), default=None)

    def _of_car(self, frame: Frame, now: float) -> Step:
        match frame.message:
            case mme.CM_SLAC_PARM_REQ() as message:
                return self._asked(frame, message, now)
            case mme.CM_START_ATTEN_CHAR_IND(run_id=run_id):
                return self._announced(frame, run_id, now)
            case mme.CM_ATTEN_PROFILE_IND() as message:
                return self._measured(frame, message, now)
            case mme.CM_ATTEN_CHAR_RSP() as message:
                return self._receipt(frame, message, now)
            case mme.CM_VALIDATE_REQ() as message:
                return self._validate(frame, message, now)
            case mme.CM_SLAC_MATCH_REQ() as message:
                return self._chosen(frame, message, now)
            case mme.CM_SLAC_PARM_CNF() | mme.CM_ATTEN_CHAR_IND() | mme.CM_SLAC_MATCH_CNF() as message:
                text = f"{message.name}, which only a station sends: another one is on this line"
                return self._alarm(Danger.SECOND_STATION, frame, text, now)
        return Step()

    def _asked(self, frame: Frame, message: mme.CM_SLAC_PARM_REQ, now: float) -> Step:
        car, run_id = frame.source, message.run_id
        if self.match is not None and car != self.match.car:
            return self._alarm(Danger.SECOND_CAR, frame, "CM_SLAC_PARM.REQ while another car is matched", now)
        if self.phase is Phase.JOINING and (car, run_id) not in self._past:
            return self._leave(now, "the car has begun anew")  # it will ask again
        if self.phase is not Phase.MATCHING or message.application_type or message.security_type:
            return Step()
        run = self._runs.get(car)
        if run is not None and run.run_id == run_id and run.stage is Stage.SOUNDS:
            return Step()  # late
        if any(other.run_id == run_id for other in self._runs.values() if other is not run):
            return self._alarm(Danger.REPLAYED, frame, f"has the run id {run_id.hex().upper()} of another car", now)
        if len(self._requests) == MOST_REQUESTS and now - self._requests[0] < REQUESTS_WITHIN_S:
            text = f"more than {MOST_REQUESTS} CM_SLAC_PARM.REQ in {REQUESTS_WITHIN_S:g} s"
            return self._alarm(Danger.FLOOD, frame, text, now)
        if run is None and len(self._runs) >= C_EVSE_MATCH_PARALLEL:
            return self._alarm(Danger.FLOOD, frame, f"more than {C_EVSE_MATCH_PARALLEL} cars at once", now)
        step = Step()
        if any(past_id == run_id and past_car != car for past_car, past_id in self._past):
            # Told only: there are cars that take a constant for their run id.
            text = f"has the run id {run_id.hex().upper()} that another car had before"
            step.add(self._alarm(Danger.REPLAYED, frame, text, now))
        if run is not None and run.run_id == run_id and run.stage is Stage.ANNOUNCEMENT:
            if run.repeats == C_EV_MATCH_RETRY:
                return Step()
            run.repeats += 1
        else:
            if run is not None:
                step.events.append(self._end(run, "the car has begun anew"))
            run = self._runs[car] = _Run(car, run_id, deadline=0.0)
            step.events.append(Began(car, run_id))
        self._requests.append(now)
        self._init_deadline, run.deadline = None, now + TT_MATCH_SEQUENCE_S
        window = round(TT_EVSE_MATCH_MNBC_S / 0.1)
        answer = mme.CM_SLAC_PARM_CNF(num_sounds=C_EV_MATCH_MNBC, timeout=window, forwarding_sta=car, run_id=run_id)
        step.send.append(self._frame(car, answer))
        return step

    def _announced(self, frame: Frame, run_id: bytes, now: float) -> Step:
        run = self._run(frame, run_id)
        if run is not None and run.stage is Stage.ANNOUNCEMENT:
            run.stage, run.deadline = Stage.SOUNDS, now + TT_EVSE_MATCH_MNBC_S + LATE_SOUNDS_S
            run.session_deadline = now + TT_EVSE_MATCH_MNBC_S + TT_EVSE_MATCH_SESSION_S
        return Step()

    def _measured(self, frame: Frame, message: mme.CM_ATTEN_PROFILE_IND, now: float) -> Step:
        if frame.source != self.modem.address:
            return self._alarm(Danger.SPOOFED, frame, "CM_ATTEN_PROFILE.IND that is not of the own modem", now)
        run = self._runs.get(message.pev_mac)
        if run is None or run.stage is not Stage.SOUNDS:
            return Step()
        groups = message.attenuations_db
        if not groups or (run.profiles and len(groups) != len(run.profiles[0])):
            return self._alarm(Danger.MALFORMED, frame, f"CM_ATTEN_PROFILE.IND with {len(groups)} groups", now)
        run.profiles.append(groups)
        return self._sounded(run, now) if len(run.profiles) == C_EV_MATCH_MNBC else Step()

    def _sounded(self, run: _Run, now: float) -> Step:
        """The sounds are over."""
        if not run.profiles:
            reason = "the modem has measured no sound: no CM_ATTEN_PROFILE.IND within TT_EVSE_match_MNBC"
            return self._failed(run, reason, now)
        run.attenuation = Attenuation.mean_of(run.profiles, self._settings.reference_db)
        run.stage, run.repeats = Stage.RECEIPT, 0
        step = self._report(run, now)
        step.events.append(Sounded(run.car, run.attenuation))
        return step

    def _report(self, run: _Run, now: float) -> Step:
        assert run.attenuation is not None
        run.deadline = now + TT_MATCH_RESPONSE_S
        octets = run.attenuation.octets()
        report = mme.CM_ATTEN_CHAR_IND(
            source_address=run.car,
            run_id=run.run_id,
            num_sounds=run.attenuation.sounds,
            num_groups=len(octets),
            attenuations_db=octets,
        )
        return Step(send=[self._frame(run.car, report)])

    def _receipt(self, frame: Frame, message: mme.CM_ATTEN_CHAR_RSP, now: float) -> Step:
        run = self._run(frame, message.run_id)
        if run is None or run.stage is not Stage.RECEIPT:
            return Step()
        if message.result:
            return self._failed(run, f"the car answers CM_ATTEN_CHAR.IND with result {message.result}", now)
        run.stage, run.deadline = Stage.CHOICE, run.session_deadline
        return Step()

    def _validate(self, frame: Frame, message: mme.CM_VALIDATE_REQ, now: float) -> Step:
        """First the two agree (timer 0), then the car toggles its control pilot and the station counts."""
        run = self._runs.get(frame.source)
        if run is None or run.stage not in (Stage.RECEIPT, Stage.CHOICE):
            return Step()
        run.stage, run.deadline = Stage.CHOICE, run.session_deadline
        window_s = 0.1 * (message.timer + 1)
        if self.pilot_toggles is None:
            required = self._settings.validation_required
            return self._validated(run, Validation.FAILURE if required else Validation.NOT_REQUIRED)
        if message.signal_type or window_s > TT_EVSE_VALD_TOGGLE_MAX_S:
            return self._validated(run, Validation.FAILURE)
        if any(other.stage is Stage.TOGGLES for other in self._runs.values()):
            return self._validated(run, Validation.NOT_READY)
        if message.timer == 0:
            return self._validated(run, Validation.READY)
        run.stage, run.deadline, run.toggles_before = Stage.TOGGLES, now + window_s, self.pilot_toggles
        return Step()

    def _counted(self, run: _Run) -> Step:
        """The time for toggles is over."""
        run.stage, run.deadline = Stage.CHOICE, run.session_deadline
        toggles = (self.pilot_toggles or 0) - run.toggles_before
        return self._validated(run, Validation.SUCCESS if toggles > 0 else Validation.FAILURE, max(toggles, 0))

    def _validated(self, run: _Run, result: Validation, toggles: int = 0) -> Step:
        return Step(send=[self._frame(run.car, mme.CM_VALIDATE_CNF(toggle_num=min(toggles, 255), result=result))])

    def _chosen(self, frame: Frame, message: mme.CM_SLAC_MATCH_REQ, now: float) -> Step:
        car = frame.source
        if message.pev_mac != car or message.evse_mac != self._mac:
            return self._alarm(Danger.SPOOFED, frame, "CM_SLAC_MATCH.REQ names other addresses than its own", now)
        if self.match is not None:
            if car != self.match.car:
                return self._alarm(Danger.SECOND_CAR, frame, "CM_SLAC_MATCH.REQ while another car is matched", now)
            if self.phase is Phase.JOINING and message.run_id == self.match.run_id:
                return Step(send=[self._confirmation])  # ours was lost
            return Step()
        run, key = self._run(frame, message.run_id), self.modem.key
        if run is None or run.stage not in (Stage.RECEIPT, Stage.CHOICE) or run.attenuation is None or key is None:
            return Step()
        far = run.attenuation.mean_db > C_EV_MATCH_SIGNALATTN_DIRECT_DB
        if far and any(other.attenuation is None for other in self._runs.values()):
            return Step()  # it asks again; by then the other car, perhaps the one at this cable, is measured
        for other in self._runs.values():
            if other.attenuation is not None and (
                other.attenuation.mean_db + self._settings.margin_db <= run.attenuation.mean_db
            ):
                text = f"chooses this station with {run.attenuation.mean_db:.1f} dB"
                nearer = f"another car is heard with {other.attenuation.mean_db:.1f} dB"
                return self._alarm(Danger.CROSSTALK, frame, f"{text}, while {nearer}", now)
        return self._confirm(run, Match(car, self._mac, run.run_id, key, run.attenuation), now)

    def _confirm(self, run: _Run, match: Match, now: float) -> Step:
        confirmation = mme.CM_SLAC_MATCH_CNF(
            pev_mac=match.car, evse_mac=self._mac, run_id=match.run_id, nid=match.key.nid, nmk=match.key.nmk
        )
        self._confirmation = self._frame(match.car, confirmation)
        self._remember(run)
        step = Step(send=[self._confirmation], events=[*self._end_runs("another car has chosen"), Joining(match)])
        self.phase, self.match, self._given_away = Phase.JOINING, match, True
        self._init_deadline, self._join_deadline = None, now + TT_MATCH_JOIN_S
        step.add(self.modem.watch(now))
        return step

    def _run_expired(self, run: _Run, now: float) -> Step:
        match run.stage:
            case Stage.SOUNDS:
                return self._sounded(run, now)
            case Stage.TOGGLES:
                return self._counted(run)
            case Stage.RECEIPT if run.repeats < C_EV_MATCH_RETRY:
                run.repeats += 1
                return self._report(run, now)
        timer = {Stage.ANNOUNCEMENT: "TT_match_sequence", Stage.RECEIPT: "TT_match_response"}
        return self._failed(run, f"no {run.stage} within {timer.get(run.stage, 'TT_EVSE_match_session')}", now)

    def _of_modem(self, step: Step, now: float) -> Step:
        """What the modem has told, with what follows from it."""
        result = Step(send=step.send)
        for event in step.events:
            match event:
                case LinkUp() if self.match is not None:
                    self.phase, self._join_deadline = Phase.MATCHED, None
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

    def _leave(self, now: float, reason: str = "") -> Step:
        """Leave the network: what is under way ends, and a key that a car has got is replaced."""
        step = Step(events=self._end_runs(reason))
        if self.match is not None and reason:
            step.events.append(Ended(self.match.car, self.match.run_id, reason))
        self.match, self._join_deadline, self._init_deadline = None, None, None
        self._amplitudes.end()
        self.modem.unwatch()
        if self._given_away:
            self.phase = Phase.KEYING
            step.add(self.modem.set_key(NetworkKey.fresh(), now))
        elif self.phase is not Phase.KEYING:
            self._rest(now)
        return step

    def _rest(self, now: float) -> None:
        """The modem has a key that nobody knows."""
        self.phase = Phase.UNMATCHED
        if self._plugged:
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

    def _end_runs(self, reason: str) -> list[Event]:
        return [self._end(run, reason) for run in list(self._runs.values())]

    def _end(self, run: _Run, reason: str) -> Event:
        self._remember(run)
        return Ended(run.car, run.run_id, reason)

    def _remember(self, run: _Run) -> None:
        del self._runs[run.car]
        self._past.append((run.car, run.run_id))

    def _run(self, frame: Frame, run_id: bytes) -> _Run | None:
        run = self._runs.get(frame.source)
        return run if run is not None and run.run_id == run_id else None

    def _alarm(self, danger: Danger, frame: Frame, text: str, now: float) -> Step:
        return Step(events=self._guard.alarm(danger, frame.source, text, now))

    def _frame(self, destination: bytes, message: Mme) -> bytes:
        return Frame.of(destination, self._mac, message).pack()
