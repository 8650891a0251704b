"""Figures of a capture: how often each message came, how fast it was answered, and a summary of each session."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from v2g.capture.family import family_of
from v2g.capture.record import Record
from v2g.capture.table import clock
from v2g.kernel.printable import escaped

_FACTS = {
    "EVCCID": "car",
    "EVSEID": "station",
    "SessionID": "session",
    "ProtocolNamespace": "offered",
    "EVRequestedEnergyTransferType": "energy",
    "RequestedEnergyTransferMode": "energy",
    "SelectedPaymentOption": "payment",
    "SelectedAuthorizationService": "payment",
    "EVRESSSOC": "charge",
    "PresentSOC": "charge",
    "ChargingSession": "end",
}
"""The facts in a session's summary, by element: its first value and, if it changes, its last."""


@dataclass
class _Exchange:
    """One kind of request on all connections."""

    protocol: str
    count: int = 0
    times_s: list[float] = field(default_factory=list)


@dataclass
class _Session:
    """What is known of one connection."""

    first: Record
    last: Record
    messages: int = 0
    findings: int = 0
    facts: dict[str, list[str]] = field(default_factory=dict)


class Statistics:
    """Counts records."""

    def __init__(self) -> None:
        self._exchanges: dict[str, _Exchange] = {}
        self._sessions: dict[int, _Session] = {}
        self._requests: dict[int, Record] = {}
        self._findings: dict[str, int] = {}

    def add(self, record: Record) -> None:
        """Count a record, after it has been judged."""
        for finding in record.findings:
            self._findings[finding.rule] = self._findings.get(finding.rule, 0) + 1
        connection = record.connection
        if record.gap:
            self._requests.pop(connection, None)
        if record.message is None or record.protocol == "slac" or record.is_late:
            return
        if record.is_request:
            exchange = self._exchanges.setdefault(record.message, _Exchange(record.protocol))
            exchange.count += 1
            self._requests[connection] = record
        else:
            request = self._requests.pop(connection, None)
            if request is not None and None not in (request.time, record.time):
                taken_s = (record.time or 0.0) - (request.time or 0.0)
                self._exchanges[str(request.message)].times_s.append(taken_s)
        if connection:
            session = self._sessions.setdefault(connection, _Session(record, record))
            session.last = record
            session.messages += 1
            session.findings += len(record.findings)
            _gather(session, record)

    def document(self) -> dict[str, Any]:
        """The figures, times in milliseconds, for programs."""
        return {
            "messages": [
                {
                    "request": name,
                    "protocol": exchange.protocol,
                    "count": exchange.count,
                    "answered": len(exchange.times_s),
                    **_spread_ms(exchange.times_s),
                    "limit_ms": _limit_ms(name, exchange.protocol),
                }
                for name, exchange in self._exchanges.items()
            ],
            "sessions": [
                {
                    "connection": number,
                    "protocol": session.last.protocol,
                    "source": session.first.source,
                    "destination": session.first.destination,
                    "begin": session.first.time,
                    "duration_s": round((session.last.time or 0.0) - (session.first.time or 0.0), 6),
                    "messages": session.messages,
                    "findings": session.findings,
                    "last_message": session.last.message,
                    **{fact: " -> ".join(values) for fact, values in session.facts.items()},
                }
                for number, session in self._sessions.items()
            ],
            "findings": self._findings,
        }

    def text(self) -> Iterator[str]:
        """The figures as lines for people."""
        document = self.document()
        yield f"{'request':32}{'count':>7}{'answered':>10}{'min ms':>10}{'median':>10}{'max':>10}{'limit':>8}"
        for row in document["messages"]:
            figures = "".join(f"{_number(row[key]):>10}" for key in ("min_ms", "median_ms", "max_ms"))
            yield f"{row['request']:32}{row['count']:>7}{row['answered']:>10}{figures}{_number(row['limit_ms']):>8}"
        for session in document["sessions"]:
            yield ""
            yield f"connection {session['connection']}: {session['source']} -> {session['destination']}"
            yield f"  begins     {clock(session['begin'])}, lasts {session['duration_s']:.3f} s"
            yield f"  messages   {session['messages']}, the last is {session['last_message']}"
            for fact in dict.fromkeys(_FACTS.values()):
                if fact in session:
                    yield f"  {fact:9}  {escaped(session[fact])}"
        if document["findings"]:
            yield ""
            yield "findings: " + ", ".join(f"{rule} {count}" for rule, count in document["findings"].items())


def _gather(session: _Session, record: Record) -> None:
    for name, value in [*record.header.items(), *record.content.items(), *_inner(record.content)]:
        fact = _FACTS.get(name)
        if fact is None or isinstance(value, dict | list) or (name == "SessionID" and not str(value).strip("0")):
            continue
        values = session.facts.setdefault(fact, [])
        if str(value) not in values[-1:]:
            values[1:] = [str(value)] if values else []
            if not values:
                values.append(str(value))


def _inner(content: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """The elements one level below those of a message."""
    for value in content.values():
        for part in value if isinstance(value, list) else [value]:
            if isinstance(part, dict):
                yield from part.items()


def _spread_ms(times_s: list[float]) -> dict[str, float | None]:
    if not times_s:
        return {"min_ms": None, "median_ms": None, "max_ms": None}
    spread = {"min_ms": min(times_s), "median_ms": median(times_s), "max_ms": max(times_s)}
    return {name: round(1000 * value, 3) for name, value in spread.items()}


def _limit_ms(request: str, protocol: str) -> float | None:
    family = family_of(protocol)
    return 1000 * family.message_s.get(request, family.default_message_s) if family else None


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}".removesuffix(".0")
