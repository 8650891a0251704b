"""The rules for a session: each is one function, and its finding one sentence with what to look at.

A rule judges what the capture shows. It takes a message for missing only if no bytes are missing in the capture.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple

from v2g.capture.family import FAMILIES, Family
from v2g.capture.record import Record
from v2g.iso15118.timeouts import HANDSHAKE_S

HINTS = {
    "FAILED_SequenceError": "compare the request before it with the sequence of the protocol",
    "FAILED_UnknownSession": "compare the session id in the request's header with that of SessionSetupRes",
    "FAILED_ServiceIDInvalid": "compare the service id with those of ServiceDiscoveryRes",
    "FAILED_ServiceSelectionInvalid": "compare service and parameter set with those of ServiceDetailRes",
    "FAILED_PaymentSelectionInvalid": "compare the payment option with those of ServiceDiscoveryRes",
    "FAILED_CertificateExpired": "look at the validity of the certificates and at both clocks",
    "FAILED_SignatureError": "look at the signed element, its Id, and the key that signed it",
    "FAILED_NoCertificateAvailable": "look at what the back end holds for this contract",
    "FAILED_CertChainError": "look at the chain that was sent, and at the roots that the station trusts",
    "FAILED_ChallengeInvalid": "compare GenChallenge with that of PaymentDetailsRes or AuthorizationSetupRes",
    "FAILED_ContractCanceled": "ask the contract's operator",
    "FAILED_WrongChargeParameter": "look for limits that contradict each other or do not fit the chosen service",
    "FAILED_WrongEnergyTransferMode": "compare the requested mode with those of ServiceDiscoveryRes",
    "FAILED_PowerDeliveryNotApplied": "look at the station's contactor and power stage",
    "FAILED_ContactorError": "look at the station's contactor and its feedback",
    "FAILED_ChargingProfileInvalid": "compare the car's profile with the schedule that the station offered",
    "FAILED_TariffSelectionInvalid": "compare the schedule tuple id with those offered",
    "FAILED_MeteringSignatureNotValid": "look at the receipt's signature and the meter values in it",
    "Failed_NoNegotiation": "compare the namespaces that the car offers with those that the station speaks",
    "WARNING_EIMAuthorizationFailure": "the car may ask again; look at the card or the back end",
}
"""What to look at, by response code."""


class Problem(NamedTuple):
    """What a rule has found."""

    rule: str
    requirement: str | None
    text: str


class Session:
    """What the judge knows of the session on one connection."""

    def __init__(self) -> None:
        self.family: Family | None = None
        self.phases: frozenset[Any] = frozenset()
        self.energy = ""
        """AC or DC"""
        self.energy_ends = False
        """The car has asked to end the energy transfer."""
        self.powered = True
        """Whether energy may have been flowing already."""
        self.id: str | None = None
        self.request: Record | None = None
        """The request that waits for its response."""
        self.in_question: set[str] = set()
        """The rules that this request or its response has broken."""
        self.answer: Record | None = None
        """The latest response."""
        self.end: Record | None = None
        """The response that ended the session."""
        self.run: tuple[str, float] | None = None
        """The request that is being repeated, and since when."""
        self.offered: list[Any] = []
        self.gap = True
        """Whether messages may be missing before this place."""
        self.first: Record | None = None
        self.requests = self.responses = self.pairs = 0
        """Counts; `pairs` are responses that belong to the request before."""
        self.is_one_side_known = False
        """Whether a record has already reported that one side is missing."""
        self.refusal: Record | None = None
        """The response that refused the handshake; None again once the car's reaction was judged."""
        self.trouble: dict[str, str] = {}
        """The latest status of the station and error of the car, by element."""

    @property
    def is_apart(self) -> bool:
        """Whether the input may hold one side after the other: it has no times, and no response followed its request.
        Then the order of requests and responses means nothing."""
        return self.first is not None and self.first.time is None and not self.pairs

    @property
    def is_one_sided(self) -> bool:
        """Whether only one side was heard, although the session went on."""
        return 0 in (self.requests, self.responses) and self.requests + self.responses > 1


Rule = Callable[[Session, Record], Iterator[Problem]]


def _unanswered(session: Session, request: Record) -> Iterator[Problem]:
    before = session.request
    if before is not None and session.responses and not session.is_apart:
        text = f"{before.message} of packet {before.packet} has no response before this request"
        yield Problem("unanswered", None, f"{text}; look whether the station is alive and how long the car waited")


