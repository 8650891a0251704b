"""The station cases of ISO 15118-4 for ISO 15118-2, by name.

A car of ours walks to the message that a case is about, does there what the case asks for, and judges the answer. It
happens in the virtual world: pilot, hardware and the minute of a sequence timer are part of many cases.
"""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from importlib.resources import files
from typing import Any

from msgspec.structs import replace

from v2g.bench.conformance.cases import Result, Verdict
from v2g.bench.conformance.secc_contracts import Hierarchy, deeds, hierarchy
from v2g.bench.conformance.secc_deeds import DEEDS, REPLACES, Deed
from v2g.bench.sim.pilot import Cable
from v2g.bench.sim.world import NOWHERE, START_UNIX_S, World
from v2g.iso15118.edition import body_name
from v2g.iso15118.service import ControlMode, Service
from v2g.iso15118.vehicle import Intent
from v2g.iso15118.view import Limits, Stop
from v2g.messages import decode, encode
from v2g.messages.iso2 import ChargeProgress, EVSENotification
from v2g.pki.profile import Role
from v2g.station.access import Answer, Identity
from v2g.station.access import Verdict as Judgement
from v2g.station.config.settings import Access, EvseSettings, Pilot
from v2g.v2gtp.framing import PayloadType

EDITION = "ISO 15118-2"
ANSWER_S, CLOSES_S = 6.0, 3.0
"""How long the tester waits for an answer, and for the end of a session after it."""
SEQUENCE_S = 62.0
"""By then a station has given up on a silent car [V2G2-443]."""
REACHES_S = 90.0
"""How long the car may take to the message that a case is about."""

_LIMITS = Limits(charge_w=11_000, discharge_w=0, charge_a=30, discharge_a=0, voltage_min_v=300, voltage_max_v=460)
_DC = EvseSettings(
    services=("DC",),
    access=Access(grant="everyone"),
    inverter=NOWHERE,
    isolation=NOWHERE,
    contactor=NOWHERE,
    meter=NOWHERE,
    pilot=Pilot(device=NOWHERE),
    safety=NOWHERE,
)
_AC = replace(_DC, services=("AC",), inverter=None, isolation=None)

CABLE = {
    "CP and PE shorted": Cable.SHORTED,
    "PE lost": Cable.UNPLUGGED,
    "diode missing": Cable.NO_DIODE,
}
"""What happens to the cable in the charge loop."""
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


def run(only: Iterable[str] = ()) -> Iterator[Result]:
    """The result of each case whose name begins, or ends after `TC_SECC_`, with one of `only`; of all without."""
    wanted = tuple(only)
    for case in cases():
        if not wanted or any(case.id.startswith(each) or each in case.id.split("VTB_")[-1] for each in wanted):
            yield judge(case)


def judge(case: SeccCase) -> Result:
    """Run one case."""
    if case.reason is not None:
        return Result(case.id, Verdict.NOT_APPLICABLE, case.reason)
    found = Tester(case).run()
    return Result(case.id, Verdict.PASS if found is None else Verdict.FAIL, found or "")


class Never:
    """An authoriser that never decides."""

    def judge(self, identity: Identity, now: float) -> Judgement:
        return Judgement(Answer.PENDING, "nobody has decided yet")


