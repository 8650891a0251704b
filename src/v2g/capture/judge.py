"""Says what is wrong in a conversation: each rule is one function, and its finding one sentence with what to look at.

A session is followed through the phase table of its protocol family. As a capture does not tell everything, the judge
keeps the set of phases in which the session may be; a request is out of sequence if none of them admits it. A capture
that begins within a session starts with every phase.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from v2g.capture.family import Family, family_of
from v2g.capture.judge_slac import SlacJudge
from v2g.capture.record import Record

HANDSHAKE_S = 2.0
"""How long a car waits for the response of the handshake, in every family."""

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
        self.powered = True
        """Whether energy may have been flowing already."""
        self.id: str | None = None
        self.request: Record | None = None
        """The request that waits for its response."""
        self.in_question: set[str] = set()
        """The rules that the request broke."""
        self.answer: Record | None = None
        """The latest response."""
        self.end: Record | None = None
        """The response that ended the session."""
        self.run: tuple[str, float] | None = None
        """The request that is being repeated, and since when."""
        self.offered: list[Any] = []
        self.gap = True
        """Whether messages may be missing before this place."""


Rule = Callable[[Session, Record], Iterator[Problem]]


def _unanswered(session: Session, request: Record) -> Iterator[Problem]:
    before = session.request
    if before is not None:
        text = f"{before.message} of packet {before.packet} has no response before this request"
        yield Problem("unanswered", None, f"{text}; look whether the station is alive and how long the car waited")


def _sequence(session: Session, request: Record) -> Iterator[Problem]:
    family, name = session.family, str(request.message)
    if family is None or not _is_judged(family, name) or any(name in family.table[phase] for phase in session.phases):
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
    yield Problem("session id", family.requirement("session id"), f"{text}; look where the car has it from")


def _sequence_timeout(session: Session, request: Record) -> Iterator[Problem]:
    family, answer = session.family, session.answer
    if family is None or answer is None or answer.time is None or request.time is None or session.end is not None:
        return
    in_loop = family.loop_sequence_s is not None and _request_of(answer) in family.loops
    limit_s = family.loop_sequence_s if in_loop and family.loop_sequence_s is not None else family.sequence_s
    pause_s = request.time - answer.time
    if pause_s > limit_s:
        text = f"the car sent {request.message} {pause_s:.3f} s after {answer.message}"
        requirement = family.requirement("sequence timeout")
        yield Problem("sequence timeout", requirement, f"{text}; the station has to stop after {limit_s:g} s")


def _no_request(session: Session, response: Record) -> Iterator[Problem]:
    if session.request is None and not session.gap:
        yield Problem("no request", None, f"{response.message} without a request; look whether it was sent twice")


def _pairing(session: Session, response: Record) -> Iterator[Problem]:
    request = session.request
    if request is not None and request.message != _request_of(response):
        requirement = session.family.requirement("pairing") if session.family else None
        text = f"the station answers {request.message} of packet {request.packet} with {response.message}"
        yield Problem("pairing", requirement, text)


def _response_time(session: Session, response: Record) -> Iterator[Problem]:
    request = session.request
    if request is None or request.time is None or response.time is None:
        return
    name, family = str(request.message), session.family
    limit_s = family.message_s.get(name, family.default_message_s) if family else HANDSHAKE_S
    taken_s = response.time - request.time
    if taken_s > limit_s:
        text = f"{response.message} came {taken_s:.3f} s after its request; the car waits {limit_s:g} s for it"
        yield Problem("response time", family.requirement("response time", name) if family else None, text)


def _repeat_time(session: Session, response: Record) -> Iterator[Problem]:
    """Once a run is too long it is reported, and measured anew."""
    if session.family is None or session.run is None or response.time is None:
        return
    name, since = session.run
    limit_s = session.family.repeat_s.get(name)
    if limit_s is not None and response.time - since > limit_s:
        session.run = (name, response.time)
        text = f"{name} has been repeated for {response.time - since:.1f} s; the car gives up after {limit_s:g} s"
        yield Problem("repeat time", None, f"{text}; look at what the station waits for")


def _response_code(session: Session, response: Record) -> Iterator[Problem]:
    code = str(response.content.get("ResponseCode", ""))
    known = {"FAILED_SequenceError": {"sequence", "after end"}, "FAILED_UnknownSession": {"session id"}}
    if not code.upper().startswith(("FAILED", "WARNING")) or session.in_question & known.get(code, set()):
        return
    hint = f"; {HINTS[code]}" if code in HINTS else ""
    ends = ", which ends the session" if session.family and session.family.failed_ends and _has_failed(response) else ""
    yield Problem("response code", None, f"the station answers {_request_of(response)} with {code}{ends}{hint}")


def _response_id(session: Session, response: Record) -> Iterator[Problem]:
    family, given = session.family, response.header.get("SessionID")
    if family is None or _has_failed(response):
        return
    if response.message == "SessionSetupRes":
        if not str(given).strip("0"):
            text = "SessionSetupRes gives the session id 0; ids are random"
            yield Problem("zero session id", family.requirement("zero session id"), text)
    elif session.id is not None and given != session.id and "session id" not in session.in_question:
        text = f"{response.message} has the session id {given}, the session's is {session.id}"
        yield Problem("session id changed", family.requirement("session id"), f"{text}; look for a second session")


def _schema_id(session: Session, response: Record) -> Iterator[Problem]:
    schema = response.content.get("SchemaID")
    offered = [entry["SchemaID"] for entry in session.offered]
    if (
        response.message == "supportedAppProtocolRes"
        and offered
        and not _has_failed(response)
        and schema not in offered
    ):
        if schema is None and len(offered) == 1:
            return
        text = f"the station chooses schema id {schema}, the car offers {', '.join(map(str, offered))}"
        yield Problem("handshake", None, text)


REQUEST_RULES: tuple[Rule, ...] = (_unanswered, _sequence, _session_id, _sequence_timeout)
RESPONSE_RULES: tuple[Rule, ...] = (
    _no_request,
    _pairing,
    _response_time,
    _repeat_time,
    _response_code,
    _response_id,
    _schema_id,
)


class Judge:
    """Takes the records of a capture in their order, and adds the findings to them."""

    def __init__(self) -> None:
        self._sessions: dict[int, Session] = {}
        self._slac = SlacJudge()
        self._discovery: Record | None = None

    def judge(self, record: Record) -> None:
        """Add what is wrong with this record."""
        if record.protocol == "slac":
            self._slac.judge(record)
        elif record.protocol == "sdp":
            self._judge_discovery(record)
        elif record.message is None:
            self._lose_track(record)
        else:
            session = self._sessions.setdefault(record.connection, Session())
            _enter_family(session, record)
            (_judge_request if record.is_request else _judge_response)(session, record)

    def flush(self) -> Iterator[Record]:
        """What the end of the capture tells."""
        yield from self._slac.flush()
        if self._discovery is not None:
            yield self._discovery.remark("unanswered", "no station answers the car's SECC discovery in this capture")
        for session in self._sessions.values():
            if session.request is not None:
                yield session.request.remark("unanswered", f"{session.request.message} has no response in this capture")

    def _judge_discovery(self, record: Record) -> None:
        if record.message == "SECCDiscoveryReq":
            self._discovery = record
        elif record.message == "SECCDiscoveryRes" and self._discovery is not None:
            asked, offered = self._discovery.content["Security"], record.content["Security"]
            self._discovery = None
            if asked != offered:
                text = f"the car asks for security {asked}, the station offers {offered}"
                record.find("security", f"{text}; look at the station's TLS configuration")

    def _lose_track(self, record: Record) -> None:
        """A message could not be read, or bytes are missing: the session may be anywhere from here on."""
        session = self._sessions.setdefault(record.connection, Session())
        session.gap, session.request, session.run, session.answer = True, None, None, None
        if session.family is not None and session.end is None:
            session.phases = frozenset(session.family.table)


def _judge_request(session: Session, request: Record) -> None:
    session.in_question = set()
    if session.request is not None and session.family is not None:  # its response may only be missing in the capture
        session.phases |= _possible(session, session.family, str(session.request.message))
    for rule in REQUEST_RULES:
        _report(session, rule, request)
    session.request, session.gap = request, False
    name = str(request.message)
    if request.time is not None and (session.run is None or session.run[0] != name):
        session.run = (name, request.time)
    if name == "supportedAppProtocolReq":
        session.offered = request.content["AppProtocol"]
    session.energy = _energy(request) or session.energy
    session.powered |= session.family is not None and name in session.family.loops


def _judge_response(session: Session, response: Record) -> None:
    for rule in RESPONSE_RULES:
        _report(session, rule, response)
    request, family = session.request, session.family
    session.answer, session.request, session.gap = response, None, False
    if family is None:
        return
    if response.message == "SessionSetupRes" and not _has_failed(response):
        session.id = response.header.get("SessionID")
    if request is not None:
        session.phases = _following(session, family, request, response)
        if session.phases == frozenset(phase for phase in family.table if not family.table[phase]):
            session.end = session.end or response


def _report(session: Session, rule: Rule, record: Record) -> None:
    for problem in rule(session, record):
        session.in_question.add(problem.rule)
        record.find(problem.rule, problem.text, problem.requirement)


def _enter_family(session: Session, record: Record) -> None:
    """The first message after the handshake tells the family; without a handshake the capture may begin anywhere."""
    family = family_of(record.protocol)
    if session.family is None and family is not None:
        session.family = family
        first = next(iter(family.table))
        begins = session.answer is not None or record.message == "SessionSetupReq"
        session.phases = frozenset({first}) if begins else frozenset(family.table)
        session.powered = not begins


def _following(session: Session, family: Family, request: Record, response: Record) -> frozenset[Any]:
    """The phases in which the session may be after this exchange."""
    name, table = str(request.message), family.table
    ended = frozenset(phase for phase in table if not table[phase])
    if _has_failed(response):
        return ended if family.failed_ends else session.phases
    if not _is_judged(family, name):
        return session.phases
    following = _possible(session, family, name)
    excluded = family.excluded.get(session.energy, frozenset())
    if not session.powered:
        excluded |= family.excluded.get(f"{session.energy} before power", frozenset())
    for narrower in (
        _chosen(family, name, request, response),
        _by_processing(response, _admitting(family, name), following),
        following - excluded,
    ):
        following = following & narrower if narrower and following & narrower else following
    return following


def _admitting(family: Family, name: str) -> frozenset[Any]:
    return frozenset(phase for phase, row in family.table.items() if name in row)


def _possible(session: Session, family: Family, name: str) -> frozenset[Any]:
    """The phases that the table has after a request, wherever it may have come."""
    now = session.phases & _admitting(family, name) or _admitting(family, name)
    return frozenset(after for phase in now for after in family.table[phase][name])


def _chosen(family: Family, name: str, request: Record, response: Record) -> frozenset[Any] | None:
    choice = family.choices.get(name)
    if choice is None:
        return None
    content = (request if choice.side == "request" else response).content
    return choice.phases.get(content.get(choice.element))


def _by_processing(response: Record, admitting: frozenset[Any], following: frozenset[Any]) -> frozenset[Any] | None:
    """While the station is at it the request is repeated; when it has finished it is not, unless with a warning."""
    processing = response.content.get("EVSEProcessing")
    if processing is None or str(response.content.get("ResponseCode")).startswith("WARNING"):
        return None
    return following - admitting if processing == "Finished" else following & admitting


def _is_judged(family: Family, name: str) -> bool:
    """Messages that no phase knows (certificates, metering, other energy services) leave the sequence as it is."""
    return any(name in row for row in family.table.values())


def _request_of(response: Record) -> str:
    return str(response.message).removesuffix("Res") + "Req"


def _has_failed(response: Record) -> bool:
    return str(response.content.get("ResponseCode")).upper().startswith("FAILED")


def _energy(request: Record) -> str:
    """AC or DC, where the request tells."""
    content = request.content
    named = content.get("RequestedEnergyTransferMode") or content.get("EVRequestedEnergyTransferType")
    prefix = str(named or request.message).partition("_")[0]
    return prefix if prefix in ("AC", "DC") else ""