def _sequence(session: Session, request: Record) -> Iterator[Problem]:
    family, name = session.family, str(request.message)
    if family is None or not admitting(family, name) or any(name in family.table[phase] for phase in session.phases):
        return
    if session.end is not None:
        after = f"{session.end.message} of packet {session.end.packet}"
        code = session.end.content.get("ResponseCode")
        yield Problem(
            "after end", family.requirement("sequence"), f"{name} after the session's end by {after} ({code})"
        )
        return
    admitted = sorted({each for phase in session.phases for each in family.table[phase]})
    after = f"after {session.answer.message}" if session.answer else "at the beginning"
    text = f"{name} is not admitted {after}: {family.name} admits {', '.join(admitted)} here"
    yield Problem("sequence", family.requirement("sequence"), text)


def _session_id(session: Session, request: Record) -> Iterator[Problem]:
    family, given = session.family, request.header.get("SessionID")
    if family is None or session.id is None or given == session.id or request.message == "SessionSetupReq":
        return
    text = f"{request.message} has the session id {given or 'of no octets'}, the session's is {session.id}"
    yield Problem("session id", family.requirement("session id"), f"{text}; look where the car took it from")


def _sequence_timeout(session: Session, request: Record) -> Iterator[Problem]:
    family, answer = session.family, session.answer
    if family is None or answer is None or answer.time is None or request.time is None or session.end is not None:
        return
    in_loop = family.loop_sequence_s is not None and request_of(answer) in family.loops
    limit_s = family.loop_sequence_s if in_loop and family.loop_sequence_s is not None else family.sequence_s
    pause_s = request.time - answer.time
    if pause_s > limit_s:
        text = f"the car sent {request.message} {pause_s:.3f} s after {answer.message}"
        requirement = family.requirement("sequence timeout")
        yield Problem("sequence timeout", requirement, f"{text}; the station has to stop after {limit_s:g} s")


def _no_request(session: Session, response: Record) -> Iterator[Problem]:
    if session.request is None and session.requests and not session.gap and not session.is_apart:
        text = f"{response.message} without a request, and no bytes are missing in the capture"
        yield Problem("no request", None, f"{text}; look whether the station sent it twice")


def _pairing(session: Session, response: Record) -> Iterator[Problem]:
    request = session.request
    if request is not None and request.message != request_of(response) and not session.is_apart:
        requirement = session.family.requirement("pairing") if session.family else None
        text = f"the station answers {request.message} of packet {request.packet} with {response.message}"
        yield Problem("pairing", requirement, text)


def _response_time(session: Session, response: Record) -> Iterator[Problem]:
    request = session.request
    if request is None or request.time is None or response.time is None:
        return
    name, family = str(request.message), session.family
    limit_s = response_s(session, name)
    taken_s = response.time - request.time
    if taken_s > limit_s:
        text = f"{response.message} came {taken_s:.3f} s after its request; the car waits {limit_s:g} s for it"
        yield Problem("response time", family.requirement("response time", name) if family else None, text)


def _repeat_time(session: Session, response: Record) -> Iterator[Problem]:
    """A run that is too long is reported, and measured from there on."""
    if session.family is None or session.run is None or response.time is None:
        return
    name, since = session.run
    limit_s = session.family.repeat_s.get(name)
    if limit_s is not None and response.time - since > limit_s:
        session.run = (name, response.time)
        text = f"{name} has been repeated for {response.time - since:.1f} s; a car may give up after {limit_s:g} s"
        yield Problem("repeat time", None, f"{text}; look at what the station waits for")


def _response_code(session: Session, response: Record) -> Iterator[Problem]:
    code = str(response.content.get("ResponseCode", ""))
    known = {"FAILED_SequenceError": {"sequence", "after end"}, "FAILED_UnknownSession": {"session id"}}
    if not code.upper().startswith(("FAILED", "WARNING")) or session.in_question & known.get(code, set()):
        return
    hint = f"; {HINTS[code]}" if code in HINTS else ""
    ends = ", which ends the session" if session.family and session.family.failed_ends and has_failed(response) else ""
    yield Problem("response code", None, f"the station answers {request_of(response)} with {code}{ends}{hint}")


def _response_id(session: Session, response: Record) -> Iterator[Problem]:
    family, given = session.family, response.header.get("SessionID")
    if family is None or has_failed(response):
        return
    if response.message == "SessionSetupRes":
        if not str(given).strip("0"):
            text = "SessionSetupRes gives the session id 0; ids are random"
            yield Problem("zero session id", family.requirement("zero session id"), text)
    elif session.id is not None and given != session.id and "session id" not in session.in_question:
        text = f"{response.message} has the session id {given}, the session's is {session.id}"
        yield Problem("session id changed", family.requirement("session id"), f"{text}; look for a second session")


