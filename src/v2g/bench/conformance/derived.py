"""Cases that follow from the table of an edition: in each phase every request, good and bad, and silence."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any

from v2g.bench.conformance.hand import Hand, Turn, of_session
from v2g.bench.conformance.place import Scene, VirtualPlace
from v2g.bench.conformance.suite import Check
from v2g.exi.least import least
from v2g.iso15118.car_side import SIDES
from v2g.iso15118.edition import Edition
from v2g.iso15118.timeouts import SETUP_S
from v2g.messages import codec

FOREIGN = bytes.fromhex("0123456789ABCDEF")
"""A session id that nobody has."""


@dataclass(frozen=True)
class Numbers:
    """The requirements that the derived cases show."""

    sequence: tuple[str, ...]
    """A request out of sequence."""
    session: tuple[str, ...]
    """Another session's id."""
    silence: tuple[str, ...]
    energy_silence: tuple[str, ...]
    """The same while energy flows."""
    leaves: tuple[str, ...]
    """A car that stops the session before energy flows."""
    course: tuple[str, ...]
    """A session without any mishap."""
    phases: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """What may follow, by phase."""
    requests: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """That a request is processed in its turn."""


@cache
def course(scene: Scene) -> tuple[Turn, ...]:
    """A whole session at the station in memory."""
    hand = Hand(VirtualPlace(scene), scene)
    hand.finish()
    return tuple(hand.turns)


def phases(scene: Scene) -> list[str]:
    """Those that its session goes through, in order."""
    return list(dict.fromkeys(turn.phase for turn in course(scene) if turn.phase))


def pool(edition: Edition, scenes: tuple[Scene, ...]) -> dict[str, tuple[int, Any]]:
    """One request of each kind that the edition knows, with its payload type, as said in the sessions of `scenes`; the
    least that the schema admits if none of them says it."""
    said: dict[str, tuple[int, Any]] = {}
    for turn in (turn for scene in scenes for turn in course(scene) if turn.phase):
        said.setdefault(turn.name, (turn.payload_type, turn.request))
    names = dict.fromkeys(name for row in edition.table.values() for name in row)
    return {name: said.get(name) or _least(edition, name, said["SessionSetupReq"]) for name in names}


def _least(edition: Edition, name: str, example: tuple[int, Any]) -> tuple[int, Any]:
    payload_type, message = example
    schema = codec(edition.message_sets[payload_type]).schema
    made: Any = least(schema, next(each for each in schema.classes if each.__name__ == name))
    if hasattr(message, "Body"):
        return payload_type, type(message)(message.Header, type(message.Body)(made))
    return payload_type, made


def derived(scene: Scene, numbers: Numbers, others: tuple[Scene, ...] = ()) -> Iterator[Check]:
    """All cases of one scene. `others`: whose requests are out of place here."""
    edition, label = SIDES[scene.edition].edition, scene.label
    yield Check(f"{label}: a whole session", numbers.course, scene, _whole)
    for name, shown in numbers.requests.items():
        yield Check(f"{label}: {name} in its turn", shown, scene, partial(_in_turn, name=name))
    requests = pool(edition, (scene, *others))
    by_name = {phase.name: phase for phase in edition.table}
    for phase in phases(scene):
        admitted = edition.admitted(by_name[phase], scene.service.dc)
        place = numbers.phases.get(phase, ())
        for name, (payload_type, request) in requests.items():
            out = partial(_out_of_sequence, phase=phase, request=request, payload_type=payload_type)
            if name not in admitted:
                yield Check(f"{label}, {phase}: {name}", (*numbers.sequence, *place), scene, out)
        if phase != edition.first.name:
            for what, session_id in (("another session's id", FOREIGN), ("session id 0", bytes(8))):
                act = partial(_foreign, phase=phase, session_id=session_id)
                yield Check(f"{label}, {phase}: {what}", numbers.session, scene, act)
        if "SessionStopReq" in admitted:
            stop = partial(_leaves, phase=phase, stop=requests["SessionStopReq"])
            yield Check(f"{label}, {phase}: the car leaves", (*numbers.leaves, *place), scene, stop)
        energy = any(name in edition.energy for name in admitted) and phase != "STARTED"
        silence = edition.silence["standard"]
        quiet_s = SETUP_S if phase == edition.first.name else silence.energy_s if energy else silence.sequence_s
        quiet = partial(_silence, phase=phase, seconds=quiet_s)
        shown = numbers.energy_silence if energy else numbers.silence
        yield Check(f"{label}, {phase}: silence", shown, scene, quiet)


def _whole(hand: Hand) -> None:
    hand.come()
    hand.finish()
    hand.true(not hand.flaws, f"an answer is no valid encoding: {'; '.join(hand.flaws[:2])}")
    ids = {turn.answer.Header.SessionID for turn in hand.turns if turn.phase}
    hand.true(len(ids) == 1, "the session id changes within the session")


def _in_turn(hand: Hand, name: str) -> None:
    due = hand.reach(name)
    hand.accepts(due, "OK", hand.due_type)


def session_id(hand: Hand) -> bytes:
    """That of the session, as the station stated it."""
    found: bytes = hand.turns[-1].answer.Header.SessionID
    return found


def _out_of_sequence(hand: Hand, phase: str, request: Any, payload_type: int) -> None:
    due = hand.reach_phase(phase)
    first = phase == hand.edition.first.name
    request = of_session(request, due.Header.SessionID if first else session_id(hand))
    # Before there is a session, no request but the first belongs to one.
    codes = "FAILED_SequenceError|FAILED_UnknownSession" if first else "FAILED_SequenceError"
    hand.refuses(request, codes, payload_type)


def _foreign(hand: Hand, phase: str, session_id: bytes) -> None:
    due = hand.reach_phase(phase)
    hand.refuses(of_session(due, session_id), "FAILED_UnknownSession", hand.due_type)


def _leaves(hand: Hand, phase: str, stop: tuple[int, Any]) -> None:
    hand.reach_phase(phase)
    payload_type, request = stop
    hand.accepts(of_session(request, session_id(hand)), "OK", payload_type)


def _silence(hand: Hand, phase: str, seconds: float) -> None:
    hand.reach_phase(phase)
    hand.silent(seconds)
