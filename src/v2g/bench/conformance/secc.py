"""The station cases of ISO 15118-4 for ISO 15118-2, by name.

A car of ours walks to the message that a case is about, does there what the case asks for, and judges the answer:
in memory, where pilot, hardware and the minute of a sequence timer can be part of a case, or at an address.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from importlib.resources import files
from typing import Any

from msgspec.structs import replace

from v2g.bench.conformance.authorizers import NOTHING
from v2g.bench.conformance.cases import Result, Verdict
from v2g.bench.conformance.hand import ANSWER_S, BENCH, CLOSES_S, REACHES_S
from v2g.bench.conformance.place import Passed, Place, Scene, VirtualPlace
from v2g.bench.conformance.secc_contracts import deeds
from v2g.bench.conformance.secc_deeds import DEEDS, REPLACES, Deed
from v2g.bench.conformance.suite import Meet
from v2g.bench.conformance.tester import Fail, NotApplicable
from v2g.bench.sim.pilot import Cable
from v2g.iso15118.edition import body_name
from v2g.iso15118.service import Service
from v2g.iso15118.view import Stop
from v2g.messages import decode, encode
from v2g.messages.iso2 import ChargeProgress, EVSENotification
from v2g.v2gtp.framing import PayloadType

EDITION = "ISO 15118-2"
SEQUENCE_S = 68.0
"""By then a station has given up on a silent car [V2G2-443], and closed TCP."""

CABLE = {
    "CP and PE shorted": Cable.SHORTED,
    "PE lost": Cable.UNPLUGGED,
    "diode missing": Cable.NO_DIODE,
}
"""What happens to the cable in the charge loop."""
NEEDS_BENCH = (*CABLE, "in state B", "without state B", "never authorised")
_BELOW = ("V2GTPSessionSetup", "V2GTPSDP", "SDP")
REASONS = {
    "no schedule yet": "a schedule is always at hand",
    "chain in the wrong order": "authorities are admitted in any order: what counts is the path to a trusted root",
    **dict.fromkeys(_BELOW, "below the session: these frames are sent by the tests of V2GTP and discovery"),
}


@dataclass(frozen=True, slots=True)
class SeccCase:
    """One case of the list."""

    id: str
    scope: str
    """AC, DC, or CMN for both."""
    request: str
    """The message that it is about, without `Req`."""
    occasion: str
    payment: str
    deed: str
    code: str
    """Of the answer; `-` if there is none."""
    closes: bool
    """Whether the station ends the session."""

    @property
    def service(self) -> Service:
        return Service.AC if self.scope == "AC" else Service.DC

    @property
    def scene(self) -> Scene:
        """The car that it needs."""
        return Scene(
            EDITION,
            self.service,
            contract=self.payment == "contract",
            request=self.request,
            duration_s=30.0 if self.occasion.startswith("renegotiat") else 2.0,
            authorizer=NOTHING if self.deed == "never authorised" else None,
        )

    @property
    def reason(self) -> str | None:
        """Why it cannot be run, or None."""
        return next((REASONS[each] for each in (self.request, self.deed) if each in REASONS), None)


@cache
def cases() -> tuple[SeccCase, ...]:
    """All station cases of the list."""
    text = files(__package__).joinpath("secc_cases.tsv").read_text(encoding="utf-8")
    rows = [line.split("\t") for line in text.splitlines()[1:]]
    return tuple(
        SeccCase(id, scope, request, occasion, payment, deed, code, then == "closes")
        for id, scope, request, occasion, payment, deed, code, then in rows
    )


def run(only: Iterable[str] = (), meet: Meet = VirtualPlace) -> Iterator[Result]:
    """The result of each case whose name begins, or ends after `TC_SECC_`, with one of `only`; of all without."""
    wanted = tuple(only)
    for case in cases():
        if not wanted or any(case.id.startswith(each) or each in case.id.split("VTB_")[-1] for each in wanted):
            yield judge(case, meet)


def judge(case: SeccCase, meet: Meet = VirtualPlace) -> Result:
    """Run one case."""
    if case.reason is not None:
        return Result(case.id, Verdict.NOT_APPLICABLE, case.reason)
    place: Place | None = None
    try:
        place = meet(case.scene)
        found = Tester(case, place).run()
    except NotApplicable as reason:
        return Result(case.id, Verdict.NOT_APPLICABLE, str(reason))
    except Fail as failure:
        found = str(failure)
    finally:
        if place is not None:
            place.shut()
    return Result(case.id, Verdict.PASS if found is None else Verdict.FAIL, found or "")


class Tester:
    """One run of one case. `run` raises `NotApplicable` for what cannot be done at this place."""

    def __init__(self, case: SeccCase, place: Place) -> None:
        self.case, self.place = case, place
        self._deeds: Mapping[str, Deed] = DEEDS
        if case.scene.pki is not None:
            own = deeds(case.scene.pki)
            if case.deed in own and place.bench is None:
                raise NotApplicable("needs the contracts of the bench")
            self._deeds = DEEDS | own
        if case.deed in NEEDS_BENCH and place.bench is None:
            raise NotApplicable(BENCH)
        place.wire = self._wire
        self._agreed = False
        """Whether the handshake is over: what follows is of the edition."""
        self._renegotiated = False
        self._done_s: float | None = None
        """When the deed was done."""
        self._armed = case.occasion != "resumed"
        self._turns = 0
        """Of the charge loop."""
        self._stopped = False
        """Whether SessionStop was answered."""
        self.answer: Any = None

    def run(self) -> str | None:
        """Why the case fails, or None."""
        place, case = self.place, self.case
        place.come(case.scene.intent())
        if case.occasion == "resumed":
            self._pause()
        if case.deed in CABLE:
            return self._break_cable()
        place.run(REACHES_S, lambda: self._done_s is not None or self._over())
        if self._done_s is None:
            return f"the session does not come to {case.request}Req: {self._last()}"
        if case.deed == "silence":
            place.held = True
            place.run(SEQUENCE_S, lambda: place.ended, step_s=0.05)
            return None if place.ended else "the session is still there after the sequence timer"
        place.run(ANSWER_S, lambda: self.answer is not None)
        return self._judge_answer()

    def _judge_answer(self) -> str | None:
        case = self.case
        if self.answer is None:
            return "no answer"
        body = getattr(self.answer, "Body", None)
        element = self.answer if body is None else body.BodyElement
        code = element.ResponseCode.value
        if not any(fnmatchcase(code.upper(), each.upper()) for each in case.code.split("|")):
            return f"{type(element).__name__} has {code}, not {case.code}"
        if case.closes or code.startswith("FAILED"):
            waits_s = SEQUENCE_S if case.deed == "never authorised" else CLOSES_S
            self.place.run(waits_s, lambda: self.place.ended)
            return None if self.place.ended else "the station does not end the session"
        return f"the station ends the session: {self._last()}" if self.place.ended and not self._stopped else None

    def _over(self) -> bool:
        return self.place.car is not None and self.place.car.end is not None

    def _last(self) -> str:
        car = self.place.car
        return "no answer" if car is None or car.end is None else car.end.reason

    def _pause(self) -> None:
        """A session that the driver pauses, and the car back again."""
        place = self.place
        place.run(REACHES_S, lambda: self._turns > 1 or self._over())
        place.driver = Stop.PAUSE
        place.run(REACHES_S, self._over)
        end = None if place.car is None else place.car.end
        place.leave()
        self._armed, self._agreed, self._stopped = True, False, False
        place.come(self.case.scene.intent(), None if end is None else end.paused)

    def _break_cable(self) -> str | None:
        place, world = self.place, self.place.bench
        assert world is not None
        assert world.cable is not None
        place.run(REACHES_S, lambda: self._turns > 1 or self._over())
        world.cable.pilot.cable = CABLE[self.case.deed]
        place.run(CLOSES_S, lambda: place.ended)
        if not self.case.closes:
            return "the contactor stays closed" if world.contactor.closed else None
        return None if place.ended else "the station does not end the session"

    # The wire

    def _wire(self, to_station: bool, payload_type: int, payload: bytes) -> Passed:
        message = decode("iso2" if self._agreed else "sap", payload)
        if not to_station:
            if not self._agreed:
                self._agreed = True
            if self._done_s is not None and self.answer is None:
                self.answer = message
            name = body_name(message)
            self._turns += name in ("CurrentDemandRes", "ChargingStatusRes")
            self._stopped |= name == "SessionStopRes"
            if self.case.occasion.startswith("renegotiat") and not self._renegotiated:
                payload = _asking_to_renegotiate(message, payload)
            return [(0.0, payload_type, payload)]
        if self._done_s is None and self._armed and self._is_due(message):
            self._done_s = self.place.now
            return self._act(message)
        element = message.Body.BodyElement if self._agreed else None
        if getattr(element, "ChargeProgress", None) is ChargeProgress.Renegotiate:
            self._renegotiated = True
        return [(0.0, payload_type, payload)]

    def _is_due(self, message: Any) -> bool:
        """Whether this is the message that the case is about."""
        case, name = self.case, body_name(message).removesuffix("Req")
        if name.lower() != REPLACES.get(case.request, case.request).lower():
            return False
        if case.request == "PowerDelivery":
            progress, wanted = message.Body.BodyElement.ChargeProgress, ChargeProgress.Start
            if case.occasion in ("stop", "renegotiate"):
                wanted = ChargeProgress.Stop if case.occasion == "stop" else ChargeProgress.Renegotiate
            return progress is wanted and (case.occasion != "renegotiation" or self._renegotiated)
        return case.occasion != "renegotiation" or self._renegotiated

    def _act(self, message: Any) -> Passed:
        case, world = self.case, self.place.bench
        if case.deed == "silence":
            return []
        late_s = 0.0
        if case.deed == "in state B" and world is not None:
            world.faults.s2_open, late_s = True, 0.3
        elif case.deed == "without state B" and world is not None:
            world.faults.mute, late_s = True, 0.3  # its S2 stays closed
        deed: Deed = self._deeds.get(case.deed, lambda message, request: message)
        if case.request in REPLACES and case.deed not in self._deeds:
            deed = self._deeds[case.request]
        said = deed(message, case.request)
        return [(late_s, PayloadType.EXI, encode("iso2" if self._agreed else "sap", said))]


def _asking_to_renegotiate(message: Any, payload: bytes) -> bytes:
    """The answer of a charge loop, as if the station wanted another schedule."""
    element: Any = getattr(getattr(message, "Body", None), "BodyElement", None)
    for name in ("DC_EVSEStatus", "AC_EVSEStatus"):
        status: Any = getattr(element, name, None)
        if status is not None and body_name(message) in ("CurrentDemandRes", "ChargingStatusRes"):
            status = replace(status, EVSENotification=EVSENotification.ReNegotiation, NotificationMaxDelay=0)
            body = replace(message.Body, BodyElement=replace(element, **{name: status}))
            return encode("iso2", replace(message, Body=body))
    return payload