def _schema_id(session: Session, response: Record) -> Iterator[Problem]:
    offered = [entry["SchemaID"] for entry in session.offered]
    if response.message != "supportedAppProtocolRes" or not offered or has_failed(response):
        return
    schema = response.content.get("SchemaID")
    if schema not in offered and not (schema is None and len(offered) == 1):
        text = f"the station chooses schema id {schema}, the car offers {', '.join(map(str, offered))}"
        yield Problem("handshake", None, text)


def _after_refusal(session: Session, request: Record) -> Iterator[Problem]:
    refusal, session.refusal = session.refusal, None
    if refusal is not None and request.message != "supportedAppProtocolReq":
        code = refusal.content.get("ResponseCode")
        text = f"the car sends {request.message} although the station has answered its offer with {code}"
        yield Problem("after refusal", None, f"{text} in packet {refusal.packet}; the car should close the connection")


def _car_error(session: Session, request: Record) -> Iterator[Problem]:
    error = _status(request.content, "DC_EVStatus", "DC_EVChargeParameter").get("EVErrorCode")
    if error is not None and _is_new(session, "EVErrorCode", error) and error != "NO_ERROR":
        text = f"the car reports {error} in {request.message}"
        yield Problem("car error", None, f"{text}; look at what it has asked for and what it was given just before")


def _station_status(session: Session, response: Record) -> Iterator[Problem]:
    content = response.content
    status = _status(content, "DC_EVSEStatus", "DC_EVSEChargeParameter").get("EVSEStatusCode")
    tripped = _status(content, "AC_EVSEStatus", "AC_EVSEChargeParameter").get("RCD")
    if tripped is not None and _is_new(session, "RCD", tripped) and tripped:
        text = f"the station reports a tripped residual current device in {response.message}"
        yield Problem("station status", None, f"{text}; look at the insulation of cable and car")
    if status is None or not _is_new(session, "EVSEStatusCode", status) or has_failed(response):
        return
    request = request_of(response)
    is_ending = session.energy_ends or request in ("WeldingDetectionReq", "SessionStopReq")
    is_ending |= request == "PowerDeliveryReq" and session.request is None  # nobody knows what it asked for
    if status in _STATUS_HINTS and not (status == "EVSE_Shutdown" and is_ending):
        text = f"the station reports {status} in {response.message} with {content.get('ResponseCode')}"
        yield Problem("station status", None, f"{text}; {_STATUS_HINTS[status]}")


_STATUS_HINTS = {
    "EVSE_Shutdown": "it ends the charging: look whether somebody has stopped it there, or at its log",
    "EVSE_EmergencyShutdown": "look at its emergency stop, door and insulation, and at the voltages just before",
    "EVSE_Malfunction": "look at its log for the part that has failed",
    "EVSE_UtilityInterruptEvent": "the grid or its operator has interrupted it",
}
"""What to look at, by station status that ends the charging."""


def _status(content: dict[str, Any], name: str, within: str) -> dict[str, Any]:
    """One side's status; some messages carry it within their charge parameters."""
    found = content.get(name) or (content.get(within) or {}).get(name)
    return found if isinstance(found, dict) else {}


def _is_new(session: Session, element: str, value: Any) -> bool:
    before = session.trouble.get(element)
    session.trouble[element] = value
    return bool(before != value)


REQUEST_RULES: tuple[Rule, ...] = (
    _unanswered,
    _sequence,
    _session_id,
    _sequence_timeout,
    _after_refusal,
    _car_error,
)
RESPONSE_RULES: tuple[Rule, ...] = (
    _no_request,
    _pairing,
    _response_time,
    _repeat_time,
    _response_code,
    _response_id,
    _schema_id,
    _station_status,
)


@cache
def _admitting_of(name: str) -> Mapping[str, frozenset[Any]]:
    table = FAMILIES[name].table
    requests = {request for row in table.values() for request in row}
    found = {request: frozenset(phase for phase, row in table.items() if request in row) for request in requests}
    return found | {"": frozenset(phase for phase, row in table.items() if not row)}


def admitting(family: Family, name: str) -> frozenset[Any]:
    """The phases that admit a request: none for messages that no phase knows (certificates, metering, other energy
    services), which leave the sequence as it is."""
    return _admitting_of(family.name).get(name, frozenset())


def ended(family: Family) -> frozenset[Any]:
    """The phases that admit nothing."""
    return _admitting_of(family.name)[""]


def response_s(session: Session, request: str) -> float:
    """How long the car waits for the response."""
    family = session.family
    return HANDSHAKE_S if family is None else family.message_s.get(request, family.default_message_s)


def request_of(response: Record) -> str:
    """The name of the request to which a response belongs."""
    return str(response.message).removesuffix("Res") + "Req"


def has_failed(response: Record) -> bool:
    """Whether the station refuses the request."""
    return str(response.content.get("ResponseCode")).upper().startswith("FAILED")
