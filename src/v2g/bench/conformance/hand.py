"""A car in a tester's hand: it walks by itself; the tester holds it back, speaks for it and judges the answers."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from msgspec import structs

from v2g.bench.conformance.place import Passed, Place, Scene
from v2g.bench.conformance.tester import Fail, NotApplicable
from v2g.bench.sim.world import World
from v2g.iso15118.car_session import CarPaused
from v2g.iso15118.car_side import SIDES
from v2g.iso15118.edition import Edition, body_name
from v2g.iso15118.engine import paired
from v2g.messages import ExiError, decode, encode
from v2g.v2gtp.framing import PayloadType

ANSWER_S, CLOSES_S, REACHES_S = 6.0, 8.0, 90.0
"""How long the tester waits for an answer, for the end of a session after a refusal (the station may wait 5 s for the
car to close TCP), and for the car to come to what a case is about."""
BENCH = "needs the bench: it cannot be provoked from outside"


@dataclass(frozen=True, slots=True)
class Turn:
    """A request, the phase in which the car made it, and the answer to it."""

    phase: str
    payload_type: int
    request: Any
    answer: Any

    @property
    def name(self) -> str:
        return body_name(self.request)


class Hand:
    """One car at one place. Raises `Fail` if the station does not do what it must, `NotApplicable` if that cannot be
    found out here."""

    def __init__(self, place: Place, scene: Scene) -> None:
        self.place, self.scene = place, scene
        self.edition: Edition = SIDES[scene.edition].edition
        self.turns: list[Turn] = []
        self.flaws: list[str] = []
        """What is no valid encoding in the answers."""
        self.answers: list[Any] = []
        self.spoil: Callable[[Any], Any] = lambda answer: answer
        """What the car gets to hear in the place of an answer."""
        self._asked: tuple[str, int, Any] | None = None
        self._agreed = False
        self._paused: CarPaused | None = None
        self._arrived = False
        self._wanted: Callable[[str, Any], bool] | None = None
        self._due: tuple[int, Any] | None = None
        place.wire = self._wire

    # The car

    def come(self, paused: CarPaused | None = None) -> None:
        """It is plugged in, and begins as soon as the case waits for something."""
        self._agreed, self._due, self._paused, self._arrived = False, None, paused, False

    def arrive(self) -> None:
        """It begins now, if it has not."""
        if not self._arrived:
            self._arrived = True
            self.place.come(self.scene.intent(), self._paused)

    def leave(self) -> None:
        """It is gone."""
        self.place.leave()
        self._arrived = False

    def reach(self, request: str, when: Callable[[Any], bool] = lambda message: True) -> Any:
        """Let the car go on until it is about to say this; it is held back there. Returns the message."""
        return self._hold(lambda phase, message: body_name(message) == request and when(message), request)

    def reach_phase(self, phase: str) -> Any:
        """The same for the first request of a phase."""
        return self._hold(lambda now_in, message: now_in == phase, phase)

    def _hold(self, wanted: Callable[[str, Any], bool], what: str) -> Any:
        self._wanted = wanted
        if not self._arrived:
            self.arrive()
        elif self.place.held:
            self.go_on()
        self.place.run(REACHES_S, lambda: self._due is not None or self._over())
        self._wanted = None
        if self._due is None:
            raise Fail(f"the session does not come to {what}: {self.last}")
        return self._due[1]

    @property
    def due(self) -> Any:
        """What the car was about to say."""
        assert self._due is not None
        return self._due[1]

    @property
    def due_type(self) -> int:
        """Its payload type."""
        assert self._due is not None
        return self._due[0]

    def go_on(self, message: Any = None) -> None:
        """The car says what it was about to say, or `message` in the place of that, and goes on by itself."""
        payload_type, due = self._due or (0, None)
        self._due = None
        self.place.held = False
        if due is not None:
            self.say(message or due, payload_type)

    def finish(self) -> None:
        """Let the car go on to the end of its session."""
        if not self._arrived:
            self.arrive()
        elif self.place.held:
            self.go_on()
        self.place.run(REACHES_S, self._over)
        car = self.place.car
        if car is None or car.end is None:
            raise Fail(f"the session does not end: {self.last}")
        if car.end.fault is not None:
            raise Fail(f"the session fails: {car.end.reason}")

    def reach_energy(self) -> Any:
        """Let the car go on until it is about to say its second request of the energy transfer."""
        names = self.edition.energy
        self._hold(lambda phase, message: body_name(message) in names, "the charge loop")
        self.go_on()
        return self._hold(lambda phase, message: body_name(message) in names, "the charge loop")

    def heard(self, response: str) -> Any:
        """What the first response of this name says; None if there was none."""
        return next((element(each) for each in self.answers if body_name(each) == response), None)

    @property
    def over(self) -> bool:
        """Whether the car has ended its session."""
        return self._over()

    def _over(self) -> bool:
        car = self.place.car
        return car is not None and car.end is not None

    @property
    def last(self) -> str:
        """The last that is known of the session."""
        car = self.place.car
        if car is not None and car.end is not None:
            return car.end.reason
        return "no answer" if not self.turns else f"{self.turns[-1].name} was answered last"

    # The tester

    def say(self, message: Any, payload_type: int | None = None) -> None:
        """A message in the car's place."""
        name = body_name(message)
        if payload_type is None:
            known = self._agreed and name not in ("supportedAppProtocolReq",)
            payload_type = self.edition.payload_type(name, self.scene.service) if known else PayloadType.EXI
        self._asked = self._phase(), payload_type, message
        self.place.say(payload_type, encode(self._protocol(payload_type), message))

    def say_bytes(self, payload_type: int, payload: bytes) -> None:
        """Bytes in the car's place."""
        self.place.say(payload_type, payload)

    def ask(self, message: Any = None, payload_type: int | None = None) -> Any:
        """Say it, what is due if left out, and return the answer, which is that to this request."""
        if message is None:
            payload_type, message = self._due or (payload_type, None)
        before = len(self.answers)
        self.say(message, payload_type)
        self.place.run(ANSWER_S, lambda: len(self.answers) > before, step_s=0.01)
        if len(self.answers) == before:
            raise Fail(f"no answer to {body_name(message)}")
        answer = self.answers[-1]
        if body_name(answer) != paired(body_name(message)) and body_name(message) != "supportedAppProtocolReq":
            raise Fail(f"{body_name(message)} is answered by {body_name(answer)}")
        return element(answer)

    def refuses(self, message: Any, code: str, payload_type: int | None = None) -> None:
        """Say it: the answer has one of these codes (`|` between them), and the session ends."""
        found = self.code(message, payload_type)
        if found not in code.split("|"):
            raise Fail(f"{body_name(message)} is answered with {found}, not {code.replace('|', ' or ')}")
        self.closes()

    def accepts(self, message: Any, code: str = "OK", payload_type: int | None = None) -> Any:
        """Say it: the answer has a code that begins so. Returns the answer."""
        answer = self.ask(message, payload_type)
        found = answer.ResponseCode.value
        if not found.startswith(code):
            raise Fail(f"{body_name(message)} is answered with {found}, not {code}")
        return answer

    def code(self, message: Any = None, payload_type: int | None = None) -> str:
        """Say it, and return the answer's code."""
        code: str = self.ask(message, payload_type).ResponseCode.value
        return code

    def closes(self, within_s: float = CLOSES_S) -> None:
        """The station ends the session."""
        self.place.run(within_s, lambda: self.place.ended)
        if not self.place.ended:
            raise Fail("the station does not end the session")

    def silent(self, seconds: float) -> None:
        """The car says nothing for so long: the station ends the session by then, and not much sooner."""
        since = self.place.now
        self.place.held = True
        self.place.run(seconds * 1.1 + 1.0, lambda: self.place.ended, step_s=0.05)
        if not self.place.ended:
            raise Fail(f"the session is still there after {self.place.now - since:.1f} s of silence")
        if self.place.now - since < seconds * 0.8:
            raise Fail(f"the station gives up after {self.place.now - since:.2f} s of silence, not after {seconds:g} s")

    def bench(self) -> World:
        """Hardware, cable and operator of the station under test."""
        if self.place.bench is None:
            raise NotApplicable(BENCH)
        return self.place.bench

    @staticmethod
    def true(holds: object, what: str) -> None:
        """Raises `Fail` with this text if something does not hold."""
        if not holds:
            raise Fail(what)

    # The wire

    def _protocol(self, payload_type: int) -> str:
        return self.edition.message_sets[payload_type] if self._agreed else "sap"

    def _phase(self) -> str:
        car = self.place.car
        return "" if car is None or not self._agreed else car.engine.phase.name

    def _wire(self, to_station: bool, payload_type: int, payload: bytes) -> Passed:
        try:
            message: Any = decode(self._protocol(payload_type), payload, strict=True)
        except (ExiError, KeyError) as error:
            self.flaws.append(str(error))
            return [(0.0, payload_type, payload)]
        if to_station:
            return self._said(payload_type, message, payload)
        return self._heard(payload_type, message, payload)

    def _said(self, payload_type: int, message: Any, payload: bytes) -> Passed:
        phase = self._phase()
        if self._wanted is not None and self._due is None and self._wanted(phase, message):
            self._due = payload_type, message
            self.place.held = True
            return []
        self._asked = phase, payload_type, message
        return [(0.0, payload_type, payload)]

    def _heard(self, payload_type: int, message: Any, payload: bytes) -> Passed:
        self.answers.append(message)
        if self._asked is not None:
            phase, asked_type, request = self._asked
            self.turns.append(Turn(phase, asked_type, request, message))
            self._asked = None
        protocol = self._protocol(payload_type)
        self._agreed = True
        if self.place.held:
            return []
        spoilt = self.spoil(message)
        return [(0.0, payload_type, payload if spoilt is message else encode(protocol, spoilt))]


def element(message: Any) -> Any:
    """What a message says: itself, or in ISO 15118-2 and DIN the element in its body."""
    body = getattr(message, "Body", None)
    return message if body is None else body.BodyElement


def changed(message: Any, **fields: object) -> Any:
    """The same message with other fields."""
    body = getattr(message, "Body", None)
    if body is None:
        return structs.replace(message, **fields)
    return structs.replace(message, Body=structs.replace(body, BodyElement=structs.replace(body.BodyElement, **fields)))


def of_session(message: Any, session_id: bytes) -> Any:
    """The same message of another session."""
    return structs.replace(message, Header=structs.replace(message.Header, SessionID=session_id))
