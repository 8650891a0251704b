"""Says what is wrong in a capture.

A session is followed through the phase table of its protocol family. As a capture does not show everything, the judge
keeps the set of phases in which the session may be; a request is out of sequence if none of them admits it. A session
that begins before the capture starts with every phase, and so does one after a loss.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from v2g.capture.family import Family, family_of
from v2g.capture.judge_slac import SlacJudge
from v2g.capture.record import Record
from v2g.capture.rules import (
    REQUEST_RULES,
    RESPONSE_RULES,
    Rule,
    Session,
    admitting,
    ended,
    has_failed,
    request_of,
    response_s,
)
from v2g.iso15118.edition import Choice
from v2g.v2gtp import sdp

MOST_SESSIONS = 4096
"""Sessions that are judged at a time; the oldest is dropped for a new one."""


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
            self._slac.link()
            self._judge_discovery(record)
        elif record.protocol not in ("tcp", "link"):
            self._slac.link()
            self._discovery = None
            if record.protocol != "tls" and not record.is_late:
                _judge_session(self._session(record), record)

    def flush(self, end: float | None = None) -> Iterator[Record]:
        """The findings that only the end of the capture gives. `end`: the time of its last packet. A message that could
        still come then is not missed."""
        yield from self._slac.flush(end)
        if self._discovery is not None and _is_over(self._discovery, sdp.INTERVAL_S, end):
            yield self._discovery.remark("unanswered", "no station answers the car's SECC discovery in this capture")
        for session in self._sessions.values():
            yield from _end(session, end)

    def _session(self, record: Record) -> Session:
        session = self._sessions.get(record.connection)
        begins_again = session is not None and session.family and record.message == "supportedAppProtocolReq"
        if session is None or begins_again:
            if len(self._sessions) >= MOST_SESSIONS:
                del self._sessions[next(iter(self._sessions))]
            session = self._sessions[record.connection] = Session()
        return session

    def _judge_discovery(self, record: Record) -> None:
        if record.message == "SECCDiscoveryReq":
            self._discovery = record
        elif record.message == "SECCDiscoveryRes" and self._discovery is not None:
            asked, offered = self._discovery.content["Security"], record.content["Security"]
            self._discovery = None
            if asked != offered:
                text = f"the car asks for security {asked}, the station offers {offered}"
                record.find("security", f"{text}; look at the station's TLS configuration")


def _judge_session(session: Session, record: Record) -> None:
    if record.gap or (record.message is None and record.payload_type is not None):
        _lose_track(session)
    session.is_one_side_known |= any(finding.rule == "one side" for finding in record.findings)
    if record.message is not None:
        session.first = session.first or record
        _enter_family(session, record)
        (_judge_request if record.is_request else _judge_response)(session, record)


def _lose_track(session: Session) -> None:
    """A message could not be read, or bytes are missing: the session may be in any phase now."""
    session.gap, session.request, session.run, session.answer = True, None, None, None
    session.powered = True
    if session.family is not None and session.end is None:
        session.phases = frozenset(session.family.table)


def _is_over(record: Record, limit_s: float, end: float | None) -> bool:
    """Whether the capture goes on for longer than this after a record, or nobody knows."""
    return end is None or record.time is None or end - record.time > limit_s


def _end(session: Session, end: float | None) -> Iterator[Record]:
    """The findings that only the end of the capture gives for a session."""
    if session.first is None or session.is_one_side_known:
        return
    if session.is_one_sided:
        side = "the car" if session.requests else "the station"
        text = f"the capture has only what {side} sent in this session"
        yield session.first.remark("one side", f"{text}; responses are not judged, nor their times")
    elif session.is_apart and session.requests and session.responses > 1:
        text = "the input has the messages of one side after those of the other"
        yield session.first.remark("one side", f"{text}; it is not judged which belong together")
    elif (request := session.request) is not None and _is_over(request, response_s(session, str(request.message)), end):
        yield request.remark("unanswered", f"{request.message} has no response in this capture")


def _judge_request(session: Session, request: Record) -> None:
    session.in_question = set()
    if session.request is not None and session.family is not None:  # its response may only be missing in the capture
        session.phases |= _possible(session, session.family, str(session.request.message))
    _apply(REQUEST_RULES, session, request)
    session.request, session.gap = request, False
    session.requests += 1
    name = str(request.message)
    if request.time is not None and (session.run is None or session.run[0] != name):
        session.run = (name, request.time)
    if name == "supportedAppProtocolReq":
        session.offered = request.content["AppProtocol"]
    session.energy = _energy(request) or session.energy
    session.powered |= session.family is not None and name in session.family.loops
    if name == "PowerDeliveryReq":
        content = request.content
        session.energy_ends = content.get("ChargeProgress") == "Stop" or content.get("ReadyToChargeState") is False


def _judge_response(session: Session, response: Record) -> None:
    _apply(RESPONSE_RULES, session, response)
    request, family = session.request, session.family
    session.answer, session.request, session.gap = response, None, False
    session.responses += 1
    session.pairs += request is not None and request.message == request_of(response)
    if response.message == "supportedAppProtocolRes" and has_failed(response):
        session.refusal = response
    if family is None:
        return
    if response.message == "SessionSetupRes" and not has_failed(response):
        session.id = response.header.get("SessionID")
    if request is not None:
        session.phases = _following(session, family, request, response)
        if session.phases == ended(family):
            session.end = session.end or response


def _apply(rules: Iterable[Rule], session: Session, record: Record) -> None:
    for rule in rules:
        for problem in rule(session, record):
            session.in_question.add(problem.rule)
            record.find(problem.rule, problem.text, problem.requirement)


def _enter_family(session: Session, record: Record) -> None:
    """The first message after the handshake decides the family; without a handshake any phase is possible."""
    family = family_of(record.protocol)
    if session.family is None and family is not None:
        session.family = family
        first = next(iter(family.table))
        begins = session.answer is not None or record.message == "SessionSetupReq"
        session.phases = frozenset({first}) if begins else frozenset(family.table)
        session.powered = not begins


def _following(session: Session, family: Family, request: Record, response: Record) -> frozenset[Any]:
    """The phases in which the session may be after this exchange."""
    name = str(request.message)
    if has_failed(response):
        return ended(family) if family.failed_ends else session.phases
    if not admitting(family, name):
        return session.phases
    following = _possible(session, family, name)
    excluded = family.excluded.get(session.energy, frozenset())
    if not session.powered:
        excluded |= family.excluded.get(f"{session.energy} before power", frozenset())
    for narrower in (
        *(_chosen(choice, request, response) for choice in family.choices.get(name, ())),
        _by_processing(response, admitting(family, name), following),
        following - excluded,
    ):
        following = following & narrower if narrower and following & narrower else following
    return following


def _possible(session: Session, family: Family, name: str) -> frozenset[Any]:
    """The phases that the table has after a request, wherever it may have come."""
    now = session.phases & admitting(family, name) or admitting(family, name)
    return frozenset(after for phase in now for after in family.table[phase][name])


def _chosen(choice: Choice, request: Record, response: Record) -> frozenset[Any] | None:
    content = (request if choice.side == "request" else response).content
    return choice.phases.get(content.get(choice.element))


def _by_processing(response: Record, admitting: frozenset[Any], following: frozenset[Any]) -> frozenset[Any] | None:
    """The request is repeated while the response says Ongoing; after Finished it is not, except after a warning."""
    processing = response.content.get("EVSEProcessing")
    if processing is None or str(response.content.get("ResponseCode")).startswith("WARNING"):
        return None
    return following - admitting if processing == "Finished" else following & admitting


def _energy(request: Record) -> str:
    """AC or DC, if the request shows it."""
    content = request.content
    named = content.get("RequestedEnergyTransferMode") or content.get("EVRequestedEnergyTransferType")
    prefix = str(named or request.message).partition("_")[0]
    return prefix if prefix in ("AC", "DC") else ""