class Tester:
    """One run of one case."""

    def __init__(self, case: SeccCase) -> None:
        self.case = case
        duration_s = 30.0 if case.occasion.startswith("renegotiat") else 2.0
        intent = Intent(
            "02:00:00:00:00:01",
            case.service,
            ControlMode.SCHEDULED,
            _LIMITS,
            editions=(EDITION,),
            duration_s=duration_s,
        )
        authorizer = Never() if case.deed == "never authorised" else None
        settings, payment = _DC if case.service.dc else _AC, None
        self._deeds: Mapping[str, Deed] = DEEDS
        if case.payment == "contract":
            pki = hierarchy(START_UNIX_S)
            settings, payment = replace(settings, receipts_s=1.0), pki.payment()
            intent, self._deeds = _by_contract(intent, case.request, pki), DEEDS | deeds(pki)
        peer = None if payment is None else bytes(64)
        self.world = World(settings, intent, authorizer=authorizer, payment=payment, peer=peer)
        self.world.wire = self._wire
        self._agreed = False
        """Whether the handshake is over: what follows is of the edition."""
        self._renegotiated = False
        self._done_s: float | None = None
        """When the deed was done."""
        self._armed = case.occasion != "resumed"
        self.answer: Any = None
        self.trouble: str | None = None

    def run(self) -> str | None:
        """Why the case fails, or None."""
        world, case = self.world, self.case
        world.run(3.0)
        world.plug_in()
        if case.occasion == "resumed":
            self._pause()
        if case.deed in CABLE:
            return self._break_cable()
        world.run(REACHES_S, until=lambda: self._done_s is not None, step_s=0.02)
        if self._done_s is None:
            return f"the session does not come to {case.request}Req: {self._last()}"
        if case.deed == "silence":
            world.faults.hung = True
            world.run(SEQUENCE_S, until=self._ended, step_s=0.05)
            return None if self._ended() else "the session is still there after the sequence timer"
        world.run(ANSWER_S, until=lambda: self.answer is not None, step_s=0.02)
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
            self.world.run(waits_s, until=self._ended, step_s=0.02)
            return None if self._ended() else "the station does not end the session"
        return f"the station ends the session: {self._last()}" if self._ended() and not self._in_order() else None

    def _ended(self) -> bool:
        conversation = self.world.evse.visit.conversation
        return conversation is None or conversation.end is not None

    def _in_order(self) -> bool:
        conversation = self.world.evse.visit.conversation
        return conversation is not None and conversation.end is not None and conversation.end.fault is None

    def _last(self) -> str:
        report = self.world.evse.visit.report
        return f"{report.last_message} {report.result}".strip()

    def _in_the_loop(self) -> bool:
        conversation = self.world.evse.visit.conversation
        return conversation is not None and conversation.phase.endswith("CHARGE_LOOP")

    def _pause(self) -> None:
        """A session that the driver pauses, and the car back again."""
        world = self.world
        world.run(REACHES_S, until=self._in_the_loop, step_s=0.02)
        world.driver = Stop.PAUSE
        world.run(REACHES_S, until=lambda: world.evcc is None or world.evcc.end is not None, step_s=0.02)
        end = None if world.evcc is None else world.evcc.end
        world.unplug()
        world.run(1.0)
        self._armed, self._agreed = True, False
        world.plug_in(paused=None if end is None else end.paused)

    def _break_cable(self) -> str | None:
        world = self.world
        world.run(REACHES_S, until=self._in_the_loop, step_s=0.02)
        assert world.cable is not None
        world.cable.pilot.cable = CABLE[self.case.deed]
        world.run(CLOSES_S, until=self._ended)
        if not self.case.closes:
            return "the contactor stays closed" if world.contactor.closed else None
        return None if self._ended() else "the station does not end the session"

    # The wire

    def _wire(self, to_station: bool, payload_type: int, payload: bytes) -> list[tuple[float, int, bytes]]:
        message = decode("iso2" if self._agreed else "sap", payload)
        if not to_station:
            if not self._agreed:
                self._agreed = True
            if self._done_s is not None and self.answer is None:
                self.answer = message
            if self.case.occasion.startswith("renegotiat") and not self._renegotiated:
                payload = _asking_to_renegotiate(message, payload)
            return [(0.0, payload_type, payload)]
        if self._done_s is None and self._armed and self._is_due(message):
            self._done_s = self.world.now
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

    def _act(self, message: Any) -> list[tuple[float, int, bytes]]:
        case, world = self.case, self.world
        if case.deed == "silence":
            return []
        late_s = 0.0
        if case.deed == "in state B":
            world.faults.s2_open, late_s = True, 0.3
        elif case.deed == "without state B":
            world.faults.mute, late_s = True, 0.3  # its S2 stays closed
        deed: Deed = self._deeds.get(case.deed, lambda message, request: message)
        if case.request in REPLACES and case.deed not in self._deeds:
            deed = self._deeds[case.request]
        said = deed(message, case.request)
        return [(late_s, PayloadType.EXI, encode("iso2" if self._agreed else "sap", said))]


def _by_contract(intent: Intent, request: str, pki: Hierarchy) -> Intent:
    """A car that pays by a contract; it asks for one, or for a new one, if the case is about that."""
    installs = request == "CertificateInstallation"
    return dataclasses.replace(
        intent,
        contract=None if installs else pki.contract,
        provisioning=pki.provisioning if installs else None,
        renews=request == "CertificateUpdate",
        roots=(pki.v2g.chain[0],),
        trust=pki.trusts(Role.PROVISIONING_SERVICE),
    )


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
